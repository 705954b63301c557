//! Reply buttons, lists and link buttons.
//!
//! Up to three short choices are buttons under the message; more, or longer ones, are rows of a list that a button opens; more than ten
//! are several lists.

use serde_json::{Value, json};

use super::{Part, Rendered, text};
use crate::choice::{self, Meant};
use crate::limits::{BUTTON_TITLE, BUTTONS, INTERACTIVE_BODY, ROW_DESCRIPTION, ROW_TITLE, ROWS};
use crate::settings::Settings;

/// Something to choose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What the person sees.
    pub title: String,
    /// What comes of it.
    pub meant: Meant,
}

/// A text with choices under it, put after what is there already. The text has the platform's marks.
pub fn choices(rendered: &mut Rendered, settings: &Settings, over: &str, offers: &[Offer]) {
    if offers.is_empty() {
        text::push(rendered, over);
        return;
    }
    let body = body(rendered, settings, over);
    if are_buttons(offers) {
        let buttons: Vec<Value> = identified(rendered, offers)
            .map(|(id, title)| json!({"type": "reply", "reply": {"id": id, "title": title}}))
            .collect();
        rendered
            .parts
            .push(interactive("button", &body, json!({ "buttons": buttons })));
        return;
    }
    let lists = offers.len().div_ceil(ROWS);
    if lists > 1 {
        rendered.downgrade(
            "buttons",
            format!("{} choices shown in {lists} lists", offers.len()),
        );
    }
    let mut body = body;
    let rows: Vec<Value> = identified(rendered, offers)
        .map(|(id, title)| row(&id, &title))
        .collect();
    if offers
        .iter()
        .any(|offer| offer.title.trim().chars().count() > ROW_DESCRIPTION)
    {
        rendered.downgrade(
            "buttons",
            format!("titles cut to {ROW_DESCRIPTION} characters"),
        );
    }
    for rows in rows.chunks(ROWS) {
        let action = json!({
            "button": settings.list_button,
            "sections": [{ "rows": rows }],
        });
        rendered.parts.push(interactive("list", &body, action));
        body.clone_from(&settings.choose_text);
    }
}

/// A text with one button that opens an address.
pub fn link(rendered: &mut Rendered, settings: &Settings, over: &str, title: &str, url: &str) {
    let body = body(rendered, settings, over);
    let parameters = json!({ "display_text": text::cut(title.trim(), BUTTON_TITLE), "url": url });
    let action = json!({ "name": "cta_url", "parameters": parameters });
    rendered.parts.push(interactive("cta_url", &body, action));
}

fn interactive(kind: &str, body: &str, action: Value) -> Part {
    let body = json!({ "type": kind, "body": { "text": body }, "action": action });
    Part::new("interactive", body)
}

/// The body of the interactive message. What is too long for it goes before it as messages of its own.
fn body(rendered: &mut Rendered, settings: &Settings, over: &str) -> String {
    let over = over.trim();
    if over.is_empty() {
        return settings.choose_text.clone();
    }
    if over.chars().count() <= INTERACTIVE_BODY {
        return over.to_owned();
    }
    let mut pieces = text::pieces(over);
    let last = pieces
        .pop_if(|last| last.chars().count() <= INTERACTIVE_BODY)
        .unwrap_or_else(|| settings.choose_text.clone());
    rendered
        .parts
        .extend(pieces.iter().map(|piece| text::part(piece)));
    last
}

fn are_buttons(offers: &[Offer]) -> bool {
    let titles: Vec<&str> = offers.iter().map(|offer| offer.title.trim()).collect();
    // The platform refuses two buttons with the same title, and empty ones.
    let distinct = titles.iter().enumerate().all(|(at, title)| {
        !title.is_empty() && !titles.iter().take(at).any(|other| other == title)
    });
    offers.len() <= BUTTONS
        && distinct
        && titles
            .iter()
            .all(|title| title.chars().count() <= BUTTON_TITLE)
}

/// Identifier and title of each; what an identifier cannot hold is noted for the memory.
fn identified<'a>(
    rendered: &'a mut Rendered,
    offers: &'a [Offer],
) -> impl Iterator<Item = (String, String)> + use<'a> {
    offers.iter().enumerate().map(|(place, offer)| {
        let encoded = choice::encode(place, &offer.meant);
        rendered.keep.extend(encoded.keep);
        (encoded.id, offer.title.trim().to_owned())
    })
}

/// A row. The title of a row is short; a longer one stands in full in its description.
fn row(id: &str, title: &str) -> Value {
    if title.is_empty() {
        return json!({ "id": id, "title": "…" });
    }
    if title.chars().count() <= ROW_TITLE {
        return json!({ "id": id, "title": title });
    }
    json!({
        "id": id,
        "title": text::cut(title, ROW_TITLE),
        "description": text::cut(title, ROW_DESCRIPTION),
    })
}
