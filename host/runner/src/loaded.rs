//! What is known of a loaded plugin: for the table at start, for `status`, for the log.

use greentic_interfaces::imports::greentic::channel::types::Surfaces;
use serde::Serialize;

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
