//! Greeting a server: who we are, whether it can be used, and the two streams: one for messages, one for who works on what.
//!
//! | stream | subjects | keeps |
//! |---|---|---|
//! | `{prefix}` | `{prefix}.m.{partition}.{subject}` | messages until every consumer has acknowledged them |
//! | `{prefix}-leases` | `{prefix}.l.{consumer}.{partition}` | the newest lease of each partition |

use std::cell::Cell;
use std::rc::Rc;

use greentic_sdk::log;
use greentic_sdk::model::{Durability, Error};
use greentic_sdk_network::access::at;
use greentic_sdk_network::kept::Dial;
use greentic_sdk_network::tcp::Fault;
use serde_json::{Map, Value, json};

use crate::client::{Client, Info};
use crate::jetstream::{ApiError, STREAM_NOT_FOUND, ask};
use crate::numbers::Numbers;
use crate::settings::Settings;

/// The oldest server that has all that is asked of it.
const OLDEST: (u32, u32) = (2, 9);

/// How the servers are dialled: in turn, from the one that was used last.
pub struct Cluster {
    /// The settings.
    pub settings: Settings,
    numbers: Rc<Numbers>,
    next: Cell<usize>,
    generations: Cell<u64>,
}

/// A connection to a server whose streams are there.
pub struct Connected {
    /// The connection.
    pub client: Rc<Client>,
    /// Differs from that of every connection before.
    pub generation: u64,
}

impl Cluster {
    /// The servers of the settings.
    #[must_use]
    pub fn new(settings: Settings, numbers: Rc<Numbers>) -> Self {
        Self {
            settings,
            numbers,
            next: Cell::new(0),
            generations: Cell::new(0),
        }
    }
}

impl Dial for Cluster {
    type Connection = Connected;

    async fn dial(&self) -> Result<Rc<Connected>, Error> {
        let servers = &self.settings.access.address.servers;
        let mut last = Error::Unavailable("`url` names no server".into());
        for turn in 0..servers.len() {
            let place = (self.next.get() + turn) % servers.len().max(1);
            let Some((host, port)) = servers.get(place) else {
                continue;
            };
            match greet(&self.settings, &self.numbers, host, *port).await {
                Ok(client) => {
                    self.next.set(place);
                    self.generations.set(self.generations.get() + 1);
                    let generation = self.generations.get();
                    return Ok(Rc::new(Connected { client, generation }));
                }
                Err(error) => last = at(error, host, *port),
            }
        }
        Err(last)
    }

    async fn end(connection: &Connected) -> Fault {
        connection.client.end().await
    }
}

async fn greet(
    settings: &Settings,
    numbers: &Numbers,
    host: &str,
    port: u16,
) -> Result<Rc<Client>, Error> {
    let credentials = settings.credentials()?;
    let connected = Client::connect(&settings.access, settings.tls_first, host, port).await;
    let (client, info) = connected?;
    let outcome = async {
        check(&info, settings.jetstream).map_err(Error::Unavailable)?;
        let mut options = Map::new();
        for (key, value) in [
            ("verbose", json!(false)),
            ("pedantic", json!(false)),
            ("headers", json!(true)),
            ("no_responders", json!(true)),
            ("protocol", json!(1)),
            ("lang", json!("rust")),
            ("name", json!("greentic-host")),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
        ] {
            options.insert(key.into(), value);
        }
        credentials.answer(&info.nonce, &mut options);
        let options = Value::Object(options).to_string();
        client.greet(&options).await.map_err(|text| {
            if text.contains("Authorization") || text.contains("Authentication") {
                Error::Denied(format!(
                    "the server does not accept our credentials ({text}): check the secret named in `credentials`"
                ))
            } else {
                Error::Unavailable(text)
            }
        })?;
        if !settings.jetstream {
            return Ok(());
        }
        streams(settings, &client, &info).await?;
        let told = numbers.catch_up(&client, &settings.prefix).await;
        told.map_err(|error| error.into_error(false))
    };
    match outcome.await {
        Ok(()) => Ok(client),
        Err(error) => {
            client.close(Fault::Failed("the server cannot be used".into()));
            Err(error)
        }
    }
}

/// Why a server cannot be used, by what it says about itself.
fn check(info: &Info, jetstream: bool) -> Result<(), String> {
    let mut parts = info
        .version
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < OLDEST {
        return Err(format!(
            "the server is NATS {}; at least {}.{} is needed",
            info.version, OLDEST.0, OLDEST.1
        ));
    }
    if jetstream && !info.jetstream {
        return Err("JetStream is not enabled on the server: add `jetstream {}` to its configuration, or start it with -js; or write `jetstream: false` for a bus that keeps nothing".into());
    }
    Ok(())
}

/// Creates the streams, or checks those that are there.
async fn streams(settings: &Settings, client: &Rc<Client>, info: &Info) -> Result<(), Error> {
    let prefix = &settings.prefix;
    let messages = json!({
        "name": prefix,
        "description": description(settings),
        "subjects": [format!("{prefix}.m.>")],
        "retention": "interest",
        "storage": settings.storage,
        "num_replicas": settings.replicas,
        "duplicate_window": settings.dedupe_window_ms.saturating_mul(1_000_000),
        "discard": "new",
        "max_bytes": settings.max_bytes,
        "max_age": 0, "max_msgs": -1, "max_consumers": -1, "max_msg_size": -1,
    });
    let leases = json!({
        "name": format!("{prefix}-leases"),
        "description": "Which host works on which partition",
        "subjects": [format!("{prefix}.l.>")],
        "retention": "limits",
        "storage": settings.storage,
        "num_replicas": settings.replicas,
        "max_msgs_per_subject": 1,
        "allow_direct": true,
        "discard": "old",
        "max_bytes": -1, "max_age": 0, "max_msgs": -1, "max_consumers": -1, "max_msg_size": -1,
    });
    ensure(client, &leases).await?;
    let config = ensure(client, &messages).await?;
    let text = |key: &str| config.get(key).and_then(Value::as_str).unwrap_or_default();
    let mismatch = |key: &str, is: &str, wanted: &str| {
        Error::Unavailable(format!(
            "the stream `{prefix}` has {key} `{is}` and not `{wanted}`: use another `prefix`, or delete the stream when nothing in it is needed"
        ))
    };
    if text("retention") != "interest" {
        return Err(mismatch("retention", text("retention"), "interest"));
    }
    if text("description") != description(settings) {
        return Err(mismatch(
            "description",
            text("description"),
            &description(settings),
        ));
    }
    let replicas = config
        .get("num_replicas")
        .and_then(Value::as_u64)
        .unwrap_or(1);
    judge(settings, &info.version, text("storage"), replicas)
}

/// Partitions are written here because every host must agree on them.
fn description(settings: &Settings) -> String {
    format!(
        "Messages of greentic hosts, {} partitions",
        settings.partitions
    )
}

/// Says what the stream as it is gives, and refuses what was declared and is not so.
fn judge(settings: &Settings, version: &str, storage: &str, replicas: u64) -> Result<(), Error> {
    let kept = match (storage, replicas) {
        ("memory", 1) => "messages are kept in the memory of one server and lost with it".to_owned(),
        ("memory", many) => format!("messages are kept in the memory of {many} servers"),
        (_, 1) => "messages are kept in the files of one server, which flushes them every two minutes unless its `sync_interval` says otherwise: a power failure loses what was acknowledged since".to_owned(),
        (_, many) => format!("messages are kept in the files of {many} servers"),
    };
    let wrong = match settings.durability {
        Durability::Replicated => replicas < 3,
        Durability::Disk => storage != "file",
        _ => false,
    };
    if wrong {
        return Err(Error::Unavailable(format!(
            "config `durability` promises more than the stream `{}` gives: {kept}",
            settings.prefix
        )));
    }
    if replicas >= 3 || settings.durability == Durability::Disk {
        log::info!("connect", "NATS {version}: {kept}");
    } else {
        log::warn!("connect", "NATS {version}: {kept}");
    }
    Ok(())
}

/// The configuration of a stream that is there now.
async fn ensure(client: &Rc<Client>, wanted: &Value) -> Result<Value, Error> {
    let name = wanted
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let config = |mut answer: Value| {
        answer
            .get_mut("config")
            .map(Value::take)
            .unwrap_or_default()
    };
    match ask(client, &format!("STREAM.INFO.{name}"), &Value::Null).await {
        Ok(answer) => Ok(config(answer)),
        Err(error) if error.code() == Some(STREAM_NOT_FOUND) => {
            log::info!("connect", "creating the stream `{name}`");
            let created = ask(client, &format!("STREAM.CREATE.{name}"), wanted).await;
            // Another host may be first, with the same settings or others.
            let answer = match created {
                Ok(answer) => Ok(answer),
                Err(refused @ ApiError::Refused(..)) => {
                    let there = ask(client, &format!("STREAM.INFO.{name}"), &Value::Null).await;
                    there.map_err(|_| refused)
                }
                Err(other) => Err(other),
            };
            answer.map(config).map_err(|error| error.into_error(false))
        }
        Err(error) => Err(error.into_error(false)),
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::client::Info;

    #[test]
    fn a_server_that_cannot_be_used_is_named_with_what_to_do() {
        let good = Info {
            version: "2.9.10".into(),
            jetstream: true,
            headers: true,
            ..Info::default()
        };
        assert_eq!(check(&good, true), Ok(()));
        type Change = fn(&mut Info);
        let cases: [(Change, &str); 3] = [
            (|info| info.version = "2.8.4".into(), "2.9"),
            (|info| info.version = String::new(), "2.9"),
            (|info| info.jetstream = false, "jetstream {}"),
        ];
        for (change, word) in cases {
            let mut info = good.clone();
            change(&mut info);
            let error = check(&info, true).unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        let plain = Info {
            jetstream: false,
            ..good
        };
        assert_eq!(check(&plain, false), Ok(()));
    }
}
