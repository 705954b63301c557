//! Grants for directories: which folder of the host a plugin sees, under which name, and whether it may write there.
//!
//! The folder is opened once as a handle and everything the guest names is resolved below it, symbolic links and `..` too
//! (cap-std's rule, kept by wasmtime-wasi): no path leads out of it.

use std::path::{Path, PathBuf};

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

/// A folder a plugin sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirGrant {
    /// The folder on the host.
    pub host: PathBuf,
    /// Its name in the guest: `/` and the folder's last name, so `./data/secrets` is `/secrets`.
    pub guest: String,
}

/// A granted folder that cannot be given.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}` is granted the folder {}, which cannot be opened: {reason}; create it or change `plugins.{plugin}.grants`", path.display())]
pub struct DirError {
    /// The plugin's name in the bundle.
    pub plugin: String,
    /// The folder.
    pub path: PathBuf,
    /// What the system said.
    pub reason: String,
}

impl DirGrant {
    /// The grant of `path`, taken from `base` when it is relative.
    ///
    /// # Errors
    /// When the path has no last name in UTF-8 to show the guest (`/`, `..`).
    pub fn new(path: &Path, base: &Path) -> Result<Self, String> {
        let name = path.file_name().and_then(|name| name.to_str());
        match name {
            Some(name) => Ok(Self {
                host: base.join(path),
                guest: format!("/{name}"),
            }),
            None => {
                Err("this folder has no name to show the plugin; name a folder below it".into())
            }
        }
    }

    /// Opens the folder for a guest.
    ///
    /// # Errors
    /// When it does not exist, is no folder, or may not be opened.
    pub(super) fn preopen(
        &self,
        plugin: &str,
        perms: FsPerms,
        builder: &mut WasiCtxBuilder,
    ) -> Result<(), DirError> {
        let opened = match std::fs::metadata(&self.host) {
            Ok(found) if !found.is_dir() => Err("it is not a folder".to_owned()),
            Ok(_) => builder
                .preopened_dir(&self.host, &self.guest, perms)
                .map(|_| ())
                .map_err(|error| format!("{error:#}")),
            Err(error) => Err(error.to_string()),
        };
        opened.map_err(|reason| DirError {
            plugin: plugin.into(),
            path: self.host.clone(),
            reason,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guest_sees_the_last_name_of_the_folder() {
        for (path, host, guest) in [
            ("./secrets", "/bundle/./secrets", "/secrets"),
            ("data/secrets/", "/bundle/data/secrets/", "/secrets"),
            ("/srv/secrets", "/srv/secrets", "/secrets"),
        ] {
            let grant = DirGrant::new(Path::new(path), Path::new("/bundle")).unwrap();
            assert_eq!(
                (grant.host.to_str().unwrap(), grant.guest.as_str()),
                (host, guest)
            );
        }
        for path in ["/", "..", "a/..", ""] {
            assert!(
                DirGrant::new(Path::new(path), Path::new("/bundle")).is_err(),
                "{path}"
            );
        }
    }

    #[test]
    fn a_folder_that_is_missing_or_a_file_is_an_error_that_names_plugin_and_path() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), "x").unwrap();
        for (path, says) in [("missing", "No such file"), ("file", "not a folder")] {
            let grant = DirGrant::new(Path::new(path), dir.path()).unwrap();
            let error = grant
                .preopen("env-file", FsPerms::ReadOnly, &mut WasiCtxBuilder::new())
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("`env-file`") && error.contains(path) && error.contains(says),
                "{error}"
            );
        }
    }

    #[test]
    fn a_folder_that_is_there_opens() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("here")).unwrap();
        let grant = DirGrant::new(Path::new("here"), dir.path()).unwrap();
        grant
            .preopen("p", FsPerms::ReadWrite, &mut WasiCtxBuilder::new())
            .unwrap();
    }
}
