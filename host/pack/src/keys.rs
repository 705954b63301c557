//! Ed25519 keys as files and as text.
//!
//! A private key is a PKCS#8 PEM file, a public key one line of base64 of its DER SubjectPublicKeyInfo (RFC 8410), the
//! same text that stands under `trust.keys` of a bundle; both are what OpenSSL reads and writes.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _,
    KeypairBytes,
};
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize as _, Zeroizing};

/// What is wrong with a key or its file.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The text is neither base64 of a SubjectPublicKeyInfo nor a PEM public key.
    #[error(
        "not an ed25519 public key: {reason}; give the line that `greentic-pack keygen` wrote to the .pub file (it begins with MCowBQYDK2VwAyEA)"
    )]
    BadPublicKey {
        /// What is wrong.
        reason: String,
    },
    /// The text is no PKCS#8 PEM private key.
    #[error(
        "not an ed25519 private key in PKCS#8 PEM form; give the file that `greentic-pack keygen` wrote"
    )]
    BadPrivateKey,
    /// A key that verifies nothing reliably.
    #[error(
        "a weak ed25519 public key, under which any message can be made to verify; make a new key"
    )]
    WeakPublicKey,
    /// A file that must not be replaced.
    #[error("{} exists; a key is never overwritten: choose another name or move it away", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The system said no.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// No randomness.
    #[error("the system gives no random bytes: {0}")]
    NoRandomness(String),
}

/// A new key from the system's randomness.
pub fn generate() -> Result<SigningKey, KeyError> {
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice())
        .map_err(|error| KeyError::NoRandomness(error.to_string()))?;
    Ok(SigningKey::from_bytes(&seed))
}

/// The fingerprint that stands as `keyid` in envelopes: `sha256:` and the hex SHA-256 of the DER SubjectPublicKeyInfo.
pub fn fingerprint(key: &VerifyingKey) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(spki(key))))
}

/// The public key as one line of base64 DER SubjectPublicKeyInfo.
pub fn public_text(key: &VerifyingKey) -> String {
    STANDARD.encode(spki(key))
}

/// Reads a public key: base64 of the DER SubjectPublicKeyInfo, or PEM.
pub fn parse_public(text: &str) -> Result<VerifyingKey, KeyError> {
    let text = text.trim();
    let bad = |reason: &str| KeyError::BadPublicKey {
        reason: reason.to_owned(),
    };
    let key = if text.starts_with("-----BEGIN") {
        if text.contains("PRIVATE KEY") {
            return Err(bad("this is the private key"));
        }
        VerifyingKey::from_public_key_pem(text).map_err(|_| bad("the PEM text is not one"))?
    } else {
        let der = STANDARD.decode(text).map_err(|_| bad("it is not base64"))?;
        VerifyingKey::from_public_key_der(&der)
            .map_err(|_| bad("it is not a SubjectPublicKeyInfo of an ed25519 key"))?
    };
    if key.is_weak() {
        Err(KeyError::WeakPublicKey)
    } else {
        Ok(key)
    }
}

/// Reads a public key file.
pub fn read_public(path: &Path) -> Result<VerifyingKey, KeyError> {
    parse_public(&std::fs::read_to_string(path).map_err(|source| io(path, source))?)
}

/// Reads a private key file (PKCS#8 PEM).
pub fn read_private(path: &Path) -> Result<SigningKey, KeyError> {
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(|source| io(path, source))?);
    SigningKey::from_pkcs8_pem(text.trim()).map_err(|_| KeyError::BadPrivateKey)
}

/// Writes `NAME` (PKCS#8 PEM, readable by its owner only) and `NAME.pub`. Neither is overwritten; on failure neither is left.
pub fn write_pair(key: &SigningKey, private: &Path) -> Result<PathBuf, KeyError> {
    let mut public = private.as_os_str().to_owned();
    public.push(".pub");
    let public = PathBuf::from(public);
    if public.symlink_metadata().is_ok() {
        return Err(KeyError::Exists { path: public });
    }
    // Without the public half: PKCS#8 of version 1, which every OpenSSL reads.
    let mut pair = KeypairBytes {
        secret_key: key.to_bytes(),
        public_key: None,
    };
    let pem = pair
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|_| KeyError::BadPrivateKey);
    pair.secret_key.zeroize();
    create(private, pem?.as_bytes(), 0o600)?;
    let line = format!("{}\n", public_text(&key.verifying_key()));
    create(&public, line.as_bytes(), 0o644).inspect_err(|_| {
        // Only what was written one line ago is taken back.
        let _ = std::fs::remove_file(private);
    })?;
    Ok(public)
}

fn create(path: &Path, content: &[u8], mode: u32) -> Result<(), KeyError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options.open(path).map_err(|source| match source.kind() {
        std::io::ErrorKind::AlreadyExists => KeyError::Exists {
            path: path.to_owned(),
        },
        _ => io(path, source),
    })?;
    file.write_all(content)
        .and_then(|()| file.sync_all())
        .map_err(|source| io(path, source))
}

fn spki(key: &VerifyingKey) -> Vec<u8> {
    // Encoding 44 bytes has no way to fail; an empty answer would match no key.
    key.to_public_key_der()
        .map(|der| der.as_bytes().to_vec())
        .unwrap_or_default()
}

fn io(path: &Path, source: std::io::Error) -> KeyError {
    KeyError::Io {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_reads_back_from_base64_and_from_pem() {
        let key = SigningKey::from_bytes(&[7; 32]).verifying_key();
        let text = public_text(&key);
        assert!(text.starts_with("MCowBQYDK2VwAyEA"), "{text}");
        assert_eq!(parse_public(&text).unwrap(), key);
        assert_eq!(parse_public(&format!("  {text}\n")).unwrap(), key);
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n");
        assert_eq!(parse_public(&pem).unwrap(), key);
    }

    #[test]
    fn the_published_example_of_rfc_8410_reads() {
        // RFC 8410 section 10.3 and 10.1: the private key and its public key.
        let private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, private).unwrap();
        let key = read_private(&path).unwrap();
        let public = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
        assert_eq!(public_text(&key.verifying_key()), public);
    }

    #[test]
    fn what_is_no_public_key_is_refused_with_the_reason() {
        for (text, word) in [
            ("", "SubjectPublicKeyInfo"),
            ("AAAA", "SubjectPublicKeyInfo"),
            ("***", "base64"),
            (
                "-----BEGIN PRIVATE KEY-----\nAA\n-----END PRIVATE KEY-----",
                "private key",
            ),
        ] {
            let message = parse_public(text).unwrap_err().to_string();
            assert!(message.contains(word), "{text}: {message}");
        }
    }

    #[test]
    fn the_neutral_point_is_refused_as_a_weak_key() {
        let mut point = [0; 32];
        point[0] = 1;
        let key = VerifyingKey::from_bytes(&point).unwrap();
        assert!(matches!(
            parse_public(&public_text(&key)),
            Err(KeyError::WeakPublicKey)
        ));
    }

    #[test]
    fn a_key_pair_is_written_once_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let private = folder.path().join("demo");
        let key = generate().unwrap();
        let public = write_pair(&key, &private).unwrap();
        assert_eq!(read_private(&private).unwrap().to_bytes(), key.to_bytes());
        assert_eq!(read_public(&public).unwrap(), key.verifying_key());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(
                private.metadata().unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
        assert!(matches!(
            write_pair(&generate().unwrap(), &private),
            Err(KeyError::Exists { .. })
        ));
        std::fs::remove_file(&private).unwrap();
        assert!(matches!(
            write_pair(&generate().unwrap(), &private),
            Err(KeyError::Exists { .. })
        ));
        assert!(
            !private.exists(),
            "a private key without its public one was left"
        );
        assert_eq!(read_public(&public).unwrap(), key.verifying_key());
    }
}
