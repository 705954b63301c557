//! The channel's configuration, read once an instance.

use greentic_sdk::config;
use greentic_sdk::model::Error;
use serde::Deserialize;

/// The JSON Schema of the configuration.
pub const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["phone-number-id"],
  "properties": {
    "phone-number-id": { "type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$", "description": "The identifier of the business phone number, from WhatsApp Manager. Not the number itself." },
    "api-url": { "type": "string", "pattern": "^https?://[^\\s?#]+$", "default": "https://graph.facebook.com", "description": "Where the Graph API is." },
    "api-version": { "type": "string", "pattern": "^v[0-9]{1,3}\\.[0-9]$", "default": "v23.0", "description": "Version of the Graph API." },
    "app-secret": { "type": "string", "minLength": 1, "default": "whatsapp/app-secret", "description": "Name of the secret with the app's secret, which signs webhooks." },
    "verify-token": { "type": "string", "minLength": 1, "default": "whatsapp/verify-token", "description": "Name of the secret with the token of the webhook's handshake." },
    "access-token": { "type": "string", "minLength": 1, "default": "whatsapp/access-token", "description": "Name of the secret with the token the API is called with." },
    "read-receipts": { "type": "boolean", "default": true, "description": "Whether a person's message is marked as read when it is answered. A typing indicator marks it in any case." },
    "template": {
      "type": "object",
      "additionalProperties": false,
      "required": ["name", "language"],
      "description": "The approved template that carries a message to somebody who wrote nothing in the last 24 hours.",
      "properties": {
        "name": { "type": "string", "pattern": "^[a-z0-9_]{1,512}$", "description": "Its name." },
        "language": { "type": "string", "pattern": "^[A-Za-z]{2,3}(_[A-Za-z]{2,4})?$", "description": "Its language, such as en_US." },
        "parameters": { "type": "array", "maxItems": 32, "items": { "type": "string", "minLength": 1, "maxLength": 1024 }, "default": ["{text}"], "description": "What goes into the body's parameters, in order. {text} stands for the message, {name} for the person's name." },
        "parameter-names": { "type": "array", "maxItems": 32, "items": { "type": "string", "pattern": "^[a-z0-9_]{1,64}$" }, "default": [], "description": "The parameters' names, for a template that has named ones." }
      }
    },
    "choose-text": { "type": "string", "minLength": 1, "maxLength": 1024, "default": "Please choose:", "description": "The text over buttons that came without one." },
    "list-button": { "type": "string", "minLength": 1, "maxLength": 20, "default": "Choose", "description": "The button that opens a list." },
    "yes-text": { "type": "string", "minLength": 1, "maxLength": 20, "default": "Yes", "description": "The answer that switches on what a form asks to switch." },
    "no-text": { "type": "string", "minLength": 1, "maxLength": 20, "default": "No", "description": "The answer that switches it off." },
    "form-text": { "type": "string", "minLength": 1, "maxLength": 500, "default": "Please answer in one message, one line for each:", "description": "The line before the questions of a form." },
    "extra-events": { "type": "array", "uniqueItems": true, "items": { "enum": ["referral", "system"] }, "default": [], "description": "Events flows get beside what people do: `referral` tells the advertisement somebody came from, `system` that they changed their number." },
    "register-webhook": { "type": "boolean", "default": false, "description": "Whether the channel tells the platform its own webhook address, for this number, in place of the app's." },
    "commands": {
      "type": "array", "maxItems": 30, "default": [], "description": "Commands the chat offers when somebody types a slash.",
      "items": { "type": "object", "additionalProperties": false, "required": ["name", "description"], "properties": { "name": { "type": "string", "pattern": "^[a-z0-9_-]{1,32}$" }, "description": { "type": "string", "minLength": 1, "maxLength": 256 } } }
    },
    "prompts": { "type": "array", "maxItems": 4, "items": { "type": "string", "minLength": 1, "maxLength": 80 }, "default": [], "description": "What the chat offers to say to somebody who opens it for the first time." }
  }
}"#;

/// The configuration with its defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The number that sends, and whose webhooks are read.
    pub phone_number_id: String,
    /// Without a slash at the end.
    pub api_url: String,
    /// Such as `v23.0`.
    pub api_version: String,
    /// Name of a secret.
    pub app_secret: String,
    /// Name of a secret.
    pub verify_token: String,
    /// Name of a secret.
    pub access_token: String,
    /// Mark as read what is answered.
    pub read_receipts: bool,
    /// What reaches somebody outside the window.
    pub template: Option<Template>,
    /// Over buttons without a text.
    pub choose_text: String,
    /// Opens a list.
    pub list_button: String,
    /// Switches on.
    pub yes_text: String,
    /// Switches off.
    pub no_text: String,
    /// Before the questions of a form.
    pub form_text: String,
    /// Events beside what people do.
    pub extras: Vec<Extra>,
    /// Tell the platform the webhook's address.
    pub register_webhook: bool,
    /// The chat's menu.
    pub commands: Vec<Command>,
    /// The chat's ice breakers.
    pub prompts: Vec<String>,
}

/// A template and what goes into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// Texts with `{text}` and `{name}`.
    pub parameters: Vec<String>,
    /// Names, where it has named parameters.
    pub parameter_names: Vec<String>,
}

impl Template {
    /// Reads it key by key: a nested key arrives with a dot.
    fn read() -> Result<Option<Self>, Error> {
        let (name, language) = (
            config::get("template.name")?,
            config::get("template.language")?,
        );
        match (name, language) {
            (None, None) => Ok(None),
            (Some(name), Some(language)) => Ok(Some(Self {
                name,
                language,
                parameters: config::json("template.parameters")?.unwrap_or_else(whole_text),
                parameter_names: config::json("template.parameter-names")?.unwrap_or_default(),
            })),
            _ => Err(Error::Invalid(
                "config `template.name` and `template.language` are set both or neither".to_owned(),
            )),
        }
    }
}

/// Events beside what people do.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Extra {
    /// The advertisement a person came from.
    Referral,
    /// A changed number.
    System,
}

/// One command of the chat's menu.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Without the slash.
    pub name: String,
    /// What it does.
    pub description: String,
}

fn whole_text() -> Vec<String> {
    vec!["{text}".to_owned()]
}

impl Settings {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `invalid` with the key. The host checks the schema first, so this is the second line.
    pub fn read() -> Result<Self, Error> {
        let text = |key: &str, default: &str| {
            config::get(key).map(|value| value.unwrap_or_else(|| default.to_owned()))
        };
        let phone_number_id = config::get("phone-number-id")?
            .filter(|id| !id.is_empty())
            .ok_or_else(|| {
                Error::Invalid(
                    "config `phone-number-id` is missing: write the number's identifier from WhatsApp Manager"
                        .to_owned(),
                )
            })?;
        Ok(Self {
            phone_number_id,
            api_url: text("api-url", "https://graph.facebook.com")?
                .trim_end_matches('/')
                .to_owned(),
            api_version: text("api-version", "v23.0")?,
            app_secret: text("app-secret", "whatsapp/app-secret")?,
            verify_token: text("verify-token", "whatsapp/verify-token")?,
            access_token: text("access-token", "whatsapp/access-token")?,
            read_receipts: config::get_or("read-receipts", true)?,
            template: Template::read()?,
            choose_text: text("choose-text", "Please choose:")?,
            list_button: text("list-button", "Choose")?,
            yes_text: text("yes-text", "Yes")?,
            no_text: text("no-text", "No")?,
            form_text: text(
                "form-text",
                "Please answer in one message, one line for each:",
            )?,
            extras: config::json("extra-events")?.unwrap_or_default(),
            register_webhook: config::get_or("register-webhook", false)?,
            commands: config::json("commands")?.unwrap_or_default(),
            prompts: config::json("prompts")?.unwrap_or_default(),
        })
    }

    /// The address of something in the Graph API.
    pub fn graph(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.api_url, self.api_version)
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install};
    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_not_configured_has_the_documented_default() {
        install(Table::new().config("phone-number-id", "1"));
        let settings = Settings::read().unwrap();
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let default = |key: &str| schema["properties"][key]["default"].clone();
        for (key, value) in [
            ("api-url", Value::from(settings.api_url)),
            ("api-version", settings.api_version.into()),
            ("app-secret", settings.app_secret.into()),
            ("verify-token", settings.verify_token.into()),
            ("access-token", settings.access_token.into()),
            ("read-receipts", settings.read_receipts.into()),
            ("choose-text", settings.choose_text.into()),
            ("list-button", settings.list_button.into()),
            ("yes-text", settings.yes_text.into()),
            ("no-text", settings.no_text.into()),
            ("form-text", settings.form_text.into()),
            ("register-webhook", settings.register_webhook.into()),
            ("prompts", settings.prompts.into()),
        ] {
            assert_eq!(default(key), value, "{key}");
        }
        assert_eq!(
            (
                settings.template,
                settings.extras.len(),
                settings.commands.len()
            ),
            (None, 0, 0)
        );
        let parameters = &schema["properties"]["template"]["properties"]["parameters"];
        assert_eq!(parameters["default"], Value::from(whole_text()));
    }

    #[test]
    fn every_key_is_read() {
        install(
            Table::new()
                .config("phone-number-id", "1")
                .config("api-url", "http://127.0.0.1:1/")
                .config("api-version", "v24.0")
                .config("app-secret", "a")
                .config("verify-token", "b")
                .config("access-token", "c")
                .config("read-receipts", "false")
                .config("template.name", "n")
                .config("template.language", "en")
                .config("template.parameter-names", r#"["x"]"#)
                .config("choose-text", "d")
                .config("list-button", "e")
                .config("yes-text", "y")
                .config("no-text", "n")
                .config("form-text", "f")
                .config("extra-events", r#"["referral","system"]"#)
                .config("register-webhook", "true")
                .config("commands", r#"[{"name":"help","description":"g"}]"#)
                .config("prompts", r#"["h"]"#),
        );
        let settings = Settings::read().unwrap();
        assert_eq!(
            settings,
            Settings {
                phone_number_id: "1".into(),
                api_url: "http://127.0.0.1:1".into(),
                api_version: "v24.0".into(),
                app_secret: "a".into(),
                verify_token: "b".into(),
                access_token: "c".into(),
                read_receipts: false,
                template: Some(Template {
                    name: "n".into(),
                    language: "en".into(),
                    parameters: vec!["{text}".into()],
                    parameter_names: vec!["x".into()],
                }),
                choose_text: "d".into(),
                list_button: "e".into(),
                yes_text: "y".into(),
                no_text: "n".into(),
                form_text: "f".into(),
                extras: vec![Extra::Referral, Extra::System],
                register_webhook: true,
                commands: vec![Command {
                    name: "help".into(),
                    description: "g".into(),
                }],
                prompts: vec!["h".into()],
            }
        );
        assert_eq!(
            settings.graph("1/messages"),
            "http://127.0.0.1:1/v24.0/1/messages"
        );
    }

    #[test]
    fn a_missing_number_and_a_wrong_value_name_their_key() {
        for (key, value) in [
            ("phone-number-id", ""),
            ("read-receipts", "yes"),
            ("template.name", "n"),
            ("extra-events", r#"["all"]"#),
        ] {
            install(
                Table::new()
                    .config("phone-number-id", "1")
                    .config(key, value),
            );
            let Err(Error::Invalid(text)) = Settings::read() else {
                panic!("{key}")
            };
            assert!(text.contains(key), "{text}");
        }
    }
}
