//! The store on real servers that speak TLS: whom it trusts, whom it does not, and what it says then.

use greentic_sdk::model::Error;
use greentic_sdk::native::Table;
use greentic_test_servers::{Authority, Server, Signed};

use super::{on, put, run, store, value};
use greentic_sdk_network::session::Expect;

fn secured(server: &Server, host: &str, ca: Option<&Authority>, more: &[(&str, &str)]) -> Table {
    let url = format!("rediss://{host}:{}", server.port());
    let table = on(0, &[("url", &url)]);
    let table = more
        .iter()
        .fold(table, |table, (key, value)| table.config(key, value));
    match ca {
        None => table,
        Some(ca) => table
            .config("ca", "redis/ca")
            .secret("redis/ca", ca.pem().as_bytes()),
    }
}

fn certified(table: Table, signed: &Signed) -> Table {
    table
        .config("certificate", "redis/own")
        .secret("redis/own", signed.pem.as_bytes())
}

async fn refused(table: Table) -> String {
    match store(table).get("p", &["n".into()]).await {
        Err(Error::Unavailable(text) | Error::Denied(text) | Error::Invalid(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_of_the_named_authority_is_used_in_both_versions_of_tls() {
    let ca = Authority::new();
    let by_address = ca.sign("127.0.0.1");
    let by_name = ca.sign("localhost");
    for (signed, host, version) in [
        (&by_address, "127.0.0.1", "TLSv1.3"),
        (&by_address, "127.0.0.1", "TLSv1.2"),
        (&by_name, "localhost", "TLSv1.3"),
    ] {
        let server = Server::redis_tls(&ca, signed, &["--tls-protocols", version]);
        run(async {
            let store = store(secured(&server, host, Some(&ca), &[]));
            // Many records one way and the other.
            let large = vec![7; 300_000];
            let writes = [put("large", &large, Expect::Any, None)];
            let revision = store.commit("p", None, &writes, false).await.unwrap();
            let found = value(&store, "p", "large").await.unwrap();
            assert!(
                found == (large, revision[0]),
                "{version}: {}",
                found.0.len()
            );
        });
    }
}

#[test]
fn a_server_that_cannot_be_trusted_is_refused_and_the_reason_is_named() {
    let (ca, other) = (Authority::new(), Authority::new());
    let server = Server::redis_tls(&ca, &ca.sign("127.0.0.1"), &[]);
    let elsewhere = Server::redis_tls(&ca, &ca.sign("redis.example"), &[]);
    let plain = Server::redis(&[]);
    run(async {
        for (table, word) in [
            (secured(&server, "127.0.0.1", Some(&other), &[]), "`ca`"),
            // Those that browsers trust have not signed it either.
            (secured(&server, "127.0.0.1", None, &[]), "`ca`"),
            (
                secured(&elsewhere, "127.0.0.1", Some(&ca), &[]),
                "for another name",
            ),
            (
                secured(&plain, "127.0.0.1", Some(&ca), &[]),
                "speak TLS on this port",
            ),
            (on(server.port(), &[]), "rediss://"),
        ] {
            let text = refused(table).await;
            assert!(text.contains(word), "{word}: {text}");
            assert!(text.starts_with("127.0.0.1:"), "{text}");
        }
    });
}

#[test]
fn a_server_that_asks_who_we_are_gets_our_certificate() {
    let (ca, other) = (Authority::new(), Authority::new());
    for version in ["TLSv1.3", "TLSv1.2"] {
        let asks = ["--tls-auth-clients", "yes", "--tls-protocols", version];
        let server = Server::redis_tls(&ca, &ca.sign("127.0.0.1"), &asks);
        run(async {
            let table = || secured(&server, "127.0.0.1", Some(&ca), &[]);
            let good = store(certified(table(), &ca.sign("bot.example")));
            let outcome = good.get("p", &["n".into()]).await;
            assert!(outcome.is_ok(), "{version}: {outcome:?}");
            for wrong in [table(), certified(table(), &other.sign("bot.example"))] {
                let text = refused(wrong).await;
                assert!(text.contains("`certificate`"), "{version}: {text}");
            }
        });
    }
}

#[test]
fn damaged_secrets_are_named_and_not_shown_and_tls_settings_without_tls_are_refused() {
    let ca = Authority::new();
    let server = Server::redis_tls(&ca, &ca.sign("127.0.0.1"), &[]);
    run(async {
        for (ca_text, own, word) in [
            ("rubbish", None, "redis/ca"),
            ("-----BEGIN CERTIFICATE-----\nx", None, "redis/ca"),
            (&*ca.pem(), Some("hunter2"), "redis/own"),
            (&*ca.pem(), Some(&*ca.pem()), "private key"),
        ] {
            let mut table = secured(&server, "127.0.0.1", Some(&ca), &[])
                .secret("redis/ca", ca_text.as_bytes());
            if let Some(own) = own {
                table = table
                    .config("certificate", "redis/own")
                    .secret("redis/own", own.as_bytes());
            }
            let text = refused(table).await;
            assert!(text.contains(word), "{word}: {text}");
            assert!(!text.contains("hunter2"), "{text}");
        }
        greentic_sdk::native::install(on(server.port(), &[("ca", "redis/ca")]));
        let error = crate::settings::Settings::read().err();
        assert!(
            matches!(&error, Some(Error::Invalid(text)) if text.contains("rediss://")),
            "{error:?}"
        );
    });
}
