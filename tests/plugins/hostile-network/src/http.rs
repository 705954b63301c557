//! One HTTP request over `wasi:http` 0.2, without a library between, so that nothing but the host checks it.

use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme,
};

/// Most bytes of a body that are told.
const SHOWN: u64 = 4096;

/// Sends a request without a body. The answer is the status with the beginning of the body, or with the place a redirect names.
pub(crate) fn get(
    method: &str,
    url: &str,
    header: Option<(&str, &str)>,
) -> Result<(u16, String), String> {
    let (scheme, rest) = url.split_once("://").ok_or("an address has a scheme")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let fields = Fields::new();
    if let Some((name, value)) = header {
        fields
            .append(name, value.as_bytes())
            .map_err(|error| format!("header: {error:?}"))?;
    }
    let request = OutgoingRequest::new(fields);
    let method = if method == "GET" {
        Method::Get
    } else {
        Method::Other(method.into())
    };
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.into()),
    };
    let path = if path.is_empty() { "/" } else { path };
    request.set_method(&method).map_err(|()| "method")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "scheme")?;
    request
        .set_authority(Some(authority))
        .map_err(|()| "authority")?;
    request
        .set_path_with_query(Some(path))
        .map_err(|()| "path")?;
    let body = request.body().map_err(|()| "body")?;
    OutgoingBody::finish(body, None).map_err(|error| format!("{error:?}"))?;
    let answer = handle(request, None).map_err(|error| format!("{error:?}"))?;
    answer.subscribe().block();
    let response = answer
        .get()
        .ok_or("no answer")?
        .map_err(|()| "asked twice")?
        .map_err(|error| format!("{error:?}"))?;
    let status = response.status();
    if (300..400).contains(&status)
        && let Some(place) = response.headers().get("location").first()
    {
        return Ok((status, String::from_utf8_lossy(place).into_owned()));
    }
    Ok((status, read(&response)))
}

fn read(response: &IncomingResponse) -> String {
    let mut bytes = Vec::new();
    if let Ok(body) = response.consume()
        && let Ok(stream) = body.stream()
    {
        while let Ok(chunk) = stream.blocking_read(SHOWN) {
            bytes.extend_from_slice(&chunk);
            if bytes.len() >= 4096 {
                break;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
