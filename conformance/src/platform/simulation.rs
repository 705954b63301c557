//! A simulated platform that runs: its server, its webhook sender, its fault script and its journal, for synchronous callers.

use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc::unbounded_channel;

use super::desk::{Delivered, Desk, Recorded, Violation, lock};
use super::fault::{Fault, Script};
use super::model::{Act, CannotDo, Done, Place, Screen};
use super::sender::Sender;
use super::server::{Counter, serve};
use super::webhook::{Response, Signing, Webhook};
use super::{Make, Platform, Profile};

/// How a simulation runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The bot's webhook, where it is known already.
    pub target: Option<String>,
    /// What the platform's waits before a repetition are multiplied by: 0.001 turns a second into a millisecond.
    pub scale: f64,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target: None,
            scale: 0.001,
            port: 0,
        }
    }
}

/// A running platform. It ends when this is dropped.
pub struct Simulation {
    platform: Arc<dyn Platform>,
    desk: Arc<Desk>,
    counter: Arc<Counter>,
    sender: Sender,
    sent: Mutex<Vec<Webhook>>,
    runtime: Option<Runtime>,
}

impl Simulation {
    /// Starts a platform on `127.0.0.1`.
    ///
    /// # Errors
    /// When there is no runtime or the port is taken.
    pub fn start(make: Make, settings: &Settings) -> std::io::Result<Self> {
        // A thread of its own, so that tests and cases need no runtime.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("platform")
            .enable_all()
            .build()?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", settings.port))?;
        listener.set_nonblocking(true)?;
        let origin = format!("http://{}", listener.local_addr()?);
        let (outgoing, incoming) = unbounded_channel();
        let desk = Arc::new(Desk::new(origin, settings.target.clone(), outgoing));
        let platform = make(Arc::clone(&desk));
        let counter = Arc::new(Counter {
            platform: Arc::clone(&platform),
            desk: Arc::clone(&desk),
            script: Mutex::new(Script::default()),
        });
        let sender = Sender::new(Arc::clone(&platform), Arc::clone(&desk), settings.scale);
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener)?
        };
        runtime.spawn(serve(listener, Arc::clone(&counter)));
        runtime.spawn(sender.clone().run(incoming));
        Ok(Self {
            platform,
            desk,
            counter,
            sender,
            sent: Mutex::default(),
            runtime: Some(runtime),
        })
    }

    /// The platform's own side.
    #[must_use]
    pub fn platform(&self) -> &dyn Platform {
        self.platform.as_ref()
    }

    /// Clock, rates, target, address.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// What a channel needs to be bound to this platform.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.platform.profile()
    }

    /// Sets the address of the bot's webhook.
    pub fn set_target(&self, url: impl Into<String>) {
        self.desk.set_target(Some(url.into()));
    }

    /// A person does something, and the bot is told as the platform tells it.
    ///
    /// # Errors
    /// When the platform has no such thing, or it is not possible here.
    pub fn act(&self, act: &Act) -> Result<Done, CannotDo> {
        let done = self.platform.act(act)?;
        for webhook in &done.webhooks {
            self.send(webhook.clone());
        }
        Ok(done)
    }

    /// A person does something, and what the bot is to be told is left to the caller.
    ///
    /// # Errors
    /// As [`Simulation::act`].
    pub fn compose(&self, act: &Act) -> Result<Done, CannotDo> {
        self.platform.act(act)
    }

    /// Sends a webhook with the platform's retries.
    pub fn send(&self, webhook: Webhook) {
        lock(&self.sent).push(webhook.clone());
        self.desk.send(webhook);
    }

    /// Sends everything of this key once more. False when nothing had it.
    pub fn redeliver(&self, key: &str) -> bool {
        let again: Vec<_> = lock(&self.sent)
            .iter()
            .filter(|webhook| webhook.key == key)
            .cloned()
            .collect();
        let any = !again.is_empty();
        again
            .into_iter()
            .for_each(|webhook| self.desk.send(webhook));
        any
    }

    /// From now on each webhook is sent twice at once.
    pub fn deliver_twice(&self, on: bool) {
        self.desk.twice.store(on, Ordering::SeqCst);
    }

    /// One attempt, signed like this, waited for.
    #[must_use]
    pub fn post(&self, webhook: &Webhook, signing: Signing) -> Response {
        self.post_at_once(webhook, signing, 1).remove(0)
    }

    /// So many attempts at the same time, waited for.
    #[must_use]
    pub fn post_at_once(&self, webhook: &Webhook, signing: Signing, times: usize) -> Vec<Response> {
        let Some(handle) = self.runtime.as_ref().map(Runtime::handle) else {
            return Vec::new();
        };
        let pending: Vec<_> = (0..times)
            .map(|_| self.begin(handle, webhook.clone(), signing))
            .collect();
        let lost = || Response::none(super::webhook::Failure::Broken);
        pending
            .into_iter()
            .map(|pending| pending.recv().unwrap_or_else(|_| lost()))
            .collect()
    }

    fn begin(
        &self,
        handle: &Handle,
        webhook: Webhook,
        signing: Signing,
    ) -> std::sync::mpsc::Receiver<Response> {
        let (into, out) = sync_channel(1);
        let sender = self.sender.clone();
        let platform = Arc::clone(&self.platform);
        handle.spawn(async move {
            let response = sender.attempt(&webhook, signing, 1).await;
            platform.answered(&webhook, &response);
            // Whoever asked may have gone.
            let _ = into.send(response);
        });
        out
    }

    /// Waits until every webhook was taken or given up; false when that takes longer.
    #[must_use]
    pub fn settle(&self, within: Duration) -> bool {
        self.desk.settle(within)
    }

    /// What a person sees in a place.
    #[must_use]
    pub fn screen(&self, place: &Place, user: &str) -> Screen {
        self.platform.screen(place, user)
    }

    /// Adds a line to the fault script.
    pub fn fault(&self, fault: Fault) {
        lock(&self.counter.script).add(fault);
    }

    /// Ends all faults.
    pub fn clear_faults(&self) {
        lock(&self.counter.script).clear();
    }

    /// The bot's calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Recorded> {
        self.desk.calls()
    }

    /// What the bot did that it must not do.
    #[must_use]
    pub fn violations(&self) -> Vec<Violation> {
        self.desk.violations()
    }

    /// Attempts to deliver webhooks so far.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Delivered> {
        self.desk.deliveries()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        // Not waited for: this may be dropped inside another runtime.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
