//! The file's outermost keys.

use std::net::SocketAddr;

use greentic_diagnostics::{Node, Spanned};
use greentic_types::Id;
use indexmap::IndexMap;

use super::{Aliases, paths, plugin, tenant, trust};
use crate::limits::{LIMITS, Limits};
use crate::model::{Admin, Bindings, Bundle, Defaults, LogFormat, Pack, Telemetry, Token, Trust};
use crate::shape::{Context, Fields, Kind, Shape, field, required};

pub(crate) static BUNDLE: Shape = Shape {
    name: "bundle",
    doc: "A greentic-host bundle: what is loaded, what each part may touch, and who is bound to what.",
    fields: &[
        required(
            "version",
            Kind::Exactly(1),
            "The version of this format: 1.",
        ),
        required(
            "env",
            Kind::Id,
            "The environment everything below belongs to, such as `dev` or `prod`.",
        ),
        required(
            "listen",
            Kind::Socket,
            "Where the public endpoint listens, such as `127.0.0.1:8080`.",
        ),
        field(
            "public-url",
            Kind::Text,
            "The URL the world reaches the public endpoint by, such as `https://chat.example.com`.",
        ),
        field(
            "admin",
            Kind::Table(&ADMIN),
            "The admin endpoint; without it there is none.",
        ),
        field(
            "trust",
            Kind::Table(&trust::TRUST),
            "Whose packs are accepted.",
        ),
        field(
            "telemetry",
            Kind::Table(&TELEMETRY),
            "Traces, metrics and logs.",
        ),
        field(
            "cache",
            Kind::Text,
            "The folder for compiled components. Default: the user's cache folder.",
        ),
        required(
            "plugins",
            Kind::Named(&plugin::SHAPE),
            "Every component there is, with what it may touch.",
        ),
        required(
            "use",
            Kind::Table(&USE),
            "Which plugin serves sessions, state, bus and secrets.",
        ),
        field("packs", Kind::Named(&PACK), "The packs flows come from."),
        field(
            "defaults",
            Kind::Table(&DEFAULTS),
            "What channels say when they say nothing of their own.",
        ),
        field(
            "limits",
            Kind::Table(&LIMITS),
            "Every timeout, limit and queue length; what is left out keeps its default.",
        ),
        field(
            "tenants",
            Kind::Named(&tenant::SHAPE),
            "Who is bound to what.",
        ),
    ],
};

static ADMIN: Shape = Shape {
    name: "admin",
    doc: "The admin endpoint.",
    fields: &[
        required(
            "listen",
            Kind::Socket,
            "Where it listens; keep it on a loopback address.",
        ),
        required(
            "token",
            Kind::Text,
            "The bearer token callers must show: `${NAME}` of an environment variable.",
        ),
    ],
};

static TELEMETRY: Shape = Shape {
    name: "telemetry",
    doc: "Traces, metrics and logs.",
    fields: &[
        field(
            "otlp-endpoint",
            Kind::Text,
            "Where to export to by OTLP, such as `http://127.0.0.1:4317`. Without it nothing is exported.",
        ),
        field(
            "sample",
            Kind::Number,
            "The part of traces that is kept, from 0 to 1. Default 0.05.",
        ),
        field(
            "service-name",
            Kind::Text,
            "The name the host reports itself under. Default `greentic-host`.",
        ),
        field("log", Kind::Table(&LOG), "Logs."),
    ],
};

static LOG: Shape = Shape {
    name: "log",
    doc: "Logs.",
    fields: &[
        field(
            "format",
            Kind::Word(&["human", "json"]),
            "Lines for people, or one JSON object a line. Default `human`.",
        ),
        field(
            "filter",
            Kind::Text,
            "What is logged, such as `info` or `info,greentic_runner=debug`. Default `info`.",
        ),
    ],
};

static USE: Shape = Shape {
    name: "use",
    doc: "Which plugin serves what; to swap a backend, change one word.",
    fields: &[
        required("sessions", Kind::Id, "Sessions."),
        field(
            "state",
            Kind::Id,
            "State of flows and nodes; without it flows have none.",
        ),
        required(
            "bus",
            Kind::Id,
            "The bus between gateway, runner and egress.",
        ),
        field(
            "secrets",
            Kind::Id,
            "Secrets; without it nothing that needs one loads.",
        ),
        field("flows", Kind::Id, "The engine that runs `.ygtc` flows."),
    ],
};

pub(crate) static TENANT_USE: Shape = Shape {
    name: "tenant-use",
    doc: "Bindings of one tenant; what is left out is the host's.",
    fields: &[
        field("sessions", Kind::Id, "Sessions."),
        field("state", Kind::Id, "State of flows and nodes."),
        field(
            "bus",
            Kind::Id,
            "The bus between gateway, runner and egress.",
        ),
        field("secrets", Kind::Id, "Secrets."),
        field("flows", Kind::Id, "The engine that runs `.ygtc` flows."),
    ],
};

static PACK: Shape = Shape {
    name: "pack",
    doc: "A pack flows come from.",
    fields: &[required(
        "from",
        Kind::Text,
        "A file, relative to the bundle's folder, or `oci://registry/repository:tag`.",
    )],
};

pub(crate) static DEFAULTS: Shape = Shape {
    name: "defaults",
    doc: "What channels say when they say nothing of their own.",
    fields: &[
        field(
            "failure-text",
            Kind::Text,
            "What the user is told when a turn failed.",
        ),
        field(
            "locale",
            Kind::Text,
            "The locale (BCP 47) when the platform names none. Default `en`.",
        ),
    ],
};

pub(crate) fn read(root: &Node, ctx: &Context<'_>) -> Option<Bundle> {
    let fields = Fields::new(root, &BUNDLE, ctx)?;
    let version = fields.exactly("version", 1);
    let env = fields.id("env");
    let listen = fields.socket("listen");
    let public_url = fields.filled("public-url").and_then(|text| url(ctx, text));
    let admin = fields
        .table("admin")
        .map(|table| admin(table, listen.as_ref()));
    let trust = fields
        .table("trust")
        .map_or_else(Trust::default, |table| trust::read(table, true));
    let telemetry = fields
        .table("telemetry")
        .map_or_else(Telemetry::default, telemetry);
    let cache = fields
        .filled("cache")
        .and_then(|text| paths::path(ctx, &text));
    let mut limits = Limits::default();
    if let Some(table) = fields.table("limits") {
        limits.read(&table);
        pairs(&table, &limits);
        table.finish();
    }
    let mut plugins = IndexMap::new();
    for (name, table) in fields.named("plugins") {
        if let Some(plugin) = plugin::read(name.clone(), table, &limits.plugin) {
            plugins.insert(name.value, plugin);
        }
    }
    let own = fields.table("use").map(bindings).unwrap_or_default();
    let host_bindings = own.sessions.zip(own.bus).map(|(sessions, bus)| Bindings {
        sessions,
        state: own.state,
        bus,
        secrets: own.secrets,
        flows: own.flows,
    });
    let mut packs = IndexMap::new();
    for (name, table) in fields.named("packs") {
        let from = table
            .filled("from")
            .and_then(|text| paths::origin(ctx, &text));
        table.finish();
        if let Some(from) = from {
            packs.insert(name.value.clone(), Pack { name, from });
        }
    }
    let base = Defaults::default();
    let defaults = fields
        .table("defaults")
        .map_or_else(|| base.clone(), |table| self::defaults(table, &base));
    let host = tenant::Host {
        bindings: host_bindings.as_ref(),
        limits: &limits,
        defaults: &defaults,
    };
    let mut aliases = Aliases::new();
    let mut tenants = IndexMap::new();
    for (name, table) in fields.named("tenants") {
        if let Some(tenant) = tenant::read(name.clone(), table, &host, &mut aliases) {
            tenants.insert(name.value, tenant);
        }
    }
    fields.finish();
    version?;
    Some(Bundle {
        base_dir: ctx.base_dir.to_owned(),
        env: env?,
        listen: listen?,
        public_url,
        admin: match admin {
            Some(read) => Some(read?),
            None => None,
        },
        trust,
        telemetry,
        cache,
        plugins,
        bindings: host_bindings?,
        packs,
        defaults,
        limits,
        tenants,
    })
}

fn admin(fields: Fields<'_, '_>, public: Option<&Spanned<SocketAddr>>) -> Option<Admin> {
    let ctx = fields.ctx;
    let listen = fields.socket("listen");
    if let (Some(admin), Some(public)) = (&listen, public)
        && admin.value == public.value
        && admin.value.port() != 0
    {
        ctx.error(
            admin.span,
            "duplicate",
            "the admin endpoint cannot share the public one's address",
        )
        .also(public.span, "the public endpoint")
        .help("choose another port");
    }
    if let Some(open) = listen
        .as_ref()
        .filter(|listen| !listen.value.ip().is_loopback())
    {
        ctx.report
            .warning(
                open.span,
                "open-admin",
                "the admin endpoint is reachable from other machines",
            )
            .help("listen on `127.0.0.1`, and reach it through a tunnel");
    }
    let literal = fields.literal("token");
    let token = fields.filled("token");
    if let (true, Some(token)) = (literal, &token) {
        ctx.report
            .warning(
                token.span,
                "literal-secret",
                "the admin token stands in the bundle",
            )
            .label("secrets never stand in the bundle")
            .help("write `token: \"${GREENTIC_ADMIN_TOKEN}\"` and set the variable");
    }
    fields.finish();
    Some(Admin {
        listen: listen?,
        token: token?.map(Token),
    })
}

fn telemetry(fields: Fields<'_, '_>) -> Telemetry {
    let ctx = fields.ctx;
    let mut telemetry = Telemetry {
        otlp_endpoint: fields
            .filled("otlp-endpoint")
            .and_then(|text| url(ctx, text)),
        ..Telemetry::default()
    };
    if let Some(sample) = fields.number("sample", 0.0..=1.0) {
        telemetry.sample = sample.value;
    }
    if let Some(name) = fields.filled("service-name") {
        telemetry.service_name = name.value;
    }
    if let Some(log) = fields.table("log") {
        if log.word("format").is_some_and(|word| word.value == "json") {
            telemetry.log_format = LogFormat::Json;
        }
        if let Some(filter) = log.filled("filter") {
            telemetry.log_filter = filter;
        }
        log.finish();
    }
    fields.finish();
    telemetry
}

/// Bindings as far as they are named.
#[derive(Default)]
pub(crate) struct Named {
    pub sessions: Option<Spanned<Id>>,
    pub state: Option<Spanned<Id>>,
    pub bus: Option<Spanned<Id>>,
    pub secrets: Option<Spanned<Id>>,
    pub flows: Option<Spanned<Id>>,
}

pub(crate) fn bindings(fields: Fields<'_, '_>) -> Named {
    let named = Named {
        sessions: fields.plugin("sessions"),
        state: fields.plugin("state"),
        bus: fields.plugin("bus"),
        secrets: fields.plugin("secrets"),
        flows: fields.plugin("flows"),
    };
    fields.finish();
    named
}

pub(crate) fn defaults(fields: Fields<'_, '_>, base: &Defaults) -> Defaults {
    let read = texts(&fields, base);
    fields.finish();
    read
}

/// `failure-text` and `locale`, which host, tenant and channel have alike.
pub(crate) fn texts(fields: &Fields<'_, '_>, base: &Defaults) -> Defaults {
    let failure_text = fields.filled("failure-text").map(|text| text.value);
    let locale = fields.filled("locale").filter(|text| {
        let part_holds = |part: &str| {
            (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
        };
        let first_holds = text
            .value
            .split('-')
            .next()
            .is_some_and(|first| first.bytes().all(|b| b.is_ascii_alphabetic()));
        let holds = first_holds && text.value.split('-').all(part_holds);
        if !holds {
            fields
                .ctx
                .error(
                    text.span,
                    "bad-locale",
                    format!("`{}` is not a locale", text.value),
                )
                .help("write `en` or `de-CH`");
        }
        holds
    });
    Defaults {
        failure_text: failure_text.unwrap_or_else(|| base.failure_text.clone()),
        locale: locale.map_or_else(|| base.locale.clone(), |text| text.value),
    }
}

fn url(ctx: &Context<'_>, mut text: Spanned<String>) -> Option<Spanned<String>> {
    let rest = text
        .value
        .strip_prefix("http://")
        .or_else(|| text.value.strip_prefix("https://"));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    if host.is_none_or(|host| host.is_empty() || host.contains('@'))
        || text.value.contains(char::is_whitespace)
    {
        ctx.error(text.span, "bad-url", "this is not an http or https URL")
            .help("write `https://host` or `http://host:port`");
        return None;
    }
    let kept = text.value.trim_end_matches('/').len();
    text.value.truncate(kept);
    Some(text)
}

/// Limits that only make sense together.
fn pairs(fields: &Fields<'_, '_>, limits: &Limits) {
    let wrong = |holds: bool, group: &'static str, key: &str, message: &str| {
        if !holds {
            fields
                .ctx
                .error(fields.inner_key_span(group, key), "contradiction", message)
                .help("change one of the two");
        }
    };
    let session = &limits.session;
    wrong(
        session.renew * 2 <= session.lease,
        "session",
        "renew",
        "`renew` must be at most half of `lease`, so that one lost renewal does not lose the lease",
    );
    let bus = &limits.bus;
    wrong(
        bus.extend * 2 <= bus.ack_wait,
        "bus",
        "extend",
        "`extend` must be at most half of `ack-wait`, so that one lost extension does not redeliver",
    );
    wrong(
        bus.retry_base <= bus.retry_cap,
        "bus",
        "retry-base",
        "`retry-base` must not exceed `retry-cap`",
    );
    let egress = &limits.egress;
    wrong(
        egress.backoff_base <= egress.backoff_cap,
        "egress",
        "backoff-base",
        "`backoff-base` must not exceed `backoff-cap`",
    );
    let supervision = &limits.supervision;
    wrong(
        supervision.backoff_base <= supervision.backoff_cap,
        "supervision",
        "backoff-base",
        "`backoff-base` must not exceed `backoff-cap`",
    );
    let request = &limits.request;
    wrong(
        request.body <= request.upload_body,
        "request",
        "body",
        "`body` must not exceed `upload-body`",
    );
    wrong(
        limits.pack.file <= limits.pack.bytes,
        "pack",
        "file",
        "`file` must not exceed `bytes`",
    );
    wrong(
        limits.websocket.ping <= limits.websocket.idle,
        "websocket",
        "ping",
        "`ping` must not exceed `idle`",
    );
}
