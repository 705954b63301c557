//! The session protocol, checked over interleavings.
//!
//! Hosts claim sessions, run turns, commit, publish and acknowledge; the store and the bus beneath them are the real semantics
//! (`greentic-sdk-memory`), and the record they write is the real one. What is a model here is the order of a runner's calls, one
//! call a step, as `host/runner/src/turn` makes them. Between any two steps another runner may go on, a process may end, time may pass
//! until a lease or a delivery runs out, an answer may be lost, and the platform may send an event again.
//!
//! [`explore`] takes every order of steps within a bound, [`walk`] random ones far beyond it. Both check [`world::World::check`]
//! after each step, and that all work is done once nothing breaks any more. That these checks see anything is shown in [`rules`]: each
//! rule of the protocol that is broken on purpose is found.
//!
//! Not in the model: the bound on deliveries of one message, after which it becomes a dead letter, and ids forgotten by the bus before
//! the outbox of a commit was published.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod explore;
mod queue;
mod rules;
mod runner;
mod sessions;
mod walk;
mod world;
