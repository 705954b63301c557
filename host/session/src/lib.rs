//! Lease, snapshot, commit and outbox over any session-store component.
