//! One way to call a plugin, whatever its policy.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::BoxFuture;
use greentic_telemetry::{TraceContext, spans};
use tracing::{Instrument as _, Span};
use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc};

use crate::cell::Exports;
use crate::fault::Fault;
use crate::plugin::Plugin;
use crate::pool::{Pool, Prepare};
use crate::scope::{Binding, CallScope};
use crate::shared::Shared;

/// How instances of a plugin come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// Warm instances for one binding, reused.
    PerTenant,
    /// A fresh instance for every call.
    PerCall,
    /// One supervised instance for the host.
    Shared,
}

/// Calls to a plugin for one binding.
pub enum Client<E> {
    /// Policies `per-tenant` and `per-call`.
    Pool(Pool<E>),
    /// Policy `shared`.
    Shared(Shared<E>),
}

/// The span of a call, and its scope with the trace led into it. Where the trace is not sampled both cost nothing.
fn traced<E: Exports>(
    plugin: &Plugin,
    function: &'static str,
    mut scope: CallScope,
) -> (Span, CallScope) {
    let Some(trace) = scope.trace.filter(TraceContext::sampled) else {
        return (Span::none(), scope);
    };
    let span = spans::plugin_call_span(&trace, plugin.name(), E::WORLD, function);
    scope.trace = Some(trace.within(&span));
    (span, scope)
}

impl<E: Exports> Client<E> {
    /// Makes a client; a shared plugin is started at once.
    ///
    /// # Errors
    /// [`Fault`] when the shared instance cannot be started.
    pub async fn new(
        plugin: Arc<Plugin>,
        binding: Arc<Binding>,
        policy: Policy,
        prepare: Option<Prepare<E>>,
    ) -> Result<Self, Fault> {
        Ok(match policy {
            Policy::PerTenant => Self::Pool(Pool::new(plugin, binding, prepare, true)),
            Policy::PerCall => Self::Pool(Pool::new(plugin, binding, prepare, false)),
            Policy::Shared => Self::Shared(Shared::start(plugin, binding).await?),
        })
    }

    /// Calls a function.
    ///
    /// A component that cannot wait is called as soon as this is polled, without a future of the call: futures carry the
    /// parameters, and each one they pass through would move them once more.
    ///
    /// # Errors
    /// [`Fault`] when there is no answer.
    pub async fn call<P, R>(
        &self,
        scope: CallScope,
        function: &'static str,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>> + Send + 'static,
        params: P,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let plugin = self.plugin();
        let (span, scope) = traced::<E>(plugin, function, scope);
        let begun = Instant::now();
        let outcome = match self.at_once(&span, scope, function, select, params) {
            Ok(outcome) => outcome,
            Err(waiting) => waiting.await,
        };
        plugin.measures().took(function, begun.elapsed());
        if let Err(fault) = &outcome {
            spans::fail(&span, fault.kind.word());
        }
        outcome
    }

    /// The answer, where it can be had without waiting for anything, or else the call as a future.
    fn at_once<'a, P, R>(
        &'a self,
        span: &Span,
        scope: CallScope,
        function: &'static str,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>> + Send + 'static,
        params: P,
    ) -> Result<Result<R, Fault>, BoxFuture<'a, Result<R, Fault>>>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        match self {
            Self::Pool(pool) => {
                if let Some(lease) = pool.lease_now() {
                    let _inside = span.enter();
                    return Ok(pool.call_now(lease, scope, function, select, params));
                }
                let call = pool.call(scope, function, select, params);
                Err(Box::pin(call.instrument(span.clone())))
            }
            Self::Shared(shared) => {
                if shared.is_ready_now() {
                    let _inside = span.enter();
                    return Ok(shared.call_now(scope, function, select, params));
                }
                let call = shared.call(scope, function, select, params);
                Err(Box::pin(call.instrument(span.clone())))
            }
        }
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        match self {
            Self::Pool(pool) => pool.plugin(),
            Self::Shared(shared) => shared.plugin(),
        }
    }

    /// What its instances are bound to.
    #[must_use]
    pub fn binding(&self) -> &Binding {
        match self {
            Self::Pool(pool) => pool.binding(),
            Self::Shared(shared) => shared.binding(),
        }
    }

    /// Starts an instance if there is none.
    ///
    /// # Errors
    /// [`Fault`] of the instantiation.
    pub async fn warm(&self) -> Result<(), Fault> {
        match self {
            Self::Pool(pool) => pool.warm().await,
            Self::Shared(_) => Ok(()),
        }
    }

    /// Drops instances that were idle for too long.
    pub fn shrink(&self) -> usize {
        match self {
            Self::Pool(pool) => pool.shrink(),
            Self::Shared(_) => 0,
        }
    }

    /// How often the shared instance was replaced; 0 for pools. What an instance kept in memory went with it.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        match self {
            Self::Pool(_) => 0,
            Self::Shared(shared) => shared.restarts(),
        }
    }

    /// Whether a call would find an instance or could start one.
    #[must_use]
    pub fn is_up(&self) -> bool {
        match self {
            Self::Pool(_) => true,
            Self::Shared(shared) => shared.is_up(),
        }
    }

    /// Instances there are now.
    #[must_use]
    pub fn live(&self) -> usize {
        match self {
            Self::Pool(pool) => pool.live(),
            Self::Shared(shared) => usize::from(shared.is_up()),
        }
    }
}
