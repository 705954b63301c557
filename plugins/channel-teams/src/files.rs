//! Files that people send: an address of this host in the event, and the bytes when that address is asked for.
//!
//! In a chat with the bot Teams sends `file.download.info` with an address that opens by itself for some minutes; pictures in the
//! text lie at the Connector and open with the bot's token. Both addresses stay in the channel's memory; who has the signed link
//! gets the file through this channel. Files of ours that wait for somebody ([`crate::kept`]) are served the same way.

use greentic_sdk::channel::{IngressOutcome, Request, Response, files, memory};
use greentic_sdk::delivery;
use greentic_sdk::model::Attachment;
use greentic_sdk::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::activity::{Activity, Attached};
use crate::connector::Connector;
use crate::kept;
use crate::reference::{digest, name};
use crate::settings::Settings;
use crate::token;

/// How long a link to a file opens it.
pub const LINK_MS: u64 = 24 * 60 * 60 * 1000;

const DOWNLOAD: &str = "application/vnd.microsoft.teams.file.download.info";

/// Begins the reference of a file that lies at the platform.
const THEIRS: &str = "in-";
/// Begins the reference of a file that lies in the channel's memory.
const OURS: &str = "out-";

/// Where a person's file lies.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Source {
    url: String,
    /// It opens with the bot's token.
    with_token: bool,
    name: String,
    content_type: String,
}

/// The files of a message, with addresses of this host.
///
/// # Errors
/// When the memory or the secret that signs links cannot be reached.
pub fn read(
    settings: &Settings,
    activity: &Activity,
    request: &Request,
    now_ms: u64,
) -> Result<Vec<Attachment>, String> {
    let sources: Vec<_> = activity
        .attachments
        .iter()
        .flatten()
        .filter_map(|attached| source(settings, attached))
        .collect();
    if sources.is_empty() {
        return Ok(Vec::new());
    }
    let secret = token::client_secret(settings)?;
    let message = format!(
        "{}|{}",
        activity.conversation.id,
        activity.id.as_deref().unwrap_or_default()
    );
    let reached = reached(request);
    let mut read = Vec::with_capacity(sources.len());
    for (at, source) in sources.into_iter().enumerate() {
        let reference = format!("{THEIRS}{}-{at}", digest(&message));
        let bytes = serde_json::to_vec(&source).unwrap_or_default();
        memory::put(&name("source", &reference), &bytes, Some(LINK_MS))
            .map_err(|error| format!("the channel's memory: {error:?}"))?;
        read.push(Attachment {
            url: Some(link(&secret, &reached, &reference, now_ms)),
            name: source.name,
            content_type: source.content_type,
            content: None,
            size: None,
        });
    }
    Ok(read)
}

/// Name in the channel's memory of the address that `setup` was told.
pub const ADDRESS: &str = "address";

/// What stands in the path of every webhook that is not an alias.
const INGRESS: &str = "/messaging/ingress/";

/// Scheme and authority of this host, and the channel's own path. A request that came by an alias (`/api/messages`) does not tell the
/// path; then what `setup` was told is used, where it was told more.
#[must_use]
pub fn reached(request: &Request) -> (String, String) {
    let here = (request.origin.clone(), request.base.clone());
    if here.1.contains(INGRESS) {
        return here;
    }
    let address = memory::get(ADDRESS).ok().flatten();
    let address = address.and_then(|bytes| String::from_utf8(bytes).ok());
    address
        .filter(|address| address.contains(INGRESS))
        .and_then(|address| {
            let host = address.find("://")?.saturating_add(3);
            let path = address.get(host..)?.find('/')?.saturating_add(host);
            let (origin, base) = address.split_at_checked(path)?;
            Some((origin.to_owned(), base.trim_end_matches('/').to_owned()))
        })
        .unwrap_or(here)
}

fn link(
    secret: &Secret,
    (origin, base): &(String, String),
    reference: &str,
    now_ms: u64,
) -> String {
    files::link(
        secret,
        origin,
        base,
        reference,
        now_ms.saturating_add(LINK_MS),
    )
}

/// A link to a file in the channel's memory.
///
/// # Errors
/// When the secret that signs links cannot be opened.
pub fn link_to_kept(
    settings: &Settings,
    reached: &(String, String),
    id: &str,
    now_ms: u64,
) -> Result<String, String> {
    let secret = token::client_secret(settings)?;
    let reference = format!("{OURS}{id}");
    Ok(link(&secret, reached, &reference, now_ms))
}

/// Where the file of an attachment lies. Cards, and the message's text as HTML once more, are no files.
fn source(settings: &Settings, attached: &Attached) -> Option<Source> {
    let url = |url: Option<&str>, trusted: bool| url.filter(|_| trusted).map(str::to_owned);
    if attached.content_type == DOWNLOAD {
        let content = attached.content.as_ref()?;
        let text = |name: &str| content.get(name).and_then(serde_json::Value::as_str);
        let at = text("downloadUrl");
        let trusted = at.is_some_and(|at| settings.file_hosts.trusts(at));
        let name = attached.name.clone().unwrap_or_else(|| "file".into());
        let extension = text("fileType").or_else(|| name.rsplit_once('.').map(|(_, end)| end));
        return Some(Source {
            url: url(at, trusted)?,
            with_token: false,
            content_type: media_type(extension.unwrap_or_default()).to_owned(),
            name,
        });
    }
    let kind = attached.content_type.as_str();
    if !["image/", "audio/", "video/"]
        .iter()
        .any(|begin| kind.starts_with(begin))
    {
        return None;
    }
    let at = attached.content_url.as_deref();
    let with_token = at.is_some_and(|at| settings.service_hosts.trusts(at));
    let trusted = with_token || at.is_some_and(|at| settings.file_hosts.trusts(at));
    // Teams writes `image/*` where it does not know better.
    let content_type = if kind.ends_with("/*") {
        "image/png"
    } else {
        kind
    };
    let extension = content_type.rsplit('/').next().unwrap_or("bin");
    Some(Source {
        url: url(at, trusted)?,
        with_token,
        name: attached
            .name
            .clone()
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| format!("image.{extension}")),
        content_type: content_type.to_owned(),
    })
}

/// The media type of a file's extension, for those that people send most; anything else is only bytes.
fn media_type(extension: &str) -> &'static str {
    match extension.to_ascii_lowercase().as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "pdf" => "application/pdf",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "csv" => "text/csv",
        "json" => "application/json",
        "zip" => "application/zip",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xlsx" => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "pptx" => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "wav" => "audio/wav",
        _ => "application/octet-stream",
    }
}

/// Answers a request on surface `api`: a file to whoever has its link.
pub fn serve(settings: &Settings, request: &Request, now_ms: u64) -> IngressOutcome {
    if !files::is_file(request) {
        return IngressOutcome::answer(Response::empty(404));
    }
    IngressOutcome::answer(file(settings, request, now_ms).unwrap_or_else(|reason| {
        greentic_sdk::log::warn!("files", "a file could not be served: {reason}");
        Response::empty(503)
    }))
}

fn file(settings: &Settings, request: &Request, now_ms: u64) -> Result<Response, String> {
    let unreachable = |error| format!("the channel's memory: {error:?}");
    let secret = token::client_secret(settings)?;
    let reference = match files::verify(&secret, request, now_ms) {
        Ok(reference) => reference,
        Err(refusal) => return Ok(refusal.response()),
    };
    if let Some(id) = reference.strip_prefix(OURS) {
        return Ok(match kept::get(id).map_err(unreachable)? {
            Some((head, bytes)) => files::answer(&head.name, &head.content_type, bytes),
            None => Response::empty(404),
        });
    }
    let source = memory::get(&name("source", &reference))
        .map_err(unreachable)?
        .and_then(|bytes| serde_json::from_slice::<Source>(&bytes).ok());
    let Some(source) = source else {
        return Ok(Response::empty(404));
    };
    // Asked again: the configuration may have changed since the link was made.
    let fetched = if source.with_token {
        if !settings.service_hosts.trusts(&source.url) {
            return Ok(Response::empty(404));
        }
        Connector::fetch(settings, &source.url)
    } else {
        if !settings.file_hosts.trusts(&source.url) {
            return Ok(Response::empty(404));
        }
        greentic_sdk::http::Request::get(&source.url)
            .send()
            .map_err(greentic_sdk::http::Fault::delivery_error)
    };
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(error) => {
            greentic_sdk::log::warn!("files", "the platform does not give a file: {error:?}");
            return Ok(Response::empty(502));
        }
    };
    if let Some(error) = delivery::of_status(fetched.status, None, "") {
        greentic_sdk::log::warn!("files", "the platform does not give a file: {error:?}");
        let status = if matches!(fetched.status, 404 | 410) {
            404
        } else {
            502
        };
        return Ok(Response::empty(status));
    }
    let content_type = fetched
        .header("content-type")
        .filter(|kind| source.with_token && !kind.is_empty())
        .unwrap_or(&source.content_type)
        .to_owned();
    Ok(files::answer(&source.name, &content_type, fetched.body))
}

#[cfg(test)]
pub mod tests;
