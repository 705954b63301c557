//! What the bundle says about reaching servers, and doing it: the part of a configuration that every kind of server shares.

use std::time::Duration;

use greentic_sdk::config;
use greentic_sdk::model::Error;
use greentic_sdk::secret::{Secret, SecretError};

use crate::address::{Address, Scheme};
use crate::tcp::{Fault, Reader, Writer, connect};
use crate::tls::Tls;

/// The members of a configuration's JSON Schema that [`Access`] reads, without `url`, whose form each plugin describes.
#[macro_export]
macro_rules! access_schema {
    () => {
        r#""ca": {
      "type": "string", "minLength": 1,
      "description": "The name of the secret with the certificates, in PEM, of the authorities that may sign a TLS server's certificate; without it those that browsers trust. It needs a grant with `reveal`."
    },
    "certificate": {
      "type": "string", "minLength": 1,
      "description": "The name of the secret with our own certificate and its private key, in PEM, for TLS servers that ask for one. It needs a grant with `reveal`."
    },
    "timeout-ms": {
      "type": "integer", "minimum": 50, "maximum": 60000, "default": 5000,
      "description": "A server that does not answer for so long is taken for gone: the connection is given up and made anew."
    },
    "connect-ms": {
      "type": "integer", "minimum": 50, "maximum": 60000, "default": 2000,
      "description": "How long connecting may take, and how long a call waits for a connection that is being made."
    }"#
    };
}

/// Where servers are and how they are reached.
#[derive(Debug, Clone)]
pub struct Access {
    /// The servers, and whether TLS is spoken.
    pub address: Address,
    /// Silence after which a server is taken for gone.
    pub timeout: Duration,
    /// How long connecting may take.
    pub connect: Duration,
    ca: Option<String>,
    certificate: Option<String>,
}

impl Access {
    /// Reads the configuration.
    ///
    /// # Errors
    /// `invalid` with the key.
    pub fn read(scheme: &Scheme) -> Result<Self, Error> {
        let Some(url) = config::get("url")? else {
            return Err(Error::Invalid(format!(
                "config `url` is missing: say where the server is, such as {}://127.0.0.1:{}",
                scheme.plain, scheme.port
            )));
        };
        let address = Address::parse(&url, scheme)?;
        let (ca, certificate) = (config::get("ca")?, config::get("certificate")?);
        if !address.tls && (ca.is_some() || certificate.is_some()) {
            return Err(Error::Invalid(format!(
                "config `ca` and `certificate` are for TLS, and `url` says `{}://`: write `{}://`",
                scheme.plain, scheme.tls
            )));
        }
        Ok(Self {
            address,
            timeout: Duration::from_millis(config::get_or("timeout-ms", 5_000)?),
            connect: Duration::from_millis(config::get_or("connect-ms", 2_000)?),
            ca,
            certificate,
        })
    }

    /// Who is trusted, where the address says TLS. Secrets are read anew, so that one that was exchanged counts for the next
    /// connection.
    ///
    /// # Errors
    /// What is wrong with the secrets.
    pub fn tls(&self) -> Result<Option<Tls>, Error> {
        if !self.address.tls {
            return Ok(None);
        }
        let open = |name: &Option<String>| name.as_deref().map(reveal).transpose();
        let (ca, own) = (open(&self.ca)?, open(&self.certificate)?);
        let named = |name: &Option<String>, why| {
            let name = name.as_deref().unwrap_or_default();
            Error::Denied(format!("secret `{name}`: {why}"))
        };
        let trust = Tls::roots(ca.as_deref()).map_err(|why| named(&self.ca, why))?;
        let tls = Tls::new(trust, own.as_deref()).map_err(|why| named(&self.certificate, why))?;
        Ok(Some(tls))
    }

    /// Connects, and speaks TLS first where the address says so.
    ///
    /// # Errors
    /// With the server and the reason.
    pub async fn open(&self, host: &str, port: u16) -> Result<(Reader, Writer), Error> {
        let tls = self.tls()?;
        let (reader, writer) = connect(host, port, self.connect).await.map_err(of_fault)?;
        match tls {
            None => Ok((reader, writer)),
            Some(tls) => self.secure(&tls, reader, writer, host, port).await,
        }
    }

    /// Goes on in TLS on a connection that was opened without.
    ///
    /// # Errors
    /// With the server and the reason.
    pub async fn secure(
        &self,
        tls: &Tls,
        reader: Reader,
        writer: Writer,
        host: &str,
        port: u16,
    ) -> Result<(Reader, Writer), Error> {
        // Sooner than whoever waits for a connection gives up, so that it hears why.
        let limit = self.connect / 2;
        let outcome = tls.shake_hands(reader, writer, host, limit).await;
        outcome.map_err(|fault| at(of_fault(fault), host, port))
    }
}

/// The bytes of a secret that a server is shown or that is needed to trust it.
///
/// # Errors
/// `denied` or `unavailable` with the secret's name and what to do.
pub fn reveal(name: &str) -> Result<Vec<u8>, Error> {
    match Secret::open(name).and_then(|secret| secret.reveal()) {
        Ok(bytes) => Ok(bytes),
        Err(SecretError::Unavailable(text)) => {
            Err(Error::Unavailable(format!("secret `{name}`: {text}")))
        }
        Err(other) => Err(Error::Denied(format!(
            "secret `{name}`: {other:?}; a connection needs its bytes, so the bundle must grant it under `secrets` and under `reveal`"
        ))),
    }
}

/// A connection that could not be made.
#[must_use]
pub fn of_fault(fault: Fault) -> Error {
    match fault {
        Fault::Denied(text) => Error::Denied(text),
        Fault::Failed(text) => Error::Unavailable(text),
    }
}

/// An error with the server it is about, named once.
#[must_use]
pub fn at(error: Error, host: &str, port: u16) -> Error {
    let server = format!("{host}:{port}: ");
    // What failed while connecting says so already.
    let named = |text: String| {
        if text.starts_with(&server) {
            text
        } else {
            format!("{server}{text}")
        }
    };
    match error {
        Error::Unavailable(text) => Error::Unavailable(named(text)),
        Error::Denied(text) => Error::Denied(named(text)),
        other => other,
    }
}
