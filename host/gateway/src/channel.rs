//! What the gateway asks of a channel: the plain Rust side of `wit/channel/channel.wit`, without its delivery half.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use greentic_telemetry::{HostMetrics, TraceContext, spans::Address};
use http::HeaderName;

use crate::counts::ChannelCounts;

/// Where a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Surface {
    /// `/v1/messaging/ingress/{provider}/{tenant}/{team}/{channel}`: what a platform calls.
    Webhook,
    /// `/v1/messaging/{provider}/{tenant}/{team}/{channel}`: an API the channel offers to clients.
    Api,
    /// `/v1/web/{provider}/{tenant}/{team}/{channel}`: pages for a browser.
    Page,
}

/// A request from outside, checked against every limit that does not need the channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Where it came in.
    pub surface: Surface,
    /// Upper-case. A HEAD reaches the channel as GET; the gateway leaves the body out of the answer.
    pub method: String,
    /// Scheme and authority by which the client reached the host, without a trailing slash.
    pub origin: String,
    /// The part of the path that named the channel, as the client wrote it (an alias stays one), without a trailing slash.
    /// `origin + base + path` is the whole address.
    pub base: String,
    /// The rest of the path, still percent-encoded; empty or beginning with a slash.
    pub path: String,
    /// Without the question mark.
    pub query: Option<String>,
    /// Those of [`ChannelFacts`]'s headers that came, in its order, repeated where the request repeats them.
    pub headers: Vec<(String, String)>,
    /// The bytes as they came.
    pub body: Vec<u8>,
}

/// The HTTP response to give.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// 200 to 599; anything else becomes a 500.
    pub status: u16,
    /// Framing headers (`content-length`, `connection` and their like) are the gateway's and are left out.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// One message of a websocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// Text; may be empty.
    Text(String),
    /// Bytes; may be empty.
    Binary(Vec<u8>),
}

/// What came of a frame that a client sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Received {
    /// Sent to the client, in order.
    pub frames: Vec<Frame>,
    /// Close the socket after them with this code (RFC 6455 section 7.4). A code that must not stand in a close frame becomes 1011.
    pub close: Option<u16>,
}

/// A channel at its place, as the gateway sees it. One object serves all requests of the channel in one bundle generation.
pub trait Channel: Send + Sync + 'static {
    /// What does not change between requests.
    fn facts(&self) -> &ChannelFacts;

    /// Answers a request. The future is dropped when the client goes away or the answer's deadline passes; what must be
    /// finished nevertheless has to run elsewhere. `trace` is the context of the ingress span; pass it on.
    fn ingress<'a>(&'a self, request: Request, trace: TraceContext) -> BoxFuture<'a, Answer>;

    /// A client asks for a websocket. `request.method` is GET and the body is empty. A refusal is an ordinary answer; a channel
    /// without sockets refuses with [`Answer::problem`].
    fn open_socket<'a>(
        &'a self,
        request: Request,
        trace: TraceContext,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, Answer>>;
}

/// One open websocket of a channel, driven by one task. Dropped when the socket has closed, for whatever reason.
pub trait Socket: Send + 'static {
    /// Waits for frames to send: those of the opening first, then what the conversation's log brings. Must be cancel-safe: it is
    /// dropped and called again whenever something else happens on the socket. `None` closes with 1012 (the channel's bundle is
    /// being replaced); the client comes back.
    fn next(&mut self) -> BoxFuture<'_, Option<Vec<Frame>>>;

    /// The client sent a frame. Bounded by the answer's deadline; beyond it the socket is closed with 1013.
    fn receive(&mut self, frame: Frame) -> BoxFuture<'_, Received>;
}

/// The names of a channel's place, for spans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The environment of the bundle.
    pub env: String,
    /// The tenant.
    pub tenant: String,
    /// The team.
    pub team: String,
    /// The channel's key in the bundle.
    pub channel: String,
}

/// A header name that cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no HTTP header name: a channel's `headers` are lower-case names such as `authorization`"
)]
pub struct InvalidFacts(pub String);

/// What a channel declares once, prepared for the way of a request. Make it when the channel is bound.
#[derive(Debug)]
pub struct ChannelFacts {
    place: Place,
    headers: Vec<(HeaderName, String)>,
    upload_suffixes: Vec<String>,
    pub(crate) counts: ChannelCounts,
    sockets: Arc<AtomicUsize>,
}

impl ChannelFacts {
    /// `provider` is the channel plugin's name, the label of its metrics; `headers` are the only ones passed on, in that order;
    /// on paths that end in one of `upload_suffixes` the larger body limit holds.
    ///
    /// # Errors
    /// [`InvalidFacts`] for a header name that is none or has an upper-case letter.
    pub fn new(
        metrics: &HostMetrics,
        provider: &str,
        place: Place,
        headers: &[String],
        upload_suffixes: Vec<String>,
    ) -> Result<Self, InvalidFacts> {
        let prepared = headers
            .iter()
            .map(|name| match HeaderName::from_bytes(name.as_bytes()) {
                Ok(parsed) if parsed.as_str() == name => Ok((parsed, name.clone())),
                _ => Err(InvalidFacts(name.clone())),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            place,
            headers: prepared,
            upload_suffixes,
            counts: ChannelCounts::new(metrics, provider),
            sockets: Arc::default(),
        })
    }

    /// Whose channel it is.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn address(&self) -> Address<'_> {
        let Place {
            env,
            tenant,
            team,
            channel,
        } = &self.place;
        Address {
            tenant,
            env,
            team,
            channel,
        }
    }

    pub(crate) fn headers(&self) -> &[(HeaderName, String)] {
        &self.headers
    }

    pub(crate) fn takes_uploads(&self, path: &str) -> bool {
        self.upload_suffixes
            .iter()
            .any(|suffix| path.ends_with(suffix.as_str()))
    }

    /// A seat for one more socket, or none when the channel has as many as it may.
    pub(crate) fn seat(&self, most: usize) -> Option<Seat> {
        let before = self.sockets.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(&self.sockets));
        (before < most).then_some(seat)
    }
}

/// Counts one open socket until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat(Arc<AtomicUsize>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
