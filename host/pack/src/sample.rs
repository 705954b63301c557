//! Material for this crate's own tests: components made from WIT text, small packs, fixed keys.

#![allow(clippy::cast_possible_truncation)]

use std::collections::BTreeMap;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use semver::Version;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

use crate::archive::Archive;
use crate::dsse::Envelope;
use crate::layout::{ENVELOPE, STATEMENT};
use crate::statement::Statement;
use crate::{ComponentSource, Keyring, Limits, PackBuilder, PackKind, TrustedKey};

/// A component that has a world's exports and traps in each of them.
pub(crate) fn component(wit: &str, world: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let package = resolve.push_str("sample.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}

/// The WIT of the sample's component.
const WIT: &str = "package acme:shop@1.2.0;
    interface quote { price: func(of: string) -> u32; }
    world pricing { export quote; }";

/// A fixed key.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// A ring of one key, which may sign `demo/*`.
pub(crate) fn ring(seed: u8) -> Keyring {
    let mut ring = Keyring::new();
    let may_sign = vec!["demo/*".parse().unwrap()];
    ring.add(TrustedKey::new("demo", key(seed).verifying_key(), may_sign))
        .unwrap();
    ring
}

/// A builder with a component and an asset in it.
pub(crate) fn builder() -> PackBuilder {
    let id = "demo/shop".parse().unwrap();
    let mut builder = PackBuilder::new(id, Version::new(1, 2, 3), PackKind::Provider);
    let mut source =
        ComponentSource::new("pricing", Version::new(1, 0, 0), component(WIT, "pricing"));
    source.requests.http = vec!["api.example.com".to_owned()];
    source.requests.secrets = vec!["shop/token".to_owned()];
    builder.component(source).unwrap();
    builder.asset("logo.svg", "<svg/>");
    builder.asset("cards/price.json", "{}");
    builder
}

/// The sample pack, unsigned.
pub(crate) fn unsigned() -> Vec<u8> {
    builder().build().unwrap().bytes
}

/// The sample pack under the signature of key 1.
pub(crate) fn signed() -> Vec<u8> {
    crate::sign(unsigned(), &key(1)).unwrap()
}

/// The files of a sound pack.
pub(crate) fn files(bytes: Vec<u8>) -> BTreeMap<String, Bytes> {
    let archive = Archive::read(bytes.into(), &Limits::default()).unwrap();
    let paths: Vec<String> = archive.paths().map(str::to_owned).collect();
    paths
        .into_iter()
        .map(|path| {
            let data = archive.file(&path).unwrap();
            (path, data)
        })
        .collect()
}

/// States and signs the files anew, as somebody with a trusted key and a broken tool would.
pub(crate) fn resealed(mut files: BTreeMap<String, Bytes>) -> Vec<u8> {
    let id = "demo/shop".parse().unwrap();
    let statement = Statement::of(&id, &Version::new(1, 2, 3), &files).encode();
    seal(&mut files, statement);
    raw_archive(&listed(&files))
}

/// Puts a statement of any content and its envelope among the files.
pub(crate) fn seal(files: &mut BTreeMap<String, Bytes>, statement: Vec<u8>) {
    let mut envelope = Envelope::around(statement.clone());
    envelope.sign(&key(1));
    files.insert(STATEMENT.to_owned(), statement.into());
    files.insert(ENVELOPE.to_owned(), envelope.encode().into());
}

/// Files as a list that may be put in disorder.
pub(crate) fn listed(files: &BTreeMap<String, Bytes>) -> Vec<(Vec<u8>, Vec<u8>)> {
    files
        .iter()
        .map(|(path, data)| (path.clone().into_bytes(), data.to_vec()))
        .collect()
}

/// Writes an archive without any check: paths may be anything, in any order, twice.
pub(crate) fn raw_archive(files: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    raw_archive_with(files, b"", b"")
}

/// The same with bytes before the first file and after each file.
pub(crate) fn raw_archive_with(
    files: &[(Vec<u8>, Vec<u8>)],
    before: &[u8],
    after_each: &[u8],
) -> Vec<u8> {
    let (mut out, mut directory) = (before.to_vec(), Vec::new());
    for (path, data) in files {
        let offset = out.len() as u32;
        let mut shared = vec![10, 0, 0, 0, 0, 0, 0, 0, 0x21, 0];
        shared.extend(crc32fast::hash(data).to_le_bytes());
        shared.extend((data.len() as u32).to_le_bytes());
        shared.extend((data.len() as u32).to_le_bytes());
        shared.extend((path.len() as u16).to_le_bytes());
        shared.extend([0, 0]);
        out.extend(b"PK\x03\x04");
        out.extend(&shared);
        out.extend(path);
        out.extend(data);
        out.extend(after_each);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&shared);
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(offset.to_le_bytes());
        directory.extend(path);
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((files.len() as u16).to_le_bytes());
    out.extend((files.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}
