//! From the bundle to what each crate takes.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use greentic_config::limits::Limits;
use greentic_config::{Bundle, Loaded, LogFormat};
use greentic_gateway::{AdminLimits, GatewayLimits, RequestLimits, WebsocketLimits};
use greentic_registry::Cache;
use greentic_runner::{Foundation, Locking, default_cache_dir};
use greentic_sandbox::cache::CompiledCache;
use greentic_sandbox::engine::SandboxEngine;
use greentic_sandbox::http::{HttpClient, HttpClientConfig};
use greentic_telemetry::{HostMetrics, TelemetryConfig};

use crate::arguments::Arguments;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// What is logged, traced and exported.
pub fn telemetry(bundle: &Bundle, instance: &str) -> TelemetryConfig {
    let telemetry = &bundle.telemetry;
    TelemetryConfig {
        log_format: match telemetry.log_format {
            LogFormat::Human => greentic_telemetry::LogFormat::Human,
            LogFormat::Json => greentic_telemetry::LogFormat::Json,
        },
        log_filter: telemetry.log_filter.value.clone(),
        otlp_endpoint: telemetry
            .otlp_endpoint
            .as_ref()
            .map(|endpoint| endpoint.value.clone())
            .or_else(|| {
                variable("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|endpoint| !endpoint.is_empty())
            }),
        otlp_headers: variable("OTEL_EXPORTER_OTLP_HEADERS")
            .unwrap_or_default()
            .split(',')
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect(),
        sample_ratio: telemetry.sample,
        service_name: telemetry.service_name.clone(),
        service_instance: instance.to_owned(),
        resource_attributes: vec![(
            "deployment.environment.name".to_owned(),
            bundle.env.value.to_string(),
        )],
        ..TelemetryConfig::default()
    }
}

/// The gateway's part of the table of limits.
pub fn gateway(limits: &Limits) -> GatewayLimits {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let (request, websocket, admin) = (&limits.request, &limits.websocket, &limits.admin);
    GatewayLimits {
        request: RequestLimits {
            body: size(request.body),
            upload_body: size(request.upload_body),
            target: size(request.target),
            header_count: request.header_count,
            header_bytes: size(request.header_bytes),
            header_time: request.header_time,
            body_time: request.body_time,
            body_pause: request.body_time,
            answer: request.answer,
            idle: request.idle,
            connections: request.connections,
            streams: u32::try_from(request.streams).unwrap_or(u32::MAX),
            in_flight: request.in_flight,
            retry_after: request.retry_after,
            response_body: size(request.response_body),
        },
        websocket: WebsocketLimits {
            frame: size(websocket.frame),
            idle: websocket.idle,
            ping: websocket.ping,
            per_channel: websocket.per_channel,
            queue: websocket.queue,
        },
        admin: AdminLimits {
            body: size(admin.body),
            page: admin.page,
            answer: admin.answer,
        },
        drain: limits.process.drain,
    }
}

/// What every generation of this process shares.
///
/// # Errors
/// When the engine, the client or the cache directory cannot be had.
pub fn foundation(
    arguments: &Arguments,
    loaded: &Loaded,
    metrics: Arc<HostMetrics>,
    owner: &str,
) -> anyhow::Result<Foundation> {
    let limits = &loaded.bundle.limits;
    let outgoing = &limits.outgoing;
    let http = HttpClientConfig {
        connect_timeout: outgoing.connect,
        first_byte_timeout: outgoing.first_byte,
        between_bytes_timeout: outgoing.between_bytes,
        idle_timeout: outgoing.idle,
        max_idle_per_host: outgoing.idle_per_host,
        max_response_bytes: outgoing.response_body,
        max_header_bytes: usize::try_from(outgoing.header_bytes).unwrap_or(usize::MAX),
        ..HttpClientConfig::default()
    };
    let directory = loaded
        .bundle
        .cache
        .as_ref()
        .map(|cache| cache.value.clone())
        .or_else(|| default_cache_dir(&variable));
    let (cache, fetched) = match directory {
        Some(directory) if !arguments.no_cache => {
            let compiled = CompiledCache::open(&directory, limits.process.cache)?;
            let fetched = Cache::open(&directory.join("registry"))
                .context("the cache for what comes from registries cannot be used")?;
            (compiled, Some(fetched))
        }
        _ => (CompiledCache::none(), None),
    };
    Ok(Foundation {
        engine: SandboxEngine::new()?,
        cache: Arc::new(cache),
        http: HttpClient::new(http).context("the HTTP client for plugins cannot be made")?,
        metrics,
        owner: owner.into(),
        threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        allow_unsigned: arguments.allow_unsigned,
        locking: if arguments.lock {
            Locking::Write
        } else if arguments.locked {
            Locking::Require
        } else {
            Locking::Heed
        },
        fetched,
        offline: arguments.offline,
        progress: Arc::new(|step| eprintln!("  {step}")),
        env: Arc::new(variable),
    })
}

/// A name no other process has: leases of sessions are in it.
///
/// # Errors
/// When the system has no random numbers.
pub fn instance_name() -> anyhow::Result<String> {
    let mut random = [0; 6];
    getrandom::fill(&mut random)
        .map_err(|error| anyhow::anyhow!("the system has no random numbers: {error}"))?;
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = host.trim();
    Ok(format!(
        "{}-{}-{}",
        if host.is_empty() { "host" } else { host },
        std::process::id(),
        hex::encode(random)
    ))
}

/// How long a drain at the end may take.
pub fn drain(limits: &Limits) -> Duration {
    limits.process.drain
}
