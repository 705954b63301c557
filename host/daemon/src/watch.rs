//! Watching the bundle and the files it names, by looking at them again and again.
//!
//! What is looked at is time, length and inode, which works on every file system, through links, and for editors that write a new
//! file in place of the old one. A change counts when the files have been the same for two looks: nobody reads half a file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How a file looked.
type Look = Option<(SystemTime, u64, u64)>;

/// Files that are watched.
pub struct Watch {
    paths: Vec<PathBuf>,
    taken: BTreeMap<PathBuf, Look>,
    last: BTreeMap<PathBuf, Look>,
}

impl Watch {
    /// Watches these files from how they are now.
    pub fn new(paths: Vec<PathBuf>) -> Self {
        let now = looks(&paths);
        Self {
            paths,
            taken: now.clone(),
            last: now,
        }
    }

    /// Whether something has changed since the last time this said so, and is at rest.
    pub fn changed(&mut self) -> bool {
        let now = looks(&self.paths);
        let rests = now == self.last;
        self.last = now;
        if !rests || self.last == self.taken {
            return false;
        }
        self.taken = self.last.clone();
        true
    }

    /// Watches other files from now on. Files that were watched already are not forgotten how they were.
    pub fn watch(&mut self, paths: Vec<PathBuf>) {
        let now = looks(&paths);
        let keep = |known: &BTreeMap<PathBuf, Look>| {
            let look = |path: &PathBuf| {
                let look = known.get(path).or_else(|| now.get(path));
                (path.clone(), look.copied().flatten())
            };
            paths.iter().map(look).collect()
        };
        (self.taken, self.last) = (keep(&self.taken), keep(&self.last));
        self.paths = paths;
    }
}

fn looks(paths: &[PathBuf]) -> BTreeMap<PathBuf, Look> {
    let look = |path: &PathBuf| (path.clone(), look(path));
    paths.iter().map(look).collect()
}

fn look(path: &Path) -> Look {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn a_change_counts_once_and_only_when_the_file_is_at_rest() {
        let folder = std::env::temp_dir().join(format!("watch-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = file(&folder, "a", "one");
        let mut watch = Watch::new(vec![path.clone()]);
        assert!(!watch.changed());
        file(&folder, "a", "three");
        assert!(!watch.changed(), "it may still be being written");
        assert!(watch.changed());
        assert!(!watch.changed(), "said already");
        std::fs::remove_file(&path).unwrap();
        assert!(!watch.changed());
        assert!(watch.changed(), "a file that is gone is a change too");
        let other = file(&folder, "b", "x");
        watch.watch(vec![path.clone(), other]);
        assert!(!watch.changed(), "a new path is no change by itself");
        file(&folder, "b", "xy");
        assert!(!watch.changed());
        assert!(watch.changed());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
