//! What stands behind one instance: its WASI context, its limits, who it is and what it may ask for.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::fault::FaultKind;
use crate::http::Hooks;
use crate::limits::{Ledger, Limits, Refused};
use crate::meter::Meter;
use crate::output::GuestLog;
use crate::scope::CallScope;
use crate::services::Caller;

/// The data of a store.
pub struct Ctx {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    pub(crate) http: WasiHttpCtx,
    pub(crate) hooks: Hooks,
    pub(crate) ledger: Ledger,
    pub(crate) meter: Arc<Meter>,
    pub(crate) log: GuestLog,
    pub(crate) caller: Caller,
    pub(crate) host_calls_left: u32,
}

impl Ctx {
    /// Begins a call: from here its time and its host calls are counted.
    pub(crate) fn begin(&mut self, limits: &Limits, scope: CallScope) {
        if let Some(trace) = scope.trace.as_ref().filter(|trace| trace.sampled()) {
            self.hooks.set_trace(Some(trace.to_string()));
        } else if self.caller.scope.trace.is_some() {
            self.hooks.set_trace(None);
        }
        self.log.belongs_to(scope.generation);
        self.caller.scope = scope;
        self.host_calls_left = limits.host_calls;
        // What it was refused in an earlier call and lived with explains nothing about this one.
        self.ledger.refused = None;
        self.meter.reset(limits.cpu_per_call);
    }

    /// Counts one call to a service with authority; false when the call has made too many.
    pub(crate) fn spend(&mut self) -> bool {
        match self.host_calls_left.checked_sub(1) {
            Some(left) => {
                self.host_calls_left = left;
                true
            }
            None => false,
        }
    }

    /// What a failed call failed of, by what the instance was refused before it trapped.
    pub(crate) fn explain(&self, error: &wasmtime::Error, limits: &Limits) -> FaultKind {
        if self.meter.exceeded() {
            return FaultKind::Cpu(limits.cpu_per_call);
        }
        match self.ledger.refused {
            Some(Refused::Memory) => return FaultKind::Memory(limits.memory),
            Some(Refused::Table) => return FaultKind::Table(limits.table_elements),
            None => {}
        }
        let text = format!("{error:#}");
        if text.contains("hostcall fuel") || text.contains("fuel allocated for hostcalls") {
            return FaultKind::TooMuchData(limits.host_call_bytes);
        }
        if text.contains("wasm trap: ") {
            return FaultKind::Trap(short(&text));
        }
        // What the host answered to an import stands at the end of the chain, behind the guest's backtrace.
        FaultKind::Trap(short(&error.root_cause().to_string()))
    }
}

/// A trap's text without its backtrace, at most 300 characters.
fn short(text: &str) -> String {
    let cause = text.rsplit("wasm trap: ").next().unwrap_or(text);
    cause
        .lines()
        .next()
        .unwrap_or(cause)
        .chars()
        .take(300)
        .collect()
}

impl WasiView for Ctx {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for Ctx {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}
