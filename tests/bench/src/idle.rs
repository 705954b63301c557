//! What tenants cost that do not talk.

use std::time::Duration;

use serde::Serialize;

use crate::host::Setup;

/// Tenants of the generated bundles.
const TENANTS: [u32; 3] = [1, 1_000, 10_000];

/// After the start, until what it leaves behind is given back.
const REST: Duration = Duration::from_secs(3);

/// One bundle.
#[derive(Debug, Serialize)]
pub struct Idle {
    /// Configured tenants, each with a channel.
    pub tenants: u32,
    /// Start to ready with compiled components, in milliseconds.
    pub ready: f64,
    /// Resident memory in KiB, at rest.
    pub memory: u64,
    /// Memory beyond that of one tenant, for each further one, in KiB.
    pub per_tenant: Option<f64>,
}

/// Starts the host with each bundle.
///
/// # Errors
/// When it does not start.
pub fn measure(setup: &Setup) -> anyhow::Result<Vec<Idle>> {
    // The first start compiles what is not compiled.
    drop(setup.start(&setup.bundle(1)?)?);
    let mut rows: Vec<Idle> = Vec::new();
    for tenants in TENANTS {
        eprintln!("   idle with {tenants} tenants");
        let server = setup.start(&setup.bundle(usize::try_from(tenants)?)?)?;
        std::thread::sleep(REST);
        let memory = server.memory()?;
        let per_tenant = rows.first().map(|first| {
            (memory as f64 - first.memory as f64) / f64::from(tenants - first.tenants)
        });
        rows.push(Idle {
            tenants,
            ready: server.took.as_secs_f64() * 1e3,
            memory,
            per_tenant,
        });
    }
    Ok(rows)
}
