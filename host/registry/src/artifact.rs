//! What an artifact's manifest looks like: ours for packs, and the layout of the wasm artifact for components.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::error::Reason;

/// An OCI image manifest, which artifacts are described by (image specification 1.1).
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What older registries call the same.
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// A list of manifests.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// The type of a pack as an artifact, and of its one layer.
pub const PACK: &str = "application/vnd.greentic.pack.v1";
/// The media type of the layer that is a .gtpack file.
pub const PACK_LAYER: &str = "application/vnd.greentic.pack.v1.gtpack";
/// The configuration of an artifact that has none (image specification, "guidance for an empty descriptor").
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_BYTES: &[u8] = b"{}";
/// The layer of a wasm artifact (CNCF TAG Runtime, "Wasm OCI Artifact layout").
pub const WASM_LAYER: &str = "application/wasm";
/// Its configuration.
pub const WASM_CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// What an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A .gtpack file.
    Pack,
    /// A component.
    Component,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pack => "pack",
            Self::Component => "component",
        }
    }
}

/// A blob by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// More about it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// A manifest. What it holds beside this is not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    schema_version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    /// What it says about itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// What is to be pushed.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// The manifest's bytes.
    pub manifest: Vec<u8>,
    /// The blobs it names.
    pub blobs: Vec<(Descriptor, bytes::Bytes)>,
}

impl Artifact {
    /// A pack as an artifact. The same pack with the same annotations has the same digest.
    ///
    /// # Errors
    /// Never in practice: nothing in a manifest fails to encode.
    pub fn pack(
        bytes: bytes::Bytes,
        file: &str,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, serde_json::Error> {
        let config = (EMPTY, bytes::Bytes::from_static(EMPTY_BYTES));
        Self::new(Some(PACK), config, (PACK_LAYER, bytes), file, annotations)
    }

    /// A component in the layout of the wasm artifact; `config` says what it exports and imports.
    ///
    /// # Errors
    /// As [`Artifact::pack`].
    pub fn component(
        bytes: bytes::Bytes,
        file: &str,
        interfaces: &Interfaces,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, serde_json::Error> {
        let config = WasmConfig {
            // The layout wants a time. This one keeps the same component the same artifact.
            created: "1970-01-01T00:00:00Z",
            architecture: "wasm",
            os: "wasip2",
            layer_digests: [Digest::of(&bytes)],
            component: interfaces,
        };
        let config = (WASM_CONFIG, serde_json::to_vec(&config)?.into());
        Self::new(None, config, (WASM_LAYER, bytes), file, annotations)
    }

    fn new(
        artifact_type: Option<&str>,
        (config_type, config): (&str, bytes::Bytes),
        (layer_type, layer): (&str, bytes::Bytes),
        file: &str,
        annotations: BTreeMap<String, String>,
    ) -> Result<Self, serde_json::Error> {
        let describe = |media_type: &str, bytes: &bytes::Bytes| Descriptor {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            annotations: BTreeMap::new(),
        };
        let config = (describe(config_type, &config), config);
        let mut layer = (describe(layer_type, &layer), layer);
        let title = ("org.opencontainers.image.title".to_owned(), file.to_owned());
        layer.0.annotations.extend([title]);
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(MANIFEST.to_owned()),
            artifact_type: artifact_type.map(str::to_owned),
            config: config.0.clone(),
            layers: vec![layer.0.clone()],
            annotations,
        };
        Ok(Self {
            manifest: serde_json::to_vec(&manifest)?,
            blobs: vec![config, layer],
        })
    }

    /// The digest it has in a registry.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

/// What a component exports and imports, by the names of its interfaces.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Interfaces {
    /// What it gives.
    pub exports: Vec<String>,
    /// What it needs.
    pub imports: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig<'a> {
    created: &'static str,
    architecture: &'static str,
    os: &'static str,
    layer_digests: [Digest; 1],
    component: &'a Interfaces,
}

/// What is looked at of an index, to say what could be named instead.
#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

impl Manifest {
    /// Reads a manifest's bytes; `media_type` is what the registry says they are.
    ///
    /// # Errors
    /// [`Reason::BadManifest`], or [`Reason::Foreign`] for a list of manifests.
    pub(crate) fn read(bytes: &[u8], media_type: Option<&str>) -> Result<Self, Reason> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            media_type: Option<String>,
        }
        let head: Head = serde_json::from_slice(bytes).map_err(bad)?;
        let stated = head.media_type.as_deref().or(media_type);
        if let Some(INDEX | DOCKER_LIST) = stated {
            let index: Index = serde_json::from_slice(bytes).map_err(bad)?;
            let list = index.manifests.iter().take(8);
            return Err(Reason::Foreign(format!(
                "it is a list of {} manifests; name one by its digest{}",
                index.manifests.len(),
                list.map(|one| format!(", {}", one.digest))
                    .collect::<String>()
            )));
        }
        if let Some(other) = stated.filter(|stated| ![MANIFEST, DOCKER_MANIFEST].contains(stated)) {
            return Err(Reason::BadManifest(format!("its media type is `{other}`")));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(bad)?;
        if manifest.schema_version != 2 {
            return Err(Reason::BadManifest(format!(
                "its schema version is {}, not 2",
                manifest.schema_version
            )));
        }
        Ok(manifest)
    }

    /// The one layer that matters, and what it is.
    ///
    /// # Errors
    /// [`Reason::Foreign`]
    pub(crate) fn content(&self) -> Result<(Kind, &Descriptor), Reason> {
        let of_type = |media_type: &str| {
            let layers = self.layers.iter();
            layers
                .filter(|layer| layer.media_type == media_type)
                .collect::<Vec<_>>()
        };
        match (
            of_type(PACK_LAYER).as_slice(),
            of_type(WASM_LAYER).as_slice(),
        ) {
            ([pack], []) => Ok((Kind::Pack, pack)),
            ([], [component]) => Ok((Kind::Component, component)),
            ([], []) => {
                let mut types: Vec<_> = self
                    .layers
                    .iter()
                    .map(|layer| format!("`{}`", layer.media_type))
                    .collect();
                types.dedup();
                types.truncate(4);
                let what = self
                    .artifact_type
                    .as_ref()
                    .unwrap_or(&self.config.media_type);
                Err(Reason::Foreign(format!(
                    "it is of type `{what}` with layers of {}",
                    if types.is_empty() {
                        "no type".to_owned()
                    } else {
                        types.join(", ")
                    }
                )))
            }
            _ => Err(Reason::Foreign(
                "it has several layers that could be meant".into(),
            )),
        }
    }
}

fn bad(error: serde_json::Error) -> Reason {
    Reason::BadManifest(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(artifact: &Artifact) -> (Kind, Descriptor) {
        let manifest = Manifest::read(&artifact.manifest, None).unwrap();
        let (kind, layer) = manifest.content().unwrap();
        (kind, layer.clone())
    }

    #[test]
    fn what_is_pushed_is_read_as_what_it_is() {
        let bytes = bytes::Bytes::from_static(b"bytes");
        let pack = Artifact::pack(bytes.clone(), "a.gtpack", BTreeMap::new()).unwrap();
        assert_eq!(read(&pack), (Kind::Pack, pack.blobs[1].0.clone()));
        let again = Artifact::pack(bytes.clone(), "a.gtpack", BTreeMap::new()).unwrap();
        assert_eq!(pack.digest(), again.digest());
        let component =
            Artifact::component(bytes, "a.wasm", &Interfaces::default(), BTreeMap::new()).unwrap();
        assert_eq!(
            read(&component),
            (Kind::Component, component.blobs[1].0.clone())
        );
    }

    #[test]
    fn a_component_as_other_tools_push_it_is_read() {
        // The shape of what `wkg oci push` writes, with digests of our own.
        let digest = Digest::of(b"x");
        let text = format!(
            r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{{"mediaType":"{WASM_CONFIG}","digest":"{digest}","size":9}},
            "layers":[{{"mediaType":"application/wasm","digest":"{digest}","size":1}}],"annotations":{{"org.opencontainers.image.version":"1.0.0"}},"more":[]}}"#
        );
        let manifest = Manifest::read(text.as_bytes(), Some(MANIFEST)).unwrap();
        assert_eq!(manifest.content().unwrap().0, Kind::Component);
    }

    #[test]
    fn what_is_something_else_is_refused_with_what_it_is() {
        let digest = Digest::of(b"x");
        let image = |layers: &str| {
            format!(
                r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{digest}","size":9}},"layers":[{layers}]}}"#
            )
        };
        let layer = |of: &str| format!(r#"{{"mediaType":"{of}","digest":"{digest}","size":1}}"#);
        let judged = |text: &str| {
            let manifest = Manifest::read(text.as_bytes(), None)?;
            manifest.content().map(|found| found.0)
        };
        for (layers, said) in [
            (String::new(), "no type"),
            (
                layer("application/vnd.oci.image.layer.v1.tar+gzip"),
                "tar+gzip",
            ),
            (
                format!("{},{}", layer(WASM_LAYER), layer(WASM_LAYER)),
                "several layers",
            ),
            (
                format!("{},{}", layer(WASM_LAYER), layer(PACK_LAYER)),
                "several layers",
            ),
        ] {
            let refused = judged(&image(&layers)).unwrap_err();
            assert!(
                matches!(&refused, Reason::Foreign(why) if why.contains(said)),
                "{refused}"
            );
        }
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#,
            layer(MANIFEST)
        );
        let refused = judged(&index).unwrap_err();
        assert!(
            matches!(&refused, Reason::Foreign(why) if why.contains(&digest.to_string())),
            "{refused}"
        );
        for wrong in [
            "",
            "[]",
            "{}",
            "{\"schemaVersion\":1}",
            "{\"mediaType\":\"text/plain\"}",
            &image("5"),
        ] {
            assert!(
                matches!(judged(wrong), Err(Reason::BadManifest(_))),
                "{wrong}"
            );
        }
    }
}
