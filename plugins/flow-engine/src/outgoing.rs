//! The interpreter's messages as the contract has them.

use greentic_flow as flow;
use greentic_sdk::model::{
    Attachment, Card, Conversation, Edit, Outbound, OutboundBody, QuickReplies, QuickReply,
    Reaction, Text, TextFormat,
};

/// Maps a message to the conversation it answers in.
pub fn outbound(from: flow::Outbound, conversation: &Conversation) -> Outbound {
    Outbound {
        conversation: conversation.clone(),
        reply_to: from.reply_to,
        only_for: from.only_for,
        body: body(from.body),
    }
}

fn body(from: flow::OutboundBody) -> OutboundBody {
    use flow::OutboundBody as From;
    match from {
        From::Text { text, markdown } => {
            let format = if markdown {
                TextFormat::Markdown
            } else {
                TextFormat::Plain
            };
            OutboundBody::Text(Text { text, format })
        }
        From::Card { card, fallback } => OutboundBody::Card(Card {
            json: card.to_string(),
            fallback,
        }),
        From::Attachment {
            name,
            content_type,
            url,
        } => OutboundBody::Attachment(Attachment {
            name,
            content_type,
            url: Some(url),
            content: None,
            size: None,
        }),
        From::QuickReplies { text, options } => OutboundBody::QuickReplies(QuickReplies {
            text,
            options: options
                .into_iter()
                .map(|one| QuickReply {
                    title: one.title,
                    value: one.value,
                })
                .collect(),
        }),
        From::Typing => OutboundBody::Typing,
        From::Edit { message_id, text } => OutboundBody::Edit(Edit { message_id, text }),
        From::Delete { message_id } => OutboundBody::Delete(message_id),
        From::Reaction {
            message_id,
            emoji,
            added,
        } => OutboundBody::Reaction(Reaction {
            message_id,
            emoji,
            added,
        }),
    }
}
