//! TLS on a connection. The server's certificate is always verified, against the name in the address; there is no way around it,
//! and a connection that was to be in TLS is never used without.
//!
//! rustls does the protocol. Its cryptography is RustCrypto's inside the sandbox, because that compiles wherever Rust does, and
//! ring's outside, where it is there already.

use std::cell::{Cell, RefCell};
use std::io::{self, Read as _, Write as _};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{AlertDescription, CertificateError, ClientConfig, ClientConnection, RootCertStore};

use crate::tcp::{self, Fault, system};
use crate::timer::within;

/// Room for each read of what is encrypted.
const CHUNK: usize = 64 * 1024;

/// Whom we trust, and who we are.
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// The authorities of a PEM text, or those that browsers trust.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn roots(pem: Option<&[u8]>) -> Result<RootCertStore, String> {
        let Some(pem) = pem else {
            let roots = webpki_roots::TLS_SERVER_ROOTS.to_vec();
            return Ok(RootCertStore { roots });
        };
        let mut store = RootCertStore::empty();
        for certificate in certificates(pem)? {
            store
                .add(certificate)
                .map_err(|error| format!("a certificate in it cannot be trusted: {error}"))?;
        }
        Ok(store)
    }

    /// Trusts these, and shows the certificate of a PEM text to servers that ask for one.
    ///
    /// # Errors
    /// What is wrong with the text; never the text itself.
    pub fn new(trusted: RootCertStore, own: Option<&[u8]>) -> Result<Self, String> {
        let builder = ClientConfig::builder_with_provider(Arc::new(provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(trusted);
        let config = match own {
            None => builder.with_no_client_auth(),
            Some(pem) => {
                let key = PrivateKeyDer::from_pem_slice(pem)
                    .map_err(|_| "there is no private key in it (PEM, `BEGIN PRIVATE KEY`)")?;
                builder
                    .with_client_auth_cert(certificates(pem)?, key)
                    .map_err(|error| format!("its private key cannot be used: {error}"))?
            }
        };
        Ok(Self(Arc::new(config)))
    }

    /// Goes on in TLS on a connection on which nothing is under way. `host` is the name the certificate must be for.
    ///
    /// # Errors
    /// [`Fault`] that says what is wrong with the server's certificate, or with ours, or that it speaks no TLS.
    pub async fn shake_hands(
        &self,
        reader: tcp::Reader,
        writer: tcp::Writer,
        host: &str,
        limit: Duration,
    ) -> Result<(tcp::Reader, tcp::Writer), Fault> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Fault::Failed(format!("`{host}` is no name a certificate can be for")))?;
        let connection = ClientConnection::new(Arc::clone(&self.0), name)
            .map_err(|error| Fault::Failed(format!("TLS: {error}")))?;
        let (mut reader, mut writer) = (reader.raw()?, writer.raw()?);
        let session = Rc::new(Session {
            connection: RefCell::new(connection),
            heard: Cell::new(false),
        });
        let done = session.shake_hands(&mut reader, &mut writer);
        match within(limit, done).await {
            Some(outcome) => outcome?,
            None => {
                return Err(Fault::Failed(format!(
                    "no TLS handshake within {limit:?}: does the server speak TLS on this port?"
                )));
            }
        }
        Ok((
            tcp::Reader::tls(Reader {
                session: Rc::clone(&session),
                raw: reader,
                come: Vec::with_capacity(CHUNK),
            }),
            tcp::Writer::tls(Writer {
                session,
                raw: writer,
                spare: Vec::new(),
            }),
        ))
    }
}

/// The certificates of a PEM text, at least one.
fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| "it is damaged PEM")?;
    if found.is_empty() {
        return Err("there is no certificate in it (PEM, `BEGIN CERTIFICATE`)".into());
    }
    Ok(found)
}

#[cfg(not(target_arch = "wasm32"))]
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(target_arch = "wasm32")]
fn provider() -> CryptoProvider {
    let mut provider = rustls_rustcrypto::provider();
    // There are no instructions for AES in the sandbox: ChaCha20 is several times as fast.
    provider
        .cipher_suites
        .sort_by_key(|suite| !format!("{:?}", suite.suite()).contains("CHACHA20"));
    provider
}

/// What both halves share.
struct Session {
    connection: RefCell<ClientConnection>,
    /// Whether the server has said anything since the handshake.
    heard: Cell<bool>,
}

/// The receiving half.
pub(crate) struct Reader {
    session: Rc<Session>,
    raw: system::Reader,
    come: Vec<u8>,
}

/// The sending half.
pub(crate) struct Writer {
    session: Rc<Session>,
    raw: system::Writer,
    spare: Vec<u8>,
}

impl Session {
    async fn shake_hands(
        &self,
        reader: &mut system::Reader,
        writer: &mut system::Writer,
    ) -> Result<(), Fault> {
        self.connection.borrow_mut().set_buffer_limit(None);
        loop {
            let bytes = self.to_send(Vec::new())?;
            if !bytes.is_empty() {
                writer.write(bytes).await?;
                continue;
            }
            if !self.connection.borrow().is_handshaking() {
                return Ok(());
            }
            let come = reader.read(Vec::with_capacity(CHUNK)).await.map_err(|_| {
                Fault::Failed(
                    "the server closed the connection during the TLS handshake: does it speak TLS on this port?".into(),
                )
            })?;
            if let Err(fault) = self.take(&come, &mut Vec::new()) {
                // It is told why, where it still listens.
                if let Ok(bytes) = self.to_send(Vec::new()) {
                    let _ = writer.write(bytes).await;
                }
                return Err(fault);
            }
        }
    }

    /// What is encrypted and was not sent.
    fn to_send(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let mut connection = self.connection.borrow_mut();
        while connection.wants_write() {
            connection
                .write_tls(&mut bytes)
                .map_err(|error| of_io(&error))?;
        }
        Ok(bytes)
    }

    /// Decrypts what has come and appends what it says to `plain`.
    fn take(&self, come: &[u8], plain: &mut Vec<u8>) -> Result<(), Fault> {
        let mut connection = self.connection.borrow_mut();
        let mut rest = come;
        loop {
            if !rest.is_empty() {
                connection
                    .read_tls(&mut rest)
                    .map_err(|error| of_io(&error))?;
            }
            let state = connection
                .process_new_packets()
                .map_err(|error| self.explain(&error, come))?;
            if state.plaintext_bytes_to_read() > 0 {
                self.heard.set(true);
            }
            let length = state.plaintext_bytes_to_read();
            let read = connection
                .reader()
                .take(u64::try_from(length).unwrap_or(u64::MAX))
                .read_to_end(plain);
            read.map_err(|error| of_io(&error))?;
            if rest.is_empty() {
                break;
            }
            if state.peer_has_closed() {
                return Err(self.closed());
            }
        }
        Ok(())
    }

    /// A connection that was closed.
    fn closed(&self) -> Fault {
        Fault::Failed(if self.heard.get() {
            "the server closed the connection".into()
        } else {
            "the server closed the connection after the TLS handshake: where it asks for a certificate of ours, name the secret that has it in config `certificate`".into()
        })
    }

    fn explain(&self, error: &rustls::Error, come: &[u8]) -> Fault {
        use rustls::Error as Tls;
        Fault::Failed(match error {
            Tls::InvalidCertificate(why) => of_certificate(why),
            Tls::InvalidMessage(_) if !self.heard.get() => {
                let seen: String = String::from_utf8_lossy(come)
                    .chars()
                    .take_while(|letter| !letter.is_control())
                    .take(60)
                    .collect();
                format!("the server does not speak TLS on this port: it answered `{seen}`")
            }
            Tls::AlertReceived(alert) => of_alert(*alert),
            other => format!("TLS: {other}"),
        })
    }
}

fn of_certificate(error: &CertificateError) -> String {
    let remedy = match error {
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "none of the authorities we trust has signed it: name the secret with its authority's certificate in config `ca`"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name: write the name it is for in config `url`"
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired: renew it on the server, or set this machine's clock"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet: look at this machine's clock"
        }
        _ => "it cannot be verified",
    };
    format!("the server's certificate is refused ({error}): {remedy}")
}

fn of_alert(alert: AlertDescription) -> String {
    let remedy = match alert {
        AlertDescription::CertificateRequired => {
            ": it asks for a certificate of ours; name the secret that has it in config `certificate`"
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnknownCA
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateExpired
        | AlertDescription::CertificateRevoked
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied
        | AlertDescription::DecryptError
        | AlertDescription::HandshakeFailure => {
            ": where it asks for a certificate of ours, it must be one its authority has signed (config `certificate`)"
        }
        AlertDescription::ProtocolVersion => ": it must speak TLS 1.2 or 1.3",
        _ => "",
    };
    format!("the server ended TLS with the alert {alert:?}{remedy}")
}

fn of_io(error: &io::Error) -> Fault {
    Fault::Failed(format!("TLS: {error}"))
}

impl Reader {
    /// As [`tcp::Reader::read`].
    pub(crate) async fn read(&mut self, mut buffer: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let before = buffer.len();
        // The handshake may have brought more than itself.
        self.session.take(&[], &mut buffer)?;
        while buffer.len() == before {
            let mut come = std::mem::take(&mut self.come);
            come.clear();
            come.reserve(CHUNK);
            self.come = self
                .raw
                .read(come)
                .await
                .map_err(|_| self.session.closed())?;
            self.session.take(&self.come, &mut buffer)?;
        }
        Ok(buffer)
    }
}

impl Writer {
    /// As [`tcp::Writer::write`].
    pub(crate) async fn write(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
        let told = self
            .session
            .connection
            .borrow_mut()
            .writer()
            .write_all(&bytes);
        told.map_err(|error| of_io(&error))?;
        bytes.clear();
        let encrypted = self.session.to_send(std::mem::take(&mut self.spare))?;
        self.spare = self
            .raw
            .write(encrypted)
            .await
            .map_err(|_| self.session.closed())?;
        Ok(bytes)
    }
}
