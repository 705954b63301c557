//! `plugins`: every component there is, with what it may touch.

use greentic_diagnostics::{Spanned, Value};
use greentic_types::Id;

use super::{paths, secret_literals};
use crate::limits::{PLUGIN, PluginLimits};
use crate::model::{CellPolicy, Grants, Plugin};
use crate::network::{HostRule, Refused, SocketRule};
use crate::shape::{Context, Fields, Kind, Shape, field, required};

pub(crate) static SHAPE: Shape = Shape {
    name: "plugin",
    doc: "A component and what it may touch. What is not granted is denied.",
    fields: &[
        required(
            "from",
            Kind::Text,
            "A pack or component file, relative to the bundle's folder, or `oci://registry/repository:tag`.",
        ),
        field("watch", Kind::Time, paths::WATCH),
        field(
            "component",
            Kind::Text,
            "The component's name in the pack; not needed when the pack holds one.",
        ),
        field("grants", Kind::Table(&GRANTS), "What it may touch."),
        field(
            "limits",
            Kind::Table(&PLUGIN),
            "Its own limits instead of those under `limits.plugin`.",
        ),
        field(
            "policy",
            Kind::Word(&["per-tenant", "per-call", "shared"]),
            "How its instances live. Default `shared` for stores, buses and secrets backends, else `per-tenant`.",
        ),
        field(
            "config",
            Kind::Any,
            "Its configuration, by the schema in its `describe`. Names of secrets, never secrets.",
        ),
        field(
            "link",
            Kind::Flag,
            "Never fuse it with its caller, though it holds no authority. Default false.",
        ),
    ],
};

static GRANTS: Shape = Shape {
    name: "grants",
    doc: "What a plugin may touch; all lists are empty by default.",
    fields: &[
        field(
            "http",
            Kind::Texts,
            "Hosts it may send HTTP requests to: `api.example.com`, `*.example.com`, `host:port`, an address.",
        ),
        field(
            "tcp",
            Kind::Texts,
            "Where it may open sockets to: `host:port`.",
        ),
        field(
            "private-addresses",
            Kind::Flag,
            "Hosts granted by name may resolve to private, loopback or link-local addresses. Default false.",
        ),
        field(
            "read",
            Kind::Texts,
            "Folders it may read, relative to the bundle's folder.",
        ),
        field(
            "write",
            Kind::Texts,
            "Folders it may read and write, relative to the bundle's folder.",
        ),
        field("env", Kind::Texts, "Environment variables it sees."),
        field(
            "secrets",
            Kind::Texts,
            "Secrets it may use by handle, without seeing them.",
        ),
        field(
            "reveal",
            Kind::Texts,
            "Secrets whose bytes it may see; each must stand in `secrets` too.",
        ),
        field("tools", Kind::Ids, "Plugins whose tools it may call."),
    ],
};

pub(crate) fn read(
    name: Spanned<Id>,
    fields: Fields<'_, '_>,
    defaults: &PluginLimits,
) -> Option<Plugin> {
    let ctx = fields.ctx;
    let from = fields
        .filled("from")
        .and_then(|text| paths::origin(ctx, &text));
    let watch = paths::watch(&fields, from.as_ref());
    let component = fields.filled("component");
    let grants = match fields.table("grants") {
        Some(table) => grants(table),
        None => Grants {
            span: name.span,
            ..Grants::default()
        },
    };
    let mut limits = defaults.clone();
    if let Some(table) = fields.table("limits") {
        limits.read(&table, None);
        table.finish();
    }
    let policy = fields.word("policy").map(|word| {
        word.map(|word| match word {
            "per-call" => CellPolicy::PerCall,
            "shared" => CellPolicy::Shared,
            _ => CellPolicy::PerTenant,
        })
    });
    let secret_names: Vec<_> = grants.secrets.iter().map(|one| one.value.clone()).collect();
    let config = config(&fields, &secret_names);
    let link = fields.flag("link").is_some_and(|link| link.value);
    fields.finish();
    Some(Plugin {
        name,
        from: from?,
        watch,
        component,
        grants,
        limits,
        policy,
        config,
        link,
    })
}

/// Any table, as JSON; an empty one at the entry's place when there is none.
pub(crate) fn config(
    fields: &Fields<'_, '_>,
    secret_names: &[String],
) -> Spanned<serde_json::Value> {
    let empty = || serde_json::Value::Object(serde_json::Map::new());
    match fields.any("config") {
        Some(node) => {
            if !matches!(node.value, Value::Mapping(_)) {
                node.mismatch(fields.ctx.report, "a table of keys");
                return Spanned::new(empty(), node.span);
            }
            secret_literals::warn(node, secret_names, fields.ctx);
            Spanned::new(node.to_json(), node.span)
        }
        None => Spanned::new(empty(), fields.span()),
    }
}

fn grants(fields: Fields<'_, '_>) -> Grants {
    let ctx = fields.ctx;
    let http = fields
        .texts("http")
        .iter()
        .filter_map(|text| rule(ctx, text, HostRule::parse(text)))
        .collect();
    let tcp = fields
        .texts("tcp")
        .iter()
        .filter_map(|text| rule(ctx, text, SocketRule::parse(text)))
        .collect();
    let read = fields
        .texts("read")
        .iter()
        .filter_map(|text| paths::folder(ctx, text))
        .collect();
    let write = fields
        .texts("write")
        .iter()
        .filter_map(|text| paths::folder(ctx, text))
        .collect();
    let env = fields
        .texts("env")
        .into_iter()
        .filter(|name| env_name(ctx, name))
        .collect();
    let secrets: Vec<_> = fields
        .texts("secrets")
        .into_iter()
        .filter(|name| secret_name(ctx, name))
        .collect();
    let reveal = fields.texts("reveal");
    for name in &reveal {
        if !secrets.iter().any(|secret| secret.value == name.value) {
            let known = secrets.iter().map(|one| one.value.clone()).collect();
            let near = greentic_diagnostics::suggest(
                &name.value,
                secrets.iter().map(|one| one.value.as_str()),
            );
            match near {
                Some(_) => ctx.dangling(name.span, "granted secret", &name.value, &known),
                None => {
                    ctx.error(
                        name.span,
                        "dangling",
                        format!("`{}` is revealed but not granted", name.value),
                    )
                    .help("add it to `secrets` as well");
                }
            }
        }
    }
    let grants = Grants {
        span: fields.span(),
        http,
        tcp,
        private_addresses: fields
            .flag("private-addresses")
            .is_some_and(|flag| flag.value),
        read,
        write,
        env,
        secrets,
        reveal,
        tools: fields.plugins("tools"),
    };
    fields.finish();
    grants
}

fn rule<T>(
    ctx: &Context<'_>,
    text: &Spanned<String>,
    parsed: Result<T, Refused>,
) -> Option<Spanned<T>> {
    match parsed {
        Ok(rule) => Some(Spanned::new(rule, text.span)),
        Err(refused) => {
            ctx.error(
                text.span,
                "bad-host",
                format!("`{}`: {}", text.value, refused.reason),
            )
            .help(refused.remedy);
            None
        }
    }
}

fn env_name(ctx: &Context<'_>, name: &Spanned<String>) -> bool {
    let holds = !name.value.is_empty()
        && !name.value.starts_with(|first: char| first.is_ascii_digit())
        && name
            .value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !holds {
        ctx.error(
            name.span,
            "bad-name",
            format!(
                "`{}` is not the name of an environment variable",
                name.value
            ),
        )
        .help("name each variable, with letters, digits and `_`");
    }
    holds
}

/// As the secrets interface has it: `[a-z0-9._/-]+` without `..`, at most 255 bytes.
fn secret_name(ctx: &Context<'_>, name: &Spanned<String>) -> bool {
    let text = name.value.as_str();
    let holds = (1..=255).contains(&text.len())
        && !text.contains("..")
        && !text.starts_with('/')
        && !text.ends_with('/')
        && text.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._/-".contains(&byte)
        });
    if !holds {
        ctx.error(
            name.span,
            "bad-name",
            format!("`{text}` is not the name of a secret"),
        )
        .help("use `a`-`z`, `0`-`9`, `.`, `_`, `-` and `/`, without `..`; name each secret");
    }
    holds
}
