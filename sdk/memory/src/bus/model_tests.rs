//! Random lives of a bus, held against what must always be true.

use std::collections::BTreeMap;

use greentic_sdk::bus::{Consumer, Outcome, Settlement};
use proptest::prelude::*;

use crate::bus::broker::Broker;
use crate::bus::tests::{at, consumer, limits, message, publish};

#[derive(Clone, Debug)]
enum Step {
    Wait(u64),
    Publish {
        subject: u8,
        key: u8,
        id: u8,
    },
    Pull {
        consumer: usize,
        max: u32,
    },
    Settle {
        consumer: usize,
        which: usize,
        kind: u8,
    },
    Extend {
        consumer: usize,
        which: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (0_u64..40).prop_map(Step::Wait),
        4 => (0_u8..2, 0_u8..3, 0_u8..60).prop_map(|(subject, key, id)| Step::Publish { subject, key, id }),
        3 => (0_usize..2, 0_u32..6).prop_map(|(consumer, max)| Step::Pull { consumer, max }),
        4 => (0_usize..2, 0_usize..8, 0_u8..5).prop_map(|(consumer, which, kind)| Step::Settle { consumer, which, kind }),
        1 => (0_usize..2, 0_usize..8).prop_map(|(consumer, which)| Step::Extend { consumer, which }),
    ]
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Where {
    Waiting { from: u64 },
    Out { tag: u64, until: u64 },
}

/// One message a consumer has to deal with.
#[derive(Debug)]
struct Work {
    id: String,
    lane: (u8, u8),
    attempt: u32,
    place: Where,
}

/// What one consumer has to deal with, in order of publishing.
#[derive(Default)]
struct Model {
    work: Vec<Work>,
    tags: Vec<u64>,
}

const IN_FLIGHT: u32 = 4;
const ACK_WAIT: u64 = 50;

impl Model {
    fn wake(&mut self, now: u64) {
        for work in &mut self.work {
            if let Where::Out { until, .. } = work.place
                && until <= now
            {
                work.place = Where::Waiting { from: now };
            }
        }
    }

    /// The ids that may be delivered: the first of each lane, when it is neither out nor delayed.
    fn deliverable(&self, now: u64) -> Vec<String> {
        let mut lanes = Vec::new();
        let mut ids = Vec::new();
        for work in &self.work {
            if lanes.contains(&work.lane) {
                continue;
            }
            lanes.push(work.lane);
            if matches!(work.place, Where::Waiting { from } if from <= now) {
                ids.push(work.id.clone());
            }
        }
        ids
    }

    fn out(&self) -> usize {
        self.work
            .iter()
            .filter(|work| matches!(work.place, Where::Out { .. }))
            .count()
    }

    fn by_tag(&self, wanted: u64) -> Option<usize> {
        self.work
            .iter()
            .position(|work| matches!(work.place, Where::Out { tag, .. } if tag == wanted))
    }
}

struct Life {
    broker: Broker,
    models: [Model; 2],
    now: u64,
}

const NAMES: [&str; 2] = ["all", "one"];

impl Life {
    fn pull(&mut self, index: usize, max: u32) -> usize {
        let (now, model) = (self.now, &mut self.models[index]);
        let batch = self.broker.pull(at(now), NAMES[index], max).unwrap();
        model.wake(now);
        let may = model.deliverable(now);
        let free = usize::try_from(IN_FLIGHT).unwrap() - model.out();
        assert_eq!(
            batch.deliveries.len(),
            may.len().min(free).min(usize::try_from(max).unwrap())
        );
        for delivery in &batch.deliveries {
            assert!(
                may.contains(&delivery.message.id),
                "{} is not in turn",
                delivery.message.id
            );
            assert!(!model.tags.contains(&delivery.tag), "a tag used twice");
            let work = model
                .work
                .iter_mut()
                .find(|work| work.id == delivery.message.id)
                .unwrap();
            assert!(matches!(work.place, Where::Waiting { .. }));
            work.attempt += 1;
            assert_eq!(delivery.attempt, work.attempt);
            assert_eq!(delivery.message.payload, work.id.as_bytes());
            work.place = Where::Out {
                tag: delivery.tag,
                until: now + ACK_WAIT,
            };
            model.tags.push(delivery.tag);
        }
        let left = model.deliverable(now).len();
        let expected = if left > 0 && model.out() < usize::try_from(IN_FLIGHT).unwrap() {
            Some(0)
        } else {
            let due = model.work.iter().filter_map(|work| match work.place {
                Where::Out { until, .. } => Some(until - now),
                Where::Waiting { from } => from.checked_sub(now).filter(|left| *left > 0),
            });
            due.min()
        };
        assert_eq!(batch.next_ms, expected);
        let depth = self.broker.depth(at(now), NAMES[index]).unwrap();
        assert_eq!(depth.in_flight, u64::try_from(model.out()).unwrap());
        assert_eq!(
            depth.pending,
            u64::try_from(model.work.len() - model.out()).unwrap()
        );
        batch.deliveries.len()
    }

    fn settle(&mut self, index: usize, tag: u64, outcome: Outcome) {
        let model = &mut self.models[index];
        let known = model.by_tag(tag);
        let unknown = self
            .broker
            .settle(at(self.now), NAMES[index], &[Settlement { tag, outcome }])
            .unwrap();
        assert_eq!(unknown, u32::from(known.is_none()));
        let Some(place) = known else { return };
        if let Outcome::Retry(delay) = outcome {
            model.work[place].place = Where::Waiting {
                from: self.now + delay,
            };
        } else {
            model.work.remove(place);
        }
    }
}

fn run(steps: Vec<Step>) {
    let mut broker = Broker::new(limits());
    for (name, filter) in NAMES.into_iter().zip([">", "s1"]) {
        let settings = Consumer {
            max_in_flight: IN_FLIGHT,
            ack_wait_ms: ACK_WAIT,
            ..consumer(name, filter)
        };
        broker.open(at(0), settings).unwrap();
    }
    let mut life = Life {
        broker,
        models: Default::default(),
        now: 0,
    };
    let mut published: BTreeMap<String, u64> = BTreeMap::new();
    for step in steps {
        match step {
            Step::Wait(time) => life.now += time,
            Step::Publish { subject, key, id } => {
                // The id says the subject and key, as the host's does: the same id is the same message.
                let id = format!("{subject}-{key}-{id}");
                let fresh = published
                    .get(&id)
                    .is_none_or(|since| life.now >= since + limits().dedupe_window_ms);
                let new = publish(
                    &mut life.broker,
                    life.now,
                    message(&format!("s{subject}"), &id, &key.to_string()),
                );
                assert_eq!(new, fresh);
                if new {
                    published.insert(id.clone(), life.now);
                    for (index, model) in life.models.iter_mut().enumerate() {
                        if index == 0 || subject == 1 {
                            let place = Where::Waiting { from: life.now };
                            model.work.push(Work {
                                id: id.clone(),
                                lane: (subject, key),
                                attempt: 0,
                                place,
                            });
                        }
                    }
                }
            }
            Step::Pull { consumer, max } => {
                life.pull(consumer, max);
            }
            Step::Settle {
                consumer,
                which,
                kind,
            } => {
                // Tags from far back too: they must mean nothing.
                let tags = &life.models[consumer].tags;
                let Some(tag) = tags.iter().rev().nth(which).copied() else {
                    continue;
                };
                let outcome = match kind {
                    0 => Outcome::Retry(0),
                    1 => Outcome::Retry(30),
                    2 => Outcome::Drop,
                    _ => Outcome::Ack,
                };
                // An ack wait that is over and was not found yet still counts as out: the next pull finds it.
                life.settle(consumer, tag, outcome);
            }
            Step::Extend { consumer, which } => {
                let Some(tag) = life.models[consumer].tags.iter().rev().nth(which).copied() else {
                    continue;
                };
                life.broker
                    .extend(at(life.now), NAMES[consumer], &[tag])
                    .unwrap();
                if let Some(place) = life.models[consumer].by_tag(tag) {
                    life.models[consumer].work[place].place = Where::Out {
                        tag,
                        until: life.now + ACK_WAIT,
                    };
                }
            }
        }
    }
    // Nothing is lost: all that is left comes, in order, and then nothing is kept.
    for index in 0..NAMES.len() {
        while !life.models[index].work.is_empty() {
            life.now += ACK_WAIT;
            life.pull(index, 256);
            let out: Vec<_> = life.models[index]
                .tags
                .iter()
                .copied()
                .filter(|tag| life.models[index].by_tag(*tag).is_some())
                .collect();
            out.into_iter()
                .for_each(|tag| life.settle(index, tag, Outcome::Ack));
        }
    }
    assert_eq!(life.broker.sizes(), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_bus_delivers_what_the_model_says_may_be_delivered(steps in proptest::collection::vec(step(), 0..150)) {
        run(steps);
    }
}
