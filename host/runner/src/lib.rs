//! The life of a message: ingress, router, turns, egress, dead letters.
