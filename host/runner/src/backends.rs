//! The store and the bus a tenant is bound to, with everything the host builds on them.

use std::sync::Arc;

use greentic_sandbox::worlds::store_types;
use greentic_session::{Sessions, StoreClient};
use greentic_state::State;

use crate::alarm::Alarms;
use crate::bus::Bus;
use crate::conversation_log::ConversationLogs;
use crate::dead_letter::DeadLetters;
use crate::fingerprint::Fingerprint;

/// Backends of one or more tenants.
pub struct Backends {
    /// The bus.
    pub bus: Arc<Bus>,
    /// The name of the bus plugin.
    pub bus_name: String,
    /// Sessions.
    pub sessions: Sessions,
    /// The store sessions lie in.
    pub store: Arc<StoreClient>,
    /// What that store says of itself.
    pub store_descriptor: store_types::Descriptor,
    /// The name of the store plugin.
    pub store_name: String,
    /// The store state lies in.
    pub(crate) state_store: Option<Arc<StoreClient>>,
    /// Of the limits they were made with.
    pub(crate) print: Fingerprint,
    /// State of flows.
    pub state: Option<State>,
    /// The name of the store plugin state lies in.
    pub state_name: Option<String>,
    /// Logs of conversations.
    pub logs: Arc<ConversationLogs>,
    /// Waits that end by themselves.
    pub alarms: Alarms,
    /// Dead letters.
    pub letters: DeadLetters,
}

impl Backends {
    /// Whether other processes may use the same store.
    pub(crate) fn is_shared(&self) -> bool {
        self.store.plugin().has_network()
    }
}
