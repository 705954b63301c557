//! Which servers a plugin reaches, over which connections.

use std::time::Duration;

use http::{Method, Version};

use super::server::{Authority, Server};
use super::*;

fn http(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.address)
}

/// `https://sim.example` at the server's port.
fn https(server: &Server, path: &str) -> String {
    format!("https://sim.example:{}{path}", server.port())
}

fn trusting(authority: &Authority) -> HttpClient {
    let mut config = HttpClientConfig::default();
    config.trust_pem(authority.pem.as_bytes()).unwrap();
    client_with(
        config,
        &[
            ("sim.example", &["127.0.0.1"]),
            ("other.example", &["127.0.0.1"]),
        ],
    )
}

#[tokio::test]
async fn a_granted_host_answers_and_its_response_is_handed_on_as_it_came() {
    let (server, client) = (Server::plain(), client());
    let mut hooks = hooks(&client, "slack", &[server.address.to_string()]);
    let answer = send(&mut hooks, get(&http(&server, "/api?x=1")))
        .await
        .unwrap();
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, "ok"));
    assert_eq!(answer.headers["set-cookie"], "a=b");
    assert_eq!(server.last().path, "/api?x=1");
    assert_eq!(server.last().header("host"), server.address.to_string());
    // No cookie jar: what the server set is not sent again.
    send(&mut hooks, get(&http(&server, "/"))).await.unwrap();
    assert_eq!(server.last().header("cookie"), "");
}

#[tokio::test]
async fn incident_25_a_host_that_is_not_granted_is_denied_with_the_line_to_add() {
    let (server, client) = (Server::plain(), client());
    let mut hooks = hooks(&client, "slack", &["slack.com".into()]);
    let error = send(&mut hooks, get(&http(&server, "/secret-path")))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::HttpRequestDenied), "{error}");
    let refusal = hooks.refusals().take().remove(0).to_string();
    let line = format!("grants: {{ http: [\"{}\"] }}", server.address);
    assert!(
        refusal.contains("plugin `slack` was refused http") && refusal.contains(&line),
        "{refusal}"
    );
    assert!(!refusal.contains("secret-path"), "{refusal}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn incident_25_what_one_plugin_was_granted_another_was_not() {
    let (server, client) = (Server::plain(), client());
    let mut one = hooks(&client, "one", &[server.address.to_string()]);
    let mut two = hooks(&client, "two", &[]);
    send(&mut one, get(&http(&server, "/"))).await.unwrap();
    let error = send(&mut two, get(&http(&server, "/"))).await.unwrap_err();
    assert!(matches!(error, Error::HttpRequestDenied), "{error}");
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn incident_26_a_kept_connection_is_not_used_for_a_plugin_that_may_not_reach_its_address() {
    let (server, client) = (Server::plain(), client());
    let origin = format!("http://sim.example:{}", server.port());
    let mut inside = hooks(&client, "inside", &[format!("{origin} (127.0.0.1)")]);
    let mut outside = hooks(&client, "outside", std::slice::from_ref(&origin));
    let mut also_inside = hooks(&client, "also-inside", &[format!("{origin} (127.0.0.1)")]);
    send(&mut inside, get(&origin)).await.unwrap();
    let error = send(&mut outside, get(&origin)).await.unwrap_err();
    assert!(matches!(error, Error::DestinationIpProhibited), "{error}");
    assert_eq!(server.received().len(), 1);
    // The connection was there to be misused: a plugin that may reach the address uses it.
    send(&mut also_inside, get(&origin)).await.unwrap();
    assert_eq!((server.received().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn incident_26_a_granted_name_that_leads_inside_is_refused() {
    let server = Server::plain();
    for (address, class) in [
        ("127.0.0.1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("10.0.0.1", "private"),
        ("169.254.169.254", "metadata"),
        ("0.0.0.0", "unspecified"),
    ] {
        let client = client_with(HttpClientConfig::default(), &[("evil.example", &[address])]);
        let origin = format!("http://evil.example:{}", server.port());
        let mut hooks = hooks(
            &client,
            "slack",
            &[
                format!("http://*.evil.example:{}", server.port()),
                origin.clone(),
            ],
        );
        let error = send(&mut hooks, get(&origin)).await.unwrap_err();
        assert!(
            matches!(error, Error::DestinationIpProhibited),
            "{address}: {error}"
        );
        let refusal = hooks.refusals().take().remove(0).to_string();
        assert!(
            refusal.contains(class) && refusal.contains(&origin),
            "{refusal}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_that_are_granted_are_tried() {
    let server = Server::plain();
    let client = client_with(
        HttpClientConfig::default(),
        &[("sim.example", &["10.255.255.1", "127.0.0.1"])],
    );
    let origin = format!("http://sim.example:{}", server.port());
    let mut hooks = hooks(&client, "p", &[format!("{origin} (127.0.0.1)")]);
    let sent = tokio::time::timeout(Duration::from_millis(200), send(&mut hooks, get(&origin)));
    assert_eq!(
        sent.await
            .expect("the refused address was tried first")
            .unwrap()
            .body,
        "ok"
    );
}

#[tokio::test]
async fn incident_26_a_redirect_is_handed_to_the_guest_and_its_target_judged_anew() {
    let (server, other, client) = (Server::plain(), Server::plain(), client());
    let mut hooks = hooks(&client, "p", &[server.address.to_string()]);
    let target = http(&other, "/inside");
    let answer = send(
        &mut hooks,
        get(&http(&server, &format!("/redirect?{target}"))),
    )
    .await
    .unwrap();
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.headers["location"].to_str().unwrap()
        ),
        (302, target.as_str())
    );
    let error = send(&mut hooks, get(&target)).await.unwrap_err();
    assert!(matches!(error, Error::HttpRequestDenied), "{error}");
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn requests_one_after_another_share_one_connection() {
    let (server, client) = (Server::plain(), client());
    let mut hooks = hooks(&client, "p", &[server.address.to_string()]);
    for _ in 0..20 {
        send(&mut hooks, get(&http(&server, "/"))).await.unwrap();
    }
    assert_eq!(
        (
            server.received().len(),
            server.connections(),
            client.connections_opened()
        ),
        (20, 1, 1)
    );
}

#[tokio::test]
async fn over_tls_requests_at_once_share_one_http2_connection() {
    let authority = Authority::new();
    let (server, client) = (Server::tls(&authority), trusting(&authority));
    let grant = [format!("sim.example:{} (127.0.0.1)", server.port())];
    let mut hooks = hooks(&client, "p", &grant);
    send(&mut hooks, get(&https(&server, "/first")))
        .await
        .unwrap();
    let all = (0..20).map(|_| {
        let response =
            hooks.send_request(get(&https(&server, "/")), None, Box::new(async { Ok(()) }));
        async move { Box::into_pin(response).await.unwrap().0.status().as_u16() }
    });
    assert_eq!(futures_util::future::join_all(all).await, vec![200; 20]);
    assert!(
        server
            .received()
            .iter()
            .all(|request| request.version == Version::HTTP_2)
    );
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_or_of_another_name_is_refused() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = Server::tls(&authority);
    let grants = [
        format!("sim.example:{} (127.0.0.1)", server.port()),
        format!("other.example:{} (127.0.0.1)", server.port()),
    ];
    for (client, uri) in [
        (trusting(&stranger), https(&server, "/")),
        (client(), https(&server, "/")),
        (
            trusting(&authority),
            format!("https://other.example:{}/", server.port()),
        ),
    ] {
        let error = send(&mut hooks(&client, "p", &grants), get(&uri))
            .await
            .unwrap_err();
        assert!(
            matches!(error, Error::TlsCertificateError),
            "{uri}: {error:?}"
        );
    }
    assert!(server.received().is_empty());
}

#[tokio::test]
async fn a_grant_for_https_does_not_allow_the_same_host_in_the_clear() {
    let (server, client) = (Server::plain(), client());
    let mut hooks = hooks(
        &client,
        "p",
        &[format!("sim.example:{} (127.0.0.1)", server.port())],
    );
    let error = send(
        &mut hooks,
        get(&format!("http://sim.example:{}/", server.port())),
    )
    .await
    .unwrap_err();
    assert!(matches!(error, Error::HttpRequestDenied), "{error}");
    let refusal = hooks.refusals().take().remove(0);
    assert_eq!(
        refusal.reason,
        "its host is granted with another port or scheme"
    );
}

#[tokio::test]
async fn a_name_is_judged_and_sent_in_one_form_however_it_is_written() {
    let (server, client) = (Server::plain(), client());
    let mut hooks = hooks(
        &client,
        "p",
        &[format!("http://sim.example:{} (127.0.0.1)", server.port())],
    );
    send(
        &mut hooks,
        get(&format!("http://SIM.Example.:{}/", server.port())),
    )
    .await
    .unwrap();
    assert_eq!(
        server.last().header("host"),
        format!("sim.example:{}", server.port())
    );
}

#[tokio::test]
async fn destinations_that_could_be_read_two_ways_and_tunnels_are_refused() {
    let (server, client) = (Server::plain(), client());
    let mut hooks = hooks(
        &client,
        "p",
        &[server.address.to_string(), "127.0.0.1".into()],
    );
    for uri in [
        format!("http://user:pass@{}/", server.address),
        "http://2130706433/".into(),
        "http://0x7f000001/".into(),
    ] {
        let error = send(&mut hooks, get(&uri)).await.unwrap_err();
        assert!(
            matches!(error, Error::HttpRequestUriInvalid),
            "{uri}: {error}"
        );
    }
    for method in [Method::CONNECT, Method::TRACE] {
        let mut request = get(&http(&server, "/"));
        *request.method_mut() = method;
        let error = send(&mut hooks, request).await.unwrap_err();
        assert!(matches!(error, Error::HttpRequestMethodInvalid), "{error}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn who_is_not_there_is_told_from_who_is_refused() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let client = client();
    let mut hooks = hooks(
        &client,
        "p",
        &[closed.to_string(), "nowhere.example".into()],
    );
    let error = send(&mut hooks, get(&format!("http://{closed}/")))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::ConnectionRefused), "{error:?}");
    let error = send(&mut hooks, get("https://nowhere.example/"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DnsError { .. }), "{error:?}");
    assert_eq!(hooks.refusals().count(), 0);
}

#[tokio::test]
async fn the_trace_of_a_call_goes_with_its_requests_and_ends_with_it() {
    let (server, client) = (Server::plain(), client());
    let mut hooks = hooks(&client, "p", &[server.address.to_string()]);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    hooks.set_trace(Some(trace.into()));
    let mut request = get(&http(&server, "/"));
    request
        .headers_mut()
        .insert("traceparent", "00-of-the-guest".parse().unwrap());
    send(&mut hooks, request).await.unwrap();
    assert_eq!(server.last().header("traceparent"), trace);
    hooks.set_trace(None);
    send(&mut hooks, get(&http(&server, "/"))).await.unwrap();
    assert_eq!(server.last().header("traceparent"), "");
}

#[test]
fn a_guest_cannot_set_the_headers_that_frame_or_address_a_request() {
    let mut hooks = hooks(&client(), "p", &[]);
    for (name, forbidden) in [
        ("host", true),
        ("connection", true),
        ("transfer-encoding", true),
        ("proxy-authorization", true),
        ("accept", false),
    ] {
        assert_eq!(
            hooks.is_forbidden_header(&name.parse().unwrap()),
            forbidden,
            "{name}"
        );
    }
}
