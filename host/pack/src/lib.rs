//! .gtpack archives: build, sign, verify, read.
