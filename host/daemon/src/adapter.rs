//! The running host as the gateway sees it. Nothing is decided here.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_gateway as gateway;
use greentic_gateway::BoxFuture;
use greentic_interfaces::imports::greentic::channel::types::{
    Request, Response, Surface, Surfaces,
};
use greentic_interfaces::model::Header;
use greentic_runner::{ChannelRuntime, ChannelSocket, DeadLetter, DeadLetterError, Host};
use greentic_sandbox::worlds::socket_types::Frame;
use greentic_telemetry::{HostMetrics, TraceContext};
use greentic_types::Id;

/// The gateway's side of a host.
pub struct Adapter {
    host: Arc<Host>,
    status: serde_json::Value,
    places: HashMap<String, Arc<AdaptedChannel>>,
    aliases: HashMap<String, Arc<AdaptedChannel>>,
}

impl Adapter {
    /// Prepares every channel of the host's generation. `status` is what the tables at start show.
    ///
    /// # Errors
    /// When a channel declares a header no request can have.
    pub fn new(
        host: Arc<Host>,
        metrics: &HostMetrics,
        status: serde_json::Value,
    ) -> Result<Self, gateway::InvalidFacts> {
        let mut places = HashMap::new();
        let mut aliases = HashMap::new();
        for (place, channel) in &host.generation().channels {
            let reference = &channel.reference;
            let facts = gateway::ChannelFacts::new(
                metrics,
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
            let adapted = Arc::new(AdaptedChannel {
                channel: Arc::clone(channel),
                facts,
            });
            if let Some(alias) = &channel.alias {
                aliases.insert(alias.clone(), Arc::clone(&adapted));
            }
            places.insert(place.clone(), adapted);
        }
        Ok(Self {
            host,
            status,
            places,
            aliases,
        })
    }
}

impl gateway::Backend for Adapter {
    fn channel(
        &self,
        surface: gateway::Surface,
        provider: &str,
        tenant: &str,
        team: &str,
        channel: &str,
    ) -> Option<Arc<dyn gateway::Channel>> {
        let found = self
            .places
            .get(&format!("{provider}/{tenant}/{team}/{channel}"))?;
        let served = match surface {
            gateway::Surface::Webhook => Surfaces::WEBHOOK,
            gateway::Surface::Api => Surfaces::API,
            gateway::Surface::Page => Surfaces::PAGE,
        };
        found
            .channel
            .descriptor
            .surfaces
            .contains(served)
            .then(|| Arc::clone(found) as Arc<dyn gateway::Channel>)
    }

    fn alias(&self, path: &str) -> Option<(Arc<dyn gateway::Channel>, gateway::Surface)> {
        let found = self.aliases.get(path)?;
        let surfaces = found.channel.descriptor.surfaces;
        let surface = if surfaces.contains(Surfaces::WEBHOOK) {
            gateway::Surface::Webhook
        } else if surfaces.contains(Surfaces::API) {
            gateway::Surface::Api
        } else {
            gateway::Surface::Page
        };
        Some((Arc::clone(found) as Arc<dyn gateway::Channel>, surface))
    }

    fn readiness(&self) -> gateway::Readiness {
        let readiness = self.host.readiness();
        let rows = readiness.rows.into_iter();
        gateway::Readiness {
            ready: readiness.ready,
            plugins: rows
                .map(|row| gateway::ReadinessRow {
                    name: row.name,
                    role: row.role.to_owned(),
                    up: row.up,
                    detail: row.detail,
                })
                .collect(),
        }
    }

    fn status(&self) -> BoxFuture<'_, Result<serde_json::Value, gateway::AdminError>> {
        Box::pin(async {
            self.host.measure().await;
            let mut status = self.status.clone();
            if let Some(fields) = status.as_object_mut() {
                fields.insert("uptime-seconds".into(), self.host.uptime().as_secs().into());
                fields.insert(
                    "readiness".into(),
                    serde_json::to_value(self.host.readiness()).unwrap_or_default(),
                );
            }
            Ok(status)
        })
    }

    fn dead_letters(
        &self,
        query: gateway::DeadLetterQuery,
    ) -> BoxFuture<'_, Result<gateway::DeadLetterPage, gateway::AdminError>> {
        Box::pin(async move {
            let tenant = query
                .tenant
                .as_deref()
                .map(Id::new)
                .transpose()
                .map_err(|error| gateway::AdminError::Invalid(error.to_string()))?;
            let all = self
                .host
                .dead_letters(tenant.as_ref())
                .await
                .map_err(refused)?;
            // Newest first; ids begin with their time.
            let before = |letter: &&DeadLetter| {
                query
                    .cursor
                    .as_ref()
                    .is_none_or(|cursor| letter.id < *cursor)
            };
            let fits = |letter: &&DeadLetter| {
                query
                    .stage
                    .as_ref()
                    .is_none_or(|stage| letter.stage.word() == stage)
                    && query
                        .channel
                        .as_ref()
                        .is_none_or(|channel| letter.channel.rsplit('/').next() == Some(channel))
            };
            let mut letters: Vec<_> = all
                .iter()
                .rev()
                .filter(before)
                .filter(fits)
                .take(query.limit.saturating_add(1))
                .map(summary)
                .collect();
            let more = letters.len() > query.limit;
            letters.truncate(query.limit);
            let next = if more {
                letters.last().map(|letter| letter.id.clone())
            } else {
                None
            };
            Ok(gateway::DeadLetterPage { letters, next })
        })
    }

    fn dead_letter(
        &self,
        id: String,
    ) -> BoxFuture<'_, Result<gateway::DeadLetterDetail, gateway::AdminError>> {
        Box::pin(async move {
            let letter = self.host.dead_letter(&id).await.map_err(refused)?;
            Ok(gateway::DeadLetterDetail {
                letter: summary(&letter),
                history: vec![gateway::Attempt {
                    at_ms: letter.time_ms,
                    error: letter.error.clone(),
                }],
                event: letter.content(),
                error: letter.error,
            })
        })
    }

    fn replay(&self, id: String) -> BoxFuture<'_, Result<(), gateway::AdminError>> {
        Box::pin(async move {
            let replayed = self.host.replay(&id).await.map_err(refused)?;
            tracing::info!(
                letter = replayed.id,
                subject = replayed.subject,
                "a dead letter was replayed"
            );
            Ok(())
        })
    }

    fn drop_letter(&self, id: String) -> BoxFuture<'_, Result<(), gateway::AdminError>> {
        Box::pin(async move {
            self.host.drop_letter(&id).await.map_err(refused)?;
            tracing::info!(letter = id, "a dead letter was dropped");
            Ok(())
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<gateway::Reloaded, gateway::AdminError>> {
        Box::pin(async {
            Err(gateway::AdminError::Conflict(
                "this host takes a changed bundle at its next start; restart it".into(),
            ))
        })
    }
}

fn summary(letter: &DeadLetter) -> gateway::DeadLetter {
    let mut place = letter.channel.split('/').skip(2);
    gateway::DeadLetter {
        id: letter.id.clone(),
        tenant: letter.tenant.clone(),
        team: place.next().unwrap_or_default().to_owned(),
        channel: place.next().unwrap_or_default().to_owned(),
        stage: letter.stage.word().to_owned(),
        reason: "given-up".to_owned(),
        at_ms: letter.time_ms,
        attempts: letter.attempts,
    }
}

fn refused(error: DeadLetterError) -> gateway::AdminError {
    match error {
        DeadLetterError::NotFound(_) => gateway::AdminError::NotFound(error.to_string()),
        DeadLetterError::NotReplayable(_) => gateway::AdminError::Conflict(error.to_string()),
        DeadLetterError::Damaged(_) => gateway::AdminError::Internal(error.to_string()),
        DeadLetterError::Store(_) | DeadLetterError::Fault(_) | DeadLetterError::Bus(_) => {
            gateway::AdminError::Unavailable(error.to_string())
        }
    }
}

struct AdaptedChannel {
    channel: Arc<ChannelRuntime>,
    facts: gateway::ChannelFacts,
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
