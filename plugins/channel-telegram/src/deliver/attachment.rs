//! Sending files: bytes by upload, addresses for Telegram to fetch, and files Telegram has already by their identifier.

use greentic_sdk::channel::DeliveryError;
use greentic_sdk::model::Attachment;
use serde_json::Map;

use super::Sending;
use crate::api::{ApiError, Upload};
use crate::bounds;
use crate::place::Line;
use crate::words::Words;

/// Begins the address of a file Telegram has already.
const FILE_ID: &str = "file-id:";
/// Largest photo by upload; a larger picture goes as a document.
const PHOTO_BYTES: usize = 10 << 20;

/// How a file is sent: the method, and its parameter for the file.
type Way = (&'static str, &'static str);

const DOCUMENT: Way = ("sendDocument", "document");

/// Telegram shows each kind in its own way; what it has none for is a document.
fn way(content_type: &str, bytes: usize) -> Way {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    match kind.to_ascii_lowercase().as_str() {
        "image/jpeg" | "image/png" | "image/webp" if bytes <= PHOTO_BYTES => ("sendPhoto", "photo"),
        "image/gif" => ("sendAnimation", "animation"),
        "video/mp4" => ("sendVideo", "video"),
        "audio/mpeg" | "audio/mp3" | "audio/mp4" | "audio/x-m4a" | "audio/m4a" => {
            ("sendAudio", "audio")
        }
        "audio/ogg" | "audio/opus" => ("sendVoice", "voice"),
        _ => DOCUMENT,
    }
}

impl Sending<'_> {
    /// Sends a file.
    pub(super) fn attachment(
        &mut self,
        attachment: &Attachment,
    ) -> Result<Vec<String>, DeliveryError> {
        let name = bounds::file_name(&attachment.name);
        if let Line::Guest(_) = self.place.line {
            return self.as_text(attachment, &name);
        }
        match (&attachment.url, &attachment.content) {
            (Some(url), _) => self.by_address(attachment, &name, url),
            (None, Some(bytes)) => self.by_upload(attachment, &name, bytes),
            (None, None) => Err(DeliveryError::Rejected(
                "the attachment has neither an address nor content".into(),
            )),
        }
    }

    fn by_upload(
        &mut self,
        attachment: &Attachment,
        name: &str,
        bytes: &[u8],
    ) -> Result<Vec<String>, DeliveryError> {
        if bytes.is_empty() {
            return Err(DeliveryError::Rejected(format!(
                "the file `{name}` is empty; Telegram takes no empty file"
            )));
        }
        let first = way(&attachment.content_type, bytes.len());
        let mut send = |(method, field): Way| {
            let upload = Upload {
                field,
                name,
                content_type: &attachment.content_type,
                bytes,
            };
            self.try_send(method, Map::new(), true, Some(&upload))
        };
        match send(first) {
            // A picture with sides Telegram does not show, a film that is none.
            Err(error) if first != DOCUMENT && is_about_content(&error) => {
                let ids = send(DOCUMENT)?;
                self.downgraded("attachments-out", "sent as a document");
                Ok(ids)
            }
            outcome => Ok(outcome?),
        }
    }

    fn by_address(
        &mut self,
        attachment: &Attachment,
        name: &str,
        url: &str,
    ) -> Result<Vec<String>, DeliveryError> {
        let first = way(&attachment.content_type, 0);
        let file = url.strip_prefix(FILE_ID).unwrap_or(url);
        let mut parameters = Map::new();
        parameters.insert(first.1.into(), file.into());
        match self.try_send(first.0, parameters, true, None) {
            // Telegram fetches only what it can reach, of few kinds, and up to 20 MB.
            Err(error) if file == url && is_about_content(&error) => self.as_text(attachment, name),
            outcome => Ok(outcome?),
        }
    }

    /// The file's name, and its address behind it where it has one.
    fn as_text(
        &mut self,
        attachment: &Attachment,
        name: &str,
    ) -> Result<Vec<String>, DeliveryError> {
        let Some(url) = attachment
            .url
            .as_deref()
            .filter(|url| url.starts_with("http"))
        else {
            return Err(DeliveryError::Rejected(format!(
                "the file `{name}` cannot be sent in a chat of this kind"
            )));
        };
        self.downgraded("attachments-out", "sent as a link");
        self.words(&Words::link(&format!("📎 {name}"), url), &[])
    }
}

/// Whether Telegram refused the file rather than the chat.
fn is_about_content(error: &ApiError) -> bool {
    [
        "http url",
        "web page content",
        "wrong type",
        "wrong remote file",
        "wrong file identifier",
        "failed to get",
        "IMAGE_PROCESS_FAILED",
        "PHOTO_",
        "VOICE_MESSAGES_FORBIDDEN",
        "WEBPAGE_",
        "can't use file of type",
        "VIDEO_",
        "AUDIO_",
    ]
    .iter()
    .any(|part| error.says(part))
}
