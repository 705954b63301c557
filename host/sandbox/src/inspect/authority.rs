//! What an import is worth: which ones give authority, and which ones may make a call wait.
//!
//! Both lists name what is harmless and count everything else, so an interface nobody thought of is never taken for harmless.
//!
//! What a component gets from Rust's standard library alone (1.95, WASI 0.2.6, measured on a component that only formats text):
//! `io/{error, poll, streams}` with `pollable.block`, `output-stream.{check-write, write, blocking-flush, subscribe}`;
//! `cli/{environment, exit, stdin, stdout, stderr, terminal-*}`; `random/insecure-seed`. `clocks/*` and `filesystem/*` come
//! only with their use. So `poll` cannot be what tells a component that waits: every one imports it. A pollable only
//! waits for what it was made from, so what counts is who can make one that is not ready at once.

use super::{Function, Interface, InterfaceName, Shape};
use std::collections::BTreeSet;
use std::fmt;

/// Something a component can do to the world outside if the bundle lets it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Authority {
    /// Outgoing HTTP (`wasi:http`).
    Http,
    /// TCP, UDP and name lookup (`wasi:sockets`).
    Sockets,
    /// Secrets (`greentic:secrets`).
    Secrets,
    /// The conversation log of a channel (`greentic:channel/log`).
    ChannelLog,
    /// What a channel keeps between calls (`greentic:channel/memory`).
    ChannelMemory,
    /// Calls of nodes (`greentic:flow/nodes`).
    Nodes,
    /// Calls of tools (`greentic:flow/tools`).
    Tools,
    /// State of flows and nodes (`greentic:flow/state`).
    State,
    /// A session store (`greentic:session`).
    Store,
    /// A bus (`greentic:bus`).
    Bus,
    /// Another interface of WASI or the contract that is not known to be harmless.
    Other(InterfaceName),
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Sockets => "sockets",
            Self::Secrets => "secrets",
            Self::ChannelLog => "channel log",
            Self::ChannelMemory => "channel memory",
            Self::Nodes => "nodes",
            Self::Tools => "tools",
            Self::State => "state",
            Self::Store => "store",
            Self::Bus => "bus",
            Self::Other(name) => return name.fmt(f),
        })
    }
}

pub(super) fn of(shape: &Shape) -> BTreeSet<Authority> {
    shape
        .imports
        .iter()
        .filter(|import| !import.functions.is_empty())
        .filter_map(|import| of_interface(&import.name))
        .collect()
}

/// The authority an interface gives. `wasi:filesystem` gives none by itself: every descriptor comes from a directory the bundle
/// grants, and who has a grant is not pure for the host anyway. Interfaces of other namespaces are other components' exports;
/// what they may do is those components' authority.
fn of_interface(name: &InterfaceName) -> Option<Authority> {
    Some(
        match (
            name.namespace.as_str(),
            name.package.as_str(),
            name.interface.as_str(),
        ) {
            (
                "wasi",
                "cli" | "io" | "clocks" | "random" | "filesystem" | "logging" | "config",
                _,
            ) => return None,
            ("wasi", "http", _) => Authority::Http,
            ("wasi", "sockets", _) => Authority::Sockets,
            ("greentic", "secrets", _) => Authority::Secrets,
            ("greentic", "channel", "log") => Authority::ChannelLog,
            ("greentic", "channel", "memory") => Authority::ChannelMemory,
            ("greentic", "flow", "nodes") => Authority::Nodes,
            ("greentic", "flow", "tools") => Authority::Tools,
            ("greentic", "flow", "state") => Authority::State,
            ("greentic", "session", _) => Authority::Store,
            ("greentic", "bus", _) => Authority::Bus,
            // Nodes and tools are components too: what they may do is theirs.
            ("greentic", "component" | "mcp", _) => return None,
            ("wasi" | "greentic", _, _) => Authority::Other(name.clone()),
            _ => return None,
        },
    )
}

pub(super) fn reads_config(shape: &Shape) -> bool {
    shape
        .imports
        .iter()
        .any(|import| import.name.is_of("wasi", "config") && !import.functions.is_empty())
}

pub(super) fn reads_ambient(shape: &Shape) -> bool {
    shape.imports.iter().any(|import| {
        !import.functions.is_empty()
            && (import.name.is_of("wasi", "filesystem")
                || import.name.is_of("wasi", "cli") && import.name.interface == "environment")
    })
}

pub(super) fn waits_for(shape: &Shape) -> Vec<String> {
    let within = shape.imports.iter().flat_map(|import| {
        import
            .functions
            .iter()
            .filter(|function| may_wait(import, function))
            .map(|function| format!("{}#{}", import.name, function.name))
    });
    // A function imported by itself has no interface to be known by.
    within
        .chain(
            shape
                .root_imports
                .iter()
                .map(|function| function.name.clone()),
        )
        .collect()
}

/// Whether calling this import can keep the caller waiting.
fn may_wait(import: &Interface, function: &Function) -> bool {
    if function.is_async || function.streams {
        return true;
    }
    let name = &import.name;
    // WASI 0.3 is linked asynchronously as a whole, so one import of it decides how the component is driven.
    let is_wasi_2 = name
        .version
        .as_ref()
        .is_some_and(|version| version.major == 0 && version.minor == 2);
    let at_once = match (
        name.namespace.as_str(),
        name.package.as_str(),
        name.interface.as_str(),
    ) {
        ("wasi", "config", "store")
        | ("wasi", "logging", "logging")
        | ("greentic", "secrets", "secret-store") => true,
        ("wasi", "cli" | "random", _) | ("wasi", "io", "error" | "poll") => is_wasi_2,
        ("wasi", "io", "streams") => is_wasi_2 && stream_is_at_once(&function.name),
        ("wasi", "clocks", "wall-clock") => is_wasi_2,
        ("wasi", "clocks", "monotonic-clock") => {
            is_wasi_2 && matches!(function.name.as_str(), "now" | "resolution")
        }
        ("wasi", "filesystem", "preopens") => is_wasi_2,
        _ => false,
    };
    !at_once
}

/// Which functions of `wasi:io/streams` return at once when the only streams are the process's own: stdout and stderr, which the
/// host takes without back-pressure. Streams of files and connections come from functions that count as waiting themselves.
/// Reading counts when it blocks or can be polled for; a standard library does neither unless the program reads.
fn stream_is_at_once(function: &str) -> bool {
    match function.split_once('.') {
        Some(("[method]output-stream", method)) => !matches!(method, "splice" | "blocking-splice"),
        Some(("[method]input-stream", method)) => matches!(method, "read" | "skip"),
        _ => false,
    }
}
