//! The load path: bundle → packs, verified → components, inspected, composed, compiled, linked → described → secrets → bound.
//!
//! Nothing of what is loaded runs before it was verified, nothing is started unless all of it can be, and all faults of a step
//! are found at once, each with its place in the bundle.

mod bind;
mod components;
mod link;
mod packs;
mod secrets;
mod unsupported;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use greentic_config::Loaded;
use greentic_diagnostics::Diagnostics;
use greentic_sandbox::cache::CompiledCache;
use greentic_sandbox::engine::SandboxEngine;
use greentic_sandbox::http::HttpClient;
use greentic_telemetry::HostMetrics;

use crate::generation::Generation;

/// Gives the value of an environment variable.
pub type Lookup = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What every generation of a process shares.
#[derive(Clone)]
pub struct Foundation {
    /// The engine.
    pub engine: SandboxEngine,
    /// The cache of compiled code.
    pub cache: Arc<CompiledCache>,
    /// The outgoing HTTP client.
    pub http: HttpClient,
    /// Metrics.
    pub metrics: Arc<HostMetrics>,
    /// Unique among all hosts that share a store: leases are in this name.
    pub owner: Arc<str>,
    /// Threads that compile.
    pub threads: NonZeroUsize,
    /// Accept packs without a signature.
    pub allow_unsigned: bool,
    /// Told of each step that takes time.
    pub progress: Arc<dyn Fn(&str) + Send + Sync>,
    /// The environment variables a plugin may be granted.
    pub env: Lookup,
}

/// Where the cache of compiled code lies when the bundle does not say: in the user's cache folder.
#[must_use]
pub fn default_cache_dir(env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let base = env("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(env("HOME")?).join(".cache")))?;
    Some(base.join("greentic-host"))
}

impl Foundation {
    /// Builds a whole generation from a bundle.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place. Nothing is left running then.
    pub async fn load(&self, loaded: &Loaded, number: u64) -> Result<Arc<Generation>, Diagnostics> {
        let packs = packs::open(self, loaded)?;
        let components = components::prepare(self, loaded, &packs).await?;
        unsupported::refuse(loaded, &components)?;
        bind::bind(self, loaded, packs, components, number).await
    }
}
