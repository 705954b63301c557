//! One supervised instance for the whole host: stores and buses.
//!
//! A plugin that cannot wait (memory backends) is called on the caller's thread behind a lock that spins before it parks. A
//! plugin that waits (network backends) is driven by a task of its own that keeps many calls in flight.
//!
//! After a fault the instance is replaced, at once the first time and then with growing pauses. Whoever makes it fail again and
//! again is found by attribution: a tenant whose calls ended it too often within a window is refused for a while, so that the
//! others keep their plugin. The numbers are the bundle's `limits.supervision`.

mod line;
mod record;

use std::sync::Arc;

use parking_lot::Mutex;
use wasmtime::component::{ComponentNamedList, Lift, Lower, TypedFunc};

use self::line::Line;
use self::record::{Blame, Record};
use crate::cell::{Cell, Exports};
use crate::fault::{Fault, FaultKind};
use crate::plugin::Plugin;
use crate::scope::{Binding, CallScope};

/// The one instance of a shared plugin.
pub struct Shared<E> {
    record: Arc<Record>,
    binding: Arc<Binding>,
    drive: Drive<E>,
}

enum Drive<E> {
    Inline(Box<Mutex<Option<Cell<E>>>>),
    Task(Mutex<Option<Line<E>>>),
}

impl<E: Exports> Shared<E> {
    /// Starts the instance.
    ///
    /// # Errors
    /// [`Fault`] when it cannot be instantiated.
    pub async fn start(plugin: Arc<Plugin>, binding: Arc<Binding>) -> Result<Self, Fault> {
        let drive = if plugin.waits() {
            Drive::Task(Mutex::new(None))
        } else {
            Drive::Inline(Box::new(Mutex::new(None)))
        };
        let shared = Self {
            record: Arc::new(Record::new(plugin)),
            binding,
            drive,
        };
        shared
            .ready()
            .await
            .map_err(|kind| shared.fault("instantiate", kind))?;
        Ok(shared)
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Arc<Plugin> {
        &self.record.plugin
    }

    /// What it is bound to.
    pub fn binding(&self) -> &Binding {
        &self.binding
    }

    /// Restarts since the start.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.record.restarts()
    }

    /// Whether an instance is running now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        match &self.drive {
            Drive::Inline(cell) => cell.lock().is_some(),
            Drive::Task(line) => line.lock().as_ref().is_some_and(Line::is_open),
        }
    }

    fn fault(&self, function: &'static str, kind: FaultKind) -> Fault {
        Fault {
            plugin: Arc::clone(self.record.plugin.name()),
            function,
            kind,
        }
    }

    /// Calls a function.
    ///
    /// # Errors
    /// [`Fault`]; the instance is replaced then.
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
        self.admit(&scope, function)?;
        if !self.is_running() {
            self.ready()
                .await
                .map_err(|kind| self.fault(function, kind))?;
        }
        let Drive::Task(slot) = &self.drive else {
            return self.call_now(scope, function, select, params);
        };
        let line = slot.lock().clone();
        let outcome = match line {
            Some(line) => line.call(&self.record, scope.tenant, select, params).await,
            None => Err(FaultKind::Collateral),
        };
        outcome.map_err(|kind| self.fault(function, kind))
    }

    /// Refuses a tenant whose calls ended the instance too often.
    fn admit(&self, scope: &CallScope, function: &'static str) -> Result<(), Fault> {
        let tenant = scope.tenant.as_ref();
        match tenant.and_then(|tenant| self.record.refused(tenant)) {
            Some(kind) => Err(self.fault(function, kind)),
            None => Ok(()),
        }
    }

    /// Whether a call waits for nothing: the plugin cannot wait, and its instance is there.
    pub(crate) fn is_ready_now(&self) -> bool {
        matches!(self.drive, Drive::Inline(_)) && self.is_running()
    }

    /// Calls a function of a plugin that cannot wait, on the caller's thread.
    ///
    /// # Errors
    /// As [`Shared::call`]. `collateral` where another call ended the instance just now, or the plugin waits.
    pub(crate) fn call_now<P, R>(
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
        self.admit(&scope, function)?;
        let tenant = scope.tenant.clone();
        let Drive::Inline(slot) = &self.drive else {
            return Err(self.fault(function, FaultKind::Collateral));
        };
        let mut slot = slot.lock();
        let outcome = match slot.as_mut() {
            Some(cell) => {
                let outcome = cell.call_now(scope, select, params);
                if let Err(kind) = &outcome {
                    *slot = None;
                    self.record.note(&Blame::Call(tenant.as_ref()), kind);
                }
                outcome
            }
            None => Err(FaultKind::Collateral),
        };
        outcome.map_err(|kind| self.fault(function, kind))
    }

    fn is_running(&self) -> bool {
        match &self.drive {
            // A lock that is held is held by a call, so there is an instance.
            Drive::Inline(cell) => cell.try_lock().is_none_or(|cell| cell.is_some()),
            Drive::Task(_) => self.is_up(),
        }
    }

    /// Makes sure there is an instance, unless the last fault was too recent.
    async fn ready(&self) -> Result<(), FaultKind> {
        if let Some(pausing) = self.record.pausing() {
            return Err(pausing);
        }
        let started = Cell::start(&self.record.plugin, &self.binding).await;
        let cell = match started {
            Ok(cell) => cell,
            Err(kind) => {
                self.record.note(&Blame::Nobody, &kind);
                return Err(kind);
            }
        };
        match &self.drive {
            Drive::Inline(slot) => {
                let mut slot = slot.lock();
                if slot.is_none() {
                    *slot = Some(cell);
                }
            }
            Drive::Task(slot) => {
                let mut slot = slot.lock();
                if !slot.as_ref().is_some_and(Line::is_open) {
                    *slot = Some(Line::start(cell, &self.record));
                }
            }
        }
        Ok(())
    }
}
