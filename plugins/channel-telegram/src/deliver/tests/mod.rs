//! Every case of what a flow sends, as calls of the Bot API.

mod changes;
mod messages;

use greentic_sdk::channel::{Delivery, DeliveryError, Receipt};
use greentic_sdk::model::{Attachment, OutboundBody, Text, TextFormat};
use serde_json::Value;

use crate::settings::Settings;
use crate::testing::{calls, delivery, telegram};

pub fn send(delivery: &Delivery) -> Result<Receipt, DeliveryError> {
    crate::deliver::deliver(&Settings::default(), delivery)
}

pub fn text(text: &str, format: TextFormat) -> OutboundBody {
    OutboundBody::Text(Text {
        text: text.into(),
        format,
    })
}

pub fn plain(words: &str) -> OutboundBody {
    text(words, TextFormat::Plain)
}

/// The one call a body leads to.
pub fn call(body: OutboundBody) -> (String, Value) {
    telegram();
    send(&delivery("d", body)).unwrap();
    let mut calls = calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0)
}

pub fn file(content_type: &str, url: Option<&str>, content: Option<&[u8]>) -> OutboundBody {
    OutboundBody::Attachment(Attachment {
        name: "dir/a \"b\".bin".into(),
        content_type: content_type.into(),
        url: url.map(str::to_owned),
        content: content.map(<[u8]>::to_vec),
        size: None,
    })
}

pub fn features(receipt: &Receipt) -> Vec<&str> {
    receipt
        .downgrades
        .iter()
        .map(|note| note.feature.as_str())
        .collect()
}
