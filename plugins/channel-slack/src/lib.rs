//! Slack, as a channel: Events API, slash commands and interactivity in; the Web API out.
//!
//! Everything Slack sends is verified by the app's signing secret before it is read. The bot's token is never seen here: the host
//! places it in calls to the hosts it was granted.

mod api;
mod compose;
mod dialog;
mod direct;
mod emoji;
mod fields;
mod files;
mod identity;
mod inbound;
mod outbound;
mod people;
mod press;
mod remembered;
mod response_url;
mod settings;
mod signature;
#[cfg(test)]
mod testing;

use std::cell::RefCell;
use std::rc::Rc;

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Limits, Rate, Receipt, Request, Retry, Surface, Surfaces,
};
use greentic_sdk::model::About;

use crate::inbound::Reader;
use crate::settings::{SCHEMA, Settings};

/// The channel.
pub struct Slack;

/// Longest text of one message. Slack cuts at 40,000 and advises 4,000.
const MAX_TEXT: u32 = 4_000;

/// Most buttons of one message: one block of actions.
const MAX_BUTTONS: u32 = 25;

/// Largest file a delivery can carry, in bytes: the contract's bound.
const MAX_ATTACHMENT: u64 = 4 << 20;

/// How long Slack may send an event again: its delayed events come hourly for a day, the last one with its own retries.
const REDELIVERY_MS: u64 = 25 * 60 * 60 * 1_000;

/// The configuration. An instance is bound to one channel for its whole life; the stand-in of tests is not.
fn settings() -> Result<Rc<Settings>, String> {
    thread_local! {
        static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
    }
    if cfg!(target_arch = "wasm32")
        && let Some(settings) = SETTINGS.with_borrow(Clone::clone)
    {
        return Ok(settings);
    }
    let settings = Rc::new(Settings::read()?);
    SETTINGS.set(Some(Rc::clone(&settings)));
    Ok(settings)
}

impl Channel for Slack {
    fn describe() -> Descriptor {
        let text = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Descriptor {
            about: About::new(
                "channel-slack",
                env!("CARGO_PKG_VERSION"),
                "Slack: Events API, slash commands, interactivity and the Web API",
            )
            .secret("slack/signing-secret")
            .secret("slack/bot-token")
            .http("slack.com")
            .http("files.slack.com")
            .http("hooks.slack.com")
            .config(SCHEMA),
            surfaces: Surfaces::WEBHOOK | Surfaces::API,
            headers: text(&[
                "content-type",
                "x-slack-signature",
                "x-slack-request-timestamp",
                "x-slack-retry-num",
                "x-slack-retry-reason",
            ]),
            upload_paths: Vec::new(),
            capabilities: Capabilities::THREADS
                | Capabilities::MARKDOWN
                | Capabilities::BUTTONS
                | Capabilities::CARDS
                | Capabilities::ATTACHMENTS_IN
                | Capabilities::ATTACHMENTS_OUT
                | Capabilities::TYPING
                | Capabilities::EDIT
                | Capabilities::DELETE
                | Capabilities::REACTIONS_IN
                | Capabilities::REACTIONS_OUT
                | Capabilities::EPHEMERAL
                | Capabilities::PROACTIVE
                | Capabilities::COMMANDS
                | Capabilities::QUICK_REPLIES,
            limits: Limits {
                max_text: MAX_TEXT,
                max_buttons: MAX_BUTTONS,
                max_attachment: MAX_ATTACHMENT,
                // About one message a second in a channel, and several hundred a minute in a workspace (docs.slack.dev, rate limits).
                per_conversation: vec![Rate {
                    messages: 1,
                    per_ms: 1_000,
                }],
                per_channel: vec![Rate {
                    messages: 300,
                    per_ms: 60_000,
                }],
            },
            dedupe_ms: REDELIVERY_MS,
        }
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let settings = settings().map_err(IngressError::Internal)?;
        if request.surface != Surface::Webhook {
            return Ok(files::serve(&settings, &request));
        }
        let signing = signature::verify(&settings.signing_secret, &request)?;
        Reader {
            settings: &settings,
            request: &request,
            signing: &signing,
        }
        .read()
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        let settings = settings().map_err(|reason| {
            DeliveryError::Retry(Retry {
                reason,
                after_ms: None,
            })
        })?;
        outbound::deliver(&settings, &delivery)
    }
}

greentic_sdk::export_channel!(Slack);

#[cfg(test)]
mod tests {
    use greentic_sdk::channel::{Capabilities, Channel};

    use super::*;

    #[test]
    fn it_asks_for_what_it_uses_and_declares_no_status_it_cannot_tell() {
        let described = Slack::describe();
        assert_eq!(
            described.about.requests.secrets,
            ["slack/signing-secret", "slack/bot-token"]
        );
        assert_eq!(
            described.about.requests.http,
            ["slack.com", "files.slack.com", "hooks.slack.com"]
        );
        assert!(
            described
                .headers
                .iter()
                .all(|name| *name == name.to_lowercase())
        );
        assert_eq!(
            described.capabilities,
            Capabilities::all() - Capabilities::DELIVERY_STATUS
        );
        let _: serde_json::Value = serde_json::from_str(&described.about.config_schema).unwrap();
    }

    #[test]
    fn incident_01_events_are_remembered_for_longer_than_slack_repeats_them() {
        let a_day = 24 * 60 * 60 * 1_000;
        assert!(Slack::describe().dedupe_ms > a_day);
    }
}
