//! Documents near a real one, by chance: what the channels' own tests throw at `ingress` in great numbers.
//!
//! Everything follows from a seed, so that a case that failed fails again. `cargo xtask fuzz channels` runs a million cases for
//! each channel; the ordinary tests run [`CASES`].

use serde_json::{Value, json};

/// Cases of a run that is not told otherwise.
pub const CASES: u64 = 20_000;

/// How many cases to run: `GREENTIC_FUZZ_CASES`, or [`CASES`].
///
/// # Panics
/// When the variable holds no number: a run that was asked for and does not happen must not look like one that did.
#[must_use]
#[allow(clippy::panic)]
pub fn cases() -> u64 {
    match std::env::var("GREENTIC_FUZZ_CASES") {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("GREENTIC_FUZZ_CASES is a number, not `{text}`")),
        Err(_) => CASES,
    }
}

/// Numbers that look like chance and are the same everywhere (SplitMix64, Steele, Lea and Flood 2014). Written out because a seed must
/// mean the same in every later version; a crate of random numbers promises that of few of its generators.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The dice of one case; cases that stand side by side have nothing in common.
    #[must_use]
    pub fn of_case(case: u64) -> Self {
        Self::new(case.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 when there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.roll() % bound).unwrap_or_default()
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    /// One of these.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }
}

/// Changes one place of a document: a value becomes another kind of value, a field goes or gets another name, an item goes or
/// comes hundreds of times. `words` are texts that mean something to the reader under test.
pub fn disturb(value: &mut Value, dice: &mut Dice, words: &[&str]) {
    let deeper = !dice.once_in(8);
    match value {
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let at = dice.below(fields.len());
            let Some(name) = fields.keys().nth(at).cloned() else {
                return;
            };
            match dice.below(16) {
                0 => drop(fields.remove(&name)),
                1 => {
                    let moved = fields.remove(&name).unwrap_or_default();
                    fields.insert(format!("{name}{name}"), moved);
                }
                2 => {
                    let copy = fields.get(&name).cloned().unwrap_or_default();
                    let word = dice.one_of(words).copied().unwrap_or("id");
                    fields.insert(word.to_owned(), copy);
                }
                _ => {
                    if let Some(inner) = fields.get_mut(&name) {
                        disturb(inner, dice, words);
                    }
                }
            }
        }
        Value::Array(items) if deeper && !items.is_empty() => {
            let at = dice.below(items.len());
            match dice.below(12) {
                0 => drop(items.remove(at)),
                1 => {
                    let copy = items.get(at).cloned().unwrap_or_default();
                    let most = if dice.once_in(8) { 400 } else { 6 };
                    items.extend(std::iter::repeat_n(copy, dice.below(most)));
                }
                _ => {
                    if let Some(inner) = items.get_mut(at) {
                        disturb(inner, dice, words);
                    }
                }
            }
        }
        other => *other = odd(other, dice, words),
    }
}

/// A value somebody did not think of.
fn odd(old: &Value, dice: &mut Dice, words: &[&str]) -> Value {
    match dice.below(24) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(i64::MIN),
        5 => json!(1.5e300),
        6 => json!([]),
        7 => json!({}),
        8 => json!([[[[{"text": [["deep"]]}]]]]),
        9 => json!(["a", 1, null, {"id": {}}]),
        10 => json!({"id": "U1", "text": "x", "value": [old]}),
        11 => json!([old]),
        12 => json!(""),
        13 => json!("\u{0}\u{feff}\u{202e}é👩‍👩‍👧"),
        14 => json!("😀\u{301}\u{200d}".repeat(dice.below(40))),
        15 => json!("<".repeat(dice.below(50)) + "|>@!#&amp;</at>&nbsp;"),
        16 => json!("../../etc?x#y%00;%zz"),
        17 => json!("99999999999999999999.999999"),
        18 => json!("9999-99-99T99:99:99+99:99"),
        19 if dice.once_in(8) => json!("x".repeat(dice.below(100_000))),
        20 if dice.once_in(8) => json!("ä".repeat(dice.below(70_000))),
        21 => match old {
            Value::String(text) => {
                let mut bytes = text.clone().into_bytes();
                let at = dice.below(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = dice.byte();
                }
                String::from_utf8_lossy(&bytes).into()
            }
            _ => json!("1"),
        },
        _ => json!(dice.one_of(words).copied().unwrap_or("x")),
    }
}

/// Changes bytes: cut off, put in, flipped, or a piece said twice.
pub fn disturb_bytes(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len());
    match dice.below(5) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, dice.byte()),
        2 => {
            let end = (at + dice.below(40)).min(bytes.len());
            let piece = bytes.get(at..end).unwrap_or_default().to_vec();
            bytes.splice(at..at, piece);
        }
        _ => {
            let other = dice.byte();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = other;
            }
        }
    }
}

/// A shape's bytes after up to three changes of the document and, once in `every`, a few of the bytes.
#[must_use]
pub fn body(shape: &Value, dice: &mut Dice, words: &[&str], every: usize) -> Vec<u8> {
    let mut document = shape.clone();
    for _ in 0..dice.below(4) {
        disturb(&mut document, dice, words);
    }
    let mut bytes = document.to_string().into_bytes();
    if dice.once_in(every) {
        for _ in 0..=dice.below(4) {
            disturb_bytes(&mut bytes, dice);
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_case_is_the_same_again_and_its_neighbours_are_others() {
        let shape = json!({"a": [1, {"b": "text"}], "c": {"d": null}});
        let of = |case| body(&shape, &mut Dice::of_case(case), &["word"], 4);
        assert!((0..100).all(|case| of(case) == of(case)));
        let different: HashSet<_> = (0..1_000).map(of).collect();
        assert!(different.len() > 400, "{} of 1,000", different.len());
    }

    #[test]
    fn cases_leave_documents_and_break_them() {
        let shape = json!({"a": [1, {"b": "text"}], "c": {"d": null}});
        let bodies: Vec<_> = (0..1_000)
            .map(|case| body(&shape, &mut Dice::of_case(case), &["word"], 4))
            .collect();
        let whole = bodies
            .iter()
            .filter(|bytes| serde_json::from_slice::<Value>(bytes).is_ok())
            .count();
        assert!((700..990).contains(&whole), "{whole} of 1,000");
    }
}
