//! The address of the collector: which protocol it speaks and which URL each signal goes to.

/// Why an OTLP endpoint cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EndpointError {
    /// The text is not an absolute URL.
    #[error("OTLP endpoint `{0}` is not a URL; write it as http://collector:4318")]
    NotAUrl(String),
    /// The scheme is none of those served.
    #[error("OTLP endpoint has scheme `{0}`; use http, https, grpc or grpcs")]
    Scheme(String),
    /// The URL carries a user name or password, which would end up in logs.
    #[error("OTLP endpoint must not carry credentials; pass them as a header")]
    Credentials,
    /// gRPC has no path.
    #[error("OTLP endpoint for gRPC must not have a path, found `{0}`")]
    GrpcPath(String),
}

/// How to reach the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Base URL without a trailing slash; signals are posted to `{base}/v1/{signal}`.
    Http(String),
    /// URL of the gRPC server, scheme http or https.
    Grpc(String),
}

impl Endpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, EndpointError> {
        let text = text.trim();
        let not_a_url = || EndpointError::NotAUrl(without_userinfo(text));
        let (scheme, rest) = text.split_once("://").ok_or_else(not_a_url)?;
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(EndpointError::Credentials);
        }
        if authority.is_empty()
            || path.contains(['?', '#'])
            || format!("http://{rest}")
                .parse::<tonic::codegen::http::Uri>()
                .is_err()
        {
            return Err(not_a_url());
        }
        let path = path.trim_end_matches('/');
        // 4317 is the port OTLP assigns to gRPC, 4318 the one for HTTP (OTLP specification 1.x, "Default Port").
        let (tls, grpc) = match scheme.to_ascii_lowercase().as_str() {
            "http" => ("http", authority.ends_with(":4317")),
            "https" => ("https", authority.ends_with(":4317")),
            "grpc" => ("http", true),
            "grpcs" => ("https", true),
            other => return Err(EndpointError::Scheme(other.to_owned())),
        };
        if !grpc {
            return Ok(Self::Http(format!("{tls}://{authority}{path}")));
        }
        if !path.is_empty() {
            return Err(EndpointError::GrpcPath(path.to_owned()));
        }
        Ok(Self::Grpc(format!("{tls}://{authority}")))
    }
}

/// The text of a URL with everything between `://` and the last `@` of its authority left out.
pub(crate) fn without_userinfo(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), text),
    };
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_and_port_choose_the_protocol() {
        let table = [
            ("http://c:4318", Endpoint::Http("http://c:4318".into())),
            ("http://c:4318/", Endpoint::Http("http://c:4318".into())),
            ("https://c/otlp/", Endpoint::Http("https://c/otlp".into())),
            ("http://c:4317", Endpoint::Grpc("http://c:4317".into())),
            ("https://c:4317/", Endpoint::Grpc("https://c:4317".into())),
            ("grpc://c:9000", Endpoint::Grpc("http://c:9000".into())),
            ("GRPCS://c:9000", Endpoint::Grpc("https://c:9000".into())),
            (
                "http://[::1]:4318",
                Endpoint::Http("http://[::1]:4318".into()),
            ),
        ];
        for (text, expected) in table {
            assert_eq!(Endpoint::parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_wrong_endpoint_is_refused_and_its_password_is_not_repeated() {
        assert!(matches!(
            Endpoint::parse("collector:4318"),
            Err(EndpointError::NotAUrl(_))
        ));
        assert!(matches!(
            Endpoint::parse("http://"),
            Err(EndpointError::NotAUrl(_))
        ));
        assert!(matches!(
            Endpoint::parse("http://a b"),
            Err(EndpointError::NotAUrl(_))
        ));
        assert_eq!(
            Endpoint::parse("ftp://c"),
            Err(EndpointError::Scheme("ftp".into()))
        );
        assert_eq!(
            Endpoint::parse("http://u:p@c:4318"),
            Err(EndpointError::Credentials)
        );
        assert_eq!(
            Endpoint::parse("grpc://c:1/x"),
            Err(EndpointError::GrpcPath("/x".into()))
        );
        let Err(error) = Endpoint::parse("u:hunter2@c") else {
            panic!("accepted")
        };
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
