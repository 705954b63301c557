//! World `message-bus` for a bus that waits: implement [`Bus`] and export the type with `export_bus!`.

pub use crate::bindings::bus::exports::greentic::bus::bus::{
    Ack, Batch, Consumer, Delivery, Descriptor, Guest as Bus, Message, Ordering, Outcome,
    QueueDepth, Settlement,
};
