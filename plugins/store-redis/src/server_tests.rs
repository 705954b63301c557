//! The store on a real server: what the contract promises, and what is said when something breaks. The plugin runs natively here;
//! inside the sandbox it is tested with the other backends.

mod tls;

use std::future::Future;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::model::Error;
use greentic_sdk::native::{Table, install, lines};
use greentic_sdk_network::session::{ClaimError, Expect, PutOp, Write, WriteOp};
use greentic_sdk_network::spawn;
use greentic_test_servers::{Proxy, Server, Weather};

use crate::client::Client;
use crate::settings::Settings;
use crate::store::RedisStore;

fn on(port: u16, more: &[(&str, &str)]) -> Table {
    let table = Table::new()
        .config("url", &format!("redis://127.0.0.1:{port}"))
        .config("connect-ms", "1000")
        .config("timeout-ms", "500");
    more.iter()
        .fold(table, |table, (key, value)| table.config(key, value))
}

fn store(table: Table) -> Rc<RedisStore> {
    install(table);
    Rc::new(RedisStore::new(Settings::read().unwrap()))
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, work)
}

pub(crate) fn put(name: &str, value: &[u8], expect: Expect, ttl_ms: Option<u64>) -> Write {
    let value = value.to_vec();
    Write {
        name: name.into(),
        expect,
        op: WriteOp::Put(PutOp { value, ttl_ms }),
    }
}

fn delete(name: &str, expect: Expect) -> Write {
    Write {
        name: name.into(),
        expect,
        op: WriteOp::Delete,
    }
}

/// A connection beside the store's.
async fn by_hand(server: &Server) -> Rc<Client> {
    let access = Settings::read().unwrap().access;
    let client = Client::connect(&access, "127.0.0.1", server.port());
    client.await.unwrap()
}

async fn value(store: &RedisStore, partition: &str, name: &str) -> Option<(Vec<u8>, u64)> {
    let found = store.get(partition, &[name.to_owned()]).await.unwrap();
    let entry = found.into_iter().next().unwrap()?;
    Some((entry.value, entry.revision))
}

#[test]
fn a_commit_happens_as_a_whole_and_revisions_grow_over_a_delete() {
    let server = Server::redis(&[]);
    run(async {
        let store = store(on(server.port(), &[]));
        let both = [
            put("a", b"1", Expect::Absent, None),
            put("b", &[0, 255, 13, 10], Expect::Any, None),
        ];
        let first = store.commit("p", None, &both, false).await.unwrap();
        assert!(first[0] > 0 && first[1] > first[0]);
        assert_eq!(
            value(&store, "p", "b").await,
            Some((vec![0, 255, 13, 10], first[1]))
        );
        // One that does not hold, last, keeps all the others away.
        for wrong in [
            put("b", b"x", Expect::Absent, None),
            put("b", b"x", Expect::Revision(1), None),
        ] {
            let writes = [put("a", b"2", Expect::Any, None), wrong];
            let outcome = store.commit("p", None, &writes, false).await;
            assert_eq!(outcome, Err(Error::Conflict));
        }
        assert_eq!(value(&store, "p", "a").await, Some((b"1".into(), first[0])));
        store
            .delete("p", "a", Expect::Revision(first[0]))
            .await
            .unwrap();
        assert_eq!(value(&store, "p", "a").await, None);
        let again = [put("a", b"3", Expect::Absent, None)];
        let second = store.commit("p", None, &again, false).await.unwrap();
        assert!(second[0] > first[1], "{second:?} after {first:?}");
        let absent = store.delete("p", "zz", Expect::Any).await;
        assert_eq!(absent, Err(Error::NotFound));
        let stale = store.delete("p", "a", Expect::Revision(first[0])).await;
        assert_eq!(stale, Err(Error::Conflict));
        let gone = [delete("a", Expect::Any), delete("never", Expect::Absent)];
        assert_eq!(store.commit("p", None, &gone, false).await, Ok(vec![0, 0]));
    });
}

#[test]
fn a_lease_keeps_others_out_and_a_stale_fence_writes_nothing() {
    let server = Server::redis(&[]);
    run(async {
        let store = store(on(server.port(), &[]));
        let writes = [put("r", b"1", Expect::Any, None)];
        store.commit("p", None, &writes, false).await.unwrap();
        let read = ["r".to_owned(), "none".to_owned()];
        let first = store.claim("p", "a", 60_000, &read).await.unwrap();
        assert_eq!(first.entries[0].as_ref().unwrap().value, b"1");
        assert_eq!(first.entries[1], None);
        let held = store.claim("p", "b", 60_000, &[]).await;
        assert!(matches!(held, Err(ClaimError::Held(left)) if left > 50_000));
        let second = store.claim("p", "a", 200, &[]).await.unwrap();
        assert!(second.fence > first.fence);
        let stale = store.commit("p", Some(first.fence), &writes, true).await;
        assert_eq!(stale, Err(Error::Conflict));
        assert_eq!(store.renew("p", first.fence, 1).await, Err(Error::Conflict));
        assert_eq!(store.renew("p", second.fence, 200).await, Ok(()));
        store
            .commit("p", Some(second.fence), &writes, true)
            .await
            .unwrap();
        // It ended with the commit.
        let third = store.claim("p", "b", 40, &[]).await.unwrap();
        assert!(third.fence > second.fence);
        tokio::time::sleep(Duration::from_millis(60)).await;
        let late = store.commit("p", Some(third.fence), &writes, false).await;
        assert_eq!(late, Err(Error::Conflict), "its lease ran out");
        assert_eq!(store.renew("p", third.fence, 0).await, Err(Error::Conflict));
        assert!(store.claim("p", "c", 10, &[]).await.is_ok());
    });
}

#[test]
fn what_has_a_time_to_live_is_gone_after_it_and_leaves_nothing_behind() {
    let server = Server::redis(&[]);
    run(async {
        let store = store(on(server.port(), &[]));
        let writes = [
            put("short", b"x", Expect::Any, Some(50)),
            put("never", b"x", Expect::Any, Some(0)),
            put("long", b"x", Expect::Any, Some(u64::MAX)),
        ];
        store.commit("p", None, &writes, false).await.unwrap();
        assert!(value(&store, "p", "never").await.is_none());
        assert!(value(&store, "p", "short").await.is_some());
        tokio::time::sleep(Duration::from_millis(80)).await;
        assert!(value(&store, "p", "short").await.is_none());
        let touched = store.touch("p", "short", 1_000).await;
        assert_eq!(touched, Err(Error::NotFound));
        assert_eq!(store.touch("p", "long", 30).await, Ok(()));
        tokio::time::sleep(Duration::from_millis(60)).await;
        let page = store.list("", None, 10).await.unwrap();
        assert_eq!((page.keys.len(), page.cursor), (0, None));
    });
}

#[test]
fn a_listing_holds_every_name_once_in_byte_order_while_others_come_and_go() {
    let server = Server::redis(&[]);
    run(async {
        let store = store(on(server.port(), &[]));
        let mut expected = Vec::new();
        for (partition, name) in (0..300).map(|n| (format!("t/{}", n % 7), format!("n{n}"))) {
            let writes = [put(&name, b"x", Expect::Any, None)];
            store
                .commit(&partition, None, &writes, false)
                .await
                .unwrap();
            expected.push((partition, name));
        }
        // A zero byte in a partition is a character like others.
        let odd = [put("n", b"x", Expect::Any, None)];
        store.commit("t/\0", None, &odd, false).await.unwrap();
        expected.push(("t/\0".into(), "n".into()));
        let other = [put("n", b"x", Expect::Any, None)];
        store.commit("u", None, &other, false).await.unwrap();
        expected.sort();
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let page = store.list("t/", cursor.as_deref(), 7).await.unwrap();
            assert!(page.keys.len() <= 7);
            seen.extend(page.keys.into_iter().map(|key| (key.partition, key.name)));
            // Names that come and go between pages shift nothing.
            let n = seen.len();
            let passing = [put(&format!("m{n}"), b"x", Expect::Any, Some(1))];
            store.commit("t/3", None, &passing, false).await.unwrap();
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        seen.retain(|(_, name)| name.starts_with('n'));
        assert_eq!(seen, expected);
        assert!(store.list("t/", None, 0).await.is_err());
        assert!(store.list("t/", Some("1:xy"), 1).await.is_err());
    });
}

#[test]
fn a_log_numbers_its_entries_knows_ids_again_and_keeps_the_newest() {
    let server = Server::redis(&[]);
    run(async {
        let store = store(on(server.port(), &[]));
        for n in 1..=5_u64 {
            let id = format!("id:{n}");
            let position = store.append("p", "l", &id, b"v\0", 3, 60_000).await;
            assert_eq!(position, Ok(n));
        }
        assert_eq!(
            store.append("p", "l", "id:5", b"no", 3, 60_000).await,
            Ok(5)
        );
        // One that fell out is forgotten with its id.
        assert_eq!(
            store.append("p", "l", "id:1", b"new", 3, 60_000).await,
            Ok(6)
        );
        let page = store.range("p", "l", 0, 10).await.unwrap();
        let positions: Vec<u64> = page.entries.iter().map(|entry| entry.position).collect();
        assert_eq!((positions, page.last), (vec![4, 5, 6], 6));
        assert_eq!(page.entries[2].value, b"new");
        let page = store.range("p", "l", 4, 1).await.unwrap();
        assert_eq!((page.entries[0].position, page.entries.len()), (5, 1));
        for after in [6, u64::MAX] {
            let page = store.range("p", "l", after, 10).await.unwrap();
            assert_eq!((page.entries.len(), page.last), (0, 6));
        }
        store.append("p", "l", "x", b"", 1, 30).await.unwrap();
        tokio::time::sleep(Duration::from_millis(60)).await;
        let page = store.range("p", "l", 0, 10).await.unwrap();
        assert_eq!((page.entries.len(), page.last), (0, 0));
        assert_eq!(store.append("p", "l", "id:5", b"", 1, 60_000).await, Ok(1));
    });
}

#[test]
fn incident_19_of_many_who_write_at_once_one_wins_each_round_and_no_write_is_lost() {
    let server = Server::redis(&[]);
    run(async {
        let one = store(on(server.port(), &[]));
        let two = store(on(server.port(), &[]));
        let done = Rc::new(std::cell::Cell::new(0));
        for worker in 0..16 {
            let store = Rc::clone(if worker % 2 == 0 { &one } else { &two });
            let done = Rc::clone(&done);
            spawn(async move {
                let mut added = 0;
                while added < 20 {
                    let now = value(&store, "p", "n").await;
                    let (expect, count) = match &now {
                        None => (Expect::Absent, 0),
                        Some((bytes, revision)) => {
                            let text = std::str::from_utf8(bytes).unwrap();
                            (Expect::Revision(*revision), text.parse::<u64>().unwrap())
                        }
                    };
                    let next = (count + 1).to_string();
                    let writes = [put("n", next.as_bytes(), expect, None)];
                    match store.commit("p", None, &writes, false).await {
                        Ok(_) => added += 1,
                        Err(Error::Conflict) => {}
                        Err(other) => panic!("{other:?}"),
                    }
                }
                done.set(done.get() + 1);
            });
        }
        while done.get() < 16 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (bytes, _) = value(&one, "p", "n").await.unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), "320");
    });
}

#[test]
fn incident_18_a_killed_server_fails_what_was_in_flight_and_is_found_again_with_what_it_kept() {
    let mut server = Server::redis(&["--appendonly", "yes", "--appendfsync", "always"]);
    let proxy = Proxy::before(server.port());
    run(async {
        let store = store(on(proxy.port(), &[("durability", "disk")]));
        let writes = [put("n", b"kept", Expect::Any, None)];
        store.commit("p", None, &writes, false).await.unwrap();
        // The write arrives, its answer does not.
        proxy.set(Weather::Deaf);
        let late = [put("n", b"unknown", Expect::Any, None)];
        let outcome = store.commit("p", None, &late, false).await;
        assert!(
            matches!(outcome, Err(Error::UnknownOutcome(_))),
            "{outcome:?}"
        );
        proxy.set(Weather::Closed);
        proxy.reset();
        server.kill();
        let outcome = store.get("p", &["n".to_owned()]).await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        server.restart();
        proxy.set(Weather::Clear);
        let begun = Instant::now();
        let found = loop {
            match store.get("p", &["n".to_owned()]).await {
                Ok(found) => break found,
                Err(Error::Unavailable(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
            assert!(begun.elapsed() < Duration::from_secs(15), "never again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(found[0].as_ref().unwrap().value, b"unknown");
    });
}

#[test]
fn a_server_that_falls_silent_is_noticed_and_a_slow_one_is_waited_for() {
    let server = Server::redis(&[]);
    let proxy = Proxy::before(server.port());
    run(async {
        let store = store(on(proxy.port(), &[]));
        let read = ["n".to_owned()];
        store.get("p", &read).await.unwrap();
        proxy.set(Weather::Slow(Duration::from_millis(60)));
        store.get("p", &read).await.unwrap();
        proxy.set(Weather::Silent);
        let begun = Instant::now();
        let outcome = store.get("p", &read).await;
        assert!(
            matches!(&outcome, Err(Error::Unavailable(text)) if text.contains("timeout-ms")),
            "{outcome:?}"
        );
        assert!(begun.elapsed() < Duration::from_secs(2));
        proxy.set(Weather::Clear);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(store.get("p", &read).await.is_ok());
    });
}

#[test]
fn scripts_the_server_forgot_are_given_to_it_again() {
    let server = Server::redis(&[]);
    run(async {
        let store = store(on(server.port(), &[]));
        let writes = [put("n", b"1", Expect::Any, None)];
        store.commit("p", None, &writes, false).await.unwrap();
        let client = by_hand(&server).await;
        client.ask(&[b"SCRIPT", b"FLUSH"]).await.unwrap();
        store.commit("p", None, &writes, false).await.unwrap();
        store.claim("p", "o", 10, &[]).await.unwrap();
    });
}

#[test]
fn a_password_is_sent_and_a_wrong_or_missing_one_is_named() {
    let server = Server::redis(&[
        "--requirepass",
        "hunter2",
        "--user",
        "bot",
        "on",
        ">pw",
        "~greentic:*",
        "+@all",
    ]);
    let secret = |table: Table, value: &[u8]| table.secret("redis/password", value);
    let named = [("password", "redis/password")];
    run(async {
        let good = store(secret(on(server.port(), &named), b"hunter2"));
        assert!(good.get("p", &["n".into()]).await.is_ok());
        let url = format!("redis://bot@127.0.0.1:{}", server.port());
        let user = secret(on(server.port(), &named).config("url", &url), b"pw");
        assert!(store(user).get("p", &["n".into()]).await.is_ok());
        for table in [
            secret(on(server.port(), &named), b"wrong"),
            on(server.port(), &named),
            on(server.port(), &[]),
        ] {
            let outcome = store(table).get("p", &["n".into()]).await;
            assert!(
                matches!(&outcome, Err(Error::Denied(text)) if text.contains("secret")),
                "{outcome:?}"
            );
            assert!(!format!("{outcome:?} {:?}", lines()).contains("hunter2"));
        }
    });
}

#[test]
fn a_server_that_cannot_be_used_is_named_with_what_to_do() {
    let primary = Server::redis(&[]);
    let replica = Server::redis(&["--replicaof", &format!("127.0.0.1 {}", primary.port())]);
    let cluster = Server::redis(&["--cluster-enabled", "yes"]);
    let nats = Server::nats("");
    let nobody = greentic_test_servers::free_port();
    run(async {
        for (port, more, word) in [
            (replica.port(), None, "replica"),
            (cluster.port(), None, "Cluster"),
            (nats.port(), None, "no Redis"),
            (nobody, None, "127.0.0.1"),
            (
                primary.port(),
                Some(("durability", "disk")),
                "appendfsync always",
            ),
        ] {
            let more: Vec<_> = more.into_iter().collect();
            let outcome = store(on(port, &more)).get("p", &["n".into()]).await;
            assert!(
                matches!(&outcome, Err(Error::Unavailable(text)) if text.contains(word)),
                "{word}: {outcome:?}"
            );
        }
        // The next server of the list is tried.
        let url = format!("redis://127.0.0.1:{},127.0.0.1:{}", nobody, primary.port());
        let both = store(on(0, &[("url", &url)]));
        assert!(both.get("p", &["n".into()]).await.is_ok());
        let warned = lines()
            .iter()
            .any(|line| line.contains("no append-only file"));
        assert!(warned, "{:?}", lines());
    });
}

#[test]
fn the_primary_is_found_through_a_sentinel() {
    let primary = Server::redis(&[]);
    let sentinel = Server::sentinel("main", primary.port());
    run(async {
        let good = store(on(sentinel.port(), &[("sentinel", "main")]));
        assert!(good.get("p", &["n".into()]).await.is_ok());
        for (more, word) in [
            (vec![("sentinel", "other")], "other"),
            (vec![], "`sentinel`"),
        ] {
            let outcome = store(on(sentinel.port(), &more))
                .get("p", &["n".into()])
                .await;
            assert!(
                matches!(&outcome, Err(Error::Unavailable(text)) if text.contains(word)),
                "{outcome:?}"
            );
        }
    });
}

#[test]
fn the_index_forgets_what_has_expired_without_anybody_listing() {
    let server = Server::redis(&[]);
    run(async {
        let store = store(on(server.port(), &[]));
        for n in 0..400 {
            let writes = [put(&format!("n{n}"), b"x", Expect::Any, Some(1))];
            store.commit("p", None, &writes, false).await.unwrap();
        }
        let kept = [put("kept", b"x", Expect::Any, None)];
        for _ in 0..1_000 {
            store.commit("p", None, &kept, false).await.unwrap();
        }
        let client = by_hand(&server).await;
        let left = client.ask(&[b"ZCARD", b"greentic:index"]).await.unwrap();
        assert_eq!(left, crate::resp::Reply::Number(1));
    });
}
