//! The two endpoints: the public one on every worker, the admin one on the first.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use greentic_config::Bundle;
use greentic_gateway::{Admin, AdminSetup, Backend, Gateway, GatewayLimits, PublicUrl, bind};
use greentic_telemetry::{HostMetrics, Sampling};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::workers::Workers;

/// Listeners that are bound and not serving yet.
pub struct Bound {
    /// Where the public endpoint is.
    pub address: SocketAddr,
    public: Vec<std::net::TcpListener>,
    admin: Option<(std::net::TcpListener, String)>,
}

/// Binds what the bundle names, so that an address in use is found before anything else starts.
///
/// # Errors
/// The address and what the system says of it.
pub fn bind_all(bundle: &Bundle, workers: usize) -> anyhow::Result<Bound> {
    let listen = bundle.listen.value;
    let public = bind(listen, workers)
        .with_context(|| format!("cannot listen on {listen} (key `listen`)"))?;
    let address = public
        .first()
        .map(std::net::TcpListener::local_addr)
        .transpose()?
        .unwrap_or(listen);
    let admin = match &bundle.admin {
        Some(admin) => {
            let address = admin.listen.value;
            let listener = bind(address, 1)
                .with_context(|| format!("cannot listen on {address} (key `admin.listen`)"))?;
            listener
                .into_iter()
                .next()
                .map(|listener| (listener, admin.token.value.reveal().to_owned()))
        }
        None => None,
    };
    Ok(Bound {
        address,
        public,
        admin,
    })
}

impl Bound {
    /// Where the admin endpoint is, if there is one.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
            .as_ref()
            .and_then(|(listener, _)| listener.local_addr().ok())
    }
}

/// What the endpoints need.
pub struct Endpoints {
    /// What they serve.
    pub backend: Arc<dyn Backend>,
    /// Their limits.
    pub limits: GatewayLimits,
    /// Where they count.
    pub metrics: Arc<HostMetrics>,
    /// Which messages are traced.
    pub sampling: Sampling,
    /// What channels are told as their origin.
    pub public_url: Option<PublicUrl>,
}

/// Serves until `stop`; each task ends when its connections have.
///
/// # Errors
/// An admin token that cannot be one.
pub fn serve(
    bound: Bound,
    endpoints: Endpoints,
    workers: &Workers,
    stop: &watch::Receiver<bool>,
) -> anyhow::Result<Vec<JoinHandle<()>>> {
    let Endpoints {
        backend,
        limits,
        metrics,
        sampling,
        public_url,
    } = endpoints;
    let gateway = Arc::new(Gateway::new(
        Arc::clone(&backend),
        limits.clone(),
        Arc::clone(&metrics),
        sampling,
        public_url,
    ));
    let mut tasks = Vec::new();
    let handles = workers.handles();
    for (listener, worker) in bound.public.into_iter().zip(&handles) {
        let (gateway, stop) = (Arc::clone(&gateway), stop.clone());
        tasks.push(worker.spawn(async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => {
                    if let Err(error) = gateway.serve(listener, stop).await {
                        tracing::error!("a listener of the public endpoint ended: {error}");
                    }
                }
                Err(error) => {
                    tracing::error!("a listener of the public endpoint cannot be used: {error}")
                }
            }
        }));
    }
    if let (Some((listener, token)), Some(worker)) = (bound.admin, handles.first()) {
        let admin = Admin::new(
            backend,
            AdminSetup {
                token,
                hosts: Vec::new(),
            },
            limits,
            metrics,
        )?;
        let stop = stop.clone();
        tasks.push(worker.spawn(async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => {
                    if let Err(error) = admin.serve(listener, stop).await {
                        tracing::error!("the admin endpoint ended: {error}");
                    }
                }
                Err(error) => {
                    tracing::error!("the listener of the admin endpoint cannot be used: {error}")
                }
            }
        }));
    }
    Ok(tasks)
}
