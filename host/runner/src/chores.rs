//! Small things done again and again for a generation: dropping idle instances, asking for secrets again.

use std::sync::Arc;
use std::time::Duration;

use greentic_sandbox::client::Client;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::secrets::SecretCell;
use greentic_sandbox::worlds::SecretsWorld;
use tokio::sync::watch;
use zeroize::Zeroizing;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(5);

/// A pool that can be asked to drop what is idle.
type Shrink = Box<dyn Fn() -> usize + Send + Sync>;

/// A secret that has to be asked for again.
pub(crate) struct Lasting {
    pub cell: Arc<SecretCell>,
    pub provider: Arc<Client<SecretsWorld>>,
    pub ttl: Duration,
}

/// The chores of a generation.
#[derive(Default)]
pub struct Chores {
    shrink: Vec<Shrink>,
    secrets: Vec<Lasting>,
}

impl Chores {
    pub(crate) fn shrinks<E: greentic_sandbox::cell::Exports>(&mut self, client: &Arc<Client<E>>) {
        let client = Arc::clone(client);
        self.shrink.push(Box::new(move || client.shrink()));
    }

    pub(crate) fn shrink_with(&mut self, shrink: impl Fn() -> usize + Send + Sync + 'static) {
        self.shrink.push(Box::new(shrink));
    }

    pub(crate) fn lasts(&mut self, secret: Lasting) {
        self.secrets.push(secret);
    }

    /// Does them until the generation is stopped.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut due: Vec<_> = self
            .secrets
            .iter()
            .map(|secret| tokio::time::Instant::now() + secret.ttl)
            .collect();
        while !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                _ = stop.changed() => {}
            }
            for shrink in &self.shrink {
                shrink();
            }
            for (secret, due) in self.secrets.iter().zip(&mut due) {
                if tokio::time::Instant::now() >= *due {
                    *due = tokio::time::Instant::now() + secret.ttl;
                    secret.refresh().await;
                }
            }
        }
    }
}

impl Lasting {
    async fn refresh(&self) {
        match self
            .provider
            .fetch(CallScope::default(), self.cell.name().to_owned())
            .await
        {
            Ok(Ok(secret)) => {
                use greentic_interfaces::SecretUse;
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
