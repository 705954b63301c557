//! What telemetry costs a message, in nanoseconds: `cargo bench -p greentic-telemetry`.
//!
//! Plain loops and a median of runs; the figures are sizes, not promises.

use std::{
    hint::black_box,
    sync::Barrier,
    time::{Duration, Instant},
};

use greentic_telemetry::{
    HostMetrics, Sampling, TelemetryConfig, TraceContext, prepare,
    spans::{self, Address},
};

const ADDRESS: Address<'static> = Address {
    tenant: "acme",
    env: "prod",
    team: "support",
    channel: "chat",
};

fn measure(name: &str, rounds: u32, mut work: impl FnMut()) {
    let mut runs: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..rounds {
                work();
            }
            start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    println!(
        "{name:<58}{:>10.1} ns",
        runs.get(4).copied().unwrap_or_default()
    );
}

/// Nanoseconds of one call while two threads make them at once.
fn contended(name: &str, work: impl Fn() + Sync) {
    const ROUNDS: u32 = 5_000_000;
    let start = Barrier::new(2);
    let took: Vec<Duration> = std::thread::scope(|scope| {
        let thread = || {
            start.wait();
            let before = Instant::now();
            for _ in 0..ROUNDS {
                work();
            }
            before.elapsed()
        };
        let threads = [scope.spawn(thread), scope.spawn(thread)];
        threads
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .collect()
    });
    let worst = took.into_iter().max().unwrap_or_default();
    println!(
        "{name:<58}{:>10.1} ns",
        worst.as_secs_f64() * 1e9 / f64::from(ROUNDS)
    );
}

fn main() {
    let metrics = HostMetrics::default();
    let counter = metrics.turns.with(["committed"]);
    let gauge = metrics.in_flight.with(["runner"]);
    let histogram = metrics.plugin_call_seconds.with(["p", "f"]);
    let took = Duration::from_micros(37);
    measure("counter increment", 10_000_000, || {
        black_box(&counter).inc()
    });
    contended("counter increment, two threads on one counter", || {
        black_box(&counter).inc()
    });
    measure("gauge enter and leave", 10_000_000, || {
        drop(black_box(&gauge).enter())
    });
    measure("histogram observation", 10_000_000, || {
        black_box(&histogram).observe(black_box(took))
    });
    contended(
        "histogram observation, two threads on one histogram",
        || black_box(&histogram).observe(black_box(took)),
    );
    measure("family lookup (not for the hot path)", 1_000_000, || {
        drop(metrics.turns.with([black_box("committed")]))
    });

    let off = Sampling::OFF;
    measure("trace head, not sampled", 1_000_000, || {
        black_box(TraceContext::start(off, None));
    });
    let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    measure(
        "trace head from a traceparent, not sampled",
        1_000_000,
        || {
            black_box(TraceContext::start(off, Some(black_box(header))));
        },
    );
    let context = TraceContext::start(off, None);
    measure("span constructor, not sampled", 10_000_000, || {
        black_box(spans::turn_span(
            black_box(&context),
            &ADDRESS,
            "session",
            "flow",
            1,
        ));
    });
    measure("context of a span, not sampled", 10_000_000, || {
        black_box(black_box(&context).within(&tracing::Span::none()));
    });

    let head = TraceContext::start(Sampling::new(1.0, false), None);
    // A port nobody listens at: what is measured is the message's thread, not the export.
    let config = TelemetryConfig {
        otlp_endpoint: Some("http://127.0.0.1:9".to_owned()),
        log_filter: "off".to_owned(),
        sample_ratio: 1.0,
        ..TelemetryConfig::default()
    };
    match prepare(&config, metrics.registry()) {
        Ok((dispatch, _guard)) => tracing::dispatcher::with_default(&dispatch, || {
            measure(
                "span made, entered and ended, sampled and exported",
                20_000,
                || {
                    spans::turn_span(black_box(&head), &ADDRESS, "session", "flow", 1)
                        .in_scope(|| {});
                },
            );
        }),
        Err(error) => println!("no export measured: {error}"),
    }
    measure("rendering /metrics", 1_000, || {
        drop(black_box(metrics.registry().render()))
    });
}
