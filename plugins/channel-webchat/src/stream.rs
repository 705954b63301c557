//! The stream: a websocket of the host's that follows one conversation.
//!
//! Between calls nothing is held for it but [`State`]. Frames are `{"activities":[…],"watermark":"…"}`; an empty text frame is a
//! client's keep-alive (Direct Line 3.0).

use greentic_sdk::channel::{Accepted, Frame, LogEntry, Received, Request, Response};
use greentic_sdk::model::Event;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::activity::{self, User};
use crate::answer::Refusal;
use crate::bounds;
use crate::caller;
use crate::host::Host;
use crate::route::{self, Call};
use crate::server::{accept, watermark};
use crate::settings::Settings;
use crate::stored;

/// Closing codes of RFC 6455.
mod close {
    /// Data of a kind that is not taken.
    pub const UNSUPPORTED: u16 = 1003;
    /// Data that is not what its kind says.
    pub const INVALID: u16 = 1007;
    /// Too large.
    pub const TOO_BIG: u16 = 1009;
    /// Try again later.
    pub const LATER: u16 = 1013;
}

/// What is kept for an open socket.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    conv: String,
    user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

/// A client asks for the stream.
///
/// # Errors
/// The answer that refuses it.
pub fn open(
    host: &impl Host,
    settings: &Settings,
    request: &Request,
) -> Result<Accepted, Response> {
    admit(host, settings, request).map_err(|refusal| refusal.response())
}

fn admit(host: &impl Host, settings: &Settings, request: &Request) -> Result<Accepted, Refusal> {
    let Call::Stream(conversation) = route::call(&request.method, &request.path)? else {
        return Err(Refusal::not_found());
    };
    let claims = caller::of_stream(host, settings, request, &conversation)?;
    let seen = watermark(request)?.unwrap_or(0);
    // A watermark beyond the log's end is of a log that was kept no longer.
    let after = if seen > 0 && host.read(&conversation, seen, 1)?.last < seen {
        0
    } else {
        seen
    };
    let state = State {
        conv: claims.conv,
        user: claims.user,
        name: claims.name,
    };
    let state = serde_json::to_vec(&state).map_err(|fault| Refusal::bad(fault.to_string()))?;
    Ok(Accepted {
        conversation,
        after,
        state,
        frames: Vec::new(),
    })
}

/// What is passing comes first: typing was shown before the message it announced.
pub fn push(state: &[u8], entries: &[LogEntry], transient: &[Vec<u8>]) -> Vec<Frame> {
    let Ok(state) = serde_json::from_slice::<State>(state) else {
        return Vec::new();
    };
    let after = entries
        .first()
        .map_or(0, |entry| entry.position.saturating_sub(1));
    let passing = transient
        .iter()
        .filter_map(|activity| stored::transient_set(activity));
    passing
        .chain(
            stored::sets(&state.conv, after, entries)
                .into_iter()
                .map(|set| set.json),
        )
        .map(Frame::Text)
        .collect()
}

/// The client sent a frame: nothing, or activities as its voice mode sends them.
pub fn receive(host: &impl Host, state: Vec<u8>, frame: &Frame) -> Received {
    let (events, close) = match frame {
        Frame::Text(text) if text.trim().is_empty() => (Vec::new(), None),
        Frame::Text(text) => match take(host, &state, text) {
            Ok(events) => (events, None),
            Err(refusal) => (
                Vec::new(),
                Some(match refusal.status {
                    413 => close::TOO_BIG,
                    503 => close::LATER,
                    _ => close::INVALID,
                }),
            ),
        },
        Frame::Binary(_) => (Vec::new(), Some(close::UNSUPPORTED)),
    };
    Received {
        state,
        frames: Vec::new(),
        events,
        close,
    }
}

fn take(host: &impl Host, state: &[u8], text: &str) -> Result<Vec<Event>, Refusal> {
    let state: State =
        serde_json::from_slice(state).map_err(|fault| Refusal::bad(fault.to_string()))?;
    let user = User {
        id: state.user,
        name: state.name,
    };
    let fields = bounds::object(text.as_bytes())?;
    let bodies: Vec<Vec<u8>> = match fields.get("activities") {
        Some(Value::Array(activities)) => activities
            .iter()
            .map(|activity| activity.to_string().into_bytes())
            .collect(),
        _ => vec![text.as_bytes().to_vec()],
    };
    // All are judged before the first is kept.
    let incoming = bodies
        .iter()
        .map(|body| activity::read(body, &user, Vec::new()))
        .collect::<Result<Vec<_>, _>>()?;
    incoming
        .into_iter()
        .map(|one| accept(host, &state.conv, one).map(|(_, event)| event))
        .collect()
}
