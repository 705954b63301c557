//! The channel's configuration, read once an instance.

use greentic_sdk::config;

/// Slack's Web API.
const API_URL: &str = "https://slack.com/api";

/// The JSON Schema of the configuration.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "signing-secret": { "type": "string", "minLength": 1, "default": "slack/signing-secret", "description": "Name of the secret that holds the app's signing secret." },
    "bot-token": { "type": "string", "minLength": 1, "default": "slack/bot-token", "description": "Name of the secret that holds the bot token (xoxb-...)." },
    "api-url": { "type": "string", "pattern": "^https?://[^/\\s]+(/[^\\s]*)?$", "default": "https://slack.com/api", "description": "Base address of the Web API." },
    "reply-in-thread": { "type": "boolean", "default": false, "description": "Whether each message in a channel opens a thread of its own in which the bot answers. Direct messages are answered where they stand." },
    "ignore-bots": { "type": "boolean", "default": false, "description": "Whether messages of other bots are ignored. The bot's own always are." },
    "look-up-users": { "type": "boolean", "default": true, "description": "Whether the name and language of who writes are looked up (scope users:read); kept for a day." }
  }
}"#;

/// The configuration with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of the secret that signs Slack's requests.
    pub signing_secret: String,
    /// Name of the secret that is the bot's token.
    pub bot_token: String,
    /// Base address of the Web API, without a trailing slash.
    pub api_url: String,
    /// A message in a channel is answered in its own thread.
    pub reply_in_thread: bool,
    /// Messages of other bots are ignored.
    pub ignore_bots: bool,
    /// Names and languages are looked up.
    pub look_up_users: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signing_secret: "slack/signing-secret".to_owned(),
            bot_token: "slack/bot-token".to_owned(),
            api_url: API_URL.to_owned(),
            reply_in_thread: false,
            ignore_bots: false,
            look_up_users: true,
        }
    }
}

impl Settings {
    /// Reads the keys. The host has checked the schema; this is the second line.
    ///
    /// # Errors
    /// What is wrong with which key.
    pub fn read() -> Result<Self, String> {
        let failed = |error: greentic_sdk::model::Error| format!("{error:?}");
        let text = |key: &str, default: String| -> Result<String, String> {
            Ok(config::get(key).map_err(failed)?.unwrap_or(default))
        };
        let flag = |key: &str, default: bool| config::get_or(key, default).map_err(failed);
        let default = Self::default();
        let api_url: String = text("api-url", default.api_url)?;
        if !api_url.starts_with("https://") && !api_url.starts_with("http://") {
            return Err(format!(
                "configuration key `api-url`: `{api_url}` is no http or https address"
            ));
        }
        Ok(Self {
            signing_secret: text("signing-secret", default.signing_secret)?,
            bot_token: text("bot-token", default.bot_token)?,
            api_url: api_url.trim_end_matches('/').to_owned(),
            reply_in_thread: flag("reply-in-thread", default.reply_in_thread)?,
            ignore_bots: flag("ignore-bots", default.ignore_bots)?,
            look_up_users: flag("look-up-users", default.look_up_users)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install};

    use super::{SCHEMA, Settings};

    #[test]
    fn without_configuration_the_defaults_hold_and_the_schema_states_them() {
        install(Table::new());
        let settings = Settings::read().unwrap();
        assert_eq!(settings, Settings::default());
        let schema: serde_json::Value = serde_json::from_str(SCHEMA).unwrap();
        let stated = |key: &str| schema["properties"][key]["default"].clone();
        assert_eq!(stated("api-url"), settings.api_url);
        assert_eq!(stated("signing-secret"), settings.signing_secret);
        assert_eq!(stated("bot-token"), settings.bot_token);
        assert_eq!(stated("reply-in-thread"), settings.reply_in_thread);
        assert_eq!(stated("ignore-bots"), settings.ignore_bots);
        assert_eq!(stated("look-up-users"), settings.look_up_users);
    }

    #[test]
    fn a_value_is_taken_and_a_wrong_one_names_its_key() {
        install(
            Table::new()
                .config("api-url", "http://127.0.0.1:9/api/")
                .config("reply-in-thread", "true")
                .config("bot-token", "second/token"),
        );
        let settings = Settings::read().unwrap();
        assert_eq!(settings.api_url, "http://127.0.0.1:9/api");
        assert!(settings.reply_in_thread);
        assert_eq!(settings.bot_token, "second/token");
        for (key, value) in [("api-url", "ftp://x"), ("ignore-bots", "perhaps")] {
            install(Table::new().config(key, value));
            let fault = Settings::read().unwrap_err();
            assert!(fault.contains(key), "{fault}");
        }
    }
}
