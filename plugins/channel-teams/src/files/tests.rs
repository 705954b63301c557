use greentic_sdk::channel::{Request, Response, Surface, memory};
use greentic_sdk::http;
use greentic_sdk::model::{Attachment, EventBody};
use greentic_sdk::native;
use serde_json::{Value, json};

use super::{ADDRESS, LINK_MS};
use crate::testing::{
    NOW, Platform, SERVICE, Script, activity, ingress, install, request, settings,
};

/// Asks for an address of this host as a client does.
pub fn open(url: &str, now_ms: u64) -> Response {
    let (base, rest) = url
        .strip_prefix("https://bot.example.com")
        .unwrap()
        .split_once("/files/")
        .unwrap();
    let (path, query) = rest.split_once('?').unwrap();
    let request = Request {
        surface: Surface::Api,
        method: "GET".into(),
        origin: "https://bot.example.com".into(),
        base: base.into(),
        path: format!("/files/{path}"),
        query: Some(query.into()),
        headers: Vec::new(),
        body: Vec::new(),
    };
    crate::ingress::ingress(&settings(), &request, now_ms)
        .unwrap()
        .response
}

fn files(attachments: Value) -> Vec<Attachment> {
    let outcome = ingress(&activity(json!({ "attachments": attachments }))).unwrap();
    match &outcome.events[0].body {
        EventBody::Message(message) => message.attachments.clone(),
        other => panic!("{other:?}"),
    }
}

fn download() -> Value {
    json!([{
        "contentType": "application/vnd.microsoft.teams.file.download.info",
        "contentUrl": "https://contoso.sharepoint.com/personal/ada/report.pdf",
        "name": "report.pdf",
        "content": {"downloadUrl": "https://contoso.sharepoint.com/download?tempauth=abc", "uniqueId": "1", "fileType": "pdf"}
    }])
}

fn installed() -> Script {
    install(Platform::default()).0
}

#[test]
fn a_file_has_an_address_of_this_host_that_fetches_it_without_the_bots_token() {
    let script = installed();
    let [file] = &files(download())[..] else {
        panic!()
    };
    assert_eq!(
        (file.name.as_str(), file.content_type.as_str()),
        ("report.pdf", "application/pdf")
    );
    let url = file.url.clone().unwrap();
    assert!(
        url.starts_with("https://bot.example.com/v1/messaging/teams/demo/default/teams/files/in-"),
        "{url}"
    );
    assert!(
        !url.contains("tempauth") && !url.contains("sharepoint"),
        "{url}"
    );
    script.then(Ok(http::Response::of(
        200,
        "application/octet-stream",
        "%PDF",
    )));
    let served = open(&url, NOW + 1000);
    assert_eq!((served.status, served.body.as_slice()), (200, &b"%PDF"[..]));
    let requests = native::requests();
    let call = requests.last().unwrap();
    assert_eq!(
        call.url,
        "https://contoso.sharepoint.com/download?tempauth=abc"
    );
    assert_eq!(call.header_value("authorization"), None);
}

#[test]
fn a_picture_is_fetched_with_the_bots_token_and_only_from_the_connector() {
    let script = installed();
    let at = format!("{SERVICE}v3/attachments/0-x/views/original");
    let [picture] = &files(json!([{"contentType": "image/*", "contentUrl": at}]))[..] else {
        panic!()
    };
    assert_eq!(picture.name, "image.png");
    script.then(Ok(http::Response::of(200, "image/gif", "GIF89a")));
    let served = open(&picture.url.clone().unwrap(), NOW);
    assert_eq!(served.status, 200);
    assert!(
        served
            .headers
            .iter()
            .any(|header| header.value == "image/gif")
    );
    let requests = native::requests();
    let call = requests.last().unwrap();
    assert_eq!(call.url, at);
    assert_eq!(
        call.header_value("authorization"),
        Some("Bearer eyJ.access.token")
    );
}

#[test]
fn what_is_no_file_or_lies_elsewhere_has_no_address() {
    installed();
    for attachment in [
        json!({"contentType": "text/html", "content": "<p>hello</p>"}),
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": {}}),
        json!({"contentType": "image/png", "contentUrl": "https://evil.example/x.png"}),
        json!({"contentType": "image/png", "contentUrl": "http://169.254.169.254/x.png"}),
        json!({"contentType": "image/png"}),
        json!({"contentType": "application/vnd.microsoft.teams.file.download.info", "name": "x", "content": {"downloadUrl": "https://evil.example/"}}),
        json!({"contentType": "application/vnd.microsoft.teams.file.download.info", "name": "x", "content": {}}),
        json!({"contentType": "application/vnd.microsoft.teams.file.download.info"}),
        json!({}),
    ] {
        assert_eq!(files(json!([attachment])), [], "{attachment}");
    }
}

#[test]
fn only_a_whole_link_in_its_time_opens_a_file() {
    let script = installed();
    let url = files(download())[0].url.clone().unwrap();
    let fetched = native::requests().len();
    for (url, now, status) in [
        (url.replace("sig=", "sig=00"), NOW, 403),
        (url.replace("exp=1", "exp=2"), NOW, 403),
        (url.replace("in-", "in-0"), NOW, 403),
        (url.replace("/demo/", "/other/"), NOW, 403),
        (url.clone(), NOW + LINK_MS, 410),
    ] {
        native::set_clock(now);
        assert_eq!(open(&url, now).status, status, "{url}");
    }
    assert_eq!(
        native::requests().len(),
        fetched,
        "nothing was fetched for them"
    );
    native::set_clock(NOW);
    for (answer, status) in [
        (Ok(http::Response::of(404, "text/plain", "")), 404),
        (Ok(http::Response::of(500, "text/plain", "")), 502),
        (Err(http::Fault::NotSent("x".into())), 502),
    ] {
        script.then(answer);
        assert_eq!(open(&url, NOW).status, status);
    }
    let mut nowhere = request(&[], "");
    nowhere.surface = Surface::Api;
    nowhere.path = "/other".into();
    let outcome = crate::ingress::ingress(&settings(), &nowhere, NOW).unwrap();
    assert_eq!(outcome.response.status, 404);
}

#[test]
fn a_request_by_an_alias_gets_links_of_the_address_that_setup_was_told() {
    installed();
    let mut aliased = request(&[], "");
    aliased.base = "/api/messages".into();
    assert_eq!(super::reached(&aliased).1, "/api/messages");
    let address = "https://bot.example.com/v1/messaging/ingress/teams/demo/default/teams";
    memory::put(ADDRESS, address.as_bytes(), None).unwrap();
    assert_eq!(
        super::reached(&aliased),
        (
            "https://bot.example.com".into(),
            "/v1/messaging/ingress/teams/demo/default/teams".into()
        )
    );
}
