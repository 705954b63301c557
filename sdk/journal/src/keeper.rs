//! A state in memory that is there again at the next start: calls change it, and are answered when the change is on the disk.
//!
//! Calls that come while the disk is busy share the next `fsync`. What only has to survive the end of the process
//! ([`Changes::note`]) is written without one. After a failure nobody knows what the file holds, so the state is thrown away and read
//! anew from what is on the disk.

use std::cell::RefCell;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::{Damage, Fault, Format, Journal, Opening, Sink};

/// How long after a failure the folder is opened again.
const PAUSE: Duration = Duration::from_secs(1);

/// A state that is kept.
pub trait State: Sized {
    /// What its records are.
    const FORMAT: Format;

    /// Applies a record of an earlier run.
    ///
    /// # Errors
    /// When the record means nothing.
    fn replay(&mut self, record: &[u8]) -> Result<(), String>;

    /// All records were applied: from here on it is a new run.
    fn resume(&mut self);

    /// Gives the records that make it what it is.
    fn records(&self, sink: &mut Sink<'_>);
}

/// Why a call was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was done.
    Unavailable(String),
    /// It may have been done.
    Unknown(String),
}

/// Takes the records of what a call changes.
pub struct Changes<'call> {
    journal: &'call mut Journal,
    must_sync: &'call mut u64,
}

impl Changes<'_> {
    /// A change the call is not answered without.
    pub fn keep(&mut self, record: &[u8]) {
        self.journal.append(record);
        *self.must_sync += 1;
    }

    /// A change that need not survive the failure of the machine.
    pub fn note(&mut self, record: &[u8]) {
        self.journal.append(record);
    }
}

/// Keeps a state in a folder.
pub struct Keeper<S> {
    folder: PathBuf,
    damage: Damage,
    new: Box<dyn Fn() -> S>,
    report: Box<dyn Fn(&str)>,
    slot: RefCell<Slot<S>>,
}

enum Slot<S> {
    Closed(Option<(Fault, Instant)>),
    Open(Box<Open<S>>),
}

struct Open<S> {
    /// Which opening it is.
    serial: u64,
    state: S,
    journal: Journal,
    /// Changes that must be on the disk, and how many of them are.
    must_sync: u64,
    synced: u64,
}

impl<S: State> Keeper<S> {
    /// Keeps what `new` makes in this folder, which is opened with the first call. `report` is told what an operator should know.
    #[must_use]
    pub fn new(
        folder: PathBuf,
        damage: Damage,
        new: impl Fn() -> S + 'static,
        report: impl Fn(&str) + 'static,
    ) -> Self {
        Self {
            folder,
            damage,
            new: Box::new(new),
            report: Box::new(report),
            slot: RefCell::new(Slot::Closed(None)),
        }
    }

    /// Makes a call, and answers when what it changed is on the disk, and what it saw.
    ///
    /// # Errors
    /// When the folder cannot be read or written.
    pub async fn call<T>(
        &self,
        work: impl FnOnce(&mut S, &mut Changes<'_>) -> T,
    ) -> Result<T, Failure> {
        let (answer, serial, needed) = {
            let mut slot = self.slot.borrow_mut();
            let open = self.opened(&mut slot)?;
            let answer = work(
                &mut open.state,
                &mut Changes {
                    journal: &mut open.journal,
                    must_sync: &mut open.must_sync,
                },
            );
            if open.synced >= open.must_sync {
                if let Err(fault) = open.journal.write() {
                    return Err(self.close(&mut slot, fault));
                }
                return Ok(answer);
            }
            (answer, open.serial, open.must_sync)
        };
        // Whoever was waiting while the disk was busy makes its change now, and one of us syncs for all.
        next_turn().await;
        let mut slot = self.slot.borrow_mut();
        let Slot::Open(open) = &mut *slot else {
            return Err(Failure::Unknown(self.last_fault(&slot)));
        };
        if open.serial != serial {
            return Err(Failure::Unknown("the folder was opened anew".into()));
        }
        if open.synced < needed
            && let Err(fault) = open.sync()
        {
            return Err(self.close(&mut slot, fault));
        }
        Ok(answer)
    }

    fn opened<'slot>(&self, slot: &'slot mut Slot<S>) -> Result<&'slot mut Open<S>, Failure> {
        if let Slot::Closed(last) = slot {
            if let Some((fault, since)) = last
                && (matches!(fault, Fault::Taken) || since.elapsed() < PAUSE)
            {
                return Err(Failure::Unavailable(fault.to_string()));
            }
            let known = last.as_ref().map(|(fault, _)| fault.to_string());
            match self.open() {
                Ok(open) => {
                    if known.is_some() {
                        (self.report)("the folder can be used again");
                    }
                    *slot = Slot::Open(Box::new(open));
                }
                Err(fault) => {
                    let text = fault.to_string();
                    if known.as_ref() != Some(&text) {
                        (self.report)(&text);
                    }
                    *slot = Slot::Closed(Some((fault, Instant::now())));
                    return Err(Failure::Unavailable(text));
                }
            }
        }
        match slot {
            Slot::Open(open) => Ok(open),
            Slot::Closed(_) => Err(Failure::Unavailable("the folder is closed".into())),
        }
    }

    fn open(&self) -> Result<Open<S>, Fault> {
        let number = || RandomState::new().hash_one(0_u8);
        let mut state = (self.new)();
        let opening = Opening::read(&self.folder, S::FORMAT, number(), self.damage, |record| {
            state.replay(record)
        })?;
        if let Some(said) = opening.set_aside() {
            (self.report)(said);
        }
        state.resume();
        let journal = opening.begin(|sink| state.records(sink))?;
        Ok(Open {
            serial: number(),
            state,
            journal,
            must_sync: 0,
            synced: 0,
        })
    }

    fn close(&self, slot: &mut Slot<S>, fault: Fault) -> Failure {
        let text = fault.to_string();
        (self.report)(&text);
        *slot = Slot::Closed(Some((fault, Instant::now())));
        Failure::Unknown(text)
    }

    fn last_fault(&self, slot: &Slot<S>) -> String {
        match slot {
            Slot::Closed(Some((fault, _))) => fault.to_string(),
            _ => "the folder was closed".into(),
        }
    }
}

impl<S: State> Open<S> {
    fn sync(&mut self) -> Result<(), Fault> {
        self.journal.sync()?;
        self.synced = self.must_sync;
        if self.journal.has_grown() {
            let state = &self.state;
            self.journal.rewrite(|sink| state.records(sink))?;
        }
        Ok(())
    }
}

/// Lets everybody else who can go on do so first.
async fn next_turn() {
    let mut waited = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
