//! The platform's own marks: `*strong*`, `_emphasis_`, `~struck~`, code in backticks, lists with a dash, quotes with `>`.
//!
//! The platform has no escape. A mark that stands for itself and would open a style gets an invisible blank behind it: a mark opens only
//! before something that is no blank. A mark holds to the end of its line.

use greentic_sdk::markdown::{Render, convert};

/// A text in the common Markdown with the platform's marks.
pub fn of_markdown(text: &str) -> String {
    convert(text, &Marks)
}

/// An invisible blank.
const BLANK: char = '\u{200b}';

/// A text that is shown as it stands.
pub fn literal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        // A quote begins its line.
        if line.starts_with("> ") {
            shown.push(BLANK);
        }
        let mut before = None;
        let mut address = false;
        for (at, letter) in line.char_indices() {
            let after = line.get(at + letter.len_utf8()..).unwrap_or_default();
            let begins_word = before.is_none_or(|before: char| !before.is_alphanumeric());
            if letter.is_whitespace() {
                address = false;
            } else if begins_word {
                let here = line.get(at..).unwrap_or_default();
                address |= here.starts_with("https://") || here.starts_with("http://");
            }
            shown.push(letter);
            // An address with a blank in it would lead elsewhere.
            let opens = matches!(letter, '*' | '_' | '~' | '`')
                && begins_word
                && !address
                && after.contains(letter)
                && !after.starts_with(char::is_whitespace);
            if opens {
                shown.push(BLANK);
            }
            before = Some(letter);
        }
    }
    shown
}

struct Marks;

impl Render for Marks {
    fn text(&self, text: &str) -> String {
        literal(text)
    }

    fn link(&self, inner: &str, url: &str) -> String {
        if inner.is_empty() || inner == url {
            url.to_owned()
        } else {
            format!("{inner} ({url})")
        }
    }

    fn quote(&self, inner: &str) -> String {
        let lines: Vec<String> = inner.split('\n').map(|line| format!("> {line}")).collect();
        lines.join("\n")
    }

    fn emphasis(&self, inner: &str) -> String {
        around(inner, '_')
    }

    fn strong(&self, inner: &str) -> String {
        around(inner, '*')
    }

    fn strike(&self, inner: &str) -> String {
        around(inner, '~')
    }

    fn code(&self, text: &str) -> String {
        format!("`{text}`")
    }

    fn code_block(&self, _: Option<&str>, text: &str) -> String {
        format!("```\n{text}\n```")
    }

    fn bullet(&self, number: Option<u64>) -> String {
        match number {
            Some(number) => format!("{number}. "),
            None => "- ".to_owned(),
        }
    }
}

/// A mark around each line, its blanks left outside. A line that has the mark in it already stays as it is: the marks would close each
/// other.
fn around(inner: &str, mark: char) -> String {
    let lines: Vec<String> = inner
        .split('\n')
        .map(|line| {
            let text = line.trim();
            if text.is_empty() || text.contains(mark) {
                return line.to_owned();
            }
            line.replacen(text, &format!("{mark}{text}{mark}"), 1)
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_common_markdown_gets_the_platforms_marks() {
        for (markdown, marked) in [
            ("plain", "plain"),
            ("**b** *i* ~~s~~ `c`", "*b* _i_ ~s~ `c`"),
            ("***both***", "_*both*_"),
            ("# Head\ntext", "*Head*\n\ntext"),
            ("# Head **b**", "Head *b*"),
            ("**two\nlines**", "*two*\n*lines*"),
            ("- a\n- b", "- a\n- b"),
            ("3. a\n4. b", "3. a\n4. b"),
            ("> said\n> so", "> said\n> so"),
            ("```rust\nlet a;\n```", "```\nlet a;\n```"),
            ("[here](https://a.example)", "here (https://a.example)"),
            ("<https://a.example>", "https://a.example"),
            ("https://a.example/_x_", "https://a.example/_x_"),
            ("[a](https://a.example/_x_)", "a (https://a.example/_x_)"),
            ("2 \\* 3 \\* 4", "2 * 3 * 4"),
            ("\\*not bold\\*", "*\u{200b}not bold*"),
        ] {
            assert_eq!(of_markdown(markdown), marked, "{markdown}");
        }
    }

    #[test]
    fn only_a_mark_that_would_open_a_style_gets_an_invisible_blank() {
        for (text, shown) in [
            ("plain", "plain"),
            ("*stars*", "*\u{200b}stars*"),
            ("2*3*4", "2*3*4"),
            ("* a * b", "* a * b"),
            ("one *star", "one *star"),
            ("*a\nb*", "*a\nb*"),
            ("~w~ `t`", "~\u{200b}w~ `\u{200b}t`"),
            ("snake_case_name", "snake_case_name"),
            ("> said", "\u{200b}> said"),
            (
                "see https://a.example/_x_ and _y_",
                "see https://a.example/_x_ and _\u{200b}y_",
            ),
        ] {
            assert_eq!(literal(text), shown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_but_invisible_blanks_is_added(text in "(?s)[*_~` a>\n/:htps.]{0,60}") {
            prop_assert_eq!(literal(&text).replace(BLANK, ""), text);
        }

        #[test]
        fn no_markdown_makes_it_panic(text in "[*_~`#>\\-\\[\\]() a\n]{0,60}") {
            let _ = of_markdown(&text);
        }
    }
}
