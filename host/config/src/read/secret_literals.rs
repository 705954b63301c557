//! Finds values that look like secrets: secrets never stand in the bundle, only their names.

use greentic_diagnostics::{Node, Value, yaml::Written};

use crate::shape::Context;

const WORDS: [&str; 7] = [
    "token",
    "password",
    "passwd",
    "secret",
    "apikey",
    "credential",
    "credentials",
];

/// Warns of literals under keys that name a secret, anywhere below `config`. A value that is one of `names` (the secrets
/// granted) is a name and not a secret.
pub(crate) fn warn(config: &Node, names: &[String], ctx: &Context<'_>) {
    match &config.value {
        Value::Sequence(list) => list.iter().for_each(|node| warn(node, names, ctx)),
        Value::Mapping(mapping) => {
            for (key, entry) in mapping.iter() {
                match fault(key, &entry.node, names) {
                    Some(fault) => {
                        ctx.report
                            .warning(entry.node.span, "literal-secret", fault)
                            .label("secrets never stand in the bundle")
                            .help("put it into the secrets backend and grant its name under `grants.secrets`");
                    }
                    None => warn(&entry.node, names, ctx),
                }
            }
        }
        _ => {}
    }
}

fn fault(key: &str, node: &Node, names: &[String]) -> Option<String> {
    let (Value::String(text), Written::Plain | Written::Quoted) = (&node.value, &node.written)
    else {
        return None;
    };
    if text.is_empty() || names.contains(text) {
        return None;
    }
    if names_a_secret(key) {
        return Some(format!("`{key}` looks like a secret"));
    }
    holds_password(text).then(|| format!("the URL in `{key}` holds a password"))
}

/// By its last words: `signing-key` and `botToken` do, `token-url`, `secret-name` and `key` alone do not.
fn names_a_secret(key: &str) -> bool {
    let mut words: Vec<String> = Vec::new();
    let mut lower_before = false;
    for letter in key.chars() {
        if !letter.is_alphanumeric() {
            words.push(String::new());
        } else {
            if words.is_empty() || (lower_before && letter.is_uppercase()) {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(letter.to_lowercase());
            }
        }
        lower_before = letter.is_lowercase();
    }
    match words.as_slice() {
        [.., before, last] if last == "key" => [
            "api",
            "private",
            "signing",
            "secret",
            "access",
            "account",
            "encryption",
        ]
        .contains(&before.as_str()),
        [.., last] => WORDS.contains(&last.as_str()),
        [] => false,
    }
}

/// `scheme://user:password@host`.
fn holds_password(text: &str) -> bool {
    text.split_once("://")
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next())
        .and_then(|authority| authority.rsplit_once('@'))
        .and_then(|(user, _)| user.split_once(':'))
        .is_some_and(|(_, password)| !password.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_are_told_by_their_last_words() {
        for key in [
            "token",
            "bot-token",
            "botToken",
            "app_password",
            "client.secret",
            "apiKey",
            "private-key",
            "API_KEY",
        ] {
            assert!(names_a_secret(key), "{key}");
        }
        for key in [
            "token-url",
            "secret-name",
            "key",
            "primary-key",
            "keyboard",
            "tokens",
            "",
            "-",
            "tokenizer",
        ] {
            assert!(!names_a_secret(key), "{key}");
        }
        assert!(holds_password("redis://me:pw@host:6379/0"));
        assert!(
            !holds_password("redis://host:6379")
                && !holds_password("redis://me@host")
                && !holds_password("a:b@c")
        );
    }
}
