//! What a plugin may touch: parsed once from the bundle's texts, then only asked.
//!
//! Nothing is granted by default (invariant 3). Each question is answered here with a yes or a [`Refusal`] that names the
//! plugin, the capability and the line of the bundle that would change the answer; the places that ask are
//! [`crate::http`], [`crate::net`] and the host's side of the secrets.

mod address;
mod directory;
mod host;
mod reach;
mod read;
mod refusal;
mod text;

use std::net::IpAddr;

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

pub use address::{AddressClass, canonical};
pub use directory::{DirError, DirGrant};
pub use host::{Host, HostPattern, HttpGrant, Scheme, TcpGrant};
pub use reach::Reach;
pub use read::{GrantError, GrantTexts};
pub use refusal::{Capability, Refusal, Refusals};

/// What one plugin may touch. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// Hosts it may send HTTP requests to.
    pub http: Vec<HttpGrant>,
    /// Hosts and ports it may open sockets to.
    pub tcp: Vec<TcpGrant>,
    /// Folders it may read.
    pub read: Vec<DirGrant>,
    /// Folders it may read and write.
    pub write: Vec<DirGrant>,
    /// Environment variables it sees.
    pub env: Vec<(String, String)>,
    /// Secrets it may use by handle.
    pub secrets: Vec<String>,
    /// Secrets whose bytes it may see.
    pub reveal: Vec<String>,
}

impl Grants {
    /// What a request to this scheme, host and port may reach.
    ///
    /// # Errors
    /// When no `http` grant covers it.
    pub fn http_reach(
        &self,
        plugin: &str,
        scheme: Scheme,
        host: &Host,
        port: u16,
    ) -> Result<Reach, Refusal> {
        let mut covering = self
            .http
            .iter()
            .filter(|grant| grant.covers(scheme, host, port))
            .map(|grant| &grant.reach);
        match covering.next() {
            Some(first) => Ok(covering.fold(first.clone(), Reach::or)),
            None => {
                let same_host = self.http.iter().any(|grant| grant.host.names(host));
                let reason = if same_host {
                    "its host is granted with another port or scheme"
                } else {
                    "no grant names this host"
                };
                Err(Refusal::new(
                    plugin,
                    Capability::Http,
                    &origin(scheme, host, port),
                    reason,
                )
                .add(&http_line(scheme, host, port)))
            }
        }
    }

    /// The refusal for a host that is granted and led to addresses that are not.
    #[must_use]
    pub fn http_address_refusal(
        plugin: &str,
        scheme: Scheme,
        host: &Host,
        port: u16,
        addresses: &[IpAddr],
    ) -> Refusal {
        let refusal = Refusal::new(
            plugin,
            Capability::Http,
            &origin(scheme, host, port),
            address_reason(addresses),
        );
        with_address_line(refusal, &http_line(scheme, host, port), addresses)
    }

    /// Whether the plugin may use this secret by its handle.
    ///
    /// # Errors
    /// When neither `secrets` nor `reveal` names it.
    pub fn secret(&self, plugin: &str, name: &str) -> Result<(), Refusal> {
        if self
            .secrets
            .iter()
            .chain(&self.reveal)
            .any(|granted| granted == name)
        {
            return Ok(());
        }
        Err(Refusal::new(
            plugin,
            Capability::Secrets,
            &shown(name),
            "the bundle does not grant this secret",
        )
        .add(&shown(name)))
    }

    /// Whether the plugin may see the bytes of this secret.
    ///
    /// # Errors
    /// When `reveal` does not name it.
    pub fn reveal(&self, plugin: &str, name: &str) -> Result<(), Refusal> {
        if self.reveal.iter().any(|granted| granted == name) {
            return Ok(());
        }
        Err(Refusal::new(
            plugin,
            Capability::Reveal,
            &shown(name),
            "the bundle does not grant its bytes",
        )
        .add(&shown(name)))
    }

    /// Adds the granted folders and environment variables to a guest's world. Sockets: [`crate::net::SocketPolicy::apply`].
    ///
    /// # Errors
    /// When a granted folder cannot be opened.
    pub fn apply(&self, plugin: &str, builder: &mut WasiCtxBuilder) -> Result<(), DirError> {
        for grant in &self.read {
            grant.preopen(plugin, FsPerms::ReadOnly, builder)?;
        }
        for grant in &self.write {
            grant.preopen(plugin, FsPerms::ReadWrite, builder)?;
        }
        builder.envs(&self.env);
        Ok(())
    }
}

/// Why a destination's addresses were refused.
pub(crate) fn address_reason(addresses: &[IpAddr]) -> String {
    match addresses.first() {
        Some(address) => format!(
            "it leads to {address}, a {} address outside its grant",
            AddressClass::of(*address)
        ),
        None => "it leads to no address".into(),
    }
}

/// Adds the line that allows `host` to lead to `addresses`, as far as a grant can.
pub(crate) fn with_address_line(refusal: Refusal, host: &str, addresses: &[IpAddr]) -> Refusal {
    let Some(address) = addresses.first() else {
        return refusal;
    };
    match AddressClass::of(*address) {
        AddressClass::Private => refusal.add(&format!("{host} (private)")),
        AddressClass::Unspecified | AddressClass::Multicast => refusal,
        _ => refusal.add(&format!("{host} ({})", canonical(*address))),
    }
}

/// `scheme://host:port`, the port only where it is not the scheme's own.
pub(crate) fn origin(scheme: Scheme, host: &Host, port: u16) -> String {
    if port == scheme.default_port() {
        format!("{}://{host}", scheme.as_str())
    } else {
        format!("{}://{host}:{port}", scheme.as_str())
    }
}

/// The shortest grant that covers a destination.
fn http_line(scheme: Scheme, host: &Host, port: u16) -> String {
    let local = matches!(host, Host::Address(_)) || *host == Host::Name("localhost".into());
    match (scheme, port) {
        (Scheme::Https, 443) => host.to_string(),
        (Scheme::Https, _) => format!("{host}:{port}"),
        (Scheme::Http, _) if local => format!("{host}:{port}"),
        (Scheme::Http, _) => origin(scheme, host, port),
    }
}

/// A secret's name as a guest gave it, short enough for a message.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(255).collect()
}

#[cfg(test)]
#[path = "grants/tests.rs"]
mod tests;
