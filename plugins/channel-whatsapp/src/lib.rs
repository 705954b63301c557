//! WhatsApp Cloud API as a channel.
//!
//! The platform's webhook brings what people do and how far messages have come; the Graph API takes what flows say. What has to be known
//! between two calls, such as when somebody wrote last, is in the channel's memory.

mod choice;
mod files;
mod form;
#[cfg(test)]
mod fuzz;
mod graph;
mod handshake;
mod inbound;
mod limits;
mod notification;
mod outbound;
mod peer;
mod progress;
mod receive;
mod remember;
mod secrets;
mod settings;
mod setup;
mod step;
#[cfg(test)]
mod testing;

use std::sync::OnceLock;

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Lifecycle, Limits, Rate, Receipt, Request, Response, Retry, Surface, Surfaces,
};
use greentic_sdk::model::{About, Error};

use crate::settings::{SCHEMA, Settings};

/// The channel.
pub struct WhatsApp;

/// The configuration, read at the first call: an instance is bound to one channel for its whole life.
fn settings() -> Result<&'static Settings, Error> {
    static SETTINGS: OnceLock<Result<Settings, Error>> = OnceLock::new();
    SETTINGS
        .get_or_init(Settings::read)
        .as_ref()
        .map_err(Clone::clone)
}

impl Channel for WhatsApp {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "channel-whatsapp",
                env!("CARGO_PKG_VERSION"),
                "WhatsApp, by the Cloud API",
            )
            .http("graph.facebook.com")
            .http("lookaside.fbsbx.com")
            .secret("whatsapp/app-secret")
            .secret("whatsapp/verify-token")
            .secret("whatsapp/access-token")
            .config(SCHEMA),
            surfaces: Surfaces::WEBHOOK | Surfaces::API,
            headers: vec![receive::SIGNATURE.to_owned()],
            upload_paths: Vec::new(),
            // A thread is a quote here: there are no others.
            capabilities: Capabilities::THREADS
                | Capabilities::MARKDOWN
                | Capabilities::BUTTONS
                | Capabilities::ATTACHMENTS_IN
                | Capabilities::ATTACHMENTS_OUT
                | Capabilities::TYPING
                | Capabilities::REACTIONS_IN
                | Capabilities::REACTIONS_OUT
                | Capabilities::PROACTIVE
                | Capabilities::COMMANDS
                | Capabilities::DELIVERY_STATUS
                | Capabilities::QUICK_REPLIES,
            dedupe_ms: limits::REDELIVERY_MS,
            limits: Limits {
                max_text: u32::try_from(limits::TEXT).unwrap_or(u32::MAX),
                max_buttons: u32::try_from(limits::ROWS).unwrap_or(u32::MAX),
                max_attachment: limits::DOCUMENT_BYTES,
                // One message in 6 seconds to one person, of which 45 may come at once.
                per_conversation: vec![Rate {
                    messages: 45,
                    per_ms: 270_000,
                }],
                per_channel: vec![Rate {
                    messages: 80,
                    per_ms: 1_000,
                }],
            },
        }
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let settings = settings().map_err(|error| IngressError::Internal(format!("{error:?}")))?;
        serve(settings, &request)
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        let settings = settings().map_err(|error| {
            DeliveryError::Retry(Retry {
                reason: format!("{error:?}"),
                after_ms: None,
            })
        })?;
        outbound::deliver(settings, &delivery)
    }
}

impl Lifecycle for WhatsApp {
    fn setup(url: String) -> Result<Vec<String>, Error> {
        setup::setup(settings()?, &url)
    }

    fn teardown() -> Result<(), Error> {
        setup::teardown(settings()?)
    }
}

/// Serves one request.
fn serve(settings: &Settings, request: &Request) -> Result<IngressOutcome, IngressError> {
    match (request.surface, request.method.as_str()) {
        (Surface::Webhook, "GET") => handshake::answer(settings, request),
        (Surface::Webhook, "POST") => receive::receive(settings, request),
        (Surface::Webhook, _) => Ok(IngressOutcome::answer(
            Response::empty(405).with_header("allow", "GET, POST"),
        )),
        (Surface::Api, _) => files::serve(settings, request),
        (Surface::Page, _) => Ok(IngressOutcome::answer(Response::empty(404))),
    }
}

greentic_sdk::export_channel!(WhatsApp);
greentic_sdk::export_lifecycle!(WhatsApp);
