//! Taking over a changed bundle while people talk: nothing is lost, nothing comes twice, and what is wrong changes nothing.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::webhook::{self, Webhook};
use greentic_tests::host::{Host, built, eventually};

fn talk() -> (Folder, Host) {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    (folder, host)
}

/// A second of each backend, and nobody bound to it yet.
fn with_spares() -> Folder {
    Folder::of("talk").but(
        "  files: {",
        "  memory2: { from: \"${PLUGINS}/store_memory.wasm\" }\n  bus2: { from: \"${PLUGINS}/bus_memory.wasm\" }\n  files: {",
    )
}

#[test]
fn an_edit_is_taken_over_while_people_talk_and_what_the_stores_keep_stays() {
    let (folder, host) = talk();
    let mut chat = Chat::begin(&host.origin, "count", None);
    chat.say("one");
    assert_eq!(chat.hear_text(), "2: one");
    folder.edit("That went wrong.", "Not today.");
    host.serves(2);
    chat.say("two");
    assert_eq!(chat.hear_text(), "3: two");
    let mut harmed = Chat::begin(&host.origin, "harm", None);
    harmed.say("trap");
    assert_eq!(harmed.hear_text(), "Not today.");
    let line = host.logs("generation 2 serves");
    assert!(line.contains("channels bound anew"), "{line}");
    assert!(
        !line.contains("plugin"),
        "no plugin was started again: {line}"
    );
    assert_eq!(host.metrics().sum("greentic_generation", &[]), 2.0);
    host.reaches(
        "greentic_generation_swaps_total",
        &[("outcome", "taken")],
        1.0,
    );
}

#[test]
fn a_faulty_edit_leaves_the_running_generation_and_says_why_in_every_place() {
    let (folder, host) = talk();
    let mut chat = Chat::begin(&host.origin, "count", None);
    for (number, (right, wrong, said)) in (1_u32..).zip([
        ("sessions: memory", "sessions: memori", "memori"),
        ("retry-base: 1ms", "retry-bass: 1ms", "retry-bass"),
        (
            "/hostile_flow.wasm",
            "/no_such_flow.wasm",
            "no_such_flow.wasm",
        ),
        (
            "secrets: [signing-key]",
            "secrets: [signing-kee]",
            "signing-kee",
        ),
        ("flow: hostile, config", "flow: tickets, config", "tickets"),
    ]) {
        folder.edit(right, wrong);
        host.reaches(
            "greentic_generation_swaps_total",
            &[("outcome", "refused")],
            f64::from(number * 2 - 1),
        );
        assert_eq!(host.generation(), 1);
        let listed = host.administer("GET", "/generations").json();
        let why = listed["refused"].as_str().unwrap_or_default();
        assert!(
            why.contains("an edit was refused, generation 1 goes on") && why.contains(said),
            "{wrong}: {listed}"
        );
        assert!(why.contains("bundle.yaml:"), "with its place: {why}");
        let ready = host.administer("GET", "/ready");
        assert_eq!(ready.status, 200, "{ready:?}");
        assert!(ready.text().contains(said), "{ready:?}");
        assert!(
            !host.get("/readyz").text().contains(said),
            "strangers are not told"
        );
        let asked = host.administer("POST", "/generations");
        assert_eq!(asked.problem(), 422);
        let faults = asked.json()["faults"].to_string();
        assert!(faults.contains(said), "{faults}");
        chat.say("still here");
        assert_eq!(chat.hear_text(), format!("{}: still here", number + 1));
        folder.edit(wrong, right);
        // Right again, and nothing of what runs has changed.
        host.reaches(
            "greentic_generation_swaps_total",
            &[("outcome", "unchanged")],
            f64::from(number),
        );
        assert_eq!(
            host.administer("GET", "/generations").json()["refused"],
            serde_json::Value::Null
        );
    }
    let errors = host.log();
    let errors = errors.iter().filter(|line| line.contains("was refused"));
    assert_eq!(errors.count(), 10, "each edit and each call");
}

#[test]
fn a_store_and_a_bus_are_exchanged_by_an_edit() {
    let folder = with_spares();
    let host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "count", None);
    chat.say("one");
    assert_eq!(chat.hear_text(), "2: one");
    folder.edit("bus: bus,", "bus: bus2,");
    host.serves(2);
    chat.say("two");
    assert_eq!(
        chat.hear_text(),
        "3: two",
        "the sessions stay where they are"
    );
    folder.edit("sessions: memory,", "sessions: memory2,");
    host.serves(3);
    let mut other = Chat::begin(&host.origin, "count", None);
    other.say("one");
    assert_eq!(other.hear_text(), "2: one");
    host.logs("sessions in `memory2`, bus `bus2`");
    // Back to the first store, which is kept as long as its generation can be gone back to.
    let back = host.administer("POST", "/generations/rollback");
    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(back.json()["generation"], 4, "{back:?}");
    chat.say("three");
    assert_eq!(chat.hear_text(), "4: three");
    let rows = host.administer("GET", "/generations").json();
    assert_eq!(rows["generations"][0]["rolled_back_to"], 2, "{rows}");
    eventually("the generations before are done", || {
        let rows = host.administer("GET", "/generations").json();
        let rows = rows["generations"].as_array().unwrap().clone();
        rows.iter()
            .skip(1)
            .all(|row| row["state"] == "ended")
            .then_some(())
    });
}

#[test]
fn a_rollback_brings_back_what_ran_though_the_files_say_something_else() {
    let (folder, host) = talk();
    assert_eq!(
        host.administer("POST", "/generations/rollback").problem(),
        404,
        "there is nothing to go back to"
    );
    folder.edit("That went wrong.", "Second.");
    host.serves(2);
    folder.edit("Second.", "Third.");
    host.serves(3);
    for (query, number, text) in [("", 4, "Second."), ("?to=1", 5, "That went wrong.")] {
        let back = host.administer("POST", &format!("/generations/rollback{query}"));
        assert_eq!(back.status, 200, "{back:?}");
        assert_eq!(back.json()["generation"], number);
        let mut chat = Chat::begin(&host.origin, "harm", None);
        chat.say("trap");
        assert_eq!(chat.hear_text(), text);
    }
    assert_eq!(
        host.administer("POST", "/generations/rollback?to=5")
            .problem(),
        409
    );
    assert_eq!(
        host.administer("POST", "/generations/rollback?to=77")
            .problem(),
        404
    );
    assert_eq!(
        host.administer("POST", "/generations/rollback?to=x")
            .problem(),
        400
    );
    // The file on disk has not changed since: it is not taken over again by itself.
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(host.generation(), 5);
    assert!(
        std::fs::read_to_string(folder.file("bundle.yaml"))
            .unwrap()
            .contains("Third.")
    );
}

#[test]
fn sighup_takes_over_an_edit_that_nobody_watches_for() {
    let folder = Folder::of("talk");
    let host = Host::start_with(&folder, |command| {
        command.arg("--no-watch");
    });
    folder.edit("That went wrong.", "Second.");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(host.generation(), 1, "nobody watches");
    host.hang_up();
    host.serves(2);
    host.logs("SIGHUP: generation 2 serves");
    assert_eq!(host.stop().code, Some(0));
}

#[test]
fn a_new_secret_is_taken_over_when_it_is_asked_for() {
    let (folder, host) = talk();
    let body = webhook::body("m1", "c1", "hello");
    let signed = webhook::signature(&body);
    let hook = Webhook::new(&host.origin);
    assert_eq!(hook.send(&body, Some(&signed)).status, 200);
    folder.write("secrets/signing-key", "another key");
    let done = host.administer("POST", "/generations");
    assert_eq!(done.json()["swapped"], true, "{done:?}");
    assert_eq!(hook.send(&body, Some(&signed)).status, 401);
    folder.write("secrets/signing-key", webhook::KEY);
    assert_eq!(host.administer("POST", "/generations").status, 200);
    assert_eq!(hook.send(&body, Some(&signed)).status, 200);
    let done = host.administer("POST", "/generations");
    assert_eq!(done.json()["swapped"], false, "{done:?}");
}

#[test]
fn a_websocket_stays_open_when_its_channel_stays_and_is_told_to_come_again_when_it_does_not() {
    let (folder, host) = talk();
    let mut chat = Chat::begin(&host.origin, "count", None);
    let mut stream = chat.follow();
    chat.say("one");
    assert_eq!(stream.hear_text(), "2: one");
    // Another team comes: nothing about this one changes.
    folder.edit(
        "      default:\n",
        "      second: { channels: { more: { provider: webchat, flow: counter, config: { anonymous: true } } } }\n      default:\n",
    );
    host.serves(2);
    chat.say("two");
    assert_eq!(stream.hear_text(), "3: two", "over the same socket");
    let seen = stream.watermark.clone();
    folder.edit("That went wrong.", "Second.");
    assert_eq!(stream.closed(), Some(1012), "service restart: come again");
    host.serves(3);
    chat.say("three");
    let mut again = chat.follow_after(&seen);
    assert_eq!(again.hear_text(), "4: three");
}

#[test]
fn a_conversation_goes_on_with_the_version_of_the_flow_it_began_with() {
    let folder = Folder::of("talk").but(
        "  egress:",
        "  session: { old-flow: 10m }\n  generation: { watch: 50ms }\n  egress:",
    );
    let host = Host::start(&folder);
    let mut old = Chat::begin(&host.origin, "count", None);
    old.say("say:hello");
    assert_eq!(old.hear_text(), "2: say:hello");
    // Another component under the same name: it says `t` where the one before says `say:t`.
    folder.edit("/flow_echo.wasm", "/hostile_flow.wasm");
    host.serves(2);
    host.logs("flow `counter` has a new version");
    let mut new = Chat::begin(&host.origin, "count", None);
    new.say("say:hello");
    assert_eq!(new.hear_text(), "hello");
    old.say("say:hello");
    assert_eq!(old.hear_text(), "3: say:hello");
    // An edit of something else does not move anybody.
    folder.edit("That went wrong.", "Second.");
    host.serves(3);
    old.say("say:hello");
    assert_eq!(old.hear_text(), "4: say:hello");
    // With no time for old versions everybody moves on.
    folder.edit("old-flow: 10m", "old-flow: 1ms");
    host.serves(4);
    folder.edit(
        "/hostile_flow.wasm\" }\n  hostile",
        "/flow_echo.wasm\" }\n  hostile",
    );
    host.serves(5);
    new.say("say:hello");
    assert_eq!(
        new.hear_text(),
        "1: say:hello",
        "it begins anew, on the present version"
    );
    old.say("say:hello");
    assert_eq!(
        old.hear_text(),
        "5: say:hello",
        "its version is the present one again"
    );
}

#[test]
fn a_flow_of_a_pack_changes_for_new_conversations_only() {
    let folder = Folder::of("talk")
        .but("packs:\n", "packs:\n  own: { from: own.gtpack }\n")
        .but("flow: hostile, config", "flow: own/welcome, config");
    let pack = |second: &str| {
        folder.write(
            "own/pack.yaml",
            "id: local/own\nversion: 0.1.0\nname: Own\nkind: application\n",
        );
        folder.write(
            "own/flows/welcome.ygtc",
            format!(
                "id: welcome\ntype: messaging\ntitle: T\nschema_version: 2\nstart: ask\nnodes:\n  ask:\n    emit.response: {{ text: first }}\n    routing: [{{ to: rest }}]\n  rest:\n    session.wait: {{}}\n    routing: [{{ to: answer }}]\n  answer:\n    emit.response: {{ text: {second} }}\n    routing: out\n"
            ),
        );
        let built = Command::new(built::pack_tool())
            .args(["build", "own", "-o", "own.gtpack"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
    };
    pack("before");
    let host = Host::start(&folder);
    let mut old = Chat::begin(&host.origin, "harm", None);
    old.say("x");
    assert_eq!(old.hear_text(), "first");
    pack("after");
    host.serves(2);
    let mut new = Chat::begin(&host.origin, "harm", None);
    new.say("x");
    assert_eq!(new.hear_text(), "first");
    old.say("x");
    assert_eq!(old.hear_text(), "before");
    new.say("x");
    assert_eq!(new.hear_text(), "after");
    // The old conversation has ended; its next one is of today.
    old.say("x");
    assert_eq!(old.hear_text(), "first");
    old.say("x");
    assert_eq!(old.hear_text(), "after");
}

/// Edits that are made one after the other while messages come: limits, texts, other backends, another flow.
const EDITS: &[(&str, &str)] = &[
    ("bus: bus,", "bus: bus2,"),
    ("That went wrong.", "Not today."),
    ("bus: bus2,", "bus: bus,"),
    (
        "counter: { from",
        "counter: { limits: { memory: 32MiB }, from",
    ),
    ("Not today.", "That went wrong."),
    (
        "counter: { limits: { memory: 32MiB }, from",
        "counter: { from",
    ),
];

#[test]
fn thirty_swaps_under_load_lose_nothing_and_say_nothing_twice() {
    const SWAPS: u64 = 30;
    const PEOPLE: usize = 6;
    // A call's time is told by the clock while the guest is polled: a machine that does much else must not end one.
    let folder = with_spares().but(
        "  egress:",
        "  generation: { watch: 50ms }\n  quota: { events-per-second: 100000, burst: 100000 }\n  plugin: { cpu-per-call: 10s }\n  egress:",
    );
    let host = Host::start(&folder);
    let over = AtomicBool::new(false);
    let acknowledged = AtomicU64::new(0);
    let chats = std::thread::scope(|scope| {
        let people: Vec<_> = (0..PEOPLE)
            .map(|_| {
                let (over, origin) = (&over, &host.origin);
                scope.spawn(move || {
                    let mut chat = Chat::begin(origin, "count", None);
                    let (mut said, mut heard) = (0_u64, Heard::default());
                    while !over.load(Ordering::Relaxed) {
                        // Any answer but 200 ends the test here.
                        chat.say(&format!("m{said}"));
                        said += 1;
                        if said.is_multiple_of(25) {
                            heard.more(&chat);
                        }
                    }
                    (chat, said, heard)
                })
            })
            .collect();
        for sender in 0..2 {
            let (over, acknowledged, hook) = (&over, &acknowledged, Webhook::new(&host.origin));
            scope.spawn(move || {
                let mut number = 0;
                while !over.load(Ordering::Relaxed) {
                    let conversation = format!("c{sender}-{}", number % 5);
                    hook.say(&format!("{sender}-{number}"), &conversation, "hi");
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                    number += 1;
                }
            });
        }
        for (swap, (text, instead)) in (0..SWAPS).zip(EDITS.iter().cycle()) {
            folder.edit(text, instead);
            host.serves(swap + 2);
        }
        over.store(true, Ordering::Relaxed);
        people
            .into_iter()
            .map(|person| person.join().unwrap())
            .collect::<Vec<_>>()
    });
    let mut most = 0;
    for (chat, said, mut heard) in chats {
        let replies = eventually("all replies", || {
            heard.more(&chat);
            let count = u64::try_from(heard.replies.len()).unwrap();
            (count >= said).then(|| heard.replies.clone())
        });
        // The first turn is the joining: the first message is counted as the second.
        let expected: Vec<String> = (0..said)
            .map(|number| format!("{}: m{number}", number + 2))
            .collect();
        assert_eq!(replies, expected, "each once, in order, of one session");
        most += said;
    }
    let acknowledged = u32::try_from(acknowledged.load(Ordering::Relaxed)).unwrap();
    let out = [("channel", "echo"), ("direction", "out")];
    host.reaches("greentic_messages_total", &out, f64::from(acknowledged));
    let metrics = host.metrics();
    assert_eq!(
        metrics.sum("greentic_messages_total", &out),
        f64::from(acknowledged)
    );
    assert_eq!(metrics.sum("greentic_dead_letters_total", &[]), 0.0);
    assert_eq!(
        metrics.sum("greentic_ingress_answers_total", &[("class", "5xx")]),
        0.0
    );
    assert!(most > SWAPS * 2, "{most} messages are no load");
    let ended = host.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
}

/// What the other side said until now. It is asked for again and again, for a log keeps a thousand entries only.
#[derive(Default)]
struct Heard {
    watermark: String,
    replies: Vec<String>,
}

impl Heard {
    fn more(&mut self, chat: &Chat) {
        loop {
            let (activities, watermark) = chat.activities(&self.watermark);
            if activities.is_empty() {
                return;
            }
            self.watermark = watermark;
            let said = activities.iter().filter(|activity| {
                activity["type"] == "message" && activity["from"]["role"] == "bot"
            });
            self.replies
                .extend(said.map(|one| one["text"].as_str().unwrap().to_owned()));
        }
    }
}
