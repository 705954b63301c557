//! What expires when, so that the expired is given back without anybody looking through all there is.
//!
//! Nothing depends on these for correctness: every read checks the time itself. Each thing that can expire has at most one
//! entry here, and one that lives longer than thought keeps its early entry and is queued again when that is due. So prolonging,
//! which every message does, costs nothing here.

use std::collections::BTreeMap;
use std::rc::Rc;

/// What a timer is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A value of a partition.
    Value(Rc<str>, Rc<str>),
    /// A log of a partition.
    Log(Rc<str>, Rc<str>),
    /// A partition that held nothing but a lease.
    Partition(Rc<str>),
}

/// Where an entry stands in the queue; given back to cancel it.
pub type Ticket = (u64, u64);

/// The queue.
#[derive(Default)]
pub struct Timers {
    queue: BTreeMap<Ticket, Target>,
    next_serial: u64,
    /// The first due time, kept beside the queue because every call asks for it.
    first: Option<u64>,
}

impl Timers {
    /// Queues a target.
    pub fn add(&mut self, due: u64, target: Target) -> Ticket {
        self.next_serial += 1;
        let ticket = (due, self.next_serial);
        self.queue.insert(ticket, target);
        self.first = Some(self.first.map_or(due, |first| first.min(due)));
        ticket
    }

    /// Takes an entry out. One that is gone already is no fault.
    pub fn cancel(&mut self, ticket: Ticket) {
        self.queue.remove(&ticket);
        if self.first == Some(ticket.0) {
            self.refresh();
        }
    }

    /// The next target that is due, taken out.
    pub fn due(&mut self, now: u64) -> Option<Target> {
        if self.first? > now {
            return None;
        }
        let target = self.queue.pop_first().map(|(_, target)| target);
        self.refresh();
        target
    }

    /// How many are queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn refresh(&mut self) {
        self.first = self.queue.first_key_value().map(|((due, _), _)| *due);
    }
}

#[cfg(test)]
mod tests {
    use super::{Target, Timers};

    #[test]
    fn targets_come_out_when_they_are_due_in_order_and_once() {
        let mut timers = Timers::default();
        let late = timers.add(30, Target::Partition("late".into()));
        timers.add(20, Target::Partition("b".into()));
        timers.add(10, Target::Partition("a".into()));
        assert_eq!(timers.due(9), None);
        assert_eq!(timers.due(20), Some(Target::Partition("a".into())));
        assert_eq!(timers.due(20), Some(Target::Partition("b".into())));
        assert_eq!(timers.due(20), None);
        timers.cancel(late);
        assert_eq!(timers.due(100), None);
        assert!(timers.is_empty());
    }
}
