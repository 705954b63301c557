//! The list of materials: CycloneDX 1.6 in JSON, without time and serial number, so that it does not vary.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::manifest::Manifest;
use crate::statement::sha256;

/// Lists every file of the pack except itself and the signatures, and the packs it depends on.
pub(crate) fn write<'a>(
    manifest: &Manifest,
    files: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> Vec<u8> {
    let own = format!("pkg:generic/{}@{}", manifest.id, manifest.version);
    let mut components: Vec<Value> = files
        .map(|(path, data)| file(manifest, path, data))
        .collect();
    components.extend(manifest.dependencies.iter().map(|(id, range)| {
        json!({
            "type": "application",
            "bom-ref": format!("pkg:generic/{id}"),
            "name": id,
            "scope": "required",
            "properties": [{ "name": "greentic:version-range", "value": range.to_string() }],
        })
    }));
    let needed: Vec<Value> = manifest
        .dependencies
        .keys()
        .map(|id| json!(format!("pkg:generic/{id}")))
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": manifest.id,
                "version": manifest.version.to_string(),
                "publisher": manifest.publisher,
                "description": manifest.description,
            }
        },
        "components": components,
        "dependencies": [{ "ref": own, "dependsOn": needed }],
    });
    let mut text = format!("{document:#}");
    text.push('\n');
    text.into_bytes()
}

fn file(manifest: &Manifest, path: &str, data: &[u8]) -> Value {
    let hashes = json!([{ "alg": "SHA-256", "content": sha256(data) }]);
    let size = json!({ "name": "greentic:size", "value": data.len().to_string() });
    match manifest.components.iter().find(|one| one.file == path) {
        Some(component) => {
            let exports = component
                .exports
                .iter()
                .map(|name| json!({ "name": "greentic:exports", "value": name }));
            let imports = component
                .imports
                .iter()
                .map(|name| json!({ "name": "greentic:imports", "value": name }));
            let properties: Vec<Value> = std::iter::once(size)
                .chain(exports)
                .chain(imports)
                .collect();
            json!({
                "type": "library",
                "bom-ref": path,
                "name": component.name,
                "version": component.version.to_string(),
                "mime-type": "application/wasm",
                "hashes": hashes,
                "properties": properties,
            })
        }
        None => {
            json!({ "type": "file", "bom-ref": path, "name": path, "hashes": hashes, "properties": [size] })
        }
    }
}

/// Checks that the bytes are a CycloneDX document; what it lists is for people and scanners, the statement is for us.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        bom_format: String,
        spec_version: String,
    }
    let head: Head = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if head.bom_format != "CycloneDX" {
        return Err(format!(
            "its format is `{}`",
            head.bom_format.chars().take(40).collect::<String>()
        ));
    }
    if !head.spec_version.starts_with("1.") {
        return Err(format!(
            "its version is `{}`",
            head.spec_version.chars().take(40).collect::<String>()
        ));
    }
    Ok(())
}
