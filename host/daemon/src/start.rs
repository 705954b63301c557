//! From a bundle to a running host, and to its end.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use greentic_config::{Bundle, Loaded};
use greentic_diagnostics::Diagnostics;
use greentic_gateway::PublicUrl;
use greentic_runner::{Generation, Host};
use greentic_telemetry::HostMetrics;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::adapter::Adapter;
use crate::arguments::Arguments;
use crate::exit::Exit;
use crate::listen::{Endpoints, bind_all, serve};
use crate::workers::Workers;
use crate::{settings, table};

/// How often the gauges are brought up to date.
const MEASURE_EVERY: Duration = Duration::from_secs(10);

/// Runs the host until it is told to stop.
///
/// # Errors
/// What the machine does not give. Faults of the bundle are shown here and are no error.
pub async fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let begun = Instant::now();
    let path = arguments.bundle.as_deref().context("no bundle was named")?;
    let loaded = match Bundle::load(path, |name| std::env::var(name).ok()) {
        Ok(loaded) => loaded,
        Err(faults) => return Ok(refuse(&faults)),
    };
    show(&loaded.warnings);
    let instance = settings::instance_name()?;
    let metrics = Arc::new(HostMetrics::default());
    let telemetry = greentic_telemetry::init(
        &settings::telemetry(&loaded.bundle, &instance),
        metrics.registry(),
    )?;
    let foundation = settings::foundation(arguments, &loaded, Arc::clone(&metrics), &instance)?;
    let generation = match foundation.load(&loaded, 1).await {
        Ok(generation) => generation,
        Err(faults) => return Ok(refuse(&faults)),
    };
    if arguments.allow_unsigned
        || loaded
            .bundle
            .trust
            .allow_unsigned
            .as_ref()
            .is_some_and(|allowed| allowed.value)
    {
        tracing::warn!(
            "packs and components without a signature are accepted: whoever can write them can run code here"
        );
    }
    if arguments.check {
        tell(
            arguments,
            &loaded,
            &generation,
            &format!("http://{}", loaded.bundle.listen.value),
            None,
        );
        return Ok(Exit::Done);
    }

    let count = arguments.workers.map_or_else(
        || std::thread::available_parallelism().map_or(1, Into::into),
        usize::from,
    );
    let workers = Workers::start(count).context("worker threads cannot be started")?;
    let bound = bind_all(&loaded.bundle, count)?;
    let origin = format!("http://{}", bound.address);
    let admin = bound.admin_address();
    let host = Host::start(Arc::clone(&generation), &workers.handles()).await?;
    let adapter = Adapter::new(
        Arc::clone(&host),
        &metrics,
        table::json(&generation, &origin),
    )?;
    let (stop, stopped) = watch::channel(false);
    let public_url = loaded
        .bundle
        .public_url
        .as_ref()
        .map(|url| PublicUrl::new(&url.value))
        .transpose()?;
    let endpoints = Endpoints {
        backend: Arc::new(adapter),
        limits: settings::gateway(&loaded.bundle.limits),
        metrics: Arc::clone(&metrics),
        sampling: telemetry.sampling(),
        public_url,
    };
    let serving = serve(bound, endpoints, &workers, &stopped)?;
    tell(arguments, &loaded, &generation, &origin, admin);
    if !arguments.json {
        println!("  ready after {:.1?}; Ctrl-C ends it\n", begun.elapsed());
        announce(
            &generation,
            loaded
                .bundle
                .public_url
                .as_ref()
                .map_or(origin.as_str(), |url| url.value.trim_end_matches('/')),
        );
    }

    wait_for_stop(&host).await?;
    tracing::info!("stopping: nothing new is accepted, what was accepted is finished");
    let ending = async {
        let _ = stop.send(true);
        for task in serving {
            let _ = task.await;
        }
        host.drain(settings::drain(&loaded.bundle.limits)).await
    };
    let exit = tokio::select! {
        drained = ending => if drained { Exit::Done } else { Exit::Undrained },
        again = wait_for_stop_signal() => { again?; Exit::Interrupted }
    };
    if exit == Exit::Undrained {
        tracing::error!(
            "not everything that was accepted could be finished in time (key `limits.process.drain`)"
        );
    }
    drop(workers);
    // Telemetry that cannot be exported must not turn a good end into a bad one.
    if let Err(error) = telemetry.shutdown(Duration::from_secs(5)) {
        tracing::warn!("telemetry was not exported to its end: {error}");
    }
    Ok(exit)
}

fn refuse(faults: &Diagnostics) -> Exit {
    show(faults);
    eprintln!("{}; nothing was started", faults.count_line());
    Exit::Refused
}

fn show(found: &Diagnostics) {
    if found.iter().next().is_some() {
        eprintln!(
            "{}",
            found.render(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        );
    }
}

fn tell(
    arguments: &Arguments,
    loaded: &Loaded,
    generation: &Generation,
    origin: &str,
    admin: Option<std::net::SocketAddr>,
) {
    if arguments.json {
        let mut shown = table::json(generation, origin);
        if let (Some(fields), Some(admin)) = (shown.as_object_mut(), admin) {
            fields.insert("admin".into(), format!("http://{admin}").into());
        }
        println!("{shown}");
    } else {
        let bold = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        print!("{}", table::draw(generation, origin, bold));
        if let Some(admin) = admin {
            println!(
                "  admin API at http://{admin}/admin/v1, with the token of `{}`\n",
                loaded.source.name()
            );
        }
    }
    let _ = std::io::stdout().flush();
}

/// The last line a person reads: where to chat.
fn announce(generation: &Generation, origin: &str) {
    let pages: Vec<_> = generation
        .channel_rows()
        .into_iter()
        .filter_map(|row| row.page)
        .take(5)
        .collect();
    for page in pages {
        println!("  chat: {origin}{page}");
    }
    let _ = std::io::stdout().flush();
}

async fn wait_for_stop(host: &Host) -> anyhow::Result<()> {
    let mut ticks = tokio::time::interval(MEASURE_EVERY);
    let stop = wait_for_stop_signal();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            stopped = &mut stop => return stopped,
            _ = ticks.tick() => host.measure().await,
        }
    }
}

async fn wait_for_stop_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
