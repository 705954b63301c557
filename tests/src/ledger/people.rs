//! People who talk, and the platform that tells the hosts: signed, to any of them, again until it is taken, and a conversation's next
//! message only after the one before.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::chance::Chance;
use super::cluster::Origins;
use super::plan::HOSTS;
use super::verdict::Message;
use crate::host::web::Web;
use crate::host::webhook::{body, signature_by};

/// How long the platform waits for an answer.
const ANSWER: Duration = Duration::from_secs(4);
/// How long what is not acknowledged is sent again after people have ended.
const LAST: Duration = Duration::from_secs(60);
/// So many messages in a hundred are given up after one attempt: nobody promised anything for these.
const ONCE: usize = 5;
/// So many in a hundred are sent once more after they were acknowledged, as by a platform that lost the answer.
const AGAIN: usize = 10;

/// Everybody who talks.
pub struct People {
    talking: Arc<AtomicBool>,
    counts: Counts,
    threads: Vec<JoinHandle<Vec<Message>>>,
}

/// How far they are.
#[derive(Clone, Default)]
pub struct Counts {
    sent: Arc<AtomicUsize>,
    acked: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl Counts {
    /// Messages sent and acknowledged.
    #[must_use]
    pub fn now(&self) -> (usize, usize) {
        let read = |count: &AtomicUsize| count.load(Ordering::SeqCst);
        (read(&self.sent), read(&self.acked))
    }

    /// Calls that were not answered with 2xx.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::SeqCst)
    }

    /// How long each call took that was, sorted.
    #[must_use]
    pub fn waits(&self) -> Vec<Duration> {
        let mut waits = self.waits.lock().unwrap().clone();
        waits.sort_unstable();
        waits
    }
}

impl People {
    /// Begins so many conversations.
    #[must_use]
    pub fn begin(seed: u64, conversations: usize, origins: &Origins, key: &str) -> Self {
        let talking = Arc::new(AtomicBool::new(true));
        let counts = Counts::default();
        let threads = (0..conversations)
            .map(|number| {
                let mut person = Person {
                    conversation: format!("d-{number}"),
                    chance: Chance::new(seed ^ ((u64::try_from(number).unwrap_or(0) + 1) << 32)),
                    web: Web::within(ANSWER),
                    origins: Arc::clone(origins),
                    key: key.to_owned(),
                    counts: counts.clone(),
                };
                let talking = Arc::clone(&talking);
                std::thread::spawn(move || person.talk(&talking))
            })
            .collect();
        Self {
            talking,
            counts,
            threads,
        }
    }

    /// How far they are, also later.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.clone()
    }

    /// Ends all conversations and gives what was sent.
    #[must_use]
    pub fn end(self) -> Vec<Message> {
        self.talking.store(false, Ordering::SeqCst);
        let said = self
            .threads
            .into_iter()
            .map(|person| person.join().unwrap());
        said.flatten().collect()
    }
}

struct Person {
    conversation: String,
    chance: Chance,
    web: Web,
    origins: Origins,
    key: String,
    counts: Counts,
}

impl Person {
    fn talk(&mut self, talking: &AtomicBool) -> Vec<Message> {
        let mut said = Vec::new();
        while talking.load(Ordering::SeqCst) {
            let number = u64::try_from(said.len()).unwrap_or(0) + 1;
            self.counts.sent.fetch_add(1, Ordering::SeqCst);
            let acked = self.say(number, talking);
            if acked {
                self.counts.acked.fetch_add(1, Ordering::SeqCst);
                if self.chance.percent(AGAIN) {
                    let _ = self.attempt(number);
                }
            }
            said.push(Message {
                conversation: self.conversation.clone(),
                number,
                acked,
            });
            std::thread::sleep(self.chance.between(20, 400));
        }
        said
    }

    /// Sends one until it is acknowledged; false when it never was.
    fn say(&mut self, number: u64, talking: &AtomicBool) -> bool {
        let once = self.chance.percent(ONCE);
        let mut end = None;
        loop {
            if self.attempt(number) {
                return true;
            }
            if !talking.load(Ordering::SeqCst) {
                end = end.or(Some(Instant::now() + LAST));
            }
            if once || end.is_some_and(|end| Instant::now() > end) {
                return false;
            }
            std::thread::sleep(self.chance.between(100, 600));
        }
    }

    /// One webhook call to one of the hosts.
    fn attempt(&mut self, number: u64) -> bool {
        let host = self.chance.below(HOSTS);
        let origin = self.origins.lock().unwrap()[host].clone();
        let id = format!("{}-{number}", self.conversation);
        let body = body(&id, &self.conversation, &number.to_string());
        let url = format!("{origin}/v1/messaging/ingress/platform/demo/default/ledger");
        let signature = signature_by(&self.key, &body);
        let headers = [("x-signature", signature.as_str())];
        let begun = Instant::now();
        let answer = self.web.attempt("POST", &url, &headers, body.as_bytes());
        let taken = answer.is_ok_and(|answer| (200..300).contains(&answer.status));
        if taken {
            self.counts.waits.lock().unwrap().push(begun.elapsed());
        } else {
            self.counts.refused.fetch_add(1, Ordering::SeqCst);
        }
        taken
    }
}
