//! The contract's events as the interpreter takes them.
//!
//! The host and the engine component each have bindings of their own, generated from the same `wit/types`. The mapping is
//! written once, over whichever bindings it is expanded with.

/// Makes a module's `event` function of the bindings in the module named: `event_of_contract!(greentic_sdk::model);`.
///
/// `event(event)` gives a [`greentic_flow::Event`](crate::Event), or says which field that is JSON is not.
#[macro_export]
macro_rules! event_of_contract {
    ($($model:ident)::+) => {
        use $crate as flow;
        use $($model)::+::{
            Attachment, Conversation, ConversationKind, DeliveryState, Event, EventBody, Participant,
        };
        /// Maps an event.
        ///
        /// # Errors
        /// When a field that is JSON is not.
        pub fn event(event: Event) -> Result<flow::Event, String> {
            Ok(flow::Event {
                id: event.id,
                dedupe_key: event.dedupe_key,
                time_ms: event.time_ms,
                conversation: conversation(event.conversation),
                sender: participant(event.sender),
                reply_to: event.reply_to,
                body: body(event.body)?,
            })
        }

        fn conversation(from: Conversation) -> flow::Conversation {
            let kind = match from.kind {
                ConversationKind::Direct => "direct",
                ConversationKind::Group => "group",
                ConversationKind::Channel => "channel",
            };
            flow::Conversation {
                id: from.id,
                thread: from.thread,
                kind: kind.to_owned(),
            }
        }

        fn participant(from: Participant) -> flow::Participant {
            flow::Participant {
                id: from.id,
                name: from.name,
                locale: from.locale,
                is_bot: from.is_bot,
            }
        }

        /// Bytes that came along are not shown to flows: a flow names files, it does not carry them.
        fn attachment(from: Attachment) -> flow::InboundAttachment {
            flow::InboundAttachment {
                name: from.name,
                content_type: from.content_type,
                url: from.url,
                size: from.size.or(from
                    .content
                    .and_then(|bytes| u64::try_from(bytes.len()).ok())),
            }
        }

        fn json(text: &str) -> Result<$crate::serde_json::Value, String> {
            if text.is_empty() {
                return Ok($crate::serde_json::Value::Null);
            }
            $crate::serde_json::from_str(text).map_err(|error| format!("the event's data is no JSON: {error}"))
        }

        fn body(from: EventBody) -> Result<flow::EventBody, String> {
            Ok(match from {
                EventBody::Message(message) => flow::EventBody::Message {
                    text: message.text,
                    attachments: message.attachments.into_iter().map(attachment).collect(),
                },
                EventBody::Postback(postback) => flow::EventBody::Postback {
                    data: json(&postback.data)?,
                    text: postback.text,
                    message_id: postback.message_id,
                },
                EventBody::Command(command) => flow::EventBody::Command {
                    name: command.name,
                    arguments: command.arguments,
                },
                EventBody::Edited(edit) => flow::EventBody::Edited {
                    message_id: edit.message_id,
                    text: edit.text,
                },
                EventBody::Deleted(message_id) => flow::EventBody::Deleted { message_id },
                EventBody::Reaction(reaction) => flow::EventBody::Reaction {
                    message_id: reaction.message_id,
                    emoji: reaction.emoji,
                    added: reaction.added,
                },
                EventBody::Joined(members) => flow::EventBody::Joined {
                    members: members.into_iter().map(participant).collect(),
                },
                EventBody::Left(members) => flow::EventBody::Left {
                    members: members.into_iter().map(participant).collect(),
                },
                EventBody::Typing => flow::EventBody::Typing,
                EventBody::DeliveryStatus(status) => flow::EventBody::DeliveryStatus {
                    message_id: status.message_id,
                    state: match status.state {
                        DeliveryState::Sent => "sent",
                        DeliveryState::Delivered => "delivered",
                        DeliveryState::Read => "read",
                        DeliveryState::Failed => "failed",
                    }
                    .to_owned(),
                    error: status.error,
                },
                EventBody::Custom(custom) => flow::EventBody::Custom {
                    name: custom.name,
                    data: json(&custom.data)?,
                },
            })
        }
    };
}
