//! A cell: one store with one instance of one component, bound to one tenant's binding.
//!
//! A trap poisons a store, so nothing else ever lives in one, and a cell that failed is dropped and never used again. A cell
//! makes one call at a time for its caller, on the caller's own task. A component that cannot wait is called without a fiber;
//! that is decided once, from what it imports ([`crate::inspect`]).

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{ComponentNamedList, Instance, Lift, Lower, TypedFunc};
use wasmtime::{Store, Trap, UpdateDeadline};

use crate::ctx::Ctx;
use crate::fault::FaultKind;
use crate::limits::Limits;
use crate::meter::Meter;
use crate::plugin::Plugin;
use crate::scope::{Binding, CallScope};

/// The exported functions of one world, looked up once for an instance.
pub trait Exports: Sized + Send + Sync + 'static {
    /// The world's name, for traces.
    const WORLD: &'static str;

    /// Finds the exports.
    ///
    /// # Errors
    /// When the instance does not export what the world demands, with the types it demands.
    fn bind(store: &mut Store<Ctx>, instance: &Instance) -> wasmtime::Result<Self>;
}

/// One instance and the store it lives in.
pub struct Cell<E> {
    pub(crate) store: Store<Ctx>,
    pub(crate) exports: E,
    pub(crate) calls: u32,
    pub(crate) last_used: Instant,
    meter: Arc<Meter>,
    limits: Limits,
    waits: bool,
}

impl<E: Exports> Cell<E> {
    /// Instantiates the plugin for a binding.
    ///
    /// # Errors
    /// [`FaultKind`] when instantiation traps, goes beyond a limit, or a directory it was granted is gone.
    pub async fn start(plugin: &Arc<Plugin>, binding: &Arc<Binding>) -> Result<Self, FaultKind> {
        let ctx = plugin.context(binding).map_err(FaultKind::NotStarted)?;
        let meter = Arc::clone(&ctx.meter);
        let mut store = Store::new(plugin.engine(), ctx);
        store.limiter(|ctx| &mut ctx.ledger);
        let limits = plugin.limits_for(binding).clone();
        store.set_hostcall_fuel(limits.host_call_bytes);
        store.set_epoch_deadline(1);
        let clock = Arc::clone(&meter);
        let waits = plugin.waits();
        store.epoch_deadline_callback(move |_| {
            if clock.over() {
                Err(Trap::Interrupt.into())
            } else if waits {
                Ok(UpdateDeadline::Yield(1))
            } else {
                Ok(UpdateDeadline::Continue(1))
            }
        });
        meter.reset(limits.cpu_per_call);
        let instance = if waits {
            let start = metered(&meter, plugin.pre().instantiate_async(&mut store));
            match tokio::time::timeout(limits.call_timeout, start).await {
                Ok(instance) => instance,
                Err(_) => return Err(FaultKind::Timeout(limits.call_timeout)),
            }
        } else {
            plugin.pre().instantiate(&mut store)
        };
        let bound = instance.and_then(|instance| E::bind(&mut store, &instance));
        match bound {
            Ok(exports) => Ok(Self {
                store,
                exports,
                calls: 0,
                last_used: Instant::now(),
                meter,
                limits,
                waits,
            }),
            Err(error) => match store.data().explain(&error, &limits) {
                FaultKind::Trap(text) => Err(FaultKind::NotStarted(text)),
                other => Err(other),
            },
        }
    }

    /// Calls one exported function. After an error the cell must be dropped.
    ///
    /// # Errors
    /// [`FaultKind`] when the call trapped, went beyond a limit, or took too long.
    pub async fn call<P, R>(
        &mut self,
        scope: CallScope,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<R, FaultKind>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        if !self.waits {
            return self.call_now(scope, select, params);
        }
        let func = select(&self.exports).ok_or_else(not_exported)?;
        self.drive(scope, async |store, _| func.call_async(store, params).await)
            .await
    }

    /// Drives a call of whatever function under the limits. `call` is told whether it may wait.
    pub(crate) async fn drive<R>(
        &mut self,
        scope: CallScope,
        call: impl AsyncFnOnce(&mut Store<Ctx>, bool) -> wasmtime::Result<R>,
    ) -> Result<R, FaultKind> {
        let limits = &self.limits;
        self.store.data_mut().begin(limits, scope);
        let call = metered(&self.meter, call(&mut self.store, self.waits));
        let outcome = tokio::time::timeout(limits.call_timeout, call).await;
        match outcome {
            Ok(Ok(value)) => {
                self.used();
                Ok(value)
            }
            Ok(Err(error)) => Err(self.store.data().explain(&error, limits)),
            Err(_) => Err(FaultKind::Timeout(limits.call_timeout)),
        }
    }

    /// Calls a function of a component that cannot wait.
    pub(crate) fn call_now<P, R>(
        &mut self,
        scope: CallScope,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<R, FaultKind>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let limits = &self.limits;
        self.store.data_mut().begin(limits, scope);
        let func = select(&self.exports).ok_or_else(not_exported)?;
        match func.call(&mut self.store, params) {
            Ok(value) => {
                self.used();
                Ok(value)
            }
            Err(error) => Err(self.store.data().explain(&error, limits)),
        }
    }

    fn used(&mut self) {
        self.calls += 1;
        self.last_used = Instant::now();
    }

    /// Whether it has made as many calls as an instance may.
    pub(crate) fn is_spent(&self) -> bool {
        self.calls >= self.limits.calls_per_instance
    }
}

/// Counts the time in which a call is polled, and none in which it waits.
async fn metered<F: Future>(meter: &Meter, call: F) -> F::Output {
    let mut call = std::pin::pin!(call);
    std::future::poll_fn(|context| {
        meter.resume();
        let poll = call.as_mut().poll(context);
        meter.pause();
        poll
    })
    .await
}

/// An optional interface was called that the component does not export.
pub(crate) fn not_exported() -> FaultKind {
    FaultKind::NotStarted("it does not export this interface".into())
}
