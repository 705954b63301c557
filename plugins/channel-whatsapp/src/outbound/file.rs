//! Files that go out: each as the kind of message that shows it, within that kind's size.

use greentic_sdk::model::Attachment;
use serde_json::{Value, json};

use super::{Part, Rendered};
use crate::limits::{
    AUDIO_VIDEO_BYTES, DOCUMENT_BYTES, IMAGE_BYTES, MOVING_STICKER_BYTES, STICKER_BYTES,
    STICKER_PIXELS,
};

/// Puts a file after what is there already.
///
/// # Errors
/// When it can never be sent.
pub fn push(rendered: &mut Rendered, file: &Attachment) -> Result<(), String> {
    let size = file
        .content
        .as_ref()
        .and_then(|bytes| u64::try_from(bytes.len()).ok())
        .or(file.size);
    if size.is_some_and(|bytes| bytes > DOCUMENT_BYTES) {
        return Err(format!(
            "{} has {} bytes; WhatsApp takes at most {DOCUMENT_BYTES}",
            file.name,
            size.unwrap_or_default()
        ));
    }
    let kind = kind(file, size);
    let wished = wished(&file.content_type);
    if kind != wished {
        rendered.downgrade(
            "attachments-out",
            format!(
                "{} is sent as a {kind}: WhatsApp does not take it as {wished}",
                file.content_type
            ),
        );
    }
    let mut body = json!({});
    let fields = body.as_object_mut();
    let (Some(fields), name) = (fields, name(file)) else {
        return Ok(());
    };
    if kind == "document" {
        fields.insert("filename".to_owned(), name.as_str().into());
    }
    let file = match (&file.content, &file.url) {
        (Some(bytes), _) if bytes.is_empty() => return Err(format!("{name} is empty")),
        (Some(_), _) => Some(Attachment {
            name,
            ..file.clone()
        }),
        (None, Some(url)) if url.starts_with("https://") || url.starts_with("http://") => {
            fields.insert("link".to_owned(), Value::from(url.as_str()));
            None
        }
        (None, _) => {
            return Err(format!(
                "{name} has neither content nor an address that begins with https://"
            ));
        }
    };
    rendered.parts.push(Part { kind, body, file });
    Ok(())
}

fn name(file: &Attachment) -> String {
    let last = file.name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name = last.replace(char::is_control, "");
    if name.trim().is_empty() {
        "file".to_owned()
    } else {
        name.trim().to_owned()
    }
}

fn media_type(content_type: &str) -> String {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().to_ascii_lowercase()
}

/// The kind a file would be by its type alone.
fn wished(content_type: &str) -> &'static str {
    let media_type = media_type(content_type);
    match media_type.split('/').next() {
        Some("image") if media_type == "image/webp" => "sticker",
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "document",
    }
}

/// The kind as which the platform takes it.
fn kind(file: &Attachment, size: Option<u64>) -> &'static str {
    let within = |most: u64| size.is_none_or(|bytes| bytes <= most);
    match media_type(&file.content_type).as_str() {
        "image/jpeg" | "image/png" if within(IMAGE_BYTES) => "image",
        "video/mp4" | "video/3gpp" if within(AUDIO_VIDEO_BYTES) => "video",
        "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg"
            if within(AUDIO_VIDEO_BYTES) =>
        {
            "audio"
        }
        "image/webp" if file.content.as_deref().is_some_and(is_sticker) => "sticker",
        _ => "document",
    }
}

/// Whether a WebP picture has the size a sticker must have: 512 by 512 pixels, 100 KB, or 500 KB when it moves.
fn is_sticker(bytes: &[u8]) -> bool {
    let Some((width, height, moves)) = webp(bytes) else {
        return false;
    };
    let most = if moves {
        MOVING_STICKER_BYTES
    } else {
        STICKER_BYTES
    };
    width == STICKER_PIXELS
        && height == STICKER_PIXELS
        && u64::try_from(bytes.len()).is_ok_and(|size| size <= most)
}

/// Width, height and whether it moves, from the head of a WebP file (RFC 9649).
fn webp(bytes: &[u8]) -> Option<(u32, u32, bool)> {
    if bytes.get(..4)? != b"RIFF" || bytes.get(8..12)? != b"WEBP" {
        return None;
    }
    let at = |index: usize| bytes.get(index).copied().map(u32::from);
    let pair = |index: usize| Some(at(index)? | at(index + 1)? << 8);
    match bytes.get(12..16)? {
        b"VP8X" => {
            let wide = |index: usize| Some((pair(index)? | at(index + 2)? << 16) + 1);
            Some((wide(24)?, wide(27)?, at(20)? & 2 != 0))
        }
        b"VP8L" => {
            let bits = pair(21)? | pair(23)? << 16;
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, false))
        }
        b"VP8 " => Some((pair(26)? & 0x3fff, pair(28)? & 0x3fff, false)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(content_type: &str, content: Option<Vec<u8>>, size: Option<u64>) -> Attachment {
        Attachment {
            name: "a/b.bin".into(),
            content_type: content_type.into(),
            url: content.is_none().then(|| "https://h/b".into()),
            content,
            size,
        }
    }

    /// The head of an extended WebP file of that size.
    fn extended(pixels: u32, moves: bool, bytes: usize) -> Vec<u8> {
        let mut file = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0".to_vec();
        file.extend([if moves { 2 } else { 0 }, 0, 0, 0]);
        let [a, b, c, _] = (pixels - 1).to_le_bytes();
        file.extend([a, b, c, a, b, c]);
        file.resize(bytes, 0);
        file
    }

    #[test]
    fn each_type_is_the_kind_that_shows_it_within_its_size() {
        const MB: u64 = 1024 * 1024;
        for (file, kind, downgraded) in [
            (file("image/png", None, None), "image", false),
            (file("image/jpeg; x=y", None, Some(5 * MB)), "image", false),
            (file("image/jpeg", None, Some(5 * MB + 1)), "document", true),
            (file("image/gif", None, None), "document", true),
            (file("video/mp4", None, Some(16 * MB)), "video", false),
            (file("video/mp4", None, Some(17 * MB)), "document", true),
            (file("video/webm", None, None), "document", true),
            (file("audio/ogg; codecs=opus", None, None), "audio", false),
            (file("audio/flac", None, None), "document", true),
            (
                file("application/pdf", None, Some(100 * MB)),
                "document",
                false,
            ),
            (file("", None, None), "document", false),
            (file("image/webp", None, None), "document", true),
            (
                file("image/webp", Some(extended(512, false, 1000)), None),
                "sticker",
                false,
            ),
            (
                file("image/webp", Some(extended(512, false, 200_000)), None),
                "document",
                true,
            ),
            (
                file("image/webp", Some(extended(512, true, 200_000)), None),
                "sticker",
                false,
            ),
            (
                file("image/webp", Some(extended(511, false, 1000)), None),
                "document",
                true,
            ),
        ] {
            let mut rendered = Rendered::default();
            push(&mut rendered, &file).unwrap();
            let [part] = rendered.parts.as_slice() else {
                panic!()
            };
            assert_eq!(
                (part.kind, !rendered.downgrades.is_empty()),
                (kind, downgraded),
                "{}",
                file.content_type
            );
            assert_eq!(part.body.get("filename").is_some(), kind == "document");
            assert_eq!(part.body.get("link").is_some(), file.content.is_none());
            assert_eq!(part.file.is_some(), file.content.is_some());
        }
    }

    #[test]
    fn what_can_never_be_sent_is_refused() {
        let mut nowhere = file("image/png", None, None);
        nowhere.url = None;
        let mut other = file("image/png", None, None);
        other.url = Some("ftp://h/x".into());
        for file in [
            file("application/zip", None, Some(DOCUMENT_BYTES + 1)),
            file("image/png", Some(Vec::new()), None),
            nowhere,
            other,
        ] {
            assert!(push(&mut Rendered::default(), &file).is_err());
        }
    }

    #[test]
    fn the_three_forms_of_webp_tell_their_size() {
        let mut lossless = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f".to_vec();
        lossless.extend((511_u32 | 511 << 14).to_le_bytes());
        assert_eq!(webp(&lossless), Some((512, 512, false)));
        let mut lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a".to_vec();
        lossy.extend([0, 2, 0, 2]);
        assert_eq!(webp(&lossy), Some((512, 512, false)));
        assert_eq!(webp(&extended(300, true, 40)), Some((300, 300, true)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_of_pictures_panic(kind in "VP8[XL ]", rest: Vec<u8>) {
            let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
            bytes.extend(kind.bytes());
            bytes.extend(rest);
            let _ = webp(&bytes);
        }
    }
}
