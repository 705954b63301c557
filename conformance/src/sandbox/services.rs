//! Logs and state in memory, so that a plugin can be linked without the rest of a host. There are no nodes and no tools.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use greentic_interfaces::imports::greentic::channel::log::Page;
use greentic_interfaces::imports::greentic::channel::types::LogEntry;
use greentic_interfaces::imports::greentic::flow::nodes::NodeError;
use greentic_interfaces::imports::greentic::flow::state::Scope;
use greentic_interfaces::imports::greentic::flow::types::CallPolicy;
use greentic_interfaces::imports::greentic::mcp::types::ToolResult;
use greentic_interfaces::model::Error;
use greentic_sandbox::services::{Answer, Caller, Services};

/// Entries with the identifiers they were appended under.
type Log = Vec<(String, LogEntry)>;

/// Keys carry the binding, as in a host.
#[derive(Default, Clone)]
pub struct MemoryServices {
    logs: Arc<Mutex<HashMap<String, Log>>>,
    state: Arc<Mutex<HashMap<String, String>>>,
    memory: Arc<Mutex<HashMap<String, Vec<u8>>>>,
}

fn key(caller: &Caller, rest: &str) -> String {
    format!("{:?}/{rest}", caller.binding.channel)
}

fn now<T: Send + 'static>(value: T) -> Answer<T> {
    Box::pin(std::future::ready(value))
}

fn none<T: Send + 'static>(kind: &str, name: &str) -> Answer<Result<T, NodeError>> {
    now(Err(NodeError {
        code: "not-found".into(),
        message: format!("there is no {kind} `{name}`"),
        retryable: false,
    }))
}

impl Services for MemoryServices {
    fn log_append(
        &self,
        caller: Caller,
        conversation: String,
        id: String,
        data: Vec<u8>,
    ) -> Answer<Result<u64, Error>> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs.entry(key(&caller, &conversation)).or_default();
        if let Some((_, entry)) = log.iter().find(|(other, _)| *other == id) {
            return now(Ok(entry.position));
        }
        let position = log.len() as u64 + 1;
        log.push((id, LogEntry { position, data }));
        now(Ok(position))
    }

    fn log_read(
        &self,
        caller: Caller,
        conversation: String,
        after: u64,
        limit: u32,
    ) -> Answer<Result<Page, Error>> {
        let logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let log = logs
            .get(&key(&caller, &conversation))
            .map(Vec::as_slice)
            .unwrap_or_default();
        let entries = log
            .iter()
            .map(|(_, entry)| entry)
            .filter(|entry| entry.position > after)
            .take(limit as usize)
            .cloned()
            .collect();
        now(Ok(Page {
            entries,
            last: log.len() as u64,
        }))
    }

    fn log_publish(&self, _: Caller, _: String, _: Vec<u8>) -> Answer<Result<(), Error>> {
        now(Ok(()))
    }

    fn memory_get(&self, caller: Caller, name: String) -> Answer<Result<Option<Vec<u8>>, Error>> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        now(Ok(memory.get(&key(&caller, &name)).cloned()))
    }

    fn memory_put(
        &self,
        caller: Caller,
        name: String,
        value: Vec<u8>,
        _: Option<u64>,
    ) -> Answer<Result<(), Error>> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.insert(key(&caller, &name), value);
        now(Ok(()))
    }

    fn memory_add(
        &self,
        caller: Caller,
        name: String,
        value: Vec<u8>,
        _: Option<u64>,
    ) -> Answer<Result<bool, Error>> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = memory.entry(key(&caller, &name));
        let absent = matches!(entry, std::collections::hash_map::Entry::Vacant(_));
        entry.or_insert(value);
        now(Ok(absent))
    }

    fn memory_delete(&self, caller: Caller, name: String) -> Answer<Result<(), Error>> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.remove(&key(&caller, &name));
        now(Ok(()))
    }

    fn node_invoke(
        &self,
        _: Caller,
        component: String,
        _: String,
        _: String,
        _: CallPolicy,
    ) -> Answer<Result<String, NodeError>> {
        none("node", &component)
    }

    fn tool_call(
        &self,
        _: Caller,
        server: String,
        _: String,
        _: String,
        _: CallPolicy,
    ) -> Answer<Result<ToolResult, NodeError>> {
        none("server", &server)
    }

    fn state_get(
        &self,
        caller: Caller,
        scope: Scope,
        name: String,
    ) -> Answer<Result<Option<String>, Error>> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        now(Ok(state
            .get(&key(&caller, &format!("{scope:?}/{name}")))
            .cloned()))
    }

    fn state_set(
        &self,
        caller: Caller,
        scope: Scope,
        name: String,
        value: String,
        _: Option<u64>,
    ) -> Answer<Result<(), Error>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.insert(key(&caller, &format!("{scope:?}/{name}")), value);
        now(Ok(()))
    }

    fn state_delete(
        &self,
        caller: Caller,
        scope: Scope,
        name: String,
    ) -> Answer<Result<(), Error>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.remove(&key(&caller, &format!("{scope:?}/{name}")));
        now(Ok(()))
    }
}
