//! Stopping: first everything is told to finish, later what is left is cut. One for each listener, so that nothing here is shared
//! between worker threads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use tokio::sync::Notify;

const OPEN: u8 = 0;
const FINISHING: u8 = 1;
const CUT: u8 = 2;

/// What a task that holds a [`Tracked`] is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Go on.
    Open,
    /// Finish what is begun, take nothing new.
    Finishing,
    /// End now.
    Cut,
}

#[derive(Debug, Default)]
pub(crate) struct Drain {
    stage: AtomicU8,
    /// Wakes on each change of stage.
    changed: Notify,
    live: AtomicUsize,
    /// Wakes when the last tracked task ends.
    empty: Notify,
}

impl Drain {
    pub(crate) fn stage(&self) -> Stage {
        match self.stage.load(Ordering::Acquire) {
            OPEN => Stage::Open,
            FINISHING => Stage::Finishing,
            _ => Stage::Cut,
        }
    }

    pub(crate) fn finish(&self) {
        self.stage.store(FINISHING, Ordering::Release);
        self.changed.notify_waiters();
    }

    pub(crate) fn cut(&self) {
        self.stage.store(CUT, Ordering::Release);
        self.changed.notify_waiters();
    }

    /// Resolves at the next change of stage; make it before reading the stage.
    pub(crate) fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Waits until the stage is no longer open.
    pub(crate) async fn finishing(&self) {
        loop {
            let changed = self.changed();
            if self.stage() != Stage::Open {
                return;
            }
            changed.await;
        }
    }

    /// Waits until the stage is the last one.
    pub(crate) async fn cutting(&self) {
        loop {
            let changed = self.changed();
            if self.stage() == Stage::Cut {
                return;
            }
            changed.await;
        }
    }

    /// Waits until no tracked task is left.
    pub(crate) async fn emptied(&self) {
        loop {
            let empty = self.empty.notified();
            if self.live.load(Ordering::Acquire) == 0 {
                return;
            }
            empty.await;
        }
    }

    /// Counts a task until the guard is dropped.
    pub(crate) fn track(self: &Arc<Self>) -> Tracked {
        self.live.fetch_add(1, Ordering::Relaxed);
        Tracked(Arc::clone(self))
    }
}

/// One task the drain waits for.
#[derive(Debug)]
pub(crate) struct Tracked(Arc<Drain>);

impl Tracked {
    pub(crate) fn drain(&self) -> &Arc<Drain> {
        &self.0
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if self.0.live.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.empty.notify_waiters();
        }
    }
}
