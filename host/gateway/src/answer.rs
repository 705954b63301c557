//! From a channel's answer to the bytes that go out. A channel is not trusted: what it gives is checked here, because a header it
//! may set must not be able to change the framing of the connection it goes out on.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use crate::channel::Answer;
use crate::problem::Problem;

/// The one body type of all responses: whole, in memory, of known length.
pub(crate) type Full = http_body_util::Full<bytes::Bytes>;

/// Headers that belong to the connection or to the framing, which are the gateway's (RFC 9110 section 7.6.1).
const FRAMING: [HeaderName; 9] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TRAILER,
    header::TE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
];

/// The response, or what is wrong with the answer: a fault of the channel, for the operator's log.
pub(crate) fn response(answer: Answer, most_body: usize) -> Result<Response<Full>, &'static str> {
    let status = match StatusCode::from_u16(answer.status) {
        Ok(status) if (200..600).contains(&answer.status) => status,
        _ => return Err("the status is not between 200 and 599"),
    };
    if answer.body.len() > most_body {
        return Err("the body is larger than request.response-body allows");
    }
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if bodiless {
        Full::default()
    } else {
        Full::from(answer.body)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in answer.headers {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| "a header name is not valid")?;
        let value = HeaderValue::try_from(value).map_err(|_| "a header value is not valid")?;
        if !FRAMING.contains(&name) {
            headers
                .try_append(name, value)
                .map_err(|_| "there are too many headers")?;
        }
    }
    Ok(response)
}

/// What the caller gets for an answer that cannot be given.
pub(crate) const FAULTY: Problem = Problem::new(
    StatusCode::INTERNAL_SERVER_ERROR,
    "The channel gave no answer that can be sent.",
);

/// The same response without its body, with the length the body would have (RFC 9110 section 9.3.2).
pub(crate) fn for_head(mut response: Response<Full>) -> Response<Full> {
    use http_body::Body as _;
    let length = response.body().size_hint().exact().unwrap_or(0);
    let status = response.status();
    if status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response.map(|_| Full::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Answer {
            status,
            headers: headers.collect(),
            body: body.into(),
        }
    }

    #[test]
    fn what_a_channel_says_about_framing_is_left_out() {
        let given = [
            ("Content-Length", "7000"),
            ("transfer-encoding", "chunked"),
            ("connection", "upgrade"),
            ("Keep-Alive", "timeout=9"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
        ];
        let response = response(answer(200, &given, "x"), 10).unwrap();
        let names: Vec<_> = response.headers().keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["set-cookie"]);
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
    }

    #[test]
    fn answers_that_cannot_be_sent_are_refused() {
        for wrong in [
            answer(199, &[], ""),
            answer(600, &[], ""),
            answer(0, &[], ""),
            answer(200, &[("bad name", "x")], ""),
            answer(200, &[("x", "a\r\nset-cookie: b")], ""),
            answer(200, &[], "12345678901"),
        ] {
            assert!(response(wrong.clone(), 10).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_status_without_a_body_goes_out_without_one() {
        use http_body::Body as _;
        for status in [204, 304] {
            let response = response(answer(status, &[], "no"), 10).unwrap();
            assert_eq!(response.body().size_hint().exact(), Some(0));
        }
    }
}
