//! The values of one partition, in order of their names.
//!
//! A session has a handful of values and most partitions are sessions: those are one small sorted array, where looking is a few
//! comparisons and no second allocation. A partition that grows beyond that (the state of a team) becomes a tree.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::rc::Rc;

use crate::store::timers::Ticket;

/// One value.
#[derive(Debug)]
pub struct Value {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Its revision.
    pub revision: u64,
    /// When it is gone; `None` for never.
    pub expires: Option<u64>,
    /// Its entry in the queue of what expires.
    pub ticket: Option<Ticket>,
}

impl Value {
    /// Whether it is there at this time.
    #[must_use]
    pub fn lives(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// From how many values on a partition is a tree.
const FEW: usize = 24;

/// The values by name.
pub enum Names {
    /// A sorted array.
    Few(Vec<(Rc<str>, Value)>),
    /// A tree.
    Many(BTreeMap<Rc<str>, Value>),
}

impl Default for Names {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Names {
    /// The value of a name, expired or not.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Few(few) => few
                .iter()
                .find(|(known, _)| known.as_ref() == name)
                .map(|(_, value)| value),
            Self::Many(many) => many.get(name),
        }
    }

    /// The value of a name to change, with the name as it is kept.
    pub fn get_mut(&mut self, name: &str) -> Option<(&Rc<str>, &mut Value)> {
        match self {
            Self::Few(few) => few
                .iter_mut()
                .find(|(known, _)| known.as_ref() == name)
                .map(|(known, value)| (&*known, value)),
            // The tree has no way to lend a key beside a changeable value but a range.
            Self::Many(many) => many
                .range_mut::<str, _>((Bound::Included(name), Bound::Included(name)))
                .next(),
        }
    }

    /// Adds a name that is not there.
    pub fn insert(&mut self, name: Rc<str>, value: Value) {
        match self {
            Self::Few(few) if few.len() < FEW => {
                let place = few.partition_point(|(known, _)| known.as_ref() < name.as_ref());
                few.insert(place, (name, value));
            }
            Self::Few(few) => {
                let mut many: BTreeMap<_, _> = few.drain(..).collect();
                many.insert(name, value);
                *self = Self::Many(many);
            }
            Self::Many(many) => {
                many.insert(name, value);
            }
        }
    }

    /// Takes a name out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        match self {
            Self::Few(few) => {
                let place = few.iter().position(|(known, _)| known.as_ref() == name)?;
                Some(few.remove(place).1)
            }
            Self::Many(many) => many.remove(name),
        }
    }

    /// Whether there is no value at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(many) => many.is_empty(),
        }
    }

    /// The names in byte order, from the first one after `after`.
    pub fn after<'names>(
        &'names self,
        after: Option<&str>,
    ) -> Box<dyn Iterator<Item = (&'names Rc<str>, &'names Value)> + 'names> {
        match self {
            Self::Few(few) => {
                let start = after.map_or(0, |after| {
                    few.partition_point(|(known, _)| known.as_ref() <= after)
                });
                Box::new(few.iter().skip(start).map(|(name, value)| (name, value)))
            }
            Self::Many(many) => {
                let from = after.map_or(Bound::Unbounded, Bound::Excluded);
                Box::new(many.range::<str, _>((from, Bound::Unbounded)))
            }
        }
    }
}
