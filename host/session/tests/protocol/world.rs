//! Hosts, their store and bus, and what must hold of them after every step.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

use greentic_sdk::bus::Outcome;
use greentic_session::{Outgoing, Record};
use greentic_types::{ChannelRef, Id, MessageId};

use crate::queue::{Delivery, Events, Replies, Stage};
use crate::rules::Rule;
use crate::runner::{Answer, Place};
use crate::sessions::Sessions;

/// How long a lease holds, in milliseconds. Shorter than [`ACK_WAIT`], as the limits are.
pub const LEASE: u64 = 150;
/// After it a delivery that was not settled comes again.
pub const ACK_WAIT: u64 = 300;

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Step {
    /// The next event comes in.
    Arrive,
    /// The platform sends the newest event again.
    Repeat,
    /// A runner makes its next call.
    Go(usize, Answer),
    /// A runner's turn fails and is to be tried again.
    GiveBack(usize),
    /// A runner's heartbeat.
    Renew(usize),
    /// A host ends and starts anew: what its runners knew is gone.
    Crash(usize),
    /// Nothing happens until the next lease, delivery or delay is over.
    Wait,
}

/// What is tried.
#[derive(Clone, Debug)]
pub struct Setup {
    /// For each runner its host. Runners of one host are pieces of work of one loop: one owner of leases.
    pub hosts: Vec<usize>,
    /// For each event its session.
    pub events: Vec<usize>,
    /// The event whose turn fails for good.
    pub poison: Option<usize>,
    pub budget: Budget,
}

/// How much of what goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Budget {
    pub crashes: u8,
    pub waits: u8,
    pub lost: u8,
    pub repeats: u8,
    pub failures: u8,
}

/// A rule that did not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Somebody wrote who did not hold the session.
    StaleFence,
    /// A session's turns are not those of its events, each once and in the order they came.
    Turns { session: usize, turns: Vec<u8> },
    /// The bus took something for the first time that no commit said.
    Unsaid(String),
    /// Something that was said was not taken by the bus exactly once.
    Published { event: usize, times: usize },
    /// An event that cannot be handled has no dead letter.
    NoLetter(usize),
    /// Something is left though nothing breaks any more.
    Stranded,
}

pub struct World {
    pub rule: Rule,
    pub setup: Setup,
    pub now: u64,
    pub steps: usize,
    pub runners: Vec<Place>,
    pub sessions: Sessions,
    pub events: Events,
    pub letters: BTreeSet<usize>,
    replies: Replies,
    budget: Budget,
    /// Starts of each host.
    starts: Vec<u32>,
    /// Events that came in.
    arrived: usize,
    /// What the commit of each event said, by id.
    said: BTreeMap<String, (usize, Vec<u8>)>,
    /// How often each event was committed.
    commits: Vec<usize>,
    /// What the bus took, by id, and how often as something new.
    taken: BTreeMap<String, usize>,
    ids: Vec<MessageId>,
}

impl World {
    pub fn new(setup: &Setup, rule: Rule) -> Self {
        let hosts = setup.hosts.iter().max().unwrap() + 1;
        let sessions = setup.events.iter().max().unwrap() + 1;
        Self {
            rule,
            now: 1_000,
            steps: 0,
            runners: vec![Place::Idle; setup.hosts.len()],
            sessions: Sessions::new(sessions),
            events: Events::new(),
            letters: BTreeSet::new(),
            replies: Replies::new(),
            budget: setup.budget,
            starts: vec![0; hosts],
            arrived: 0,
            said: BTreeMap::new(),
            commits: vec![0; setup.events.len()],
            taken: BTreeMap::new(),
            ids: (0..setup.events.len()).map(id_of).collect(),
            setup: setup.clone(),
        }
    }

    pub fn session(&self, event: usize) -> usize {
        self.setup.events[event]
    }

    pub fn id(&self, event: usize) -> MessageId {
        self.ids[event]
    }

    pub fn fails(&self, event: usize) -> bool {
        self.setup.poison == Some(event)
    }

    pub fn owner(&self, runner: usize) -> String {
        let host = self.setup.hosts[runner];
        format!("{host}.{}#0", self.starts[host])
    }

    /// A commit was written.
    pub fn committed(&mut self, event: usize, record: &Record) {
        self.commits[event] += 1;
        for Outgoing { id, payload } in &record.outbox {
            self.said.insert(id.to_string(), (event, payload.clone()));
        }
    }

    /// Publishes replies.
    pub fn send(&mut self, outbox: &[Outgoing]) -> Result<(), Fault> {
        // Where the rule is broken an attempt adds a number of its own, which the bus takes for another id and this count does not.
        let attempt = if self.rule == Rule::FreshIds {
            format!("/{}", self.steps)
        } else {
            String::new()
        };
        let text = |outgoing: &Outgoing| {
            let id = format!("{}{attempt}", outgoing.id);
            (id, outgoing.payload.clone())
        };
        let messages: Vec<_> = outbox.iter().map(text).collect();
        let known = self.replies.publish(self.now, &messages);
        for ((id, payload), _) in messages.into_iter().zip(known).filter(|(_, known)| !known) {
            let id = id.trim_end_matches(&attempt).to_owned();
            if self.said.get(&id).is_none_or(|(_, said)| *said != payload) {
                return Err(Fault::Unsaid(id));
            }
            *self.taken.entry(id).or_default() += 1;
        }
        Ok(())
    }

    /// What can happen now.
    pub fn enabled(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        if self.arrived < self.setup.events.len() {
            steps.push(Step::Arrive);
        }
        if self.budget.repeats > 0 && self.arrived > 0 {
            steps.push(Step::Repeat);
        }
        for (runner, place) in self.runners.iter().enumerate() {
            if !matches!(place, Place::Idle) || self.something_waits() {
                steps.push(Step::Go(runner, Answer::Heard));
            }
            let calls = matches!(
                place,
                Place::Turn { .. } | Place::Publish { .. } | Place::Settle { .. }
            );
            if self.budget.lost > 0 && calls {
                steps.push(Step::Go(runner, Answer::Lost));
            }
            if matches!(place, Place::Turn { .. }) {
                steps.push(Step::Renew(runner));
                if self.budget.failures > 0 {
                    steps.push(Step::GiveBack(runner));
                }
            }
        }
        if self.budget.crashes > 0 {
            let works = |host: &usize| {
                let mut runners = self.runners.iter().zip(&self.setup.hosts);
                runners.any(|(place, own)| own == host && !matches!(place, Place::Idle))
            };
            steps.extend((0..self.starts.len()).filter(works).map(Step::Crash));
        }
        if self.budget.waits > 0 && self.next_due().is_some() {
            steps.push(Step::Wait);
        }
        steps
    }

    /// Takes a step and checks what must hold after each.
    pub fn take(&mut self, step: Step) -> Result<(), Fault> {
        self.steps += 1;
        match step {
            Step::Arrive => {
                self.come_in(self.arrived);
                self.arrived += 1;
            }
            Step::Repeat => {
                self.budget.repeats -= 1;
                self.come_in(self.arrived - 1);
            }
            Step::Go(runner, answer) => {
                self.budget.lost -= u8::from(answer == Answer::Lost);
                self.go_on(runner, answer)?;
            }
            Step::GiveBack(runner) => {
                self.budget.failures -= 1;
                self.give_back(runner);
            }
            Step::Renew(runner) => self.renew(runner),
            Step::Crash(host) => {
                self.budget.crashes -= 1;
                self.starts[host] += 1;
                for (place, own) in self.runners.iter_mut().zip(&self.setup.hosts) {
                    if *own == host {
                        *place = Place::Idle;
                    }
                }
            }
            Step::Wait => {
                self.budget.waits -= 1;
                self.now = self.next_due().unwrap_or(self.now);
            }
        }
        self.check()
    }

    fn come_in(&mut self, event: usize) {
        let key = if self.rule == Rule::NoKey {
            self.events.sent.len().to_string()
        } else {
            self.session(event).to_string()
        };
        self.events.publish(self.now, event, key);
    }

    fn something_waits(&self) -> bool {
        let is_due = |stage| match stage {
            Stage::Waiting => true,
            Stage::Out { deadline } => deadline <= self.now,
            Stage::Delayed { until } => until <= self.now,
            Stage::Gone => false,
        };
        self.events.sent.iter().any(|sent| is_due(sent.stage))
    }

    fn next_due(&self) -> Option<u64> {
        let leases = self.sessions.leases.iter().map(|lease| lease.expires);
        leases
            .chain(self.events.dues())
            .filter(|due| *due > self.now)
            .min()
    }

    /// What must hold at any time.
    fn check(&mut self) -> Result<(), Fault> {
        for session in 0..self.sessions.leases.len() {
            let turns = self.turns(session);
            let mut expected = self.handled_by(session, self.arrived);
            expected.truncate(turns.len());
            if turns != expected {
                return Err(Fault::Turns { session, turns });
            }
        }
        if let Some((id, times)) = self.taken.iter().find(|(_, times)| **times > 1) {
            let (event, times) = (self.said[id].0, *times);
            return Err(Fault::Published { event, times });
        }
        Ok(())
    }

    /// What the session's record says was done.
    fn turns(&mut self, session: usize) -> Vec<u8> {
        let (record, _) = self.sessions.stored(self.now, session);
        record.snapshot.unwrap_or_default()
    }

    /// The events a session's turns are of, when all that came in are handled.
    fn handled_by(&self, session: usize, arrived: usize) -> Vec<u8> {
        (0..arrived)
            .filter(|event| self.session(*event) == session && !self.fails(*event))
            .map(|event| u8::try_from(event).unwrap())
            .collect()
    }

    /// Nothing breaks any more: everything that was begun must come to its end, and be what it must be.
    pub fn settle_down(&mut self) -> Result<(), Fault> {
        while self.arrived < self.setup.events.len() {
            self.take(Step::Arrive)?;
        }
        for _ in 0..1_000 {
            let mut busy = false;
            for runner in 0..self.runners.len() {
                if !matches!(self.runners[runner], Place::Idle) || self.something_waits() {
                    self.take(Step::Go(runner, Answer::Heard))?;
                    busy |= !matches!(self.runners[runner], Place::Idle);
                }
            }
            if !busy {
                match self.events.dues().min() {
                    Some(due) => self.now = self.now.max(due),
                    None if self.something_waits() => {}
                    None => return self.check_end(),
                }
            }
        }
        Err(Fault::Stranded)
    }

    fn check_end(&mut self) -> Result<(), Fault> {
        if self.events.left(self.now) > 0 {
            return Err(Fault::Stranded);
        }
        for session in 0..self.sessions.leases.len() {
            let turns = self.turns(session);
            if turns != self.handled_by(session, self.arrived) {
                return Err(Fault::Turns { session, turns });
            }
        }
        for event in 0..self.setup.events.len() {
            let said = self.said.iter().filter(|(_, (of, _))| *of == event);
            let times: Vec<usize> = said
                .map(|(id, _)| self.taken.get(id).copied().unwrap_or(0))
                .collect();
            if times.is_empty() || times.iter().any(|times| *times != 1) || self.commits[event] != 1
            {
                let times = times.iter().sum();
                return Err(Fault::Published { event, times });
            }
            if self.fails(event) && !self.letters.contains(&event) {
                return Err(Fault::NoLetter(event));
            }
        }
        Ok(())
    }

    /// A name of this state. Two states with one name go on in the same way: times count from now, fences and tags by whether they
    /// are the newest, starts of a host by whether it is the running one.
    pub fn print(&mut self) -> u64 {
        let mut hash = DefaultHasher::new();
        let now = self.now;
        let left = |time: u64| time.saturating_sub(now);
        (self.budget, self.arrived, &self.letters).hash(&mut hash);
        (&self.commits, &self.taken).hash(&mut hash);
        let mut stored = Vec::new();
        for session in 0..self.sessions.leases.len() {
            let (record, revision) = self.sessions.stored(now, session);
            print_record(&record, &mut hash);
            left(self.sessions.leases[session].expires).hash(&mut hash);
            self.sessions
                .holder(session, now)
                .map(|owner| self.host_of(&owner))
                .hash(&mut hash);
            stored.push(revision);
        }
        for sent in &self.events.sent {
            let stage = match sent.stage {
                Stage::Out { deadline } => (2, left(deadline)),
                Stage::Delayed { until } => (1, left(until)),
                Stage::Waiting => (0, 0),
                Stage::Gone => (3, 0),
            };
            (sent.event, stage).hash(&mut hash);
        }
        for place in &self.runners {
            self.print_place(place, &stored, &mut hash);
        }
        hash.finish()
    }

    /// The host whose running start an owner is.
    fn host_of(&self, owner: &str) -> Option<usize> {
        (0..self.setup.hosts.len())
            .find(|runner| self.owner(*runner) == owner)
            .map(|runner| self.setup.hosts[runner])
    }

    fn print_place(&self, place: &Place, stored: &[Option<u64>], hash: &mut DefaultHasher) {
        let delivery = |delivery: Delivery| (delivery.sent, self.events.is_out(delivery));
        match place {
            Place::Idle => 0.hash(hash),
            Place::Begun { job, conflicts } => {
                (
                    1,
                    delivery(job.delivery),
                    job.failed,
                    job.settled,
                    conflicts,
                )
                    .hash(hash);
            }
            Place::Turn {
                job,
                conflicts,
                claimed,
            } => {
                let session = self.session(job.delivery.event);
                let newest = self.sessions.leases[session].fence == claimed.fence;
                let current = stored[session] == claimed.revision;
                (2, delivery(job.delivery), job.failed, job.settled).hash(hash);
                (conflicts, newest, current).hash(hash);
                print_record(&claimed.record, hash);
            }
            Place::Letter { job } => (3, delivery(job.delivery), job.settled).hash(hash),
            Place::Publish { job, outbox } => {
                (4, delivery(job.delivery), job.failed, job.settled).hash(hash);
                let ids: Vec<_> = outbox.iter().map(|outgoing| outgoing.id).collect();
                ids.hash(hash);
            }
            Place::Settle { job, outcome } => {
                let outcome = match outcome {
                    Outcome::Ack => (0, 0),
                    Outcome::Drop => (1, 0),
                    Outcome::Retry(ms) => (2, *ms),
                };
                (5, delivery(job.delivery), job.failed, job.settled, outcome).hash(hash);
            }
        }
    }
}

fn print_record(record: &Record, hash: &mut DefaultHasher) {
    (&record.snapshot, record.failures, &record.seen).hash(hash);
    for outgoing in &record.outbox {
        (outgoing.id, &outgoing.payload).hash(hash);
    }
}

fn id_of(event: usize) -> MessageId {
    let id = |text| Id::new(text).unwrap();
    let channel = ChannelRef {
        env: id("dev"),
        tenant: id("acme"),
        team: id("support"),
        channel: id("web"),
    };
    MessageId::of_event(&channel, &event.to_string())
}
