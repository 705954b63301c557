//! What a generation was made of. The next one looks here for what has not changed.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_config::Loaded;
use greentic_interfaces::imports::greentic::channel::types::Descriptor;
use greentic_interfaces::model::About;
use greentic_sandbox::client::Client;
use greentic_sandbox::secrets::SecretCell;
use greentic_sandbox::worlds::{SecretsWorld, StoreWorld};
use greentic_types::{Id, TenantCtx};

use super::components::Components;
use super::link::Linked;
use super::packs::Packs;
use crate::bus::Bus;
use crate::channel::ChannelRuntime;
use crate::fingerprint::Fingerprint;
use crate::quota::Quota;
use crate::team::TeamRuntime;

/// Something that runs, and the digest of what it was made of.
pub(crate) type Known<T> = HashMap<String, (Fingerprint, Arc<T>)>;

/// A team with its channels.
pub(crate) struct KnownTeam {
    pub print: Fingerprint,
    pub team: Arc<TeamRuntime>,
    pub channels: Vec<Arc<ChannelRuntime>>,
}

/// A secret's name, its backend, and whether its bytes may be seen.
pub(crate) type SecretKey = (String, String, bool);

/// Everything a generation was made of.
pub(crate) struct Parts {
    pub loaded: Arc<Loaded>,
    pub packs: Packs,
    pub components: Components,
    pub plugins: HashMap<String, Arc<Linked>>,
    /// Of each plugin with its configuration and secrets.
    pub bound: HashMap<String, Fingerprint>,
    pub abouts: HashMap<String, About>,
    pub described: HashMap<String, Descriptor>,
    pub secrets: HashMap<SecretKey, Arc<SecretCell>>,
    pub secret_backends: Known<Client<SecretsWorld>>,
    pub stores: Known<Client<StoreWorld>>,
    pub buses: Known<Bus>,
    pub quotas: HashMap<Id, Arc<Quota>>,
    pub teams: HashMap<TenantCtx, KnownTeam>,
    /// Of the bundle's text and every pack.
    pub digest: Fingerprint,
}
