use greentic_sdk::channel::{Request, Surface};
use greentic_sdk::http::{Fault, Response};
use greentic_sdk::native::{requests, set_clock};
use greentic_sdk::secret::Secret;
use serde_json::json;

use crate::limits::{FILE_BYTES, LINK_MS};
use crate::testing::{NOW_MS, post, serve, table, with};

/// A request for the file behind the link that a webhook's file gets.
fn request(id: &str, name: &str) -> Request {
    let webhook = post(b"", None);
    let secret = Secret::open("whatsapp/app-secret").unwrap();
    let url = super::link(&secret, &webhook, id, name, NOW_MS);
    let base = "/v1/messaging/whatsapp/demo/default/wa";
    let rest = url
        .strip_prefix("https://h.example")
        .unwrap()
        .strip_prefix(base)
        .unwrap();
    let (path, query) = rest.split_once('?').unwrap();
    Request {
        surface: Surface::Api,
        method: "GET".into(),
        base: base.into(),
        path: path.into(),
        query: Some(query.into()),
        ..webhook
    }
}

fn described(size: usize) -> Response {
    Response::of_json(
        200,
        &json!({"url": "https://lookaside.example/f?x=1", "mime_type": "image/jpeg", "file_size": size, "id": "11"}),
    )
}

#[test]
fn a_file_is_fetched_with_the_token_and_served_under_its_name() {
    let settings = with(table().http(|request| {
        assert!(
            request
                .header_value("authorization")
                .unwrap()
                .starts_with("Bearer ")
        );
        Ok(match request.url.as_str() {
            "https://graph.example/v23.0/11?phone_number_id=100200300" => described(3),
            "https://lookaside.example/f?x=1" => Response::of(200, "image/jpeg", [1, 2, 3]),
            other => panic!("{other}"),
        })
    }));
    let outcome = serve(&settings, &request("11", "sea ä.jpg")).unwrap();
    assert_eq!(
        (outcome.response.status, outcome.response.body.as_slice()),
        (200, &[1, 2, 3][..])
    );
    let header = |name: &str| {
        outcome
            .response
            .headers
            .iter()
            .find(|header| header.name == name)
            .unwrap()
            .value
            .clone()
    };
    assert_eq!(header("content-type"), "image/jpeg");
    assert!(header("content-disposition").ends_with("sea%20%C3%A4.jpg"));
    assert!(
        requests()
            .iter()
            .all(|call| !format!("{call:?}").contains("EAAG")),
        "the token is the host's to place"
    );
}

#[test]
fn what_the_platform_does_not_give_is_a_status() {
    for (answer, status) in [
        (
            Ok(Response::of_json(
                400,
                &json!({"error": {"code": 100, "message": "gone"}}),
            )),
            404,
        ),
        (Ok(Response::of(404, "text/plain", "")), 404),
        (Ok(Response::of(429, "text/plain", "")), 503),
        (Ok(Response::of(500, "text/plain", "")), 502),
        (Ok(Response::of(200, "text/plain", "no json")), 502),
        (Ok(described(FILE_BYTES + 1)), 413),
        (Err(Fault::Refused("not granted".into())), 502),
        (Err(Fault::Unknown("timeout".into())), 502),
    ] {
        let settings = with(table().http(move |_| answer.clone()));
        assert_eq!(
            serve(&settings, &request("11", "a"))
                .unwrap()
                .response
                .status,
            status
        );
    }
}

#[test]
fn a_link_that_is_altered_or_over_opens_nothing_and_calls_nobody() {
    let settings = with(table().http(|_| panic!("called")));
    let good = request("11", "a");
    let mut other = good.clone();
    other.path = other.path.replace("11", "12");
    assert_eq!(serve(&settings, &other).unwrap().response.status, 403);
    let mut unsigned = good.clone();
    unsigned.query = None;
    assert_eq!(serve(&settings, &unsigned).unwrap().response.status, 403);
    let mut nothing = good.clone();
    nothing.path = "/other".into();
    assert_eq!(serve(&settings, &nothing).unwrap().response.status, 404);
    assert_eq!(
        serve(&settings, &request("../1", "a"))
            .unwrap()
            .response
            .status,
        404
    );
    set_clock(NOW_MS + LINK_MS);
    assert_eq!(serve(&settings, &good).unwrap().response.status, 410);
}
