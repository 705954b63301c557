//! Secrets a component uses and does not see.
//!
//! A component that *provides* secrets wants [`crate::secrets`].

pub use crate::bindings::imports::greentic::secrets::secret_store::SecretError;

#[cfg(target_arch = "wasm32")]
use crate::bindings::imports::greentic::secrets::secret_store::Secret as Inner;
#[cfg(not(target_arch = "wasm32"))]
use crate::native::Secret as Inner;

/// A handle of one secret; the bytes stay with the host.
pub struct Secret(Inner);

impl Secret {
    /// Opens a secret by the name this plugin uses for it in its bundle entry.
    ///
    /// # Errors
    /// `denied` when the bundle does not grant it, `not-found` when the backend has none, `unavailable` when it cannot be asked.
    pub fn open(name: &str) -> Result<Self, SecretError> {
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::imports::greentic::secrets::secret_store::open(name).map(Self)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::with(|host| host.secret(name)).map(|value| Self(Inner::new(name, value)))
        }
    }

    /// HMAC-SHA256 with the secret as the key: 32 bytes.
    #[must_use]
    pub fn hmac_sha256(&self, data: &[u8]) -> Vec<u8> {
        self.0.hmac_sha256(data)
    }

    /// Whether `tag` is the HMAC-SHA256 of `data`, in constant time.
    #[must_use]
    pub fn verify_hmac(&self, data: &[u8], tag: &[u8]) -> bool {
        self.0.verify_hmac(data, tag)
    }

    /// Whether `candidate` equals the secret, in constant time.
    #[must_use]
    pub fn equals(&self, candidate: &[u8]) -> bool {
        self.0.equals(candidate)
    }

    /// A text that the host replaces by the value in HTTP requests to granted hosts.
    #[must_use]
    pub fn placeholder(&self) -> String {
        self.0.placeholder()
    }

    /// The bytes themselves.
    ///
    /// # Errors
    /// `denied` without a grant of its own (`reveal`).
    pub fn reveal(&self) -> Result<Vec<u8>, SecretError> {
        self.0.reveal()
    }

    /// Changes when the secret does.
    #[must_use]
    pub fn version(&self) -> String {
        self.0.version()
    }
}
