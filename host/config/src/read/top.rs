//! The file's outermost keys.

use greentic_diagnostics::{Node, Span, Spanned};
use greentic_types::Id;
use indexmap::IndexMap;

use super::{Aliases, contradictions, operations, paths, plugin, registries, tenant, trust};
use crate::limits::{LIMITS, Limits};
use crate::model::{Bindings, Bundle, Defaults, Pack, Telemetry, Trust};
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
            Kind::Table(&operations::ADMIN),
            "The admin endpoint; without it there is none.",
        ),
        field(
            "trust",
            Kind::Table(&trust::TRUST),
            "Whose packs are accepted.",
        ),
        field(
            "registries",
            Kind::Tables(&registries::REGISTRY),
            "What is to be known of registries that references with `oci://` name.",
        ),
        field(
            "telemetry",
            Kind::Table(&operations::TELEMETRY),
            "Traces, metrics and logs.",
        ),
        field(
            "cache",
            Kind::Text,
            "The folder for compiled components and what was fetched from registries. Default: the user's cache folder.",
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
            "include",
            Kind::Texts,
            "Files with more tenants, such as `tenants/*.yaml`. Each has a `tenants` of its own and nothing else.",
        ),
        field(
            "tenants",
            Kind::Named(&tenant::SHAPE),
            "Who is bound to what.",
        ),
    ],
};

static INCLUDED: Shape = Shape {
    name: "included",
    doc: "Tenants in a file of their own. What they can use is the bundle's to say.",
    fields: &[
        field(
            "version",
            Kind::Exactly(1),
            "The version of this format: 1.",
        ),
        required(
            "tenants",
            Kind::Named(&tenant::SHAPE),
            "Who is bound to what.",
        ),
    ],
};

/// Reads the tenants of an included file into the bundle. `whence` tells the file a tenant or path stands in already.
pub(crate) fn read_included(
    root: &Node,
    ctx: &Context<'_>,
    bundle: &mut Bundle,
    aliases: &mut Aliases,
    whence: &dyn Fn(Span) -> String,
) {
    let Some(fields) = Fields::new(root, &INCLUDED, ctx) else {
        return;
    };
    fields.exactly("version", 1);
    for (name, table) in fields.named("tenants") {
        if let Some(known) = bundle.tenants.get(&name.value) {
            let place = whence(known.name.span);
            ctx.error(
                name.span,
                "duplicate",
                format!("tenant `{}` stands in {place} already", name.value),
            )
            .help("give each tenant one file");
            continue;
        }
        let host = tenant::Host {
            bindings: Some(&bundle.bindings),
            limits: &bundle.limits,
            defaults: &bundle.defaults,
        };
        if let Some(tenant) = tenant::read(name.clone(), table, &host, aliases) {
            bundle.tenants.insert(name.value, tenant);
        }
    }
    fields.finish();
}

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
    fields: &[
        required(
            "from",
            Kind::Text,
            "A file, relative to the bundle's folder, or `oci://registry/repository:tag`.",
        ),
        field("watch", Kind::Time, paths::WATCH),
    ],
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
    let public_url = fields
        .filled("public-url")
        .and_then(|text| operations::url(ctx, text));
    let admin = fields
        .table("admin")
        .map(|table| operations::admin(table, listen.as_ref()));
    let trust = fields
        .table("trust")
        .map_or_else(Trust::default, |table| trust::read(table, true));
    let registries = registries::read(&fields);
    let telemetry = fields
        .table("telemetry")
        .map_or_else(Telemetry::default, operations::telemetry);
    let cache = fields
        .filled("cache")
        .and_then(|text| paths::path(ctx, &text));
    let mut limits = Limits::default();
    if let Some(table) = fields.table("limits") {
        limits.read(&table);
        contradictions::report(&table, &limits);
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
        let watch = paths::watch(&table, from.as_ref());
        table.finish();
        if let Some(from) = from {
            packs.insert(name.value.clone(), Pack { name, from, watch });
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
    let include = fields
        .texts("include")
        .iter()
        .filter_map(|text| paths::path(ctx, text))
        .collect();
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
        registries,
        telemetry,
        cache,
        plugins,
        bindings: host_bindings?,
        packs,
        defaults,
        limits,
        include,
        tenants,
    })
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
