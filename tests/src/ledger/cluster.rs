//! Three hosts with a way of their own to each server, the servers, the platform, and the hands that carry a plan out.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use greentic_conformance::platform::{self, Recorded, Settings, Simulation};
use greentic_test_servers::{Proxy, Server, Weather, free_port};

use super::plan::{Backend, Break, HOSTS, Harm, Plan, Process};
use crate::host::folder::Folder;
use crate::host::web::Web;
use crate::host::{Host, eventually};

/// By how much bytes are late on a slow way.
const SLOW: Duration = Duration::from_millis(300);

/// How long an edit may take to be taken over.
const TAKEN_OVER: Duration = Duration::from_secs(30);

/// Where each host was last reached; a host that is down is still asked there, as by a load balancer that has not noticed.
pub type Origins = Arc<Mutex<Vec<String>>>;

/// A fault that was made.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// What.
    pub harm: Harm,
    /// When it began.
    pub from: Instant,
    /// When it was over; for a process that was killed, when it was there again.
    pub to: Option<Instant>,
}

/// Everything that runs.
pub struct Cluster {
    simulation: Simulation,
    redis: Mutex<Server>,
    nats: Mutex<Server>,
    monitor: u16,
    places: Vec<Arc<Place>>,
    starting: Mutex<Vec<JoinHandle<()>>>,
    made: Arc<Mutex<Vec<Made>>>,
    /// Where the hosts are.
    pub origins: Origins,
}

/// A host's place: its bundle, and its ways to the servers.
struct Place {
    folder: Folder,
    /// As it is at the start.
    bundle: String,
    redis: Proxy,
    nats: Proxy,
    host: Mutex<Option<Host>>,
    /// What hosts logged that were killed.
    log: Mutex<Vec<String>>,
}

impl Cluster {
    /// Starts all of it and waits until every host is ready.
    #[must_use]
    pub fn start() -> Self {
        let make = platform::named("echo").unwrap();
        let simulation = Simulation::start(make, &Settings::default()).unwrap();
        let monitor = free_port();
        let redis = Server::redis(&["--appendonly", "yes", "--appendfsync", "always"]);
        let nats = Server::nats(&format!("http: \"127.0.0.1:{monitor}\""));
        let places: Vec<_> = (0..HOSTS)
            .map(|_| Arc::new(Place::before(&redis, &nats, &simulation)))
            .collect();
        let starting: Vec<_> = places
            .iter()
            .map(|place| {
                let place = Arc::clone(place);
                std::thread::spawn(move || place.start())
            })
            .collect();
        let origins = starting
            .into_iter()
            .map(|host| host.join().unwrap())
            .collect();
        Self {
            simulation,
            redis: Mutex::new(redis),
            nats: Mutex::new(nats),
            monitor,
            places,
            starting: Mutex::default(),
            made: Arc::default(),
            origins: Arc::new(Mutex::new(origins)),
        }
    }

    /// The key webhooks are signed with.
    #[must_use]
    pub fn key(&self) -> String {
        let secrets = self.simulation.profile().secrets;
        let key = secrets.iter().find(|(name, _)| name == "signing-key");
        String::from_utf8(key.unwrap().1.clone()).unwrap()
    }

    /// The calls of the platform so far.
    #[must_use]
    pub fn recorded(&self) -> Vec<Recorded> {
        self.simulation.calls()
    }

    /// How many they are.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.recorded().len()
    }

    /// The faults so far.
    #[must_use]
    pub fn made(&self) -> Vec<Made> {
        self.made.lock().unwrap().clone()
    }

    /// Does and undoes what the plan says, at its times, and returns when all of it is undone but hosts that still start.
    pub fn carry_out(&self, plan: &Plan, begun: Instant) {
        let mut steps: Vec<(Duration, bool, usize)> = Vec::new();
        for (index, fault) in plan.faults.iter().enumerate() {
            steps.push((fault.at, true, index));
            steps.push((fault.at + fault.lasts, false, index));
        }
        steps.sort_unstable();
        let mut rows = vec![None; plan.faults.len()];
        for (at, begins, index) in steps {
            std::thread::sleep((begun + at).saturating_duration_since(Instant::now()));
            let harm = plan.faults[index].harm;
            if begins {
                let mut made = self.made.lock().unwrap();
                rows[index] = Some(made.len());
                made.push(Made {
                    harm,
                    from: Instant::now(),
                    to: None,
                });
                drop(made);
                self.harm(harm);
            } else {
                self.undo(harm, rows[index].unwrap());
            }
        }
    }

    /// Edits the hosts' bundles in turn, spread over `lasting`; each edit is taken over before the next.
    pub fn swap(&self, count: u32, lasting: Duration, begun: Instant) {
        for number in 0..count {
            let at = begun + lasting * number / count;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            let place = usize::try_from(number).unwrap() % HOSTS;
            self.places[place].swap(number);
        }
    }

    /// Waits until what was killed is there again, and every host is ready.
    pub fn heal(&self) {
        let starting = std::mem::take(&mut *self.starting.lock().unwrap());
        for host in starting {
            host.join().unwrap();
        }
        for place in &self.places {
            eventually("a host is ready again", || {
                let host = place.host.lock().unwrap();
                (host.as_ref()?.get("/readyz").status == 200).then_some(())
            });
        }
    }

    fn harm(&self, harm: Harm) {
        match harm {
            Harm::Kill(Process::Host(host)) => self.places[host].kill(),
            Harm::Kill(Process::Server(server)) => self.server(server).lock().unwrap().kill(),
            Harm::Pause(Process::Host(host)) => self.places[host].signal("STOP"),
            Harm::Pause(Process::Server(server)) => self.server(server).lock().unwrap().pause(true),
            Harm::Cut(host, server, kind) => {
                let proxy = self.places[host].way(server);
                match kind {
                    Break::Drop => proxy.set(Weather::Silent),
                    Break::Delay => proxy.set(Weather::Slow(SLOW)),
                    Break::HalfOpen => proxy.set(Weather::Deaf),
                    Break::Reset => proxy.reset(),
                    Break::Refuse => {
                        proxy.set(Weather::Closed);
                        proxy.reset();
                    }
                }
            }
        }
    }

    fn undo(&self, harm: Harm, row: usize) {
        match harm {
            Harm::Kill(Process::Host(host)) => {
                let place = Arc::clone(&self.places[host]);
                let (origins, made) = (Arc::clone(&self.origins), Arc::clone(&self.made));
                let starting = std::thread::spawn(move || {
                    let origin = place.start();
                    origins.lock().unwrap()[host] = origin;
                    made.lock().unwrap()[row].to = Some(Instant::now());
                });
                self.starting.lock().unwrap().push(starting);
                return;
            }
            Harm::Kill(Process::Server(server)) => self.server(server).lock().unwrap().restart(),
            Harm::Pause(Process::Host(host)) => self.places[host].signal("CONT"),
            Harm::Pause(Process::Server(server)) => {
                self.server(server).lock().unwrap().pause(false);
            }
            Harm::Cut(host, server, kind) => {
                let proxy = self.places[host].way(server);
                if matches!(kind, Break::Drop | Break::HalfOpen) {
                    // No network gives a connection back with a hole in its bytes: those that lost some end.
                    proxy.set(Weather::Closed);
                    proxy.reset();
                }
                proxy.set(Weather::Clear);
            }
        }
        self.made.lock().unwrap()[row].to = Some(Instant::now());
    }

    fn server(&self, server: Backend) -> &Mutex<Server> {
        match server {
            Backend::Redis => &self.redis,
            Backend::Nats => &self.nats,
        }
    }

    /// Messages that wait on the bus: of each consumer what nobody pulled, and what is not settled.
    #[must_use]
    pub fn on_the_bus(&self) -> String {
        let url = format!(
            "http://127.0.0.1:{}/jsz?streams=true&consumers=true&config=true",
            self.monitor
        );
        let told = Web::new().call("GET", &url, &[], &[]).json();
        let accounts = told["account_details"].as_array().cloned();
        let streams = accounts
            .unwrap_or_default()
            .into_iter()
            .flat_map(|account| {
                let streams = account["stream_detail"].as_array().cloned();
                streams.unwrap_or_default()
            });
        let mut text = String::new();
        for stream in streams {
            let _ = write!(text, "\n  {}: {}", stream["name"], stream["state"]);
            let consumers = stream["consumer_detail"].as_array().cloned();
            for consumer in consumers.unwrap_or_default() {
                let count = |name: &str| consumer[name].as_u64().unwrap_or_default();
                if count("num_pending") + count("num_ack_pending") > 0 {
                    let _ = write!(
                        text,
                        "\n    {}: {} not pulled, {} not settled, {} again; delivered {}, floor {}",
                        consumer["name"],
                        count("num_pending"),
                        count("num_ack_pending"),
                        count("num_redelivered"),
                        consumer["delivered"],
                        consumer["ack_floor"]
                    );
                }
            }
        }
        text
    }

    /// Kills all hosts and starts them again.
    pub fn restart_hosts(&self) {
        for place in &self.places {
            place.kill();
        }
        for (number, place) in self.places.iter().enumerate() {
            let origin = place.start();
            self.origins.lock().unwrap()[number] = origin;
        }
    }

    /// How many messages were given up.
    #[must_use]
    pub fn dead_letters(&self) -> usize {
        let host = self.places[0].host.lock().unwrap();
        let Some(host) = host.as_ref() else { return 0 };
        let listed = host.administer("GET", "/dead-letters").json();
        let letters = listed["letters"].as_array().map_or(&[][..], Vec::as_slice);
        for letter in letters.iter().take(5) {
            eprintln!("ledger: a dead letter: {letter}");
        }
        letters.len()
    }

    /// Prints the warnings of all hosts, and what they logged of these conversations.
    pub fn tell(&self, conversations: &[String]) {
        for (number, place) in self.places.iter().enumerate() {
            let mut lines = place.log.lock().unwrap().clone();
            if let Some(host) = place.host.lock().unwrap().as_ref() {
                lines.extend(host.log());
            }
            let concerns = |line: &String| {
                let named = |name: &String| line.contains(&format!("{name}-"));
                conversations.iter().any(named) || !line.contains("\"INFO\"")
            };
            for line in lines.iter().filter(|line| concerns(line)) {
                eprintln!("host {number}: {line}");
            }
        }
    }
}

impl Place {
    fn before(redis: &Server, nats: &Server, simulation: &Simulation) -> Self {
        let (redis, nats) = (Proxy::before(redis.port()), Proxy::before(nats.port()));
        let folder = Folder::of("ledger");
        let path = folder.file("bundle.yaml");
        let bundle = std::fs::read_to_string(path)
            .unwrap()
            .replace("REDIS", &format!("127.0.0.1:{}", redis.port()))
            .replace("NATS", &format!("127.0.0.1:{}", nats.port()))
            .replace("PLATFORM", simulation.desk().authority());
        folder.write("bundle.yaml", &bundle);
        for (name, value) in simulation.profile().secrets {
            folder.write(&format!("secrets/{name}"), value);
        }
        Self {
            folder,
            bundle,
            redis,
            nats,
            host: Mutex::default(),
            log: Mutex::default(),
        }
    }

    /// Starts a host as a service manager does: again until it stays. Where it is.
    fn start(&self) -> String {
        let host = eventually("a host starts", || {
            match Host::try_start_with(&self.folder, |_| {}) {
                Ok(host) => Some(host),
                Err(reason) => {
                    self.log.lock().unwrap().push(reason);
                    std::thread::sleep(Duration::from_millis(300));
                    None
                }
            }
        });
        let origin = host.origin.clone();
        *self.host.lock().unwrap() = Some(host);
        origin
    }

    /// Writes the bundle with one edit, and none of those before, and waits until its generation serves.
    fn swap(&self, number: u32) {
        let memory = format!("{}MiB", 100 + number);
        let (text, instead) = match number / u32::try_from(HOSTS).unwrap() % 4 {
            // The channel is bound anew.
            0 => ("That went wrong.", format!("That went wrong {number}.")),
            // The flow, the channel's plugin, or both backends start anew beside the ones that run.
            1 => (
                "flow_echo.wasm\" }",
                format!("flow_echo.wasm\", limits: {{ memory: {memory} }} }}"),
            ),
            2 => (
                "    config: { api-url",
                format!("    limits: {{ memory: {memory} }}\n    config: {{ api-url"),
            ),
            _ => ("memory: 256MiB", format!("memory: {memory}")),
        };
        assert!(self.bundle.contains(text), "`{text}` is not in the bundle");
        let host = self.host.lock().unwrap();
        let host = host.as_ref().unwrap();
        let before = host.generation();
        self.folder.replace(&self.bundle.replace(text, &instead));
        let end = Instant::now() + TAKEN_OVER;
        while host.generation() == before {
            if Instant::now() > end {
                let log = host.log();
                for line in log.iter().rev().take(30).rev() {
                    eprintln!("{line}");
                }
                panic!("edit {number} was not taken over within {TAKEN_OVER:?}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn kill(&self) {
        let Some(host) = self.host.lock().unwrap().take() else {
            return;
        };
        self.log.lock().unwrap().extend(host.log());
        // Dropping one kills it with signal 9.
        drop(host);
    }

    fn signal(&self, name: &str) {
        // One that still starts is left alone.
        if let Some(host) = self.host.lock().unwrap().as_ref() {
            host.signal(name);
        }
    }

    fn way(&self, server: Backend) -> &Proxy {
        match server {
            Backend::Redis => &self.redis,
            Backend::Nats => &self.nats,
        }
    }
}
