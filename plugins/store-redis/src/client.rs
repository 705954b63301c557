//! Commands over one connection: many at a time, answered in their order.

use std::cell::Cell;
use std::rc::Rc;

use greentic_sdk::model::Error;
use greentic_sdk_network::access::Access;
use greentic_sdk_network::asked::{Asked, Lost};
use greentic_sdk_network::spawn;
use greentic_sdk_network::tcp::Fault;

use crate::resp::{NotRedis, Reply, decode, encode};

/// A connection to a server. It lives as long as it works, whoever holds it.
pub struct Client {
    asked: Asked<Reply>,
    heard: Cell<bool>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// With the server and the reason.
    pub async fn connect(access: &Access, host: &str, port: u16) -> Result<Rc<Self>, Error> {
        let (reader, writer) = access.open(host, port).await?;
        let client = Rc::new(Self {
            asked: Asked::new(true),
            heard: Cell::new(false),
        });
        let (run, timeout) = (Rc::clone(&client), access.timeout);
        spawn(async move {
            let take = |bytes: &[u8]| run.take(bytes);
            run.asked.run(reader, writer, timeout, take).await;
        });
        Ok(client)
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// [`Lost`] when the connection is over.
    pub async fn ask(&self, arguments: &[&[u8]]) -> Result<Reply, Lost> {
        let reply = self.asked.ask(|_, out| encode(out, arguments))?;
        reply.wait().await
    }

    /// Whether the server has ever answered.
    #[must_use]
    pub fn heard(&self) -> bool {
        self.heard.get()
    }

    /// Waits for the end of the connection.
    pub async fn end(&self) -> Fault {
        self.asked.link().end().await
    }

    /// Ends the connection.
    pub fn close(&self, fault: Fault) {
        self.asked.link().close(fault);
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
            self.heard.set(true);
            let shown = matches!(reply, Reply::Error(_)).then(|| format!("{reply:?}"));
            if !self.asked.answer_next(reply) {
                return Err(Fault::Failed(format!(
                    "the server said something nobody asked for: {}",
                    shown.unwrap_or_default()
                )));
            }
        }
    }
}
