//! Opening a pack: structure, signatures, digests, and only then what it says.
//!
//! The order is the point. The archive's structure is read without looking into any file; then the envelope, the one
//! thing that must be read to verify anything, is read and its signatures verified; then the statement it signs; then
//! each file is compared with the statement. Manifest, flows, components and assets are touched after that only.
//! A pack is read once into one buffer, and everything handed out is a slice of the bytes that were verified.

use std::io::Read as _;
use std::path::Path;

use bytes::Bytes;
use semver::Version;

use crate::archive::Archive;
use crate::dsse::Envelope;
use crate::layout::{
    ASSETS, COMPONENTS, DEFINITION, ENVELOPE, FLOWS, MANIFEST, SBOM, STATEMENT, has_place,
};
use crate::limits::Limits;
use crate::manifest::{ComponentEntry, FlowEntry, Manifest};
use crate::pack_id::PackId;
use crate::refusal::{Fault, PackError, Refusal};
use crate::statement::{Statement, sha256};
use crate::trust::{Policy, Trust};

/// A pack whose every byte was verified.
#[derive(Debug)]
pub struct Pack {
    archive: Archive,
    manifest: Manifest,
    trust: Trust,
    digest: String,
    content_digest: String,
}

impl Pack {
    /// Opens a pack from its bytes.
    ///
    /// # Errors
    /// A [`PackError`] for the first thing that is wrong; nothing of the pack is usable then.
    pub fn open(bytes: impl Into<Bytes>, policy: &Policy) -> Result<Self, PackError> {
        Self::open_named("<bytes>", bytes, policy)
    }

    /// Opens a pack from its bytes; `name` (a path, a reference) stands in errors until the pack's id is known.
    ///
    /// # Errors
    /// As [`Pack::open`].
    pub fn open_named(
        name: &str,
        bytes: impl Into<Bytes>,
        policy: &Policy,
    ) -> Result<Self, PackError> {
        let sealed =
            Sealed::read(bytes.into(), &policy.limits).map_err(|fault| fault.in_pack(name))?;
        let at_envelope = |refusal| Fault::at(ENVELOPE, refusal).in_pack(name);
        let verified =
            policy
                .verify(sealed.envelope.as_ref())
                .map_err(|refusal| match refusal {
                    Refusal::Unsigned => Fault::from(refusal).in_pack(name),
                    _ => at_envelope(refusal),
                })?;
        let (statement, id, version) = sealed.statement().map_err(|fault| fault.in_pack(name))?;
        let known = format!("{name} ({id} {version})");
        let trust = policy
            .judge(&id, verified)
            .map_err(|refusal| Fault::at(ENVELOPE, refusal).in_pack(&known))?;
        Self::read_content(sealed, &statement, (id, version), trust, &policy.limits)
            .map_err(|fault| fault.in_pack(&known))
    }

    /// Reads a file once and opens it.
    ///
    /// # Errors
    /// As [`Pack::open`], and when it cannot be read.
    pub fn open_file(path: &Path, policy: &Policy) -> Result<Self, PackError> {
        let name = path.display().to_string();
        let bytes = read_bounded(path, &policy.limits)
            .map_err(|refusal| Fault::from(refusal).in_pack(&name))?;
        Self::open_named(&name, bytes, policy)
    }

    fn read_content(
        sealed: Sealed,
        statement: &Statement,
        (id, version): (PackId, Version),
        trust: Trust,
        limits: &Limits,
    ) -> Result<Self, Fault> {
        let archive = sealed.archive;
        statement.check(&archive)?;
        if let Some(stray) = archive.paths().find(|path| !has_place(path)) {
            return Err(Fault::at(stray, Refusal::OutsideLayout));
        }
        let metadata = |path: &str, missing| {
            metadata_file(&archive, path, limits)?.ok_or_else(|| Fault::at(path, missing))
        };
        let manifest = metadata(MANIFEST, Refusal::ManifestMissing)?;
        let manifest =
            Manifest::decode(&manifest, limits).map_err(|refusal| Fault::at(MANIFEST, refusal))?;
        let sbom = metadata(SBOM, Refusal::SbomMissing)?;
        crate::sbom::check(&sbom).map_err(|reason| Fault::at(SBOM, Refusal::BadSbom { reason }))?;
        if manifest.id != id || manifest.version != version {
            return Err(Fault::at(
                MANIFEST,
                Refusal::IdentityMismatch {
                    manifest: format!("{} {}", manifest.id, manifest.version),
                    statement: format!("{id} {version}"),
                },
            ));
        }
        check_files(&archive, &manifest)?;
        Ok(Self {
            digest: format!("sha256:{}", sha256(archive.bytes())),
            content_digest: format!("sha256:{}", sha256(&statement.encode())),
            archive,
            manifest,
            trust,
        })
    }

    /// What the pack says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The pack's id.
    pub fn id(&self) -> &PackId {
        &self.manifest.id
    }

    /// The pack's version.
    pub fn version(&self) -> &Version {
        &self.manifest.version
    }

    /// Who signed it and why it was accepted.
    pub fn trust(&self) -> &Trust {
        &self.trust
    }

    /// SHA-256 of the whole file, `sha256:` and hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// SHA-256 of the statement, `sha256:` and hex: the same however many keys signed, so this is what a lock pins.
    pub fn content_digest(&self) -> &str {
        &self.content_digest
    }

    /// The manifest's entry of a component.
    pub fn component(&self, name: &str) -> Option<&ComponentEntry> {
        self.manifest.components.iter().find(|one| one.name == name)
    }

    /// A component's bytes.
    pub fn component_bytes(&self, name: &str) -> Option<Bytes> {
        self.archive.file(&self.component(name)?.file)
    }

    /// The manifest's entry of a flow.
    pub fn flow(&self, id: &str) -> Option<&FlowEntry> {
        self.manifest.flows.iter().find(|one| one.id == id)
    }

    /// The compiled definition of all flows, as the flow engine loads it.
    pub fn flow_definition(&self) -> Option<Bytes> {
        self.archive.file(self.manifest.flow_definition.as_deref()?)
    }

    /// A flow's source as its author wrote it.
    pub fn flow_source(&self, id: &str) -> Option<Bytes> {
        self.archive.file(&self.flow(id)?.source)
    }

    /// An asset by its path below `assets/`.
    pub fn asset(&self, path: &str) -> Option<Bytes> {
        self.archive.file(&format!("{ASSETS}{path}"))
    }

    /// Any file by its path in the pack.
    pub fn file(&self, path: &str) -> Option<Bytes> {
        self.archive.file(path)
    }

    /// The paths of all files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.archive.paths()
    }

    /// The whole pack as it was verified.
    pub fn bytes(&self) -> &Bytes {
        self.archive.bytes()
    }
}

/// A pack of sound structure, of which only the envelope has been looked into.
pub(crate) struct Sealed {
    pub(crate) archive: Archive,
    pub(crate) envelope: Option<Envelope>,
    stated: Bytes,
}

impl Sealed {
    pub(crate) fn read(bytes: Bytes, limits: &Limits) -> Result<Self, Fault> {
        let archive = Archive::read(bytes, limits)?;
        let stated = metadata_file(&archive, STATEMENT, limits)?
            .ok_or_else(|| Fault::at(STATEMENT, Refusal::StatementMissing))?;
        let envelope = match metadata_file(&archive, ENVELOPE, limits)? {
            Some(bytes) => Some(
                Envelope::decode(&bytes, limits).map_err(|refusal| Fault::at(ENVELOPE, refusal))?,
            ),
            None => None,
        };
        if envelope
            .as_ref()
            .is_some_and(|envelope| envelope.payload != stated)
        {
            return Err(Fault::at(STATEMENT, Refusal::StatementDiffers));
        }
        Ok(Self {
            archive,
            envelope,
            stated,
        })
    }

    /// Looks into the statement, which is to be done after the signatures were verified.
    pub(crate) fn statement(&self) -> Result<(Statement, PackId, Version), Fault> {
        let at = |refusal| Fault::at(STATEMENT, refusal);
        let statement = Statement::decode(&self.stated).map_err(at)?;
        let id = statement.id.parse().map_err(|_| {
            at(Refusal::BadName {
                what: "pack id",
                value: statement.id.chars().take(100).collect(),
            })
        })?;
        let version = Version::parse(&statement.version).map_err(|_| {
            at(Refusal::BadName {
                what: "version",
                value: statement.version.chars().take(100).collect(),
            })
        })?;
        Ok((statement, id, version))
    }
}

/// Manifest and archive name the same files, and components have the digests the manifest states.
fn check_files(archive: &Archive, manifest: &Manifest) -> Result<(), Fault> {
    if !manifest.flows.is_empty() && manifest.flow_definition.is_none() {
        return Err(Fault::at(DEFINITION, Refusal::DanglingFile));
    }
    let flows = manifest.flows.iter().map(|flow| &flow.source);
    let flows = flows.chain(&manifest.flow_definition);
    let components = manifest.components.iter().map(|one| &one.file);
    let mut named: Vec<(&str, &str)> = flows.map(|path| (FLOWS, path.as_str())).collect();
    named.extend(components.map(|path| (COMPONENTS, path.as_str())));
    named.extend(manifest.assets.iter().map(|path| (ASSETS, path.as_str())));
    named.sort_unstable_by_key(|(_, path)| *path);
    for (folder, path) in &named {
        if !path.starts_with(folder) || archive.file(path).is_none() {
            return Err(Fault::at(*path, Refusal::DanglingFile));
        }
    }
    for path in archive.paths().filter(|path| {
        [FLOWS, COMPONENTS, ASSETS]
            .iter()
            .any(|folder| path.starts_with(folder))
    }) {
        if named
            .binary_search_by_key(&path, |(_, named)| named)
            .is_err()
        {
            return Err(Fault::at(path, Refusal::UnlistedFile));
        }
    }
    for component in &manifest.components {
        let data = archive.file(&component.file).unwrap_or_default();
        if component.sha256 != sha256(&data) {
            return Err(Fault::at(&component.file, Refusal::ComponentDigest));
        }
    }
    Ok(())
}

fn metadata_file(archive: &Archive, path: &str, limits: &Limits) -> Result<Option<Bytes>, Fault> {
    match archive.file(path) {
        Some(bytes)
            if !u64::try_from(bytes.len()).is_ok_and(|len| len <= limits.metadata_bytes) =>
        {
            Err(Fault::at(
                path,
                Refusal::FileTooLarge {
                    limit: limits.metadata_bytes,
                },
            ))
        }
        found => Ok(found),
    }
}

/// Reads a file that may grow or be a device while it is read.
pub(crate) fn read_bounded(path: &Path, limits: &Limits) -> Result<Vec<u8>, Refusal> {
    let unreadable = |error: std::io::Error| Refusal::Unreadable {
        reason: error.to_string(),
    };
    // Asked before opening: opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(Refusal::NotAFile);
    }
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(limits.pack_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len <= limits.pack_bytes) {
        Ok(bytes)
    } else {
        Err(Refusal::PackTooLarge {
            limit: limits.pack_bytes,
        })
    }
}
