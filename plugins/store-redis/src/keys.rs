//! The names of keys on the server.
//!
//! Everything of one partition has the partition as its hash tag, and the partition's length before it, so that no name can be read in
//! two ways: `greentic:7{dev/a/b}v:record`.

use greentic_sdk::model::Error;

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

/// A value's member of the index: in the index's byte order a partition with its names comes before every longer one.
#[must_use]
pub fn member(partition: &str, name: &str) -> String {
    format!("{partition}\0{name}")
}

/// The partition and name of a member.
#[must_use]
pub fn read_member(member: &str) -> Option<(&str, &str)> {
    member.split_once('\0')
}

/// A partition must not hold the character that ends it in the index. The host escapes control characters.
///
/// # Errors
/// `invalid` when it does.
pub fn check_partition(partition: &str) -> Result<(), Error> {
    greentic_sdk::session::check::partition(partition)?;
    if partition.contains('\0') {
        return Err(Error::Invalid("a partition has no zero byte".into()));
    }
    Ok(())
}

/// The bounds of a listing in the index: everything that begins with `prefix`, or after a cursor.
#[must_use]
pub fn bounds(prefix: &str, after: Option<(&str, &str)>) -> (Vec<u8>, Vec<u8>) {
    let from = match after {
        Some((partition, name)) => format!("({}", member(partition, name)).into_bytes(),
        None => format!("[{prefix}").into_bytes(),
    };
    let mut end = prefix.as_bytes().to_vec();
    // The first text that is beyond all that begin with the prefix: the last byte that can grow, grown. UTF-8 has no 255.
    let to = match end.last_mut() {
        Some(last) => {
            *last = last.saturating_add(1);
            end.insert(0, b'(');
            end
        }
        None => b"+".to_vec(),
    };
    (from, to)
}

#[cfg(test)]
mod tests {
    use super::{Keys, bounds, check_partition, member, read_member};

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
        let mut pairs = [("b", "a"), ("a", "z"), ("a/b", "a"), ("a", "a")];
        pairs.sort_by_key(|(partition, name)| member(partition, name));
        assert_eq!(pairs, [("a", "a"), ("a", "z"), ("a/b", "a"), ("b", "a")]);
        assert_eq!(read_member(&member("a", "b\0c")), Some(("a", "b\0c")));
        assert!(check_partition("a\0b").is_err() && check_partition("a").is_ok());
    }

    #[test]
    fn the_bounds_of_a_listing_hold_what_begins_with_the_prefix() {
        assert_eq!(bounds("", None), (b"[".to_vec(), b"+".to_vec()));
        assert_eq!(bounds("ab", None), (b"[ab".to_vec(), b"(ac".to_vec()));
        assert_eq!(
            bounds("a", Some(("ab", "n"))),
            (b"(ab\0n".to_vec(), b"(b".to_vec())
        );
    }
}
