//! Whether what stands behind the store and the bus answers. A plugin is up as long as its instance is; the server it speaks to may
//! be gone all the same. So each is asked every two seconds, and whoever asks the host for its readiness only reads what was heard.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use greentic_interfaces::model::Error;
use greentic_sandbox::fault::Fault;
use greentic_sandbox::scope::CallScope;
use greentic_telemetry::HostMetrics;
use parking_lot::Mutex;

use crate::backends::Backends;
use crate::generation::Generation;
use crate::host::EGRESS;

/// Between two rounds of questions, and how long an answer is waited for.
pub(crate) const EVERY: Duration = Duration::from_secs(2);

/// What a backend is needed for, and the plugin.
type Backend = (&'static str, String);

/// What was heard last: of each backend why it does not answer, or nothing.
#[derive(Default)]
pub(crate) struct Health(Mutex<BTreeMap<Backend, Option<String>>>);

/// A backend as it is seen from here.
pub(crate) struct Seen {
    /// What it is needed for.
    pub role: &'static str,
    /// The plugin.
    pub name: String,
    /// Why it cannot be used; nothing when it can, or was not asked yet.
    pub fault: Option<String>,
}

impl Health {
    /// Asks every backend of a generation once.
    pub(crate) async fn ask(&self, generation: &Generation) {
        let mut questions: BTreeMap<Backend, BoxFuture<'_, Option<String>>> = BTreeMap::new();
        for backends in &generation.backends {
            for (role, name, _) in needed(backends) {
                let question = || question(backends, role);
                questions
                    .entry((role, name.to_owned()))
                    .or_insert_with(question);
            }
        }
        let (names, questions): (Vec<_>, Vec<_>) = questions.into_iter().unzip();
        let heard: BTreeMap<_, _> = names.into_iter().zip(join_all(questions).await).collect();
        tell(&self.0.lock(), &heard, &generation.metrics);
        *self.0.lock() = heard;
    }

    /// Every backend of a generation, each once.
    pub(crate) fn seen(&self, generation: &Generation) -> Vec<Seen> {
        let heard = self.0.lock();
        let mut seen = BTreeMap::new();
        for backends in &generation.backends {
            for (role, name, is_up) in needed(backends) {
                let backend = (role, name.to_owned());
                let fault = if is_up {
                    heard.get(&backend).cloned().flatten()
                } else {
                    Some("its instance ended and is being replaced".to_owned())
                };
                seen.insert(backend, fault);
            }
        }
        let seen = seen.into_iter();
        seen.map(|((role, name), fault)| Seen { role, name, fault })
            .collect()
    }
}

/// What the tenants of these backends need: the role, the plugin, and whether its instance is up.
fn needed(backends: &Backends) -> Vec<(&'static str, &str, bool)> {
    let mut needed = vec![
        (
            "sessions",
            backends.store_name.as_str(),
            backends.store.is_up(),
        ),
        (
            "bus",
            backends.bus_name.as_str(),
            backends.bus.client().is_up(),
        ),
    ];
    if let (Some(name), Some(store)) = (&backends.state_name, &backends.state_store)
        && *name != backends.store_name
    {
        needed.push(("state", name, store.is_up()));
    }
    needed
}

fn question<'a>(backends: &'a Backends, role: &str) -> BoxFuture<'a, Option<String>> {
    let store = match (role, &backends.state_store) {
        ("bus", _) => {
            let bus = backends.bus.client();
            return Box::pin(fault(bus.depth(CallScope::default(), EGRESS.to_owned())));
        }
        ("state", Some(store)) => store,
        _ => &backends.store,
    };
    let (partition, key) = ("health".to_owned(), vec!["asked".to_owned()]);
    Box::pin(fault(store.get(CallScope::default(), partition, key)))
}

/// Why there was no answer. That it has no such thing, or does not like the question, is one.
async fn fault<T>(answer: impl Future<Output = Result<Result<T, Error>, Fault>>) -> Option<String> {
    match tokio::time::timeout(EVERY, answer).await {
        Ok(Ok(Err(Error::Unavailable(why) | Error::Denied(why) | Error::UnknownOutcome(why)))) => {
            Some(why)
        }
        Ok(Ok(_)) => None,
        Ok(Err(fault)) => Some(fault.to_string()),
        Err(_) => Some(format!("no answer within {} s", EVERY.as_secs())),
    }
}

/// Says what has changed, and sets the gauges.
fn tell(
    before: &BTreeMap<Backend, Option<String>>,
    heard: &BTreeMap<Backend, Option<String>>,
    metrics: &HostMetrics,
) {
    for (backend, fault) in heard {
        let (role, name) = backend;
        let up = metrics.backend_up.with([*role, name.as_str()]);
        up.set(i64::from(fault.is_none()));
        let was_up = before.get(backend).is_none_or(Option::is_none);
        match fault {
            Some(why) if was_up => {
                tracing::error!(role, plugin = name, "the backend does not answer: {why}");
            }
            None if !was_up => tracing::info!(role, plugin = name, "the backend answers again"),
            _ => {}
        }
    }
}
