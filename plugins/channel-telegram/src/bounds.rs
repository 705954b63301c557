//! The contract's bounds, kept for whatever a platform sends: a value beyond them would be a fault of this component.

/// An identifier.
pub const ID_BYTES: usize = 512;
/// A text.
pub const TEXT_BYTES: usize = 64 * 1024;
/// Items of a list.
pub const ITEMS: usize = 256;
/// JSON.
pub const JSON_BYTES: usize = 256 * 1024;

/// `text`, cut at a character's edge where it has more bytes.
#[must_use]
pub fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        let mut end = bytes;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
    }
    text
}

/// A file's name: without a path and without control characters, at most 255 bytes.
#[must_use]
pub fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|letter| !letter.is_control()).collect();
    let name = cut(name.trim().to_owned(), 255);
    if name.is_empty() || name == "." || name == ".." {
        "file".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(cut("aé".into(), 2), "a");
        assert_eq!(cut("aé".into(), 3), "aé");
        assert_eq!(cut("😀".into(), 3), "");
    }

    #[test]
    fn a_name_has_no_path_and_no_control_characters() {
        for (given, name) in [
            ("a.pdf", "a.pdf"),
            ("/etc/passwd", "passwd"),
            ("..\\a\u{0}b.txt", "ab.txt"),
            ("../..", "file"),
            ("", "file"),
        ] {
            assert_eq!(file_name(given), name, "{given}");
        }
        assert_eq!(file_name(&"é".repeat(200)).len(), 254);
    }
}
