//! What is said first on a connection: who we are, whether this is a server we can use, and what it keeps through which fault.

use std::rc::Rc;

use greentic_sdk::log;
use greentic_sdk::model::{Durability, Error};
use greentic_sdk_network::access::at;
use greentic_sdk_network::asked::Effect;
use greentic_sdk_network::tcp::Fault;

use crate::client::Client;
use crate::error::of_reply;
use crate::resp::Reply;
use crate::script::SOURCES;
use crate::settings::Settings;

/// The oldest server whose scripts may write after reading the clock and whose `INFO` tells what is needed.
const OLDEST: (u32, u32) = (6, 2);

/// A server that was greeted: its connection, and the names it gave the scripts.
pub struct Greeted {
    /// The connection.
    pub client: Rc<Client>,
    /// SHA-1 of each script, by number.
    pub scripts: Vec<Vec<u8>>,
    /// What the server told, for the log.
    pub facts: Facts,
}

/// What a server tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Its version.
    pub version: String,
    /// `master` or `slave`.
    pub role: String,
    /// `standalone`, `sentinel` or `cluster`.
    pub mode: String,
    /// Whether it is reading its files.
    pub loading: bool,
    /// Whether it writes an append-only file.
    pub append_only: bool,
    /// When it flushes that file; unknown where `CONFIG` is not allowed.
    pub fsync: Option<String>,
    /// What it throws away when its memory is full.
    pub eviction: Option<String>,
}

impl Facts {
    /// Reads the answer to `INFO`.
    #[must_use]
    pub fn read(info: &str) -> Self {
        let field = |name: &str| {
            info.lines()
                .filter_map(|line| line.trim_end().split_once(':'))
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.to_owned())
        };
        Self {
            version: field("redis_version").unwrap_or_default(),
            role: field("role").unwrap_or_default(),
            mode: field("redis_mode").unwrap_or_default(),
            loading: field("loading").as_deref() == Some("1"),
            append_only: field("aof_enabled").as_deref() == Some("1"),
            fsync: None,
            eviction: field("maxmemory_policy"),
        }
    }

    /// What an answered write survives.
    #[must_use]
    pub fn durability(&self) -> Durability {
        if self.append_only && self.fsync.as_deref() == Some("always") {
            Durability::Disk
        } else {
            Durability::Process
        }
    }

    /// The same in words, for the operator.
    #[must_use]
    pub fn promise(&self) -> String {
        match (self.append_only, self.fsync.as_deref()) {
            (true, Some("always")) => "each write is flushed to the server's disk before it is answered".into(),
            (true, Some("everysec")) => "up to a second of answered writes is lost when the server's machine fails (appendfsync everysec)".into(),
            (true, Some(other)) => format!("answered writes are lost when the server's machine fails, as many as its kernel had not written (appendfsync {other})"),
            (true, None) => "an append-only file is written; how often it is flushed cannot be read (CONFIG is not allowed)".into(),
            (false, _) => "there is no append-only file: answered writes since the last snapshot are lost when the server ends".into(),
        }
    }

    /// Why this server cannot be used, if it cannot.
    ///
    /// # Errors
    /// The reason and what to do.
    pub fn check(&self, declared: Durability) -> Result<(), Error> {
        let mut parts = self
            .version
            .split('.')
            .map(|part| part.parse().unwrap_or(0));
        let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if self.version.is_empty() {
            return Err(Error::Unavailable(
                "the server does not tell a Redis version: it is no Redis, or it hides INFO".into(),
            ));
        }
        if version < OLDEST {
            return Err(Error::Unavailable(format!(
                "the server is Redis {}; at least {}.{} is needed",
                self.version, OLDEST.0, OLDEST.1
            )));
        }
        match self.mode.as_str() {
            "cluster" => {
                return Err(Error::Unavailable(
                    "the server is part of a Redis Cluster, which is not supported: use one primary with replicas, or Sentinel".into(),
                ));
            }
            "sentinel" => {
                return Err(Error::Unavailable(
                    "the server is a sentinel: name the primary it watches in config `sentinel`"
                        .into(),
                ));
            }
            _ => {}
        }
        if self.role == "slave" {
            return Err(Error::Unavailable(
                "the server is a replica: name the primary in `url`, or the sentinels and `sentinel`".into(),
            ));
        }
        if self.loading {
            return Err(Error::Unavailable(
                "the server is still reading its files".into(),
            ));
        }
        if declared == Durability::Disk && self.durability() != Durability::Disk {
            return Err(Error::Unavailable(format!(
                "config `durability` says `disk`, but {}: set `appendonly yes` and `appendfsync always` on the server, or `durability: process` here",
                self.promise()
            )));
        }
        Ok(())
    }
}

/// Connects to the first server that can be used.
///
/// # Errors
/// What is wrong with the last one.
pub async fn greet(settings: &Settings) -> Result<Greeted, Error> {
    let mut last = Error::Unavailable("`url` names no server".into());
    for (host, port) in &settings.access.address.servers {
        let outcome = match &settings.sentinel {
            None => greet_server(settings, host, *port).await,
            Some(name) => match ask_sentinel(settings, name, host, *port).await {
                Ok((host, port)) => greet_server(settings, &host, port).await,
                Err(error) => Err(error),
            },
        };
        match outcome {
            Ok(greeted) => return Ok(greeted),
            Err(error) => last = error,
        }
    }
    Err(last)
}

async fn greet_server(settings: &Settings, host: &str, port: u16) -> Result<Greeted, Error> {
    let client = Client::connect(&settings.access, host, port).await?;
    let outcome = introduce(settings, &client).await;
    match outcome.map_err(|error| mute(settings, &client, error)) {
        Ok((scripts, facts)) => Ok(Greeted {
            client,
            scripts,
            facts,
        }),
        Err(error) => {
            client.close(Fault::Failed("the server cannot be used".into()));
            Err(at(error, host, port))
        }
    }
}

/// A server that speaks TLS closes a connection on which it is not spoken, without a word.
fn mute(settings: &Settings, client: &Client, error: Error) -> Error {
    match error {
        Error::Unavailable(text) if !settings.access.address.tls && !client.heard() => {
            Error::Unavailable(format!(
                "{text} before it answered anything; if it speaks TLS, write `rediss://` in config `url`"
            ))
        }
        other => other,
    }
}

async fn introduce(settings: &Settings, client: &Client) -> Result<(Vec<Vec<u8>>, Facts), Error> {
    if let Some(password) = settings.password()? {
        let reply = match &settings.access.address.user {
            Some(user) => ask(client, &[b"AUTH", user.as_bytes(), &password]).await?,
            None => ask(client, &[b"AUTH", &password]).await?,
        };
        done(reply)?;
    }
    let info = done(ask(client, &[b"INFO"]).await?)?;
    let Reply::Bytes(info) = info else {
        return Err(Error::Unavailable(
            "the server does not tell a Redis version: it is no Redis".into(),
        ));
    };
    let mut facts = Facts::read(&String::from_utf8_lossy(&info));
    // A hosted server may not allow it; then nothing is promised.
    if let Reply::Array(pair) = ask(client, &[b"CONFIG", b"GET", b"appendfsync"]).await?
        && let [_, Reply::Bytes(value)] = pair.as_slice()
    {
        facts.fsync = Some(String::from_utf8_lossy(value).into_owned());
    }
    facts.check(settings.durability)?;
    if settings.database > 0 {
        let number = settings.database.to_string();
        done(ask(client, &[b"SELECT", number.as_bytes()]).await?)?;
    }
    let mut scripts = Vec::with_capacity(SOURCES.len());
    for source in SOURCES {
        match done(ask(client, &[b"SCRIPT", b"LOAD", source.as_bytes()]).await?)? {
            Reply::Bytes(name) => scripts.push(name),
            other => {
                return Err(Error::Internal(format!(
                    "SCRIPT LOAD was answered with {other:?}"
                )));
            }
        }
    }
    Ok((scripts, facts))
}

/// Where the primary is.
async fn ask_sentinel(
    settings: &Settings,
    name: &str,
    host: &str,
    port: u16,
) -> Result<(String, u16), Error> {
    let client = Client::connect(&settings.access, host, port).await?;
    let asked: [&[u8]; 3] = [b"SENTINEL", b"GET-MASTER-ADDR-BY-NAME", name.as_bytes()];
    let reply = ask(&client, &asked).await;
    client.close(Fault::Failed("the sentinel was asked".into()));
    let primary = match done(reply?).map_err(|error| at(error, host, port))? {
        Reply::Array(pair) => match pair.as_slice() {
            [Reply::Bytes(host), Reply::Bytes(port)] => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                text(port).parse().ok().map(|port| (text(host), port))
            }
            _ => None,
        },
        _ => None,
    };
    primary.ok_or_else(|| {
        Error::Unavailable(format!(
            "the sentinel {host}:{port} knows no primary `{name}` (config `sentinel`)"
        ))
    })
}

async fn ask(client: &Client, arguments: &[&[u8]]) -> Result<Reply, Error> {
    client
        .ask(arguments)
        .await
        .map_err(|lost| lost.into_error(Effect::Read))
}

fn done(reply: Reply) -> Result<Reply, Error> {
    match reply {
        Reply::Error(text) => Err(of_reply(&text)),
        other => Ok(other),
    }
}

/// Tells the operator what was found.
pub fn report(facts: &Facts) {
    let promise = facts.promise();
    let version = &facts.version;
    if facts.durability() == Durability::Disk {
        log::info!("connect", "Redis {version}: {promise}");
    } else {
        log::warn!("connect", "Redis {version}: {promise}");
    }
    if let Some(policy) = facts
        .eviction
        .as_deref()
        .filter(|policy| *policy != "noeviction")
    {
        log::warn!(
            "connect",
            "maxmemory-policy is {policy}: the server throws sessions away when its memory is full; set it to noeviction"
        );
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::{Durability, Error};

    use super::Facts;

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n# Persistence\r\nloading:0\r\naof_enabled:1\r\n# Replication\r\nrole:master\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n";

    fn facts(change: impl FnOnce(&mut Facts)) -> Facts {
        let mut facts = Facts::read(INFO);
        facts.fsync = Some("everysec".into());
        change(&mut facts);
        facts
    }

    #[test]
    fn a_server_that_cannot_be_used_is_named_with_what_to_do() {
        assert_eq!(facts(|_| ()).check(Durability::Process), Ok(()));
        type Change = fn(&mut Facts);
        let cases: [(Change, &str); 7] = [
            (|facts| facts.version = "6.0.9".into(), "6.2"),
            (|facts| facts.version = String::new(), "no Redis"),
            (|facts| facts.mode = "cluster".into(), "Cluster"),
            (|facts| facts.mode = "sentinel".into(), "`sentinel`"),
            (|facts| facts.role = "slave".into(), "replica"),
            (|facts| facts.loading = true, "reading its files"),
            (|_| (), "appendfsync always"),
        ];
        for (change, word) in cases {
            let outcome = facts(change).check(Durability::Disk);
            let Err(Error::Unavailable(text)) = outcome else {
                panic!("{word}: {outcome:?}")
            };
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn incident_17_durability_follows_from_the_append_only_file_and_its_flush() {
        let always = facts(|facts| facts.fsync = Some("always".into()));
        assert_eq!(always.durability(), Durability::Disk);
        assert_eq!(always.check(Durability::Disk), Ok(()));
        for other in [
            facts(|_| ()),
            facts(|facts| facts.fsync = None),
            facts(|facts| {
                facts.append_only = false;
                facts.fsync = Some("always".into());
            }),
        ] {
            assert_eq!(other.durability(), Durability::Process, "{other:?}");
            assert!(!other.promise().is_empty());
        }
    }
}
