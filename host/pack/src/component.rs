//! What a component exports and imports, read from its bytes without compiling it.

use wit_parser::{Resolve, WorldId, WorldItem, WorldKey};

/// Exports and imports: interfaces as `greentic:channel/channel@0.1.0`, functions by their names; each in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// What it exports.
    pub exports: Vec<String>,
    /// What it imports.
    pub imports: Vec<String>,
}

/// Bytes that are no component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// No WebAssembly.
    #[error("is not WebAssembly")]
    NotWasm,
    /// WebAssembly, but a core module.
    #[error("is a core module and not a component; build it for the target wasm32-wasip2")]
    CoreModule,
    /// A WIT package in its binary form.
    #[error("is a WIT package and not a component")]
    WitPackage,
    /// A component nobody can call.
    #[error("exports nothing")]
    NoExports,
    /// A component that does not validate.
    #[error("is not a valid component: {0}")]
    Invalid(String),
}

/// Layer and version in the WebAssembly preamble of a core module.
const CORE: &[u8] = b"\0asm\x01\0\0\0";

/// Reads a component's shape.
///
/// # Errors
/// When the bytes are no component, with the reason.
pub fn shape(bytes: &[u8]) -> Result<Shape, ComponentError> {
    if !bytes.starts_with(b"\0asm") {
        return Err(ComponentError::NotWasm);
    }
    if bytes.starts_with(CORE) {
        return Err(ComponentError::CoreModule);
    }
    let (resolve, world) = match wit_component::decode(bytes) {
        Ok(wit_component::DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(wit_component::DecodedWasm::WitPackage(..)) => return Err(ComponentError::WitPackage),
        Err(error) => return Err(ComponentError::Invalid(format!("{error:#}"))),
    };
    let shape = shape_of_world(&resolve, world);
    if shape.exports.is_empty() {
        Err(ComponentError::NoExports)
    } else {
        Ok(shape)
    }
}

fn shape_of_world(resolve: &Resolve, world: WorldId) -> Shape {
    let names = |items: &mut dyn Iterator<Item = (&WorldKey, &WorldItem)>| {
        let mut names: Vec<String> = items
            .filter(|(_, item)| !matches!(item, WorldItem::Type { .. }))
            .filter_map(|(key, _)| match key {
                WorldKey::Name(name) => Some(name.clone()),
                WorldKey::Interface(id) => resolve.id_of(*id),
            })
            .collect();
        names.sort();
        names
    };
    let world = resolve.worlds.get(world);
    Shape {
        exports: world
            .map(|world| names(&mut world.exports.iter()))
            .unwrap_or_default(),
        imports: world
            .map(|world| names(&mut world.imports.iter()))
            .unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::component;

    #[test]
    fn interfaces_and_functions_are_told_by_the_names_bundles_and_worlds_use() {
        let bytes = component(
            "package acme:shop@1.2.0;
             interface quote { price: func(of: string) -> u32; }
             interface rates { rate: func() -> u32; }
             world pricing { import rates; export quote; export execute: func(input: string) -> string; }",
            "pricing",
        );
        let shape = shape(&bytes).unwrap();
        assert_eq!(shape.exports, ["acme:shop/quote@1.2.0", "execute"]);
        assert_eq!(shape.imports, ["acme:shop/rates@1.2.0"]);
    }

    #[test]
    fn what_is_no_component_is_told_by_what_it_is() {
        let empty_component = b"\0asm\x0d\0\x01\0";
        assert_eq!(shape(b"hello"), Err(ComponentError::NotWasm));
        assert_eq!(shape(b""), Err(ComponentError::NotWasm));
        assert_eq!(shape(b"\0asm\x01\0\0\0"), Err(ComponentError::CoreModule));
        assert_eq!(shape(empty_component), Err(ComponentError::NoExports));
        assert!(matches!(
            shape(b"\0asm\x0d\0\x01\0\xff\xff"),
            Err(ComponentError::Invalid(_))
        ));
    }
}
