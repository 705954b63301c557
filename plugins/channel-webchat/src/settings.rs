//! The channel's configuration, read once an instance. What is wrong with it is said before anyone is let in.

use crate::limits::UPLOAD_BYTES;

/// The JSON Schema of the configuration. A channel that lets nobody in is refused: either anonymous chat is allowed or a secret is named.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "anonymous": { "type": "boolean", "default": false, "description": "Whether anybody who can reach the channel gets a token, as the chat page needs it when nothing else hands out tokens." },
    "secret": { "type": "string", "minLength": 1, "description": "Name of the secret that other servers present to get tokens for their users." },
    "signing-key": { "type": "string", "minLength": 1, "default": "webchat/signing-key", "description": "Name of the secret that signs tokens." },
    "trusted-origins": { "type": "array", "maxItems": 64, "items": { "type": "string", "pattern": "^(\\*|https?://[^/\\s]+)$" }, "default": [], "description": "Origins of other sites whose pages may use the API and embed the chat page; \"*\" for all." },
    "title": { "type": "string", "minLength": 1, "maxLength": 80, "default": "Chat", "description": "The name at the top of the chat page and of the bot's messages." },
    "locale": { "type": "string", "pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", "description": "The conversation's language; without it the browser's is used." },
    "upload-limit": { "type": "integer", "minimum": 0, "maximum": 4194304, "default": 4194304, "description": "Largest upload in bytes; 0 for none." }
  },
  "anyOf": [
    { "required": ["secret"] },
    { "required": ["anonymous"], "properties": { "anonymous": { "const": true } } }
  ]
}"#;

/// The configuration with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Anybody gets a token.
    pub anonymous: bool,
    /// Name of the secret with which servers get tokens.
    pub secret: Option<String>,
    /// Name of the secret that signs tokens.
    pub signing_key: String,
    /// Origins beside the channel's own; `*` stands for all.
    pub trusted_origins: Vec<String>,
    /// The bot's name.
    pub title: String,
    /// The conversation's language where it is fixed.
    pub locale: Option<String>,
    /// Largest upload in bytes.
    pub upload_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            anonymous: false,
            secret: None,
            signing_key: "webchat/signing-key".to_owned(),
            trusted_origins: Vec::new(),
            title: "Chat".to_owned(),
            locale: None,
            upload_limit: UPLOAD_BYTES,
        }
    }
}

/// A value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("configuration key `{key}`: {fault}")]
pub struct SettingsError {
    key: &'static str,
    fault: String,
}

impl Settings {
    /// Reads the keys through `get`, which gives texts as they stand and everything else as JSON.
    ///
    /// # Errors
    /// When a value has the wrong form. The host checks the schema first, so this is the second line.
    pub fn read(
        mut get: impl FnMut(&'static str) -> Result<Option<String>, String>,
    ) -> Result<Self, SettingsError> {
        let mut value = |key: &'static str| get(key).map_err(|fault| SettingsError { key, fault });
        let wrong = |key, fault: &str| SettingsError {
            key,
            fault: fault.to_owned(),
        };
        let mut settings = Self::default();
        if let Some(text) = value("anonymous")? {
            settings.anonymous = text
                .parse()
                .map_err(|_| wrong("anonymous", "write true or false"))?;
        }
        settings.secret = value("secret")?;
        if let Some(name) = value("signing-key")? {
            settings.signing_key = name;
        }
        if let Some(list) = value("trusted-origins")? {
            settings.trusted_origins = serde_json::from_str(&list).map_err(|_| {
                wrong(
                    "trusted-origins",
                    "write a list of origins such as https://www.example.com",
                )
            })?;
        }
        if let Some(title) = value("title")? {
            settings.title = title;
        }
        settings.locale = value("locale")?;
        if let Some(bytes) = value("upload-limit")? {
            settings.upload_limit = bytes
                .parse::<usize>()
                .map_err(|_| wrong("upload-limit", "write a number of bytes"))?
                .min(UPLOAD_BYTES);
        }
        Ok(settings)
    }

    /// Whether a page of `origin` may talk to the channel that is reached as `own`.
    #[must_use]
    pub fn trusts(&self, origin: &str, own: &str) -> bool {
        origin.eq_ignore_ascii_case(own)
            || self.trusted_origins.iter().any(|trusted| {
                trusted == "*" || trusted.trim_end_matches('/').eq_ignore_ascii_case(origin)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|key| {
            Ok(pairs
                .iter()
                .find(|(name, _)| *name == key)
                .map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn what_is_not_configured_has_the_documented_default() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings, Settings::default());
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let default = |key: &str| schema["properties"][key]["default"].clone();
        assert_eq!(default("anonymous"), settings.anonymous);
        assert_eq!(default("signing-key"), settings.signing_key);
        assert_eq!(default("title"), settings.title);
        assert_eq!(default("upload-limit"), settings.upload_limit);
    }

    #[test]
    fn every_key_is_read_and_a_wrong_value_names_its_key() {
        let settings = read(&[
            ("anonymous", "true"),
            ("secret", "webchat/secret"),
            ("signing-key", "k"),
            ("trusted-origins", r#"["https://a.example"]"#),
            ("title", "Help desk"),
            ("locale", "de-CH"),
            ("upload-limit", "1000"),
        ])
        .unwrap();
        assert!(settings.anonymous);
        assert_eq!(settings.secret.as_deref(), Some("webchat/secret"));
        assert_eq!(
            (
                settings.signing_key.as_str(),
                settings.title.as_str(),
                settings.locale.as_deref(),
                settings.upload_limit
            ),
            ("k", "Help desk", Some("de-CH"), 1000)
        );
        assert_eq!(settings.trusted_origins, ["https://a.example"]);
        for (key, value) in [
            ("anonymous", "yes"),
            ("trusted-origins", "https://a.example"),
            ("upload-limit", "-1"),
        ] {
            assert!(
                read(&[(key, value)]).unwrap_err().to_string().contains(key),
                "{key}"
            );
        }
    }

    #[test]
    fn the_channels_own_origin_and_the_named_ones_are_trusted_and_no_other() {
        let own = "https://chat.example.com";
        let settings = Settings {
            trusted_origins: vec!["https://shop.example.com".into()],
            ..Settings::default()
        };
        for (origin, trusted) in [
            (own, true),
            ("https://shop.example.com", true),
            ("https://shop.example.com.evil.example", false),
            ("http://shop.example.com", false),
            ("null", false),
            ("", false),
        ] {
            assert_eq!(settings.trusts(origin, own), trusted, "{origin}");
        }
        assert!(
            Settings {
                trusted_origins: vec!["*".into()],
                ..Settings::default()
            }
            .trusts("null", own)
        );
    }
}
