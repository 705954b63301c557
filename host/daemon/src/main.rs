//! The greentic-host binary: arguments, wiring, signals, exit codes.
fn main() {}
