//! How the root span of a trace gets the ids that its message already carries.
//!
//! A message is given its trace context before it is known whether a span will be made for it, and unsampled messages
//! never get one. When the root span is made, it must have exactly those ids: a root with other ids would leave every
//! span behind the bus pointing to a parent that no one exported. OpenTelemetry offers only the id generator for that,
//! so the ids are left in a thread-local for the one span that is started inside [`root`].

use std::cell::Cell;

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanId, SpanKind, TraceContextExt as _, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample,
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::context::TraceContext;

thread_local! {
    static NEXT_ROOT: Cell<Option<(TraceId, SpanId)>> = const { Cell::new(None) };
}

/// Starts `span`, which must not have been entered, as the root of the trace of `context`.
pub(crate) fn root(span: &Span, context: &TraceContext) {
    // Without an OpenTelemetry layer there is nothing to give a parent to, and that is not a fault.
    let _ = span.set_parent(Context::new());
    NEXT_ROOT.set(Some((context.otel_trace_id(), context.otel_span_id())));
    // Asking for the context is what starts the span.
    let _ = span.context();
    NEXT_ROOT.set(None);
}

/// Random ids, except inside [`root`].
#[derive(Debug, Default)]
pub(crate) struct HeadIds(RandomIdGenerator);

impl IdGenerator for HeadIds {
    fn new_trace_id(&self) -> TraceId {
        NEXT_ROOT
            .get()
            .map_or_else(|| self.0.new_trace_id(), |(trace, _)| trace)
    }

    fn new_span_id(&self) -> SpanId {
        NEXT_ROOT
            .get()
            .map_or_else(|| self.0.new_span_id(), |(_, span)| span)
    }
}

/// Follows the parent's flag. A span without a parent is kept only inside [`root`], because the decision for a trace is
/// made once, at ingress, and a span that some library opens on its own is not part of any message.
#[derive(Debug, Clone)]
pub(crate) struct HeadSampler;

impl ShouldSample for HeadSampler {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        _: TraceId,
        _: &str,
        _: &SpanKind,
        _: &[KeyValue],
        _: &[Link],
    ) -> SamplingResult {
        let parent = parent
            .map(|context| context.span().span_context().clone())
            .filter(|parent| parent.is_valid());
        let keep = parent
            .as_ref()
            .map_or_else(|| NEXT_ROOT.get().is_some(), |parent| parent.is_sampled());
        SamplingResult {
            decision: if keep {
                SamplingDecision::RecordAndSample
            } else {
                SamplingDecision::Drop
            },
            attributes: Vec::new(),
            trace_state: parent.map_or(TraceState::NONE, |parent| parent.trace_state().clone()),
        }
    }
}
