//! What is let in, and what is remembered of it.

use greentic_sdk::channel::IngressError;
use greentic_sdk::model::{EventBody, Header, Message, Postback};
use greentic_sdk::native::{Host, Table, set_clock};
use greentic_sdk::secret::SecretError;
use serde_json::json;

use crate::choice::{self, Meant};
use crate::testing::{
    APP_SECRET, NOW_MS, body, event, one, post, serve, signature, signed, table, take, with,
};
use crate::{form, peer, progress};

fn text(id: &str) -> Vec<u8> {
    one(id, json!({"type": "text", "text": {"body": "hi"}}))
        .to_string()
        .into_bytes()
}

#[test]
fn only_what_the_app_secret_signed_is_let_in() {
    let settings = with(table());
    let said = text("wamid.1");
    let honest = signature(APP_SECRET, &said);
    let unverified = |signature: Option<&str>, body: &[u8]| {
        matches!(
            serve(&settings, &post(body, signature)),
            Err(IngressError::Unverified(_))
        )
    };
    assert!(!unverified(Some(&honest), &said));
    assert!(unverified(None, &said), "missing");
    assert!(unverified(Some(""), &said), "empty");
    assert!(unverified(Some("sha256="), &said));
    assert!(
        unverified(Some(&honest[..honest.len() - 2]), &said),
        "truncated"
    );
    assert!(unverified(Some(&honest[7..]), &said), "without its prefix");
    assert!(
        unverified(Some(&honest.replace("sha256", "sha1")), &said),
        "another method"
    );
    assert!(unverified(Some(&format!("{honest}00")), &said), "too long");
    assert!(
        unverified(Some(&signature(b"another key", &said)), &said),
        "wrong key"
    );
    assert!(
        unverified(Some(&signature(b"", &said)), &said),
        "the empty key"
    );
    for at in [0, said.len() / 2, said.len() - 1] {
        let mut altered = said.clone();
        altered[at] ^= 1;
        assert!(unverified(Some(&honest), &altered), "altered at {at}");
    }
    assert!(
        unverified(Some(&honest), &[said.as_slice(), b" "].concat()),
        "longer"
    );
    let mut twice = signed(&said);
    twice
        .headers
        .push(Header::new(super::SIGNATURE, "sha256=00"));
    assert!(matches!(
        serve(&settings, &twice),
        Err(IngressError::Unverified(_))
    ));
}

#[test]
fn the_signature_is_over_the_bytes_as_they_came() {
    let settings = with(table());
    // The platform escapes what is not ASCII and leaves blanks as it likes: written again it would be other bytes.
    let raw = String::from_utf8(text("wamid.1")).unwrap();
    let raw = raw
        .replace("\"hi\"", r#""Gr\u00fc\u00dfe \ud83d\ude00" "#)
        .replace(':', " :  ");
    let outcome = serve(&settings, &signed(raw.as_bytes())).unwrap();
    assert_eq!(
        outcome.events[0].body,
        EventBody::Message(Message::plain("Grüße 😀"))
    );
    // RFC 4231, test case 2, as the header has it.
    let settings = with(
        Table::new()
            .config("phone-number-id", "1")
            .secret("whatsapp/app-secret", b"Jefe"),
    );
    let vector = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    let outcome = serve(
        &settings,
        &post(b"what do ya want for nothing?", Some(vector)),
    )
    .unwrap();
    assert!(outcome.malformed.is_some(), "verified, and no notification");
}

#[test]
fn without_its_secret_the_channel_lets_nobody_in() {
    let said = text("wamid.1");
    for (table, key) in [
        (Table::new().config("phone-number-id", "1"), &b""[..]),
        (
            Table::new()
                .config("phone-number-id", "1")
                .secret("whatsapp/app-secret", b""),
            b"",
        ),
        (table().config("app-secret", "another/name"), APP_SECRET),
    ] {
        let settings = with(table);
        let refused = serve(&settings, &post(&said, Some(&signature(key, &said))));
        assert!(
            matches!(refused, Err(IngressError::Unverified(_))),
            "{refused:?}"
        );
    }
    assert!(matches!(
        IngressError::from(crate::secrets::Closed::Unavailable("later".into())),
        IngressError::Unavailable(_)
    ));
}

#[test]
fn what_comes_again_has_the_same_keys_and_changes_nothing() {
    let settings = with(table());
    let first = take(
        &settings,
        &one("wamid.1", json!({"type": "text", "text": {"body": "hi"}})),
    );
    set_clock(NOW_MS + 6 * 24 * 3_600_000);
    let again = take(
        &settings,
        &one("wamid.1", json!({"type": "text", "text": {"body": "hi"}})),
    );
    assert_eq!(first.events, again.events);
    assert_eq!(peer::last("CH.1001").unwrap().unwrap().at_ms, NOW_MS);
}

#[test]
fn who_wrote_when_is_remembered_and_edits_do_not_count() {
    let settings = with(table());
    event(
        &settings,
        "wamid.1",
        json!({"type": "text", "text": {"body": "hi"}}),
    );
    let heard = peer::last("CH.1001").unwrap().unwrap();
    assert_eq!(
        (
            heard.at_ms,
            heard.message_id.as_str(),
            heard.wa_id.as_deref(),
            heard.name.as_deref()
        ),
        (NOW_MS, "wamid.1", Some("41790001"), Some("Ada"))
    );
    let later = "1790000500";
    event(
        &settings,
        "wamid.2",
        json!({"timestamp": later, "type": "revoke", "revoke": {"original_message_id": "wamid.1"}}),
    );
    assert_eq!(
        peer::last("CH.1001").unwrap().unwrap().message_id,
        "wamid.1"
    );
    event(
        &settings,
        "wamid.3",
        json!({"timestamp": later, "type": "reaction", "reaction": {"message_id": "x", "emoji": "👍"}}),
    );
    assert_eq!(
        peer::last("CH.1001").unwrap().unwrap().message_id,
        "wamid.3"
    );
}

#[test]
fn a_long_choice_comes_back_from_the_memory() {
    let settings = with(table());
    let data = json!({"text": "y".repeat(500)}).to_string();
    let encoded = choice::encode(0, &Meant::Data(data.clone()));
    let (key, content) = encoded.keep.unwrap();
    form::keep_choice(&key, &content).unwrap();
    let pressed = json!({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": encoded.id, "title": "Yes"}}});
    assert_eq!(
        body(&settings, "wamid.1", pressed),
        EventBody::Postback(Postback {
            data,
            text: Some("Yes".into()),
            message_id: None
        })
    );
}

#[test]
fn a_written_answer_is_the_forms_and_a_pressed_button_is_not() {
    let settings = with(table());
    let asked = form::Form {
        data: serde_json::Map::new(),
        questions: vec![form::Question {
            id: "name".into(),
            label: "Name".into(),
            required: true,
            default: None,
            kind: form::Kind::Text { max: None },
        }],
        message_id: Some("wamid.form".into()),
        answered_by: None,
    };
    form::ask("CH.1001", &asked).unwrap();
    let pressed = json!({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "0t:Cancel", "title": "Cancel"}}});
    assert_eq!(
        body(&settings, "wamid.1", pressed),
        EventBody::Message(Message::plain("Cancel"))
    );
    let written = json!({"type": "text", "text": {"body": "Ada"}});
    assert_eq!(
        body(&settings, "wamid.2", written.clone()),
        EventBody::Postback(Postback {
            data: r#"{"name":"Ada"}"#.into(),
            text: Some("Ada".into()),
            message_id: Some("wamid.form".into())
        })
    );
    assert_eq!(
        body(&settings, "wamid.3", written),
        EventBody::Message(Message::plain("Ada"))
    );
}

#[test]
fn a_status_confirms_the_message_whose_answer_never_came() {
    let settings = with(table());
    let status = crate::testing::notification(crate::testing::value(json!({"statuses": [
        {"id": "wamid.s", "status": "sent", "timestamp": "1790000000", "recipient_id": "41790001", "biz_opaque_callback_data": "d-1#2"}
    ]})));
    take(&settings, &status);
    assert_eq!(progress::taken("d-1#2"), Ok(Some("wamid.s".into())));
    assert_eq!(progress::taken("d-1"), Ok(None));
}

#[test]
fn a_status_with_the_windows_error_closes_the_window() {
    let settings = with(table());
    event(
        &settings,
        "wamid.1",
        json!({"type": "text", "text": {"body": "hi"}}),
    );
    let open = || {
        peer::window_is_open(
            "CH.1001",
            peer::last("CH.1001").unwrap().as_ref(),
            NOW_MS + 2000,
        )
        .unwrap()
    };
    assert!(open());
    let failed = crate::testing::notification(crate::testing::value(json!({"statuses": [
        {"id": "wamid.s", "status": "failed", "timestamp": "1790000001", "recipient_id": "41790001", "errors": [{"code": 131_047, "title": "Re-engagement message"}]}
    ]})));
    take(&settings, &failed);
    assert!(!open());
}

#[test]
fn a_memory_that_is_away_makes_the_platform_send_it_again() {
    struct Away(Table);
    impl Host for Away {
        fn config(&self, key: &str) -> Option<String> {
            Host::config(&self.0, key)
        }
        fn secret(&self, name: &str) -> Result<Vec<u8>, SecretError> {
            Host::secret(&self.0, name)
        }
    }
    greentic_sdk::native::install(Away(table()));
    let settings = crate::settings::Settings::read().unwrap();
    let refused = serve(&settings, &signed(&text("wamid.1")));
    assert!(
        matches!(refused, Err(IngressError::Unavailable(_))),
        "{refused:?}"
    );
}

#[test]
fn a_reaction_that_is_taken_away_is_the_one_that_was_set() {
    let settings = with(table());
    let reaction = |emoji: &str| {
        let fields =
            json!({"type": "reaction", "reaction": {"message_id": "wamid.r", "emoji": emoji}});
        match body(&settings, "wamid.1", fields) {
            EventBody::Reaction(reaction) => (reaction.emoji, reaction.added),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(
        reaction(""),
        (String::new(), false),
        "one that was never seen"
    );
    assert_eq!(reaction("👍"), ("👍".to_owned(), true));
    assert_eq!(reaction("❤"), ("❤".to_owned(), true));
    assert_eq!(reaction(""), ("❤".to_owned(), false));
}
