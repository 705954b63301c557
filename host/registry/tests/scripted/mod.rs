//! A registry that answers as a test says: what a well-kept one never does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub target: String,
    pub access: Option<String>,
    pub body: String,
}

/// What is answered: a status line, headers and a body, as bytes on the wire.
pub type Answer = Vec<u8>;

/// It listens until the test ends.
pub struct Scripted {
    pub address: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    pub fn start(answer: impl Fn(&Asked, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (answer, kept, own) = (Arc::new(answer), Arc::clone(&asked), address.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, kept, own) = (Arc::clone(&answer), Arc::clone(&kept), own.clone());
                std::thread::spawn(move || {
                    let Some(asked) = read(&stream) else { return };
                    kept.lock().unwrap().push(asked.clone());
                    // Who asked may be gone by then, which is what some tests are about.
                    let _ = (&stream).write_all(&answer(&asked, &own));
                });
            }
        });
        Self { address, asked }
    }

    /// The requests until now whose target has this in it.
    pub fn asked(&self, part: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        let those = asked.iter().filter(|one| one.target.contains(part));
        those.cloned().collect()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut access, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "authorization" => access = Some(value.to_owned()),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Some(Asked {
        method,
        target,
        access,
        body,
    })
}

/// An answer with headers and a body.
pub fn answer(status: u16, headers: &str, body: &[u8]) -> Answer {
    let length = body.len();
    let mut bytes = format!(
        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// An answer of more bytes than anybody should read, with no length.
pub fn endless(status: u16) -> Answer {
    let mut bytes = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n\r\n").into_bytes();
    bytes.extend(std::iter::repeat_n(b' ', 8 * 1024 * 1024));
    bytes
}
