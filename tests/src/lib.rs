//! Whole-system tests: the real binary, real servers, a real browser.

pub mod host;
pub mod ledger;
pub mod sandbox;
