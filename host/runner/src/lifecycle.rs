//! Setting channels up with their platforms once they are served: the webhook's address, the commands; and undoing it.
//!
//! A channel is set up each time it begins to be served, which is harmless to do again, and taken down only when an operator says
//! so or the channel leaves the bundle: a restart must not cut a platform off. A setup that fails stops nothing. It is tried again
//! where that can help, and stands in the readiness rows until it worked.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use greentic_interfaces::model::Error;
use greentic_sandbox::fault::Fault;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::channel::ChannelRuntime;

/// Setups made at a time.
const AT_ONCE: usize = 8;
/// Before the second attempt; doubles up to [`LONGEST`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause between two attempts.
const LONGEST: Duration = Duration::from_secs(300);

/// How far the setup of a channel has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Setup {
    /// Not done yet.
    #[default]
    Due,
    /// The platform knows the channel.
    Done,
    /// Taken down, by an operator or because it left the bundle.
    TakenDown,
    /// The reason; what can pass is tried again.
    Failed(String),
}

/// The setup of one channel whose plugin has one.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle(Mutex<Setup>);

impl Lifecycle {
    fn set(&self, setup: Setup) {
        *self.0.lock() = setup;
    }

    /// Nothing is tried any more.
    pub(crate) fn end(&self) {
        self.set(Setup::TakenDown);
    }

    /// Where it stands.
    pub(crate) fn state(&self) -> Setup {
        self.0.lock().clone()
    }
}

/// Why a channel was not set up or taken down.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// There is no such channel.
    #[error(
        "there is no channel `{0}`; the start's table and `GET /admin/v1/status` show those there are"
    )]
    Unknown(String),
    /// The plugin exports no lifecycle.
    #[error("channel `{0}` has nothing to set up: its plugin does not export `lifecycle`")]
    Nothing(String),
    /// The bundle does not say by which address the platform reaches the host.
    #[error(
        "channel `{0}` is not set up with its platform: the bundle has no `public-url`; add it, such as `public-url: https://chat.example.com`"
    )]
    NoAddress(String),
    /// The plugin's error.
    #[error("channel `{channel}`: {reason}")]
    Failed {
        /// Which channel.
        channel: String,
        /// What the plugin or the sandbox said.
        reason: String,
        /// Whether a further attempt can help.
        may_pass: bool,
    },
}

impl ChannelRuntime {
    /// Sets the channel up with its platform, which reaches the host as `origin`. Returns what was done, a line each.
    ///
    /// # Errors
    /// [`LifecycleError`]; it is also kept for the readiness rows.
    pub async fn set_up(&self, origin: Option<&str>) -> Result<Vec<String>, LifecycleError> {
        let name = || self.reference.to_string();
        let lifecycle = self
            .lifecycle
            .as_ref()
            .ok_or_else(|| LifecycleError::Nothing(name()))?;
        let outcome = match origin {
            None => Err(LifecycleError::NoAddress(name())),
            Some(origin) => {
                let [webhook, ..] = &self.bases;
                let path = self.alias.as_ref().unwrap_or(webhook);
                let url = format!("{origin}{path}");
                self.answered(self.client.setup(self.scope(None), url).await)
            }
        };
        match &outcome {
            Ok(lines) => {
                for line in lines {
                    tracing::info!(channel = %self.reference, "setup: {line}");
                }
                lifecycle.set(Setup::Done);
            }
            Err(error) => {
                tracing::warn!(channel = %self.reference, "setup failed: {error}");
                lifecycle.set(Setup::Failed(error.to_string()));
            }
        }
        outcome
    }

    /// Takes the channel down from its platform.
    ///
    /// # Errors
    /// [`LifecycleError`]
    pub async fn tear_down(&self) -> Result<(), LifecycleError> {
        let lifecycle = self
            .lifecycle
            .as_ref()
            .ok_or_else(|| LifecycleError::Nothing(self.reference.to_string()))?;
        self.answered(self.client.teardown(self.scope(None)).await)
            .inspect_err(
                |error| tracing::warn!(channel = %self.reference, "teardown failed: {error}"),
            )?;
        tracing::info!(channel = %self.reference, "taken down from its platform");
        lifecycle.set(Setup::TakenDown);
        Ok(())
    }

    fn answered<T>(&self, answer: Result<Result<T, Error>, Fault>) -> Result<T, LifecycleError> {
        let (reason, may_pass) = match answer {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) => described(&error),
            Err(fault) => (fault.to_string(), true),
        };
        Err(LifecycleError::Failed {
            channel: self.reference.to_string(),
            reason,
            may_pass,
        })
    }
}

/// An error in words, and whether a further attempt can help.
fn described(error: &Error) -> (String, bool) {
    match error {
        Error::Invalid(text) => (text.clone(), false),
        Error::Denied(text) => (format!("not allowed: {text}"), false),
        Error::NotFound => ("the platform does not know it".to_owned(), false),
        Error::Conflict => ("something else changed it".to_owned(), true),
        Error::RateLimited(ms) => (format!("the platform asks to wait {ms} ms"), true),
        Error::Unavailable(text) => (format!("not now: {text}"), true),
        Error::Timeout => ("no answer in time".to_owned(), true),
        Error::UnknownOutcome(text) => (format!("no answer: {text}"), true),
        Error::Internal(text) => (text.clone(), true),
    }
}

/// Sets these channels up, again and again those where it may help, until all are or `stop` is true. Channels whose plugin has
/// nothing to set up, and those that are set up already, are passed over.
pub(crate) async fn set_up_all(
    channels: Vec<Arc<ChannelRuntime>>,
    origin: Option<String>,
    mut stop: watch::Receiver<bool>,
) {
    let mut due: Vec<_> = channels
        .into_iter()
        .filter(|channel| {
            let lifecycle = channel.lifecycle.as_ref();
            lifecycle.is_some_and(|lifecycle| lifecycle.state() == Setup::Due)
        })
        .collect();
    let mut pause = FIRST_PAUSE;
    while !due.is_empty() {
        let origin = origin.as_deref();
        let round = futures_util::stream::iter(due)
            .map(|channel| async move {
                let again = match channel.set_up(origin).await {
                    Err(LifecycleError::Failed { may_pass, .. }) => may_pass,
                    _ => false,
                };
                again.then_some(channel)
            })
            .buffer_unordered(AT_ONCE)
            .filter_map(std::future::ready)
            .collect();
        tokio::select! {
            failed = round => due = failed,
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
        if due.is_empty() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|stopped| *stopped) => return,
        }
        // An operator may have done something about it meanwhile.
        due.retain(|channel| {
            let lifecycle = channel.lifecycle.as_ref();
            lifecycle.is_some_and(|lifecycle| matches!(lifecycle.state(), Setup::Failed(_)))
        });
        pause = pause.saturating_mul(2).min(LONGEST);
    }
}
