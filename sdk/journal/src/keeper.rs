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

use greentic_sdk::log;
use greentic_sdk::model::Error;

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
    kept: RefCell<Kept<S>>,
}

struct Kept<S> {
    open: Option<Open<S>>,
    /// What went wrong last, and when.
    fault: Option<(Fault, Instant)>,
    openings: u64,
}

struct Open<S> {
    /// Which opening it is.
    number: u64,
    state: S,
    journal: Journal,
    /// Changes that must be on the disk, and how many of them are.
    must_sync: u64,
    synced: u64,
}

impl<S: State> Keeper<S> {
    /// Keeps what `new` makes in this folder, which is opened with the first call. What an operator should know is logged.
    #[must_use]
    pub fn new(folder: PathBuf, damage: Damage, new: impl Fn() -> S + 'static) -> Self {
        Self {
            folder,
            damage,
            new: Box::new(new),
            kept: RefCell::new(Kept {
                open: None,
                fault: None,
                openings: 0,
            }),
        }
    }

    /// Makes a call, and answers when what it changed is on the disk, and what it saw.
    ///
    /// # Errors
    /// `unavailable` when the folder cannot be read, and `unknown-outcome` when it could not be written.
    pub async fn call<T>(
        &self,
        work: impl FnOnce(&mut S, &mut Changes<'_>) -> T,
    ) -> Result<T, Error> {
        let (answer, number, needed) = {
            let mut kept = self.kept.borrow_mut();
            let open = self.opened(&mut kept)?;
            let answer = work(
                &mut open.state,
                &mut Changes {
                    journal: &mut open.journal,
                    must_sync: &mut open.must_sync,
                },
            );
            if open.synced >= open.must_sync {
                return match open.journal.write() {
                    Ok(()) => Ok(answer),
                    Err(fault) => Err(kept.close(fault)),
                };
            }
            (answer, open.number, open.must_sync)
        };
        // Whoever was waiting while the disk was busy makes its change now, and one of us syncs for all.
        next_turn().await;
        let mut kept = self.kept.borrow_mut();
        let fault = kept.fault.as_ref().map(|(fault, _)| fault.to_string());
        let Some(open) = kept.open.as_mut().filter(|open| open.number == number) else {
            return Err(Error::UnknownOutcome(fault.unwrap_or_default()));
        };
        if open.synced < needed
            && let Err(fault) = open.sync()
        {
            return Err(kept.close(fault));
        }
        Ok(answer)
    }

    fn opened<'kept>(&self, kept: &'kept mut Kept<S>) -> Result<&'kept mut Open<S>, Error> {
        if kept.open.is_none() {
            if let Some((fault, since)) = &kept.fault
                && (matches!(fault, Fault::Taken) || since.elapsed() < PAUSE)
            {
                return Err(Error::Unavailable(fault.to_string()));
            }
            let known = kept.fault.as_ref().map(|(fault, _)| fault.to_string());
            match self.open(kept.openings) {
                Ok(open) => {
                    if known.is_some() {
                        log::warn!("folder", "the folder can be used again");
                    }
                    kept.openings += 1;
                    return Ok(kept.open.insert(open));
                }
                Err(fault) => {
                    let text = fault.to_string();
                    if known.as_ref() != Some(&text) {
                        log::warn!("folder", "{text}");
                    }
                    kept.fault = Some((fault, Instant::now()));
                    return Err(Error::Unavailable(text));
                }
            }
        }
        kept.open
            .as_mut()
            .ok_or_else(|| Error::Internal("a folder that is open is not".into()))
    }

    fn open(&self, number: u64) -> Result<Open<S>, Fault> {
        let owner = RandomState::new().hash_one(0_u8);
        let mut state = (self.new)();
        let opening = Opening::read(&self.folder, S::FORMAT, owner, self.damage, |record| {
            state.replay(record)
        })?;
        if let Some(said) = opening.set_aside() {
            log::warn!("folder", "{said}");
        }
        state.resume();
        let journal = opening.begin(|sink| state.records(sink))?;
        Ok(Open {
            number,
            state,
            journal,
            must_sync: 0,
            synced: 0,
        })
    }
}

impl<S> Kept<S> {
    fn close(&mut self, fault: Fault) -> Error {
        let text = fault.to_string();
        log::warn!("folder", "{text}");
        self.open = None;
        self.fault = Some((fault, Instant::now()));
        Error::UnknownOutcome(text)
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
