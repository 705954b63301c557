//! Warm cells of one binding, reused one call at a time and never shared with another tenant.
//!
//! Idle cells lie on shelves, one for each worker thread, so that a worker finds the cell it used last and no two workers
//! contend for a lock. The number of cells follows demand up to `limits.calls-in-flight`; after a spike `limits.instances` of
//! them stay, and an idle one is dropped after `limits.idle`. The policy `per-call` is the same pool that never keeps a cell.

use std::cell::Cell as ThreadCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Semaphore;
use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc};

use crate::cell::{Cell, Exports};
use crate::fault::{Fault, FaultKind};
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::scope::{Binding, CallScope};

/// Done once on each new cell before its first call, such as loading a flow's definition.
pub type Prepare<E> = Arc<
    dyn for<'a> Fn(
            &'a mut Cell<E>,
        )
            -> std::pin::Pin<Box<dyn Future<Output = Result<(), FaultKind>> + Send + 'a>>
        + Send
        + Sync,
>;

const SHELVES: usize = 4;

/// The pool of one binding.
pub struct Pool<E> {
    plugin: Arc<Plugin>,
    binding: Arc<Binding>,
    prepare: Option<Prepare<E>>,
    keep: bool,
    shelves: [Mutex<Vec<Box<Cell<E>>>>; SHELVES],
    permits: Semaphore,
    waiting: AtomicUsize,
    live: AtomicUsize,
    idle: AtomicUsize,
    started: AtomicUsize,
}

impl<E: Exports> Pool<E> {
    /// An empty pool. With `keep` off every call gets a fresh cell.
    pub fn new(
        plugin: Arc<Plugin>,
        binding: Arc<Binding>,
        prepare: Option<Prepare<E>>,
        keep: bool,
    ) -> Self {
        let permits = Semaphore::new(plugin.limits_for(&binding).calls_in_flight.max(1));
        Self {
            plugin,
            binding,
            prepare,
            keep,
            shelves: Default::default(),
            permits,
            waiting: AtomicUsize::new(0),
            live: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            started: AtomicUsize::new(0),
        }
    }

    /// Calls a function in a cell of its own.
    ///
    /// # Errors
    /// [`Fault`]; the cell is gone then and the next call gets another.
    pub async fn call<P, R>(
        &self,
        scope: CallScope,
        function: &'static str,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let outcome = self.run(scope, select, params).await;
        outcome.map_err(|kind| self.fault(function, kind))
    }

    /// A cell for a call that waits for nothing: of a component that cannot wait, when one is idle and its turn is now.
    pub(crate) fn lease_now(&self) -> Option<(Box<Cell<E>>, Lease<'_>)> {
        if self.plugin.waits() {
            return None;
        }
        let permit = self.permits.try_acquire().ok()?;
        let cell = self.take()?;
        Some((cell, self.leased(permit)))
    }

    /// Calls a function in a cell that was leased at once.
    ///
    /// # Errors
    /// As [`Pool::call`].
    pub(crate) fn call_now<P, R>(
        &self,
        (mut cell, lease): (Box<Cell<E>>, Lease<'_>),
        scope: CallScope,
        function: &'static str,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<R, Fault>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let outcome = cell.call_now(scope, select, params);
        self.give_back(cell, lease, outcome.is_ok());
        outcome.map_err(|kind| self.fault(function, kind))
    }

    fn fault(&self, function: &'static str, kind: FaultKind) -> Fault {
        Fault {
            plugin: Arc::clone(self.plugin.name()),
            function,
            kind,
        }
    }

    fn leased<'a>(&'a self, permit: tokio::sync::SemaphorePermit<'a>) -> Lease<'a> {
        Lease {
            _permit: permit,
            live: Live(&self.live),
        }
    }

    async fn run<P, R>(
        &self,
        scope: CallScope,
        select: impl FnOnce(&E) -> Option<TypedFunc<P, R>>,
        params: P,
    ) -> Result<R, FaultKind>
    where
        P: ComponentNamedList + Lower + Send + Sync + 'static,
        R: ComponentNamedList + Lift + Send + Sync + 'static,
    {
        let (mut cell, lease) = self.lease().await?;
        let outcome = cell.call(scope, select, params).await;
        self.give_back(cell, lease, outcome.is_ok());
        outcome
    }

    /// A cell for one call.
    pub(crate) async fn lease(&self) -> Result<(Box<Cell<E>>, Lease<'_>), FaultKind> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => self.wait_for_permit().await?,
        };
        let cell = match self.take() {
            Some(cell) => cell,
            None => self.start().await?,
        };
        Ok((cell, self.leased(permit)))
    }

    /// Keeps the cell of a call that ended well for the next one, where one is kept.
    pub(crate) fn give_back(&self, cell: Box<Cell<E>>, lease: Lease<'_>, well: bool) {
        if well
            && self.keep
            && !cell.is_spent()
            && self.idle.load(Ordering::Relaxed) < self.limits().instances.max(1)
        {
            std::mem::forget(lease.live);
            self.put(cell);
        }
    }

    async fn wait_for_permit(&self) -> Result<tokio::sync::SemaphorePermit<'_>, FaultKind> {
        let most = self.limits().calls_waiting;
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= most {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(FaultKind::Overloaded(most));
        }
        let _waiting = Live(&self.waiting);
        let timeout = self.limits().queue_wait;
        match tokio::time::timeout(timeout, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(FaultKind::Overloaded(most)),
        }
    }

    async fn start(&self) -> Result<Box<Cell<E>>, FaultKind> {
        let mut cell = Box::new(Cell::start(&self.plugin, &self.binding).await?);
        if let Some(prepare) = &self.prepare {
            prepare(&mut cell).await?;
        }
        self.live.fetch_add(1, Ordering::Relaxed);
        self.started.fetch_add(1, Ordering::Relaxed);
        Ok(cell)
    }

    fn take(&self) -> Option<Box<Cell<E>>> {
        let first = shelf();
        let cell = (0..SHELVES)
            .find_map(|offset| self.shelves.get((first + offset) % SHELVES)?.lock().pop());
        if cell.is_some() {
            self.idle.fetch_sub(1, Ordering::Relaxed);
        }
        cell
    }

    fn put(&self, cell: Box<Cell<E>>) {
        if let Some(shelf) = self.shelves.get(shelf()) {
            // Counted first, so that whoever takes it at once does not count below zero.
            self.idle.fetch_add(1, Ordering::Relaxed);
            shelf.lock().push(cell);
        }
    }

    /// Drops cells that were idle for longer than they may; returns how many.
    pub fn shrink(&self) -> usize {
        let idle = self.limits().idle;
        let mut dropped = Vec::new();
        for shelf in &self.shelves {
            let mut shelf = shelf.lock();
            let mut index = 0;
            while let Some(cell) = shelf.get(index) {
                if cell.last_used.elapsed() >= idle {
                    dropped.push(shelf.remove(index));
                } else {
                    index += 1;
                }
            }
        }
        self.idle.fetch_sub(dropped.len(), Ordering::Relaxed);
        self.live.fetch_sub(dropped.len(), Ordering::Relaxed);
        dropped.len()
    }

    fn limits(&self) -> &Limits {
        self.plugin.limits_for(&self.binding)
    }

    /// Cells there are now, idle or at work.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Cells started since the pool was made.
    #[must_use]
    pub fn started(&self) -> usize {
        self.started.load(Ordering::Relaxed)
    }

    /// The plugin the cells run.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.plugin
    }

    /// What it is bound to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Starts one cell if there is none, so that a fault in instantiation shows at load and the first call is warm.
    ///
    /// # Errors
    /// [`Fault`] of the instantiation or the preparation.
    pub async fn warm(&self) -> Result<(), Fault> {
        if self.live() > 0 || !self.keep {
            return Ok(());
        }
        let cell = self.start().await;
        let cell = cell.map_err(|kind| self.fault("instantiate", kind))?;
        self.put(cell);
        Ok(())
    }
}

/// The right to one call, and the count of its cell among the living.
pub(crate) struct Lease<'a> {
    _permit: tokio::sync::SemaphorePermit<'a>,
    live: Live<'a>,
}

/// Counts one down when a call ends, however it ends.
struct Live<'a>(&'a AtomicUsize);

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The shelf of this thread.
fn shelf() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static MINE: ThreadCell<usize> = const { ThreadCell::new(usize::MAX) });
    MINE.with(|mine| {
        if mine.get() == usize::MAX {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHELVES);
        }
        mine.get()
    })
}
