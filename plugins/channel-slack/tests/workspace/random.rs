//! Cards and texts made at random: whatever they hold, Slack takes what becomes of them.

use greentic_conformance::platform::Style;
use greentic_sdk::model::{Outbound, OutboundBody, Text, TextFormat};
use serde_json::{Value, json};

use crate::bench::{adaptive, bench};

#[test]
fn no_card_makes_blocks_that_slack_refuses() {
    let bench = bench();
    let event = bench.open();
    let mut random = Random(0x51AC_CA2D);
    for number in 0..200 {
        let card = adaptive(json!(random.elements(2)), json!(random.actions(1)));
        // The contract's bound of a card.
        if card.to_string().len() > 256 * 1024 {
            continue;
        }
        let message = Outbound::card(&event.conversation, card.to_string(), "fallback");
        let receipt = bench.attempt(&format!("r{number}"), message);
        assert!(receipt.is_ok(), "{card}: {receipt:?}");
        assert_eq!(bench.simulation.violations(), [], "{card}");
    }
}

#[test]
fn no_text_makes_a_message_that_slack_refuses_or_shows_otherwise() {
    let bench = bench();
    let event = bench.open();
    let mut random = Random(0x7E47);
    for number in 0..400 {
        let text = random.text();
        if text.trim().is_empty() {
            continue;
        }
        let plain = Outbound::text(&event.conversation, text.clone());
        bench.attempt(&format!("p{number}"), plain).unwrap();
        let shown = bench.last();
        assert_eq!(
            (
                shown.text.trim(),
                shown
                    .styles
                    .iter()
                    .filter(|(style, _)| !matches!(style, Style::Link(_)))
                    .count()
            ),
            (text.trim(), 0),
            "{text:?}"
        );
        let body = OutboundBody::Text(Text {
            text: text.clone(),
            format: TextFormat::Markdown,
        });
        bench
            .attempt(
                &format!("m{number}"),
                Outbound::new(&event.conversation, body),
            )
            .unwrap_or_else(|error| panic!("{text:?}: {error:?}"));
        bench.clean();
    }
}

/// Makes cards and texts (xorshift64*), the same on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn text(&mut self) -> String {
        let parts = [
            "word",
            " ",
            "*",
            "_",
            "**",
            "`",
            "```\n",
            "\n",
            "\n\n",
            "> ",
            "- ",
            "1. ",
            "# ",
            "<",
            ">",
            "&",
            "&amp;",
            "<!here>",
            "<@U1>",
            ":smile:",
            "[a](https://x.example)",
            "https://x.example/a_b",
            "](",
            "ä",
            "👩‍👩‍👧",
            "\u{202e}",
            "|",
            "~",
            "~~",
            "\\",
            "<b>",
            "%",
            "{{x}}",
            "tel:1",
            "[x](javascript:1)",
        ];
        let count = self.below(14);
        (0..count)
            .map(|_| parts[usize::try_from(self.below(parts.len() as u64)).unwrap()])
            .collect()
    }

    fn long(&mut self) -> String {
        let times = self.pick(&[1, 1, 1, 20, 150]);
        self.text().repeat(times)
    }

    fn elements(&mut self, depth: u64) -> Vec<Value> {
        let count = self.below(7);
        (0..count).map(|_| self.element(depth)).collect()
    }

    fn element(&mut self, depth: u64) -> Value {
        let id = format!("i{}", self.below(1_000_000));
        match self.below(if depth == 0 { 12 } else { 17 }) {
            0 => {
                json!({"type": "TextBlock", "text": self.long(), "weight": self.pick(&["Default", "Bolder"])})
            }
            1 => {
                json!({"type": "TextBlock", "text": self.long(), "size": "Large", "isSubtle": self.below(2) == 0})
            }
            2 => {
                json!({"type": "Image", "url": self.pick(&["https://x.example/a.png", "data:image/png;base64,AA", "x y"]), "altText": self.text()})
            }
            3 => {
                json!({"type": "FactSet", "facts": (0..self.below(12)).map(|_| json!({"title": self.text(), "value": self.long()})).collect::<Vec<_>>()})
            }
            4 => {
                json!({"type": "Input.Text", "id": id, "label": self.long(), "placeholder": self.long(), "value": self.long(), "maxLength": self.below(5_000), "isRequired": self.below(2) == 0})
            }
            5 => {
                json!({"type": "Input.Text", "id": id, "style": self.pick(&["Email", "Url", "Tel", "Password"]), "regex": self.text()})
            }
            6 => {
                json!({"type": "Input.Number", "id": id, "min": 1, "max": self.below(9), "value": self.text()})
            }
            7 => {
                json!({"type": "Input.Date", "id": id, "value": self.pick(&["2026-11-25", "soon"]), "placeholder": self.text()})
            }
            8 => {
                json!({"type": "Input.Time", "id": id, "value": self.pick(&["09:30", "late"]), "placeholder": self.text()})
            }
            9 => {
                json!({"type": "Input.Toggle", "id": id, "title": self.long(), "value": "true", "valueOff": self.long()})
            }
            10 => {
                let count = self.pick(&[0, 1, 3, 11, 120]);
                let choices: Vec<Value> = (0..count)
                    .map(|_| json!({"title": self.long(), "value": self.text()}))
                    .collect();
                let value = choices.first().map(|choice| choice["value"].clone());
                json!({"type": "Input.ChoiceSet", "id": id, "choices": choices, "value": value, "isMultiSelect": self.below(2) == 0, "style": self.pick(&["compact", "expanded"])})
            }
            11 => {
                json!({"type": "Media", "altText": self.text(), "sources": [{"url": "https://x.example/a.mp4"}]})
            }
            12 => {
                json!({"type": "Container", "items": self.elements(depth - 1), "selectAction": self.action(0)})
            }
            13 => {
                json!({"type": "ColumnSet", "columns": (0..self.below(4)).map(|_| json!({"type": "Column", "items": self.elements(depth - 1)})).collect::<Vec<_>>()})
            }
            14 => {
                json!({"type": "Table", "rows": (0..self.below(4)).map(|_| json!({"cells": (0..3).map(|_| json!({"items": self.elements(0)})).collect::<Vec<_>>()})).collect::<Vec<_>>()})
            }
            15 => json!({"type": "ActionSet", "actions": self.actions(depth - 1)}),
            _ => json!({"type": "Unknown", "fallback": {"type": "TextBlock", "text": self.text()}}),
        }
    }

    fn actions(&mut self, depth: u64) -> Vec<Value> {
        let count = self.pick(&[0, 1, 2, 30]);
        (0..count).map(|_| self.action(depth)).collect()
    }

    fn action(&mut self, depth: u64) -> Value {
        let title = self.long();
        let style = self.pick(&["default", "positive", "destructive"]);
        match self.below(if depth == 0 { 5 } else { 6 }) {
            0 => {
                json!({"type": "Action.Submit", "title": title, "style": style, "data": {"a": self.long()}})
            }
            1 => {
                json!({"type": "Action.Submit", "title": title, "associatedInputs": "none", "data": self.text()})
            }
            2 => json!({"type": "Action.Execute", "title": title, "verb": self.text()}),
            3 => {
                json!({"type": "Action.OpenUrl", "title": title, "url": self.pick(&["https://x.example", "tel:1", "x y", ""])})
            }
            4 => json!({"type": "Action.ToggleVisibility", "title": title}),
            _ => {
                json!({"type": "Action.ShowCard", "title": title, "card": adaptive(json!(self.elements(depth - 1)), json!(self.actions(0)))})
            }
        }
    }
}
