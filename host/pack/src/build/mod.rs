//! Building a pack: from parts in memory ([`PackBuilder`]) or from a folder ([`build_dir`]).

mod folder;
mod source;

use std::collections::BTreeMap;

use bytes::Bytes;
use greentic_diagnostics::{Diagnostic, Diagnostics, Source};
use semver::{Version, VersionReq};

pub use folder::{BuildOptions, build_dir};

use crate::archive::write_archive;
use crate::component::{ComponentError, shape};
use crate::flow::{CompiledFlows, compile_flows};
use crate::layout::{
    ASSETS, COMPONENTS, DEFINITION, FLOW_ENDING, FLOWS, MANIFEST, SBOM, STATEMENT,
};
use crate::limits::Limits;
use crate::manifest::{ComponentEntry, Manifest, PackKind, Requests, SCHEMA, SecretRequirement};
use crate::pack::Pack;
use crate::pack_id::PackId;
use crate::refusal::{Fault, PackError};
use crate::sbom;
use crate::statement::{Statement, sha256};
use crate::trust::{Keyring, Policy};

/// Why a pack could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Faults in `pack.yaml`, in flows or in what they name, all of them, each with its place.
    #[error("{0}")]
    Faults(Diagnostics),
    /// What was built would be refused by a reader.
    #[error(transparent)]
    Refused(#[from] PackError),
}

/// A pack that was built.
#[derive(Debug)]
pub struct Built {
    /// The unsigned pack.
    pub bytes: Vec<u8>,
    /// Warnings of its flows.
    pub warnings: Diagnostics,
}

/// A component to be packed.
#[derive(Debug, Clone)]
pub struct ComponentSource {
    /// Its name: small letters, digits and `-`, first a letter.
    pub name: String,
    /// Its version.
    pub version: Version,
    /// Its bytes.
    pub bytes: Bytes,
    /// What it would like to be granted.
    pub requests: Requests,
    /// JSON Schema of its configuration.
    pub config_schema: Option<serde_json::Value>,
}

impl ComponentSource {
    /// A component that asks for nothing.
    pub fn new(name: impl Into<String>, version: Version, bytes: impl Into<Bytes>) -> Self {
        Self {
            name: name.into(),
            version,
            bytes: bytes.into(),
            requests: Requests::default(),
            config_schema: None,
        }
    }
}

/// A pack in the making. The order in which parts are added does not matter to the result.
#[derive(Debug, Clone)]
pub struct PackBuilder {
    manifest: Manifest,
    files: BTreeMap<String, Bytes>,
    flows: BTreeMap<String, Source>,
}

impl PackBuilder {
    /// An empty pack.
    pub fn new(id: PackId, version: Version, kind: PackKind) -> Self {
        Self {
            manifest: Manifest {
                schema: SCHEMA.to_owned(),
                name: id.to_string(),
                id,
                version,
                description: String::new(),
                kind,
                publisher: String::new(),
                flows: Vec::new(),
                flow_definition: None,
                components: Vec::new(),
                assets: Vec::new(),
                dependencies: BTreeMap::new(),
                secrets: Vec::new(),
            },
            files: BTreeMap::new(),
            flows: BTreeMap::new(),
        }
    }

    /// Sets the name for people.
    pub fn name(&mut self, name: impl Into<String>) -> &mut Self {
        self.manifest.name = name.into();
        self
    }

    /// Sets the sentence for people.
    pub fn description(&mut self, description: impl Into<String>) -> &mut Self {
        self.manifest.description = description.into();
        self
    }

    /// Sets the publisher.
    pub fn publisher(&mut self, publisher: impl Into<String>) -> &mut Self {
        self.manifest.publisher = publisher.into();
        self
    }

    /// Adds a pack it needs.
    pub fn dependency(&mut self, id: PackId, range: VersionReq) -> &mut Self {
        self.manifest.dependencies.insert(id, range);
        self
    }

    /// Adds a secret it needs. Secrets that components request are added without this, as required ones.
    pub fn secret(&mut self, secret: SecretRequirement) -> &mut Self {
        self.manifest.secrets.push(secret);
        self
    }

    /// Adds a component, whose exports and imports are read from its bytes.
    ///
    /// # Errors
    /// When the bytes are no component.
    pub fn component(&mut self, source: ComponentSource) -> Result<&mut Self, ComponentError> {
        let shape = shape(&source.bytes)?;
        let file = format!("{COMPONENTS}{}.wasm", source.name);
        self.manifest.components.push(ComponentEntry {
            name: source.name,
            version: source.version,
            sha256: sha256(&source.bytes),
            exports: shape.exports,
            imports: shape.imports,
            requests: source.requests,
            config_schema: source.config_schema,
            file: file.clone(),
        });
        self.files.insert(file, source.bytes);
        Ok(self)
    }

    /// Adds a flow's source under its file name, such as `welcome.ygtc`. Flows are compiled together by
    /// [`PackBuilder::build`].
    ///
    /// # Errors
    /// When the name does not end in `.ygtc` or was given before.
    pub fn flow(&mut self, file: &str, source: Source) -> Result<&mut Self, Diagnostics> {
        let fault = |text: String| {
            Diagnostics::from(Diagnostic::error(&source, "flow-file", text).help("rename the file"))
        };
        if !file.ends_with(FLOW_ENDING) {
            return Err(fault(format!(
                "the name of a flow's file ends in `{FLOW_ENDING}`, and `{file}` does not"
            )));
        }
        if self.flows.contains_key(file) {
            return Err(fault(format!(
                "the pack has another flow in a file named `{file}`"
            )));
        }
        self.flows.insert(file.to_owned(), source);
        Ok(self)
    }

    /// Adds an asset by its path below `assets/`.
    pub fn asset(&mut self, path: &str, bytes: impl Into<Bytes>) -> &mut Self {
        let path = format!("{ASSETS}{path}");
        if self.files.insert(path.clone(), bytes.into()).is_none() {
            self.manifest.assets.push(path);
        }
        self
    }

    /// Compiles the flows and writes the pack, unsigned. The same parts give the same bytes, on any machine and in any
    /// order.
    ///
    /// # Errors
    /// The flows' faults, or a [`PackError`] when a reader would refuse the pack: a name without its form, a path no
    /// pack may hold, too large.
    pub fn build(&self) -> Result<Built, BuildError> {
        let flows = self.compile_flows().map_err(BuildError::Faults)?;
        Ok(self.assemble(flows)?)
    }

    fn compile_flows(&self) -> Result<CompiledFlows, Diagnostics> {
        compile_flows(&self.flows)
    }

    fn assemble(&self, flows: CompiledFlows) -> Result<Built, PackError> {
        let name = format!("{} {}", self.manifest.id, self.manifest.version);
        let limits = Limits::default();
        let refused = |refusal| Fault::at(MANIFEST, refusal).in_pack(&name);
        let mut manifest = self.finished_manifest();
        let mut files = self.files.clone();
        for (file, source) in &self.flows {
            let text = Bytes::copy_from_slice(source.text().as_bytes());
            files.insert(format!("{FLOWS}{file}"), text);
        }
        manifest.flows = flows.entries;
        manifest.flows.sort_by(|one, other| one.id.cmp(&other.id));
        if let Some(definition) = flows.definition {
            files.insert(DEFINITION.to_owned(), definition.into());
            manifest.flow_definition = Some(DEFINITION.to_owned());
        }
        manifest.check_names().map_err(refused)?;
        files.insert(
            MANIFEST.to_owned(),
            manifest.encode().map_err(refused)?.into(),
        );
        let listed = files
            .iter()
            .map(|(path, data)| (path.as_str(), data.as_ref()));
        let sbom = sbom::write(&manifest, listed);
        files.insert(SBOM.to_owned(), sbom.into());
        let statement = Statement::of(&manifest.id, &manifest.version, &files).encode();
        files.insert(STATEMENT.to_owned(), statement.into());
        let bytes = write_archive(&files, &limits).map_err(|fault| fault.in_pack(&name))?;
        // Read back by the reader everybody else has: what it would refuse must not leave this place.
        Pack::open_named(
            &name,
            bytes.clone(),
            &Policy::allow_unsigned(Keyring::new()),
        )?;
        Ok(Built {
            bytes,
            warnings: flows.warnings,
        })
    }

    fn finished_manifest(&self) -> Manifest {
        let mut manifest = self.manifest.clone();
        for component in &mut manifest.components {
            component.requests.sort();
        }
        let requested = manifest
            .components
            .iter()
            .flat_map(|one| one.requests.secrets.iter().chain(&one.requests.reveal));
        let mut undeclared: Vec<String> = requested
            .filter(|name| !manifest.secrets.iter().any(|secret| secret.name == **name))
            .cloned()
            .collect();
        undeclared.sort();
        undeclared.dedup();
        manifest
            .secrets
            .extend(undeclared.into_iter().map(|name| SecretRequirement {
                name,
                description: String::new(),
                required: true,
            }));
        manifest
            .components
            .sort_by(|one, other| one.name.cmp(&other.name));
        manifest.assets.sort();
        manifest
            .secrets
            .sort_by(|one, other| one.name.cmp(&other.name));
        manifest
    }
}
