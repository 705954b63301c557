//! One connection: requests with their answers, and messages that come for a pull.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::log;
use greentic_sdk_network::link::Link;
use greentic_sdk_network::signal::{Changes, Receiver, Sender, oneshot};
use greentic_sdk_network::tcp::{Fault, connect};
use greentic_sdk_network::timer::{either, sleep};
use greentic_sdk_network::{random, spawn};
use serde::Deserialize;

use crate::wire::{Message, NotNats, Said, decode, publish};

/// Most bytes that wait to be sent; beyond it nothing is accepted until the server takes them.
const MAX_WAITING: usize = 32 * 1024 * 1024;

/// The subscription by which all answers to requests come.
const ANSWERS: u64 = 1;

/// What a server says about itself first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    /// Its version.
    pub version: String,
    /// What to sign to prove who we are.
    pub nonce: String,
    /// Whether it keeps streams.
    pub jetstream: bool,
    /// Whether messages may have headers.
    pub headers: bool,
    /// Largest message it takes.
    pub max_payload: u64,
    /// Whether it speaks TLS only.
    pub tls_required: bool,
}

/// A request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It was surely not sent.
    NotSent(Fault),
    /// It may have had its effect.
    Unknown(Fault),
}

/// What is done with the messages of a subscription or a pull.
pub type Take = Rc<dyn Fn(Message)>;

struct Waiting {
    answer: Sender<Message>,
    since: Instant,
}

/// A connection. It lives as long as it works, whoever holds it.
pub struct Client {
    link: Rc<Link>,
    /// What the subjects of answers to us begin with.
    inbox: String,
    next: Cell<u64>,
    waiting: RefCell<HashMap<u64, Waiting>>,
    takers: RefCell<HashMap<u64, Take>>,
    subscriptions: Cell<u64>,
    info: RefCell<Option<Result<Info, String>>>,
    error: RefCell<Option<String>>,
    pongs: Changes,
    asked: Changes,
}

/// A request on its way.
pub struct Request {
    answered: Receiver<Message>,
    start: u64,
    client: Rc<Client>,
}

impl Client {
    /// Connects, and waits for what the server says about itself.
    ///
    /// # Errors
    /// [`Fault`] when there is no connection within `limit`.
    pub async fn connect(
        host: &str,
        port: u16,
        limit: Duration,
        timeout: Duration,
    ) -> Result<(Rc<Self>, Info), Fault> {
        let (reader, writer) = connect(host, port, limit).await?;
        let client = Rc::new(Self {
            link: Link::new(),
            inbox: format!("_INBOX.{:016x}{:016x}", random(), random()),
            next: Cell::new(0),
            waiting: RefCell::default(),
            takers: RefCell::default(),
            subscriptions: Cell::new(ANSWERS),
            info: RefCell::default(),
            error: RefCell::default(),
            pongs: Changes::new(),
            asked: Changes::new(),
        });
        let run = Rc::clone(&client);
        spawn(async move {
            let take = |bytes: &[u8]| run.take(bytes);
            // Both end with the connection.
            let _ = either(run.link.run(reader, writer, take), run.watch(timeout)).await;
            run.link
                .close(Fault::Failed("the connection was given up".into()));
            run.waiting.borrow_mut().clear();
            run.takers.borrow_mut().clear();
            run.pongs.notify();
        });
        let told = async {
            loop {
                let seen = client.pongs.seen();
                let info = client.info.borrow_mut().take();
                match (info, client.link.fault()) {
                    (Some(Ok(info)), _) => return Ok(info),
                    (Some(Err(why)), _) => return Err(Fault::Failed(why)),
                    (None, Some(fault)) => return Err(fault),
                    (None, None) => client.pongs.since(seen).await,
                }
            }
        };
        let silent = || Fault::Failed("what listens there is no NATS: it says nothing".into());
        // Sooner than whoever waits for a connection gives up, so that it hears why.
        let info = match greentic_sdk_network::timer::within(limit / 2, told).await {
            Some(info) => info,
            None => Err(silent()),
        };
        match info {
            Ok(info) => Ok((client, info)),
            Err(fault) => {
                client.close(fault.clone());
                Err(fault)
            }
        }
    }

    /// Says who we are, and waits until the server has taken it. `options` is the JSON of `CONNECT`.
    ///
    /// # Errors
    /// What the server says against it.
    pub async fn greet(&self, options: &str) -> Result<(), String> {
        let seen = self.pongs.seen();
        let subscription = format!("SUB {}.* {ANSWERS}\r\n", self.inbox);
        self.link.push(|out| {
            out.extend_from_slice(format!("CONNECT {options}\r\n").as_bytes());
            out.extend_from_slice(subscription.as_bytes());
            out.extend_from_slice(b"PING\r\n");
        });
        self.pongs.since(seen).await;
        let error = self.error.borrow_mut().take();
        match (error, self.link.fault()) {
            (Some(error), _) => Err(error),
            (None, Some(fault)) => Err(fault.to_string()),
            (None, None) => Ok(()),
        }
    }

    /// Sends a message and does not wait.
    pub fn send(&self, subject: &str, reply: &str, payload: &[u8]) {
        if self.link.fault().is_none() {
            self.link
                .push(|out| publish(out, subject, reply, b"", payload));
        }
    }

    /// Sends a message that is answered; the answer is waited for with [`Request::answer`].
    ///
    /// # Errors
    /// [`Lost::NotSent`] when the connection is over.
    pub fn request(
        self: &Rc<Self>,
        subject: &str,
        headers: &[u8],
        payload: &[u8],
    ) -> Result<Request, Lost> {
        if let Some(fault) = self.link.fault() {
            return Err(Lost::NotSent(fault));
        }
        if self.link.waiting() > MAX_WAITING {
            return Err(Lost::NotSent(Fault::Failed(format!(
                "more than {MAX_WAITING} bytes wait for the server to take them"
            ))));
        }
        let number = self.next.get();
        self.next.set(number + 1);
        let (answer, answered) = oneshot();
        let reply = format!("{}.{number}", self.inbox);
        let start = self
            .link
            .push(|out| publish(out, subject, &reply, headers, payload));
        let since = Instant::now();
        let was_empty = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.insert(number, Waiting { answer, since });
            waiting.len() == 1
        };
        if was_empty {
            self.asked.notify();
        }
        Ok(Request {
            answered,
            start,
            client: Rc::clone(self),
        })
    }

    /// A subject of our own on which what is asked for comes to `take`.
    pub fn inbox(&self, take: Take) -> String {
        let number = self.next.get();
        self.next.set(number + 1);
        let subject = format!("{}t.{number}", self.inbox);
        self.subscribe(&subject, take);
        subject
    }

    /// Listens to a subject until the end of the connection.
    pub fn subscribe(&self, subject: &str, take: Take) {
        let id = self.subscriptions.get() + 1;
        self.subscriptions.set(id);
        self.takers.borrow_mut().insert(id, take);
        let line = format!("SUB {subject} {id}\r\n");
        self.link.push(|out| out.extend_from_slice(line.as_bytes()));
    }

    /// Why the connection is over, when it is.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.link.fault()
    }

    /// Waits for its end.
    pub async fn end(&self) -> Fault {
        self.link.end().await
    }

    /// Ends it.
    pub fn close(&self, fault: Fault) {
        self.link.close(fault);
    }

    fn take(&self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let decoded = decode(rest).map_err(|NotNats(seen)| {
                let text = format!("what listens there is no NATS: it said `{seen}`");
                *self.info.borrow_mut() = Some(Err(text.clone()));
                self.pongs.notify();
                Fault::Failed(text)
            })?;
            let Some((said, length)) = decoded else {
                return Ok(taken);
            };
            taken += length;
            match said {
                Said::Message(message) => self.hand_over(message),
                Said::Ping => {
                    self.link.push(|out| out.extend_from_slice(b"PONG\r\n"));
                }
                Said::Pong => self.pongs.notify(),
                Said::Ok => {}
                Said::Info(text) => {
                    let info = serde_json::from_str(&text);
                    *self.info.borrow_mut() =
                        Some(info.map_err(|error| format!("the server's INFO: {error}")));
                    self.pongs.notify();
                }
                Said::Error(text) => {
                    let lasting = !text.starts_with("Permissions Violation");
                    log::warn!("server", "{text}");
                    *self.error.borrow_mut() = Some(text.clone());
                    if lasting {
                        return Err(Fault::Failed(format!("the server said `{text}`")));
                    }
                }
            }
        }
    }

    fn hand_over(&self, message: Message) {
        if message.subscription == ANSWERS {
            let number = message.subject.rsplit('.').next();
            let number = number.and_then(|number| number.parse::<u64>().ok());
            let waiting = number.and_then(|number| self.waiting.borrow_mut().remove(&number));
            if let Some(waiting) = waiting {
                waiting.answer.send(message);
            }
            return;
        }
        let taker = self.takers.borrow().get(&message.subscription).cloned();
        if let Some(take) = taker {
            take(message);
        }
    }

    /// Ends with a server that leaves a request unanswered for too long. Costs nothing while nothing is asked.
    async fn watch(&self, timeout: Duration) {
        loop {
            let seen = self.asked.seen();
            let oldest = {
                let mut waiting = self.waiting.borrow_mut();
                waiting.retain(|_, waiting| !waiting.answer.is_closed());
                waiting.values().map(|waiting| waiting.since).min()
            };
            match oldest.map(|since| since.elapsed()) {
                None => self.asked.since(seen).await,
                Some(waited) if waited >= timeout => {
                    self.link.close(Fault::Failed(format!(
                        "the server did not answer within {timeout:?} (config `timeout-ms`)"
                    )));
                    return;
                }
                Some(waited) => sleep(timeout - waited + Duration::from_millis(1)).await,
            }
        }
    }
}

impl Request {
    /// The answer.
    ///
    /// # Errors
    /// [`Lost`] when the connection is over.
    pub async fn answer(self) -> Result<Message, Lost> {
        match self.answered.await {
            Some(message) => Ok(message),
            None => {
                let fault = self.client.link.fault();
                let fault = fault.unwrap_or_else(|| Fault::Failed("the connection is over".into()));
                Err(if self.client.link.was_taken(self.start) {
                    Lost::Unknown(fault)
                } else {
                    Lost::NotSent(fault)
                })
            }
        }
    }
}
