use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// The pieces of a Markdown text and which part of it each entity covers.
fn covered(markdown: &str) -> (String, Vec<(String, String)>) {
    let pieces = Words::markdown(markdown).pieces(TEXT_UNITS);
    assert_eq!(pieces.len(), 1, "{pieces:?}");
    let parts = pieces[0]
        .entities
        .iter()
        .map(|entity| part(&pieces[0].text, entity));
    (pieces[0].text.clone(), parts.collect())
}

fn part(text: &str, entity: &Value) -> (String, String) {
    let units: Vec<u16> = text.encode_utf16().collect();
    let number = |name: &str| usize::try_from(entity[name].as_u64().unwrap()).unwrap();
    let (from, length) = (number("offset"), number("length"));
    let covered = String::from_utf16(&units[from..from + length]).unwrap();
    (entity["type"].as_str().unwrap().to_owned(), covered)
}

fn pair(kind: &str, text: &str) -> (String, String) {
    (kind.to_owned(), text.to_owned())
}

#[test]
fn each_style_is_an_entity_over_the_bare_text() {
    for (markdown, text, parts) in [
        ("plain <b> & _x", "plain <b> & _x", vec![]),
        ("a **b** c", "a b c", vec![pair("bold", "b")]),
        ("😀 *b*", "😀 b", vec![pair("italic", "b")]),
        ("~~b~~", "b", vec![pair("strikethrough", "b")]),
        ("`a*b*`", "a*b*", vec![pair("code", "a*b*")]),
        ("# Head\n\ntext", "Head\n\ntext", vec![pair("bold", "Head")]),
        (
            "**a *b* c**",
            "a b c",
            vec![pair("bold", "a b c"), pair("italic", "b")],
        ),
        ("[a](https://a.example)", "a", vec![pair("text_link", "a")]),
        (
            "> quoted\n> **more**",
            "quoted\nmore",
            vec![pair("blockquote", "quoted\nmore"), pair("bold", "more")],
        ),
        ("- a\n- b", "• a\n• b", vec![]),
        ("3. a\n4. b", "3. a\n4. b", vec![]),
        (
            "```rust\nlet x;\n```",
            "let x;",
            vec![pair("pre", "let x;")],
        ),
    ] {
        assert_eq!(covered(markdown), (text.to_owned(), parts), "{markdown}");
    }
}

#[test]
fn a_block_of_code_names_its_language_and_a_link_its_address() {
    let entity =
        |markdown: &str| Words::markdown(markdown).pieces(TEXT_UNITS)[0].entities[0].clone();
    assert_eq!(entity("```rust\nx\n```")["language"], "rust");
    assert_eq!(entity("```\nx\n```").get("language"), None);
    assert_eq!(
        entity("[a](https://a.example/?b=1&c)")["url"],
        "https://a.example/?b=1&c"
    );
}

#[test]
fn an_address_telegram_refuses_stands_in_the_text() {
    assert_eq!(
        covered("[write](mailto:a@b.example)"),
        ("write (mailto:a@b.example)".into(), vec![])
    );
    assert_eq!(
        covered("[here](http://localhost/x)"),
        ("here (http://localhost/x)".into(), vec![])
    );
}

#[test]
fn a_quote_in_a_quote_is_one_quote() {
    let (text, parts) = covered("> a\n>> b");
    assert!(text.contains('a') && text.contains('b'));
    assert_eq!(
        parts
            .iter()
            .filter(|(kind, _)| kind == "blockquote")
            .count(),
        1
    );
}

#[test]
fn a_style_goes_on_in_the_next_piece() {
    let text = format!("**{}**", "word ".repeat(2000).trim());
    let pieces = Words::markdown(&text).pieces(TEXT_UNITS);
    assert_eq!(pieces.len(), 3);
    for piece in &pieces {
        assert!(Unit::Utf16.count(&piece.text) <= 4096);
        assert_eq!(
            part(&piece.text, &piece.entities[0]),
            pair("bold", &piece.text)
        );
    }
}

#[test]
fn nothing_is_left_of_a_blank_text() {
    for text in ["", " ", "\n\n"] {
        assert!(Words::plain(text).pieces(TEXT_UNITS).is_empty());
        assert!(Words::markdown(text).pieces(TEXT_UNITS).is_empty());
    }
}

#[test]
fn a_line_is_added_below_what_is_there() {
    let mut words = Words::link("b", "https://b.example");
    words.line("c");
    let piece = words.pieces(TEXT_UNITS).remove(0);
    assert_eq!(piece.text, "b\nc");
    assert_eq!(
        piece.entities,
        [json!({"type": "text_link", "offset": 0, "length": 1, "url": "https://b.example"})]
    );
}

proptest! {
    #[test]
    fn entities_never_leave_their_text_or_cut_a_character(markdown in "[a-z*_~`>#\\[\\]()\n 😀é-]{0,400}", limit in 20..120_u32) {
        for piece in Words::markdown(&markdown).pieces(limit) {
            prop_assert!(!piece.text.trim().is_empty());
            prop_assert!(Unit::Utf16.count(&piece.text) <= usize::try_from(limit).unwrap());
            prop_assert!(piece.entities.len() <= 100);
            for entity in &piece.entities {
                prop_assert!(!part(&piece.text, entity).1.is_empty());
            }
        }
    }
}
