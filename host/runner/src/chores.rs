//! What is done again and again for a generation: secrets that do not last are asked for again when their time is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use greentic_interfaces::SecretUse;
use greentic_sandbox::client::Client;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::secrets::SecretCell;
use greentic_sandbox::worlds::SecretsWorld;
use parking_lot::Mutex;
use zeroize::Zeroizing;

/// A secret that has to be asked for again.
pub(crate) struct Lasting {
    cell: Arc<SecretCell>,
    provider: Arc<Client<SecretsWorld>>,
    ttl: Duration,
    due: Mutex<Instant>,
}

impl Lasting {
    pub(crate) fn new(
        cell: Arc<SecretCell>,
        provider: Arc<Client<SecretsWorld>>,
        ttl: Duration,
    ) -> Self {
        Self {
            cell,
            provider,
            ttl,
            due: Mutex::new(Instant::now() + ttl),
        }
    }

    /// Asks again when it is time.
    pub(crate) async fn refresh(&self) {
        {
            let mut due = self.due.lock();
            if Instant::now() < *due {
                return;
            }
            *due = Instant::now() + self.ttl;
        }
        match self
            .provider
            .fetch(CallScope::default(), self.cell.name().to_owned())
            .await
        {
            Ok(Ok(secret)) => {
                if secret.version != self.cell.version() {
                    tracing::info!(secret = self.cell.name(), "the secret has a new version");
                }
                self.cell.set(Zeroizing::new(secret.value), secret.version);
            }
            // The value that is known goes on being used: a backend that is away must not stop the channels.
            Ok(Err(error)) => tracing::warn!(
                secret = self.cell.name(),
                "the secret cannot be asked for again: {error:?}"
            ),
            Err(fault) => tracing::warn!(
                secret = self.cell.name(),
                "the secret cannot be asked for again: {fault}"
            ),
        }
    }
}
