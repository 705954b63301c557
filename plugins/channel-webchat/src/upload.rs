//! The bodies of `upload`: one raw file, or `multipart/form-data` (RFC 7578) with the activity as one part and files as the others.

use greentic_sdk::multipart::{self, Unreadable, media_type};

use crate::answer::Refusal;
use crate::bounds::file_name;
use crate::limits::FILES;

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
        // One part more than the files: the activity.
        let parts = multipart::read(declared, body, FILES + 1).map_err(|fault| match fault {
            Unreadable::TooMany => Refusal::bad(format!("an upload has at most {FILES} files")),
            fault => Refusal::bad(fault.to_string()),
        })?;
        for part in parts {
            let content_type = part.media_type();
            if content_type == ACTIVITY {
                if upload.activity.replace(part.body).is_some() {
                    return Err(Refusal::bad("an upload has one activity"));
                }
            } else if upload.files.len() >= FILES {
                return Err(Refusal::bad(format!("an upload has at most {FILES} files")));
            } else {
                upload.files.push(File {
                    name: file_name(&part.file_name().unwrap_or_default()),
                    content_type,
                    bytes: part.body,
                });
            }
        }
    } else if !body.is_empty() {
        upload.files.push(File {
            name: file_name(
                &multipart::file_name(disposition.unwrap_or_default()).unwrap_or_default(),
            ),
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
