//! From bytes to a [`Shape`].
//!
//! Two passes: one over the sections for what types do not tell (foreign imports, asynchronous lifts), one by `wit-component`
//! for the types. Neither compiles or validates code.

use super::{Function, InspectError, Interface, InterfaceName, Shape};
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use wasmparser::{CanonicalFunction, CanonicalOption, ComponentTypeRef, Parser, Payload};
use wit_component::DecodedWasm;
use wit_parser::{Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey};

/// The version of the component model's binary format this host reads (header bytes 4 and 5, little-endian).
const ENCODING: u16 = 0x0d;

pub(super) fn shape(bytes: &[u8]) -> Result<Shape, InspectError> {
    check_header(bytes)?;
    let lifts_async = scan(bytes)?;
    // The decoder has assertions of its own, and bytes from outside reach them: a failed one is a refusal, not a crash.
    let decoded = catch_unwind(AssertUnwindSafe(|| wit_component::decode(bytes)))
        .map_err(|_| InspectError::Invalid {
            detail: "its types contradict each other".into(),
        })?
        .map_err(|error| InspectError::Invalid {
            detail: format!("{error:#}"),
        })?;
    let (resolve, world) = match &decoded {
        DecodedWasm::Component(resolve, world) => (resolve, *world),
        DecodedWasm::WitPackage(..) => return Err(InspectError::WitPackage),
    };
    let world = resolve.worlds.get(world).ok_or(InspectError::Invalid {
        detail: "it has no world".into(),
    })?;
    let mut types = TypeReader {
        resolve,
        seen: HashMap::new(),
    };
    let (imports, root_imports) = types.items(&world.imports)?;
    let (exports, root_exports) = types.items(&world.exports)?;
    Ok(Shape {
        imports,
        exports,
        root_imports,
        root_exports,
        lifts_async,
    })
}

fn check_header(bytes: &[u8]) -> Result<(), InspectError> {
    let Some((magic, rest)) = bytes.split_first_chunk::<4>() else {
        return Err(InspectError::NotWasm {
            found: format!("{} bytes", bytes.len()),
        });
    };
    if magic != b"\0asm" {
        return Err(InspectError::NotWasm {
            found: resembles(bytes).into(),
        });
    }
    let Some(([v0, v1, l0, l1], _)) = rest.split_first_chunk::<4>() else {
        return Err(InspectError::Invalid {
            detail: "it ends within its header".into(),
        });
    };
    match (
        u16::from_le_bytes([*v0, *v1]),
        u16::from_le_bytes([*l0, *l1]),
    ) {
        (_, 0) => Err(InspectError::CoreModule),
        (ENCODING, 1) => Ok(()),
        (found, 1) => Err(InspectError::Encoding {
            found,
            known: ENCODING,
        }),
        (_, layer) => Err(InspectError::Invalid {
            detail: format!(
                "its header names layer {layer}, which is neither module nor component"
            ),
        }),
    }
}

/// What people hand over by mistake, told by the first bytes.
fn resembles(bytes: &[u8]) -> &'static str {
    let text = bytes.trim_ascii_start();
    if text.starts_with(b"(component") || text.starts_with(b"(module") {
        "the text format; turn it into binary with `wasm-tools parse`"
    } else if bytes.starts_with(b"\x1f\x8b") {
        "a gzip archive"
    } else if bytes.starts_with(b"PK") {
        "a zip archive"
    } else if bytes.starts_with(b"\x7fELF") {
        "a native program"
    } else if bytes.starts_with(b"!<arch>") {
        "a static library"
    } else {
        "unknown bytes"
    }
}

/// Refuses imports that are neither interface nor function, and tells whether anything is lifted asynchronously.
fn scan(bytes: &[u8]) -> Result<bool, InspectError> {
    let invalid = |error: wasmparser::BinaryReaderError| InspectError::Invalid {
        detail: error.to_string(),
    };
    let mut lifts_async = false;
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                depth = depth.saturating_add(1)
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    let import = import.map_err(invalid)?;
                    let kind = match import.ty {
                        ComponentTypeRef::Module(_) => "core module",
                        ComponentTypeRef::Component(_) => "component",
                        ComponentTypeRef::Value(_) => "value",
                        ComponentTypeRef::Func(_)
                        | ComponentTypeRef::Type(_)
                        | ComponentTypeRef::Instance(_) => continue,
                    };
                    return Err(InspectError::ForeignImport {
                        name: import.name.name.into(),
                        kind,
                    });
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                for function in section {
                    if let CanonicalFunction::Lift { options, .. } = function.map_err(invalid)? {
                        lifts_async |= options.contains(&CanonicalOption::Async);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(lifts_async)
}

/// What a type has in it, at any depth.
#[derive(Debug, Clone, Copy, Default)]
struct Traits {
    handles: bool,
    streams: bool,
}

impl Traits {
    fn or(self, other: Self) -> Self {
        Self {
            handles: self.handles || other.handles,
            streams: self.streams || other.streams,
        }
    }
}

struct TypeReader<'a> {
    resolve: &'a Resolve,
    /// Types already judged: they share parts, and a component decides how much.
    seen: HashMap<TypeId, Traits>,
}

impl TypeReader<'_> {
    fn items<'i>(
        &mut self,
        items: impl IntoIterator<Item = (&'i WorldKey, &'i WorldItem)>,
    ) -> Result<(Vec<Interface>, Vec<Function>), InspectError> {
        let mut interfaces = Vec::new();
        let mut functions = Vec::new();
        for (key, item) in items {
            match item {
                WorldItem::Interface { id, .. } => {
                    let missing = || InspectError::Invalid {
                        detail: "it refers to an interface it does not have".into(),
                    };
                    let interface = self.resolve.interfaces.get(*id).ok_or_else(missing)?;
                    interfaces.push(Interface {
                        name: self.name(key).ok_or_else(missing)?,
                        functions: interface
                            .functions
                            .values()
                            .map(|function| self.function(function))
                            .collect(),
                        resources: interface
                            .types
                            .iter()
                            .filter(|(_, id)| self.is_resource(**id))
                            .map(|(name, _)| name.clone())
                            .collect(),
                    });
                }
                WorldItem::Function(function) => functions.push(self.function(function)),
                WorldItem::Type { .. } => {}
            }
        }
        Ok((interfaces, functions))
    }

    fn name(&self, key: &WorldKey) -> Option<InterfaceName> {
        Some(match key {
            WorldKey::Name(name) => InterfaceName {
                namespace: String::new(),
                package: String::new(),
                interface: name.clone(),
                version: None,
            },
            WorldKey::Interface(id) => {
                let interface = self.resolve.interfaces.get(*id)?;
                let package = &self.resolve.packages.get(interface.package?)?.name;
                InterfaceName {
                    namespace: package.namespace.clone(),
                    package: package.name.clone(),
                    interface: interface.name.clone()?,
                    version: package.version.clone(),
                }
            }
        })
    }

    fn function(&mut self, function: &wit_parser::Function) -> Function {
        let traits = function
            .params
            .iter()
            .map(|parameter| &parameter.ty)
            .chain(&function.result)
            .fold(Traits::default(), |sum, ty| sum.or(self.ty(ty)));
        Function {
            name: function.name.clone(),
            is_async: function.kind.is_async(),
            handles: traits.handles,
            streams: traits.streams,
        }
    }

    fn is_resource(&self, id: TypeId) -> bool {
        let mut next = id;
        // `use` makes a name for a name; a resolved type has no cycle.
        while let Some(definition) = self.resolve.types.get(next) {
            match definition.kind {
                TypeDefKind::Resource => return true,
                TypeDefKind::Type(Type::Id(id)) => next = id,
                _ => return false,
            }
        }
        false
    }

    fn ty(&mut self, ty: &Type) -> Traits {
        match ty {
            Type::Id(id) => self.definition(*id),
            Type::ErrorContext => Traits {
                handles: true,
                streams: false,
            },
            _ => Traits::default(),
        }
    }

    fn definition(&mut self, id: TypeId) -> Traits {
        if let Some(known) = self.seen.get(&id) {
            return *known;
        }
        let Some(definition) = self.resolve.types.get(id) else {
            return Traits::default();
        };
        let parts: Vec<&Type> = match &definition.kind {
            TypeDefKind::Record(record) => record.fields.iter().map(|field| &field.ty).collect(),
            TypeDefKind::Tuple(tuple) => tuple.types.iter().collect(),
            TypeDefKind::Variant(variant) => variant
                .cases
                .iter()
                .filter_map(|case| case.ty.as_ref())
                .collect(),
            TypeDefKind::Option(ty)
            | TypeDefKind::List(ty)
            | TypeDefKind::FixedLengthList(ty, _)
            | TypeDefKind::Type(ty) => vec![ty],
            TypeDefKind::Map(key, value) => vec![key, value],
            TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).collect(),
            TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().collect(),
            TypeDefKind::Flags(_) | TypeDefKind::Enum(_) | TypeDefKind::Unknown => Vec::new(),
            TypeDefKind::Resource | TypeDefKind::Handle(_) => Vec::new(),
        };
        let own = Traits {
            handles: matches!(
                definition.kind,
                TypeDefKind::Resource | TypeDefKind::Handle(_)
            ),
            streams: matches!(
                definition.kind,
                TypeDefKind::Future(_) | TypeDefKind::Stream(_)
            ),
        };
        let traits = parts.into_iter().fold(own, |sum, ty| sum.or(self.ty(ty)));
        self.seen.insert(id, traits);
        traits
    }
}
