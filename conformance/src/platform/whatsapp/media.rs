//! Files: which the platform takes as what, handing them in, and fetching them by an address that holds for five minutes.

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::account::{Account, Stored};
use super::{NUMBER_ID, errors};
use crate::platform::{Answer, Call, Desk};

/// How long the address of a file holds.
const ADDRESS_MS: u64 = 5 * 60 * 1_000;
const MB: usize = 1024 * 1024;

/// The kinds as which a media type is taken, with the most bytes of each.
pub fn taken_as(content_type: &str) -> &'static [(&'static str, usize)] {
    match content_type.split(';').next().unwrap_or_default().trim() {
        "image/jpeg" | "image/png" => &[("image", 5 * MB), ("document", 100 * MB)],
        "image/webp" => &[("sticker", 500 * 1024), ("document", 100 * MB)],
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg" | "audio/opus" => {
            &[("audio", 16 * MB), ("document", 100 * MB)]
        }
        "video/mp4" | "video/3gpp" => &[("video", 16 * MB), ("document", 100 * MB)],
        _ => &[("document", 100 * MB)],
    }
}

/// The kind a person's file is sent as.
pub fn kind(content_type: &str) -> &'static str {
    taken_as(content_type)
        .first()
        .map_or("document", |(kind, _)| kind)
}

/// `POST /{number}/media`.
pub fn upload(desk: &Desk, account: &mut Account, call: &Call) -> Answer {
    let refuse = |name: &str, detail: &str| {
        desk.violation(name, detail);
        errors::parameter(detail)
    };
    let parts = match call.multipart() {
        Ok(parts) => parts,
        Err(detail) => return refuse("not-multipart", &detail),
    };
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    if part("messaging_product").is_none_or(|part| part.bytes != b"whatsapp") {
        return refuse("field-missing", "messaging_product must be whatsapp");
    }
    let Some(file) = part("file") else {
        return refuse("field-missing", "file is required");
    };
    let Some(content_type) = part("type")
        .map(|part| String::from_utf8_lossy(&part.bytes).into_owned())
        .or_else(|| file.content_type.clone())
    else {
        return refuse("field-missing", "type is required");
    };
    let most = taken_as(&content_type).iter().map(|(_, most)| *most).max();
    if file.bytes.is_empty() || most.is_none_or(|most| file.bytes.len() > most) {
        return refuse(
            "file-size",
            &format!("{} bytes of {content_type}", file.bytes.len()),
        );
    }
    let id = account.media_id();
    account.media.insert(
        id.clone(),
        Stored {
            name: file.file_name.clone().unwrap_or_default(),
            content_type,
            bytes: file.bytes.clone(),
        },
    );
    Answer::json(200, &json!({ "id": id }))
}

/// `GET /{media}`: where the bytes are.
pub fn describe(desk: &Desk, account: &mut Account, call: &Call, id: &str) -> Answer {
    let of_number = call
        .query()
        .iter()
        .find(|(name, _)| name == "phone_number_id")
        .is_none_or(|(_, value)| value == NUMBER_ID);
    let Some(file) = account.media.get(id).filter(|_| of_number) else {
        return errors::no_such_object(id);
    };
    let hash = hex::encode(Sha256::digest(&file.bytes));
    let token = format!("{id}{}", desk.now_ms());
    let body = json!({
        "messaging_product": "whatsapp",
        "url": format!("{}/whatsapp_business/attachments/?mid={id}&source=getMedia&ext={token}&hash=ARsimulated", desk.origin()),
        "mime_type": file.content_type,
        "sha256": hash,
        "file_size": file.bytes.len(),
        "id": id,
    });
    let until = desk.now_ms() + ADDRESS_MS;
    account.addresses.insert(token, (id.to_owned(), until));
    Answer::json(200, &body)
}

/// `GET` of such an address.
pub fn download(desk: &Desk, account: &Account, call: &Call) -> Answer {
    let query = call.query();
    let token = query.iter().find(|(name, _)| name == "ext");
    let file = token
        .and_then(|(_, token)| account.addresses.get(token))
        .filter(|(_, until)| desk.now_ms() < *until)
        .and_then(|(id, _)| account.media.get(id));
    match file {
        Some(file) => Answer::of(200, &file.content_type, file.bytes.clone()),
        None => Answer::of(404, "text/plain", b"URL signature expired".to_vec()),
    }
}
