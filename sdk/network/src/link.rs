//! One connection on which many calls speak at once: what they write is sent together, what comes is handed to whoever reads the
//! protocol.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;

use crate::signal::Changes;
use crate::tcp::{Fault, Reader, Writer};
use crate::timer::either;

/// Room that is made for each read.
const CHUNK: usize = 64 * 1024;
/// A buffer that grew beyond this for one large message is not kept.
const KEPT: usize = 1024 * 1024;

/// The connection. It is over when [`Link::run`] ends.
#[derive(Default)]
pub struct Link {
    out: RefCell<Vec<u8>>,
    pushed: Changes,
    appended: Cell<u64>,
    taken: Cell<u64>,
    fault: RefCell<Option<Fault>>,
    ended: Changes,
}

impl Link {
    /// A connection on which nothing was said.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Rc::default()
    }

    /// Appends to what is sent next, and returns where it began, for [`Link::was_taken`].
    pub fn push(&self, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        let start = self.appended.get();
        let mut out = self.out.borrow_mut();
        let before = out.len();
        write(&mut out);
        let added = u64::try_from(out.len() - before).unwrap_or(u64::MAX);
        self.appended.set(start.saturating_add(added));
        drop(out);
        self.pushed.notify();
        start
    }

    /// Bytes that wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.out.borrow().len()
    }

    /// Whether some of what was pushed at this place may have reached the server.
    #[must_use]
    pub fn was_taken(&self, start: u64) -> bool {
        self.taken.get() > start
    }

    /// Ends the connection; the first reason counts.
    pub fn close(&self, fault: Fault) {
        self.fault.borrow_mut().get_or_insert(fault);
        self.ended.notify();
    }

    /// Why it is over, when it is.
    #[must_use]
    pub fn fault(&self) -> Option<Fault> {
        self.fault.borrow().clone()
    }

    /// Waits for its end.
    pub async fn end(&self) -> Fault {
        loop {
            let seen = self.ended.seen();
            if let Some(fault) = self.fault() {
                return fault;
            }
            self.ended.since(seen).await;
        }
    }

    /// Sends and receives until the end. `take` gets what has come and not been taken, and says how many bytes of it it took.
    pub async fn run(
        &self,
        reader: Reader,
        writer: Writer,
        take: impl FnMut(&[u8]) -> Result<usize, Fault>,
    ) {
        let work = async {
            match either(receive(reader, take), self.send(writer)).await {
                Ok(Err(fault)) | Err(Err(fault)) => self.close(fault),
                Ok(Ok(never)) | Err(Ok(never)) => match never {},
            }
        };
        // Both outcomes are the end.
        let _ = either(work, self.end()).await;
    }

    async fn send(&self, mut writer: Writer) -> Result<Infallible, Fault> {
        let mut spare = Vec::new();
        loop {
            let seen = self.pushed.seen();
            if self.out.borrow().is_empty() {
                self.pushed.since(seen).await;
                continue;
            }
            let bytes = self.out.replace(spare);
            self.taken.set(self.appended.get());
            spare = writer.write(bytes).await?;
            if spare.capacity() > KEPT {
                spare = Vec::new();
            }
        }
    }
}

async fn receive(
    mut reader: Reader,
    mut take: impl FnMut(&[u8]) -> Result<usize, Fault>,
) -> Result<Infallible, Fault> {
    let mut come = Vec::with_capacity(CHUNK);
    loop {
        if come.is_empty() && come.capacity() > KEPT {
            come = Vec::new();
        }
        // A large message grows the buffer in large steps.
        come.reserve(CHUNK.max(come.len()));
        come = reader.read(come).await?;
        let taken = take(&come)?;
        if taken >= come.len() {
            come.clear();
        } else {
            come.drain(..taken);
        }
    }
}
