use greentic_sdk::channel::Surface;
use greentic_sdk::http;
use greentic_sdk::model::{EventBody, Header};
use greentic_sdk::native;
use serde_json::json;

use super::*;
use crate::testing::{NOW, TOKEN, events, message, telegram};
use crate::webhook;

/// The address the channel gives a document.
fn linked() -> String {
    let file = json!({"file_id": "BQAC_1", "file_name": "Ä report.pdf", "mime_type": "application/pdf", "file_size": 7});
    let EventBody::Message(said) = events(&message(&json!({"document": file}))).remove(0).body
    else {
        panic!()
    };
    said.attachments[0].url.clone().unwrap()
}

fn get(url: &str, range: Option<&str>) -> Response {
    let rest = url.strip_prefix("https://host.example").unwrap();
    let (path, query) = rest.split_once('?').unwrap();
    let base = "/v1/messaging/telegram/acme/support/main";
    let request = Request {
        surface: Surface::Api,
        method: "GET".into(),
        origin: "https://host.example".into(),
        base: base.into(),
        path: path.strip_prefix(base).unwrap().into(),
        query: Some(query.into()),
        headers: range
            .map(|range| Header::new("range", range))
            .into_iter()
            .collect(),
        body: Vec::new(),
    };
    webhook::serve(&Settings::default(), &request)
        .unwrap()
        .response
}

fn found(size: u64) -> serde_json::Value {
    json!({"file_id": "BQAC_1", "file_path": "documents/file 1.pdf", "file_size": size})
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let found = response.headers.iter().find(|header| header.name == name);
    found.map(|header| header.value.as_str())
}

#[test]
fn a_file_is_fetched_with_the_placeholder_and_given_under_its_name() {
    let answers = telegram();
    let url = linked();
    assert!(!url.contains(TOKEN) && !url.contains("gtsec_"), "{url}");
    answers.result(&found(7)).push(Ok(http::Response::of(
        200,
        "application/octet-stream",
        "content",
    )));
    let response = get(&url, None);
    assert_eq!(
        (response.status, response.body.as_slice()),
        (200, &b"content"[..])
    );
    assert!(
        header(&response, "content-disposition")
            .unwrap()
            .contains("%C3%84%20report.pdf")
    );
    let fetched = native::requests().pop().unwrap();
    assert_eq!(
        fetched.url,
        "https://api.telegram.org/file/botgtsec_telegram.bot-token/documents/file%201.pdf"
    );
}

#[test]
fn an_altered_or_old_address_opens_nothing() {
    telegram();
    let url = linked();
    assert_eq!(get(&url.replace("BQAC_1", "BQAC_2"), None).status, 403);
    native::set_clock(NOW + Settings::default().file_link_ms);
    assert_eq!(get(&url, None).status, 410);
    let fetched = native::requests()
        .iter()
        .any(|request| request.url.contains("getFile"));
    assert!(!fetched);
}

#[test]
fn a_large_file_is_given_in_pieces_and_refused_as_a_whole() {
    let answers = telegram();
    let url = linked();
    answers.result(&found(9_000_000));
    let response = get(&url, None);
    assert_eq!(response.status, 413);
    assert!(String::from_utf8(response.body).unwrap().contains("Range"));
    let piece = http::Response::of(206, "application/octet-stream", "part")
        .with_header("content-range", "bytes 100-4194403/9000000");
    answers.result(&found(9_000_000)).push(Ok(piece));
    let response = get(&url, Some("bytes=100-"));
    assert_eq!(response.status, 206);
    assert_eq!(
        header(&response, "content-range"),
        Some("bytes 100-4194403/9000000")
    );
    let fetched = native::requests().pop().unwrap();
    assert_eq!(fetched.header_value("range"), Some("bytes=100-4194403"));
}

#[test]
fn what_telegram_does_not_give_is_told_by_status() {
    for (code, description, status) in [
        (400, "Bad Request: file is too big", 413),
        (
            400,
            "Bad Request: wrong file_id or the file is temporarily unavailable",
            404,
        ),
        (429, "Too Many Requests: retry after 2", 503),
        (500, "Internal Server Error", 503),
    ] {
        let answers = telegram();
        let url = linked();
        answers.refuse(code, description);
        assert_eq!(get(&url, None).status, status, "{description}");
    }
    let answers = telegram();
    let url = linked();
    answers
        .result(&found(7))
        .push(Ok(http::Response::of(404, "text/plain", "")));
    assert_eq!(get(&url, None).status, 404);
}

#[test]
fn ranges_are_read_as_the_standard_has_them() {
    for (text, read) in [
        ("bytes=0-9", Some((0, Some(9)))),
        ("bytes=5-", Some((5, None))),
        ("bytes=-5", None),
        ("bytes=9-5", None),
        ("items=0-9", None),
        ("bytes=0-1,3-4", None),
        ("", None),
    ] {
        assert_eq!(range(text), read, "{text}");
    }
}

#[test]
fn only_what_has_the_form_of_a_media_type_goes_into_a_link() {
    for (text, is) in [
        ("application/pdf", true),
        ("image/svg+xml", true),
        ("text", false),
        ("a/b/c", false),
        ("text/html; charset=x", false),
        ("a/b\nc", false),
        ("/", false),
    ] {
        assert_eq!(is_media_type(text), is, "{text}");
    }
}
