//! Draws a report in the manner of rustc: head, place, source line, carets, help.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::{Diagnostic, Severity, Span};

pub(crate) fn draw(one: &Diagnostic, colour: bool) -> String {
    let level = match one.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level.primary_title(one.message.as_str()).id(one.code);
    let snippet = |span: Span| {
        let mark = AnnotationKind::Primary
            .span(first_line(one, span))
            .label(one.label.as_deref());
        let others = one.related.iter().map(|more| {
            AnnotationKind::Context
                .span(first_line(one, more.span))
                .label(more.label.as_str())
        });
        Snippet::source(one.source.text())
            .path(one.source.name())
            .annotation(mark)
            .annotations(others)
    };
    let mut group = match one.span {
        Some(span) => group.element(snippet(span)),
        None => {
            group = group.id(one.code);
            group.element(annotate_snippets::Origin::path(one.source.name()))
        }
    };
    if let Some(help) = &one.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    renderer.render(&[group])
}

/// A place of many lines (a whole table) is shown by its first line: the rest would bury the point.
fn first_line(one: &Diagnostic, span: Span) -> std::ops::Range<usize> {
    let start = span.start.offset;
    if span.end.line == span.start.line {
        return start..span.end.offset.max(start);
    }
    let written = one.source.slice(start..span.end.offset);
    let line = written.split(['\n', '\r']).next().unwrap_or_default();
    start..start + line.trim_end().len()
}

#[cfg(test)]
mod tests {
    use crate::{Diagnostic, Source};

    #[test]
    fn the_place_is_underlined_in_characters_and_the_help_stands_below() {
        let source = Source::new("a.yaml", "é: [provder]\n");
        let one = Diagnostic::error(&source, "unknown-key", "unknown key `provder`")
            .at(source.span(5..12))
            .label("here")
            .help("write `provider`");
        assert_eq!(
            one.render(false),
            "error[unknown-key]: unknown key `provder`\n \
             --> a.yaml:1:5\n  \
             |\n\
             1 | é: [provder]\n  \
             |     ^^^^^^^ here\n  \
             |\n  \
             = help: write `provider`"
        );
        assert!(one.render(true).contains("\u{1b}["), "colour on request");
    }

    #[test]
    fn two_places_are_both_shown() {
        let source = Source::new("a.yaml", "a: 1\nb: 2\na: 3\n");
        let one = Diagnostic::error(&source, "duplicate-key", "twice")
            .at(source.span(10..11))
            .label("again")
            .also(source.span(0..1), "first");
        let drawn = one.render(false);
        assert!(
            drawn.contains("- first") && drawn.contains("^ again"),
            "{drawn}"
        );
    }

    #[test]
    fn a_place_of_many_lines_shows_its_first_and_no_place_names_the_file() {
        let source = Source::new("a.yaml", "t:\n  a: 1\n  b: 2\n");
        let drawn = Diagnostic::error(&source, "x", "y")
            .at(source.span(5..16))
            .render(false);
        assert!(drawn.contains("^^^^") && !drawn.contains("b: 2"), "{drawn}");
        let drawn = Diagnostic::warning(&source, "x", "y").render(false);
        assert!(
            drawn.starts_with("warning[x]: y") && drawn.contains("a.yaml"),
            "{drawn}"
        );
    }
}
