//! `admin`, `telemetry` and the URLs an operator names: how the host is reached and watched.

use std::net::SocketAddr;

use greentic_diagnostics::Spanned;

use crate::model::{Admin, LogFormat, Telemetry, Token};
use crate::shape::{Context, Fields, Kind, Shape, field, required};

pub(crate) static ADMIN: Shape = Shape {
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

pub(crate) static TELEMETRY: Shape = Shape {
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

pub(crate) fn admin(fields: Fields<'_, '_>, public: Option<&Spanned<SocketAddr>>) -> Option<Admin> {
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

pub(crate) fn telemetry(fields: Fields<'_, '_>) -> Telemetry {
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

/// An http or https URL without credentials; slashes at its end are dropped.
pub(crate) fn url(ctx: &Context<'_>, mut text: Spanned<String>) -> Option<Spanned<String>> {
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
