//! `trust`: whose packs are accepted.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use greentic_diagnostics::Spanned;

use super::paths;
use crate::model::{KeySource, Threshold, Trust, TrustKey};
use crate::shape::{Context, Field, Fields, Kind, Shape, field, required};

const KEYS: Field = field("keys", Kind::Named(&KEY), "Keys by a name of your choice.");

pub(crate) static TRUST: Shape = Shape {
    name: "trust",
    doc: "Whose packs are accepted. Without a key no pack is, unless unsigned ones are allowed.",
    fields: &[
        KEYS,
        field(
            "require",
            Kind::Tables(&REQUIRE),
            "How many different keys must have signed which packs; one is enough where nothing is said.",
        ),
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

static REQUIRE: Shape = Shape {
    name: "threshold",
    doc: "A number of different keys that must have signed some packs.",
    fields: &[
        required(
            "packs",
            Kind::Text,
            "Ids of packs, such as `demo/helpdesk` or `demo/*`.",
        ),
        required("signatures", Kind::Number, "How many keys, from 1 to 16."),
    ],
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
        field(
            "not-before",
            Kind::Text,
            "The day (UTC, `2026-01-31`) before which its signatures do not count.",
        ),
        field(
            "not-after",
            Kind::Text,
            "The day (UTC, `2026-01-31`) from whose end on its signatures do not count.",
        ),
        field(
            "revoked",
            Kind::Text,
            "Why its signatures do not count any more. Leave a revoked key in, so that a refusal can say this.",
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
        require: if host {
            fields
                .tables("require")
                .into_iter()
                .filter_map(threshold)
                .collect()
        } else {
            Vec::new()
        },
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
    let day = |key| {
        let text = fields.filled(key)?;
        Some((day(ctx, &text)?, text.span))
    };
    let (not_before, last_day) = (day("not-before"), day("not-after"));
    let not_after = last_day.map(|(start, _)| start + Duration::from_secs(24 * 60 * 60));
    if let (Some((from, _)), Some(until), Some((_, span))) = (not_before, not_after, last_day)
        && until <= from
    {
        ctx.error(span, "contradiction", "the key would never be valid")
            .help("`not-after` is the last day, and must not lie before `not-before`");
    }
    let revoked = fields.filled("revoked");
    fields.finish();
    Some(TrustKey {
        name: name.clone(),
        key: key?,
        may_sign,
        not_before: not_before.map(|(start, _)| start),
        not_after,
        revoked,
    })
}

fn threshold(fields: Fields<'_, '_>) -> Option<Threshold> {
    let ctx = fields.ctx;
    let packs = fields
        .filled("packs")
        .filter(|text| pattern_holds(ctx, text));
    let signatures = fields.number("signatures", 1.0..=16.0);
    fields.finish();
    let signatures = signatures?;
    let Some(number) = (1_usize..=16).find(|number| {
        let number = u32::try_from(*number).unwrap_or(0);
        (f64::from(number) - signatures.value).abs() < f64::EPSILON
    }) else {
        ctx.error(
            signatures.span,
            "not-whole",
            "a number of keys is a whole number",
        );
        return None;
    };
    Some(Threshold {
        packs: packs?,
        signatures: number,
    })
}

/// The start of a day in UTC, from `YYYY-MM-DD`.
fn day(ctx: &Context<'_>, text: &Spanned<String>) -> Option<SystemTime> {
    let start = parse_day(text.value.trim());
    if start.is_none() {
        ctx.error(
            text.span,
            "bad-date",
            format!("`{}` is not a day", text.value),
        )
        .help("write it as `2026-01-31`");
    }
    start
}

fn parse_day(text: &str) -> Option<SystemTime> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let holds = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        holds.then(|| part.parse::<u64>().ok()).flatten()
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let index = usize::try_from(month.checked_sub(1)?).ok()?;
    let length = *lengths.get(index)?;
    if parts.next().is_some() || year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let years = (year - 1970) * 365 + leaps(year - 1) - leaps(1969);
    let months: u64 = lengths.iter().take(index).sum();
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs((years + months + day - 1) * 24 * 60 * 60))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_from_1970_and_what_is_none_is_refused() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("1972-03-01", 68_256_000),
            ("2000-02-29", 951_782_400),
            ("2026-11-25", 1_795_564_800),
            ("2100-03-01", 4_107_542_400),
        ] {
            let expected = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(parse_day(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "2026",
            "2026-13-01",
            "2026-00-10",
            "2026-02-29",
            "2100-02-29",
            "2026-1-1",
            "1969-12-31",
            "2026-01-01-01",
            "2026-01-+1",
        ] {
            assert_eq!(parse_day(wrong), None, "{wrong}");
        }
    }
}
