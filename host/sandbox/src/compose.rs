//! Wires components to each other: the pure are fused into one component, the others are linked by the host.
//!
//! A fused call is wasm to wasm (nanoseconds), a linked one goes through the host to another cell (a microsecond and more). But
//! what is fused shares the fate and the grants of the component it is in, so only what holds no authority is fused; see
//! [`crate::inspect::Shape::is_pure`]. Nothing is guessed: two providers for one import, a cycle or an import nobody satisfies
//! are errors, all of one composition at once.

mod fault;
mod fuse;
mod resolve;

pub use fault::{ComposeError, Fault, Offer};

use crate::inspect::{Authority, InterfaceName, Shape};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The component that is composed: the one the host will call.
#[derive(Debug, Clone)]
pub struct Root {
    /// Its name in the bundle.
    pub name: String,
    /// The component.
    pub bytes: Arc<[u8]>,
    /// What [`Shape::of`] says of these bytes.
    pub shape: Arc<Shape>,
    /// Whether the bundle grants it environment variables or directories. What is fused into it would see them, so nothing that
    /// asks for any is.
    pub ambient: bool,
}

/// A component whose exports others may import.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its name in the bundle.
    pub name: String,
    /// The component.
    pub bytes: Arc<[u8]>,
    /// What [`Shape::of`] says of these bytes.
    pub shape: Arc<Shape>,
    /// Whether it may be fused as far as the bundle goes: nothing is granted to it. That its imports are pure too is checked here.
    pub pure: bool,
    /// The bundle asks for a cell of its own.
    pub force_link: bool,
}

/// Why a provider is linked and not fused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkReason {
    /// The bundle says so.
    Forced,
    /// It imports authority.
    Authority(BTreeSet<Authority>),
    /// The bundle grants it something, or it has a configuration of its own.
    OwnGrants,
    /// It asks for environment or directories, and the root was granted some.
    Ambient,
}

impl fmt::Display for LinkReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forced => f.write_str("the bundle says so"),
            Self::Authority(authority) => {
                let names: Vec<_> = authority.iter().map(ToString::to_string).collect();
                write!(f, "it may use {}", names.join(", "))
            }
            Self::OwnGrants => f.write_str("it has grants or a configuration of its own"),
            Self::Ambient => f.write_str("it would see the environment or directories of the component it would be fused into"),
        }
    }
}

/// An import of the composed component that the host has to carry to another component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// The import, named as the composed component names it.
    pub import: InterfaceName,
    /// The export that answers it, named as the provider names it.
    pub export: InterfaceName,
    /// The candidate that provides it.
    pub provider: String,
    /// Why it is not fused.
    pub reason: LinkReason,
}

/// Where an import comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The host itself.
    Host,
    /// A component fused into the same one.
    Fused(String),
    /// A component in a cell of its own.
    Linked(String, LinkReason),
}

/// One import and where it comes from; together they explain a composition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// The component that imports.
    pub importer: String,
    /// What it imports, in the version it was built against.
    pub interface: InterfaceName,
    /// Who gives it.
    pub source: Source,
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <- {} <- ", self.importer, self.interface)?;
        match &self.source {
            Source::Host => f.write_str("host"),
            Source::Fused(provider) => write!(f, "{provider} (fused)"),
            Source::Linked(provider, reason) => write!(f, "{provider} (linked: {reason})"),
        }
    }
}

/// A component with everything pure it needs inside it.
#[derive(Debug, Clone)]
pub struct Composition {
    /// The component to compile; the root's own bytes when nothing was fused.
    pub bytes: Arc<[u8]>,
    /// The shape of these bytes. A fused provider's imports are among its imports, so ask it, not the root's, whether calls wait.
    pub shape: Arc<Shape>,
    /// The candidates inside, each once, providers before those that import from them.
    pub fused: Vec<String>,
    /// What the host has to carry.
    pub linked: Vec<Linked>,
    /// Every import of the root and of what is fused, with its source.
    pub wires: Vec<Wire>,
}

/// Composes `root` with those of `candidates` it needs, given the interfaces the host itself `offers`. What the host offers is
/// never taken from a candidate. Interfaces of nothing but plain types need no provider.
///
/// # Errors
/// All [`Fault`]s of this composition, each with the component, the interface and the choices.
pub fn compose(
    root: &Root,
    candidates: &[Candidate],
    offers: &[InterfaceName],
) -> Result<Composition, ComposeError> {
    let plan = resolve::plan(root, candidates, offers)?;
    fuse::fuse(root, plan)
}

#[cfg(test)]
mod tests;
