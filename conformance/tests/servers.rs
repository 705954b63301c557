//! The components of shared servers inside the sandbox, on real servers that speak TLS and ask who we are: they pass the cases of
//! their world, and whom they do not trust they refuse by name.

#![allow(clippy::unwrap_used, clippy::panic)] // Only tests are here; where it fails the test has failed.

mod built;

use greentic_conformance::case::{Case, Outcome, run};
use greentic_conformance::cases::{bus, store};
use greentic_conformance::report;
use greentic_conformance::sandbox::Given;
use greentic_test_servers::{Authority, Server};

fn failures(outcomes: &[Outcome]) -> Vec<String> {
    let failed = outcomes.iter().filter(|outcome| outcome.is_failure());
    failed.map(report::line).collect()
}

fn pass<B>(cases: &[Case<B>], bench: &B) {
    let outcomes = run(cases, bench, None, |_| {});
    let failed = failures(&outcomes);
    let summary = report::summary(&outcomes);
    assert!(failed.is_empty(), "{summary}\n{}", failed.join("\n"));
    let passed = outcomes.iter().filter(|outcome| outcome.verdict.is_ok());
    assert!(passed.count() > 10, "{summary}");
}

/// What a call comes to is an error that says this.
fn refused<B>(cases: &[Case<B>], bench: &B, one: &str, word: &str) {
    let text = failures(&run(cases, bench, Some(one), |_| {})).join("\n");
    assert!(text.contains(word), "{word}: {text}");
}

/// A case that asks the server something.
const OF_STORES: &str = "store.claim.reads";
const OF_BUSES: &str = "bus.consumer.same";

/// A component that is told where its server is, and given secrets.
fn given(url: &str, port: u16, secrets: &[(&str, &str)]) -> Given {
    let mut config = vec![("url".into(), format!("{url}:{port}"))];
    config.push(("connect-ms".into(), "4000".into()));
    config.extend(
        secrets
            .iter()
            .map(|(key, _)| ((*key).into(), format!("test/{key}"))),
    );
    let host = url.rsplit(['/', '@']).next().unwrap_or_default();
    Given {
        config,
        secrets: secrets
            .iter()
            .map(|(key, value)| (format!("test/{key}"), Some(value.as_bytes().to_vec())))
            .collect(),
        reveal: secrets
            .iter()
            .map(|(key, _)| format!("test/{key}"))
            .collect(),
        tcp: vec![format!("{host}:{port}")],
        ..Given::default()
    }
}

#[test]
fn sessions_on_redis_pass_and_a_server_that_is_not_trusted_is_refused() {
    let (ca, other) = (Authority::new(), Authority::new());
    let (trusted, unknown, own) = (ca.pem(), other.pem(), ca.sign("bot").pem);
    let more = ["--tls-auth-clients", "yes", "--requirepass", "pw"];
    let server = Server::redis_tls(&ca, &ca.sign("127.0.0.1"), &more);
    let older = ["--tls-protocols", "TLSv1.2"];
    let older = Server::redis_tls(&ca, &ca.sign("127.0.0.1"), &older);
    let elsewhere = Server::redis_tls(&ca, &ca.sign("redis.example"), &[]);
    let plain = Server::redis(&[]);
    let stage = built::stage();
    let loaded = built::component(&stage, "store-redis");
    let url = "rediss://127.0.0.1";
    let bench = |given: &Given| store::Bench::new(&stage, &loaded, given).unwrap();
    let all = [
        ("ca", trusted.as_str()),
        ("certificate", own.as_str()),
        ("password", "pw"),
    ];
    pass(&store::cases(), &bench(&given(url, server.port(), &all)));
    let trusting = [("ca", trusted.as_str())];
    let on_older = bench(&given(url, older.port(), &trusting));
    let outcomes = run(&store::cases(), &on_older, Some(OF_STORES), |_| {});
    assert!(outcomes.len() == 1 && outcomes.iter().all(|one| one.verdict.is_ok()));
    for (port, secrets, word) in [
        (older.port(), &[("ca", unknown.as_str())][..], "`ca`"),
        (older.port(), &[], "`ca`"),
        (elsewhere.port(), &trusting, "for another name"),
        (plain.port(), &trusting, "speak TLS on this port"),
        (server.port(), &trusting, "`certificate`"),
    ] {
        refused(
            &store::cases(),
            &bench(&given(url, port, secrets)),
            OF_STORES,
            word,
        );
    }
}

#[test]
fn the_bus_on_nats_passes_and_a_server_that_is_not_trusted_is_refused() {
    let (ca, other) = (Authority::new(), Authority::new());
    let (trusted, unknown, own) = (ca.pem(), other.pem(), ca.sign("bot").pem);
    let secured = |name: &str, more: &str| {
        let signed = ca.sign(name);
        Server::nats(&format!(
            "tls {{ cert_file: \"{}\", key_file: \"{}\", ca_file: \"{}\" {more} }}",
            signed.certificate,
            signed.key,
            ca.path()
        ))
    };
    let server = secured("127.0.0.1", ", verify: true");
    let open = secured("127.0.0.1", "");
    let elsewhere = secured("nats.example", "");
    let plain = Server::nats("");
    let stage = built::stage();
    let loaded = built::component(&stage, "bus-nats");
    let url = "tls://127.0.0.1";
    let bench = |given: &Given| bus::Bench::new(&stage, &loaded, given).unwrap();
    let all = [("ca", trusted.as_str()), ("certificate", own.as_str())];
    pass(&bus::cases(), &bench(&given(url, server.port(), &all)));
    let trusting = [("ca", trusted.as_str())];
    for (port, secrets, word) in [
        (open.port(), &[("ca", unknown.as_str())][..], "`ca`"),
        (open.port(), &[], "`ca`"),
        (elsewhere.port(), &trusting, "for another name"),
        (plain.port(), &trusting, "does not offer TLS"),
        (server.port(), &trusting, "`certificate`"),
    ] {
        refused(
            &bus::cases(),
            &bench(&given(url, port, secrets)),
            OF_BUSES,
            word,
        );
    }
}

#[test]
fn the_bus_on_core_nats_passes_without_a_stream() {
    let server = Server::nats("");
    let stage = built::stage();
    let loaded = built::component(&stage, "bus-nats");
    let mut given = given("nats://127.0.0.1", server.port(), &[]);
    given.config.push(("jetstream".into(), "false".into()));
    pass(
        &bus::cases(),
        &bus::Bench::new(&stage, &loaded, &given).unwrap(),
    );
}
