//! TLS in front of a server that speaks none, as a terminating proxy does it.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::Signed;

/// The front. It listens until the process ends.
pub struct TlsFront {
    port: u16,
}

impl TlsFront {
    /// Before the server on this port of 127.0.0.1.
    ///
    /// # Panics
    /// When there is no free port.
    #[must_use]
    pub fn before(server: u16, signed: &Signed) -> Self {
        let chain = CertificateDer::pem_slice_iter(signed.pem.as_bytes());
        let chain = chain.collect::<Result<_, _>>().expect("certificates");
        let key = PrivateKeyDer::from_pem_slice(signed.pem.as_bytes()).expect("a key");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate and its key");
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                std::thread::spawn(move || carry(client, server, config));
            }
        });
        Self { port }
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Both ways in turn, until either ends: reads give up after a moment when there is nothing.
fn carry(mut client: TcpStream, server: u16, config: Arc<ServerConfig>) -> Option<()> {
    let mut tls = ServerConnection::new(config).ok()?;
    while tls.is_handshaking() {
        tls.complete_io(&mut client).ok()?;
    }
    let mut upstream = TcpStream::connect(("127.0.0.1", server)).ok()?;
    let pause = Some(Duration::from_millis(2));
    client.set_read_timeout(pause).ok()?;
    upstream.set_read_timeout(pause).ok()?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match upstream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(count) => tls.writer().write_all(buffer.get(..count)?).ok()?,
            Err(error) if waits(&error) => {}
            Err(_) => return None,
        }
        while tls.wants_write() {
            tls.write_tls(&mut client).ok()?;
        }
        match tls.read_tls(&mut client) {
            Ok(0) => return None,
            Ok(_) => {
                tls.process_new_packets().ok()?;
            }
            Err(error) if waits(&error) => {}
            Err(_) => return None,
        }
        loop {
            match tls.reader().read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => upstream.write_all(buffer.get(..count)?).ok()?,
                Err(error) if waits(&error) => break,
                Err(_) => return None,
            }
        }
    }
}

fn waits(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}
