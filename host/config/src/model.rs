//! The bundle as the rest of the host sees it: typed, with defaults filled in, and every name that is mentioned declared.
//!
//! Places are kept (`Spanned`) wherever a later stage may still find a fault: a pack that cannot be read, a component that
//! is not in it, a request that was not granted.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use greentic_diagnostics::Spanned;
use greentic_types::Id;
use indexmap::IndexMap;

use crate::limits::{Limits, PluginLimits, QuotaLimits};
use crate::network::{HostRule, SocketRule};

/// One bundle. Maps keep the order of the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// The folder of the bundle's file; relative paths in the bundle are resolved against it.
    pub base_dir: PathBuf,
    /// `TenantCtx.env_id` of everything in it.
    pub env: Spanned<Id>,
    /// Where the public endpoint listens.
    pub listen: Spanned<SocketAddr>,
    /// The URL the world reaches the public endpoint by, without a slash at its end.
    pub public_url: Option<Spanned<String>>,
    /// The admin endpoint; absent: there is none.
    pub admin: Option<Admin>,
    /// Whose packs are accepted.
    pub trust: Trust,
    /// What is said of registries; of others the user's Docker configuration says who asks, and they must speak TLS.
    pub registries: Vec<Registry>,
    /// Traces, metrics, logs.
    pub telemetry: Telemetry,
    /// The folder for compiled components and what was fetched; absent: the user's cache folder.
    pub cache: Option<Spanned<PathBuf>>,
    /// Every component there is.
    pub plugins: IndexMap<Id, Plugin>,
    /// What serves sessions, state, bus and secrets.
    pub bindings: Bindings,
    /// The packs flows come from.
    pub packs: IndexMap<Id, Pack>,
    /// What channels say when they say nothing of their own.
    pub defaults: Defaults,
    /// Every timeout, limit and queue length.
    pub limits: Limits,
    /// Files with more tenants: paths, resolved against the bundle's folder, whose last part may have a `*` in it.
    pub include: Vec<Spanned<PathBuf>>,
    /// The tenants, of this file and of those it includes.
    pub tenants: IndexMap<Id, Tenant>,
}

/// The admin endpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Admin {
    /// Where it listens.
    pub listen: Spanned<SocketAddr>,
    /// The bearer token callers must show. Never log it.
    pub token: Spanned<Token>,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(pub(crate) String);

impl Token {
    /// The text itself, to compare with.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// A registry.
#[derive(Debug, Clone, PartialEq)]
pub struct Registry {
    /// Its host, with its port where it has one, as references name it.
    pub host: Spanned<String>,
    /// Plain HTTP; on this machine only. Default false.
    pub insecure: bool,
    /// Who asks; absent: whom the Docker configuration names.
    pub login: Option<Login>,
    /// PEM certificates of authorities beside the public ones, resolved against the bundle's folder.
    pub authorities: Option<Spanned<PathBuf>>,
}

/// A name with its password.
#[derive(Debug, Clone, PartialEq)]
pub struct Login {
    /// The name.
    pub username: String,
    /// The password or token.
    pub password: Password,
}

/// Where a password is from.
#[derive(Debug, Clone, PartialEq)]
pub enum Password {
    /// It was given. Never log it.
    Given(Token),
    /// The secret of this name has it; the backend that `use` names for the host gives it.
    Secret(Spanned<String>),
}

/// Whose packs are accepted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trust {
    /// Keys by name.
    pub keys: IndexMap<Id, TrustKey>,
    /// How many different keys must have signed which packs; where several rules cover a pack the largest number holds, and one
    /// is enough where none does. A tenant never has any.
    pub require: Vec<Threshold>,
    /// Accept packs without a signature; reported at every start. Absent: false. A tenant never has it.
    pub allow_unsigned: Option<Spanned<bool>>,
}

/// A key that may sign packs.
#[derive(Debug, Clone, PartialEq)]
pub struct TrustKey {
    /// Its name and where it stands.
    pub name: Spanned<Id>,
    /// The key.
    pub key: Spanned<KeySource>,
    /// Pack ids it may sign, such as `demo/helpdesk` or `demo/*`.
    pub may_sign: Vec<Spanned<String>>,
    /// Its signatures do not count before this time.
    pub not_before: Option<SystemTime>,
    /// Its signatures do not count from this time on.
    pub not_after: Option<SystemTime>,
    /// Why it was revoked, when it was. A revoked key stays in the bundle so that the refusal can say so.
    pub revoked: Option<Spanned<String>>,
}

/// How many keys must have signed some packs.
#[derive(Debug, Clone, PartialEq)]
pub struct Threshold {
    /// A pattern of pack ids, such as `demo/*`.
    pub packs: Spanned<String>,
    /// How many, from 1 to 16.
    pub signatures: usize,
}

/// An ed25519 public key or the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// The 32 bytes of the key.
    Ed25519([u8; 32]),
    /// A file, as `greentic-pack keygen` writes it (`NAME.pub`), resolved against the bundle's folder.
    File(PathBuf),
}

/// Traces, metrics, logs.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// The OTLP endpoint; absent: nothing is exported.
    pub otlp_endpoint: Option<Spanned<String>>,
    /// The part of traces that is kept, 0 to 1. Default 0.05.
    pub sample: f64,
    /// The name the host reports itself under. Default `greentic-host`.
    pub service_name: String,
    /// How logs are written. Default human.
    pub log_format: LogFormat,
    /// What is logged, as `tracing` filters have it (`info`, `info,greentic_runner=debug`). Default `info`.
    pub log_filter: Spanned<String>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            otlp_endpoint: None,
            sample: 0.05,
            service_name: "greentic-host".to_owned(),
            log_format: LogFormat::Human,
            log_filter: Spanned::new("info".to_owned(), greentic_diagnostics::Span::default()),
        }
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Human,
    /// One JSON object a line.
    Json,
}

/// One component and what it may touch.
#[derive(Debug, Clone, PartialEq)]
pub struct Plugin {
    /// Its name and where it stands.
    pub name: Spanned<Id>,
    /// The pack or component file it comes from.
    pub from: Spanned<Origin>,
    /// How often a registry is asked for a new version under the tag of `from`; absent: never.
    pub watch: Option<Spanned<Duration>>,
    /// Its name in the pack; absent: the pack holds one component only.
    pub component: Option<Spanned<String>>,
    /// What it may touch.
    pub grants: Grants,
    /// Its limits, the host's defaults filled in.
    pub limits: PluginLimits,
    /// Its cell policy; absent: `shared` for stores, buses and secrets backends, else `per-tenant`.
    pub policy: Option<Spanned<CellPolicy>>,
    /// Its configuration, checked later against the schema in its `describe`. An empty object when absent.
    pub config: Spanned<serde_json::Value>,
    /// Never fuse it with its caller, though it holds no authority.
    pub link: bool,
}

/// Where something is loaded from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// A file, resolved against the bundle's folder.
    File(PathBuf),
    /// A registry reference without `oci://`: `host/repository:tag` or `host/repository@sha256:…`.
    Oci(String),
}

/// What a plugin may touch. Empty lists grant nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Grants {
    /// Where `grants` stands, or the plugin's entry when it has none: the place to point at for what is missing.
    pub span: greentic_diagnostics::Span,
    /// Hosts it may send HTTP requests to.
    pub http: Vec<Spanned<HostRule>>,
    /// Addresses it may open sockets to.
    pub tcp: Vec<Spanned<SocketRule>>,
    /// Whether a host granted by name may resolve to a private, loopback or link-local address. Default false.
    pub private_addresses: bool,
    /// Folders it may read, resolved against the bundle's folder.
    pub read: Vec<Spanned<PathBuf>>,
    /// Folders it may read and write, resolved against the bundle's folder.
    pub write: Vec<Spanned<PathBuf>>,
    /// Environment variables it sees.
    pub env: Vec<Spanned<String>>,
    /// Secrets it may use by handle.
    pub secrets: Vec<Spanned<String>>,
    /// Secrets whose bytes it may see; all of them stand in `secrets` too.
    pub reveal: Vec<Spanned<String>>,
    /// Tools it may call.
    pub tools: Vec<Spanned<Id>>,
}

/// How instances of a plugin live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellPolicy {
    /// Warm instances for one tenant, never shared between tenants.
    PerTenant,
    /// A fresh instance for every call.
    PerCall,
    /// One supervised instance for the host.
    Shared,
}

impl CellPolicy {
    /// The word in the bundle.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PerTenant => "per-tenant",
            Self::PerCall => "per-call",
            Self::Shared => "shared",
        }
    }
}

/// Which plugin serves what.
#[derive(Debug, Clone, PartialEq)]
pub struct Bindings {
    /// Sessions.
    pub sessions: Spanned<Id>,
    /// State of flows and nodes; absent: flows have none.
    pub state: Option<Spanned<Id>>,
    /// The bus.
    pub bus: Spanned<Id>,
    /// Secrets; absent: nothing that needs one loads.
    pub secrets: Option<Spanned<Id>>,
    /// The engine that runs `.ygtc` flows; absent: only flows that are components run.
    pub flows: Option<Spanned<Id>>,
}

/// A pack flows come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Its name in the bundle and where it stands.
    pub name: Spanned<Id>,
    /// Its file or reference.
    pub from: Spanned<Origin>,
    /// How often a registry is asked for a new version under the tag of `from`; absent: never.
    pub watch: Option<Spanned<Duration>>,
}

/// What channels say when they say nothing of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Defaults {
    /// What the user is told when a turn failed. Default "Sorry, something went wrong. Please try again."
    pub failure_text: String,
    /// The locale (BCP 47) when the platform names none. Default `en`.
    pub locale: String,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            failure_text: "Sorry, something went wrong. Please try again.".to_owned(),
            locale: "en".to_owned(),
        }
    }
}

/// One tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Tenant {
    /// Its name and where it stands.
    pub name: Spanned<Id>,
    /// Its bindings: the host's, changed by its own `use`.
    pub bindings: Bindings,
    /// Its teams.
    pub teams: IndexMap<Id, Team>,
    /// Tools every team of it may use.
    pub tools: Vec<Spanned<Id>>,
    /// Limits it lowers for the plugins that work for it; what it does not name is at its widest. Use
    /// [`Tenant::limits_of`].
    pub plugin_limits: Option<PluginLimits>,
    /// Its quota: the host's, lowered by its own.
    pub quota: QuotaLimits,
    /// Keys that may sign packs for it, beside the host's.
    pub trust: Trust,
    /// Its own defaults, the host's filled in.
    pub defaults: Defaults,
}

impl Tenant {
    /// The limits of a plugin when it works for this tenant.
    #[must_use]
    pub fn limits_of(&self, plugin: &Plugin) -> PluginLimits {
        self.plugin_limits
            .as_ref()
            .map_or_else(|| plugin.limits.clone(), |own| plugin.limits.lower_of(own))
    }
}

/// One team of a tenant.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// Its name and where it stands.
    pub name: Spanned<Id>,
    /// Its channels.
    pub channels: IndexMap<Id, Channel>,
    /// Tools its flows may use, the tenant's not repeated.
    pub tools: Vec<Spanned<Id>>,
}

/// One channel of one team.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its name and where it stands.
    pub name: Spanned<Id>,
    /// The plugin that speaks the platform's protocol.
    pub provider: Spanned<Id>,
    /// The flow when no rule holds.
    pub flow: Spanned<FlowRef>,
    /// Rules tried in order before `flow`.
    pub rules: Vec<Rule>,
    /// Whether it is served. Default true.
    pub enabled: bool,
    /// Another path it is served under, such as `/api/messages`.
    pub path: Option<Spanned<String>>,
    /// What its provider is told, checked later against the schema in its `describe`. An empty object when absent.
    pub config: Spanned<serde_json::Value>,
    /// What the user is told when a turn failed; the tenant's or host's filled in.
    pub failure_text: String,
    /// The locale when the platform names none; the tenant's or host's filled in.
    pub locale: String,
}

/// A flow.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FlowRef {
    /// `pack/flow`: a flow of a pack.
    Pack {
        /// The pack's name in the bundle.
        pack: Id,
        /// The flow's id in the pack.
        flow: String,
    },
    /// `plugin`: a component of world `flow`.
    Plugin(Id),
}

impl std::fmt::Display for FlowRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pack { pack, flow } => write!(f, "{pack}/{flow}"),
            Self::Plugin(plugin) => plugin.fmt(f),
        }
    }
}

/// Chooses a flow for some events. All that is named must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The kind of event: one of [`EVENT_KINDS`].
    pub event: Option<Spanned<&'static str>>,
    /// The command's name, without a slash.
    pub command: Option<Spanned<String>>,
    /// A condition in the expression language of flows, over `event`; compiled by the runner.
    pub condition: Option<Spanned<String>>,
    /// The flow.
    pub flow: Spanned<FlowRef>,
}

/// The kinds of events a rule can name, as `greentic:types` has them.
pub const EVENT_KINDS: &[&str] = &[
    "message",
    "postback",
    "command",
    "edited",
    "deleted",
    "reaction",
    "joined",
    "left",
    "typing",
    "delivery-status",
    "custom",
];
