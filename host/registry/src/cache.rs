//! What was fetched, on disk, by its digest.
//!
//! A blob is written beside its place and moved there, so that there is never half of one, and its bytes are compared with its name
//! whenever it is read: a damaged one is fetched again. Tags are kept as they were last seen, for use without a network. Several
//! processes may use one folder.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::reference::Reference;

/// A folder of blobs and tags.
#[derive(Debug, Clone)]
pub struct Cache {
    blobs: PathBuf,
    tags: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Tag {
    reference: String,
    manifest: Digest,
}

impl Cache {
    /// Opens a folder, and makes it where it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        let cache = Self {
            blobs: folder.join("sha256"),
            tags: folder.join("tags"),
        };
        for folder in [&cache.blobs, &cache.tags] {
            fs::create_dir_all(folder).map_err(|error| {
                io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
            })?;
        }
        Ok(cache)
    }

    /// A blob of at most `limit` bytes; none when it is not there, or is not what its name says.
    pub(crate) fn blob(&self, digest: Digest, limit: u64) -> Option<Bytes> {
        let path = self.blobs.join(digest.hex());
        let metadata = fs::metadata(&path).ok()?;
        if metadata.len() > limit {
            return None;
        }
        let bytes = fs::read(&path).ok()?;
        if Digest::of(&bytes) != digest {
            // Whoever damaged it: what is asked for is fetched again.
            let _ = fs::remove_file(&path);
            return None;
        }
        // When it was last used decides what goes first. A file system without that keeps the order of writing.
        let _ = fs::File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
        Some(bytes.into())
    }

    /// Keeps a blob whose digest was compared.
    pub(crate) fn keep(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        write(&self.blobs, &digest.hex(), bytes)
    }

    /// The manifest a tag had when it was last seen.
    pub(crate) fn tag(&self, reference: &Reference) -> Option<Digest> {
        let text = fs::read(self.tags.join(tag_file(reference))).ok()?;
        let tag: Tag = serde_json::from_slice(&text).ok()?;
        (tag.reference == reference.to_string()).then_some(tag.manifest)
    }

    pub(crate) fn keep_tag(&self, reference: &Reference, manifest: Digest) -> io::Result<()> {
        let tag = Tag {
            reference: reference.to_string(),
            manifest,
        };
        write(&self.tags, &tag_file(reference), &serde_json::to_vec(&tag)?)
    }

    /// Removes blobs, the longest unused first, until all of them together are at most `limit` bytes. Those named are kept.
    pub(crate) fn shrink(&self, limit: u64, kept: &[Digest]) {
        let Ok(entries) = fs::read_dir(&self.blobs) else {
            return;
        };
        let mut all: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        all.sort();
        let mut sum: u64 = all.iter().map(|(_, size, _)| size).sum();
        let kept: Vec<String> = kept.iter().map(Digest::hex).collect();
        for (_, size, path) in all {
            if sum <= limit {
                return;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if !kept.iter().any(|digest| *digest == name) && fs::remove_file(&path).is_ok() {
                sum = sum.saturating_sub(size);
            }
        }
    }
}

fn tag_file(reference: &Reference) -> String {
    Digest::of(reference.to_string().as_bytes()).hex()
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let beside = folder.join(format!(".{name}.{}-{count}", std::process::id()));
    let written = fs::File::create_new(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, folder.join(name))
    });
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(&folder.path().join("deep/er")).unwrap();
        (folder, cache)
    }

    #[test]
    fn a_blob_is_what_its_name_says_or_is_not_there() {
        let (_folder, cache) = cache();
        let digest = Digest::of(b"one");
        assert_eq!(cache.blob(digest, 10), None);
        cache.keep(digest, b"one").unwrap();
        assert_eq!(cache.blob(digest, 10).as_deref(), Some(b"one".as_slice()));
        assert_eq!(cache.blob(digest, 2), None, "a limit that was lowered");
        fs::write(cache.blobs.join(digest.hex()), "two").unwrap();
        assert_eq!(cache.blob(digest, 10), None);
        assert!(
            !cache.blobs.join(digest.hex()).exists(),
            "what is damaged goes"
        );
        cache.keep(digest, b"one").unwrap();
        assert!(cache.blob(digest, 10).is_some());
        let names: Vec<_> = fs::read_dir(&cache.blobs).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it: {names:?}");
    }

    #[test]
    fn a_tag_is_known_as_it_was_last_seen() {
        let (_folder, cache) = cache();
        let one: Reference = "a.example/b:1".parse().unwrap();
        let two: Reference = "a.example/b:2".parse().unwrap();
        cache.keep_tag(&one, Digest::of(b"1")).unwrap();
        cache.keep_tag(&one, Digest::of(b"2")).unwrap();
        assert_eq!(cache.tag(&one), Some(Digest::of(b"2")));
        assert_eq!(cache.tag(&two), None);
        fs::copy(
            cache.tags.join(tag_file(&one)),
            cache.tags.join(tag_file(&two)),
        )
        .unwrap();
        assert_eq!(cache.tag(&two), None, "a file of another tag");
    }

    #[test]
    fn the_longest_unused_go_first_and_what_is_in_use_stays() {
        let (_folder, cache) = cache();
        let digests: Vec<_> = (0_u8..4).map(|n| Digest::of(&[n; 10])).collect();
        for (digest, n) in digests.iter().zip(0_u8..) {
            cache.keep(*digest, &[n; 10]).unwrap();
            let file = fs::File::open(cache.blobs.join(digest.hex())).unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(u64::from(n) + 1);
            file.set_modified(time).unwrap();
        }
        cache.shrink(20, &digests[..1]);
        let there: Vec<bool> = digests
            .iter()
            .map(|digest| cache.blob(*digest, 99).is_some())
            .collect();
        assert_eq!(there, [true, false, false, true]);
    }
}
