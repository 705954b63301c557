//! The fields of an activity as the client wrote them. What is only echoed is checked and copied, never taken apart: most of an
//! activity passes through untouched, and building it as values would be most of the work of a message.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The fields that are kept of a client's activity; all others are dropped. `channelData` holds `clientActivityID`, by which
/// botframework-webchat recognises the echo of its own message: it stays untouched, or the bubble would be "Sending" for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(field_identifier, rename_all = "camelCase")]
pub enum Field {
    Type,
    Name,
    Text,
    TextFormat,
    Value,
    ValueType,
    ReplyToId,
    Attachments,
    AttachmentLayout,
    ChannelData,
    Entities,
    Locale,
    LocalTimestamp,
    LocalTimezone,
    InputHint,
    DeliveryMode,
    Label,
    Code,
    ReactionsAdded,
    ReactionsRemoved,
    #[serde(other)]
    Other,
}

impl Field {
    fn text(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Name => "name",
            Self::Text => "text",
            Self::TextFormat => "textFormat",
            Self::Value => "value",
            Self::ValueType => "valueType",
            Self::ReplyToId => "replyToId",
            Self::Attachments => "attachments",
            Self::AttachmentLayout => "attachmentLayout",
            Self::ChannelData => "channelData",
            Self::Entities => "entities",
            Self::Locale => "locale",
            Self::LocalTimestamp => "localTimestamp",
            Self::LocalTimezone => "localTimezone",
            Self::InputHint => "inputHint",
            Self::DeliveryMode => "deliveryMode",
            Self::Label => "label",
            Self::Code => "code",
            Self::ReactionsAdded => "reactionsAdded",
            Self::ReactionsRemoved => "reactionsRemoved",
            Self::Other => "",
        }
    }
}

/// The kept fields in the client's order, each once.
#[derive(Debug)]
pub struct Fields<'a>(Vec<(Field, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// A field as a value of some type; none where it is missing, null, or of another type.
    pub fn get<T: DeserializeOwned>(&self, name: Field) -> Option<T> {
        serde_json::from_str::<Option<T>>(self.raw(name)?).ok()?
    }

    /// A field as it was written; none where it is missing or null.
    pub fn raw(&self, name: Field) -> Option<&'a str> {
        let (_, raw) = self.0.iter().find(|(known, _)| *known == name)?;
        Some(raw.get()).filter(|raw| *raw != "null")
    }

    /// Forgets a field.
    pub fn drop(&mut self, name: Field) {
        self.0.retain(|(known, _)| *known != name);
    }

    /// The fields as the beginning of an object, without the closing brace.
    pub fn open_object(&self) -> String {
        let mut out = String::with_capacity(512);
        out.push('{');
        for (name, raw) in &self.0 {
            push_field(&mut out, name.text(), raw.get());
        }
        out
    }
}

/// Adds a field whose value is JSON already.
pub fn push_field(out: &mut String, name: &str, json: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
    out.push_str(json);
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Vec<(Field, &'de RawValue)>;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields: Self::Value = Vec::with_capacity(12);
                while let Some(name) = map.next_key::<Field>()? {
                    if name == Field::Other {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    }
                    let raw = map.next_value::<&RawValue>()?;
                    // Of a field that is written twice the last counts, as with every other reader of JSON.
                    match fields.iter_mut().find(|(known, _)| *known == name) {
                        Some(known) => known.1 = raw,
                        None => fields.push((name, raw)),
                    }
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Object).map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(json: &str) -> String {
        serde_json::from_str::<Fields<'_>>(json)
            .unwrap()
            .open_object()
            + "}"
    }

    #[test]
    fn known_fields_pass_as_they_were_written_and_others_are_dropped() {
        for (given, kept) in [
            (
                r#"{"type": "message", "from": {"id": 1}, "value": {"a" : [1, 2.50]}}"#,
                r#"{"type":"message","value":{"a" : [1, 2.50]}}"#,
            ),
            (r#"{"te\u0078t":"a","text":"b"}"#, r#"{"text":"b"}"#),
            (r#"{"from":{},"id":"1","":0}"#, "{}"),
            ("{}", "{}"),
        ] {
            assert_eq!(echo(given), kept, "{given}");
        }
    }

    #[test]
    fn every_kept_name_is_read_and_written_the_same() {
        for name in [
            "type",
            "name",
            "text",
            "textFormat",
            "value",
            "valueType",
            "replyToId",
            "attachments",
            "attachmentLayout",
            "channelData",
            "entities",
            "locale",
            "localTimestamp",
            "localTimezone",
            "inputHint",
            "deliveryMode",
            "label",
            "code",
        ] {
            let json = format!(r#"{{"{name}":1}}"#);
            assert_eq!(echo(&json), json);
        }
    }

    #[test]
    fn what_is_not_json_is_refused_also_deep_inside() {
        for json in [
            r#"{"value":{"a":}}"#,
            r#"{"value":[1,]}"#,
            r#"{"from":{"a":}}"#,
            r#"{"value":1"#,
            "[]",
            "7",
        ] {
            assert!(serde_json::from_str::<Fields<'_>>(json).is_err(), "{json}");
        }
        assert!(serde_json::from_slice::<Fields<'_>>(b"{\"value\":\"\xff\"}").is_err());
    }
}
