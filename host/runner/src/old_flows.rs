//! Versions of flows that a newer one has taken the place of, kept while conversations may still be in them.
//!
//! A conversation in mid-flow goes on with the version it began with: with that version's definition, engine, nodes and tools.
//! It moves when the flow ends, or when the old version is put away: after `limits.session.old-flow`, and the oldest first
//! when there are more than `limits.session.old-flows` of one flow. Nothing of it outlives the process.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use greentic_types::TenantCtx;
use parking_lot::RwLock;

use crate::generation::Generation;
use crate::load::Parts;
use crate::router::FlowRuntime;
use crate::team::TeamRuntime;

/// A flow with what it uses, in one version.
#[derive(Clone)]
pub(crate) struct OldFlow {
    pub flow: Arc<FlowRuntime>,
    pub team: Arc<TeamRuntime>,
    until: Instant,
}

/// The old flows of all teams.
#[derive(Default)]
pub(crate) struct OldFlows(RwLock<HashMap<TenantCtx, Vec<OldFlow>>>);

impl OldFlows {
    /// Those a new generation takes over, and those it makes old.
    pub(crate) fn after(running: Option<&Arc<Generation>>, parts: &Parts) -> Self {
        let Some(running) = running else {
            return Self::default();
        };
        let limits = &parts.loaded.bundle.limits.session;
        let until = Instant::now() + limits.old_flow;
        let mut kept: HashMap<TenantCtx, Vec<OldFlow>> = HashMap::new();
        let known = running.old_flows.0.read();
        for (place, new) in &parts.teams {
            let mut old: Vec<OldFlow> = known.get(place).cloned().unwrap_or_default();
            if let Some(team) = running.parts.teams.get(place).map(|known| &known.team)
                && !Arc::ptr_eq(team, &new.team)
            {
                old.extend(team.flows.values().map(|flow| OldFlow {
                    flow: Arc::clone(flow),
                    team: Arc::clone(team),
                    until,
                }));
            }
            // What is current again is not old, and without its sessions a flow has nobody in it.
            old.retain(|old| {
                let current = new.team.flows.get(&old.flow.name);
                old.until > Instant::now()
                    && current.is_none_or(|current| current.version != old.flow.version)
                    && Arc::ptr_eq(&old.team.backends.store, &new.team.backends.store)
            });
            bound(&mut old, limits.old_flows);
            if !old.is_empty() {
                kept.insert(place.clone(), old);
            }
        }
        Self(RwLock::new(kept))
    }

    /// A version of a team's flow.
    pub(crate) fn find(&self, place: &TenantCtx, name: &str, version: u64) -> Option<OldFlow> {
        let all = self.0.read();
        let mut of_team = all.get(place)?.iter().rev();
        let now = Instant::now();
        of_team
            .find(|old| old.flow.name == name && old.flow.version == version && old.until > now)
            .cloned()
    }

    /// Puts away what is over, and drops instances of the others that were idle for too long.
    pub(crate) fn shrink(&self) {
        if self.0.read().is_empty() {
            return;
        }
        let now = Instant::now();
        self.0.write().retain(|_, old| {
            old.retain(|old| old.until > now);
            !old.is_empty()
        });
        for old in self.0.read().values().flatten() {
            old.team.shrink();
        }
    }
}

/// Keeps the newest versions of each flow; of one version the newest entry.
fn bound(old: &mut Vec<OldFlow>, most: usize) {
    let mut seen: HashMap<String, Vec<u64>> = HashMap::new();
    let mut kept = Vec::new();
    for one in old.drain(..).rev() {
        let versions = seen.entry(one.flow.name.clone()).or_default();
        if versions.len() < most && !versions.contains(&one.flow.version) {
            versions.push(one.flow.version);
            kept.push(one);
        }
    }
    kept.reverse();
    *old = kept;
}
