//! The socket rules, asked as WASI asks them.

use std::path::Path;

use parking_lot::Mutex;

use super::*;
use crate::grants::GrantTexts;

/// Names that lead where the test says, and how often each was asked for.
#[derive(Default)]
struct Names(Mutex<HashMap<String, (Vec<IpAddr>, usize)>>);

impl Names {
    fn lead(&self, name: &str, addresses: &[&str]) {
        let addresses = addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect();
        self.0.lock().entry(name.into()).or_default().0 = addresses;
    }

    fn asked(&self, name: &str) -> usize {
        self.0.lock().get(name).map_or(0, |entry| entry.1)
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            let mut names = self.0.lock();
            let entry = names
                .get_mut(name)
                .ok_or_else(|| std::io::Error::other("no such name"))?;
            entry.1 += 1;
            Ok(entry.0.clone())
        })
    }
}

fn policy(tcp: &[&str], names: &Arc<Names>) -> SocketPolicy {
    let texts = GrantTexts {
        tcp: tcp.iter().map(ToString::to_string).collect(),
        ..GrantTexts::default()
    };
    let grants = Grants::parse(&texts, Path::new("/")).unwrap();
    let resolver: Arc<dyn Resolve> = Arc::clone(names) as _;
    SocketPolicy::new("redis", Arc::new(grants), resolver, Refusals::default())
}

async fn connects(policy: &SocketPolicy, address: &str) -> bool {
    policy
        .check(address.parse().unwrap(), SocketAddrUse::TcpConnect)
        .await
}

#[tokio::test]
async fn a_literal_grant_allows_its_address_and_port_only() {
    let policy = policy(&["127.0.0.1:6379", "[::1]:7000"], &Arc::default());
    assert!(connects(&policy, "127.0.0.1:6379").await);
    assert!(connects(&policy, "[::1]:7000").await);
    for address in [
        "127.0.0.1:6380",
        "127.0.0.2:6379",
        "[::1]:6379",
        "8.8.8.8:6379",
    ] {
        assert!(!connects(&policy, address).await, "{address}");
    }
    let refusals = policy.refusals().take();
    let text = refusals[0].to_string();
    assert!(
        text.contains("`redis`") && text.contains("tcp 127.0.0.1:6380"),
        "{text}"
    );
    assert!(
        text.contains("grants: { tcp: [\"127.0.0.1:6380\"] }"),
        "{text}"
    );
    assert_eq!(policy.refusals().count(), 4);
}

#[tokio::test]
async fn localhost_allows_both_loopback_addresses_without_a_lookup() {
    let policy = policy(&["localhost:6379"], &Arc::default());
    assert!(connects(&policy, "127.0.0.1:6379").await && connects(&policy, "[::1]:6379").await);
    assert!(!connects(&policy, "10.0.0.1:6379").await);
}

#[tokio::test]
async fn without_a_grant_nothing_connects_and_what_one_plugin_may_another_may_not() {
    let names = Arc::default();
    let (some, none) = (policy(&["8.8.8.8:53"], &names), policy(&[], &names));
    assert!(connects(&some, "8.8.8.8:53").await);
    assert!(!connects(&none, "8.8.8.8:53").await);
}

#[tokio::test]
async fn a_name_allows_the_public_addresses_it_leads_to() {
    let names = Arc::new(Names::default());
    names.lead("redis.example", &["9.9.9.9", "2620:fe::fe"]);
    let policy = policy(&["redis.example:6379"], &names);
    assert!(
        connects(&policy, "9.9.9.9:6379").await && connects(&policy, "[2620:fe::fe]:6379").await
    );
    assert!(!connects(&policy, "9.9.9.10:6379").await && !connects(&policy, "9.9.9.9:443").await);
    assert_eq!(names.asked("redis.example"), 1);
}

#[tokio::test]
async fn incident_26_a_name_that_leads_inside_is_refused_with_the_line_that_would_allow_it() {
    let names = Arc::new(Names::default());
    names.lead(
        "redis.example",
        &["127.0.0.1", "10.0.0.5", "169.254.169.254"],
    );
    let by_name = policy(&["redis.example:6379"], &names);
    for address in ["127.0.0.1:6379", "10.0.0.5:6379", "169.254.169.254:6379"] {
        assert!(!connects(&by_name, address).await, "{address}");
    }
    let lines: Vec<_> = by_name
        .refusals()
        .take()
        .into_iter()
        .filter_map(|refusal| refusal.line_to_add)
        .collect();
    assert_eq!(
        lines[1],
        "grants: { tcp: [\"redis.example:6379 (private)\"] }"
    );
    let private = policy(&["redis.example:6379 (private)"], &names);
    assert!(connects(&private, "10.0.0.5:6379").await);
    assert!(
        !connects(&private, "127.0.0.1:6379").await
            && !connects(&private, "169.254.169.254:6379").await
    );
}

#[tokio::test]
async fn a_guest_that_tries_many_addresses_causes_one_lookup_a_second() {
    let names = Arc::new(Names::default());
    names.lead("redis.example", &["9.9.9.9"]);
    let policy = policy(&["redis.example:6379"], &names);
    for last in 0..50 {
        assert!(!connects(&policy, &format!("8.8.8.{last}:6379")).await);
    }
    assert_eq!(names.asked("redis.example"), 1);
}

#[tokio::test]
async fn the_bind_before_a_connect_passes_and_every_other_use_is_refused() {
    let policy = policy(&["127.0.0.1:6379"], &Arc::default());
    for (address, usage, allowed) in [
        ("0.0.0.0:0", SocketAddrUse::TcpBind, true),
        ("[::]:0", SocketAddrUse::TcpBind, true),
        ("0.0.0.0:8080", SocketAddrUse::TcpBind, false),
        ("127.0.0.1:0", SocketAddrUse::TcpBind, false),
        ("0.0.0.0:0", SocketAddrUse::TcpListen, false),
        ("127.0.0.1:6379", SocketAddrUse::TcpAccept, false),
        ("127.0.0.1:6379", SocketAddrUse::UdpBind, false),
        ("127.0.0.1:6379", SocketAddrUse::UdpSend, false),
        ("127.0.0.1:6379", SocketAddrUse::UdpReceive, false),
    ] {
        assert_eq!(
            policy.check(address.parse().unwrap(), usage).await,
            allowed,
            "{address} {usage:?}"
        );
    }
}
