//! cargo xtask demo | test | build-plugins | bench.
fn main() {}
