//! What a component is, told from its bytes before anything of it is compiled or run.
//!
//! Everything the host decides about a component before it runs (which world it is of, what it may be fused with, what it has
//! to be granted, how its calls are driven) is decided here, from types and canonical options alone: under a millisecond and
//! without executing a byte of it. The answers fail closed: an import this module does not know counts as authority and as
//! waiting.

mod authority;
mod decode;
mod name;
mod world;

pub use authority::Authority;
pub use name::{InterfaceName, NameError, compatible_versions, nearest};
pub use world::World;

use std::collections::BTreeSet;

/// Why bytes are not a component this host can run. Each says what was found and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Not WebAssembly at all.
    #[error("this is not WebAssembly ({found}); a plugin is a WebAssembly component")]
    NotWasm {
        /// What it looks like instead.
        found: String,
    },
    /// WebAssembly, but a core module.
    #[error(
        "this is a core WebAssembly module, not a component; build it for a component target (in Rust: --target wasm32-wasip2) \
         or wrap it with `wasm-tools component new`"
    )]
    CoreModule,
    /// A component in an encoding of another version of the component model.
    #[error(
        "this component has encoding version {found:#x} of the component model and this host reads {known:#x}; \
         build it again with tools of this host's version"
    )]
    Encoding {
        /// The version in the header.
        found: u16,
        /// The version this host reads.
        known: u16,
    },
    /// A WIT package in its binary form: types only, nothing to run.
    #[error(
        "this is a WIT package in binary form, not a component: it has types and nothing to run"
    )]
    WitPackage,
    /// A component that breaks the rules of the component model, or uses a part of it this host does not know.
    #[error("this component is damaged or uses something newer than this host: {detail}")]
    Invalid {
        /// What the decoder says, with the byte offset where it knows it.
        detail: String,
    },
    /// An import of a kind no host interface can be.
    #[error(
        "this component imports `{name}` as a {kind}; only interfaces and functions can be given to a component"
    )]
    ForeignImport {
        /// The import's name.
        name: String,
        /// Its kind, such as `core module`.
        kind: &'static str,
    },
}

/// A function that crosses a component's boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// As in the component's type, such as `turn` or `[method]pollable.block`.
    pub name: String,
    /// Whether the type is `async func`. A guest may still lift or lower it synchronously.
    pub is_async: bool,
    /// Whether a parameter or the result has a resource handle in it. Such a value means nothing in another cell.
    pub handles: bool,
    /// Whether a parameter or the result has a `stream` or `future` in it.
    pub streams: bool,
}

/// An interface as one component imports or exports it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name with the version the component was built against.
    pub name: InterfaceName,
    /// The functions. For an import only those the component can really call, in the order of its type.
    pub functions: Vec<Function>,
    /// The names of resource types it defines or uses.
    pub resources: Vec<String>,
}

impl Interface {
    /// Whether it has nothing but plain types, so that nobody needs to provide it.
    #[must_use]
    pub fn is_types_only(&self) -> bool {
        self.functions.is_empty() && self.resources.is_empty()
    }

    /// Whether the function named so is among its functions.
    #[must_use]
    pub fn has(&self, function: &str) -> bool {
        self.functions.iter().any(|f| f.name == function)
    }
}

/// The outside of a component.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shape {
    /// Imported interfaces, in the component's order.
    pub imports: Vec<Interface>,
    /// Exported interfaces, in the component's order.
    pub exports: Vec<Interface>,
    /// Functions imported by themselves, outside any interface.
    pub root_imports: Vec<Function>,
    /// Functions exported by themselves, outside any interface.
    pub root_exports: Vec<Function>,
    /// Whether a function is lifted with the `async` option, here or in a component inside. The engine refuses to call such
    /// an export synchronously, whatever its type says.
    pub lifts_async: bool,
}

impl Shape {
    /// Reads the shape of a component.
    ///
    /// # Errors
    /// When the bytes are not a component this host can run; see [`InspectError`].
    pub fn of(bytes: &[u8]) -> Result<Self, InspectError> {
        decode::shape(bytes)
    }

    /// The exported interface of that name: `greentic:channel/channel` in any version, `greentic:channel/channel@0.1.0` in a
    /// compatible one.
    #[must_use]
    pub fn exports(&self, name: &str) -> Option<&Interface> {
        find(&self.exports, name)
    }

    /// The imported interface of that name; like [`Shape::exports`].
    #[must_use]
    pub fn imports(&self, name: &str) -> Option<&Interface> {
        find(&self.imports, name)
    }

    /// Whether it imports more than plain types of the interface of that name, so that somebody has to give it.
    #[must_use]
    pub fn imports_interface(&self, name: &str) -> bool {
        self.imports(name)
            .is_some_and(|import| !import.is_types_only())
    }

    /// Which worlds of the contract it implements, in the versions this host speaks. Empty for a component that only
    /// provides interfaces to others.
    #[must_use]
    pub fn worlds(&self) -> Vec<World> {
        world::implemented(self)
    }

    /// Exports that are of the contract by name and of a version this host does not speak.
    #[must_use]
    pub fn unserved_worlds(&self) -> Vec<(World, &InterfaceName)> {
        world::unserved(self)
    }

    /// What its imports could be used for beyond computing, if the bundle granted it.
    #[must_use]
    pub fn authority(&self) -> BTreeSet<Authority> {
        authority::of(self)
    }

    /// Whether it may be fused: it imports no authority, and nothing whose answer belongs to the plugin itself
    /// (`wasi:config/store`), which inside another component would be the other's.
    ///
    /// A component with a directory or environment granted to it is not pure either; that stands in the bundle, not here.
    #[must_use]
    pub fn is_pure(&self) -> bool {
        self.authority().is_empty() && !authority::reads_config(self)
    }

    /// Whether it asks for environment variables, arguments or directories. Every component built on a standard library does, and
    /// finds nothing where nothing is granted; fused into a component that was granted some, it would find those.
    #[must_use]
    pub fn reads_ambient(&self) -> bool {
        authority::reads_ambient(self)
    }

    /// Whether a call of it may wait for something outside, or has to be driven asynchronously for another reason. False is a
    /// promise: every import is known to return at once, and no export is lifted asynchronously.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.lifts_async || !self.waits_for().is_empty()
    }

    /// The imports that may wait, as `interface#function`; for explanations.
    #[must_use]
    pub fn waits_for(&self) -> Vec<String> {
        authority::waits_for(self)
    }
}

fn find<'a>(among: &'a [Interface], name: &str) -> Option<&'a Interface> {
    let wanted = name.parse::<InterfaceName>().ok()?;
    among
        .iter()
        .find(|interface| interface.name == wanted)
        .or_else(|| {
            among.iter().find(|interface| {
                interface.name.same_interface(&wanted)
                    && (wanted.version.is_none() || interface.name.compatible(&wanted))
            })
        })
}

#[cfg(test)]
mod tests;
