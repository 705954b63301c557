//! Exit codes, in one place.

use std::process::ExitCode;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked, and stopped when it was told to.
    Done,
    /// Something is wrong with the bundle or what it names; all of it was said.
    Refused,
    /// The machine: an address in use, no memory, a directory that cannot be written.
    Failed,
    /// Stopped, and not everything that was in flight could be finished in time.
    Undrained,
    /// Stopped by a second signal without waiting.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            // 2 is a wrong command line, which the argument parser ends with.
            Exit::Failed => 3,
            Exit::Undrained => 4,
            Exit::Interrupted => 130,
        })
    }
}
