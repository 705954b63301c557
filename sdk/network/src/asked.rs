//! Questions on one connection and their answers: many at a time, answered in their order or by their number.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greentic_sdk::model::Error;

use crate::access::of_fault;
use crate::link::Link;
use crate::signal::{Changes, Receiver, Sender, oneshot};
use crate::tcp::{Fault, Reader, Writer};
use crate::timer::{either, sleep};

/// Most bytes that wait to be sent; beyond it nothing is asked until the server takes them.
const MAX_WAITING: usize = 32 * 1024 * 1024;

/// Whether a question changes anything: one that does and got no answer may have been carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It only reads.
    Read,
    /// It writes.
    Write,
}

/// A question got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// It was surely not sent.
    NotSent(Fault),
    /// It may have had its effect.
    Unknown(Fault),
}

impl Lost {
    /// As the contract's error.
    #[must_use]
    pub fn into_error(self, effect: Effect) -> Error {
        match (self, effect) {
            (Self::Unknown(fault), Effect::Write) => Error::UnknownOutcome(format!(
                "the connection was lost before the answer came: {fault}"
            )),
            (Self::NotSent(fault) | Self::Unknown(fault), _) => of_fault(fault),
        }
    }
}

struct Slot<A> {
    answer: Sender<A>,
    since: Instant,
}

/// The questions that wait: a place for each number from `first` on, empty once it was answered.
struct Waiting<A> {
    first: u64,
    slots: VecDeque<Option<Slot<A>>>,
}

/// A connection on which questions are asked. It lives as long as it works, whoever holds it.
pub struct Asked<A> {
    link: Rc<Link>,
    in_order: bool,
    waiting: RefCell<Waiting<A>>,
    asked: Changes,
}

/// An answer on its way.
pub struct Answer<A> {
    answered: Receiver<A>,
    start: u64,
    link: Rc<Link>,
}

impl<A> Asked<A> {
    /// `in_order`: the server answers everything in the order in which it was asked, so that whoever stops waiting leaves his place.
    #[must_use]
    pub fn new(in_order: bool) -> Self {
        Self {
            link: Link::new(),
            in_order,
            waiting: RefCell::new(Waiting {
                first: 0,
                slots: VecDeque::new(),
            }),
            asked: Changes::new(),
        }
    }

    /// The connection itself, for what is not answered.
    #[must_use]
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Sends a question. `write` gets its number.
    ///
    /// # Errors
    /// [`Lost::NotSent`] when the connection is over or the server takes nothing.
    pub fn ask(&self, write: impl FnOnce(u64, &mut Vec<u8>)) -> Result<Answer<A>, Lost> {
        if let Some(fault) = self.link.fault() {
            return Err(Lost::NotSent(fault));
        }
        if self.link.waiting() > MAX_WAITING {
            return Err(Lost::NotSent(Fault::Failed(format!(
                "more than {MAX_WAITING} bytes wait for the server to take them"
            ))));
        }
        let (answer, answered) = oneshot();
        let mut waiting = self.waiting.borrow_mut();
        let place = u64::try_from(waiting.slots.len()).unwrap_or(u64::MAX);
        let number = waiting.first.saturating_add(place);
        let start = self.link.push(|out| write(number, out));
        let since = Instant::now();
        waiting.slots.push_back(Some(Slot { answer, since }));
        let was_empty = waiting.slots.len() == 1;
        drop(waiting);
        if was_empty {
            self.asked.notify();
        }
        Ok(Answer {
            answered,
            start,
            link: Rc::clone(&self.link),
        })
    }

    /// Answers the oldest question. Whether there was one.
    pub fn answer_next(&self, answer: A) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let Some(slot) = waiting.slots.pop_front() else {
            return false;
        };
        waiting.first = waiting.first.saturating_add(1);
        drop(waiting);
        if let Some(slot) = slot {
            slot.answer.send(answer);
        }
        true
    }

    /// Answers the question of this number, where it still waits.
    pub fn answer(&self, number: u64, answer: A) {
        let mut waiting = self.waiting.borrow_mut();
        let place = number
            .checked_sub(waiting.first)
            .and_then(|place| usize::try_from(place).ok());
        let slot = place.and_then(|place| waiting.slots.get_mut(place)?.take());
        waiting.forget(|slot| slot.is_none());
        drop(waiting);
        if let Some(slot) = slot {
            slot.answer.send(answer);
        }
    }

    /// Sends and receives until the end, and ends with a server that leaves a question unanswered for `timeout`. `take` is as
    /// [`Link::run`] has it.
    pub async fn run(
        &self,
        reader: Reader,
        writer: Writer,
        timeout: Duration,
        take: impl FnMut(&[u8]) -> Result<usize, Fault>,
    ) {
        // Both end with the connection.
        let _ = either(self.link.run(reader, writer, take), self.watch(timeout)).await;
        let given_up = || Fault::Failed("the connection was given up".into());
        self.link.close(given_up());
        self.waiting.borrow_mut().slots.clear();
    }

    /// Costs nothing while nothing is asked.
    async fn watch(&self, timeout: Duration) {
        loop {
            let seen = self.asked.seen();
            let oldest = self.oldest();
            match oldest.map(|since| since.elapsed()) {
                None => self.asked.since(seen).await,
                Some(waited) if waited >= timeout => {
                    self.link.close(Fault::Failed(format!(
                        "the server did not answer within {timeout:?} (config `timeout-ms`)"
                    )));
                    return;
                }
                Some(waited) => sleep(timeout - waited + Duration::from_millis(1)).await,
            }
        }
    }

    /// When the oldest question was asked for whose answer somebody waits, or whose answer must come before others.
    fn oldest(&self) -> Option<Instant> {
        let mut waiting = self.waiting.borrow_mut();
        if !self.in_order {
            waiting.forget(|slot| slot.as_ref().is_none_or(|slot| slot.answer.is_closed()));
        }
        let front = waiting.slots.front()?.as_ref()?;
        Some(front.since)
    }
}

impl<A> Waiting<A> {
    /// Forgets the oldest as long as they are done with.
    fn forget(&mut self, done: impl Fn(&Option<Slot<A>>) -> bool) {
        while self.slots.front().is_some_and(&done) {
            self.slots.pop_front();
            self.first = self.first.saturating_add(1);
        }
    }
}

impl<A> Answer<A> {
    /// Waits for it.
    ///
    /// # Errors
    /// [`Lost`] when the connection is over.
    pub async fn wait(self) -> Result<A, Lost> {
        match self.answered.await {
            Some(answer) => Ok(answer),
            None => {
                let fault = self.link.fault();
                let fault = fault.unwrap_or_else(|| Fault::Failed("the connection is over".into()));
                Err(if self.link.was_taken(self.start) {
                    Lost::Unknown(fault)
                } else {
                    Lost::NotSent(fault)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::Error;

    use super::{Asked, Effect, Lost};
    use crate::tcp::Fault;

    #[test]
    fn only_a_write_that_may_have_been_sent_has_an_unknown_outcome() {
        let fault = || Fault::Failed("x".into());
        for (lost, effect, unknown) in [
            (Lost::Unknown(fault()), Effect::Write, true),
            (Lost::Unknown(fault()), Effect::Read, false),
            (Lost::NotSent(fault()), Effect::Write, false),
        ] {
            let error = lost.clone().into_error(effect);
            assert_eq!(
                matches!(error, Error::UnknownOutcome(_)),
                unknown,
                "{lost:?} {effect:?}"
            );
        }
    }

    #[tokio::test]
    async fn answers_find_their_question_by_order_or_by_number_whoever_stopped_waiting() {
        let ordered = Asked::new(true);
        let (first, second) = (ordered.ask(|_, _| ()), ordered.ask(|_, _| ()));
        drop(first);
        assert!(ordered.answer_next('a') && ordered.answer_next('b'));
        assert_eq!(second.unwrap().wait().await, Ok('b'));
        assert!(!ordered.answer_next('c'));

        let numbered = Asked::new(false);
        let mut numbers = Vec::new();
        let mut ask = || numbered.ask(|number, _| numbers.push(number)).unwrap();
        let (first, second, third) = (ask(), ask(), ask());
        drop(first);
        assert!(numbered.oldest().is_some());
        assert_eq!(
            numbered.waiting.borrow().slots.len(),
            2,
            "nobody waits for the first"
        );
        numbered.answer(numbers[2], 'c');
        numbered.answer(numbers[1], 'b');
        numbered.answer(numbers[1], 'x');
        numbered.answer(99, 'x');
        assert_eq!(
            (second.wait().await, third.wait().await),
            (Ok('b'), Ok('c'))
        );
        assert_eq!(numbered.oldest(), None);
    }
}
