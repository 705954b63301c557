//! What one runner does, a call at a time.

use greentic_sdk::bus::Outcome;
use greentic_session::{Outgoing, Record};

use crate::queue::Delivery;
use crate::rules::Rule;
use crate::sessions::Claimed;
use crate::world::{Fault, World};

/// Turns run again in one delivery because another commit came first; then the event is retried.
const CONFLICTS: u8 = 2;
/// The wait before an event is tried again.
const RETRY: u64 = 10;
/// The index of the failure text's id.
const FAILURE_TEXT: u32 = 1 << 31;

/// Where a runner is. Each place but the first is left by one call to store or bus.
#[derive(Clone)]
pub enum Place {
    Idle,
    /// To claim the session.
    Begun {
        job: Job,
        conflicts: u8,
    },
    /// To run the turn and commit it.
    Turn {
        job: Job,
        conflicts: u8,
        claimed: Claimed,
    },
    /// To keep the event as a dead letter.
    Letter {
        job: Job,
    },
    /// To publish.
    Publish {
        job: Job,
        outbox: Vec<Outgoing>,
    },
    /// To settle the delivery.
    Settle {
        job: Job,
        outcome: Outcome,
    },
}

/// A delivery that is worked on.
#[derive(Clone, Copy)]
pub struct Job {
    pub delivery: Delivery,
    /// The turn failed for good: what is committed is that, and nothing else.
    pub failed: bool,
    /// Settled before its time, by a rule that is broken.
    pub settled: bool,
}

/// How a call ended for who made it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    Heard,
    /// What was asked for happened, and the answer was lost.
    Lost,
}

impl World {
    /// Makes the call a runner is at.
    pub fn go_on(&mut self, runner: usize, answer: Answer) -> Result<(), Fault> {
        let place = std::mem::replace(&mut self.runners[runner], Place::Idle);
        self.runners[runner] = match place {
            Place::Idle => self.pull(),
            Place::Begun { job, conflicts } => self.claim(runner, job, conflicts)?,
            Place::Turn {
                job,
                conflicts,
                claimed,
            } => self.commit((job, conflicts), claimed, answer)?,
            Place::Letter { job } => {
                self.letters.insert(job.delivery.event);
                if self.rule == Rule::LetterLast {
                    settle(job, Outcome::Drop)
                } else {
                    again(Job {
                        failed: true,
                        ..job
                    })
                }
            }
            Place::Publish { job, outbox } => self.publish(job, &outbox, answer)?,
            Place::Settle { job, outcome } => {
                // An answer that is lost changes nothing; a settlement that is lost is a delivery that runs out.
                if answer == Answer::Heard && !job.settled {
                    self.events.settle(self.now, job.delivery, outcome);
                }
                Place::Idle
            }
        };
        Ok(())
    }

    fn pull(&mut self) -> Place {
        self.events.pull(self.now).map_or(Place::Idle, |delivery| {
            again(Job {
                delivery,
                failed: false,
                settled: false,
            })
        })
    }

    fn claim(&mut self, runner: usize, job: Job, conflicts: u8) -> Result<Place, Fault> {
        let event = job.delivery.event;
        let session = self.session(event);
        let owner = self.owner(runner);
        let mut claimed = match self.sessions.claim(self.now, session, &owner) {
            Ok(claimed) => claimed,
            Err(_) if self.rule == Rule::LeftToHolder => return Ok(settle(job, Outcome::Ack)),
            Err(held) => return Ok(settle(job, Outcome::Retry(held.clamp(5, 250)))),
        };
        if claimed.record.has_seen(self.id(event)) {
            let last = claimed.record.is_last(self.id(event)) && self.rule != Rule::OutboxLost;
            let outbox = if last {
                std::mem::take(&mut claimed.record.outbox)
            } else {
                Vec::new()
            };
            self.sessions.release(self.now, session, claimed.fence);
            return Ok(Place::Publish { job, outbox });
        }
        let mut job = job;
        match self.rule {
            Rule::AckFirst => {
                self.events.settle(self.now, job.delivery, Outcome::Ack);
                job.settled = true;
            }
            Rule::MarkFirst => {
                let mut mark = claimed.clone();
                mark.record.mark(self.id(event), 0, 1 << 30, 128);
                mark.record.outbox.clear();
                self.sessions
                    .commit(self.now, session, &mark, (self.rule, false))?;
                claimed.revision = self.sessions.stored(self.now, session).1;
            }
            Rule::PublishFirst => {
                let mut record = claimed.record.clone();
                self.turn(job, &mut record);
                self.send(&record.outbox)?;
            }
            _ => {}
        }
        Ok(Place::Turn {
            job,
            conflicts,
            claimed,
        })
    }

    /// The flow: what a turn makes of a record. A function of the event and of what was stored.
    fn turn(&self, job: Job, record: &mut Record) {
        let event = job.delivery.event;
        let id = self.id(event);
        let mut said = 0;
        let mut first = 0;
        if job.failed {
            record.failures += 1;
            said = 1;
            first = FAILURE_TEXT;
        } else {
            let snapshot = record.snapshot.get_or_insert_with(Vec::new);
            snapshot.push(u8::try_from(event).unwrap());
            said += 1 + u32::try_from(event % 2).unwrap();
        }
        let payload = record.snapshot.clone().unwrap_or_default();
        record.outbox = (first..)
            .take(said.try_into().unwrap())
            .map(|index| Outgoing {
                id: id.derive(index),
                payload: payload.clone(),
            })
            .collect();
        if self.rule == Rule::Forgetful {
            record.seen.clear();
        }
        if self.rule != Rule::MarkFirst || !record.has_seen(id) {
            record.mark(id, 0, 1 << 30, 128);
        }
    }

    fn commit(
        &mut self,
        (job, conflicts): (Job, u8),
        mut claimed: Claimed,
        answer: Answer,
    ) -> Result<Place, Fault> {
        let event = job.delivery.event;
        let session = self.session(event);
        if self.fails(event) && !job.failed && self.rule != Rule::LetterLast {
            self.sessions.release(self.now, session, claimed.fence);
            return Ok(Place::Letter { job });
        }
        let job = Job {
            failed: self.fails(event),
            ..job
        };
        self.turn(job, &mut claimed.record);
        let written = self
            .sessions
            .commit(self.now, session, &claimed, (self.rule, true))?;
        if written {
            self.committed(event, &claimed.record);
        }
        if answer == Answer::Lost {
            return Ok(settle(job, Outcome::Retry(RETRY)));
        }
        if written {
            let outbox = claimed.record.outbox;
            return Ok(Place::Publish { job, outbox });
        }
        if conflicts == CONFLICTS {
            return Ok(settle(job, Outcome::Retry(RETRY)));
        }
        Ok(Place::Begun {
            job,
            conflicts: conflicts + 1,
        })
    }

    fn publish(&mut self, job: Job, outbox: &[Outgoing], answer: Answer) -> Result<Place, Fault> {
        self.send(outbox)?;
        Ok(match answer {
            Answer::Lost => settle(job, Outcome::Retry(RETRY)),
            Answer::Heard if job.failed && self.rule == Rule::LetterLast => Place::Letter { job },
            Answer::Heard if job.failed => settle(job, Outcome::Drop),
            Answer::Heard => settle(job, Outcome::Ack),
        })
    }

    /// A turn that could not be run now: nothing is written, the event comes again.
    pub fn give_back(&mut self, runner: usize) {
        let place = std::mem::replace(&mut self.runners[runner], Place::Idle);
        let Place::Turn { job, claimed, .. } = place else {
            unreachable!("only a turn fails");
        };
        let session = self.session(job.delivery.event);
        self.sessions.release(self.now, session, claimed.fence);
        self.runners[runner] = settle(job, Outcome::Retry(RETRY));
    }

    /// The heartbeat of a turn: its lease is renewed, its delivery extended. Without the lease the turn is given up.
    pub fn renew(&mut self, runner: usize) {
        let Place::Turn { job, claimed, .. } = &self.runners[runner] else {
            unreachable!("only a turn renews");
        };
        let (job, fence) = (*job, claimed.fence);
        self.events.extend(self.now, job.delivery);
        let session = self.session(job.delivery.event);
        if !self.sessions.renew(self.now, session, fence) {
            self.runners[runner] = settle(job, Outcome::Retry(RETRY));
        }
    }
}

fn again(job: Job) -> Place {
    Place::Begun { job, conflicts: 0 }
}

fn settle(job: Job, outcome: Outcome) -> Place {
    Place::Settle { job, outcome }
}
