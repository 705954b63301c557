//! Keeping to a platform's rates. Pure: time is an argument.
//!
//! A rate says "at most `messages` in any `per`". Exactly that is kept: the times of the last `messages` sends are remembered,
//! and the next one waits until the oldest of them is `per` ago. A token bucket would allow twice as many around an edge.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// At most `messages` in any `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub messages: usize,
    /// In how long.
    pub per: Duration,
}

/// Sends of one conversation or channel against its rates.
#[derive(Debug, Default)]
struct Window {
    sent: VecDeque<Instant>,
}

impl Window {
    /// How long to wait before one more may go.
    fn wait(&self, rates: &[Rate], now: Instant) -> Duration {
        rates
            .iter()
            .filter_map(|rate| {
                let index = self.sent.len().checked_sub(rate.messages)?;
                let oldest = self.sent.get(index)?;
                Some((*oldest + rate.per).saturating_duration_since(now))
            })
            .max()
            .unwrap_or_default()
    }

    fn note(&mut self, rates: &[Rate], now: Instant) {
        self.sent.push_back(now);
        let keep = rates.iter().map(|rate| rate.messages).max().unwrap_or(0);
        while self.sent.len() > keep {
            self.sent.pop_front();
        }
    }

    fn is_over(&self, rates: &[Rate], now: Instant) -> bool {
        let longest = rates.iter().map(|rate| rate.per).max().unwrap_or_default();
        self.sent
            .back()
            .is_none_or(|last| now.duration_since(*last) >= longest)
    }
}

/// The pace of one channel.
#[derive(Debug)]
pub struct Pace {
    per_channel: Vec<Rate>,
    per_conversation: Vec<Rate>,
    channel: Window,
    conversations: HashMap<String, Window>,
    sweep: usize,
}

impl Pace {
    /// With the rates a channel declares. A rate of zero messages would stop everything and is left out.
    #[must_use]
    pub fn new(per_channel: Vec<Rate>, per_conversation: Vec<Rate>) -> Self {
        let sensible =
            |rates: Vec<Rate>| rates.into_iter().filter(|rate| rate.messages > 0).collect();
        Self {
            per_channel: sensible(per_channel),
            per_conversation: sensible(per_conversation),
            channel: Window::default(),
            conversations: HashMap::new(),
            sweep: 64,
        }
    }

    /// Whether another keeps to the same rates.
    #[must_use]
    pub fn has_rates_of(&self, other: &Self) -> bool {
        self.per_channel == other.per_channel && self.per_conversation == other.per_conversation
    }

    /// Whether there is nothing to keep to.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.per_channel.is_empty() && self.per_conversation.is_empty()
    }

    /// Takes a place for one message: zero means send now; anything else means ask again after that long.
    pub fn take(&mut self, conversation: &str, now: Instant) -> Duration {
        let own = self
            .conversations
            .get(conversation)
            .map(|window| window.wait(&self.per_conversation, now))
            .unwrap_or_default();
        let wait = own.max(self.channel.wait(&self.per_channel, now));
        if !wait.is_zero() {
            return wait;
        }
        self.channel.note(&self.per_channel, now);
        if !self.per_conversation.is_empty() {
            self.conversations
                .entry(conversation.to_owned())
                .or_default()
                .note(&self.per_conversation, now);
            if self.conversations.len() > self.sweep {
                let rates = &self.per_conversation;
                self.conversations
                    .retain(|_, window| !window.is_over(rates, now));
                self.sweep = (self.conversations.len() * 2).max(64);
            }
        }
        Duration::ZERO
    }

    /// A message of the conversation is with the platform by now. The platform counts when a message arrives there, which may be
    /// long after its place was taken: counted from that, the next one could come too soon after it.
    pub fn sent(&mut self, conversation: &str, now: Instant) {
        let window = self.conversations.get_mut(conversation);
        if let Some(last) = window.and_then(|window| window.sent.back_mut()) {
            *last = now;
        }
    }

    /// Conversations that are remembered now.
    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.conversations.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_window_of_a_rates_length_ever_holds_more_than_the_rate() {
        let rates = vec![
            Rate {
                messages: 2,
                per: SECOND,
            },
            Rate {
                messages: 5,
                per: 10 * SECOND,
            },
        ];
        let mut pace = Pace::new(Vec::new(), rates.clone());
        let start = Instant::now();
        let (mut now, mut sent) = (start, Vec::new());
        while sent.len() < 40 {
            match pace.take("c", now) {
                wait if wait.is_zero() => sent.push(now),
                wait => now += wait,
            }
        }
        for rate in rates {
            for (index, first) in sent.iter().enumerate() {
                let within = sent[index..]
                    .iter()
                    .filter(|at| at.duration_since(*first) < rate.per)
                    .count();
                assert!(
                    within <= rate.messages,
                    "{within} messages within {:?}",
                    rate.per
                );
            }
        }
        // Five in ten seconds: eight groups at 0, 10 … 70 s, each spread over two seconds by two a second.
        assert_eq!(
            now.duration_since(start),
            72 * SECOND,
            "slower than the rates allow"
        );
    }

    #[test]
    fn conversations_do_not_slow_each_other_but_share_the_channels_rate() {
        let mut pace = Pace::new(
            vec![Rate {
                messages: 3,
                per: SECOND,
            }],
            vec![Rate {
                messages: 1,
                per: SECOND,
            }],
        );
        let now = Instant::now();
        assert_eq!(pace.take("a", now), Duration::ZERO);
        assert_eq!(pace.take("a", now), SECOND);
        assert_eq!(pace.take("b", now), Duration::ZERO);
        assert_eq!(pace.take("c", now), Duration::ZERO);
        assert_eq!(pace.take("d", now), SECOND);
    }

    #[test]
    fn a_message_that_took_long_to_arrive_keeps_the_next_one_back_from_then_on() {
        let once = Rate {
            messages: 1,
            per: SECOND,
        };
        let mut pace = Pace::new(Vec::new(), vec![once]);
        let now = Instant::now();
        assert_eq!(pace.take("a", now), Duration::ZERO);
        pace.sent("a", now + SECOND / 2);
        assert_eq!(pace.take("a", now + SECOND), SECOND / 2);
        pace.sent("unknown", now);
        assert_eq!(pace.take("b", now), Duration::ZERO);
    }

    #[test]
    fn conversations_that_are_over_are_forgotten() {
        let mut pace = Pace::new(
            Vec::new(),
            vec![Rate {
                messages: 1,
                per: SECOND,
            }],
        );
        let start = Instant::now();
        for n in 0..10_000u32 {
            pace.take(&n.to_string(), start + SECOND * n);
        }
        assert!(pace.remembered() <= 130, "{}", pace.remembered());
    }
}
