//! Delivering more than plain text: formatting, buttons, suggested answers, cards, forms, files.

use std::collections::BTreeMap;

use greentic_interfaces::imports::greentic::channel::types::Capabilities;
use greentic_interfaces::model::{
    Attachment, Event, EventBody, OutboundBody, QuickReplies, QuickReply, TextFormat,
};
use serde_json::{Value, json};

use super::talk::{Bench, Talk, absent_with, ada, card, text, words};
use crate::case::{Stop, Verdict, ensure};
use crate::platform::{Action, Input, Pressed, Shown, Style};

crate::cases::cases! {
    "channel.deliver.markdown", "Common Markdown is seen as formatting, without its marks.", markdown;
    "channel.deliver.buttons", "A card's buttons are seen, and pressing one arrives as a postback with the button's data.", buttons;
    "channel.deliver.buttons-many", "More buttons than the platform takes are all seen in some way, and the receipt says how.", buttons_many;
    "channel.deliver.link-button", "A button that opens an address is seen with its title and leads there.", link_button;
    "channel.deliver.quick-replies", "Suggested answers are seen, and choosing one arrives as a message with its value.", quick_replies;
    "channel.deliver.card", "A card's texts and facts are seen, as a card where `cards` is declared and otherwise as text.", cards;
    "channel.deliver.card-broken", "What is no card is not lost: its fallback is seen.", card_broken;
    "channel.deliver.form", "A card's fields can be filled and sent, and arrive as a postback with the values, or the receipt says that they cannot.", form;
    "channel.deliver.file", "A file is seen with its name and its bytes, or the receipt says what was sent in its place.", file;
    "channel.deliver.image", "An image is seen with its bytes, or the receipt says what was sent in its place.", image;
}

fn markdown(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let sent = "Your **order 7** is *nearly* ready, see [status](https://example.com/o/7) or `track 7`.\n\n- one\n- two";
    let receipt = talk.deliver(&conversation, text(sent, TextFormat::Markdown))?;
    let shown = talk.only_message()?;
    talk.clean()?;
    for word in [
        "Your", "order 7", "nearly", "status", "track 7", "one", "two",
    ] {
        ensure(shown.text.contains(word), || {
            format!("`{word}` is missing in {:?}", shown.text)
        })?;
    }
    if !talk.declares(Capabilities::MARKDOWN) {
        ensure(shown.styles.is_empty(), || {
            "`markdown` is not declared, and formatting is seen".into()
        })?;
        return Err(absent_with(&receipt, &["markdown"]));
    }
    let styled = |style: &Style, text: &str| {
        shown
            .styles
            .iter()
            .any(|(other, part)| other == style && part == text)
    };
    for (style, part) in [
        (Style::Strong, "order 7"),
        (Style::Emphasis, "nearly"),
        (Style::Code, "track 7"),
    ] {
        let said = receipt
            .downgrades
            .iter()
            .any(|downgrade| downgrade.feature == "markdown");
        ensure(styled(&style, part) || said, || {
            format!("`{part}` is not seen as {style:?}: {:?}", shown.styles)
        })?;
    }
    let link = styled(&Style::Link("https://example.com/o/7".into()), "status");
    ensure(
        link || shown.text.contains("https://example.com/o/7"),
        || format!("the link's address is not seen: {shown:?}"),
    )?;
    for mark in ["**", "](", "`"] {
        ensure(!shown.text.contains(mark), || {
            format!("the mark {mark} is seen in {:?}", shown.text)
        })?;
    }
    Ok(())
}

fn adaptive(body: Value, actions: Value) -> Value {
    json!({
        "type": "AdaptiveCard",
        "version": "1.5",
        "body": body,
        "actions": actions,
    })
}

fn submit(title: &str, data: Value) -> Value {
    json!({"type": "Action.Submit", "title": title, "data": data})
}

/// The message and the place of the button with this title.
fn find<'a>(seen: &'a [Shown], title: &str) -> Option<(&'a Shown, usize)> {
    seen.iter().find_map(|shown| {
        let at = shown
            .buttons
            .iter()
            .position(|button| button.title == title)?;
        Some((shown, at))
    })
}

/// Presses the button with this title, and gives the one event of it.
fn press(talk: &Talk<'_>, title: &str) -> Result<(String, Event), Stop> {
    let seen = talk.seen();
    let Some((shown, button)) = find(&seen, title) else {
        return Err(Stop::Failed(format!(
            "there is no button `{title}`; seen is {:?}",
            talk.words()
        )));
    };
    let act = ada(Action::Press {
        message: shown.id.clone(),
        button,
    });
    let (_, event) = talk.one(&act)?;
    Ok((shown.id.clone(), event))
}

fn postback(event: &Event) -> Result<Value, Stop> {
    match &event.body {
        EventBody::Postback(postback) => {
            Ok(serde_json::from_str(&postback.data).unwrap_or_default())
        }
        other => Err(Stop::Failed(format!("a pressed button became {other:?}"))),
    }
}

fn buttons(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let actions = json!([
        submit("Track it", json!({"do": "track", "order": 7})),
        submit("Cancel", json!({"do": "cancel", "order": 7})),
    ]);
    let body = adaptive(json!([{"type": "TextBlock", "text": "Order 7"}]), actions);
    let receipt = talk.deliver(&conversation, card(&body, "Order 7: track it or cancel?"))?;
    talk.clean()?;
    talk.shows(&["Track it", "Cancel"])?;
    let has = find(&talk.seen(), "Cancel").is_some();
    if !talk.declares(Capabilities::BUTTONS) {
        ensure(!has, || {
            "`buttons` is not declared, and there are some".into()
        })?;
        return Err(absent_with(&receipt, &["buttons", "cards"]));
    }
    let (message, event) = press(&talk, "Cancel")?;
    let data = postback(&event)?;
    ensure(is(&data, "do", "cancel") && is(&data, "order", 7), || {
        format!("the button's data was {{\"do\":\"cancel\",\"order\":7}}, and {data} arrived")
    })?;
    let EventBody::Postback(postback) = &event.body else {
        return Ok(());
    };
    ensure(
        postback.message_id.as_ref().is_none_or(|id| *id == message),
        || {
            format!(
                "the button of `{message}` arrived as one of {:?}",
                postback.message_id
            )
        },
    )?;
    talk.settled()?;
    talk.clean()
}

fn buttons_many(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let most = usize::try_from(talk.descriptor.limits.max_buttons).unwrap_or(usize::MAX);
    let count = most.saturating_add(2).min(40);
    let titles: Vec<_> = (1..=count)
        .map(|number| format!("Choice {number:02}"))
        .collect();
    let actions: Vec<_> = titles
        .iter()
        .map(|title| submit(title, json!({"choice": title})))
        .collect();
    let body = adaptive(
        json!([{"type": "TextBlock", "text": "Which one?"}]),
        actions.into(),
    );
    let receipt = talk.deliver(&conversation, card(&body, "Which one?"))?;
    talk.clean()?;
    let titles: Vec<_> = titles.iter().map(String::as_str).collect();
    talk.shows(&titles)?;
    let all = talk
        .seen()
        .iter()
        .map(|shown| shown.buttons.len())
        .sum::<usize>()
        >= count;
    if all {
        Ok(())
    } else {
        super::talk::downgraded(&receipt, &["buttons", "cards"]).map(|_| ())
    }
}

fn link_button(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let open =
        json!([{"type": "Action.OpenUrl", "title": "Our page", "url": "https://example.com/help"}]);
    let body = adaptive(
        json!([{"type": "TextBlock", "text": "Help is there"}]),
        open,
    );
    talk.deliver(&conversation, card(&body, "Help: https://example.com/help"))?;
    talk.clean()?;
    let seen = talk.seen();
    let leads = seen.iter().any(|shown| {
        let button = shown.buttons.iter().any(|button| {
            button.title == "Our page"
                && button.does == Pressed::Opens("https://example.com/help".into())
        });
        let link = Style::Link("https://example.com/help".into());
        button
            || words(shown).contains("https://example.com/help")
            || shown.styles.iter().any(|(style, _)| *style == link)
    });
    ensure(leads, || {
        format!("nothing that is seen leads to the address: {seen:?}")
    })
}

fn quick_replies(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let option = |title: &str, value: &str| QuickReply {
        title: title.into(),
        value: value.into(),
    };
    let body = OutboundBody::QuickReplies(QuickReplies {
        text: "Did that help?".into(),
        options: vec![
            option("Yes, it did", "helped"),
            option("Not really", "not helped"),
        ],
    });
    let receipt = talk.deliver(&conversation, body)?;
    talk.clean()?;
    talk.shows(&["Did that help?", "Yes, it did", "Not really"])?;
    if !talk.declares(Capabilities::QUICK_REPLIES) {
        return Err(absent_with(&receipt, &["quick-replies"]));
    }
    let (_, event) = press(&talk, "Not really")?;
    match &event.body {
        EventBody::Message(message) if message.text == "not helped" => talk.clean(),
        other => Err(Stop::Failed(format!(
            "the suggested answer with the value `not helped` became {other:?}"
        ))),
    }
}

fn cards(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let body = adaptive(
        json!([
            {"type": "TextBlock", "text": "Order 7", "weight": "Bolder", "size": "Large"},
            {"type": "FactSet", "facts": [{"title": "State", "value": "packed"}, {"title": "Arrives", "value": "Friday"}]},
            {"type": "ColumnSet", "columns": [
                {"type": "Column", "items": [{"type": "TextBlock", "text": "Left part", "wrap": true}]},
                {"type": "Column", "items": [{"type": "TextBlock", "text": "Right part"}]},
            ]},
        ]),
        json!([]),
    );
    let receipt = talk.deliver(
        &conversation,
        card(&body, "Order 7 is packed and arrives on Friday"),
    )?;
    talk.clean()?;
    if talk.declares(Capabilities::CARDS) {
        talk.shows(&[
            "Order 7",
            "State",
            "packed",
            "Arrives",
            "Friday",
            "Left part",
            "Right part",
        ])?;
        return ensure(talk.seen().iter().any(|shown| shown.card), || {
            "it is not seen as a card".into()
        });
    }
    talk.shows(&["Order 7", "packed", "Friday"])?;
    ensure(talk.seen().iter().all(|shown| !shown.card), || {
        "`cards` is not declared, and there is one".into()
    })?;
    Err(absent_with(&receipt, &["cards"]))
}

fn card_broken(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    for broken in [
        json!({"type": "AdaptiveCard"}),
        json!([1, 2]),
        json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Chart.Pie"}]}),
    ] {
        let before = talk.seen().len();
        let sent = talk.attempt(super::talk::outbound(
            &conversation,
            card(&broken, "the plain words"),
        ))?;
        let seen: Vec<_> = talk.seen().split_off(before);
        let there = seen
            .iter()
            .any(|shown| words(shown).contains("the plain words"));
        // A card that says what to do with unknown elements may be shown without them.
        ensure(sent.is_ok() && there, || {
            format!("{broken} came to {sent:?}, and seen is {seen:?}")
        })?;
    }
    talk.clean()
}

fn form(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let body = adaptive(
        json!([
            {"type": "TextBlock", "text": "Report a problem"},
            {"type": "Input.Text", "id": "title", "label": "What is wrong?"},
            {"type": "Input.ChoiceSet", "id": "urgency", "label": "How urgent?", "choices": [
                {"title": "It can wait", "value": "low"}, {"title": "Now", "value": "high"}]},
        ]),
        json!([submit("Send", json!({"form": "report"}))]),
    );
    let receipt = talk.deliver(
        &conversation,
        card(&body, "Tell us what is wrong and how urgent it is."),
    )?;
    talk.clean()?;
    let seen = talk.seen();
    let Some(shown) = seen.iter().find(|shown| !shown.fields.is_empty()) else {
        talk.shows(&["Report a problem"])
            .or_else(|_| talk.shows(&["Tell us what is wrong"]))?;
        return Err(absent_with(&receipt, &["forms", "cards"]));
    };
    let field = |label: &str| {
        let field = shown
            .fields
            .iter()
            .find(|field| field.label.contains(label));
        field
            .ok_or_else(|| Stop::Failed(format!("there is no field `{label}`: {:?}", shown.fields)))
    };
    let (title, urgency) = (field("What is wrong?")?, field("How urgent?")?);
    let Input::Choice(choices) = &urgency.input else {
        return Err(Stop::Failed(format!(
            "a choice is seen as {:?}",
            urgency.input
        )));
    };
    let Some((now, _)) = choices.iter().find(|(_, title)| title == "Now") else {
        return Err(Stop::Failed(format!("`Now` is not among {choices:?}")));
    };
    let Some(button) = shown
        .buttons
        .iter()
        .position(|button| button.title == "Send")
    else {
        return Err(Stop::Failed(format!(
            "there is no button `Send`: {:?}",
            shown.buttons
        )));
    };
    let values = BTreeMap::from([
        (title.id.clone(), "It is \"broken\" & wet".to_owned()),
        (urgency.id.clone(), now.clone()),
    ]);
    let act = ada(Action::Submit {
        message: shown.id.clone(),
        values,
        button,
    });
    let (_, event) = talk.one(&act)?;
    let data = postback(&event)?;
    let good = is(&data, "title", "It is \"broken\" & wet")
        && is(&data, "urgency", "high")
        && is(&data, "form", "report");
    ensure(good, || format!("the form arrived as {data}"))?;
    talk.clean()
}

fn file(bench: &Bench<'_>) -> Verdict {
    send(bench, "invoice.txt", "text/plain", b"1 pizza: 12 francs\n")
}

/// A PNG of one pixel.
const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\0\x05\0\x01\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82";

fn image(bench: &Bench<'_>) -> Verdict {
    send(bench, "pixel.png", "image/png", PIXEL)
}

fn send(bench: &Bench<'_>, name: &str, content_type: &str, bytes: &[u8]) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let body = OutboundBody::Attachment(Attachment {
        name: name.into(),
        content_type: content_type.into(),
        url: None,
        content: Some(bytes.to_vec()),
        size: None,
    });
    let receipt = talk.deliver(&conversation, body)?;
    let has = |talk: &Talk<'_>| {
        let seen = talk.seen();
        seen.iter()
            .any(|shown| shown.files.iter().any(|file| file.bytes == bytes))
    };
    if !talk.declares(Capabilities::ATTACHMENTS_OUT) {
        ensure(!has(&talk), || {
            "`attachments-out` is not declared, and the file is there".into()
        })?;
        talk.shows(&[name])?;
        talk.clean()?;
        return Err(absent_with(&receipt, &["attachments-out"]));
    }
    // A platform may ask the person first: the first button of the message takes the file.
    if !has(&talk)
        && let Some(shown) = talk
            .seen()
            .into_iter()
            .find(|shown| !shown.buttons.is_empty())
    {
        talk.act(&ada(Action::Press {
            message: shown.id,
            button: 0,
        }))?;
        talk.settled()?;
    }
    ensure(has(&talk), || {
        format!("{name} is not there; seen is {:?}", talk.seen())
    })?;
    talk.clean()
}

/// Whether a field of a JSON object has this value.
fn is(data: &Value, field: &str, value: impl Into<Value>) -> bool {
    data.get(field) == Some(&value.into())
}
