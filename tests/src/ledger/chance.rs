//! What a plan asks of dice.

use std::time::Duration;

use greentic_conformance::fuzz::Dice;

/// Choices that follow from a seed.
#[derive(Debug, Clone)]
pub struct Chance(Dice);

impl Chance {
    /// Begins with a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Dice::new(seed))
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.below(end)
    }

    /// One of these.
    ///
    /// # Panics
    /// When there is none.
    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// True so often in a hundred.
    pub fn percent(&mut self, often: usize) -> bool {
        self.below(100) < often
    }

    /// A time between two, in milliseconds.
    pub fn between(&mut self, least: u64, most: u64) -> Duration {
        let span = usize::try_from(most.saturating_sub(least)).unwrap_or(0);
        let more = u64::try_from(self.below(span + 1)).unwrap_or(0);
        Duration::from_millis(least + more)
    }

    /// In another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for end in (1..all.len()).rev() {
            let other = self.below(end + 1);
            all.swap(end, other);
        }
    }
}
