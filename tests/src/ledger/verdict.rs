//! What was promised, held against what was sent and what was seen. Pure: it judges a ledger that somebody else kept.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use super::cluster::Made;

/// How long after a fault its consequences last: connections are made again with pauses of up to 5 s, and a call that is waited for
/// fails after 5 s.
const AFTERMATH: Duration = Duration::from_secs(10);

/// A message of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its conversation.
    pub conversation: String,
    /// Its number in it, from 1.
    pub number: u64,
    /// A host answered with 2xx.
    pub acked: bool,
}

/// A call of the platform's API.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Its conversation.
    pub conversation: String,
    /// `COUNT: NUMBER`: the flow's count of what it heard, and the message it answers.
    pub text: String,
    /// The delivery's id, the same when a call is made again.
    pub delivery: String,
    /// When, after the start.
    pub at: Duration,
}

/// Something that went wrong, and when.
#[derive(Debug, Clone)]
pub struct Disturbance {
    /// What.
    pub what: String,
    /// From when, after the start.
    pub from: Duration,
    /// Until when.
    pub to: Duration,
}

/// Everything that is judged.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// In the order in which each conversation sent them.
    pub messages: Vec<Message>,
    /// In the order in which the platform was called.
    pub replies: Vec<Reply>,
    /// The faults that were made.
    pub disturbances: Vec<Disturbance>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Messages sent.
    pub sent: usize,
    /// Of these acknowledged.
    pub acked: usize,
    /// Replies a person sees.
    pub replies: usize,
    /// Messages, acknowledged or not, with more than one visible reply.
    pub doubled: Vec<String>,
    /// Acknowledged messages without a reply.
    pub lost: Vec<String>,
    /// Replies to acknowledged messages that came before one to an earlier message.
    pub out_of_order: Vec<String>,
    /// Replies whose count is not one more than that before: a turn's state was lost, or a turn done twice.
    pub miscounted: Vec<String>,
    /// Replies to nothing that was sent.
    pub strange: Vec<String>,
    /// Calls made again under the same delivery id, because a fault hid the outcome of the first; what the fault was.
    pub again: Vec<String>,
    /// The same without a fault that explains it.
    pub unexplained: Vec<String>,
    /// Messages the hosts gave up; filled in by who asked them.
    pub dead_letters: usize,
    /// Calls of hosts that were not answered with 2xx; filled in by who made them, like the next.
    pub refused: usize,
    /// How long the others took, sorted.
    pub waits: Vec<Duration>,
    /// Longest time without a visible reply.
    pub silence: Duration,
}

impl Verdict {
    /// Judges.
    #[must_use]
    pub fn of(ledger: &Ledger) -> Self {
        let mut verdict = Self {
            sent: ledger.messages.len(),
            acked: ledger.messages.iter().filter(|sent| sent.acked).count(),
            ..Self::default()
        };
        let visible = verdict.visible(ledger);
        verdict.replies = visible.len();
        let mut before = Duration::ZERO;
        for reply in &visible {
            verdict.silence = verdict.silence.max(reply.at.saturating_sub(before));
            before = before.max(reply.at);
        }
        let mut messages: BTreeMap<(&str, u64), (bool, usize)> = BTreeMap::new();
        for sent in &ledger.messages {
            messages.insert((&sent.conversation, sent.number), (sent.acked, 0));
        }
        // Of each conversation: the last count, and the highest number of an acknowledged message that was answered.
        let mut state: HashMap<&str, (u64, u64)> = HashMap::new();
        for reply in visible {
            let shown = format!("{}: `{}`", reply.conversation, reply.text);
            let known = read(&reply.text).and_then(|(count, number)| {
                let sent = messages.get_mut(&(reply.conversation.as_str(), number))?;
                Some((count, number, sent))
            });
            let Some((count, number, sent)) = known else {
                verdict.strange.push(shown);
                continue;
            };
            sent.1 += 1;
            let (counted, highest) = state.entry(&reply.conversation).or_default();
            if count != *counted + 1 {
                verdict.miscounted.push(format!("{shown} after {counted}"));
            }
            *counted = count;
            if sent.0 {
                if number < *highest {
                    verdict
                        .out_of_order
                        .push(format!("{shown} after {highest}"));
                }
                *highest = number.max(*highest);
            }
        }
        for ((conversation, number), (acked, replies)) in messages {
            let message = format!("{conversation}: {number}");
            match replies {
                0 if acked => verdict.lost.push(message),
                0 | 1 => {}
                _ => verdict
                    .doubled
                    .push(format!("{message} ({replies} replies)")),
            }
        }
        verdict
    }

    /// The replies a person sees: of several calls with one delivery id the first.
    fn visible<'a>(&mut self, ledger: &'a Ledger) -> Vec<&'a Reply> {
        let mut first: HashMap<(&str, &str), &Reply> = HashMap::new();
        let mut visible = Vec::new();
        for reply in &ledger.replies {
            let key = (reply.delivery.as_str(), reply.text.as_str());
            let earlier = (!reply.delivery.is_empty())
                .then(|| first.get(&key).copied())
                .flatten();
            let Some(earlier) = earlier else {
                first.insert(key, reply);
                visible.push(reply);
                continue;
            };
            let shown = format!("{}: `{}`", reply.conversation, reply.text);
            let explains =
                |fault: &&Disturbance| fault.from <= reply.at && fault.to + AFTERMATH >= earlier.at;
            match ledger.disturbances.iter().find(explains) {
                Some(fault) => self.again.push(format!("{shown}: {}", fault.what)),
                None => self.unexplained.push(shown),
            }
        }
        visible
    }

    /// 99 of 100 of the calls that were answered with 2xx took at most so long.
    #[must_use]
    pub fn p99(&self) -> Duration {
        let last = self.waits.len().saturating_sub(1);
        self.waits.get(last * 99 / 100).copied().unwrap_or_default()
    }

    /// What is broken, a line each.
    #[must_use]
    pub fn broken(&self) -> Vec<String> {
        let rows = [
            ("doubled", &self.doubled),
            ("lost", &self.lost),
            ("out of order", &self.out_of_order),
            ("miscounted", &self.miscounted),
            ("strange", &self.strange),
            ("called again without a fault", &self.unexplained),
        ];
        let mut lines: Vec<String> = rows
            .iter()
            .flat_map(|(name, row)| row.iter().map(move |line| format!("{name}: {line}")))
            .collect();
        if self.dead_letters > 0 {
            lines.push(format!("{} dead letters", self.dead_letters));
        }
        lines
    }

    /// Whether every promise was kept.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.broken().is_empty()
    }

    /// The identifiers of the messages that what is broken is about, as they stand in the hosts' logs.
    #[must_use]
    pub fn concerned(&self) -> Vec<String> {
        let all = [
            &self.doubled,
            &self.lost,
            &self.out_of_order,
            &self.miscounted,
        ];
        let conversation = |line: &String| line.split(':').next().map(str::to_owned);
        let mut all: Vec<_> = all
            .iter()
            .flat_map(|row| row.iter().filter_map(conversation))
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// The table.
    #[must_use]
    pub fn table(&self, made: &[Made]) -> String {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        for made in made {
            *kinds.entry(made.harm.kind()).or_default() += 1;
        }
        let kinds: Vec<_> = kinds
            .iter()
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let rows = [
            ("messages sent", self.sent.to_string()),
            ("acknowledged", self.acked.to_string()),
            ("replies seen", self.replies.to_string()),
            ("doubled", self.doubled.len().to_string()),
            ("lost", self.lost.len().to_string()),
            ("out of order", self.out_of_order.len().to_string()),
            ("miscounted", self.miscounted.len().to_string()),
            ("to nothing sent", self.strange.len().to_string()),
            ("dead letters", self.dead_letters.to_string()),
            (
                "unknown outcome, called again",
                self.again.len().to_string(),
            ),
            (
                "called again without a fault",
                self.unexplained.len().to_string(),
            ),
            (
                "faults made",
                format!("{} ({})", made.len(), kinds.join(", ")),
            ),
            ("calls not answered with 2xx", self.refused.to_string()),
            (
                "99 of 100 others answered within",
                format!("{} ms", self.p99().as_millis()),
            ),
            (
                "longest silence",
                format!("{:.1} s", self.silence.as_secs_f64()),
            ),
        ];
        let mut text = String::new();
        for (name, value) in rows {
            let _ = writeln!(text, "  {name:32} {value}");
        }
        text
    }
}

/// The count and the number of a reply's text.
fn read(text: &str) -> Option<(u64, u64)> {
    let (count, number) = text.split_once(": ")?;
    Some((count.parse().ok()?, number.parse().ok()?))
}

#[cfg(test)]
mod tests;
