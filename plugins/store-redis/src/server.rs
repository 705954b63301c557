//! Commands and scripts on the server, over the connection that is kept.

use std::rc::Rc;

use greentic_sdk::model::Error;
use greentic_sdk_network::asked::Effect;
use greentic_sdk_network::kept::{Dial, Kept};
use greentic_sdk_network::tcp::Fault;

use crate::client::Client;
use crate::error::of_reply;
use crate::handshake::{Greeted, greet, report};
use crate::resp::Reply;
use crate::script::Script;
use crate::settings::Settings;

impl Dial for Settings {
    type Connection = Greeted;

    async fn dial(&self) -> Result<Rc<Greeted>, Error> {
        let greeted = greet(self).await?;
        report(&greeted.facts);
        Ok(Rc::new(greeted))
    }

    async fn end(connection: &Greeted) -> Fault {
        connection.client.end().await
    }
}

/// A server that is kept connected.
pub struct Server(Rc<Kept<Settings>>);

impl Server {
    /// Not yet connected: the first call does it.
    #[must_use]
    pub fn new(settings: Settings) -> Rc<Self> {
        let wait = settings.access.connect;
        Rc::new(Self(Kept::new(settings, wait)))
    }

    /// Runs a script.
    ///
    /// # Errors
    /// What the server answered, or why it did not.
    pub async fn run(
        &self,
        script: Script,
        keys: &[&[u8]],
        arguments: &[&[u8]],
        effect: Effect,
    ) -> Result<Reply, Error> {
        let greeted = self.0.connection().await?;
        let name = greeted
            .scripts
            .get(script.number())
            .map_or(&b""[..], Vec::as_slice);
        let count = keys.len().to_string();
        let mut command: Vec<&[u8]> = vec![b"EVALSHA", name, count.as_bytes()];
        command.extend_from_slice(keys);
        command.extend_from_slice(arguments);
        let mut reply = ask(&greeted.client, &command, effect).await?;
        if matches!(&reply, Reply::Error(text) if text.starts_with("NOSCRIPT")) {
            // The server forgot its scripts (SCRIPT FLUSH): this runs it and lets it be known again.
            let by_source = script.source().as_bytes();
            if let Some(start) = command.get_mut(..2) {
                start.copy_from_slice(&[b"EVAL", by_source]);
            }
            reply = ask(&greeted.client, &command, effect).await?;
        }
        judge(&greeted.client, reply)
    }

    /// Runs a command.
    ///
    /// # Errors
    /// What the server answered, or why it did not.
    pub async fn command(&self, command: &[&[u8]], effect: Effect) -> Result<Reply, Error> {
        let greeted = self.0.connection().await?;
        let reply = ask(&greeted.client, command, effect).await?;
        judge(&greeted.client, reply)
    }
}

fn judge(client: &Client, reply: Reply) -> Result<Reply, Error> {
    let Reply::Error(text) = reply else {
        return Ok(reply);
    };
    if text.starts_with("READONLY") || text.starts_with("MASTERDOWN") {
        // It was the primary and is none any more: find out who is.
        client.close(Fault::Failed(format!("the server answered `{text}`")));
    }
    Err(of_reply(&text))
}

async fn ask(client: &Client, command: &[&[u8]], effect: Effect) -> Result<Reply, Error> {
    client
        .ask(command)
        .await
        .map_err(|lost| lost.into_error(effect))
}
