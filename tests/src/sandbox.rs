//! What the tests of the sandbox share: plugins that were built, linked with limits and grants, bound to a tenant and called.

#![allow(clippy::expect_used, clippy::panic)] // Only tests use this; where it fails the test has failed.

mod log;
mod server;

pub use greentic_conformance::sandbox::MemoryServices;
pub use log::Heard;
pub use server::{Server, Wanders};

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use greentic_interfaces::imports::greentic::channel::types::{
    IngressError, IngressOutcome, Request, Surface,
};
use greentic_interfaces::model::Header;
use greentic_sandbox::cache::CompiledCache;
use greentic_sandbox::cell::Exports;
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::engine::SandboxEngine;
use greentic_sandbox::fault::FaultKind;
use greentic_sandbox::grants::{GrantTexts, Grants};
use greentic_sandbox::http::{HttpClient, HttpClientConfig};
use greentic_sandbox::inspect::Shape;
use greentic_sandbox::limits::{Limits, Supervision};
use greentic_sandbox::net::Resolve;
use greentic_sandbox::plugin::{LinkError, Plugin, Spec, Surroundings};
use greentic_sandbox::scope::{Binding, CallScope};
use greentic_sandbox::secrets::{SecretCell, Secrets};
use greentic_sandbox::worlds::ChannelWorld;
use greentic_types::{ChannelRef, Id};
use wasmtime::component::Component;
use zeroize::Zeroizing;

/// Limits small enough that a test which reaches one is short, and large enough for everything that behaves.
#[must_use]
pub fn limits() -> Limits {
    Limits {
        memory: 32 << 20,
        table_elements: 20_000,
        cpu_per_call: Duration::from_millis(300),
        call_timeout: Duration::from_secs(5),
        calls_in_flight: 8,
        instances: 4,
        calls_waiting: 8,
        queue_wait: Duration::from_secs(5),
        calls_per_instance: 1_000,
        idle: Duration::from_secs(60),
        host_call_bytes: 1 << 20,
        host_calls: 100,
        random: 64 << 10,
        supervision: Supervision {
            backoff_base: Duration::from_millis(100),
            backoff_cap: Duration::from_secs(1),
            restarts: 50,
            window: Duration::from_secs(60),
            strikes: 3,
            cut_off: Duration::from_secs(60),
        },
    }
}

/// The bytes of a plugin, by its file's name without the ending (`hostile_channel`).
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn wasm(name: &str) -> Vec<u8> {
    let path = target()
        .join("wasm32-wasip2/plugin")
        .join(name)
        .with_extension("wasm");
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run `cargo xtask build-plugins --tests`",
            path.display()
        )
    })
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target")
}

/// A component that is compiled, with its shape.
pub type Compiled = (Component, Arc<Shape>);

/// The engine and what was compiled with it, once for the process. Code is kept between runs: compiling takes longer than the tests.
struct Compiler {
    engine: SandboxEngine,
    cache: CompiledCache,
    done: Mutex<HashMap<String, Compiled>>,
}

fn compiler() -> &'static Compiler {
    static COMPILER: OnceLock<Compiler> = OnceLock::new();
    COMPILER.get_or_init(|| Compiler {
        engine: SandboxEngine::new().expect("an engine"),
        cache: CompiledCache::open(&target().join("sandbox-tests-code"), 1 << 30)
            .expect("a cache directory"),
        done: Mutex::default(),
    })
}

/// Compiles a component's bytes.
///
/// # Panics
/// When they are no component.
#[must_use]
pub fn compile(bytes: &[u8]) -> Compiled {
    let compiler = compiler();
    let shape = Arc::new(Shape::of(bytes).expect("a component"));
    let loaded = compiler
        .cache
        .load_or_compile(compiler.engine.engine(), bytes)
        .expect("a component that compiles");
    (loaded.component, shape)
}

/// A built plugin, compiled.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn built(name: &str) -> Compiled {
    let mut done = compiler()
        .done
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    done.entry(name.to_owned())
        .or_insert_with(|| compile(&wasm(name)))
        .clone()
}

/// Services and an HTTP client for one test.
#[derive(Clone)]
pub struct Bench {
    surroundings: Surroundings,
}

impl Default for Bench {
    fn default() -> Self {
        Self::with_names(Wanders::default())
    }
}

impl Bench {
    /// A bench on which names lead where `names` says.
    ///
    /// # Panics
    /// When there is no TLS.
    #[must_use]
    pub fn with_names(names: impl Resolve + 'static) -> Self {
        let config = HttpClientConfig {
            connect_timeout: Duration::from_secs(2),
            ..HttpClientConfig::default()
        };
        let http = HttpClient::with_resolver(config, Arc::new(names)).expect("an HTTP client");
        Self {
            surroundings: Surroundings {
                engine: compiler().engine.clone(),
                http,
                metrics: Arc::default(),
            },
        }
    }

    /// Links a component under a name of the bundle.
    ///
    /// # Errors
    /// When it imports what nobody offers.
    ///
    /// # Panics
    /// When a grant's text is none.
    pub fn link(
        &self,
        name: &str,
        code: &Compiled,
        limits: Limits,
        grants: &GrantTexts,
    ) -> Result<Arc<Plugin>, LinkError> {
        let grants = Grants::parse(grants, Path::new(env!("CARGO_MANIFEST_DIR"))).expect("grants");
        let spec = Spec {
            name: name.into(),
            limits,
            grants: Arc::new(grants),
            carried: Vec::new(),
        };
        Plugin::link(&code.0, &code.1, spec, self.surroundings.clone())
    }

    /// Links a built plugin that has no grants, under its file's name.
    ///
    /// # Panics
    /// When it cannot be linked.
    #[must_use]
    pub fn plugin(&self, file: &str, limits: Limits) -> Arc<Plugin> {
        self.granted(file, limits, &GrantTexts::default())
    }

    /// Links a built plugin with grants.
    ///
    /// # Panics
    /// When it cannot be linked.
    #[must_use]
    pub fn granted(&self, file: &str, limits: Limits, grants: &GrantTexts) -> Arc<Plugin> {
        self.link(file, &built(file), limits, grants)
            .expect("a plugin that links")
    }
}

/// An identifier.
///
/// # Panics
/// When the text is none.
#[must_use]
pub fn id(text: &str) -> Id {
    Id::new(text).expect("an identifier")
}

/// What an instance of a tenant's channel `hook` is bound to, with secrets that the bundle grants by handle.
#[must_use]
pub fn binding(tenant: &str, secrets: impl IntoIterator<Item = Arc<SecretCell>>) -> Arc<Binding> {
    let channel = ChannelRef {
        env: id("dev"),
        tenant: id(tenant),
        team: id("team"),
        channel: id("hook"),
    };
    Arc::new(Binding {
        tenant: Some(channel.tenant_ctx()),
        channel: Some(channel),
        config: Vec::new(),
        secrets: Arc::new(Secrets::new(secrets)),
        limits: None,
        services: Arc::new(MemoryServices::default()),
    })
}

/// A secret with a value.
///
/// # Panics
/// When the machine has no random numbers.
#[must_use]
pub fn secret(name: &str, value: &[u8], reveal: bool) -> Arc<SecretCell> {
    let cell = SecretCell::new(name, reveal).expect("random numbers");
    cell.set(Zeroizing::new(value.to_vec()), "1".into());
    Arc::new(cell)
}

/// A plugin of any world for one tenant, under a policy.
///
/// # Panics
/// When a shared instance cannot be started.
pub async fn client<E: Exports>(
    plugin: &Arc<Plugin>,
    binding: Arc<Binding>,
    policy: Policy,
) -> Client<E> {
    Client::new(Arc::clone(plugin), binding, policy, None)
        .await
        .expect("an instance")
}

/// A channel plugin for one tenant that is asked by path.
pub struct Guest {
    /// The client, for what is not a request.
    pub client: Client<ChannelWorld>,
}

impl Guest {
    /// The plugin for a tenant without secrets, with warm instances.
    pub async fn of(plugin: &Arc<Plugin>, tenant: &str) -> Self {
        Self::bound(plugin, binding(tenant, []), Policy::PerTenant).await
    }

    /// The plugin for a binding, under a policy.
    pub async fn bound(plugin: &Arc<Plugin>, binding: Arc<Binding>, policy: Policy) -> Self {
        Self {
            client: client(plugin, binding, policy).await,
        }
    }

    /// What the plugin answers to a path with a query: the body as text.
    ///
    /// # Errors
    /// The kind of fault when there was no answer.
    ///
    /// # Panics
    /// When the plugin answered with an error of its own.
    pub async fn ask(&self, path: &str) -> Result<String, FaultKind> {
        self.send(CallScope::default(), path, Vec::new(), "")
            .await
            .map(|outcome| text(outcome.expect("an answer")))
    }

    /// Like [`Guest::ask`] on behalf of a tenant.
    ///
    /// # Errors
    /// The kind of fault when there was no answer.
    ///
    /// # Panics
    /// When the plugin answered with an error of its own.
    pub async fn ask_for(&self, tenant: &str, path: &str) -> Result<String, FaultKind> {
        let scope = CallScope {
            tenant: Some(id(tenant)),
            ..CallScope::default()
        };
        self.send(scope, path, Vec::new(), "")
            .await
            .map(|outcome| text(outcome.expect("an answer")))
    }

    /// Sends a request and gives what came of it.
    ///
    /// # Errors
    /// The kind of fault when there was no answer.
    pub async fn send(
        &self,
        scope: CallScope,
        path: &str,
        headers: Vec<Header>,
        body: &str,
    ) -> Result<Result<IngressOutcome, IngressError>, FaultKind> {
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query.to_owned())));
        let request = Request {
            surface: Surface::Webhook,
            method: "POST".into(),
            origin: "https://host.example".into(),
            base: "/hook".into(),
            path: path.into(),
            query,
            headers,
            body: body.as_bytes().to_vec(),
        };
        self.client
            .ingress(scope, request)
            .await
            .map_err(|fault| fault.kind)
    }

    /// The answers of `hostile-network` to its steps.
    ///
    /// # Panics
    /// When there was none.
    pub async fn steps(&self, steps: &[&str]) -> Vec<String> {
        let outcome = self
            .send(CallScope::default(), "", Vec::new(), &steps.join("\n"))
            .await;
        text(outcome.expect("no fault").expect("an answer"))
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Instances that were started so far.
    ///
    /// # Panics
    /// For a shared plugin, which counts restarts.
    #[must_use]
    pub fn started(&self) -> usize {
        match &self.client {
            Client::Pool(pool) => pool.started(),
            Client::Shared(_) => panic!("a shared plugin has one instance"),
        }
    }
}

fn text(outcome: IngressOutcome) -> String {
    String::from_utf8_lossy(&outcome.response.body).into_owned()
}
