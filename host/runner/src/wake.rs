//! Waking those who pull from a bus that cannot wait itself: those of the consumer there is something for, and no more of them
//! than there are messages.

use std::sync::Arc;

use arc_swap::ArcSwap;
use greentic_sandbox::worlds::bus_types::{Consumer, Message};
use tokio::sync::Notify;

/// Those who pull for one consumer.
pub(crate) struct Waiters {
    consumer: String,
    /// The consumer's filter up to its first wildcard. A subject that begins so may be for it; being woken for nothing costs one
    /// empty pull.
    prefix: String,
    notify: Arc<Notify>,
}

impl Waiters {
    /// Wakes at most `count`. One who comes when nobody waits finds the wake-up and looks at once.
    fn wake(&self, count: usize) {
        for _ in 0..count.min(MOST) {
            self.notify.notify_one();
        }
    }

    /// What a puller waits on. It is woken by what happens from now on, even before it is first polled.
    pub(crate) fn notify(&self) -> &Notify {
        &self.notify
    }
}

/// More pullers than this are not woken by one call: there is one for each worker thread and consumer.
const MOST: usize = 64;

/// The pullers of a bus, by consumer. Few, and read far more often than changed.
#[derive(Default)]
pub(crate) struct Wakers(ArcSwap<Vec<Arc<Waiters>>>);

impl Wakers {
    /// Adds a consumer, or gives it another filter. Who waits already goes on waiting.
    pub(crate) fn add(&self, consumer: &Consumer) {
        let prefix = consumer.filter.split(['*', '>']).next().unwrap_or_default();
        let notify = self
            .of(&consumer.name)
            .map(|known| Arc::clone(&known.notify));
        let waiters = Arc::new(Waiters {
            consumer: consumer.name.clone(),
            prefix: prefix.to_owned(),
            notify: notify.unwrap_or_default(),
        });
        self.0.rcu(|known| {
            let mut known = Vec::clone(known);
            known.retain(|other| other.consumer != consumer.name);
            known.push(Arc::clone(&waiters));
            known
        });
    }

    /// Those who pull for a consumer; none for one that was not opened here.
    pub(crate) fn of(&self, consumer: &str) -> Option<Arc<Waiters>> {
        let known = self.0.load();
        known
            .iter()
            .find(|known| known.consumer == consumer)
            .cloned()
    }

    /// These were published.
    pub(crate) fn published(&self, subjects: &Subjects) {
        for (waiters, count) in subjects.0.iter() {
            waiters.wake(*count);
        }
    }

    /// How many of these messages are for whom.
    pub(crate) fn count(&self, messages: &[Message]) -> Subjects {
        let known = self.0.load();
        let counted = known.iter().map(|waiters| {
            let theirs = |message: &&Message| message.subject.starts_with(&waiters.prefix);
            (Arc::clone(waiters), messages.iter().filter(theirs).count())
        });
        Subjects(counted.collect())
    }

    /// So many deliveries of a consumer were settled: what was held back behind them may be pulled.
    pub(crate) fn settled(&self, consumer: &str, count: usize) {
        if let Some(waiters) = self
            .0
            .load()
            .iter()
            .find(|known| known.consumer == consumer)
        {
            waiters.wake(count);
        }
    }

    /// Lets every puller look again.
    pub(crate) fn all(&self) {
        for waiters in self.0.load().iter() {
            waiters.notify.notify_waiters();
        }
    }
}

/// Messages counted by whom they are for.
pub(crate) struct Subjects(Vec<(Arc<Waiters>, usize)>);

#[cfg(test)]
mod tests {
    use super::*;

    fn consumer(name: &str, filter: &str) -> Consumer {
        Consumer {
            name: name.into(),
            filter: filter.into(),
            durable: true,
            inactive_ms: 0,
            max_in_flight: 1,
            ack_wait_ms: 1,
        }
    }

    fn message(subject: &str) -> Message {
        Message {
            subject: subject.into(),
            id: String::new(),
            key: String::new(),
            trace: String::new(),
            payload: Vec::new(),
        }
    }

    /// How many of `pullers` who wait for a consumer are woken by `cause`.
    fn woken(wakers: &Wakers, name: &str, pullers: usize, cause: impl FnOnce()) -> usize {
        let waiters = wakers.of(name).unwrap();
        let mut waiting: Vec<_> = (0..pullers)
            .map(|_| {
                let mut notified = Box::pin(waiters.notify().notified());
                notified.as_mut().enable();
                notified
            })
            .collect();
        cause();
        let mut count = 0;
        // All are asked before any is dropped: one that was woken and is dropped passes it on.
        for notified in &mut waiting {
            count += usize::from(notified.as_mut().enable());
        }
        waiting.into_iter().for_each(std::mem::forget);
        count
    }

    #[test]
    fn as_many_are_woken_as_there_are_messages_and_only_those_they_are_for() {
        let wakers = Wakers::default();
        wakers.add(&consumer("runner", "greentic.messaging.ingress.dev.>"));
        wakers.add(&consumer("egress", "greentic.messaging.egress.dev.>"));
        let one = [message("greentic.messaging.ingress.dev.t.x.c")];
        let publish = || wakers.published(&wakers.count(&one));
        assert_eq!(woken(&wakers, "runner", 3, publish), 1);
        assert_eq!(woken(&wakers, "egress", 3, publish), 0);
    }

    #[test]
    fn settling_wakes_its_own_consumer_and_an_end_wakes_all() {
        let wakers = Wakers::default();
        wakers.add(&consumer("runner", "a.>"));
        wakers.add(&consumer("egress", "b.>"));
        assert_eq!(
            woken(&wakers, "runner", 3, || wakers.settled("runner", 2)),
            2
        );
        assert_eq!(
            woken(&wakers, "egress", 3, || wakers.settled("runner", 2)),
            0
        );
        assert_eq!(woken(&wakers, "egress", 3, || wakers.all()), 3);
    }

    #[test]
    fn a_consumer_opened_again_keeps_those_who_wait() {
        let wakers = Wakers::default();
        wakers.add(&consumer("runner", "a.>"));
        let again = || {
            wakers.add(&consumer("runner", "b.>"));
            wakers.published(&wakers.count(&[message("b.c")]));
        };
        assert_eq!(woken(&wakers, "runner", 1, again), 1);
    }
}
