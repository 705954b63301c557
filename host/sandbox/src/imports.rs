//! The host's side of every interface a component may import. Each is linked only where a component imports it.

use greentic_interfaces::SecretHandle;
use greentic_interfaces::imports::greentic::channel::{log, memory};
use greentic_interfaces::imports::greentic::flow::{nodes, state, tools};
use greentic_interfaces::imports::greentic::secrets::secret_store;
use greentic_interfaces::imports::wasi::config::store as config;
use greentic_interfaces::imports::wasi::logging::logging;
use greentic_interfaces::model::Error;
use wasmtime::component::{Accessor, HasData, Resource};

use crate::ctx::Ctx;
use crate::services::{Answer, Caller, Services};

/// Says that the host's side of an import works on the whole [`Ctx`].
pub(crate) struct Own;

impl HasData for Own {
    type Data<'a> = &'a mut Ctx;
}

impl config::Host for Ctx {
    fn get(&mut self, key: String) -> Result<Option<String>, config::Error> {
        Ok(self
            .caller
            .binding
            .config
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| value.clone()))
    }

    fn get_all(&mut self) -> Result<Vec<(String, String)>, config::Error> {
        Ok(self.caller.binding.config.clone())
    }
}

impl logging::Host for Ctx {
    fn log(&mut self, level: logging::Level, context: String, message: String) {
        let level = match level {
            logging::Level::Trace => tracing::Level::TRACE,
            logging::Level::Debug => tracing::Level::DEBUG,
            logging::Level::Info => tracing::Level::INFO,
            logging::Level::Warn => tracing::Level::WARN,
            logging::Level::Error | logging::Level::Critical => tracing::Level::ERROR,
        };
        self.log.line(level, &context, &message);
    }
}

impl secret_store::Host for Ctx {
    fn open(&mut self, name: String) -> Result<Resource<SecretHandle>, secret_store::SecretError> {
        if !self.spend() {
            return Err(secret_store::SecretError::Unavailable(
                "too many host calls in one call".into(),
            ));
        }
        let plugin = &self.caller.plugin;
        let Some(cell) = self.caller.binding.secrets.get(&name) else {
            return Err(secret_store::SecretError::Denied(format!(
                "plugin `{plugin}` was not granted the secret `{name}`; add it to `plugins.{plugin}.grants.secrets`"
            )));
        };
        if !cell.is_set() {
            return Err(secret_store::SecretError::NotFound);
        }
        let cell = std::sync::Arc::clone(cell);
        self.table
            .push(SecretHandle(cell))
            .map_err(|_| secret_store::SecretError::Unavailable("too many open handles".into()))
    }
}

impl Ctx {
    fn secret(&self, handle: &Resource<SecretHandle>) -> Option<&SecretHandle> {
        self.table.get(handle).ok()
    }
}

impl secret_store::HostSecret for Ctx {
    fn hmac_sha256(&mut self, handle: Resource<SecretHandle>, data: Vec<u8>) -> Vec<u8> {
        self.secret(&handle)
            .map(|secret| secret.0.hmac_sha256(&data))
            .unwrap_or_default()
    }

    fn verify_hmac(&mut self, handle: Resource<SecretHandle>, data: Vec<u8>, tag: Vec<u8>) -> bool {
        self.secret(&handle)
            .is_some_and(|secret| secret.0.verify_hmac(&data, &tag))
    }

    fn equals(&mut self, handle: Resource<SecretHandle>, candidate: Vec<u8>) -> bool {
        self.secret(&handle)
            .is_some_and(|secret| secret.0.equals(&candidate))
    }

    fn placeholder(&mut self, handle: Resource<SecretHandle>) -> String {
        self.secret(&handle)
            .map(|secret| secret.0.placeholder())
            .unwrap_or_default()
    }

    fn reveal(
        &mut self,
        handle: Resource<SecretHandle>,
    ) -> Result<Vec<u8>, secret_store::SecretError> {
        let plugin = &self.caller.plugin;
        self.secret(&handle).and_then(|secret| secret.0.reveal()).ok_or_else(|| {
            secret_store::SecretError::Denied(format!(
                "plugin `{plugin}` may use this secret and not see it; seeing needs a line in `plugins.{plugin}.grants.reveal`"
            ))
        })
    }

    fn version(&mut self, handle: Resource<SecretHandle>) -> String {
        self.secret(&handle)
            .map(|secret| secret.0.version())
            .unwrap_or_default()
    }

    fn drop(&mut self, handle: Resource<SecretHandle>) -> wasmtime::Result<()> {
        self.table.delete(handle)?;
        Ok(())
    }
}

/// Takes what a service needs out of the store, counts the call, and waits for the answer without holding the store.
async fn ask<T, R>(
    accessor: &Accessor<T, Own>,
    refused: impl FnOnce() -> R,
    call: impl FnOnce(&dyn Services, Caller) -> Answer<R>,
) -> R {
    let answer = accessor.with(|mut access| {
        let ctx = access.get();
        ctx.spend()
            .then(|| call(&*ctx.caller.binding.services, ctx.caller.clone()))
    });
    match answer {
        Some(answer) => answer.await,
        None => refused(),
    }
}

const TOO_MANY: &str = "too many host calls in one call (key `limits.host-calls`)";

fn denied<T>() -> Result<T, Error> {
    Err(Error::Denied(TOO_MANY.into()))
}

fn node_denied<T>() -> Result<T, nodes::NodeError> {
    Err(nodes::NodeError {
        code: "denied".into(),
        message: TOO_MANY.into(),
        retryable: false,
    })
}

impl log::Host for Ctx {}

impl<T: Send> log::HostWithStore<T> for Own {
    async fn append(
        accessor: &Accessor<T, Self>,
        conversation: String,
        id: String,
        data: Vec<u8>,
    ) -> Result<u64, Error> {
        ask(accessor, denied, |services, caller| {
            services.log_append(caller, conversation, id, data)
        })
        .await
    }

    async fn read(
        accessor: &Accessor<T, Self>,
        conversation: String,
        after: u64,
        limit: u32,
    ) -> Result<log::Page, Error> {
        ask(accessor, denied, |services, caller| {
            services.log_read(caller, conversation, after, limit)
        })
        .await
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        conversation: String,
        data: Vec<u8>,
    ) -> Result<(), Error> {
        ask(accessor, denied, |services, caller| {
            services.log_publish(caller, conversation, data)
        })
        .await
    }
}

impl memory::Host for Ctx {}

impl<T: Send> memory::HostWithStore<T> for Own {
    async fn get(accessor: &Accessor<T, Self>, name: String) -> Result<Option<Vec<u8>>, Error> {
        ask(accessor, denied, |services, caller| {
            services.memory_get(caller, name)
        })
        .await
    }

    async fn put(
        accessor: &Accessor<T, Self>,
        name: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<(), Error> {
        ask(accessor, denied, |services, caller| {
            services.memory_put(caller, name, value, ttl_ms)
        })
        .await
    }

    async fn add(
        accessor: &Accessor<T, Self>,
        name: String,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<bool, Error> {
        ask(accessor, denied, |services, caller| {
            services.memory_add(caller, name, value, ttl_ms)
        })
        .await
    }

    async fn delete(accessor: &Accessor<T, Self>, name: String) -> Result<(), Error> {
        ask(accessor, denied, |services, caller| {
            services.memory_delete(caller, name)
        })
        .await
    }
}

impl nodes::Host for Ctx {}

impl<T: Send> nodes::HostWithStore<T> for Own {
    async fn invoke(
        accessor: &Accessor<T, Self>,
        component: String,
        operation: String,
        input: String,
        policy: nodes::CallPolicy,
    ) -> Result<String, nodes::NodeError> {
        ask(accessor, node_denied, |services, caller| {
            services.node_invoke(caller, component, operation, input, policy)
        })
        .await
    }
}

impl tools::Host for Ctx {}

impl<T: Send> tools::HostWithStore<T> for Own {
    async fn call(
        accessor: &Accessor<T, Self>,
        server: String,
        tool: String,
        arguments: String,
        policy: tools::CallPolicy,
    ) -> Result<tools::ToolResult, tools::NodeError> {
        ask(accessor, node_denied, |services, caller| {
            services.tool_call(caller, server, tool, arguments, policy)
        })
        .await
    }
}

impl state::Host for Ctx {}

impl<T: Send> state::HostWithStore<T> for Own {
    async fn get(
        accessor: &Accessor<T, Self>,
        scope: state::Scope,
        key: String,
    ) -> Result<Option<String>, Error> {
        ask(accessor, denied, |services, caller| {
            services.state_get(caller, scope, key)
        })
        .await
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        scope: state::Scope,
        key: String,
        value: String,
        ttl_ms: Option<u64>,
    ) -> Result<(), Error> {
        ask(accessor, denied, |services, caller| {
            services.state_set(caller, scope, key, value, ttl_ms)
        })
        .await
    }

    async fn delete(
        accessor: &Accessor<T, Self>,
        scope: state::Scope,
        key: String,
    ) -> Result<(), Error> {
        ask(accessor, denied, |services, caller| {
            services.state_delete(caller, scope, key)
        })
        .await
    }
}

// The interfaces that only carry types.
impl greentic_interfaces::imports::greentic::channel::types::Host for Ctx {}
impl greentic_interfaces::imports::greentic::mcp::types::Host for Ctx {}
impl greentic_interfaces::imports::greentic::flow::types::Host for Ctx {}
impl greentic_interfaces::model::Host for Ctx {}
