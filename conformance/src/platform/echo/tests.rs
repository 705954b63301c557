//! The machinery of simulated platforms, tested with the smallest of them and a bot written here.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::{KEY, TOKEN, make};
use crate::platform::{
    Act, Action, Author, CannotDo, Fault, Place, Refusal, Settings, Signing, Simulation, Trouble,
};

/// A request's head in lower case, and its body.
type Request = (String, Vec<u8>);

/// A bot that answers each webhook with the next of these statuses, the last for ever.
struct Bot {
    url: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Bot {
    fn answering(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<_>>> = Arc::default();
        let into = Arc::clone(&seen);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let into = Arc::clone(&into);
                std::thread::spawn(move || {
                    let mut stream = stream;
                    while let Some(request) = request(&mut stream) {
                        let mut seen = into.lock().unwrap();
                        let status = statuses[seen.len().min(statuses.len() - 1)];
                        seen.push(request);
                        drop(seen);
                        write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n").unwrap();
                    }
                });
            }
        });
        Self { url, seen }
    }

    fn texts(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        let text = |(_, body): &Request| {
            let body: Value = serde_json::from_slice(body).unwrap();
            body["text"].as_str().unwrap().to_owned()
        };
        seen.iter().map(text).collect()
    }
}

fn request(stream: &mut TcpStream) -> Option<Request> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

fn simulation(target: Option<&str>) -> Simulation {
    let settings = Settings {
        target: target.map(str::to_owned),
        ..Settings::default()
    };
    Simulation::start(make, &settings).unwrap()
}

fn say(text: &str) -> Act {
    Act {
        user: "ada".into(),
        place: Place::Direct,
        action: Action::Say(text.into()),
    }
}

/// `POST /messages`: the answer's status and text, or `None` when the connection broke.
fn send(simulation: &Simulation, body: &Value) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(simulation.desk().authority()).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST /messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let status = answer.get(9..12)?.parse().ok()?;
    Some((status, answer))
}

#[test]
fn what_is_said_reaches_the_bot_signed_and_what_the_bot_says_is_seen() {
    let bot = Bot::answering(&[200]);
    let simulation = simulation(Some(&bot.url));
    let done = simulation.act(&say("hello")).unwrap();
    assert!(simulation.settle(Duration::from_secs(5)));
    assert_eq!(bot.texts(), ["hello"]);
    let (head, body) = bot.seen.lock().unwrap()[0].clone();
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mac = Hmac::<sha2::Sha256>::new_from_slice(KEY).unwrap();
    let tag = hex::encode(mac.chain_update(&body).finalize().into_bytes());
    assert!(head.contains(&format!("x-signature: {tag}")), "{head}");

    let body = json!({"conversation": done.conversation.id, "text": "hello yourself"});
    assert_eq!(send(&simulation, &body).unwrap().0, 200);
    let screen = simulation.screen(&Place::Direct, "ada");
    let texts: Vec<_> = screen
        .messages
        .iter()
        .map(|shown| (&shown.author, shown.text.as_str()))
        .collect();
    let ada = Author::Person("ada".into());
    assert_eq!(texts, [(&ada, "hello"), (&Author::Bot, "hello yourself")]);
    assert!(simulation.screen(&Place::Direct, "bob").messages.is_empty());
}

#[test]
fn a_webhook_is_sent_again_until_it_is_taken_and_holds_its_queue_back() {
    let bot = Bot::answering(&[500, 503, 200]);
    let simulation = simulation(Some(&bot.url));
    simulation.act(&say("first")).unwrap();
    simulation.act(&say("second")).unwrap();
    assert!(simulation.settle(Duration::from_secs(5)));
    assert_eq!(bot.texts(), ["first", "first", "first", "second"]);
    let attempts: Vec<_> = simulation
        .deliveries()
        .iter()
        .map(|delivered| {
            (
                delivered.key.clone(),
                delivered.attempt,
                delivered.response.status,
            )
        })
        .collect();
    let m1 = |attempt, status| ("m1".to_owned(), attempt, status);
    assert_eq!(
        attempts,
        [m1(1, 500), m1(2, 503), m1(3, 200), ("m2".into(), 1, 200)]
    );
}

#[test]
fn a_webhook_that_is_never_taken_is_given_up_after_its_schedule() {
    let bot = Bot::answering(&[500]);
    let simulation = simulation(Some(&bot.url));
    simulation.act(&say("lost")).unwrap();
    assert!(simulation.settle(Duration::from_secs(5)));
    assert_eq!(bot.texts().len(), 4);
}

#[test]
fn a_webhook_can_be_redelivered_and_sent_twice_at_once() {
    let bot = Bot::answering(&[200]);
    let simulation = simulation(Some(&bot.url));
    simulation.deliver_twice(true);
    simulation.act(&say("double")).unwrap();
    assert!(simulation.settle(Duration::from_secs(5)));
    assert_eq!(bot.texts(), ["double", "double"]);
    simulation.deliver_twice(false);
    assert!(simulation.redeliver("m1") && !simulation.redeliver("m9"));
    assert!(simulation.settle(Duration::from_secs(5)));
    assert_eq!(bot.texts().len(), 3);
}

#[test]
fn forged_webhooks_differ_from_honest_ones() {
    let bot = Bot::answering(&[200]);
    let simulation = simulation(Some(&bot.url));
    let done = simulation.compose(&say("hello")).unwrap();
    let webhook = &done.webhooks[0];
    let forgeries = simulation.platform().forgeries();
    for signing in std::iter::once(Signing::Honest).chain(forgeries) {
        assert_eq!(simulation.post(webhook, signing).status, 200);
    }
    let seen = bot.seen.lock().unwrap();
    let sent = |(head, body): &Request| {
        let signature = head.lines().find(|line| line.starts_with("x-signature"));
        (signature.map(str::to_owned), body.clone())
    };
    let honest = sent(&seen[0]);
    for forged in &seen[1..] {
        assert_ne!(sent(forged), honest);
    }
}

#[test]
fn faults_hit_the_calls_they_are_meant_for_and_are_used_up() {
    let simulation = simulation(None);
    let body = json!({"conversation": "d-ada", "text": "x"});
    let wait = Duration::from_secs(7);
    let limited = Trouble::Refuse(Refusal::RateLimited(wait));
    simulation.fault(Fault::sends(1, limited).after(1));
    let statuses: Vec<_> = (0..3).map(|_| send(&simulation, &body).unwrap()).collect();
    assert_eq!(
        [statuses[0].0, statuses[1].0, statuses[2].0],
        [200, 429, 200]
    );
    assert!(
        statuses[1].1.contains("retry-after: 7"),
        "{}",
        statuses[1].1
    );

    // Broken before: nobody sees it. Broken after: it is there, and nobody was told.
    let seen = || simulation.screen(&Place::Direct, "ada").messages.len();
    simulation.fault(Fault::sends(1, Trouble::DropBefore));
    assert_eq!((send(&simulation, &body), seen()), (None, 2));
    simulation.fault(Fault::sends(1, Trouble::DropAfter));
    assert_eq!((send(&simulation, &body), seen()), (None, 3));
    assert!(simulation.violations().is_empty());
}

#[test]
fn what_the_bot_must_not_do_is_refused_and_written_down_by_name() {
    let simulation = simulation(None);
    let long = json!({"conversation": "d-ada", "text": "x".repeat(4097)});
    assert_eq!(send(&simulation, &long).unwrap().0, 400);
    assert_eq!(send(&simulation, &json!({"text": "x"})).unwrap().0, 400);
    let names: Vec<_> = simulation
        .violations()
        .into_iter()
        .map(|violation| violation.name)
        .collect();
    assert_eq!(names, ["text-length", "field-missing"]);
    assert_eq!(simulation.calls().len(), 2);
}

#[test]
fn what_a_platform_does_not_have_cannot_be_done() {
    let simulation = simulation(None);
    let join = Act {
        action: Action::Join,
        ..say("")
    };
    assert_eq!(simulation.act(&join).unwrap_err(), CannotDo::NoSuchThing);
}
