//! A temporary folder with a bundle and what stands beside it.

use std::path::{Path, PathBuf};

use super::built;

/// The line of the bundle of most tests that makes its session store.
pub const MEMORY_STORE: &str = "  memory: { from: \"${PLUGINS}/store_memory.wasm\" }";
/// The same of its bus.
pub const MEMORY_BUS: &str = "  bus: { from: \"${PLUGINS}/bus_memory.wasm\" }";

/// A folder that is removed with the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    /// An empty one.
    #[must_use]
    pub fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With this text as `bundle.yaml`.
    #[must_use]
    pub fn with_bundle(text: &str) -> Self {
        let folder = Self::empty();
        folder.write("bundle.yaml", text);
        folder
    }

    /// With the bundle of most tests, `tests/bundles/NAME.yaml`, the secrets its channels need, and the folders `switch` and `sent`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let path = built::repository().join(format!("tests/bundles/{name}.yaml"));
        let folder = Self::with_bundle(&std::fs::read_to_string(path).unwrap());
        folder.write("secrets/signing-key", super::webhook::KEY);
        folder.write("secrets/webchat/signing-key", "k".repeat(64));
        folder.write("secrets/webchat/secret", super::direct_line::SECRET);
        folder.write("switch/empty", "");
        std::fs::create_dir(folder.path().join("sent")).unwrap();
        folder
    }

    /// The demo's own bundle with a secret, its packs, and the development key; it listens where it is free.
    #[must_use]
    pub fn demo() -> Self {
        let folder = Self::empty();
        let bundle =
            std::fs::read_to_string(built::repository().join("greentic.demo.yaml")).unwrap();
        folder.write("bundle.yaml", &bundle);
        folder.write("secrets/webchat/signing-key", "k".repeat(64));
        for name in ["backends", "channels", "helpdesk", "tools"] {
            folder.copy(&built::pack(name), &format!("packs/{name}.gtpack"));
        }
        let key = built::repository().join(".greentic/dev-key.pub");
        folder.copy(&key, ".greentic/dev-key.pub");
        folder
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in it, as text.
    #[must_use]
    pub fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file, with the folders it lies in.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.made(name), content).unwrap();
    }

    /// Copies a file into it.
    pub fn copy(&self, from: &Path, name: &str) {
        std::fs::copy(from, self.made(name)).unwrap();
    }

    /// Changes the bundle: one text, which must stand in it once, for another.
    #[must_use]
    pub fn but(self, text: &str, instead: &str) -> Self {
        let bundle = std::fs::read_to_string(self.file("bundle.yaml")).unwrap();
        assert_eq!(
            bundle.matches(text).count(),
            1,
            "`{text}` must stand in the bundle once"
        );
        self.write("bundle.yaml", bundle.replace(text, instead));
        self
    }

    /// Changes the bundle of a running host as an editor does, which writes a new file in place of the old one.
    pub fn edit(&self, text: &str, instead: &str) {
        let bundle = std::fs::read_to_string(self.file("bundle.yaml")).unwrap();
        assert_eq!(
            bundle.matches(text).count(),
            1,
            "`{text}` must stand in the bundle once:\n{bundle}"
        );
        self.replace(&bundle.replace(text, instead));
    }

    /// Puts another bundle in place of that of a running host, as an editor does.
    pub fn replace(&self, bundle: &str) {
        self.write("bundle.yaml.new", bundle);
        std::fs::rename(self.file("bundle.yaml.new"), self.file("bundle.yaml")).unwrap();
    }

    fn made(&self, name: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }
}
