//! The spans in the life of a message, one constructor each, so that names and attributes are the same everywhere.
//!
//! Each takes the context that the message (or the enclosing step) carries and returns [`Span::none`] after one branch
//! when that is not sampled. Otherwise the span's parent is that context, whatever span happens to be entered. Span
//! names have no variable part. To go on, take `context.within(&span)`: to pass it down, or to put it into a bus message.
//!
//! | span | kind | attributes |
//! |---|---|---|
//! | `ingress` | server | address, `http.response.status_code` |
//! | `publish` | producer | `messaging.operation.type`, `greentic.bus.direction` |
//! | `turn` | consumer | address, `greentic.session.id`, `greentic.flow.id`, `greentic.attempt` |
//! | `node` | internal | `greentic.flow.id`, `greentic.node.id`, `greentic.component.name` |
//! | `plugin.call` | internal | `greentic.plugin.name`, `greentic.plugin.world`, `greentic.plugin.function` |
//! | `commit` | internal | `greentic.session.id` |
//! | `deliver` | client | address, `greentic.attempt` |
//!
//! The address is `greentic.tenant.id`, `greentic.env.id`, `greentic.team.id`, `greentic.channel`. [`outcome`] adds
//! `greentic.outcome`, [`fail`] adds `error.type` and the status *error*.

use opentelemetry::{
    Context,
    trace::{Status, TraceContextExt as _},
};
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::{context::TraceContext, head};

/// Target of every span made here; only spans with this target are exported.
pub(crate) const TARGET: &str = "greentic::trace";

/// Whose message it is. All four are the host's names, never taken from the message's content.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    /// Tenant id.
    pub tenant: &'a str,
    /// Environment id, such as `prod`.
    pub env: &'a str,
    /// Team id.
    pub team: &'a str,
    /// The channel's key in the bundle.
    pub channel: &'a str,
}

/// A span under `context`, or none.
macro_rules! child {
    ($context:expr, $($span:tt)*) => {{
        if !$context.sampled() {
            return Span::none();
        }
        adopt(info_span!(target: TARGET, $($span)*), $context)
    }};
}

fn adopt(span: Span, context: &TraceContext) -> Span {
    // Fails only where no OTLP export is installed, and then there is no trace to be part of.
    let _ = span.set_parent(Context::new().with_remote_span_context(context.to_otel()));
    span
}

/// A request from outside, from its first byte to the answer. Give it the context of [`TraceContext::start`]: where no
/// `traceparent` came in, this span becomes the root of the trace and has exactly the ids of `context`, so make one
/// such span for each start.
pub fn ingress_span(context: &TraceContext, address: &Address<'_>) -> Span {
    if !context.sampled() {
        return Span::none();
    }
    let span = info_span!(
        target: TARGET, "ingress", otel.kind = "server",
        greentic.tenant.id = address.tenant, greentic.env.id = address.env, greentic.team.id = address.team,
        greentic.channel = address.channel, http.response.status_code = Empty,
    );
    if context.unborn {
        head::root(&span, context);
        return span;
    }
    adopt(span, context)
}

/// Handing a message to the bus until it is confirmed; `direction` is `ingress` or `egress`.
pub fn publish_span(context: &TraceContext, direction: &'static str) -> Span {
    child!(context, "publish", otel.kind = "producer", messaging.operation.type = "send", greentic.bus.direction = direction)
}

/// One turn of a flow, from the message's arrival at the runner to its commit. `attempt` counts from 1.
pub fn turn_span(
    context: &TraceContext,
    address: &Address<'_>,
    session: &str,
    flow: &str,
    attempt: u32,
) -> Span {
    child!(
        context,
        "turn",
        otel.kind = "consumer",
        greentic.tenant.id = address.tenant,
        greentic.env.id = address.env,
        greentic.team.id = address.team,
        greentic.channel = address.channel,
        greentic.session.id = session,
        greentic.flow.id = flow,
        greentic.attempt = attempt,
    )
}

/// One node of a flow run by a component.
pub fn node_span(context: &TraceContext, flow: &str, node: &str, component: &str) -> Span {
    child!(
        context,
        "node",
        greentic.flow.id = flow,
        greentic.node.id = node,
        greentic.component.name = component
    )
}

/// One call of an export: which plugin, which world, which function.
pub fn plugin_call_span(context: &TraceContext, plugin: &str, world: &str, function: &str) -> Span {
    child!(
        context,
        "plugin.call",
        greentic.plugin.name = plugin,
        greentic.plugin.world = world,
        greentic.plugin.function = function,
    )
}

/// The compare-and-swap that commits a turn.
pub fn commit_span(context: &TraceContext, session: &str) -> Span {
    child!(context, "commit", greentic.session.id = session)
}

/// One attempt to deliver a message to its platform. `attempt` counts from 1.
pub fn deliver_span(context: &TraceContext, address: &Address<'_>, attempt: u32) -> Span {
    child!(
        context,
        "deliver",
        otel.kind = "client",
        greentic.tenant.id = address.tenant,
        greentic.env.id = address.env,
        greentic.team.id = address.team,
        greentic.channel = address.channel,
        greentic.attempt = attempt,
    )
}

/// Records how a step ended, by a word of a fixed set such as `sent` or `duplicate`.
pub fn outcome(span: &Span, outcome: &'static str) {
    if !span.is_none() {
        span.set_attribute("greentic.outcome", outcome);
    }
}

/// Records the answer's HTTP status.
pub fn http_status(span: &Span, status: u16) {
    if !span.is_none() {
        span.set_attribute("http.response.status_code", i64::from(status));
    }
}

/// Marks the span as failed. `kind` names the error's variant; its message stays out, because it may quote input.
pub fn fail(span: &Span, kind: &'static str) {
    if !span.is_none() {
        span.set_attribute("error.type", kind);
        span.set_status(Status::error(kind));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Sampling;

    #[test]
    fn an_unsampled_context_makes_no_span_at_all() {
        let subscriber = tracing_subscriber::registry();
        tracing::subscriber::with_default(subscriber, || {
            let address = Address {
                tenant: "t",
                env: "e",
                team: "x",
                channel: "c",
            };
            let make = |context: &TraceContext| {
                [
                    ingress_span(context, &address),
                    publish_span(context, "ingress"),
                    turn_span(context, &address, "s", "f", 1),
                    node_span(context, "f", "n", "c"),
                    plugin_call_span(context, "p", "w", "f"),
                    commit_span(context, "s"),
                    deliver_span(context, &address, 1),
                ]
            };
            let off = TraceContext::start(Sampling::OFF, None);
            assert!(make(&off).iter().all(Span::is_none));
            assert_eq!(off.within(&make(&off)[0]), off);
            // The same subscriber does make spans, so the first half can fail.
            let on = TraceContext::start(Sampling::new(1.0, false), None);
            assert!(make(&on).iter().all(|span| !span.is_none()));
        });
    }
}
