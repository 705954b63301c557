//! Looking where there is no grant. What is found is told, so that a test sees what leaked.

use std::fs;
use std::io::Read;

use greentic_sdk::channel::IngressOutcome;
use greentic_sdk::secret::{Secret, SecretError};

use crate::{Mode, tell};

pub(crate) fn act(mode: &Mode<'_>) -> Option<IngressOutcome> {
    let path = mode.text("path").unwrap_or("/");
    let name = mode.text("name").unwrap_or("k");
    let found = match mode.name {
        "read" => fs::read(path)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| error.to_string()),
        "write" => fs::write(path, "was here")
            .map(|()| "written".to_owned())
            .map_err(|error| error.to_string()),
        "list" => fs::read_dir(path)
            .map_err(|error| error.to_string())
            .map(|entries| {
                let names = entries
                    .flatten()
                    .map(|entry| entry.file_name().to_string_lossy().into_owned());
                names.collect::<Vec<_>>().join("\n")
            }),
        "env" => Ok(std::env::vars()
            .map(|(name, value)| format!("{name}={value}\n"))
            .collect()),
        "args" => Ok(std::env::args().collect::<Vec<_>>().join("\n")),
        "stdin" => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .map(|_| text)
                .map_err(|error| error.to_string())
        }
        "secret" => Secret::open(name)
            .map(|secret| secret.version())
            .map_err(refusal),
        "reveal" => Secret::open(name)
            .and_then(|secret| secret.reveal())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(refusal),
        _ => return None,
    };
    Some(tell(
        found.unwrap_or_else(|reason| format!("denied: {reason}")),
    ))
}

fn refusal(error: SecretError) -> String {
    match error {
        SecretError::Denied(text) => text,
        SecretError::NotFound => "not-found".into(),
        SecretError::Unavailable(text) => format!("unavailable: {text}"),
    }
}
