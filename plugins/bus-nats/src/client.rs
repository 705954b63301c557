//! One connection: requests with their answers, and messages that come for a pull.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use greentic_sdk::log;
use greentic_sdk::model::Error;
use greentic_sdk_network::access::{Access, at, of_fault};
use greentic_sdk_network::asked::{Answer, Asked, Lost};
use greentic_sdk_network::signal::Changes;
use greentic_sdk_network::tcp::{Fault, Reader, connect};
use greentic_sdk_network::timer::within;
use greentic_sdk_network::{random, spawn};
use serde::Deserialize;

use crate::wire::{Message, NotNats, Said, decode, publish};

/// The subscription by which all answers to requests come.
const ANSWERS: u64 = 1;

/// What a server says about itself first.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    /// Its name, another one after each start.
    pub server_id: String,
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
    /// Whether it speaks TLS with those who want it.
    pub tls_available: bool,
}

/// What is done with the messages of a subscription or a pull.
pub type Take = Rc<dyn Fn(Message)>;

/// A subject that is listened to.
#[derive(Debug, Clone, Default)]
pub struct Inbox {
    /// The subject.
    pub subject: String,
    subscription: u64,
}

/// A connection. It lives as long as it works, whoever holds it.
pub struct Client {
    server: Rc<str>,
    asked: Asked<Message>,
    /// What the subjects of answers to us begin with.
    inbox: String,
    takers: RefCell<HashMap<u64, Take>>,
    subscriptions: Cell<u64>,
    error: RefCell<Option<String>>,
    pongs: Changes,
}

/// A request on its way.
pub type Request = Answer<Message>;

impl Client {
    /// Connects, and waits for what the server says about itself. TLS begins after that, or before it where the settings say so
    /// (`tls_first`); where the address says TLS, nothing of ours is sent without.
    ///
    /// # Errors
    /// With the server and the reason.
    pub async fn connect(
        access: &Access,
        tls_first: bool,
        host: &str,
        port: u16,
    ) -> Result<(Rc<Self>, Info), Error> {
        let named = |fault| at(of_fault(fault), host, port);
        let wanted = access.tls()?;
        // Sooner than whoever waits for a connection gives up, so that it hears why.
        let patience = access.connect / 2;
        let (mut reader, mut writer) = if tls_first {
            access.open(host, port).await?
        } else {
            let opened = connect(host, port, access.connect).await;
            opened.map_err(of_fault)?
        };
        let info = match within(patience, read_info(&mut reader)).await {
            Some(info) => info.map_err(named)?,
            None => {
                return Err(named(Fault::Failed(
                    "what listens there is no NATS: it says nothing; if it wants TLS before that, set `tls-first`".into(),
                )));
            }
        };
        match wanted {
            Some(tls) if !tls_first => {
                if !info.tls_required && !info.tls_available {
                    return Err(named(Fault::Failed(
                        "the server does not offer TLS, and config `url` asks for it: configure `tls {}` there".into(),
                    )));
                }
                (reader, writer) = access.secure(&tls, reader, writer, host, port).await?;
            }
            None if info.tls_required => {
                return Err(named(Fault::Failed(
                    "the server speaks TLS only: write `tls://` in config `url`".into(),
                )));
            }
            _ => {}
        }
        let client = Rc::new(Self {
            server: info.server_id.as_str().into(),
            asked: Asked::new(false),
            inbox: format!("_INBOX.{:016x}{:016x}", random(), random()),
            takers: RefCell::default(),
            subscriptions: Cell::new(ANSWERS),
            error: RefCell::default(),
            pongs: Changes::new(),
        });
        let (run, timeout) = (Rc::clone(&client), access.timeout);
        spawn(async move {
            let take = |bytes: &[u8]| run.take(bytes);
            run.asked.run(reader, writer, timeout, take).await;
            run.takers.borrow_mut().clear();
            run.pongs.notify();
        });
        Ok((client, info))
    }

    /// Says who we are, and waits until the server has taken it. `options` is the JSON of `CONNECT`.
    ///
    /// # Errors
    /// What the server says against it.
    pub async fn greet(&self, options: &str) -> Result<(), String> {
        let seen = self.pongs.seen();
        let subscription = format!("SUB {}.* {ANSWERS}\r\n", self.inbox);
        self.asked.link().push(|out| {
            out.extend_from_slice(format!("CONNECT {options}\r\n").as_bytes());
            out.extend_from_slice(subscription.as_bytes());
            out.extend_from_slice(b"PING\r\n");
        });
        self.pongs.since(seen).await;
        let error = self.error.borrow_mut().take();
        match (error, self.asked.link().fault()) {
            (Some(error), _) => Err(error),
            (None, Some(fault)) => Err(fault.to_string()),
            (None, None) => Ok(()),
        }
    }

    /// Sends a message and does not wait.
    pub fn send(&self, subject: &str, reply: &str, payload: &[u8]) {
        if self.asked.link().fault().is_none() {
            self.asked
                .link()
                .push(|out| publish(out, subject, reply, b"", payload));
        }
    }

    /// The server, as started this time.
    #[must_use]
    pub fn server(&self) -> &Rc<str> {
        &self.server
    }

    /// Sends a message that is answered; the answer is waited for with [`Request::wait`].
    ///
    /// # Errors
    /// [`Lost::NotSent`] when the connection is over.
    pub fn request(&self, subject: &str, headers: &[u8], payload: &[u8]) -> Result<Request, Lost> {
        self.asked.ask(|number, out| {
            let reply = format!("{}.{number}", self.inbox);
            publish(out, subject, &reply, headers, payload);
        })
    }

    /// A subject of our own on which what is asked for comes to `take`.
    pub fn inbox(&self, take: Take) -> Inbox {
        self.listen(
            format!("{}t.{}", self.inbox, self.subscriptions.get()),
            take,
        )
    }

    /// Listens to a subject until [`Self::unsubscribe`].
    pub fn listen(&self, subject: String, take: Take) -> Inbox {
        let subscription = self.subscribe(&subject, take);
        Inbox {
            subject,
            subscription,
        }
    }

    /// Nothing comes to an inbox any more, and what was asked for there is asked for no more.
    pub fn unsubscribe(&self, inbox: &Inbox) {
        let id = inbox.subscription;
        if self.takers.borrow_mut().remove(&id).is_some() {
            let line = format!("UNSUB {id}\r\n");
            self.asked
                .link()
                .push(|out| out.extend_from_slice(line.as_bytes()));
        }
    }

    /// Listens to a subject until the end of the connection; the number of the subscription.
    pub fn subscribe(&self, subject: &str, take: Take) -> u64 {
        let id = self.subscriptions.get() + 1;
        self.subscriptions.set(id);
        self.takers.borrow_mut().insert(id, take);
        let line = format!("SUB {subject} {id}\r\n");
        self.asked
            .link()
            .push(|out| out.extend_from_slice(line.as_bytes()));
        id
    }

    /// Why the connection is over, when it is.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.asked.link().fault()
    }

    /// Waits for its end.
    pub async fn end(&self) -> Fault {
        self.asked.link().end().await
    }

    /// Ends it.
    pub fn close(&self, fault: Fault) {
        self.asked.link().close(fault);
    }

    fn take(&self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let decoded = decode(rest).map_err(not_nats)?;
            let Some((said, length)) = decoded else {
                return Ok(taken);
            };
            taken += length;
            match said {
                Said::Message(message) => self.hand_over(message),
                Said::Ping => {
                    self.asked
                        .link()
                        .push(|out| out.extend_from_slice(b"PONG\r\n"));
                }
                Said::Pong => self.pongs.notify(),
                Said::Ok => {}
                // Later ones tell of other servers of the cluster; the bundle says which are used.
                Said::Info(_) => {}
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
            if let Some(number) = number {
                self.asked.answer(number, message);
            }
            return;
        }
        let taker = self.takers.borrow().get(&message.subscription).cloned();
        if let Some(take) = taker {
            take(message);
        }
    }
}

/// What a server says first.
async fn read_info(reader: &mut Reader) -> Result<Info, Fault> {
    let mut come = Vec::with_capacity(4096);
    loop {
        come.reserve(4096);
        come = reader.read(come).await?;
        match decode(&come).map_err(not_nats)? {
            None => {}
            Some((Said::Info(text), length)) => {
                reader.give_back(come.get(length..).unwrap_or_default());
                return serde_json::from_str(&text)
                    .map_err(|error| Fault::Failed(format!("the server's INFO: {error}")));
            }
            Some((Said::Error(text), _)) => {
                return Err(Fault::Failed(format!("the server said `{text}`")));
            }
            Some(_) => {
                let seen: String = String::from_utf8_lossy(&come).chars().take(60).collect();
                return Err(not_nats(NotNats(seen)));
            }
        }
    }
}

fn not_nats(NotNats(seen): NotNats) -> Fault {
    Fault::Failed(format!(
        "what listens there is no NATS: it said `{}`",
        seen.trim_end()
    ))
}
