//! The store's side: what a session's calls are, and what must hold of the store whoever calls it.

use greentic_sdk::session::{ClaimError, Expect, PutOp, Write, WriteOp};
use greentic_sdk_memory::store::memory::Memory;
use greentic_session::Record;

use crate::rules::Rule;
use crate::world::{Fault, LEASE};

/// Long enough that no record expires in a run.
const KEPT: u64 = 1 << 40;

/// What a claim gave.
#[derive(Clone)]
pub struct Claimed {
    pub record: Record,
    pub fence: u64,
    pub revision: Option<u64>,
}

/// A lease as the rules say it is, counted beside the store.
#[derive(Clone, Copy, Default)]
pub struct Lease {
    pub fence: u64,
    pub expires: u64,
}

/// All sessions in one store.
pub struct Sessions {
    store: Memory,
    /// The newest lease of each session.
    pub leases: Vec<Lease>,
    owners: Vec<String>,
}

impl Sessions {
    pub fn new(sessions: usize) -> Self {
        Self {
            store: Memory::new(1 << 30),
            leases: vec![Lease::default(); sessions],
            owners: vec![String::new(); sessions],
        }
    }

    /// The lease and what is stored; for how long somebody else has it otherwise.
    pub fn claim(&mut self, now: u64, session: usize, owner: &str) -> Result<Claimed, u64> {
        let names = ["record".to_owned()];
        match self.store.claim(now, &key(session), owner, LEASE, &names) {
            Ok(lease) => {
                self.leases[session] = Lease {
                    fence: lease.fence,
                    expires: now + LEASE,
                };
                owner.clone_into(&mut self.owners[session]);
                let entry = lease.entries.into_iter().next().flatten();
                Ok(Claimed {
                    fence: lease.fence,
                    revision: entry.as_ref().map(|entry| entry.revision),
                    record: entry.map_or_else(Record::default, |entry| {
                        Record::decode(&entry.value).unwrap()
                    }),
                })
            }
            Err(ClaimError::Held(ms)) => Err(ms),
            Err(ClaimError::Failed(error)) => panic!("the store answered {error:?}"),
        }
    }

    /// Whether the lease was still there.
    pub fn renew(&mut self, now: u64, session: usize, fence: u64) -> bool {
        let renewed = self.store.renew(now, &key(session), fence, LEASE).is_ok();
        if renewed {
            self.leases[session].expires = now + LEASE;
        }
        renewed
    }

    pub fn release(&mut self, now: u64, session: usize, fence: u64) {
        if self.store.release(now, &key(session), fence).is_ok() {
            self.leases[session].expires = 0;
        }
    }

    /// Whether it was written.
    ///
    /// # Errors
    /// When the store let somebody write who does not hold the session.
    pub fn commit(
        &mut self,
        now: u64,
        session: usize,
        claimed: &Claimed,
        (rule, release): (Rule, bool),
    ) -> Result<bool, Fault> {
        let (mut fence, mut expect) = (
            Some(claimed.fence),
            claimed.revision.map_or(Expect::Absent, Expect::Revision),
        );
        if matches!(rule, Rule::NoFence | Rule::Blind) {
            fence = None;
        }
        if rule == Rule::Blind {
            expect = Expect::Any;
        }
        let release = release && fence.is_some();
        let op = WriteOp::Put(PutOp {
            value: claimed.record.encode().unwrap(),
            ttl_ms: Some(KEPT),
        });
        let write = Write {
            name: "record".to_owned(),
            expect,
            op,
        };
        let written = self
            .store
            .commit(now, &key(session), fence, vec![write], release)
            .is_ok();
        let lease = self.leases[session];
        if written && (lease.fence != claimed.fence || lease.expires <= now) {
            return Err(Fault::StaleFence);
        }
        if written && release {
            self.leases[session].expires = 0;
        }
        Ok(written)
    }

    /// Who holds a session now.
    pub fn holder(&self, session: usize, now: u64) -> Option<String> {
        (self.leases[session].expires > now).then(|| self.owners[session].clone())
    }

    /// What is stored now, and its revision.
    pub fn stored(&mut self, now: u64, session: usize) -> (Record, Option<u64>) {
        let names = ["record".to_owned()];
        let found = self.store.get(now, &key(session), &names).unwrap();
        match found.into_iter().next().flatten() {
            Some(entry) => (Record::decode(&entry.value).unwrap(), Some(entry.revision)),
            None => (Record::default(), None),
        }
    }
}

fn key(session: usize) -> String {
    format!("dev/acme/support/web/session/{session}")
}
