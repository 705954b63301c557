//! One channel of one team, bound and running: its plugin's cells, its flows, its pace, its subjects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use greentic_config::limits::EgressLimits;
use greentic_interfaces::imports::greentic::channel::types::{Capabilities, Descriptor};
use greentic_interfaces::model::Conversation;
use greentic_interfaces::model::ConversationKind;
use greentic_sandbox::client::Client;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::ChannelWorld;
use greentic_session::Partition;
use greentic_telemetry::{Counter, Histogram, TraceContext, spans};
use greentic_types::{ChannelRef, Subject};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use crate::backends::Backends;
use crate::lifecycle::Lifecycle;
use crate::pacing::{Pace, Rate};
use crate::quota::Quota;
use crate::router::Router;
use crate::team::TeamRuntime;

/// The longest a channel can ask that events are remembered, as the contract says.
const LONGEST_DEDUPE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What to do when the platform may have a message or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownOutcome {
    /// Send again: better twice than never.
    AtLeastOnce,
    /// Do not send again; a dead letter tells the operator: better never than twice.
    AtMostOnce,
}

/// Handles of the metrics of one channel, looked up once.
pub struct ChannelMetrics {
    pub(crate) received: Counter,
    pub(crate) delivered: Counter,
    pub(crate) sent: Counter,
    pub(crate) turns: Counter,
    pub(crate) unverified: Counter,
    pub(crate) ignored: Counter,
    pub(crate) malformed: Counter,
    pub(crate) egress_seconds: Histogram,
    pub(crate) message_seconds: Histogram,
    pub(crate) throttled: Counter,
    pub(crate) over_quota: Counter,
}

/// A channel that is bound and running.
pub struct ChannelRuntime {
    /// Where it stands.
    pub reference: ChannelRef,
    /// The plugin's name in the bundle, which is also in the channel's URLs.
    pub provider: String,
    /// What the plugin says of itself.
    pub descriptor: Descriptor,
    /// Calls to the plugin.
    pub client: Arc<Client<ChannelWorld>>,
    /// Whether the plugin keeps sockets.
    pub has_sockets: bool,
    /// Its setup with the platform, where the plugin has one.
    pub(crate) lifecycle: Option<Lifecycle>,
    /// A second path it is served under.
    pub alias: Option<String>,
    /// What the user is told when a turn failed.
    pub failure_text: String,
    /// The locale when the platform names none.
    pub locale: String,
    /// Paths of its surfaces: webhook, API, page.
    pub bases: [String; 3],
    pub(crate) ingress_subject: Subject,
    pub(crate) egress_subject: Subject,
    pub(crate) router: Router,
    pub(crate) backends: Arc<Backends>,
    /// What its flows can use.
    pub(crate) team: Arc<TeamRuntime>,
    /// True from the moment on at which another generation serves its place without it.
    pub(crate) retired: watch::Sender<bool>,
    /// Held by each open socket.
    pub(crate) open: Arc<()>,
    /// The number of the generation that serves it now.
    pub(crate) generation: AtomicU64,
    pub(crate) pace: Arc<Mutex<Pace>>,
    pub(crate) deliveries: Semaphore,
    pub(crate) unknown_outcome: UnknownOutcome,
    pub(crate) metrics: ChannelMetrics,
    pub(crate) quota: Arc<Quota>,
    pub(crate) egress_limits: EgressLimits,
}

impl ChannelRuntime {
    /// The session of a participant in a conversation. A direct conversation has one; in groups each participant has their own,
    /// so that two people do not answer each other's forms.
    pub(crate) fn session(&self, conversation: &Conversation, participant: &str) -> Partition {
        let participant =
            (!matches!(conversation.kind, ConversationKind::Direct)).then_some(participant);
        Partition::session(
            &self.reference,
            &conversation.id,
            conversation.thread.as_deref(),
            participant,
        )
    }

    /// How long a handled event is remembered: as long as the platform may send it again, and not less than `least`.
    pub(crate) fn dedupe(&self, least: Duration) -> Duration {
        least.max(Duration::from_millis(self.descriptor.dedupe_ms).min(LONGEST_DEDUPE))
    }

    /// The scope of a call to this channel's plugin.
    pub(crate) fn scope(&self, trace: Option<TraceContext>) -> CallScope {
        CallScope {
            generation: self.generation.load(Ordering::Relaxed),
            trace,
            tenant: Some(self.reference.tenant.clone()),
            ..CallScope::default()
        }
    }

    /// Its place, for spans.
    pub(crate) fn address(&self) -> spans::Address<'_> {
        spans::Address {
            tenant: self.reference.tenant.as_str(),
            env: self.reference.env.as_str(),
            team: self.reference.team.as_str(),
            channel: self.reference.channel.as_str(),
        }
    }

    /// Whether the plugin declares a capability.
    #[must_use]
    pub fn can(&self, capability: Capabilities) -> bool {
        self.descriptor.capabilities.contains(capability)
    }

    /// The rates the plugin declares.
    pub(crate) fn pace_of(descriptor: &Descriptor) -> Pace {
        let rates =
            |declared: &[greentic_interfaces::imports::greentic::channel::types::Rate]| {
                declared
                    .iter()
                    .map(|rate| Rate {
                        messages: usize::try_from(rate.messages).unwrap_or(usize::MAX),
                        per: Duration::from_millis(rate.per_ms.into()),
                    })
                    .collect()
            };
        Pace::new(
            rates(&descriptor.limits.per_channel),
            rates(&descriptor.limits.per_conversation),
        )
    }
}
