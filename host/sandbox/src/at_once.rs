//! The functions of `wasi:io` that may block, for components that never wait.
//!
//! The engine's synchronous WASI runs each of them to its end inside the runtime of the thread, and a thread that drives a
//! runtime already cannot: the host would panic when such a component prints. The only streams these components have are
//! their output, which is always ready, so here each function is polled once; what is not ready then is a trap.

use futures_util::FutureExt;
use wasmtime::component::{Linker, Resource, ResourceTable, ResourceType};
use wasmtime_wasi::p2::bindings::io::poll::{self, HostPollable};
use wasmtime_wasi::p2::bindings::io::streams::{self, Host, HostInputStream, HostOutputStream};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable, StreamResult};

use crate::ctx::Ctx;

type Output = Resource<DynOutputStream>;

/// Puts the functions in place of the engine's.
///
/// # Errors
/// When the engine has no such interface.
pub(crate) fn shadow(linker: &mut Linker<Ctx>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let mut io = linker.instance("wasi:io/streams@0.2.12")?;
    io.func_wrap(
        "[method]output-stream.blocking-write-and-flush",
        |mut store, (stream, bytes): (Output, Vec<u8>)| {
            let table = &mut store.data_mut().table;
            let done = now(table.blocking_write_and_flush(stream, bytes))?;
            answer(table, done)
        },
    )?;
    io.func_wrap(
        "[method]output-stream.blocking-write-zeroes-and-flush",
        |mut store, (stream, count): (Output, u64)| {
            let table = &mut store.data_mut().table;
            let done = now(table.blocking_write_zeroes_and_flush(stream, count))?;
            answer(table, done)
        },
    )?;
    io.func_wrap(
        "[method]output-stream.blocking-flush",
        |mut store, (stream,): (Output,)| {
            let table = &mut store.data_mut().table;
            let done = now(table.blocking_flush(stream))?;
            answer(table, done)
        },
    )?;
    io.resource(
        "output-stream",
        ResourceType::host::<DynOutputStream>(),
        |mut store, rep| {
            let table = &mut store.data_mut().table;
            now(HostOutputStream::drop(table, Resource::new_own(rep)))?
        },
    )?;
    io.resource(
        "input-stream",
        ResourceType::host::<DynInputStream>(),
        |mut store, rep| {
            let table = &mut store.data_mut().table;
            now(HostInputStream::drop(table, Resource::new_own(rep)))?
        },
    )?;
    let mut io = linker.instance("wasi:io/poll@0.2.12")?;
    io.func_wrap(
        "[method]pollable.ready",
        |mut store, (pollable,): (Resource<DynPollable>,)| {
            Ok((now(store.data_mut().table.ready(pollable))??,))
        },
    )?;
    io.func_wrap(
        "[method]pollable.block",
        |mut store, (pollable,): (Resource<DynPollable>,)| {
            now(store.data_mut().table.block(pollable))?
        },
    )?;
    io.func_wrap(
        "poll",
        |mut store, (pollables,): (Vec<Resource<DynPollable>>,)| {
            Ok((now(poll::Host::poll(
                &mut store.data_mut().table,
                pollables,
            ))??,))
        },
    )?;
    linker.allow_shadowing(false);
    Ok(())
}

fn now<T>(work: impl Future<Output = T>) -> wasmtime::Result<T> {
    work.now_or_never()
        .ok_or_else(|| wasmtime::Error::msg("it waits for something, and nothing it has can wait"))
}

/// What a stream's function answers: an error of the stream goes to the guest, any other is a trap.
fn answer<T>(
    table: &mut ResourceTable,
    done: StreamResult<T>,
) -> wasmtime::Result<(Result<T, streams::StreamError>,)> {
    Ok((match done {
        Ok(value) => Ok(value),
        Err(error) => Err(table.convert_stream_error(error)?),
    },))
}
