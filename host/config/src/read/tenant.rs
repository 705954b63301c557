//! `tenants`: who is bound to what.

use greentic_diagnostics::Spanned;
use greentic_types::Id;
use indexmap::IndexMap;

use super::top::{self, DEFAULTS};
use super::{Aliases, plugin, trust};
use crate::limits::{Limits, PLUGIN, PluginLimits, QUOTA};
use crate::model::{Bindings, Channel, Defaults, EVENT_KINDS, FlowRef, Rule, Team, Tenant, Trust};
use crate::shape::{Context, Fields, Kind, Shape, field, required};

pub(crate) static SHAPE: Shape = Shape {
    name: "tenant",
    doc: "A tenant. It can lower what the host grants, never widen it.",
    fields: &[
        field(
            "use",
            Kind::Table(&top::TENANT_USE),
            "Its own bindings instead of the host's.",
        ),
        field("teams", Kind::Named(&TEAM), "Its teams."),
        field(
            "tools",
            Kind::Ids,
            "Plugins whose tools all its teams may use.",
        ),
        field(
            "limits",
            Kind::Table(&PLUGIN),
            "Lower limits for plugins that work for it.",
        ),
        field(
            "quota",
            Kind::Table(&QUOTA),
            "A lower quota than `limits.quota`.",
        ),
        field(
            "trust",
            Kind::Table(&trust::TENANT_TRUST),
            "Keys that may sign packs for it, beside the host's.",
        ),
        field(
            "defaults",
            Kind::Table(&DEFAULTS),
            "Its own defaults instead of the host's.",
        ),
    ],
};

static TEAM: Shape = Shape {
    name: "team",
    doc: "A team of a tenant.",
    fields: &[
        field("channels", Kind::Named(&CHANNEL), "Its channels."),
        field("tools", Kind::Ids, "Plugins whose tools its flows may use."),
    ],
};

static CHANNEL: Shape = Shape {
    name: "channel",
    doc: "A channel. Its URL is `/v1/messaging/ingress/{provider}/{tenant}/{team}/{channel}`.",
    fields: &[
        required(
            "provider",
            Kind::Id,
            "The plugin that speaks the platform's protocol.",
        ),
        required(
            "flow",
            Kind::Text,
            "The flow when no rule holds: `pack/flow`, or the name of a plugin that is a flow.",
        ),
        field(
            "rules",
            Kind::Tables(&RULE),
            "Other flows for some events; the first rule that holds wins.",
        ),
        field("enabled", Kind::Flag, "Whether it is served. Default true."),
        field(
            "path",
            Kind::Text,
            "Another path it is served under, such as `/api/messages`.",
        ),
        field(
            "config",
            Kind::Any,
            "What its provider is told, by the schema in its `describe`.",
        ),
        field(
            "failure-text",
            Kind::Text,
            "What the user is told when a turn failed.",
        ),
        field(
            "locale",
            Kind::Text,
            "The locale (BCP 47) when the platform names none.",
        ),
    ],
};

static RULE: Shape = Shape {
    name: "rule",
    doc: "Chooses a flow for some events.",
    fields: &[
        required(
            "when",
            Kind::Table(&WHEN),
            "What must hold; all that is named must.",
        ),
        required(
            "flow",
            Kind::Text,
            "The flow: `pack/flow`, or the name of a plugin that is a flow.",
        ),
    ],
};

static WHEN: Shape = Shape {
    name: "when",
    doc: "What must hold for a rule; at least one key.",
    fields: &[
        field("event", Kind::Word(EVENT_KINDS), "The kind of event."),
        field(
            "command",
            Kind::Text,
            "The command's name, without a slash.",
        ),
        field(
            "condition",
            Kind::Text,
            "A condition over `event`, in the expression language of flows.",
        ),
    ],
};

/// What a tenant falls back on.
pub(crate) struct Host<'h> {
    pub bindings: Option<&'h Bindings>,
    pub limits: &'h Limits,
    pub defaults: &'h Defaults,
}

pub(crate) fn read(
    name: Spanned<Id>,
    fields: Fields<'_, '_>,
    host: &Host<'_>,
    aliases: &mut Aliases,
) -> Option<Tenant> {
    let own = fields.table("use").map(top::bindings);
    let defaults = match fields.table("defaults") {
        Some(table) => top::defaults(table, host.defaults),
        None => host.defaults.clone(),
    };
    let plugin_limits = fields.table("limits").map(|table| {
        let mut limits = PluginLimits::widest();
        limits.read(&table, Some(&host.limits.plugin));
        table.finish();
        limits
    });
    let mut quota = host.limits.quota.clone();
    if let Some(table) = fields.table("quota") {
        quota.read(&table, Some(&host.limits.quota));
        table.finish();
    }
    let trust = fields
        .table("trust")
        .map_or_else(Trust::default, |table| trust::read(table, false));
    let tools = fields.plugins("tools");
    let teams: Vec<_> = fields
        .named("teams")
        .into_iter()
        .map(|(team, table)| {
            (
                team.value.clone(),
                read_team(team, table, &defaults, &tools, aliases),
            )
        })
        .collect();
    fields.finish();
    let own = own.unwrap_or_default();
    let bindings = host.bindings.cloned().map(|host| Bindings {
        sessions: own.sessions.unwrap_or(host.sessions),
        state: own.state.or(host.state),
        bus: own.bus.unwrap_or(host.bus),
        secrets: own.secrets.or(host.secrets),
        flows: own.flows.or(host.flows),
    });
    Some(Tenant {
        name,
        bindings: bindings?,
        teams: teams.into_iter().collect(),
        tools,
        plugin_limits,
        quota,
        trust,
        defaults,
    })
}

fn read_team(
    name: Spanned<Id>,
    fields: Fields<'_, '_>,
    defaults: &Defaults,
    tenant_tools: &[Spanned<Id>],
    aliases: &mut Aliases,
) -> Team {
    let mut channels = IndexMap::new();
    for (channel, table) in fields.named("channels") {
        if let Some(read) = read_channel(channel.clone(), table, defaults, aliases) {
            channels.insert(channel.value, read);
        }
    }
    let mut tools = fields.plugins("tools");
    tools.retain(|tool| !tenant_tools.iter().any(|known| known.value == tool.value));
    fields.finish();
    Team {
        name,
        channels,
        tools,
    }
}

fn read_channel(
    name: Spanned<Id>,
    fields: Fields<'_, '_>,
    defaults: &Defaults,
    aliases: &mut Aliases,
) -> Option<Channel> {
    let ctx = fields.ctx;
    let provider = fields.plugin("provider");
    let flow = fields.filled("flow").and_then(|text| flow_ref(ctx, &text));
    let rules = fields
        .tables("rules")
        .into_iter()
        .filter_map(read_rule)
        .collect();
    let enabled = fields.flag("enabled").is_none_or(|flag| flag.value);
    let path = fields.text("path").filter(|text| alias(ctx, text, aliases));
    let config = plugin::config(&fields, &[]);
    let own = top::texts(&fields, defaults);
    fields.finish();
    Some(Channel {
        name,
        provider: provider?,
        flow: flow?,
        rules,
        enabled,
        path,
        config,
        failure_text: own.failure_text,
        locale: own.locale,
    })
}

fn read_rule(fields: Fields<'_, '_>) -> Option<Rule> {
    let ctx = fields.ctx;
    let when = fields.table("when").map(|when| {
        let read = (when.word("event"), when.filled("command"), when.filled("condition"));
        let span = when.span();
        let nothing = ["event", "command", "condition"].iter().all(|key| when.key_span(key) == span);
        if nothing {
            ctx.error(span, "empty", "this rule would hold for every event")
                .help("name an `event`, a `command` or a `condition`; what holds for all is the channel's own `flow`");
        }
        if let Some(slash) = read.1.as_ref().filter(|command| command.value.starts_with('/')) {
            ctx.error(slash.span, "bad-name", "a command is named without its slash")
                .help(format!("write `{}`", slash.value.trim_start_matches('/')));
        }
        when.finish();
        read
    });
    let flow = fields.filled("flow").and_then(|text| flow_ref(ctx, &text));
    fields.finish();
    let (event, command, condition) = when?;
    Some(Rule {
        event,
        command,
        condition,
        flow: flow?,
    })
}

fn flow_ref(ctx: &Context<'_>, text: &Spanned<String>) -> Option<Spanned<FlowRef>> {
    let Some((pack, flow)) = text.value.split_once('/') else {
        if ctx.packs.contains(&text.value) {
            ctx.error(
                text.span,
                "bad-flow",
                format!("`{}` is a pack; which of its flows?", text.value),
            )
            .help(format!("write `{}/NAME-OF-THE-FLOW`", text.value));
            return None;
        }
        return ctx.plugin(text).map(|plugin| plugin.map(FlowRef::Plugin));
    };
    if !ctx.packs.contains(pack) {
        let span = ctx
            .report
            .source()
            .span_within(text.span, &text.value, 0..pack.len());
        ctx.dangling(span, "pack", pack, &ctx.packs);
        return None;
    }
    let holds = (1..=128).contains(&flow.len())
        && flow
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !holds {
        ctx.error(
            text.span,
            "bad-flow",
            format!("`{flow}` is not the id of a flow"),
        )
        .help("write `pack/flow`");
        return None;
    }
    let pack = Id::new(pack).ok()?;
    Some(Spanned::new(
        FlowRef::Pack {
            pack,
            flow: flow.to_owned(),
        },
        text.span,
    ))
}

/// Paths the host itself serves.
const RESERVED: [&str; 5] = ["/v1", "/healthz", "/readyz", "/metrics", "/.well-known"];

fn alias(ctx: &Context<'_>, text: &Spanned<String>, aliases: &mut Aliases) -> bool {
    let path = text.value.as_str();
    let part_holds = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte))
    };
    let holds = path
        .strip_prefix('/')
        .is_some_and(|rest| rest.split('/').all(part_holds))
        && path.len() <= 255;
    if !holds {
        ctx.error(
            text.span,
            "bad-path",
            format!("`{path}` is not a path to serve"),
        )
        .help("write an absolute path of plain words, such as `/api/messages`");
        return false;
    }
    let under = |one: &str| {
        path.strip_prefix(one)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if let Some(own) = RESERVED.iter().find(|one| under(one)) {
        ctx.error(
            text.span,
            "reserved-path",
            format!("paths under `{own}` are the host's own"),
        )
        .help("choose another path");
        return false;
    }
    if let Some(first) = aliases.get(path) {
        let note = ctx
            .error(
                text.span,
                "duplicate",
                format!("the path `{path}` is taken by another channel"),
            )
            .label("again here")
            .help("give each channel a path of its own");
        // A place of another file cannot be shown in this one.
        if first.span.file == text.span.file {
            note.also(first.span, "first here");
        }
        return false;
    }
    aliases.insert(path.to_owned(), text.clone());
    true
}
