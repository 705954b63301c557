//! The access token: how it is got, kept and kept quiet.

use super::*;

fn token_requests() -> Vec<greentic_sdk::http::Request> {
    native::requests()
        .into_iter()
        .filter(|call| call.url.contains("/oauth2/"))
        .collect()
}

#[test]
fn the_token_is_got_with_the_secret_in_the_hosts_hand_and_kept_until_five_minutes_before_its_end() {
    heard();
    for at in [0, 1000, 54 * 60_000] {
        native::set_clock(NOW + at);
        send(&delivery(&direct(), text("x"))).unwrap();
        assert_eq!(token_requests().len(), 1, "after {at} ms");
    }
    native::set_clock(NOW + 55 * 60_000);
    send(&delivery(&direct(), text("x"))).unwrap();
    assert_eq!(token_requests().len(), 2);
    let asked = &token_requests()[0];
    assert_eq!(
        asked.url,
        format!("https://login.microsoftonline.com/{TENANT}/oauth2/v2.0/token")
    );
    assert_eq!(
        String::from_utf8_lossy(&asked.body),
        format!(
            "grant_type=client_credentials&client_id={APP}&client_secret=gtsec_teams.client-secret&scope=https%3A%2F%2Fapi.botframework.com%2F.default"
        )
    );
}

#[test]
fn a_token_that_is_refused_is_replaced_once() {
    let script = heard();
    script.status(401);
    send(&delivery(&direct(), text("x"))).unwrap();
    assert_eq!((token_requests().len(), calls().len()), (2, 2));
    script.status(401).status(401);
    let outcome = send(&delivery(&direct(), text("x")));
    assert!(
        matches!(outcome, Err(DeliveryError::Retry(_))),
        "{outcome:?}"
    );
    assert_eq!((token_requests().len(), calls().len()), (3, 4));
}

#[test]
fn without_a_token_nothing_is_sent_and_the_reason_names_no_secret() {
    for (status, body) in [
        (
            401,
            json!({"error": "invalid_client", "error_description": "AADSTS7000215: bad secret s3cret of the app", "error_codes": [7000215]}),
        ),
        (500, json!({})),
        (200, json!({"token_type": "Bearer", "access_token": TOKEN})),
        (
            200,
            json!({"token_type": "mac", "expires_in": 1, "access_token": TOKEN}),
        ),
        (
            200,
            json!({"token_type": "Bearer", "expires_in": 1, "access_token": "a\nb"}),
        ),
    ] {
        let (_, platform) = install(Platform::default());
        platform.borrow_mut().token_answer = Response::of_json(status, &body);
        let outcome = send(&delivery(&direct(), text("x")));
        let Err(DeliveryError::Retry(retry)) = outcome else {
            panic!("{outcome:?}")
        };
        assert!(
            !retry.reason.contains("s3cret") && !retry.reason.contains(TOKEN),
            "{}",
            retry.reason
        );
        if status == 401 {
            assert!(
                retry.reason.contains("invalid_client [7000215]"),
                "{}",
                retry.reason
            );
        }
        assert_eq!(calls(), []);
    }
}

#[test]
fn neither_token_nor_secret_stands_in_a_line_of_the_log_or_a_reason() {
    let script = heard();
    let echo = json!({"error": {"code": "Bad", "message": format!("header was Bearer {TOKEN}")}});
    for status in [400, 500, 429] {
        script.then(Ok(Response::of_json(status, &echo)));
        let outcome = format!("{:?}", send(&delivery(&direct(), text("x"))));
        assert!(outcome.contains("header was Bearer [token]"), "{outcome}");
        assert!(!outcome.contains(TOKEN), "{outcome}");
    }
    let secret = String::from_utf8_lossy(SECRET).into_owned();
    for line in native::lines() {
        assert!(!line.contains(TOKEN) && !line.contains(&secret), "{line}");
    }
}
