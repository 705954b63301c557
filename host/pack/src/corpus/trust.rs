//! Packs whose bytes are sound and whose signatures do not do.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};

use super::Case;
use crate::layout::{ENVELOPE, STATEMENT};
use crate::sample::{files, key, listed, raw_archive, ring, signed, unsigned};
use crate::{Keyring, Policy, TrustedKey, sign};

/// The signed sample with a changed envelope, written without spaces.
fn envelope(edit: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut files = files(signed());
    let mut value: Value = serde_json::from_slice(&files[ENVELOPE]).unwrap();
    edit(&mut value);
    files.insert(
        ENVELOPE.to_owned(),
        serde_json::to_vec(&value).unwrap().into(),
    );
    raw_archive(&listed(&files))
}

fn envelope_text(text: impl Into<Bytes>) -> Vec<u8> {
    let mut files = files(signed());
    files.insert(ENVELOPE.to_owned(), text.into());
    raw_archive(&listed(&files))
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The ring's one key, changed, at second 100.
fn with_key(edit: impl FnOnce(&mut TrustedKey)) -> Policy {
    let mut trusted = TrustedKey::new(
        "demo",
        key(1).verifying_key(),
        vec!["demo/*".parse().unwrap()],
    );
    edit(&mut trusted);
    let mut ring = Keyring::new();
    ring.add(trusted).unwrap();
    Policy::strict(ring).at(at(100))
}

fn two_of_two() -> Policy {
    let mut both = ring(1);
    let other = TrustedKey::new(
        "second",
        key(2).verifying_key(),
        vec!["demo/*".parse().unwrap()],
    );
    both.add(other).unwrap();
    both.require("demo/*".parse().unwrap(), 2).unwrap();
    Policy::strict(both)
}

pub(super) fn cases() -> Vec<Case> {
    let one = |name: &str| json!({ "keyid": format!("sha256:{}", name.repeat(64)), "sig": "A".repeat(86) + "==" });
    vec![
        Case::new("no signature", "unsigned", unsigned()),
        Case::new(
            "a stranger's signature",
            "unknown-signer",
            sign(unsigned(), &key(2)).unwrap(),
        ),
        Case::new("a key of an empty ring", "unknown-signer", signed())
            .under(Policy::strict(Keyring::new())),
        Case::new(
            "a stranger's signature under a known key's name",
            "bad-signature",
            {
                let stranger: Value =
                    serde_json::from_slice(&files(sign(unsigned(), &key(2)).unwrap())[ENVELOPE])
                        .unwrap();
                envelope(|value| {
                    value["signatures"][0]["sig"] = stranger["signatures"][0]["sig"].clone()
                })
            },
        ),
        Case::new(
            "a changed signature, though unsigned packs are allowed",
            "bad-signature",
            envelope(|value| value["signatures"][0]["sig"] = one("a")["sig"].clone()),
        )
        .under(Policy::allow_unsigned(ring(1))),
        Case::new("a key for other packs", "key-may-not-sign", signed()).under(with_key(|key| {
            key.may_sign = vec!["other/*".parse().unwrap()]
        })),
        Case::new("a key for no packs", "key-may-not-sign", signed())
            .under(with_key(|key| key.may_sign.clear())),
        Case::new("a key whose time is over", "key-expired", signed())
            .under(with_key(|key| key.not_after = Some(at(100)))),
        Case::new(
            "a key whose time has not come",
            "key-not-yet-valid",
            signed(),
        )
        .under(with_key(|key| key.not_before = Some(at(101)))),
        Case::new("a revoked key", "key-revoked", signed())
            .under(with_key(|key| key.revoked = Some("lost".to_owned()))),
        Case::new("one signature of two", "threshold-not-met", signed()).under(two_of_two()),
        Case::new(
            "one signature and a stranger's of two",
            "threshold-not-met",
            sign(signed(), &key(3)).unwrap(),
        )
        .under(two_of_two()),
        Case::new(
            "an envelope that is no JSON",
            "bad-envelope",
            envelope_text("hello"),
        ),
        Case::new(
            "an envelope that nests without end",
            "bad-envelope",
            envelope_text("[".repeat(100_000)),
        ),
        Case::new(
            "an envelope with one field more",
            "bad-envelope",
            envelope(|value| value["x"] = json!(1)),
        ),
        Case::new("an envelope with spaces", "bad-envelope", {
            let text = String::from_utf8(files(signed())[ENVELOPE].to_vec()).unwrap();
            envelope_text(text.replace("\":", "\": "))
        }),
        Case::new("an envelope for something else", "foreign-payload", {
            envelope(|value| value["payloadType"] = json!("application/vnd.in-toto+json"))
        }),
        Case::new(
            "an envelope nobody signed",
            "bad-envelope",
            envelope(|value| value["signatures"] = json!([])),
        ),
        Case::new("a hundred signatures", "too-many-signatures", {
            envelope(|value| value["signatures"] = json!(vec![one("a"); 100]))
        }),
        Case::new("one key twice", "signature-order", {
            envelope(|value| {
                value["signatures"] = json!([value["signatures"][0], value["signatures"][0]])
            })
        }),
        Case::new("signatures out of order", "signature-order", {
            envelope(|value| value["signatures"] = json!([one("f"), one("a")]))
        }),
        Case::new("a key without a fingerprint", "bad-envelope", {
            envelope(|value| value["signatures"][0]["keyid"] = json!("demo"))
        }),
        Case::new("a signature that is too short", "bad-envelope", {
            envelope(|value| value["signatures"][0]["sig"] = json!("AAAA"))
        }),
        Case::new(
            "a payload that is no base64",
            "bad-envelope",
            envelope(|value| value["payload"] = json!("*")),
        ),
        Case::new("another statement than was signed", "statement-differs", {
            let mut files = files(signed());
            let text = String::from_utf8(files[STATEMENT].to_vec()).unwrap();
            files.insert(STATEMENT.to_owned(), text.replace("1.2.3", "1.2.4").into());
            raw_archive(&listed(&files))
        }),
    ]
}

#[test]
fn two_keys_meet_a_threshold_of_two_and_the_result_names_both() {
    let bytes = sign(signed(), &key(2)).unwrap();
    let pack = crate::Pack::open(bytes, &two_of_two()).unwrap();
    let text = pack.trust().to_string();
    assert!(
        text.contains("`demo`") && text.contains("`second`") && text.contains("2 were needed"),
        "{text}"
    );
}

#[test]
fn a_stranger_beside_a_trusted_key_changes_nothing() {
    let both = sign(signed(), &key(9)).unwrap();
    let pack = crate::Pack::open(both, &Policy::strict(ring(1))).unwrap();
    assert!(pack.trust().is_trusted());
    let alone = crate::Pack::open(signed(), &Policy::strict(ring(1))).unwrap();
    assert_eq!(pack.content_digest(), alone.content_digest());
    assert_ne!(pack.digest(), alone.digest());
}

#[test]
fn when_unsigned_packs_are_allowed_the_result_still_tells_who_is_trusted() {
    let open = |bytes: Vec<u8>| {
        crate::Pack::open(bytes, &Policy::allow_unsigned(ring(1)))
            .unwrap()
            .trust()
            .clone()
    };
    assert!(open(signed()).is_trusted());
    assert_eq!(open(unsigned()), crate::Trust::Unsigned);
    let stranger = open(sign(unsigned(), &key(2)).unwrap());
    assert!(
        !stranger.is_trusted() && stranger.to_string().starts_with("NOT TRUSTED"),
        "{stranger}"
    );
}
