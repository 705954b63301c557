//! The task of one open websocket: frames of the client to the channel, frames of the channel to the client, pings, and an end for
//! whoever is silent, slow or rude. What waits for a slow client is bounded by count; the client resumes by its own watermark.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use futures_util::{Sink as _, StreamExt as _, stream::SplitSink, stream::SplitStream};
use greentic_telemetry::InFlight;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::channel::{Frame, Received, Seat, Socket};
use crate::deadline::within;
use crate::drain::Tracked;
use crate::limits::WebsocketLimits;

/// Per idle socket: small, because there are many and most are idle.
const READ_BUFFER: usize = 4 << 10;
const WRITE_BUFFER: usize = 16 << 10;

type Stream = WebSocketStream<TokioIo<Upgraded>>;

/// An accepted opening, on its way to become a socket.
pub(crate) struct Upgrade {
    pub(crate) on: OnUpgrade,
    /// How long the connection may take to change over.
    pub(crate) handover: Duration,
    pub(crate) socket: Box<dyn Socket>,
    pub(crate) limits: WebsocketLimits,
    /// The bound of one `receive`.
    pub(crate) answer: Duration,
    pub(crate) seat: Seat,
    pub(crate) gauge: InFlight,
    pub(crate) tracked: Tracked,
}

/// Why the socket ends.
enum End {
    /// We close it, with this code.
    Close(CloseCode),
    /// It is closed or broken; nothing can be said to the client any more.
    Gone,
}

/// Carries frames until the socket ends.
pub(crate) async fn run(upgrade: Upgrade) {
    let Upgrade {
        on,
        handover,
        socket,
        limits,
        answer,
        seat,
        gauge,
        tracked,
    } = upgrade;
    if let Ok(Ok(upgraded)) = timeout(handover, on).await {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(limits.frame))
            .max_frame_size(Some(limits.frame));
        let stream =
            WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config))
                .await;
        let (sink, stream) = stream.split();
        let out = Out {
            sink,
            queue: VecDeque::new(),
            unflushed: false,
        };
        let pump = Pump {
            out,
            stream,
            socket,
            limits,
            answer,
            heard: Instant::now(),
        };
        tokio::select! {
            biased;
            () = tracked.drain().cutting() => {}
            () = pump.run(&tracked) => {}
        }
    }
    drop((seat, gauge, tracked));
}

struct Pump {
    out: Out,
    stream: SplitStream<Stream>,
    socket: Box<dyn Socket>,
    limits: WebsocketLimits,
    answer: Duration,
    heard: Instant,
}

impl Pump {
    async fn run(mut self, tracked: &Tracked) {
        let end = self.carry(tracked).await;
        if let End::Close(code) = end {
            // Both the last frames and the client's own close have the time of one ping.
            let patience = self.limits.ping;
            let _ = timeout(patience, self.close(code)).await;
        }
    }

    async fn carry(&mut self, tracked: &Tracked) -> End {
        let mut finishing = std::pin::pin!(tracked.drain().finishing());
        let mut ping_at = Instant::now() + self.limits.ping;
        loop {
            let wake = ping_at.min(self.heard + self.limits.idle);
            let pending = self.out.pending();
            tokio::select! {
                () = &mut finishing => return End::Close(CloseCode::Away),
                flushed = self.out.flushed(), if pending => {
                    if flushed.is_err() {
                        return End::Gone;
                    }
                }
                pushed = self.socket.next() => match pushed {
                    None => return End::Close(CloseCode::Restart),
                    Some(frames) => if let Err(end) = self.queue(frames) { return end },
                },
                message = self.stream.next() => {
                    self.heard = Instant::now();
                    if let Err(end) = self.take(message).await {
                        return end;
                    }
                }
                () = sleep_until(wake.into()) => {
                    let now = Instant::now();
                    if now >= self.heard + self.limits.idle {
                        return End::Close(CloseCode::Away);
                    }
                    if now >= ping_at {
                        self.out.push(Message::Ping(bytes::Bytes::new()));
                        ping_at = now + self.limits.ping;
                    }
                }
            }
        }
    }

    async fn take(
        &mut self,
        message: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<(), End> {
        let frame = match message {
            Some(Ok(Message::Text(text))) => Frame::Text(text.as_str().to_owned()),
            Some(Ok(Message::Binary(bytes))) => Frame::Binary(bytes.into()),
            // A pong to a ping is made and sent by the protocol's implementation, at the next look for a message.
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(()),
            Some(Ok(Message::Close(_))) => {
                // The answer to it is queued by the implementation.
                let _ = timeout(self.limits.ping, self.out.flush_all()).await;
                return Err(End::Gone);
            }
            Some(Err(error)) => return Err(rude(&error)),
            None => return Err(End::Gone),
        };
        let Some(Received { frames, close }) =
            within(self.answer, self.socket.receive(frame)).await
        else {
            return Err(End::Close(CloseCode::Again));
        };
        self.queue(frames)?;
        match close {
            Some(code) => Err(End::Close(sendable(code))),
            None => Ok(()),
        }
    }

    fn queue(&mut self, frames: Vec<Frame>) -> Result<(), End> {
        for frame in frames {
            self.out.push(match frame {
                Frame::Text(text) => Message::text(text),
                Frame::Binary(bytes) => Message::binary(bytes),
            });
        }
        if self.out.queue.len() > self.limits.queue {
            // The rest is not sent: the client asks for it again by its watermark.
            self.out.queue.clear();
            return Err(End::Close(CloseCode::Again));
        }
        Ok(())
    }

    /// Sends what waits and the close frame, then hears out the client until its own (RFC 6455 section 7.1.1).
    async fn close(&mut self, code: CloseCode) {
        self.out.push(Message::Close(Some(CloseFrame {
            code,
            reason: "".into(),
        })));
        if self.out.flush_all().await.is_ok() {
            while let Some(Ok(_)) = self.stream.next().await {}
        }
    }
}

/// What waits to go out, and the half of the stream it goes to. Every future over it may be dropped and made again.
struct Out {
    sink: SplitSink<Stream, Message>,
    queue: VecDeque<Message>,
    unflushed: bool,
}

impl Out {
    fn push(&mut self, message: Message) {
        self.queue.push_back(message);
    }

    fn pending(&self) -> bool {
        self.unflushed || !self.queue.is_empty()
    }

    fn poll_flushed(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), tungstenite::Error>> {
        while !self.queue.is_empty() {
            ready!(Pin::new(&mut self.sink).poll_ready(cx))?;
            if let Some(message) = self.queue.pop_front() {
                self.unflushed = true;
                Pin::new(&mut self.sink).start_send(message)?;
            }
        }
        ready!(Pin::new(&mut self.sink).poll_flush(cx))?;
        self.unflushed = false;
        Poll::Ready(Ok(()))
    }

    async fn flushed(&mut self) -> Result<(), tungstenite::Error> {
        poll_fn(|cx| self.poll_flushed(cx)).await
    }

    /// Like [`Self::flushed`], and also what the implementation has queued by itself.
    async fn flush_all(&mut self) -> Result<(), tungstenite::Error> {
        self.unflushed = true;
        self.flushed().await
    }
}

/// The close code for what the client did against the protocol; nothing can be said over a broken connection.
fn rude(error: &tungstenite::Error) -> End {
    use tungstenite::Error;
    match error {
        Error::Capacity(_) => End::Close(CloseCode::Size),
        Error::Utf8(_) => End::Close(CloseCode::Invalid),
        Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake) => {
            End::Gone
        }
        Error::Protocol(_) => End::Close(CloseCode::Protocol),
        _ => End::Gone,
    }
}

/// Codes that must not stand in a close frame (RFC 6455 section 7.4) are not sent.
fn sendable(code: u16) -> CloseCode {
    let code = CloseCode::from(code);
    if code.is_allowed() {
        code
    } else {
        CloseCode::Error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_must_not_be_sent_becomes_an_internal_error() {
        for (given, sent) in [
            (1000, 1000),
            (1008, 1008),
            (3000, 3000),
            (4999, 4999),
            (0, 1011),
            (1005, 1011),
            (1006, 1011),
            (1015, 1011),
            (5000, 1011),
        ] {
            assert_eq!(u16::from(sendable(given)), sent);
        }
    }
}
