//! `registries`: what is to be known of registries that references name.

use greentic_diagnostics::Span;

use super::paths;
use crate::model::{Login, Password, Registry, Token};
use crate::shape::{Fields, Kind, Shape, field, required};

pub(crate) static REGISTRY: Shape = Shape {
    name: "registry",
    doc: "A registry. Of one that is not named here the user's Docker configuration says who asks.",
    fields: &[
        required(
            "host",
            Kind::Text,
            "Its host, with its port where it has one, as references name it: `registry.example.com`, `127.0.0.1:5000`.",
        ),
        field(
            "username",
            Kind::Text,
            "Who asks. Default: whom the Docker configuration names.",
        ),
        field(
            "password",
            Kind::Text,
            "The password or token of `username`: `${NAME}` of an environment variable.",
        ),
        field(
            "secret",
            Kind::Text,
            "The name of the secret with the password or token of `username`, instead of `password`. The backend under `use: { secrets: … }` gives it, which is from a file then.",
        ),
        field(
            "authorities",
            Kind::Text,
            "A PEM file with certificate authorities beside the public ones, relative to the bundle's folder.",
        ),
        field(
            "insecure",
            Kind::Flag,
            "Plain http instead of TLS; for a registry on this machine only. Default false.",
        ),
    ],
};

pub(crate) fn read(fields: &Fields<'_, '_>) -> Vec<Registry> {
    let mut registries: Vec<Registry> = Vec::new();
    for table in fields.tables("registries") {
        let ctx = table.ctx;
        let Some(registry) = read_one(table) else {
            continue;
        };
        let host = &registry.host;
        match registries.iter().find(|one| one.host.value == host.value) {
            Some(first) => drop(
                ctx.error(
                    host.span,
                    "duplicate",
                    format!("the registry `{}` is named twice", host.value),
                )
                .also(first.host.span, "first here")
                .help("remove one of the two"),
            ),
            None => registries.push(registry),
        }
    }
    registries
}

fn read_one(fields: Fields<'_, '_>) -> Option<Registry> {
    let ctx = fields.ctx;
    let host = fields.filled("host").filter(|host| {
        let whole = host.value.contains('/') || host.value.contains(char::is_whitespace);
        if whole {
            ctx.error(
                host.span,
                "bad-host",
                format!("`{}` is not the host of a registry", host.value),
            )
            .help("write it as references do between `oci://` and the next `/`");
        }
        !whole
    });
    let username = fields.filled("username");
    let literal = fields.literal("password");
    let password = fields.filled("password");
    if let (true, Some(password)) = (literal, &password) {
        ctx.report
            .warning(
                password.span,
                "literal-secret",
                "the password of a registry stands in the bundle",
            )
            .label("secrets never stand in the bundle")
            .help("write `password: \"${REGISTRY_PASSWORD}\"` and set the variable");
    }
    let secret = fields.filled("secret");
    if let (Some(password), Some(secret)) = (&password, &secret) {
        ctx.error(
            secret.span,
            "two-passwords",
            "the password is given and named".to_owned(),
        )
        .also(password.span, "given here")
        .help("take one of `password` and `secret` away");
    }
    let given = password.map(|password| {
        let span = password.span;
        (span, Password::Given(Token(password.value)))
    });
    let password = given.or(secret.map(|secret| (secret.span, Password::Secret(secret))));
    let login = match (username, password) {
        (Some(username), Some((_, password))) => Some(Login {
            username: username.value,
            password,
        }),
        (Some(only), None) => {
            half(&fields, only.span, "password");
            None
        }
        (None, Some((span, _))) => {
            half(&fields, span, "username");
            None
        }
        (None, None) => None,
    };
    let authorities = fields
        .filled("authorities")
        .and_then(|text| paths::path(ctx, &text));
    let insecure = fields.flag("insecure");
    if let (Some(host), Some(insecure)) = (&host, insecure.as_ref().filter(|flag| flag.value))
        && !is_loopback(&host.value)
    {
        ctx.error(
            insecure.span,
            "insecure",
            format!("`{}` is not on this machine, so it must speak TLS", host.value),
        )
        .help("take `insecure` away; for a certificate of your own name its authority under `authorities`");
    }
    fields.finish();
    Some(Registry {
        host: host?,
        insecure: insecure.is_some_and(|flag| flag.value),
        login,
        authorities,
    })
}

fn half(fields: &Fields<'_, '_>, there: Span, missing: &'static str) {
    // A value of the wrong type or without a variable was reported already.
    if fields.key_span(missing) == fields.span() {
        fields
            .ctx
            .error(
                there,
                "half-login",
                format!("there is no `{missing}` to it"),
            )
            .help("name `username` and one of `password` and `secret`, or neither");
    }
}

/// Whether a host with or without a port is this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => host.split(':').next(),
    };
    name.is_some_and(|name| {
        name == "localhost"
            || name
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback())
    })
}
