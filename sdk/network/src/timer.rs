//! Waiting for time to pass.

use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

/// Waits so long.
pub async fn sleep(time: Duration) {
    #[cfg(target_arch = "wasm32")]
    {
        use crate::bindings::net::wasi::clocks::monotonic_clock;
        monotonic_clock::wait_for(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).await;
    }
    #[cfg(not(target_arch = "wasm32"))]
    tokio::time::sleep(time).await;
}

/// What comes first: the work's outcome, or `None` after so long. The work is dropped then.
pub async fn within<T>(time: Duration, work: impl Future<Output = T>) -> Option<T> {
    either(work, sleep(time)).await.ok()
}

/// What comes first of two; the other one is dropped.
///
/// # Errors
/// The outcome of the second.
pub async fn either<A, B>(
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> Result<A, B> {
    let mut first = pin!(first);
    let mut second = pin!(second);
    std::future::poll_fn(|context| {
        if let Poll::Ready(outcome) = first.as_mut().poll(context) {
            return Poll::Ready(Ok(outcome));
        }
        second.as_mut().poll(context).map(Err)
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{either, within};

    #[tokio::test]
    async fn work_that_takes_too_long_is_given_up_and_other_work_is_not() {
        let late = within(Duration::from_millis(5), std::future::pending::<()>()).await;
        assert_eq!(late, None);
        let soon = within(Duration::from_secs(60), async { 1 }).await;
        assert_eq!(soon, Some(1));
        let second = either(std::future::pending::<()>(), async { 2 }).await;
        assert_eq!(second, Err(2));
    }
}
