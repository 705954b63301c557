//! What goes wrong when: made from a seed, so that a run that broke a promise can be had again.

use std::fmt;
use std::time::Duration;

use super::chance::Chance;

/// How many hosts there are.
pub const HOSTS: usize = 3;

/// A process that can be killed or paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Process {
    /// A host, by its number.
    Host(usize),
    /// One of the servers.
    Server(Backend),
}

/// A server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Sessions and receipts.
    Redis,
    /// Messages.
    Nats,
}

/// What becomes of the connections between one host and one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Break {
    /// Bytes vanish both ways, and connections stay open until the network is back.
    Drop,
    /// Bytes come later.
    Delay,
    /// Connections end, and new ones are taken at once.
    Reset,
    /// Requests arrive and answers vanish.
    HalfOpen,
    /// Connections end, and new ones are refused.
    Refuse,
}

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Killed with signal 9 and started again.
    Kill(Process),
    /// Stopped where it stands and continued.
    Pause(Process),
    /// One host's way to one server.
    Cut(usize, Backend, Break),
}

/// A harm, when it begins after the start, and how long it lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// When.
    pub at: Duration,
    /// Until so much later.
    pub lasts: Duration,
    /// What.
    pub harm: Harm,
}

/// All of them, in the order of their beginnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// What goes wrong.
    pub faults: Vec<Planned>,
}

/// The kinds of which every round has each; which process or way it is, chance says.
#[derive(Debug, Clone, Copy)]
enum Kind {
    KillHost,
    KillServer(Backend),
    PauseHost,
    PauseServer,
    Cut,
}

const ROUND: [Kind; 8] = [
    Kind::KillHost,
    Kind::KillServer(Backend::Redis),
    Kind::KillServer(Backend::Nats),
    Kind::PauseHost,
    Kind::PauseServer,
    Kind::Cut,
    Kind::Cut,
    Kind::Cut,
];
const BREAKS: [Break; 5] = [
    Break::Drop,
    Break::Delay,
    Break::Reset,
    Break::HalfOpen,
    Break::Refuse,
];
const SERVERS: [Backend; 2] = [Backend::Redis, Backend::Nats];

impl Plan {
    /// The plan of a seed. Faults overlap, but a process or way is harmed by one at a time; all end within `lasting`.
    #[must_use]
    pub fn of(seed: u64, lasting: Duration) -> Self {
        let mut chance = Chance::new(seed);
        let mut faults: Vec<Planned> = Vec::new();
        let mut at = Duration::from_secs(2);
        let mut round: Vec<Kind> = Vec::new();
        loop {
            if round.is_empty() {
                round.extend(ROUND);
                chance.shuffle(&mut round);
            }
            let Some(kind) = round.pop() else { continue };
            let harm = chosen(kind, &mut chance);
            // Now and then longer than a host keeps a partition, a lease or its patience.
            let lasts = if chance.percent(15) {
                chance.between(8_000, 15_000)
            } else {
                chance.between(200, 5_000)
            };
            let lasts = lasts.min(lasting / 3);
            let busy = faults.iter().find(|other| {
                other.harm.subject() == harm.subject() && other.at + other.lasts > at
            });
            if busy.is_none() {
                if at + lasts > lasting {
                    break;
                }
                faults.push(Planned { at, lasts, harm });
            }
            at += chance.between(500, 4_000);
        }
        Self { faults }
    }
}

fn chosen(kind: Kind, chance: &mut Chance) -> Harm {
    match kind {
        Kind::KillHost => Harm::Kill(Process::Host(chance.below(HOSTS))),
        Kind::KillServer(server) => Harm::Kill(Process::Server(server)),
        Kind::PauseHost => Harm::Pause(Process::Host(chance.below(HOSTS))),
        Kind::PauseServer => Harm::Pause(Process::Server(chance.one_of(&SERVERS))),
        Kind::Cut => Harm::Cut(
            chance.below(HOSTS),
            chance.one_of(&SERVERS),
            chance.one_of(&BREAKS),
        ),
    }
}

/// What a harm is done to.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    Process(Process),
    Way(usize, Backend),
}

impl Harm {
    fn subject(self) -> Subject {
        match self {
            Self::Kill(process) | Self::Pause(process) => Subject::Process(process),
            Self::Cut(host, server, _) => Subject::Way(host, server),
        }
    }

    /// Its kind, for counting.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Kill(Process::Host(_)) => "host killed",
            Self::Kill(Process::Server(Backend::Redis)) => "Redis killed",
            Self::Kill(Process::Server(Backend::Nats)) => "NATS killed",
            Self::Pause(Process::Host(_)) => "host paused",
            Self::Pause(Process::Server(Backend::Redis)) => "Redis paused",
            Self::Pause(Process::Server(Backend::Nats)) => "NATS paused",
            Self::Cut(_, _, Break::Drop) => "way silent",
            Self::Cut(_, _, Break::Delay) => "way slow",
            Self::Cut(_, _, Break::Reset) => "way reset",
            Self::Cut(_, _, Break::HalfOpen) => "way half open",
            Self::Cut(_, _, Break::Refuse) => "way refused",
        }
    }
}

impl fmt::Display for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = |host: usize| ["A", "B", "C"].get(host).copied().unwrap_or("?");
        match *self {
            Self::Kill(Process::Host(host)) | Self::Pause(Process::Host(host)) => {
                write!(f, "{} ({})", self.kind(), letter(host))
            }
            Self::Cut(host, server, _) => {
                write!(f, "{} (host {} to {server:?})", self.kind(), letter(host))
            }
            _ => f.write_str(self.kind()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Harm, Plan};
    use std::collections::BTreeSet;
    use std::time::Duration;

    #[test]
    fn a_seed_s_plan_is_always_the_same_and_another_s_is_another() {
        let lasting = Duration::from_secs(60);
        assert_eq!(Plan::of(7, lasting), Plan::of(7, lasting));
        assert_ne!(Plan::of(7, lasting), Plan::of(8, lasting));
    }

    #[test]
    fn a_plan_has_every_kind_of_fault_and_harms_nothing_twice_at_once() {
        let lasting = Duration::from_secs(600);
        let plan = Plan::of(1, lasting);
        let kinds: BTreeSet<_> = plan.faults.iter().map(|fault| fault.harm.kind()).collect();
        assert_eq!(kinds.len(), 11, "{kinds:?}");
        for (at, fault) in plan.faults.iter().enumerate() {
            assert!(fault.at + fault.lasts <= lasting);
            for later in &plan.faults[at + 1..] {
                let same = Harm::subject(later.harm) == fault.harm.subject();
                assert!(!same || later.at >= fault.at + fault.lasts);
            }
        }
    }
}
