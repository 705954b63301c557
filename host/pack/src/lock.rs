//! The lock file: which packs, byte for byte, a bundle was last loaded with.
//!
//! A bundle names packs by path or tag, and what lies there can be exchanged. The lock file beside it names their digests: a host
//! that requires it loads these bytes or nothing, and one that only finds it refuses a lower version than the one in it.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::pack::Pack;
use crate::statement::sha256;

/// The version of the file's format.
const VERSION: u32 = 1;

/// The name of the file, beside the bundle.
pub const LOCK_FILE: &str = "greentic.lock";

/// What a pack was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPack {
    /// Its id; absent for a bare component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its version; absent for a bare component.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// `sha256:` and 64 hexadecimal digits, of all its bytes.
    pub digest: String,
    /// The digest of its manifest in the registry it comes from; absent for a file. By it the locked bytes are found, wherever the
    /// tag has gone since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

impl LockedPack {
    /// A pack that was opened.
    #[must_use]
    pub fn of(pack: &Pack) -> Self {
        Self {
            id: Some(pack.id().to_string()),
            version: Some(pack.version().clone()),
            digest: pack.digest().to_owned(),
            manifest: None,
        }
    }

    /// A component in no pack.
    #[must_use]
    pub fn bare(bytes: &[u8]) -> Self {
        Self {
            id: None,
            version: None,
            digest: format!("sha256:{}", sha256(bytes)),
            manifest: None,
        }
    }

    /// The same, from a registry that has it under this manifest.
    #[must_use]
    pub fn from_registry(self, manifest: String) -> Self {
        Self {
            manifest: Some(manifest),
            ..self
        }
    }
}

/// A lock file's content: packs by what the bundle says after `from`, made relative to its folder where it lies below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    version: u32,
    /// The packs.
    pub packs: BTreeMap<String, LockedPack>,
}

/// A text that is no lock file.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Not JSON, or with other keys.
    #[error(
        "the lock file is damaged: {0}; write it again with `greentic-host --bundle FILE --lock`"
    )]
    Damaged(#[from] serde_json::Error),
    /// Of another version.
    #[error("the lock file has version {0}, and this host reads {VERSION}")]
    Version(u32),
}

/// Why a pack is not the one in the lock file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockFault {
    /// It is not in the file.
    #[error("`{0}` is not in the lock file")]
    Missing(String),
    /// Other bytes.
    #[error(
        "`{name}` is not what the lock file says: it has digest {found}, and {locked} is locked"
    )]
    Changed {
        /// What the bundle calls it.
        name: String,
        /// What lies there.
        found: String,
        /// What the file says.
        locked: String,
    },
    /// An older version.
    #[error(
        "`{name}` is {id} {found}, and {seen} was seen before: a lower version may bring back what was repaired"
    )]
    Older {
        /// What the bundle calls it.
        name: String,
        /// The pack.
        id: String,
        /// Its version.
        found: Box<Version>,
        /// The higher one.
        seen: Box<Version>,
    },
}

impl Default for Lock {
    fn default() -> Self {
        Self {
            version: VERSION,
            packs: BTreeMap::new(),
        }
    }
}

impl Lock {
    /// Reads a lock file.
    ///
    /// # Errors
    /// [`LockError`]
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let lock: Self = serde_json::from_str(text)?;
        if lock.version == VERSION {
            Ok(lock)
        } else {
            Err(LockError::Version(lock.version))
        }
    }

    /// The file's text; the same packs give the same bytes.
    ///
    /// # Errors
    /// Never in practice: nothing in it fails to encode.
    pub fn to_text(&self) -> Result<String, LockError> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Whether a pack is the one that is locked.
    ///
    /// # Errors
    /// [`LockFault`]
    pub fn require(&self, name: &str, pack: &LockedPack) -> Result<(), LockFault> {
        let Some(locked) = self.packs.get(name) else {
            return Err(LockFault::Missing(name.to_owned()));
        };
        if locked.digest != pack.digest {
            return Err(LockFault::Changed {
                name: name.to_owned(),
                found: pack.digest.clone(),
                locked: locked.digest.clone(),
            });
        }
        Ok(())
    }

    /// Whether a pack is not older than what was seen of its id. One whose very bytes are locked is pinned and may be older.
    ///
    /// # Errors
    /// [`LockFault::Older`]
    pub fn not_older(&self, name: &str, pack: &LockedPack) -> Result<(), LockFault> {
        if self.packs.values().any(|one| one.digest == pack.digest) {
            return Ok(());
        }
        let (Some(id), Some(version)) = (&pack.id, &pack.version) else {
            return Ok(());
        };
        let of_id = self
            .packs
            .values()
            .filter(|one| one.id.as_ref() == Some(id));
        let seen = of_id.filter_map(|one| one.version.as_ref()).max();
        match seen {
            Some(seen) if version < seen => Err(LockFault::Older {
                name: name.to_owned(),
                id: id.clone(),
                found: Box::new(version.clone()),
                seen: Box::new(seen.clone()),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(id: &str, version: &str, digest: &str) -> LockedPack {
        LockedPack {
            id: Some(id.into()),
            version: Some(version.parse().unwrap()),
            digest: digest.into(),
            manifest: None,
        }
    }

    fn lock() -> Lock {
        let mut lock = Lock::default();
        lock.packs
            .insert("a.gtpack".into(), pack("x/a", "1.2.0", "sha256:1"));
        lock
    }

    #[test]
    fn a_lock_reads_back_and_strangers_are_refused() {
        let text = lock().to_text().unwrap();
        assert_eq!(Lock::parse(&text).unwrap(), lock());
        for wrong in [
            "",
            "{}",
            "{\"version\":2,\"packs\":{}}",
            "{\"version\":1,\"packs\":{},\"more\":1}",
            "{\"version\":1,\"packs\":{\"a\":{\"id\":\"x/a\"}}}",
        ] {
            assert!(Lock::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_locked_bytes_are_what_is_locked() {
        let lock = lock();
        assert_eq!(
            lock.require("a.gtpack", &pack("x/a", "1.2.0", "sha256:1")),
            Ok(())
        );
        assert!(matches!(
            lock.require("a.gtpack", &pack("x/a", "1.2.0", "sha256:2")),
            Err(LockFault::Changed { .. })
        ));
        assert!(matches!(
            lock.require("b.gtpack", &pack("x/a", "1.2.0", "sha256:1")),
            Err(LockFault::Missing(_))
        ));
    }

    #[test]
    fn a_lower_version_is_refused_unless_its_bytes_are_pinned() {
        let mut lock = lock();
        let older = pack("x/a", "1.1.9", "sha256:0");
        assert!(matches!(
            lock.not_older("b.gtpack", &older),
            Err(LockFault::Older { .. })
        ));
        assert_eq!(
            lock.not_older("a.gtpack", &pack("x/a", "1.3.0", "sha256:3")),
            Ok(())
        );
        assert_eq!(
            lock.not_older("a.gtpack", &pack("x/b", "0.1.0", "sha256:4")),
            Ok(())
        );
        lock.packs.insert("pinned.gtpack".into(), older.clone());
        assert_eq!(lock.not_older("b.gtpack", &older), Ok(()));
    }
}
