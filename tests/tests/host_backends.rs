//! Hosts on a real Redis and a real NATS: they share conversations, go on without each other, and lose nothing when a server is
//! gone for a while.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use greentic_test_servers::Server;
use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::{Folder, MEMORY_BUS, MEMORY_STORE};
use greentic_tests::host::webhook::{Webhook, body, signature};
use greentic_tests::host::{Host, eventually, run};

/// The servers of a test.
struct Servers {
    redis: Server,
    nats: Server,
}

impl Servers {
    fn start() -> Self {
        Self {
            redis: Server::redis(&["--appendonly", "yes", "--appendfsync", "always"]),
            nats: Server::nats(""),
        }
    }

    /// The lines that bind a plugin's name to the store on these servers.
    fn store(&self, name: &str) -> String {
        let address = self.redis.address();
        plugin(name, "store_redis", "redis", &address)
    }

    /// The same of the bus.
    fn bus(&self, name: &str) -> String {
        plugin(name, "bus_nats", "nats", &self.nats.address())
    }

    /// The bundle of most tests on these servers.
    fn folder(&self) -> Folder {
        Folder::of("talk")
            .but(MEMORY_STORE, &self.store("memory"))
            .but(MEMORY_BUS, &self.bus("bus"))
    }
}

fn plugin(name: &str, file: &str, scheme: &str, address: &str) -> String {
    format!(
        "  {name}:\n    from: \"${{PLUGINS}}/{file}.wasm\"\n    config: {{ url: \"{scheme}://{address}\" }}\n    grants: {{ tcp: [\"{address}\"] }}\n    limits: {{ memory: 256MiB, calls-in-flight: 256 }}"
    )
}

fn start_as(folder: &Folder, role: &str) -> Host {
    Host::start_with(folder, |command| {
        command.args(["--role", role]);
    })
}

#[test]
fn two_hosts_share_a_conversation_and_one_goes_on_alone() {
    let servers = Servers::start();
    let folder = servers.folder();
    let (first, second) = (Host::start(&folder), Host::start(&folder));
    // The flow counts what it hears, and hears first of the arrival.
    let mut here = Chat::begin(&first.origin, "count", None);
    here.say("one");
    assert_eq!(here.hear_text(), "2: one");
    let mut there = here.at(&second.origin);
    assert_eq!(there.hear_text(), "2: one");
    there.say("two");
    assert_eq!(there.hear_text(), "3: two");
    assert_eq!(here.hear_text(), "3: two");
    // As a machine that loses power.
    drop(first);
    there.say("three");
    assert_eq!(there.hear_text(), "4: three");
    assert!(there.is_all_heard());
}

#[test]
fn on_core_nats_two_hosts_share_a_conversation_and_a_stopped_one_finishes_what_it_has() {
    let servers = Servers::start();
    let url = format!("url: \"nats://{}\"", servers.nats.address());
    let folder = servers
        .folder()
        .but(&url, &format!("{url}, jetstream: false"));
    let (first, second) = (Host::start(&folder), Host::start(&folder));
    let mut here = Chat::begin(&first.origin, "count", None);
    here.say("one");
    assert_eq!(here.hear_text(), "2: one");
    let mut there = here.at(&second.origin);
    assert_eq!(there.hear_text(), "2: one");
    // Stopped in the middle: what it has is done before it ends, then the other has its partitions.
    for number in 0..10 {
        here.say(&format!("m{number}"));
    }
    assert_eq!(first.stop().code, Some(0));
    there.say("two");
    for number in 0..10 {
        assert_eq!(there.hear_text(), format!("{}: m{number}", number + 3));
    }
    assert_eq!(there.hear_text(), "13: two");
}

#[test]
fn each_role_does_its_part_and_a_socket_receives_what_another_process_sent() {
    let servers = Servers::start();
    let folder = servers.folder();
    let [gateway, runner, egress] =
        ["gateway", "runner", "egress"].map(|role| start_as(&folder, role));
    let mut chat = Chat::begin(&gateway.origin, "count", None);
    let mut stream = chat.follow();
    for number in 2..=4 {
        chat.say("hello");
        assert_eq!(stream.hear_text(), format!("{number}: hello"));
    }
    let turns = |host: &Host| host.metrics().sum("greentic_turns_total", &[]);
    assert_eq!(
        (turns(&gateway), turns(&runner), turns(&egress)),
        (0.0, 4.0, 0.0)
    );
    assert_eq!(
        (gateway.sent(), runner.sent(), egress.sent()),
        (0.0, 0.0, 3.0)
    );
    for (host, role) in [
        (&gateway, "gateway"),
        (&runner, "runner"),
        (&egress, "egress"),
    ] {
        let ready = host.get("/readyz");
        assert_eq!(ready.status, 200, "{ready:?}");
        assert!(ready.text().contains(role), "{}", ready.text());
    }
    // Who does not serve has no channel to ask.
    let hook = "/v1/messaging/ingress/echo/demo/default/echo";
    assert_eq!(runner.get(hook).status, 404);
    drop(stream);
    for host in [gateway, runner, egress] {
        assert_eq!(host.stop().code, Some(0));
    }
}

#[test]
fn a_role_over_backends_of_one_process_is_refused_with_what_to_bind() {
    let ran = run(&Folder::of("talk"), &["--role", "runner"]);
    assert_ne!(ran.code, Some(0));
    assert!(
        ran.stderr.contains("bus `bus`") && ran.stderr.contains("use.bus"),
        "{}",
        ran.stderr
    );
    let ran = run(&Folder::of("talk"), &["--role", "runners"]);
    assert!(
        ran.stderr.contains("gateway, runner or egress"),
        "{}",
        ran.stderr
    );
}

#[test]
fn incident_06_while_the_bus_is_gone_nothing_is_acknowledged_and_afterwards_all_is_taken() {
    let mut servers = Servers::start();
    let host = Host::start(&servers.folder());
    let hook = Webhook::new(&host.origin);
    hook.say("m1", "c", "before");
    host.reaches("greentic_messages_total", &[("direction", "out")], 1.0);
    servers.nats.kill();
    let refused = body("m2", "c", "meanwhile");
    let answer = hook.send(&refused, Some(&signature(&refused)));
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_ne!(answer.header("retry-after"), "", "{answer:?}");
    servers.nats.restart();
    // The platform sends it again until it is taken, and once more for good measure.
    eventually("the webhook is taken again", || {
        let answer = hook.send(&refused, Some(&signature(&refused)));
        (answer.status == 200).then_some(())
    });
    hook.say("m2", "c", "meanwhile");
    hook.say("m3", "c", "after");
    host.reaches("greentic_messages_total", &[("direction", "out")], 3.0);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(host.sent(), 3.0, "an event had its effects twice");
}

#[test]
fn a_host_whose_server_is_gone_is_not_ready_and_says_which_and_why() {
    let mut servers = Servers::start();
    let host = Host::start(&servers.folder());
    let is_ready = |ready: bool| {
        let status = if ready { 200 } else { 503 };
        eventually("the host knows whether it is ready", || {
            (host.get("/readyz").status == status).then_some(())
        });
    };
    is_ready(true);
    for (role, other) in [("bus", "sessions"), ("sessions", "bus")] {
        let server = if role == "bus" {
            &mut servers.nats
        } else {
            &mut servers.redis
        };
        server.kill();
        is_ready(false);
        // Why may quote the configuration, so it is told to operators only.
        let rows = host.administer("GET", "/ready").json();
        let row = |role: &str| {
            let rows = rows["plugins"].as_array().unwrap();
            rows.iter().find(|row| row["role"] == role).unwrap().clone()
        };
        assert_eq!(
            (&row(role)["up"], &row(other)["up"]),
            (&false.into(), &true.into())
        );
        assert!(row(role)["detail"].as_str().unwrap().len() > 5, "{rows}");
        let up = |role: &str| host.metrics().sum("greentic_backend_up", &[("role", role)]);
        assert_eq!((up(role), up(other)), (0.0, 1.0));
        server.restart();
        is_ready(true);
        assert_eq!(up(role), 1.0);
    }
}

#[test]
fn while_the_store_is_gone_events_wait_and_each_is_answered_once_it_is_back() {
    let mut servers = Servers::start();
    let folder = servers.folder().but(
        "bus: { retry-base: 1ms, retry-cap: 10ms }",
        "bus: { retry-base: 50ms, retry-cap: 500ms, max-deliver: 1000 }",
    );
    let host = Host::start(&folder);
    let hook = Webhook::new(&host.origin);
    hook.say("m1", "c", "before");
    host.reaches("greentic_messages_total", &[("direction", "out")], 1.0);
    servers.redis.kill();
    for number in 2..=5 {
        hook.say(&format!("m{number}"), "c", "meanwhile");
    }
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(
        host.sent(),
        1.0,
        "something was answered without its session"
    );
    servers.redis.restart();
    host.reaches("greentic_messages_total", &[("direction", "out")], 5.0);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(host.sent(), 5.0);
    assert_eq!(
        host.administer("GET", "/dead-letters").json()["letters"],
        serde_json::json!([])
    );
}

/// How many connections Redis has had since its start, this question's among them.
fn connections(servers: &Servers) -> u64 {
    let mut stream = TcpStream::connect(servers.redis.address()).unwrap();
    stream.write_all(b"INFO stats\r\nQUIT\r\n").unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("total_connections_received:"));
    line.unwrap().trim().parse().unwrap()
}

#[test]
fn incident_19_no_call_of_the_store_opens_a_connection_of_its_own() {
    let servers = Servers::start();
    let host = Host::start(&servers.folder());
    let hook = Webhook::new(&host.origin);
    hook.say("m0", "c", "before");
    host.reaches("greentic_messages_total", &[("direction", "out")], 1.0);
    let before = connections(&servers);
    for number in 1..=100 {
        hook.say(&format!("m{number}"), &format!("c{}", number % 10), "hello");
    }
    host.reaches("greentic_messages_total", &[("direction", "out")], 101.0);
    assert_eq!(
        connections(&servers) - before,
        1,
        "one hundred turns opened connections"
    );
}

#[test]
fn an_edit_changes_memory_for_servers_and_back_and_loses_nothing() {
    let servers = Servers::start();
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    let hook = Webhook::new(&host.origin);
    let mut said = 0;
    let mut talk = |count| {
        said = hook.say_more(said, count);
        f64::from(said)
    };
    talk(20);
    folder.edit(MEMORY_STORE, &servers.store("memory"));
    talk(20);
    host.serves(2);
    folder.edit(MEMORY_BUS, &servers.bus("bus"));
    talk(20);
    host.serves(3);
    let all = talk(20);
    host.reaches("greentic_messages_total", &[("direction", "out")], all);
    // A fault leaves the running generation, which says why.
    folder.edit(
        &servers.bus("bus"),
        "  bus: { from: \"${PLUGINS}/bus_nats.wasm\", config: { url: \"http://127.0.0.1\" } }",
    );
    host.logs("nats://");
    assert_eq!(host.generation(), 3);
    let all = talk(5);
    host.reaches("greentic_messages_total", &[("direction", "out")], all);
    folder.edit(
        "  bus: { from: \"${PLUGINS}/bus_nats.wasm\", config: { url: \"http://127.0.0.1\" } }",
        MEMORY_BUS,
    );
    host.serves(4);
    let all = talk(20);
    host.reaches("greentic_messages_total", &[("direction", "out")], all);
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(host.sent(), all, "each of {all} messages has one reply");
}
