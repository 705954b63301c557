//! What went wrong with a request, in the words of `wasi:http`.
//!
//! The causes of hyper, rustls and the connector are mapped here one by one, and their texts are dropped: none of them may
//! carry a piece of the request to the guest or into a log (incident 32).

use std::error::Error as StdError;
use std::io;

use hyper_util::client::legacy::Error as ClientError;
use wasmtime_wasi_http::Error;

use super::connector::{AddressesRefused, ConnectTimedOut, LookupFailed};

/// Why there is no response.
#[derive(Debug)]
pub(super) enum Failure {
    /// Every address of the destination lies outside its grant.
    Refused(AddressesRefused),
    /// Anything else.
    Http(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Http(error)
    }
}

impl Failure {
    /// The failure of a request.
    pub(super) fn of(error: &(dyn StdError + 'static)) -> Self {
        match find::<AddressesRefused>(error) {
            Some(refused) => Self::Refused(refused.clone()),
            None if find::<ClientError>(error).is_some_and(|error| !error.is_connect()) => {
                Self::Http(connected(cause(error)))
            }
            None => Self::Http(cause(error)),
        }
    }
}

/// An error of a connection that stood already. What also tells that there was no connection would say that the request was never
/// sent, and a guest would send it again: an alert can come after the request, and a connection can time out while it is used.
fn connected(error: Error) -> Error {
    match error {
        Error::ConnectionRefused
        | Error::ConnectionTimeout
        | Error::DestinationUnavailable
        | Error::TlsProtocolError
        | Error::TlsCertificateError
        | Error::TlsAlertReceived { .. } => Error::ConnectionTerminated,
        other => other,
    }
}

/// The `wasi:http` error for what hyper reports about a connection, a request or a response's body.
pub(super) fn cause(error: &(dyn StdError + 'static)) -> Error {
    if let Some(own) = find::<Error>(error) {
        return of_own_body(own);
    }
    if find::<ConnectTimedOut>(error).is_some() {
        return Error::ConnectionTimeout;
    }
    if let Some(LookupFailed(error)) = find(error) {
        return match error.kind() {
            io::ErrorKind::TimedOut => Error::DnsTimeout,
            _ => Error::DnsError {
                rcode: None,
                info_code: None,
            },
        };
    }
    if let Some(error) = find::<rustls::Error>(error) {
        return match error {
            rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => {
                Error::TlsCertificateError
            }
            rustls::Error::AlertReceived(alert) => Error::TlsAlertReceived {
                alert_id: Some(u8::from(*alert)),
                alert_message: Some(format!("{alert:?}")),
            },
            _ => Error::TlsProtocolError,
        };
    }
    if let Some(error) = find::<hyper::Error>(error) {
        if error.is_parse_too_large() {
            return Error::HttpResponseHeaderSectionSize(None);
        }
        if error.is_incomplete_message() {
            return Error::HttpResponseIncomplete;
        }
        if error.is_parse() {
            return Error::HttpProtocolError;
        }
    }
    match find::<io::Error>(error).map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => Error::ConnectionRefused,
        Some(io::ErrorKind::TimedOut) => Error::ConnectionTimeout,
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            Error::DestinationUnavailable
        }
        Some(_) => Error::ConnectionTerminated,
        None => Error::HttpProtocolError,
    }
}

/// An error the request's own body ended with: the guest sent other than it announced, or stopped.
fn of_own_body(error: &Error) -> Error {
    match error {
        Error::HttpRequestBodySize(size) => Error::HttpRequestBodySize(*size),
        Error::HttpRequestTrailerSectionSize(size) => Error::HttpRequestTrailerSectionSize(*size),
        _ => Error::ConnectionTerminated,
    }
}

/// The first error of type `E` among `error` and its causes. An [`io::Error`] made of another error names that error's
/// cause as its own and leaves the error itself out, so that one is looked at too.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = match error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_breaks_a_connection_that_stood_never_says_that_nothing_was_sent() {
        for kind in [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::TimedOut,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::ConnectionReset,
        ] {
            let error = connected(cause(&io::Error::from(kind)));
            assert!(
                matches!(error, Error::ConnectionTerminated),
                "{kind:?}: {error:?}"
            );
        }
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let error = io::Error::other(alert);
        assert!(matches!(cause(&error), Error::TlsAlertReceived { .. }));
        assert!(matches!(
            connected(cause(&error)),
            Error::ConnectionTerminated
        ));
        assert!(matches!(
            connected(Error::HttpResponseTimeout),
            Error::HttpResponseTimeout
        ));
    }
}
