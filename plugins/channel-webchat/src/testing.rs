//! A host in memory for the unit tests.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::host::{Entry, Host, HostError, Page};

/// Logs by name: id and data of each entry.
type Logs = HashMap<String, Vec<(String, Vec<u8>)>>;

/// Keeps logs in memory and counts up instead of drawing random numbers.
pub struct MemoryHost {
    key: Vec<u8>,
    pub now: Cell<u64>,
    drawn: Cell<u8>,
    pub logs: RefCell<Logs>,
    pub published: RefCell<Vec<(String, Vec<u8>)>>,
    /// What every call to the log fails with while it is set.
    pub down: RefCell<Option<HostError>>,
}

impl MemoryHost {
    pub fn at(now_ms: u64) -> Self {
        Self::with_key(now_ms, b"signing key")
    }

    pub fn with_key(now_ms: u64, key: &[u8]) -> Self {
        Self {
            key: key.to_vec(),
            now: Cell::new(now_ms),
            drawn: Cell::new(0),
            logs: RefCell::default(),
            published: RefCell::default(),
            down: RefCell::new(None),
        }
    }

    fn mac(&self, data: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap();
        mac.update(data);
        mac
    }

    fn up(&self) -> Result<(), HostError> {
        self.down.borrow().clone().map_or(Ok(()), Err)
    }
}

impl Host for MemoryHost {
    fn append(&self, log: &str, id: &str, data: &[u8]) -> Result<u64, HostError> {
        self.up()?;
        assert!(data.len() <= 256 * 1024, "the host takes 256 KiB an entry");
        let mut logs = self.logs.borrow_mut();
        let entries = logs.entry(log.to_owned()).or_default();
        let at = entries
            .iter()
            .position(|(known, _)| known == id)
            .unwrap_or_else(|| {
                entries.push((id.to_owned(), data.to_vec()));
                entries.len() - 1
            });
        Ok(at as u64 + 1)
    }

    fn read(&self, log: &str, after: u64, limit: u32) -> Result<Page, HostError> {
        self.up()?;
        let logs = self.logs.borrow();
        let entries = logs.get(log).map(Vec::as_slice).unwrap_or_default();
        let numbered = entries.iter().enumerate().map(|(at, (_, data))| Entry {
            position: at as u64 + 1,
            data: data.clone(),
        });
        Ok(Page {
            entries: numbered
                .filter(|entry| entry.position > after)
                .take(limit as usize)
                .collect(),
            last: entries.len() as u64,
        })
    }

    fn publish(&self, log: &str, data: &[u8]) -> Result<(), HostError> {
        self.up()?;
        self.published
            .borrow_mut()
            .push((log.to_owned(), data.to_vec()));
        Ok(())
    }

    fn sign(&self, data: &[u8]) -> Result<Vec<u8>, HostError> {
        Ok(self.mac(data).finalize().into_bytes().to_vec())
    }

    fn verify(&self, data: &[u8], tag: &[u8]) -> Result<bool, HostError> {
        Ok(self.mac(data).verify_slice(tag).is_ok())
    }

    fn is_secret(&self, name: &str, candidate: &[u8]) -> Result<bool, HostError> {
        match name {
            "direct-line" => Ok(candidate == b"s3cret"),
            other => Err(HostError::Refused(format!("no secret {other}"))),
        }
    }

    fn now_ms(&self) -> u64 {
        self.now.get()
    }

    fn random(&self) -> [u8; 16] {
        self.drawn.set(self.drawn.get() + 1);
        [self.drawn.get(); 16]
    }
}
