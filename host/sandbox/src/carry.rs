//! A component's own interfaces, carried from the cell that imports them to the cell that exports them.
//!
//! The host knows neither the interface nor its types: values cross as the engine's dynamic ones, and were compared type by type
//! when the components were composed. Resources and streams mean nothing in another cell, so an interface with any is refused
//! before it gets here. Whom a call goes to is the binding's business ([`crate::services::Services::carried`]); a call that comes
//! to nothing ends the caller's instance, for a component's own interface has no case for "the other one failed".

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Instance, Linker, Val};
use wasmtime::{Store, StoreContextMut};

use crate::cell::{Cell, Exports, not_exported};
use crate::client::Client;
use crate::ctx::Ctx;
use crate::fault::{Fault, FaultKind};
use crate::inspect::Shape;
use crate::pool::Pool;
use crate::scope::CallScope;
use crate::services::Answer;

/// What carried calls are counted and reported as: names of functions are the guests', and metrics take none of those.
const CARRIED: &str = "carried";

/// A call on its way to another cell.
pub struct Carried {
    /// The interface, as the importing component names it.
    pub import: Arc<str>,
    /// The function.
    pub function: Arc<str>,
    /// Its parameters.
    pub params: Vec<Val>,
}

/// Every export of a component, by name.
pub struct AnyWorld(Instance);

impl Exports for AnyWorld {
    const WORLD: &'static str = "own";

    fn bind(_store: &mut Store<Ctx>, instance: &Instance) -> wasmtime::Result<Self> {
        Ok(Self(*instance))
    }
}

/// Defines the functions of each carried import.
pub(crate) fn define(
    linker: &mut Linker<Ctx>,
    shape: &Shape,
    imports: &[Arc<str>],
) -> wasmtime::Result<()> {
    for import in imports {
        let Some(interface) = shape.imports(import) else {
            continue;
        };
        let mut instance = linker.instance(import)?;
        for function in &interface.functions {
            let (import, name) = (Arc::clone(import), Arc::<str>::from(&*function.name));
            if function.is_async {
                instance.func_new_concurrent(
                    &function.name,
                    move |accessor, _, params, results| {
                        let call = carried(&import, &name, params);
                        let answer = accessor.with(|mut access| begin(access.data_mut(), call));
                        Box::pin(finish(answer, results))
                    },
                )?;
            } else {
                instance.func_new_async(
                    &function.name,
                    move |mut store: StoreContextMut<'_, Ctx>, _, params, results| {
                        let call = carried(&import, &name, params);
                        let answer = begin(store.data_mut(), call);
                        Box::new(finish(answer, results))
                    },
                )?;
            }
        }
    }
    Ok(())
}

fn carried(import: &Arc<str>, function: &Arc<str>, params: &[Val]) -> Carried {
    Carried {
        import: Arc::clone(import),
        function: Arc::clone(function),
        params: params.to_vec(),
    }
}

/// Counts the call and hands it to whoever knows the other component.
fn begin(ctx: &mut Ctx, call: Carried) -> wasmtime::Result<Answer<Result<Vec<Val>, String>>> {
    if !ctx.spend() {
        wasmtime::bail!("too many host calls in one call (key `limits.host-calls`)");
    }
    let caller = ctx.caller.clone();
    Ok(ctx.caller.binding.services.carried(caller, call))
}

async fn finish(
    answer: wasmtime::Result<Answer<Result<Vec<Val>, String>>>,
    results: &mut [Val],
) -> wasmtime::Result<()> {
    // On a task of its own: the engine does not let one store be driven inside another's host call.
    let values = tokio::spawn(answer?)
        .await
        .map_err(|error| wasmtime::format_err!("{error}"))?
        .map_err(|reason| wasmtime::format_err!("{reason}"))?;
    if values.len() != results.len() {
        wasmtime::bail!(
            "{} results where {} were expected",
            values.len(),
            results.len()
        );
    }
    for (result, value) in results.iter_mut().zip(values) {
        *result = value;
    }
    Ok(())
}

impl Cell<AnyWorld> {
    /// Calls an exported function with values of whatever types it has.
    async fn call_values(
        &mut self,
        scope: CallScope,
        interface: &str,
        function: &str,
        params: &[Val],
    ) -> Result<Vec<Val>, FaultKind> {
        let AnyWorld(instance) = self.exports;
        let found = instance
            .get_export_index(&mut self.store, None, interface)
            .and_then(|outer| instance.get_export_index(&mut self.store, Some(&outer), function))
            .and_then(|index| instance.get_func(&mut self.store, index));
        let func = found.ok_or_else(not_exported)?;
        let count = func.ty(&self.store).results().len();
        self.drive(scope, async |store, waits| {
            let mut results = vec![Val::Bool(false); count];
            if waits {
                func.call_async(store, params, &mut results).await?;
            } else {
                func.call(store, params, &mut results)?;
            }
            Ok(results)
        })
        .await
    }
}

impl Pool<AnyWorld> {
    async fn call_values(
        &self,
        scope: CallScope,
        interface: &str,
        function: &str,
        params: &[Val],
    ) -> Result<Vec<Val>, FaultKind> {
        let (mut cell, lease) = self.lease().await?;
        let outcome = cell.call_values(scope, interface, function, params).await;
        self.give_back(cell, lease, outcome.is_ok());
        outcome
    }
}

impl Client<AnyWorld> {
    /// Calls a function of an interface.
    ///
    /// # Errors
    /// [`Fault`] when there is no answer.
    pub async fn call_values(
        &self,
        scope: CallScope,
        interface: &str,
        function: &str,
        params: &[Val],
    ) -> Result<Vec<Val>, Fault> {
        let begun = Instant::now();
        let outcome = match self {
            Self::Pool(pool) => pool.call_values(scope, interface, function, params).await,
            // One instance for all tenants has no interface of its own that a tenant could call.
            Self::Shared(_) => Err(not_exported()),
        };
        self.plugin().measures().took(CARRIED, begun.elapsed());
        outcome.map_err(|kind| Fault {
            plugin: Arc::clone(self.plugin().name()),
            function: CARRIED,
            kind,
        })
    }
}
