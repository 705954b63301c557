//! Single blocks of Block Kit within their limits (docs.slack.dev/reference/block-kit).

use serde_json::{Value, json};

use super::shorten;
use crate::press::Press;

/// Most blocks of a message.
pub const MESSAGE_BLOCKS: usize = 50;
/// Most blocks of a modal.
pub const MODAL_BLOCKS: usize = 100;
/// Most characters of the JSON of a message's blocks. Slack's own cap is not documented; it was seen at about 13,200.
pub const MESSAGE_CHARS: usize = 12_000;
/// Most characters of a section's text.
pub const SECTION_CHARS: usize = 3_000;
/// Most characters of a header.
const HEADER_CHARS: usize = 150;
/// Most elements of a block of actions.
pub const ACTIONS: usize = 25;
/// Most characters of the JSON of such a block here: less than a message takes.
const ACTIONS_CHARS: usize = 10_000;
/// Most characters of a button.
pub const BUTTON_CHARS: usize = 75;
/// Most characters of an address.
pub const URL_CHARS: usize = 3_000;
/// Most characters of a picture's description.
const ALT_CHARS: usize = 2_000;
/// Most elements of a context block.
const CONTEXT: usize = 10;

/// A text without formatting. Slack refuses an empty one.
pub fn plain(text: &str, most: usize) -> Value {
    let text = if text.trim().is_empty() { "–" } else { text };
    json!({"type": "plain_text", "text": shorten(text, most), "emoji": false})
}

/// A heading.
pub fn header(text: &str) -> Value {
    json!({"type": "header", "text": plain(text, HEADER_CHARS)})
}

/// Whether a text fits into a heading, which has one line.
pub fn is_header(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n') && text.chars().count() <= HEADER_CHARS
}

/// A small grey text.
pub fn context(texts: &[String]) -> Value {
    let elements: Vec<Value> = texts
        .iter()
        .take(CONTEXT)
        .map(|text| plain(text, SECTION_CHARS))
        .collect();
    json!({"type": "context", "elements": elements})
}

/// A picture; `None` when its address is none that Slack would fetch.
pub fn image(url: &str, alt: &str, title: Option<&str>) -> Option<Value> {
    if !is_address(url) {
        return None;
    }
    let alt = if alt.trim().is_empty() {
        "picture"
    } else {
        alt
    };
    let mut image = json!({"type": "image", "image_url": url, "alt_text": shorten(alt, ALT_CHARS)});
    if let (Some(title), Some(map)) = (title, image.as_object_mut()) {
        map.insert("title".to_owned(), plain(title, ALT_CHARS));
    }
    Some(image)
}

/// Whether an address may stand in a block: http or https, without blanks, not too long.
pub fn is_address(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && url.chars().count() <= URL_CHARS
        && !url.contains(char::is_whitespace)
}

/// How a button looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// As usual.
    #[default]
    Usual,
    /// Green.
    Primary,
    /// Red.
    Danger,
}

/// A button. `number` is unlike that of every other button of the delivery.
pub fn button(press: Press, number: usize, title: &str, value: &str, look: Look) -> Value {
    let mut button = json!({
        "type": "button",
        "action_id": press.action_id(number),
        "text": plain(title, BUTTON_CHARS),
        "value": value,
    });
    let style = match look {
        Look::Usual => None,
        Look::Primary => Some("primary"),
        Look::Danger => Some("danger"),
    };
    if let (Some(style), Some(map)) = (style, button.as_object_mut()) {
        map.insert("style".to_owned(), Value::from(style));
    }
    button
}

/// A button that opens an address.
pub fn link(number: usize, title: &str, url: &str) -> Value {
    json!({
        "type": "button",
        "action_id": Press::Link.action_id(number),
        "text": plain(title, BUTTON_CHARS),
        "url": url,
    })
}

/// Buttons in blocks of at most [`ACTIONS`], none of them too large for a message: a button may carry 2,000 characters.
pub fn actions(buttons: &[Value]) -> Vec<Value> {
    let mut groups: Vec<(usize, Vec<&Value>)> = Vec::new();
    for button in buttons {
        let size = button.to_string().chars().count();
        match groups.last_mut() {
            Some((used, group)) if group.len() < ACTIONS && *used + size <= ACTIONS_CHARS => {
                *used += size;
                group.push(button);
            }
            _ => groups.push((size, vec![button])),
        }
    }
    groups
        .into_iter()
        .map(|(_, group)| json!({"type": "actions", "elements": group}))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_to_their_place_and_never_empty() {
        let long = "x".repeat(4_000);
        let text = |value: &Value, pointer: &str| {
            let text = value.pointer(pointer).unwrap().as_str().unwrap();
            text.chars().count()
        };
        assert_eq!(text(&header(&long), "/text/text"), 150);
        assert_eq!(
            text(&context(std::slice::from_ref(&long)), "/elements/0/text"),
            3_000
        );
        let button = button(Press::Reply, 0, &long, "=v", Look::Danger);
        assert_eq!(text(&button, "/text/text"), 75);
        assert_eq!(button["style"], "danger");
        assert_eq!(text(&plain(" ", 75), "/text"), 1);
        assert!(!is_header(&long) && !is_header("a\nb") && is_header("a"));
    }

    #[test]
    fn addresses_slack_would_not_fetch_make_no_picture() {
        assert!(image("https://x.example/a.png", "", Some("A")).is_some());
        let long = format!("https://x.example/{}", "a".repeat(URL_CHARS));
        for url in [
            "data:image/png;base64,AA",
            "",
            "https://x example",
            long.as_str(),
        ] {
            assert!(image(url, "alt", None).is_none());
        }
    }

    #[test]
    fn buttons_stand_in_blocks_of_twenty_five() {
        let buttons: Vec<Value> = (0..60).map(|n| link(n, "t", "https://x.example")).collect();
        let blocks = actions(&buttons);
        let counts: Vec<usize> = blocks
            .iter()
            .map(|block| block["elements"].as_array().unwrap().len())
            .collect();
        assert_eq!(counts, [25, 25, 10]);
        let heavy: Vec<Value> = (0..9)
            .map(|n| button(Press::Plain, n, "t", &"v".repeat(2_000), Look::Usual))
            .collect();
        for block in actions(&heavy) {
            assert!(block.to_string().len() <= MESSAGE_CHARS);
        }
    }
}
