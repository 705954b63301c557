//! The wasmtime engine and its clock.
//!
//! One engine for the process. Its epoch moves every [`TICK`], by one thread for all instances; a running guest looks at the
//! clock then and compares the processor time of its call with its limit. The pooling allocator is not used: cells live
//! long, and in steady state it costs more than it saves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wasmtime::{Config, Engine};

/// How often a running guest is interrupted to look at the clock. A limit is exceeded by at most this.
pub const TICK: Duration = Duration::from_millis(10);

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot be started on this machine: {0}")]
pub struct EngineError(String);

/// The engine with its ticker; the ticker ends with the last clone.
#[derive(Clone)]
pub struct SandboxEngine {
    engine: Engine,
    _ticker: Arc<Ticker>,
}

impl SandboxEngine {
    /// Makes the engine.
    ///
    /// # Errors
    /// [`EngineError`] where the machine cannot run compiled components.
    pub fn new() -> Result<Self, EngineError> {
        let mut config = Config::new();
        config.wasm_component_model(true);
        config.wasm_component_model_async(true);
        config.epoch_interruption(true);
        config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16));
        // A guest's stack on its own fiber; a deeper recursion traps.
        config.max_wasm_stack(512 * 1024);
        config.async_stack_size(1024 * 1024);
        let engine = Engine::new(&config).map_err(|error| EngineError(format!("{error:#}")))?;
        let ticker =
            Ticker::start(engine.clone()).map_err(|error| EngineError(error.to_string()))?;
        Ok(Self {
            engine,
            _ticker: Arc::new(ticker),
        })
    }

    /// The engine itself.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }
}

struct Ticker(Arc<AtomicBool>);

impl Ticker {
    fn start(engine: Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while !seen.load(Ordering::Relaxed) {
                    std::thread::sleep(TICK);
                    engine.increment_epoch();
                }
            })?;
        Ok(Self(stop))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
