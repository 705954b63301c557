//! Looking after tags: their registries are asked, each as often as the bundle says, whether another manifest lies under them.
//!
//! A task of its own asks, because a registry may take its time. What it found it says once; that a version was refused does not bring
//! it back before ten times the interval, or before the tag changes again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use greentic_registry::{Client, Digest, Reference};
use greentic_runner::{Generation, WatchedTag};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// A version that was refused is tried again after so many intervals: what it lacked may be there by then.
const AGAIN_AFTER: u32 = 10;

/// Tags that are looked after.
pub struct Tags {
    list: watch::Sender<Watching>,
    found: mpsc::Receiver<String>,
}

/// What is asked, and who asks.
#[derive(Clone, Default)]
struct Watching {
    client: Option<Arc<Client>>,
    tags: Vec<WatchedTag>,
}

/// What is known of a tag.
struct Known {
    due: Instant,
    /// What was found last, and when it was said.
    said: Option<(Digest, Instant)>,
    silent: bool,
}

impl Tags {
    /// Begins to look after none.
    pub fn start(worker: &Handle) -> Self {
        let (list, listed) = watch::channel(Watching::default());
        let (tell, found) = mpsc::channel(1);
        worker.spawn(look(listed, tell));
        Self { list, found }
    }

    /// From now on it is those of this generation.
    pub fn watch(&self, generation: &Generation) {
        self.list.send_if_modified(|watching| {
            let tags = generation.watched_tags();
            let same = watching.tags == tags;
            *watching = Watching {
                client: generation.registries(),
                tags,
            };
            !same
        });
    }

    /// The next tag with a new version.
    pub async fn next(&mut self) -> String {
        match self.found.recv().await {
            Some(tag) => tag,
            None => std::future::pending().await,
        }
    }
}

async fn look(mut listed: watch::Receiver<Watching>, tell: mpsc::Sender<String>) {
    let mut known: HashMap<Reference, Known> = HashMap::new();
    loop {
        let watching = listed.borrow_and_update().clone();
        known.retain(|reference, _| watching.tags.iter().any(|tag| tag.reference == *reference));
        for tag in &watching.tags {
            known.entry(tag.reference.clone()).or_insert_with(|| Known {
                due: Instant::now() + tag.every,
                said: None,
                silent: false,
            });
        }
        let due = known.values().map(|known| known.due).min();
        let due = due.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            changed = listed.changed() => match changed {
                Ok(()) => continue,
                // The process ends.
                Err(_) => return,
            },
            () = sleep_until(due) => {}
        }
        let Some(client) = &watching.client else {
            continue;
        };
        for tag in &watching.tags {
            let Some(known) = known.get_mut(&tag.reference) else {
                continue;
            };
            if known.due > Instant::now() {
                continue;
            }
            if ask(client, tag, known).await && tell.send(tag.reference.to_string()).await.is_err()
            {
                return;
            }
            known.due = Instant::now() + tag.every;
        }
    }
}

/// Whether there is something to say about a tag.
async fn ask(client: &Client, tag: &WatchedTag, known: &mut Known) -> bool {
    let digest = match client.digest_of(&tag.reference).await {
        Ok(digest) => digest,
        Err(error) => {
            if !known.silent {
                tracing::warn!(
                    "{error}; what runs goes on, and it is asked again every {:?}",
                    tag.every
                );
            }
            known.silent = true;
            return false;
        }
    };
    known.silent = false;
    if digest == tag.manifest {
        known.said = None;
        return false;
    }
    let said = known.said.is_some_and(|(said, when)| {
        said == digest && when.elapsed() < tag.every.saturating_mul(AGAIN_AFTER)
    });
    if !said {
        known.said = Some((digest, Instant::now()));
    }
    !said
}
