//! Where a guest's log lines, standard output and standard error go: to the host's log, under the plugin's name, a line at a
//! time, cut and counted when there are too many. Nothing here ever waits, so a guest that prints is not a guest that blocks.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use parking_lot::Mutex;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Longest line kept, in bytes.
const MAX_LINE: usize = 8 * 1024;
/// Lines a plugin's instance may write in a second; more are counted and dropped.
const LINES_PER_SECOND: u32 = 50;

/// The log of one instance.
#[derive(Clone)]
pub(crate) struct GuestLog(Arc<Inner>);

struct Inner {
    plugin: Arc<str>,
    label: String,
    window: Mutex<(Instant, u32)>,
    dropped: AtomicU64,
    generation: AtomicU64,
    partial: Mutex<Vec<u8>>,
}

impl GuestLog {
    pub(crate) fn new(plugin: Arc<str>, label: String) -> Self {
        Self(Arc::new(Inner {
            plugin,
            label,
            window: Mutex::new((Instant::now(), 0)),
            dropped: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            partial: Mutex::new(Vec::new()),
        }))
    }

    /// From here on lines are written for a call of this generation.
    pub(crate) fn belongs_to(&self, generation: u64) {
        self.0.generation.store(generation, Ordering::Relaxed);
    }

    /// Writes one line at a level.
    pub(crate) fn line(&self, level: tracing::Level, context: &str, text: &str) {
        if !self.admit() {
            return;
        }
        let (context, text) = (cut(context), cut(text));
        let (plugin, binding) = (&*self.0.plugin, self.0.label.as_str());
        let generation = self.0.generation.load(Ordering::Relaxed);
        match level {
            tracing::Level::ERROR => {
                tracing::error!(target: "plugin", plugin, binding, generation, context, "{text}")
            }
            tracing::Level::WARN => {
                tracing::warn!(target: "plugin", plugin, binding, generation, context, "{text}")
            }
            tracing::Level::INFO => {
                tracing::info!(target: "plugin", plugin, binding, generation, context, "{text}")
            }
            tracing::Level::DEBUG => {
                tracing::debug!(target: "plugin", plugin, binding, generation, context, "{text}")
            }
            _ => tracing::trace!(target: "plugin", plugin, binding, generation, context, "{text}"),
        }
    }

    fn admit(&self) -> bool {
        let mut window = self.0.window.lock();
        if window.0.elapsed().as_secs() >= 1 {
            let dropped = self.0.dropped.swap(0, Ordering::Relaxed);
            *window = (Instant::now(), 0);
            if dropped > 0 {
                tracing::warn!(target: "plugin", plugin = &*self.0.plugin, dropped, "log lines beyond {LINES_PER_SECOND} a second were dropped");
            }
        }
        if window.1 >= LINES_PER_SECOND {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        window.1 += 1;
        true
    }

    fn bytes(&self, bytes: &[u8]) {
        let mut partial = self.0.partial.lock();
        for chunk in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE.saturating_sub(partial.len());
            partial.extend(chunk.iter().take(room));
            if chunk.ends_with(b"\n") {
                let line = String::from_utf8_lossy(&partial).trim_end().to_owned();
                partial.clear();
                if !line.is_empty() {
                    self.line(tracing::Level::INFO, "output", &line);
                }
            }
        }
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_LINE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

impl IsTerminal for GuestLog {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestLog {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for GuestLog {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.bytes(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestLog {
    async fn ready(&mut self) {}
}

impl tokio::io::AsyncWrite for GuestLog {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.bytes(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
