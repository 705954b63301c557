//! Draws what a person sees, as lines of text.

use greentic_conformance::platform::{Author, Input, Pressed, Shown};

/// A message. `first` is the number of its first button, 0 when its buttons are out of reach.
pub fn message(shown: &Shown, first: usize) -> String {
    let who = match &shown.author {
        Author::Bot => "bot",
        Author::Person(name) => name,
    };
    let mut lines: Vec<String> = Vec::new();
    if !shown.text.is_empty() {
        lines.extend(shown.text.lines().map(str::to_owned));
    }
    for file in &shown.files {
        lines.push(format!(
            "📎 {} ({}, {} bytes)",
            file.name,
            file.content_type,
            file.bytes.len()
        ));
    }
    for field in &shown.fields {
        let options = match &field.input {
            Input::Choice(choices) => {
                let titles: Vec<_> = choices.iter().map(|(_, title)| title.as_str()).collect();
                titles.join(" / ")
            }
            Input::Text => "text".into(),
            Input::Number => "number".into(),
            Input::Date => "date".into(),
            Input::Time => "time".into(),
            Input::Toggle => "yes / no".into(),
        };
        let mark = if field.required { " *" } else { "" };
        lines.push(format!("{}{mark}: ___ ({options})", field.label));
    }
    for (at, button) in shown.buttons.iter().enumerate() {
        let leads = match &button.does {
            Pressed::Opens(url) => format!(" → {url}"),
            _ => String::new(),
        };
        let number = if first == 0 {
            "·".into()
        } else {
            (first + at).to_string()
        };
        lines.push(format!("[{number}] {}{leads}", button.title));
    }
    if lines.is_empty() {
        lines.push("(empty)".into());
    }
    let mut head = String::new();
    if let Some(reply_to) = &shown.reply_to {
        head.push_str(&format!(" (in answer to {reply_to})"));
    }
    if let Some(thread) = &shown.thread {
        head.push_str(&format!(" (in thread {thread})"));
    }
    if shown.only_for.is_some() {
        head.push_str(" (only you see this)");
    }
    if shown.edited {
        head.push_str(" (edited)");
    }
    let boxed = shown.card || !shown.fields.is_empty();
    if boxed {
        let mut text = format!("{who}{head}: ┌──");
        for line in &lines {
            text.push_str(&format!("\n  │ {line}"));
        }
        text.push_str("\n  └──");
        return text;
    }
    let mut lines = lines.into_iter();
    let mut text = format!("{who}{head}: {}", lines.next().unwrap_or_default());
    for line in lines {
        text.push_str(&format!("\n  {line}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::message;
    use greentic_conformance::platform::{Author, Button, Field, Input, Pressed, Shown};

    #[test]
    fn a_card_is_a_box_with_its_fields_and_numbered_buttons() {
        let button = |title: &str, does| Button {
            title: title.into(),
            does,
        };
        let shown = Shown {
            card: true,
            fields: vec![Field {
                id: "t".into(),
                label: "What is wrong?".into(),
                input: Input::Text,
                required: true,
            }],
            buttons: vec![
                button("Send", Pressed::Tells),
                button("Help", Pressed::Opens("https://e.example".into())),
            ],
            ..Shown::new("m1", Author::Bot, "Report\na problem")
        };
        let expected = "bot: ┌──\n  │ Report\n  │ a problem\n  │ What is wrong? *: ___ (text)\n  │ [3] Send\n  │ [4] Help → https://e.example\n  └──";
        assert_eq!(message(&shown, 3), expected);
    }

    #[test]
    fn a_text_has_its_author_and_what_is_special_about_it() {
        let shown = Shown {
            only_for: Some("ada".into()),
            ..Shown::new("m1", Author::Bot, "psst\nyou")
        };
        assert_eq!(message(&shown, 0), "bot (only you see this): psst\n  you");
    }
}
