//! Sessions on Redis by the client that native programs use, with the scripts of `store-redis`, so that the server has the same work.

use anyhow::ensure;
use greentic_sdk::session::{Entry, Expect, Lease, PutOp, Write, WriteOp};
use redis::aio::MultiplexedConnection;
use store_redis::keys::{Keys, escaped};
use store_redis::script::Script;

/// Digits of a revision, which a value begins with.
const REVISION: usize = 16;

/// One connection for many calls.
#[derive(Clone)]
pub struct Redis {
    connection: MultiplexedConnection,
    claim: String,
    commit: String,
    keys: Keys,
}

impl Redis {
    /// Connects to `host:port`; every key begins with `prefix`.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn connect(address: &str, prefix: &str) -> anyhow::Result<Self> {
        let client = redis::Client::open(format!("redis://{address}"))?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        Ok(Self {
            claim: load(&mut connection, Script::Claim).await?,
            commit: load(&mut connection, Script::Commit).await?,
            connection,
            keys: Keys::new(prefix),
        })
    }

    /// Reads a value, its revision before it.
    ///
    /// # Errors
    /// When the server does not answer for one value.
    pub async fn get(&self, partition: &str, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let mut command = redis::cmd("MGET");
        command.arg(self.keys.value(partition, name));
        let mut connection = self.connection.clone();
        let found: Vec<Option<Vec<u8>>> = command.query_async(&mut connection).await?;
        ensure!(found.len() == 1, "MGET answered {}", found.len());
        Ok(found.into_iter().next().flatten())
    }

    /// Leases a partition and reads a value of it; `None` also when somebody else has it.
    pub async fn claim(
        &self,
        partition: &str,
        owner: &str,
        ttl_ms: u64,
        name: &str,
    ) -> Option<Lease> {
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(&self.claim)
            .arg(2)
            .arg(self.keys.holder(partition))
            .arg(self.keys.value(partition, name))
            .arg(owner)
            .arg(ttl_ms);
        let mut connection = self.connection.clone();
        // Somebody else's lease is answered with two parts.
        let (_, fence, value): (u8, u64, Option<Vec<u8>>) =
            command.query_async(&mut connection).await.ok()?;
        let entry = match value {
            None => None,
            Some(mut value) => {
                let digits = std::str::from_utf8(value.get(..REVISION)?).ok()?;
                let revision = digits.parse().ok()?;
                value.drain(..REVISION);
                Some(Entry { value, revision })
            }
        };
        let entries = vec![entry];
        Some(Lease { fence, entries })
    }

    /// Writes values that have a time to live, all or none; a lease that allows it ends with it.
    pub async fn commit(
        &self,
        partition: &str,
        fence: Option<u64>,
        writes: Vec<Write>,
    ) -> Option<()> {
        let mut command = redis::cmd("EVALSHA");
        command
            .arg(&self.commit)
            .arg(2 + writes.len())
            .arg(self.keys.holder(partition))
            .arg(self.keys.index());
        for write in &writes {
            command.arg(self.keys.value(partition, &write.name));
        }
        command
            .arg(fence.map(|fence| fence.to_string()).unwrap_or_default())
            .arg(u8::from(fence.is_some()))
            .arg(escaped(partition));
        for write in &writes {
            let WriteOp::Put(PutOp { value, ttl_ms }) = &write.op else {
                return None;
            };
            let expect = match write.expect {
                Expect::Any => String::new(),
                Expect::Absent => "absent".into(),
                Expect::Revision(revision) => format!("{revision:016}"),
            };
            command.arg(&write.name).arg(expect).arg(*ttl_ms).arg(value);
        }
        let mut connection = self.connection.clone();
        let revisions: Vec<u64> = command.query_async(&mut connection).await.ok()?;
        (revisions.len() == writes.len()).then_some(())
    }
}

/// Loads a script; gives the name it is called by.
async fn load(connection: &mut MultiplexedConnection, script: Script) -> anyhow::Result<String> {
    let mut command = redis::cmd("SCRIPT");
    command.arg("LOAD").arg(script.source());
    Ok(command.query_async(connection).await?)
}
