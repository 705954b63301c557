//! What stands in for the host outside the sandbox, so that tests and native measurements run a plugin's own code.
//!
//! Each thread has its own stand-in: tests run side by side. Until one is installed there is nothing: no configuration, no
//! secret, no tool.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::channel::LogEntry;
use crate::channel::log::Page;
use crate::component::{Message, Outcome};
use crate::flow::CallPolicy;
use crate::flow::nodes::NodeError;
use crate::flow::state::Scope;
use crate::http;
use crate::log::Level;
use crate::model::Error;
use crate::secret::SecretError;
use crate::tool::ToolResult;

/// The host's side of every import. What is not overridden is not there.
#[allow(unused_variables)]
pub trait Host {
    /// A value of the configuration.
    fn config(&self, key: &str) -> Option<String> {
        None
    }

    /// A line for the log.
    fn log(&self, level: Level, context: &str, message: &str) {}

    /// A secret's bytes.
    ///
    /// # Errors
    /// As the real host: not granted, not there, not now.
    fn secret(&self, name: &str) -> Result<Vec<u8>, SecretError> {
        Err(SecretError::NotFound)
    }

    /// Appends to a conversation's log.
    ///
    /// # Errors
    /// As the real host.
    fn append(&self, conversation: &str, id: &str, data: &[u8]) -> Result<u64, Error> {
        Err(absent("a conversation log"))
    }

    /// Reads a conversation's log.
    ///
    /// # Errors
    /// As the real host.
    fn read(&self, conversation: &str, after: u64, limit: u32) -> Result<Page, Error> {
        Err(absent("a conversation log"))
    }

    /// Passes something transient to the conversation's sockets.
    ///
    /// # Errors
    /// As the real host.
    fn publish(&self, conversation: &str, data: &[u8]) -> Result<(), Error> {
        Err(absent("a conversation log"))
    }

    /// A value of the channel's memory.
    ///
    /// # Errors
    /// As the real host.
    fn memory_get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        Err(absent("a memory"))
    }

    /// Puts a value into the channel's memory; with `only_if_absent` where there is none. True when it was put.
    ///
    /// # Errors
    /// As the real host.
    fn memory_put(
        &self,
        name: &str,
        value: &[u8],
        ttl_ms: Option<u64>,
        only_if_absent: bool,
    ) -> Result<bool, Error> {
        Err(absent("a memory"))
    }

    /// Takes a value out of the channel's memory.
    ///
    /// # Errors
    /// As the real host.
    fn memory_delete(&self, name: &str) -> Result<(), Error> {
        Err(absent("a memory"))
    }

    /// Sends an HTTP request.
    ///
    /// # Errors
    /// As the real host.
    fn http(&self, request: &http::Request) -> Result<http::Response, http::Fault> {
        Err(http::Fault::Refused(
            "the stand-in has no network; give the table a script with `http`".into(),
        ))
    }

    /// The time of day, in milliseconds since 1970.
    fn now_ms(&self) -> u64 {
        CLOCK.get().unwrap_or_else(crate::time::system)
    }

    /// Calls a node component.
    ///
    /// # Errors
    /// As the real host.
    fn invoke(
        &self,
        component: &str,
        operation: &str,
        input: &str,
        policy: CallPolicy,
    ) -> Result<String, NodeError> {
        Err(no_node())
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// As the real host.
    fn call(
        &self,
        server: &str,
        tool: &str,
        arguments: &str,
        policy: CallPolicy,
    ) -> Result<ToolResult, NodeError> {
        Err(no_node())
    }

    /// Reads a value of a flow's state.
    ///
    /// # Errors
    /// As the real host.
    fn state_get(&self, scope: Scope, key: &str) -> Result<Option<String>, Error> {
        Ok(None)
    }

    /// Sets a value of a flow's state.
    ///
    /// # Errors
    /// As the real host.
    fn state_set(
        &self,
        scope: Scope,
        key: &str,
        value: &str,
        ttl_ms: Option<u64>,
    ) -> Result<(), Error> {
        Err(absent("state"))
    }

    /// Takes a value of a flow's state away.
    ///
    /// # Errors
    /// As the real host.
    fn state_delete(&self, scope: Scope, key: &str) -> Result<(), Error> {
        Err(absent("state"))
    }

    /// The component this one is joined with.
    fn execute(&self, input: &Message) -> Outcome {
        Outcome::failure("no component is joined")
    }
}

fn absent(what: &str) -> Error {
    Error::Unavailable(format!("the stand-in has no {what}"))
}

fn no_node() -> NodeError {
    NodeError {
        code: "not-found".into(),
        message: "the stand-in has none".into(),
        retryable: false,
    }
}

/// The stand-in of a thread before one is installed.
struct Nothing;
impl Host for Nothing {}

thread_local! {
    static HOST: RefCell<Rc<dyn Host>> = RefCell::new(Rc::new(Nothing));
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static REQUESTS: RefCell<Vec<http::Request>> = const { RefCell::new(Vec::new()) };
    static CLOCK: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Makes this the stand-in of the calling thread.
pub fn install(host: impl Host + 'static) {
    LINES.with_borrow_mut(Vec::clear);
    REQUESTS.with_borrow_mut(Vec::clear);
    CLOCK.set(None);
    HOST.set(Rc::new(host));
}

/// Asks the calling thread's stand-in.
pub(crate) fn with<T>(ask: impl FnOnce(&dyn Host) -> T) -> T {
    let host = HOST.with_borrow(Rc::clone);
    ask(host.as_ref())
}

/// The log lines since [`install`], as `Level::Info context: text`, when a [`Table`] is installed.
#[must_use]
pub fn lines() -> Vec<String> {
    LINES.with_borrow(Clone::clone)
}

/// The HTTP requests that were sent since [`install`], in their order, also those that failed.
#[must_use]
pub fn requests() -> Vec<http::Request> {
    REQUESTS.with_borrow(Clone::clone)
}

/// Sends a request through the calling thread's stand-in.
pub(crate) fn send(request: &http::Request) -> Result<http::Response, http::Fault> {
    REQUESTS.with_borrow_mut(|requests| requests.push(request.clone()));
    with(|host| host.http(request))
}

/// Stops the calling thread's clock at this time, in milliseconds since 1970, until [`install`].
pub fn set_clock(now_ms: u64) {
    CLOCK.set(Some(now_ms));
}

type Script = Box<dyn FnMut(&http::Request) -> Result<http::Response, http::Fault>>;

#[derive(Default)]
struct Kept {
    logs: HashMap<String, Vec<(String, Vec<u8>)>>,
    transient: Vec<(String, Vec<u8>)>,
    state: HashMap<(String, String), String>,
    memory: HashMap<String, (Vec<u8>, Option<u64>)>,
}

/// A stand-in made of tables: configuration and secrets as given, conversation logs and state in memory.
#[derive(Default)]
pub struct Table {
    config: HashMap<String, String>,
    secrets: HashMap<String, Vec<u8>>,
    kept: RefCell<Kept>,
    script: RefCell<Option<Script>>,
}

impl Table {
    /// Empty tables.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this value in the configuration.
    #[must_use]
    pub fn config(mut self, key: &str, value: &str) -> Self {
        self.config.insert(key.into(), value.into());
        self
    }

    /// With this secret.
    #[must_use]
    pub fn secret(mut self, name: &str, value: &[u8]) -> Self {
        self.secrets.insert(name.into(), value.into());
        self
    }

    /// Answers HTTP requests with this.
    #[must_use]
    pub fn http(
        self,
        script: impl FnMut(&http::Request) -> Result<http::Response, http::Fault> + 'static,
    ) -> Self {
        self.script.replace(Some(Box::new(script)));
        self
    }
}

impl Host for Table {
    fn config(&self, key: &str) -> Option<String> {
        self.config.get(key).cloned()
    }

    fn log(&self, level: Level, context: &str, message: &str) {
        LINES.with_borrow_mut(|lines| lines.push(format!("{level:?} {context}: {message}")));
    }

    fn memory_get(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let now = self.now_ms();
        let kept = self.kept.borrow();
        let entry = kept.memory.get(name);
        Ok(entry
            .filter(|(_, end)| end.is_none_or(|end| now < end))
            .map(|(value, _)| value.clone()))
    }

    fn memory_put(
        &self,
        name: &str,
        value: &[u8],
        ttl_ms: Option<u64>,
        only_if_absent: bool,
    ) -> Result<bool, Error> {
        if only_if_absent && self.memory_get(name)?.is_some() {
            return Ok(false);
        }
        let end = ttl_ms.map(|ttl| self.now_ms().saturating_add(ttl));
        let mut kept = self.kept.borrow_mut();
        kept.memory.insert(name.into(), (value.into(), end));
        Ok(true)
    }

    fn memory_delete(&self, name: &str) -> Result<(), Error> {
        self.kept.borrow_mut().memory.remove(name);
        Ok(())
    }

    fn http(&self, request: &http::Request) -> Result<http::Response, http::Fault> {
        match self.script.borrow_mut().as_mut() {
            Some(script) => script(request),
            None => Nothing.http(request),
        }
    }

    fn secret(&self, name: &str) -> Result<Vec<u8>, SecretError> {
        self.secrets.get(name).cloned().ok_or(SecretError::NotFound)
    }

    fn append(&self, conversation: &str, id: &str, data: &[u8]) -> Result<u64, Error> {
        let mut kept = self.kept.borrow_mut();
        let log = kept.logs.entry(conversation.into()).or_default();
        let index = log
            .iter()
            .position(|(known, _)| known == id)
            .unwrap_or_else(|| {
                log.push((id.into(), data.into()));
                log.len() - 1
            });
        Ok(u64::try_from(index).unwrap_or(u64::MAX).saturating_add(1))
    }

    fn read(&self, conversation: &str, after: u64, limit: u32) -> Result<Page, Error> {
        let kept = self.kept.borrow();
        let log = kept.logs.get(conversation).map_or(&[][..], Vec::as_slice);
        let entries = (1_u64..)
            .zip(log)
            .filter(|(position, _)| *position > after)
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|(position, (_, data))| LogEntry {
                position,
                data: data.clone(),
            })
            .collect();
        Ok(Page {
            entries,
            last: u64::try_from(log.len()).unwrap_or(u64::MAX),
        })
    }

    fn publish(&self, conversation: &str, data: &[u8]) -> Result<(), Error> {
        self.kept
            .borrow_mut()
            .transient
            .push((conversation.into(), data.into()));
        Ok(())
    }

    fn state_get(&self, scope: Scope, key: &str) -> Result<Option<String>, Error> {
        Ok(self
            .kept
            .borrow()
            .state
            .get(&(format!("{scope:?}"), key.to_owned()))
            .cloned())
    }

    fn state_set(
        &self,
        scope: Scope,
        key: &str,
        value: &str,
        _ttl_ms: Option<u64>,
    ) -> Result<(), Error> {
        self.kept
            .borrow_mut()
            .state
            .insert((format!("{scope:?}"), key.to_owned()), value.to_owned());
        Ok(())
    }

    fn state_delete(&self, scope: Scope, key: &str) -> Result<(), Error> {
        self.kept
            .borrow_mut()
            .state
            .remove(&(format!("{scope:?}"), key.to_owned()));
        Ok(())
    }
}

/// A secret outside the sandbox: computed in place.
pub(crate) struct Secret {
    name: String,
    value: Vec<u8>,
}

impl Secret {
    pub(crate) fn new(name: &str, value: Vec<u8>) -> Self {
        Self {
            name: name.into(),
            value,
        }
    }

    fn mac(&self, data: &[u8]) -> [u8; 32] {
        // HMAC takes a key of any length; the error case of its constructor is for ciphers with a fixed one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.value) else {
            return [0; 32];
        };
        mac.update(data);
        mac.finalize().into_bytes().into()
    }

    pub(crate) fn hmac_sha256(&self, data: &[u8]) -> Vec<u8> {
        self.mac(data).to_vec()
    }

    pub(crate) fn verify_hmac(&self, data: &[u8], tag: &[u8]) -> bool {
        self.mac(data).ct_eq(tag).into()
    }

    pub(crate) fn equals(&self, candidate: &[u8]) -> bool {
        self.value.ct_eq(candidate).into()
    }

    /// Names the secret, so that a test sees which one stands where.
    pub(crate) fn placeholder(&self) -> String {
        format!("gtsec_{}", self.name.replace('/', "."))
    }

    pub(crate) fn reveal(&self) -> Result<Vec<u8>, SecretError> {
        Ok(self.value.clone())
    }

    /// Another one for another value, as the host has it.
    pub(crate) fn version(&self) -> String {
        crate::hex::encode(&self.mac(b"version"))
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, install};
    use crate::channel::log;
    use crate::secret::{Secret, SecretError};

    #[test]
    fn a_secret_signs_as_rfc_4231_says() {
        install(Table::new().secret("key", b"Jefe"));
        let secret = Secret::open("key").unwrap();
        let tag = secret.hmac_sha256(b"what do ya want for nothing?");
        let hex: String = tag.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert!(secret.verify_hmac(b"what do ya want for nothing?", &tag));
        assert!(!secret.verify_hmac(b"what do ya want for nothing?", &tag[..31]));
        assert!(!secret.verify_hmac(b"something else", &tag));
        assert!(secret.equals(b"Jefe") && !secret.equals(b"Jeff"));
        assert!(matches!(Secret::open("other"), Err(SecretError::NotFound)));
    }

    #[test]
    fn the_stand_ins_log_numbers_entries_and_knows_ids_again() {
        install(Table::new());
        assert_eq!(log::append("c", "a", b"1"), Ok(1));
        assert_eq!(log::append("c", "b", b"2"), Ok(2));
        assert_eq!(log::append("c", "a", b"x"), Ok(1));
        let page = log::read("c", 1, 10).unwrap();
        assert_eq!(page.last, 2);
        assert_eq!(
            page.entries
                .iter()
                .map(|entry| entry.position)
                .collect::<Vec<_>>(),
            [2]
        );
    }
}
