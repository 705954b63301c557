//! Names to addresses, behind a trait so that a test can say where a name leads.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::time::Duration;

/// How long one look-up of a name may take.
pub const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The future of a look-up.
pub type Lookup<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Finds the addresses of a name. Whoever connects judges what is found and connects to exactly that: a name is never
/// looked up twice for one connection, so it cannot lead elsewhere the second time.
pub trait Resolve: Send + Sync {
    /// The addresses of `name`, a DNS name in lower case.
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a>;
}

/// The system's resolver (`getaddrinfo`), except that `localhost` is always this machine (RFC 6761, section 6.3).
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            if name == "localhost" {
                return Ok(vec![
                    IpAddr::V4(Ipv4Addr::LOCALHOST),
                    IpAddr::V6(Ipv6Addr::LOCALHOST),
                ]);
            }
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, tokio::net::lookup_host((name, 0)));
            let found = found.await.map_err(|_| {
                io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the look-up of a name took too long",
                )
            })??;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_is_this_machine_and_nothing_else() {
        let found = SystemResolver.resolve("localhost").await.unwrap();
        assert!(!found.is_empty() && found.iter().all(IpAddr::is_loopback));
    }
}
