//! From the events of pulldown-cmark to a tree.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::{Block, Span};

/// How deep lists and quotes may lie in each other. What is deeper is drawn at this depth: a tree is walked recursively.
const DEEPEST: usize = 16;

/// What is open while events come in.
enum Open {
    Blocks(Kind, Vec<Block>),
    Items(Option<u64>, Vec<Vec<Block>>),
    Spans(Mark, Vec<Span>),
    Code(Option<String>, String),
}

enum Kind {
    Whole,
    Quote,
    Item,
}

enum Mark {
    Paragraph,
    /// Text straight in an item or quote, which no event of its own opens.
    Loose,
    Heading(u8),
    Emphasis,
    Strong,
    Strike,
    Link(String),
}

struct Reader {
    open: Vec<Open>,
    /// Elements that were opened too deep and are passed over.
    skipped: usize,
}

/// Reads a text. Any text is some Markdown.
#[must_use]
pub fn parse(text: &str) -> Vec<Block> {
    let mut reader = Reader {
        open: vec![Open::Blocks(Kind::Whole, Vec::new())],
        skipped: 0,
    };
    for event in Parser::new_ext(text, Options::ENABLE_STRIKETHROUGH) {
        reader.take(event);
    }
    reader.finish()
}

impl Reader {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(&text),
            Event::Code(text) => self.span(Span::Code(text.into_string())),
            Event::SoftBreak | Event::HardBreak => self.span(Span::Break),
            Event::Rule => {
                self.end_loose();
                self.block(Block::Rule);
            }
            // Extensions that are not switched on.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                self.text(&text);
            }
            Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        let deep = self.open.len() >= DEEPEST;
        let open = match tag {
            Tag::Paragraph => Open::Spans(Mark::Paragraph, Vec::new()),
            Tag::Heading { level, .. } => Open::Spans(Mark::Heading(depth(level)), Vec::new()),
            Tag::CodeBlock(kind) => Open::Code(language(&kind), String::new()),
            Tag::HtmlBlock => Open::Spans(Mark::Paragraph, Vec::new()),
            Tag::BlockQuote(_) | Tag::List(_) | Tag::Item if deep || self.skipped > 0 => {
                self.skipped += 1;
                self.end_loose();
                return;
            }
            Tag::BlockQuote(_) => Open::Blocks(Kind::Quote, Vec::new()),
            Tag::List(first) => Open::Items(first, Vec::new()),
            Tag::Item => Open::Blocks(Kind::Item, Vec::new()),
            Tag::Emphasis => Open::Spans(Mark::Emphasis, Vec::new()),
            Tag::Strong => Open::Spans(Mark::Strong, Vec::new()),
            Tag::Strikethrough => Open::Spans(Mark::Strike, Vec::new()),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                Open::Spans(Mark::Link(dest_url.into_string()), Vec::new())
            }
            _ => return,
        };
        match &open {
            Open::Spans(Mark::Paragraph | Mark::Heading(_), _)
            | Open::Blocks(..)
            | Open::Items(..)
            | Open::Code(..) => self.end_loose(),
            Open::Spans(..) => self.begin_loose(),
        }
        self.open.push(open);
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item => {
                self.end_loose();
                if self.skipped > 0 {
                    self.skipped -= 1;
                    return;
                }
            }
            TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Link
            | TagEnd::Image => {}
            _ => return,
        }
        self.close();
    }

    /// Puts the innermost open element into the one around it.
    fn close(&mut self) {
        if self.open.len() < 2 {
            return;
        }
        match self.open.pop() {
            Some(Open::Blocks(Kind::Item, blocks)) => match self.open.last_mut() {
                Some(Open::Items(_, items)) => items.push(blocks),
                _ => blocks.into_iter().for_each(|block| self.block(block)),
            },
            Some(Open::Blocks(_, blocks)) => self.block(Block::Quote(blocks)),
            Some(Open::Items(first, items)) => self.block(Block::List(first, items)),
            Some(Open::Code(language, text)) => {
                let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
                self.block(Block::Code(language, text));
            }
            Some(Open::Spans(mark, spans)) => match mark {
                Mark::Paragraph | Mark::Loose => {
                    let spans = trimmed(spans);
                    if !spans.is_empty() {
                        self.block(Block::Paragraph(spans));
                    }
                }
                Mark::Heading(level) => self.block(Block::Heading(level, spans)),
                Mark::Emphasis => self.span(Span::Emphasis(spans)),
                Mark::Strong => self.span(Span::Strong(spans)),
                Mark::Strike => self.span(Span::Strike(spans)),
                Mark::Link(url) => self.span(Span::Link(spans, url)),
            },
            None => {}
        }
    }

    fn block(&mut self, block: Block) {
        match self.open.last_mut() {
            Some(Open::Blocks(_, blocks)) => blocks.push(block),
            // Blocks lie in items; one that lies in the list itself is an item.
            Some(Open::Items(_, items)) => items.push(vec![block]),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(Open::Code(_, code)) = self.open.last_mut() {
            code.push_str(text);
            return;
        }
        self.begin_loose();
        if let Some(Open::Spans(_, spans)) = self.open.last_mut() {
            match spans.last_mut() {
                Some(Span::Text(before)) => before.push_str(text),
                _ => spans.push(Span::Text(text.to_owned())),
            }
        }
    }

    fn span(&mut self, span: Span) {
        self.begin_loose();
        if let Some(Open::Spans(_, spans)) = self.open.last_mut() {
            spans.push(span);
        }
    }

    fn begin_loose(&mut self) {
        if !matches!(self.open.last(), Some(Open::Spans(..) | Open::Code(..))) {
            self.open.push(Open::Spans(Mark::Loose, Vec::new()));
        }
    }

    fn end_loose(&mut self) {
        if let Some(Open::Spans(Mark::Loose, _)) = self.open.last() {
            self.close();
        }
    }

    fn finish(mut self) -> Vec<Block> {
        while self.open.len() > 1 {
            self.close();
        }
        match self.open.pop() {
            Some(Open::Blocks(_, blocks)) => blocks,
            _ => Vec::new(),
        }
    }
}

/// Without line breaks at the end, which HTML blocks have.
fn trimmed(mut spans: Vec<Span>) -> Vec<Span> {
    if let Some(Span::Text(text)) = spans.last_mut() {
        text.truncate(text.trim_end_matches('\n').len());
        if text.is_empty() {
            spans.pop();
        }
    }
    spans
}

fn depth(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

fn language(kind: &CodeBlockKind<'_>) -> Option<String> {
    match kind {
        CodeBlockKind::Fenced(info) => info.split_whitespace().next().map(str::to_owned),
        CodeBlockKind::Indented => None,
    }
}
