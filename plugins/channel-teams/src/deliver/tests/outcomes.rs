//! What the answers of the Connector mean.

use super::*;

#[test]
fn incident_08_each_answer_is_sent_not_sent_or_unknown() {
    let kind = |outcome: Result<Receipt, DeliveryError>| match outcome {
        Ok(_) => "sent".to_owned(),
        Err(DeliveryError::Rejected(_)) => "rejected".into(),
        Err(DeliveryError::Retry(retry)) => format!("retry {:?}", retry.after_ms),
        Err(DeliveryError::Unknown(_)) => "unknown".into(),
    };
    let edit = || {
        OutboundBody::Edit(Edit {
            message_id: "9".into(),
            text: "x".into(),
        })
    };
    for (status, post, put) in [
        (200, "sent", "sent"),
        (202, "sent", "sent"),
        (400, "rejected", "rejected"),
        (403, "rejected", "rejected"),
        (404, "rejected", "rejected"),
        (408, "unknown", "retry None"),
        (409, "rejected", "rejected"),
        (412, "retry None", "retry None"),
        (413, "rejected", "rejected"),
        (429, "retry None", "retry None"),
        (500, "unknown", "retry None"),
        (502, "retry None", "retry None"),
        (503, "unknown", "retry None"),
        (504, "retry None", "retry None"),
    ] {
        heard().status(status);
        assert_eq!(
            kind(send(&delivery(&direct(), text("x")))),
            post,
            "POST {status}"
        );
        heard().status(status);
        assert_eq!(
            kind(send(&delivery(&direct(), edit()))),
            put,
            "PUT {status}"
        );
    }
    for status in [429, 503] {
        let answer = Response::of(status, "text/plain", "").with_header("retry-after", "7");
        heard().then(Ok(answer));
        assert_eq!(
            kind(send(&delivery(&direct(), text("x")))),
            "retry Some(7000)"
        );
    }
    for (body, post, put) in [
        ("<html>sign in</html>", "unknown", "retry None"),
        ("[1]", "unknown", "retry None"),
        ("", "sent", "sent"),
        ("{}", "sent", "sent"),
    ] {
        let page = || Ok(Response::of(200, "text/html", body));
        heard().then(page());
        assert_eq!(
            kind(send(&delivery(&direct(), text("x")))),
            post,
            "POST {body}"
        );
        heard().then(page());
        assert_eq!(kind(send(&delivery(&direct(), edit()))), put, "PUT {body}");
    }
    for (fault, post, put) in [
        (Fault::Refused("r".into()), "rejected", "rejected"),
        (Fault::NotSent("r".into()), "retry None", "retry None"),
        (Fault::Unknown("r".into()), "unknown", "retry None"),
    ] {
        heard().then(Err(fault.clone()));
        assert_eq!(
            kind(send(&delivery(&direct(), text("x")))),
            post,
            "POST {fault}"
        );
        heard().then(Err(fault.clone()));
        assert_eq!(kind(send(&delivery(&direct(), edit()))), put, "PUT {fault}");
    }
    heard();
    assert_eq!(kind(send(&delivery(&direct(), text(" \n ")))), "rejected");
}
