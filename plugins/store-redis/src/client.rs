//! Commands over one connection: many at a time, answered in their order.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk_network::link::Link;
use greentic_sdk_network::signal::{Changes, Sender, oneshot};
use greentic_sdk_network::spawn;
use greentic_sdk_network::tcp::{Fault, connect};
use greentic_sdk_network::timer::{either, sleep};

use crate::resp::{NotRedis, Reply, decode, encode};

/// Most bytes that wait to be sent; beyond it commands are refused until the server takes them.
const MAX_WAITING: usize = 32 * 1024 * 1024;

/// A command got no reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It was surely not sent.
    NotSent(Fault),
    /// It may have been carried out.
    Unknown(Fault),
}

struct Waiting {
    reply: Sender<Reply>,
    since: Instant,
}

/// A connection to a server. It lives as long as it works, whoever holds it.
pub struct Client {
    link: Rc<Link>,
    waiting: RefCell<VecDeque<Waiting>>,
    asked: Changes,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// [`Fault`] when there is no connection within `limit`.
    pub async fn connect(
        host: &str,
        port: u16,
        limit: Duration,
        timeout: Duration,
    ) -> Result<Rc<Self>, Fault> {
        let (reader, writer) = connect(host, port, limit).await?;
        let client = Rc::new(Self {
            link: Link::new(),
            waiting: RefCell::default(),
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
        });
        Ok(client)
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// [`Lost`] when the connection is over.
    pub async fn ask(&self, arguments: &[&[u8]]) -> Result<Reply, Lost> {
        if let Some(fault) = self.link.fault() {
            return Err(Lost::NotSent(fault));
        }
        if self.link.waiting() > MAX_WAITING {
            return Err(Lost::NotSent(Fault::Failed(format!(
                "more than {MAX_WAITING} bytes wait for the server to take them"
            ))));
        }
        let (reply, answered) = oneshot();
        let start = self.link.push(|out| encode(out, arguments));
        let since = Instant::now();
        let was_empty = {
            let mut waiting = self.waiting.borrow_mut();
            waiting.push_back(Waiting { reply, since });
            waiting.len() == 1
        };
        if was_empty {
            self.asked.notify();
        }
        match answered.await {
            Some(reply) => Ok(reply),
            None => {
                let fault = self.link.fault();
                let fault = fault.unwrap_or_else(|| Fault::Failed("the connection is over".into()));
                Err(if self.link.was_taken(start) {
                    Lost::Unknown(fault)
                } else {
                    Lost::NotSent(fault)
                })
            }
        }
    }

    /// Waits for the end of the connection.
    pub async fn end(&self) -> Fault {
        self.link.end().await
    }

    /// Ends the connection.
    pub fn close(&self, fault: Fault) {
        self.link.close(fault);
    }

    fn take(&self, bytes: &[u8]) -> Result<usize, Fault> {
        let mut taken = 0;
        loop {
            let rest = bytes.get(taken..).unwrap_or_default();
            let decoded = decode(rest).map_err(|NotRedis(seen)| {
                Fault::Failed(format!(
                    "what listens there is no Redis: it answered `{seen}`"
                ))
            })?;
            let Some((reply, length)) = decoded else {
                return Ok(taken);
            };
            taken += length;
            match self.waiting.borrow_mut().pop_front() {
                Some(waiting) => waiting.reply.send(reply),
                None => {
                    return Err(Fault::Failed(format!(
                        "the server said something nobody asked for: {reply:?}"
                    )));
                }
            }
        }
    }

    /// Ends with a server that leaves a command unanswered for too long. Costs nothing while nothing is asked.
    async fn watch(&self, timeout: Duration) {
        loop {
            let seen = self.asked.seen();
            let oldest = self.waiting.borrow().front().map(|waiting| waiting.since);
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
