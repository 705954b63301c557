//! Sockets from a guest: connections to granted hosts and ports, nothing else.
//!
//! WASI asks about addresses, the bundle grants names. So a granted name is resolved here, and a connection passes when its
//! address is one the name led to lately and the grant reaches that kind of address. There is no UDP and no listening; the
//! implicit bind to an unspecified address and port 0 that precedes every connect passes.
//!
//! A guest that holds a `tcp` grant by name may also look up names itself. What it finds is no permission: only this check is.

mod resolve;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::sockets::SocketAddrUse;

pub use resolve::{LOOKUP_TIMEOUT, Lookup, Resolve, SystemResolver};

use crate::grants::{
    Capability, Grants, Host, HostPattern, Reach, Refusal, Refusals, TcpGrant, address_reason,
    canonical, with_address_line,
};

/// How long an address a name led to is taken for one of its addresses: names with many addresses show a few at a time, and
/// the guest's own look-up may have seen others than ours.
const REMEMBERED: Duration = Duration::from_secs(600);

/// How many addresses of one name are remembered.
const REMEMBERED_ADDRESSES: usize = 64;

/// The least time between two look-ups of one name: a guest that tries address after address causes no more.
const LOOKUP_INTERVAL: Duration = Duration::from_secs(1);

/// The socket rules of one plugin. Cheap to clone; share one among the plugin's cells, so that they share look-ups.
#[derive(Clone)]
pub struct SocketPolicy {
    inner: Arc<Inner>,
}

struct Inner {
    plugin: Arc<str>,
    grants: Arc<Grants>,
    resolver: Arc<dyn Resolve>,
    refusals: Refusals,
    names: HashMap<String, tokio::sync::Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    looked_up: Option<Instant>,
    addresses: HashMap<IpAddr, Instant>,
}

impl SocketPolicy {
    /// The rules of `plugin` under `grants`; refusals go to `refusals`.
    #[must_use]
    pub fn new(
        plugin: impl Into<Arc<str>>,
        grants: Arc<Grants>,
        resolver: Arc<dyn Resolve>,
        refusals: Refusals,
    ) -> Self {
        let names = grants.tcp.iter().filter_map(|grant| match &grant.host {
            HostPattern::Name(name) => Some((name.clone(), tokio::sync::Mutex::default())),
            HostPattern::Below(_) | HostPattern::Address(_) => None,
        });
        let names = names.collect();
        Self {
            inner: Arc::new(Inner {
                plugin: plugin.into(),
                grants,
                resolver,
                refusals,
                names,
            }),
        }
    }

    /// Gives a guest the sockets it was granted.
    pub fn apply(&self, builder: &mut WasiCtxBuilder) {
        builder.allow_udp(false);
        builder.allow_tcp(!self.inner.grants.tcp.is_empty());
        builder.allow_ip_name_lookup(!self.inner.names.is_empty());
        let policy = self.clone();
        builder.socket_addr_check(move |address, usage| policy.check(address, usage));
    }

    /// The refusals so far.
    #[must_use]
    pub fn refusals(&self) -> &Refusals {
        &self.inner.refusals
    }

    /// Whether `address` may be used so. Must be called inside a tokio runtime.
    pub fn check(
        &self,
        address: SocketAddr,
        usage: SocketAddrUse,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + Sync>> {
        let verb = match usage {
            SocketAddrUse::TcpConnect => return self.check_connect(address),
            SocketAddrUse::TcpBind if address.ip().is_unspecified() && address.port() == 0 => {
                return Box::pin(async { true });
            }
            SocketAddrUse::TcpBind => "to bind",
            SocketAddrUse::TcpListen | SocketAddrUse::TcpAccept => "to listen on",
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => "UDP on",
        };
        let reason = "plugins open connections and nothing else";
        self.inner.refusals.record(Refusal::new(
            &self.inner.plugin,
            Capability::Tcp,
            &format!("{verb} {address}"),
            reason,
        ));
        Box::pin(async { false })
    }

    fn check_connect(
        &self,
        address: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = bool> + Send + Sync>> {
        let inner = &self.inner;
        if inner
            .on_port(address.port())
            .any(|grant| grants_without_lookup(grant, address.ip()))
        {
            return Box::pin(async { true });
        }
        // The look-up runs as its own task because a task's handle is `Sync`, which WASI asks for, and a look-up is not.
        let task = tokio::spawn({
            let inner = Arc::clone(inner);
            async move { inner.check_names(address).await }
        });
        Box::pin(async move { task.await.unwrap_or(false) })
    }
}

/// Whether a grant by literal address, or for `localhost`, covers `address`: neither needs a look-up.
fn grants_without_lookup(grant: &TcpGrant, address: IpAddr) -> bool {
    let named = match &grant.host {
        HostPattern::Address(_) => {
            grant.host.names(&Host::Address(canonical(address)))
                || grant.host.names(&Host::Address(address))
        }
        HostPattern::Name(name) => name == "localhost" && grant.reach == Reach::loopback(),
        HostPattern::Below(_) => false,
    };
    named && grant.reach.allows(address)
}

impl Inner {
    fn on_port(&self, port: u16) -> impl Iterator<Item = &TcpGrant> {
        self.grants
            .tcp
            .iter()
            .filter(move |grant| grant.port == port)
    }

    async fn check_names(&self, address: SocketAddr) -> bool {
        let ip = canonical(address.ip());
        let mut led_here = None;
        for grant in self.on_port(address.port()) {
            let HostPattern::Name(name) = &grant.host else {
                continue;
            };
            if self.leads_to(name, ip).await {
                if grant.reach.allows(ip) {
                    return true;
                }
                led_here = Some(name);
            }
        }
        let asked = address.to_string();
        self.refusals.record(match led_here {
            Some(name) => {
                let refusal = Refusal::new(
                    &self.plugin,
                    Capability::Tcp,
                    &asked,
                    format!("`{name}`: {}", address_reason(&[ip])),
                );
                with_address_line(refusal, &format!("{name}:{}", address.port()), &[ip])
            }
            None => {
                let reason = "no grant names this address or leads to it";
                let line = SocketAddr::new(ip, address.port()).to_string();
                Refusal::new(&self.plugin, Capability::Tcp, &asked, reason).add(&line)
            }
        });
        false
    }

    /// Whether `name` led to `ip` lately; looks it up again when it is not known to have.
    async fn leads_to(&self, name: &str, ip: IpAddr) -> bool {
        let Some(known) = self.names.get(name) else {
            return false;
        };
        let mut known = known.lock().await;
        known
            .addresses
            .retain(|_, seen| seen.elapsed() < REMEMBERED);
        if known.addresses.contains_key(&ip) {
            return true;
        }
        if known
            .looked_up
            .is_some_and(|at| at.elapsed() < LOOKUP_INTERVAL)
        {
            return false;
        }
        let found = tokio::time::timeout(LOOKUP_TIMEOUT, self.resolver.resolve(name)).await;
        let now = Instant::now();
        known.looked_up = Some(now);
        match found {
            Ok(Ok(addresses)) => {
                for address in addresses {
                    if known.addresses.len() < REMEMBERED_ADDRESSES {
                        known.addresses.insert(canonical(address), now);
                    }
                }
            }
            Ok(Err(error)) => {
                tracing::warn!(plugin = %self.plugin, name, %error, "a name in a tcp grant cannot be looked up")
            }
            Err(_) => {
                tracing::warn!(plugin = %self.plugin, name, "the look-up of a name in a tcp grant took too long")
            }
        }
        known.addresses.contains_key(&ip)
    }
}

#[cfg(test)]
#[path = "net/tests.rs"]
mod tests;
