//! What one consumer has to do: which messages are ready, which wait for an earlier one of their key, which are out.
//!
//! A *lane* is the messages of one key in the order of their publishing. Only the first of a lane is ready, out or delayed; the
//! others are a chain behind it. Every step touches one entry and its neighbours, so it costs the same however much waits.

use std::collections::{BTreeSet, VecDeque};

use crate::bus::Outcome;
use crate::hash::Map;
use slab::Slab;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// An earlier message of the lane is not settled.
    Behind,
    Ready,
    /// Delivered; delivered again at `deadline`. The neighbours are those delivered just before and after it.
    Out {
        deadline: u64,
        before: Option<usize>,
        after: Option<usize>,
    },
    /// To be delivered again from `until` on.
    Delayed {
        until: u64,
    },
}

struct Entry {
    message: usize,
    lane: u64,
    /// The next of the lane.
    next: Option<usize>,
    /// The tag of the newest delivery; older ones mean nothing any more.
    tag: u64,
    attempt: u32,
    state: State,
}

/// What is to be delivered.
pub struct Due {
    /// The message's place in the broker's table.
    pub message: usize,
    /// What to settle by.
    pub tag: u64,
    /// 1 for the first time.
    pub attempt: u32,
}

/// The work of one consumer.
#[derive(Default)]
pub struct Queue {
    entries: Slab<Entry>,
    /// The last entry of each lane that has one.
    lanes: Map<u64, usize>,
    ready: VecDeque<usize>,
    delayed: BTreeSet<(u64, usize)>,
    /// The entries that are out, the one due first at the front. Every deadline is the same time after its delivery, so the
    /// order of delivery is the order of the deadlines.
    first_out: Option<usize>,
    last_out: Option<usize>,
    out: u32,
    deliveries: u32,
}

impl Queue {
    /// Adds a message at the end of its lane.
    pub fn push(&mut self, message: usize, lane: u64) {
        self.push_again(message, lane, 0);
    }

    /// Adds a message that was delivered so many times already.
    pub fn push_again(&mut self, message: usize, lane: u64, attempt: u32) {
        let index = self.entries.insert(Entry {
            message,
            lane,
            next: None,
            tag: 0,
            attempt,
            state: State::Behind,
        });
        match self
            .lanes
            .insert(lane, index)
            .and_then(|last| self.entries.get_mut(last))
        {
            Some(last) => last.next = Some(index),
            None => self.make_ready(index, false),
        }
    }

    /// Takes the next message to deliver, out until `deadline` unless settled or extended. Call [`Queue::wake`] before.
    pub fn take(&mut self, deadline: u64) -> Option<Due> {
        let index = self.ready.pop_front()?;
        self.deliveries = self.deliveries.wrapping_add(1);
        let tag = u64::from(self.deliveries) << 32 | u64::try_from(index).unwrap_or(u64::MAX);
        let entry = self.entries.get_mut(index)?;
        entry.tag = tag;
        entry.attempt = entry.attempt.saturating_add(1);
        let due = Due {
            message: entry.message,
            tag,
            attempt: entry.attempt,
        };
        self.link_out(index, deadline);
        Some(due)
    }

    /// Makes ready what was out too long and what was delayed until now.
    pub fn wake(&mut self, now: u64) {
        while let Some((until, index)) = self.delayed.first().copied() {
            if until > now {
                break;
            }
            self.delayed.remove(&(until, index));
            self.make_ready(index, true);
        }
        while let Some(index) = self.first_out {
            if self.deadline(index).is_none_or(|deadline| deadline > now) {
                break;
            }
            self.unlink_out(index);
            self.make_ready(index, true);
        }
    }

    /// Settles a delivery. The answer is `None` for a tag nothing is out under, and otherwise the message if it is done with.
    pub fn settle(&mut self, now: u64, tag: u64, outcome: Outcome) -> Option<Option<usize>> {
        let index = self.index_of(tag)?;
        self.unlink_out(index);
        if let Outcome::Retry(delay) = outcome {
            let until = now.saturating_add(delay);
            if delay == 0 {
                self.make_ready(index, true);
            } else if let Some(entry) = self.entries.get_mut(index) {
                entry.state = State::Delayed { until };
                self.delayed.insert((until, index));
            }
            return Some(None);
        }
        let entry = self.entries.try_remove(index)?;
        match entry.next {
            Some(next) => self.make_ready(next, false),
            None => {
                self.lanes.remove(&entry.lane);
            }
        }
        Some(Some(entry.message))
    }

    /// Starts the ack wait of a delivery again. A tag nothing is out under is ignored.
    pub fn extend(&mut self, tag: u64, deadline: u64) {
        if let Some(index) = self.index_of(tag) {
            self.unlink_out(index);
            self.link_out(index, deadline);
        }
    }

    /// How many are delivered and not settled.
    #[must_use]
    pub fn out(&self) -> u32 {
        self.out
    }

    /// How many wait: ready, delayed or behind another.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.entries
            .len()
            .saturating_sub(usize::try_from(self.out).unwrap_or(usize::MAX))
    }

    /// Whether something could be taken now.
    #[must_use]
    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// When something becomes ready by itself.
    #[must_use]
    pub fn next_wake(&self) -> Option<u64> {
        let delayed = self.delayed.first().map(|(until, _)| *until);
        let out = self.first_out.and_then(|index| self.deadline(index));
        delayed.into_iter().chain(out).min()
    }

    /// The message that is out under a tag.
    #[must_use]
    pub fn message_of(&self, tag: u64) -> Option<usize> {
        let entry = self.entries.get(self.index_of(tag)?)?;
        Some(entry.message)
    }

    /// All messages it has still to deal with, and how often each was delivered.
    pub fn messages(&self) -> impl Iterator<Item = (usize, u32)> {
        self.entries
            .iter()
            .map(|(_, entry)| (entry.message, entry.attempt))
    }

    /// All messages it was still to deal with.
    pub fn into_messages(self) -> impl Iterator<Item = usize> {
        self.entries.into_iter().map(|(_, entry)| entry.message)
    }

    /// The entry that is out under a tag.
    fn index_of(&self, tag: u64) -> Option<usize> {
        let index = usize::try_from(tag & u64::from(u32::MAX)).ok()?;
        let entry = self.entries.get(index)?;
        (entry.tag == tag && matches!(entry.state, State::Out { .. })).then_some(index)
    }

    fn make_ready(&mut self, index: usize, first: bool) {
        let Some(entry) = self.entries.get_mut(index) else {
            return;
        };
        entry.state = State::Ready;
        if first {
            self.ready.push_front(index);
        } else {
            self.ready.push_back(index);
        }
    }

    fn deadline(&self, index: usize) -> Option<u64> {
        match self.entries.get(index)?.state {
            State::Out { deadline, .. } => Some(deadline),
            _ => None,
        }
    }

    fn link_out(&mut self, index: usize, deadline: u64) {
        let before = self.last_out.replace(index);
        match before {
            Some(before) => self.set_neighbours(before, None, Some(Some(index))),
            None => self.first_out = Some(index),
        }
        if let Some(entry) = self.entries.get_mut(index) {
            entry.state = State::Out {
                deadline,
                before,
                after: None,
            };
        }
        self.out += 1;
    }

    fn unlink_out(&mut self, index: usize) {
        let Some(Entry {
            state: State::Out { before, after, .. },
            ..
        }) = self.entries.get(index)
        else {
            return;
        };
        let (before, after) = (*before, *after);
        match before {
            Some(before) => self.set_neighbours(before, None, Some(after)),
            None => self.first_out = after,
        }
        match after {
            Some(after) => self.set_neighbours(after, Some(before), None),
            None => self.last_out = before,
        }
        self.out -= 1;
    }

    /// Changes the given neighbours of an entry that is out.
    fn set_neighbours(
        &mut self,
        index: usize,
        new_before: Option<Option<usize>>,
        new_after: Option<Option<usize>>,
    ) {
        if let Some(Entry {
            state: State::Out { before, after, .. },
            ..
        }) = self.entries.get_mut(index)
        {
            *before = new_before.unwrap_or(*before);
            *after = new_after.unwrap_or(*after);
        }
    }
}
