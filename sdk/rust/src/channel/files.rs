//! Links to the platform's files under the host's own address.
//!
//! A platform's file can often be fetched only with the channel's token. An incoming attachment then gets an address of this host,
//! signed and limited in time; the channel's `ingress` serves it on surface `api` by fetching the file with the token, which the
//! host puts in its place. Neither the token nor the platform's address leaves the host:
//!
//! ```ignore
//! let url = files::link(&secret, &request.origin, &request.base, &file_id, now_ms() + DAY_MS);
//! // later, surface `api`
//! let reference = match files::verify(&secret, &request, now_ms()) {
//!     Ok(reference) => reference,
//!     Err(refusal) => return Ok(IngressOutcome::answer(refusal.response())),
//! };
//! ```

use crate::channel::{Request, Response};
use crate::percent;
use crate::secret::Secret;
use crate::{form, hex};

/// Path of files below the channel's API.
pub const PATH: &str = "/files/";

/// The address of a file on surface `api`: `{origin}{base}/files/{reference}?exp={expires_ms}&sig=…`.
///
/// `base` is that of the request in which the file came, of surface `webhook` or `api`. `reference` is whatever the channel needs to
/// find the file again; it can be read by who has the link. The signature is the secret's HMAC over base, reference and end, so a
/// link opens one file of one channel.
#[must_use]
pub fn link(secret: &Secret, origin: &str, base: &str, reference: &str, expires_ms: u64) -> String {
    let base = api(base);
    let tag = secret.hmac_sha256(signed(&base, reference, expires_ms).as_bytes());
    format!(
        "{origin}{base}{PATH}{}?exp={expires_ms}&sig={}",
        percent::encode(reference),
        hex::encode(&tag)
    )
}

/// Whether a request is for a file, so that [`verify`] has something to check.
#[must_use]
pub fn is_file(request: &Request) -> bool {
    request.path.starts_with(PATH)
}

/// The reference of a link that was made by [`link`] with this secret and has not ended.
///
/// # Errors
/// [`Refusal`].
pub fn verify(secret: &Secret, request: &Request, now_ms: u64) -> Result<String, Refusal> {
    if request.method != "GET" && request.method != "HEAD" {
        return Err(Refusal::Method);
    }
    let reference = request
        .path
        .strip_prefix(PATH)
        .and_then(percent::decode)
        .filter(|reference| !reference.is_empty())
        .ok_or(Refusal::NotFound)?;
    let pairs = form::parse(request.query.as_deref().unwrap_or_default().as_bytes());
    let expires_ms = form::value(&pairs, "exp")
        .and_then(|text| text.parse().ok())
        .ok_or(Refusal::Signature)?;
    let tag = form::value(&pairs, "sig")
        .and_then(hex::decode)
        .ok_or(Refusal::Signature)?;
    if !secret.verify_hmac(
        signed(&api(&request.base), &reference, expires_ms).as_bytes(),
        &tag,
    ) {
        return Err(Refusal::Signature);
    }
    if expires_ms <= now_ms {
        return Err(Refusal::Expired);
    }
    Ok(reference)
}

/// What is signed. It begins as no platform's signed text does, so that a link's signature is worth nothing as a webhook's.
fn signed(base: &str, reference: &str, expires_ms: u64) -> String {
    format!("greentic-file\n{base}\n{expires_ms}\n{reference}")
}

/// The path of the API of a channel whose webhook has the path `base`.
fn api(base: &str) -> String {
    base.replacen("/v1/messaging/ingress/", "/v1/messaging/", 1)
}

/// Why a link opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not GET or HEAD.
    Method,
    /// The path names no file.
    NotFound,
    /// It was not made by this channel.
    Signature,
    /// It was, and its time is over.
    Expired,
}

impl Refusal {
    /// What to answer.
    #[must_use]
    pub fn response(self) -> Response {
        Response::empty(match self {
            Self::Method => 405,
            Self::NotFound => 404,
            Self::Signature => 403,
            Self::Expired => 410,
        })
    }
}

/// A file as an answer. What a browser could run is only ever saved, never shown under the host's address: pictures that hold no
/// script, sound and film are shown, everything else is of type `application/octet-stream`.
#[must_use]
pub fn answer(name: &str, content_type: &str, bytes: Vec<u8>) -> Response {
    let content_type = crate::multipart::media_type(content_type);
    let shown = matches!(
        content_type.as_str(),
        "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif"
    ) || content_type.starts_with("audio/")
        || content_type.starts_with("video/");
    let (kind, content_type) = if shown {
        ("inline", content_type.as_str())
    } else {
        ("attachment", "application/octet-stream")
    };
    let disposition = format!("{kind}; filename*=UTF-8''{}", percent::encode(name));
    Response::body(200, content_type, bytes)
        .with_header("content-disposition", &disposition)
        .with_header("content-security-policy", "default-src 'none'; sandbox")
        .with_header("x-content-type-options", "nosniff")
        .with_header("cache-control", "private, max-age=86400, immutable")
}

#[cfg(test)]
mod tests {
    use super::{Refusal, answer, is_file, link, verify};
    use crate::channel::{Request, Surface};
    use crate::native::{Table, install};
    use crate::secret::Secret;

    const WEBHOOK: &str = "/v1/messaging/ingress/p/acme/support/main";
    const API: &str = "/v1/messaging/p/acme/support/main";

    fn secret() -> Secret {
        install(Table::new().secret("k", b"key").secret("l", b"other"));
        Secret::open("k").unwrap()
    }

    fn get(url: &str, base: &str) -> Request {
        let rest = url.strip_prefix("https://h.example").unwrap();
        let (path, query) = rest.split_once('?').unwrap();
        Request {
            surface: Surface::Api,
            method: "GET".into(),
            origin: "https://h.example".into(),
            base: base.into(),
            path: path.strip_prefix(API).unwrap_or(path).into(),
            query: Some(query.into()),
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    #[test]
    fn a_link_gives_its_reference_back_until_it_ends() {
        let secret = secret();
        for base in [WEBHOOK, API] {
            let url = link(&secret, "https://h.example", base, "F1/ä b?c", 2_000);
            assert!(url.starts_with("https://h.example/v1/messaging/p/acme/support/main/files/F1%2F%C3%A4%20b%3Fc?exp=2000&sig="), "{url}");
            let request = get(&url, API);
            assert!(is_file(&request));
            assert_eq!(verify(&secret, &request, 1_999).as_deref(), Ok("F1/ä b?c"));
            assert_eq!(verify(&secret, &request, 2_000), Err(Refusal::Expired));
        }
    }

    #[test]
    fn a_link_that_was_altered_or_belongs_elsewhere_opens_nothing() {
        let secret = secret();
        let url = link(&secret, "https://h.example", API, "F1", 2_000);
        let refused = |url: &str, base: &str| verify(&secret, &get(url, base), 0);
        assert_eq!(refused(&url, API).as_deref(), Ok("F1"));
        for altered in [
            url.replace("F1", "F2"),
            url.replace("exp=2000", "exp=3000"),
            url.replace("exp=2000", "exp=x"),
            url.replace("exp=2000&", ""),
            url[..url.len() - 2].to_owned(),
            url.split("&sig").next().unwrap().to_owned(),
        ] {
            assert_eq!(refused(&altered, API), Err(Refusal::Signature), "{altered}");
        }
        assert_eq!(
            refused(&url, "/v1/messaging/p/other/support/main"),
            Err(Refusal::Signature)
        );
        let other = Secret::open("l").unwrap();
        assert_eq!(verify(&other, &get(&url, API), 0), Err(Refusal::Signature));
        let mut post = get(&url, API);
        post.method = "POST".into();
        assert_eq!(verify(&secret, &post, 0), Err(Refusal::Method));
        let mut nothing = get(&url, API);
        nothing.path = "/files/".into();
        assert_eq!(verify(&secret, &nothing, 0), Err(Refusal::NotFound));
    }

    #[test]
    fn what_a_browser_could_run_is_saved_and_not_shown() {
        for (given, served, kind) in [
            ("image/png", "image/png", "inline"),
            ("video/mp4; codecs=x", "video/mp4", "inline"),
            ("text/html", "application/octet-stream", "attachment"),
            ("image/svg+xml", "application/octet-stream", "attachment"),
            ("nonsense", "application/octet-stream", "attachment"),
        ] {
            let response = answer("a \"b\".png", given, vec![1]);
            let header = |name: &str| {
                let found = response.headers.iter().find(|header| header.name == name);
                found.unwrap().value.clone()
            };
            assert_eq!(header("content-type"), served);
            assert_eq!(
                header("content-disposition"),
                format!("{kind}; filename*=UTF-8''a%20%22b%22.png")
            );
            assert_eq!(header("x-content-type-options"), "nosniff");
        }
    }
}
