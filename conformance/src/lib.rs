//! Conformance: what a component of a world must do, told as cases that any component can be run against, and the simulated
//! platforms that channels are run against.

pub mod platform;
