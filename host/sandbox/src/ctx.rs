//! What stands behind one instance: its WASI context, its limits, who it is and what it may ask for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::fault::FaultKind;
use crate::http::Hooks;
use crate::limits::{Ledger, Limits, Refused};
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

/// Processor time of the current call: the time in which the guest was being polled. Shared between the store, whose epoch
/// callback asks it, and the future that drives the call, which starts and stops it.
#[derive(Debug)]
pub(crate) struct Meter {
    base: Instant,
    limit: AtomicU64,
    used: AtomicU64,
    /// Nanoseconds since `base` when the current poll began, 0 while nothing is polled.
    since: AtomicU64,
    exceeded: AtomicBool,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            base: Instant::now(),
            limit: AtomicU64::new(u64::MAX),
            used: AtomicU64::new(0),
            since: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        nanos(self.base.elapsed()).max(1)
    }

    pub(crate) fn reset(&self, limit: Duration) {
        self.limit.store(nanos(limit), Relaxed);
        self.used.store(0, Relaxed);
        self.exceeded.store(false, Relaxed);
        self.since.store(self.now(), Relaxed);
    }

    pub(crate) fn resume(&self) {
        self.since.store(self.now(), Relaxed);
    }

    pub(crate) fn pause(&self) {
        let since = self.since.swap(0, Relaxed);
        if since != 0 {
            self.used
                .fetch_add(self.now().saturating_sub(since), Relaxed);
        }
    }

    /// Asked at each tick of the epoch while the guest runs.
    pub(crate) fn over(&self) -> bool {
        let since = self.since.load(Relaxed);
        let running = if since == 0 {
            0
        } else {
            self.now().saturating_sub(since)
        };
        let over = self.used.load(Relaxed).saturating_add(running) > self.limit.load(Relaxed);
        if over {
            self.exceeded.store(true, Relaxed);
        }
        over
    }

    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded.load(Relaxed)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_not_counted_and_running_is() {
        let meter = Meter::new();
        meter.reset(Duration::from_millis(30));
        meter.pause();
        std::thread::sleep(Duration::from_millis(60));
        assert!(!meter.over(), "sixty milliseconds of waiting were counted");
        meter.resume();
        std::thread::sleep(Duration::from_millis(40));
        assert!(
            meter.over(),
            "forty milliseconds of running were not counted"
        );
        assert!(meter.exceeded());
        meter.reset(Duration::from_millis(30));
        assert!(!meter.over());
    }
}
