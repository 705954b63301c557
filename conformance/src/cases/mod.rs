//! The demands of each world.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::case::Stop;
use crate::sandbox::Stage;

/// A module's table of cases for one bench: identifier, demand, function.
macro_rules! cases {
    ($($id:literal, $demand:literal, $run:expr;)*) => {
        /// The cases of this module.
        pub(super) fn cases<'a>() -> Vec<crate::case::Case<super::Bench<'a>>> {
            vec![$(crate::case::Case { id: $id, demand: $demand, run: $run }),*]
        }
    };
}
use cases;

pub mod bus;
pub mod channel;
mod mutate;
pub mod store;

/// A name for this run, so that what earlier runs left on a server is not in its way.
fn run_name() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let nanos = since.map_or(0, |since| since.as_nanos());
    format!("{nanos:x}")
}

/// Runs work of several clients at the same time, on the stage's threads.
fn together<F>(stage: &Stage, works: Vec<F>) -> Result<Vec<F::Output>, Stop>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let tasks: Vec<_> = works
        .into_iter()
        .map(|work| stage.handle().spawn(work))
        .collect();
    tasks
        .into_iter()
        .map(|task| {
            stage
                .wait(task)
                .map_err(|error| Stop::Failed(error.to_string()))
        })
        .collect()
}
