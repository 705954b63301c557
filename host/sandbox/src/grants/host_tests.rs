//! What grants match and which texts are refused.

use super::*;
use proptest::prelude::*;

fn http(text: &str) -> HttpGrant {
    HttpGrant::parse(text, &Reach::public()).unwrap()
}

#[test]
fn an_http_grant_covers_what_it_names_and_nothing_else() {
    use Scheme::{Http, Https};
    for (grant, scheme, host, port, covered) in [
        ("slack.com", Https, "slack.com", 443, true),
        ("Slack.COM.", Https, "SLACK.com.", 443, true),
        ("slack.com", Http, "slack.com", 80, false),
        ("slack.com", Http, "slack.com", 443, false),
        ("slack.com", Https, "slack.com", 8443, false),
        ("slack.com", Https, "files.slack.com", 443, false),
        ("slack.com", Https, "evilslack.com", 443, false),
        ("slack.com:8443", Https, "slack.com", 8443, true),
        ("slack.com:8443", Http, "slack.com", 8443, false),
        ("slack.com:8443", Https, "slack.com", 443, false),
        ("http://slack.com", Http, "slack.com", 80, true),
        ("http://slack.com", Https, "slack.com", 443, false),
        ("http://slack.com:8080", Http, "slack.com", 8080, true),
        ("*.example.com", Https, "a.example.com", 443, true),
        ("*.example.com", Https, "a.b.example.com", 443, true),
        ("*.example.com", Https, "example.com", 443, false),
        ("*.example.com", Https, "evilexample.com", 443, false),
        ("127.0.0.1:8080", Http, "127.0.0.1", 8080, true),
        ("127.0.0.1:8080", Https, "127.0.0.1", 8080, true),
        ("127.0.0.1:8080", Http, "127.0.0.2", 8080, false),
        ("127.0.0.1:8080", Http, "localhost", 8080, false),
        ("127.0.0.1:8080", Http, "[::ffff:127.0.0.1]", 8080, true),
        ("127.0.0.1", Http, "127.0.0.1", 80, false),
        ("127.0.0.1", Https, "127.0.0.1", 443, true),
        ("[::1]:80", Http, "[::1]", 80, true),
        ("[::1]:80", Http, "127.0.0.1", 80, false),
        ("localhost:3000", Http, "localhost", 3000, true),
        ("localhost:3000", Http, "127.0.0.1", 3000, false),
    ] {
        let asked = Host::parse(host).unwrap();
        assert_eq!(
            http(grant).covers(scheme, &asked, port),
            covered,
            "{grant} {scheme:?} {host}:{port}"
        );
    }
}

#[test]
fn the_reach_follows_from_how_the_host_is_written() {
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert_eq!(http("slack.com").reach, Reach::public());
    assert_eq!(http("localhost:80").reach, Reach::loopback());
    assert_eq!(http("10.0.0.1:80").reach, Reach::exactly(ip("10.0.0.1")));
    assert_eq!(http("intranet.example (private)").reach, Reach::private());
    let nets = http("http://sim.example:8080 (10.1.0.0/16, 127.0.0.1)");
    assert_eq!((nets.port, nets.scheme), (8080, Some(Scheme::Http)));
    assert!(nets.reach.allows(ip("10.1.2.3")) && nets.reach.allows(ip("127.0.0.1")));
    assert!(!nets.reach.allows(ip("10.2.0.0")) && !nets.reach.allows(ip("8.8.8.8")));
}

#[test]
fn grants_that_are_too_wide_or_malformed_are_refused_with_what_to_write() {
    for (text, says) in [
        ("*", "every host"),
        ("*:443", "every host"),
        ("https://*", "every host"),
        ("*.com", "top-level"),
        ("*.com.", "top-level"),
        ("api.*.com", "at the start"),
        ("ftp://a.b", "no scheme of HTTP"),
        ("slack.com/api", "without a path"),
        ("10.0.0.0/8", "network mask"),
        ("user@slack.com", "without a user"),
        ("slack.com:0", "port"),
        ("slack.com:65536", "port"),
        ("slack.com:https", "port"),
        ("[::1", "`]`"),
        ("[::1]80", "`:port`"),
        ("0.0.0.0:80", "unspecified"),
        ("[::]:80", "unspecified"),
        ("127.1", "no host"),
        ("0x7f000001", "no host"),
        ("2130706433", "no host"),
        ("-a.com", "no host"),
        ("a..b", "no host"),
        ("", "no host"),
        ("a.b (private", "`)`"),
        ("a.b (vpn)", "no network"),
        ("10.0.0.1 (private)", "reaches itself"),
    ] {
        let error = HttpGrant::parse(text, &Reach::public()).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
    for (text, says) in [
        ("localhost", "port is missing"),
        ("*.a.example:1", "no wildcard"),
        ("redis://a.example:1", "not a URL"),
    ] {
        let error = TcpGrant::parse(text, &Reach::public()).unwrap_err();
        assert!(error.contains(says), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_readers_panic(text in ".{0,60}") {
        let _ = HttpGrant::parse(&text, &Reach::public());
        let _ = TcpGrant::parse(&text, &Reach::public());
        let _ = Host::parse(&text);
    }

    #[test]
    fn a_host_shown_reads_back_as_itself(text in "[A-Za-z0-9.:\\[\\]-]{1,20}") {
        if let Some(host) = Host::parse(&text) {
            prop_assert_eq!(Host::parse(&host.to_string()), Some(host));
        }
    }
}
