//! Parsing of a plugin's whole set of grants, and the refusals it gives.

use std::path::Path;

use super::*;

fn texts() -> GrantTexts {
    GrantTexts::default()
}

fn grants(texts: &GrantTexts) -> Grants {
    Grants::parse(texts, Path::new("/bundle")).unwrap()
}

fn name(text: &str) -> Host {
    Host::parse(text).unwrap()
}

#[test]
fn nothing_is_granted_by_default() {
    let none = Grants::default();
    assert!(
        none.http_reach("p", Scheme::Https, &name("slack.com"), 443)
            .is_err()
    );
    assert!(none.secret("p", "a").is_err() && none.reveal("p", "a").is_err());
}

#[test]
fn every_faulty_text_is_reported_with_its_key_and_place() {
    let wrong = GrantTexts {
        http: vec!["slack.com".into(), "*".into()],
        tcp: vec!["redis".into()],
        read: vec!["/a/x".into(), "/".into()],
        write: vec!["/b/x".into()],
        env: vec![("A=B".into(), "1".into())],
        secrets: vec!["UPPER".into(), "a/../b".into()],
        reveal: vec![String::new()],
        private_addresses: false,
    };
    let errors = Grants::parse(&wrong, Path::new("/bundle")).unwrap_err();
    let places: Vec<_> = errors
        .iter()
        .map(|error| (error.key, error.index))
        .collect();
    assert_eq!(
        places,
        [
            ("http", 1),
            ("tcp", 0),
            ("read", 1),
            ("write", 0),
            ("env", 0),
            ("secrets", 0),
            ("secrets", 1),
            ("reveal", 0)
        ]
    );
}

#[test]
fn every_line_a_refusal_proposes_is_a_grant_that_covers_what_was_asked() {
    for (scheme, host, port) in [
        (Scheme::Https, "files.slack.com", 443),
        (Scheme::Https, "files.slack.com", 8443),
        (Scheme::Http, "sim.example", 80),
        (Scheme::Http, "sim.example", 8080),
        (Scheme::Http, "127.0.0.1", 80),
        (Scheme::Http, "localhost", 3000),
        (Scheme::Https, "[::1]", 443),
        (Scheme::Http, "[::1]", 80),
    ] {
        let host = name(host);
        let refusal = Grants::default()
            .http_reach("p", scheme, &host, port)
            .unwrap_err();
        let line = refusal.line_to_add.unwrap();
        let text = line
            .strip_prefix("grants: { http: [\"")
            .unwrap()
            .strip_suffix("\"] }")
            .unwrap();
        let granted = grants(&GrantTexts {
            http: vec![text.into()],
            ..texts()
        });
        assert!(
            granted.http_reach("p", scheme, &host, port).is_ok(),
            "{line}"
        );
    }
}

#[test]
fn the_line_for_a_name_that_leads_inside_reaches_exactly_that_kind_of_address() {
    let host = name("intranet.example");
    for address in [
        "10.1.2.3",
        "127.0.0.1",
        "169.254.169.254",
        "fd00::7",
        "192.0.2.1",
    ] {
        let address: IpAddr = address.parse().unwrap();
        let refusal = Grants::http_address_refusal("p", Scheme::Https, &host, 443, &[address]);
        assert!(refusal.reason.contains(&address.to_string()), "{refusal}");
        let line = refusal.line_to_add.unwrap();
        let text = line
            .strip_prefix("grants: { http: [\"")
            .unwrap()
            .strip_suffix("\"] }")
            .unwrap();
        let granted = grants(&GrantTexts {
            http: vec![text.into()],
            ..texts()
        });
        assert!(
            granted
                .http_reach("p", Scheme::Https, &host, 443)
                .unwrap()
                .allows(address),
            "{line}"
        );
    }
    let nowhere = Grants::http_address_refusal(
        "p",
        Scheme::Https,
        &host,
        443,
        &["0.0.0.0".parse().unwrap()],
    );
    assert_eq!(nowhere.line_to_add, None);
}

#[test]
fn a_host_granted_twice_reaches_what_either_grant_reaches() {
    let both = grants(&GrantTexts {
        http: vec!["a.example".into(), "a.example (private)".into()],
        ..texts()
    });
    let reach = both
        .http_reach("p", Scheme::Https, &name("a.example"), 443)
        .unwrap();
    assert!(reach.allows("8.8.8.8".parse().unwrap()) && reach.allows("10.0.0.1".parse().unwrap()));
}

#[test]
fn private_addresses_widens_names_and_nothing_else() {
    let wide = grants(&GrantTexts {
        http: vec!["a.example".into(), "8.8.8.8".into()],
        private_addresses: true,
        ..texts()
    });
    let by_name = wide
        .http_reach("p", Scheme::Https, &name("a.example"), 443)
        .unwrap();
    assert!(
        by_name.allows("10.0.0.1".parse().unwrap())
            && !by_name.allows("169.254.169.254".parse().unwrap())
    );
    let literal = wide
        .http_reach("p", Scheme::Https, &name("8.8.8.8"), 443)
        .unwrap();
    assert!(!literal.allows("10.0.0.1".parse().unwrap()));
}

#[test]
fn using_a_secret_does_not_let_its_bytes_be_seen_and_revealing_lets_it_be_used() {
    let some = grants(&GrantTexts {
        secrets: vec!["slack/token".into()],
        reveal: vec!["redis/url".into()],
        ..texts()
    });
    assert!(
        some.secret("p", "slack/token").is_ok()
            && some.secret("p", "redis/url").is_ok()
            && some.reveal("p", "redis/url").is_ok()
    );
    let refusal = some.reveal("chan", "slack/token").unwrap_err().to_string();
    assert!(
        refusal.contains("`chan`") && refusal.contains("grants: { reveal: [\"slack/token\"] }"),
        "{refusal}"
    );
    assert!(some.secret("p", "slack/other").is_err());
}
