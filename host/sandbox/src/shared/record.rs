//! What is known of a shared instance's faults: when it may start again, and whose calls ended it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greentic_types::Id;
use parking_lot::Mutex;

use crate::fault::FaultKind;
use crate::plugin::Plugin;

/// The account of one shared plugin.
pub(super) struct Record {
    pub(super) plugin: Arc<Plugin>,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    recent: Vec<Instant>,
    not_before: Option<Instant>,
    last: String,
    blame: HashMap<Id, (u32, Instant)>,
    restarts: u64,
    unexplained: Option<Instant>,
}

/// Who ended an instance.
pub(super) enum Blame<'a> {
    /// A call of this tenant, or of the host itself.
    Call(Option<&'a Id>),
    /// One of several calls that ran at the time.
    Unknown,
    /// No call.
    Nobody,
}

impl Record {
    pub(super) fn new(plugin: Arc<Plugin>) -> Self {
        Self {
            plugin,
            health: Mutex::default(),
        }
    }

    pub(super) fn restarts(&self) -> u64 {
        self.health.lock().restarts
    }

    /// Why no instance may be started yet.
    pub(super) fn pausing(&self) -> Option<FaultKind> {
        let health = self.health.lock();
        health
            .not_before
            .is_some_and(|at| Instant::now() < at)
            .then(|| FaultKind::Restarting(health.last.clone()))
    }

    /// Until when calls have to be made one at a time, so that the next fault has a name: one of many ended the last instance.
    pub(super) fn suspicious_until(&self) -> Option<Instant> {
        let calm = self.plugin.limits().supervision.backoff_cap;
        let mut health = self.health.lock();
        let until = health.unexplained? + calm;
        if until < Instant::now() {
            health.unexplained = None;
        }
        Some(until)
    }

    /// Keeps account of an instance that ended.
    pub(super) fn note(&self, blame: &Blame<'_>, kind: &FaultKind) {
        let rules = &self.plugin.limits().supervision;
        let mut health = self.health.lock();
        let now = Instant::now();
        health
            .recent
            .retain(|at| now.duration_since(*at) < rules.window);
        health.recent.push(now);
        let failures = u32::try_from(health.recent.len()).unwrap_or(u32::MAX);
        let pause = if failures > rules.restarts {
            rules.window
        } else if failures <= 1 {
            Duration::ZERO
        } else {
            rules
                .backoff_base
                .saturating_mul(1 << (failures - 2).min(16))
                .min(rules.backoff_cap)
        };
        health.not_before = Some(now + pause);
        health.last = kind.to_string();
        health.restarts += 1;
        self.plugin.measures().restarted();
        let mut tenant = None;
        match blame {
            Blame::Call(of) => {
                // Who was found goes on until it is cut off, so its calls are told apart for that long.
                if health.unexplained.is_some() {
                    health.unexplained = Some(now + pause);
                }
                tenant = *of;
            }
            Blame::Unknown => health.unexplained = Some(now + pause),
            Blame::Nobody => {}
        }
        if let Some(tenant) = tenant {
            let entry = health.blame.entry(tenant.clone()).or_insert((0, now));
            *entry = if now.duration_since(entry.1) > rules.window {
                (1, now)
            } else {
                (entry.0.saturating_add(1), now)
            };
        }
        tracing::error!(
            plugin = &**self.plugin.name(),
            tenant = tenant.map(Id::as_str),
            "the shared plugin failed and is replaced: {kind}"
        );
    }

    /// Why a tenant's calls are refused.
    pub(super) fn refused(&self, tenant: &Id) -> Option<FaultKind> {
        let health = self.health.lock();
        if health.blame.is_empty() {
            return None;
        }
        let (count, last) = health.blame.get(tenant)?;
        let rules = &self.plugin.limits().supervision;
        (*count >= rules.strikes && last.elapsed() < rules.cut_off).then(|| {
            FaultKind::Restarting(format!(
                "calls of tenant `{tenant}` ended it {count} times; they are refused for {:?}",
                rules.cut_off
            ))
        })
    }
}
