//! A generation: one bundle, resolved, verified, compiled, started and bound. It is whole or it is not there.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use greentic_config::limits::Limits;
use greentic_telemetry::HostMetrics;
use greentic_types::{ChannelRef, Id, TenantCtx};

use crate::backends::Backends;
use crate::channel::ChannelRuntime;
use crate::chores::Lasting;
use crate::load::{Parts, WatchedTag};
use crate::loaded::LoadedPlugin;
use crate::old_flows::OldFlows;
use crate::team::TeamRuntime;

/// Everything that runs for one state of the bundle.
pub struct Generation {
    /// Counts up with each bundle taken over.
    pub number: u64,
    /// The environment.
    pub env: Id,
    pub(crate) maps: Maps,
    /// Versions of flows that conversations are still in.
    pub(crate) old_flows: OldFlows,
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
    pub(crate) lasting: Vec<Lasting>,
    pub(crate) parts: Parts,
}

/// Where to find what.
#[derive(Default)]
pub(crate) struct Maps {
    /// Channels by place: `provider/tenant/team/channel`.
    by_place: HashMap<String, Arc<ChannelRuntime>>,
    /// Channels by bus subject, of both directions.
    by_subject: HashMap<String, Arc<ChannelRuntime>>,
}

impl Maps {
    pub(crate) fn of(teams: &HashMap<TenantCtx, crate::load::KnownTeam>) -> Self {
        let mut maps = Self::default();
        for channel in teams.values().flat_map(|known| &known.channels) {
            let ChannelRef {
                tenant,
                team,
                channel: name,
                ..
            } = &channel.reference;
            let place = format!("{}/{tenant}/{team}/{name}", channel.provider);
            maps.by_place.insert(place, Arc::clone(channel));
            for subject in [&channel.ingress_subject, &channel.egress_subject] {
                maps.by_subject
                    .insert(subject.as_str().to_owned(), Arc::clone(channel));
            }
        }
        maps
    }
}

impl Generation {
    /// Channels by place: `provider/tenant/team/channel`.
    #[must_use]
    pub fn channels(&self) -> &HashMap<String, Arc<ChannelRuntime>> {
        &self.maps.by_place
    }

    /// The digest of the bundle and all its packs, in hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> String {
        self.parts.digest.hex()
    }

    /// The lock file of its packs.
    #[must_use]
    pub fn lock(&self) -> greentic_pack::Lock {
        self.parts.packs.lock(&self.parts.loaded.bundle.base_dir)
    }

    /// Who asks registries for new versions of what it was made of; none where nothing is to be asked.
    #[must_use]
    pub fn registries(&self) -> Option<Arc<greentic_registry::Client>> {
        self.parts.packs.fetched.client().cloned()
    }

    /// The tags that are looked after, with what they had.
    #[must_use]
    pub fn watched_tags(&self) -> Vec<WatchedTag> {
        self.parts.packs.fetched.watched(&self.parts.loaded)
    }

    /// The bundle it was made of.
    #[must_use]
    pub fn loaded(&self) -> &Arc<greentic_config::Loaded> {
        &self.parts.loaded
    }

    /// Whether another one is made of the very same running parts.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let (one, two) = (&self.parts, &other.parts);
        self.limits == other.limits
            && one.bound == two.bound
            && one.teams.len() == two.teams.len()
            && one.teams.iter().all(|(place, known)| {
                let theirs = two.teams.get(place);
                theirs.is_some_and(|theirs| Arc::ptr_eq(&known.team, &theirs.team))
            })
    }

    pub(crate) fn has(&self, subject: &str) -> bool {
        self.maps.by_subject.contains_key(subject)
    }

    pub(crate) fn channel_of(&self, subject: &str) -> Option<Arc<ChannelRuntime>> {
        self.maps.by_subject.get(subject).cloned()
    }

    /// Teams with their place.
    pub(crate) fn teams(&self) -> impl Iterator<Item = (&TenantCtx, &Arc<TeamRuntime>)> {
        let teams = self.parts.teams.iter();
        teams.map(|(place, known)| (place, &known.team))
    }

    /// Its channels are this generation's from now on.
    pub(crate) fn takes_over(&self) {
        for channel in self.maps.by_place.values() {
            channel.generation.store(self.number, Ordering::Relaxed);
        }
    }

    /// The channels that another generation does not have as they are.
    pub(crate) fn without(&self, other: &Self) -> Vec<Arc<ChannelRuntime>> {
        let stays = |channel: &Arc<ChannelRuntime>| {
            other
                .maps
                .by_subject
                .get(channel.ingress_subject.as_str())
                .is_some_and(|theirs| Arc::ptr_eq(channel, theirs))
        };
        let channels = self.maps.by_place.values();
        channels
            .filter(|channel| !stays(channel))
            .cloned()
            .collect()
    }

    /// Drops instances that were idle for too long.
    pub(crate) fn shrink(&self) {
        for known in self.parts.teams.values() {
            known.team.shrink();
            for channel in &known.channels {
                channel.client.shrink();
            }
        }
        self.old_flows.shrink();
    }

    /// Asks again for secrets that do not last.
    pub(crate) async fn refresh(&self) {
        for secret in &self.lasting {
            secret.refresh().await;
        }
    }
}
