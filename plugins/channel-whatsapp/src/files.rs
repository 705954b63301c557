//! Files people sent, on surface `api`: a signed link names one, and the bytes are fetched with the token, which the host places.

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Response, files};
use greentic_sdk::http::{Fault, Request as Call, Response as Answer};
use greentic_sdk::secret::Secret;
use greentic_sdk::{log, time};
use serde::Deserialize;

use crate::inbound::is_media_id;
use crate::limits::{FILE_BYTES, LINK_MS};
use crate::secrets;
use crate::settings::Settings;

/// The link to a file of a person's message. `name` is what it is saved under.
pub fn link(secret: &Secret, request: &Request, id: &str, name: &str, now_ms: u64) -> String {
    let reference = format!("{id}/{name}");
    files::link(
        secret,
        &request.origin,
        &request.base,
        &reference,
        now_ms.saturating_add(LINK_MS),
    )
}

/// What the platform tells about a file.
#[derive(Deserialize)]
struct Described {
    url: String,
    #[serde(default)]
    mime_type: String,
    #[serde(default)]
    file_size: u64,
}

/// Serves a link.
///
/// # Errors
/// `unavailable` when a secret cannot be read now.
pub fn serve(settings: &Settings, request: &Request) -> Result<IngressOutcome, IngressError> {
    let answer = |response| Ok(IngressOutcome::answer(response));
    if !files::is_file(request) {
        return answer(Response::empty(404));
    }
    let secret = secrets::open(&settings.app_secret)?;
    let reference = match files::verify(&secret, request, time::now_ms()) {
        Ok(reference) => reference,
        Err(refusal) => return answer(refusal.response()),
    };
    let (id, name) = reference.split_once('/').unwrap_or((&reference, "file"));
    if !is_media_id(id) {
        return answer(Response::empty(404));
    }
    let token = secrets::open(&settings.access_token)?;
    answer(match fetch(settings, &token, id, name) {
        Ok(response) => response,
        Err(status) => Response::empty(status),
    })
}

fn fetch(settings: &Settings, token: &Secret, id: &str, name: &str) -> Result<Response, u16> {
    let address = settings.graph(&format!(
        "{id}?phone_number_id={}",
        settings.phone_number_id
    ));
    let described = got(Call::get(address).bearer(token).send())?;
    let described: Described = described.json().map_err(|fault| {
        log::warn!(
            "files",
            "the platform describes a file otherwise than expected: {fault}"
        );
        502_u16
    })?;
    let most = u64::try_from(FILE_BYTES).unwrap_or(u64::MAX);
    if described.file_size > most {
        return Err(413);
    }
    // The address is the platform's; the token goes to hosts the bundle grants and to no other.
    let file = got(Call::get(described.url)
        .bearer(token)
        .max_response(FILE_BYTES)
        .send())?;
    let content_type = Some(described.mime_type)
        .filter(|text| !text.is_empty())
        .or_else(|| file.header("content-type").map(str::to_owned))
        .unwrap_or_default();
    Ok(files::answer(name, &content_type, file.body))
}

/// An answer with 2xx, or the status to give in its place.
fn got(outcome: Result<Answer, Fault>) -> Result<Answer, u16> {
    match outcome {
        Ok(answer) if answer.is_success() => Ok(answer),
        Ok(answer) => {
            log::warn!("files", "the platform answers {} for a file", answer.status);
            // A file that was deleted or is not this number's is 400 with code 100.
            Err(match answer.status {
                400 | 404 | 410 => 404,
                429 => 503,
                _ => 502,
            })
        }
        Err(fault) => {
            log::warn!("files", "a file cannot be fetched: {fault}");
            Err(502)
        }
    }
}

#[cfg(test)]
mod tests;
