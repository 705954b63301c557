//! The chat page: one HTML document, put together from the sources in `page/` and served under a policy that names its one style and
//! its one script by hash. There is no build step and nothing comes from another host.
//!
//! The sources are written to be read; [`tighten_script`] and [`tighten_style`] take out comments and spaces where that cannot change the meaning.

use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greentic_sdk::channel::{Request, Response};
use sha2::{Digest, Sha256};

use crate::settings::Settings;

const FRAME: &str = include_str!("../page/index.html");
const STYLE: &str = include_str!("../page/chat.css");
const SCRIPTS: [&str; 4] = [
    include_str!("../page/text.js"),
    include_str!("../page/card.js"),
    include_str!("../page/line.js"),
    include_str!("../page/chat.js"),
];

/// The parts of the page that are the same for every channel.
struct Parts {
    frame: String,
    style: String,
    script: String,
    style_hash: String,
    script_hash: String,
}

fn parts() -> &'static Parts {
    static PARTS: OnceLock<Parts> = OnceLock::new();
    PARTS.get_or_init(|| {
        let hash = |text: &str| {
            format!(
                "'sha256-{}'",
                STANDARD.encode(Sha256::digest(text.as_bytes()))
            )
        };
        let (style, script) = (tighten_style(STYLE), tighten_script(&SCRIPTS.join("\n")));
        Parts {
            frame: trimmed(FRAME).join("\n"),
            style_hash: hash(&style),
            script_hash: hash(&script),
            style,
            script,
        }
    })
}

/// Answers a request on the page surface: the page at the channel's base, and nothing else.
pub fn serve(request: &Request, settings: &Settings) -> Response {
    if !matches!(request.path.as_str(), "" | "/") {
        return Response::body(
            404,
            "text/plain; charset=utf-8",
            "There is nothing at this address.\n",
        );
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::empty(405).with_header("allow", "GET, HEAD");
    }
    let body = if request.method == "HEAD" {
        String::new()
    } else {
        render(&api_of(&request.base), settings)
    };
    Response::body(200, "text/html; charset=utf-8", body)
        .with_header("content-security-policy", &policy(request, settings))
        .with_header("x-content-type-options", "nosniff")
        .with_header("referrer-policy", "no-referrer")
        .with_header("cache-control", "no-cache")
}

/// The API stands beside the page, under another first part of the path.
fn api_of(base: &str) -> String {
    base.replacen("/v1/web/", "/v1/messaging/", 1)
}

fn render(api: &str, settings: &Settings) -> String {
    let parts = parts();
    let values = [
        ("style", parts.style.clone()),
        ("script", parts.script.clone()),
        ("title", escape(&settings.title)),
        ("locale", escape(settings.locale.as_deref().unwrap_or("en"))),
        (
            "fixed-locale",
            escape(settings.locale.as_deref().unwrap_or_default()),
        ),
        ("api", escape(api)),
        ("anonymous", settings.anonymous.to_string()),
        ("upload-limit", settings.upload_limit.to_string()),
    ];
    // One pass over the frame: what is put in is never looked at again.
    let mut page =
        String::with_capacity(parts.frame.len() + parts.style.len() + parts.script.len() + 1024);
    let mut pieces = parts.frame.split("{{");
    page.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let (name, after) = piece.split_once("}}").unwrap_or(("", piece));
        page.push_str(
            values
                .iter()
                .find(|(known, _)| *known == name)
                .map_or("", |(_, value)| value),
        );
        page.push_str(after);
    }
    page
}

fn policy(request: &Request, settings: &Settings) -> String {
    let parts = parts();
    // `'self'` covers websockets only in browsers of the last years, so the address is named too.
    let safe = request
        .origin
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b":/.-[]".contains(&byte));
    let socket = if safe {
        request.origin.replacen("http", "ws", 1)
    } else {
        String::new()
    };
    let embedding = settings
        .trusted_origins
        .iter()
        .filter(|origin| !origin.contains([';', ',', ' ']))
        .map(|origin| format!(" {origin}"))
        .collect::<String>();
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src 'self' https: http: data: blob:; media-src 'self' https: http:; connect-src 'self' {socket}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'{embedding}",
        parts.script_hash, parts.style_hash
    )
}

/// For HTML text and quoted attributes.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// The lines that say something, without the space around them.
fn trimmed(source: &str) -> Vec<&str> {
    source
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Takes out lines that are comments, and the spaces around punctuation in lines that hold no string, template, pattern or comment.
fn tighten_script(source: &str) -> String {
    let lines = trimmed(source)
        .into_iter()
        .filter(|line| !line.starts_with("//"));
    lines
        .map(|line| {
            if line.contains(['/', '\'', '"', '`']) {
                line.to_owned()
            } else {
                squeeze(line, "=>,;{}()?:[]&|")
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Takes out comments, and the spaces around the punctuation of rules.
fn tighten_style(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, after)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    squeeze(&trimmed(&plain).join(" "), "{};,>")
        .replace(": ", ":")
        .replace(";}", "}")
}

/// Takes out single spaces that touch one of `marks`.
fn squeeze(text: &str, marks: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let touches = |near: Option<char>| near.is_some_and(|near| marks.contains(near));
        if letter == ' ' && (touches(out.chars().next_back()) || touches(letters.peek().copied())) {
            continue;
        }
        out.push(letter);
    }
    out
}

#[cfg(test)]
mod tests {
    use greentic_sdk::channel::Surface;

    use super::*;

    fn get(path: &str) -> Request {
        Request {
            surface: Surface::Page,
            method: "GET".into(),
            origin: "https://chat.example.com".into(),
            base: "/v1/web/webchat/demo/default/web".into(),
            path: path.into(),
            query: None,
            headers: vec![],
            body: vec![],
        }
    }

    fn text(response: &Response) -> String {
        String::from_utf8(response.body.clone()).unwrap()
    }

    #[test]
    fn the_whole_page_stays_under_sixty_kilobytes() {
        let size = serve(&get("/"), &Settings::default()).body.len();
        assert!((30_000..60_000).contains(&size), "{size} bytes");
    }

    #[test]
    fn the_policy_names_exactly_the_style_and_the_script_of_the_page() {
        let response = serve(&get("/"), &Settings::default());
        let page = text(&response);
        let policy = &response
            .headers
            .iter()
            .find(|header| header.name == "content-security-policy")
            .unwrap()
            .value;
        for (tag, directive) in [("style", "style-src"), ("script", "script-src")] {
            let (_, rest) = page.split_once(&format!("<{tag}")).unwrap();
            let (content, rest) = rest
                .split_once('>')
                .unwrap()
                .1
                .split_once(&format!("</{tag}>"))
                .unwrap();
            assert!(!rest.contains(&format!("<{tag}")), "one {tag} only");
            let hash = STANDARD.encode(Sha256::digest(content.as_bytes()));
            assert!(
                policy.contains(&format!("{directive} 'sha256-{hash}';")),
                "{policy}"
            );
        }
        assert!(!policy.contains("unsafe") && policy.starts_with("default-src 'none'"));
        assert!(policy.contains("connect-src 'self' wss://chat.example.com;"));
    }

    #[test]
    fn the_page_asks_no_other_host_for_anything() {
        let page = text(&serve(&get(""), &Settings::default()));
        for source in [
            "src=\"http",
            "src='http",
            "@import",
            "url(http",
            "<link rel=\"stylesheet\"",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
        ] {
            assert!(!page.contains(source), "{source}");
        }
    }

    #[test]
    fn what_is_configured_stands_in_the_page_and_cannot_break_out_of_its_place() {
        let settings = Settings {
            title: "A <b>\"{{script}}'".into(),
            anonymous: true,
            locale: Some("de".into()),
            trusted_origins: vec![
                "https://shop.example.com".into(),
                "https://x; script-src *".into(),
            ],
            ..Settings::default()
        };
        let response = serve(&get("/"), &settings);
        let page = text(&response);
        assert!(page.contains("<title>A &lt;b&gt;&quot;{{script}}&#39;</title>"));
        assert!(page.contains(
            r#"data-api="/v1/messaging/webchat/demo/default/web" data-anonymous="true""#
        ));
        assert!(page.contains(r#"<html lang="de""#));
        assert!(
            !page.replace("{{script}}", "").contains("{{"),
            "no placeholder is left"
        );
        let policy = &response
            .headers
            .iter()
            .find(|header| header.name == "content-security-policy")
            .unwrap()
            .value;
        assert!(
            policy.ends_with("frame-ancestors 'self' https://shop.example.com"),
            "{policy}"
        );
    }

    #[test]
    fn other_paths_and_methods_are_refused() {
        assert_eq!(serve(&get("/x"), &Settings::default()).status, 404);
        assert_eq!(
            serve(
                &Request {
                    method: "POST".into(),
                    ..get("/")
                },
                &Settings::default()
            )
            .status,
            405
        );
        let head = serve(
            &Request {
                method: "HEAD".into(),
                ..get("/")
            },
            &Settings::default(),
        );
        assert_eq!((head.status, head.body.len()), (200, 0));
    }

    #[test]
    fn tightening_leaves_alone_what_could_mean_something() {
        assert_eq!(
            tighten_script(
                "// gone\n  const a = (b, c) => { return b ? c : [1, 2]; };\n\n  x = 'a , b';\n"
            ),
            "const a=(b,c)=>{return b?c:[1,2];};\nx = 'a , b';"
        );
        assert_eq!(
            tighten_style(
                "/* gone */\na > b , c {\n  color: red;\n  margin: 1px 2px;\n}\n.x :is(b) { top: 0; }"
            ),
            "a>b,c{color:red;margin:1px 2px}.x :is(b){top:0}"
        );
    }
}
