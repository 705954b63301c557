//! An authority for one test, and certificates it has signed.

use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use tempfile::TempDir;

/// The authority. Its files are gone when it is dropped.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

/// A certificate and its key, as files for a server and as text for a client.
pub struct Signed {
    /// The certificate's file.
    pub certificate: String,
    /// The key's file.
    pub key: String,
    /// Both in PEM.
    pub pem: String,
}

impl Authority {
    /// A new one, unlike every other.
    ///
    /// # Panics
    /// When there is no folder for its files.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "Authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        let authority = Self { issuer, folder };
        authority.file("ca.pem", &authority.pem());
        authority
    }

    /// Its own certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The file of its own certificate.
    #[must_use]
    pub fn path(&self) -> String {
        text(self.folder.path().join("ca.pem"))
    }

    /// Signs a certificate for a name or an address, good for servers and clients.
    ///
    /// # Panics
    /// When the name cannot be one.
    #[must_use]
    pub fn sign(&self, name: &str) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a signature");
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        Signed {
            pem: format!("{certificate}{key}"),
            certificate: self.file(&format!("{name}.pem"), &certificate),
            key: self.file(&format!("{name}.key"), &key),
        }
    }

    fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("a file");
        text(path)
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn text(path: PathBuf) -> String {
    path.into_os_string()
        .into_string()
        .expect("a path that is text")
}
