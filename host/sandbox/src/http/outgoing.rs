//! A guest's request made ready to send: credentials checked, placeholders replaced.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, HOST,
    PROXY_AUTHORIZATION,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, BodyStream, StreamBody};
use wasmtime_wasi_http::{Error, WasiBody};
use zeroize::Zeroizing;

use super::placeholder::{
    Place, Placeholders, Unfit, credentials_hold_known, holds_known, looks_like_one, replace,
    replace_in_credentials,
};
use crate::grants::{Host, Scheme};

/// Headers whose only purpose is a credential.
const CREDENTIAL_HEADERS: [HeaderName; 3] = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE];

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    pub scheme: Scheme,
    pub host: Host,
    pub port: u16,
}

impl Destination {
    /// Reads the destination of `uri`. `None` when it has no host, a user name, or a scheme that is not HTTP's.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let scheme = match uri.scheme_str()? {
            "https" => Scheme::Https,
            "http" => Scheme::Http,
            _ => return None,
        };
        let authority = uri.authority()?;
        // What stands before the host (a user) or after it (a port that is none) must not be passed over: `port_u16` calls
        // `:99999` no port at all.
        let port = match authority.as_str().strip_prefix(authority.host())? {
            "" => scheme.default_port(),
            rest => {
                let digits = rest.strip_prefix(':')?;
                let all = digits.bytes().all(|byte| byte.is_ascii_digit());
                digits.parse().ok().filter(|port| all && *port > 0)?
            }
        };
        Some(Self {
            scheme,
            host: Host::parse(authority.host())?,
            port,
        })
    }

    /// `scheme://host:port`, as it is shown and sent: what was judged, not what the guest wrote.
    pub(super) fn origin(&self) -> String {
        crate::grants::origin(self.scheme, &self.host, self.port)
    }
}

/// The credential header that neither holds one of the plugin's placeholders nor is allowed otherwise.
pub(super) fn unfounded_credential(
    headers: &HeaderMap,
    table: &dyn Placeholders,
) -> Option<HeaderName> {
    let founded = |name: &HeaderName, value: &HeaderValue| match *name {
        COOKIE => holds_known(value.as_bytes(), table),
        _ => credentials_hold_known(value.as_bytes(), table),
    };
    CREDENTIAL_HEADERS.into_iter().find(|name| {
        !headers
            .get_all(name)
            .iter()
            .all(|value| founded(name, value))
    })
}

/// Replaces the placeholders in head and body, and sets the URI to `destination` and the path.
pub(super) async fn prepare(
    parts: &mut Parts,
    body: WasiBody,
    destination: &Destination,
    table: &dyn Placeholders,
    max_body: usize,
) -> Result<WasiBody, Error> {
    // The client writes it from the URI.
    parts.headers.remove(HOST);
    let path = parts
        .uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    if table.is_empty() {
        parts.uri = uri(destination, path)?;
        return Ok(body);
    }
    let path = replace_in_path(&path, table)?.unwrap_or(path);
    parts.uri = uri(destination, path)?;
    for (name, value) in &mut parts.headers {
        let replaced = match *name {
            AUTHORIZATION | PROXY_AUTHORIZATION => replace_in_credentials(value.as_bytes(), table),
            _ => replace(value.as_bytes(), Place::Plain, table),
        };
        if let Some(replaced) = replaced.map_err(|unfit| misplaced(name.as_str(), unfit))? {
            let mut new = HeaderValue::from_maybe_shared(Bytes::from_owner(replaced))
                .map_err(|_| misplaced(name.as_str(), Unfit))?;
            new.set_sensitive(true);
            *value = new;
        }
    }
    match body_place(&parts.headers) {
        Some(place) if !body.is_end_stream() => {
            replace_in_body(&mut parts.headers, body, place, table, max_body).await
        }
        _ => Ok(body),
    }
}

fn uri(destination: &Destination, path: PathAndQuery) -> Result<Uri, Error> {
    let Destination { scheme, host, port } = destination;
    let authority = if *port == scheme.default_port() {
        host.to_string()
    } else {
        format!("{host}:{port}")
    };
    let built = Uri::builder()
        .scheme(scheme.as_str())
        .authority(authority)
        .path_and_query(path)
        .build();
    built.map_err(|_| Error::HttpRequestUriInvalid)
}

fn replace_in_path(
    path: &PathAndQuery,
    table: &dyn Placeholders,
) -> Result<Option<PathAndQuery>, Error> {
    let misplaced = |unfit| misplaced("path", unfit);
    let new_path = replace(path.path().as_bytes(), Place::Path, table).map_err(misplaced)?;
    let new_query = match path.query() {
        Some(query) => replace(query.as_bytes(), Place::Query, table).map_err(misplaced)?,
        None => None,
    };
    if new_path.is_none() && new_query.is_none() {
        return Ok(None);
    }
    let first = new_path
        .as_ref()
        .map_or(path.path().as_bytes(), |new| new.as_slice());
    let second = new_query
        .as_ref()
        .map(|new| new.as_slice())
        .or(path.query().map(str::as_bytes));
    let mut whole = Zeroizing::new(Vec::with_capacity(
        first.len() + 1 + second.map_or(0, <[u8]>::len),
    ));
    whole.extend_from_slice(first);
    if let Some(query) = second {
        whole.push(b'?');
        whole.extend_from_slice(query);
    }
    PathAndQuery::from_maybe_shared(Bytes::from_owner(whole))
        .map(Some)
        .map_err(|_| Error::HttpRequestUriTooLong)
}

/// How values are written in a body of the type these headers declare; `None` when placeholders are not replaced in it.
fn body_place(headers: &HeaderMap) -> Option<Place> {
    if headers.contains_key(CONTENT_ENCODING) {
        return None;
    }
    let declared = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let media_type = declared.split(';').next()?.trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/x-www-form-urlencoded" => Some(Place::Query),
        "application/json" => Some(Place::Json),
        other if other.ends_with("+json") => Some(Place::Json),
        other if other.starts_with("text/") => Some(Place::Plain),
        _ => None,
    }
}

async fn replace_in_body(
    headers: &mut HeaderMap,
    mut body: WasiBody,
    place: Place,
    table: &dyn Placeholders,
    max: usize,
) -> Result<WasiBody, Error> {
    let mut read = Vec::new();
    let mut trailers = None;
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => read.extend_from_slice(&data),
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
        if read.len() > max {
            // Too long to hold. It goes on as it is, unless that would send a placeholder nobody replaced.
            if looks_like_one(&read) {
                return Err(Error::HttpRequestBodySize(u64::try_from(max).ok()));
            }
            let start = stream::iter([Ok(Frame::data(Bytes::from(read)))]);
            return Ok(StreamBody::new(start.chain(BodyStream::new(body))).boxed_unsync());
        }
    }
    let data = match replace(&read, place, table).map_err(|unfit| misplaced("body", unfit))? {
        Some(replaced) => {
            if headers.contains_key(CONTENT_LENGTH) {
                headers.insert(CONTENT_LENGTH, HeaderValue::from(replaced.len()));
            }
            Bytes::from_owner(replaced)
        }
        None => Bytes::from(read),
    };
    let whole = http_body_util::Full::new(data).map_err(Error::from);
    Ok(match trailers {
        Some(trailers) => whole
            .with_trailers(std::future::ready(Some(Ok(trailers))))
            .boxed_unsync(),
        None => whole.boxed_unsync(),
    })
}

/// The place is named, the value never.
fn misplaced(place: &str, unfit: Unfit) -> Error {
    Error::InternalError(Some(format!(
        "a placeholder in the request's {place} cannot be replaced: {unfit}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_read_from_the_whole_authority_or_not_at_all() {
        let read = |uri: &str| Destination::of(&uri.parse::<Uri>().ok()?);
        for (uri, origin) in [
            ("https://Slack.com/api", "https://slack.com"),
            ("https://slack.com.:443/", "https://slack.com"),
            ("http://slack.com:443/", "http://slack.com:443"),
            ("http://[::1]:8080/x", "http://[::1]:8080"),
            ("http://127.0.0.1/", "http://127.0.0.1"),
        ] {
            assert_eq!(read(uri).unwrap().origin(), origin);
        }
        for uri in [
            "https://user@slack.com/",
            "https://slack.com@evil.example/",
            "https://slack.com:/",
            "https://slack.com:0/",
            "https://slack.com:99999/",
            "https://slack.com:+443/",
            "https://127.1/",
            "https://0x7f.0.0.0x1/",
            "ftp://slack.com/",
            "/path",
        ] {
            assert_eq!(read(uri), None, "{uri}");
        }
    }
}
