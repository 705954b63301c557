//! A hash map for hot paths, seeded so that nobody outside can aim keys at one bucket.
//!
//! foldhash is several times faster than the standard SipHash on short keys. Its own seeding draws on addresses, which are the
//! same in every instance of a component; the seeds here come from the host's randomness through the standard library.

use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use foldhash::SharedSeed;
use foldhash::fast::{FoldHasher, SeedableRandomState};

/// A hash map with [`State`]. It is hashbrown's own, for its `entry_ref`: one look for "the entry of this `&str`, or make it".
pub type Map<K, V> = hashbrown::HashMap<K, V, State>;

/// What `entry_ref` returns.
pub use hashbrown::hash_map::EntryRef;

/// Makes seeded hashers. Each `default()` has a seed of its own.
#[derive(Clone)]
pub struct State(SeedableRandomState);

impl Default for State {
    fn default() -> Self {
        static SHARED: OnceLock<SharedSeed> = OnceLock::new();
        let shared = SHARED.get_or_init(|| SharedSeed::from_u64(random()));
        Self(SeedableRandomState::with_seed(random(), shared))
    }
}

impl BuildHasher for State {
    type Hasher = FoldHasher<'static>;

    fn build_hasher(&self) -> Self::Hasher {
        self.0.build_hasher()
    }
}

/// 64 bits nobody outside can know: the standard library's random keys, seen through its keyed hash.
fn random() -> u64 {
    std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish()
}

#[cfg(test)]
mod tests {
    use super::State;
    use std::hash::BuildHasher;

    #[test]
    fn two_states_hash_the_same_key_differently() {
        let (one, other) = (State::default(), State::default());
        assert_eq!(one.hash_one("key"), one.clone().hash_one("key"));
        assert_ne!(one.hash_one("key"), other.hash_one("key"));
    }
}
