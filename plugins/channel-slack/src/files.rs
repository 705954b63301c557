//! Files people sent, under signed addresses of this host (surface `api`).
//!
//! Slack gives a file only to who shows the bot's token, so the address a flow sees is ours; the token is placed by the host.

use greentic_sdk::channel::{IngressOutcome, Request, Response, files};
use greentic_sdk::secret::Secret;
use greentic_sdk::{log, time};

use crate::api::{Api, Failure};
use crate::fields;
use crate::settings::Settings;

/// Serves a file.
pub fn serve(settings: &Settings, request: &Request) -> IngressOutcome {
    IngressOutcome::answer(response(settings, request))
}

fn response(settings: &Settings, request: &Request) -> Response {
    if !files::is_file(request) {
        return Response::empty(404);
    }
    let signing = match Secret::open(&settings.signing_secret) {
        Ok(secret) if !secret.equals(b"") => secret,
        _ => return Response::empty(503),
    };
    let id = match files::verify(&signing, request, time::now_ms()) {
        Ok(id) => id,
        Err(refusal) => return refusal.response(),
    };
    match fetch(settings, &id) {
        Ok(response) => response,
        Err(failure) => {
            log::warn!("files", "file {id} cannot be served: {}", failure.reason());
            Response::empty(match failure {
                Failure::Refused(code, _)
                    if matches!(code.as_str(), "file_not_found" | "file_deleted") =>
                {
                    404
                }
                Failure::Refused(..) => 502,
                Failure::Later(..) | Failure::Unknown(_) => 503,
            })
        }
    }
}

fn fetch(settings: &Settings, id: &str) -> Result<Response, Failure> {
    let refused = |reason: String| Failure::Refused(String::new(), reason);
    let api = Api::open(&settings.api_url, &settings.bot_token)?;
    let info = api.call_form("files.info", &[("file", id)])?;
    let url = fields::first(&info, &["/file/url_private_download", "/file/url_private"])
        .ok_or_else(|| refused("Slack gives no address for it".to_owned()))?;
    let answer = api.download(url)?;
    if !answer.is_success() {
        return Err(refused(format!("Slack answered {}", answer.status)));
    }
    let content_type = answer.header("content-type").unwrap_or_default().to_owned();
    let told = fields::text(&info, "/file/mimetype").unwrap_or(&content_type);
    // Without the scope files:read Slack answers 200 with its sign-in page.
    if content_type.starts_with("text/html") && !told.starts_with("text/html") {
        return Err(refused(
            "Slack answered with a page to sign in; the app needs the scope files:read".to_owned(),
        ));
    }
    let name = fields::first(&info, &["/file/name", "/file/title"]).unwrap_or("file");
    Ok(files::answer(name, told, answer.body))
}

#[cfg(test)]
mod tests {
    use greentic_sdk::channel::{Channel, Surface};
    use greentic_sdk::native::set_clock;
    use serde_json::json;

    use super::*;
    use crate::testing::{self, called, install_with, method, refusal};

    const URL: &str = "https://files.slack.com/files-pri/T1-F1/download/a.png";

    fn get(id: &str) -> Request {
        let signing = Secret::open("slack/signing-secret").unwrap();
        let base = "/v1/messaging/slack/demo/default/slack";
        let url = files::link(
            &signing,
            "https://h.example",
            base,
            id,
            (testing::NOW_S + 60) * 1000,
        );
        let rest = url
            .strip_prefix("https://h.example/v1/messaging/slack/demo/default/slack")
            .unwrap();
        let (path, query) = rest.split_once('?').unwrap();
        Request {
            surface: Surface::Api,
            method: "GET".into(),
            base: base.into(),
            path: path.into(),
            query: Some(query.into()),
            body: Vec::new(),
            ..testing::request(b"", "", 0, "")
        }
    }

    fn status(request: Request) -> (u16, Vec<u8>) {
        let outcome = crate::Slack::ingress(request).unwrap();
        assert!(outcome.events.is_empty());
        (outcome.response.status, outcome.response.body)
    }

    fn slack(content_type: &'static str) {
        install_with(move |request| {
            if method(request) == "files.info" {
                let file = json!({"id": "F1", "name": "a.png", "mimetype": "image/png", "url_private_download": URL});
                return Some(Ok(greentic_sdk::http::Response::of_json(
                    200,
                    &json!({"ok": true, "file": file}),
                )));
            }
            (request.url == URL).then(|| {
                assert!(request.header_value("authorization").is_some());
                Ok(greentic_sdk::http::Response::of(200, content_type, "bytes"))
            })
        });
    }

    #[test]
    fn a_file_is_fetched_with_the_token_for_who_has_its_link() {
        slack("image/png");
        assert_eq!(status(get("F1")), (200, b"bytes".to_vec()));
        assert_eq!(called(), ["files.info", "a.png"]);
    }

    #[test]
    fn without_the_link_or_after_its_time_nothing_is_fetched() {
        slack("image/png");
        let link = get("F1");
        for request in [
            Request {
                path: "/files/F2".into(),
                ..link.clone()
            },
            Request {
                query: None,
                ..link.clone()
            },
            Request {
                path: "/other".into(),
                ..link.clone()
            },
        ] {
            assert!(status(request).0 >= 400);
        }
        set_clock((testing::NOW_S + 61) * 1000);
        assert_eq!(status(link).0, 410);
        assert!(called().is_empty());
    }

    #[test]
    fn a_page_to_sign_in_is_not_the_file_and_a_file_that_is_gone_is_not_found() {
        slack("text/html; charset=utf-8");
        assert_eq!(status(get("F1")).0, 502);
        install_with(|_| refusal("file_deleted"));
        assert_eq!(status(get("F1")).0, 404);
    }
}
