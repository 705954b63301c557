//! Activities that clients send: what of them is believed, what is echoed, and which event each one is.
//!
//! Names and meaning of the fields are the Bot Framework's Activity schema. What the server knows better is never taken from a client:
//! sender, conversation, time, id and channel are set here, and every field that is not listed is dropped.

use greentic_sdk::model::{
    Attachment, Command, Custom, EventBody, Message, Participant, Postback, TextFormat,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::answer::Refusal;
use crate::attachment;
use crate::bounds;
use crate::fields::{Field, Fields, push_field, quoted};
use crate::limits::{ATTACHMENTS, TEXT_BYTES};
use crate::reaction;

/// What of `channelData` says how a message is meant.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChannelData {
    #[serde(default, rename = "clientActivityID")]
    client_id: Value,
    #[serde(default)]
    post_back: Value,
    #[serde(default)]
    message_back: Option<IgnoredAny>,
}

/// An activity that was read.
#[derive(Debug)]
pub struct Incoming {
    /// What goes into the log: the beginning of an object, for [`crate::stored::seal_text`]. Nothing for what is only passing, such
    /// as typing.
    pub echo: Option<String>,
    /// What happened.
    pub body: EventBody,
    /// Who did it.
    pub sender: Participant,
    /// The activity it answers.
    pub reply_to: Option<String>,
    /// The client's own id of the activity (`channelData.clientActivityID`): the same when it is sent again.
    pub client_id: Option<String>,
}

/// Who sends, as the token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Stable id.
    pub id: String,
    /// Name to show.
    pub name: Option<String>,
}

/// Reads one activity.
///
/// # Errors
/// 400 when it is not an activity that a client may send, 413 when it is too large.
pub fn read(
    body: &[u8],
    user: &User,
    files: Vec<(Attachment, Value)>,
) -> Result<Incoming, Refusal> {
    bounds::check(body)?;
    let mut activity: Fields<'_> = serde_json::from_slice(body).map_err(bounds::no_object)?;
    let text = |name| {
        activity
            .get::<String>(name)
            .filter(|text| bounds::is_short(text))
    };
    let reply_to = text(Field::ReplyToId);
    let name = text(Field::Name);
    let data: ChannelData = activity.get(Field::ChannelData).unwrap_or_default();
    let client_id = bounds::short(Some(&data.client_id));
    let locale = text(Field::Locale).filter(|tag| bounds::is_locale(tag));
    if locale.is_none() {
        activity.drop(Field::Locale);
    }
    let given = match activity.raw(Field::Attachments) {
        None | Some("[]") => Vec::new(),
        Some(raw) => serde_json::from_str::<Vec<Value>>(raw)
            .map_err(|_| Refusal::bad("attachments is a list"))?,
    };
    if given.len() + files.len() > ATTACHMENTS {
        return Err(Refusal::bad(format!(
            "an activity has at most {ATTACHMENTS} attachments"
        )));
    }
    let mut attachments = given
        .iter()
        .map(attachment::read)
        .collect::<Result<Vec<_>, _>>()?;
    let mut echoed_attachments = None;
    if !files.is_empty() {
        let (uploaded, echoed): (Vec<_>, Vec<_>) = files.into_iter().unzip();
        attachments.extend(uploaded);
        activity.drop(Field::Attachments);
        echoed_attachments = Some(
            given
                .into_iter()
                .chain(echoed)
                .collect::<Value>()
                .to_string(),
        );
    }
    let body = match activity.get::<String>(Field::Type).as_deref() {
        Some("message") => message(&activity, &data, attachments, reply_to.clone())?,
        // Events and invokes (feedback buttons of botframework-webchat) are named; what they carry is theirs.
        Some("event" | "invoke") => {
            let name = name.ok_or_else(|| Refusal::bad("an event has a name"))?;
            EventBody::Custom(Custom {
                name,
                data: activity
                    .get::<Value>(Field::Value)
                    .unwrap_or_default()
                    .to_string(),
            })
        }
        Some("messageReaction") => {
            EventBody::Reaction(reaction::read(&activity, reply_to.clone())?)
        }
        Some("typing") => EventBody::Typing,
        Some("endOfConversation") => EventBody::Left(vec![participant(user, locale.clone())]),
        _ => {
            return Err(Refusal::bad(
                "the type of an activity is message, messageReaction, event, invoke, typing or endOfConversation",
            ));
        }
    };
    let sender = participant(user, locale);
    let echo = if matches!(body, EventBody::Typing) {
        None
    } else {
        let mut echo = activity.open_object();
        if let Some(attachments) = echoed_attachments {
            push_field(&mut echo, "attachments", &attachments);
        }
        let mut from = String::from("{");
        push_field(&mut from, "id", &quoted(&user.id));
        push_field(&mut from, "role", "\"user\"");
        if let Some(name) = &user.name {
            push_field(&mut from, "name", &quoted(name));
        }
        from.push('}');
        push_field(&mut echo, "from", &from);
        Some(echo)
    };
    Ok(Incoming {
        echo,
        body,
        sender,
        reply_to,
        client_id,
    })
}

fn message(
    activity: &Fields<'_>,
    data: &ChannelData,
    attachments: Vec<Attachment>,
    reply_to: Option<String>,
) -> Result<EventBody, Refusal> {
    let text = match activity.raw(Field::Text) {
        None => None,
        Some(raw) => Some(
            serde_json::from_str::<String>(raw).map_err(|_| Refusal::bad("text is a string"))?,
        )
        .filter(|text| !text.is_empty()),
    };
    if text.as_ref().is_some_and(|text| text.len() > TEXT_BYTES) {
        return Err(Refusal::too_large("the text", TEXT_BYTES));
    }
    let value: Option<Value> = match activity.raw(Field::Value) {
        None => None,
        Some(raw) => Some(
            serde_json::from_str(raw).map_err(|fault| Refusal::bad(format!("value: {fault}")))?,
        ),
    };
    let post_back = data.post_back == Value::Bool(true);
    let message_back = data.message_back.is_some();
    // A submitted card is a message with `value`, and with `channelData.postBack` from botframework-webchat; a postBack button without
    // a value has what it carries in `text`; messageBack has both.
    if post_back || (value.is_some() && (message_back || text.is_none())) {
        let data = value.unwrap_or_else(|| Value::from(text.as_deref().unwrap_or_default()));
        return Ok(EventBody::Postback(Postback {
            data: data.to_string(),
            text,
            message_id: reply_to,
        }));
    }
    let text = text.unwrap_or_default();
    if let Some(command) = command(&text).filter(|_| attachments.is_empty()) {
        return Ok(EventBody::Command(command));
    }
    if text.is_empty() && attachments.is_empty() {
        return Err(Refusal::bad("a message has text, attachments or a value"));
    }
    let format = if activity.raw(Field::TextFormat) == Some("\"markdown\"") {
        TextFormat::Markdown
    } else {
        TextFormat::Plain
    };
    Ok(EventBody::Message(Message {
        text,
        format,
        attachments,
    }))
}

/// `/name arguments`. Direct Line has no commands of its own; this is how people type them elsewhere.
fn command(text: &str) -> Option<Command> {
    let line = text.trim().strip_prefix('/')?;
    let (name, arguments) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let named = (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    named.then(|| Command {
        name: name.to_ascii_lowercase(),
        arguments: arguments.trim().to_owned(),
    })
}

fn participant(user: &User, locale: Option<String>) -> Participant {
    Participant {
        id: user.id.clone(),
        name: user.name.clone(),
        locale,
        is_bot: false,
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::model::Reaction;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::limits::{ACTIVITY_BYTES, JSON_DEPTH};

    fn ada() -> User {
        User {
            id: "dl_ada".into(),
            name: Some("Ada".into()),
        }
    }

    fn parse(activity: Value) -> Result<Incoming, Refusal> {
        read(activity.to_string().as_bytes(), &ada(), vec![])
    }

    #[test]
    fn the_echo_keeps_the_clients_id_and_nothing_that_was_spoofed() {
        let incoming = parse(json!({
            "type": "message", "text": "hi", "id": "x|9", "timestamp": "1999", "serviceUrl": "https://evil", "recipient": {"id": "z"}, "membersAdded": [{"id": "z"}],
            "from": {"id": "admin", "role": "bot", "name": "Boss", "aadObjectId": "1"}, "conversation": {"id": "other"}, "channelId": "msteams",
            "channelData": {"clientActivityID": "abc", "attachmentSizes": []}, "locale": "de-CH", "entities": [{"type": "ClientCapabilities"}],
        }))
        .unwrap();
        let echo: Value = serde_json::from_str(&(incoming.echo.unwrap() + "}")).unwrap();
        assert_eq!(
            echo,
            json!({"type": "message", "text": "hi", "channelData": {"clientActivityID": "abc", "attachmentSizes": []}, "locale": "de-CH", "entities": [{"type": "ClientCapabilities"}], "from": {"id": "dl_ada", "role": "user", "name": "Ada"}})
        );
        assert_eq!(incoming.client_id.as_deref(), Some("abc"));
        assert_eq!(
            (
                incoming.sender.id.as_str(),
                incoming.sender.locale.as_deref(),
                incoming.sender.is_bot
            ),
            ("dl_ada", Some("de-CH"), false)
        );
    }

    #[test]
    fn each_kind_of_activity_becomes_its_event() {
        let postback = |data: &str, text: Option<&str>, id: Option<&str>| {
            EventBody::Postback(Postback {
                data: data.into(),
                text: text.map(Into::into),
                message_id: id.map(Into::into),
            })
        };
        let command = |name: &str, arguments: &str| {
            EventBody::Command(Command {
                name: name.into(),
                arguments: arguments.into(),
            })
        };
        for (activity, expected) in [
            (
                json!({"type": "message", "text": "hi"}),
                EventBody::Message(Message::plain("hi")),
            ),
            (
                json!({"type": "message", "text": "*hi*", "textFormat": "markdown"}),
                EventBody::Message(Message {
                    format: TextFormat::Markdown,
                    ..Message::plain("*hi*")
                }),
            ),
            (
                json!({"type": "message", "value": {"k": 1}, "channelData": {"postBack": true}, "replyToId": "c|1"}),
                postback(r#"{"k":1}"#, None, Some("c|1")),
            ),
            (
                json!({"type": "message", "text": "pb", "channelData": {"postBack": true}}),
                postback(r#""pb""#, Some("pb"), None),
            ),
            (
                json!({"type": "message", "value": {"k": 1}}),
                postback(r#"{"k":1}"#, None, None),
            ),
            (
                json!({"type": "message", "text": "t", "value": {"k": 1}, "channelData": {"messageBack": {"displayText": "T"}}}),
                postback(r#"{"k":1}"#, Some("t"), None),
            ),
            (
                json!({"type": "message", "text": "v", "channelData": {"messageBack": {"displayText": "T"}}}),
                EventBody::Message(Message::plain("v")),
            ),
            (
                json!({"type": "message", "text": "/Start  now please "}),
                command("start", "now please"),
            ),
            (
                json!({"type": "message", "text": "/help"}),
                command("help", ""),
            ),
            (
                json!({"type": "message", "text": "/etc/hosts is gone"}),
                EventBody::Message(Message::plain("/etc/hosts is gone")),
            ),
            (
                json!({"type": "event", "name": "webchat/join", "value": {"a": 1}}),
                EventBody::Custom(Custom {
                    name: "webchat/join".into(),
                    data: r#"{"a":1}"#.into(),
                }),
            ),
            (
                json!({"type": "invoke", "name": "message/submitAction"}),
                EventBody::Custom(Custom {
                    name: "message/submitAction".into(),
                    data: "null".into(),
                }),
            ),
            (
                json!({"type": "messageReaction", "reactionsAdded": [{"type": "like"}], "replyToId": "c|1"}),
                EventBody::Reaction(Reaction {
                    message_id: "c|1".into(),
                    emoji: "like".into(),
                    added: true,
                }),
            ),
            (
                json!({"type": "messageReaction", "reactionsRemoved": [{"type": "👍"}], "reactionsAdded": [], "replyToId": "c|1"}),
                EventBody::Reaction(Reaction {
                    message_id: "c|1".into(),
                    emoji: "👍".into(),
                    added: false,
                }),
            ),
            (json!({"type": "typing"}), EventBody::Typing),
            (
                json!({"type": "endOfConversation"}),
                EventBody::Left(vec![Participant {
                    name: Some("Ada".into()),
                    ..Participant::person("dl_ada")
                }]),
            ),
        ] {
            let incoming = parse(activity.clone()).unwrap();
            assert_eq!(incoming.body, expected, "{activity}");
            assert_eq!(
                incoming.echo.is_none(),
                expected == EventBody::Typing,
                "{activity}"
            );
        }
    }

    #[test]
    fn what_is_no_activity_of_a_client_is_refused() {
        for activity in [
            json!({}),
            json!({"type": "conversationUpdate"}),
            json!({"type": "message"}),
            json!({"type": "message", "text": ""}),
            json!({"type": "message", "text": 7}),
            json!({"type": "event"}),
            json!({"type": "messageReaction", "replyToId": "c|1"}),
            json!({"type": "messageReaction", "reactionsAdded": [{"type": "like"}]}),
            json!({"type": "messageReaction", "reactionsAdded": [{"type": ""}], "replyToId": "c|1"}),
            json!({"type": "messageReaction", "reactionsAdded": [{"type": "a"}, {"type": "b"}], "replyToId": "c|1"}),
            json!({"type": "messageReaction", "reactionsAdded": [{"type": "a"}], "reactionsRemoved": [{"type": "b"}], "replyToId": "c|1"}),
            json!({"type": "messageReaction", "reactionsAdded": [{"type": "a"}], "reactionsRemoved": "b", "replyToId": "c|1"}),
            json!({"type": "message", "text": "a", "attachments": {}}),
            json!({"type": "message", "text": "a", "attachments": [{}]}),
            json!({"type": "message", "attachments": [{"contentUrl": "file:///etc/passwd"}]}),
            json!({"type": "message", "attachments": vec![json!({"contentUrl": "https://a"}); ATTACHMENTS + 1]}),
        ] {
            assert_eq!(
                parse(activity.clone()).unwrap_err().status,
                400,
                "{activity}"
            );
        }
        for body in ["", "[]", "{", "nul", "\"a\""] {
            assert_eq!(
                read(body.as_bytes(), &ada(), vec![]).unwrap_err().status,
                400,
                "{body}"
            );
        }
    }

    #[test]
    fn an_activity_that_is_too_large_or_too_deep_is_refused() {
        let large = json!({"type": "message", "text": "x", "value": "y".repeat(ACTIVITY_BYTES)});
        assert_eq!(parse(large).unwrap_err().status, 413);
        assert_eq!(
            parse(json!({"type": "message", "text": "x".repeat(TEXT_BYTES + 1)}))
                .unwrap_err()
                .status,
            413
        );
        assert!(parse(json!({"type": "message", "text": "x".repeat(TEXT_BYTES)})).is_ok());
        let nested = |levels: usize| {
            format!(
                r#"{{"type":"message","value":{}1{}}}"#,
                "[".repeat(levels),
                "]".repeat(levels)
            )
        };
        assert!(read(nested(JSON_DEPTH - 1).as_bytes(), &ada(), vec![]).is_ok());
        assert_eq!(
            read(nested(JSON_DEPTH).as_bytes(), &ada(), vec![])
                .unwrap_err()
                .status,
            400
        );
        assert!(
            parse(json!({"type": "message", "text": "[".repeat(500)})).is_ok(),
            "brackets in a text are text"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes, &ada(), vec![]);
        }

        #[test]
        fn no_fields_make_the_reader_panic_or_change_the_sender(kind in "message|event|typing|x", text in any::<Option<String>>(), id in ".*", value in any::<Option<i32>>()) {
            let activity = json!({"type": kind, "text": text, "value": value, "from": {"id": id}, "channelData": {"clientActivityID": id}});
            if let Ok(incoming) = read(activity.to_string().as_bytes(), &ada(), vec![]) {
                prop_assert_eq!(incoming.sender.id, "dl_ada");
                if let Some(echo) = incoming.echo {
                    let echo: Value = serde_json::from_str(&(echo + "}")).unwrap();
                    prop_assert_eq!(&echo["from"]["id"], "dl_ada");
                    prop_assert_eq!(&echo["channelData"]["clientActivityID"], &Value::from(id));
                }
            }
        }
    }
}
