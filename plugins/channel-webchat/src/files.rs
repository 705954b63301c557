//! Files: kept in a log of their own beside the conversation's, in pieces the log takes, and handed out again under an address that
//! nobody can guess.

use greentic_sdk::channel::{Request, Response};
use serde::{Deserialize, Serialize};

use crate::answer::Refusal;
use crate::host::{Host, HostError};
use crate::limits::{ACTIVITY_BYTES, UPLOAD_BYTES};
use crate::token;

/// A file to keep.
pub struct NewFile<'a> {
    /// The same when the same file comes again.
    pub id: &'a str,
    /// Without a path.
    pub name: &'a str,
    /// Media type.
    pub content_type: &'a str,
    /// All of it.
    pub bytes: &'a [u8],
}

/// Where files are reached.
pub struct Place<'a> {
    /// The whole address of the channel's API.
    pub address: &'a str,
    /// Its path, to which tags are bound.
    pub audience: &'a str,
    /// The conversation they belong to.
    pub conversation: &'a str,
}

/// The first entry of a file's log.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    name: String,
    content_type: String,
    size: usize,
}

/// Where a file's pieces are. `~` stands in no identifier of a conversation.
fn log_of(conversation: &str, file: &str) -> String {
    format!("{conversation}~{file}")
}

/// Keeps a file and returns its address. The same id keeps what was there before, so an upload that is sent again changes nothing.
///
/// # Errors
/// When the log does not take it.
pub fn keep(host: &impl Host, place: &Place<'_>, file: &NewFile<'_>) -> Result<String, HostError> {
    let Place {
        address,
        audience,
        conversation,
    } = *place;
    let NewFile {
        id,
        name,
        content_type,
        bytes,
    } = *file;
    let log = log_of(conversation, id);
    let head = Head {
        name: name.to_owned(),
        content_type: content_type.to_owned(),
        size: bytes.len(),
    };
    let head = serde_json::to_vec(&head).map_err(|fault| HostError::Refused(fault.to_string()))?;
    host.append(&log, "head", &head)?;
    for (at, piece) in bytes.chunks(ACTIVITY_BYTES).enumerate() {
        host.append(&log, &at.to_string(), piece)?;
    }
    let tag = token::file_tag(host, audience, conversation, id)?;
    Ok(format!(
        "{address}/conversations/{conversation}/files/{id}?t={tag}"
    ))
}

/// Hands a file out. What a browser could run is only ever saved, never shown in our origin.
///
/// # Errors
/// 403 for a wrong tag, 404 when the file is gone.
pub fn fetch(
    host: &impl Host,
    request: &Request,
    conversation: &str,
    id: &str,
) -> Result<Response, Refusal> {
    let tag = request.query_raw("t").unwrap_or_default();
    if !token::is_file_tag(host, &request.base, conversation, id, tag)? {
        return Err(Refusal::forbidden("this address does not open the file"));
    }
    let pieces = u32::try_from(UPLOAD_BYTES / ACTIVITY_BYTES)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    let page = host.read(&log_of(conversation, id), 0, pieces)?;
    let (first, rest) = page.entries.split_first().ok_or_else(Refusal::not_found)?;
    let head: Head = serde_json::from_slice(&first.data).map_err(|_| Refusal::not_found())?;
    let mut body = Vec::with_capacity(head.size.min(UPLOAD_BYTES));
    for piece in rest {
        body.extend_from_slice(&piece.data);
    }
    if body.len() != head.size {
        return Err(Refusal::not_found());
    }
    Ok(greentic_sdk::channel::files::answer(
        &head.name,
        &head.content_type,
        body,
    ))
}

#[cfg(test)]
mod tests {
    use greentic_sdk::channel::Surface;

    use super::*;
    use crate::testing::MemoryHost;

    const PLACE: Place<'_> = Place {
        address: "https://h/base",
        audience: "/base",
        conversation: "c",
    };

    fn get(address: &str) -> Request {
        let (path, query) = address
            .strip_prefix("https://h/base")
            .unwrap()
            .split_once('?')
            .unwrap();
        Request {
            surface: Surface::Api,
            method: "GET".into(),
            origin: "https://h".into(),
            base: "/base".into(),
            path: path.into(),
            query: Some(query.into()),
            headers: vec![],
            body: vec![],
        }
    }

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        &response
            .headers
            .iter()
            .find(|header| header.name == name)
            .unwrap()
            .value
    }

    #[test]
    fn a_file_of_any_size_comes_back_whole_by_its_address_and_not_without_the_tag() {
        let host = MemoryHost::at(0);
        for size in [0, 1, ACTIVITY_BYTES, ACTIVITY_BYTES + 1, UPLOAD_BYTES] {
            let bytes: Vec<u8> = (0..251).cycle().take(size).collect();
            let id = format!("f{size}");
            for _ in 0..2 {
                let address = keep(
                    &host,
                    &PLACE,
                    &NewFile {
                        id: &id,
                        name: "ä b.png",
                        content_type: "image/png",
                        bytes: &bytes,
                    },
                )
                .unwrap();
                let request = get(&address);
                let response = fetch(&host, &request, "c", &id).unwrap();
                assert!(response.body == bytes, "{size} bytes");
                assert_eq!(
                    (
                        header(&response, "content-type"),
                        header(&response, "content-disposition")
                    ),
                    ("image/png", "inline; filename*=UTF-8''%C3%A4%20b.png")
                );
                assert_eq!(
                    fetch(
                        &host,
                        &Request {
                            query: Some("t=AAAA".into()),
                            ..request.clone()
                        },
                        "c",
                        &id
                    )
                    .unwrap_err()
                    .status,
                    403
                );
                assert_eq!(
                    fetch(
                        &host,
                        &Request {
                            query: None,
                            ..request
                        },
                        "c",
                        &id
                    )
                    .unwrap_err()
                    .status,
                    403
                );
            }
        }
    }

    #[test]
    fn what_a_browser_could_run_is_saved_and_not_shown() {
        let host = MemoryHost::at(0);
        for content_type in ["text/html", "image/svg+xml", "application/pdf", "text/xml"] {
            let address = keep(
                &host,
                &PLACE,
                &NewFile {
                    id: content_type,
                    name: "x",
                    content_type,
                    bytes: b"<script>",
                },
            )
            .unwrap();
            let response = fetch(&host, &get(&address), "c", content_type).unwrap();
            assert_eq!(
                header(&response, "content-type"),
                "application/octet-stream"
            );
            assert!(header(&response, "content-disposition").starts_with("attachment"));
            assert!(header(&response, "content-security-policy").contains("sandbox"));
        }
    }
}
