//! Texts with their formatting: `entities`, or marks of `parse_mode` HTML. Offsets are in UTF-16 units, as on the platform.

use serde_json::Value;

use super::parameters::Parameters;
use super::refusal::Refused;
use crate::platform::Style;

/// A text as it is shown.
#[derive(Debug, Clone, Default)]
pub struct Formatted {
    /// Without marks, trimmed.
    pub text: String,
    /// Parts in a style.
    pub styles: Vec<(Style, String)>,
}

/// Length in the platform's units.
pub fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Reads a text with its formatting and holds it to its limit. `names` are the parameters of text and entities.
pub fn read(
    parameters: &Parameters,
    names: (&'static str, &'static str),
    limit: usize,
    may_be_empty: bool,
) -> Result<Formatted, Refused> {
    let (text_name, entities_name) = names;
    let text = parameters.text(text_name).unwrap_or_default();
    let mut formatted = match parameters.text("parse_mode").as_deref() {
        None | Some("") => by_entities(&text, parameters.json(entities_name)?)?,
        Some("HTML") => by_html(&text)?,
        Some(other) => {
            return Err(Refused::wrong(
                "parse-mode",
                format!("unsupported parse_mode {other}"),
            ));
        }
    };
    formatted.text = formatted.text.trim().to_owned();
    let is_caption = text_name == "caption";
    if formatted.text.is_empty() && !may_be_empty {
        return Err(Refused::wrong("text-empty", "message text is empty"));
    }
    if units(&formatted.text) > limit {
        let what = if is_caption {
            "message caption is too long"
        } else {
            "message is too long"
        };
        return Err(Refused::wrong("text-too-long", what));
    }
    Ok(formatted)
}

fn style(kind: &str, url: Option<&str>) -> Option<Style> {
    Some(match kind {
        "bold" => Style::Strong,
        "italic" => Style::Emphasis,
        "strikethrough" => Style::Struck,
        "code" | "pre" => Style::Code,
        "text_link" => Style::Link(url.unwrap_or_default().into()),
        "blockquote" | "expandable_blockquote" => Style::Quote,
        _ => return None,
    })
}

/// Kinds that carry no style here and may stand all the same.
const OTHER_KINDS: [&str; 12] = [
    "mention",
    "hashtag",
    "cashtag",
    "bot_command",
    "url",
    "email",
    "phone_number",
    "underline",
    "spoiler",
    "text_mention",
    "custom_emoji",
    "date_time",
];

fn by_entities(text: &str, entities: Option<Value>) -> Result<Formatted, Refused> {
    let wrong =
        |detail: String| Refused::wrong("entities", format!("can't parse entities: {detail}"));
    let all: Vec<u16> = text.encode_utf16().collect();
    let mut styles = Vec::new();
    let list = match entities {
        None => Vec::new(),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(wrong("expected an Array of MessageEntity".into())),
    };
    if list.len() > 100 {
        return Err(wrong("too many entities".into()));
    }
    for entity in list {
        let kind = entity
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let number = |name: &str| {
            let number = entity.get(name).and_then(Value::as_u64);
            number.and_then(|number| usize::try_from(number).ok())
        };
        let (Some(offset), Some(length)) = (number("offset"), number("length")) else {
            return Err(wrong(format!("offset or length of {kind}")));
        };
        let covered = offset
            .checked_add(length)
            .filter(|_| length > 0)
            .and_then(|end| all.get(offset..end))
            .ok_or_else(|| wrong(format!("{kind} at {offset}+{length} of {}", all.len())))?;
        let covered = String::from_utf16(covered)
            .map_err(|_| wrong(format!("{kind} at {offset} cuts a character")))?;
        let url = entity.get("url").and_then(Value::as_str);
        if kind == "text_link" && url.is_none_or(str::is_empty) {
            return Err(wrong("text_link without url".into()));
        }
        match style(kind, url) {
            Some(style) => styles.push((offset, (style, covered))),
            None if OTHER_KINDS.contains(&kind) => {}
            None => return Err(wrong(format!("unsupported type {kind}"))),
        }
    }
    styles.sort_by_key(|(offset, _)| *offset);
    Ok(Formatted {
        text: text.to_owned(),
        styles: styles.into_iter().map(|(_, style)| style).collect(),
    })
}

/// HTML as the platform reads it: a few tags, properly nested, four named entities and numeric ones.
fn by_html(source: &str) -> Result<Formatted, Refused> {
    let wrong =
        |detail: String| Refused::wrong("entities", format!("can't parse entities: {detail}"));
    let mut text = String::new();
    let mut open: Vec<(String, Option<Style>, usize)> = Vec::new();
    let mut styles: Vec<(usize, (Style, String))> = Vec::new();
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        match next {
            '<' => {
                let end = rest
                    .find('>')
                    .ok_or_else(|| wrong("unclosed start tag".into()))?;
                let tag = rest.get(1..end).unwrap_or_default();
                rest = rest.get(end + 1..).unwrap_or_default();
                if let Some(name) = tag.strip_prefix('/') {
                    let (opened, style, from) = open
                        .pop()
                        .filter(|(opened, _, _)| opened == name)
                        .ok_or_else(|| wrong(format!("unexpected end tag {name}")))?;
                    drop(opened);
                    if let Some(style) = style {
                        styles.push((
                            from,
                            (style, text.get(from..).unwrap_or_default().to_owned()),
                        ));
                    }
                } else {
                    let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
                    let url = attributes
                        .strip_prefix("href=\"")
                        .and_then(|value| value.strip_suffix('"'))
                        .map(|value| value.replace("&quot;", "\"").replace("&amp;", "&"));
                    let kind = match name {
                        "b" | "strong" => Some("bold"),
                        "i" | "em" => Some("italic"),
                        "s" | "strike" | "del" => Some("strikethrough"),
                        "code" => Some("code"),
                        "pre" => Some("pre"),
                        "a" => Some("text_link"),
                        "blockquote" => Some("blockquote"),
                        "u" | "ins" | "tg-spoiler" | "span" => None,
                        other => return Err(wrong(format!("unsupported start tag {other}"))),
                    };
                    let style = kind.and_then(|kind| style(kind, url.as_deref()));
                    open.push((name.to_owned(), style, text.len()));
                }
            }
            '&' => {
                let (entity, after) = rest
                    .get(1..)
                    .and_then(|after| after.split_once(';'))
                    .unwrap_or(("", ""));
                let character = match entity {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "quot" => Some('"'),
                    other => other
                        .strip_prefix('#')
                        .and_then(|digits| digits.parse().ok())
                        .and_then(char::from_u32),
                };
                match character {
                    Some(character) => {
                        text.push(character);
                        rest = after;
                    }
                    None => {
                        text.push('&');
                        rest = rest.get(1..).unwrap_or_default();
                    }
                }
            }
            other => {
                text.push(other);
                rest = rest.get(other.len_utf8()..).unwrap_or_default();
            }
        }
    }
    if let Some((name, _, _)) = open.pop() {
        return Err(wrong(format!(
            "can't find end tag corresponding to start tag {name}"
        )));
    }
    styles.sort_by_key(|(offset, _)| *offset);
    Ok(Formatted {
        text,
        styles: styles.into_iter().map(|(_, style)| style).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read_json(body: Value) -> Result<Formatted, Refused> {
        let parameters = Parameters::of_json(&body).unwrap();
        read(&parameters, ("text", "entities"), 10, false)
    }

    #[test]
    fn entities_are_counted_in_utf_16_units() {
        let formatted = read_json(
            json!({"text": "😀 bold", "entities": [{"type": "bold", "offset": 3, "length": 4}]}),
        );
        assert_eq!(formatted.unwrap().styles, [(Style::Strong, "bold".into())]);
        for entity in [
            json!({"type": "bold", "offset": 1, "length": 2}),
            json!({"type": "bold", "offset": 3, "length": 5}),
            json!({"type": "bold", "offset": 3, "length": 0}),
            json!({"type": "shiny", "offset": 3, "length": 4}),
            json!({"type": "text_link", "offset": 3, "length": 4}),
        ] {
            let refused = read_json(json!({"text": "😀 bold", "entities": [entity]})).unwrap_err();
            assert!(
                refused.description.contains("can't parse entities"),
                "{refused:?}"
            );
        }
    }

    #[test]
    fn a_text_has_one_to_as_many_units_as_allowed() {
        assert!(read_json(json!({"text": "1234567890"})).is_ok());
        assert_eq!(
            read_json(json!({"text": "123456789😀"}))
                .unwrap_err()
                .violation,
            Some("text-too-long")
        );
        assert_eq!(
            read_json(json!({"text": " \n"})).unwrap_err().violation,
            Some("text-empty")
        );
    }

    #[test]
    fn html_is_read_strictly() {
        let read = |text: &str| read_json(json!({"text": text, "parse_mode": "HTML"}));
        let formatted = read("<b>a &lt;</b> &amp;c").unwrap();
        assert_eq!(formatted.text, "a < &c");
        assert_eq!(formatted.styles, [(Style::Strong, "a <".into())]);
        for text in [
            "<b>a",
            "a</b>",
            "<b><i>a</b></i>",
            "<blink>a</blink>",
            "a < b",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
