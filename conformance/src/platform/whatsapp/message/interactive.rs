//! Interactive messages: reply buttons, lists, link buttons.

use serde_json::{Value, json};

use super::Seen;
use crate::platform::whatsapp::shape::Shape;
use crate::platform::{Answer, Button, File, Pressed};

/// What is seen of one.
///
/// # Errors
/// The platform's answer to one it does not take.
pub fn seen(shape: Shape<'_>, content: &Value) -> Result<Seen, Answer> {
    shape.only(content, &["type", "header", "body", "footer", "action"])?;
    let kind = shape.text(content, "type", 20)?;
    let mut seen = Seen::text(shape.text(shape.member(content, "body")?, "text", 1024)?);
    if let Some(footer) = content.get("footer") {
        let footer = shape.text(footer, "text", 60)?;
        seen.shown.text.push_str(&format!("\n{footer}"));
    }
    header(shape, kind, content, &mut seen)?;
    let action = shape.member(content, "action")?;
    match kind {
        "button" => buttons(shape, action, &mut seen)?,
        "list" => list(shape, action, &mut seen)?,
        "cta_url" => link(shape, action, &mut seen)?,
        other => return Err(shape.invalid("interactive-type", format!("there is no type {other}"))),
    }
    Ok(seen)
}

fn header(shape: Shape<'_>, kind: &str, content: &Value, seen: &mut Seen) -> Result<(), Answer> {
    let Some(header) = content.get("header") else {
        return Ok(());
    };
    match (kind, shape.text(header, "type", 20)?) {
        (_, "text") => {
            let text = shape.text(header, "text", 60)?;
            seen.shown.text = format!("{text}\n{}", seen.shown.text);
        }
        ("button" | "cta_url", media @ ("image" | "video" | "document")) => {
            let media = shape.member(header, media)?;
            let link = shape.text(media, "link", 2048)?;
            seen.shown.files.push(File {
                name: link.rsplit('/').next().unwrap_or_default().to_owned(),
                content_type: "image".to_owned(),
                bytes: Vec::new(),
            });
        }
        (_, other) => {
            return Err(shape.invalid("header", format!("a {kind} has no header of type {other}")));
        }
    }
    Ok(())
}

/// An identifier: no blank at either end.
fn id<'v>(shape: Shape<'_>, value: &'v Value, most: usize) -> Result<&'v str, Answer> {
    let id = shape.text(value, "id", most)?;
    if id.trim() != id {
        return Err(shape.invalid("button-id", format!("`{id}` has a blank at its end")));
    }
    Ok(id)
}

fn buttons(shape: Shape<'_>, action: &Value, seen: &mut Seen) -> Result<(), Answer> {
    shape.only(action, &["buttons"])?;
    let (mut ids, mut titles) = (Vec::new(), Vec::new());
    for button in shape.list(action, "buttons", 3)? {
        if button.get("type") != Some(&json!("reply")) {
            return Err(shape.invalid("button-type", "a button's type is reply"));
        }
        let reply = shape.member(button, "reply")?;
        shape.only(reply, &["id", "title"])?;
        let (id, title) = (id(shape, reply, 256)?, shape.text(reply, "title", 20)?);
        ids.push(id);
        titles.push(title);
        seen.shown.buttons.push(Button {
            title: title.to_owned(),
            does: Pressed::Says,
        });
        seen.replies
            .push(json!({ "type": "button_reply", "button_reply": { "id": id, "title": title } }));
    }
    shape.distinct("buttons' ids", &ids)?;
    shape.distinct("buttons' titles", &titles)
}

fn list(shape: Shape<'_>, action: &Value, seen: &mut Seen) -> Result<(), Answer> {
    shape.only(action, &["button", "sections"])?;
    shape.text(action, "button", 20)?;
    let sections = shape.list(action, "sections", 10)?;
    let mut ids = Vec::new();
    for section in sections {
        shape.only(section, &["title", "rows"])?;
        if sections.len() > 1 {
            shape.text(section, "title", 24)?;
        } else {
            shape.optional(section, "title", 24)?;
        }
        for row in shape.list(section, "rows", 10)? {
            shape.only(row, &["id", "title", "description"])?;
            let (id, title) = (id(shape, row, 200)?, shape.text(row, "title", 24)?);
            let description = shape.optional(row, "description", 72)?;
            ids.push(id);
            // A person reads both.
            let read = description
                .filter(|description| title.ends_with('…') || description.starts_with(title))
                .unwrap_or(title);
            seen.shown.buttons.push(Button {
                title: read.to_owned(),
                does: Pressed::Says,
            });
            let mut reply = json!({ "id": id, "title": title });
            if let Some(description) = description {
                crate::platform::whatsapp::put(&mut reply, "description", json!(description));
            }
            seen.replies
                .push(json!({ "type": "list_reply", "list_reply": reply }));
        }
    }
    if ids.len() > 10 {
        return Err(shape.invalid(
            "rows",
            format!("{} rows; at most 10 over all sections", ids.len()),
        ));
    }
    shape.distinct("rows' ids", &ids)
}

fn link(shape: Shape<'_>, action: &Value, seen: &mut Seen) -> Result<(), Answer> {
    shape.only(action, &["name", "parameters"])?;
    if action.get("name") != Some(&json!("cta_url")) {
        return Err(shape.invalid("action-name", "the action's name is cta_url"));
    }
    let parameters = shape.member(action, "parameters")?;
    shape.only(parameters, &["display_text", "url"])?;
    let title = shape.text(parameters, "display_text", 20)?;
    let url = shape.text(parameters, "url", 2000)?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err(shape.invalid("url", url));
    }
    seen.shown.buttons.push(Button {
        title: title.to_owned(),
        does: Pressed::Opens(url.to_owned()),
    });
    seen.replies.push(Value::Null);
    Ok(())
}
