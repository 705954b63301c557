//! What can be wrong with a folder, each with what to do.

use std::fmt::Display;
use std::io::{Error, ErrorKind};
use std::path::Path;

/// Why a journal cannot be opened or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// The folder cannot be read or written.
    #[error("{what} {path}: {reason}")]
    Io {
        /// What was tried, such as `cannot write`.
        what: &'static str,
        /// The file.
        path: String,
        /// What the system said, and for a full disk what to do.
        reason: String,
    },
    /// Bytes in the middle of a file are not what was written there.
    #[error(
        "{path} is damaged at byte {offset}, and more was written behind it: bring the file back from a copy, or set `after-damage: keep-before` \
         to go on with what stands before the damage (the file is kept as `.damaged`)"
    )]
    Damaged {
        /// The file.
        path: String,
        /// Where the first frame that is wrong begins.
        offset: u64,
    },
    /// A file with the name of a journal that is none, or one of another plugin.
    #[error("{path} is not a journal of {kind}: grant the plugin a folder of its own")]
    Foreign {
        /// The file.
        path: String,
        /// What was looked for.
        kind: String,
    },
    /// A journal of another version.
    #[error(
        "{path} was written in version {found} of its format and this plugin reads version {known}: use the plugin that wrote it"
    )]
    Version {
        /// The file.
        path: String,
        /// Its version.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// A record in a sound frame means nothing.
    #[error("{path} holds a record nobody can read ({reason}): bring the file back from a copy")]
    Record {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// Somebody else opened the folder.
    #[error(
        "another host or a newer generation of this one has taken over the folder: two hosts cannot share it, use a server (Redis, NATS) for that"
    )]
    Taken,
}

impl Fault {
    pub(crate) fn io(what: &'static str, path: &Path, error: &Error) -> Self {
        let full = matches!(
            error.kind(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded
        );
        let advice = if full {
            ": make room, it goes on by itself then"
        } else {
            ""
        };
        Self::Io {
            what,
            path: shown(path),
            reason: format!("{error}{advice}"),
        }
    }

    pub(crate) fn record(path: &Path, reason: impl Display) -> Self {
        Self::Record {
            path: shown(path),
            reason: reason.to_string(),
        }
    }
}

pub(crate) fn shown(path: &Path) -> String {
    path.display().to_string()
}
