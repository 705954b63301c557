//! A channel that does harm when it is asked to.
//!
//! What it does is named by the request's path (`/loop`), or by the configured `mode` where the path is empty, or, for `deliver`,
//! by the text to send. Parameters stand in the query. Everything here imports only what every plugin imports: harm over the network
//! is in `hostile-network`.
//!
//! | mode | what it does |
//! |---|---|
//! | `ok`, `count` | nothing; the number of calls this instance has had |
//! | `say?conversation=c&text=t` | one unverified message, with an id of the instance's own or `id` |
//! | `loop`, `busy?ms=n`, `sleep` | never returns; works n milliseconds; sleeps for ever |
//! | `memory`, `recurse`, `trap`, `panic`, `exit` | grows without end; without end deeper; stops in each way there is |
//! | `log-flood`, `secret-flood`, `config-flood`, `stdout-flood` | host calls or output without end, or `n` of them |
//! | `handles` | opens secrets and drops none |
//! | `long-log`, `big-body`, `big-header`, `many-headers`, `events`, `big-text` | one thing that is too large, by `n` |
//! | `bad-status`, `bad-header` | a response no server may send |
//! | `read?path=p`, `write?path=p`, `list?path=p`, `env`, `args`, `stdin` | what it finds, as text; `denied: …` where it finds nothing |
//! | `secret?name=n`, `reveal?name=n` | opens or reveals a secret |
//! | `random`, `clock` | asks for 2^40 random bytes at once; asks for the time without end |

#![allow(clippy::panic, clippy::cast_possible_truncation, clippy::empty_loop)] // It misbehaves on purpose.

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Limits, Receipt, Request, Response, Retry, Surfaces,
};
use greentic_sdk::config;
use greentic_sdk::model::{About, OutboundBody};

mod excess;
mod ruin;
mod snoop;

/// The component.
pub struct Hostile;

/// What is to be done: its name, and its parameters as in a query.
pub(crate) struct Mode<'request> {
    name: &'request str,
    query: &'request str,
}

impl<'request> Mode<'request> {
    fn text(&self, name: &str) -> Option<&'request str> {
        self.query.split('&').find_map(|pair| {
            pair.split_once('=')
                .filter(|(key, _)| *key == name)
                .map(|(_, value)| value)
        })
    }

    fn number(&self, name: &str, default: u64) -> u64 {
        self.text(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    }
}

/// Does it. `None` when there is no such mode.
fn act(mode: &Mode<'_>) -> Option<IngressOutcome> {
    ruin::act(mode)
        .or_else(|| excess::act(mode))
        .or_else(|| snoop::act(mode))
}

impl Channel for Hostile {
    fn describe() -> Descriptor {
        let about = About::new(
            "hostile-channel",
            env!("CARGO_PKG_VERSION"),
            "Does harm when asked to, for tests",
        );
        let schema = r#"{"type":"object","additionalProperties":false,"properties":{"mode":{"type":"string"}}}"#;
        Descriptor {
            about: about.config(schema),
            surfaces: Surfaces::WEBHOOK,
            headers: Vec::new(),
            upload_paths: Vec::new(),
            capabilities: Capabilities::PROACTIVE,
            dedupe_ms: 0,
            limits: Limits {
                max_text: 4096,
                max_buttons: 0,
                max_attachment: 0,
                per_conversation: Vec::new(),
                per_channel: Vec::new(),
            },
        }
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let configured = config::get("mode").ok().flatten().unwrap_or_default();
        let name = request.path.trim_start_matches('/');
        let name = if name.is_empty() {
            configured.as_str()
        } else {
            name
        };
        let mode = Mode {
            name,
            query: request.query.as_deref().unwrap_or_default(),
        };
        match name {
            "unverified" => return Err(IngressError::Unverified("asked to be".into())),
            "unavailable" => return Err(IngressError::Unavailable("asked to be".into())),
            "internal" => return Err(IngressError::Internal("asked to be".into())),
            _ => {}
        }
        Ok(act(&mode).unwrap_or_else(|| {
            IngressOutcome::answer(Response::body(404, "text/plain", "no such mode"))
        }))
    }

    /// The text names the mode, with parameters after a question mark; `rejected`, `retry`, `unknown` and `retry-until?attempt=n`
    /// answer so, any other text is delivered.
    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        let text = match &delivery.message.body {
            OutboundBody::Text(text) => text.text.as_str(),
            _ => "",
        };
        let (name, query) = text.split_once('?').unwrap_or((text, ""));
        let mode = Mode { name, query };
        let retry = || {
            DeliveryError::Retry(Retry {
                reason: "asked to".into(),
                after_ms: Some(mode.number("after", 10)),
            })
        };
        match name {
            "rejected" => return Err(DeliveryError::Rejected("asked to".into())),
            "unknown" => return Err(DeliveryError::Unknown("asked to".into())),
            "retry" => return Err(retry()),
            "retry-until" if u64::from(delivery.attempt) < mode.number("attempt", 3) => {
                return Err(retry());
            }
            _ => {}
        }
        act(&mode);
        Ok(Receipt::one(delivery.id))
    }
}

greentic_sdk::export_channel!(Hostile);

/// An answer that shows what was found.
pub(crate) fn tell(text: impl Into<String>) -> IngressOutcome {
    IngressOutcome::answer(Response::body(
        200,
        "text/plain; charset=utf-8",
        text.into(),
    ))
}

#[cfg(test)]
mod tests {
    use super::{Hostile, Mode, act};
    use greentic_sdk::channel::{Channel, Request, Surface};
    use greentic_sdk::native::{Table, install};

    #[test]
    fn modes_come_from_the_path_or_the_configuration() {
        install(Table::new().config("mode", "ok").secret("k", b"value"));
        let request = |path: &str, query: &str| Request {
            surface: Surface::Webhook,
            method: "POST".into(),
            origin: String::new(),
            base: String::new(),
            path: path.into(),
            query: Some(query.into()),
            headers: Vec::new(),
            body: Vec::new(),
        };
        for (path, query, status, body) in [
            ("", "", 200, "ok"),
            ("/nonsense", "", 404, "no such mode"),
            ("/reveal", "name=k", 200, "value"),
            ("/secret", "name=other", 200, "denied: not-found"),
            ("/bad-status", "", 999, ""),
        ] {
            let response = Hostile::ingress(request(path, query)).unwrap().response;
            assert_eq!(
                (
                    response.status,
                    String::from_utf8(response.body).unwrap().as_str()
                ),
                (status, body),
                "{path}"
            );
        }
        assert!(Hostile::ingress(request("/unverified", "")).is_err());
    }

    #[test]
    fn what_is_too_large_is_as_large_as_asked() {
        let outcome = |name, query| act(&Mode { name, query }).unwrap();
        assert_eq!(outcome("events", "n=300").events.len(), 300);
        assert_eq!(outcome("big-body", "n=5000").response.body.len(), 5000);
        assert_eq!(outcome("many-headers", "n=70").response.headers.len(), 71);
    }
}
