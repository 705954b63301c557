//! TCP connections to servers the bundle grants.
//!
//! The host judges the resolved address of each connection (`grants: {tcp: ["redis.example:6379"]}`); what it refuses ends here
//! as [`Fault::Denied`] with the line to add.

use std::time::Duration;

use crate::timer::within;
use crate::tls;

/// Why there is no connection, or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The bundle does not grant this server.
    Denied(String),
    /// It did not work out; trying again later may help.
    Failed(String),
}

impl std::fmt::Display for Fault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Denied(text) | Self::Failed(text) => formatter.write_str(text),
        }
    }
}

/// What a connection that its other end closed is told as.
fn closed() -> Fault {
    Fault::Failed("the server closed the connection".into())
}

/// Connects to a name or an address, within `limit` for looking the name up and connecting together.
///
/// # Errors
/// [`Fault`] with the server and the reason.
pub async fn connect(host: &str, port: u16, limit: Duration) -> Result<(Reader, Writer), Fault> {
    match within(limit, system::connect(host, port)).await {
        Some(outcome) => outcome,
        None => Err(Fault::Failed(format!(
            "{host}:{port}: no connection within {limit:?}"
        ))),
    }
}

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`; `None` for anything else.
#[must_use]
pub fn host_and_port(text: &str, default: u16) -> Option<(String, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<std::net::Ipv6Addr>().ok()?;
            let port = if port.is_empty() {
                port
            } else {
                port.strip_prefix(':')?
            };
            (host, port)
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b':');
    if host.is_empty() || !host.bytes().all(allowed) {
        return None;
    }
    let port = match port {
        "" => default,
        port => port.parse().ok().filter(|port| *port > 0)?,
    };
    Some((host.to_owned(), port))
}

/// The receiving half of a connection.
pub struct Reader {
    half: Half<system::Reader, tls::Reader>,
    /// What was read and given back.
    ahead: Vec<u8>,
}

/// The sending half of a connection.
pub struct Writer(Half<system::Writer, tls::Writer>);

/// Half of a connection as it is, or in TLS.
enum Half<P, T> {
    Plain(P),
    Tls(Box<T>),
}

/// A second handshake inside the first is nobody's wish.
fn twice() -> Fault {
    Fault::Failed("the connection is in TLS already".into())
}

impl Reader {
    /// Reads what has come, at least one byte, into the spare room of `buffer`, which must have some.
    ///
    /// # Errors
    /// [`Fault`] when the connection is over; what was read before is in vain.
    pub async fn read(&mut self, buffer: Vec<u8>) -> Result<Vec<u8>, Fault> {
        if !self.ahead.is_empty() {
            let mut buffer = buffer;
            buffer.append(&mut self.ahead);
            return Ok(buffer);
        }
        match &mut self.half {
            Half::Plain(half) => half.read(buffer).await,
            Half::Tls(half) => half.read(buffer).await,
        }
    }

    /// Gives back what was read too much: the next read begins with it.
    pub fn give_back(&mut self, bytes: &[u8]) {
        self.ahead.splice(0..0, bytes.iter().copied());
    }

    fn plain(half: system::Reader) -> Self {
        Self {
            half: Half::Plain(half),
            ahead: Vec::new(),
        }
    }

    pub(crate) fn tls(half: tls::Reader) -> Self {
        Self {
            half: Half::Tls(Box::new(half)),
            ahead: Vec::new(),
        }
    }

    /// What a handshake begins on. What was said without TLS before it and not read must not be taken for something said in it.
    pub(crate) fn raw(self) -> Result<system::Reader, Fault> {
        match self.half {
            Half::Plain(_) if !self.ahead.is_empty() => Err(Fault::Failed(
                "the server said more before TLS than it may".into(),
            )),
            Half::Plain(half) => Ok(half),
            Half::Tls(_) => Err(twice()),
        }
    }
}

impl Writer {
    /// Sends all of it and gives the emptied buffer back.
    ///
    /// # Errors
    /// [`Fault`] when the connection is over; how much of it arrived is unknown.
    pub async fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
        match &mut self.0 {
            Half::Plain(half) => half.write(bytes).await,
            Half::Tls(half) => half.write(bytes).await,
        }
    }

    fn plain(half: system::Writer) -> Self {
        Self(Half::Plain(half))
    }

    pub(crate) fn tls(half: tls::Writer) -> Self {
        Self(Half::Tls(Box::new(half)))
    }

    pub(crate) fn raw(self) -> Result<system::Writer, Fault> {
        match self.0 {
            Half::Plain(half) => Ok(half),
            Half::Tls(_) => Err(twice()),
        }
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) mod system {
    use std::net::IpAddr;
    use std::rc::Rc;

    use super::{Fault, closed};
    use crate::bindings::net::wasi::sockets::ip_name_lookup::{
        ErrorCode as LookupError, resolve_addresses,
    };
    use crate::bindings::net::wasi::sockets::types::{
        ErrorCode, IpAddress, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress,
        Ipv6SocketAddress, TcpSocket,
    };
    use crate::bindings::net::wit_stream;
    use greentic_sdk::wit_bindgen::{FutureReader, StreamReader, StreamResult, StreamWriter};

    type End = FutureReader<Result<(), ErrorCode>>;

    pub(crate) struct Reader {
        stream: StreamReader<u8>,
        _end: End,
        _socket: Rc<TcpSocket>,
    }

    pub(crate) struct Writer {
        stream: StreamWriter<u8>,
        _end: End,
        _socket: Rc<TcpSocket>,
    }

    pub(super) async fn connect(
        host: &str,
        port: u16,
    ) -> Result<(super::Reader, super::Writer), Fault> {
        let addresses = match host.parse() {
            Ok(IpAddr::V4(address)) => vec![IpAddress::Ipv4(address.octets().into())],
            Ok(IpAddr::V6(address)) => vec![IpAddress::Ipv6(address.segments().into())],
            Err(_) => resolve_addresses(host.to_owned())
                .await
                .map_err(|code| match code {
                    LookupError::AccessDenied => denied(host, port),
                    code => {
                        Fault::Failed(format!("{host}: the name cannot be looked up: {code:?}"))
                    }
                })?,
        };
        let mut last = Fault::Failed(format!("{host}: the name has no address"));
        for address in addresses {
            match try_address(host, address, port).await {
                Ok(halves) => return Ok(halves),
                Err(fault) => last = fault,
            }
        }
        Err(last)
    }

    async fn try_address(
        host: &str,
        address: IpAddress,
        port: u16,
    ) -> Result<(super::Reader, super::Writer), Fault> {
        let (family, remote) = match address {
            IpAddress::Ipv4(address) => (
                IpAddressFamily::Ipv4,
                IpSocketAddress::Ipv4(Ipv4SocketAddress { port, address }),
            ),
            IpAddress::Ipv6(address) => (
                IpAddressFamily::Ipv6,
                IpSocketAddress::Ipv6(Ipv6SocketAddress {
                    port,
                    flow_info: 0,
                    address,
                    scope_id: 0,
                }),
            ),
        };
        let fault = |code: ErrorCode| match code {
            ErrorCode::AccessDenied => denied(host, port),
            ErrorCode::ConnectionRefused => Fault::Failed(format!(
                "{host}:{port}: connection refused; is the server running there?"
            )),
            code => Fault::Failed(format!("{host}:{port}: {code:?}")),
        };
        let socket = Rc::new(TcpSocket::create(family).map_err(fault)?);
        socket.connect(remote).await.map_err(fault)?;
        let (incoming, received) = socket.receive();
        let (outgoing, source) = wit_stream::new();
        let sent = socket.send(source);
        Ok((
            super::Reader::plain(Reader {
                stream: incoming,
                _end: received,
                _socket: Rc::clone(&socket),
            }),
            super::Writer::plain(Writer {
                stream: outgoing,
                _end: sent,
                _socket: socket,
            }),
        ))
    }

    fn denied(host: &str, port: u16) -> Fault {
        Fault::Denied(format!(
            "the bundle does not grant a connection to {host}:{port}; add `grants: {{ tcp: [\"{host}:{port}\"] }}` to this plugin"
        ))
    }

    impl Reader {
        pub(crate) async fn read(&mut self, buffer: Vec<u8>) -> Result<Vec<u8>, Fault> {
            match self.stream.read(buffer).await {
                (StreamResult::Complete(count), buffer) if count > 0 => Ok(buffer),
                _ => Err(closed()),
            }
        }
    }

    impl Writer {
        pub(crate) async fn write(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
            let rest = self.stream.write_all(bytes).await;
            if rest.is_empty() {
                Ok(rest)
            } else {
                Err(closed())
            }
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod system {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;
    use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

    use super::{Fault, closed};

    pub(crate) struct Reader(OwnedReadHalf);
    pub(crate) struct Writer(OwnedWriteHalf);

    pub(super) async fn connect(
        host: &str,
        port: u16,
    ) -> Result<(super::Reader, super::Writer), Fault> {
        let fault = |error| Fault::Failed(format!("{host}:{port}: {error}"));
        let stream = TcpStream::connect((host, port)).await.map_err(fault)?;
        stream.set_nodelay(true).map_err(fault)?;
        let (reader, writer) = stream.into_split();
        Ok((
            super::Reader::plain(Reader(reader)),
            super::Writer::plain(Writer(writer)),
        ))
    }

    impl Reader {
        pub(crate) async fn read(&mut self, mut buffer: Vec<u8>) -> Result<Vec<u8>, Fault> {
            match self.0.read_buf(&mut buffer).await {
                Ok(count) if count > 0 => Ok(buffer),
                _ => Err(closed()),
            }
        }
    }

    impl Writer {
        pub(crate) async fn write(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, Fault> {
            let sent = self.0.write_all(&bytes).await;
            sent.map_err(|error| Fault::Failed(error.to_string()))?;
            bytes.clear();
            Ok(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Fault, connect, host_and_port};

    #[test]
    fn a_host_has_a_port_of_its_own_or_the_default() {
        for (text, expected) in [
            ("h", Some(("h", 1))),
            ("a.b-c:22", Some(("a.b-c", 22))),
            ("127.0.0.1:0", None),
            ("[::1]:22", Some(("::1", 22))),
            ("[::1]", Some(("::1", 1))),
            ("[::1]22", None),
            ("::1", None),
            ("", None),
            (":22", None),
            ("h:", Some(("h", 1))),
            ("h:70000", None),
            ("h h", None),
            ("h/x", None),
        ] {
            let read = host_and_port(text, 1);
            let read = read.as_ref().map(|(host, port)| (host.as_str(), *port));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[tokio::test]
    async fn bytes_go_both_ways_and_the_other_ends_close_is_told() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut heard = [0; 4];
            stream.read_exact(&mut heard).await.unwrap();
            stream.write_all(&heard).await.unwrap();
        });
        let limit = Duration::from_secs(5);
        let (mut reader, mut writer) = connect("127.0.0.1", port, limit).await.unwrap();
        assert_eq!(writer.write(b"ping".to_vec()).await, Ok(Vec::new()));
        let mut heard = Vec::with_capacity(64);
        while heard.len() < 4 {
            heard = reader.read(heard).await.unwrap();
        }
        assert_eq!(heard, b"ping");
        server.await.unwrap();
        let end = reader.read(Vec::with_capacity(64)).await;
        assert!(matches!(end, Err(Fault::Failed(_))), "{end:?}");
    }
}
