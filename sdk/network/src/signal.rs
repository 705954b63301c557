//! How tasks of one instance wait for each other. All of them run on one thread, so nothing here locks.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

struct Slot<T> {
    value: Option<T>,
    waker: Option<Waker>,
    closed: bool,
}

/// Gives one value to one [`Receiver`].
pub struct Sender<T>(Rc<RefCell<Slot<T>>>);

/// Waits for the value of a [`Sender`]: `None` when the sender went without one.
pub struct Receiver<T>(Rc<RefCell<Slot<T>>>);

/// A place for one value, and who waits for it.
#[must_use]
pub fn oneshot<T>() -> (Sender<T>, Receiver<T>) {
    let slot = Rc::new(RefCell::new(Slot {
        value: None,
        waker: None,
        closed: false,
    }));
    (Sender(Rc::clone(&slot)), Receiver(slot))
}

impl<T> Sender<T> {
    /// Hands the value over.
    pub fn send(self, value: T) {
        self.0.borrow_mut().value = Some(value);
    }

    /// Whether nobody waits for it any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let waker = {
            let mut slot = self.0.borrow_mut();
            slot.closed = true;
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut slot = self.0.borrow_mut();
        if let Some(value) = slot.value.take() {
            return Poll::Ready(Some(value));
        }
        if slot.closed {
            return Poll::Ready(None);
        }
        slot.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// Wakes everybody who waits for a change. A change between two looks is not missed: who waits says which change it saw last.
#[derive(Default)]
pub struct Changes {
    count: Cell<u64>,
    wakers: RefCell<Vec<(u64, Waker)>>,
    next: Cell<u64>,
}

impl Changes {
    /// Nothing has changed yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many changes there were: remember it before looking, and wait for what comes after it.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.count.get()
    }

    /// Something changed.
    pub fn notify(&self) {
        self.count.set(self.count.get().wrapping_add(1));
        let wakers = self.wakers.take();
        for (_, waker) in wakers {
            waker.wake();
        }
    }

    /// Waits until there was a change after `seen`.
    pub fn since(&self, seen: u64) -> Since<'_> {
        Since {
            changes: self,
            seen,
            place: None,
        }
    }
}

/// The wait of [`Changes::since`].
pub struct Since<'changes> {
    changes: &'changes Changes,
    seen: u64,
    place: Option<u64>,
}

impl Future for Since<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.changes.count.get() != self.seen {
            return Poll::Ready(());
        }
        let mut wakers = self.changes.wakers.borrow_mut();
        let place = self.place.unwrap_or_else(|| {
            let next = self.changes.next.get();
            self.changes.next.set(next.wrapping_add(1));
            next
        });
        match wakers.iter_mut().find(|(other, _)| *other == place) {
            Some((_, waker)) => waker.clone_from(context.waker()),
            None => wakers.push((place, context.waker().clone())),
        }
        drop(wakers);
        self.place = Some(place);
        Poll::Pending
    }
}

impl Drop for Since<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.changes
                .wakers
                .borrow_mut()
                .retain(|(other, _)| *other != place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, poll_fn};
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::{Changes, oneshot};

    #[test]
    fn a_value_arrives_and_a_sender_that_went_without_one_is_told() {
        let mut context = Context::from_waker(Waker::noop());
        let (sender, receiver) = oneshot();
        let mut receiver = pin!(receiver);
        assert_eq!(receiver.as_mut().poll(&mut context), Poll::Pending);
        sender.send(7);
        assert_eq!(receiver.as_mut().poll(&mut context), Poll::Ready(Some(7)));
        let (sender, receiver) = oneshot::<u8>();
        drop(sender);
        assert_eq!(pin!(receiver).poll(&mut context), Poll::Ready(None));
        let (sender, receiver) = oneshot::<u8>();
        assert!(!sender.is_closed());
        drop(receiver);
        assert!(sender.is_closed());
    }

    #[tokio::test]
    async fn everybody_who_waits_is_woken_and_a_change_before_the_wait_counts() {
        let changes = Changes::new();
        let seen = changes.seen();
        changes.notify();
        changes.since(seen).await;
        let seen = changes.seen();
        let (mut first, mut second) = (pin!(changes.since(seen)), pin!(changes.since(seen)));
        let mut told = false;
        poll_fn(|context| {
            let done = (
                first.as_mut().poll(context).is_ready(),
                second.as_mut().poll(context).is_ready(),
            );
            match (done, told) {
                ((true, true), true) => Poll::Ready(()),
                ((false, false), false) => {
                    told = true;
                    changes.notify();
                    Poll::Pending
                }
                other => panic!("{other:?}"),
            }
        })
        .await;
    }

    #[test]
    fn who_stopped_waiting_is_forgotten() {
        let mut context = Context::from_waker(Waker::noop());
        let changes = Changes::new();
        for _ in 0..10 {
            let mut wait = Box::pin(changes.since(changes.seen()));
            assert!(wait.as_mut().poll(&mut context).is_pending());
        }
        assert!(changes.wakers.borrow().is_empty());
    }
}
