//! What can go wrong with a plugin, told apart by what an operator would do about it.

use std::sync::Arc;
use std::time::Duration;

/// A call that gave no answer. The instance it ran in is gone; nobody else noticed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("plugin `{plugin}`: {function}: {kind}")]
pub struct Fault {
    /// The plugin's name in the bundle.
    pub plugin: Arc<str>,
    /// The function that was called.
    pub function: &'static str,
    /// What happened.
    pub kind: FaultKind,
}

/// The kinds of faults.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The component trapped.
    #[error("it trapped: {0}")]
    Trap(String),
    /// It used more processor time than one call may.
    #[error("it used more than {0:?} of processor time (key `limits.cpu-per-call`)")]
    Cpu(Duration),
    /// It asked for more memory than it may have.
    #[error("it needed more than {0} bytes of memory (key `limits.memory`)")]
    Memory(usize),
    /// It asked for larger tables than it may have.
    #[error("it needed more than {0} table elements (key `limits.table-elements`)")]
    Table(usize),
    /// No answer in time.
    #[error("no answer within {0:?} (key `limits.call-timeout`)")]
    Timeout(Duration),
    /// What it handed to the host in one call is larger than the host takes.
    #[error("it handed the host more than {0} bytes in one call (key `limits.host-call-bytes`)")]
    TooMuchData(usize),
    /// More calls wait for an instance than may.
    #[error("too many calls are waiting for it ({0}; key `limits.calls-in-flight`)")]
    Overloaded(usize),
    /// Another call in the same shared instance ended it.
    #[error("its shared instance ended under this call")]
    Collateral,
    /// It is being restarted and not back yet.
    #[error("it is being restarted after a fault ({0})")]
    Restarting(String),
    /// It could not be instantiated.
    #[error("it could not be instantiated: {0}")]
    NotStarted(String),
}

impl FaultKind {
    /// A stable word for metrics and routing.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Trap(_) => "trap",
            Self::Cpu(_) => "cpu",
            Self::Memory(_) => "memory",
            Self::Table(_) => "table",
            Self::Timeout(_) => "timeout",
            Self::TooMuchData(_) => "too-much-data",
            Self::Overloaded(_) => "overloaded",
            Self::Collateral => "collateral",
            Self::Restarting(_) => "restarting",
            Self::NotStarted(_) => "not-started",
        }
    }

    /// Whether the same call may succeed a little later without anybody changing anything.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Overloaded(_) | Self::Collateral | Self::Restarting(_) | Self::Timeout(_)
        )
    }
}
