//! A channel that uses what the host offers as it is told, so that a test sees what the host does.
//!
//! The request's body says what to do, one line a step, and the answer has one line for each:
//!
//! | line | answer |
//! |---|---|
//! | `put NAME VALUE`, `put-for MS NAME VALUE` | `done` |
//! | `add NAME VALUE` | `added` or `there` |
//! | `get NAME` | the value, or `nothing` |
//! | `delete NAME` | `done` |
//! | `http METHOD URL` | `200 <body>`, or what the SDK says went wrong |
//!
//! A step the host refuses is answered with `error: …`. Two lines are about the whole request: `ignored N` reports so many ignored
//! events, `malformed TEXT` that the request could not be understood. `say ID TEXT` makes a message of conversation `c`.
//!
//! `setup` remembers the address under `setup` and tells it in its line; with `setup: fail` in the configuration it fails.
//! `teardown` remembers `done` under `teardown`.

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Lifecycle, Limits, Receipt, Request, Response, Surfaces, memory,
};
use greentic_sdk::model::{About, Conversation, Error, Event, EventBody, Message, Participant};
use greentic_sdk::{config, http, time};

/// How long this channel's platform sends an event again: longer than the host remembers by itself.
const DEDUPE_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// The component.
pub struct Probe;

impl Channel for Probe {
    fn describe() -> Descriptor {
        let schema = r#"{"type":"object","additionalProperties":false,"properties":{"setup":{"enum":["work","fail"]}}}"#;
        Descriptor {
            about: About::new(
                "probe-channel",
                env!("CARGO_PKG_VERSION"),
                "Uses what the host offers as it is told, for tests",
            )
            .config(schema),
            surfaces: Surfaces::WEBHOOK,
            headers: Vec::new(),
            upload_paths: Vec::new(),
            capabilities: Capabilities::empty(),
            dedupe_ms: DEDUPE_MS,
            limits: Limits {
                max_text: 4096,
                max_buttons: 0,
                max_attachment: 0,
                per_conversation: Vec::new(),
                per_channel: Vec::new(),
            },
        }
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let mut outcome = IngressOutcome::answer(Response::empty(200));
        let mut answers = Vec::new();
        for line in String::from_utf8_lossy(&request.body).lines() {
            let (step, rest) = line.split_once(' ').unwrap_or((line, ""));
            match step {
                "ignored" => outcome.ignored = rest.parse().unwrap_or(0),
                "malformed" => outcome.malformed = Some(rest.to_owned()),
                "say" => outcome.events.push(message(rest)),
                _ => answers.push(
                    self::step(step, rest).unwrap_or_else(|error| format!("error: {error:?}")),
                ),
            }
        }
        outcome.response = Response::body(200, "text/plain; charset=utf-8", answers.join("\n"));
        Ok(outcome)
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::one(delivery.id))
    }
}

impl Lifecycle for Probe {
    fn setup(url: String) -> Result<Vec<String>, Error> {
        if config::get("setup")?.as_deref() == Some("fail") {
            return Err(Error::Invalid("the platform does not take it".into()));
        }
        memory::put("setup", url.as_bytes(), None)?;
        Ok(vec![format!("registered {url}")])
    }

    fn teardown() -> Result<(), Error> {
        memory::put("teardown", b"done", None)
    }
}

greentic_sdk::export_channel!(Probe);
greentic_sdk::export_lifecycle!(Probe);

fn step(step: &str, rest: &str) -> Result<String, Error> {
    let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
    Ok(match step {
        "put" => memory::put(name, value.as_bytes(), None).map(|()| "done".to_owned())?,
        "put-for" => {
            let ms = name
                .parse()
                .map_err(|_| Error::Invalid("no number".into()))?;
            let (name, value) = value.split_once(' ').unwrap_or((value, ""));
            memory::put(name, value.as_bytes(), Some(ms)).map(|()| "done".to_owned())?
        }
        "add" if memory::add(name, value.as_bytes(), None)? => "added".to_owned(),
        "add" => "there".to_owned(),
        "get" => memory::get(name)?.map_or_else(
            || "nothing".to_owned(),
            |value| String::from_utf8_lossy(&value).into_owned(),
        ),
        "delete" => memory::delete(name).map(|()| "done".to_owned())?,
        "http" => match http::Request::new(name, value)
            .timeout(std::time::Duration::from_secs(5))
            .send()
        {
            Ok(response) => format!("{} {}", response.status, response.text()),
            Err(fault) => fault.to_string(),
        },
        _ => return Err(Error::Invalid("no such step".into())),
    })
}

fn message(rest: &str) -> Event {
    let (id, text) = rest.split_once(' ').unwrap_or((rest, ""));
    Event {
        id: id.into(),
        dedupe_key: id.into(),
        time_ms: time::now_ms(),
        conversation: Conversation::direct("c"),
        sender: Participant::person("u"),
        reply_to: None,
        body: EventBody::Message(Message::plain(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::Probe;
    use greentic_sdk::channel::{Channel, IngressOutcome, Lifecycle, Request, Surface};
    use greentic_sdk::native::{Table, install};

    fn ask(body: &str) -> IngressOutcome {
        Probe::ingress(Request {
            surface: Surface::Webhook,
            method: "POST".into(),
            origin: String::new(),
            base: String::new(),
            path: String::new(),
            query: None,
            headers: Vec::new(),
            body: body.into(),
        })
        .unwrap()
    }

    #[test]
    fn every_step_is_answered() {
        install(Table::new());
        let answered = ask(
            "get a\nadd a 1\nadd a 2\nget a\nput a 3 4\nget a\ndelete a\nget a\nhttp GET http://a.example/\nx",
        );
        let text = String::from_utf8(answered.response.body).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[..8],
            [
                "nothing", "added", "there", "1", "done", "3 4", "done", "nothing"
            ]
        );
        assert!(lines[8].starts_with("refused: "), "{text}");
        assert!(lines[9].starts_with("error: "), "{text}");
        let whole = ask("ignored 3\nmalformed why\nsay m1 hello");
        assert_eq!(
            (
                whole.ignored,
                whole.malformed.as_deref(),
                whole.events.len()
            ),
            (3, Some("why"), 1)
        );
    }

    #[test]
    fn setup_and_teardown_leave_a_trace() {
        install(Table::new());
        assert_eq!(
            Probe::setup("https://a.example/hook".into()).unwrap().len(),
            1
        );
        Probe::teardown().unwrap();
        let text = ask("get setup\nget teardown").response.body;
        assert_eq!(text, b"https://a.example/hook\ndone");
        install(Table::new().config("setup", "fail"));
        assert!(Probe::setup("https://a.example".into()).is_err());
    }
}
