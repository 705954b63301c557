//! Mutated activities of every shape through the whole of `ingress`.
//!
//! `GREENTIC_FUZZ_CASES` sets the number of cases. They follow from a fixed seed, so that a failure comes again.

use greentic_conformance::fuzz::{self, Dice};
use greentic_sdk::channel::IngressError;
use serde_json::{Value, json};

use crate::testing::{
    APP, NOW, Platform, SERVICE, activity, authorization, claims, in_channel, install, request,
    settings,
};

/// One of every kind, with most fields there are.
fn shapes() -> Vec<Value> {
    let mention = json!({"type": "mention", "mentioned": {"id": format!("28:{APP}"), "name": "Help Desk"}, "text": "<at>Help Desk</at>"});
    let invoke = |name: &str, value: Value| {
        activity(json!({"type": "invoke", "name": name, "value": value, "text": null}))
    };
    vec![
        activity(json!({})),
        activity(
            json!({"conversation": in_channel(), "text": "<at>Help Desk</at> hi", "entities": [mention, {"type": "clientInfo", "locale": "en"}]}),
        ),
        activity(json!({"text": null, "value": {"a": [1, {"b": null}]}, "replyToId": "16"})),
        activity(json!({"attachments": [
            {"contentType": "application/vnd.microsoft.teams.file.download.info", "name": "a.pdf", "content": {"downloadUrl": "https://c.sharepoint.com/d", "fileType": "pdf"}},
            {"contentType": "image/*", "contentUrl": format!("{SERVICE}v3/attachments/1/views/original")},
            {"contentType": "text/html", "content": "<p>x</p>"}
        ]})),
        activity(json!({"type": "messageUpdate", "channelData": {"eventType": "editMessage"}})),
        activity(json!({"type": "messageDelete"})),
        activity(
            json!({"type": "messageReaction", "replyToId": "16", "reactionsAdded": [{"type": "like"}], "reactionsRemoved": [{"type": "x"}]}),
        ),
        activity(
            json!({"type": "conversationUpdate", "membersAdded": [{"id": "29:a", "name": "A"}], "membersRemoved": [{"id": "29:b"}], "channelData": {"eventType": "teamMemberAdded"}}),
        ),
        activity(
            json!({"type": "conversationUpdate", "channelData": {"eventType": "teamRenamed", "team": {"id": "t"}}}),
        ),
        activity(json!({"type": "installationUpdate", "action": "add"})),
        activity(json!({"type": "typing", "id": null})),
        activity(
            json!({"type": "event", "name": "application/vnd.microsoft.readReceipt", "value": {"lastReadMessageId": "1"}}),
        ),
        activity(json!({"type": "endOfConversation"})),
        invoke(
            "adaptiveCard/action",
            json!({"action": {"type": "Action.Execute", "verb": "v", "data": {"a": 1}}, "trigger": "manual"}),
        ),
        invoke(
            "task/fetch",
            json!({"data": {"dialog": {"title": "t", "card": {"type": "AdaptiveCard"}}}}),
        ),
        invoke("task/submit", json!({"data": {"x": "y"}})),
        invoke(
            "fileConsent/invoke",
            json!({"action": "accept", "context": {"file": "d"}, "uploadInfo": {"uploadUrl": "https://c.sharepoint.com/u"}}),
        ),
        invoke("composeExtension/submitAction", json!({"data": {}})),
        invoke("signin/tokenExchange", json!({"id": "1", "token": "t"})),
    ]
}

/// Texts that mean something to the channel.
const WORDS: [&str; 6] = [
    ";messageid=",
    "<at></at>&nbsp;",
    "msteams",
    "invoke",
    "type",
    "value",
];

/// A body: mostly a changed activity, sometimes bytes that are hardly one.
fn body(shapes: &[Value], dice: &mut Dice) -> Vec<u8> {
    let mut value = shapes[dice.below(shapes.len())].clone();
    for _ in 0..dice.below(5) {
        fuzz::disturb(&mut value, dice, &WORDS);
    }
    // Most keep the address the token names, or nothing behind the check would ever be reached.
    if !dice.once_in(10) && value.is_object() {
        value["serviceUrl"] = json!(SERVICE);
        value["channelId"] = json!("msteams");
    }
    let mut bytes = value.to_string().into_bytes();
    if dice.once_in(12) {
        for _ in 0..=dice.below(4) {
            fuzz::disturb_bytes(&mut bytes, dice);
        }
    }
    bytes
}

/// An authorization; whether it is the good one.
fn authorizations(good: &str, dice: &mut Dice) -> (String, bool) {
    if !dice.once_in(8) {
        return (good.to_owned(), true);
    }
    let at = dice.below(good.len());
    let mut other = good.to_owned();
    match dice.below(3) {
        0 => other.truncate(at),
        1 => other.insert(at, 'A'),
        _ => {
            other.remove(at);
        }
    }
    (other, false)
}

#[test]
fn fuzz_ingress() {
    let cases = fuzz::cases();
    let (settings, shapes) = (settings(), shapes());
    let good = authorization(&claims());
    let (mut taken, mut events, mut malformed, mut unverified) = (0_u64, 0_u64, 0_u64, 0_u64);
    for case in 0..cases {
        if case % 5_000 == 0 {
            // The stand-in's memory and its list of requests would grow for ever.
            install(Platform::default());
        }
        let mut dice = Dice::of_case(case);
        let (authorization, is_good) = authorizations(&good, &mut dice);
        let bytes = body(&shapes, &mut dice);
        let request = request(&[&authorization], bytes);
        match crate::ingress::ingress(&settings, &request, NOW) {
            Ok(outcome) => {
                assert!(is_good, "case {case}: a token that was changed was taken");
                assert!((200..500).contains(&outcome.response.status), "case {case}");
                assert!(outcome.events.len() <= 1_000, "case {case}");
                for event in &outcome.events {
                    assert!(!event.id.is_empty() && event.id.len() <= 512, "case {case}");
                    assert!(event.dedupe_key.len() <= 512, "case {case}");
                    assert!(!event.conversation.id.is_empty(), "case {case}");
                }
                let said = outcome.malformed.is_some();
                assert!(
                    said || !outcome.events.is_empty() || outcome.ignored > 0,
                    "case {case}: neither an event nor ignored nor malformed"
                );
                taken += 1;
                events += outcome.events.len() as u64;
                malformed += u64::from(said);
            }
            Err(IngressError::Unverified(_)) => unverified += 1,
            // A consent whose file is not there to upload.
            Err(IngressError::Unavailable(_)) => {}
            Err(error) => panic!("case {case}: {error:?}"),
        }
    }
    // The cases reach what they are for.
    let share = |count: u64| count * 100 / cases.max(1);
    assert!(cases > 0);
    assert!(
        share(taken) > 50 && share(events) > 20,
        "{taken} taken, {events} events"
    );
    assert!(
        share(malformed) > 3 && share(unverified) > 5,
        "{malformed} malformed, {unverified} unverified"
    );
}
