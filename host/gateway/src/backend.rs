//! What the gateway asks of the host behind it. The daemon implements it over the runner; a new bundle generation is swapped
//! inside it, so the gateway itself is never rebuilt.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;

use crate::admin_model::{
    AdminError, DeadLetterDetail, DeadLetterPage, DeadLetterQuery, Generations, Reloaded,
};
use crate::channel::{Channel, Surface};

/// The host behind the gateway. The look-ups are on the way of every request: no lock, no allocation.
pub trait Backend: Send + Sync + 'static {
    /// The channel at a place, where there is one, it is enabled and it serves the surface. The four names are of the identifier
    /// alphabet; that is all that is known about them.
    fn channel(
        &self,
        surface: Surface,
        provider: &str,
        tenant: &str,
        team: &str,
        channel: &str,
    ) -> Option<Arc<dyn Channel>>;

    /// The channel that has this whole path as its alias, such as `/api/messages`, and the surface it stands for. Asked only for
    /// paths that are no place of their own.
    fn alias(&self, path: &str) -> Option<(Arc<dyn Channel>, Surface)>;

    /// Whether everything needed is up. Cheap: it is asked by probes every second.
    fn readiness(&self) -> Readiness;

    /// What was loaded and how it is doing, as the start's table shows it; JSON of the backend's own shape.
    fn status(&self) -> BoxFuture<'_, Result<serde_json::Value, AdminError>>;

    /// A page of dead letters, newest first.
    fn dead_letters(
        &self,
        query: DeadLetterQuery,
    ) -> BoxFuture<'_, Result<DeadLetterPage, AdminError>>;

    /// One dead letter with its event and history.
    fn dead_letter(&self, id: String) -> BoxFuture<'_, Result<DeadLetterDetail, AdminError>>;

    /// Puts a dead letter back at the stage where it failed; it is a dead letter no longer.
    fn replay(&self, id: String) -> BoxFuture<'_, Result<(), AdminError>>;

    /// Forgets a dead letter.
    fn drop_letter(&self, id: String) -> BoxFuture<'_, Result<(), AdminError>>;

    /// Sets a channel up with its platform, also where it was before, and tells what was done, a line each. The place is
    /// `provider/tenant/team/channel`.
    fn set_up(&self, place: String) -> BoxFuture<'_, Result<Vec<String>, AdminError>>;

    /// Takes a channel down from its platform, which then sends nothing to it any more.
    fn tear_down(&self, place: String) -> BoxFuture<'_, Result<(), AdminError>>;

    /// Reads the bundle again and takes it over whole, or not at all. The future may be dropped at the admin deadline; the work
    /// then goes on or is given up, but never half done.
    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, AdminError>>;

    /// The generations of the process.
    fn generations(&self) -> BoxFuture<'_, Result<Generations, AdminError>>;

    /// Serves again with what an earlier generation was made of: the one with this number, or the last one before. The future may be
    /// dropped like that of a reload.
    fn roll_back(&self, to: Option<u64>) -> BoxFuture<'_, Result<Reloaded, AdminError>>;
}

/// Whether the host can do its work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether every needed plugin is up.
    pub ready: bool,
    /// A row each plugin.
    pub plugins: Vec<ReadinessRow>,
}

/// One plugin's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadinessRow {
    /// The plugin's name in the bundle.
    pub name: String,
    /// What it is used as, such as `bus` or `channel`.
    pub role: String,
    /// Whether it is ready.
    pub up: bool,
    /// Why not, for the operator; shown at the admin endpoint only.
    pub detail: String,
}
