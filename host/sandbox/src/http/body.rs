//! A response's body under its limits: bytes, time between them, time in all.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep, sleep_until};
use wasmtime_wasi_http::Error;

use super::failure::cause;

/// The limits of one response's body.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyLimits {
    /// Bytes of data in all.
    pub bytes: u64,
    /// Bytes of trailer names and values.
    pub trailer_bytes: usize,
    /// The longest pause between two pieces.
    pub between: Duration,
    /// When it must be complete.
    pub deadline: Instant,
}

/// A response's body that ends with an error when a limit is passed, and closes its connection then.
pub(super) struct LimitedBody {
    incoming: Option<Incoming>,
    left: u64,
    limits: BodyLimits,
    pause: Pin<Box<Sleep>>,
    pausing: bool,
    deadline: Pin<Box<Sleep>>,
    /// The place among the plugin's requests in flight; free again when the body is gone.
    _permit: OwnedSemaphorePermit,
}

impl LimitedBody {
    pub(super) fn new(
        incoming: Incoming,
        limits: BodyLimits,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            incoming: Some(incoming),
            left: limits.bytes,
            limits,
            pause: Box::pin(sleep(limits.between)),
            pausing: false,
            deadline: Box::pin(sleep_until(limits.deadline)),
            _permit: permit,
        }
    }

    fn end(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.incoming = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Some(incoming) = &mut self.incoming else {
            return Poll::Ready(None);
        };
        let polled = Pin::new(incoming).poll_frame(cx);
        // Asked also while pieces keep coming: a server that never pauses must not go on for ever.
        if self.deadline.as_mut().poll(cx).is_ready() {
            return self.end(Error::HttpResponseTimeout);
        }
        match polled {
            Poll::Pending => {
                if !self.pausing {
                    self.pausing = true;
                    let until = Instant::now() + self.limits.between;
                    self.pause.as_mut().reset(until);
                }
                match self.pause.as_mut().poll(cx) {
                    Poll::Ready(()) => self.end(Error::ConnectionReadTimeout),
                    Poll::Pending => Poll::Pending,
                }
            }
            Poll::Ready(None) => {
                self.incoming = None;
                Poll::Ready(None)
            }
            Poll::Ready(Some(Err(error))) => self.end(cause(&error)),
            Poll::Ready(Some(Ok(frame))) => {
                self.pausing = false;
                if let Some(data) = frame.data_ref() {
                    let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
                    match self.left.checked_sub(size) {
                        Some(left) => self.left = left,
                        None => {
                            let most = self.limits.bytes;
                            return self.end(Error::HttpResponseBodySize(Some(most)));
                        }
                    }
                }
                if let Some(trailers) = frame.trailers_ref() {
                    let size: usize = trailers
                        .iter()
                        .map(|(name, value)| name.as_str().len() + value.len())
                        .sum();
                    if size > self.limits.trailer_bytes {
                        return self.end(Error::HttpResponseTrailerSectionSize(
                            u32::try_from(size).ok(),
                        ));
                    }
                }
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming
            .as_ref()
            .map(Body::size_hint)
            .unwrap_or_default()
    }
}
