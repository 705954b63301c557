//! One partition: its values, its logs and who holds it.

use std::rc::Rc;

use crate::store::journal::Journal;
use crate::store::names::Names;
use crate::store::timers::Ticket;

/// Who holds a partition. Kept after it ended, so that the next claim of it need not allocate.
#[derive(Default)]
pub struct Holder {
    /// The newest fence; 0 when it was never claimed since the partition is there.
    pub fence: u64,
    /// Who asked for it.
    pub owner: String,
    /// When it ends; 0 after a release.
    pub expires: u64,
}

impl Holder {
    /// Whether somebody holds the partition at this time.
    #[must_use]
    pub fn lives(&self, now: u64) -> bool {
        now < self.expires
    }

    /// Whether this fence is the newest and its lease not over.
    #[must_use]
    pub fn held_by(&self, fence: u64, now: u64) -> bool {
        self.fence == fence && self.lives(now)
    }
}

/// The partition.
pub struct Partition {
    /// Its key, shared with the table of partitions.
    pub key: Rc<str>,
    /// Its values.
    pub names: Names,
    /// Its logs; rarely more than one.
    pub logs: Vec<(Rc<str>, Journal)>,
    /// Its lease.
    pub holder: Holder,
    /// Its entry in the queue, while it holds nothing but a lease.
    pub ticket: Option<Ticket>,
}

impl Partition {
    /// Nothing, and held by nobody.
    #[must_use]
    pub fn new(key: Rc<str>) -> Self {
        Self {
            key,
            names: Names::default(),
            logs: Vec::new(),
            holder: Holder::default(),
            ticket: None,
        }
    }

    /// A log by name, expired or not.
    #[must_use]
    pub fn log(&self, name: &str) -> Option<&Journal> {
        self.logs
            .iter()
            .find(|(known, _)| known.as_ref() == name)
            .map(|(_, log)| log)
    }

    /// A log to change.
    pub fn log_mut(&mut self, name: &str) -> Option<&mut Journal> {
        self.logs
            .iter_mut()
            .find(|(known, _)| known.as_ref() == name)
            .map(|(_, log)| log)
    }

    /// Takes a log out.
    pub fn remove_log(&mut self, name: &str) -> Option<Journal> {
        let place = self
            .logs
            .iter()
            .position(|(known, _)| known.as_ref() == name)?;
        Some(self.logs.swap_remove(place).1)
    }

    /// Whether it has neither values nor logs.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.names.is_empty() && self.logs.is_empty()
    }
}
