//! What a message costs in the store, natively: a claim that reads two values and a commit that writes both and releases.
//!
//! `cargo bench -p store-memory`

use std::hint::black_box;
use std::time::Instant;

use greentic_sdk::session::{Expect, PutOp, Write, WriteOp};
use greentic_sdk_memory::store::Memory;

const MESSAGES: u32 = 1_000_000;

fn put(name: &str, size: usize) -> Write {
    Write {
        name: name.into(),
        expect: Expect::Any,
        op: WriteOp::Put(PutOp {
            value: vec![7; size],
            ttl_ms: Some(86_400_000),
        }),
    }
}

fn main() {
    for sessions in [100_u32, 10_000, 200_000] {
        let mut store = Memory::new(u64::MAX);
        let keys: Vec<String> = (0..sessions)
            .map(|n| format!("dev/acme/support/webchat/conversation-{n}"))
            .collect();
        let names = ["snapshot".to_owned(), "seen".to_owned()];
        let mut failed = 0;
        let mut message = |now: u64, key: &str| {
            let Ok(lease) = store.claim(now, key, "runner-0", 30_000, &names) else {
                failed += 1;
                return;
            };
            let writes = vec![put("snapshot", 280), put("seen", 40)];
            let revisions = store.commit(now, key, Some(lease.fence), writes, true);
            failed += u32::from(black_box(revisions).is_err());
        };
        let started = Instant::now();
        for key in &keys {
            message(0, key);
        }
        let new = started.elapsed() / sessions;
        let started = Instant::now();
        for (n, key) in (0..MESSAGES).zip(keys.iter().cycle()) {
            message(u64::from(n) / 50, key);
        }
        let known = started.elapsed() / MESSAGES;
        println!(
            "{sessions} sessions: {new:?} for the first message of a session, {known:?} for each further one, {failed} failed"
        );
    }
}
