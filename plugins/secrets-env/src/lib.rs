//! Secrets from environment variables.
//!
//! The component sees only the variables its bundle entry grants. `webchat/signing-key` is `GREENTIC_SECRET_WEBCHAT_SIGNING_KEY`.
//! A process's environment does not change, so a value is good for as long as the host runs.

use greentic_sdk::config;
use greentic_sdk::model::{About, Error};
use greentic_sdk::secrets::{Descriptor, Provider, SecretBytes, name_fault};

/// What a variable's name begins with when the bundle does not say.
pub const DEFAULT_PREFIX: &str = "GREENTIC_SECRET_";

const CONFIG_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "prefix": {
      "type": "string", "pattern": "^[A-Z_][A-Z0-9_]*$", "default": "GREENTIC_SECRET_",
      "description": "What the names of the variables begin with. The rest is the secret's name in upper case, with _ for every other character."
    }
  }
}"#;

/// Most bytes of a secret, as the contract says.
const MAX_VALUE: usize = 64 * 1024;

/// The component.
pub struct SecretsEnv;

impl Provider for SecretsEnv {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "secrets-env",
                env!("CARGO_PKG_VERSION"),
                "Secrets from the environment of the host's process",
            )
            .config(CONFIG_SCHEMA),
        }
    }

    fn fetch(name: String) -> Result<SecretBytes, Error> {
        let prefix = config::get("prefix")?.unwrap_or_else(|| DEFAULT_PREFIX.into());
        fetch(&prefix, &name, |variable| {
            std::env::var_os(variable).map(std::ffi::OsString::into_encoded_bytes)
        })
    }
}

greentic_sdk::export_secrets!(SecretsEnv);

/// The variable a secret is in.
#[must_use]
pub fn variable(prefix: &str, name: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    prefix.chars().chain(name.chars().map(letter)).collect()
}

fn fetch(
    prefix: &str,
    name: &str,
    look: impl Fn(&str) -> Option<Vec<u8>>,
) -> Result<SecretBytes, Error> {
    if let Some(fault) = name_fault(name) {
        return Err(Error::Invalid(fault.into()));
    }
    let variable = variable(prefix, name);
    let value = look(&variable).ok_or(Error::NotFound)?;
    let fault = match value.len() {
        0 => "is empty: set it or unset it",
        1..=MAX_VALUE => {
            return Ok(SecretBytes {
                value,
                version: "1".into(),
                ttl_ms: None,
            });
        }
        _ => "is larger than 64 KiB: a secret is not",
    };
    let mut text = String::from("the environment variable ");
    text.push_str(&variable);
    text.push(' ');
    text.push_str(fault);
    Err(Error::Unavailable(text))
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_PREFIX, fetch, variable};
    use greentic_sdk::model::Error;

    #[test]
    fn a_name_becomes_a_variable() {
        for (name, expected) in [
            ("webchat/signing-key", "GREENTIC_SECRET_WEBCHAT_SIGNING_KEY"),
            ("a.b_c1", "GREENTIC_SECRET_A_B_C1"),
        ] {
            assert_eq!(variable(DEFAULT_PREFIX, name), expected);
        }
        assert_eq!(variable("S_", "a"), "S_A");
    }

    #[test]
    fn a_value_is_given_as_it_stands_and_what_is_wrong_names_the_variable() {
        let look = |variable: &str| match variable {
            "P_GOOD" => Some(b" v\n".to_vec()),
            "P_EMPTY" => Some(Vec::new()),
            "P_LARGE" => Some(vec![0; 65_537]),
            _ => None,
        };
        let good = fetch("P_", "good", look).unwrap();
        assert_eq!((good.value.as_slice(), good.ttl_ms), (&b" v\n"[..], None));
        assert!(matches!(fetch("P_", "other", look), Err(Error::NotFound)));
        assert!(matches!(
            fetch("P_", "../good", look),
            Err(Error::Invalid(_))
        ));
        for (name, variable) in [("empty", "P_EMPTY"), ("large", "P_LARGE")] {
            assert!(
                matches!(fetch("P_", name, look), Err(Error::Unavailable(text)) if text.contains(variable))
            );
        }
    }
}
