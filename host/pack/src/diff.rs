//! What changes from one pack to another: for the person who decides whether to take the new one.

use std::collections::BTreeMap;
use std::fmt;

use crate::layout::{ENVELOPE, MANIFEST, SBOM, STATEMENT};
use crate::manifest::Manifest;
use crate::pack::Pack;

/// One difference. Its text begins with `+` (added), `-` (taken away) or `~` (changed).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is about: `pack`, `file`, `component`, `request`, `export`, `import`, `flow`, `dependency`, `secret`.
    pub what: &'static str,
    /// Which one.
    pub name: String,
    /// The value before; absent when it was added.
    pub before: Option<String>,
    /// The value after; absent when it was taken away.
    pub after: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            what,
            name,
            before,
            after,
        } = self;
        let (sign, values) = match (before, after) {
            (None, Some(after)) => ('+', after.clone()),
            (Some(before), None) => ('-', before.clone()),
            (before, after) => (
                '~',
                format!(
                    "{} → {}",
                    before.as_deref().unwrap_or_default(),
                    after.as_deref().unwrap_or_default()
                ),
            ),
        };
        write!(f, "{sign} {what} {name}")?;
        if values.is_empty() {
            Ok(())
        } else {
            write!(f, ": {values}")
        }
    }
}

/// Compares two packs; empty when they hold the same. Signatures are not compared.
pub fn diff(before: &Pack, after: &Pack) -> Vec<Change> {
    let (old, new) = (facts(before), facts(after));
    let keys: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| Change {
            what: key.1,
            name: key.2.clone(),
            before: old.get(key).cloned(),
            after: new.get(key).cloned(),
        })
        .collect()
}

/// Rank (what matters most comes first), subject, name.
type Key = (u8, &'static str, String);

fn facts(pack: &Pack) -> BTreeMap<Key, String> {
    let mut facts = manifest_facts(pack.manifest());
    for path in pack
        .paths()
        .filter(|path| ![MANIFEST, SBOM, STATEMENT, ENVELOPE].contains(path))
    {
        let data = pack.file(path).unwrap_or_default();
        let digest: String = crate::statement::sha256(&data).chars().take(16).collect();
        facts.insert(
            (9, "file", path.to_owned()),
            format!("{} bytes, sha256:{digest}…", data.len()),
        );
    }
    facts
}

fn manifest_facts(manifest: &Manifest) -> BTreeMap<Key, String> {
    let mut facts = BTreeMap::new();
    let mut fact = |rank, what, name: &str, value: String| {
        facts.insert((rank, what, name.to_owned()), value);
    };
    fact(0, "pack", "id", manifest.id.to_string());
    fact(0, "pack", "version", manifest.version.to_string());
    fact(0, "pack", "kind", manifest.kind.name().to_owned());
    fact(0, "pack", "name", manifest.name.clone());
    fact(0, "pack", "description", manifest.description.clone());
    fact(0, "pack", "publisher", manifest.publisher.clone());
    for component in &manifest.components {
        fact(
            1,
            "component",
            &component.name,
            component.version.to_string(),
        );
        for (kind, values) in component.requests.lists() {
            for value in values {
                fact(
                    2,
                    "request",
                    &format!("{} {kind} {value}", component.name),
                    String::new(),
                );
            }
        }
        for export in &component.exports {
            fact(
                3,
                "export",
                &format!("{} {export}", component.name),
                String::new(),
            );
        }
        for import in &component.imports {
            fact(
                4,
                "import",
                &format!("{} {import}", component.name),
                String::new(),
            );
        }
        if let Some(schema) = &component.config_schema {
            fact(5, "configuration", &component.name, schema.to_string());
        }
    }
    for flow in &manifest.flows {
        let entries: Vec<String> = flow
            .entrypoints
            .iter()
            .map(|(name, node)| format!("{name}={node}"))
            .collect();
        let text = [
            flow.kind.as_str(),
            flow.title.as_str(),
            &flow.tags.join(","),
            &entries.join(","),
        ];
        fact(
            6,
            "flow",
            &flow.id,
            text.into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(" · "),
        );
    }
    for (id, range) in &manifest.dependencies {
        fact(7, "dependency", id.as_str(), range.to_string());
    }
    for secret in &manifest.secrets {
        let need = if secret.required {
            "required"
        } else {
            "optional"
        };
        fact(
            8,
            "secret",
            &secret.name,
            format!("{need} {}", secret.description)
                .trim_end()
                .to_owned(),
        );
    }
    facts
}
