//! `rich_text` blocks: formatted text as a tree, in which no character has a meaning of its own
//! (docs.slack.dev/reference/block-kit/blocks/rich-text-block).

use greentic_sdk::markdown::{Block, Span};
use serde_json::{Map, Value, json};

use super::blocks::is_address;

/// Deepest indentation of a list that Slack shows.
const INDENTS: usize = 8;

/// One block with the text.
pub fn block(parsed: &[Block]) -> Option<Value> {
    let mut writer = Writer::default();
    writer.blocks(parsed, 0);
    (!writer.elements.is_empty()).then(|| json!({"type": "rich_text", "elements": writer.elements}))
}

/// A text as it stands, addresses in it as links.
pub fn literal(text: &str) -> Option<Value> {
    let span = Span::Text(text.to_owned());
    block(&[Block::Paragraph(vec![span])])
}

/// Whether parsed text has nothing that needs formatting.
pub fn is_bare(parsed: &[Block]) -> bool {
    parsed.iter().all(|block| match block {
        Block::Paragraph(spans) => spans
            .iter()
            .all(|span| matches!(span, Span::Text(_) | Span::Break)),
        _ => false,
    })
}

#[derive(Default)]
struct Writer {
    elements: Vec<Value>,
}

impl Writer {
    fn blocks(&mut self, parsed: &[Block], indent: usize) {
        for block in parsed {
            match block {
                Block::Paragraph(spans) => self.section(spans, Look::default()),
                Block::Heading(_, spans) => self.section(
                    spans,
                    Look {
                        bold: true,
                        ..Look::default()
                    },
                ),
                Block::List(first, items) => self.list(*first, items, indent),
                Block::Quote(inner) => {
                    let mut elements = Vec::new();
                    flatten(inner, &mut elements);
                    self.push("rich_text_quote", elements);
                }
                Block::Code(_, code) => {
                    self.push("rich_text_preformatted", plain_elements(code));
                }
                Block::Rule => self.section(&[Span::Text("———".to_owned())], Look::default()),
            }
        }
    }

    fn push(&mut self, kind: &str, elements: Vec<Value>) {
        if !elements.is_empty() {
            self.elements
                .push(json!({"type": kind, "elements": elements}));
        }
    }

    /// Sections that follow one another are one, with an empty line between.
    fn section(&mut self, spans: &[Span], look: Look) {
        let mut elements = Vec::new();
        write(spans, look, &mut elements);
        if elements.is_empty() {
            return;
        }
        let before = self
            .elements
            .last_mut()
            .filter(|last| last["type"] == "rich_text_section")
            .and_then(|last| last.get_mut("elements"))
            .and_then(Value::as_array_mut);
        match before {
            Some(before) => {
                before.push(json!({"type": "text", "text": "\n\n"}));
                before.extend(elements);
            }
            None => self.push("rich_text_section", elements),
        }
    }

    /// A list inside an item is a list of its own, further in; the list goes on behind it.
    fn list(&mut self, first: Option<u64>, items: &[Vec<Block>], indent: usize) {
        let mut open: Vec<Value> = Vec::new();
        let mut number = first.unwrap_or(1);
        let mut begins = number;
        for item in items {
            let mut elements = Vec::new();
            let lists: Vec<&Block> = item
                .iter()
                .filter(|block| matches!(block, Block::List(..)))
                .collect();
            for block in item
                .iter()
                .filter(|block| !matches!(block, Block::List(..)))
            {
                flatten(std::slice::from_ref(block), &mut elements);
            }
            if elements.is_empty() {
                elements.push(json!({"type": "text", "text": " "}));
            }
            open.push(json!({"type": "rich_text_section", "elements": elements}));
            number = number.saturating_add(1);
            if !lists.is_empty() {
                self.close_list(std::mem::take(&mut open), first.map(|_| begins), indent);
                begins = number;
            }
            for list in lists {
                if let Block::List(first, items) = list {
                    self.list(*first, items, indent.saturating_add(1));
                }
            }
        }
        self.close_list(open, first.map(|_| begins), indent);
    }

    fn close_list(&mut self, items: Vec<Value>, first: Option<u64>, indent: usize) {
        if items.is_empty() {
            return;
        }
        let mut list = Map::new();
        list.insert("type".to_owned(), json!("rich_text_list"));
        let style = if first.is_some() { "ordered" } else { "bullet" };
        list.insert("style".to_owned(), json!(style));
        list.insert("indent".to_owned(), json!(indent.min(INDENTS)));
        // `offset` counts what comes before the first number.
        if let Some(before) = first
            .and_then(|first| first.checked_sub(1))
            .filter(|before| *before > 0)
        {
            list.insert("offset".to_owned(), json!(before));
        }
        list.insert("elements".to_owned(), Value::from(items));
        self.elements.push(Value::Object(list));
    }
}

/// Everything in one run of elements: what quotes and items of lists can hold.
fn flatten(parsed: &[Block], out: &mut Vec<Value>) {
    for block in parsed {
        let mut elements = Vec::new();
        match block {
            Block::Paragraph(spans) => write(spans, Look::default(), &mut elements),
            Block::Heading(_, spans) => {
                let look = Look {
                    bold: true,
                    ..Look::default()
                };
                write(spans, look, &mut elements);
            }
            Block::Quote(inner) => flatten(inner, &mut elements),
            Block::Code(_, code) => {
                let look = Look {
                    code: true,
                    ..Look::default()
                };
                write(&[Span::Text(code.clone())], look, &mut elements);
            }
            Block::List(first, items) => {
                for (number, item) in (first.unwrap_or(1)..).zip(items) {
                    let sign = match first {
                        Some(_) => format!("{number}. "),
                        None => "• ".to_owned(),
                    };
                    if !elements.is_empty() {
                        elements.push(json!({"type": "text", "text": "\n"}));
                    }
                    elements.push(json!({"type": "text", "text": sign}));
                    flatten(item, &mut elements);
                }
            }
            Block::Rule => elements.push(json!({"type": "text", "text": "———"})),
        }
        if !out.is_empty() && !elements.is_empty() && !ends_with_sign(out) {
            out.push(json!({"type": "text", "text": "\n"}));
        }
        out.extend(elements);
    }
}

/// Whether the last element is a list's sign, behind which the item goes on.
fn ends_with_sign(out: &[Value]) -> bool {
    out.last()
        .and_then(|last| last["text"].as_str())
        .is_some_and(|text| text == "• " || text.ends_with(". ") && text.len() < 8)
}

#[derive(Clone, Copy, Default)]
struct Look {
    bold: bool,
    italic: bool,
    strike: bool,
    code: bool,
}

impl Look {
    fn style(self) -> Option<Value> {
        let mut style = Map::new();
        for (name, on) in [
            ("bold", self.bold),
            ("italic", self.italic),
            ("strike", self.strike),
            ("code", self.code),
        ] {
            if on {
                style.insert(name.to_owned(), Value::Bool(true));
            }
        }
        (!style.is_empty()).then(|| Value::Object(style))
    }

    fn element(self, mut element: Value) -> Value {
        if let (Some(style), Some(map)) = (self.style(), element.as_object_mut()) {
            map.insert("style".to_owned(), style);
        }
        element
    }
}

fn write(spans: &[Span], look: Look, out: &mut Vec<Value>) {
    for span in spans {
        match span {
            Span::Text(text) => {
                for part in linked(text) {
                    out.push(look.element(part));
                }
            }
            Span::Emphasis(inner) => write(
                inner,
                Look {
                    italic: true,
                    ..look
                },
                out,
            ),
            Span::Strong(inner) => write(inner, Look { bold: true, ..look }, out),
            Span::Strike(inner) => write(
                inner,
                Look {
                    strike: true,
                    ..look
                },
                out,
            ),
            Span::Code(code) if code.is_empty() => {}
            Span::Code(code) => {
                let look = Look { code: true, ..look };
                out.push(look.element(json!({"type": "text", "text": code})));
            }
            Span::Link(inner, url) => {
                let label = label(inner);
                if is_address(url)
                    || url.starts_with("mailto:") && !url.contains(char::is_whitespace)
                {
                    let mut link = json!({"type": "link", "url": url});
                    if !label.is_empty()
                        && let Some(map) = link.as_object_mut()
                    {
                        map.insert("text".to_owned(), Value::from(label));
                    }
                    out.push(look.element(link));
                } else {
                    write(inner, look, out);
                    let shown = if label.is_empty() {
                        url.clone()
                    } else {
                        format!(" ({url})")
                    };
                    if !url.is_empty() {
                        out.push(look.element(json!({"type": "text", "text": shown})));
                    }
                }
            }
            Span::Break => out.push(json!({"type": "text", "text": "\n"})),
        }
    }
}

/// What is shown of a link, without its formatting.
fn label(spans: &[Span]) -> String {
    let mut label = String::new();
    for span in spans {
        match span {
            Span::Text(text) | Span::Code(text) => label.push_str(text),
            Span::Emphasis(inner)
            | Span::Strong(inner)
            | Span::Strike(inner)
            | Span::Link(inner, _) => {
                label.push_str(&self::label(inner));
            }
            Span::Break => label.push(' '),
        }
    }
    label
}

fn plain_elements(text: &str) -> Vec<Value> {
    if text.is_empty() {
        Vec::new()
    } else {
        vec![json!({"type": "text", "text": text})]
    }
}

/// A text as elements: addresses in it can be followed, as in a message somebody typed.
fn linked(text: &str) -> Vec<Value> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = ["https://", "http://"]
        .iter()
        .filter_map(|scheme| rest.find(scheme))
        .min()
    {
        let (before, from) = rest.split_at(at);
        let end = from
            .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '|'))
            .unwrap_or(from.len());
        let (url, _) = from.split_at(end);
        let url = url.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', ']', '\'', '*', '_']);
        let (_, after) = from.split_at(url.len());
        // The scheme alone is no address.
        if url.ends_with("//") || !is_address(url) {
            let (scheme, after) = from.split_at(from.find("//").map_or(from.len(), |at| at + 2));
            out.extend(plain_elements(&format!("{before}{scheme}")));
            rest = after;
            continue;
        }
        out.extend(plain_elements(before));
        out.push(json!({"type": "link", "url": url}));
        rest = after;
    }
    out.extend(plain_elements(rest));
    out
}

#[cfg(test)]
mod tests {
    use greentic_sdk::markdown::parse;
    use proptest::prelude::*;

    use super::*;

    fn elements(markdown: &str) -> Value {
        block(&parse(markdown)).map_or(Value::Null, |block| block["elements"].clone())
    }

    fn section(elements: Value) -> Value {
        json!([{"type": "rich_text_section", "elements": elements}])
    }

    #[test]
    fn marks_become_styles_and_literal_signs_stay_signs() {
        for (markdown, meant) in [
            (
                "**a** *b* ~~c~~ `d`",
                section(json!([
                    {"type": "text", "text": "a", "style": {"bold": true}}, {"type": "text", "text": " "},
                    {"type": "text", "text": "b", "style": {"italic": true}}, {"type": "text", "text": " "},
                    {"type": "text", "text": "c", "style": {"strike": true}}, {"type": "text", "text": " "},
                    {"type": "text", "text": "d", "style": {"code": true}},
                ])),
            ),
            (
                "[docs](https://x.example/a_b)",
                section(json!([{"type": "link", "url": "https://x.example/a_b", "text": "docs"}])),
            ),
            (
                "see https://x.example/a.",
                section(json!([
                    {"type": "text", "text": "see "}, {"type": "link", "url": "https://x.example/a"}, {"type": "text", "text": "."},
                ])),
            ),
            (
                "one\n\ntwo",
                section(json!([
                    {"type": "text", "text": "one"}, {"type": "text", "text": "\n\n"}, {"type": "text", "text": "two"},
                ])),
            ),
            (
                "# Title",
                section(json!([{"type": "text", "text": "Title", "style": {"bold": true}}])),
            ),
        ] {
            assert_eq!(elements(markdown), meant, "{markdown}");
        }
        assert_eq!(
            literal("2 * 3 * 4 <!channel> _x_"),
            Some(
                json!({"type": "rich_text", "elements": section(json!([{"type": "text", "text": "2 * 3 * 4 <!channel> _x_"}]))})
            )
        );
        assert_eq!(literal(""), None);
    }

    #[test]
    fn lists_quotes_and_code_have_elements_of_their_own() {
        let found = elements("- a\n- b\n  1. c\n- d\n\n> q\n\n```\nx = *y*\n```");
        let kinds: Vec<(&str, i64)> = found
            .as_array()
            .unwrap()
            .iter()
            .map(|one| {
                (
                    one["type"].as_str().unwrap(),
                    one["indent"].as_i64().unwrap_or(0),
                )
            })
            .collect();
        assert_eq!(
            kinds,
            [
                ("rich_text_list", 0),
                ("rich_text_list", 1),
                ("rich_text_list", 0),
                ("rich_text_quote", 0),
                ("rich_text_preformatted", 0)
            ]
        );
        assert_eq!(found[1]["style"], "ordered");
        assert_eq!(found[4]["elements"][0]["text"], "x = *y*");
        let numbered = elements("3. c\n4. d");
        assert_eq!(
            (
                &numbered[0]["offset"],
                numbered[0]["elements"].as_array().unwrap().len()
            ),
            (&json!(2), 2)
        );
    }

    #[test]
    fn what_is_no_address_is_shown_and_not_linked() {
        assert_eq!(
            elements("[a](javascript:x)"),
            section(
                json!([{"type": "text", "text": "a"}, {"type": "text", "text": " (javascript:x)"}])
            )
        );
        for text in ["https://", "http:// x", "a https://?"] {
            let block = literal(text).unwrap();
            let parts = block["elements"][0]["elements"].as_array().unwrap();
            let whole: String = parts
                .iter()
                .map(|part| part["text"].as_str().unwrap())
                .collect();
            assert_eq!(whole, text);
        }
    }

    /// Every text and link of a value, in order.
    fn said(value: &Value, out: &mut String) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| said(item, out)),
            Value::Object(map) => {
                if let Some(elements) = map.get("elements") {
                    said(elements, out);
                } else {
                    let text = map.get("text").or(map.get("url")).and_then(Value::as_str);
                    assert!(
                        text.is_some_and(|text| !text.is_empty()),
                        "Slack refuses an empty text: {value}"
                    );
                    out.push_str(text.unwrap_or_default());
                }
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn a_literal_text_says_exactly_itself(text in "[a-z*_~`<>&:/. \n\u{e4}]{1,40}|.*https?://.*") {
            let mut out = String::new();
            if let Some(block) = literal(&text) {
                said(&block, &mut out);
            }
            prop_assert_eq!(out, text);
        }

        #[test]
        fn any_markdown_makes_elements_slack_takes(text in "[-a-z*_~`<>#\\[\\]()0-9. \n]{0,60}") {
            if let Some(block) = block(&parse(&text)) {
                said(&block, &mut String::new());
            }
        }
    }
}
