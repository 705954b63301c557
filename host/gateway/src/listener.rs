//! Accepting connections, within their number, until told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use greentic_telemetry::Gauge;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::connection::{self, Endpoint, Local};
use crate::drain::Drain;
use crate::limits::RequestLimits;
use crate::wire::{Marks, Wire};

/// Connections the kernel keeps waiting.
const BACKLOG: i32 = 1_024;

/// After an error of `accept` that is not the client's, such as having no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listeners at one address for `workers` threads, among which the kernel spreads new connections (SO_REUSEPORT). Give each to
/// `tokio::net::TcpListener::from_std` inside its thread's runtime. With port 0 all get the same free port.
///
/// # Errors
/// The operating system's. That another process listens there already is found too, although it may allow sharing.
pub fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<std::net::TcpListener>> {
    // SO_REUSEPORT would let a second host with the same bundle take half of the connections: a socket without it finds out.
    let probe = std::net::TcpListener::bind(address)?;
    let address = probe.local_addr()?;
    drop(probe);
    (0..workers.max(1)).map(|_| shared(address)).collect()
}

fn shared(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts and serves until `stop` is true or its sender is gone; then waits at most `drain_time` for what is open.
pub(crate) async fn serve<E: Endpoint>(
    endpoint: Arc<E>,
    listener: TcpListener,
    limits: RequestLimits,
    places: Arc<Semaphore>,
    gauge: Gauge,
    mut stop: watch::Receiver<bool>,
    drain_time: Duration,
) -> io::Result<()> {
    let local = Local {
        address: listener.local_addr()?,
    };
    let limits = Arc::new(limits);
    let builder = Arc::new(connection::builder(&limits));
    let drain = Arc::new(Drain::default());
    let mut stopping = std::pin::pin!(async move {
        // An error means that the sender is gone: there will be no other order to stop.
        let _ = stop.wait_for(|stop| *stop).await;
    });
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stopping => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, permit)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        // Fails only on a connection that is broken already.
        let _ = stream.set_nodelay(true);
        let marks = Marks::new();
        let wire = Wire::new(stream, Arc::clone(&marks), permit, gauge.enter());
        let (endpoint, builder, limits) = (
            Arc::clone(&endpoint),
            Arc::clone(&builder),
            Arc::clone(&limits),
        );
        let tracked = drain.track();
        tokio::spawn(async move {
            connection::serve(&endpoint, &builder, &limits, wire, marks, local, tracked).await;
        });
    }
    drop(listener);
    drain.finish();
    if timeout(drain_time, drain.emptied()).await.is_err() {
        drain.cut();
        // Cutting is a matter of one poll each; the bound is for a task that never yields.
        let _ = timeout(Duration::from_secs(1), drain.emptied()).await;
    }
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let stream = match listener.accept().await {
        Ok((stream, _)) => stream,
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            return None;
        }
    };
    // Only now: a permit held while waiting for a connection would be missing at another worker's listener.
    let permit = Arc::clone(places).acquire_owned().await.ok()?;
    Some((stream, permit))
}
