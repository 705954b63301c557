//! The load path: bundle → packs, fetched and verified → components, inspected, composed, compiled, linked → described → secrets → bound.
//!
//! Nothing of what is loaded runs before it was verified, nothing is started unless all of it can be, and all faults of a step
//! are found at once, each with its place in the bundle.

mod bind;
mod components;
mod dependencies;
mod fetch;
mod link;
mod lock;
mod logins;
mod packs;
mod parts;
mod secrets;
mod unchanged;
mod unsupported;
mod vouched;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use greentic_config::Loaded;
use greentic_diagnostics::Diagnostics;
use greentic_sandbox::cache::CompiledCache;
use greentic_sandbox::engine::SandboxEngine;
use greentic_sandbox::http::HttpClient;
use greentic_telemetry::HostMetrics;

pub use self::fetch::WatchedTag;
pub use self::lock::Locking;
pub(crate) use self::parts::{KnownTeam, Parts};
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
    /// What the lock file is for.
    pub locking: Locking,
    /// Where what came from registries is kept; none: nowhere.
    pub fetched: Option<greentic_registry::Cache>,
    /// Use no network for what is in registries, only what was kept of it.
    pub offline: bool,
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
    /// Builds a whole generation from a bundle, beside those that are there: what of `earlier` has not changed is taken over and
    /// neither compiled nor started again. The first of them is the one that runs.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place. What was started for it is gone then, and what was running is untouched.
    pub async fn load(
        &self,
        loaded: &Arc<Loaded>,
        number: u64,
        earlier: &[Arc<Generation>],
    ) -> Result<Arc<Generation>, Diagnostics> {
        let logins = logins::fetch(self, loaded, earlier).await?;
        let fetched = fetch::fetch(self, loaded, &logins).await?;
        let (bundle, allow_unsigned) = (Arc::clone(loaded), self.allow_unsigned);
        let (locking, running) = (self.locking, earlier.first().map(|running| running.lock()));
        let packs = aside(loaded, move || {
            packs::open(&bundle, fetched, allow_unsigned, locking, running.as_ref())
        });
        let packs = packs.await??;
        self.build(loaded, packs, number, earlier).await
    }

    /// Builds a generation of what an earlier one was made of, whatever its files say today.
    ///
    /// # Errors
    /// As [`Foundation::load`]: what it needs from outside, such as a secret, may be gone.
    pub async fn restore(
        &self,
        of: &Generation,
        number: u64,
        earlier: &[Arc<Generation>],
    ) -> Result<Arc<Generation>, Diagnostics> {
        let (loaded, packs) = (Arc::clone(&of.parts.loaded), of.parts.packs.clone());
        self.build(&loaded, packs, number, earlier).await
    }

    async fn build(
        &self,
        loaded: &Arc<Loaded>,
        packs: packs::Packs,
        number: u64,
        earlier: &[Arc<Generation>],
    ) -> Result<Arc<Generation>, Diagnostics> {
        dependencies::check(loaded, &packs)?;
        vouched::check(loaded, &packs)?;
        let components = components::prepare(self, loaded, &packs, earlier).await?;
        unsupported::refuse(loaded, &components)?;
        bind::bind(self, loaded, packs, components, number, earlier).await
    }
}

/// Does what takes long without waiting on a thread of its own, so that whoever else lives on this one goes on meanwhile.
async fn aside<T: Send + 'static>(
    loaded: &Loaded,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Diagnostics> {
    tokio::task::spawn_blocking(work).await.map_err(|error| {
        Diagnostics::from(loaded.error(
            greentic_diagnostics::Span::default(),
            "load",
            format!("loading ended before its end: {error}"),
        ))
    })
}
