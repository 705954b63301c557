use proptest::prelude::*;

use super::{Block, Render, Span, convert, parse, plain};

/// Marks that cannot be taken for each other.
struct Tags;

impl Render for Tags {
    fn text(&self, text: &str) -> String {
        text.replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;")
    }
    fn emphasis(&self, inner: &str) -> String {
        format!("<i>{inner}</i>")
    }
    fn strong(&self, inner: &str) -> String {
        format!("<b>{inner}</b>")
    }
    fn strike(&self, inner: &str) -> String {
        format!("<s>{inner}</s>")
    }
    fn code(&self, text: &str) -> String {
        format!("<code>{}</code>", self.text(text))
    }
    fn code_block(&self, language: Option<&str>, text: &str) -> String {
        format!("<pre {}>{}</pre>", language.unwrap_or("-"), self.text(text))
    }
    fn link(&self, inner: &str, url: &str) -> String {
        format!("<a {url}>{inner}</a>")
    }
}

#[test]
fn every_mark_is_read_and_written_with_the_channels_own() {
    for (text, meant) in [
        ("plain", "plain"),
        ("*a* and _b_", "<i>a</i> and <i>b</i>"),
        ("**a** __b__", "<b>a</b> <b>b</b>"),
        ("**a *b* c**", "<b>a <i>b</i> c</b>"),
        ("~~old~~", "<s>old</s>"),
        ("`a<b` & c", "<code>a&lt;b</code> &amp; c"),
        (
            "[shown **so**](https://a.example/?a=1&b=2)",
            "<a https://a.example/?a=1&b=2>shown <b>so</b></a>",
        ),
        (
            "![alt](https://a.example/p.png)",
            "<a https://a.example/p.png>alt</a>",
        ),
        (
            "<https://a.example>",
            "<a https://a.example>https://a.example</a>",
        ),
        ("one\ntwo  \nthree", "one\ntwo\nthree"),
        ("one\n\ntwo", "one\n\ntwo"),
        ("# Title\ntext", "<b>Title</b>\n\ntext"),
        ("- a\n- b\n  - c\n- d", "• a\n• b\n   • c\n• d"),
        ("3. a\n4. b", "3. a\n4. b"),
        (
            "> said\n> twice\n\nanswer",
            "&gt; said\n&gt; twice\n\nanswer",
        ),
        (
            "```rust\nlet a = &b;\n\nx\n```",
            "<pre rust>let a = &amp;b;\n\nx</pre>",
        ),
        ("    indented", "<pre ->indented</pre>"),
        ("a\n\n---\n\nb", "a\n\n———\n\nb"),
        ("<b>no html</b>", "&lt;b&gt;no html&lt;/b&gt;"),
        ("<div>\nblock\n</div>", "&lt;div&gt;\nblock\n&lt;/div&gt;"),
        ("2 * 3 * 4 and a_b_c", "2 * 3 * 4 and a_b_c"),
        ("\\*not\\* emphasis", "*not* emphasis"),
        ("- a\n\n  second\n- b", "• a\n   second\n• b"),
        ("", ""),
    ] {
        assert_eq!(convert(text, &Tags), meant, "{text:?}");
    }
}

#[test]
fn plain_text_says_the_same_without_marks() {
    for (text, meant) in [
        ("**Hello** *you*", "Hello you"),
        ("[page](https://a.example)", "page (https://a.example)"),
        ("<https://a.example>", "https://a.example"),
        (
            "[https://a.example](https://a.example)",
            "https://a.example",
        ),
        ("# T\n1. a\n2. b\n\n> q", "T\n\n1. a\n2. b\n\n> q"),
        ("`x` and\n```\ny\n```", "x and\n\ny"),
    ] {
        assert_eq!(plain(text), meant, "{text:?}");
    }
}

#[test]
fn what_lies_too_deep_is_drawn_less_deep_and_not_lost() {
    let deep = format!("{}end", "> ".repeat(1_000));
    assert!(plain(&deep).ends_with("end"));
    let lists: String = (0..200)
        .map(|depth| format!("{}- x{depth}\n", "  ".repeat(depth)))
        .collect();
    let text = plain(&lists);
    assert!(
        (0..200).all(|depth| text.contains(&format!("x{depth}"))),
        "{text}"
    );
}

#[test]
fn the_tree_has_what_was_written() {
    assert_eq!(
        parse("a **b**"),
        [Block::Paragraph(vec![
            Span::Text("a ".into()),
            Span::Strong(vec![Span::Text("b".into())])
        ])]
    );
}

proptest! {
    #[test]
    fn any_text_is_read_and_no_letter_of_it_is_lost(text in "[a-z*_~`>#\\-\\[\\]()! \n1.]{0,120}") {
        let letters = |text: &str| text.chars().filter(char::is_ascii_lowercase).count();
        let shown = convert(&text, &super::Plain);
        // An address may be shown or not, a reference definition is no text: so only texts without brackets must keep all.
        if !text.contains(['[', '`', '~']) {
            prop_assert_eq!(letters(&shown), letters(&text), "{:?}", shown);
        }
    }

    #[test]
    fn marks_are_balanced_whatever_the_text(text in "[a*_~`>\\[\\]()\\- \n<&]{0,120}") {
        let shown = convert(&text, &Tags);
        for tag in ["i", "b", "s", "code", "pre", "a"] {
            let open = shown.matches(&format!("<{tag}>")).count() + shown.matches(&format!("<{tag} ")).count();
            prop_assert_eq!(open, shown.matches(&format!("</{tag}>")).count(), "{}", shown);
        }
    }
}
