//! The marks of a text as the app shows them: `*bold*`, `_italic_`, `~struck~`, code in backticks, quotes.
//!
//! A mark opens before a letter that is not preceded by one, and closes on the same line after a letter that is not followed by one.
//! Zero-width blanks are blanks, and nobody sees them.

use crate::platform::Style;

const INVISIBLE: char = '\u{200b}';

/// The text without marks, and the parts that are shown in a style.
pub fn read(text: &str) -> (String, Vec<(Style, String)>) {
    let mut plain = String::new();
    let mut styles = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("```") {
        let Some((code, behind)) = after.split_once("```") else {
            break;
        };
        lines(before, &mut plain, &mut styles);
        let code = code.trim_matches('\n');
        plain.push_str(code);
        styles.push((Style::Code, code.to_owned()));
        rest = behind;
    }
    lines(rest, &mut plain, &mut styles);
    let visible = |text: String| text.replace(INVISIBLE, "");
    let styles = styles
        .into_iter()
        .map(|(style, text)| (style, visible(text)))
        .collect();
    (visible(plain), styles)
}

fn lines(text: &str, plain: &mut String, styles: &mut Vec<(Style, String)>) {
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            plain.push('\n');
        }
        if let Some(quoted) = line.strip_prefix("> ") {
            let begins = plain.len();
            of_line(quoted, plain, styles);
            let quoted = plain.get(begins..).unwrap_or_default().to_owned();
            styles.push((Style::Quote, quoted));
        } else {
            of_line(line, plain, styles);
        }
    }
}

fn of_line(line: &str, plain: &mut String, styles: &mut Vec<(Style, String)>) {
    let mut rest = line;
    let mut before: Option<char> = None;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        let opens = before.is_none_or(|before| !before.is_alphanumeric());
        if let Some((inner, behind)) = opens.then(|| closed(letter, after)).flatten() {
            if letter == '`' {
                plain.push_str(inner);
                styles.push((Style::Code, inner.to_owned()));
            } else {
                let begins = plain.len();
                of_line(inner, plain, styles);
                let shown = plain.get(begins..).unwrap_or_default().to_owned();
                let style = match letter {
                    '*' => Style::Strong,
                    '_' => Style::Emphasis,
                    _ => Style::Struck,
                };
                styles.push((style, shown));
            }
            before = Some(letter);
            rest = behind;
            continue;
        }
        if opens && (rest.starts_with("https://") || rest.starts_with("http://")) {
            let end = rest.find([' ', ')', ',']).unwrap_or(rest.len());
            let (url, behind) = rest.split_at(end);
            plain.push_str(url);
            styles.push((Style::Link(url.to_owned()), url.to_owned()));
            before = url.chars().next_back();
            rest = behind;
            continue;
        }
        plain.push(letter);
        before = Some(letter);
        rest = after;
    }
}

/// What stands between an opening mark and its closing one, and what comes behind.
fn closed(mark: char, after: &str) -> Option<(&str, &str)> {
    if !matches!(mark, '*' | '_' | '~' | '`') || after.starts_with([' ', INVISIBLE, mark]) {
        return None;
    }
    let mut from = 0;
    while let Some(at) = after.get(from..)?.find(mark).map(|at| from + at) {
        let (inner, behind) = (after.get(..at)?, after.get(at + 1..)?);
        let ends = !inner.is_empty() && !inner.ends_with(' ');
        if ends && !behind.starts_with(|letter: char| letter.is_alphanumeric()) {
            return Some((inner, behind));
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_as_the_app_shows_them() {
        let strong = |text: &str| (Style::Strong, text.to_owned());
        let emphasis = |text: &str| (Style::Emphasis, text.to_owned());
        let code = |text: &str| (Style::Code, text.to_owned());
        for (text, plain, styles) in [
            ("plain", "plain", vec![]),
            ("*b* and _i_", "b and i", vec![strong("b"), emphasis("i")]),
            ("_*both*_", "both", vec![strong("both"), emphasis("both")]),
            ("~s~.", "s.", vec![(Style::Struck, "s".into())]),
            ("`a*b*c`", "a*b*c", vec![code("a*b*c")]),
            ("```\nlet a;\n```", "let a;", vec![code("let a;")]),
            ("> said", "said", vec![(Style::Quote, "said".into())]),
            ("2*3*4", "2*3*4", vec![]),
            ("a * b * c", "a * b * c", vec![]),
            ("*open", "*open", vec![]),
            ("*\u{200b}b*", "*b*", vec![]),
            ("*a\nb*", "*a\nb*", vec![]),
            (
                "see https://a.example/x_y_z now",
                "see https://a.example/x_y_z now",
                vec![(
                    Style::Link("https://a.example/x_y_z".into()),
                    "https://a.example/x_y_z".into(),
                )],
            ),
        ] {
            assert_eq!(read(text), (plain.to_owned(), styles), "{text}");
        }
    }
}
