//! The connection that is always there or being made.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use greentic_sdk::log;
use greentic_sdk::model::Error;

use crate::backoff::Backoff;
use crate::signal::Changes;
use crate::tcp::Fault;
use crate::timer::{sleep, within};
use crate::{random, spawn};

/// The first pause between two attempts to connect.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How a connection is made, and when it is over.
pub trait Dial: 'static {
    /// A connection that was greeted and can be used.
    type Connection: 'static;

    /// Makes one.
    fn dial(&self) -> impl Future<Output = Result<Rc<Self::Connection>, Error>>;

    /// Waits for its end.
    fn end(connection: &Self::Connection) -> impl Future<Output = Fault>;
}

/// A connection that is made when it is first asked for, and made again whenever it is over.
pub struct Kept<D: Dial> {
    dial: D,
    wait: Duration,
    current: RefCell<Option<Rc<D::Connection>>>,
    /// Why there is none; nothing before the first attempt is over.
    fault: RefCell<Option<Error>>,
    changes: Changes,
    running: Cell<bool>,
}

impl<D: Dial> Kept<D> {
    /// Not yet connected. A call waits for `wait` at most for a connection that is being made.
    #[must_use]
    pub fn new(dial: D, wait: Duration) -> Rc<Self> {
        Rc::new(Self {
            dial,
            wait,
            current: RefCell::default(),
            fault: RefCell::default(),
            changes: Changes::new(),
            running: Cell::new(false),
        })
    }

    /// The connection there is now.
    #[must_use]
    pub fn now(&self) -> Option<Rc<D::Connection>> {
        self.current.borrow().clone()
    }

    /// Why there is none, when that is known.
    #[must_use]
    pub fn fault(&self) -> Option<Error> {
        self.fault.borrow().clone()
    }

    /// The connection, waiting a while for one that is being made.
    ///
    /// # Errors
    /// `denied` and `invalid` at once, because waiting does not change them; otherwise why the last attempt failed.
    pub async fn connection(self: &Rc<Self>) -> Result<Rc<D::Connection>, Error> {
        if let Some(current) = self.now() {
            return Ok(current);
        }
        if !self.running.replace(true) {
            let kept = Rc::clone(self);
            spawn(async move { kept.keep().await });
        }
        let wait = async {
            loop {
                let seen = self.changes.seen();
                if let Some(current) = self.now() {
                    return Ok(current);
                }
                if let Some(fault @ (Error::Denied(_) | Error::Invalid(_))) = self.fault() {
                    return Err(fault);
                }
                self.changes.since(seen).await;
            }
        };
        match within(self.wait, wait).await {
            Some(outcome) => outcome,
            None => Err(self.fault().unwrap_or_else(|| {
                Error::Unavailable(format!(
                    "no connection within {:?} (config `connect-ms`)",
                    self.wait
                ))
            })),
        }
    }

    async fn keep(&self) {
        let Some(mut backoff) = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE) else {
            return;
        };
        loop {
            match self.dial.dial().await {
                Ok(connection) => {
                    backoff.reset();
                    *self.fault.borrow_mut() = None;
                    *self.current.borrow_mut() = Some(Rc::clone(&connection));
                    self.changes.notify();
                    let fault = D::end(&connection).await;
                    *self.current.borrow_mut() = None;
                    log::warn!("connect", "the connection is over: {fault}");
                    *self.fault.borrow_mut() = Some(Error::Unavailable(fault.to_string()));
                }
                Err(error) => {
                    // Each reason once, not once for each attempt.
                    let known = self.fault.replace(Some(error.clone()));
                    if known.as_ref() != Some(&error) {
                        log::error!("connect", "{error:?}");
                    }
                }
            }
            self.changes.notify();
            sleep(backoff.pause(random())).await;
        }
    }
}
