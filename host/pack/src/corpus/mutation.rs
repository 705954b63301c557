//! Random changes of a good pack: the reader never panics and never accepts other content.
//!
//! The number of changes is `GREENTIC_PACK_MUTATIONS`, 20,000 unless set; a failure prints the seed that repeats it
//! under `GREENTIC_PACK_SEED`.

use crate::sample::{ring, signed, unsigned};
use crate::{Pack, Policy};

/// SplitMix64: enough to choose places, and the same on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

/// One change; `favoured` are places of headers, which a change that is only random would seldom hit.
fn change(bytes: &mut Vec<u8>, random: &mut Random, favoured: &[usize]) {
    let at = if random.below(2) == 0 && !favoured.is_empty() {
        (favoured[random.below(favoured.len())] + random.below(46))
            .min(bytes.len().saturating_sub(1))
    } else {
        random.below(bytes.len())
    };
    let len = random.below(64).min(bytes.len() - at);
    match random.below(7) {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5)],
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..at + len)),
        5 => {
            let part = bytes[at..at + len].to_vec();
            let to = random.below(bytes.len());
            bytes.splice(to..to, part);
        }
        _ => {
            let part = bytes[at..at + len].to_vec();
            let to = random.below(bytes.len() - len + 1);
            bytes[to..to + len].copy_from_slice(&part);
        }
    }
}

fn headers(bytes: &[u8]) -> Vec<usize> {
    (0..bytes.len().saturating_sub(4))
        .filter(|at| bytes[*at..].starts_with(b"PK"))
        .collect()
}

#[test]
fn no_random_change_of_a_signed_pack_is_accepted_and_none_panics() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().unwrap())
    };
    let count = number("GREENTIC_PACK_MUTATIONS", 20_000);
    let first = number("GREENTIC_PACK_SEED", 1);
    let good = signed();
    let plain = unsigned();
    let (strict, open) = (Policy::strict(ring(1)), Policy::allow_unsigned(ring(1)));
    let (good_headers, plain_headers) = (headers(&good), headers(&plain));
    for seed in first..first + count {
        let mut random = Random(seed);
        // Every fourth change is of an unsigned pack, where the structure's own checks stand alone.
        let unsigned = seed % 4 == 0;
        let (original, favoured) = if unsigned {
            (&plain, &plain_headers)
        } else {
            (&good, &good_headers)
        };
        let mut bytes = original.clone();
        for _ in 0..=random.below(3) {
            if !bytes.is_empty() {
                change(&mut bytes, &mut random, favoured);
            }
        }
        if bytes == *original {
            continue;
        }
        let policy = if unsigned { &open } else { &strict };
        if let Ok(pack) = Pack::open(bytes, policy) {
            // An unsigned pack may be changed into another sound one only by whoever recomputes its digests.
            panic!(
                "seed {seed}: a changed pack was accepted as {} {}",
                pack.id(),
                pack.version()
            );
        }
    }
}

#[test]
fn every_single_changed_byte_of_a_signed_pack_is_refused() {
    let good = signed();
    let strict = Policy::strict(ring(1));
    let mut bytes = good.clone();
    for at in 0..good.len() {
        bytes[at] ^= 0x20;
        assert!(
            Pack::open(bytes.clone(), &strict).is_err(),
            "byte {at} of {}",
            good.len()
        );
        bytes[at] ^= 0x20;
    }
    assert!(Pack::open(bytes, &strict).is_ok());
}
