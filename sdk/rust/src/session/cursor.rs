//! The cursor of a listing: the last key of its page.
//!
//! What is added or taken away between two pages shifts nothing, so a key that is there during the whole listing is in it exactly once.

use crate::model::Error;

/// `<length of the partition>:<partition><name>`.
#[must_use]
pub fn write(partition: &str, name: &str) -> String {
    let mut cursor = partition.len().to_string();
    cursor.push(':');
    cursor.push_str(partition);
    cursor.push_str(name);
    cursor
}

/// The partition and the name a cursor stands for.
///
/// # Errors
/// `invalid` when it is none of a listing by this prefix.
pub fn read<'text>(text: &'text str, prefix: &str) -> Result<(&'text str, &'text str), Error> {
    let parts = || {
        let (length, rest) = text.split_once(':')?;
        rest.split_at_checked(length.parse().ok()?)
    };
    parts()
        .filter(|(partition, _)| partition.starts_with(prefix))
        .ok_or_else(|| {
            Error::Invalid(
                "the cursor is none of this listing: give back the one of the page before".into(),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::{read, write};

    #[test]
    fn a_cursor_reads_back_whatever_its_names_hold_and_nonsense_is_refused() {
        for (partition, name) in [("a", "b"), ("a:1", "2:b"), ("ä/1", ":"), ("12:", "")] {
            let cursor = write(partition, name);
            assert_eq!(read(&cursor, ""), Ok((partition, name)));
        }
        for (cursor, prefix) in [
            ("", ""),
            ("x", ""),
            ("9:ab", ""),
            ("1:ab", "b"),
            ("1:ä", ""),
        ] {
            assert!(read(cursor, prefix).is_err(), "{cursor} {prefix}");
        }
    }
}
