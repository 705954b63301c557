//! How long to wait before the next attempt: twice as long each time, never longer than a cap, and spread by chance, so that many
//! who lost the same server do not come back at the same moment.

use std::time::Duration;

/// The pause between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempt: u32,
}

impl Backoff {
    /// Begins at `base` and grows to `cap`. `None` when `base` is zero or beyond `cap`: that would be no pause or no growth.
    #[must_use]
    pub fn new(base: Duration, cap: Duration) -> Option<Self> {
        (!base.is_zero() && base <= cap).then_some(Self {
            base,
            cap,
            attempt: 0,
        })
    }

    /// The pause before the next attempt: between half of the full pause and all of it, as `random` falls.
    pub fn pause(&mut self, random: u64) -> Duration {
        let full = self
            .base
            .saturating_mul(1_u32 << self.attempt.min(16))
            .min(self.cap);
        self.attempt = self.attempt.saturating_add(1);
        let share = u32::try_from(random % 1_024).unwrap_or(0);
        full / 2 + (full / 2).saturating_mul(share) / 1_023
    }

    /// An attempt succeeded: the next pause is the first again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Backoff;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn pauses_double_up_to_the_cap_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(ms(100), ms(1_000)).unwrap();
        let pauses: Vec<_> = (0..6).map(|_| backoff.pause(1_023)).collect();
        assert_eq!(
            pauses,
            [ms(100), ms(200), ms(400), ms(800), ms(1_000), ms(1_000)]
        );
        backoff.reset();
        assert_eq!(backoff.pause(1_023), ms(100));
    }

    #[test]
    fn chance_takes_up_to_half_of_a_pause_and_never_more() {
        for random in [0, 1, 512, 1_023, 1_024, u64::MAX] {
            let mut backoff = Backoff::new(ms(100), ms(100)).unwrap();
            let pause = backoff.pause(random);
            assert!(pause >= ms(50) && pause <= ms(100), "{random}: {pause:?}");
        }
        let mut backoff = Backoff::new(ms(100), ms(100)).unwrap();
        assert_ne!(backoff.pause(0), backoff.pause(900));
    }

    #[test]
    fn nonsense_is_no_backoff() {
        assert_eq!(Backoff::new(ms(0), ms(10)), None);
        assert_eq!(Backoff::new(ms(11), ms(10)), None);
    }

    #[test]
    fn however_many_attempts_there_were_nothing_overflows() {
        let mut backoff = Backoff::new(Duration::MAX / 2, Duration::MAX).unwrap();
        backoff.attempt = u32::MAX;
        assert!(backoff.pause(1_023) <= Duration::MAX);
    }
}
