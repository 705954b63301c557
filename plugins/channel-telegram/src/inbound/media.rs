//! Files, places and contacts of a message, as attachments.
//!
//! A file stays with Telegram. Its attachment carries an address of this channel, which fetches it when somebody asks. Every
//! item of an album is an update, and so a message, of its own: see docs/channels/telegram.md.

use greentic_sdk::model::Attachment;
use serde_json::json;

use super::Context;
use crate::bounds;
use crate::files;
use crate::update::{Contact, File, Location, Message};

/// Everything that came with a message, in the order of Telegram's documentation.
#[must_use]
pub fn attachments(context: &Context<'_>, message: &Message) -> Vec<Attachment> {
    let mut found = Vec::new();
    let mut add = |file: &Option<File>, name: &str, content_type: &str| {
        if let Some(file) = file {
            found.push(linked(context, file, name, content_type));
        }
    };
    // An animation comes as a document too, for clients that do not know it.
    if message.animation.is_some() {
        add(&message.animation, "animation.mp4", "video/mp4");
    } else {
        add(&message.document, "document", "application/octet-stream");
    }
    add(&message.audio, "audio.mp3", "audio/mpeg");
    add(&message.live_photo, "live-photo.mp4", "video/mp4");
    add(&largest(&message.photo).cloned(), "photo.jpg", "image/jpeg");
    let (name, content_type) = sticker_kind(message.sticker.as_ref());
    add(&message.sticker, name, content_type);
    add(&message.video, "video.mp4", "video/mp4");
    add(&message.video_note, "video-note.mp4", "video/mp4");
    add(&message.voice, "voice.ogg", "audio/ogg");
    if let Some(contact) = &message.contact {
        found.push(card(contact));
    }
    if let Some(location) = message
        .venue
        .as_ref()
        .map(|venue| &venue.location)
        .or(message.location.as_ref())
    {
        found.push(point(location));
    }
    found
}

/// A photo comes in several sizes.
fn largest(sizes: &[File]) -> Option<&File> {
    sizes
        .iter()
        .max_by_key(|size| size.width.saturating_mul(size.height))
}

fn sticker_kind(sticker: Option<&File>) -> (&'static str, &'static str) {
    match sticker {
        Some(file) if file.is_animated => ("sticker.tgs", "application/x-tgsticker"),
        Some(file) if file.is_video => ("sticker.webm", "video/webm"),
        _ => ("sticker.webp", "image/webp"),
    }
}

fn linked(context: &Context<'_>, file: &File, name: &str, content_type: &str) -> Attachment {
    let name = bounds::file_name(file.file_name.as_deref().unwrap_or(name));
    let content_type = file
        .mime_type
        .as_deref()
        .filter(|kind| files::is_media_type(kind))
        .unwrap_or(content_type)
        .to_owned();
    Attachment {
        url: Some(files::link(context, &file.file_id, &name, &content_type)),
        name,
        content_type,
        content: None,
        size: file.file_size.and_then(|size| u64::try_from(size).ok()),
    }
}

fn inside(name: &str, content_type: &str, content: String) -> Attachment {
    Attachment {
        name: name.into(),
        content_type: content_type.into(),
        url: None,
        size: u64::try_from(content.len()).ok(),
        content: Some(content.into_bytes()),
    }
}

/// A GeoJSON point (RFC 7946): longitude first.
fn point(location: &Location) -> Attachment {
    let point = json!({"type": "Point", "coordinates": [location.longitude, location.latitude]})
        .to_string();
    inside("location.geojson", "application/geo+json", point)
}

/// A contact as a vCard: the one that was sent, or one made of its parts (RFC 6350).
fn card(contact: &Contact) -> Attachment {
    let name = match &contact.last_name {
        Some(last) => format!("{} {last}", contact.first_name),
        None => contact.first_name.clone(),
    };
    let card = contact.vcard.clone().unwrap_or_else(|| {
        let escaped = |text: &str| {
            text.replace('\\', "\\\\")
                .replace('\n', "\\n")
                .replace(',', "\\,")
                .replace(';', "\\;")
        };
        format!(
            "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{}\r\nTEL:{}\r\nEND:VCARD\r\n",
            escaped(&name),
            escaped(&contact.phone_number)
        )
    });
    inside(
        "contact.vcf",
        "text/vcard",
        bounds::cut(card, bounds::TEXT_BYTES),
    )
}
