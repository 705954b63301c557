//! World `node-provider`: implement [`Node`] and export the type with `export_node!`.

pub use crate::bindings::node::exports::greentic::component::node::{
    Descriptor, Guest as Node, NodeError, Operation, Value,
};
