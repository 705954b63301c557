//! One call over `wasi:http` 0.2.

use std::time::Duration;

use wasip2::clocks::monotonic_clock;
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{
    ErrorCode, Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody,
    OutgoingRequest, RequestOptions, Scheme, http_error_code,
};
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::StreamError;

use super::{Fault, Request, Response};
use crate::model::Header;

/// Most bytes one call of the output stream takes.
const CHUNK: usize = 4096;

/// When a call has to be over, by the monotonic clock.
struct Deadline {
    at: u64,
    timeout: Duration,
}

impl Deadline {
    fn after(timeout: Duration) -> Self {
        let nanos = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        Self {
            at: monotonic_clock::now().saturating_add(nanos),
            timeout,
        }
    }

    /// Waits until there is something to read or write.
    fn wait(&self, ready: &Pollable) -> Result<(), Fault> {
        let timer = monotonic_clock::subscribe_instant(self.at);
        // 0 is the index of `ready`: one that is ready at the last moment counts.
        if poll(&[ready, &timer]).contains(&0) {
            return Ok(());
        }
        Err(Fault::Unknown(format!(
            "no complete answer within {} ms",
            self.timeout.as_millis()
        )))
    }
}

pub(super) fn send(request: &Request) -> Result<Response, Fault> {
    let outgoing = head(request)?;
    let body = outgoing.body().map_err(|()| wrong("body", ""))?;
    let deadline = Deadline::after(request.timeout);
    let nanos = u64::try_from(request.timeout.as_nanos()).unwrap_or(u64::MAX);
    let options = RequestOptions::new();
    for set in [
        RequestOptions::set_connect_timeout,
        RequestOptions::set_first_byte_timeout,
        RequestOptions::set_between_bytes_timeout,
    ] {
        // The host's own limit holds where it takes none from us.
        let _ = set(&options, Some(nanos));
    }
    let answer = handle(outgoing, Some(options)).map_err(|code| fault(&code))?;
    // What cannot be written is told by the answer: a server may have answered before it read everything.
    let written = write(&body, &request.body, &deadline)?;
    if written {
        let _ = OutgoingBody::finish(body, None);
    } else {
        drop(body);
    }
    let response = wait(&answer, &deadline)?;
    read(&response, request.max_response, &deadline)
}

fn wrong(part: &str, value: &str) -> Fault {
    Fault::Refused(format!("the request's {part} cannot be sent: `{value}`"))
}

fn head(request: &Request) -> Result<OutgoingRequest, Fault> {
    let (scheme, rest) = request
        .url
        .split_once("://")
        .ok_or_else(|| wrong("address", &request.url))?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = match path.as_bytes().first() {
        None => "/".to_owned(),
        Some(b'?') => format!("/{path}"),
        Some(_) => path.to_owned(),
    };
    let fields = Fields::new();
    let add = |name: &str, value: &str| {
        fields
            .append(name, value.as_bytes())
            .map_err(|_| wrong("header", name))
    };
    for header in &request.headers {
        add(&header.name, &header.value)?;
    }
    if !request.body.is_empty() || matches!(request.method.as_str(), "POST" | "PUT" | "PATCH") {
        add("content-length", &request.body.len().to_string())?;
    }
    let outgoing = OutgoingRequest::new(fields);
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let method = match request.method.as_str() {
        "GET" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        "HEAD" => Method::Head,
        other => Method::Other(other.to_owned()),
    };
    outgoing
        .set_method(&method)
        .map_err(|()| wrong("method", &request.method))?;
    outgoing
        .set_scheme(Some(&scheme))
        .map_err(|()| wrong("address", &request.url))?;
    outgoing
        .set_authority(Some(authority))
        .map_err(|()| wrong("address", &request.url))?;
    outgoing
        .set_path_with_query(Some(&path))
        .map_err(|()| wrong("address", &request.url))?;
    Ok(outgoing)
}

/// Writes the whole body; false when the other side wants no more of it.
fn write(body: &OutgoingBody, mut rest: &[u8], deadline: &Deadline) -> Result<bool, Fault> {
    if rest.is_empty() {
        return Ok(true);
    }
    let Ok(stream) = body.write() else {
        return Ok(false);
    };
    let ready = stream.subscribe();
    while !rest.is_empty() {
        deadline.wait(&ready)?;
        let Ok(room) = stream.check_write() else {
            return Ok(false);
        };
        let room = usize::try_from(room)
            .unwrap_or(CHUNK)
            .min(CHUNK)
            .min(rest.len());
        let (piece, after) = rest.split_at(room);
        if stream.write(piece).is_err() {
            return Ok(false);
        }
        rest = after;
    }
    if stream.flush().is_err() {
        return Ok(false);
    }
    deadline.wait(&ready)?;
    Ok(stream.check_write().is_ok())
}

fn wait(answer: &FutureIncomingResponse, deadline: &Deadline) -> Result<IncomingResponse, Fault> {
    deadline.wait(&answer.subscribe())?;
    match answer.get() {
        Some(Ok(Ok(response))) => Ok(response),
        Some(Ok(Err(code))) => Err(fault(&code)),
        Some(Err(())) | None => Err(Fault::Unknown("the host gave no answer".to_owned())),
    }
}

fn read(response: &IncomingResponse, most: usize, deadline: &Deadline) -> Result<Response, Fault> {
    let headers = response
        .headers()
        .entries()
        .into_iter()
        .filter_map(|(name, value)| {
            Some(Header {
                name: name.to_ascii_lowercase(),
                value: String::from_utf8(value).ok()?,
            })
        })
        .collect();
    let mut body = Vec::new();
    let incoming = response
        .consume()
        .map_err(|()| Fault::Unknown("the response has no body to read".to_owned()))?;
    let stream = incoming
        .stream()
        .map_err(|()| Fault::Unknown("the response's body cannot be read".to_owned()))?;
    let ready = stream.subscribe();
    loop {
        deadline.wait(&ready)?;
        match stream.read(64 << 10) {
            Ok(piece) => body.extend_from_slice(&piece),
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                // Not `to_debug_string`: it may make the host write out where the error came from, on this call's time.
                let cause = http_error_code(&error);
                return Err(Fault::Unknown(format!(
                    "the response broke off after {} bytes: {cause:?}",
                    body.len(),
                )));
            }
        }
        if body.len() > most {
            return Err(Fault::Unknown(format!(
                "the response's body has more than {most} bytes"
            )));
        }
    }
    Ok(Response {
        status: response.status(),
        headers,
        body,
    })
}

/// Sorts what `wasi:http` reports by whether the request may have reached somebody.
fn fault(code: &ErrorCode) -> Fault {
    let text = |what: &str| what.to_owned();
    match code {
        ErrorCode::HttpRequestDenied => Fault::Refused(text(
            "the bundle does not let this plugin call that host; the host's log has the line to add",
        )),
        ErrorCode::DestinationIpProhibited => Fault::Refused(text(
            "the host's address is outside what the bundle grants; the host's log says more",
        )),
        ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestHeaderSectionSize(_)
        | ErrorCode::HttpRequestHeaderSize(_) => {
            Fault::Refused(format!("the request is not well-formed: {code:?}"))
        }
        ErrorCode::DnsTimeout | ErrorCode::DnsError(_) | ErrorCode::DestinationNotFound => {
            Fault::NotSent(text("the host's name cannot be resolved"))
        }
        ErrorCode::DestinationUnavailable | ErrorCode::DestinationIpUnroutable => {
            Fault::NotSent(text("the host cannot be reached"))
        }
        ErrorCode::ConnectionRefused => Fault::NotSent(text("the connection was refused")),
        ErrorCode::ConnectionTimeout => Fault::NotSent(text("no connection in time")),
        ErrorCode::ConnectionLimitReached => {
            Fault::NotSent(text("too many requests of this plugin are in flight"))
        }
        ErrorCode::ConnectionWriteTimeout => {
            Fault::NotSent(text("the request's body was not ready in time"))
        }
        ErrorCode::TlsCertificateError => {
            Fault::NotSent(text("the server's certificate is not trusted"))
        }
        ErrorCode::TlsProtocolError | ErrorCode::TlsAlertReceived(_) => {
            Fault::NotSent(text("TLS with the server failed"))
        }
        other => Fault::Unknown(format!("{other:?}")),
    }
}
