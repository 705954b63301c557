//! The channel's configuration, read once an instance. What is wrong with it is said before anyone is let in.

use crate::trust::Hosts;

/// The JSON Schema of the configuration.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["app-id"],
  "properties": {
    "app-id": { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$", "description": "The bot's Microsoft app id: for whom incoming tokens must be, and as whom the channel sends." },
    "tenant-id": { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$", "default": "botframework.com", "description": "The Entra tenant of a single-tenant app: where access tokens come from. The default is for older multi-tenant apps." },
    "client-secret": { "type": "string", "minLength": 1, "default": "teams/client-secret", "description": "Name of the secret that holds the app's client secret." },
    "api-url": { "type": "string", "pattern": "^https?://[^\\s?#]+$", "default": "https://smba.trafficmanager.net/teams", "description": "Address of the Bot Connector for conversations the bot has not heard from in the last 30 days; its host is trusted." },
    "service-hosts": { "type": "array", "maxItems": 32, "items": { "type": "string", "pattern": "^(https?://)?(\\*\\.)?[A-Za-z0-9.:\\[\\]-]+$" }, "default": ["smba.trafficmanager.net", "*.botframework.com"], "description": "Hosts that may be an activity's service URL, which is where the access token is sent. HTTPS unless written with http://." },
    "file-hosts": { "type": "array", "maxItems": 32, "items": { "type": "string", "pattern": "^(https?://)?(\\*\\.)?[A-Za-z0-9.:\\[\\]-]+$" }, "default": ["*.sharepoint.com"], "description": "Hosts from which files of people are fetched and to which files of the bot are uploaded." },
    "openid-metadata-url": { "type": "string", "pattern": "^https?://\\S+$", "default": "https://login.botframework.com/v1/.well-known/openidconfiguration", "description": "Where the address of the keys stands that incoming tokens are signed with." },
    "issuer": { "type": "string", "minLength": 1, "default": "https://api.botframework.com", "description": "Who must have issued incoming tokens." },
    "login-url": { "type": "string", "pattern": "^https?://[^\\s?#]+$", "default": "https://login.microsoftonline.com", "description": "Where access tokens come from." },
    "scope": { "type": "string", "minLength": 1, "default": "https://api.botframework.com/.default", "description": "What access tokens are asked for." },
    "action-reply": { "type": "string", "maxLength": 200, "default": "", "description": "What the client shows at once when a universal action of a card (Action.Execute) was sent; the flow's answer comes as a message." }
  }
}"#;

/// The configuration with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The bot's app id.
    pub app_id: String,
    /// The tenant that issues access tokens.
    pub tenant_id: String,
    /// Name of the secret that holds the client secret.
    pub client_secret: String,
    /// The Connector for conversations without a reference; without a trailing slash.
    pub api_url: String,
    /// Hosts that may be a service URL.
    pub service_hosts: Hosts,
    /// Hosts of files.
    pub file_hosts: Hosts,
    /// The OpenID metadata of incoming tokens.
    pub metadata_url: String,
    /// The issuer of incoming tokens.
    pub issuer: String,
    /// Where access tokens come from; without a trailing slash.
    pub login_url: String,
    /// What they are asked for.
    pub scope: String,
    /// What the client shows after a universal action.
    pub action_reply: String,
}

impl Default for Settings {
    fn default() -> Self {
        let text = |text: &str| text.to_owned();
        Self {
            app_id: String::new(),
            tenant_id: text("botframework.com"),
            client_secret: text("teams/client-secret"),
            api_url: text("https://smba.trafficmanager.net/teams"),
            service_hosts: Hosts::of(&["smba.trafficmanager.net", "*.botframework.com"]),
            file_hosts: Hosts::of(&["*.sharepoint.com"]),
            metadata_url: text("https://login.botframework.com/v1/.well-known/openidconfiguration"),
            issuer: text("https://api.botframework.com"),
            login_url: text("https://login.microsoftonline.com"),
            scope: text("https://api.botframework.com/.default"),
            action_reply: String::new(),
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
    /// When a value has the wrong form or the app id is missing: without it no token can be for this bot.
    pub fn read(
        mut get: impl FnMut(&'static str) -> Result<Option<String>, String>,
    ) -> Result<Self, SettingsError> {
        let wrong = |key, fault: &str| SettingsError {
            key,
            fault: fault.to_owned(),
        };
        let mut value = |key: &'static str| {
            get(key)
                .map(|text| text.filter(|text| !text.trim().is_empty()))
                .map_err(|fault| SettingsError { key, fault })
        };
        let mut settings = Self {
            app_id: value("app-id")?
                .ok_or_else(|| wrong("app-id", "write the app id of the bot's registration"))?,
            ..Self::default()
        };
        for (key, field) in [
            ("tenant-id", &mut settings.tenant_id),
            ("client-secret", &mut settings.client_secret),
            ("api-url", &mut settings.api_url),
            ("openid-metadata-url", &mut settings.metadata_url),
            ("issuer", &mut settings.issuer),
            ("login-url", &mut settings.login_url),
            ("scope", &mut settings.scope),
            ("action-reply", &mut settings.action_reply),
        ] {
            if let Some(text) = value(key)? {
                *field = text;
            }
        }
        for (key, field) in [
            ("service-hosts", &mut settings.service_hosts),
            ("file-hosts", &mut settings.file_hosts),
        ] {
            if let Some(list) = value(key)? {
                let hosts: Vec<String> = serde_json::from_str(&list).map_err(|_| {
                    wrong(key, "write a list of hosts such as smba.trafficmanager.net")
                })?;
                *field = Hosts::of(&hosts);
            }
        }
        for (key, url) in [
            ("api-url", &mut settings.api_url),
            ("login-url", &mut settings.login_url),
        ] {
            let trimmed = url.trim_end_matches('/').len();
            url.truncate(trimmed);
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(wrong(key, "write an address such as https://host"));
            }
        }
        settings.service_hosts.trust_origin_of(&settings.api_url);
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::{SCHEMA, Settings, SettingsError};
    use crate::trust::Hosts;

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
        let settings = read(&[("app-id", "a")]).unwrap();
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let default = |key: &str| schema["properties"][key]["default"].clone();
        assert_eq!(default("tenant-id"), settings.tenant_id);
        assert_eq!(default("client-secret"), settings.client_secret);
        assert_eq!(default("api-url"), settings.api_url);
        assert_eq!(default("openid-metadata-url"), settings.metadata_url);
        assert_eq!(default("issuer"), settings.issuer);
        assert_eq!(default("login-url"), settings.login_url);
        assert_eq!(default("scope"), settings.scope);
        assert_eq!(default("action-reply"), settings.action_reply);
        let hosts = |key| serde_json::from_value::<Vec<String>>(default(key)).unwrap();
        assert_eq!(Hosts::of(&hosts("file-hosts")), settings.file_hosts);
        let mut service = Hosts::of(&hosts("service-hosts"));
        service.trust_origin_of("https://smba.trafficmanager.net/teams");
        assert_eq!(service, settings.service_hosts);
    }

    #[test]
    fn without_an_app_id_nothing_is_read() {
        for pairs in [&[][..], &[("app-id", "")], &[("app-id", " ")]] {
            let error = read(pairs).unwrap_err();
            assert!(error.to_string().contains("`app-id`"), "{error}");
        }
    }

    #[test]
    fn every_key_is_read_and_a_wrong_value_names_its_key() {
        let settings = read(&[
            ("app-id", "a"),
            ("tenant-id", "t"),
            ("client-secret", "s"),
            ("api-url", "http://127.0.0.1:9/x/"),
            ("service-hosts", r#"["one.example"]"#),
            ("file-hosts", r#"["two.example"]"#),
            ("openid-metadata-url", "http://127.0.0.1:9/m"),
            ("issuer", "i"),
            ("login-url", "http://127.0.0.1:9/"),
            ("scope", "c"),
            ("action-reply", "Thanks"),
        ])
        .unwrap();
        assert_eq!(settings.api_url, "http://127.0.0.1:9/x");
        assert_eq!(settings.login_url, "http://127.0.0.1:9");
        assert_eq!(
            [
                settings.app_id.as_str(),
                &settings.tenant_id,
                &settings.client_secret,
                &settings.metadata_url,
                &settings.issuer,
                &settings.scope,
                &settings.action_reply
            ],
            ["a", "t", "s", "http://127.0.0.1:9/m", "i", "c", "Thanks"]
        );
        assert!(settings.service_hosts.trusts("https://one.example/"));
        assert!(settings.service_hosts.trusts("http://127.0.0.1:9/x/"));
        assert!(
            !settings
                .service_hosts
                .trusts("https://smba.trafficmanager.net/")
        );
        assert!(settings.file_hosts.trusts("https://two.example/f"));
        for (key, value) in [
            ("service-hosts", "one.example"),
            ("file-hosts", "{}"),
            ("api-url", "smba.trafficmanager.net"),
            ("login-url", "ftp://x"),
        ] {
            let error = read(&[("app-id", "a"), (key, value)]).unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
