//! Too much of what is allowed: host calls, handles, and values that cross the boundary.

use std::hint::black_box;
use std::io::Write;
use std::time::SystemTime;

use greentic_sdk::channel::{IngressOutcome, Response};
use greentic_sdk::config;
use greentic_sdk::log::{self, Level};
use greentic_sdk::model::{Conversation, Event, EventBody, Header, Message, Participant};
use greentic_sdk::secret::Secret;

use crate::{Mode, tell};

pub(crate) fn act(mode: &Mode<'_>) -> Option<IngressOutcome> {
    let times = mode.number("n", u64::MAX);
    match mode.name {
        "log-flood" => Some(repeat(times, || log::line(Level::Info, "flood", "again"))),
        "secret-flood" => Some(repeat(times, || {
            if let Ok(secret) = Secret::open(mode.text("name").unwrap_or("k")) {
                black_box(secret.hmac_sha256(b"again"));
            }
        })),
        "config-flood" => Some(repeat(times, || {
            black_box(config::get("mode").is_ok());
        })),
        "stdout-flood" => Some(repeat(times, || {
            drop(std::io::stdout().write_all(&[b'x'; 4096]));
        })),
        "clock" => Some(repeat(times, || {
            black_box(SystemTime::now());
        })),
        "handles" => {
            let mut kept = Vec::new();
            Some(repeat(times, || {
                kept.push(Secret::open(mode.text("name").unwrap_or("k")))
            }))
        }
        "long-log" => {
            log::line(Level::Info, "flood", &"x".repeat(size(mode, 16 << 20)));
            Some(tell("logged"))
        }
        "big-body" => Some(IngressOutcome::answer(Response::body(
            200,
            "text/plain",
            vec![b'x'; size(mode, 64 << 20)],
        ))),
        "big-header" => Some(IngressOutcome::answer(
            Response::empty(200).with_header("x-big", &"x".repeat(size(mode, 8 << 20))),
        )),
        "many-headers" => {
            let mut response = Response::body(200, "text/plain", "");
            response
                .headers
                .extend((0..size(mode, 100_000)).map(|n| Header::new(&format!("x-{n}"), "1")));
            Some(IngressOutcome::answer(response))
        }
        "bad-status" => Some(IngressOutcome::answer(Response::empty(999))),
        "bad-header" => Some(IngressOutcome::answer(
            Response::empty(200).with_header("x-bad", "a\r\nset-cookie: b=c"),
        )),
        "events" => {
            let events = (0..size(mode, 100_000))
                .map(|n| event(&n.to_string(), "c", "hi"))
                .collect();
            Some(IngressOutcome::events(Response::empty(200), events))
        }
        "big-text" => {
            let text = "x".repeat(size(mode, 10 << 20));
            Some(IngressOutcome::events(
                Response::empty(200),
                vec![event("big", "c", &text)],
            ))
        }
        "say" => {
            let id = mode
                .text("id")
                .map_or_else(|| format!("{:?}", SystemTime::now()), str::to_owned);
            let event = event(
                &id,
                mode.text("conversation").unwrap_or("c"),
                mode.text("text").unwrap_or("hi"),
            );
            Some(IngressOutcome::events(Response::empty(200), vec![event]))
        }
        "random" => Some(tell(random(mode.number("n", 1 << 40)))),
        _ => None,
    }
}

fn repeat(times: u64, mut work: impl FnMut()) -> IngressOutcome {
    for _ in 0..times {
        work();
    }
    tell("done")
}

fn size(mode: &Mode<'_>, default: u32) -> usize {
    mode.number("n", default.into()) as usize
}

fn event(id: &str, conversation: &str, text: &str) -> Event {
    Event {
        id: id.into(),
        dedupe_key: id.into(),
        time_ms: 0,
        conversation: Conversation::direct(conversation),
        sender: Participant::person("u"),
        reply_to: None,
        body: EventBody::Message(Message::plain(text)),
    }
}

#[cfg(target_arch = "wasm32")]
fn random(bytes: u64) -> String {
    format!(
        "got {} bytes",
        wasip2::random::random::get_random_bytes(bytes).len()
    )
}

#[cfg(not(target_arch = "wasm32"))]
fn random(_bytes: u64) -> String {
    "denied: not in a sandbox".into()
}
