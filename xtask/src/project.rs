//! Where things are: the repository, the target folder, the packages.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use crate::run::{capture, cargo};

/// The repository as cargo sees it.
pub struct Project {
    /// The repository's folder.
    pub root: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
    /// The workspace's packages.
    pub packages: Vec<Package>,
}

/// One package of the workspace.
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Whether it is a `cdylib`: what becomes a component.
    pub is_component: bool,
}

impl Project {
    /// Asks cargo; without dependencies that costs a moment and no network.
    pub fn find() -> anyhow::Result<Self> {
        let text =
            capture(cargo().args(["metadata", "--no-deps", "--format-version=1", "--offline"]))?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata")?;
        let path = |key: &str| {
            let found = metadata.get(key).and_then(Value::as_str);
            found
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata says no `{key}`"))
        };
        let packages = metadata.get("packages").and_then(Value::as_array);
        Ok(Self {
            root: path("workspace_root")?,
            target: path("target_directory")?,
            packages: packages
                .into_iter()
                .flatten()
                .filter_map(Package::read)
                .collect(),
        })
    }

    /// Components below a folder of the repository, by name.
    pub fn components(&self, below: &str) -> Vec<&Package> {
        let folder = self.root.join(below);
        let mut found: Vec<_> = self
            .packages
            .iter()
            .filter(|package| {
                package.is_component && package.folder.parent() == Some(folder.as_path())
            })
            .collect();
        found.sort_by(|one, other| one.name.cmp(&other.name));
        found
    }

    /// Where a component is after it was built.
    pub fn component_file(&self, name: &str) -> PathBuf {
        let file = format!("{}.wasm", name.replace('-', "_"));
        self.target.join("wasm32-wasip2/plugin").join(file)
    }

    /// A path as it is shown: from the repository's folder.
    pub fn shown<'p>(&self, path: &'p Path) -> std::path::Display<'p> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}

impl Package {
    fn read(value: &Value) -> Option<Self> {
        let manifest = value.get("manifest_path")?.as_str()?;
        let targets = value.get("targets")?.as_array()?;
        let is_cdylib = |target: &Value| {
            let kinds = target.get("crate_types").and_then(Value::as_array);
            kinds
                .into_iter()
                .flatten()
                .any(|kind| kind.as_str() == Some("cdylib"))
        };
        Some(Self {
            name: value.get("name")?.as_str()?.to_owned(),
            folder: Path::new(manifest).parent()?.to_owned(),
            is_component: targets.iter().any(is_cdylib),
        })
    }
}
