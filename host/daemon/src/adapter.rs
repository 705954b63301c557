//! The running host as the gateway sees it. Nothing is decided here.

use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use greentic_gateway as gateway;
use greentic_gateway::BoxFuture;
use greentic_interfaces::imports::greentic::channel::types::Surfaces;
use greentic_runner::{
    DeadLetter, DeadLetterError, GenerationRow, GenerationState, Host, LifecycleError, Role,
};
use greentic_types::Id;
use tokio::sync::{mpsc, oneshot};

use crate::front::{Front, LeavingFront};

/// The gateway's side of a host: of whichever generation runs.
pub struct Adapter {
    host: Arc<Host>,
    front: ArcSwap<Front>,
    orders: mpsc::Sender<Order>,
    /// Why the last edit of the bundle was not taken over.
    refused: Mutex<Option<String>>,
}

/// What an operator asks for.
pub enum Order {
    /// Take over the bundle as it is now.
    Reload(Answer),
    /// Go back to a generation.
    RollBack(Option<u64>, Answer),
}

/// Where the outcome of an order is told.
pub type Answer = oneshot::Sender<Result<gateway::Reloaded, gateway::AdminError>>;

impl Adapter {
    /// In front of a host; orders go to whoever has the other end of `orders`.
    pub fn new(host: Arc<Host>, front: Front, orders: mpsc::Sender<Order>) -> Self {
        Self {
            host,
            front: ArcSwap::from_pointee(front),
            orders,
            refused: Mutex::default(),
        }
    }

    /// The front that requests go to.
    pub fn front(&self) -> Arc<Front> {
        self.front.load_full()
    }

    /// Gives requests to another generation from now on.
    pub fn swap(&self, front: Front) -> LeavingFront {
        let stays = Arc::new(front);
        let front = self.front.swap(Arc::clone(&stays));
        LeavingFront::new(front, stays)
    }

    /// Keeps why an edit was not taken over, or that one was.
    pub fn refused(&self, why: Option<String>) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = why;
    }

    fn why_refused(&self) -> Option<String> {
        let refused = self.refused.lock();
        refused.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn order(
        &self,
        order: impl FnOnce(Answer) -> Order,
    ) -> Result<gateway::Reloaded, gateway::AdminError> {
        let stopping = || gateway::AdminError::Unavailable("the host is stopping".into());
        let (answer, answered) = oneshot::channel();
        self.orders.try_send(order(answer)).map_err(|_| {
            gateway::AdminError::Conflict("a generation is being built; ask again after it".into())
        })?;
        answered.await.map_err(|_| stopping())?
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
        let front = self.front.load();
        let found = front
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
        let front = self.front.load();
        let found = front.aliases.get(path)?;
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
        let mut plugins: Vec<_> = rows
            .map(|row| gateway::ReadinessRow {
                name: row.name,
                role: row.role.to_owned(),
                up: row.up,
                detail: row.detail,
            })
            .collect();
        if self.host.role() != Role::All {
            plugins.push(gateway::ReadinessRow {
                name: self.host.role().to_string(),
                role: "role".into(),
                up: true,
                detail: String::new(),
            });
        }
        // A faulty edit does not make the host unable to serve: the generation before it goes on.
        if let Some(why) = self.why_refused() {
            plugins.push(gateway::ReadinessRow {
                name: "bundle".into(),
                role: "generation".into(),
                up: true,
                detail: why,
            });
        }
        gateway::Readiness {
            ready: readiness.ready,
            plugins,
        }
    }

    fn status(&self) -> BoxFuture<'_, Result<serde_json::Value, gateway::AdminError>> {
        Box::pin(async {
            self.host.measure().await;
            let mut status = self.front.load().status.clone();
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

    fn set_up(&self, place: String) -> BoxFuture<'_, Result<Vec<String>, gateway::AdminError>> {
        Box::pin(async move { self.host.set_up(&place).await.map_err(not_set_up) })
    }

    fn tear_down(&self, place: String) -> BoxFuture<'_, Result<(), gateway::AdminError>> {
        Box::pin(async move { self.host.tear_down(&place).await.map_err(not_set_up) })
    }

    fn reload(&self) -> BoxFuture<'_, Result<gateway::Reloaded, gateway::AdminError>> {
        Box::pin(self.order(Order::Reload))
    }

    fn roll_back(
        &self,
        to: Option<u64>,
    ) -> BoxFuture<'_, Result<gateway::Reloaded, gateway::AdminError>> {
        Box::pin(self.order(move |answer| Order::RollBack(to, answer)))
    }

    fn generations(&self) -> BoxFuture<'_, Result<gateway::Generations, gateway::AdminError>> {
        Box::pin(async {
            let generations = self.host.generations().into_iter().map(row).collect();
            Ok(gateway::Generations {
                generations,
                refused: self.why_refused(),
            })
        })
    }
}

fn row(row: GenerationRow) -> gateway::GenerationRow {
    let state = match row.state {
        GenerationState::Running => "running",
        GenerationState::Draining => "draining",
        GenerationState::Ended => "ended",
    };
    gateway::GenerationRow {
        number: row.number,
        at_ms: row.at_ms,
        digest: row.digest,
        state: state.to_owned(),
        changes: row.changes,
        buses: row.buses,
        kept: row.kept,
        rolled_back_to: row.rolled_back_to,
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

fn not_set_up(error: LifecycleError) -> gateway::AdminError {
    match error {
        LifecycleError::Unknown(_) => gateway::AdminError::NotFound(error.to_string()),
        LifecycleError::Nothing(_) | LifecycleError::NoAddress(_) => {
            gateway::AdminError::Conflict(error.to_string())
        }
        LifecycleError::Failed { .. } => gateway::AdminError::Unavailable(error.to_string()),
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
