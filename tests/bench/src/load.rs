//! The load: connections that are kept open, one request at a time on each, on two threads of this process.
//!
//! As fast as it goes (*closed*), or at a rate (*paced*). A paced request is due at its time whether or not the one before was
//! answered, and its wait counts from then: a server that stalls is not spared the requests it made late.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

use crate::events::Events;

/// Connections of all threads.
pub const CONNECTIONS: u32 = 128;
const THREADS: u32 = 2;

/// How requests follow each other.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// The next as soon as the one before is answered.
    Closed,
    /// So many a second, over all connections.
    PerSecond(f64),
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Load {
    /// Answered 2xx.
    pub accepted: u64,
    /// Answered otherwise.
    pub refused: u64,
    /// Time from each request to its answer, sorted.
    pub waits: Vec<Duration>,
    /// From the first request to the last answer.
    pub took: Duration,
}

/// Sends events until they or the time are used up.
///
/// # Errors
/// When a connection fails or an answer is no HTTP.
pub fn run(
    address: SocketAddr,
    events: &Arc<Events>,
    time: Duration,
    pace: Pace,
) -> anyhow::Result<Load> {
    let begun = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let events = Arc::clone(events);
            std::thread::spawn(move || on_thread(thread, address, &events, time, pace))
        })
        .collect();
    let mut load = Load::default();
    for thread in threads {
        let part = thread
            .join()
            .map_err(|_| anyhow::anyhow!("a thread of the load panicked"))??;
        load.accepted += part.accepted;
        load.refused += part.refused;
        load.waits.extend(part.waits);
    }
    load.took = begun.elapsed();
    load.waits.sort_unstable();
    Ok(load)
}

fn on_thread(
    thread: u32,
    address: SocketAddr,
    events: &Arc<Events>,
    time: Duration,
    pace: Pace,
) -> anyhow::Result<Load> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let begun = Instant::now();
        let connections: Vec<_> = (0..CONNECTIONS / THREADS)
            .map(|number| {
                let schedule = match pace {
                    Pace::Closed => None,
                    Pace::PerSecond(rate) => {
                        let every = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate.max(1.0));
                        let place = f64::from(number * THREADS + thread) / f64::from(CONNECTIONS);
                        Some((begun + every.mul_f64(place), every))
                    }
                };
                let events = Arc::clone(events);
                tokio::task::spawn_local(connection(address, events, begun + time, schedule))
            })
            .collect();
        let mut load = Load::default();
        for connection in connections {
            let part = connection.await.context("a connection's task")??;
            load.accepted += part.accepted;
            load.refused += part.refused;
            load.waits.extend(part.waits);
        }
        Ok(load)
    })
}

async fn connection(
    address: SocketAddr,
    events: Arc<Events>,
    end: Instant,
    mut schedule: Option<(Instant, Duration)>,
) -> anyhow::Result<Load> {
    let mut stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to {address}"))?;
    stream.set_nodelay(true)?;
    let mut load = Load::default();
    let mut buffer = Vec::with_capacity(4096);
    loop {
        let mut begun = Instant::now();
        if let Some((due, every)) = &mut schedule {
            let at = *due;
            *due += *every;
            if at >= end {
                return Ok(load);
            }
            if at > begun {
                // A timer wakes a little late; that is not the server's wait.
                tokio::time::sleep_until(at.into()).await;
                begun = Instant::now();
            } else {
                begun = at;
            }
        } else if begun >= end {
            return Ok(load);
        }
        let Some(request) = events.take() else {
            return Ok(load);
        };
        stream.write_all(request).await?;
        match answer(&mut stream, &mut buffer).await? {
            200..=299 => load.accepted += 1,
            _ => load.refused += 1,
        }
        load.waits.push(begun.elapsed());
    }
}

/// Reads one answer and gives its status.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> anyhow::Result<u16> {
    buffer.clear();
    loop {
        if stream.read_buf(buffer).await? == 0 {
            bail!("the server closed the connection before its answer");
        }
        if let Some((status, length)) = head(buffer)? {
            while buffer.len() < length {
                if stream.read_buf(buffer).await? == 0 {
                    bail!("the server closed the connection within its answer");
                }
            }
            return Ok(status);
        }
    }
}

/// The status and the whole length of an answer whose head is there.
fn head(bytes: &[u8]) -> anyhow::Result<Option<(u16, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?;
    let status = text
        .split(' ')
        .nth(1)
        .and_then(|word| word.get(..3)?.parse().ok())
        .context("an answer without a status")?;
    let body = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, value)| value.trim().parse::<usize>())?;
    Ok(Some((status, end + 4 + body)))
}

/// Asks for a page and gives its body. For accounts, not for load.
///
/// # Errors
/// When the server does not answer 200.
pub fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut stream = TcpStream::connect(address).await?;
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        let status = answer(&mut stream, &mut bytes).await?;
        if status != 200 {
            bail!("{path} answers {status}");
        }
        let text = String::from_utf8(bytes)?;
        let (_, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        Ok(body.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::head;

    #[test]
    fn an_answer_is_read_when_its_head_is_there() {
        assert_eq!(head(b"HTTP/1.1 200 OK\r\ncontent-le").unwrap(), None);
        let whole = b"HTTP/1.1 503 x\r\nContent-Length: 2\r\n\r\nab";
        assert_eq!(head(whole).unwrap(), Some((503, whole.len())));
        assert!(head(b"nonsense\r\n\r\n").is_err());
    }
}
