//! Delivering texts.

use greentic_interfaces::imports::greentic::channel::types::{Capabilities, Receipt};
use greentic_interfaces::model::{OutboundBody, TextFormat};

use super::talk::{ADA, Bench, absent_with, ada, downgraded, outbound, text};
use crate::case::{Stop, Verdict, ensure};
use crate::platform::{Act, Action, Place, Shown};

crate::cases::cases! {
    "channel.deliver.text", "A text is seen as it stands, once, under the identifier that the receipt gives.", plain;
    "channel.deliver.letters", "Every letter of a plain text is seen as it stands, also those that are marks of formatting on the platform; where the platform cannot show them, the receipt says so.", letters;
    "channel.deliver.too-long", "A text longer than the platform's limit is split in order, and nothing of it is lost or doubled.", too_long;
    "channel.deliver.order", "Messages that are delivered one after another are seen in that order.", order;
    "channel.deliver.threads", "A text for a thread, or one that answers a message, is seen there, or the receipt says that it is not.", threads;
    "channel.deliver.group", "A text for a group is seen in the group and nowhere else.", group;
    "channel.deliver.typing", "Typing is shown and leaves no message, or the receipt says that it is not shown.", typing;
    "channel.deliver.proactive", "A text is delivered to a person who has not just written, or it is rejected where `proactive` is not declared.", proactive;
}

/// Fails unless the receipt's identifiers are those of the messages that are seen.
fn receipted(receipt: &Receipt, seen: &[Shown]) -> Verdict {
    let ids: Vec<_> = seen.iter().map(|shown| shown.id.clone()).collect();
    ensure(receipt.message_ids == ids, || {
        format!(
            "the receipt names {:?}, and the platform's identifiers are {ids:?}",
            receipt.message_ids
        )
    })
}

fn plain(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let receipt = talk.deliver(
        &conversation,
        text("Your order is on its way.", TextFormat::Plain),
    )?;
    let shown = talk.only_message()?;
    ensure(shown.text == "Your order is on its way.", || {
        format!("{:?} is seen", shown.text)
    })?;
    receipted(&receipt, &[shown])?;
    ensure(receipt.downgrades.is_empty(), || {
        format!(
            "a plain text is called downgraded: {:?}",
            receipt.downgrades
        )
    })?;
    talk.clean()
}

fn letters(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let mut told = None;
    let (conversation, _) = talk.open()?;
    for (number, sent) in [
        "a < b & b > c; \"q\" 'q' 100 %",
        "*stars* _lines_ ~waves~ `ticks` [x](y) {z} #1 + - = | . !",
        "<@U1> <!channel> &amp; <b>tag</b> @everyone",
        "C:\\temp\\new 日本語 👩‍👩‍👧 e\u{301} שלום",
        "first line\nsecond line\n\nlast line",
    ]
    .into_iter()
    .enumerate()
    {
        let receipt = talk.deliver(&conversation, text(sent, TextFormat::Plain))?;
        let seen = talk.seen();
        let shown = seen.get(number).map(|shown| {
            // What has no width is not seen: a channel may keep marks apart by it.
            let visible = |letter: &char| {
                !('\u{200b}'..='\u{200c}').contains(letter) && *letter != '\u{2060}'
            };
            let text: String = shown.text.chars().filter(visible).collect();
            (text, shown.styles.len())
        });
        if shown != Some((sent.to_owned(), 0)) {
            if let Ok(instead) = downgraded(&receipt, &["text", "markdown"]) {
                told = Some(instead);
                continue;
            }
            return Err(Stop::Failed(format!(
                "{sent:?} was sent, and seen is {shown:?}"
            )));
        }
    }
    talk.clean()?;
    told.map_or(Ok(()), |instead| Err(Stop::Absent(instead)))
}

/// A text of numbered words, a little over `times` the platform's limit, and no longer than the contract allows.
pub(super) fn long(max_text: u32, halves: usize) -> String {
    let limit = usize::try_from(max_text).unwrap_or(usize::MAX);
    let length = limit.saturating_mul(halves).saturating_div(2).min(60_000);
    let mut text = String::new();
    for number in 0.. {
        let word = format!(
            "word{number:06}{}",
            if number % 12 == 11 { ".\n" } else { " " }
        );
        if text.len() + word.len() > length {
            break;
        }
        text.push_str(&word);
    }
    text.trim_end().to_owned()
}

/// Fails unless the words of a long text are seen once each, in order.
pub(super) fn whole(sent: &str, seen: &[Shown]) -> Verdict {
    let all = seen
        .iter()
        .map(|shown| shown.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    let (mut expected, mut got) = (sent.split_whitespace(), all.split_whitespace());
    loop {
        match (expected.next(), got.next()) {
            (None, None) => return Ok(()),
            (expected, got) if expected == got => {}
            (expected, got) => {
                return Err(Stop::Failed(format!(
                    "in {} messages {expected:?} was to come next, and {got:?} is seen",
                    seen.len()
                )));
            }
        }
    }
}

fn too_long(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let limit = talk.descriptor.limits.max_text;
    let sent = long(limit, 5);
    let receipt = talk.deliver(&conversation, text(sent.clone(), TextFormat::Plain))?;
    let seen = talk.seen();
    whole(&sent, &seen)?;
    receipted(&receipt, &seen)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    for shown in &seen {
        let length = shown.text.chars().count();
        ensure(length <= limit, || {
            format!("a part has {length} characters; the limit is {limit}")
        })?;
    }
    talk.clean()
}

fn order(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let sent = ["one", "two", "three", "four"];
    for word in sent {
        talk.deliver(&conversation, text(word, TextFormat::Plain))?;
    }
    let seen: Vec<_> = talk.seen().into_iter().map(|shown| shown.text).collect();
    ensure(seen == sent, || {
        format!("{sent:?} was sent, and seen is {seen:?}")
    })?;
    talk.clean()
}

fn threads(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (mut conversation, message) = talk.open()?;
    let reply = Action::Reply {
        to: message.clone(),
        text: "in answer".into(),
    };
    match talk.one(&ada(reply)) {
        Ok((_, event)) => conversation = event.conversation,
        Err(Stop::Absent(_)) => {}
        Err(stop) => return Err(stop),
    }
    let mut answer = outbound(&conversation, text("here too", TextFormat::Plain));
    answer.reply_to = Some(message.clone());
    let receipt = talk.deliver_whole(answer)?;
    let shown = talk.only_message()?;
    talk.clean()?;
    let there = match &conversation.thread {
        Some(thread) => shown.thread.as_ref() == Some(thread),
        None => shown.reply_to.as_ref() == Some(&message),
    };
    if talk.declares(Capabilities::THREADS) {
        return ensure(there, || {
            format!(
                "the answer to `{message}` in {:?} is seen in {:?} as an answer to {:?}",
                conversation.thread, shown.thread, shown.reply_to
            )
        });
    }
    // An answer can be shown as one where there are no threads.
    if there && conversation.thread.is_none() {
        return Ok(());
    }
    ensure(!there, || {
        "`threads` is not declared, and the answer is seen in one".into()
    })?;
    Err(absent_with(&receipt, &["threads"]))
}

fn group(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let place = Place::Group("everyone".into());
    let act = Act {
        user: ADA.into(),
        place: place.clone(),
        action: Action::Say("hello all".into()),
    };
    let (done, event) = talk.one(&act)?;
    if done.conversation.direct {
        return Err(Stop::absent("the platform has no groups"));
    }
    talk.deliver(&event.conversation, text("hello ada", TextFormat::Plain))?;
    let here: Vec<_> = talk
        .seen_in(&place, "bob")
        .into_iter()
        .map(|shown| shown.text)
        .collect();
    ensure(here == ["hello ada"], || format!("the group sees {here:?}"))?;
    ensure(talk.seen().is_empty(), || {
        "it is seen outside the group too".into()
    })?;
    talk.clean()
}

fn typing(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, message) = talk.open()?;
    let mut body = outbound(&conversation, OutboundBody::Typing);
    // The host says which message is being answered; some platforms show typing only with it.
    body.reply_to = Some(message);
    let receipt = talk.deliver_whole(body)?;
    let shown = talk.simulation.screen(&Place::Direct, ADA).typing;
    ensure(talk.seen().is_empty(), || "typing left a message".into())?;
    talk.clean()?;
    if talk.declares(Capabilities::TYPING) {
        return ensure(shown || downgraded(&receipt, &["typing"]).is_ok(), || {
            "typing is not shown".into()
        });
    }
    ensure(!shown, || {
        "`typing` is not declared, and it is shown".into()
    })?;
    Err(absent_with(&receipt, &["typing"]))
}

fn proactive(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let conversation = talk.conversation(&Place::Direct, "grace");
    let sent = talk.attempt(outbound(
        &conversation,
        text("News for you", TextFormat::Plain),
    ))?;
    let seen: Vec<_> = talk
        .seen_in(&Place::Direct, "grace")
        .into_iter()
        .map(|shown| shown.text)
        .collect();
    if talk.declares(Capabilities::PROACTIVE) {
        let good = match (&sent, seen.as_slice()) {
            (Ok(_), [text]) if text == "News for you" => true,
            // Within a form of words that the platform approved.
            (Ok(receipt), [text]) => {
                text.contains("News for you") && downgraded(receipt, &["proactive"]).is_ok()
            }
            _ => false,
        };
        ensure(good, || {
            format!("delivering came to {sent:?}, and seen is {seen:?}")
        })?;
        return talk.clean();
    }
    let taken = sent.is_ok();
    ensure(taken != seen.is_empty(), || {
        format!("delivering was taken: {taken}; seen is {seen:?}")
    })?;
    let done = if taken {
        "another kind of message is sent"
    } else {
        "it is rejected"
    };
    Err(Stop::absent(done))
}
