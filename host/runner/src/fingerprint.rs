//! Whether something in a new bundle is what runs already. Equal fingerprints mean: made of the same code, with the same grants,
//! limits, configuration and secrets, so the running one serves on.

use std::fmt::Debug;

use sha2::{Digest, Sha256};

/// The digest of everything a part of a generation is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The digest of bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// As hexadecimal digits.
    pub(crate) fn hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Its first eight bytes: enough to tell apart the versions of one flow.
    pub(crate) fn short(&self) -> u64 {
        self.0
            .first_chunk()
            .map_or(0, |first| u64::from_be_bytes(*first))
    }
}

impl Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.hex())
    }
}

/// Takes one part after the other. Each is kept apart from the next by its length, so that no two ways of writing are one.
pub(crate) struct Print(Sha256);

impl Print {
    /// Begins; `kind` keeps different things with equal parts apart.
    pub(crate) fn new(kind: &str) -> Self {
        Self(Sha256::new()).text(kind)
    }

    pub(crate) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0
            .update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        self.0.update(bytes);
        self
    }

    /// A value by its `Debug` form. Only for values without places in a file.
    pub(crate) fn debug(self, value: &impl Debug) -> Self {
        self.text(&format!("{value:?}"))
    }

    pub(crate) fn part(self, part: &Fingerprint) -> Self {
        self.bytes(&part.0)
    }

    pub(crate) fn list<T: AsRef<str>>(self, items: impl IntoIterator<Item = T>) -> Self {
        let mut print = self;
        let mut count = 0_u64;
        for item in items {
            print = print.text(item.as_ref());
            count += 1;
        }
        print.bytes(&count.to_le_bytes())
    }

    pub(crate) fn done(self) -> Fingerprint {
        Fingerprint(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_run_into_each_other_differ() {
        let print = |parts: &[&str]| Print::new("x").list(parts).done();
        assert_ne!(print(&["ab", "c"]), print(&["a", "bc"]));
        assert_ne!(print(&["a"]), print(&["a", ""]));
        assert_ne!(Print::new("x").done(), Print::new("y").done());
        assert_eq!(print(&["a", "b"]), print(&["a", "b"]));
    }
}
