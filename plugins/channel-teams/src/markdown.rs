//! The common Markdown as Teams' clients read it: nearly what flows write, without headings and pictures, and with HTML in it unless
//! it is escaped.

use greentic_sdk::markdown::{Render, convert};

/// Teams' marks.
struct Marks;

/// A text as it is written for Teams.
#[must_use]
pub fn render(text: &str) -> String {
    convert(text, &Marks)
}

/// A link whose name is shown as it stands.
#[must_use]
pub fn link(name: &str, url: &str) -> String {
    Marks.link(&Marks.text(name), url)
}

/// Marks around something; around nothing they would be text.
fn around(marks: &str, inner: &str) -> String {
    if inner.trim().is_empty() {
        return inner.to_owned();
    }
    format!("{marks}{inner}{marks}")
}

/// Something before each line: `first` before the first, `rest` before the others.
fn lines(text: &str, first: &str, rest: &str) -> String {
    format!("{first}{}", text.replace('\n', &format!("\n{rest}")))
}

impl Render for Marks {
    fn text(&self, text: &str) -> String {
        let mut escaped = String::with_capacity(text.len());
        // What makes a heading, a quote or a list does so at the beginning of a line; between words it is only itself.
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let number = text
            .get(digits..)
            .filter(|rest| digits > 0 && rest.starts_with(['.', ')']))
            .map(|_| digits);
        for (at, char) in text.char_indices() {
            match char {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                '\\' | '`' | '*' | '_' | '~' | '[' | ']' => escaped.extend(['\\', char]),
                '#' | '>' | '+' | '-' | '=' if at == 0 => escaped.extend(['\\', char]),
                '.' | ')' if Some(at) == number => escaped.extend(['\\', char]),
                _ => escaped.push(char),
            }
        }
        escaped
    }

    fn emphasis(&self, inner: &str) -> String {
        around("_", inner)
    }

    fn strong(&self, inner: &str) -> String {
        around("**", inner)
    }

    fn strike(&self, inner: &str) -> String {
        around("~~", inner)
    }

    fn code(&self, text: &str) -> String {
        // More marks around than there are inside; a blank parts them from marks at the border (CommonMark, section 6.1).
        let longest = text.split(|char| char != '`').map(str::len).max();
        let marks = "`".repeat(longest.unwrap_or(0).saturating_add(1));
        let blank = if text.starts_with('`') || text.ends_with('`') {
            " "
        } else {
            ""
        };
        format!("{marks}{blank}{text}{blank}{marks}")
    }

    fn code_block(&self, language: Option<&str>, text: &str) -> String {
        let longest = text.split(|char| char != '`').map(str::len).max();
        let marks = "`".repeat(longest.unwrap_or(0).saturating_add(1).max(3));
        format!("{marks}{}\n{text}\n{marks}", language.unwrap_or_default())
    }

    fn link(&self, inner: &str, url: &str) -> String {
        let mut at = String::with_capacity(url.len());
        for char in url.chars() {
            match char {
                '(' => at.push_str("%28"),
                ')' => at.push_str("%29"),
                '<' => at.push_str("%3C"),
                '>' => at.push_str("%3E"),
                '\\' => at.push_str("%5C"),
                char if char.is_whitespace() || char.is_control() => at.push_str("%20"),
                char => at.push(char),
            }
        }
        let shown = if inner.is_empty() {
            self.text(url)
        } else {
            inner.to_owned()
        };
        format!("[{}]({at})", shown.replace('\n', " "))
    }

    fn quote(&self, inner: &str) -> String {
        lines(inner, "> ", "> ")
    }

    fn bullet(&self, number: Option<u64>) -> String {
        number.map_or_else(|| "- ".to_owned(), |number| format!("{number}. "))
    }

    fn line_break(&self) -> String {
        "  \n".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::markdown::{Render, plain};
    use proptest::prelude::*;

    use super::{Marks, link, render};

    #[test]
    fn what_flows_write_is_written_as_teams_reads_it() {
        for (written, meant) in [
            ("hello", "hello"),
            ("**b** _i_ *i* ~~s~~ `c`", "**b** _i_ _i_ ~~s~~ `c`"),
            ("# Title\n\ntext", "**Title**\n\ntext"),
            ("one\ntwo", "one  \ntwo"),
            ("- a\n- b", "- a\n- b"),
            ("3. a\n4. b", "3. a\n4. b"),
            ("> said\n> more", "> said  \n> more"),
            ("[x](https://a.example/b)", "[x](https://a.example/b)"),
            ("<b>no</b> & co", "&lt;b>no&lt;/b> &amp; co"),
            (r"2 \* 3 = 6_7", r"2 \* 3 = 6\_7"),
            ("```rust\nlet x = `1`;\n```", "```rust\nlet x = `1`;\n```"),
            ("``a`b``", "``a`b``"),
            (r"\# no title", r"\# no title"),
            (r"1\. no list", r"1\. no list"),
            ("#", ""),
        ] {
            assert_eq!(render(written), meant, "{written}");
        }
        assert_eq!(
            link("a[1].pdf", "https://x.example/a(1) b"),
            r"[a\[1\].pdf](https://x.example/a%281%29%20b)"
        );
        assert_eq!(
            link("", "https://x.example/_"),
            r"[https://x.example/\_](https://x.example/_)"
        );
    }

    proptest! {
        #[test]
        fn a_text_that_was_escaped_is_read_as_it_stands(text in "[a-z0-9 .()#>+=*_~`<&;|\\\\\\[\\]!-]{0,24}") {
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            let text = words(&text);
            prop_assert_eq!(words(&plain(&Marks.text(&text))), text);
        }
    }
}
