//! Which message ids were seen inside the window.
//!
//! An id is remembered as 128 bits of keyed SipHash, 16 bytes in place of a text of its own: nobody outside knows the keys, so
//! nobody can choose two ids that are taken for one, and by chance a million of them collide once in 10^26 tries. The window is bounded
//! by time and by count; where the count is reached first the oldest are forgotten early, and that is counted.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};

use greentic_sdk::hash::Map;

/// Remembered ids given up by one publish of one message: twice what it adds, so that the memory never grows behind the window.
const FORGOTTEN_AT_ONCE: usize = 2;

/// The memory of ids.
pub struct Dedupe {
    keys: (RandomState, RandomState),
    seen: Map<u128, u64>,
    order: VecDeque<(u64, u128)>,
    window_ms: u64,
    most: usize,
    forgotten_early: u64,
}

impl Dedupe {
    /// Remembers ids for a window, and at most so many.
    #[must_use]
    pub fn new(window_ms: u64, most: usize) -> Self {
        Self {
            keys: (RandomState::new(), RandomState::new()),
            seen: Map::default(),
            order: VecDeque::new(),
            window_ms,
            most,
            forgotten_early: 0,
        }
    }

    /// What an id is remembered as.
    #[must_use]
    pub fn print(&self, id: &str) -> u128 {
        u128::from(self.keys.0.hash_one(id)) << 64 | u128::from(self.keys.1.hash_one(id))
    }

    /// Whether this id was remembered inside the window.
    #[must_use]
    pub fn knows(&self, now: u64, print: u128) -> bool {
        self.seen
            .get(&print)
            .is_some_and(|since| now < since.saturating_add(self.window_ms))
    }

    /// Remembers an id from now on.
    pub fn remember(&mut self, now: u64, print: u128) {
        for _ in 0..FORGOTTEN_AT_ONCE {
            let Some((since, _)) = self.order.front() else {
                break;
            };
            let full = self.order.len() >= self.most;
            let over = now >= since.saturating_add(self.window_ms);
            if !over && !full {
                break;
            }
            let Some((since, old)) = self.order.pop_front() else {
                break;
            };
            // An id that came again after its window has a later entry, which is the one that counts.
            if self.seen.get(&old) == Some(&since) {
                self.seen.remove(&old);
                self.forgotten_early += u64::from(!over);
            }
        }
        self.seen.insert(print, now);
        self.order.push_back((now, print));
    }

    /// How many ids were forgotten before their window was over, since the start.
    #[must_use]
    pub fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// How many entries are kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::Dedupe;

    #[test]
    fn an_id_is_known_inside_its_window_and_not_after() {
        let mut dedupe = Dedupe::new(100, 1000);
        let (a, b) = (dedupe.print("a"), dedupe.print("b"));
        assert_ne!(a, b);
        dedupe.remember(0, a);
        assert!(dedupe.knows(99, a) && !dedupe.knows(100, a) && !dedupe.knows(0, b));
        dedupe.remember(100, a);
        assert!(dedupe.knows(199, a) && !dedupe.knows(200, a));
        dedupe.remember(300, b);
        assert_eq!((dedupe.len(), dedupe.forgotten_early()), (1, 0));
    }

    #[test]
    fn the_count_bounds_what_is_kept_and_early_forgetting_is_counted() {
        let mut dedupe = Dedupe::new(1_000_000, 10);
        for n in 0..100 {
            let print = dedupe.print(&n.to_string());
            dedupe.remember(n, print);
            assert!(dedupe.len() <= 10);
        }
        assert_eq!(dedupe.forgotten_early(), 90);
        assert!(dedupe.knows(100, dedupe.print("90")) && !dedupe.knows(100, dedupe.print("89")));
    }
}
