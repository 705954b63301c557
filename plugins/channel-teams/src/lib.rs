//! Microsoft Teams, by way of the Bot Connector, as a channel.
//!
//! What comes in is believed after the check in `verify` and not before; what goes out goes to the service URL that came with a
//! verified activity, on trusted hosts only. Nothing is kept in the component: key set, access token, conversation references and
//! files that wait are in the channel's memory.

mod activity;
mod card;
mod connector;
mod consent;
mod deliver;
mod files;
#[cfg(test)]
mod fuzz;
mod inbound;
mod ingress;
mod invoke;
mod jwt;
mod kept;
mod keys;
mod markdown;
mod mention;
mod picture;
mod reactions;
mod reference;
mod settings;
mod target;
#[cfg(test)]
mod testing;
mod timestamp;
mod token;
mod trust;
mod verify;

use std::sync::OnceLock;

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Lifecycle, Limits, Rate, Receipt, Request, Retry, Surfaces, memory,
};
use greentic_sdk::config;
use greentic_sdk::model::{About, Error};
use greentic_sdk::time::now_ms;

use crate::settings::{SCHEMA, Settings};

/// The channel.
pub struct Teams;

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

/// Sends to one thread ("Optimize your bot with rate limiting"): all hold.
const PER_CONVERSATION: [(u32, u32); 4] = [(7, 1000), (8, 2000), (60, 30_000), (1800, 3_600_000)];
/// Calls of one app in one tenant.
const PER_CHANNEL: [(u32, u32); 1] = [(50, 1000)];

fn rates(rates: &[(u32, u32)]) -> Vec<Rate> {
    rates
        .iter()
        .map(|&(messages, per_ms)| Rate { messages, per_ms })
        .collect()
}

impl Channel for Teams {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "channel-teams",
                env!("CARGO_PKG_VERSION"),
                "Microsoft Teams, by way of the Bot Connector",
            )
            .secret("teams/client-secret")
            .http("login.botframework.com")
            .http("login.microsoftonline.com")
            .http("smba.trafficmanager.net")
            .http("*.botframework.com")
            .http("*.sharepoint.com")
            .config(SCHEMA),
            surfaces: Surfaces::WEBHOOK | Surfaces::API,
            headers: vec!["authorization".into()],
            upload_paths: Vec::new(),
            capabilities: Capabilities::all(),
            dedupe_ms: 0,
            limits: Limits {
                max_text: u32::try_from(deliver::TEXT).unwrap_or(u32::MAX),
                max_buttons: u32::try_from(card::ROW).unwrap_or(u32::MAX),
                max_attachment: u64::try_from(kept::MAX_BYTES).unwrap_or(u64::MAX),
                per_conversation: rates(&PER_CONVERSATION),
                per_channel: rates(&PER_CHANNEL),
            },
        }
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let settings = settings().map_err(IngressError::Internal)?;
        ingress::ingress(settings, &request, now_ms())
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

impl Lifecycle for Teams {
    /// Registers nothing, for a bot's endpoint is entered in Azure; says what to enter, and finds out whether the registration works.
    fn setup(url: String) -> Result<Vec<String>, Error> {
        let settings = settings().map_err(Error::Invalid)?;
        memory::put(files::ADDRESS, url.as_bytes(), None)?;
        let now = now_ms();
        let keys = keys::fetch(settings, now).map_err(Error::Unavailable)?;
        if let Err(error) = token::obtain(settings, now, true) {
            return Err(match error {
                DeliveryError::Retry(Retry { reason, .. })
                | DeliveryError::Rejected(reason)
                | DeliveryError::Unknown(reason) => Error::Unavailable(reason),
            });
        }
        Ok(vec![
            format!("{keys} signing keys were read"),
            format!("an access token was issued for app {}", settings.app_id),
            format!("messaging endpoint to enter in the bot's registration: {url}"),
        ])
    }

    fn teardown() -> Result<(), Error> {
        Ok(())
    }
}

greentic_sdk::export_channel!(Teams);
greentic_sdk::export_lifecycle!(Teams);
