//! The contract's operations as commands and scripts, and their replies as its answers.

use std::cell::Cell;
use std::rc::Rc;

use greentic_sdk::model::Error;
use greentic_sdk::session::{check, cursor};
use greentic_sdk_network::asked::Effect;
use greentic_sdk_network::session::{
    ClaimError, Entry, Expect, Key, KeyPage, Lease, LogEntry, LogPage, Write, WriteOp,
};
use greentic_sdk_network::spawn;

use crate::keys::{Keys, bounds, escaped, member, read_member};
use crate::resp::Reply;
use crate::script::Script;
use crate::server::Server;
use crate::settings::Settings;

/// Largest value in bytes.
pub const MAX_VALUE: u64 = 8 * 1024 * 1024;

/// Longest time to live in milliseconds, a hundred years: the server refuses what does not fit into its clock.
const MAX_TTL: u64 = 100 * 365 * 24 * 60 * 60 * 1_000;

/// Digits of a revision in front of a value.
const REVISION: usize = 16;

/// The index is swept a little with every so many commits, by twice as many members: it cannot grow faster than it is swept.
const SWEEP_EVERY: u32 = 64;

/// A store on a server.
pub struct RedisStore {
    server: Rc<Server>,
    keys: Keys,
    commits: Cell<u32>,
}

impl RedisStore {
    /// Over the server the settings name.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            keys: Keys::new(&settings.prefix),
            server: Server::new(settings),
            commits: Cell::new(0),
        }
    }

    /// Reads values of one partition.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn get(
        &self,
        partition: &str,
        names: &[String],
    ) -> Result<Vec<Option<Entry>>, Error> {
        check::partition(partition)?;
        check::names(names)?;
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let keys = self.values(partition, names);
        let mut command: Vec<&[u8]> = vec![b"MGET"];
        command.extend(keys.iter().map(String::as_bytes));
        match self.server.command(&command, Effect::Read).await? {
            Reply::Array(values) => values.into_iter().map(entry).collect(),
            other => Err(unexpected("MGET", &other)),
        }
    }

    /// Deletes a value.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn delete(&self, partition: &str, name: &str, expect: Expect) -> Result<(), Error> {
        check::partition(partition)?;
        check::name(name)?;
        let keys = [self.keys.index(), self.keys.value(partition, name)];
        let (member, expect) = (member(partition, name), expectation(&expect));
        let keys = keys.each_ref().map(String::as_bytes);
        let arguments: [&[u8]; 2] = [&member, expect.as_bytes()];
        let deleted = self
            .server
            .run(Script::Delete, &keys, &arguments, Effect::Write);
        match deleted.await? {
            Reply::Number(1) => Ok(()),
            Reply::Number(0) => Err(Error::NotFound),
            Reply::Number(_) => Err(Error::Conflict),
            other => Err(unexpected("delete", &other)),
        }
    }

    /// Sets how long a value has to live.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn touch(&self, partition: &str, name: &str, ttl_ms: u64) -> Result<(), Error> {
        check::partition(partition)?;
        check::name(name)?;
        let key = self.keys.value(partition, name);
        let ttl = ttl(ttl_ms);
        let command: [&[u8]; 3] = [b"PEXPIRE", key.as_bytes(), ttl.as_bytes()];
        match self.server.command(&command, Effect::Write).await? {
            Reply::Number(1) => Ok(()),
            Reply::Number(_) => Err(Error::NotFound),
            other => Err(unexpected("PEXPIRE", &other)),
        }
    }

    /// A page of names.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<KeyPage, Error> {
        let limit = check::page(limit)?.to_string();
        let after = after.map(|text| cursor::read(text, prefix)).transpose()?;
        let (from, to) = bounds(prefix, after);
        let index = self.keys.index();
        let arguments: [&[u8]; 4] = [&from, &to, limit.as_bytes(), self.keys.prefix()];
        // It takes stale names out of the index on the way, which changes nothing anybody can see.
        let reply = self
            .server
            .run(Script::List, &[index.as_bytes()], &arguments, Effect::Read)
            .await?;
        let Reply::Array(parts) = reply else {
            return Err(unexpected("list", &reply));
        };
        let mut keys = Vec::with_capacity(parts.len());
        let mut next = None;
        for (place, part) in parts.into_iter().enumerate() {
            let member = bytes(part)?;
            match (place, read_member(&member)) {
                (0, Some((partition, name))) => next = Some(cursor::write(&partition, &name)),
                (0, None) => {}
                (_, Some((partition, name))) => keys.push(Key { partition, name }),
                (_, None) => {
                    return Err(Error::Internal(format!(
                        "the index holds `{}`, which is no name of ours",
                        String::from_utf8_lossy(&member)
                    )));
                }
            }
        }
        Ok(KeyPage { keys, cursor: next })
    }

    /// Appends to a log.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn append(
        &self,
        partition: &str,
        name: &str,
        id: &str,
        value: &[u8],
        max_len: u32,
        ttl_ms: u64,
    ) -> Result<u64, Error> {
        check::partition(partition)?;
        check::name(name)?;
        check::name(id)?;
        check::value(value, MAX_VALUE)?;
        if max_len == 0 {
            return Err(Error::Invalid(
                "a log keeps at least 1 entry: `max-len` is 0".into(),
            ));
        }
        let key = self.keys.log(partition, name);
        let (most, ttl) = (max_len.to_string(), ttl(ttl_ms));
        let arguments: [&[u8]; 4] = [id.as_bytes(), value, most.as_bytes(), ttl.as_bytes()];
        let reply = self
            .server
            .run(Script::Append, &[key.as_bytes()], &arguments, Effect::Write)
            .await?;
        number(&reply).ok_or_else(|| unexpected("append", &reply))
    }

    /// Entries of a log.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn range(
        &self,
        partition: &str,
        name: &str,
        after: u64,
        limit: u32,
    ) -> Result<LogPage, Error> {
        check::partition(partition)?;
        check::name(name)?;
        // Positions beyond what a script can count exactly are beyond every log.
        let after = after.min(1 << 52).to_string();
        let limit = limit.min(check::MAX_PAGE).to_string();
        let key = self.keys.log(partition, name);
        let arguments = [after.as_bytes(), limit.as_bytes()];
        let reply = self
            .server
            .run(Script::Range, &[key.as_bytes()], &arguments, Effect::Read)
            .await?;
        let Reply::Array(parts) = reply else {
            return Err(unexpected("range", &reply));
        };
        let mut parts = parts.into_iter();
        let mut head = || parts.next().as_ref().and_then(number);
        let (Some(last), Some(first)) = (head(), head()) else {
            return Err(Error::Internal("a log's page has no head".into()));
        };
        let entries = (first..).zip(parts).map(|(position, part)| {
            let value = log_value(bytes(part)?)?;
            Ok(LogEntry { position, value })
        });
        Ok(LogPage {
            entries: entries.collect::<Result<_, Error>>()?,
            last,
        })
    }

    /// Leases a partition and reads values.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn claim(
        &self,
        partition: &str,
        owner: &str,
        ttl_ms: u64,
        read: &[String],
    ) -> Result<Lease, ClaimError> {
        let checked = check::partition(partition)
            .and_then(|()| check::names(read))
            .and_then(|()| check::name(owner));
        checked.map_err(ClaimError::Failed)?;
        let mut keys = vec![self.keys.holder(partition)];
        keys.extend(self.values(partition, read));
        let reply = self
            .write(Script::Claim, &keys, &[owner.to_owned(), ttl(ttl_ms)])
            .await
            .map_err(ClaimError::Failed)?;
        let Reply::Array(parts) = reply else {
            return Err(ClaimError::Failed(unexpected("claim", &reply)));
        };
        let mut parts = parts.into_iter();
        let mut head = || parts.next().as_ref().and_then(number);
        match (head(), head()) {
            (Some(0), Some(left)) => Err(ClaimError::Held(left)),
            (Some(1), Some(fence)) => {
                let entries = parts.map(entry).collect::<Result<_, _>>();
                let entries = entries.map_err(ClaimError::Failed)?;
                Ok(Lease { fence, entries })
            }
            other => Err(ClaimError::Failed(Error::Internal(format!(
                "a claim was answered with {other:?}"
            )))),
        }
    }

    /// Prolongs a lease; 0 ends it.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn renew(&self, partition: &str, fence: u64, ttl_ms: u64) -> Result<(), Error> {
        check::partition(partition)?;
        let keys = [self.keys.holder(partition)];
        let arguments = [fence.to_string(), ttl(ttl_ms)];
        match self.write(Script::Renew, &keys, &arguments).await? {
            Reply::Number(1) => Ok(()),
            Reply::Number(_) => Err(Error::Conflict),
            other => Err(unexpected("renew", &other)),
        }
    }

    /// All writes or none.
    ///
    /// # Errors
    /// As the contract says.
    pub async fn commit(
        &self,
        partition: &str,
        fence: Option<u64>,
        writes: &[Write],
        release: bool,
    ) -> Result<Vec<u64>, Error> {
        check::partition(partition)?;
        check::writes(writes.iter().map(|write| write.name.as_str()))?;
        if release && fence.is_none() {
            return Err(Error::Invalid(
                "only a commit with a fence can release".into(),
            ));
        }
        let mut keys = vec![self.keys.holder(partition), self.keys.index()];
        let mut texts = vec![
            fence.map(|fence| fence.to_string()).unwrap_or_default(),
            u8::from(release).to_string(),
        ];
        for write in writes {
            keys.push(self.keys.value(partition, &write.name));
            texts.push(expectation(&write.expect));
            texts.push(match &write.op {
                WriteOp::Delete => "delete".into(),
                WriteOp::Put(put) => put.ttl_ms.map(ttl).unwrap_or_default(),
            });
        }
        let escaped = escaped(partition);
        let mut texts = texts.iter().map(String::as_bytes);
        let mut arguments: Vec<&[u8]> = texts.by_ref().take(2).collect();
        arguments.push(&escaped);
        for write in writes {
            arguments.push(write.name.as_bytes());
            arguments.extend(texts.by_ref().take(2));
            arguments.push(match &write.op {
                WriteOp::Delete => b"",
                WriteOp::Put(put) => {
                    check::value(&put.value, MAX_VALUE)?;
                    &put.value
                }
            });
        }
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let reply = self
            .server
            .run(Script::Commit, &keys, &arguments, Effect::Write)
            .await?;
        self.sweep_sometimes();
        match reply {
            Reply::Array(revisions) => revisions
                .iter()
                .map(|revision| number(revision).ok_or_else(|| unexpected("commit", revision)))
                .collect(),
            Reply::Nothing => Err(Error::Conflict),
            other => Err(unexpected("commit", &other)),
        }
    }

    /// Nobody waits for it, and what it misses now it finds later.
    fn sweep_sometimes(&self) {
        let commits = self.commits.get() + 1;
        self.commits.set(commits % SWEEP_EVERY);
        if commits < SWEEP_EVERY {
            return;
        }
        let (server, keys) = (Rc::clone(&self.server), self.keys.clone());
        spawn(async move {
            let (index, place) = (keys.index(), keys.sweep());
            let names = [index.as_bytes(), place.as_bytes()];
            let count = (2 * SWEEP_EVERY).to_string();
            let arguments = [count.as_bytes(), keys.prefix()];
            let _ = server
                .run(Script::Sweep, &names, &arguments, Effect::Read)
                .await;
        });
    }

    fn values(&self, partition: &str, names: &[String]) -> Vec<String> {
        names
            .iter()
            .map(|name| self.keys.value(partition, name))
            .collect()
    }

    async fn write(
        &self,
        script: Script,
        keys: &[String],
        arguments: &[String],
    ) -> Result<Reply, Error> {
        let keys: Vec<&[u8]> = keys.iter().map(String::as_bytes).collect();
        let arguments: Vec<&[u8]> = arguments.iter().map(String::as_bytes).collect();
        self.server
            .run(script, &keys, &arguments, Effect::Write)
            .await
    }
}

fn ttl(ms: u64) -> String {
    ms.min(MAX_TTL).to_string()
}

fn expectation(expect: &Expect) -> String {
    match expect {
        Expect::Any => String::new(),
        Expect::Absent => "absent".into(),
        Expect::Revision(revision) => format!("{revision:016}"),
    }
}

fn bytes(reply: Reply) -> Result<Vec<u8>, Error> {
    match reply {
        Reply::Bytes(bytes) => Ok(bytes),
        other => Err(unexpected("a script", &other)),
    }
}

fn number(reply: &Reply) -> Option<u64> {
    match reply {
        Reply::Number(number) => u64::try_from(*number).ok(),
        Reply::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

/// A value with its revision in front.
fn entry(reply: Reply) -> Result<Option<Entry>, Error> {
    if reply == Reply::Nothing {
        return Ok(None);
    }
    let mut bytes = bytes(reply)?;
    let revision = bytes
        .get(..REVISION)
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    let Some(revision) = revision else {
        return Err(Error::Internal(
            "a key of ours holds what we did not write: it has no revision; does something else use this `prefix`?".into(),
        ));
    };
    bytes.drain(..REVISION);
    Ok(Some(Entry {
        value: bytes,
        revision,
    }))
}

/// An entry of a log without the id in front: `<bytes of id>:<id><value>`.
fn log_value(mut entry: Vec<u8>) -> Result<Vec<u8>, Error> {
    let start = || {
        let colon = entry.iter().position(|byte| *byte == b':')?;
        let length: usize = std::str::from_utf8(entry.get(..colon)?)
            .ok()?
            .parse()
            .ok()?;
        let start = colon.checked_add(1)?.checked_add(length)?;
        (start <= entry.len()).then_some(start)
    };
    let Some(start) = start() else {
        return Err(Error::Internal(
            "a log of ours holds what we did not write".into(),
        ));
    };
    entry.drain(..start);
    Ok(entry)
}

fn unexpected(what: &str, reply: &Reply) -> Error {
    let shown: String = format!("{reply:?}").chars().take(120).collect();
    Error::Internal(format!("{what} was answered with {shown}"))
}

#[cfg(test)]
mod tests {
    use super::{entry, log_value};
    use crate::resp::Reply;

    #[test]
    fn what_somebody_else_wrote_is_told_and_not_taken_for_a_value() {
        for bytes in [&b""[..], b"hello", b"000000000000000x1"] {
            assert!(entry(Reply::Bytes(bytes.to_vec())).is_err(), "{bytes:?}");
        }
        for bytes in [&b""[..], b"3", b"x:a", b"9:ab"] {
            assert!(log_value(bytes.to_vec()).is_err(), "{bytes:?}");
        }
        assert_eq!(log_value(b"2:a:b:c".to_vec()), Ok(b"b:c".to_vec()));
        let read = entry(Reply::Bytes(b"0000000000000012abc".to_vec()));
        let read = read.unwrap().unwrap();
        assert_eq!((read.revision, read.value), (12, b"abc".to_vec()));
    }
}
