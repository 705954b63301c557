//! Passwords of registries that secrets hold: the secrets backend is started before anything is fetched, so it is from a file.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_config::{Loaded, Origin, Password, Registry};
use greentic_diagnostics::{Diagnostics, Spanned};
use greentic_registry::Credentials;
use greentic_types::Id;
use zeroize::Zeroizing;

use super::fetch::FetchedAll;
use super::{Foundation, bind, components, packs, secrets};
use crate::generation::Generation;

/// Passwords by the name of their secret.
#[derive(Default)]
pub(crate) struct Logins(HashMap<String, Zeroizing<String>>);

impl Logins {
    /// Who asks a registry; none: whom the Docker configuration names.
    pub(crate) fn of(&self, registry: &Registry) -> Option<Credentials> {
        let login = registry.login.as_ref()?;
        let password = match &login.password {
            Password::Given(password) => Zeroizing::new(password.reveal().to_owned()),
            Password::Secret(name) => self.0.get(&name.value)?.clone(),
        };
        Some(Credentials::Password {
            username: login.username.clone(),
            password,
        })
    }
}

/// Fetches the passwords that secrets hold.
///
/// # Errors
/// Those that cannot be had, each with its place.
pub(crate) async fn fetch(
    foundation: &Foundation,
    loaded: &Arc<Loaded>,
    earlier: &[Arc<Generation>],
) -> Result<Logins, Diagnostics> {
    let bundle = &loaded.bundle;
    let named =
        bundle
            .registries
            .iter()
            .filter_map(|registry| match &registry.login.as_ref()?.password {
                Password::Secret(name) => Some(name),
                Password::Given(_) => None,
            });
    let named: Vec<&Spanned<String>> = named.collect();
    let Some(first) = named.first() else {
        return Ok(Logins::default());
    };
    let fault = |message: String, help: &str| {
        Diagnostics::from(loaded.error(first.span, "secrets", message).help(help))
    };
    let Some(backend) = &bundle.bindings.secrets else {
        return Err(fault(
            format!("no backend has the secret `{}`", first.value),
            "bind one with `use: { secrets: … }`",
        ));
    };
    let Some(alone) = alone(loaded, &backend.value) else {
        return Err(fault(
            format!(
                "`{}`, which has the secret `{}`, comes from a registry itself",
                backend.value, first.value
            ),
            "take the secrets backend from a file",
        ));
    };
    let alone = Arc::new(alone);
    let opened = {
        let (bundle, allow_unsigned) = (Arc::clone(&alone), foundation.allow_unsigned);
        let locking = foundation.locking;
        super::aside(loaded, move || {
            packs::open(
                &bundle,
                FetchedAll::default(),
                allow_unsigned,
                locking,
                None,
            )
        })
    };
    let packs = opened.await??;
    let components = components::prepare(foundation, &alone, &packs, earlier).await?;
    let backends =
        bind::backends::secret_backends(foundation, &alone, packs, components, earlier).await?;
    let Some((_, client)) = backends.by_name.get(backend.value.as_str()) else {
        return Ok(Logins::default());
    };
    let mut faults = Diagnostics::default();
    let mut logins = Logins::default();
    for name in named {
        match secrets::text(client, &name.value, &bundle.limits.secrets).await {
            Ok(password) => {
                logins.0.insert(name.value.clone(), password);
            }
            Err(reason) => faults.push(loaded.error(
                name.span,
                "secrets",
                format!(
                    "the secret `{}` of a registry cannot be had from `{}`: {reason}",
                    name.value, backend.value
                ),
            )),
        }
    }
    if faults.has_errors() {
        Err(faults)
    } else {
        Ok(logins)
    }
}

/// The bundle with nothing in it but one plugin; none when that is not from a file.
fn alone(loaded: &Loaded, plugin: &Id) -> Option<Loaded> {
    let mut alone = loaded.clone();
    let bundle = &mut alone.bundle;
    bundle.plugins.retain(|name, _| name == plugin);
    bundle.packs.clear();
    bundle.tenants.clear();
    let from_file = |entry: &greentic_config::Plugin| matches!(entry.from.value, Origin::File(_));
    // A plugin that is not there is told when it is bound.
    bundle.plugins.values().all(from_file).then_some(alone)
}
