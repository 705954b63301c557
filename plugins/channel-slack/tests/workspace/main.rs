//! The channel against a simulated workspace: what people do arrives, what the bot says is seen, and nothing breaks Slack's own limits.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod bench;
mod forms;
mod random;

use channel_slack::Slack;
use greentic_conformance::platform::{Act, Action, Author, File, Place, Signing, Style};
use greentic_sdk::channel::{Channel, IngressError, Request, Surface};
use greentic_sdk::model::{Attachment, Edit, EventBody, Header, Outbound, OutboundBody, Reaction};
use serde_json::{Value, json};

use crate::bench::{API, ORIGIN, WEBHOOK, ada, adaptive, bench};

#[test]
fn a_talk_goes_back_and_forth_in_place_and_thread() {
    let bench = bench();
    let channel = Act {
        user: "ada".into(),
        place: Place::Channel("general".into()),
        action: Action::Say("a <b> & *c*".into()),
    };
    let (done, event) = bench.one(&channel);
    assert_eq!(
        (event.said(), event.sender.name.as_deref()),
        (Some("a <b> & *c*"), Some("ada"))
    );
    bench.deliver(
        Outbound::text(&event.conversation, "<!channel> *stars* & more")
            .answering(done.message.unwrap()),
    );
    let shown = bench.seen(&channel.place, "bob").pop().unwrap();
    assert_eq!(
        (
            shown.text.as_str(),
            shown.styles.len(),
            shown.thread.as_deref()
        ),
        ("<!channel> *stars* & more", 0, Some(event.id.as_str()))
    );
    let (done, event) = bench.one(&Act {
        action: Action::Reply {
            to: shown.id.clone(),
            text: "thanks".into(),
        },
        ..channel
    });
    assert_eq!(event.conversation.thread, done.conversation.thread);
    bench.deliver(Outbound::markdown(
        &event.conversation,
        "**you** are welcome, see [this](https://x.example)",
    ));
    let shown = bench
        .seen(&Place::Channel("general".into()), "ada")
        .pop()
        .unwrap();
    assert_eq!(shown.text, "you are welcome, see this");
    assert_eq!(
        shown.styles,
        [
            (Style::Strong, "you".into()),
            (Style::Link("https://x.example".into()), "this".into())
        ]
    );
    assert_eq!(shown.thread, done.conversation.thread);
    bench.clean();
}

#[test]
fn files_come_and_go() {
    let bench = bench();
    let file = File {
        name: "order.pdf".into(),
        content_type: "application/pdf".into(),
        bytes: b"%PDF".to_vec(),
    };
    let (_, event) = bench.one(&ada(Action::SendFile {
        file,
        text: "the order".into(),
    }));
    let EventBody::Message(message) = &event.body else {
        panic!("{event:?}")
    };
    let url = message.attachments[0].url.clone().unwrap();
    let rest = url.strip_prefix(&format!("{ORIGIN}{API}")).unwrap();
    let (path, query) = rest.split_once('?').unwrap();
    let served = Slack::ingress(Request {
        surface: Surface::Api,
        method: "GET".into(),
        origin: ORIGIN.into(),
        base: API.into(),
        path: path.into(),
        query: Some(query.into()),
        headers: Vec::new(),
        body: Vec::new(),
    });
    assert_eq!(served.unwrap().response.body, b"%PDF");
    let attachment = Attachment {
        name: "in voice.txt".into(),
        content_type: "text/plain".into(),
        url: None,
        content: Some(b"12 francs".to_vec()),
        size: None,
    };
    bench.deliver(Outbound::new(
        &event.conversation,
        OutboundBody::Attachment(attachment),
    ));
    let shown = bench.last();
    assert_eq!(
        (
            shown.files[0].name.as_str(),
            shown.files[0].bytes.as_slice()
        ),
        ("in voice.txt", b"12 francs".as_slice())
    );
    bench.clean();
}

#[test]
fn what_was_said_is_changed_deleted_and_reacted_to_from_both_sides() {
    let bench = bench();
    let (done, event) = bench.one(&ada(Action::Say("first".into())));
    let hers = done.message.unwrap();
    let sent = bench
        .deliver(Outbound::text(&event.conversation, "one"))
        .message_ids
        .remove(0);
    let say = |body: OutboundBody| bench.deliver(Outbound::new(&event.conversation, body));
    let react = |id: &str, added: bool| {
        say(OutboundBody::Reaction(Reaction {
            message_id: id.into(),
            emoji: "🎉".into(),
            added,
        }))
    };
    react(&hers, true);
    let reactions = || {
        bench.simulation.screen(&Place::Direct, "ada").messages[0]
            .reactions
            .clone()
    };
    assert_eq!(reactions(), [("🎉".to_owned(), Author::Bot)]);
    react(&hers, false);
    assert!(reactions().is_empty());
    say(OutboundBody::Edit(Edit {
        message_id: sent.clone(),
        text: "**two**".into(),
    }));
    assert_eq!(
        (bench.last().text.as_str(), bench.last().edited),
        ("two", true)
    );
    let (_, liked) = bench.one(&ada(Action::React {
        message: sent.clone(),
        emoji: "👍".into(),
        added: true,
    }));
    assert_eq!(
        liked.body,
        EventBody::Reaction(Reaction {
            message_id: sent.clone(),
            emoji: "👍".into(),
            added: true
        })
    );
    say(OutboundBody::Delete(sent));
    assert!(bench.seen(&Place::Direct, "ada").is_empty());
    let (_, changed) = bench.one(&ada(Action::Edit {
        message: hers.clone(),
        text: "second".into(),
    }));
    assert_eq!(
        changed.body,
        EventBody::Edited(Edit {
            message_id: hers.clone(),
            text: "second".into()
        })
    );
    let (_, gone) = bench.one(&ada(Action::Delete {
        message: hers.clone(),
    }));
    assert_eq!(gone.body, EventBody::Deleted(hers));
    bench.clean();
}

#[test]
fn what_is_for_one_person_is_seen_by_that_person_also_where_it_answers_a_command() {
    let bench = bench();
    let place = Place::Group("team".into());
    bench.told(&Act {
        user: "bob".into(),
        place: place.clone(),
        action: Action::Say("hi".into()),
    });
    let (_, said) = bench.one(&Act {
        user: "ada".into(),
        place: place.clone(),
        action: Action::Say("hi".into()),
    });
    let for_ada = |text: &str| Outbound {
        only_for: Some(said.sender.id.clone()),
        ..Outbound::text(&said.conversation, text)
    };
    bench.deliver(for_ada("by the bot itself"));
    let command = Action::Command {
        name: "order".into(),
        arguments: "two <pizzas>".into(),
    };
    let (_, event) = bench.one(&Act {
        user: "ada".into(),
        place: place.clone(),
        action: command,
    });
    let EventBody::Command(command) = &event.body else {
        panic!("{event:?}")
    };
    assert_eq!(
        (command.name.as_str(), command.arguments.as_str()),
        ("order", "two <pizzas>")
    );
    for number in 0..7 {
        bench.deliver(for_ada(&format!("answer {number}")));
    }
    let seen = |user: &str| {
        bench
            .seen(&place, user)
            .into_iter()
            .map(|shown| shown.text)
            .collect::<Vec<_>>()
    };
    assert_eq!(seen("bob"), Vec::<String>::new());
    assert_eq!(
        seen("ada").len(),
        8,
        "five by the command's address, the others by the bot itself"
    );
    bench.clean();
}

#[test]
fn the_bot_is_seen_at_work_in_a_thread_of_the_assistant() {
    let bench = bench();
    let (_, opened) = bench.one(&ada(Action::Join));
    assert!(matches!(opened.body, EventBody::Joined(_)));
    let receipt = bench.deliver(Outbound::typing(&opened.conversation));
    assert!(receipt.downgrades.is_empty());
    let typing = || bench.simulation.screen(&Place::Direct, "ada").typing;
    assert!(typing());
    bench.deliver(Outbound::text(&opened.conversation, "Here I am"));
    assert!(!typing());
    bench.clean();
}

#[test]
fn a_long_text_and_a_long_card_are_seen_whole_and_in_order() {
    let bench = bench();
    let event = bench.open();
    let words: Vec<String> = (0..2_000).map(|number| format!("w{number}")).collect();
    bench.deliver(Outbound::text(&event.conversation, words.join(" ")));
    let seen: Vec<String> = bench
        .seen(&Place::Direct, "ada")
        .iter()
        .flat_map(|shown| {
            shown
                .text
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(seen, words);
    let body: Vec<Value> = (0..120).map(|number| json!({"type": "TextBlock", "text": format!("line *{number}* {}", "x".repeat(150))})).collect();
    let receipt = bench
        .attempt(
            "d2",
            Outbound::card(
                &event.conversation,
                adaptive(json!(body), json!([])).to_string(),
                "Lines",
            ),
        )
        .unwrap();
    assert!(receipt.message_ids.len() > 2);
    let text: String = bench
        .seen(&Place::Direct, "ada")
        .iter()
        .map(|shown| shown.text.clone() + "\n")
        .collect();
    assert!((0..120).all(|number| text.contains(&format!("line {number} "))));
    bench.clean();
}

#[test]
fn what_only_looks_like_slack_is_refused_and_what_slack_sends_besides_is_acknowledged() {
    let bench = bench();
    let platform = bench.simulation.platform();
    let done = bench
        .simulation
        .compose(&ada(Action::Say("hello".into())))
        .unwrap();
    for signing in platform.forgeries() {
        let mut webhook = done.webhooks[0].clone();
        if signing == Signing::Altered {
            // Signed as it was, sent as it is: the body is changed after the signature is made.
            platform.sign(
                &mut webhook,
                Signing::Honest,
                bench.simulation.desk().now_ms(),
            );
            webhook.body.push(b' ');
            let headers = webhook
                .headers
                .iter()
                .map(|(name, value)| Header::new(name, value))
                .collect();
            let outcome = Slack::ingress(Request {
                surface: Surface::Webhook,
                method: "POST".into(),
                origin: ORIGIN.into(),
                base: WEBHOOK.into(),
                path: String::new(),
                query: None,
                headers,
                body: webhook.body,
            });
            assert!(
                matches!(outcome, Err(IngressError::Unverified(_))),
                "{signing:?}"
            );
            continue;
        }
        let outcome = bench.post(&webhook, signing);
        assert!(
            matches!(outcome, Err(IngressError::Unverified(_))),
            "{signing:?}: {outcome:?}"
        );
    }
    for webhook in platform.unknown().iter().chain(&platform.uninteresting()) {
        let outcome = bench.post(webhook, Signing::Honest).unwrap();
        assert_eq!(
            (
                outcome.response.status,
                outcome.events.len(),
                outcome.ignored,
                &outcome.malformed
            ),
            (200, 0, 1, &None),
            "{}",
            webhook.key
        );
    }
    for webhook in platform.malformed() {
        let outcome = bench.post(&webhook, Signing::Honest).unwrap();
        assert!(
            outcome.response.status == 200
                && outcome.malformed.is_some()
                && outcome.events.is_empty(),
            "{}",
            webhook.key
        );
    }
    for handshake in platform.handshakes() {
        let outcome = bench.post(&handshake.webhook, handshake.signing);
        assert_eq!(
            outcome.ok().map(|outcome| outcome.response.body),
            handshake.answer,
            "{}",
            handshake.name
        );
    }
    bench.clean();
}
