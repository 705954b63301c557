//! Opening a connection to an address the grant reaches.
//!
//! Each connector belongs to one [`Reach`]: every address a name leads to is judged before a connection is tried, addresses
//! outside are dropped, and exactly the addresses that passed are connected to.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

use crate::grants::{Host, Reach};
use crate::net::Resolve;

type BoxError = Box<dyn StdError + Send + Sync>;
type BoxFuture<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;
type Https = HttpsConnector<Judged>;

/// Every address of a destination lies outside its grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AddressesRefused(pub Vec<IpAddr>);

impl fmt::Display for AddressesRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no address of this host is granted")
    }
}

impl StdError for AddressesRefused {}

/// A name that leads nowhere.
#[derive(Debug)]
pub(super) struct LookupFailed(pub io::Error);

impl fmt::Display for LookupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the look-up of the name failed: {}", self.0)
    }
}

impl StdError for LookupFailed {}

/// Look-up, connecting and TLS together took too long.
#[derive(Debug)]
pub(super) struct ConnectTimedOut;

impl fmt::Display for ConnectTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connecting took too long")
    }
}

impl StdError for ConnectTimedOut {}

/// Opens connections, with TLS where the scheme asks for it, within one deadline for all of it.
#[derive(Clone)]
pub(super) struct Connector {
    https: Https,
    timeout: Duration,
    opened: Arc<AtomicU64>,
}

impl Connector {
    pub(super) fn new(
        reach: Reach,
        resolver: Arc<dyn Resolve>,
        tls: rustls::ClientConfig,
        timeout: Duration,
        opened: Arc<AtomicU64>,
    ) -> Self {
        let reach = Arc::new(reach);
        let mut http = HttpConnector::new_with_resolver(JudgedResolver {
            reach: Arc::clone(&reach),
            resolver,
        });
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_keepalive(Some(Duration::from_secs(60)));
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(Judged { reach, http });
        Self {
            https,
            timeout,
            opened,
        }
    }
}

impl Service<Uri> for Connector {
    type Response = <Https as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, timeout, opened) =
            (self.https.call(uri), self.timeout, Arc::clone(&self.opened));
        Box::pin(async move {
            let stream = tokio::time::timeout(timeout, connecting)
                .await
                .map_err(|_| ConnectTimedOut)??;
            opened.fetch_add(1, Ordering::Relaxed);
            Ok(stream)
        })
    }
}

/// The TCP half: a literal address never comes by the resolver, so it is judged here.
#[derive(Clone)]
pub(super) struct Judged {
    reach: Arc<Reach>,
    http: HttpConnector<JudgedResolver>,
}

impl Service<Uri> for Judged {
    type Response = <HttpConnector<JudgedResolver> as Service<Uri>>::Response;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let literal = match uri.host().and_then(Host::parse) {
            Some(Host::Address(address)) => Some(address),
            Some(Host::Name(_)) => None,
            None => return Box::pin(async { Err(AddressesRefused(Vec::new()).into()) }),
        };
        if let Some(address) = literal
            && !self.reach.allows(address)
        {
            return Box::pin(async move { Err(AddressesRefused(vec![address]).into()) });
        }
        let connecting = self.http.call(uri);
        Box::pin(async move { connecting.await.map_err(Into::into) })
    }
}

#[derive(Clone)]
pub(super) struct JudgedResolver {
    reach: Arc<Reach>,
    resolver: Arc<dyn Resolve>,
}

impl Service<Name> for JudgedResolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = BoxFuture<Self::Response>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let (reach, resolver) = (Arc::clone(&self.reach), Arc::clone(&self.resolver));
        Box::pin(async move {
            let found = resolver
                .resolve(name.as_str())
                .await
                .map_err(LookupFailed)?;
            if found.is_empty() {
                return Err(LookupFailed(io::Error::new(
                    io::ErrorKind::NotFound,
                    "the name has no address",
                ))
                .into());
            }
            let (allowed, refused): (Vec<IpAddr>, Vec<IpAddr>) = found
                .into_iter()
                .partition(|address| reach.allows(*address));
            if allowed.is_empty() {
                return Err(AddressesRefused(refused).into());
            }
            // The port is the connector's to set.
            Ok(allowed
                .into_iter()
                .map(|address| SocketAddr::new(address, 0))
                .collect::<Vec<_>>()
                .into_iter())
        })
    }
}
