//! The bodies of `upload`: one raw file, or `multipart/form-data` (RFC 7578) with the activity as one part and files as the others.
//!
//! The reader is written here because the body is whole in memory and the crates for it are built around streams.

use crate::answer::Refusal;
use crate::bounds::file_name;
use crate::limits::FILES;
use crate::route::decode;

/// The media type of the part that holds the activity (Direct Line 3.0).
const ACTIVITY: &str = "application/vnd.microsoft.activity";

/// A file of an upload.
#[derive(Debug, PartialEq, Eq)]
pub struct File<'a> {
    /// Without a path.
    pub name: String,
    /// Lower-case, without parameters.
    pub content_type: String,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// What an upload holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Upload<'a> {
    /// The activity's JSON, where there is one.
    pub activity: Option<&'a [u8]>,
    /// At least one.
    pub files: Vec<File<'a>>,
}

/// Reads an upload.
///
/// # Errors
/// 400 when the body does not have its form or holds no file.
pub fn read<'a>(
    content_type: Option<&str>,
    disposition: Option<&str>,
    body: &'a [u8],
) -> Result<Upload<'a>, Refusal> {
    let declared = content_type.unwrap_or("application/octet-stream");
    let mut upload = Upload {
        activity: None,
        files: Vec::new(),
    };
    if media_type(declared) == "multipart/form-data" {
        let boundary =
            parameter(declared, "boundary").filter(|boundary| (1..=70).contains(&boundary.len()));
        let boundary = boundary.ok_or_else(|| {
            Refusal::bad("multipart/form-data needs a boundary of 1 to 70 characters")
        })?;
        for part in parts(body, boundary.as_bytes())
            .ok_or_else(|| Refusal::bad("the multipart body does not have its form"))?
        {
            let content_type = part.header("content-type").unwrap_or("text/plain");
            if media_type(content_type) == ACTIVITY {
                if upload.activity.replace(part.body).is_some() {
                    return Err(Refusal::bad("an upload has one activity"));
                }
            } else if upload.files.len() >= FILES {
                return Err(Refusal::bad(format!("an upload has at most {FILES} files")));
            } else {
                let disposition = part.header("content-disposition").unwrap_or_default();
                upload.files.push(File {
                    name: name_of(disposition),
                    content_type: media_type(content_type),
                    bytes: part.body,
                });
            }
        }
    } else if !body.is_empty() {
        upload.files.push(File {
            name: name_of(disposition.unwrap_or_default()),
            content_type: media_type(declared),
            bytes: body,
        });
    }
    if upload.files.is_empty() {
        Err(Refusal::bad("an upload holds at least one file"))
    } else {
        Ok(upload)
    }
}

struct Part<'a> {
    headers: &'a str,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    fn header(&self, wanted: &str) -> Option<&'a str> {
        self.headers
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    }
}

/// The parts between the boundaries. None where the closing boundary or the blank line after a part's headers is missing.
fn parts<'a>(body: &'a [u8], boundary: &[u8]) -> Option<Vec<Part<'a>>> {
    let dashes = [b"--", boundary].concat();
    let delimiter = [b"\r\n", dashes.as_slice()].concat();
    let mut rest = match body.strip_prefix(dashes.as_slice()) {
        Some(rest) => rest,
        None => body.get(find(body, &delimiter)? + delimiter.len()..)?,
    };
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        let part = rest.strip_prefix(b"\r\n")?;
        let end = find(part, &delimiter)?;
        let (part, after) = (part.get(..end)?, part.get(end + delimiter.len()..)?);
        let blank = find(part, b"\r\n\r\n")?;
        parts.push(Part {
            headers: std::str::from_utf8(part.get(..blank)?).ok()?,
            body: part.get(blank + 4..)?,
        });
        if parts.len() > FILES + 1 {
            return Some(parts);
        }
        rest = after;
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|byte| *byte == first)?;
        if text.get(at..)?.starts_with(wanted) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// The type without its parameters, or the type of unknown bytes where it is not one.
fn media_type(value: &str) -> String {
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
fn parameter(value: &str, wanted: &str) -> Option<String> {
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

/// The file's name: `filename*` (RFC 5987) where there is one, else `filename`.
fn name_of(disposition: &str) -> String {
    let extended =
        parameter(disposition, "filename*").and_then(|value| decode(value.splitn(3, '\'').nth(2)?));
    let plain = || parameter(disposition, "filename").map(|name| name.replace("%22", "\""));
    file_name(&extended.or_else(plain).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=----WebKitFormBoundaryAB";

    fn body(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut text = String::new();
        for (headers, content) in parts {
            text += &format!("------WebKitFormBoundaryAB\r\n{headers}\r\n\r\n{content}\r\n");
        }
        (text + "------WebKitFormBoundaryAB--\r\n").into_bytes()
    }

    #[test]
    fn an_upload_of_botframework_webchat_gives_its_activity_and_its_files() {
        let body = body(&[
            (
                "Content-Disposition: form-data; name=\"activity\"; filename=\"blob\"\r\nContent-Type: application/vnd.microsoft.activity",
                "{\"type\":\"message\"}",
            ),
            (
                "Content-Disposition: form-data; name=\"file\"; filename=\"a;b%22.png\"\r\nContent-Type: image/PNG",
                "\u{1}--\r\n-\r\n",
            ),
            (
                "content-disposition: form-data; name=\"file\"; filename=\"notes.txt\"\r\ncontent-type: text/plain; charset=utf-8",
                "",
            ),
        ]);
        let upload = read(Some(TYPE), None, &body).unwrap();
        assert_eq!(upload.activity, Some(&b"{\"type\":\"message\"}"[..]));
        assert_eq!(
            upload.files,
            [
                File {
                    name: "a;b\".png".into(),
                    content_type: "image/png".into(),
                    bytes: b"\x01--\r\n-\r\n"
                },
                File {
                    name: "notes.txt".into(),
                    content_type: "text/plain".into(),
                    bytes: b""
                }
            ]
        );
    }

    #[test]
    fn a_raw_body_is_one_file_named_by_its_disposition() {
        for (disposition, name) in [
            (None, "file"),
            (Some("name=\"file\"; filename=\"a/b.pdf\""), "b.pdf"),
            (
                Some("attachment; filename=x.txt; filename*=UTF-8''%C3%A4.txt"),
                "ä.txt",
            ),
        ] {
            let upload = read(Some("application/pdf"), disposition, b"%PDF").unwrap();
            assert_eq!(
                (
                    upload.files[0].name.as_str(),
                    upload.files[0].content_type.as_str(),
                    upload.files[0].bytes
                ),
                (name, "application/pdf", &b"%PDF"[..])
            );
            assert_eq!(upload.activity, None);
        }
    }

    #[test]
    fn a_body_without_its_form_or_without_a_file_is_refused() {
        let file = (
            "Content-Disposition: form-data; name=\"file\"; filename=\"a\"",
            "x",
        );
        let whole = body(&[file]);
        assert!(read(Some(TYPE), None, &whole).is_ok());
        for end in 0..whole.len() - 4 {
            assert!(
                read(Some(TYPE), None, &whole[..end]).is_err(),
                "cut at {end}"
            );
        }
        assert!(read(Some("multipart/form-data"), None, &whole).is_err());
        assert!(read(Some("text/plain"), None, b"").is_err());
        assert!(
            read(
                Some(TYPE),
                None,
                &body(&[("Content-Type: application/vnd.microsoft.activity", "{}")])
            )
            .is_err()
        );
        assert!(read(Some(TYPE), None, &body(&vec![file; FILES])).is_ok());
        assert!(read(Some(TYPE), None, &body(&vec![file; FILES + 1])).is_err());
    }

    #[test]
    fn a_media_type_that_could_break_a_header_is_taken_for_unknown_bytes() {
        for given in ["text/html\r\nx: y", "", "text", "/", "a/b c"] {
            assert_eq!(media_type(given), "application/octet-stream", "{given}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..400), content_type in ".{0,60}", disposition in ".{0,60}") {
            let _ = read(Some(&content_type), Some(&disposition), &body);
            let _ = read(Some("multipart/form-data; boundary=a"), None, &[b"--a\r\n".as_slice(), &body, b"\r\n--a--"].concat());
        }

        #[test]
        fn file_bytes_come_out_as_they_went_in(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let whole = [b"--zq\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n".as_slice(), &bytes, b"\r\n--zq--\r\n"].concat();
            prop_assume!(!bytes.windows(4).any(|four| four == b"--zq"));
            let upload = read(Some("multipart/form-data; boundary=zq"), None, &whole).unwrap();
            prop_assert_eq!(upload.files[0].bytes, &bytes[..]);
        }
    }
}
