//! The bounds the gateway keeps. It has no defaults: the caller fills them from the bundle's table of limits, so that every number
//! stands in one place.

use std::time::Duration;

/// All bounds of the gateway.
#[derive(Debug, Clone)]
pub struct GatewayLimits {
    /// The public HTTP endpoint.
    pub request: RequestLimits,
    /// Websockets.
    pub websocket: WebsocketLimits,
    /// The admin endpoint.
    pub admin: AdminLimits,
    /// From the order to stop until what is still open is cut.
    pub drain: Duration,
}

/// Bounds of the public HTTP endpoint; those of connections and headers hold for the admin endpoint too.
#[derive(Debug, Clone)]
pub struct RequestLimits {
    /// Bytes of a body; beyond it 413.
    pub body: usize,
    /// Bytes of a body on paths the channel declares for uploads; beyond it 413.
    pub upload_body: usize,
    /// Bytes of path and query; beyond it 414.
    pub target: usize,
    /// Header lines; beyond it 431.
    pub header_count: usize,
    /// Header bytes; beyond it 431. At least 8 KiB: smaller values count as that.
    pub header_bytes: usize,
    /// From a request's first byte to the end of its headers; beyond it the connection is closed.
    pub header_time: Duration,
    /// From the end of the headers to the end of the body; beyond it 408.
    pub body_time: Duration,
    /// Between two pieces of a body; beyond it 408.
    pub body_pause: Duration,
    /// From the whole request to the channel's answer; beyond it 503 with Retry-After, and the channel's future is dropped.
    pub answer: Duration,
    /// A connection without a request, or one that takes nothing of an answer; beyond it it is closed.
    pub idle: Duration,
    /// Open connections, websockets included; beyond it each listener holds back one and the others wait in the kernel.
    pub connections: usize,
    /// Streams of one HTTP/2 connection at a time.
    pub streams: u32,
    /// Requests to channels at a time; beyond it 503 with Retry-After.
    pub in_flight: usize,
    /// What a 503 gives as Retry-After; rounded up to seconds.
    pub retry_after: Duration,
    /// Bytes of the body of a channel's answer; beyond it 500.
    pub response_body: usize,
}

/// Bounds of websockets.
#[derive(Debug, Clone)]
pub struct WebsocketLimits {
    /// Bytes of a frame or message from a client; beyond it the socket is closed with 1009.
    pub frame: usize,
    /// Silence, pings unanswered; beyond it the socket is closed.
    pub idle: Duration,
    /// Between two pings; and how long a client has to answer a close.
    pub ping: Duration,
    /// Open sockets of one channel; beyond it 503 with Retry-After.
    pub per_channel: usize,
    /// Frames that wait for a slow client; beyond it the socket is closed with 1013.
    pub queue: usize,
}

/// Bounds of the admin endpoint.
#[derive(Debug, Clone)]
pub struct AdminLimits {
    /// Bytes of a body; beyond it 413.
    pub body: usize,
    /// Entries of one page; a larger `limit` is cut to it.
    pub page: usize,
    /// From the request to the answer; beyond it 503.
    pub answer: Duration,
}
