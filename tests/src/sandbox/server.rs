//! A server on this machine that plugins try to reach, and names that lead to it.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use greentic_sandbox::net::{Lookup, Resolve};

/// Answers `GET /to/<address>` with a redirect there, and everything else with `200 reached`. It ends with the test's process.
pub struct Server {
    port: u16,
    served: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Starts to listen on a free port of `127.0.0.1`.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let served = Arc::new(AtomicUsize::new(0));
        let heads = Arc::new(Mutex::default());
        let seen = (Arc::clone(&served), Arc::clone(&heads));
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (served, heads) = seen.clone();
                std::thread::spawn(move || answer(&connection, &served, &heads));
            }
        });
        Self {
            port,
            served,
            heads,
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Requests it was reached by. What a test says was refused must not be among them.
    #[must_use]
    pub fn served(&self) -> usize {
        self.served.load(Ordering::SeqCst)
    }

    /// The lines of the heads of all requests so far.
    #[must_use]
    pub fn heads(&self) -> Vec<String> {
        self.heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn answer(connection: &TcpStream, served: &AtomicUsize, heads: &Mutex<Vec<String>>) -> Option<()> {
    let mut lines = BufReader::new(connection).lines();
    let first = lines.next()?.ok()?;
    loop {
        let line = lines.next()?.ok()?;
        if line.is_empty() {
            break;
        }
        heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
    served.fetch_add(1, Ordering::SeqCst);
    let path = first.split(' ').nth(1)?;
    let head = match path.strip_prefix("/to/") {
        Some(place) => format!("HTTP/1.1 302 Found\r\nlocation: {place}\r\n"),
        None => "HTTP/1.1 200 OK\r\n".to_owned(),
    };
    let mut out = connection;
    write!(
        out,
        "{head}content-length: 7\r\nconnection: close\r\n\r\nreached"
    )
    .ok()
}

/// Names that lead where a test says; every other name leads nowhere.
#[derive(Default)]
pub struct Wanders(HashMap<String, IpAddr>);

impl Wanders {
    /// One name more.
    ///
    /// # Panics
    /// When `address` is none.
    #[must_use]
    pub fn and(mut self, name: &str, address: &str) -> Self {
        self.0
            .insert(name.into(), address.parse().expect("an address"));
        self
    }
}

impl Resolve for Wanders {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        let found = self.0.get(name).copied();
        Box::pin(async move {
            found
                .map(|address| vec![address])
                .ok_or_else(|| std::io::Error::other("no such name"))
        })
    }
}
