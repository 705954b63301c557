//! A folder of a small pack, with a component made from WIT text.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, Resolve};

/// A component that exports `acme:shop/quote@1.2.0`.
pub fn component() -> Vec<u8> {
    let wit = "package acme:shop@1.2.0;
        interface quote { price: func(of: string) -> u32; }
        world pricing { export quote; }";
    let mut resolve = Resolve::default();
    let package = resolve.push_str("shop.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some("pricing")).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .encode()
        .unwrap()
}

/// The files of the folder, in the order in which they are written.
pub fn shop_files() -> Vec<(&'static str, Vec<u8>)> {
    let yaml = "id: demo/shop
version: 1.2.3
name: Shop
kind: provider
publisher: Acme
components:
  pricing:
    version: 2.0.0
    config-schema: pricing.schema.json
    requests: { http: [api.example.com], secrets: [shop/token] }
dependencies:
  greentic/backends: ^0.1
secrets:
  shop/token: The token of the shop
";
    vec![
        ("pack.yaml", yaml.into()),
        (
            "pricing.schema.json",
            br#"{"type":"object","properties":{"currency":{"type":"string"}}}"#.to_vec(),
        ),
        ("components/pricing.wasm", component()),
        ("assets/logo.svg", b"<svg/>".to_vec()),
        ("assets/cards/price.json", b"{}".to_vec()),
    ]
}

/// Writes the folder.
pub fn write_shop(dir: &Path) {
    write_files(dir, &shop_files());
}

/// Writes files in the given order.
pub fn write_files(dir: &Path, files: &[(&str, Vec<u8>)]) {
    for (path, data) in files {
        let path = dir.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    }
}
