//! What a person sees of a message: `mrkdwn` and `rich_text` without their marks, blocks line by line, buttons and inputs.

use serde_json::Value;

use super::workspace::{Message, View, Workspace};
use super::{emoji, part};
use crate::platform::{Author, Button, Field, Input, Pressed, Shown, Style};

/// A message as it is shown.
pub fn message(workspace: &Workspace, message: &Message) -> Shown {
    let mut shown = Shown::new(message.ts.clone(), message.author.clone(), "");
    blocks(&message.blocks, &mut shown);
    if message.blocks.is_empty() {
        let mut lines = Lines::default();
        if message.verbatim {
            lines.text.push_str(&unescape(&message.text));
        } else {
            mrkdwn(&message.text, &mut lines);
        }
        (shown.text, shown.styles) = (lines.text, lines.styles);
    }
    shown.card = message
        .blocks
        .iter()
        .any(|block| part(block, "/type") != "rich_text");
    shown.files = message
        .files
        .iter()
        .filter_map(|id| workspace.files.get(id))
        .map(|stored| stored.file.clone())
        .collect();
    shown.thread.clone_from(&message.thread);
    shown.reply_to.clone_from(&message.thread);
    shown.edited = message.edited;
    shown.deleted = message.deleted;
    shown.only_for = message.only_for.as_ref().map(|user| workspace.name(user));
    shown.reactions = message
        .reactions
        .iter()
        .map(|(name, user)| {
            let emoji = emoji::shown(name).unwrap_or(name).to_owned();
            let author = if user == super::workspace::BOT_USER {
                Author::Bot
            } else {
                Author::Person(workspace.name(user))
            };
            (emoji, author)
        })
        .collect();
    shown
}

/// An open modal as it is shown; its last button sends it.
pub fn view(view: &View) -> Shown {
    let mut shown = Shown::new(view.id.clone(), Author::Bot, "");
    let list = part(&view.view, "/blocks")
        .as_array()
        .cloned()
        .unwrap_or_default();
    blocks(&list, &mut shown);
    let title = part(&view.view, "/title/text").as_str().unwrap_or_default();
    shown.text = [title, shown.text.as_str()].join("\n").trim().to_owned();
    if let Some(title) = part(&view.view, "/submit/text").as_str() {
        shown.buttons.push(Button {
            title: title.to_owned(),
            does: Pressed::Tells,
        });
    }
    shown.card = true;
    shown
}

/// The elements that can be pressed, in the order in which they are shown.
pub fn pressable(blocks: &[Value]) -> Vec<(&Value, &Value)> {
    let mut found = Vec::new();
    for block in blocks {
        let elements = match part(block, "/type").as_str() {
            Some("actions") => part(block, "/elements")
                .as_array()
                .map_or(&[][..], Vec::as_slice),
            Some("section") => std::slice::from_ref(part(block, "/accessory")),
            _ => &[],
        };
        let buttons = elements
            .iter()
            .filter(|element| part(element, "/type") == "button");
        found.extend(buttons.map(|button| (block, button)));
    }
    found
}

fn blocks(list: &[Value], shown: &mut Shown) {
    let mut lines = Lines::default();
    for block in list {
        match part(block, "/type").as_str().unwrap_or_default() {
            "header" => lines.object(part(block, "/text")),
            "section" => {
                if block.get("text").is_some() {
                    lines.object(part(block, "/text"));
                }
                for field in part(block, "/fields").as_array().into_iter().flatten() {
                    lines.object(field);
                }
            }
            "context" => {
                for element in part(block, "/elements").as_array().into_iter().flatten() {
                    if part(element, "/type") == "image" {
                        lines.line(part(element, "/alt_text").as_str().unwrap_or_default());
                    } else {
                        lines.object(element);
                    }
                }
            }
            "image" => {
                let title = part(block, "/title/text").as_str();
                lines.line(
                    title
                        .or(part(block, "/alt_text").as_str())
                        .unwrap_or_default(),
                );
            }
            "rich_text" => lines.rich_text(block),
            "input" => shown.fields.push(field(block)),
            _ => {}
        }
    }
    for (_, button) in pressable(list) {
        shown.buttons.push(Button {
            title: part(button, "/text/text")
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            does: match part(button, "/url").as_str() {
                Some(url) => Pressed::Opens(url.to_owned()),
                None => Pressed::Tells,
            },
        });
    }
    (shown.text, shown.styles) = (lines.text, lines.styles);
}

fn field(block: &Value) -> Field {
    let element = part(block, "/element");
    let options = || {
        let groups = part(element, "/option_groups")
            .as_array()
            .into_iter()
            .flatten();
        let grouped =
            groups.flat_map(|group| part(group, "/options").as_array().into_iter().flatten());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        part(element, "/options")
            .as_array()
            .into_iter()
            .flatten()
            .chain(grouped)
            .map(|option| {
                (
                    text(part(option, "/value")),
                    text(part(option, "/text/text")),
                )
            })
            .collect::<Vec<_>>()
    };
    let input = match part(element, "/type").as_str().unwrap_or_default() {
        "number_input" => Input::Number,
        "datepicker" => Input::Date,
        "timepicker" => Input::Time,
        "checkboxes" if options().len() == 1 => Input::Toggle,
        "checkboxes" | "radio_buttons" | "static_select" | "multi_static_select" => {
            Input::Choice(options())
        }
        _ => Input::Text,
    };
    Field {
        id: part(element, "/action_id")
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        label: part(block, "/label/text")
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        input,
        required: part(block, "/optional") != true,
    }
}

#[derive(Default)]
struct Lines {
    text: String,
    styles: Vec<(Style, String)>,
}

impl Lines {
    fn begin(&mut self) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
    }

    fn line(&mut self, text: &str) {
        self.begin();
        self.text.push_str(text);
    }

    fn object(&mut self, object: &Value) {
        self.begin();
        let text = part(object, "/text").as_str().unwrap_or_default();
        if part(object, "/type") == "mrkdwn" {
            mrkdwn(text, self);
        } else {
            self.text.push_str(text);
        }
    }

    fn rich_text(&mut self, block: &Value) {
        for element in part(block, "/elements").as_array().into_iter().flatten() {
            let before = self.text.len();
            match part(element, "/type").as_str().unwrap_or_default() {
                "rich_text_list" => {
                    let ordered = part(element, "/style") == "ordered";
                    let items = part(element, "/elements").as_array().into_iter().flatten();
                    for (at, item) in items.enumerate() {
                        let sign = if ordered {
                            format!("{}. ", at + 1)
                        } else {
                            "• ".to_owned()
                        };
                        self.line(&sign);
                        self.elements(item, None);
                    }
                }
                "rich_text_preformatted" => {
                    self.begin();
                    self.elements(element, Some(Style::Code));
                }
                "rich_text_quote" => {
                    self.begin();
                    self.elements(element, Some(Style::Quote));
                }
                _ => {
                    self.begin();
                    self.elements(element, None);
                }
            }
            // A section carries its line break within.
            let ended = self
                .text
                .get(before..)
                .unwrap_or_default()
                .trim_end_matches('\n')
                .len();
            self.text.truncate(before + ended);
        }
    }

    fn elements(&mut self, owner: &Value, whole: Option<Style>) {
        for element in part(owner, "/elements").as_array().into_iter().flatten() {
            let text = match part(element, "/type").as_str().unwrap_or_default() {
                "link" => part(element, "/text")
                    .as_str()
                    .or(part(element, "/url").as_str()),
                "emoji" => part(element, "/name").as_str().and_then(emoji::shown),
                _ => part(element, "/text").as_str(),
            };
            let text = text.unwrap_or_default();
            self.text.push_str(text);
            let mut style = |style: Style| self.styles.push((style, text.to_owned()));
            for (name, meant) in [
                ("bold", Style::Strong),
                ("italic", Style::Emphasis),
                ("strike", Style::Struck),
                ("code", Style::Code),
            ] {
                if part(element, "/style").get(name) == Some(&Value::Bool(true)) {
                    style(meant);
                }
            }
            if let Some(url) = part(element, "/url").as_str() {
                style(Style::Link(url.to_owned()));
            }
            if let Some(whole) = &whole {
                style(whole.clone());
            }
        }
    }
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// Slack's markup: a mark opens before a word and closes after one, on one line.
fn mrkdwn(text: &str, lines: &mut Lines) {
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let inside = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '<'
            && let Some((token, after)) = inside.split_once('>')
        {
            let (target, label) = token.split_once('|').unwrap_or((token, token));
            let label = unescape(label);
            lines.text.push_str(label.trim_start_matches('!'));
            if target.starts_with("http") || target.starts_with("mailto:") {
                lines.styles.push((Style::Link(unescape(target)), label));
            }
            (rest, before) = (after, '>');
            continue;
        }
        let mark = match c {
            '*' => Some(Style::Strong),
            '_' => Some(Style::Emphasis),
            '~' => Some(Style::Struck),
            '`' => Some(Style::Code),
            _ => None,
        };
        if let Some(mark) = mark
            && !before.is_alphanumeric()
            && let Some((marked, after)) = inside.split_once(c)
            && !marked.is_empty()
            && !marked.contains('\n')
            && !marked.starts_with(' ')
            && !marked.ends_with(' ')
            && !after.starts_with(char::is_alphanumeric)
        {
            let marked = unescape(marked);
            lines.text.push_str(&marked);
            lines.styles.push((mark, marked));
            (rest, before) = (after, c);
            continue;
        }
        let entity = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>')]
            .into_iter()
            .find(|(entity, _)| rest.starts_with(entity));
        match entity {
            Some((entity, meant)) => {
                lines.text.push(meant);
                (rest, before) = (rest.get(entity.len()..).unwrap_or_default(), meant);
            }
            None => {
                lines.text.push(c);
                (rest, before) = (inside, c);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_shown_without_its_marks_and_what_is_none_stays() {
        let mut lines = Lines::default();
        mrkdwn(
            "*bold* a*b*c 2 * 3 * 4 _it_ &lt;x&gt; <https://x.example|docs> `a_b`",
            &mut lines,
        );
        assert_eq!(lines.text, "bold a*b*c 2 * 3 * 4 it <x> docs a_b");
        let link = Style::Link("https://x.example".into());
        let seen: Vec<_> = lines
            .styles
            .iter()
            .map(|(style, text)| (style, text.as_str()))
            .collect();
        assert_eq!(
            seen,
            [
                (&Style::Strong, "bold"),
                (&Style::Emphasis, "it"),
                (&link, "docs"),
                (&Style::Code, "a_b")
            ]
        );
    }
}
