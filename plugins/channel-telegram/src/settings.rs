//! The channel's configuration, read once an instance. The host checks it against [`SCHEMA`] first; this is the second line.

use serde::Deserialize;

/// The JSON Schema of the configuration.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "api-url": { "type": "string", "pattern": "^https?://[^/\\s]+(/[^\\s]*)?$", "default": "https://api.telegram.org", "description": "Base address of the Bot API: Telegram's own, a local Bot API server, or a simulated one. Its host must be granted." },
    "bot-token": { "type": "string", "minLength": 1, "default": "telegram/bot-token", "description": "Name of the secret that holds the bot's token." },
    "webhook-secret": { "type": "string", "minLength": 1, "default": "telegram/webhook-secret", "description": "Name of the secret Telegram sends with every update: 1 to 256 letters, digits, underscores and hyphens." },
    "register-webhook": { "type": "boolean", "default": true, "description": "Whether the webhook is registered when the channel starts and removed when it is taken away." },
    "allowed-updates": { "type": "array", "maxItems": 64, "items": { "type": "string", "pattern": "^[a-z_]+$" }, "default": ["message", "edited_message", "channel_post", "edited_channel_post", "business_connection", "business_message", "edited_business_message", "deleted_business_messages", "guest_message", "message_reaction", "callback_query", "my_chat_member"], "description": "The kinds of update Telegram is asked for. With chat_member joins and leaves come from it, and no longer from the service messages of a group." },
    "max-connections": { "type": "integer", "minimum": 1, "maximum": 100, "default": 40, "description": "How many connections Telegram may open to the webhook at a time." },
    "drop-pending-updates": { "type": "boolean", "default": false, "description": "Whether updates that waited before the webhook was registered are dropped." },
    "commands": { "type": "array", "maxItems": 100, "default": [], "description": "The commands shown in the bot's menu. With an empty list the menu stays as it is.", "items": { "type": "object", "additionalProperties": false, "required": ["command", "description"], "properties": { "command": { "type": "string", "pattern": "^[a-z0-9_]{1,32}$" }, "description": { "type": "string", "minLength": 1, "maxLength": 256 } } } },
    "menu-button": { "type": "object", "additionalProperties": false, "required": ["text", "url"], "properties": { "text": { "type": "string", "minLength": 1, "maxLength": 64 }, "url": { "type": "string", "pattern": "^https://\\S+$" } }, "description": "A web app behind the bot's menu button, in place of the list of commands." },
    "events": { "type": "array", "maxItems": 32, "uniqueItems": true, "items": { "enum": ["payment", "refund", "users-shared", "chat-shared", "chat-join-request", "poll-answer", "reaction-count", "chat-boost", "business-connection", "paid-media"] }, "default": ["payment", "refund", "users-shared", "chat-shared"], "description": "What is handed to flows as a custom event. Everything else of this list is read, counted as ignored and dropped." },
    "link-previews": { "type": "boolean", "default": true, "description": "Whether Telegram shows a preview of the first link of a text." },
    "file-link-hours": { "type": "integer", "minimum": 1, "maximum": 8760, "default": 24, "description": "How long the address of a received file works." },
    "button-days": { "type": "integer", "minimum": 1, "maximum": 30, "default": 30, "description": "How long a button works whose data is too long for Telegram's 64 bytes and is kept by the host, and how long a form can be filled in." },
    "words": { "type": "object", "additionalProperties": false, "description": "What the channel itself says, for languages other than English.", "properties": {
      "expired": { "type": "string", "minLength": 1, "maxLength": 200, "default": "This button no longer works.", "description": "Shown to who presses a button whose data is gone." },
      "skip": { "type": "string", "minLength": 1, "maxLength": 64, "default": "Skip", "description": "The button that leaves a question of a form unanswered." },
      "optional": { "type": "string", "minLength": 1, "maxLength": 200, "default": "Send - to skip.", "description": "Under a question that may be left unanswered." },
      "several": { "type": "string", "minLength": 1, "maxLength": 200, "default": "Send the numbers of your choices, separated by commas.", "description": "Under a question with several choices." },
      "invalid": { "type": "string", "minLength": 1, "maxLength": 200, "default": "That does not fit, please try again.", "description": "Above a question that is asked again." }
    } }
  }
}"#;

/// The kinds of update asked for when nothing is configured.
const ALLOWED_UPDATES: [&str; 12] = [
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "business_message",
    "edited_business_message",
    "deleted_business_messages",
    "guest_message",
    "message_reaction",
    "callback_query",
    "my_chat_member",
];

/// A command of the bot's menu.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct MenuCommand {
    /// Without the slash.
    pub command: String,
    /// What the menu shows beside it.
    pub description: String,
}

/// A web app behind the menu button.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MenuButton {
    /// What stands on it.
    pub text: String,
    /// The app's address.
    pub url: String,
}

/// The configuration with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Base address of the Bot API, without a slash at its end.
    pub api_url: String,
    /// Name of the token's secret.
    pub bot_token: String,
    /// Name of the webhook's secret.
    pub webhook_secret: String,
    /// Whether the webhook is registered and removed.
    pub register_webhook: bool,
    /// Kinds of update to ask for.
    pub allowed_updates: Vec<String>,
    /// Connections Telegram may open.
    pub max_connections: u32,
    /// Whether what waited is dropped.
    pub drop_pending_updates: bool,
    /// The menu's commands.
    pub commands: Vec<MenuCommand>,
    /// The menu's web app.
    pub menu_button: Option<MenuButton>,
    /// Custom events that are handed on.
    pub events: Vec<String>,
    /// Whether links get a preview.
    pub link_previews: bool,
    /// How long a file's address works.
    pub file_link_ms: u64,
    /// How long kept buttons and forms work.
    pub button_ms: u64,
    /// What the channel itself says.
    pub words: Phrases,
}

/// What the channel itself says to people.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Phrases {
    /// A button's data is gone.
    pub expired: String,
    /// The button that leaves a question unanswered.
    pub skip: String,
    /// Under a question that may be left unanswered.
    pub optional: String,
    /// Under a question with several choices.
    pub several: String,
    /// Above a question that is asked again.
    pub invalid: String,
}

impl Default for Phrases {
    fn default() -> Self {
        Self {
            expired: "This button no longer works.".into(),
            skip: "Skip".into(),
            optional: "Send - to skip.".into(),
            several: "Send the numbers of your choices, separated by commas.".into(),
            invalid: "That does not fit, please try again.".into(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            api_url: "https://api.telegram.org".into(),
            bot_token: "telegram/bot-token".into(),
            webhook_secret: "telegram/webhook-secret".into(),
            register_webhook: true,
            allowed_updates: owned(&ALLOWED_UPDATES),
            max_connections: 40,
            drop_pending_updates: false,
            commands: Vec::new(),
            menu_button: None,
            events: owned(&["payment", "refund", "users-shared", "chat-shared"]),
            link_previews: true,
            file_link_ms: 24 * HOUR_MS,
            button_ms: 30 * 24 * HOUR_MS,
            words: Phrases::default(),
        }
    }
}

const HOUR_MS: u64 = 3_600_000;

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
    /// When a value has the wrong form.
    pub fn read(
        get: impl Fn(&'static str) -> Result<Option<String>, String>,
    ) -> Result<Self, SettingsError> {
        let value = |key| get(key).map_err(|fault| SettingsError { key, fault });
        let mut settings = Self::default();
        for (key, place) in [
            ("api-url", &mut settings.api_url),
            ("bot-token", &mut settings.bot_token),
            ("webhook-secret", &mut settings.webhook_secret),
        ] {
            if let Some(text) = value(key)? {
                *place = text;
            }
        }
        settings
            .api_url
            .truncate(settings.api_url.trim_end_matches('/').len());
        if !settings.api_url.starts_with("https://") && !settings.api_url.starts_with("http://") {
            return Err(wrong(
                "api-url",
                "write an address such as https://api.telegram.org",
            ));
        }
        for (key, place) in [
            ("register-webhook", &mut settings.register_webhook),
            ("drop-pending-updates", &mut settings.drop_pending_updates),
            ("link-previews", &mut settings.link_previews),
        ] {
            if let Some(text) = value(key)? {
                *place = parsed(key, &text, "write true or false")?;
            }
        }
        for (key, place) in [
            ("allowed-updates", &mut settings.allowed_updates),
            ("events", &mut settings.events),
        ] {
            if let Some(text) = value(key)? {
                *place = parsed(key, &text, "write a list of names")?;
            }
        }
        if let Some(text) = value("max-connections")? {
            settings.max_connections =
                parsed("max-connections", &text, "write a number from 1 to 100")?;
        }
        if let Some(text) = value("commands")? {
            settings.commands = parsed(
                "commands",
                &text,
                "write a list of { command, description }",
            )?;
        }
        if let Some(text) = value("menu-button")? {
            settings.menu_button = Some(parsed("menu-button", &text, "write { text, url }")?);
        }
        if let Some(text) = value("words")? {
            settings.words = parsed("words", &text, "write an object of texts")?;
        }
        for (key, unit, place) in [
            ("file-link-hours", HOUR_MS, &mut settings.file_link_ms),
            ("button-days", 24 * HOUR_MS, &mut settings.button_ms),
        ] {
            if let Some(text) = value(key)? {
                let number: u64 = parsed(key, &text, "write a whole number")?;
                *place = number.saturating_mul(unit);
            }
        }
        Ok(settings)
    }

    /// Whether a custom event of that name is handed to flows.
    #[must_use]
    pub fn reports(&self, event: &str) -> bool {
        self.events.iter().any(|name| name == event)
    }

    /// Whether joins and leaves come as updates of their own.
    #[must_use]
    pub fn member_updates(&self) -> bool {
        self.allowed_updates
            .iter()
            .any(|kind| kind == "chat_member")
    }
}

fn wrong(key: &'static str, fault: &str) -> SettingsError {
    SettingsError {
        key,
        fault: fault.to_owned(),
    }
}

fn parsed<T: serde::de::DeserializeOwned>(
    key: &'static str,
    text: &str,
    fault: &str,
) -> Result<T, SettingsError> {
    serde_json::from_str(text).map_err(|_| wrong(key, fault))
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
        assert_eq!(default("api-url"), settings.api_url);
        assert_eq!(default("bot-token"), settings.bot_token);
        assert_eq!(default("webhook-secret"), settings.webhook_secret);
        assert_eq!(default("register-webhook"), settings.register_webhook);
        assert_eq!(
            default("allowed-updates"),
            serde_json::json!(settings.allowed_updates)
        );
        assert_eq!(default("max-connections"), settings.max_connections);
        assert_eq!(default("events"), serde_json::json!(settings.events));
        assert_eq!(default("link-previews"), settings.link_previews);
        assert_eq!(
            default("file-link-hours").as_u64().unwrap() * HOUR_MS,
            settings.file_link_ms
        );
        assert_eq!(
            default("button-days").as_u64().unwrap() * 24 * HOUR_MS,
            settings.button_ms
        );
        let word =
            |name: &str| schema["properties"]["words"]["properties"][name]["default"].clone();
        assert_eq!(word("expired"), settings.words.expired);
        assert_eq!(word("skip"), settings.words.skip);
        assert_eq!(word("optional"), settings.words.optional);
        assert_eq!(word("several"), settings.words.several);
        assert_eq!(word("invalid"), settings.words.invalid);
    }

    #[test]
    fn every_key_is_read() {
        let settings = read(&[
            ("api-url", "http://127.0.0.1:9000/"),
            ("bot-token", "t"),
            ("webhook-secret", "w"),
            ("register-webhook", "false"),
            ("allowed-updates", r#"["message","chat_member"]"#),
            ("max-connections", "5"),
            ("drop-pending-updates", "true"),
            ("commands", r#"[{"command":"help","description":"Help"}]"#),
            (
                "menu-button",
                r#"{"text":"Shop","url":"https://shop.example"}"#,
            ),
            ("events", r#"["poll-answer"]"#),
            ("link-previews", "false"),
            ("file-link-hours", "2"),
            ("button-days", "1"),
            ("words", r#"{"expired":"Gone."}"#),
        ])
        .unwrap();
        assert_eq!(settings.api_url, "http://127.0.0.1:9000");
        assert_eq!(
            (
                settings.bot_token.as_str(),
                settings.webhook_secret.as_str()
            ),
            ("t", "w")
        );
        assert!(!settings.register_webhook && settings.drop_pending_updates);
        assert!(settings.member_updates());
        assert_eq!(settings.max_connections, 5);
        assert_eq!(settings.commands[0].command, "help");
        assert_eq!(settings.menu_button.as_ref().unwrap().text, "Shop");
        assert!(settings.reports("poll-answer") && !settings.reports("payment"));
        assert!(!settings.link_previews);
        assert_eq!(settings.file_link_ms, 7_200_000);
        assert_eq!(settings.button_ms, 86_400_000);
        assert_eq!(settings.words.expired, "Gone.");
        assert_eq!(settings.words.skip, "Skip");
    }

    #[test]
    fn a_wrong_value_names_its_key() {
        for (key, value) in [
            ("api-url", "api.telegram.org"),
            ("register-webhook", "yes"),
            ("allowed-updates", "message"),
            ("max-connections", "-1"),
            ("commands", "help"),
            ("menu-button", "{}"),
            ("events", "{}"),
            ("file-link-hours", "a day"),
            ("words", r#"{"goodbye":"x"}"#),
        ] {
            assert!(
                read(&[(key, value)]).unwrap_err().to_string().contains(key),
                "{key}"
            );
        }
    }
}
