//! A proxy between a client and a server that does to the connection what networks do.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What happens to bytes from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// They pass.
    Clear,
    /// They pass so much later, both ways.
    Slow(Duration),
    /// They vanish and the connection stays open, as behind a router that lost its state.
    Silent,
    /// Answers vanish and requests arrive.
    Deaf,
    /// Connections are refused after they were accepted.
    Closed,
}

#[derive(Default)]
struct Open {
    streams: Vec<TcpStream>,
    ended: bool,
}

/// The proxy. It listens until it is dropped.
pub struct Proxy {
    port: u16,
    weather: Arc<Mutex<Weather>>,
    open: Arc<Mutex<Open>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// Before the server on this port of 127.0.0.1.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let weather = Arc::new(Mutex::new(Weather::Clear));
        let open = Arc::new(Mutex::new(Open::default()));
        let (shared, streams) = (Arc::clone(&weather), Arc::clone(&open));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if lock(&streams).ended {
                    return;
                }
                if *lock(&shared) == Weather::Closed {
                    continue;
                }
                let Ok(upstream) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                for (from, to, answers) in [(&client, &upstream, false), (&upstream, &client, true)]
                {
                    let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else {
                        continue;
                    };
                    let weather = Arc::clone(&shared);
                    std::thread::spawn(move || carry(from, to, answers, &weather));
                }
                lock(&streams).streams.extend([client, upstream]);
            }
        });
        Self {
            port,
            weather,
            open,
        }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes what happens to bytes from now on.
    pub fn set(&self, weather: Weather) {
        *lock(&self.weather) = weather;
    }

    /// Ends all connections.
    pub fn reset(&self) {
        for stream in lock(&self.open).streams.drain(..) {
            // It may be over already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        lock(&self.open).ended = true;
        self.reset();
        // So that the thread that accepts looks once more.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, answers: bool, weather: &Mutex<Weather>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        let now = *lock(weather);
        match now {
            Weather::Clear => {}
            Weather::Slow(time) => std::thread::sleep(time),
            Weather::Deaf if !answers => {}
            Weather::Silent | Weather::Deaf => continue,
            Weather::Closed => break,
        }
        if to.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}
