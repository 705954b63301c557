//! One message is one trace: from the request through the bus and into each plugin, to the delivery. What is looked at is what
//! arrives at a collector.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{HashMap, HashSet};

use greentic_collector::{Collector, attribute};
use greentic_tests::host::Host;
use greentic_tests::host::folder::Folder;
use greentic_tests::host::webhook::Webhook;

/// Incident 31: telemetry crates that do not fit together drop the context without a word.
#[test]
fn incident_31_one_trace_leads_from_the_webhook_through_bus_and_plugins_to_the_delivery() {
    let collector = Collector::start();
    let folder = Folder::of("talk").but(
        "telemetry: { sample: 1,",
        &format!(
            "telemetry: {{ sample: 1, otlp-endpoint: \"http://{}\",",
            collector.address
        ),
    );
    let host = Host::start(&folder);
    let webhook = Webhook::new(&host.origin);
    webhook.say("m1", "c1", "hello");
    webhook.say("m2", "c2", "hello");
    let delivered = ("greentic_messages_total", [("direction", "out")]);
    host.reaches(delivered.0, &delivered.1, 2.0);
    // What waits to be exported is sent before the end.
    let ended = host.stop();
    assert_eq!(ended.code, Some(0));

    let received = collector.received();
    let roots: Vec<_> = received
        .spans
        .iter()
        .filter(|span| span.name == "ingress")
        .collect();
    assert_eq!(roots.len(), 2, "one for each request");
    assert_ne!(roots[0].trace_id, roots[1].trace_id);
    for root in roots {
        let trace: HashMap<_, _> = received
            .spans
            .iter()
            .filter(|span| span.trace_id == root.trace_id)
            .map(|span| (span.span_id.clone(), span))
            .collect();
        let named = |name: &str| {
            let spans: Vec<_> = trace.values().filter(|span| span.name == name).collect();
            assert!(!spans.is_empty(), "no span `{name}` in the trace");
            spans
        };
        // Every span hangs in the trace: its parent was exported too, but for the root's.
        for span in trace.values() {
            let rooted = span.span_id == root.span_id || trace.contains_key(&span.parent_span_id);
            assert!(rooted, "{} hangs in the air", span.name);
        }
        assert_eq!(named("publish").len(), 2, "to the flow, and to the channel");
        let turn = named("turn")[0];
        let deliver = named("deliver")[0];
        for span in [turn, deliver] {
            assert_eq!(
                attribute(&span.attributes, "greentic.tenant.id").as_deref(),
                Some("demo")
            );
            assert_eq!(
                attribute(&span.attributes, "greentic.channel").as_deref(),
                Some("echo")
            );
        }
        assert!(attribute(&turn.attributes, "greentic.session.id").is_some());
        assert_eq!(
            attribute(&turn.attributes, "greentic.flow.id").as_deref(),
            Some("counter")
        );
        named("commit");
        let called: HashSet<_> = named("plugin.call")
            .iter()
            .filter_map(|span| attribute(&span.attributes, "greentic.plugin.name"))
            .collect();
        for plugin in ["echo", "counter", "memory"] {
            assert!(called.contains(plugin), "{plugin} is not among {called:?}");
        }
    }
}
