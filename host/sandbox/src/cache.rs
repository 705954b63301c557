//! Compiled code kept between starts.
//!
//! Compiling a component takes 150 ms and more, loading the result under a millisecond. But compiled code is native code: whoever
//! can put an entry here runs in the host. So the directory must be the host's own, every entry is authenticated under a key only
//! the host can read, and what is verified is the very memory that is loaded. Whatever is damaged, foreign or of another engine
//! is compiled again; a cache that cannot be written costs time and nothing else.

mod batch;
mod store;

pub use batch::{Job, Progress};

use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wasmtime::Engine;
use wasmtime::component::Component;

/// The cache of compiled components. Cheap to share behind an `Arc`; every method may be called from many threads, and
/// several processes may use one directory.
#[derive(Debug)]
pub struct CompiledCache {
    store: Option<store::Store>,
}

/// How a component came to be compiled code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CacheOutcome {
    /// It was in the cache.
    Hit,
    /// It was not, and is now, if there is a cache.
    Compiled,
    /// There was an entry that did not verify or load; it is replaced.
    Rebuilt,
}

/// A component ready to be instantiated.
#[derive(Clone)]
pub struct Loaded {
    /// The compiled component.
    pub component: Component,
    /// Where it came from.
    pub outcome: CacheOutcome,
    /// How long that took.
    pub took: Duration,
}

/// Why a directory is not used as a cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// It cannot be made, read or written.
    #[error("the cache directory {} cannot be used: {source}", path.display())]
    Io {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not the host's own.
    #[error("the cache directory {} is not safe: {reason}; compiled code in it would run as this host", path.display())]
    NotPrivate {
        /// The directory, or the file in it.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
}

/// A component the compiler refuses.
#[derive(Debug, thiserror::Error)]
#[error("the component cannot be compiled: {0:#}")]
pub struct CompileError(wasmtime::Error);

impl CompiledCache {
    /// A cache that keeps nothing: every component is compiled.
    #[must_use]
    pub fn none() -> Self {
        Self { store: None }
    }

    /// Opens a cache directory, making it (mode 0700) where it is not there. The least recently used entries go when all of them
    /// together are larger than `limit` bytes; the newest one always stays.
    ///
    /// # Errors
    /// When the directory cannot be used, belongs to somebody else or can be written by others.
    pub fn open(dir: &Path, limit: u64) -> Result<Self, CacheError> {
        Ok(Self {
            store: Some(store::Store::open(dir, limit)?),
        })
    }

    /// Loads a component's code from the cache, or compiles it and keeps it. Takes as long as a compilation may: not for
    /// async threads; see [`CompiledCache::compile_all`].
    ///
    /// # Errors
    /// When the component cannot be compiled. Trouble with the cache itself is logged and costs a compilation.
    pub fn load_or_compile(&self, engine: &Engine, bytes: &[u8]) -> Result<Loaded, CompileError> {
        let start = Instant::now();
        let loaded = |component, outcome| Loaded {
            component,
            outcome,
            took: start.elapsed(),
        };
        let Some(store) = &self.store else {
            return Ok(loaded(compile(engine, bytes)?, CacheOutcome::Compiled));
        };
        let key = entry_key(engine, bytes);
        let outcome = match store.read(&key) {
            Ok(Some(code)) => match deserialize(engine, code) {
                Ok(component) => return Ok(loaded(component, CacheOutcome::Hit)),
                Err(error) => {
                    tracing::warn!(entry = hex::encode(key), %error, "a cache entry does not load and is compiled again");
                    CacheOutcome::Rebuilt
                }
            },
            Ok(None) => CacheOutcome::Compiled,
            Err(damage) => {
                tracing::warn!(entry = hex::encode(key), %damage, "a cache entry is not used and is compiled again");
                CacheOutcome::Rebuilt
            }
        };
        let component = compile(engine, bytes)?;
        match component.serialize() {
            Ok(code) => {
                if let Err(error) = store.write(&key, &code) {
                    tracing::warn!(%error, "compiled code could not be kept; the next start compiles again");
                }
            }
            Err(error) => tracing::warn!(%error, "compiled code could not be serialised"),
        }
        Ok(loaded(component, outcome))
    }
}

fn compile(engine: &Engine, bytes: &[u8]) -> Result<Component, CompileError> {
    Component::from_binary(engine, bytes).map_err(CompileError)
}

/// Turns verified code into a component.
#[allow(unsafe_code)] // The engine cannot check native code, so loading it is unsafe whoever does it.
fn deserialize(engine: &Engine, code: store::Verified) -> Result<Component, wasmtime::Error> {
    // SAFETY: the engine requires that these bytes are what `Component::serialize` returned. `Verified` is made in one place, from
    // an entry whose HMAC under this directory's key was right for these very bytes, held in memory since; and the only
    // code that writes under that key writes the output of `Component::serialize`. The key is readable by this user alone, who
    // could replace the host's binary as well. That the entry is of this engine and this component is in the name it was
    // verified with, and the engine checks its own version and configuration once more.
    unsafe { Component::deserialize(engine, code.code()) }
}

/// What an entry is found by: the component, and everything its code depends on: compiler, its settings and the processor's
/// features, which are in the engine's hash.
fn entry_key(engine: &Engine, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256Hasher(Sha256::new());
    concat!("greentic-sandbox ", env!("CARGO_PKG_VERSION")).hash(&mut hasher);
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.update(Sha256::digest(bytes));
    hasher.0.finalize().into()
}

/// SHA-256 where `Hash` wants a hasher: 64 bits are too few to name code by.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not what this hasher is for; right all the same.
    fn finish(&self) -> u64 {
        let digest: [u8; 32] = self.0.clone().finalize().into();
        digest
            .first_chunk::<8>()
            .map_or(0, |first| u64::from_le_bytes(*first))
    }
}

#[cfg(test)]
mod tests;
