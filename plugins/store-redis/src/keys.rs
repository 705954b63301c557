//! The names of keys on the server.
//!
//! Everything of one partition has the partition as its hash tag, and the partition's length before it, so that no name can be read in
//! two ways: `greentic:7{dev/a/b}v:record`.

/// Key names under one prefix.
#[derive(Debug, Clone)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    /// Under this prefix, and the name of the environment's index.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: format!("{prefix}:"),
        }
    }

    /// What every key of a partition begins with.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        self.prefix.as_bytes()
    }

    /// Who holds a partition, and its newest number.
    #[must_use]
    pub fn holder(&self, partition: &str) -> String {
        self.of(partition, "l", "")
    }

    /// A value.
    #[must_use]
    pub fn value(&self, partition: &str, name: &str) -> String {
        self.of(partition, "v:", name)
    }

    /// A log.
    #[must_use]
    pub fn log(&self, partition: &str, name: &str) -> String {
        self.of(partition, "j:", name)
    }

    /// The names of all values, in order.
    #[must_use]
    pub fn index(&self) -> String {
        format!("{}index", self.prefix)
    }

    /// How far the sweep of the index has come.
    #[must_use]
    pub fn sweep(&self) -> String {
        format!("{}sweep", self.prefix)
    }

    fn of(&self, partition: &str, kind: &str, name: &str) -> String {
        format!(
            "{}{}{{{partition}}}{kind}{name}",
            self.prefix,
            partition.len()
        )
    }
}

/// A value's member of the index: in the index's byte order a partition with its names comes before every longer one. A zero byte
/// ends the partition; one inside it is followed by 255, which no text begins with.
#[must_use]
pub fn member(partition: &str, name: &str) -> Vec<u8> {
    let mut member = escaped(partition);
    member.push(0);
    member.extend_from_slice(name.as_bytes());
    member
}

/// A partition, or the beginning of one, as it stands in the index.
#[must_use]
pub fn escaped(partition: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(partition.len() + 1);
    for byte in partition.bytes() {
        bytes.push(byte);
        if byte == 0 {
            bytes.push(255);
        }
    }
    bytes
}

/// The partition and name of a member.
#[must_use]
pub fn read_member(member: &[u8]) -> Option<(String, String)> {
    let mut partition = Vec::with_capacity(member.len());
    let mut rest = member.iter();
    while let Some(byte) = rest.next() {
        if *byte == 0 {
            let after = rest.as_slice();
            match after.strip_prefix(&[255]) {
                Some(after) => rest = after.iter(),
                None => {
                    let name = String::from_utf8(after.to_vec()).ok()?;
                    return Some((String::from_utf8(partition).ok()?, name));
                }
            }
        }
        partition.push(*byte);
    }
    None
}

/// The bounds of a listing in the index: everything that begins with `prefix`, or after a cursor.
#[must_use]
pub fn bounds(prefix: &str, after: Option<(&str, &str)>) -> (Vec<u8>, Vec<u8>) {
    let with = |mark: u8, rest: &[u8]| [&[mark], rest].concat();
    let mut end = escaped(prefix);
    let from = match after {
        Some((partition, name)) => with(b'(', &member(partition, name)),
        None => with(b'[', &end),
    };
    // The first text beyond all that begin with the prefix: the last byte that can grow, grown.
    while end.last() == Some(&255) {
        end.pop();
    }
    let to = match end.last_mut() {
        Some(last) => {
            *last = last.saturating_add(1);
            with(b'(', &end)
        }
        None => b"+".to_vec(),
    };
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::{Keys, bounds, member, read_member};

    #[test]
    fn no_two_names_share_a_key() {
        let keys = Keys::new("g");
        assert_eq!(keys.value("dev/a", "record"), "g:5{dev/a}v:record");
        assert_ne!(keys.value("a}v:b", "c"), keys.value("a", "b}v:c"));
        assert_ne!(keys.value("a", "x"), keys.log("a", "x"));
        assert_ne!(keys.value("1{a", "x"), keys.value("a", "x"));
    }

    #[test]
    fn members_are_in_the_order_of_partition_and_name() {
        let mut pairs = [
            ("b", "a"),
            ("a", "z"),
            ("a\0b", "a"),
            ("a/b", "a"),
            ("a\0", "z"),
            ("a", "a"),
            ("a", "\0"),
        ];
        let mut expected = pairs;
        expected.sort_unstable();
        pairs.sort_by_key(|(partition, name)| member(partition, name));
        assert_eq!(pairs, expected);
        for (partition, name) in pairs {
            let read = read_member(&member(partition, name));
            assert_eq!(read, Some((partition.into(), name.into())));
        }
        assert_eq!(read_member(b"no end"), None);
    }

    #[test]
    fn the_bounds_of_a_listing_hold_what_begins_with_the_prefix() {
        assert_eq!(bounds("", None), (b"[".to_vec(), b"+".to_vec()));
        assert_eq!(bounds("ab", None), (b"[ab".to_vec(), b"(ac".to_vec()));
        assert_eq!(
            bounds("a\0", None),
            (b"[a\0\xff".to_vec(), b"(a\x01".to_vec())
        );
        assert_eq!(
            bounds("a", Some(("ab", "n"))),
            (b"(ab\0n".to_vec(), b"(b".to_vec())
        );
    }
}
