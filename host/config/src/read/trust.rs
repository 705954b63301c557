//! `trust`: whose packs are accepted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use greentic_diagnostics::Spanned;

use super::paths;
use crate::model::{KeySource, Trust, TrustKey};
use crate::shape::{Context, Field, Fields, Kind, Shape, field, required};

const KEYS: Field = field("keys", Kind::Named(&KEY), "Keys by a name of your choice.");

pub(crate) static TRUST: Shape = Shape {
    name: "trust",
    doc: "Whose packs are accepted. Without a key no pack is, unless unsigned ones are allowed.",
    fields: &[
        KEYS,
        field(
            "allow-unsigned",
            Kind::Flag,
            "Accept packs without a signature. Default false; reported at every start.",
        ),
    ],
};

pub(crate) static TENANT_TRUST: Shape = Shape {
    name: "tenant-trust",
    doc: "Keys that may sign packs for this tenant, beside the host's.",
    fields: &[KEYS],
};

static KEY: Shape = Shape {
    name: "trust-key",
    doc: "A key that may sign packs: `ed25519` or `file`.",
    fields: &[
        field(
            "ed25519",
            Kind::Text,
            "The public key: one line of base64 of its DER SubjectPublicKeyInfo (RFC 8410).",
        ),
        field(
            "file",
            Kind::Text,
            "The file of the public key, as `greentic-pack keygen` writes it (`NAME.pub`).",
        ),
        required(
            "may-sign",
            Kind::Texts,
            "Ids of packs it may sign, such as `demo/helpdesk` or `demo/*`.",
        ),
    ],
};

pub(crate) fn read(fields: Fields<'_, '_>, host: bool) -> Trust {
    let keys = fields.named("keys").into_iter().filter_map(|(name, key)| {
        let read = read_key(&name, key);
        Some((name.value, read?))
    });
    let trust = Trust {
        keys: keys.collect(),
        allow_unsigned: if host {
            fields.flag("allow-unsigned")
        } else {
            None
        },
    };
    fields.finish();
    trust
}

fn read_key(name: &Spanned<greentic_types::Id>, fields: Fields<'_, '_>) -> Option<TrustKey> {
    let ctx = fields.ctx;
    let inline = fields.filled("ed25519");
    let file = fields.filled("file");
    let patterns = fields.texts("may-sign");
    let key = match (inline, file) {
        (Some(text), None) => ed25519(ctx, &text),
        (None, Some(file)) => paths::path(ctx, &file).map(|file| file.map(KeySource::File)),
        (Some(_), Some(file)) => {
            ctx.error(
                file.span,
                "two-keys",
                "a trust key is given by `ed25519` or by `file`, not both",
            )
            .help("remove one of the two");
            None
        }
        (None, None) => {
            // A value of the wrong type was reported already.
            if fields.key_span("ed25519") == fields.span()
                && fields.key_span("file") == fields.span()
            {
                ctx.error(fields.span(), "missing-key", "the key itself is missing")
                    .help("add `ed25519: \"…\"` or `file: NAME.pub`");
            }
            None
        }
    };
    let good = patterns.len();
    let may_sign: Vec<_> = patterns
        .into_iter()
        .filter(|pattern| pattern_holds(ctx, pattern))
        .collect();
    if good == 0 && fields.key_span("may-sign") != fields.span() {
        ctx.error(
            fields.key_span("may-sign"),
            "empty",
            "this key may sign nothing",
        )
        .help("name packs such as `demo/*`, or remove the key");
    }
    fields.finish();
    Some(TrustKey {
        name: name.clone(),
        key: key?,
        may_sign,
    })
}

/// DER of SubjectPublicKeyInfo with the algorithm 1.3.101.112 and 32 bytes of key (RFC 8410, section 4).
const SPKI_HEAD: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

fn ed25519(ctx: &Context<'_>, text: &Spanned<String>) -> Option<Spanned<KeySource>> {
    let help = "take the line from the `.pub` file that `greentic-pack keygen` wrote";
    let Ok(bytes) = STANDARD.decode(text.value.trim()) else {
        ctx.error(text.span, "bad-public-key", "this is not base64")
            .help(help);
        return None;
    };
    let key = bytes.strip_prefix(&SPKI_HEAD).unwrap_or(&bytes);
    let Ok(key) = <[u8; 32]>::try_from(key) else {
        ctx.error(
            text.span,
            "bad-public-key",
            "this is not an ed25519 public key",
        )
        .help(help);
        return None;
    };
    Some(Spanned::new(KeySource::Ed25519(key), text.span))
}

/// `*`, or parts of `a-z 0-9 . _ -` between slashes, the last of which may be `*`.
fn pattern_holds(ctx: &Context<'_>, pattern: &Spanned<String>) -> bool {
    let part_holds = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| {
                byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte)
            })
    };
    let body = pattern.value.strip_suffix("/*").unwrap_or(&pattern.value);
    let holds = pattern.value == "*" || body.split('/').all(part_holds);
    if !holds {
        ctx.error(
            pattern.span,
            "bad-pattern",
            format!("`{}` is no pattern of pack ids", pattern.value),
        )
        .help("write an id such as `demo/helpdesk`, or `demo/*` for all below it");
    }
    holds
}
