//! What went wrong, as the contract's errors say it.

use greentic_sdk::model::Error;

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

    use super::of_reply;

    #[test]
    fn an_answer_is_told_with_what_to_do() {
        let denied = of_reply("WRONGPASS invalid username-password pair");
        assert!(matches!(&denied, Error::Denied(text) if text.contains("`password`")));
        let full = of_reply("OOM command not allowed");
        assert!(matches!(&full, Error::Unavailable(text) if text.contains("maxmemory")));
        assert!(matches!(of_reply("ERR syntax"), Error::Internal(_)));
    }
}
