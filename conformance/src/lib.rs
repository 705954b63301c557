//! Conformance: what a component of a world must do, told as cases that any component can be run against, and the simulated
//! platforms that channels are run against.

#[cfg(feature = "sandbox")]
pub mod case;
#[cfg(feature = "sandbox")]
pub mod cases;
#[cfg(feature = "sandbox")]
pub mod features;
pub mod fuzz;
pub mod platform;
#[cfg(feature = "sandbox")]
pub mod report;
#[cfg(feature = "sandbox")]
pub mod sandbox;
