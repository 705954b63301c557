//! Many components at once, away from the async threads.

use super::{CacheOutcome, CompileError, CompiledCache, Loaded};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wasmtime::Engine;

/// A component to load or compile.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name, for progress and errors.
    pub name: String,
    /// The component.
    pub bytes: Arc<[u8]>,
}

/// One job is done.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'a> {
    /// The job's name.
    pub name: &'a str,
    /// How many are done with this one.
    pub done: usize,
    /// How many there are.
    pub total: usize,
    /// Where its code came from; none when it cannot be compiled.
    pub outcome: Option<CacheOutcome>,
    /// How long it took.
    pub took: Duration,
}

impl CompiledCache {
    /// Loads or compiles all `jobs`, at most `threads` at a time, on threads of its own, and returns the results in the order of the
    /// jobs. `on_progress` is called from those threads, once a job. One job's failure stops no other.
    pub async fn compile_all(
        self: Arc<Self>,
        engine: Engine,
        jobs: Vec<Job>,
        threads: NonZeroUsize,
        on_progress: impl Fn(Progress<'_>) + Send + Sync + 'static,
    ) -> Vec<Result<Loaded, CompileError>> {
        let run = tokio::task::spawn_blocking(move || {
            self.compile_all_blocking(&engine, &jobs, threads, &on_progress)
        });
        match run.await {
            Ok(results) => results,
            // The task is never cancelled, so this is a panic of the callback or the compiler: it goes on where it would have.
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Vec::new(),
            },
        }
    }

    /// As [`CompiledCache::compile_all`], on the calling thread's time.
    pub fn compile_all_blocking(
        &self,
        engine: &Engine,
        jobs: &[Job],
        threads: NonZeroUsize,
        on_progress: &(impl Fn(Progress<'_>) + Sync),
    ) -> Vec<Result<Loaded, CompileError>> {
        let results: Vec<OnceLock<_>> = jobs.iter().map(|_| OnceLock::new()).collect();
        let next = AtomicUsize::new(0);
        let done = AtomicUsize::new(0);
        let work = || {
            while let Some((job, slot)) = {
                let index = next.fetch_add(1, Ordering::Relaxed);
                jobs.get(index).zip(results.get(index))
            } {
                let start = std::time::Instant::now();
                let result = self.load_or_compile(engine, &job.bytes);
                let outcome = result.as_ref().ok().map(|loaded| loaded.outcome);
                let _ = slot.set(result);
                let done = done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                on_progress(Progress {
                    name: &job.name,
                    done,
                    total: jobs.len(),
                    outcome,
                    took: start.elapsed(),
                });
            }
        };
        std::thread::scope(|scope| {
            // The calling thread is one of them.
            for _ in 1..threads.get().min(jobs.len()) {
                scope.spawn(work);
            }
            work();
        });
        results
            .into_iter()
            .filter_map(OnceLock::into_inner)
            .collect()
    }
}
