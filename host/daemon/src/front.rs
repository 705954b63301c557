//! The channels of one generation as the gateway asks for them: requests and sockets, in plain types.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use greentic_gateway as gateway;
use greentic_gateway::BoxFuture;
use greentic_interfaces::imports::greentic::channel::types::{Request, Response, Surface};
use greentic_interfaces::model::Header;
use greentic_runner::{ChannelRuntime, ChannelSocket, Generation, Role};
use greentic_sandbox::worlds::socket_types::Frame;
use greentic_telemetry::TraceContext;

/// Between two looks whether requests have ended.
const LOOK: Duration = Duration::from_millis(5);

/// The channels of one generation as the gateway asks for them. A request holds the channel it was given to its end, so that all
/// of it happens in one generation.
pub struct Front {
    pub(crate) status: serde_json::Value,
    pub(crate) places: HashMap<String, Arc<AdaptedChannel>>,
    pub(crate) aliases: HashMap<String, Arc<AdaptedChannel>>,
}

/// The front that was current until now.
pub struct LeavingFront {
    front: Arc<Front>,
    stays: Arc<Front>,
}

impl Front {
    /// Prepares every channel of a generation; those that are also in the front before are the same. `status` is what the tables
    /// at start show. A role that takes no requests has no channel to ask.
    ///
    /// # Errors
    /// When a channel declares a header no request can have.
    pub fn new(
        generation: &Generation,
        status: serde_json::Value,
        before: Option<&Self>,
        role: Role,
    ) -> Result<Self, gateway::InvalidFacts> {
        let mut places = HashMap::new();
        let mut aliases = HashMap::new();
        let served = generation.channels().iter().filter(|_| role.serves());
        for (place, channel) in served {
            let known = before
                .and_then(|before| before.places.get(place))
                .filter(|known| Arc::ptr_eq(&known.channel, channel));
            let adapted = match known {
                Some(known) => Arc::clone(known),
                None => Arc::new(AdaptedChannel::new(generation, channel)?),
            };
            if let Some(alias) = &channel.alias {
                aliases.insert(alias.clone(), Arc::clone(&adapted));
            }
            places.insert(place.clone(), adapted);
        }
        Ok(Self {
            status,
            places,
            aliases,
        })
    }
}

impl LeavingFront {
    /// Of two fronts, of which the second is current now.
    pub(crate) fn new(front: Arc<Front>, stays: Arc<Front>) -> Self {
        Self { front, stays }
    }

    /// Waits until no request is on its way in a channel that is gone or changed.
    pub async fn idle(self) {
        let Self { front, stays } = self;
        // Whoever looks a channel up holds the front for a moment.
        while Arc::strong_count(&front) > 1 {
            tokio::time::sleep(LOOK).await;
        }
        let leaving: Vec<Weak<AdaptedChannel>> = front
            .places
            .iter()
            .filter(|(place, channel)| {
                let known = stays.places.get(*place);
                !known.is_some_and(|known| Arc::ptr_eq(known, channel))
            })
            .map(|(_, channel)| Arc::downgrade(channel))
            .collect();
        drop((front, stays));
        while leaving.iter().any(|channel| channel.strong_count() > 0) {
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// A channel behind the gateway's seam.
pub(crate) struct AdaptedChannel {
    pub(crate) channel: Arc<ChannelRuntime>,
    facts: gateway::ChannelFacts,
}

impl AdaptedChannel {
    fn new(
        generation: &Generation,
        channel: &Arc<ChannelRuntime>,
    ) -> Result<Self, gateway::InvalidFacts> {
        let reference = &channel.reference;
        let facts = gateway::ChannelFacts::new(
            &generation.metrics,
            &channel.provider,
            gateway::Place {
                env: reference.env.to_string(),
                tenant: reference.tenant.to_string(),
                team: reference.team.to_string(),
                channel: reference.channel.to_string(),
            },
            &channel.descriptor.headers,
            channel.descriptor.upload_paths.clone(),
        )?;
        Ok(Self {
            channel: Arc::clone(channel),
            facts,
        })
    }
}

impl gateway::Channel for AdaptedChannel {
    fn facts(&self) -> &gateway::ChannelFacts {
        &self.facts
    }

    fn ingress<'a>(
        &'a self,
        request: gateway::Request,
        trace: TraceContext,
    ) -> BoxFuture<'a, gateway::Answer> {
        Box::pin(async move { answer(self.channel.ingress(asked(request), trace).await) })
    }

    fn open_socket<'a>(
        &'a self,
        request: gateway::Request,
        trace: TraceContext,
    ) -> BoxFuture<'a, Result<Box<dyn gateway::Socket>, gateway::Answer>> {
        Box::pin(async move {
            match self.channel.open_socket(asked(request), trace).await {
                Ok(socket) => Ok(Box::new(AdaptedSocket(socket)) as Box<dyn gateway::Socket>),
                Err(response) => Err(answer(response)),
            }
        })
    }
}

struct AdaptedSocket(ChannelSocket);

impl gateway::Socket for AdaptedSocket {
    fn next(&mut self) -> BoxFuture<'_, Option<Vec<gateway::Frame>>> {
        Box::pin(async { Some(self.0.next().await?.into_iter().map(outgoing).collect()) })
    }

    fn receive(&mut self, frame: gateway::Frame) -> BoxFuture<'_, gateway::Received> {
        Box::pin(async {
            let frame = match frame {
                gateway::Frame::Text(text) => Frame::Text(text),
                gateway::Frame::Binary(bytes) => Frame::Binary(bytes),
            };
            let received = self.0.receive(frame).await;
            gateway::Received {
                frames: received.frames.into_iter().map(outgoing).collect(),
                close: received.close,
            }
        })
    }
}

fn outgoing(frame: Frame) -> gateway::Frame {
    match frame {
        Frame::Text(text) => gateway::Frame::Text(text),
        Frame::Binary(bytes) => gateway::Frame::Binary(bytes),
    }
}

fn asked(request: gateway::Request) -> Request {
    Request {
        surface: match request.surface {
            gateway::Surface::Webhook => Surface::Webhook,
            gateway::Surface::Api => Surface::Api,
            gateway::Surface::Page => Surface::Page,
        },
        method: request.method,
        origin: request.origin,
        base: request.base,
        path: request.path,
        query: request.query,
        headers: request
            .headers
            .into_iter()
            .map(|(name, value)| Header { name, value })
            .collect(),
        body: request.body,
    }
}

fn answer(response: Response) -> gateway::Answer {
    gateway::Answer {
        status: response.status,
        headers: response
            .headers
            .into_iter()
            .map(|header| (header.name, header.value))
            .collect(),
        body: response.body,
    }
}
