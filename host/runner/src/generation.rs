//! A generation: one bundle, resolved, verified, compiled, started and bound. It is whole or it is not there.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_config::limits::Limits;
use greentic_telemetry::HostMetrics;
use greentic_types::{Id, TenantCtx};

use crate::backends::Backends;
use crate::channel::ChannelRuntime;
use crate::loaded::LoadedPlugin;
use crate::team::TeamRuntime;

/// Everything that runs for one state of the bundle.
pub struct Generation {
    /// Counts up with each bundle taken over.
    pub number: u64,
    /// The environment.
    pub env: Id,
    /// Channels by place: `provider/tenant/team/channel`.
    pub channels: HashMap<String, Arc<ChannelRuntime>>,
    /// Channels by bus subject, of both directions.
    pub(crate) by_subject: HashMap<String, Arc<ChannelRuntime>>,
    /// Channels by their second path.
    pub aliases: HashMap<String, Arc<ChannelRuntime>>,
    /// Teams.
    pub(crate) teams: HashMap<TenantCtx, Arc<TeamRuntime>>,
    /// Distinct sets of backends.
    pub backends: Vec<Arc<Backends>>,
    /// Plugins, as they were loaded.
    pub plugins: Vec<LoadedPlugin>,
    /// What an operator should look at, found while loading.
    pub warnings: Vec<String>,
    /// Every limit.
    pub limits: Limits,
    /// Metrics of the host.
    pub metrics: Arc<HostMetrics>,
    /// Work that goes on for as long as the generation does.
    pub(crate) chores: crate::chores::Chores,
}

impl Generation {
    pub(crate) fn channel_of(&self, subject: &str) -> Option<Arc<ChannelRuntime>> {
        self.by_subject.get(subject).cloned()
    }

    pub(crate) fn team_of(&self, tenant: &TenantCtx) -> Option<Arc<TeamRuntime>> {
        self.teams.get(tenant).cloned()
    }
}
