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
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::adapter::Adapter;
use crate::arguments::{Arguments, Drawing};
use crate::exit::Exit;
use crate::front::Front;
use crate::listen::{Endpoints, bind_all, serve};
use crate::reload::Reloader;
use crate::tags::Tags;
use crate::watch::Watch;
use crate::workers::Workers;
use crate::{explain, settings, table};

/// How often the gauges are brought up to date.
const MEASURE_EVERY: Duration = Duration::from_secs(10);

/// Runs the host until it is told to stop.
///
/// # Errors
/// What the machine does not give. Faults of the bundle are shown here and are no error.
pub async fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let begun = Instant::now();
    let path = arguments.bundle.as_deref().context("no bundle was named")?;
    // Before it is read: what is changed from here on is a change.
    let watch = (!arguments.no_watch).then(|| Watch::new(vec![path.to_owned()]));
    let loaded = match Bundle::load(path, |name| std::env::var(name).ok()) {
        Ok(loaded) => Arc::new(loaded),
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
    let generation = match foundation.load(&loaded, 1, &[]).await {
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
    if arguments.lock {
        let lock = generation.lock();
        let file = loaded.bundle.base_dir.join(greentic_pack::LOCK_FILE);
        std::fs::write(&file, lock.to_text()?)
            .with_context(|| format!("the lock file {} cannot be written", file.display()))?;
        println!("wrote {} with {} packs", file.display(), lock.packs.len());
        return Ok(Exit::Done);
    }
    if let Some(drawing) = arguments.explain {
        let explanation = generation.explain();
        match drawing {
            Drawing::Text => print!("{}", explain::text(&explanation)),
            Drawing::Svg => print!("{}", explain::svg(&explanation)),
            Drawing::Json => println!("{:#}", serde_json::to_value(&explanation)?),
        }
        std::io::stdout().flush()?;
        return Ok(Exit::Done);
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
    let host = Host::start(Arc::clone(&generation), &workers.handles(), arguments.role).await?;
    let front = Front::new(
        &generation,
        table::json(&generation, &origin),
        None,
        arguments.role,
    )?;
    // Who asks while one is being built is told to ask again; one more may wait.
    let (order, orders) = mpsc::channel(1);
    let adapter = Arc::new(Adapter::new(Arc::clone(&host), front, order));
    let (stop, stopped) = watch::channel(false);
    let public_url = loaded
        .bundle
        .public_url
        .as_ref()
        .map(|url| PublicUrl::new(&url.value))
        .transpose()?;
    let endpoints = Endpoints {
        backend: Arc::clone(&adapter) as Arc<dyn greentic_gateway::Backend>,
        limits: settings::gateway(&loaded.bundle.limits),
        metrics: Arc::clone(&metrics),
        sampling: telemetry.sampling(),
        public_url,
    };
    let mut signals = Stop::listen()?;
    let hangup = signal(SignalKind::hangup()).context("signals cannot be received")?;
    let serving = serve(bound, endpoints, &workers, &stopped)?;
    if let Some(worker) = workers.handles().first() {
        host.set_up_channels(crate::reload::public_url(&loaded), worker);
    }
    tell(arguments, &loaded, &generation, &origin, admin);
    if !arguments.json {
        println!("  ready after {:.1?}; Ctrl-C ends it\n", begun.elapsed());
        if arguments.role.serves() {
            let public = loaded.bundle.public_url.as_ref();
            let origin = public.map_or(origin.as_str(), |url| url.value.trim_end_matches('/'));
            announce(&generation, origin);
        } else {
            println!(
                "  role {}: channels are served by another process\n",
                arguments.role
            );
        }
    }

    let worker = workers.handles().into_iter().next().context("no worker")?;
    let reloader = Reloader {
        path: path.to_owned(),
        foundation,
        host: Arc::clone(&host),
        adapter,
        origin,
        tags: watch.is_some().then(|| Tags::start(&worker)),
        worker,
        orders,
        hangup,
        watch,
        first: Arc::clone(&loaded),
    };
    drop(generation);
    tokio::select! {
        () = measuring(&host, &mut signals) => {}
        () = reloader.run() => {}
    }
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
        () = signals.asked() => Exit::Interrupted,
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

/// The signals a process is stopped by. Listened for before anybody is told that the host is ready: one that came earlier would
/// end it as if it had none of this.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Waits for a signal to stop, and keeps the gauges current meanwhile.
async fn measuring(host: &Host, stop: &mut Stop) {
    let mut ticks = tokio::time::interval(MEASURE_EVERY);
    let asked = stop.asked();
    tokio::pin!(asked);
    loop {
        tokio::select! {
            () = &mut asked => return,
            _ = ticks.tick() => host.measure().await,
        }
    }
}
