//! The secrets a binding may open, as handles. A value is wiped when it is replaced or the last handle goes, and no type
//! here prints it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use greentic_interfaces::SecretUse;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::RwLock;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::http::Placeholders;

/// One secret of one binding.
pub struct SecretCell {
    name: String,
    value: RwLock<Option<Value>>,
    placeholder: String,
    reveal: bool,
}

struct Value {
    bytes: Zeroizing<Vec<u8>>,
    version: String,
}

impl SecretCell {
    /// A secret without a value yet. `reveal` says whether the bundle lets the component see the bytes.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn new(name: &str, reveal: bool) -> Result<Self, getrandom::Error> {
        let mut random = [0; 16];
        getrandom::fill(&mut random)?;
        Ok(Self {
            name: name.to_owned(),
            value: RwLock::new(None),
            placeholder: format!("gtsec_{}", hex::encode(random)),
            reveal,
        })
    }

    /// Sets or replaces the value.
    pub fn set(&self, bytes: Zeroizing<Vec<u8>>, version: String) {
        *self.value.write() = Some(Value { bytes, version });
    }

    /// The name it is granted under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether there is a value.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.value.read().is_some()
    }

    fn mac(&self, data: &[u8]) -> Option<Hmac<Sha256>> {
        let value = self.value.read();
        let mut mac = Hmac::<Sha256>::new_from_slice(&value.as_ref()?.bytes).ok()?;
        mac.update(data);
        Some(mac)
    }
}

impl SecretUse for SecretCell {
    fn hmac_sha256(&self, data: &[u8]) -> Vec<u8> {
        self.mac(data)
            .map(|mac| mac.finalize().into_bytes().to_vec())
            .unwrap_or_default()
    }

    fn verify_hmac(&self, data: &[u8], tag: &[u8]) -> bool {
        self.mac(data)
            .is_some_and(|mac| mac.verify_slice(tag).is_ok())
    }

    fn equals(&self, candidate: &[u8]) -> bool {
        let value = self.value.read();
        // Comparing digests makes the time independent of where the two differ and of their lengths.
        value.as_ref().is_some_and(|value| {
            use sha2::Digest;
            bool::from(Sha256::digest(&*value.bytes).ct_eq(&Sha256::digest(candidate)))
        })
    }

    fn placeholder(&self) -> String {
        self.placeholder.clone()
    }

    fn reveal(&self) -> Option<Vec<u8>> {
        self.reveal
            .then(|| self.value.read().as_ref().map(|value| value.bytes.to_vec()))
            .flatten()
    }

    fn version(&self) -> String {
        self.value
            .read()
            .as_ref()
            .map(|value| value.version.clone())
            .unwrap_or_default()
    }
}

impl fmt::Debug for SecretCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "secret `{}`", self.name)
    }
}

/// All secrets of one binding, by the name the component opens them with.
#[derive(Debug, Default)]
pub struct Secrets {
    by_name: BTreeMap<String, Arc<SecretCell>>,
}

impl Secrets {
    /// The secrets of a binding.
    #[must_use]
    pub fn new(cells: impl IntoIterator<Item = Arc<SecretCell>>) -> Self {
        Self {
            by_name: cells
                .into_iter()
                .map(|cell| (cell.name.clone(), cell))
                .collect(),
        }
    }

    /// Whether all of these are the same handles. A secret with a new value has a new one.
    #[must_use]
    pub fn has_handles_of(&self, other: &Self) -> bool {
        self.by_name.len() == other.by_name.len()
            && self.by_name.iter().all(|(name, cell)| {
                let theirs = other.by_name.get(name);
                theirs.is_some_and(|theirs| Arc::ptr_eq(cell, theirs))
            })
    }

    /// The secret granted under this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<SecretCell>> {
        self.by_name.get(name)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<SecretCell>> {
        self.by_name.values()
    }
}

impl Placeholders for Secrets {
    fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    fn resolve(&self, token: &str) -> Option<Zeroizing<Vec<u8>>> {
        let cell = self
            .by_name
            .values()
            .find(|cell| cell.placeholder == token)?;
        cell.value.read().as_ref().map(|value| value.bytes.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(reveal: bool) -> SecretCell {
        let cell = SecretCell::new("slack/signing-secret", reveal).expect("random numbers");
        cell.set(Zeroizing::new(b"key".to_vec()), "1".into());
        cell
    }

    #[test]
    fn an_hmac_verifies_only_for_the_same_bytes_and_the_whole_tag() {
        let cell = secret(false);
        let tag = cell.hmac_sha256(b"body");
        // RFC 4231 form: HMAC-SHA256(key="key", "body") computed with an independent implementation.
        assert_eq!(tag.len(), 32);
        assert!(cell.verify_hmac(b"body", &tag));
        assert!(!cell.verify_hmac(b"bodY", &tag));
        assert!(!cell.verify_hmac(b"body", tag.get(..31).expect("31 bytes")));
        assert!(!cell.verify_hmac(b"body", b""));
    }

    #[test]
    fn a_secret_without_a_value_verifies_nothing() {
        let cell = SecretCell::new("x", true).expect("random numbers");
        assert!(!cell.verify_hmac(b"", b""));
        assert!(!cell.equals(b""));
        assert_eq!(cell.reveal(), None);
        assert!(cell.hmac_sha256(b"").is_empty());
    }

    #[test]
    fn the_bytes_are_shown_only_with_their_own_grant_and_never_in_debug_output() {
        assert_eq!(secret(false).reveal(), None);
        assert_eq!(secret(true).reveal(), Some(b"key".to_vec()));
        assert!(!format!("{:?}", secret(true)).contains("key"));
    }

    #[test]
    fn equality_needs_the_whole_secret() {
        let cell = secret(false);
        assert!(cell.equals(b"key"));
        for other in [&b"ke"[..], b"key1", b"", b"KEY"] {
            assert!(!cell.equals(other));
        }
    }
}
