//! What one tenant may ask of the host at a time. Pure: time is an argument.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use greentic_config::limits::QuotaLimits;
use parking_lot::Mutex;

/// The quota of one tenant, shared by its channels.
///
/// Events are counted by the generic cell rate algorithm: one time stamp says how far ahead of its rate the tenant is.
#[derive(Debug)]
pub struct Quota {
    limits: QuotaLimits,
    between: Duration,
    ahead: Duration,
    next: Mutex<Option<Instant>>,
    turns: AtomicUsize,
    most_turns: usize,
}

impl Quota {
    /// With a tenant's limits.
    #[must_use]
    pub fn new(limits: &QuotaLimits) -> Self {
        let per_second = u32::try_from(limits.events_per_second.max(1)).unwrap_or(u32::MAX);
        let between = Duration::from_secs(1) / per_second;
        let burst = u32::try_from(limits.burst).unwrap_or(u32::MAX);
        Self {
            limits: limits.clone(),
            between,
            ahead: between.saturating_mul(burst),
            next: Mutex::new(None),
            turns: AtomicUsize::new(0),
            most_turns: limits.turns_in_flight.max(1),
        }
    }

    /// What it was made of.
    #[must_use]
    pub fn limits(&self) -> &QuotaLimits {
        &self.limits
    }

    /// Takes places for events.
    ///
    /// # Errors
    /// How long until there are that many.
    pub fn take(&self, events: usize, now: Instant) -> Result<(), Duration> {
        let cost = self
            .between
            .saturating_mul(u32::try_from(events).unwrap_or(u32::MAX));
        let mut next = self.next.lock();
        let from = next.map_or(now, |next| next.max(now));
        let ahead = (from + cost).saturating_duration_since(now);
        if ahead > self.ahead.max(cost) {
            return Err(ahead - self.ahead);
        }
        *next = Some(from + cost);
        Ok(())
    }

    /// Takes a place for a turn until the guard goes; none when the tenant has as many turns as it may.
    pub fn turn(&self) -> Option<TurnPlace<'_>> {
        if self.turns.fetch_add(1, Ordering::Relaxed) >= self.most_turns {
            self.turns.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(TurnPlace(&self.turns))
    }
}

/// A turn that counts against its tenant's quota.
#[derive(Debug)]
pub struct TurnPlace<'a>(&'a AtomicUsize);

impl Drop for TurnPlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(events_per_second: usize, burst: usize, turns_in_flight: usize) -> Quota {
        Quota::new(&QuotaLimits {
            events_per_second,
            burst,
            turns_in_flight,
        })
    }

    #[test]
    fn a_burst_is_taken_at_once_and_then_only_the_rate() {
        let quota = quota(10, 5, 1);
        let now = Instant::now();
        let taken = (0..20).filter(|_| quota.take(1, now).is_ok()).count();
        assert_eq!(taken, 5);
        assert_eq!(quota.take(1, now), Err(Duration::from_millis(100)));
        let later = now + Duration::from_secs(1);
        let taken = (0..100u32)
            .filter(|n| {
                quota
                    .take(1, later + Duration::from_millis(100) * *n)
                    .is_ok()
            })
            .count();
        assert_eq!(
            taken, 100,
            "one every hundred milliseconds is the rate itself"
        );
    }

    #[test]
    fn a_batch_larger_than_the_burst_is_taken_when_nothing_is_ahead() {
        let quota = quota(10, 5, 1);
        let now = Instant::now();
        assert!(quota.take(50, now).is_ok());
        assert!(quota.take(1, now).is_err());
    }

    #[test]
    fn turns_in_flight_are_bounded_and_given_back() {
        let quota = quota(10, 5, 2);
        let (first, second) = (quota.turn(), quota.turn());
        assert!(first.is_some() && second.is_some() && quota.turn().is_none());
        drop(first);
        assert!(quota.turn().is_some());
    }
}
