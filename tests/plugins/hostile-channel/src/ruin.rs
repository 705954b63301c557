//! Ways to stop an instance, or never to come back.

use std::cell::Cell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use greentic_sdk::channel::IngressOutcome;

use crate::{Mode, tell};

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

pub(crate) fn act(mode: &Mode<'_>) -> Option<IngressOutcome> {
    let calls = CALLS.get() + 1;
    CALLS.set(calls);
    match mode.name {
        "ok" => Some(tell("ok")),
        "count" => Some(tell(calls.to_string())),
        "loop" => loop {
            black_box(calls);
        },
        "busy" => {
            let end = Instant::now() + Duration::from_millis(mode.number("ms", 100));
            while Instant::now() < end {
                black_box((0..1000_u64).sum::<u64>());
            }
            Some(tell("done"))
        }
        "sleep" => {
            std::thread::sleep(Duration::from_millis(mode.number("ms", 1 << 40)));
            Some(tell("awake"))
        }
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; 1 << 20]);
                black_box(&kept);
            }
        }
        "recurse" => Some(tell(deeper(u64::MAX).to_string())),
        "trap" => trap(),
        "panic" => panic!("asked to"),
        "exit" => std::process::exit(1),
        _ => None,
    }
}

/// Uses up the stack: the array stands between the calls, and the sum keeps them from becoming a loop.
#[inline(never)]
fn deeper(left: u64) -> u64 {
    let weight = black_box([left; 64]);
    if left == 0 {
        0
    } else {
        deeper(left - 1).wrapping_add(weight.iter().sum())
    }
}

#[cfg(target_arch = "wasm32")]
fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() -> ! {
    std::process::abort()
}
