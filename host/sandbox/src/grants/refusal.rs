//! What an operator reads when a plugin asked for something it was not given.
//!
//! A refusal names the plugin, the capability and the line of the bundle that would change it (invariant 3). It never
//! holds a path, a header or a body: those may carry what a secret's placeholder was replaced with (incident 32).

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::measures::Measures;

/// The kinds of grant, by the key they have in the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Capability {
    /// Requests over HTTP.
    Http,
    /// Sockets.
    Tcp,
    /// Reading a directory.
    Read,
    /// Writing a directory.
    Write,
    /// Using a secret by its handle.
    Secrets,
    /// Seeing the bytes of a secret.
    Reveal,
}

impl Capability {
    /// The key under `grants:`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Read => "read",
            Self::Write => "write",
            Self::Secrets => "secrets",
            Self::Reveal => "reveal",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// Something a plugin asked for and was not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refusal {
    /// The plugin's name in the bundle.
    pub plugin: String,
    /// The kind of grant that is missing.
    pub capability: Capability,
    /// What it asked for: scheme, host and port, an address, a secret's name. Never a path, header or body.
    pub asked: String,
    /// The line that allows it, as it stands under the plugin's entry. Absent when no grant can allow it.
    pub line_to_add: Option<String>,
    /// Why it was refused, in a few words.
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(
        plugin: &str,
        capability: Capability,
        asked: &str,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            plugin: plugin.into(),
            capability,
            asked: asked.into(),
            line_to_add: None,
            reason: reason.into(),
        }
    }

    /// With the line that grants `value` under this capability's key.
    pub(crate) fn add(mut self, value: &str) -> Self {
        self.line_to_add = Some(format!("grants: {{ {}: [{value:?}] }}", self.capability));
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            plugin,
            capability,
            asked,
            line_to_add,
            reason,
        } = self;
        write!(
            f,
            "plugin `{plugin}` was refused {capability} {asked}: {reason}"
        )?;
        match line_to_add {
            Some(line) => write!(f, "; to allow it, add under `plugins.{plugin}`: {line}"),
            None => Ok(()),
        }
    }
}

/// How many refusals are kept for the error of the call they happened in.
const KEPT: usize = 8;

/// The refusals of one cell: counted all, the latest kept, logged seldom enough that a plugin cannot flood the log.
#[derive(Clone, Default)]
pub struct Refusals {
    inner: Arc<Mutex<Kept>>,
    measures: Option<Arc<Measures>>,
}

#[derive(Debug, Default)]
struct Kept {
    count: u64,
    latest: VecDeque<Refusal>,
}

impl Refusals {
    /// None yet; each is also counted in the plugin's metrics.
    #[must_use]
    pub fn counted(measures: Arc<Measures>) -> Self {
        Self {
            measures: Some(measures),
            ..Self::default()
        }
    }

    /// Counts and keeps `refusal`, and logs it when it is among the first eight or the count is a power of two.
    pub fn record(&self, refusal: Refusal) {
        if let Some(measures) = &self.measures {
            measures.denied(refusal.capability.key());
        }
        let count = {
            let mut kept = self.inner.lock();
            kept.count = kept.count.saturating_add(1);
            if kept.latest.len() == KEPT {
                kept.latest.pop_front();
            }
            kept.latest.push_back(refusal.clone());
            kept.count
        };
        if count <= 8 || count.is_power_of_two() {
            tracing::warn!(plugin = %refusal.plugin, capability = %refusal.capability, count, "{refusal}");
        }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.inner.lock().count
    }

    /// The latest, oldest first, at most eight; they are forgotten by this, the count is not.
    #[must_use]
    pub fn take(&self) -> Vec<Refusal> {
        self.inner.lock().latest.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_plugin_capability_and_the_line_to_add() {
        let refusal = Refusal::new(
            "slack",
            Capability::Http,
            "https://files.slack.com",
            "no grant names this host",
        )
        .add("files.slack.com");
        assert_eq!(
            refusal.to_string(),
            "plugin `slack` was refused http https://files.slack.com: no grant names this host; \
             to allow it, add under `plugins.slack`: grants: { http: [\"files.slack.com\"] }"
        );
    }

    #[test]
    fn a_flood_of_refusals_is_counted_and_not_kept() {
        let refusals = Refusals::default();
        for number in 0..100 {
            refusals.record(Refusal::new(
                "p",
                Capability::Tcp,
                &number.to_string(),
                "no",
            ));
        }
        assert_eq!(refusals.count(), 100);
        let kept = refusals.take();
        assert_eq!((kept.len(), kept.last().unwrap().asked.as_str()), (8, "99"));
        assert!(refusals.take().is_empty());
    }
}
