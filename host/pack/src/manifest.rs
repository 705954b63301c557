//! `manifest.cbor`: what a pack is and holds, typed.
//!
//! Follows the ecosystem's `greentic.pack-manifest.v1` in names and sense. Two things differ on purpose. The compiled
//! flows are one file beside their sources and not values inside the manifest, so that the manifest stays small and the
//! engine is handed verified bytes as they are; one file for all, because flows call each other and are resolved
//! together. Signatures are not in it: they cover it. Unknown fields are refused; a new field means a new schema.

use std::collections::BTreeMap;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::limits::{Limits, NAME_CHARS};
use crate::pack_id::PackId;
use crate::refusal::Refusal;

/// The manifest's schema.
pub const SCHEMA: &str = "greentic.pack-manifest.v1";

/// What a pack is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PackKind {
    /// Flows for users, with what they need.
    Application,
    /// Channels, tools: ways to other systems.
    Provider,
    /// Stores, buses, secrets backends, engines.
    Infrastructure,
    /// Parts that other packs depend on.
    Library,
}

impl PackKind {
    /// All kinds, as `pack.yaml` names them.
    pub const NAMES: [&'static str; 4] = ["application", "provider", "infrastructure", "library"];

    /// The kind of a name of [`PackKind::NAMES`].
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "application" => Some(Self::Application),
            "provider" => Some(Self::Provider),
            "infrastructure" => Some(Self::Infrastructure),
            "library" => Some(Self::Library),
            _ => None,
        }
    }

    /// The kind's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Application => "application",
            Self::Provider => "provider",
            Self::Infrastructure => "infrastructure",
            Self::Library => "library",
        }
    }
}

/// The manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Always `greentic.pack-manifest.v1`.
    pub schema: String,
    /// The pack's id.
    pub id: PackId,
    /// The pack's version.
    pub version: Version,
    /// A name for people.
    pub name: String,
    /// One sentence for people; may be empty.
    pub description: String,
    /// What it is for.
    pub kind: PackKind,
    /// Who made it. Proves nothing: the signature does.
    pub publisher: String,
    /// Its flows, in order of id.
    pub flows: Vec<FlowEntry>,
    /// Path of the compiled definition of all flows, which the flow engine loads; absent when there is no flow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow_definition: Option<String>,
    /// Its components, in order of name.
    pub components: Vec<ComponentEntry>,
    /// Paths of its other files, in order, each under `assets/`.
    pub assets: Vec<String>,
    /// Packs it needs, with the versions that will do.
    pub dependencies: BTreeMap<PackId, VersionReq>,
    /// Secrets it needs, in order of name.
    pub secrets: Vec<SecretRequirement>,
}

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlowEntry {
    /// The flow's id, by which bundles name it.
    pub id: String,
    /// Its type: `messaging` and the like.
    #[serde(rename = "type")]
    pub kind: String,
    /// A title for people; may be empty.
    pub title: String,
    /// Tags, in the author's order.
    pub tags: Vec<String>,
    /// Names of its entry points and the nodes they lead to.
    pub entrypoints: BTreeMap<String, String>,
    /// Path of the source.
    pub source: String,
}

/// A component.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ComponentEntry {
    /// Its name, by which bundles name it.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its path.
    pub file: String,
    /// SHA-256 of the file, in hex: the key of compile caches.
    pub sha256: String,
    /// What it exports: interfaces as `greentic:channel/channel@0.1.0`, functions by their names, in order. A world is
    /// implemented by what is exported, so this tells the worlds.
    pub exports: Vec<String>,
    /// What it imports, likewise.
    pub imports: Vec<String>,
    /// What it would like to be granted. A request grants nothing.
    pub requests: Requests,
    /// JSON Schema of its configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_schema: Option<serde_json::Value>,
}

/// What a component asks for, in the words of a bundle's `grants`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Requests {
    /// Hosts it wants to call over HTTP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<String>,
    /// Addresses it wants to connect to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tcp: Vec<String>,
    /// Addresses it wants to send datagrams to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub udp: Vec<String>,
    /// Secrets it wants to use through handles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// Secrets whose value it wants to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveal: Vec<String>,
    /// Directories it wants to read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub read: Vec<String>,
    /// Directories it wants to write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub write: Vec<String>,
    /// Environment variables it wants to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

impl Requests {
    /// Puts each list in order and drops repeats, so that the order in which requests were written is no difference.
    pub(crate) fn sort(&mut self) {
        for list in [
            &mut self.http,
            &mut self.tcp,
            &mut self.udp,
            &mut self.secrets,
            &mut self.reveal,
            &mut self.read,
            &mut self.write,
            &mut self.env,
        ] {
            list.sort();
            list.dedup();
        }
    }

    /// The kinds of request and what is asked of each, in the order of the fields.
    pub fn lists(&self) -> [(&'static str, &Vec<String>); 8] {
        [
            ("http", &self.http),
            ("tcp", &self.tcp),
            ("udp", &self.udp),
            ("secrets", &self.secrets),
            ("reveal", &self.reveal),
            ("read", &self.read),
            ("write", &self.write),
            ("env", &self.env),
        ]
    }
}

/// A secret a pack needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SecretRequirement {
    /// The secret's name, such as `webchat/signing-key`.
    pub name: String,
    /// What it is and where to get it; may be empty.
    pub description: String,
    /// Whether nothing works without it.
    pub required: bool,
}

impl Manifest {
    /// Writes the manifest.
    pub(crate) fn encode(&self) -> Result<Vec<u8>, Refusal> {
        let mut out = Vec::new();
        ciborium::into_writer(self, &mut out).map_err(|error| Refusal::BadManifest {
            reason: error.to_string(),
        })?;
        Ok(out)
    }

    /// Reads a manifest: one value, of bounded depth, in the form [`Manifest::encode`] writes.
    pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Self, Refusal> {
        let mut rest = bytes;
        let manifest: Self =
            ciborium::de::from_reader_with_recursion_limit(&mut rest, limits.cbor_depth).map_err(
                |error| match error {
                    ciborium::de::Error::RecursionLimitExceeded => Refusal::ManifestTooDeep {
                        limit: limits.cbor_depth,
                    },
                    ciborium::de::Error::Io(_) => Refusal::BadManifest {
                        reason: "it ends in the middle".to_owned(),
                    },
                    ciborium::de::Error::Syntax(at) => Refusal::BadManifest {
                        reason: format!("byte {at} is not CBOR"),
                    },
                    ciborium::de::Error::Semantic(_, reason) => Refusal::BadManifest { reason },
                },
            )?;
        if !rest.is_empty() {
            return Err(Refusal::ManifestTrailing);
        }
        if manifest.schema != SCHEMA {
            return Err(Refusal::ManifestSchema {
                found: manifest.schema.chars().take(100).collect(),
            });
        }
        if manifest.encode()? != bytes {
            return Err(Refusal::ManifestNotCanonical);
        }
        manifest.check_names()?;
        Ok(manifest)
    }

    /// Names have their form, occur once and stand in order.
    pub(crate) fn check_names(&self) -> Result<(), Refusal> {
        check(
            "component",
            self.components.iter().map(|one| one.name.as_str()),
            is_component_name,
        )?;
        check(
            "flow",
            self.flows.iter().map(|one| one.id.as_str()),
            is_flow_id,
        )?;
        check(
            "secret",
            self.secrets.iter().map(|one| one.name.as_str()),
            is_secret_name,
        )?;
        check("asset", self.assets.iter().map(String::as_str), |_| true)
    }
}

fn check<'a>(
    what: &'static str,
    names: impl Iterator<Item = &'a str>,
    sound: fn(&str) -> bool,
) -> Result<(), Refusal> {
    let mut last: Option<&str> = None;
    for name in names {
        let value = || name.chars().take(NAME_CHARS).collect();
        if !sound(name) {
            return Err(Refusal::BadName {
                what,
                value: value(),
            });
        }
        match last {
            Some(last) if last == name => {
                return Err(Refusal::DuplicateName {
                    what,
                    value: value(),
                });
            }
            Some(last) if last > name => return Err(Refusal::ManifestNotCanonical),
            _ => last = Some(name),
        }
    }
    Ok(())
}

/// A component's name: small letters, digits and `-`, first a letter.
pub(crate) fn is_component_name(name: &str) -> bool {
    name.len() <= NAME_CHARS
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// A flow's id: letters, digits, `_`, `-` and `.`, first a letter or `_`.
pub(crate) fn is_flow_id(id: &str) -> bool {
    id.len() <= NAME_CHARS
        && id.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && id
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

/// A secret's name: segments of letters, digits, `_`, `-` and `.`, separated by `/`.
pub(crate) fn is_secret_name(name: &str) -> bool {
    let sound = |segment: &str| {
        segment.starts_with(|c: char| c.is_ascii_alphanumeric())
            && segment
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    name.len() <= NAME_CHARS && name.split('/').all(sound)
}
