use greentic_sdk::channel::{Request, Surface};

use crate::testing::{serve, table, with};

fn ask(query: Option<&str>) -> Request {
    Request {
        surface: Surface::Webhook,
        method: "GET".into(),
        origin: "https://h.example".into(),
        base: "/v1".into(),
        path: String::new(),
        query: query.map(str::to_owned),
        headers: Vec::new(),
        body: Vec::new(),
    }
}

#[test]
fn the_challenge_comes_back_as_it_was_for_the_right_token_and_nothing_for_any_other() {
    let settings = with(table());
    for (query, status, body) in [
        (
            Some("hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=verify%20me"),
            200,
            "1158201444",
        ),
        (
            Some("hub.verify_token=verify+me&hub.challenge=a%3Cb&hub.mode=subscribe"),
            200,
            "a<b",
        ),
        (
            Some("hub.mode=subscribe&hub.challenge=1&hub.verify_token=verify"),
            403,
            "",
        ),
        (
            Some("hub.mode=subscribe&hub.challenge=1&hub.verify_token=verify%20me2"),
            403,
            "",
        ),
        (
            Some("hub.mode=subscribe&hub.challenge=1&hub.verify_token="),
            403,
            "",
        ),
        (Some("hub.mode=subscribe&hub.challenge=1"), 403, ""),
        (
            Some("hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=verify%20me"),
            403,
            "",
        ),
        (
            Some("hub.mode=subscribe&hub.verify_token=verify%20me"),
            403,
            "",
        ),
        (Some(""), 403, ""),
        (None, 403, ""),
    ] {
        let outcome = serve(&settings, &ask(query)).unwrap();
        assert_eq!(
            (outcome.response.status, outcome.response.body.as_slice()),
            (status, body.as_bytes()),
            "{query:?}"
        );
        assert!(outcome.events.is_empty());
        if status == 200 {
            assert_eq!(outcome.response.headers[0].value, "text/plain");
        }
    }
    let long = format!(
        "hub.mode=subscribe&hub.verify_token=verify%20me&hub.challenge={}",
        "1".repeat(300)
    );
    assert_eq!(
        serve(&settings, &ask(Some(&long))).unwrap().response.status,
        403
    );
}

#[test]
fn an_empty_or_missing_token_answers_nobody() {
    let settings = with(table().secret("whatsapp/verify-token", b""));
    assert!(
        serve(
            &settings,
            &ask(Some("hub.mode=subscribe&hub.challenge=1&hub.verify_token="))
        )
        .is_err()
    );
    let settings = with(table().config("verify-token", "another"));
    assert!(
        serve(
            &settings,
            &ask(Some(
                "hub.mode=subscribe&hub.challenge=1&hub.verify_token=x"
            ))
        )
        .is_err()
    );
}

#[test]
fn other_methods_are_not_allowed() {
    let settings = with(table());
    for method in ["PUT", "DELETE", "HEAD", "OPTIONS"] {
        let mut request = ask(None);
        request.method = method.into();
        assert_eq!(serve(&settings, &request).unwrap().response.status, 405);
    }
}
