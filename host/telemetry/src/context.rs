//! The trace context of a message, in the terms of W3C Trace Context (Recommendation of 2021-11-23, section 3.2), and
//! the decision whether a message is traced at all.
//!
//! It is 25 bytes, `Copy`, and travels in every bus message; a message that is not sampled carries it too, so that a
//! platform that sent a `traceparent` finds its id again in what we send on.

use std::{fmt, str::FromStr};

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use opentelemetry_sdk::trace::{IdGenerator as _, RandomIdGenerator};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const SAMPLED: u8 = 0x01;

/// Trace id, span id and flags of the span that caused a message.
#[derive(Clone, Copy)]
pub struct TraceContext {
    trace_id: u128,
    span_id: u64,
    flags: u8,
    /// The span with this id does not exist yet: `spans::ingress_span` will make it, as the root of the trace.
    pub(crate) unborn: bool,
}

/// Why a `traceparent` was not understood. The usual answer is to start a new trace.
#[derive(Debug, thiserror::Error, Clone, Copy, PartialEq, Eq)]
pub enum TraceparentError {
    /// Not `vv-tttttttttttttttttttttttttttttttt-ssssssssssssssss-ff` in lower-case hex.
    #[error("traceparent is not of the form 00-<32 hex>-<16 hex>-<2 hex>")]
    Form,
    /// Version `ff` is forbidden by the standard.
    #[error("traceparent has the forbidden version ff")]
    Version,
    /// Trace id or span id is all zeros.
    #[error("traceparent has an id of zeros")]
    ZeroId,
}

/// The sampling decision at the head of a trace. Make one at the start and keep it; [`crate::Guard::sampling`] gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Traces whose low 63 id bits are below this are sampled.
    threshold: u64,
    honour_incoming: bool,
}

impl Sampling {
    /// Nothing is sampled, whatever comes in.
    pub const OFF: Self = Self {
        threshold: 0,
        honour_incoming: false,
    };

    /// Samples the given share of traces; values below 0 or not a number count as 0, above 1 as 1.
    /// With `honour_incoming` the flag of an incoming `traceparent` decides instead.
    pub fn new(ratio: f64, honour_incoming: bool) -> Self {
        const ALL: u64 = 1 << 63;
        let threshold = if ratio >= 1.0 {
            ALL
        } else if ratio > 0.0 {
            // In range by the branches above: 0 < ratio < 1, so the product is within 0..2^63.
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss
            )]
            let share = (ratio * ALL as f64) as u64;
            share
        } else {
            0
        };
        Self {
            threshold,
            honour_incoming,
        }
    }

    fn decides(self, trace_id: u128) -> bool {
        // The low half: W3C level 2 asks generators for randomness in the rightmost seven bytes.
        #[allow(clippy::cast_possible_truncation)]
        let low = trace_id as u64 & (u64::MAX >> 1);
        low < self.threshold
    }
}

impl TraceContext {
    /// The context at the head of a message's life. `incoming` is the request's `traceparent` header, if any: its trace
    /// is continued when it can be read; a header that cannot is ignored, as the standard asks.
    pub fn start(sampling: Sampling, incoming: Option<&str>) -> Self {
        let ids = RandomIdGenerator::default();
        let incoming = incoming.and_then(|header| header.parse::<Self>().ok());
        if let Some(parent) = incoming {
            let sampled = if sampling.honour_incoming {
                parent.sampled()
            } else {
                sampling.decides(parent.trace_id)
            };
            return Self {
                flags: if sampled {
                    parent.flags | SAMPLED
                } else {
                    parent.flags & !SAMPLED
                },
                ..parent
            };
        }
        let trace_id = u128::from_be_bytes(ids.new_trace_id().to_bytes()).max(1);
        let span_id = u64::from_be_bytes(ids.new_span_id().to_bytes()).max(1);
        Self {
            trace_id,
            span_id,
            flags: u8::from(sampling.decides(trace_id)),
            unborn: true,
        }
    }

    /// Whether spans are made for this message.
    #[inline]
    pub fn sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The trace id; never zero.
    pub fn trace_id(&self) -> u128 {
        self.trace_id
    }

    /// The id of the causing span; never zero.
    pub fn span_id(&self) -> u64 {
        self.span_id
    }

    /// The context of the span this code runs in, or `None` where no sampled span is entered.
    pub fn current() -> Option<Self> {
        Self::of(&Span::current())
    }

    /// The context of a span made by [`crate::spans`], or `None` for one that is not exported.
    pub fn of(span: &Span) -> Option<Self> {
        if span.is_none() {
            return None;
        }
        Self::from_otel(span.context().span().span_context())
    }

    /// What to put into a message sent from within `span`: the span's context, or this one when the span is none.
    #[must_use]
    pub fn within(&self, span: &Span) -> Self {
        Self::of(span).unwrap_or(*self)
    }

    fn from_otel(context: &SpanContext) -> Option<Self> {
        context.is_valid().then(|| Self {
            trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(context.span_id().to_bytes()),
            flags: context.trace_flags().to_u8(),
            unborn: false,
        })
    }

    pub(crate) fn to_otel(self) -> SpanContext {
        SpanContext::new(
            self.otel_trace_id(),
            self.otel_span_id(),
            TraceFlags::new(self.flags),
            true,
            TraceState::NONE,
        )
    }

    pub(crate) fn otel_trace_id(&self) -> TraceId {
        TraceId::from_bytes(self.trace_id.to_be_bytes())
    }

    pub(crate) fn otel_span_id(&self) -> SpanId {
        SpanId::from_bytes(self.span_id.to_be_bytes())
    }
}

/// The `traceparent` form, always version 00, 55 bytes.
impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.span_id, self.flags
        )
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceContext({self})")
    }
}

impl PartialEq for TraceContext {
    fn eq(&self, other: &Self) -> bool {
        (self.trace_id, self.span_id, self.flags) == (other.trace_id, other.span_id, other.flags)
    }
}

impl Eq for TraceContext {}

impl FromStr for TraceContext {
    type Err = TraceparentError;

    /// Reads a `traceparent`. A later version than 00 is read by its first four fields, as the standard asks.
    fn from_str(text: &str) -> Result<Self, TraceparentError> {
        let (head, rest) = text
            .as_bytes()
            .split_at_checked(55)
            .ok_or(TraceparentError::Form)?;
        let mut fields = head.split(|byte| *byte == b'-');
        let mut field = |length: usize| -> Result<u128, TraceparentError> {
            let digits = fields
                .next()
                .filter(|digits| digits.len() == length)
                .ok_or(TraceparentError::Form)?;
            digits.iter().try_fold(0_u128, |value, digit| {
                let digit = match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return Err(TraceparentError::Form),
                };
                Ok(value << 4 | u128::from(digit))
            })
        };
        let version = field(2)?;
        let trace_id = field(32)?;
        let span_id = u64::try_from(field(16)?).map_err(|_| TraceparentError::Form)?;
        let flags = u8::try_from(field(2)?).map_err(|_| TraceparentError::Form)?;
        match (version, rest.first()) {
            (0xff, _) => Err(TraceparentError::Version),
            (0, Some(_)) => Err(TraceparentError::Form),
            (_, Some(byte)) if *byte != b'-' => Err(TraceparentError::Form),
            _ if trace_id == 0 || span_id == 0 => Err(TraceparentError::ZeroId),
            _ => Ok(Self {
                trace_id,
                span_id,
                flags,
                unborn: false,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    proptest! {
        #[test]
        fn no_text_makes_the_parser_panic_and_what_it_accepts_it_writes_again(text in "\\PC{0,80}") {
            if let Ok(context) = text.parse::<TraceContext>() {
                prop_assert_eq!(&context.to_string()[2..], &text[2..55]);
            }
        }

        #[test]
        fn near_misses_never_panic(at in 0_usize..56, byte in any::<char>()) {
            let mut text: Vec<char> = GOOD.chars().collect();
            if at < text.len() { text[at] = byte } else { text.push(byte) }
            let text: String = text.into_iter().collect();
            let _ = text.parse::<TraceContext>();
        }

        #[test]
        fn every_context_survives_format_and_parse(trace in 1_u128.., span in 1_u64.., flags in any::<u8>()) {
            let context = TraceContext { trace_id: trace, span_id: span, flags, unborn: false };
            prop_assert_eq!(context.to_string().parse::<TraceContext>(), Ok(context));
        }

        #[test]
        fn a_larger_ratio_samples_what_a_smaller_one_does(trace in any::<u128>(), a in 0.0_f64..=1.0, b in 0.0_f64..=1.0) {
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(!Sampling::new(low, false).decides(trace) || Sampling::new(high, false).decides(trace));
        }
    }

    #[test]
    fn the_rules_of_the_standard_hold() {
        assert!(
            GOOD.parse::<TraceContext>()
                .is_ok_and(|context| context.sampled())
        );
        let table = [
            ("", TraceparentError::Form),
            (
                "00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                TraceparentError::Form,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
                TraceparentError::Form,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
                TraceparentError::Form,
            ),
            (
                "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                TraceparentError::ZeroId,
            ),
            (
                "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                TraceparentError::ZeroId,
            ),
            (
                "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                TraceparentError::Version,
            ),
            (
                "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x",
                TraceparentError::Form,
            ),
        ];
        for (text, error) in table {
            assert_eq!(text.parse::<TraceContext>(), Err(error), "{text}");
        }
        assert!(
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-later"
                .parse::<TraceContext>()
                .is_ok()
        );
    }

    #[test]
    fn an_incoming_trace_is_continued_but_its_flag_decides_only_when_honoured() {
        let off = TraceContext::start(Sampling::new(0.0, false), Some(GOOD));
        assert_eq!(off.trace_id(), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert!(!off.sampled());
        assert!(TraceContext::start(Sampling::new(0.0, true), Some(GOOD)).sampled());
        let unsampled = GOOD.replace("-01", "-00");
        assert!(!TraceContext::start(Sampling::new(1.0, true), Some(&unsampled)).sampled());
        assert!(TraceContext::start(Sampling::new(1.0, false), Some(&unsampled)).sampled());
        assert!(TraceContext::start(Sampling::new(1.0, true), Some("nonsense")).sampled());
    }

    #[test]
    fn the_ratio_is_kept_within_one_percent() {
        let sampling = Sampling::new(0.2, false);
        let sampled = (0..100_000)
            .filter(|_| TraceContext::start(sampling, None).sampled())
            .count();
        assert!((19_000..21_000).contains(&sampled), "{sampled}");
    }
}
