//! What the host does for channels besides carrying messages: their memory, their setup with a platform, bad input.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use greentic_tests::host::folder::Folder;
use greentic_tests::host::web::Web;
use greentic_tests::host::{Host, eventually};

fn probe() -> (Folder, Host) {
    let folder = Folder::of("probe");
    let host = Host::start(&folder);
    (folder, host)
}

/// The answers of a channel to its steps.
fn ask(host: &Host, place: &str, steps: &str) -> Vec<String> {
    let url = format!("{}/v1/messaging/ingress/probe/{place}", host.origin);
    let answer = Web::new().call("POST", &url, &[], steps.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().lines().map(str::to_owned).collect()
}

const ONE: &str = "one/default/main";

#[test]
fn a_channel_remembers_between_calls_and_no_other_channel_reads_it() {
    let (_folder, host) = probe();
    assert_eq!(
        ask(&host, ONE, "put token t1\nadd once a\nadd once b"),
        ["done", "added", "there"]
    );
    assert_eq!(ask(&host, ONE, "get token\nget once"), ["t1", "a"]);
    // Another channel of the same tenant, and the same channel's name at another tenant.
    for other in ["one/default/other", "two/default/main"] {
        assert_eq!(
            ask(
                &host,
                other,
                "get token\nadd token x\nget ../main/memory/token"
            ),
            ["nothing", "added", "nothing"],
            "{other}"
        );
    }
    assert_eq!(
        ask(&host, ONE, "get token\ndelete token\nget token"),
        ["t1", "done", "nothing"]
    );
    assert_eq!(ask(&host, "two/default/main", "get token"), ["x"]);
}

#[test]
fn what_is_remembered_ends_with_its_time_and_is_bounded() {
    let (_folder, host) = probe();
    assert_eq!(ask(&host, ONE, "put-for 50 a 1"), ["done"]);
    eventually("the value is gone", || {
        (ask(&host, ONE, "get a") == ["nothing"]).then_some(())
    });
    let most = format!("put b {}", "x".repeat(64 * 1024));
    assert_eq!(ask(&host, ONE, &most), ["done"]);
    for wrong in [
        format!("put b {}", "x".repeat(64 * 1024 + 1)),
        format!("put {} x", "n".repeat(257)),
        "get ".to_owned(),
    ] {
        let answer = ask(&host, ONE, &wrong);
        assert!(answer[0].starts_with("error: Error::Invalid"), "{answer:?}");
    }
}

#[test]
fn channels_are_set_up_with_their_public_address_and_a_failure_stops_nobody() {
    let (_folder, host) = probe();
    let url = "https://chat.example.com/v1/messaging/ingress/probe/one/default/main";
    eventually("the setup", || {
        (ask(&host, ONE, "get setup") == [url]).then_some(())
    });
    eventually("its line in the log", || {
        let line = format!("setup: registered {url}");
        host.log()
            .iter()
            .any(|logged| logged.contains(&line))
            .then_some(())
    });
    let row = eventually("the row of the failed one", || {
        let answer = host.administer("GET", "/ready");
        // It is told about, and the host is ready all the same.
        assert_eq!(answer.status, 200, "{}", answer.text());
        let rows = answer.json();
        let rows = rows["plugins"].as_array().unwrap();
        rows.iter().find(|row| row["role"] == "setup").cloned()
    });
    assert_eq!(row["up"], false);
    let (name, detail) = (
        row["name"].as_str().unwrap(),
        row["detail"].as_str().unwrap(),
    );
    assert!(name.ends_with("one/default/other"), "{row}");
    assert!(detail.contains("the platform does not take it"), "{row}");
    // The channel itself serves.
    assert_eq!(ask(&host, "one/default/other", "get setup"), ["nothing"]);
}

#[test]
fn an_operator_takes_a_channel_down_and_sets_it_up_again() {
    let (_folder, host) = probe();
    eventually("the setup", || {
        (ask(&host, ONE, "get setup") != ["nothing"]).then_some(())
    });
    assert_eq!(
        ask(&host, ONE, "delete setup\nget teardown"),
        ["done", "nothing"]
    );
    let order = |what: &str| host.administer("POST", &format!("/channels/probe/{what}"));
    assert_eq!(order("one/default/main/teardown").status, 204);
    assert_eq!(
        ask(&host, ONE, "get teardown\nget setup"),
        ["done", "nothing"]
    );
    let again = order("one/default/main/setup");
    assert_eq!(again.status, 200, "{}", again.text());
    assert!(
        again
            .text()
            .contains("registered https://chat.example.com/"),
        "{}",
        again.text()
    );
    assert_ne!(ask(&host, ONE, "get setup"), ["nothing"]);
    let failed = order("one/default/other/setup");
    assert_eq!(failed.problem(), 503);
    assert!(failed.text().contains("the platform does not take it"));
    assert_eq!(order("one/default/nobody/setup").problem(), 404);
}

#[test]
fn without_a_public_address_nothing_is_set_up_and_the_operator_is_told_what_to_add() {
    let folder = Folder::of("probe").but("public-url: https://chat.example.com/\n", "");
    let host = Host::start(&folder);
    let rows = eventually("three rows", || {
        let rows = host.administer("GET", "/ready").json()["plugins"].clone();
        let rows: Vec<_> = rows
            .as_array()?
            .iter()
            .filter(|row| row["role"] == "setup")
            .cloned()
            .collect();
        (rows.len() == 3).then_some(rows)
    });
    assert!(
        rows.iter().all(|row| row["detail"]
            .as_str()
            .unwrap()
            .contains("add it, such as `public-url")),
        "{rows:?}"
    );
    assert_eq!(ask(&host, ONE, "get setup"), ["nothing"]);
}

#[test]
fn what_is_verified_and_unknown_is_counted_and_what_is_malformed_is_kept_whole() {
    let (_folder, host) = probe();
    assert!(ask(&host, ONE, "ignored 3").is_empty());
    let body = "malformed no such field\nsay m1 hello";
    assert!(ask(&host, ONE, body).is_empty());
    let metrics = host.metrics();
    let count = |name: &str| metrics.sum(name, &[("channel", "probe")]);
    assert_eq!(count("greentic_ingress_ignored_total"), 3.0);
    assert_eq!(count("greentic_ingress_malformed_total"), 1.0);
    // What could be understood of it is carried.
    host.reaches(
        "greentic_messages_total",
        &[("channel", "probe"), ("direction", "out")],
        1.0,
    );
    let letters = host.administer("GET", "/dead-letters?stage=ingress").json();
    let id = letters["letters"][0]["id"].as_str().unwrap();
    let letter = host.administer("GET", &format!("/dead-letters/{id}"));
    assert!(letter.text().contains("no such field"), "{}", letter.text());
    assert!(letter.text().contains("say m1 hello"), "{}", letter.text());
}

/// A listener and its address.
fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

/// Reads one request and writes this.
fn serve(listener: TcpListener, answer: &'static [u8]) {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(answer);
    });
}

#[test]
fn the_sdk_tells_refused_not_sent_and_unknown_apart() {
    let listeners: Vec<_> = (0..4).map(|_| listener()).collect();
    let granted: Vec<_> = listeners
        .iter()
        .map(|(_, address)| format!("{address:?}"))
        .collect();
    let folder = Folder::of("probe").but("\"127.0.0.1:1\"", &granted.join(", "));
    let host = Host::start(&folder);
    let get = |address: &str| ask(&host, ONE, &format!("http GET http://{address}")).remove(0);
    let mut listeners = listeners.into_iter();
    let (answers, address) = listeners.next().unwrap();
    serve(answers, b"HTTP/1.1 418 x\r\ncontent-length: 2\r\n\r\nhi");
    assert_eq!(get(&format!("{address}/a?b=c")), "418 hi");
    assert!(get("example.com/").starts_with("refused: "));
    let (closed, address) = listeners.next().unwrap();
    drop(closed);
    assert_eq!(
        get(&format!("{address}/")),
        "not sent: the connection was refused"
    );
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhi"] {
        let (breaks_off, address) = listeners.next().unwrap();
        serve(breaks_off, answer);
        let told = get(&format!("{address}/"));
        assert!(told.starts_with("no answer: "), "{told}");
    }
}
