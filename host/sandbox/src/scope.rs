//! What a call belongs to. The host knows it and hands it along beside the call; no guest can name or change it.

use std::sync::Arc;

use greentic_telemetry::TraceContext;
use greentic_types::{ChannelRef, TenantCtx};

use crate::limits::Limits;
use crate::secrets::Secrets;
use crate::services::Services;

/// What an instance is bound to for its whole life.
#[derive(Debug)]
pub struct Binding {
    /// The tenant; `None` for shared plugins, whose keys and subjects carry it.
    pub tenant: Option<TenantCtx>,
    /// The channel, for channel plugins.
    pub channel: Option<ChannelRef>,
    /// The configuration, flattened: a key with a dot for each level, values as text or JSON.
    pub config: Vec<(String, String)>,
    /// The secrets it may open.
    pub secrets: Arc<Secrets>,
    /// Limits in place of the plugin's own, where the tenant has lower ones.
    pub limits: Option<Limits>,
    /// Who answers what the instance asks of the host. They belong to the binding and not to the plugin, so that a plugin that
    /// stays as it is can serve a new generation of its surroundings.
    pub services: Arc<dyn Services>,
}

/// What one call belongs to.
#[derive(Debug, Clone, Default)]
pub struct CallScope {
    /// The generation that makes the call; 0 when none does, such as while one is being built.
    pub generation: u64,
    /// The trace the call is part of.
    pub trace: Option<TraceContext>,
    /// On whose behalf, for calls to shared plugins: who makes one fail again and again is found by this.
    pub tenant: Option<greentic_types::Id>,
    /// The conversation's partition in the store, for calls made inside a turn.
    pub session: Option<Arc<str>>,
    /// The participant whose event is handled, for calls made inside a turn.
    pub user: Option<Arc<str>>,
}
