//! Packs that a trusted key signed and that are wrong all the same: what a broken or hostile builder makes.

use bytes::Bytes;
use ciborium::Value;

use super::Case;
use crate::layout::{MANIFEST, SBOM, STATEMENT};
use crate::sample::{files, listed, raw_archive, resealed, seal, signed};

const WASM: &str = "components/pricing.wasm";

/// The sample with one file more, changed or (`None`) fewer, stated and signed anew.
fn with(path: &str, data: Option<Bytes>) -> Vec<u8> {
    let mut files = files(signed());
    match data {
        Some(data) => files.insert(path.to_owned(), data),
        None => files.remove(path),
    };
    resealed(files)
}

/// The sample with one file more, changed or fewer, under the old statement and signature.
fn tampered(path: &str, data: Option<&[u8]>) -> Vec<u8> {
    let mut files = files(signed());
    match data {
        Some(data) => files.insert(path.to_owned(), Bytes::copy_from_slice(data)),
        None => files.remove(path),
    };
    raw_archive(&listed(&files))
}

/// The sample with a statement of any text.
fn stated(edit: impl FnOnce(String) -> String) -> Vec<u8> {
    let mut files = files(signed());
    let text = String::from_utf8(files[STATEMENT].to_vec()).unwrap();
    seal(&mut files, edit(text).into_bytes());
    raw_archive(&listed(&files))
}

/// The sample with a changed manifest.
fn manifest(edit: impl FnOnce(&mut Vec<(Value, Value)>)) -> Vec<u8> {
    let mut value: Value = ciborium::from_reader(files(signed())[MANIFEST].as_ref()).unwrap();
    edit(value.as_map_mut().unwrap());
    let mut bytes = Vec::new();
    ciborium::into_writer(&value, &mut bytes).unwrap();
    with(MANIFEST, Some(bytes.into()))
}

fn field<'a>(map: &'a mut [(Value, Value)], name: &str) -> &'a mut Value {
    let (_, value) = map
        .iter_mut()
        .find(|(key, _)| key.as_text() == Some(name))
        .unwrap();
    value
}

/// A changed field of the manifest's one component.
fn component(edit: impl FnOnce(&mut Vec<(Value, Value)>)) -> Vec<u8> {
    manifest(|map| {
        edit(
            field(map, "components").as_array_mut().unwrap()[0]
                .as_map_mut()
                .unwrap(),
        )
    })
}

fn set(name: &'static str, text: &'static str) -> impl FnOnce(&mut Vec<(Value, Value)>) {
    move |map| *field(map, name) = Value::Text(text.to_owned())
}

pub(super) fn cases() -> Vec<Case> {
    let plain = files(signed())[MANIFEST].to_vec();
    let deep = [vec![0x81; 5_000], vec![0]].concat();
    let old_wasm = files(signed())[WASM].to_vec();
    let other_wasm: Vec<u8> = old_wasm.iter().rev().copied().collect();
    vec![
        Case::new(
            "no statement",
            "statement-missing",
            tampered(STATEMENT, None),
        ),
        Case::new(
            "a statement that is no JSON",
            "bad-statement",
            stated(|_| "hello".to_owned()),
        ),
        Case::new(
            "a statement of another schema",
            "bad-statement",
            stated(|text| text.replace(".v1\"", ".v2\"")),
        ),
        Case::new(
            "a statement with spaces",
            "bad-statement",
            stated(|text| text.replace("\":", "\": ")),
        ),
        Case::new("a statement with a field twice", "bad-statement", {
            stated(|text| text.replacen("{", "{\"id\":\"demo/shop\",", 1))
        }),
        Case::new(
            "a statement out of order",
            "bad-statement",
            stated(|text| text.replacen("assets/cards", "zzz", 1)),
        ),
        Case::new(
            "a statement of an id that is none",
            "bad-name",
            stated(|text| text.replace("demo/shop", "Demo Shop")),
        ),
        Case::new(
            "a statement of a version that is none",
            "bad-name",
            stated(|text| text.replace("1.2.3", "latest")),
        ),
        Case::new(
            "a statement of another pack the key may not sign",
            "key-may-not-sign",
            stated(|text| text.replace("demo/shop", "greentic/core")),
        ),
        Case::new(
            "a statement of another version",
            "identity-mismatch",
            stated(|text| text.replace("1.2.3", "9.9.9")),
        ),
        Case::new(
            "a file taken away",
            "file-missing",
            tampered("assets/logo.svg", None),
        ),
        Case::new(
            "the last file taken away",
            "file-missing",
            tampered(SBOM, None),
        ),
        Case::new(
            "a file put in",
            "file-not-stated",
            tampered("assets/evil.js", Some(b"x")),
        ),
        Case::new(
            "a component put in",
            "file-not-stated",
            tampered("components/evil.wasm", Some(b"x")),
        ),
        Case::new(
            "a file under signatures/ put in",
            "file-not-stated",
            tampered("signatures/x", Some(b"x")),
        ),
        Case::new(
            "a file of another length",
            "size-mismatch",
            tampered("assets/logo.svg", Some(b"<svg></svg>")),
        ),
        Case::new(
            "a changed asset",
            "digest-mismatch",
            tampered("assets/logo.svg", Some(b"<SVG/>")),
        ),
        Case::new(
            "a changed component",
            "digest-mismatch",
            tampered(WASM, Some(&other_wasm)),
        ),
        Case::new("a changed manifest", "digest-mismatch", {
            let mut changed = plain.clone();
            *changed.last_mut().unwrap() ^= 1;
            tampered(MANIFEST, Some(&changed))
        }),
        Case::new(
            "a file at the root",
            "outside-layout",
            with("README.md", Some("x".into())),
        ),
        Case::new(
            "a component that is no .wasm",
            "outside-layout",
            with("components/x.so", Some("x".into())),
        ),
        Case::new(
            "a component in a folder",
            "outside-layout",
            with("components/x/y.wasm", Some("x".into())),
        ),
        Case::new(
            "a signed file under signatures/",
            "outside-layout",
            with("signatures/pack.sig", Some("x".into())),
        ),
        Case::new("no manifest", "manifest-missing", with(MANIFEST, None)),
        Case::new("no list of materials", "sbom-missing", with(SBOM, None)),
        Case::new(
            "a list of materials that is no JSON",
            "bad-sbom",
            with(SBOM, Some("x".into())),
        ),
        Case::new("a list of materials of another format", "bad-sbom", {
            with(
                SBOM,
                Some(r#"{"bomFormat":"SPDX","specVersion":"1.6"}"#.into()),
            )
        }),
        Case::new(
            "an empty manifest",
            "bad-manifest",
            with(MANIFEST, Some(Bytes::new())),
        ),
        Case::new(
            "a manifest cut short",
            "bad-manifest",
            with(MANIFEST, Some(plain[..40].to_vec().into())),
        ),
        Case::new(
            "a manifest that is no CBOR",
            "bad-manifest",
            with(MANIFEST, Some(vec![0xff; 9].into())),
        ),
        Case::new("a manifest of a list of 2^63 items", "bad-manifest", {
            with(
                MANIFEST,
                Some([[0x9b, 0x7f].as_slice(), &[0xff; 7]].concat().into()),
            )
        }),
        Case::new(
            "a manifest that nests in an unknown field",
            "manifest-too-deep",
            {
                manifest(|map| {
                    let nested = (0..200).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
                    let first = field(map, "components").as_array_mut().unwrap()[0]
                        .as_map_mut()
                        .unwrap();
                    first.push((Value::Text("config-schema".to_owned()), nested));
                })
            },
        ),
        Case::new(
            "a manifest that is nothing but depth",
            "bad-manifest",
            with(MANIFEST, Some(deep.into())),
        ),
        Case::new("bytes after the manifest", "manifest-trailing", {
            with(MANIFEST, Some([plain.as_slice(), &[0]].concat().into()))
        }),
        Case::new(
            "a manifest in another form",
            "manifest-not-canonical",
            manifest(|map| map.reverse()),
        ),
        Case::new(
            "a manifest of another schema",
            "manifest-schema",
            manifest(set("schema", "greentic.pack-manifest.v2")),
        ),
        Case::new("a manifest with one field more", "bad-manifest", {
            manifest(|map| map.push((Value::Text("grants".to_owned()), Value::Null)))
        }),
        Case::new(
            "a manifest with one field fewer",
            "bad-manifest",
            manifest(|map| drop(map.pop())),
        ),
        Case::new(
            "a manifest of another id",
            "identity-mismatch",
            manifest(set("id", "demo/other")),
        ),
        Case::new(
            "a manifest of an id that is none",
            "bad-manifest",
            manifest(set("id", "../demo")),
        ),
        Case::new(
            "a manifest that names no file",
            "dangling-file",
            component(set("file", "components/other.wasm")),
        ),
        Case::new(
            "a manifest whose component is an asset",
            "dangling-file",
            component(set("file", "assets/logo.svg")),
        ),
        Case::new(
            "a component the manifest does not name",
            "unlisted-file",
            with("components/x.wasm", Some("x".into())),
        ),
        Case::new(
            "an asset the manifest does not name",
            "unlisted-file",
            with("assets/zzz", Some("x".into())),
        ),
        Case::new(
            "a flow the manifest does not name",
            "unlisted-file",
            with("flows/x.ygtc", Some("x".into())),
        ),
        Case::new(
            "a digest that is not the component's",
            "component-digest",
            component(set("sha256", "00")),
        ),
        Case::new(
            "a component without a component's name",
            "bad-name",
            component(set("name", "../x")),
        ),
        Case::new("two components of one name", "duplicate-name", {
            manifest(|map| {
                let list = field(map, "components").as_array_mut().unwrap();
                list.push(list[0].clone());
            })
        }),
    ]
}
