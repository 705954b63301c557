//! The log of one test, heard from the thread it runs on.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tracing::subscriber::DefaultGuard;

/// Everything logged on this thread while it lives.
pub struct Heard {
    bytes: Bytes,
    _guard: DefaultGuard,
}

#[derive(Clone, Default)]
struct Bytes(Arc<Mutex<Vec<u8>>>);

impl Heard {
    /// Begins to listen, at every level.
    #[must_use]
    pub fn begin() -> Self {
        let bytes = Bytes::default();
        let writer = bytes.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            bytes,
            _guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// What was heard so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.0.lock().unwrap_or_else(PoisonError::into_inner))
            .into_owned()
    }

    /// The lines that plugins wrote themselves.
    #[must_use]
    pub fn of_plugins(&self) -> Vec<String> {
        self.text()
            .lines()
            .filter(|line| line.contains(" plugin: "))
            .map(str::to_owned)
            .collect()
    }
}

impl io::Write for Bytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
