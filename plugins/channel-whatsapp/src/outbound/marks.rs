//! The platform's own marks: `*strong*`, `_emphasis_`, `~struck~`, code in backticks, lists with a dash, quotes with `>`.
//!
//! There is no way to write a mark as itself, so a star in a text may make it bold. A mark holds to the end of its line.

use greentic_sdk::markdown::{Render, convert};

/// A text in the common Markdown with the platform's marks.
pub fn of_markdown(text: &str) -> String {
    convert(text, &Marks)
}

struct Marks;

impl Render for Marks {
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
        ] {
            assert_eq!(of_markdown(markdown), marked, "{markdown}");
        }
    }

    proptest! {
        #[test]
        fn no_markdown_makes_it_panic(text in "[*_~`#>\\-\\[\\]() a\n]{0,60}") {
            let _ = of_markdown(&text);
        }
    }
}
