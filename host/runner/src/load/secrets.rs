//! Secrets at load: those a plugin was granted are fetched before it is bound, and what is missing stops the load.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use greentic_config::limits::SecretLimits;
use greentic_config::{Loaded, Plugin as Entry};
use greentic_diagnostics::Diagnostics;
use greentic_interfaces::model::Error;
use greentic_sandbox::client::Client;
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::secrets::{SecretCell, Secrets};
use greentic_sandbox::worlds::SecretsWorld;
use zeroize::Zeroizing;

use super::parts::{Known, SecretKey};
use crate::chores::Lasting;
use crate::generation::Generation;

/// Backends by the plugin's name, and the cells that were filled from them.
#[derive(Default)]
pub(crate) struct SecretBackends {
    pub(crate) by_name: Known<Client<SecretsWorld>>,
    pub(crate) filled: HashMap<SecretKey, Arc<SecretCell>>,
    pub(crate) lasting: Vec<Lasting>,
}

impl SecretBackends {
    /// The secrets of a plugin from a backend. A secret two plugins share is fetched once; whether its bytes may be seen is each
    /// plugin's own.
    pub(crate) async fn of_plugin(
        &mut self,
        loaded: &Loaded,
        entry: &Entry,
        backend: Option<&str>,
        earlier: &[Arc<Generation>],
        faults: &mut Diagnostics,
    ) -> Arc<Secrets> {
        let mut cells = Vec::new();
        for secret in &entry.grants.secrets {
            let name = &secret.value;
            let reveal = entry
                .grants
                .reveal
                .iter()
                .any(|revealed| revealed.value == *name);
            let Some((backend, client)) =
                backend.and_then(|backend| Some((backend, &self.by_name.get(backend)?.1)))
            else {
                faults.push(
                    loaded
                        .error(
                            secret.span,
                            "secrets",
                            format!(
                                "plugin `{}` is granted the secret `{name}`, and no backend has it",
                                entry.name.value
                            ),
                        )
                        .help("bind one with `use: { secrets: … }`"),
                );
                return Arc::default();
            };
            let key = (backend.to_owned(), name.clone(), reveal);
            if let Some(cell) = self.filled.get(&key) {
                cells.push(Arc::clone(cell));
                continue;
            }
            match fetch(client, name, reveal, &loaded.bundle.limits.secrets).await {
                Ok((cell, ttl)) => {
                    let cell = running(earlier, &key, &cell).unwrap_or_else(|| Arc::new(cell.cell));
                    if let Some(ttl) = ttl {
                        let lasting = Lasting::new(Arc::clone(&cell), Arc::clone(client), ttl);
                        self.lasting.push(lasting);
                    }
                    self.filled.insert(key, Arc::clone(&cell));
                    cells.push(cell);
                }
                Err(reason) => faults.push(
                    loaded
                        .error(secret.span, "secrets", format!("the secret `{name}` of plugin `{}` cannot be had from `{backend}`: {reason}", entry.name.value))
                        .help("put it there, or take the grant away; a plugin does not load without a secret it is granted"),
                ),
            }
        }
        Arc::new(Secrets::new(cells))
    }
}

/// The value of a secret as text.
///
/// # Errors
/// Why it cannot be had, or that it is none.
pub(crate) async fn text(
    client: &Client<SecretsWorld>,
    name: &str,
    limits: &SecretLimits,
) -> Result<Zeroizing<String>, String> {
    let (fetched, _) = fetch(client, name, false, limits).await?;
    let text = std::str::from_utf8(&fetched.value).map_err(|_| "it is no text".to_owned())?;
    Ok(Zeroizing::new(text.trim_end().to_owned()))
}

async fn fetch(
    client: &Client<SecretsWorld>,
    name: &str,
    reveal: bool,
    limits: &SecretLimits,
) -> Result<(Fetched, Option<Duration>), String> {
    let asked = tokio::time::timeout(
        limits.fetch,
        client.fetch(CallScope::default(), name.to_owned()),
    )
    .await;
    let asked = asked.map_err(|_| {
        format!(
            "no answer within {:?} (key `limits.secrets.fetch`)",
            limits.fetch
        )
    })?;
    let secret = match asked {
        Ok(Ok(secret)) => secret,
        Ok(Err(Error::NotFound)) => return Err("there is no secret of that name".into()),
        Ok(Err(
            Error::Invalid(reason)
            | Error::Denied(reason)
            | Error::Unavailable(reason)
            | Error::Internal(reason),
        )) => return Err(reason),
        Ok(Err(error)) => return Err(format!("{error:?}")),
        Err(fault) => return Err(fault.to_string()),
    };
    if secret.value.is_empty() {
        return Err("it is empty".into());
    }
    if u64::try_from(secret.value.len()).unwrap_or(u64::MAX) > limits.value {
        return Err(format!(
            "it is larger than {} bytes (key `limits.secrets.value`)",
            limits.value
        ));
    }
    let cell = SecretCell::new(name, reveal).map_err(|error| error.to_string())?;
    let value = Zeroizing::new(secret.value);
    cell.set(value.clone(), secret.version);
    let fetched = Fetched { cell, value };
    Ok((fetched, secret.ttl_ms.map(Duration::from_millis)))
}

/// A secret as it came, with its value to compare by.
struct Fetched {
    cell: SecretCell,
    value: Zeroizing<Vec<u8>>,
}

/// The running generation's handle of the same secret, when its value is still the same.
fn running(
    earlier: &[Arc<Generation>],
    key: &SecretKey,
    fetched: &Fetched,
) -> Option<Arc<SecretCell>> {
    use greentic_interfaces::SecretUse;
    earlier
        .iter()
        .filter_map(|generation| generation.parts.secrets.get(key))
        .find(|cell| cell.equals(&fetched.value))
        .cloned()
}
