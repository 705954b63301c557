//! Attachments as clients describe them. Their bytes stay where they are; only what travels inside the activity is unpacked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greentic_sdk::model::Attachment;
use serde_json::Value;

use crate::answer::Refusal;
use crate::bounds::{file_name, short};

/// An attachment as a client describes it: an address, a `data:` address, or content such as a card.
///
/// # Errors
/// 400 when it is none of these.
pub fn read(given: &Value) -> Result<Attachment, Refusal> {
    let content_type =
        short(given.get("contentType")).unwrap_or_else(|| "application/octet-stream".to_owned());
    let name = file_name(
        given
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or("attachment"),
    );
    let plain = Attachment {
        name,
        content_type,
        url: None,
        content: None,
        size: None,
    };
    let with = |content: Vec<u8>| Attachment {
        size: u64::try_from(content.len()).ok(),
        content: Some(content),
        ..plain.clone()
    };
    match given.get("contentUrl").and_then(Value::as_str) {
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => Ok(Attachment {
            url: Some(url.to_owned()),
            ..plain
        }),
        Some(url) => {
            let encoded = url
                .strip_prefix("data:")
                .and_then(|rest| rest.split_once(";base64,"))
                .map(|(_, data)| data);
            let bytes = encoded.and_then(|data| STANDARD.decode(data).ok());
            bytes.map(with).ok_or_else(|| {
                Refusal::bad("contentUrl is an http or https address or base64 data")
            })
        }
        None => match given.get("content") {
            Some(content) if !content.is_null() => Ok(with(content.to_string().into_bytes())),
            _ => Err(Refusal::bad("an attachment has contentUrl or content")),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attachments_come_by_address_by_data_and_by_content() {
        for (given, name, url, content) in [
            (
                json!({"contentType": "image/png", "contentUrl": "https://a.example/x.png", "name": "../x.png"}),
                "x.png",
                Some("https://a.example/x.png"),
                None,
            ),
            (
                json!({"contentType": "text/plain", "contentUrl": "data:text/plain;base64,aGk=", "name": "t.txt"}),
                "t.txt",
                None,
                Some("hi"),
            ),
            (
                json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard"}}),
                "attachment",
                None,
                Some(r#"{"type":"AdaptiveCard"}"#),
            ),
        ] {
            let attachment = read(&given).unwrap();
            assert_eq!(
                (
                    attachment.name.as_str(),
                    attachment.url.as_deref(),
                    attachment.content.as_deref()
                ),
                (name, url, content.map(str::as_bytes)),
                "{given}"
            );
        }
    }

    #[test]
    fn an_address_that_is_neither_http_nor_data_is_refused() {
        for url in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/plain,hi",
            "data:text/plain;base64,?",
            "//a.example",
        ] {
            assert_eq!(
                read(&json!({"contentUrl": url})).unwrap_err().status,
                400,
                "{url}"
            );
        }
    }
}
