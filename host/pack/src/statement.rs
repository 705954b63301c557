//! The statement: what is signed. It names the pack and lists every file with its size and SHA-256.
//!
//! `signatures/statement.json` carries it in unsigned packs too, where it proves nothing about who wrote the pack and
//! still finds damage. In a signed pack it must be byte for byte what the envelope signs. It has one form only
//! (no spaces, fields and files in order), so a changed byte is never a different writing of the same content.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::archive::Archive;
use crate::layout::{ENVELOPE, STATEMENT};
use crate::pack_id::PackId;
use crate::refusal::{Fault, Refusal};

/// The statement's own schema.
pub(crate) const SCHEMA: &str = "greentic.pack-statement.v1";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Statement {
    pub(crate) schema: String,
    pub(crate) id: String,
    pub(crate) version: String,
    pub(crate) files: Vec<StatedFile>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatedFile {
    pub(crate) path: String,
    pub(crate) size: u64,
    pub(crate) sha256: String,
}

impl Statement {
    /// States `files`, of which those under `signatures/` are left out.
    pub(crate) fn of(
        id: &PackId,
        version: &semver::Version,
        files: &BTreeMap<String, Bytes>,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            id: id.to_string(),
            version: version.to_string(),
            files: files
                .iter()
                .filter(|(path, _)| is_stated(path))
                .map(|(path, data)| StatedFile {
                    path: path.clone(),
                    size: size_of(data),
                    sha256: sha256(data),
                })
                .collect(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        // Strings and numbers in vectors: there is no way to fail, and an empty statement would be refused on reading.
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Refusal> {
        let bad = |reason: String| Refusal::BadStatement { reason };
        let statement: Self =
            serde_json::from_slice(bytes).map_err(|error| bad(error.to_string()))?;
        if statement.schema != SCHEMA {
            return Err(bad(format!(
                "its schema is `{}`, not `{SCHEMA}`",
                statement.schema
            )));
        }
        if statement.encode() != bytes {
            return Err(bad("it is not in canonical form".to_owned()));
        }
        let ordered = statement
            .files
            .iter()
            .zip(statement.files.iter().skip(1))
            .all(|(one, next)| one.path < next.path);
        if !ordered {
            return Err(bad("its files do not stand in order".to_owned()));
        }
        Ok(statement)
    }

    /// Compares every file of the archive with the statement, both ways.
    pub(crate) fn check(&self, archive: &Archive) -> Result<(), Fault> {
        let mut stated = self.files.iter().peekable();
        for path in archive.paths().filter(|path| is_stated(path)) {
            let fact = match stated.peek() {
                Some(fact) if fact.path == path => fact,
                Some(fact) if fact.path.as_str() < path => {
                    return Err(Fault::at(&fact.path, Refusal::FileMissing));
                }
                _ => return Err(Fault::at(path, Refusal::FileNotStated)),
            };
            let data = archive.file(path).unwrap_or_default();
            if fact.size != size_of(&data) {
                return Err(Fault::at(path, Refusal::SizeMismatch));
            }
            if fact.sha256 != sha256(&data) {
                return Err(Fault::at(path, Refusal::DigestMismatch));
            }
            stated.next();
        }
        match stated.next() {
            Some(fact) => Err(Fault::at(&fact.path, Refusal::FileMissing)),
            None => Ok(()),
        }
    }
}

/// Statement and envelope cannot list themselves; every other file is stated.
fn is_stated(path: &str) -> bool {
    path != STATEMENT && path != ENVELOPE
}

pub(crate) fn sha256(data: &[u8]) -> String {
    hex::encode(Sha256::digest(data))
}

fn size_of(data: &[u8]) -> u64 {
    u64::try_from(data.len()).unwrap_or(u64::MAX)
}
