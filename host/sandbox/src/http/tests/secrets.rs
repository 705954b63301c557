//! Secrets in requests: where their placeholders are replaced, and where their values never appear.

use std::io::Write;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;

use super::server::{Received, Server};
use super::*;

const TOKEN: &str = "gtsec_0123456789abcdef0123456789abcdef";
const OTHERS: &str = "gtsec_ffffffffffffffffffffffffffffffff";
/// Every place needs it written differently.
const VALUE: &str = "s3cr3t:\"a&b\"/?#%";

fn table() -> Arc<dyn Placeholders> {
    Arc::new(Table(vec![(TOKEN, VALUE)]))
}

fn setup(texts: GrantTexts) -> (Server, Hooks) {
    let server = Server::plain();
    let texts = GrantTexts {
        http: vec![server.address.to_string()],
        secrets: vec!["slack/token".into()],
        ..texts
    };
    let hooks = hooks_with(&client(), "slack", &texts, table());
    (server, hooks)
}

fn post(server: &Server, media_type: &str, text: &str) -> Request<WasiBody> {
    let builder =
        Request::post(format!("http://{}/", server.address)).header("content-length", text.len());
    builder
        .header("content-type", media_type)
        .body(body(text.to_owned()))
        .unwrap()
}

async fn sent(request: impl FnOnce(&Server) -> Request<WasiBody>) -> Received {
    let (server, mut hooks) = setup(GrantTexts::default());
    send(&mut hooks, request(&server)).await.unwrap();
    server.last()
}

#[tokio::test]
async fn incident_32_placeholders_are_replaced_in_header_path_and_query() {
    let received = sent(|server| {
        let uri = format!("http://{}/bot{TOKEN}/send?key={TOKEN}&n=1", server.address);
        Request::get(uri)
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("x-key", TOKEN)
            .body(body(""))
            .unwrap()
    })
    .await;
    assert_eq!(received.header("authorization"), format!("Bearer {VALUE}"));
    assert_eq!(received.header("x-key"), VALUE);
    assert_eq!(
        received.path,
        "/bots3cr3t:%22a&b%22%2F%3F%23%25/send?key=s3cr3t%3A%22a%26b%22%2F%3F%23%25&n=1"
    );
}

#[tokio::test]
async fn placeholders_are_replaced_in_bodies_as_the_type_needs_and_the_length_follows() {
    for (media_type, given, written) in [
        (
            "application/x-www-form-urlencoded",
            format!("a=1&secret={TOKEN}"),
            "a=1&secret=s3cr3t%3A%22a%26b%22%2F%3F%23%25".into(),
        ),
        (
            "application/json",
            format!("{{\"secret\":\"{TOKEN}\"}}"),
            "{\"secret\":\"s3cr3t:\\\"a&b\\\"/?#%\"}".to_owned(),
        ),
        (
            "application/vnd.api+json; charset=utf-8",
            format!("\"{TOKEN}\""),
            "\"s3cr3t:\\\"a&b\\\"/?#%\"".into(),
        ),
        ("Text/Plain", format!("<{TOKEN}>"), format!("<{VALUE}>")),
        (
            "application/octet-stream",
            TOKEN.to_owned(),
            TOKEN.to_owned(),
        ),
        (
            "application/json",
            "{\"plain\":true}".to_owned(),
            "{\"plain\":true}".to_owned(),
        ),
    ] {
        let received = sent(|server| post(server, media_type, &given)).await;
        assert_eq!(received.body, written, "{media_type}");
        assert_eq!(
            received.header("content-length"),
            written.len().to_string(),
            "{media_type}"
        );
    }
}

#[tokio::test]
async fn an_encoded_body_is_not_touched() {
    let received = sent(|server| {
        let mut request = post(server, "text/plain", TOKEN);
        request
            .headers_mut()
            .insert("content-encoding", "gzip".parse().unwrap());
        request
    })
    .await;
    assert_eq!(received.body, TOKEN);
}

#[tokio::test]
async fn a_long_body_goes_on_as_it_is_unless_a_placeholder_would_go_out_with_it() {
    let (server, _) = setup(GrantTexts::default());
    let config = HttpClientConfig {
        max_replaced_body: 100,
        ..HttpClientConfig::default()
    };
    let mut hooks = hooks_with(
        &client_with(config, &[]),
        "p",
        &grants(&[server.address.to_string()]),
        table(),
    );
    let long = "x".repeat(5000);
    send(&mut hooks, post(&server, "text/plain", &long))
        .await
        .unwrap();
    assert_eq!(server.last().body, long);
    let error = send(
        &mut hooks,
        post(&server, "text/plain", &format!("{TOKEN}{long}")),
    )
    .await
    .unwrap_err();
    assert!(
        matches!(error, Error::HttpRequestBodySize(Some(100))),
        "{error}"
    );
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn a_secret_does_not_go_to_a_host_that_is_not_granted_nor_from_a_plugin_it_was_not_given_to()
{
    let (server, mut hooks) = setup(GrantTexts::default());
    let other = Server::plain();
    let error = send(
        &mut hooks,
        get(&format!("http://{}/{TOKEN}", other.address)),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, Error::HttpRequestDenied), "{error}");
    assert_eq!(other.connections(), 0);
    // Another plugin that learned the text has no use for it.
    let none: Arc<dyn Placeholders> = Arc::new(Table(vec![(OTHERS, "other")]));
    let mut stranger = hooks_with(
        &client(),
        "stranger",
        &grants(&[server.address.to_string()]),
        none,
    );
    send(
        &mut stranger,
        get(&format!("http://{}/{TOKEN}", server.address)),
    )
    .await
    .unwrap();
    assert_eq!(server.last().path, format!("/{TOKEN}"));
}

#[tokio::test]
async fn a_credential_of_the_guests_own_is_refused_unless_it_holds_a_placeholder_or_may_be_revealed()
 {
    let basic = |text: String| format!("Basic {}", STANDARD.encode(text));
    let revealing = || GrantTexts {
        reveal: vec!["slack/token".into()],
        ..GrantTexts::default()
    };
    for (texts, header, value, allowed) in [
        (
            GrantTexts::default(),
            "authorization",
            "Bearer of-my-own".to_owned(),
            false,
        ),
        (
            GrantTexts::default(),
            "authorization",
            format!("Bearer {OTHERS}"),
            false,
        ),
        (
            GrantTexts::default(),
            "authorization",
            basic("user:own".into()),
            false,
        ),
        (GrantTexts::default(), "cookie", "session=1".into(), false),
        (
            GrantTexts::default(),
            "authorization",
            format!("Bearer {TOKEN}"),
            true,
        ),
        (
            GrantTexts::default(),
            "authorization",
            basic(format!("user:{TOKEN}")),
            true,
        ),
        (
            GrantTexts::default(),
            "cookie",
            format!("session={TOKEN}"),
            true,
        ),
        (
            revealing(),
            "authorization",
            "Bearer of-my-own".into(),
            true,
        ),
    ] {
        let (server, mut hooks) = setup(texts);
        let mut request = get(&format!("http://{}/", server.address));
        request.headers_mut().insert(header, value.parse().unwrap());
        match send(&mut hooks, request).await {
            Ok(_) => {
                assert!(allowed, "{header}: {value}");
                assert!(
                    !server.last().header(header).contains(TOKEN),
                    "{header}: {value}"
                );
            }
            Err(error) => {
                assert!(
                    !allowed && matches!(error, Error::HttpRequestDenied),
                    "{header}: {value}: {error}"
                );
                let refusal = hooks.refusals().take().remove(0).to_string();
                assert!(
                    refusal.contains(header)
                        && refusal.contains("grants: { reveal: [\"slack/token\"] }"),
                    "{refusal}"
                );
                assert!(!refusal.contains(&value), "{refusal}");
                assert_eq!(server.connections(), 0);
            }
        }
    }
}

#[tokio::test]
async fn basic_credentials_reach_the_server_with_the_value_in_them() {
    let received = sent(|server| {
        let given = format!("Basic {}", STANDARD.encode(format!("user:{TOKEN}")));
        Request::get(format!("http://{}/", server.address))
            .header("authorization", given)
            .body(body(""))
            .unwrap()
    })
    .await;
    assert_eq!(
        received.header("authorization"),
        format!("Basic {}", STANDARD.encode(format!("user:{VALUE}")))
    );
}

/// What the subscriber of a test was told.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn incident_32_no_error_and_no_log_line_of_any_level_holds_a_value() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = Server::plain();
    let authority = super::server::Authority::new();
    let tls = Server::tls(&authority);
    let mut config = HttpClientConfig {
        first_byte_timeout: Duration::from_millis(100),
        ..HttpClientConfig::default()
    };
    config.trust_pem(authority.pem.as_bytes()).unwrap();
    config.max_response_bytes = 1000;
    let client = client_with(
        config,
        &[
            ("sim.example", &["127.0.0.1"]),
            ("nowhere.example", &["127.0.0.1"]),
        ],
    );
    let https = format!("sim.example:{} (127.0.0.1)", tls.port());
    let http = [
        server.address.to_string(),
        closed.to_string(),
        "nowhere.example".into(),
        https,
    ];
    let multiline: Arc<dyn Placeholders> = Arc::new(Table(vec![
        (TOKEN, "s3cr3t-value"),
        (OTHERS, "s3cr3t-value\r\nx: y"),
    ]));
    let mut hooks = hooks_with(&client, "p", &grants(&http), multiline);

    let mut said = String::new();
    let base = format!("http://{}", server.address);
    for (uri, header) in [
        (format!("{base}/{TOKEN}"), TOKEN),
        (format!("{base}/late?{TOKEN}"), TOKEN),
        (format!("{base}/huge?{TOKEN}"), TOKEN),
        (format!("{base}/{TOKEN}"), OTHERS),
        (format!("http://{closed}/{TOKEN}"), TOKEN),
        (format!("https://nowhere.example/{TOKEN}"), TOKEN),
        (format!("https://elsewhere.example/{TOKEN}"), TOKEN),
        (format!("https://sim.example:{}/{TOKEN}", tls.port()), TOKEN),
    ] {
        let builder = Request::post(&uri)
            .header("x-key", header)
            .header("content-type", "text/plain");
        let result = send(&mut hooks, builder.body(body(TOKEN)).unwrap()).await;
        said.push_str(&match result {
            Ok(answer) => answer.status.to_string(),
            Err(error) => format!("{error} {error:?}\n"),
        });
    }
    for refusal in hooks.refusals().take() {
        said.push_str(&refusal.to_string());
    }
    let logged = String::from_utf8_lossy(&lines.0.lock()).into_owned();
    // The values did go out, and there was something to read.
    assert!(
        server
            .received()
            .iter()
            .any(|request| request.path == "/s3cr3t-value" && request.body == "s3cr3t-value")
    );
    assert_eq!(tls.last().header("x-key"), "s3cr3t-value");
    assert!(
        logged.contains("request sent") && logged.contains("request failed"),
        "{logged}"
    );
    assert!(said.contains("header") || said.contains("x-key"), "{said}");
    for text in [&said, &logged] {
        let found = text.lines().find(|line| line.contains("s3cr3t"));
        assert_eq!(found, None);
    }
}
