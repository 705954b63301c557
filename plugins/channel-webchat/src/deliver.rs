//! What flows say, as Direct Line activities in the conversation's log.
//!
//! The delivery's id is the entry's id, so an attempt that is made again, whatever became of the first, appends nothing twice.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use greentic_sdk::channel::{Delivery, DeliveryError, Downgrade, Receipt, Retry};
use greentic_sdk::model::{Attachment, OutboundBody, QuickReply, TextFormat};
use serde_json::{Map, Value, json};

use crate::host::{Host, HostError};
use crate::limits::{ACTIVITY_BYTES, INLINE_BYTES};
use crate::settings::Settings;
use crate::{files, stored};

/// Sends one message.
///
/// # Errors
/// `rejected` for what never will be taken, `retry` for a log that cannot be reached; nothing is ever unknown.
pub fn deliver(
    host: &impl Host,
    settings: &Settings,
    delivery: &Delivery,
) -> Result<Receipt, DeliveryError> {
    let conversation = delivery.message.conversation.id.as_str();
    let (activity, downgrade) = match &delivery.message.body {
        OutboundBody::Typing => {
            let typing = stored::seal(
                from_bot(settings, "typing", None),
                conversation,
                host.now_ms(),
            );
            host.publish(conversation, &typing).map_err(failed)?;
            return Ok(receipt(vec![], None));
        }
        // Direct Line has no way to take anything back from a client: the message stays.
        OutboundBody::Delete(_) => {
            return Ok(receipt(vec![], Some(("delete", "the message stays"))));
        }
        OutboundBody::Reaction(reaction) if !reaction.added => {
            return Ok(receipt(
                vec![],
                Some(("reactions-out", "the reaction stays")),
            ));
        }
        OutboundBody::Text(text) => (text_fields(&text.text, text.format), None),
        OutboundBody::QuickReplies(replies) => {
            (quick_replies(&replies.text, &replies.options), None)
        }
        OutboundBody::Card(card) => card_fields(&card.json, &card.fallback),
        OutboundBody::Attachment(attachment) => (
            attachment_fields(host, conversation, &delivery.id, attachment)?,
            None,
        ),
        OutboundBody::Edit(edit) => (
            text_fields(&edit.text, TextFormat::Markdown),
            Some(("edit", "sent as a new message")),
        ),
        OutboundBody::Reaction(reaction) => (
            text_fields(&reaction.emoji, TextFormat::Plain),
            Some(("reactions-out", "sent as a message")),
        ),
    };
    let answers = delivery
        .message
        .reply_to
        .as_deref()
        .or(match &delivery.message.body {
            OutboundBody::Reaction(reaction) => Some(reaction.message_id.as_str()),
            _ => None,
        });
    let mut whole = from_bot(settings, "message", answers);
    whole.extend(activity);
    let entry = stored::seal(whole, conversation, host.now_ms());
    if entry.len() > ACTIVITY_BYTES {
        return Err(DeliveryError::Rejected(format!(
            "the activity has {} bytes; a conversation takes {ACTIVITY_BYTES}",
            entry.len()
        )));
    }
    let position = host
        .append(conversation, &format!("out:{}", delivery.id), &entry)
        .map_err(failed)?;
    Ok(receipt(
        vec![stored::activity_id(conversation, position)],
        downgrade,
    ))
}

fn receipt(message_ids: Vec<String>, downgrade: Option<(&str, &str)>) -> Receipt {
    let downgrades = downgrade
        .map(|(feature, instead)| Downgrade {
            feature: feature.into(),
            instead: instead.into(),
        })
        .into_iter()
        .collect();
    Receipt {
        message_ids,
        downgrades,
    }
}

/// Appending twice is harmless, so also an outcome that is not known is tried again.
fn failed(error: HostError) -> DeliveryError {
    match error {
        HostError::Unavailable { reason, after_ms } => {
            DeliveryError::Retry(Retry { reason, after_ms })
        }
        HostError::Refused(reason) => DeliveryError::Rejected(reason),
    }
}

fn from_bot(settings: &Settings, kind: &str, answers: Option<&str>) -> Map<String, Value> {
    let mut activity = Map::new();
    activity.insert("type".into(), kind.into());
    activity.insert(
        "from".into(),
        json!({"id": "bot", "name": settings.title, "role": "bot"}),
    );
    if let Some(locale) = &settings.locale {
        activity.insert("locale".into(), locale.as_str().into());
    }
    if let Some(id) = answers {
        activity.insert("replyToId".into(), id.into());
    }
    activity
}

fn fields(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn text_fields(text: &str, format: TextFormat) -> Map<String, Value> {
    let format = match format {
        TextFormat::Plain => "plain",
        TextFormat::Markdown => "markdown",
    };
    fields(json!({"text": text, "textFormat": format}))
}

/// `suggestedActions`: clients show them while theirs is the last message. `imBack` shows and sends the value; where title and value
/// differ `messageBack` shows the one and sends the other.
fn quick_replies(text: &str, options: &[QuickReply]) -> Map<String, Value> {
    let action = |reply: &QuickReply| {
        if reply.title == reply.value {
            json!({"type": "imBack", "title": reply.title, "value": reply.value})
        } else {
            json!({"type": "messageBack", "title": reply.title, "displayText": reply.title, "text": reply.value})
        }
    };
    let mut activity = text_fields(text, TextFormat::Markdown);
    activity.insert("inputHint".into(), "expectingInput".into());
    activity.insert(
        "suggestedActions".into(),
        json!({"actions": options.iter().map(action).collect::<Vec<_>>()}),
    );
    activity
}

/// The card as an attachment, or its fallback where it is no card.
fn card_fields(
    card: &str,
    fallback: &str,
) -> (Map<String, Value>, Option<(&'static str, &'static str)>) {
    match serde_json::from_str::<Value>(card) {
        Ok(content) if content.get("type").and_then(Value::as_str) == Some("AdaptiveCard") => {
            let attachment = json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": content});
            let mut activity = fields(json!({"attachments": [attachment]}));
            if !fallback.is_empty() {
                // What notifications show of a message that has no text (Activity schema).
                activity.insert("summary".into(), fallback.into());
            }
            (activity, None)
        }
        _ => (
            text_fields(fallback, TextFormat::Markdown),
            Some((
                "cards",
                "the text was sent because the JSON is not an Adaptive Card",
            )),
        ),
    }
}

fn attachment_fields(
    host: &impl Host,
    conversation: &str,
    id: &str,
    attachment: &Attachment,
) -> Result<Map<String, Value>, DeliveryError> {
    let address = match (&attachment.url, &attachment.content) {
        (Some(url), _) => url.clone(),
        (None, Some(bytes)) => keep(host, conversation, id, attachment, bytes)?,
        (None, None) => {
            return Err(DeliveryError::Rejected(
                "the attachment has neither an address nor content".into(),
            ));
        }
    };
    Ok(fields(
        json!({"attachments": [{"contentType": attachment.content_type, "contentUrl": address, "name": attachment.name}]}),
    ))
}

/// Content gets an address where the conversation's opening says how the channel is reached; otherwise it travels inside.
fn keep(
    host: &impl Host,
    conversation: &str,
    id: &str,
    attachment: &Attachment,
    bytes: &[u8],
) -> Result<String, DeliveryError> {
    let opening = host.read(conversation, 0, 1).map_err(failed)?;
    if let Some(reached) = opening.entries.first().and_then(stored::address) {
        let base = reached
            .splitn(4, '/')
            .nth(3)
            .map(|path| format!("/{path}"))
            .unwrap_or_default();
        let file = file_id(host, conversation, id).map_err(failed)?;
        let place = files::Place {
            address: &reached,
            audience: &base,
            conversation,
        };
        let file = files::NewFile {
            id: &file,
            name: &attachment.name,
            content_type: &attachment.content_type,
            bytes,
        };
        return files::keep(host, &place, &file).map_err(failed);
    }
    if bytes.len() <= INLINE_BYTES {
        return Ok(format!(
            "data:{};base64,{}",
            attachment.content_type,
            STANDARD.encode(bytes)
        ));
    }
    Err(DeliveryError::Rejected(format!(
        "the conversation has no address for files any more and {} bytes do not fit into the message",
        bytes.len()
    )))
}

/// The same for every attempt, and of the form that addresses take.
pub fn file_id(host: &impl Host, conversation: &str, key: &str) -> Result<String, HostError> {
    let tag = host.sign(format!("\nfile-id\n{conversation}\n{key}").as_bytes())?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(tag.get(..16).unwrap_or(&tag)))
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::{Card, Conversation, Edit, Outbound, Reaction};

    use super::*;
    use crate::testing::MemoryHost;

    fn send(host: &MemoryHost, id: &str, body: OutboundBody) -> Result<Receipt, DeliveryError> {
        deliver(
            host,
            &Settings {
                title: "Desk".into(),
                ..Settings::default()
            },
            &Delivery {
                id: id.into(),
                attempt: 1,
                message: Outbound::new(&Conversation::direct("c"), body),
            },
        )
    }

    fn last(host: &MemoryHost) -> Value {
        let set = stored::read(host, "c", 0).unwrap();
        let value: Value = serde_json::from_str(&set.json).unwrap();
        value["activities"]
            .as_array()
            .unwrap()
            .last()
            .unwrap()
            .clone()
    }

    fn text(text: &str) -> OutboundBody {
        OutboundBody::Text(greentic_sdk::model::Text {
            text: text.into(),
            format: TextFormat::Markdown,
        })
    }

    #[test]
    fn a_delivery_that_is_made_twice_is_one_activity_with_one_id() {
        let host = MemoryHost::at(1000);
        let first = send(&host, "d1", text("**hi**")).unwrap();
        assert_eq!(first, send(&host, "d1", text("**hi**")).unwrap());
        assert_eq!(first.message_ids, ["c|0000001"]);
        assert_eq!(host.logs.borrow()["c"].len(), 1);
        assert_eq!(
            last(&host),
            json!({"id": "c|0000001", "type": "message", "from": {"id": "bot", "name": "Desk", "role": "bot"}, "text": "**hi**", "textFormat": "markdown", "timestamp": "1970-01-01T00:00:01.000Z", "channelId": "webchat", "conversation": {"id": "c"}})
        );
    }

    #[test]
    fn typing_reaches_the_open_sockets_and_is_not_kept() {
        let host = MemoryHost::at(0);
        assert_eq!(
            send(&host, "t", OutboundBody::Typing).unwrap().message_ids,
            Vec::<String>::new()
        );
        assert!(host.logs.borrow().is_empty());
        let published = host.published.borrow();
        let typing: Value = serde_json::from_slice(&published[0].1).unwrap();
        assert_eq!(
            (
                published[0].0.as_str(),
                &typing["type"],
                &typing["from"]["role"]
            ),
            ("c", &json!("typing"), &json!("bot"))
        );
    }

    #[test]
    fn quick_replies_show_the_title_and_send_the_value() {
        let host = MemoryHost::at(0);
        let reply = |title: &str, value: &str| QuickReply {
            title: title.into(),
            value: value.into(),
        };
        send(
            &host,
            "q",
            OutboundBody::QuickReplies(greentic_sdk::model::QuickReplies {
                text: "Which?".into(),
                options: vec![reply("Yes", "Yes"), reply("No", "no-1")],
            }),
        )
        .unwrap();
        assert_eq!(
            last(&host)["suggestedActions"],
            json!({"actions": [{"type": "imBack", "title": "Yes", "value": "Yes"}, {"type": "messageBack", "title": "No", "displayText": "No", "text": "no-1"}]})
        );
    }

    #[test]
    fn a_card_is_an_attachment_and_what_is_no_card_becomes_its_fallback_and_says_so() {
        let host = MemoryHost::at(0);
        let card = |json: &str| {
            OutboundBody::Card(Card {
                json: json.into(),
                fallback: "A form".into(),
            })
        };
        let receipt = send(
            &host,
            "1",
            card(r#"{"type":"AdaptiveCard","version":"1.5","body":[]}"#),
        )
        .unwrap();
        assert!(receipt.downgrades.is_empty());
        assert_eq!(
            last(&host)["attachments"],
            json!([{"contentType": "application/vnd.microsoft.card.adaptive", "content": {"type": "AdaptiveCard", "version": "1.5", "body": []}}])
        );
        for (id, broken) in [("2", "{"), ("3", "[]"), ("4", r#"{"type":"Other"}"#)] {
            let receipt = send(&host, id, card(broken)).unwrap();
            assert_eq!(receipt.downgrades[0].feature, "cards", "{broken}");
            assert_eq!(last(&host)["text"], "A form");
        }
    }

    #[test]
    fn what_direct_line_lacks_is_done_otherwise_and_the_receipt_says_how() {
        let host = MemoryHost::at(0);
        let reaction = |added| {
            OutboundBody::Reaction(Reaction {
                message_id: "c|1".into(),
                emoji: "👍".into(),
                added,
            })
        };
        for (id, body, feature, sent) in [
            (
                "e",
                OutboundBody::Edit(Edit {
                    message_id: "c|1".into(),
                    text: "new".into(),
                }),
                "edit",
                1,
            ),
            ("d", OutboundBody::Delete("c|1".into()), "delete", 0),
            ("r", reaction(true), "reactions-out", 1),
            ("s", reaction(false), "reactions-out", 0),
        ] {
            let receipt = send(&host, id, body).unwrap();
            assert_eq!(
                (
                    receipt.downgrades[0].feature.as_str(),
                    receipt.message_ids.len()
                ),
                (feature, sent),
                "{id}"
            );
        }
        assert_eq!(
            (&last(&host)["text"], &last(&host)["replyToId"]),
            (&json!("👍"), &json!("c|1"))
        );
    }

    #[test]
    fn content_travels_by_address_where_the_conversation_has_one_and_inside_where_not() {
        let host = MemoryHost::at(0);
        let file = |size: usize| {
            OutboundBody::Attachment(Attachment {
                name: "a.png".into(),
                content_type: "image/png".into(),
                url: None,
                content: Some(vec![1; size]),
                size: None,
            })
        };
        send(&host, "in", file(3)).unwrap();
        assert_eq!(
            last(&host)["attachments"][0]["contentUrl"],
            "data:image/png;base64,AQEB"
        );
        assert!(matches!(
            send(&host, "big", file(INLINE_BYTES + 1)),
            Err(DeliveryError::Rejected(_))
        ));

        let host = MemoryHost::at(0);
        host.append("c", "open", &stored::opening("https://h/v1/base"))
            .unwrap();
        send(&host, "by", file(300_000)).unwrap();
        send(&host, "by", file(300_000)).unwrap();
        let address = last(&host)["attachments"][0]["contentUrl"]
            .as_str()
            .unwrap()
            .to_owned();
        let (path, tag) = address
            .strip_prefix("https://h/v1/base/conversations/c/files/")
            .unwrap()
            .split_once("?t=")
            .unwrap();
        assert_eq!(
            crate::token::is_file_tag(&host, "/v1/base", "c", path, tag),
            Ok(true)
        );
        assert_eq!(host.logs.borrow().len(), 2, "one conversation and one file");
    }

    #[test]
    fn a_log_that_is_away_is_tried_again_and_what_it_refuses_is_not() {
        let host = MemoryHost::at(0);
        *host.down.borrow_mut() = Some(HostError::Unavailable {
            reason: "store".into(),
            after_ms: Some(5),
        });
        assert_eq!(
            send(&host, "1", text("a")),
            Err(DeliveryError::Retry(Retry {
                reason: "store".into(),
                after_ms: Some(5)
            }))
        );
        *host.down.borrow_mut() = Some(HostError::Refused("no".into()));
        assert_eq!(
            send(&host, "1", OutboundBody::Typing),
            Err(DeliveryError::Rejected("no".into()))
        );
        *host.down.borrow_mut() = None;
        assert!(
            matches!(
                send(&host, "2", text(&"\u{1}".repeat(60_000))),
                Err(DeliveryError::Rejected(_))
            ),
            "too large for an entry"
        );
    }
}
