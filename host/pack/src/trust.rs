//! Who may sign what: the keyring, the policy, and the judgement of a pack's signatures.
//!
//! A key by itself proves nothing; it must be in the ring, valid at the time of loading, not revoked, and allowed for
//! the pack's id. As many different keys as the ring requires for that id must be so. A signature of a known key that
//! does not verify refuses the pack under every policy: somebody changed it.

use std::fmt;
use std::time::SystemTime;

use ed25519_dalek::VerifyingKey;

use crate::dsse::Envelope;
use crate::keys::fingerprint;
use crate::limits::Limits;
use crate::pack_id::{IdPattern, PackId};
use crate::refusal::Refusal;

/// A key of the ring and what it may do.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    /// The name operators see; unique in a ring.
    pub name: String,
    /// The key.
    pub key: VerifyingKey,
    /// The pack ids it may sign. Empty means none.
    pub may_sign: Vec<IdPattern>,
    /// Signatures do not count before this time.
    pub not_before: Option<SystemTime>,
    /// Signatures do not count from this time on.
    pub not_after: Option<SystemTime>,
    /// The reason for its revocation, when it was revoked. A revoked key stays in the ring so that the refusal can say so.
    pub revoked: Option<String>,
}

impl TrustedKey {
    /// A key that is valid for ever for the given ids.
    pub fn new(name: impl Into<String>, key: VerifyingKey, may_sign: Vec<IdPattern>) -> Self {
        Self {
            name: name.into(),
            key,
            may_sign,
            not_before: None,
            not_after: None,
            revoked: None,
        }
    }
}

/// A ring that would be ambiguous.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// Two keys of one name.
    #[error("two keys of the ring are named `{0}`; rename one")]
    DuplicateName(String),
    /// One key under two names, which could count twice against a threshold.
    #[error("`{one}` and `{other}` are the same key; remove one and join their `may-sign`")]
    SameKey {
        /// The name that stands first.
        one: String,
        /// The name that was added.
        other: String,
    },
    /// A key no signature can be trusted of.
    #[error(
        "`{0}` is a weak ed25519 key, under which any message can be made to verify; make a new key"
    )]
    Weak(String),
    /// A threshold that cannot be met or needs no signature.
    #[error("a threshold of {0} makes no sense; give 1 to 16")]
    Threshold(usize),
}

/// The keys an operator trusts.
#[derive(Debug, Clone, Default)]
pub struct Keyring {
    keys: Vec<(String, TrustedKey)>,
    thresholds: Vec<(IdPattern, usize)>,
}

impl Keyring {
    /// A ring without keys, under which nothing signed is trusted.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key.
    pub fn add(&mut self, key: TrustedKey) -> Result<(), KeyringError> {
        if key.key.is_weak() {
            return Err(KeyringError::Weak(key.name));
        }
        let id = fingerprint(&key.key);
        for (other_id, other) in &self.keys {
            if other.name == key.name {
                return Err(KeyringError::DuplicateName(key.name));
            }
            if *other_id == id {
                return Err(KeyringError::SameKey {
                    one: other.name.clone(),
                    other: key.name,
                });
            }
        }
        self.keys.push((id, key));
        Ok(())
    }

    /// Requires `needed` different keys for packs the pattern covers. Where several cover an id the largest holds;
    /// where none does, one key is enough.
    pub fn require(&mut self, packs: IdPattern, needed: usize) -> Result<(), KeyringError> {
        if !(1..=Limits::default().signatures).contains(&needed) {
            return Err(KeyringError::Threshold(needed));
        }
        self.thresholds.push((packs, needed));
        Ok(())
    }

    /// The keys, in the order they were added.
    pub fn keys(&self) -> impl Iterator<Item = &TrustedKey> {
        self.keys.iter().map(|(_, key)| key)
    }

    fn find(&self, fingerprint: &str) -> Option<&TrustedKey> {
        self.keys
            .iter()
            .find(|(id, _)| id == fingerprint)
            .map(|(_, key)| key)
    }

    fn needed(&self, id: &PackId) -> usize {
        let covering = self
            .thresholds
            .iter()
            .filter(|(pattern, _)| pattern.covers(id));
        covering.map(|(_, needed)| *needed).max().unwrap_or(1)
    }
}

/// What a caller accepts.
#[derive(Debug, Clone)]
pub struct Policy {
    keyring: Keyring,
    allow_untrusted: bool,
    now: Option<SystemTime>,
    pub(crate) limits: Limits,
}

impl Policy {
    /// Only packs that keys of the ring signed. This is what a host uses unless it is told otherwise.
    pub fn strict(keyring: Keyring) -> Self {
        Self {
            keyring,
            allow_untrusted: false,
            now: None,
            limits: Limits::default(),
        }
    }

    /// Unsigned packs, and packs signed by strangers, are read too; [`Trust`] tells them apart from trusted ones.
    /// For `--allow-unsigned`, which must be reported at every start, and for tools that only look.
    pub fn allow_unsigned(keyring: Keyring) -> Self {
        Self {
            allow_untrusted: true,
            ..Self::strict(keyring)
        }
    }

    /// Judges validity at `now` instead of the time of opening.
    pub fn at(mut self, now: SystemTime) -> Self {
        self.now = Some(now);
        self
    }

    /// Reads within other limits.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Verifies the signatures of an envelope, before its payload is looked into. Under a strict policy at least one
    /// must be of a key of the ring.
    pub(crate) fn verify(&self, envelope: Option<&Envelope>) -> Result<Verified<'_>, Refusal> {
        let Some(envelope) = envelope else {
            return if self.allow_untrusted {
                Ok(Verified::default())
            } else {
                Err(Refusal::Unsigned)
            };
        };
        let signed = envelope.signed_bytes();
        let mut verified = Verified::default();
        for one in &envelope.signatures {
            match self.keyring.find(&one.keyid) {
                Some(key) if key.key.verify_strict(&signed, &one.signature).is_ok() => {
                    verified.keys.push((one.keyid.clone(), key));
                }
                Some(key) => {
                    return Err(Refusal::BadSignature {
                        key: key.name.clone(),
                    });
                }
                None => verified.strangers.push(Refusal::UnknownSigner {
                    fingerprint: one.keyid.clone(),
                }),
            }
        }
        if self.allow_untrusted || !verified.keys.is_empty() {
            Ok(verified)
        } else {
            Err(too_few(1, &[], verified.strangers))
        }
    }

    /// Judges verified signatures for a pack of the id that the signed statement names.
    pub(crate) fn judge(&self, id: &PackId, verified: Verified<'_>) -> Result<Trust, Refusal> {
        let now = self.now.unwrap_or_else(SystemTime::now);
        let mut refused = verified.strangers;
        let mut signers = Vec::new();
        for (fingerprint, key) in verified.keys {
            match standing(key, id, now) {
                Ok(pattern) => signers.push(Signer {
                    name: key.name.clone(),
                    fingerprint,
                    by: pattern.clone(),
                }),
                Err(refusal) => refused.push(refusal),
            }
        }
        let needed = self.keyring.needed(id);
        if signers.len() >= needed {
            Ok(Trust::Signed { signers, needed })
        } else if !self.allow_untrusted {
            Err(too_few(needed, &signers, refused))
        } else if signers.is_empty() && refused.is_empty() {
            Ok(Trust::Unsigned)
        } else {
            Ok(Trust::Untrusted {
                signers: signers.len(),
                needed,
                reasons: refused,
            })
        }
    }
}

/// One signature that does not count is told by its own reason, several by their number.
fn too_few(needed: usize, signers: &[Signer], mut refused: Vec<Refusal>) -> Refusal {
    if needed == 1
        && refused.len() == 1
        && let Some(only) = refused.pop()
    {
        return only;
    }
    Refusal::ThresholdNotMet {
        needed,
        trusted: signers.len(),
        others: refused.iter().map(|one| format!("; it {one}")).collect(),
    }
}

/// Signatures that verify, by keys of the ring, and those of strangers.
#[derive(Debug, Default)]
pub(crate) struct Verified<'a> {
    keys: Vec<(String, &'a TrustedKey)>,
    strangers: Vec<Refusal>,
}

/// Whether a key's signature counts for the id now, and by which pattern.
fn standing<'a>(
    key: &'a TrustedKey,
    id: &PackId,
    now: SystemTime,
) -> Result<&'a IdPattern, Refusal> {
    let name = || key.name.clone();
    if let Some(reason) = &key.revoked {
        return Err(Refusal::KeyRevoked {
            key: name(),
            reason: reason.clone(),
        });
    }
    if key.not_before.is_some_and(|start| now < start) {
        return Err(Refusal::KeyNotYetValid { key: name() });
    }
    if key.not_after.is_some_and(|end| now >= end) {
        return Err(Refusal::KeyExpired { key: name() });
    }
    let pattern = key.may_sign.iter().find(|pattern| pattern.covers(id));
    pattern.ok_or_else(|| Refusal::KeyMayNotSign {
        key: name(),
        id: id.to_string(),
    })
}

/// A signature that counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The key's name in the ring.
    pub name: String,
    /// The key's fingerprint, `sha256:` and 64 hex digits.
    pub fingerprint: String,
    /// The pattern of `may-sign` by which the key may sign this pack.
    pub by: IdPattern,
}

/// Why a pack was accepted. Its text is made for a start table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Signed by enough keys of the ring.
    Signed {
        /// The signatures that count, in order of fingerprint.
        signers: Vec<Signer>,
        /// How many were needed.
        needed: usize,
    },
    /// Signed, but not by enough keys that count. Accepted because the policy allows unsigned packs.
    Untrusted {
        /// Signatures that count.
        signers: usize,
        /// How many were needed.
        needed: usize,
        /// Why the others do not count.
        reasons: Vec<Refusal>,
    },
    /// Not signed. Accepted because the policy allows it.
    Unsigned,
}

impl Trust {
    /// Whether keys of the ring vouch for the pack.
    pub fn is_trusted(&self) -> bool {
        matches!(self, Self::Signed { .. })
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signed { signers, needed } => {
                for (index, signer) in signers.iter().enumerate() {
                    let comma = if index == 0 { "signed by" } else { "," };
                    let short: String = signer.fingerprint.chars().take(19).collect();
                    write!(
                        f,
                        "{comma} `{}` ({short}…, may sign `{}`)",
                        signer.name, signer.by
                    )?;
                }
                if *needed > 1 {
                    write!(f, "; {needed} were needed")?;
                }
                Ok(())
            }
            Self::Untrusted {
                signers,
                needed,
                reasons,
            } => {
                write!(f, "NOT TRUSTED ({signers} of {needed})")?;
                for (index, reason) in reasons.iter().enumerate() {
                    write!(f, "{}{reason}", if index == 0 { ": " } else { "; " })?;
                }
                Ok(())
            }
            Self::Unsigned => f.write_str("UNSIGNED"),
        }
    }
}
