//! Telegram: the Bot API's webhook and methods, as a channel.
//!
//! It keeps nothing between calls but what stands in the channel's memory: who the bot is, data of buttons that Telegram has no
//! room for, forms that are being filled in, groups that moved. Neither the bot's token nor the webhook's secret is ever in it.

mod api;
mod bot;
mod bounds;
mod deliver;
mod emoji;
mod files;
mod form;
mod inbound;
mod keyboard;
mod lifecycle;
mod moved;
mod pace;
mod place;
mod settings;
#[cfg(test)]
mod testing;
mod update;
mod webhook;
mod words;

use std::sync::OnceLock;

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Lifecycle, Limits, Rate, Receipt, Request, Retry, Surfaces,
};
use greentic_sdk::config;
use greentic_sdk::model::{About, Error};

use crate::settings::{SCHEMA, Settings};

/// The channel.
pub struct Telegram;

/// The configuration, read at the first call: an instance is bound to one channel for its whole life.
fn settings() -> Result<&'static Settings, String> {
    static SETTINGS: OnceLock<Result<Settings, String>> = OnceLock::new();
    SETTINGS
        .get_or_init(|| {
            Settings::read(|key| config::get(key).map_err(|error| format!("{error:?}")))
                .map_err(|fault| fault.to_string())
        })
        .as_ref()
        .map_err(Clone::clone)
}

fn descriptor() -> Descriptor {
    let mut about = About::new(
        "channel-telegram",
        env!("CARGO_PKG_VERSION"),
        "Telegram: the Bot API's webhook and methods",
    )
    .secret("telegram/bot-token")
    .secret("telegram/webhook-secret")
    .config(SCHEMA);
    about.requests.http.push("api.telegram.org".into());
    Descriptor {
        about,
        surfaces: Surfaces::WEBHOOK | Surfaces::API,
        headers: vec![webhook::SECRET_HEADER.into(), "range".into()],
        upload_paths: Vec::new(),
        capabilities: Capabilities::THREADS
            | Capabilities::MARKDOWN
            | Capabilities::BUTTONS
            | Capabilities::ATTACHMENTS_IN
            | Capabilities::ATTACHMENTS_OUT
            | Capabilities::TYPING
            | Capabilities::EDIT
            | Capabilities::DELETE
            | Capabilities::REACTIONS_IN
            | Capabilities::REACTIONS_OUT
            | Capabilities::PROACTIVE
            | Capabilities::COMMANDS
            | Capabilities::QUICK_REPLIES,
        limits: Limits {
            max_text: words::TEXT_UNITS,
            max_buttons: u32::try_from(keyboard::BUTTONS).unwrap_or(u32::MAX),
            // What a message of the contract can hold; by address Telegram takes up to 20 MB.
            max_attachment: 4 << 20,
            // core.telegram.org/bots/faq: about one a second in a chat, 30 a second in all; for groups see `pace`.
            per_conversation: vec![Rate {
                messages: 1,
                per_ms: 1000,
            }],
            per_channel: vec![Rate {
                messages: 30,
                per_ms: 1000,
            }],
        },
        // Telegram keeps an update for a day and sends it for the last time at its end.
        dedupe_ms: 25 * 60 * 60 * 1000,
    }
}

impl Channel for Telegram {
    fn describe() -> Descriptor {
        descriptor()
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let settings = settings().map_err(IngressError::Internal)?;
        webhook::serve(settings, &request)
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        let settings = settings().map_err(|reason| {
            DeliveryError::Retry(Retry {
                reason,
                after_ms: None,
            })
        })?;
        deliver::deliver(settings, &delivery)
    }
}

impl Lifecycle for Telegram {
    fn setup(url: String) -> Result<Vec<String>, Error> {
        lifecycle::setup(settings().map_err(Error::Invalid)?, &url)
    }

    fn teardown() -> Result<(), Error> {
        lifecycle::teardown(settings().map_err(Error::Invalid)?)
    }
}

greentic_sdk::export_channel!(Telegram);
greentic_sdk::export_lifecycle!(Telegram);
