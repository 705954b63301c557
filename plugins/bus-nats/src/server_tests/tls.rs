//! The bus on real servers that speak TLS, before and after they say who they are.

use greentic_sdk::model::Error;
use greentic_sdk::native::Table;
use greentic_test_servers::{Authority, Server, Signed};

use super::{broker, consumer, ids, on, publish, pull, run};

fn conf(ca: &Authority, signed: &Signed, more: &str) -> String {
    format!(
        "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\" {more} }}",
        signed.certificate,
        signed.key,
        ca.path()
    )
}

fn secured(port: u16, ca: Option<&Authority>, more: &[(&str, &str)]) -> Table {
    let url = format!("tls://127.0.0.1:{port}");
    let table = on(0, &[("url", &url)]);
    let table = more
        .iter()
        .fold(table, |table, (key, value)| table.config(key, value));
    match ca {
        None => table,
        Some(ca) => table
            .config("ca", "nats/ca")
            .secret("nats/ca", ca.pem().as_bytes()),
    }
}

async fn refused(table: Table) -> String {
    match broker(table).open(consumer("c")).await {
        Err(Error::Unavailable(text) | Error::Denied(text)) => text,
        other => panic!("{other:?}"),
    }
}

async fn works(table: Table) {
    let bus = broker(table);
    bus.open(consumer("c")).await.unwrap();
    publish(&bus, "k", &["a"]).await;
    let got = pull(&bus, "c", 1).await;
    assert_eq!(ids(&got), ["a"]);
}

#[test]
fn tls_begins_after_the_server_said_who_it_is_and_a_certificate_of_ours_is_shown() {
    let (ca, other) = (Authority::new(), Authority::new());
    let server = Server::nats(&conf(&ca, &ca.sign("127.0.0.1"), ""));
    let asks = Server::nats(&conf(&ca, &ca.sign("127.0.0.1"), ", verify: true"));
    run(async {
        works(secured(server.port(), Some(&ca), &[])).await;
        let own = |signed: &Signed| {
            secured(asks.port(), Some(&ca), &[("certificate", "nats/own")])
                .secret("nats/own", signed.pem.as_bytes())
        };
        works(own(&ca.sign("bot"))).await;
        for wrong in [
            own(&other.sign("bot")),
            secured(asks.port(), Some(&ca), &[]),
        ] {
            let text = refused(wrong).await;
            assert!(text.contains("`certificate`"), "{text}");
        }
    });
}

#[test]
fn tls_begins_at_once_where_the_settings_say_so() {
    let ca = Authority::new();
    let nats = Server::nats("");
    let front = greentic_test_servers::TlsFront::before(nats.port(), &ca.sign("127.0.0.1"));
    run(async {
        let first = [("tls-first", "true")];
        works(secured(front.port(), Some(&ca), &first)).await;
        let text = refused(secured(front.port(), Some(&ca), &[])).await;
        assert!(text.contains("tls-first"), "{text}");
        let text = refused(secured(nats.port(), Some(&ca), &first)).await;
        assert!(text.contains("does not speak TLS"), "{text}");
    });
}

#[test]
fn a_server_that_cannot_be_trusted_is_refused_and_nothing_is_said_without_tls() {
    let (ca, other) = (Authority::new(), Authority::new());
    let server = Server::nats(&conf(&ca, &ca.sign("127.0.0.1"), ""));
    let elsewhere = Server::nats(&conf(&ca, &ca.sign("nats.example"), ""));
    let plain = Server::nats("");
    run(async {
        for (table, word) in [
            (secured(server.port(), Some(&other), &[]), "`ca`"),
            (secured(server.port(), None, &[]), "`ca`"),
            (
                secured(elsewhere.port(), Some(&ca), &[]),
                "for another name",
            ),
            (secured(plain.port(), Some(&ca), &[]), "does not offer TLS"),
            (on(server.port(), &[]), "tls://"),
        ] {
            let text = refused(table).await;
            assert!(text.contains(word), "{word}: {text}");
            assert!(text.starts_with("127.0.0.1:"), "{text}");
        }
    });
}
