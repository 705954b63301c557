//! Events of the parser to a tree, without recursion, so that deep input cannot exhaust the stack.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span as Marks, Tag};

use super::node::{Entry, Mapping, Node, Value, Written};
use super::scalar;
use crate::{Diagnostics, Report, Source, Span};

/// The largest text that is read, in bytes (8 MiB).
pub const MAX_BYTES: usize = 8 << 20;
/// How deep lists and mappings may nest, after aliases are expanded.
pub const MAX_DEPTH: usize = 64;
/// How many values a document may hold, after aliases are expanded.
pub const MAX_NODES: usize = 500_000;

/// Reads one document.
///
/// # Errors
/// All faults found; duplicate keys are all reported, a syntax fault ends the reading.
pub fn parse(source: &Source) -> Result<Node, Diagnostics> {
    let report = Report::new(source);
    match read(&report) {
        Some(node) if !report.has_errors() => Ok(node),
        _ => Err(report.into_diagnostics()),
    }
}

/// Reads the document of a report's source and reports its faults there. There is a tree whenever the syntax holds, so
/// that a duplicate key does not hide what else is wrong. An empty document is a null.
pub fn read(report: &Report) -> Option<Node> {
    let source = report.source();
    if source.text().len() > MAX_BYTES {
        report
            .error(
                Span::default(),
                "too-large",
                format!("the text has {} bytes", source.text().len()),
            )
            .help(format!("at most {MAX_BYTES} bytes are read"));
        return None;
    }
    let mut builder = Builder::new(report);
    let mut parser = Parser::new_from_str(source.text());
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, marks)) => {
                let span = span_of(source, marks);
                builder.take(event, span)?;
            }
            Err(fault) => {
                let at = source.offset_of_char(fault.marker().index());
                report.error(
                    source.span(at..at),
                    "syntax",
                    format!("not valid YAML: {}", fault.info()),
                );
                return None;
            }
        }
    }
    Some(builder.root.unwrap_or_else(Node::null))
}

/// The place of an event; white space after it is not part of it.
fn span_of(source: &Source, marks: Marks) -> Span {
    let start = source.offset_of_char(marks.start.index());
    let end = source.offset_of_char(marks.end.index()).max(start);
    source.span(start..start + source.slice(start..end).trim_end().len())
}

/// A list or mapping that is not closed yet.
struct Open {
    value: Value,
    /// The key that waits for its value.
    key: Option<(String, Span)>,
    start: Span,
    /// Where the last child ended.
    end: Span,
    anchor: usize,
    nodes_before: usize,
    /// Levels below this one.
    height: usize,
}

/// A finished value that aliases may repeat.
struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

struct Builder<'r> {
    report: &'r Report,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    documents: usize,
    root: Option<Node>,
}

impl<'r> Builder<'r> {
    fn new(report: &'r Report) -> Self {
        Self {
            report,
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes: 0,
            documents: 0,
            root: None,
        }
    }

    /// `None` ends the reading; the reason was reported.
    fn take(&mut self, event: Event<'_>, span: Span) -> Option<()> {
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.report
                        .error(span, "second-document", "a second document begins here")
                        .help("keep one document in a file: remove the `---`");
                    return None;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                if self.awaits_key() {
                    return self.take_key(text.into_owned(), style, span);
                }
                let node = self.scalar(text.into_owned(), style, tag.as_deref(), span);
                self.nodes += 1;
                self.finish(node, anchor, 1, 0)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.start(Value::Sequence(Vec::new()), anchor, tag.as_deref(), span)?
            }
            Event::MappingStart(anchor, tag) => {
                self.start(
                    Value::Mapping(Mapping::default()),
                    anchor,
                    tag.as_deref(),
                    span,
                )?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let open = self.open.pop()?;
                let closes = span.end.offset > span.start.offset;
                let end = if closes { span } else { open.end };
                let node = Node {
                    span: open.start.to(end),
                    value: open.value,
                    written: Written::Plain,
                };
                self.finish(
                    node,
                    open.anchor,
                    self.nodes - open.nodes_before,
                    open.height + 1,
                )?;
            }
            Event::Alias(anchor) => self.alias(anchor, span)?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        (self.nodes <= MAX_NODES).then_some(()).or_else(|| {
            self.report
                .error(
                    span,
                    "too-many-values",
                    format!("the document holds more than {MAX_NODES} values"),
                )
                .help("split it, or repeat less by aliases");
            None
        })
    }

    fn awaits_key(&self) -> bool {
        self.open
            .last()
            .is_some_and(|open| matches!(open.value, Value::Mapping(_)) && open.key.is_none())
    }

    fn take_key(&mut self, key: String, style: ScalarStyle, span: Span) -> Option<()> {
        if key == "<<" && style == ScalarStyle::Plain {
            self.report
                .error(
                    span,
                    "merge-key",
                    "merge keys (`<<`) are not part of YAML 1.2",
                )
                .help("write the keys out, or repeat a whole value by an alias");
        }
        if let Some(open) = self.open.last_mut() {
            open.end = span;
            open.key = Some((key, span));
        }
        Some(())
    }

    fn start(&mut self, value: Value, anchor: usize, tag: Option<&Tag>, span: Span) -> Option<()> {
        if self.awaits_key() {
            self.report
                .error(
                    span,
                    "key-not-scalar",
                    "a key must be a single word or text, not a list or a table",
                )
                .help("a `{` or `[` that begins a text needs quotes");
            return None;
        }
        let expected = if matches!(value, Value::Sequence(_)) {
            "seq"
        } else {
            "map"
        };
        self.check_tag(tag, &[expected], span);
        if self.open.len() >= MAX_DEPTH {
            self.too_deep(span);
            return None;
        }
        self.nodes += 1;
        let nodes_before = self.nodes - 1;
        self.open.push(Open {
            value,
            key: None,
            start: span,
            end: span,
            anchor,
            nodes_before,
            height: 0,
        });
        Some(())
    }

    fn scalar(&self, text: String, style: ScalarStyle, tag: Option<&Tag>, mut span: Span) -> Node {
        self.check_tag(tag, &["str", "int", "float", "bool", "null"], span);
        let as_text = tag.is_some_and(|tag| tag.suffix == "str");
        if style != ScalarStyle::Plain || as_text {
            return Node {
                span,
                value: Value::String(text),
                written: Written::Quoted,
            };
        }
        if let (true, Some((_, key))) = (
            text.is_empty(),
            self.open.last().and_then(|open| open.key.as_ref()),
        ) {
            span = *key;
        }
        let value = scalar::resolve(&text).unwrap_or_else(|| {
            self.report.error(
                span,
                "not-finite",
                format!("`{text}` is not a finite number"),
            );
            Value::Null
        });
        Node {
            span,
            value,
            written: Written::Plain,
        }
    }

    fn check_tag(&self, tag: Option<&Tag>, known: &[&str], span: Span) {
        if let Some(tag) = tag
            && !(tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str()))
        {
            self.report
                .error(
                    span,
                    "unknown-tag",
                    format!("the tag `{}{}` has no meaning here", tag.handle, tag.suffix),
                )
                .help("remove the tag");
        }
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Option<()> {
        if self.awaits_key() {
            self.report.error(
                span,
                "key-not-scalar",
                "a key must be written out, not be an alias",
            );
            return None;
        }
        let Some(known) = self.anchors.get(&anchor) else {
            self.report.error(
                span,
                "alias-loop",
                "this alias stands inside the value it repeats",
            );
            return None;
        };
        if self.open.len() + known.height > MAX_DEPTH {
            self.too_deep(span);
            return None;
        }
        let (nodes, height) = (known.nodes, known.height);
        if self.nodes + nodes > MAX_NODES {
            self.nodes = MAX_NODES + 1;
            return Some(());
        }
        let node = known.node.clone();
        self.nodes += nodes;
        self.place(node, span, height)
    }

    fn too_deep(&self, span: Span) {
        self.report.error(
            span,
            "too-deep",
            format!("lists and tables nest deeper than {MAX_DEPTH} levels here"),
        );
    }

    fn finish(&mut self, node: Node, anchor: usize, nodes: usize, height: usize) -> Option<()> {
        if anchor > 0 {
            self.anchors.insert(
                anchor,
                Anchored {
                    node: node.clone(),
                    nodes,
                    height,
                },
            );
            // The copy kept for aliases counts too: nested anchors would otherwise multiply memory unseen.
            self.nodes += nodes;
        }
        let span = node.span;
        self.place(node, span, height)
    }

    /// Puts a finished value where it belongs; `end` is where it ends in the text.
    fn place(&mut self, node: Node, end: Span, height: usize) -> Option<()> {
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Some(());
        };
        open.height = open.height.max(height);
        open.end = end;
        match &mut open.value {
            Value::Sequence(list) => list.push(node),
            Value::Mapping(mapping) => {
                let (key, key_span) = open.key.take()?;
                match mapping.0.entry(key) {
                    indexmap::map::Entry::Vacant(free) => {
                        free.insert(Entry { key_span, node });
                    }
                    indexmap::map::Entry::Occupied(first) => {
                        self.report
                            .error(
                                key_span,
                                "duplicate-key",
                                format!("the key `{}` stands here twice", first.key()),
                            )
                            .label("again here")
                            .also(first.get().key_span, "first here")
                            .help("remove one of the two");
                    }
                }
            }
            _ => {}
        }
        Some(())
    }
}
