//! `multipart/form-data` (RFC 7578), written and read with the whole body in memory.
//!
//! The reader is written here because the crates for it are built around streams, and a component has the body as bytes.

use std::hash::{BuildHasher, Hasher};

use crate::percent;

/// A body of several parts, to send.
#[derive(Clone, Debug)]
pub struct Multipart {
    boundary: String,
    body: Vec<u8>,
}

impl Default for Multipart {
    fn default() -> Self {
        Self::new()
    }
}

impl Multipart {
    /// No part yet.
    #[must_use]
    pub fn new() -> Self {
        // Keys the host's randomness gave: whoever wrote a part cannot know the boundary.
        let random = || {
            std::collections::hash_map::RandomState::new()
                .build_hasher()
                .finish()
        };
        Self {
            boundary: format!("gt{:016x}{:016x}", random(), random()),
            body: Vec::new(),
        }
    }

    /// With a text field. Placeholders of secrets are not replaced in it: put them into a header or the path.
    #[must_use]
    pub fn text(mut self, name: &str, value: &str) -> Self {
        self.start(name, None, None);
        self.body.extend_from_slice(value.as_bytes());
        self.body.extend_from_slice(b"\r\n");
        self
    }

    /// With a file.
    #[must_use]
    pub fn file(mut self, name: &str, file_name: &str, content_type: &str, bytes: &[u8]) -> Self {
        self.start(name, Some(file_name), Some(content_type));
        self.body.extend_from_slice(bytes);
        self.body.extend_from_slice(b"\r\n");
        self
    }

    fn start(&mut self, name: &str, file_name: Option<&str>, content_type: Option<&str>) {
        let mut head = format!(
            "--{}\r\ncontent-disposition: form-data; name=\"{}\"",
            self.boundary,
            quoted(name)
        );
        if let Some(file_name) = file_name {
            head.push_str(&format!("; filename=\"{}\"", quoted(file_name)));
        }
        if let Some(content_type) = content_type {
            head.push_str("\r\ncontent-type: ");
            head.push_str(&media_type(content_type));
        }
        head.push_str("\r\n\r\n");
        self.body.extend_from_slice(head.as_bytes());
    }

    /// The media type with the boundary.
    #[must_use]
    pub fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    /// The whole body.
    #[must_use]
    pub fn into_body(mut self) -> Vec<u8> {
        self.body
            .extend_from_slice(format!("--{}--\r\n", self.boundary).as_bytes());
        self.body
    }
}

/// A name as browsers put it between quotes (RFC 7578, section 4.2, and WHATWG HTML).
fn quoted(name: &str) -> String {
    name.replace('"', "%22")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// One part that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    headers: &'a str,
    /// The bytes.
    pub body: &'a [u8],
}

impl<'a> Part<'a> {
    /// A header of the part; `name` in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The field's name.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        parameter(self.header("content-disposition")?, "name")
    }

    /// The file's name, where it is a file.
    #[must_use]
    pub fn file_name(&self) -> Option<String> {
        file_name(self.header("content-disposition")?)
    }

    /// The media type in lower case without parameters; `text/plain` where the part says none.
    #[must_use]
    pub fn media_type(&self) -> String {
        media_type(self.header("content-type").unwrap_or("text/plain"))
    }
}

/// Why a body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The type is not `multipart/form-data` or names no boundary of 1 to 70 characters.
    Boundary,
    /// A boundary, a part's headers or the end is missing.
    Form,
    /// There are more parts than were allowed.
    TooMany,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Boundary => "multipart/form-data needs a boundary of 1 to 70 characters",
            Self::Form => "the multipart body does not have its form",
            Self::TooMany => "the multipart body has too many parts",
        })
    }
}

impl std::error::Error for Unreadable {}

/// Reads a body with at most `most` parts, in their order.
///
/// # Errors
/// [`Unreadable`].
pub fn read<'a>(
    content_type: &str,
    body: &'a [u8],
    most: usize,
) -> Result<Vec<Part<'a>>, Unreadable> {
    if media_type(content_type) != "multipart/form-data" {
        return Err(Unreadable::Boundary);
    }
    let boundary = parameter(content_type, "boundary")
        .filter(|boundary| (1..=70).contains(&boundary.len()))
        .ok_or(Unreadable::Boundary)?;
    let dashes = [b"--", boundary.as_bytes()].concat();
    let delimiter = [b"\r\n", dashes.as_slice()].concat();
    let mut rest = match body.strip_prefix(dashes.as_slice()) {
        Some(rest) => rest,
        None => cut(body, &delimiter).ok_or(Unreadable::Form)?.1,
    };
    let mut parts = Vec::new();
    while !rest.starts_with(b"--") {
        if parts.len() >= most {
            return Err(Unreadable::TooMany);
        }
        let (part, after) = rest
            .strip_prefix(b"\r\n")
            .and_then(|part| cut(part, &delimiter))
            .ok_or(Unreadable::Form)?;
        let (headers, body) = cut(part, b"\r\n\r\n").ok_or(Unreadable::Form)?;
        let headers = std::str::from_utf8(headers).map_err(|_| Unreadable::Form)?;
        parts.push(Part { headers, body });
        rest = after;
    }
    Ok(parts)
}

/// What stands before and after the first `wanted`.
fn cut<'a>(text: &'a [u8], wanted: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|byte| *byte == first)?;
        if let Some(after) = text.get(at..)?.strip_prefix(wanted) {
            return Some((text.get(..at)?, after));
        }
        from = at + 1;
    }
}

/// A media type in lower case without its parameters, or that of unknown bytes where it is none.
#[must_use]
pub fn media_type(value: &str) -> String {
    let plain = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    match plain.split_once('/') {
        Some((kind, subtype)) if token(kind) && token(subtype) && plain.len() <= 127 => plain,
        _ => "application/octet-stream".to_owned(),
    }
}

/// A parameter of a header's value, quoted or not. Browsers escape quotes and line breaks of file names in percent form.
#[must_use]
pub fn parameter(value: &str, wanted: &str) -> Option<String> {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once(';') {
        let (name, tail) = after.split_once('=')?;
        let (text, remaining) = match tail.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => tail.split_at(tail.find(';').unwrap_or(tail.len())),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(text.trim().to_owned());
        }
        rest = remaining;
    }
    None
}

/// The file's name in a `content-disposition`: `filename*` (RFC 5987) where there is one, else `filename`.
#[must_use]
pub fn file_name(disposition: &str) -> Option<String> {
    let extended = parameter(disposition, "filename*")
        .and_then(|value| percent::decode(value.splitn(3, '\'').nth(2)?));
    let plain = || parameter(disposition, "filename").map(|name| name.replace("%22", "\""));
    extended.or_else(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Multipart, Unreadable, media_type, read};

    proptest! {
        #[test]
        fn what_was_written_is_read(parts in proptest::collection::vec(("[a-z\"]{0,8}", proptest::option::of("[ -~é]{1,12}"), any::<Vec<u8>>()), 0..5)) {
            let mut form = Multipart::new();
            for (name, file, bytes) in &parts {
                form = match file {
                    Some(file) => form.file(name, file, "image/PNG; q=1", bytes),
                    None => form.text(name, &String::from_utf8_lossy(bytes)),
                };
            }
            let (content_type, body) = (form.content_type(), form.into_body());
            // A body without parts begins with its end.
            let found = read(&content_type, &body, 5).unwrap();
            prop_assert_eq!(found.len(), parts.len());
            for (found, (name, file, bytes)) in found.iter().zip(&parts) {
                prop_assert_eq!(found.name().map(|name| name.replace("%22", "\"")), Some(name.clone()));
                match file {
                    Some(file) => {
                        prop_assert_eq!(found.file_name(), Some(file.trim().to_owned()));
                        prop_assert_eq!(found.media_type(), "image/png");
                        prop_assert_eq!(found.body, &bytes[..]);
                    }
                    None => prop_assert_eq!(String::from_utf8_lossy(found.body), String::from_utf8_lossy(bytes)),
                }
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(body in "[-B\r\n:a ]{0,40}") {
            let _ = read("multipart/form-data; boundary=B", body.as_bytes(), 3);
        }
    }

    #[test]
    fn what_is_missing_or_too_much_is_said() {
        let typed = "multipart/form-data; boundary=B";
        let part = "--B\r\ncontent-disposition: form-data; name=a\r\n\r\n1\r\n";
        for (content_type, body, fault) in [
            ("text/plain", "", Unreadable::Boundary),
            ("multipart/form-data", "", Unreadable::Boundary),
            (
                "multipart/form-data; boundary=\"\"",
                "",
                Unreadable::Boundary,
            ),
            (typed, "", Unreadable::Form),
            (typed, "--B\r\nx\r\n--B--", Unreadable::Form),
            (typed, part, Unreadable::Form),
        ] {
            assert_eq!(
                read(content_type, body.as_bytes(), 3),
                Err(fault),
                "{content_type} {body}"
            );
        }
        let three = format!("{part}{part}{part}--B--");
        assert_eq!(read(typed, three.as_bytes(), 3).unwrap().len(), 3);
        assert_eq!(read(typed, three.as_bytes(), 2), Err(Unreadable::TooMany));
    }

    #[test]
    fn a_type_that_is_none_is_that_of_unknown_bytes() {
        for (given, read) in [
            ("Text/HTML; charset=utf-8", "text/html"),
            ("image/svg+xml", "image/svg+xml"),
            ("text", "application/octet-stream"),
            ("a b/c", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(media_type(given), read);
        }
    }
}
