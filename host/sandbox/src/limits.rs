//! What one instance and one call may use. The defaults are not here: they stand in the bundle's table of limits, once.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::measures::Counted;

/// Limits of one plugin.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Linear memory of an instance in bytes, all its memories together.
    pub memory: usize,
    /// Elements of all tables of an instance together.
    pub table_elements: usize,
    /// Processor time of one call.
    pub cpu_per_call: Duration,
    /// Wall time of one call.
    pub call_timeout: Duration,
    /// Calls at a time: of one binding, or of the shared instance.
    pub calls_in_flight: usize,
    /// Instances of one binding that are kept when they are idle.
    pub instances: usize,
    /// Calls that may wait for their turn.
    pub calls_waiting: usize,
    /// How long a call waits for its turn.
    pub queue_wait: Duration,
    /// Calls after which an instance is retired.
    pub calls_per_instance: u32,
    /// How long an idle instance is kept.
    pub idle: Duration,
    /// Bytes a component may hand the host in one call or host call.
    pub host_call_bytes: usize,
    /// Calls out of one call to services that hold authority (log, nodes, tools, state, secrets).
    pub host_calls: u32,
    /// Random bytes it may ask for at once.
    pub random: u64,
    /// How a shared instance is replaced, and when a tenant is kept from it.
    pub supervision: Supervision,
}

/// How a shared instance that failed is replaced.
#[derive(Debug, Clone)]
pub struct Supervision {
    /// The pause before the second restart; doubled for each further one.
    pub backoff_base: Duration,
    /// The longest pause.
    pub backoff_cap: Duration,
    /// Restarts within the window; beyond it the plugin is down until the window has passed.
    pub restarts: u32,
    /// The window restarts and strikes are counted in.
    pub window: Duration,
    /// Faults of one tenant within the window after which its calls are refused.
    pub strikes: u32,
    /// For how long they are.
    pub cut_off: Duration,
}

/// Why an instance was refused more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Memory,
    Table,
}

/// Keeps the sums of one store and remembers what it refused, so that the trap that follows can be explained.
pub(crate) struct Ledger {
    counted: Counted,
    memory_limit: usize,
    table_limit: usize,
    memory: usize,
    tables: usize,
    pub(crate) refused: Option<Refused>,
}

impl Ledger {
    pub(crate) fn new(limits: &Limits, counted: Counted) -> Self {
        Self {
            counted,
            memory_limit: limits.memory,
            table_limit: limits.table_elements,
            memory: 0,
            tables: 0,
            refused: None,
        }
    }
}

impl ResourceLimiter for Ledger {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let sum = self.memory.saturating_sub(current).saturating_add(desired);
        if sum > self.memory_limit {
            self.refused = Some(Refused::Memory);
            return Ok(false);
        }
        self.memory = sum;
        self.counted.memory(sum);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let sum = self.tables.saturating_sub(current).saturating_add(desired);
        if sum > self.table_limit {
            self.refused = Some(Refused::Table);
            return Ok(false);
        }
        self.tables = sum;
        Ok(true)
    }

    fn instances(&self) -> usize {
        1_000
    }

    fn tables(&self) -> usize {
        100
    }

    fn memories(&self) -> usize {
        100
    }
}
