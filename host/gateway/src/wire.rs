//! The bytes of one connection, and the few facts about them that tell a slow client from a busy one.
//!
//! hyper's own header timer is not used: it runs while a kept-alive connection is idle too, so one number would have to serve for
//! both, and it makes a timer for every request. Here reading and writing leave marks, and the connection's one timer looks at them.
//!
//! hyper answers what it cannot parse by itself, with an empty body. Such an answer is recognised as it is written (nothing else is
//! written between the first byte of a request and its hand-over to the service) and goes out with problem details instead.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use greentic_telemetry::InFlight;
use http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;

use crate::linger;
use crate::problem;

/// What is known about one connection. Shared by its bytes, its requests and its timer, all on one thread as a rule.
#[derive(Debug)]
pub(crate) struct Marks {
    opened: Instant,
    /// Requests being answered now.
    running: AtomicUsize,
    /// When the first byte of a request came whose headers are not whole yet; 0 for none. In nanoseconds after `opened`, plus 1.
    begun: AtomicU64,
    /// When the last answer was made or the last of its bytes taken. In nanoseconds after `opened`.
    quiet: AtomicU64,
    http2: AtomicBool,
    /// An answer went out before the request's body was read.
    unread: AtomicBool,
}

/// One request being answered; dropped when the answer is made or given up.
#[derive(Debug)]
pub(crate) struct Call(Arc<Marks>);

impl Marks {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            running: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            quiet: AtomicU64::new(0),
            http2: AtomicBool::new(false),
            unread: AtomicBool::new(false),
        })
    }

    pub(crate) fn call(self: &Arc<Self>) -> Call {
        self.running.fetch_add(1, Relaxed);
        self.begun.store(0, Relaxed);
        Call(Arc::clone(self))
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    fn read(&self, bytes: &[u8]) {
        if bytes.is_empty() || self.running.load(Relaxed) > 0 || self.http2.load(Relaxed) {
            return;
        }
        if self.begun.load(Relaxed) == 0 {
            // HTTP/2 begins with its preface (RFC 9113 section 3.4); its frames between requests begin none.
            if self.quiet.load(Relaxed) == 0 && bytes.starts_with(b"PRI") {
                self.http2.store(true, Relaxed);
            } else {
                self.begun.store(self.now().saturating_add(1), Relaxed);
            }
        }
    }

    fn awaits_head(&self) -> bool {
        self.begun.load(Relaxed) != 0
            && self.running.load(Relaxed) == 0
            && !self.http2.load(Relaxed)
    }

    /// When the connection has to be closed if nothing happens; `None` while a request is being answered, which has deadlines
    /// of its own.
    pub(crate) fn due(&self, header_time: Duration, idle: Duration) -> Option<Instant> {
        if self.running.load(Relaxed) > 0 {
            return None;
        }
        let begun = self.begun.load(Relaxed);
        Some(match begun {
            0 => self.opened + Duration::from_nanos(self.quiet.load(Relaxed)) + idle,
            _ => self.opened + Duration::from_nanos(begun) + header_time,
        })
    }
}

impl Call {
    /// The answer goes out and the body was not read: the connection is closed after it, gently.
    pub(crate) fn leaves_body_unread(&self) {
        self.0.unread.store(true, Relaxed);
    }

    pub(crate) fn is_http2(&self) {
        self.0.http2.store(true, Relaxed);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.0.quiet.store(self.0.now().max(1), Relaxed);
        self.0.running.fetch_sub(1, Relaxed);
    }
}

/// One accepted connection's bytes.
#[derive(Debug)]
pub(crate) struct Wire {
    /// There until dropped.
    stream: Option<TcpStream>,
    marks: Arc<Marks>,
    /// What goes out in place of an answer of hyper's own, and how much of it is written.
    instead: Option<(Vec<u8>, usize)>,
    permit: Option<OwnedSemaphorePermit>,
    gauge: Option<InFlight>,
}

impl Wire {
    pub(crate) fn new(
        stream: TcpStream,
        marks: Arc<Marks>,
        permit: OwnedSemaphorePermit,
        gauge: InFlight,
    ) -> Self {
        Self {
            stream: Some(stream),
            marks,
            instead: None,
            permit: Some(permit),
            gauge: Some(gauge),
        }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream
            .as_mut()
            .map(Pin::new)
            .ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Notes the replacement when `out` is an answer of hyper's own.
    fn replace(&mut self, out: &[u8]) -> bool {
        if !self.marks.awaits_head() {
            return false;
        }
        let Some(answer) = in_place_of(out) else {
            return false;
        };
        self.marks.unread.store(true, Relaxed);
        self.instead = Some((answer, 0));
        true
    }

    fn write_instead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some((answer, written)) = &mut self.instead {
            let rest = answer.get(*written..).unwrap_or_default();
            if rest.is_empty() {
                self.instead = None;
                break;
            }
            let Some(stream) = self.stream.as_mut() else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            match ready!(Pin::new(stream).poll_write(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                more => *written += more,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The problem in place of an answer that hyper made to what it could not parse.
fn in_place_of(out: &[u8]) -> Option<Vec<u8>> {
    let (status, detail) = if out.starts_with(b"HTTP/1.1 400 ") {
        (
            StatusCode::BAD_REQUEST,
            "The request is not well-formed HTTP.",
        )
    } else if out.starts_with(b"HTTP/1.1 414 ") {
        (StatusCode::URI_TOO_LONG, "Path and query are too long.")
    } else if out.starts_with(b"HTTP/1.1 431 ") {
        (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "There are too many headers, or they are too large.",
        )
    } else {
        return None;
    };
    let body = problem::body(status, detail).to_string();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n",
        problem::MEDIA_TYPE,
        body.len()
    );
    Some([head, body].concat().into_bytes())
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(self.stream()?.poll_read(cx, buf))?;
        self.marks
            .read(buf.filled().get(before..).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.replace(out) {
            return Poll::Ready(Ok(out.len()));
        }
        let wrote = ready!(self.stream()?.poll_write(cx, out))?;
        if wrote < out.len() {
            // The client takes less than it is given: only then does the clock have to know that it takes something.
            self.marks.quiet.store(self.marks.now(), Relaxed);
        }
        Poll::Ready(Ok(wrote))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if out.first().is_some_and(|first| self.replace(first)) {
            return Poll::Ready(Ok(out.iter().map(|piece| piece.len()).sum()));
        }
        let asked: usize = out.iter().map(|piece| piece.len()).sum();
        let wrote = ready!(self.stream()?.poll_write_vectored(cx, out))?;
        if wrote < asked {
            self.marks.quiet.store(self.marks.now(), Relaxed);
        }
        Poll::Ready(Ok(wrote))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_instead(cx))?;
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.write_instead(cx))?;
        self.stream()?.poll_shutdown(cx)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.marks.unread.load(Relaxed) {
            return;
        }
        if let Some(stream) = self.stream.take() {
            linger::spawn(stream, (self.permit.take(), self.gauge.take()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_secs(75);

    fn soon(due: Option<Instant>) -> Option<bool> {
        due.map(|due| due < Instant::now() + HEADER + Duration::from_secs(1))
    }

    #[test]
    fn the_header_clock_runs_only_between_a_first_byte_and_the_request() {
        let marks = Marks::new();
        assert_eq!(
            soon(marks.due(HEADER, IDLE)),
            Some(false),
            "a new connection is idle"
        );
        marks.read(b"P");
        assert_eq!(
            soon(marks.due(HEADER, IDLE)),
            Some(true),
            "a request has begun"
        );
        let call = marks.call();
        assert_eq!(marks.due(HEADER, IDLE), None, "it is being answered");
        marks.read(b"body");
        drop(call);
        assert_eq!(
            soon(marks.due(HEADER, IDLE)),
            Some(false),
            "its body began no other request"
        );
        marks.read(b"");
        assert_eq!(
            soon(marks.due(HEADER, IDLE)),
            Some(false),
            "the end of the stream is no byte"
        );
    }

    #[test]
    fn frames_of_http2_begin_no_request() {
        let marks = Marks::new();
        marks.read(b"PRI * HTTP/2.0\r\n");
        marks.read(b"\0\0\0");
        assert_eq!(soon(marks.due(HEADER, IDLE)), Some(false));
    }

    #[test]
    fn only_answers_to_what_cannot_be_parsed_are_replaced() {
        for (out, replaced) in [
            (
                "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n",
                true,
            ),
            ("HTTP/1.1 431 Request Header Fields Too Large\r\n", true),
            ("HTTP/1.1 200 OK\r\n\r\n", false),
            ("HTTP/1.1 100 Continue\r\n\r\n", false),
        ] {
            assert_eq!(in_place_of(out.as_bytes()).is_some(), replaced, "{out}");
        }
        let answer =
            String::from_utf8(in_place_of(b"HTTP/1.1 414 URI Too Long\r\n").unwrap()).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 414 URI Too Long\r\n"));
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
    }
}
