//! World `channel-provider`: implement [`Channel`] and export the type with `export_channel!`; where the channel has them, also
//! [`Sockets`] with `export_sockets!` and [`Lifecycle`] with `export_lifecycle!`.

pub use crate::bindings::channel::exports::greentic::channel::channel::Guest as Channel;
pub use crate::bindings::imports::greentic::channel::types::{
    Capabilities, Delivery, DeliveryError, Descriptor, Downgrade, IngressError, IngressOutcome,
    Limits, LogEntry, Rate, Receipt, Request, Response, Retry, Surface, Surfaces,
};
pub use crate::bindings::lifecycle::exports::greentic::channel::lifecycle::Guest as Lifecycle;
pub use crate::bindings::sockets::exports::greentic::channel::sockets::{
    Accepted, Frame, Guest as Sockets, Received,
};
use crate::model::{Event, Header};

pub mod files;
pub mod memory;

impl Request {
    /// The first header of that lower-case name, among those the channel declared.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|header| header.name == name)
            .map(|header| header.value.as_str())
    }

    /// The first query parameter of that name, as it stands: still percent-encoded.
    #[must_use]
    pub fn query_raw(&self, name: &str) -> Option<&str> {
        self.query.as_deref()?.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }

    /// The first query parameter of that name, decoded.
    #[must_use]
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_raw(name).map(crate::form::decode)
    }
}

impl Response {
    /// A status and nothing else.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// A body of a media type, such as `application/json`.
    #[must_use]
    pub fn body(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![Header::new("content-type", content_type)],
            body: body.into(),
        }
    }

    /// A JSON body.
    #[must_use]
    pub fn json(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::body(status, "application/json", body)
    }

    /// The same with one header more. `name` is lower-case.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }
}

impl IngressOutcome {
    /// An answer and nothing for the bus: a handshake, a page, a refusal.
    #[must_use]
    pub fn answer(response: Response) -> Self {
        Self {
            response,
            events: Vec::new(),
            ignored: 0,
            malformed: None,
        }
    }

    /// An answer once these events are on the bus.
    #[must_use]
    pub fn events(response: Response, events: Vec<Event>) -> Self {
        Self {
            response,
            events,
            ignored: 0,
            malformed: None,
        }
    }

    /// An authentic request that could not be understood; the host keeps its body as a dead letter.
    #[must_use]
    pub fn malformed(response: Response, reason: impl Into<String>) -> Self {
        Self {
            response,
            events: Vec::new(),
            ignored: 0,
            malformed: Some(reason.into()),
        }
    }
}

impl Receipt {
    /// One message was accepted under this identifier.
    #[must_use]
    pub fn one(id: impl Into<String>) -> Self {
        Self {
            message_ids: vec![id.into()],
            downgrades: Vec::new(),
        }
    }

    /// Notes that something was sent otherwise than asked for.
    #[must_use]
    pub fn downgraded(mut self, feature: &str, instead: &str) -> Self {
        self.downgrades.push(Downgrade {
            feature: feature.into(),
            instead: instead.into(),
        });
        self
    }
}

/// An ordered log for each conversation of this channel.
pub mod log {
    pub use crate::bindings::imports::greentic::channel::log::Page;
    use crate::model::Error;

    /// Appends and returns the position; an `id` that is in the log already gives the position it has.
    ///
    /// # Errors
    /// `unavailable` when the store cannot be asked.
    pub fn append(conversation: &str, id: &str, data: &[u8]) -> Result<u64, Error> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::channel::log::append(conversation, id, data)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.append(conversation, id, data))
        }
    }

    /// Entries after `after`, at most `limit` (up to 1,000).
    ///
    /// # Errors
    /// `unavailable` when the store cannot be asked.
    pub fn read(conversation: &str, after: u64, limit: u32) -> Result<Page, Error> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::channel::log::read(conversation, after, limit)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.read(conversation, after, limit))
        }
    }

    /// Reaches the sockets that follow the conversation now and is kept nowhere.
    ///
    /// # Errors
    /// `unavailable` when it cannot be passed on.
    pub fn publish(conversation: &str, data: &[u8]) -> Result<(), Error> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::channel::log::publish(conversation, data)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.publish(conversation, data))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, Surface};
    use crate::model::Header;

    #[test]
    fn headers_and_query_parameters_are_found_by_name() {
        let request = Request {
            surface: Surface::Api,
            method: "GET".into(),
            origin: "https://chat.example.com".into(),
            base: "/v1".into(),
            path: "/a".into(),
            query: Some("t=1%202&flag&u=".into()),
            headers: vec![Header::new("x-signature", "ab")],
            body: Vec::new(),
        };
        assert_eq!(request.header("x-signature"), Some("ab"));
        assert_eq!(request.header("x-other"), None);
        assert_eq!(request.query_raw("t"), Some("1%202"));
        assert_eq!(request.query_raw("flag"), Some(""));
        assert_eq!(request.query_raw("u"), Some(""));
        assert_eq!(request.query_raw("x"), None);
        assert_eq!(request.query_value("t").as_deref(), Some("1 2"));
    }
}
