//! The repository's files, and what of a Rust file is shipped.

use std::fs;
use std::path::{Path, PathBuf};

/// One file.
pub struct Source {
    /// Its path from the repository's folder.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Lines with their numbers, without comments and without what is compiled for tests only: everything from `#[cfg(test)]` on,
    /// which stands last in a file here.
    pub fn shipped_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..)
            .zip(self.text.lines())
            .take_while(|(_, line)| line.trim() != "#[cfg(test)]")
            .map(|(number, line)| (number, uncommented(line)))
    }
}

/// A line up to its comment. A `//` after a `:` is part of an address.
fn uncommented(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//").map(|at| from + at) {
        if !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap()
}

/// Every file of a kind below these folders.
pub fn sources(folders: &[&str], extension: &str) -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    for folder in folders {
        collect(&root, &root.join(folder), extension, &mut found);
    }
    assert!(
        !found.is_empty(),
        "no .{extension} below {folders:?}: is this test in the right place?"
    );
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn collect(root: &Path, folder: &Path, extension: &str, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            collect(root, &path, extension, found);
        } else if path.extension().is_some_and(|own| own == extension) {
            let shown = path
                .strip_prefix(root)
                .unwrap()
                .to_string_lossy()
                .replace('\\', "/");
            let text = fs::read_to_string(&path).unwrap();
            found.push(Source { path: shown, text });
        }
    }
}
