//! Taking over a changed bundle: by its edit, by a new version under a tag, by SIGHUP, by an admin call; and going back.
//!
//! A new generation is built whole beside the running one. What is wrong with it is logged, answered and shown in readiness, and
//! the running one goes on untouched. Otherwise requests and messages go to the new one from one moment on.

use std::future::pending;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use greentic_config::{Bundle, KeySource, Loaded, Origin};
use greentic_diagnostics::Diagnostics;
use greentic_gateway::{AdminError, Reloaded};
use greentic_runner::{Foundation, Generation, Host};
use greentic_telemetry::HostMetrics;
use tokio::runtime::Handle;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;

use crate::adapter::{Adapter, Order};
use crate::front::Front;
use crate::table;
use crate::tags::Tags;
use crate::watch::Watch;

/// Builds generations and takes them over, one at a time.
pub struct Reloader {
    /// The bundle's file.
    pub path: PathBuf,
    /// What generations share.
    pub foundation: Foundation,
    /// What runs them.
    pub host: Arc<Host>,
    /// What gives requests to them.
    pub adapter: Arc<Adapter>,
    /// Where the host is reached.
    pub origin: String,
    /// Where finishing goes on.
    pub worker: Handle,
    /// What operators ask for.
    pub orders: mpsc::Receiver<Order>,
    /// SIGHUP.
    pub hangup: Signal,
    /// The files as they were before the first of them was read; none when edits are not taken over by themselves.
    pub watch: Option<Watch>,
    /// The tags; none when new versions are not taken over by themselves.
    pub tags: Option<Tags>,
    /// The bundle the process was started with: some of it holds until its end.
    pub first: Arc<Loaded>,
}

enum Cause {
    Edit,
    Hangup,
    Order(Order),
    /// What a tag has is new.
    Tag(String),
}

impl Reloader {
    /// Serves until the process ends.
    pub async fn run(mut self) {
        loop {
            if let Some(watch) = &mut self.watch {
                watch.watch(files(&self.path, self.host.generation().loaded()));
            }
            if let Some(tags) = &self.tags {
                tags.watch(&self.host.generation());
            }
            match self.next().await {
                Cause::Edit => {
                    let _ = self.reload("an edit").await;
                }
                Cause::Hangup => {
                    let _ = self.reload("SIGHUP").await;
                }
                Cause::Tag(tag) => {
                    let _ = self.reload(&format!("a new version of {tag}")).await;
                }
                Cause::Order(Order::Reload(answer)) => {
                    // Whoever asked may be gone; the generation serves all the same.
                    let _ = answer.send(self.reload("an admin call").await);
                }
                Cause::Order(Order::RollBack(to, answer)) => {
                    let _ = answer.send(self.roll_back(to).await);
                }
            }
        }
    }

    async fn next(&mut self) -> Cause {
        loop {
            let every = self.host.generation().limits.generation.watch;
            let every = self.watch.as_ref().map(|_| every);
            tokio::select! {
                Some(order) = self.orders.recv() => return Cause::Order(order),
                Some(()) = self.hangup.recv() => return Cause::Hangup,
                tag = next_tag(&mut self.tags) => return Cause::Tag(tag),
                () = look_after(every) => {
                    if self.watch.as_mut().is_some_and(Watch::changed) {
                        return Cause::Edit;
                    }
                }
            }
        }
    }

    async fn reload(&self, cause: &str) -> Result<Reloaded, AdminError> {
        let begun = Instant::now();
        let read = Bundle::load(&self.path, |name| std::env::var(name).ok()).map(Arc::new);
        let loaded = match read {
            Ok(loaded) => loaded,
            Err(faults) => return Err(self.refuse(cause, &faults)),
        };
        let number = self.host.generation().number.saturating_add(1);
        let built = self
            .foundation
            .load(&loaded, number, &self.host.earlier())
            .await;
        match built {
            Ok(new) if new.digest() == self.host.generation().digest() && !self.differs(&new) => {
                self.adapter.refused(None);
                self.count("unchanged");
                tracing::info!(
                    generation = self.host.generation().number,
                    "{cause}: nothing has changed"
                );
                Ok(Reloaded {
                    generation: self.host.generation().number,
                    swapped: false,
                    changes: Vec::new(),
                    notes: Vec::new(),
                })
            }
            Ok(new) => self.take_over(new, cause, None, begun).await,
            Err(faults) => Err(self.refuse(cause, &faults)),
        }
    }

    /// Whether something differs that is in none of the files, such as a secret.
    fn differs(&self, new: &Generation) -> bool {
        !self.host.generation().is_like(new)
    }

    async fn roll_back(&self, to: Option<u64>) -> Result<Reloaded, AdminError> {
        let begun = Instant::now();
        let current = self.host.generation();
        if to == Some(current.number) {
            return Err(AdminError::Conflict(format!(
                "generation {} is the one that runs",
                current.number
            )));
        }
        let Some(earlier) = self.host.to_go_back_to(to) else {
            return Err(AdminError::NotFound(match to {
                Some(number) => format!(
                    "generation {number} is not kept (key `limits.generation.kept`); `GET /admin/v1/generations` shows which are"
                ),
                None => "there is no earlier generation to go back to".to_owned(),
            }));
        };
        let number = current.number.saturating_add(1);
        let built = self
            .foundation
            .restore(&earlier, number, &self.host.earlier())
            .await;
        match built {
            Ok(new) => {
                let cause = format!("a rollback to generation {}", earlier.number);
                self.take_over(new, &cause, Some(earlier.number), begun)
                    .await
            }
            Err(faults) => Err(self.refuse("a rollback", &faults)),
        }
    }

    async fn take_over(
        &self,
        new: Arc<Generation>,
        cause: &str,
        rolled_back_to: Option<u64>,
        begun: Instant,
    ) -> Result<Reloaded, AdminError> {
        let status = table::json(&new, &self.origin);
        let front = Front::new(&new, status, Some(&self.adapter.front()), self.host.role());
        let front = front
            .map_err(|error| self.refuse_for(cause, error.to_string(), vec![error.to_string()]))?;
        let before = self.host.generation();
        let retiring = self
            .host
            .swap(Arc::clone(&new), rolled_back_to)
            .await
            .map_err(|error| self.refuse_for(cause, error.to_string(), vec![error.to_string()]))?;
        let leaving = self.adapter.swap(front);
        self.host
            .set_up_channels(public_url(new.loaded()), &self.worker);
        self.host.tear_down_gone(before, &self.worker);
        self.adapter.refused(None);
        self.count(if rolled_back_to.is_some() {
            "rolled_back"
        } else {
            "taken"
        });
        let notes = later(&self.first, new.loaded());
        let changes = retiring.changes.clone();
        tracing::info!(generation = new.number, took = ?begun.elapsed(), "{cause}: generation {} serves: {}", new.number, changes.join("; "));
        for note in &notes {
            tracing::warn!(generation = new.number, "{note}");
        }
        for warning in &new.warnings {
            tracing::info!(generation = new.number, "{warning}");
        }
        let host = Arc::clone(&self.host);
        self.worker
            .spawn(async move { host.retire(retiring, leaving.idle()).await });
        Ok(Reloaded {
            generation: new.number,
            swapped: true,
            changes,
            notes,
        })
    }

    fn refuse(&self, cause: &str, faults: &Diagnostics) -> AdminError {
        let list = faults.iter().map(ToString::to_string).collect();
        eprintln!("{}", faults.render(false));
        self.refuse_for(cause, faults.count_line(), list)
    }

    fn refuse_for(&self, cause: &str, detail: String, faults: Vec<String>) -> AdminError {
        let number = self.host.generation().number;
        let why = format!(
            "{cause} was refused, generation {number} goes on: {}",
            faults.join("; ")
        );
        tracing::error!(generation = number, "{why}");
        self.adapter.refused(Some(why));
        self.count("refused");
        AdminError::Refused {
            detail: format!("{detail}; generation {number} goes on"),
            faults,
        }
    }

    fn count(&self, outcome: &str) {
        let metrics: &HostMetrics = &self.foundation.metrics;
        metrics.generation_swaps.with([outcome]).inc();
    }
}

/// After a while; never when nothing is watched.
async fn look_after(every: Option<Duration>) {
    match every {
        Some(every) => tokio::time::sleep(every).await,
        None => pending().await,
    }
}

/// A tag with a new version; never when none is looked after.
async fn next_tag(tags: &mut Option<Tags>) -> String {
    match tags {
        Some(tags) => tags.next().await,
        None => pending().await,
    }
}

/// The bundle's file and every file it names.
fn files(path: &std::path::Path, loaded: &Loaded) -> Vec<PathBuf> {
    let bundle = &loaded.bundle;
    let plugins = bundle.plugins.values().map(|plugin| &plugin.from.value);
    let packs = bundle.packs.values().map(|pack| &pack.from.value);
    let origins = plugins.chain(packs).filter_map(|origin| match origin {
        Origin::File(path) => Some(path.clone()),
        Origin::Oci(_) => None,
    });
    let keys = bundle.trust.keys.values();
    let keys = keys.filter_map(|key| match &key.key.value {
        KeySource::File(path) => Some(path.clone()),
        KeySource::Ed25519(_) => None,
    });
    let registries = bundle.registries.iter();
    let authorities =
        registries.filter_map(|registry| Some(registry.authorities.as_ref()?.value.clone()));
    let mut all: Vec<PathBuf> = std::iter::once(path.to_owned())
        .chain(origins)
        .chain(keys)
        .chain(authorities)
        .chain(loaded.watched.iter().cloned())
        .collect();
    all.sort();
    all.dedup();
    all
}

/// What an edit changes that holds until the end of the process, a line each.
fn later(first: &Loaded, now: &Loaded) -> Vec<String> {
    let (was, is) = (&first.bundle, &now.bundle);
    let token = |bundle: &Bundle| {
        let admin = bundle.admin.as_ref();
        admin.map(|admin| (admin.listen.value, admin.token.value.clone()))
    };
    let text = |text: &Option<greentic_diagnostics::Spanned<String>>| {
        text.as_ref().map(|text| text.value.clone())
    };
    let cache = |bundle: &Bundle| bundle.cache.as_ref().map(|cache| cache.value.clone());
    let traced = |bundle: &Bundle| {
        let telemetry = &bundle.telemetry;
        (
            text(&telemetry.otlp_endpoint),
            telemetry.sample.to_bits(),
            telemetry.service_name.clone(),
            telemetry.log_format,
            telemetry.log_filter.value.clone(),
        )
    };
    let changed = [
        ("listen", was.listen.value != is.listen.value),
        ("admin", token(was) != token(is)),
        ("public-url", text(&was.public_url) != text(&is.public_url)),
        ("telemetry", traced(was) != traced(is)),
        ("cache", cache(was) != cache(is)),
        ("limits.request", was.limits.request != is.limits.request),
        (
            "limits.websocket",
            was.limits.websocket != is.limits.websocket,
        ),
        ("limits.admin", was.limits.admin != is.limits.admin),
        ("limits.outgoing", was.limits.outgoing != is.limits.outgoing),
        ("limits.process", was.limits.process != is.limits.process),
        ("limits.bus", was.limits.bus != is.limits.bus),
    ];
    changed
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(key, _)| format!("`{key}` takes effect at the next start of the process"))
        .collect()
}

/// By which address the platforms reach the channels of a bundle, without a trailing slash.
pub fn public_url(loaded: &Loaded) -> Option<String> {
    let url = loaded.bundle.public_url.as_ref()?;
    Some(url.value.trim_end_matches('/').to_owned())
}
