//! What can be wrong with a composition, said with the choices there are.

use crate::inspect::InterfaceName;
use std::fmt;

/// An interface somebody offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The interface with its version.
    pub interface: InterfaceName,
    /// The candidate that exports it; none for the host.
    pub by: Option<String>,
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.by {
            Some(by) => write!(f, "`{}`, exported by `{by}`", self.interface),
            None => write!(f, "`{}`, offered by the host", self.interface),
        }
    }
}

/// One thing wrong with a composition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nobody offers it.
    #[error("`{importer}` needs `{import}`, which nobody offers{}", nearest.as_ref().map(|n| format!("; the nearest is {n}")).unwrap_or_default())]
    Unsatisfied {
        /// The component that needs it.
        importer: String,
        /// The interface with its version, or the name of a function imported by itself.
        import: String,
        /// What was probably meant.
        nearest: Option<Offer>,
    },
    /// Several candidates export it.
    #[error("`{importer}` needs `{import}`, and several components export it: {}; leave one of them in the bundle", choices.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "))]
    Ambiguous {
        /// The component that needs it.
        importer: String,
        /// What it needs.
        import: InterfaceName,
        /// Who could give it.
        choices: Vec<Offer>,
    },
    /// Components need each other.
    #[error("these components need each other: {}; one of these imports has to go", path.join(" -> "))]
    Cycle {
        /// Components with the interface that leads to the next in brackets; the last is the first again.
        path: Vec<String>,
    },
    /// The types differ, though name and version fit.
    #[error("`{importer}` and `{provider}` do not agree on `{import}`: {detail}")]
    Mismatch {
        /// The component that needs it.
        importer: String,
        /// What it needs.
        import: InterfaceName,
        /// Who exports it.
        provider: String,
        /// Where the types differ.
        detail: String,
    },
    /// The provider lives in a cell of its own, and what it passes cannot leave it.
    #[error(
        "`{importer}` needs `{import}` of `{provider}`, which has a cell of its own ({reason}); but `{function}` passes resources or \
         streams, which cannot leave a cell"
    )]
    NotLinkable {
        /// The component that needs it.
        importer: String,
        /// What it needs.
        import: InterfaceName,
        /// Who exports it.
        provider: String,
        /// Why it is linked.
        reason: String,
        /// The first such function, or resource type.
        function: String,
    },
    /// Two components in one composition would share one import that comes from two providers.
    #[error("`{import}` would come from several components at once ({}) for components fused into `{root}`; force `link` for one of them", providers.join(", "))]
    Merged {
        /// The composed component.
        root: String,
        /// The import of the composition.
        import: InterfaceName,
        /// Who was chosen for it, by different importers.
        providers: Vec<String>,
    },
    /// Two candidates, or the root and a candidate, have one name.
    #[error("two components are named `{name}`")]
    SameName {
        /// The name.
        name: String,
    },
    /// The composition could not be written though every import fits; a limit of the composer.
    #[error("`{root}` cannot be fused with {}: {detail}; force `link` for one of them", fused.join(", "))]
    Composer {
        /// The composed component.
        root: String,
        /// What was to be inside.
        fused: Vec<String>,
        /// What the composer says.
        detail: String,
    },
}

/// Everything wrong with a composition; at least one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeError {
    /// The faults, those of the root first.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ComposeError {}

impl From<Fault> for ComposeError {
    fn from(fault: Fault) -> Self {
        Self {
            faults: vec![fault],
        }
    }
}
