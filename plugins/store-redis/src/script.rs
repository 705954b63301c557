//! The scripts that make each operation one step on the server.

/// A script. Its place in [`SOURCES`] is its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// Leases a partition and reads values.
    Claim,
    /// Prolongs or ends a lease.
    Renew,
    /// All writes or none.
    Commit,
    /// Deletes a value.
    Delete,
    /// Appends to a log.
    Append,
    /// Reads a log.
    Range,
    /// A page of the index.
    List,
    /// Takes what has expired out of the index.
    Sweep,
}

/// The sources, by number.
pub const SOURCES: [&str; 8] = [
    include_str!("scripts/claim.lua"),
    include_str!("scripts/renew.lua"),
    include_str!("scripts/commit.lua"),
    include_str!("scripts/delete.lua"),
    include_str!("scripts/append.lua"),
    include_str!("scripts/range.lua"),
    include_str!("scripts/list.lua"),
    include_str!("scripts/sweep.lua"),
];

impl Script {
    /// Its number.
    #[must_use]
    pub fn number(self) -> usize {
        match self {
            Self::Claim => 0,
            Self::Renew => 1,
            Self::Commit => 2,
            Self::Delete => 3,
            Self::Append => 4,
            Self::Range => 5,
            Self::List => 6,
            Self::Sweep => 7,
        }
    }

    /// Its source.
    #[must_use]
    pub fn source(self) -> &'static str {
        SOURCES.get(self.number()).copied().unwrap_or_default()
    }
}
