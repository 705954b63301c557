//! Secrets from files: one directory, one file a secret, as container platforms mount them.
//!
//! The bundle grants the directory read-only at `/secrets`; the sandbox keeps everything else out of sight, and a name that could
//! leave the directory is refused here as well. Files are read on every call, so a changed file is seen when the host asks again.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

use greentic_sdk::config;
use greentic_sdk::model::{About, Error};
use greentic_sdk::secrets::{Descriptor, Provider, SecretBytes, name_fault};

/// Where the bundle grants the directory inside the sandbox.
pub const DIRECTORY: &str = "/secrets";

/// How long a value is good when the bundle does not say, in milliseconds.
pub const DEFAULT_TTL_MS: u64 = 30_000;

/// Most bytes of a secret, as the contract says.
const MAX_VALUE: usize = 64 * 1024;

const CONFIG_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "ttl-ms": {
      "type": "integer", "minimum": 1000, "default": 30000,
      "description": "How long a value is good before the file is read again, in milliseconds: so long a changed file may go unseen."
    }
  }
}"#;

/// The component.
pub struct SecretsFile;

impl Provider for SecretsFile {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "secrets-file",
                env!("CARGO_PKG_VERSION"),
                "Secrets from the files of one directory",
            )
            .read(DIRECTORY)
            .config(CONFIG_SCHEMA),
        }
    }

    fn fetch(name: String) -> Result<SecretBytes, Error> {
        fetch(
            Path::new(DIRECTORY),
            &name,
            config::get_or("ttl-ms", DEFAULT_TTL_MS)?,
        )
    }
}

greentic_sdk::export_secrets!(SecretsFile);

/// Reads one secret. `version` comes from the file's size and time of change and so says nothing about the value.
fn fetch(directory: &Path, name: &str, ttl_ms: u64) -> Result<SecretBytes, Error> {
    if let Some(fault) = name_fault(name) {
        return Err(Error::Invalid(fault.into()));
    }
    let fault = |what: &str| {
        Error::Unavailable(format!("the file `{name}` in the secrets directory {what}"))
    };
    let file = File::open(directory.join(name)).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => missing(directory),
        kind => fault(&format!("cannot be opened ({kind}): check its permissions")),
    })?;
    let metadata = file
        .metadata()
        .map_err(|error| fault(&format!("cannot be examined ({})", error.kind())))?;
    if !metadata.is_file() {
        return Err(fault("is not a file: name a file inside it"));
    }
    let mut value = Vec::new();
    // One byte more than allowed shows that there is too much; the line end that is taken off is allowed for.
    let most = u64::try_from(MAX_VALUE + 3).unwrap_or(u64::MAX);
    file.take(most)
        .read_to_end(&mut value)
        .map_err(|error| fault(&format!("cannot be read ({})", error.kind())))?;
    if value.last() == Some(&b'\n') {
        value.pop();
        if value.last() == Some(&b'\r') {
            value.pop();
        }
    }
    match value.len() {
        0 => return Err(fault("is empty: write the secret into it or remove it")),
        1..=MAX_VALUE => {}
        _ => return Err(fault("is larger than 64 KiB: a secret is not")),
    }
    let changed = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    let version = format!("{:x}-{:x}", changed.as_nanos(), metadata.len());
    Ok(SecretBytes {
        value,
        version,
        ttl_ms: Some(ttl_ms),
    })
}

/// A missing file is no such secret; a missing directory is a missing grant.
fn missing(directory: &Path) -> Error {
    if directory.is_dir() {
        return Error::NotFound;
    }
    Error::Unavailable(format!(
        "there is no directory `{DIRECTORY}`: grant the directory with the secrets to this plugin for reading, as `{DIRECTORY}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::fetch;
    use greentic_sdk::model::Error;
    use std::fs;

    #[test]
    fn a_file_is_a_secret_without_its_line_end() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("webchat")).unwrap();
        for (content, expected) in [
            (&b"s3cret\n"[..], &b"s3cret"[..]),
            (b"s3cret", b"s3cret"),
            (b"s3cret\r\n", b"s3cret"),
            (b"two\nlines\n\n", b"two\nlines\n"),
            (b"\0\xff\n", b"\0\xff"),
        ] {
            fs::write(directory.path().join("webchat/key"), content).unwrap();
            let secret = fetch(directory.path(), "webchat/key", 5).unwrap();
            assert_eq!(
                (secret.value.as_slice(), secret.ttl_ms),
                (expected, Some(5))
            );
        }
    }

    #[test]
    fn a_changed_file_has_another_value_and_version() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        fs::write(&path, "one").unwrap();
        let before = fetch(directory.path(), "key", 5).unwrap();
        assert_eq!(
            fetch(directory.path(), "key", 5).unwrap().version,
            before.version
        );
        fs::write(&path, "other").unwrap();
        let after = fetch(directory.path(), "key", 5).unwrap();
        assert_ne!((before.value, before.version), (after.value, after.version));
    }

    #[test]
    fn what_is_no_secret_says_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("folder")).unwrap();
        fs::write(directory.path().join("empty"), "\n").unwrap();
        fs::write(directory.path().join("large"), vec![b'x'; 64 * 1024 + 1]).unwrap();
        fs::write(directory.path().join("largest"), vec![b'x'; 64 * 1024]).unwrap();
        for name in ["folder", "empty", "large"] {
            let Err(Error::Unavailable(text)) = fetch(directory.path(), name, 5) else {
                panic!("{name}")
            };
            assert!(text.contains(name), "{text}");
        }
        assert!(fetch(directory.path(), "largest", 5).is_ok());
        assert!(matches!(
            fetch(directory.path(), "absent", 5),
            Err(Error::NotFound)
        ));
        assert!(matches!(
            fetch(directory.path(), "empty/below", 5),
            Err(Error::NotFound)
        ));
        let gone = directory.path().join("gone");
        assert!(
            matches!(fetch(&gone, "key", 5), Err(Error::Unavailable(text)) if text.contains("grant"))
        );
    }

    #[test]
    fn a_name_cannot_leave_the_directory() {
        let outer = tempfile::tempdir().unwrap();
        fs::write(outer.path().join("key"), "outside").unwrap();
        let inner = outer.path().join("secrets");
        fs::create_dir(&inner).unwrap();
        let absolute = outer.path().join("key");
        for name in [
            "../key",
            "a/../../key",
            absolute.to_str().unwrap(),
            "./../key",
            "",
        ] {
            assert!(
                matches!(fetch(&inner, name, 5), Err(Error::Invalid(_))),
                "{name}"
            );
        }
    }
}
