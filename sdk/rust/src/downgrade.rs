//! What a channel sends in place of what its platform cannot show, and how the receipt says so.
//!
//! The names of features are those of `capabilities` in the contract.

use serde_json::Value;

use crate::card::{self, ActionKind, ActionStyle};
use crate::channel::Downgrade;
use crate::markdown;
use crate::model::{Card, QuickReplies, Text, TextFormat};

/// A button that is left of a card.
#[derive(Clone, Debug, PartialEq)]
pub struct Button {
    /// What it says; never empty.
    pub title: String,
    /// What pressing it does.
    pub press: Press,
    /// How it is to look.
    pub style: ActionStyle,
}

/// What pressing a button does.
#[derive(Clone, Debug, PartialEq)]
pub enum Press {
    /// Sends this back as a postback's data.
    Data(Value),
    /// Leads to this address.
    Url(String),
}

/// A card as text and buttons.
#[derive(Clone, Debug, PartialEq)]
pub struct TextAndButtons {
    /// The common Markdown; never empty.
    pub text: String,
    /// Its buttons; a platform may take fewer, see [`buttons_to_text`].
    pub buttons: Vec<Button>,
    /// Pictures of the card: address and what they show.
    pub images: Vec<(String, String)>,
    /// What was changed, for the receipt.
    pub downgrades: Vec<Downgrade>,
}

/// A note for the receipt.
#[must_use]
pub fn note(feature: &str, instead: &str) -> Downgrade {
    Downgrade {
        feature: feature.to_owned(),
        instead: instead.to_owned(),
    }
}

/// What a submit button sends back: its data, under the names Adaptive Cards give them. `Action.Execute` adds its verb; data that is no
/// object stands under `data`.
#[must_use]
pub fn postback_data(kind: &ActionKind) -> Option<Value> {
    let (verb, data) = match kind {
        ActionKind::Submit(data) => (None, data),
        ActionKind::Execute { verb, data } => (verb.as_deref(), data),
        _ => return None,
    };
    let mut object = match data {
        Value::Object(object) => object.clone(),
        Value::Null => serde_json::Map::new(),
        other if verb.is_none() => return Some(other.clone()),
        other => [("data".to_owned(), other.clone())].into_iter().collect(),
    };
    if let Some(verb) = verb {
        object
            .entry("verb")
            .or_insert_with(|| Value::String(verb.to_owned()));
    }
    Some(Value::Object(object))
}

/// A card for a platform without cards. One that cannot be read becomes its fallback text.
///
/// Inputs are asked for in the text and cannot be filled in: a flow that needs the answer asks for it in a message of its own.
#[must_use]
pub fn card_to_text_and_buttons(card: &Card) -> TextAndButtons {
    let Ok(read) = card::parse(&card.json) else {
        return TextAndButtons {
            text: fallback(card, None),
            buttons: Vec::new(),
            images: Vec::new(),
            downgrades: vec![note(
                "cards",
                "sent as its fallback text, the card cannot be read",
            )],
        };
    };
    let lines = card::lines(&read);
    let text = if lines.is_empty() {
        fallback(card, read.fallback_text.as_deref())
    } else {
        lines.join("\n\n")
    };
    let mut downgrades = vec![note("cards", "sent as text and buttons")];
    if !card::inputs(&read).is_empty() {
        downgrades.push(note("cards", "inputs of the card cannot be filled in here"));
    }
    TextAndButtons {
        text,
        buttons: buttons(&read),
        images: card::images(&read)
            .into_iter()
            .map(|image| (image.url.clone(), image.alt.clone()))
            .collect(),
        downgrades,
    }
}

/// The buttons of a card. One without a title is called by what it does.
#[must_use]
pub fn buttons(card: &card::Card) -> Vec<Button> {
    card::actions(card)
        .into_iter()
        .filter_map(|action| {
            let press = match &action.kind {
                ActionKind::OpenUrl(url) => Press::Url(url.clone()),
                kind => Press::Data(postback_data(kind)?),
            };
            let title = match (action.title.trim(), &press) {
                ("", Press::Url(url)) => url.clone(),
                ("", Press::Data(_)) => "OK".to_owned(),
                (title, _) => title.to_owned(),
            };
            Some(Button {
                title,
                press,
                style: action.style,
            })
        })
        .collect()
}

fn fallback(card: &Card, own: Option<&str>) -> String {
    [Some(card.fallback.as_str()), own]
        .into_iter()
        .flatten()
        .find(|text| !text.trim().is_empty())
        .unwrap_or("(a card that cannot be shown here)")
        .to_owned()
}

/// Buttons a platform has no room for, as lines of the common Markdown: links with their address, others by their title.
#[must_use]
pub fn buttons_to_text(buttons: &[Button]) -> (String, Downgrade) {
    let lines: Vec<_> = buttons
        .iter()
        .map(|button| match &button.press {
            Press::Url(url) => format!("- [{}]({url})", button.title),
            Press::Data(_) => format!("- {}", button.title),
        })
        .collect();
    (lines.join("\n"), note("buttons", "named in the text"))
}

/// Suggested answers for a platform without them: the text with the titles below it. The person writes one of them.
#[must_use]
pub fn quick_replies_to_text(replies: &QuickReplies) -> (String, Downgrade) {
    let mut text = replies.text.trim().to_owned();
    for reply in &replies.options {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str("- ");
        text.push_str(&reply.title);
    }
    (text, note("quick-replies", "named in the text"))
}

/// A text for a platform without marks.
#[must_use]
pub fn text_to_plain(text: &Text) -> (String, Option<Downgrade>) {
    match text.format {
        TextFormat::Plain => (text.text.clone(), None),
        TextFormat::Markdown => {
            let plain = markdown::plain(&text.text);
            let note = (plain != text.text).then(|| note("markdown", "sent without marks"));
            (plain, note)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        Press, buttons_to_text, card_to_text_and_buttons, quick_replies_to_text, text_to_plain,
    };
    use crate::model::{Card, QuickReplies, QuickReply, Text, TextFormat};

    fn card(json: &serde_json::Value, fallback: &str) -> Card {
        Card {
            json: json.to_string(),
            fallback: fallback.into(),
        }
    }

    #[test]
    fn a_card_becomes_its_lines_and_buttons_and_the_receipt_says_so() {
        let sent = card_to_text_and_buttons(&card(
            &json!({"type": "AdaptiveCard", "body": [
                {"type": "TextBlock", "text": "Title", "style": "heading"},
                {"type": "Image", "url": "https://a.example/p.png"},
                {"type": "Input.Text", "id": "n", "label": "Name"},
            ], "actions": [
                {"type": "Action.Submit", "title": "Yes", "data": {"a": 1}},
                {"type": "Action.Execute", "title": "Do", "verb": "v", "data": {"a": 2}},
                {"type": "Action.Execute", "title": "Do", "verb": "v", "data": 5},
                {"type": "Action.Submit", "data": "text"},
                {"type": "Action.OpenUrl", "url": "https://a.example"},
            ]}),
            "fallback",
        ));
        assert_eq!(sent.text, "**Title**\n\nName: …");
        let pressed: Vec<_> = sent
            .buttons
            .iter()
            .map(|button| (button.title.as_str(), button.press.clone()))
            .collect();
        assert_eq!(
            pressed,
            [
                ("Yes", Press::Data(json!({"a": 1}))),
                ("Do", Press::Data(json!({"a": 2, "verb": "v"}))),
                ("Do", Press::Data(json!({"data": 5, "verb": "v"}))),
                ("OK", Press::Data(json!("text"))),
                ("https://a.example", Press::Url("https://a.example".into())),
            ]
        );
        assert_eq!(
            sent.images,
            [("https://a.example/p.png".to_owned(), String::new())]
        );
        assert!(sent.downgrades.iter().all(|note| note.feature == "cards"));
        assert_eq!(sent.downgrades.len(), 2);
        assert_eq!(
            buttons_to_text(&sent.buttons[3..]).0,
            "- OK\n- [https://a.example](https://a.example)"
        );
    }

    #[test]
    fn a_card_that_shows_nothing_becomes_its_fallback_and_never_nothing() {
        let empty = json!({"type": "AdaptiveCard", "fallbackText": "own"});
        for (json, fallback, text) in [
            (json!("nonsense"), "given", "given"),
            (json!("nonsense"), " ", "(a card that cannot be shown here)"),
            (empty.clone(), "given", "given"),
            (empty, "", "own"),
        ] {
            let sent = card_to_text_and_buttons(&card(&json, fallback));
            assert_eq!(sent.text, text);
            assert!(!sent.downgrades.is_empty());
        }
    }

    #[test]
    fn suggested_answers_and_marks_become_text() {
        let option = |title: &str| QuickReply {
            title: title.into(),
            value: "v".into(),
        };
        let replies = QuickReplies {
            text: "Which?".into(),
            options: vec![option("A"), option("B")],
        };
        let (text, note) = quick_replies_to_text(&replies);
        assert_eq!(
            (text.as_str(), note.feature.as_str()),
            ("Which?\n- A\n- B", "quick-replies")
        );
        let text = |text: &str, format| Text {
            text: text.into(),
            format,
        };
        assert_eq!(
            text_to_plain(&text("**a**", TextFormat::Plain)),
            ("**a**".into(), None)
        );
        assert_eq!(
            text_to_plain(&text("a", TextFormat::Markdown)),
            ("a".into(), None)
        );
        let (plain, note) = text_to_plain(&text("**a**", TextFormat::Markdown));
        assert_eq!(
            (plain.as_str(), note.unwrap().feature.as_str()),
            ("a", "markdown")
        );
    }
}
