//! What a plugin may touch: parsed once from the bundle's texts, then only asked.
//!
//! Nothing is granted by default (invariant 3). Each question is answered here with a yes or a [`Refusal`] that names the
//! plugin, the capability and the line of the bundle that would change the answer; the places that ask are
//! [`crate::http`], [`crate::net`] and the host's side of the secrets.

mod address;
mod directory;
mod host;
mod reach;
mod refusal;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use wasmtime_wasi::{FsPerms, WasiCtxBuilder};

pub use address::{AddressClass, canonical};
pub use directory::{DirError, DirGrant};
pub use host::{Host, HostPattern, HttpGrant, Scheme, TcpGrant};
pub use reach::Reach;
pub use refusal::{Capability, Refusal, Refusals};

/// The grants of one plugin as the bundle writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantTexts {
    /// Hosts for HTTP: see [`HttpGrant`].
    pub http: Vec<String>,
    /// Hosts and ports for sockets: see [`TcpGrant`].
    pub tcp: Vec<String>,
    /// Whether every host granted by name may also resolve to private, loopback and link-local addresses (never to a
    /// metadata service).
    pub private_addresses: bool,
    /// Folders to read, relative ones taken from the bundle's folder.
    pub read: Vec<PathBuf>,
    /// Folders to read and write, relative ones taken from the bundle's folder.
    pub write: Vec<PathBuf>,
    /// Environment variables: name and value.
    pub env: Vec<(String, String)>,
    /// Secrets to use by handle.
    pub secrets: Vec<String>,
    /// Secrets whose bytes may be seen; each may also be used by handle.
    pub reveal: Vec<String>,
}

/// A grant that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` under `{key}` is no grant: {problem}")]
pub struct GrantError {
    /// The key under `grants:`.
    pub key: &'static str,
    /// Its place in that list, from 0.
    pub index: usize,
    /// The text.
    pub text: String,
    /// What is wrong and what to write.
    pub problem: String,
}

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
    /// Reads the bundle's texts; `base` is the bundle's folder.
    ///
    /// # Errors
    /// Every text that is no grant, not only the first.
    pub fn parse(texts: &GrantTexts, base: &Path) -> Result<Self, Vec<GrantError>> {
        let mut errors = Vec::new();
        let names_reach = if texts.private_addresses {
            Reach::public_and_local()
        } else {
            Reach::public()
        };
        let http = read_list("http", &texts.http, &mut errors, |text| {
            HttpGrant::parse(text, &names_reach)
        });
        let tcp = read_list("tcp", &texts.tcp, &mut errors, |text| {
            TcpGrant::parse(text, &names_reach)
        });
        let mut taken: Vec<String> = Vec::new();
        let mut folder = |path: &PathBuf| {
            let grant = DirGrant::new(path, base)?;
            if taken.contains(&grant.guest) {
                return Err(format!(
                    "another granted folder is {} for the plugin already; rename one",
                    grant.guest
                ));
            }
            taken.push(grant.guest.clone());
            Ok(grant)
        };
        let read = read_paths("read", &texts.read, &mut errors, &mut folder);
        let write = read_paths("write", &texts.write, &mut errors, &mut folder);
        for (index, (name, value)) in texts.env.iter().enumerate() {
            if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
                let problem = "a variable has a name without `=`, and no NUL".to_owned();
                errors.push(GrantError {
                    key: "env",
                    index,
                    text: name.clone(),
                    problem,
                });
            }
        }
        let secrets = read_list("secrets", &texts.secrets, &mut errors, secret_name);
        let reveal = read_list("reveal", &texts.reveal, &mut errors, secret_name);
        if errors.is_empty() {
            Ok(Self {
                http,
                tcp,
                read,
                write,
                env: texts.env.clone(),
                secrets,
                reveal,
            })
        } else {
            Err(errors)
        }
    }

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

/// Names are `[a-z0-9._/-]+` without `..`, at most 255 bytes (`greentic:secrets`).
fn secret_name(text: &str) -> Result<String, String> {
    let letters = text
        .bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'/' | b'-'));
    if text.is_empty() || text.len() > 255 || !letters || text.contains("..") {
        return Err("a secret's name is made of a-z, 0-9, `.`, `_`, `/` and `-`, without `..`, at most 255 long".into());
    }
    Ok(text.to_owned())
}

fn read_list<T>(
    key: &'static str,
    texts: &[String],
    errors: &mut Vec<GrantError>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let mut out = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        match read(text) {
            Ok(grant) => out.push(grant),
            Err(problem) => errors.push(GrantError {
                key,
                index,
                text: text.clone(),
                problem,
            }),
        }
    }
    out
}

fn read_paths(
    key: &'static str,
    paths: &[PathBuf],
    errors: &mut Vec<GrantError>,
    read: &mut impl FnMut(&PathBuf) -> Result<DirGrant, String>,
) -> Vec<DirGrant> {
    let mut out = Vec::with_capacity(paths.len());
    for (index, path) in paths.iter().enumerate() {
        match read(path) {
            Ok(grant) => out.push(grant),
            Err(problem) => errors.push(GrantError {
                key,
                index,
                text: path.display().to_string(),
                problem,
            }),
        }
    }
    out
}

#[cfg(test)]
#[path = "grants/tests.rs"]
mod tests;
