//! A host that keeps sessions and messages in folders: what it acknowledged is there after its end, whatever that was.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::{Folder, MEMORY_BUS, MEMORY_STORE};
use greentic_tests::host::webhook::{Webhook, body, signature};
use greentic_tests::host::{Host, eventually};

fn plugin(name: &str, file: &str, folder: &str) -> String {
    format!(
        "  {name}:\n    from: \"${{PLUGINS}}/{file}.wasm\"\n    grants: {{ write: [{folder}] }}\n    limits: {{ memory: 256MiB, cpu-per-call: 30s }}"
    )
}

fn store() -> String {
    plugin("memory", "store_file", "data/sessions")
}

fn bus() -> String {
    plugin("bus", "bus_file", "data/messages")
}

/// The bundle of most tests, on files.
fn folder() -> Folder {
    let folder = with_folders();
    folder.but(MEMORY_STORE, &store()).but(MEMORY_BUS, &bus())
}

fn with_folders() -> Folder {
    let folder = Folder::of("talk");
    for name in ["sessions", "messages"] {
        std::fs::create_dir_all(folder.path().join("data").join(name)).unwrap();
    }
    folder
}

#[test]
fn whatever_was_acknowledged_before_a_host_was_killed_is_answered_once_and_in_order() {
    let folder = folder();
    let mut host = Host::start(&folder);
    let mut chat = Chat::begin(&host.origin, "count", None);
    let mut expected = Vec::new();
    for number in 2..=31 {
        chat.say(&format!("m{number}"));
        expected.push(format!("{number}: m{number}"));
        // With answers on their way, and with none.
        if number % 6 == 0 {
            drop(host);
            host = Host::start(&folder);
            chat = chat.at(&host.origin);
        }
    }
    let mut heard = chat.at(&host.origin);
    let answers: Vec<_> = expected.iter().map(|_| heard.hear_text()).collect();
    assert_eq!(answers, expected);
    assert!(heard.is_all_heard(), "something was said twice");
    assert_eq!(host.stop().code, Some(0));
    let again = Host::start(&folder);
    let mut chat = chat.at(&again.origin);
    for expected in expected {
        assert_eq!(chat.hear_text(), expected);
    }
    chat.say("bye");
    assert_eq!(chat.hear_text(), "32: bye");
}

#[test]
fn an_edit_changes_memory_for_folders_and_back_and_loses_nothing() {
    let folder = with_folders();
    let host = Host::start(&folder);
    let hook = Webhook::new(&host.origin);
    let mut said = 0;
    let mut talk = |count| {
        said = hook.say_more(said, count);
        f64::from(said)
    };
    talk(20);
    folder.edit(MEMORY_STORE, &store());
    talk(20);
    host.serves(2);
    folder.edit(MEMORY_BUS, &bus());
    talk(20);
    host.serves(3);
    let all = talk(20);
    host.reaches("greentic_messages_total", &[("direction", "out")], all);
    folder.edit(&bus(), MEMORY_BUS);
    host.serves(4);
    let all = talk(20);
    host.reaches("greentic_messages_total", &[("direction", "out")], all);
    assert_eq!(host.sent(), all, "each of {all} messages has one reply");
}

#[test]
fn a_second_host_takes_the_folders_over_and_the_first_one_acknowledges_nothing_more() {
    let folder = folder();
    let first = Host::start(&folder);
    let (old, new_body) = (Webhook::new(&first.origin), body("m2", "c", "late"));
    old.say("m1", "c", "before");
    first.reaches("greentic_messages_total", &[("direction", "out")], 1.0);
    let second = Host::start(&folder);
    let new = Webhook::new(&second.origin);
    new.say("m3", "c", "after");
    second.reaches("greentic_messages_total", &[("direction", "out")], 1.0);
    let answer = eventually("the first host refuses", || {
        let answer = old.send(&new_body, Some(&signature(&new_body)));
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(answer.status, 503, "{answer:?}");
    first.logs("taken over the folder");
    // What the first one did not take the second one does.
    new.say("m2", "c", "late");
    second.reaches("greentic_messages_total", &[("direction", "out")], 2.0);
}

#[test]
fn a_damaged_file_is_refused_by_name_until_somebody_says_otherwise() {
    let folder = folder();
    let host = Host::start(&folder);
    let hook = Webhook::new(&host.origin);
    hook.say("m1", "c", "before");
    host.reaches("greentic_messages_total", &[("direction", "out")], 1.0);
    hook.say("m2", "c", "more");
    host.reaches("greentic_messages_total", &[("direction", "out")], 2.0);
    assert_eq!(host.stop().code, Some(0));
    let sessions = folder.path().join("data/sessions");
    let file = std::fs::read_dir(&sessions)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|kind| kind == "journal"))
        .unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let host = Host::start(&folder);
    host.logs("is damaged at byte");
    drop(host);
    let kept = folder.but(
        "grants: { write: [data/sessions] }",
        "grants: { write: [data/sessions] }\n    config: { after-damage: keep-before }",
    );
    let host = Host::start(&kept);
    let hook = Webhook::new(&host.origin);
    hook.say("m3", "c", "after");
    host.reaches("greentic_messages_total", &[("direction", "out")], 1.0);
    let names = std::fs::read_dir(&sessions).unwrap();
    let names: Vec<_> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        names.iter().any(|name| name.ends_with(".damaged")),
        "{names:?}"
    );
}
