//! The life of a message: what is verified gets one turn and one reply, in order, however often and from wherever it comes.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use greentic_tests::host::direct_line::Chat;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::metrics::Metrics;
use greentic_tests::host::webhook::{self, Webhook};
use greentic_tests::host::{Host, eventually};

fn talk() -> (Folder, Host, Webhook) {
    let folder = Folder::of("talk");
    let host = Host::start(&folder);
    let webhook = Webhook::new(&host.origin);
    (folder, host, webhook)
}

fn turns(metrics: &Metrics) -> f64 {
    metrics.sum("greentic_turns_total", &[])
}

fn delivered(metrics: &Metrics) -> f64 {
    metrics.sum(
        "greentic_messages_total",
        &[("direction", "out"), ("channel", "echo")],
    )
}

/// The number of a chat's first message: the counter counts turns, and joining is one.
const FIRST: u64 = 2;

const OUT: (&str, [(&str, &str); 2]) = (
    "greentic_messages_total",
    [("channel", "echo"), ("direction", "out")],
);

#[test]
fn a_signed_webhook_is_taken_and_one_reply_is_delivered() {
    let (_folder, host, webhook) = talk();
    webhook.say("m1", "c1", "hello");
    host.reaches(OUT.0, &OUT.1, 1.0);
    // Another message through the same way: were there a second reply to the first, it would have come before.
    webhook.say("m2", "c1", "hello again");
    host.reaches(OUT.0, &OUT.1, 2.0);
    let ended = host.metrics();
    assert_eq!((turns(&ended), delivered(&ended)), (2.0, 2.0));
    assert_eq!(
        ended.sum("greentic_egress_attempts_total", &[("outcome", "sent")]),
        2.0
    );
    assert_eq!(ended.sum("greentic_dead_letters_total", &[]), 0.0);
}

#[test]
fn what_is_not_signed_is_refused_and_nothing_else_happens() {
    let (_folder, host, webhook) = talk();
    let body = webhook::body("m1", "c1", "hello");
    let right = webhook::signature(&body);
    let other = webhook::signature("another body");
    let long = format!("{right}00");
    let upside_down: String = right.chars().rev().collect();
    for wrong in [
        None,
        Some(""),
        Some(&right[..63]),
        Some(&right[..62]),
        Some(&long),
        Some(&other),
        Some(&upside_down),
        Some("zz"),
    ] {
        let answer = webhook.send(&body, wrong);
        assert_eq!(answer.problem(), 401, "{wrong:?}");
        assert!(
            !answer.text().contains(&right),
            "the answer must not help to guess"
        );
    }
    let changed = webhook::body("m1", "c1", "hellO");
    assert_eq!(webhook.send(&changed, Some(&right)).problem(), 401);
    // The right one still is, so it was the signature each time.
    webhook.say("m2", "c1", "hello");
    host.reaches(OUT.0, &OUT.1, 1.0);
    let metrics = host.metrics();
    assert_eq!(
        (
            turns(&metrics),
            metrics.sum("greentic_messages_total", &[("direction", "in")])
        ),
        (1.0, 1.0)
    );
    assert_eq!(
        metrics.sum("greentic_ingress_unverified_total", &[("channel", "echo")]),
        9.0
    );
    let ended = host.stop();
    let key = ended
        .log
        .iter()
        .find(|line| line.contains(webhook::KEY) || line.contains("\"ERROR\""));
    assert_eq!(key, None);
}

#[test]
fn incident_03_an_event_that_is_sent_twenty_times_at_once_and_again_later_has_one_turn_and_one_reply()
 {
    let (_folder, host, webhook) = talk();
    std::thread::scope(|scope| {
        for _ in 0..20 {
            let webhook = webhook.another();
            scope.spawn(move || webhook.say("same", "c1", "hello"));
        }
    });
    host.reaches(OUT.0, &OUT.1, 1.0);
    for _ in 0..3 {
        webhook.say("same", "c1", "hello");
    }
    // One after them in the same conversation: when it is answered, they are behind us.
    webhook.say("next", "c1", "and now?");
    host.reaches(OUT.0, &OUT.1, 2.0);
    let metrics = host.metrics();
    assert_eq!((turns(&metrics), delivered(&metrics)), (2.0, 2.0));
    // The same id in another conversation of the channel is still the same event; another id is not.
    webhook.say("other", "c1", "hello");
    host.reaches(OUT.0, &OUT.1, 3.0);
}

#[test]
fn messages_to_one_conversation_over_many_connections_are_answered_in_the_order_they_were_taken() {
    let (_folder, host, _) = talk();
    let chat = Chat::begin(&host.origin, "count", None);
    let mut connections: Vec<Chat> = (0..8).map(|_| chat.elsewhere()).collect();
    // Each is acknowledged before the next is sent, by whichever worker has its connection.
    for number in 0..200_u64 {
        connections[0].say(&format!("m{number}"));
        connections.rotate_left(1);
    }
    let expected: Vec<String> = (0..200)
        .map(|number| format!("{}: m{number}", number + FIRST))
        .collect();
    assert_eq!(replies(&chat, 200), expected);
}

#[test]
fn incident_10_messages_sent_to_one_conversation_at_once_are_counted_one_by_one() {
    let (_folder, host, _) = talk();
    let chat = Chat::begin(&host.origin, "count", None);
    std::thread::scope(|scope| {
        for connection in 0..8 {
            let mut chat = chat.elsewhere();
            scope.spawn(move || {
                for number in 0..25 {
                    chat.say(&format!("{connection}-{number}"));
                }
            });
        }
    });
    let replies = replies(&chat, 200);
    let said: Vec<(u64, &str)> = replies
        .iter()
        .map(|text| {
            text.split_once(": ")
                .map(|(count, said)| (count.parse().unwrap(), said))
                .unwrap()
        })
        .collect();
    // No turn saw the snapshot of another that was still running: every count comes once, and in order.
    assert!(
        said.iter().map(|(count, _)| *count).eq(FIRST..FIRST + 200),
        "{replies:?}"
    );
    for connection in 0..8 {
        let own: Vec<String> = said
            .iter()
            .map(|(_, said)| (*said).to_owned())
            .filter(|said| said.starts_with(&format!("{connection}-")))
            .collect();
        let sent: Vec<String> = (0..25)
            .map(|number| format!("{connection}-{number}"))
            .collect();
        assert_eq!(
            own, sent,
            "what one connection sent after the other keeps its order"
        );
    }
}

#[test]
fn many_conversations_at_once_are_each_answered_to_the_end() {
    let (_folder, host, webhook) = talk();
    const CONVERSATIONS: usize = 60;
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let webhook = webhook.another();
            scope.spawn(move || {
                for message in 0..5 {
                    for conversation in (worker..CONVERSATIONS).step_by(6) {
                        webhook.say(
                            &format!("{conversation}-{message}"),
                            &format!("c{conversation}"),
                            "hi",
                        );
                    }
                }
            });
        }
    });
    let all = 300.0;
    host.reaches(OUT.0, &OUT.1, all);
    let metrics = host.metrics();
    assert_eq!((turns(&metrics), delivered(&metrics)), (all, all));
    let ended = host.stop();
    assert_eq!(ended.code, Some(0));
}

/// The texts of the other side, once there are so many.
fn replies(chat: &Chat, count: usize) -> Vec<String> {
    eventually("all replies", || {
        let texts: Vec<String> = chat
            .history()
            .iter()
            .filter(|activity| activity["from"]["role"] == "bot")
            .map(|activity| activity["text"].as_str().unwrap().to_owned())
            .collect();
        (texts.len() >= count).then_some(texts)
    })
}
