use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation;

use super::{Unit, shorten, split, split_rendered};

#[test]
fn a_text_ends_where_a_person_would_end_it() {
    for (text, limit, pieces) in [
        ("", 5, &[][..]),
        (" \n ", 5, &[]),
        ("short", 5, &["short"]),
        ("one\n\ntwo\n\nthree", 10, &["one\n\ntwo", "three"]),
        (
            "one line\nand another line",
            16,
            &["one line", "and another line"],
        ),
        (
            "First one. Second one. Third",
            24,
            &["First one. Second one.", "Third"],
        ),
        (
            "words without any end",
            10,
            &["words", "without", "any end"],
        ),
        (
            "Donaudampfschifffahrt",
            10,
            &["Donaudampf", "schifffahr", "t"],
        ),
        ("你好。再见。好的", 6, &["你好。再见。", "好的"]),
        ("exact fit\nnext", 9, &["exact fit", "next"]),
        ("a  b", 2, &["a", "b"]),
    ] {
        assert_eq!(split(text, limit, Unit::Chars), pieces, "{text:?}");
    }
}

#[test]
fn indentation_of_the_next_line_stays() {
    assert_eq!(
        split("fn a() {\n    b();\n}", 9, Unit::Chars),
        ["fn a() {", "    b();", "}"]
    );
}

#[test]
fn a_grapheme_is_not_divided() {
    let family = "👨‍👩‍👧‍👦";
    assert_eq!(
        split(&family.repeat(3), 16, Unit::Chars),
        [family.repeat(2), family.to_owned()]
    );
    // Longer than the limit itself: by scalar values, for want of anything better.
    assert!(split(family, 3, Unit::Chars).len() > 1);
    assert_eq!(split("ééé", 2, Unit::Bytes), ["é", "é", "é"]);
    assert_eq!(split("😀😀", 2, Unit::Utf16), ["😀", "😀"]);
}

#[test]
fn a_divided_code_block_is_closed_and_opened_again() {
    let text = format!("Look:\n```rust\n{}```\nDone.", "let x = 1;\n".repeat(10));
    let pieces = split(&text, 70, Unit::Chars);
    assert!(pieces.len() > 1);
    for piece in &pieces {
        let fences = piece.lines().filter(|line| line.starts_with("```")).count();
        assert_eq!(fences % 2, 0, "{piece}");
        assert!(piece.chars().count() <= 70, "{piece}");
    }
    assert!(
        pieces[1].starts_with("```rust\nlet x = 1;"),
        "{}",
        pieces[1]
    );
    assert!(pieces.last().unwrap().ends_with("Done."));
    let lines: usize = pieces
        .iter()
        .flat_map(|piece| piece.lines())
        .filter(|line| *line == "let x = 1;")
        .count();
    assert_eq!(lines, 10);
}

#[test]
fn what_grows_when_it_is_rendered_still_fits() {
    let escaped = |text: &str| text.replace('&', "&amp;");
    let pieces = split_rendered("a & b & c & d & e & f", 12, Unit::Chars, escaped);
    assert!(
        pieces.iter().all(|piece| piece.chars().count() <= 12),
        "{pieces:?}"
    );
    let all: String = pieces
        .concat()
        .chars()
        .filter(|char| !char.is_whitespace())
        .collect();
    assert_eq!(all, "a&amp;b&amp;c&amp;d&amp;e&amp;f");
    assert_eq!(split_rendered("short", 12, Unit::Chars, escaped), ["short"]);
    assert!(split_rendered(" ", 12, Unit::Chars, escaped).is_empty());
}

#[test]
fn a_shortened_text_says_so() {
    assert_eq!(shorten("hello", 5, Unit::Chars), "hello");
    assert_eq!(shorten("hello you", 7, Unit::Chars), "hello…");
    assert_eq!(shorten("hello", 3, Unit::Bytes), "…");
    assert_eq!(shorten("hello", 0, Unit::Chars), "");
}

fn unit() -> impl Strategy<Value = Unit> {
    prop_oneof![Just(Unit::Chars), Just(Unit::Utf16), Just(Unit::Bytes)]
}

fn solid(text: &str) -> String {
    text.chars().filter(|char| !char.is_whitespace()).collect()
}

proptest! {
    #[test]
    fn nothing_is_lost_or_too_long(text in "[a-z .!?\n\té😀🇨🇭\u{301}]{0,200}", limit in 4..40_usize, unit in unit()) {
        let pieces = split(&text, limit, unit);
        for piece in &pieces {
            prop_assert!(unit.count(piece) <= limit, "{piece:?}");
            prop_assert!(!piece.trim().is_empty());
        }
        prop_assert_eq!(solid(&pieces.concat()), solid(&text));
    }

    #[test]
    fn no_grapheme_that_fits_is_divided(text in "[a-z e\u{301}👩‍🚀🇨🇭]{0,60}", limit in 60..80_usize) {
        let whole: Vec<_> = text.graphemes(true).filter(|piece| !piece.trim().is_empty()).map(solid).collect();
        let pieces = split(&text, limit, Unit::Bytes);
        let divided: Vec<_> = pieces
            .iter()
            .flat_map(|piece| piece.graphemes(true))
            .filter(|piece| !piece.trim().is_empty())
            .map(solid)
            .collect();
        prop_assert_eq!(whole, divided);
    }

    #[test]
    fn fences_of_any_shape_end_and_keep_the_limit(text in "[`~a\n ]{0,120}", limit in 4..60_usize) {
        for piece in split(&text, limit, Unit::Chars) {
            prop_assert!(piece.chars().count() <= limit);
        }
    }

    #[test]
    fn rendered_pieces_fit(text in "[a& \n]{0,150}", limit in 8..40_usize) {
        let pieces = split_rendered(&text, limit, Unit::Chars, |text| text.replace('&', "&amp;"));
        for piece in &pieces {
            prop_assert!(piece.chars().count() <= limit, "{piece:?}");
        }
        prop_assert_eq!(solid(&pieces.concat()), solid(&text).replace('&', "&amp;"));
    }
}
