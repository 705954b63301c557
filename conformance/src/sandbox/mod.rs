//! The product's own sandbox, with what a host has around it reduced to the least: components are compiled, linked, granted,
//! bound and called as a host does it; logs and state are kept in memory.

mod front;
mod log;
mod services;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use greentic_sandbox::cache::CompiledCache;
use greentic_sandbox::cell::Exports;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::engine::SandboxEngine;
use greentic_sandbox::grants::{GrantTexts, Grants};
use greentic_sandbox::http::{HttpClient, HttpClientConfig};
use greentic_sandbox::inspect::{Shape, World};
use greentic_sandbox::limits::{Limits, Supervision};
use greentic_sandbox::plugin::{Plugin, Spec, Surroundings};
use greentic_sandbox::scope::Binding;
use greentic_sandbox::secrets::{SecretCell, Secrets};
use greentic_types::{ChannelRef, Id};
use tokio::runtime::{Handle, Runtime};
use wasmtime::component::Component;
use zeroize::Zeroizing;

pub use front::{Front, Told};
pub use log::Log;
pub use services::MemoryServices;

/// What an instance of a plugin is given.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Configuration; a key with a dot for each level.
    pub config: Vec<(String, String)>,
    /// Secrets by name. A name without a value is granted and not there.
    pub secrets: Vec<(String, Option<Vec<u8>>)>,
    /// Hosts it may call.
    pub http: Vec<String>,
    /// Sockets it may open, `host:port`.
    pub tcp: Vec<String>,
    /// Folders it may write.
    pub write: Vec<PathBuf>,
    /// Secrets that are granted with `reveal`: their bytes may be seen, and credentials of the component's own may be sent.
    pub reveal: Vec<String>,
    /// It holds much: two GiB of memory and half a minute of processor time a call.
    pub large: bool,
}

/// A component that is compiled.
#[derive(Clone)]
pub struct Loaded {
    component: Component,
    shape: Arc<Shape>,
    /// Where it came from.
    pub path: PathBuf,
}

impl Loaded {
    /// Whether it exports this world.
    #[must_use]
    pub fn implements(&self, world: World) -> bool {
        self.shape.worlds().contains(&world)
    }

    /// Whether it exports this interface of the contract, such as `greentic:channel/lifecycle`.
    #[must_use]
    pub fn exports(&self, interface: &str) -> bool {
        let mut exports = self.shape.exports.iter();
        exports.any(|export| export.name.to_string().starts_with(interface))
    }
}

/// The engine, the HTTP client and the threads that cases run on.
pub struct Stage {
    runtime: Runtime,
    engine: SandboxEngine,
    cache: CompiledCache,
    http: HttpClient,
    log: Log,
}

impl Stage {
    /// Makes a stage; compiled code is kept in `cache`.
    ///
    /// # Errors
    /// When the machine cannot run components or the folder cannot be written.
    pub fn new(cache: &Path) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("stage")
            .enable_all()
            .build()?;
        let config = HttpClientConfig {
            first_byte_timeout: Duration::from_secs(10),
            ..HttpClientConfig::default()
        };
        Ok(Self {
            runtime,
            engine: SandboxEngine::new()?,
            cache: CompiledCache::open(cache, 1 << 30)
                .with_context(|| format!("{} cannot be used for compiled code", cache.display()))?,
            http: HttpClient::new(config)?,
            log: Log::begin(),
        })
    }

    /// What components wrote to the log, and what the sandbox wrote about them.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The threads' handle.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        self.runtime.handle()
    }

    /// Runs a future to its end.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Compiles a component.
    ///
    /// # Errors
    /// When the file cannot be read or is no component this host can run.
    pub fn load(&self, path: &Path) -> anyhow::Result<Loaded> {
        let shown = path.display();
        let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
        let shape = Shape::of(&bytes).with_context(|| format!("{shown} is no component"))?;
        let compiled = self
            .cache
            .load_or_compile(self.engine.engine(), &bytes)
            .with_context(|| format!("{shown} cannot be compiled"))?;
        Ok(Loaded {
            component: compiled.component,
            shape: Arc::new(shape),
            path: path.to_owned(),
        })
    }

    /// Links a component and binds it for one tenant.
    ///
    /// # Errors
    /// When a grant cannot be read, an import is offered by nobody, or a shared instance does not start.
    pub fn bind<E: Exports>(
        &self,
        loaded: &Loaded,
        given: &Given,
        policy: Policy,
        services: &MemoryServices,
    ) -> anyhow::Result<Client<E>> {
        let plugin = self.link(loaded, given)?;
        let binding = binding(given, services)?;
        Ok(self.wait(Client::new(plugin, binding, policy, None))?)
    }

    fn link(&self, loaded: &Loaded, given: &Given) -> anyhow::Result<Arc<Plugin>> {
        let names = || given.secrets.iter().map(|(name, _)| name.clone());
        let texts = GrantTexts {
            http: given.http.clone(),
            tcp: given.tcp.clone(),
            write: given.write.clone(),
            secrets: names().collect(),
            reveal: given.reveal.clone(),
            ..GrantTexts::default()
        };
        let grants = Grants::parse(&texts, Path::new(".")).map_err(|faults| {
            let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
            anyhow!(faults.join("\n"))
        })?;
        let spec = Spec {
            name: "candidate".into(),
            limits: limits(given.large),
            grants: Arc::new(grants),
            carried: Vec::new(),
        };
        let surroundings = Surroundings {
            engine: self.engine.clone(),
            http: self.http.clone(),
            metrics: Arc::default(),
        };
        let plugin = Plugin::link(&loaded.component, &loaded.shape, spec, surroundings);
        Ok(plugin?)
    }
}

/// The tenant's channel that instances are bound to.
fn binding(given: &Given, services: &MemoryServices) -> anyhow::Result<Arc<Binding>> {
    let id = |text: &str| Id::new(text).map_err(|error| anyhow!("{error}"));
    let channel = ChannelRef {
        env: id("dev")?,
        tenant: id("acme")?,
        team: id("support")?,
        channel: id("hook")?,
    };
    let mut cells = Vec::new();
    for (name, value) in &given.secrets {
        let cell = SecretCell::new(name, given.reveal.contains(name))?;
        if let Some(value) = value {
            cell.set(Zeroizing::new(value.clone()), "1".into());
        }
        cells.push(Arc::new(cell));
    }
    Ok(Arc::new(Binding {
        tenant: Some(channel.tenant_ctx()),
        channel: Some(channel),
        config: given.config.clone(),
        secrets: Arc::new(Secrets::new(cells)),
        limits: None,
        services: Arc::new(services.clone()),
    }))
}

/// As generous as a bundle's defaults, but for the wait: a case that hangs has failed.
fn limits(large: bool) -> Limits {
    let (memory, cpu, wait) = if large {
        (2 << 30, 30, 60)
    } else {
        (256 << 20, 2, 20)
    };
    Limits {
        memory,
        table_elements: 100_000,
        cpu_per_call: Duration::from_secs(cpu),
        call_timeout: Duration::from_secs(wait),
        calls_in_flight: 64,
        instances: 8,
        calls_waiting: 256,
        queue_wait: Duration::from_secs(10),
        calls_per_instance: 1_000,
        idle: Duration::from_secs(60),
        host_call_bytes: 16 << 20,
        host_calls: 1_000,
        random: 64 << 10,
        supervision: Supervision {
            backoff_base: Duration::from_millis(100),
            backoff_cap: Duration::from_secs(1),
            restarts: 50,
            window: Duration::from_secs(60),
            strikes: 50,
            cut_off: Duration::from_secs(1),
        },
    }
}
