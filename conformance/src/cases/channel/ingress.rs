//! Reading: everything of a webhook that is of interest becomes an event once, and nothing else stops anything.

use std::collections::HashSet;

use greentic_interfaces::imports::greentic::channel::types::IngressOutcome;
use greentic_interfaces::model::{ConversationKind, Event, EventBody};

use super::talk::{ADA, Bench, Talk, ada};
use crate::case::{Stop, Verdict, ensure};
use crate::platform::{Act, Action, Done, Place, Signing, Webhook};
use crate::sandbox::Told;

crate::cases::cases! {
    "channel.ingress.message.text", "A person's text becomes one message with the platform's identifiers of message, conversation and sender.", said;
    "channel.ingress.message.letters", "Every letter of a text arrives as it was written: other scripts, emoji, marks of formatting, line breaks.", letters;
    "channel.ingress.message.group", "A message in a group comes from a conversation that is not direct, without the mention that the platform needed.", group;
    "channel.ingress.dedupe.same", "A webhook that is sent again, also twice at once, has the same dedupe key.", same_key;
    "channel.ingress.dedupe.different", "Two messages with the same text have different dedupe keys and identifiers.", different_keys;
    "channel.ingress.dedupe.kinds", "A message, its edit and its deletion have different dedupe keys.", kinds;
    "channel.ingress.batch", "Every message of a webhook that has several becomes an event, in order.", batch;
    "channel.ingress.unknown", "An authentic webhook of an unknown kind is acknowledged with 2xx, gives no event and is counted.", |b| passes_by(b, false);
    "channel.ingress.uninteresting", "What is of no interest, such as the echo of the bot's own message, is acknowledged with 2xx, gives no event and is counted.", |b| passes_by(b, true);
    "channel.ingress.malformed", "An authentic webhook that cannot be read is acknowledged with 2xx and called malformed, so that the platform does not send it for ever.", malformed;
    "channel.ingress.mutations", "No authentic webhook, however its body is cut or its values are changed, is a fault or an error of the channel.", mutations;
}

/// The one event's message, with the platform's identifiers.
fn checked(done: &Done, event: &Event, text: &str) -> Verdict {
    let EventBody::Message(message) = &event.body else {
        return Err(Stop::Failed(format!("a message became {:?}", event.body)));
    };
    ensure(message.text == text, || {
        format!("{text:?} was written and {:?} arrived", message.text)
    })?;
    let expected = [
        ("event", done.message.clone().unwrap_or_default(), &event.id),
        (
            "conversation",
            done.conversation.id.clone(),
            &event.conversation.id,
        ),
        ("sender", done.sender.clone(), &event.sender.id),
    ];
    for (what, expected, got) in expected {
        ensure(expected == *got, || {
            format!(
                "the platform's identifier of the {what} is `{expected}`, and the channel's is `{got}`"
            )
        })?;
    }
    ensure(
        event.conversation.thread == done.conversation.thread,
        || {
            format!(
                "the thread is {:?} and not {:?}",
                event.conversation.thread, done.conversation.thread
            )
        },
    )?;
    ensure(!event.sender.is_bot, || "a person is called a bot".into())
}

fn said(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (done, event) = talk.one(&ada(Action::Say("Where is my order?".into())))?;
    checked(&done, &event, "Where is my order?")?;
    ensure(event.conversation.kind == ConversationKind::Direct, || {
        format!(
            "a conversation with one person is called {:?}",
            event.conversation.kind
        )
    })?;
    let drift = event.time_ms.abs_diff(talk.simulation.desk().now_ms());
    ensure(drift < 60_000, || {
        format!("the event's time is {drift} ms beside the platform's clock")
    })
}

fn letters(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    for text in [
        "Grüße aus Zürich, 日本語, שלום",
        "👩‍👩‍👧 and 🇨🇭 and e\u{301}",
        "a < b & b > c, \"quoted\", 100 %, C:\\temp",
        "first line\nsecond line",
        "*not bold* _not italic_ `not code`",
    ] {
        let (done, event) = talk.one(&ada(Action::Say(text.into())))?;
        checked(&done, &event, text)?;
    }
    Ok(())
}

fn group(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let act = Act {
        user: ADA.into(),
        place: Place::Group("everyone".into()),
        action: Action::Say("hello all".into()),
    };
    let (done, event) = talk.one(&act)?;
    if done.conversation.direct {
        return Err(Stop::absent("the platform has no groups"));
    }
    checked(&done, &event, "hello all")?;
    ensure(event.conversation.kind != ConversationKind::Direct, || {
        "a group is called direct".into()
    })
}

/// Incident 1: a platform's repetition was taken for something new, or thrown away as one.
fn same_key(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let done = talk.compose(&ada(Action::Say("once".into())))?;
    for webhook in &done.webhooks {
        let first = talk.tell(webhook)?;
        drop(talk.front.take());
        for response in talk.simulation.post_at_once(webhook, Signing::Honest, 2) {
            ensure(response.is_success(), || {
                format!("a repetition was answered with {}", response.status)
            })?;
        }
        for told in talk.front.take() {
            let Told::Outcome(outcome) = told else {
                return Err(Stop::Failed(format!(
                    "a repetition was not taken: {told:?}"
                )));
            };
            ensure(keys(&outcome.events) == keys(&first), || {
                format!(
                    "the keys were {:?} and then {:?}",
                    keys(&first),
                    keys(&outcome.events)
                )
            })?;
        }
    }
    Ok(())
}

fn keys(events: &[Event]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event.dedupe_key.as_str())
        .collect()
}

/// Incident 13: two messages with one text had one id.
fn different_keys(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let mut seen = HashSet::new();
    let mut ids = HashSet::new();
    for user in [ADA, ADA, "bob"] {
        let act = Act {
            user: user.into(),
            ..ada(Action::Say("yes".into()))
        };
        let (_, event) = talk.one(&act)?;
        ensure(seen.insert(event.dedupe_key.clone()), || {
            format!("two messages have the dedupe key `{}`", event.dedupe_key)
        })?;
        // Identifiers of messages may be numbered in each conversation.
        ensure(
            ids.insert((event.conversation.id, event.id.clone())),
            || format!("two messages have the identifier `{}`", event.id),
        )?;
    }
    Ok(())
}

fn kinds(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (done, event) = talk.one(&ada(Action::Say("a mistkae".into())))?;
    let message = done.message.unwrap_or_default();
    let edit = Action::Edit {
        message: message.clone(),
        text: "a mistake".into(),
    };
    let mut seen = HashSet::from([event.dedupe_key]);
    let mut tried = false;
    for action in [edit, Action::Delete { message }] {
        let events = match talk.act(&ada(action)) {
            Err(Stop::Absent(_)) => continue,
            other => other?.1,
        };
        tried = true;
        for event in events {
            ensure(seen.insert(event.dedupe_key.clone()), || {
                format!("the dedupe key `{}` is there twice", event.dedupe_key)
            })?;
        }
    }
    if tried {
        Ok(())
    } else {
        Err(Stop::absent(
            "people cannot change or delete what they wrote",
        ))
    }
}

/// Incident 12: of several messages in one request the first alone was read.
fn batch(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let texts = ["first", "second", "third"];
    let acts = texts.map(|text| ada(Action::Say(text.into())));
    let Some((done, webhook)) = talk.simulation.platform().batch(&acts) else {
        return Err(Stop::absent("the platform sends one thing at a time"));
    };
    let events = talk.tell(&webhook)?;
    ensure(events.len() == texts.len(), || {
        format!("{} messages became {} events", texts.len(), events.len())
    })?;
    for ((done, event), text) in done.iter().zip(&events).zip(texts) {
        checked(done, event, text)?;
    }
    let different: HashSet<_> = keys(&events).into_iter().collect();
    ensure(different.len() == texts.len(), || {
        "messages of one webhook share a dedupe key".into()
    })
}

/// An authentic webhook that is acknowledged without an event.
fn acknowledged(talk: &Talk<'_>, webhook: &Webhook) -> Result<IngressOutcome, Stop> {
    let key = &webhook.key;
    match talk.post(webhook, Signing::Honest)? {
        (200..300, Told::Outcome(outcome)) if outcome.events.is_empty() => Ok(outcome),
        (status, told) => Err(Stop::Failed(format!(
            "`{key}` was answered with {status}: {told:?}"
        ))),
    }
}

fn passes_by(bench: &Bench<'_>, known: bool) -> Verdict {
    let talk = bench.talk()?;
    let platform = talk.simulation.platform();
    let webhooks = if known {
        platform.uninteresting()
    } else {
        platform.unknown()
    };
    if webhooks.is_empty() {
        return Err(Stop::absent("the platform has none"));
    }
    for webhook in webhooks {
        let outcome = acknowledged(&talk, &webhook)?;
        ensure(outcome.malformed.is_none(), || {
            format!(
                "`{}` was called malformed: {:?}",
                webhook.key, outcome.malformed
            )
        })?;
        ensure(outcome.ignored > 0, || {
            format!("`{}` was not counted as ignored", webhook.key)
        })?;
    }
    Ok(())
}

/// Incident 9: one update that could never be read held its chat up for a day.
fn malformed(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let webhooks = talk.simulation.platform().malformed();
    if webhooks.is_empty() {
        return Err(Stop::absent("the platform has none"));
    }
    for webhook in webhooks {
        let outcome = acknowledged(&talk, &webhook)?;
        ensure(
            outcome.malformed.is_some_and(|reason| !reason.is_empty()),
            || format!("`{}` was not called malformed", webhook.key),
        )?;
    }
    // And the next message is read as if nothing had been.
    talk.open().map(|_| ())
}

fn mutations(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let done = talk.compose(&ada(Action::Say("hello".into())))?;
    for webhook in &done.webhooks {
        for body in super::super::mutate::all(&webhook.body) {
            let mutated = Webhook {
                body,
                ..webhook.clone()
            };
            let (_, told) = talk.post(&mutated, Signing::Honest)?;
            // A changed body may well be refused (its address or sender is part of the proof); it may not be a fault.
            let bad = matches!(&told, Told::Fault(_))
                || matches!(&told, Told::Outcome(outcome) if outcome.response.status >= 400);
            ensure(!bad, || {
                let body = String::from_utf8_lossy(&mutated.body).into_owned();
                format!("the authentic body {body} came to {told:?}")
            })?;
        }
    }
    Ok(())
}
