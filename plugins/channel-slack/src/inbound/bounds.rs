//! The contract's bounds. The host takes a value beyond them as this channel's fault, so nothing larger leaves here.

use greentic_sdk::model::{Event, EventBody, Participant};

/// Most bytes of an identifier.
const ID_BYTES: usize = 512;
/// Most bytes of a text.
const TEXT_BYTES: usize = 64 * 1024;
/// Most items of a list.
const ITEMS: usize = 256;
/// Most bytes of JSON.
const JSON_BYTES: usize = 256 * 1024;

/// Cuts texts and lists that are too long. An identifier that is too long is none.
///
/// # Errors
/// Which field cannot be passed on.
pub fn fit(mut event: Event) -> Result<Event, String> {
    id("the event's id", &event.id)?;
    id("the event's dedupe key", &event.dedupe_key)?;
    id("the conversation's id", &event.conversation.id)?;
    if let Some(thread) = &event.conversation.thread {
        id("the thread's id", thread)?;
    }
    if let Some(answered) = &event.reply_to {
        id("the answered message's id", answered)?;
    }
    participant(&mut event.sender)?;
    match &mut event.body {
        EventBody::Message(message) => {
            cut(&mut message.text);
            message.attachments.truncate(ITEMS);
            for attachment in &mut message.attachments {
                cut_to(&mut attachment.name, ID_BYTES);
                cut_to(&mut attachment.content_type, ID_BYTES);
                if let Some(url) = &attachment.url
                    && url.len() > TEXT_BYTES
                {
                    return Err("a file's address is too long".to_owned());
                }
            }
        }
        EventBody::Postback(postback) => {
            json(&postback.data)?;
            postback.text.as_mut().map(cut);
            if let Some(message) = &postback.message_id {
                id("the message's id", message)?;
            }
        }
        EventBody::Command(command) => {
            id("the command's name", &command.name)?;
            cut(&mut command.arguments);
        }
        EventBody::Edited(edit) => {
            id("the message's id", &edit.message_id)?;
            cut(&mut edit.text);
        }
        EventBody::Deleted(message) => id("the message's id", message)?,
        EventBody::Reaction(reaction) => {
            id("the message's id", &reaction.message_id)?;
            id("the reaction's name", &reaction.emoji)?;
        }
        EventBody::Joined(people) | EventBody::Left(people) => {
            people.truncate(ITEMS);
            for person in people {
                participant(person)?;
            }
        }
        EventBody::Custom(custom) => {
            id("the event's name", &custom.name)?;
            json(&custom.data)?;
        }
        EventBody::Typing | EventBody::DeliveryStatus(_) => {}
    }
    Ok(event)
}

fn participant(person: &mut Participant) -> Result<(), String> {
    id("the sender's id", &person.id)?;
    for text in [&mut person.name, &mut person.locale].into_iter().flatten() {
        cut_to(text, ID_BYTES);
    }
    Ok(())
}

fn id(what: &str, value: &str) -> Result<(), String> {
    if value.len() > ID_BYTES {
        return Err(format!("{what} has {} bytes", value.len()));
    }
    Ok(())
}

fn json(value: &str) -> Result<(), String> {
    if value.len() > JSON_BYTES {
        return Err(format!("the data has {} bytes", value.len()));
    }
    Ok(())
}

fn cut(text: &mut String) {
    cut_to(text, TEXT_BYTES);
}

fn cut_to(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::{Conversation, Message};

    use super::*;

    fn event(id: &str, text: &str) -> Event {
        Event {
            id: id.into(),
            dedupe_key: "k".into(),
            time_ms: 0,
            conversation: Conversation::direct("D1"),
            sender: Participant::person("U1"),
            reply_to: None,
            body: EventBody::Message(Message::plain(text)),
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters_and_a_long_id_is_refused() {
        let text = format!("{}ä", "x".repeat(TEXT_BYTES - 1));
        let fitted = fit(event("1", &text)).unwrap();
        assert_eq!(fitted.said().unwrap().len(), TEXT_BYTES - 1);
        assert!(fit(event(&"x".repeat(ID_BYTES), "")).is_ok());
        let fault = fit(event(&"x".repeat(ID_BYTES + 1), "")).unwrap_err();
        assert!(fault.contains("event's id"), "{fault}");
    }
}
