//! A first message for every consumer, which nobody is handed.
//!
//! A nats-server that starts again (seen with 2.9.10, in its `checkForOrphanMsgs`) removes from a stream whatever is older than the
//! oldest message that some consumer has not acknowledged. A consumer that never acknowledged anything it takes for none at all, and
//! with it forgets those it looked at before: what they still have to get is removed. So each of ours acknowledges a message as soon
//! as it is created.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use greentic_sdk::log;
use greentic_sdk_network::signal::Changes;
use greentic_sdk_network::timer::within;

use crate::client::Client;
use crate::headers::{Headers, status, value};
use crate::jetstream::{ApiError, pull, read};
use crate::owners::{Owner, owners};
use crate::wire::Message;

const HEADER: &str = "Greentic-Primer";
/// How long the server may take to deliver them.
const WAIT: Duration = Duration::from_secs(2);

/// Whether a message is such a first one.
#[must_use]
pub fn is_primer(message: &Message) -> bool {
    value(&message.headers, HEADER).is_some()
}

/// Sees to it that none of the server's consumers behind one of ours is without a first message.
///
/// # Errors
/// When the connection is over, or the server refuses.
pub async fn prime(client: &Rc<Client>, prefix: &str, consumer: &str) -> Result<(), ApiError> {
    let is_ours = |owner: &Owner| {
        let name = owner.name.rsplit_once('-');
        owner.is_fresh && name.is_some_and(|(name, _)| name == consumer)
    };
    let fresh: Vec<_> = owners(client, prefix).await?;
    let fresh: Vec<_> = fresh.into_iter().filter(is_ours).collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let headers = Headers::default().with(HEADER, "1").finish();
    let publish = |owner: &Owner| {
        let request = client.request(&selected(&owner.filter), &headers, b"");
        request.map_err(ApiError::Lost)
    };
    let requests: Result<Vec<_>, _> = fresh.iter().map(publish).collect();
    for request in requests? {
        read(request.wait().await)?;
    }
    let (left, changes) = (Rc::new(Cell::new(fresh.len())), Rc::new(Changes::new()));
    let inbox = {
        let (left, changes, link) = (Rc::clone(&left), Rc::clone(&changes), Rc::downgrade(client));
        client.inbox(Rc::new(move |message: Message| {
            if status(&message.headers).is_none()
                && let Some(client) = link.upgrade()
            {
                // Something real may have come in between; it is for whoever works on that partition.
                let outcome: &[u8] = if is_primer(&message) {
                    b"+ACK"
                } else {
                    b"-NAK"
                };
                client.send(&message.reply, "", outcome);
            }
            left.set(left.get().saturating_sub(1));
            changes.notify();
        }))
    };
    for owner in &fresh {
        let call = format!("$JS.API.CONSUMER.MSG.NEXT.{prefix}.{}", owner.name);
        let expires = u64::try_from(WAIT.as_millis()).unwrap_or(u64::MAX);
        client.send(&call, &inbox.subject, &pull(1, expires));
    }
    let all = async {
        while left.get() > 0 {
            let seen = changes.seen();
            if left.get() > 0 {
                changes.since(seen).await;
            }
        }
    };
    if within(2 * WAIT, all).await.is_none() {
        log::warn!(
            "consumer",
            "{} consumers of `{consumer}` did not get their first message; a nats-server 2.9 that is killed may lose messages then",
            left.get()
        );
    }
    client.unsubscribe(&inbox);
    Ok(())
}

/// A subject that a filter selects.
fn selected(filter: &str) -> String {
    let wild = |token| matches!(token, "*" | ">");
    let tokens = filter
        .split('.')
        .map(|token| if wild(token) { "primer" } else { token });
    tokens.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::selected;

    #[test]
    fn a_filter_selects_its_primer() {
        assert_eq!(selected("p.m.3.a.*.b.>"), "p.m.3.a.primer.b.primer");
        assert_eq!(selected("p.m.3.a"), "p.m.3.a");
    }
}
