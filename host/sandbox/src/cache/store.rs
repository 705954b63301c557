//! Authenticated files in a private directory.
//!
//! An entry is `magic (8) · key (32) · HMAC-SHA256 (32) · code`; the HMAC covers magic, key and code. Entries are written beside
//! their place and renamed into it, so a reader sees a whole entry or none.

use super::CacheError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

const MAGIC: &[u8; 8] = b"GTCODE\x00\x01";
const HEADER: usize = 8 + 32 + 32;
const KEY_FILE: &str = "key";
const ENTRY: &str = "code";
const TEMPORARY: &str = ".new-";
/// A file of a write that never ended is removed after so long.
const ABANDONED: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    limit: u64,
    secret: Secret,
}

struct Secret(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// An entry's bytes after its HMAC was found right. Made by [`Store::read`] only.
pub(super) struct Verified {
    file: Vec<u8>,
}

impl Verified {
    pub(super) fn code(&self) -> &[u8] {
        self.file.get(HEADER..).unwrap_or_default()
    }
}

/// Why an entry is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error("it cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("it is cut short or of another format")]
    Format,
    #[error("this host did not write it, or it was changed since")]
    NotAuthentic,
}

impl Store {
    pub(super) fn open(dir: &Path, limit: u64) -> Result<Self, CacheError> {
        let io = |source| CacheError::Io {
            path: dir.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(io)?;
        // From here on a link in the path cannot lead elsewhere.
        let dir = fs::canonicalize(dir).map_err(io)?;
        let about = fs::metadata(&dir).map_err(io)?;
        let unsafe_because = |reason: &str| CacheError::NotPrivate {
            path: dir.clone(),
            reason: reason.into(),
        };
        if about.mode() & 0o022 != 0 {
            return Err(unsafe_because(
                "others can write to it (take that away with `chmod go-w`)",
            ));
        }
        // A new file belongs to whom this process runs as.
        let probe = temporary(&dir).map_err(io)?;
        let me = probe.file.metadata().map_err(io)?.uid();
        drop(probe);
        if about.uid() != me {
            return Err(unsafe_because(
                "it belongs to another user (name a directory of this user)",
            ));
        }
        let secret = read_or_make_key(&dir, me)?;
        let store = Self { dir, limit, secret };
        store.remove_abandoned();
        Ok(store)
    }

    /// The entry under `key`, verified; none when there is none.
    pub(super) fn read(&self, key: &[u8; 32]) -> Result<Option<Verified>, Damage> {
        let mut open = match File::open(self.path(key)) {
            Ok(open) => open,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Damage::Unreadable(error)),
        };
        let mut file = Vec::new();
        open.read_to_end(&mut file).map_err(Damage::Unreadable)?;
        let (magic, rest) = file.split_first_chunk::<8>().ok_or(Damage::Format)?;
        let (named, rest) = rest.split_first_chunk::<32>().ok_or(Damage::Format)?;
        let (tag, code) = rest.split_first_chunk::<32>().ok_or(Damage::Format)?;
        if magic != MAGIC {
            return Err(Damage::Format);
        }
        // An entry copied to another name is authentic and still the wrong one.
        if named != key {
            return Err(Damage::NotAuthentic);
        }
        self.mac(key, code)
            .ok_or(Damage::Format)?
            .verify_slice(tag)
            .map_err(|_| Damage::NotAuthentic)?;
        // Used now: the last to be evicted. Without the right to say so it is merely evicted earlier.
        let _ = open.set_modified(SystemTime::now());
        Ok(Some(Verified { file }))
    }

    /// Keeps `code`, which must come from `Component::serialize`: what is written here is later run.
    pub(super) fn write(&self, key: &[u8; 32], code: &[u8]) -> io::Result<()> {
        let tag = self
            .mac(key, code)
            .ok_or_else(|| io::Error::other("no key"))?
            .finalize()
            .into_bytes();
        let mut new = temporary(&self.dir)?;
        for part in [MAGIC.as_slice(), key, &tag, code] {
            new.file.write_all(part)?;
        }
        new.rename(&self.path(key))?;
        self.evict(key)
    }

    fn mac(&self, key: &[u8; 32], code: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.0.as_slice()).ok()?;
        for part in [MAGIC.as_slice(), key, code] {
            mac.update(part);
        }
        Some(mac)
    }

    fn path(&self, key: &[u8; 32]) -> PathBuf {
        self.dir.join(hex::encode(key)).with_extension(ENTRY)
    }

    /// Removes the least recently used entries until the rest fits. Another process may remove them too.
    fn evict(&self, keep: &[u8; 32]) -> io::Result<()> {
        let keep = self.path(keep);
        let mut entries = Vec::new();
        let mut total = 0_u64;
        for file in fs::read_dir(&self.dir)?.flatten() {
            let path = file.path();
            let Ok(about) = file.metadata() else { continue };
            if path.extension().is_some_and(|extension| extension == ENTRY) {
                total = total.saturating_add(about.len());
                entries.push((
                    about.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                    about.len(),
                    path,
                ));
            }
        }
        entries.sort();
        for (_, size, path) in entries {
            if total <= self.limit {
                break;
            }
            if path != keep && fs::remove_file(&path).is_ok() {
                total = total.saturating_sub(size);
            }
        }
        Ok(())
    }

    fn remove_abandoned(&self) {
        for file in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let old = file
                .metadata()
                .and_then(|about| about.modified())
                .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED));
            if old && file.file_name().to_string_lossy().starts_with(TEMPORARY) {
                let _ = fs::remove_file(file.path());
            }
        }
    }
}

/// A file beside its place; removed unless it is renamed.
struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn rename(self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing here any more.
        let _ = fs::remove_file(&self.path);
    }
}

fn temporary(dir: &Path) -> io::Result<Temporary> {
    let mut name = [0_u8; 16];
    getrandom::fill(&mut name).map_err(io::Error::other)?;
    let path = dir.join(format!("{TEMPORARY}{}", hex::encode(name)));
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    Ok(Temporary { file, path })
}

/// The directory's key: 32 random bytes, made by the first process that opens it.
fn read_or_make_key(dir: &Path, me: u32) -> Result<Secret, CacheError> {
    let path = dir.join(KEY_FILE);
    let io = |source| CacheError::Io {
        path: path.clone(),
        source,
    };
    if let Some(secret) = read_key(&path, me)? {
        return Ok(secret);
    }
    let mut bytes = Zeroizing::new([0_u8; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| io(io::Error::other(error)))?;
    let mut new = temporary(dir).map_err(io)?;
    new.file
        .write_all(bytes.as_slice())
        .and_then(|()| new.file.sync_all())
        .map_err(io)?;
    // A link fails where a file is: of two processes one makes the key, whole, and both read it.
    match fs::hard_link(&new.path, &path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io(error)),
    }
    read_key(&path, me)?.ok_or_else(|| {
        io(io::Error::other(
            "the key was removed while it was being made",
        ))
    })
}

/// The key in a file; none when there is no file, or when it is not a key, which is then removed: entries under it are rebuilt.
fn read_key(path: &Path, me: u32) -> Result<Option<Secret>, CacheError> {
    let io = |source| CacheError::Io {
        path: path.to_owned(),
        source,
    };
    let about = match fs::symlink_metadata(path) {
        Ok(about) => about,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    if !about.is_file() || about.uid() != me || about.mode() & 0o077 != 0 {
        let reason = "its key is not a file that only this user can read (remove the directory; it is made again)".into();
        return Err(CacheError::NotPrivate {
            path: path.to_owned(),
            reason,
        });
    }
    let bytes = Zeroizing::new(fs::read(path).map_err(io)?);
    match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(key) => Ok(Some(Secret(Zeroizing::new(key)))),
        Err(_) => {
            tracing::warn!(path = %path.display(), "the cache's key is damaged: it is made again, and so is every entry");
            fs::remove_file(path).map_err(io)?;
            Ok(None)
        }
    }
}
