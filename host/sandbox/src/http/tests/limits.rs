//! Limits on size, time and number.

use std::time::{Duration, Instant};

use super::server::Server;
use super::*;

fn setup(config: HttpClientConfig) -> (Server, HttpClient, Hooks) {
    let (server, client) = (
        Server::plain(),
        client_with(config, &[("sim.example", &["127.0.0.1"])]),
    );
    let hooks = hooks(&client, "p", &[server.address.to_string()]);
    (server, client, hooks)
}

fn uri(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

#[tokio::test]
async fn incident_22_a_response_larger_than_the_limit_is_cut_off() {
    let (server, _client, mut hooks) = setup(HttpClientConfig {
        max_response_bytes: 10_000,
        ..HttpClientConfig::default()
    });
    for path in ["/huge", "/announced"] {
        let error = send(&mut hooks, get(&uri(&server, path)))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::HttpResponseBodySize(Some(10_000))),
            "{path}: {error}"
        );
    }
    assert_eq!(
        send(&mut hooks, get(&uri(&server, "/")))
            .await
            .unwrap()
            .body,
        "ok"
    );
}

#[tokio::test]
async fn a_response_as_large_as_the_limit_passes_whole() {
    let (server, _client, mut hooks) = setup(HttpClientConfig {
        max_response_bytes: 64 * 1024,
        ..HttpClientConfig::default()
    });
    for path in ["/huge", "/announced"] {
        assert_eq!(
            send(&mut hooks, get(&uri(&server, path)))
                .await
                .unwrap()
                .body
                .len(),
            64 * 1024,
            "{path}"
        );
    }
}

#[tokio::test]
async fn incident_22_too_many_and_too_long_response_headers_are_refused() {
    for config in [
        HttpClientConfig {
            max_headers: 50,
            ..HttpClientConfig::default()
        },
        HttpClientConfig {
            max_header_bytes: 10_000,
            ..HttpClientConfig::default()
        },
    ] {
        let (server, _client, mut hooks) = setup(config);
        let error = send(&mut hooks, get(&uri(&server, "/headers")))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::HttpResponseHeaderSectionSize(_)),
            "{error:?}"
        );
    }
    let (server, _client, mut hooks) = setup(HttpClientConfig::default());
    assert!(
        send(&mut hooks, get(&uri(&server, "/headers")))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_slow_response_times_out_at_the_hosts_limit_however_long_the_guest_would_wait() {
    let hour = RequestOptions {
        connect_timeout: Some(Duration::from_secs(3600)),
        first_byte_timeout: Some(Duration::from_secs(3600)),
        between_bytes_timeout: Some(Duration::from_secs(3600)),
    };
    let short = Duration::from_millis(200);
    let default = HttpClientConfig::default;
    for (config, path, expected) in [
        (
            HttpClientConfig {
                first_byte_timeout: short,
                ..default()
            },
            "/late",
            "HTTP response timeout",
        ),
        (
            HttpClientConfig {
                total_timeout: short,
                ..default()
            },
            "/late",
            "HTTP response timeout",
        ),
        (
            HttpClientConfig {
                between_bytes_timeout: short,
                ..default()
            },
            "/stalls",
            "connection read timeout",
        ),
        // It never pauses long, and does not end.
        (
            HttpClientConfig {
                total_timeout: short,
                ..default()
            },
            "/drips",
            "HTTP response timeout",
        ),
    ] {
        let (server, _client, mut hooks) = setup(config);
        let started = Instant::now();
        let error = send_with(&mut hooks, get(&uri(&server, path)), hour)
            .await
            .unwrap_err();
        assert_eq!(error.to_string(), expected, "{path}");
        assert!(
            started.elapsed() < Duration::from_secs(3),
            "{path}: {:?}",
            started.elapsed()
        );
    }
}

#[tokio::test]
async fn a_guest_may_ask_for_shorter_timeouts() {
    let (server, _client, mut hooks) = setup(HttpClientConfig::default());
    let first = RequestOptions {
        first_byte_timeout: Some(Duration::from_millis(100)),
        ..RequestOptions::default()
    };
    let error = send_with(&mut hooks, get(&uri(&server, "/late")), first)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::HttpResponseTimeout), "{error}");
    let between = RequestOptions {
        between_bytes_timeout: Some(Duration::from_millis(100)),
        ..RequestOptions::default()
    };
    let error = send_with(&mut hooks, get(&uri(&server, "/stalls")), between)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::ConnectionReadTimeout), "{error}");
}

#[tokio::test]
async fn a_server_that_accepts_and_never_speaks_tls_times_out_as_a_connection() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("https://{}/", silent.local_addr().unwrap());
    let config = HttpClientConfig {
        connect_timeout: Duration::from_millis(200),
        ..HttpClientConfig::default()
    };
    let client = client_with(config, &[]);
    let mut hooks = hooks(&client, "p", &[silent.local_addr().unwrap().to_string()]);
    let error = send(&mut hooks, get(&origin)).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionTimeout), "{error}");
}

#[tokio::test]
async fn a_request_body_that_never_ends_is_given_up() {
    let config = HttpClientConfig {
        total_timeout: Duration::from_millis(200),
        ..HttpClientConfig::default()
    };
    let (server, client, _) = setup(config);
    let table = Arc::new(Table(vec![("gtsec_0123456789abcdef0123456789abcdef", "v")]));
    let mut hooks = hooks_with(&client, "p", &grants(&[server.address.to_string()]), table);
    let endless = http_body_util::StreamBody::new(futures_util::stream::pending()).boxed_unsync();
    let request = Request::post(uri(&server, "/"))
        .header("content-type", "text/plain")
        .body(endless)
        .unwrap();
    let error = send(&mut hooks, request).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionWriteTimeout), "{error}");
}

#[tokio::test]
async fn a_plugin_with_too_many_requests_in_flight_is_refused_and_others_are_not() {
    let (server, client, mut one) = setup(HttpClientConfig {
        max_in_flight: 1,
        ..HttpClientConfig::default()
    });
    let mut same = hooks(&client, "p", &[server.address.to_string()]);
    let mut other = hooks(&client, "q", &[server.address.to_string()]);
    let (response, _) = Box::into_pin(one.send_request(
        get(&uri(&server, "/huge")),
        None,
        Box::new(async { Ok(()) }),
    ))
    .await
    .unwrap();
    let error = send(&mut same, get(&uri(&server, "/"))).await.unwrap_err();
    assert!(matches!(error, Error::ConnectionLimitReached), "{error}");
    assert_eq!(
        send(&mut other, get(&uri(&server, "/")))
            .await
            .unwrap()
            .body,
        "ok"
    );
    drop(response);
    assert_eq!(
        send(&mut same, get(&uri(&server, "/"))).await.unwrap().body,
        "ok"
    );
}
