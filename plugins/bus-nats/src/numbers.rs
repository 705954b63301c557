//! The numbers of the stream: each is given to one message only, also by a server that was killed.
//!
//! One that was (seen with nats-server 2.9.10) may have forgotten the last numbers it gave, as soon as those messages had left the
//! stream, and gives them again. What gets such a number counts as delivered with every consumer that was further, and what a host
//! still holds under it would be acknowledged in the other's place. So a connection is used only when the stream is as far as
//! whatever is known of it: the numbers in between are given to messages that nobody gets.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use greentic_sdk::log;
use serde_json::Value;

use crate::client::Client;
use crate::jetstream::{ApiError, ask, read};
use crate::owners::owners;

/// Messages that nobody gets which are published at a time.
const FILLERS: u64 = 256;

/// How far we know the stream to be.
#[derive(Debug, Default)]
pub struct Numbers {
    /// When it was created: another one counts anew.
    created: RefCell<String>,
    highest: Cell<u64>,
}

impl Numbers {
    /// Takes note of a number the server gave.
    pub fn saw(&self, number: u64) {
        self.highest.set(self.highest.get().max(number));
    }

    fn begin(&self, created: &str) {
        if *self.created.borrow() != created {
            created.clone_into(&mut self.created.borrow_mut());
            self.highest.set(0);
        }
    }

    /// Sees to it that the stream is as far as we and its consumers have seen it.
    ///
    /// # Errors
    /// When the connection is over, or the server does not tell.
    pub async fn catch_up(&self, client: &Rc<Client>, prefix: &str) -> Result<(), ApiError> {
        let info = ask(client, &format!("STREAM.INFO.{prefix}"), &Value::Null).await?;
        let created = info.get("created").and_then(Value::as_str);
        self.begin(created.unwrap_or_default());
        let last = info.pointer("/state/last_seq").and_then(Value::as_u64);
        let last = last.unwrap_or(0);
        for owner in owners(client, prefix).await? {
            self.saw(owner.delivered);
        }
        let to = self.highest.get();
        if last >= to {
            return Ok(());
        }
        log::warn!(
            "connect",
            "the stream ends at {last} and was at {to} before: the server was killed and forgot those numbers, which are given to messages nobody gets"
        );
        match fill(client, prefix, last, to).await {
            // It may have a reason, as being full; then what gets such a number is looked for in the stream.
            Err(refused @ ApiError::Refused(..)) => {
                log::error!("connect", "those numbers cannot be given away: {refused:?}");
                Ok(())
            }
            other => other,
        }
    }
}

async fn fill(client: &Rc<Client>, prefix: &str, mut last: u64, to: u64) -> Result<(), ApiError> {
    let subject = format!("{prefix}.m.void");
    while last < to {
        let ask = |_| client.request(&subject, b"", b"").map_err(ApiError::Lost);
        let requests = (0..(to - last).min(FILLERS)).map(ask);
        for request in requests.collect::<Result<Vec<_>, _>>()? {
            let answer = read(request.wait().await)?;
            let number = answer.get("seq").and_then(Value::as_u64);
            last = last.max(number.unwrap_or(to));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::Numbers;

    #[test]
    fn a_stream_that_was_created_anew_counts_anew() {
        let numbers = Numbers::default();
        numbers.begin("one");
        numbers.saw(7);
        numbers.saw(3);
        numbers.begin("one");
        assert_eq!(numbers.highest.get(), 7);
        numbers.begin("two");
        assert_eq!(numbers.highest.get(), 0);
    }
}
