//! WebChat: a Direct Line 3.0 server and its chat page, as a channel.
//!
//! Any Direct Line client works against it, botframework-webchat among them; the page of its own needs nothing but the channel's
//! address. It keeps nothing between calls: what was said is in the conversation's log, who may speak is in signed tokens.

mod activity;
mod answer;
mod attachment;
mod bounds;
mod bridge;
mod caller;
mod deliver;
mod fields;
mod files;
mod host;
mod limits;
mod page;
mod reaction;
mod route;
mod server;
mod settings;
mod stored;
mod stream;
#[cfg(test)]
mod testing;
mod token;
mod upload;

use std::sync::OnceLock;

use greentic_sdk::channel::{
    Accepted, Capabilities, Channel, Delivery, DeliveryError, Descriptor, Frame, IngressError,
    IngressOutcome, Limits, LogEntry, Receipt, Received, Request, Response, Retry, Sockets,
    Surfaces,
};
use greentic_sdk::model::About;

use crate::answer::Refusal;
use crate::bridge::Imports;
use crate::settings::{SCHEMA, Settings};

/// The channel.
pub struct WebChat;

/// The configuration, read at the first call: an instance is bound to one channel for its whole life.
fn settings() -> Result<&'static Settings, String> {
    static SETTINGS: OnceLock<Result<Settings, String>> = OnceLock::new();
    SETTINGS
        .get_or_init(|| bridge::settings().map_err(|fault| fault.to_string()))
        .as_ref()
        .map_err(Clone::clone)
}

fn imports(settings: &Settings) -> Imports<'_> {
    Imports {
        signing_key: &settings.signing_key,
    }
}

impl Channel for WebChat {
    fn describe() -> Descriptor {
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Descriptor {
            about: About::new(
                "channel-webchat",
                env!("CARGO_PKG_VERSION"),
                "WebChat: a Direct Line 3.0 server and a chat page",
            )
            .secret("webchat/signing-key")
            .config(SCHEMA),
            surfaces: Surfaces::API | Surfaces::PAGE,
            headers: text(&[
                "authorization",
                "origin",
                "content-type",
                "content-disposition",
            ]),
            upload_paths: text(&["/upload"]),
            capabilities: Capabilities::MARKDOWN
                | Capabilities::BUTTONS
                | Capabilities::CARDS
                | Capabilities::ATTACHMENTS_IN
                | Capabilities::ATTACHMENTS_OUT
                | Capabilities::TYPING
                | Capabilities::REACTIONS_IN
                | Capabilities::PROACTIVE
                | Capabilities::COMMANDS
                | Capabilities::QUICK_REPLIES,
            dedupe_ms: 0,
            limits: Limits {
                max_text: u32::try_from(limits::TEXT_BYTES).unwrap_or(u32::MAX),
                max_buttons: limits::BUTTONS,
                max_attachment: u64::try_from(limits::UPLOAD_BYTES).unwrap_or(u64::MAX),
                per_conversation: Vec::new(),
                per_channel: Vec::new(),
            },
        }
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let settings = settings().map_err(IngressError::Internal)?;
        Ok(server::serve(&imports(settings), settings, &request))
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        let settings = settings().map_err(|reason| {
            DeliveryError::Retry(Retry {
                reason,
                after_ms: None,
            })
        })?;
        deliver::deliver(&imports(settings), settings, &delivery)
    }
}

impl Sockets for WebChat {
    fn open(request: Request) -> Result<Accepted, Response> {
        match settings() {
            Ok(settings) => stream::open(&imports(settings), settings, &request),
            Err(reason) => Err(Refusal::new(500, "Misconfigured", reason).response()),
        }
    }

    fn push(state: Vec<u8>, entries: Vec<LogEntry>, transient: Vec<Vec<u8>>) -> Vec<Frame> {
        stream::push(&state, &entries, &transient)
    }

    fn receive(state: Vec<u8>, frame: Frame) -> Received {
        match settings() {
            Ok(settings) => stream::receive(&imports(settings), state, &frame),
            Err(_) => Received {
                state,
                frames: Vec::new(),
                events: Vec::new(),
                close: Some(1011),
            },
        }
    }
}

greentic_sdk::export_channel!(WebChat);
greentic_sdk::export_sockets!(WebChat);
