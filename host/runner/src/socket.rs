//! A socket that the gateway keeps open for a channel.
//!
//! The channel holds nothing for it but a few bytes of state, handed back on each call. New entries of the conversation's log
//! and transient news are turned into frames by the channel as they come.

use std::sync::Arc;
use std::time::Duration;

use greentic_interfaces::imports::greentic::channel::types::{Request, Response};
use greentic_sandbox::worlds::socket_types::Frame;
use greentic_telemetry::{Sampling, TraceContext};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::channel::ChannelRuntime;
use crate::conversation_log::News;
use crate::ingress::problem;

/// The close code by which a client knows that it should connect again (RFC 6455's registry, 1012).
const SERVICE_RESTART: u16 = 1_012;

/// Entries read at once.
const PAGE: u32 = 100;
/// How soon after something was said a socket looks into a log that other hosts write to as well; twice as late each time it finds
/// nothing.
const LOOK_SOON: Duration = Duration::from_millis(100);
/// How seldom it looks in a conversation in which nothing happens.
const LOOK_LATE: Duration = Duration::from_secs(5);

/// An open socket.
pub struct ChannelSocket {
    channel: Arc<ChannelRuntime>,
    conversation: String,
    position: u64,
    state: Vec<u8>,
    first: Vec<Frame>,
    news: Receiver<News>,
    /// There may be entries after `position`.
    behind: bool,
    transient: Vec<Vec<u8>>,
    /// When to look for what another host wrote; nobody tells of that. `None` where no other can.
    look: Option<Look>,
    trace: TraceContext,
    /// True when the channel is served by another generation from now on.
    retired: watch::Receiver<bool>,
    /// Says that this socket is open.
    open: Option<Arc<()>>,
}

/// What came of a frame.
pub struct Received {
    /// To be sent back.
    pub frames: Vec<Frame>,
    /// Close the socket with this code.
    pub close: Option<u16>,
}

impl ChannelRuntime {
    /// Asks the channel whether a client may open a socket.
    ///
    /// # Errors
    /// The response to give where it may not.
    pub async fn open_socket(
        self: &Arc<Self>,
        request: Request,
        trace: TraceContext,
    ) -> Result<ChannelSocket, Response> {
        if !self.has_sockets {
            return Err(problem(400, "Bad Request", "this channel has no sockets"));
        }
        let accepted = match self
            .client
            .open_socket(self.scope(Some(trace)), request)
            .await
        {
            Ok(accepted) => accepted?,
            Err(fault) => {
                tracing::warn!(channel = %self.reference, "{fault}");
                return Err(problem(
                    503,
                    "Service Unavailable",
                    "the channel cannot open a socket now",
                ));
            }
        };
        // Following begins before the log is read, so nothing falls between.
        let news = self
            .backends
            .logs
            .follow(&self.reference, &accepted.conversation);
        Ok(ChannelSocket {
            channel: Arc::clone(self),
            conversation: accepted.conversation,
            position: accepted.after,
            state: accepted.state,
            first: accepted.frames,
            news,
            behind: true,
            transient: Vec::new(),
            look: self.backends.is_shared().then(Look::soon),
            trace: TraceContext::start(Sampling::OFF, None),
            retired: self.retired.subscribe(),
            open: Some(Arc::clone(&self.open)),
        })
    }
}

impl ChannelSocket {
    /// The next frames to send; `None` when the channel cannot go on. May be dropped and called again at any time.
    pub async fn next(&mut self) -> Option<Vec<Frame>> {
        if *self.retired.borrow() {
            return self.end();
        }
        let mut retired = self.retired.clone();
        let over = tokio::select! {
            frames = self.following() => frames,
            // An error means that the channel is gone altogether.
            _ = retired.wait_for(|retired| *retired) => None,
        };
        if over.is_none() {
            return self.end();
        }
        over
    }

    /// Nothing reaches the channel through this socket any more. The client is told to come again, and finds the new one.
    fn end(&mut self) -> Option<Vec<Frame>> {
        self.open = None;
        None
    }

    async fn following(&mut self) -> Option<Vec<Frame>> {
        if !self.first.is_empty() {
            return Some(std::mem::take(&mut self.first));
        }
        loop {
            if self.behind {
                let frames = self.catch_up().await?;
                if !frames.is_empty() {
                    return Some(frames);
                }
            }
            if !self.transient.is_empty() {
                let transient = self.transient.clone();
                let frames = self.push(Vec::new(), transient).await?;
                self.transient.clear();
                if !frames.is_empty() {
                    return Some(frames);
                }
            }
            let news = tokio::select! {
                news = self.news.recv() => news,
                () = due(self.look) => {
                    self.behind = true;
                    continue;
                }
            };
            match news {
                Ok(News::Entries) | Err(RecvError::Lagged(_)) => self.behind = true,
                Ok(News::Transient(data)) => self.transient.push(data.to_vec()),
                Err(RecvError::Closed) => {
                    // The last sender of an idle conversation was dropped: follow again and look what was missed.
                    self.news = self
                        .channel
                        .backends
                        .logs
                        .follow(&self.channel.reference, &self.conversation);
                    self.behind = true;
                }
            }
        }
    }

    async fn catch_up(&mut self) -> Option<Vec<Frame>> {
        let read = self
            .channel
            .backends
            .logs
            .read(
                &self.channel.reference,
                &self.conversation,
                self.position,
                PAGE,
            )
            .await;
        let page = match read {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(channel = %self.channel.reference, "a socket is closed, its log cannot be read: {error:?}");
                return None;
            }
        };
        let Some(last) = page.entries.last().map(|entry| entry.position) else {
            self.behind = false;
            self.look = self.look.map(Look::later);
            return Some(Vec::new());
        };
        let frames = self.push(page.entries, Vec::new()).await?;
        self.position = last;
        self.look = self.look.map(|_| Look::soon());
        self.behind = last < page.last;
        Some(frames)
    }

    async fn push(
        &self,
        entries: Vec<greentic_interfaces::imports::greentic::channel::types::LogEntry>,
        transient: Vec<Vec<u8>>,
    ) -> Option<Vec<Frame>> {
        match self
            .channel
            .client
            .push(
                self.channel.scope(Some(self.trace)),
                self.state.clone(),
                entries,
                transient,
            )
            .await
        {
            Ok(frames) => Some(frames),
            Err(fault) => {
                tracing::warn!(channel = %self.channel.reference, "a socket is closed: {fault}");
                None
            }
        }
    }

    /// Hands a client's frame to the channel.
    pub async fn receive(&mut self, frame: Frame) -> Received {
        if *self.retired.borrow() {
            self.open = None;
        }
        if self.open.is_none() {
            return Received {
                frames: Vec::new(),
                close: Some(SERVICE_RESTART),
            };
        }
        let answered = self
            .channel
            .client
            .receive(
                self.channel.scope(Some(self.trace)),
                self.state.clone(),
                frame,
            )
            .await;
        let received = match answered {
            Ok(received) => received,
            Err(fault) => {
                tracing::warn!(channel = %self.channel.reference, "a socket is closed: {fault}");
                return Received {
                    frames: Vec::new(),
                    close: Some(1011),
                };
            }
        };
        self.state = received.state;
        let close = if self
            .channel
            .accept_events(received.events, self.trace)
            .await
        {
            received.close
        } else {
            Some(1013)
        };
        Received {
            frames: received.frames,
            close,
        }
    }
}

/// When a socket looks next. A point in time, for waiting for it is broken off whenever something else happens.
#[derive(Debug, Clone, Copy)]
struct Look {
    at: Instant,
    wait: Duration,
}

impl Look {
    fn after(wait: Duration) -> Self {
        Self {
            at: Instant::now() + wait,
            wait,
        }
    }

    fn soon() -> Self {
        Self::after(LOOK_SOON)
    }

    fn later(self) -> Self {
        Self::after((self.wait * 2).min(LOOK_LATE))
    }
}

/// Waits until it is time to look; for ever where there is nothing to look for.
async fn due(look: Option<Look>) {
    match look {
        Some(look) => tokio::time::sleep_until(look.at).await,
        None => std::future::pending().await,
    }
}
