//! Files people send. The platform gives an identifier; the event gets a signed link to this channel, which fetches the bytes when
//! somebody asks for them.

use greentic_sdk::model::Attachment;

use super::person::shortened;
use crate::limits::NAME_BYTES;
use crate::notification::Media;

/// Makes the link to a file from its identifier and its name.
pub type Link<'a> = dyn Fn(&str, &str) -> String + 'a;

/// A file as the model has it.
///
/// # Errors
/// When its identifier cannot be one.
pub fn attachment(kind: &str, media: &Media, link: &Link<'_>) -> Result<Attachment, String> {
    if !is_media_id(&media.id) {
        return Err(format!("a media id that is none: {:.80}", media.id));
    }
    let content_type = content_type(kind, &media.mime_type);
    let name = media
        .filename
        .as_deref()
        .and_then(|name| name.rsplit(['/', '\\']).next())
        .map(|name| name.replace(char::is_control, ""))
        .map(|name| shortened(name.trim(), NAME_BYTES))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| default_name(kind, media.voice, &content_type));
    Ok(Attachment {
        url: Some(link(&media.id, &name)),
        name,
        content_type,
        content: None,
        size: None,
    })
}

/// Identifiers of files are digits; anything else must not end up in an address.
pub fn is_media_id(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn content_type(kind: &str, given: &str) -> String {
    let usable = (1..=NAME_BYTES).contains(&given.len())
        && given.contains('/')
        && given.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if usable {
        return given.to_owned();
    }
    match kind {
        "image" => "image/jpeg",
        "video" => "video/mp4",
        "audio" => "audio/ogg",
        "sticker" => "image/webp",
        _ => "application/octet-stream",
    }
    .to_owned()
}

fn default_name(kind: &str, voice: bool, content_type: &str) -> String {
    let stem = if voice { "voice" } else { kind };
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    let extension = match media_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "video/mp4" => "mp4",
        "video/3gpp" => "3gp",
        "audio/ogg" => "ogg",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "audio/aac" => "aac",
        "audio/amr" => "amr",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => return stem.to_owned(),
    };
    format!("{stem}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn media(id: &str, mime_type: &str, filename: Option<&str>, voice: bool) -> Media {
        Media {
            id: id.into(),
            mime_type: mime_type.into(),
            caption: None,
            filename: filename.map(str::to_owned),
            voice,
        }
    }

    #[test]
    fn a_file_has_a_name_a_type_and_the_link_made_from_its_id() {
        let link = |id: &str, name: &str| format!("https://h/{id}/{name}");
        for (kind, media, name, content_type) in [
            (
                "image",
                media("1", "image/jpeg", None, false),
                "image.jpg",
                "image/jpeg",
            ),
            (
                "audio",
                media("2", "audio/ogg; codecs=opus", None, true),
                "voice.ogg",
                "audio/ogg; codecs=opus",
            ),
            (
                "audio",
                media("3", "audio/mpeg", None, false),
                "audio.mp3",
                "audio/mpeg",
            ),
            (
                "sticker",
                media("4", "", None, false),
                "sticker.webp",
                "image/webp",
            ),
            (
                "document",
                media("5", "application/pdf", Some("../../etc/a.pdf"), false),
                "a.pdf",
                "application/pdf",
            ),
            (
                "document",
                media("6", "x\r\ny: z/", Some("a\r\nb.txt"), false),
                "ab.txt",
                "application/octet-stream",
            ),
            (
                "document",
                media("7", "application/zip", Some("dir/"), false),
                "document",
                "application/zip",
            ),
        ] {
            let file = attachment(kind, &media, &link).unwrap();
            assert_eq!(
                (file.name.as_str(), file.content_type.as_str()),
                (name, content_type)
            );
            assert_eq!(file.url, Some(format!("https://h/{}/{name}", media.id)));
        }
    }

    #[test]
    fn an_id_that_could_change_an_address_is_refused() {
        for id in ["", "1/2", "..", "1?x", "1#", "ä", " 1", &"1".repeat(65)] {
            assert!(
                attachment("image", &media(id, "", None, false), &|_, _| String::new()).is_err(),
                "{id}"
            );
        }
    }
}
