//! Files people sent, under this host's own signed addresses.
//!
//! Telegram's address of a file holds the bot's token. So an attachment gets an address of this channel, and the channel
//! fetches the file when somebody asks for it. Telegram gives out files of up to 20 MB, the host answers with up to 4 MiB at a
//! time: a larger file is given in pieces to whoever asks with `Range`, and refused with 413 to everybody else.

use greentic_sdk::channel::{Request, Response, files};
use greentic_sdk::http::Fault;
use greentic_sdk::log;
use greentic_sdk::secret::Secret;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::api::{Api, ApiError};
use crate::inbound::Context;
use crate::settings::Settings;

/// What one answer may hold.
const ANSWER_BYTES: u64 = 4 << 20;

/// Whether a media type has the form of one and fits into a link.
#[must_use]
pub fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    text.len() <= 100
        && text
            .split_once('/')
            .is_some_and(|(kind, sub)| is_token(kind) && is_token(sub))
}

/// The address of a file.
#[must_use]
pub fn link(context: &Context<'_>, file_id: &str, name: &str, content_type: &str) -> String {
    let reference = format!("{file_id}\n{content_type}\n{name}");
    files::link(
        context.signing,
        &context.request.origin,
        &context.request.base,
        &reference,
        context.now_ms.saturating_add(context.settings.file_link_ms),
    )
}

#[derive(Deserialize)]
struct Found {
    file_path: Option<String>,
    file_size: Option<u64>,
}

/// Serves a file.
#[must_use]
pub fn serve(settings: &Settings, signing: &Secret, request: &Request, now_ms: u64) -> Response {
    let reference = match files::verify(signing, request, now_ms) {
        Ok(reference) => reference,
        Err(refusal) => return refusal.response(),
    };
    let mut parts = reference.splitn(3, '\n');
    let (Some(file_id), Some(content_type), Some(name)) =
        (parts.next(), parts.next(), parts.next())
    else {
        return Response::empty(404);
    };
    match fetch(settings, request, file_id) {
        Ok(Piece::Whole(bytes)) => {
            files::answer(name, content_type, bytes).with_header("accept-ranges", "bytes")
        }
        Ok(Piece::Part(bytes, range)) => {
            let mut response = files::answer(name, content_type, bytes);
            response.status = 206;
            response
                .with_header("accept-ranges", "bytes")
                .with_header("content-range", &range)
        }
        Err(refusal) => refusal,
    }
}

enum Piece {
    Whole(Vec<u8>),
    /// With its `Content-Range`.
    Part(Vec<u8>, String),
}

fn fetch(settings: &Settings, request: &Request, file_id: &str) -> Result<Piece, Response> {
    let api = Api::open(settings).map_err(|error| unavailable(&error))?;
    let mut parameters = Map::new();
    parameters.insert("file_id".into(), Value::from(file_id));
    let found = api
        .call("getFile", parameters)
        .map_err(|error| match &error {
            _ if error.says("file is too big") => {
                refusal(413, "Telegram gives bots no file of more than 20 MB.")
            }
            ApiError::Refused { code: 400, .. } => Response::empty(404),
            _ => unavailable(&error),
        })?;
    let found: Found = serde_json::from_value(found).map_err(|_| Response::empty(502))?;
    let path = found.file_path.ok_or_else(|| Response::empty(404))?;
    let range = request.header("range").and_then(range);
    if range.is_none() && found.file_size.is_some_and(|size| size > ANSWER_BYTES) {
        return Err(too_large(found.file_size));
    }
    let mut wanted = api.file(&path).max_response(usize_of(ANSWER_BYTES));
    if let Some((first, last)) = range {
        let last = last
            .unwrap_or(u64::MAX)
            .min(first.saturating_add(ANSWER_BYTES - 1));
        wanted = wanted.header("range", &format!("bytes={first}-{last}"));
    }
    let response = wanted.send().map_err(|fault| match fault {
        Fault::Unknown(_) if range.is_none() => too_large(found.file_size),
        other => {
            log::warn!("files", "a file cannot be fetched now: {other}");
            Response::empty(503).with_header("retry-after", "5")
        }
    })?;
    match (response.status, response.header("content-range")) {
        (206, Some(range)) => {
            let range = range.to_owned();
            Ok(Piece::Part(response.body, range))
        }
        (200, _) => Ok(Piece::Whole(response.body)),
        (404 | 410, _) => Err(Response::empty(404)),
        (416, _) => Err(Response::empty(416)),
        (status, _) => {
            log::warn!("files", "a file cannot be fetched: HTTP {status}");
            Err(Response::empty(502))
        }
    }
}

/// The first and the last byte of a range that names its beginning; of anything else the whole is given (RFC 9110, 14.2).
fn range(header: &str) -> Option<(u64, Option<u64>)> {
    let (first, last) = header.trim().strip_prefix("bytes=")?.split_once('-')?;
    let first = first.trim().parse().ok()?;
    match last.trim() {
        "" => Some((first, None)),
        last => last
            .parse()
            .ok()
            .filter(|last| *last >= first)
            .map(|last| (first, Some(last))),
    }
}

fn usize_of(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

fn too_large(size: Option<u64>) -> Response {
    let size = size.map_or_else(|| "more".to_owned(), |size| size.to_string());
    refusal(
        413,
        &format!(
            "The file has {size} bytes; ask for pieces of up to {ANSWER_BYTES} with the header Range."
        ),
    )
}

fn refusal(status: u16, text: &str) -> Response {
    Response::body(status, "text/plain; charset=utf-8", text).with_header("accept-ranges", "bytes")
}

fn unavailable(error: &ApiError) -> Response {
    log::warn!("files", "Telegram cannot be asked for a file: {error}");
    Response::empty(503).with_header("retry-after", "5")
}

#[cfg(test)]
mod tests;
