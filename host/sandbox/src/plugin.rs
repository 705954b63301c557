//! A plugin that is compiled, linked and ready to be instantiated.
//!
//! Linking gives a component exactly what it imports and the contract knows: WASI, and the host's side of each interface in
//! `wit/`. Having an import linked grants nothing; grants are looked at when it is used.

use std::sync::Arc;

use greentic_interfaces::imports;
use greentic_telemetry::HostMetrics;
use wasmtime::Engine;
use wasmtime::component::{Component, InstancePre, Linker, ResourceTable};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi_http::WasiHttpCtx;

use crate::ctx::Ctx;
use crate::engine::SandboxEngine;
use crate::grants::{Grants, Refusals};
use crate::http::{Hooks, HttpClient, Placeholders};
use crate::imports::Own;
use crate::inspect::Shape;
use crate::limits::{Ledger, Limits};
use crate::measures::{Counted, Measures};
use crate::meter::Meter;
use crate::net::SocketPolicy;
use crate::output::GuestLog;
use crate::scope::{Binding, CallScope};
use crate::services::Caller;

/// What a plugin is allowed and how it is run.
#[derive(Clone)]
pub struct Spec {
    /// Its name in the bundle.
    pub name: Arc<str>,
    /// What one instance and one call may use.
    pub limits: Limits,
    /// What the bundle grants it.
    pub grants: Arc<Grants>,
    /// Imports, as the component names them, that the host carries to other components.
    pub carried: Vec<Arc<str>>,
}

/// What all plugins of a host share.
#[derive(Clone)]
pub struct Surroundings {
    /// The engine.
    pub engine: SandboxEngine,
    /// The one outgoing HTTP client.
    pub http: HttpClient,
    /// Where calls, cells and refusals are counted.
    pub metrics: Arc<HostMetrics>,
}

/// A component cannot be linked.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{plugin}` cannot be linked: {reason}")]
pub struct LinkError {
    /// The plugin's name in the bundle.
    pub plugin: Arc<str>,
    /// What is missing or of the wrong type.
    pub reason: String,
}

/// A plugin ready to be instantiated.
pub struct Plugin {
    spec: Spec,
    surroundings: Surroundings,
    pre: InstancePre<Ctx>,
    waits: bool,
    sockets: SocketPolicy,
    refusals: Refusals,
    measures: Arc<Measures>,
}

impl Plugin {
    /// Links a compiled component.
    ///
    /// # Errors
    /// [`LinkError`] when it imports what nobody offers, or with other types.
    pub fn link(
        component: &Component,
        shape: &Shape,
        spec: Spec,
        surroundings: Surroundings,
    ) -> Result<Arc<Self>, LinkError> {
        let has_directories = !spec.grants.read.is_empty() || !spec.grants.write.is_empty();
        let waits = shape.waits() || has_directories;
        let fail = |error: wasmtime::Error| LinkError {
            plugin: Arc::clone(&spec.name),
            reason: format!("{error:#}"),
        };
        let linker =
            linker(surroundings.engine.engine(), shape, waits, &spec.carried).map_err(fail)?;
        let pre = linker.instantiate_pre(component).map_err(fail)?;
        let measures = Arc::new(Measures::new(
            Arc::clone(&surroundings.metrics),
            Arc::clone(&spec.name),
        ));
        let refusals = Refusals::counted(Arc::clone(&measures));
        let sockets = SocketPolicy::new(
            Arc::clone(&spec.name),
            Arc::clone(&spec.grants),
            surroundings.http.resolver(),
            refusals.clone(),
        );
        Ok(Arc::new(Self {
            spec,
            surroundings,
            pre,
            waits,
            sockets,
            refusals,
            measures,
        }))
    }

    /// Its name in the bundle.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.spec.name
    }

    /// Whether a call may wait. One that cannot is called on the caller's thread without a fiber.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.waits
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.spec.limits
    }

    /// Its limits for one binding: a tenant may have lower ones.
    #[must_use]
    pub fn limits_for<'a>(&'a self, binding: &'a Binding) -> &'a Limits {
        binding.limits.as_ref().unwrap_or(&self.spec.limits)
    }

    /// Whether it may reach the network: only then can what it keeps be shared with another process.
    #[must_use]
    pub fn has_network(&self) -> bool {
        let grants = &self.spec.grants;
        !grants.tcp.is_empty() || !grants.http.is_empty()
    }

    /// What it asked for and was refused.
    #[must_use]
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(crate) fn measures(&self) -> &Measures {
        &self.measures
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.surroundings.engine.engine()
    }

    pub(crate) fn pre(&self) -> &InstancePre<Ctx> {
        &self.pre
    }

    pub(crate) fn context(&self, binding: &Arc<Binding>) -> Result<Ctx, String> {
        let limits = self.limits_for(binding);
        let name = Arc::clone(&self.spec.name);
        let grants = &self.spec.grants;
        let label = binding
            .channel
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let log = GuestLog::new(Arc::clone(&name), label);
        let mut wasi = WasiCtxBuilder::new();
        wasi.stdout(log.clone())
            .stderr(log.clone())
            .max_random_size(limits.random)
            .allow_udp(false);
        grants
            .apply(&name, &mut wasi)
            .map_err(|error| error.to_string())?;
        self.sockets.apply(&mut wasi);
        let secrets: Arc<dyn Placeholders> = Arc::clone(&binding.secrets) as Arc<dyn Placeholders>;
        Ok(Ctx {
            wasi: wasi.build(),
            table: ResourceTable::new(),
            http: WasiHttpCtx::new(),
            hooks: Hooks::new(
                self.surroundings.http.clone(),
                Arc::clone(&name),
                Arc::clone(grants),
                secrets,
            )
            .with_refusals(self.refusals.clone())
            .with_measures(Arc::clone(&self.measures)),
            ledger: Ledger::new(limits, Counted::new(Arc::clone(&self.measures))),
            meter: Arc::new(Meter::new()),
            log,
            caller: Caller {
                plugin: name,
                binding: Arc::clone(binding),
                scope: CallScope::default(),
            },
            host_calls_left: 0,
        })
    }
}

/// Links WASI and those interfaces of the contract the component imports. Where nothing may wait, no function that could is linked.
fn linker(
    engine: &Engine,
    shape: &Shape,
    waits: bool,
    carried: &[Arc<str>],
) -> wasmtime::Result<Linker<Ctx>> {
    let mut linker = Linker::new(engine);
    let given = |name: &str| shape.imports(name).is_some();
    if waits {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi::p3::add_to_linker(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p3::add_to_linker(&mut linker)?;
    } else {
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        crate::at_once::shadow(&mut linker)?;
    }
    fn own(ctx: &mut Ctx) -> &mut Ctx {
        ctx
    }
    greentic_interfaces::model::greentic::types::types::add_to_linker::<_, Own>(&mut linker, own)?;
    imports::greentic::channel::types::add_to_linker::<_, Own>(&mut linker, own)?;
    imports::greentic::mcp::types::add_to_linker::<_, Own>(&mut linker, own)?;
    imports::greentic::flow::types::add_to_linker::<_, Own>(&mut linker, own)?;
    imports::wasi::config::store::add_to_linker::<_, Own>(&mut linker, own)?;
    imports::wasi::logging::logging::add_to_linker::<_, Own>(&mut linker, own)?;
    imports::greentic::secrets::secret_store::add_to_linker::<_, Own>(&mut linker, own)?;
    if given("greentic:channel/log") {
        imports::greentic::channel::log::add_to_linker::<_, Own>(&mut linker, own)?;
    }
    if given("greentic:channel/memory") {
        imports::greentic::channel::memory::add_to_linker::<_, Own>(&mut linker, own)?;
    }
    if given("greentic:flow/nodes") {
        imports::greentic::flow::nodes::add_to_linker::<_, Own>(&mut linker, own)?;
    }
    if given("greentic:flow/tools") {
        imports::greentic::flow::tools::add_to_linker::<_, Own>(&mut linker, own)?;
    }
    if given("greentic:flow/state") {
        imports::greentic::flow::state::add_to_linker::<_, Own>(&mut linker, own)?;
    }
    crate::carry::define(&mut linker, shape, carried)?;
    Ok(linker)
}
