//! What went wrong, as the contract's errors say it.

use greentic_sdk::model::Error;
use greentic_sdk_network::tcp::Fault;

use crate::client::Lost;

/// Whether a command changes anything: one that does and got no reply may have been carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Read,
    /// It writes.
    Write,
}

/// A connection that could not be made.
#[must_use]
pub fn of_fault(fault: Fault) -> Error {
    match fault {
        Fault::Denied(text) => Error::Denied(text),
        Fault::Failed(text) => Error::Unavailable(text),
    }
}

/// A command without a reply.
#[must_use]
pub fn of_lost(lost: Lost, effect: Effect) -> Error {
    match (lost, effect) {
        (Lost::Unknown(fault), Effect::Write) => Error::UnknownOutcome(format!(
            "the connection was lost before the answer came: {fault}"
        )),
        (Lost::NotSent(fault) | Lost::Unknown(fault), _) => of_fault(fault),
    }
}

/// An error the server answered with.
#[must_use]
pub fn of_reply(text: &str) -> Error {
    let kind = text.split(' ').next().unwrap_or_default();
    let remedy = match kind {
        "WRONGPASS" | "NOAUTH" => "check the user in `url` and the secret named in `password`",
        "NOPERM" => {
            "the ACL user needs +@read +@write +@scripting +@connection +info on the keys of `prefix`"
        }
        "OOM" => {
            "the server's memory is full: raise `maxmemory` or shorten how long sessions are kept"
        }
        "MISCONF" => "the server cannot write to its disk: look at its log",
        "NOREPLICAS" => "too few replicas are connected for `min-replicas-to-write`",
        "READONLY" => "it is a replica: name the primary, or use `sentinel`",
        "LOADING" | "MASTERDOWN" | "BUSY" | "CLUSTERDOWN" | "TRYAGAIN" => "try again",
        "CROSSSLOT" | "MOVED" | "ASK" => {
            "Redis Cluster is not supported: use one primary with replicas, or Sentinel"
        }
        _ => "",
    };
    let text = if remedy.is_empty() {
        format!("the server answered `{text}`")
    } else {
        format!("the server answered `{text}`: {remedy}")
    };
    match kind {
        "WRONGPASS" | "NOAUTH" | "NOPERM" => Error::Denied(text),
        "OOM" | "MISCONF" | "NOREPLICAS" | "READONLY" | "LOADING" | "MASTERDOWN" | "BUSY"
        | "CLUSTERDOWN" | "TRYAGAIN" => Error::Unavailable(text),
        _ => Error::Internal(text),
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::Error;
    use greentic_sdk_network::tcp::Fault;

    use super::{Effect, of_lost, of_reply};
    use crate::client::Lost;

    #[test]
    fn only_a_write_that_may_have_been_sent_has_an_unknown_outcome() {
        let fault = || Fault::Failed("x".into());
        for (lost, effect, unknown) in [
            (Lost::Unknown(fault()), Effect::Write, true),
            (Lost::Unknown(fault()), Effect::Read, false),
            (Lost::NotSent(fault()), Effect::Write, false),
        ] {
            let error = of_lost(lost.clone(), effect);
            assert_eq!(
                matches!(error, Error::UnknownOutcome(_)),
                unknown,
                "{lost:?} {effect:?}"
            );
        }
    }

    #[test]
    fn an_answer_is_told_with_what_to_do() {
        let denied = of_reply("WRONGPASS invalid username-password pair");
        assert!(matches!(&denied, Error::Denied(text) if text.contains("`password`")));
        let full = of_reply("OOM command not allowed");
        assert!(matches!(&full, Error::Unavailable(text) if text.contains("maxmemory")));
        assert!(matches!(of_reply("ERR syntax"), Error::Internal(_)));
    }
}
