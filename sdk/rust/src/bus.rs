//! World `message-bus`: implement [`Bus`] and export the type with `export_bus!`.

pub use crate::bindings::bus::exports::greentic::bus::bus::{
    Ack, Batch, Consumer, Delivery, Descriptor, Guest as Bus, Message, Ordering, Outcome,
    QueueDepth, Settlement,
};

pub mod check;
pub mod queue;
pub mod subject;
