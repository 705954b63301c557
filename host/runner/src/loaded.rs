//! What is known of a loaded plugin: for the table at start, for `status`, for the log.

use greentic_interfaces::imports::greentic::channel::types::Surfaces;
use greentic_interfaces::model::Durability;
use greentic_sandbox::worlds::bus_types::Ordering;
use serde::Serialize;

use crate::generation::Generation;

/// One row of the table of plugins.
#[derive(Debug, Clone, Serialize)]
pub struct LoadedPlugin {
    /// Its name in the bundle, or `pack/component` for one that came with a pack.
    pub name: String,
    /// Which world it implements.
    pub world: String,
    /// Its own version.
    pub version: String,
    /// Who signed the pack it came in, or that nobody did.
    pub signer: String,
    /// How its instances live.
    pub policy: String,
    /// How calls are made: on the caller's thread, or by a task that waits.
    pub calls: String,
    /// What it was granted, in the words of the bundle.
    pub granted: Vec<String>,
    /// Components that were fused into it.
    pub fused: Vec<String>,
    /// From the cache, or compiled, and how long that took in milliseconds.
    pub code: String,
}

/// One row of the table of channels.
#[derive(Debug, Clone, Serialize)]
pub struct ChannelRow {
    /// `tenant/team/channel`
    pub channel: String,
    /// The plugin.
    pub provider: String,
    /// The flow when no rule holds.
    pub flow: String,
    /// Paths, one for each surface it serves.
    pub paths: Vec<String>,
    /// The path of its page, where it has one.
    pub page: Option<String>,
}

/// What a backend promises.
#[derive(Debug, Clone, Serialize)]
pub struct BackendRow {
    /// `bus` or `store`.
    pub role: &'static str,
    /// The plugin.
    pub plugin: String,
    /// What an answered write survives.
    pub durability: String,
    /// More it says of itself.
    pub detail: String,
}

pub(crate) fn surface_paths(surfaces: Surfaces, bases: &[String; 3]) -> Vec<String> {
    let [webhook, api, page] = bases;
    [
        (Surfaces::WEBHOOK, webhook),
        (Surfaces::API, api),
        (Surfaces::PAGE, page),
    ]
    .into_iter()
    .filter(|(surface, _)| surfaces.contains(*surface))
    .map(|(_, path)| path.clone())
    .collect()
}

impl Generation {
    /// The channels, for the table at start and for `status`.
    #[must_use]
    pub fn channel_rows(&self) -> Vec<ChannelRow> {
        let mut rows: Vec<_> = self
            .channels()
            .values()
            .map(|channel| {
                let reference = &channel.reference;
                let [_, _, page] = &channel.bases;
                ChannelRow {
                    channel: format!(
                        "{}/{}/{}",
                        reference.tenant, reference.team, reference.channel
                    ),
                    provider: channel.provider.clone(),
                    flow: channel.router.default.name.clone(),
                    paths: surface_paths(channel.descriptor.surfaces, &channel.bases)
                        .into_iter()
                        .chain(channel.alias.clone())
                        .collect(),
                    page: channel
                        .descriptor
                        .surfaces
                        .contains(Surfaces::PAGE)
                        .then(|| format!("{page}/")),
                }
            })
            .collect();
        rows.sort_by(|a, b| a.channel.cmp(&b.channel));
        rows
    }

    /// What the bus and the store promise.
    #[must_use]
    pub fn backend_rows(&self) -> Vec<BackendRow> {
        let mut rows = Vec::new();
        for backends in &self.backends {
            let bus = backends.bus.descriptor();
            rows.push(BackendRow {
                role: "bus",
                plugin: backends.bus_name.clone(),
                durability: durability(bus.durability).to_owned(),
                detail: format!(
                    "order {}, duplicates known for {} s",
                    ordering(bus.ordering),
                    bus.dedupe_window_ms / 1_000
                ),
            });
            rows.push(BackendRow {
                role: "sessions",
                plugin: backends.store_name.clone(),
                durability: durability(backends.store_descriptor.durability).to_owned(),
                detail: format!(
                    "values to {} KiB",
                    backends.store_descriptor.max_value / 1_024
                ),
            });
        }
        rows
    }
}

fn durability(durability: Durability) -> &'static str {
    match durability {
        Durability::None => "nothing is kept",
        Durability::Process => "lost when the process ends",
        Durability::Disk => "on this machine's disk",
        Durability::Replicated => "on several machines",
    }
}

fn ordering(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::None => "not kept",
        Ordering::Subject => "kept in a channel",
        Ordering::Key => "kept in a conversation",
    }
}
