//! A bound on a wait that costs nothing when there is no wait: the timer is made when the future is first found pending.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// The future's output, or `None` when it was not ready in time. The future is dropped then.
pub(crate) async fn within<F: Future>(bound: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(None::<Sleep>);
    poll_fn(move |cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        if timer.is_none() {
            timer.set(Some(sleep(bound)));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => timer.poll(cx).map(|()| None),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_ready_future_is_taken_even_with_no_time_left() {
        assert_eq!(within(Duration::ZERO, async { 7 }).await, Some(7));
    }

    #[tokio::test]
    async fn a_future_that_never_ends_is_given_up() {
        let never = std::future::pending::<()>();
        assert_eq!(within(Duration::from_millis(5), never).await, None);
    }

    #[tokio::test]
    async fn a_future_that_waits_less_than_the_bound_is_taken() {
        let soon = sleep(Duration::from_millis(5));
        assert_eq!(within(Duration::from_secs(20), soon).await, Some(()));
    }
}
