//! Forms, where the platform has none that can be made on the spot.
//!
//! The questions of a card are asked as numbered lines of one message. What is asked is remembered for a day; a text with an answer
//! for each question, a line each, becomes the form's postback. A text that does not fit is an ordinary message, and the form goes on
//! waiting.

mod answer;

pub use answer::{Choice, Kind, Question};

use greentic_sdk::model::{Error, EventBody, Message, Postback};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::choice::{self, Meant};
use crate::limits::{FORM_MS, REMEMBERED_MS};
use crate::remember;

const FORM: &str = "form";
const CHOICE: &str = "choice";

/// A form that was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// What the submit action carries along.
    pub data: Map<String, Value>,
    /// In their order.
    pub questions: Vec<Question>,
    /// The message that asked.
    pub message_id: Option<String>,
    /// The message that answered it. The platform may send that again, and no other message is an answer then.
    pub answered_by: Option<String>,
}

/// Remembers a form that was asked, in place of an older one of the conversation.
///
/// # Errors
/// When the memory cannot be asked.
pub fn ask(conversation: &str, form: &Form) -> Result<(), Error> {
    remember::put(FORM, conversation, form, FORM_MS)
}

/// The form's postback, when a text answers the one that was asked.
///
/// # Errors
/// When the memory cannot be asked.
pub fn answered(
    conversation: &str,
    event_id: &str,
    text: &str,
) -> Result<Option<EventBody>, Error> {
    let Some(mut form) = remember::get::<Form>(FORM, conversation)? else {
        return Ok(None);
    };
    if form.answered_by.as_deref().is_some_and(|by| by != event_id) {
        return Ok(None);
    }
    let Some(fields) = answer::read(&form.questions, text) else {
        return Ok(None);
    };
    if form.answered_by.is_none() {
        form.answered_by = Some(event_id.to_owned());
        ask(conversation, &form)?;
    }
    let mut data = form.data;
    data.extend(fields);
    Ok(Some(EventBody::Postback(Postback {
        data: Value::Object(data).to_string(),
        text: Some(text.to_owned()),
        message_id: form.message_id,
    })))
}

/// Keeps what a button means that does not fit into its identifier.
///
/// # Errors
/// When the memory cannot be asked.
pub fn keep_choice(key: &str, content: &str) -> Result<(), Error> {
    remember::put(CHOICE, key, &content, REMEMBERED_MS)
}

/// A choice as `inbound` hands it on when its meaning is in the memory.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Remembered {
    key: String,
    title: String,
    message_id: Option<String>,
}

/// What a choice meant whose content is in the memory. One that is no longer there is what the person saw.
///
/// # Errors
/// When the memory cannot be asked.
pub fn recall(data: &str) -> Result<EventBody, Error> {
    let chosen: Remembered = serde_json::from_str(data)
        .map_err(|fault| Error::Internal(format!("a remembered choice: {fault}")))?;
    let content: Option<String> = remember::get(CHOICE, &chosen.key)?;
    Ok(
        match choice::content(content.as_deref().unwrap_or_default()) {
            Meant::Data(data) => EventBody::Postback(Postback {
                data,
                text: Some(chosen.title),
                message_id: chosen.message_id,
            }),
            Meant::Text(text) => EventBody::Message(Message::plain(text)),
            Meant::Remembered(_) | Meant::Foreign => {
                EventBody::Message(Message::plain(chosen.title))
            }
        },
    )
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install, set_clock};
    use serde_json::json;

    use super::*;

    fn form() -> Form {
        let question = |id: &str, kind| Question {
            id: id.into(),
            label: id.into(),
            required: true,
            default: None,
            kind,
        };
        Form {
            data: Map::from_iter([("action".to_owned(), json!("order"))]),
            questions: vec![
                question("name", Kind::Text { max: None }),
                question(
                    "count",
                    Kind::Number {
                        min: None,
                        max: None,
                    },
                ),
            ],
            message_id: Some("wamid.form".into()),
            answered_by: None,
        }
    }

    fn answer(id: &str, text: &str) -> Option<EventBody> {
        answered("c", id, text).unwrap()
    }

    #[test]
    fn a_text_with_a_line_for_each_question_is_the_forms_postback_and_once_only() {
        install(Table::new());
        set_clock(0);
        assert_eq!(answer("m1", "Ada\n2"), None, "nothing was asked");
        ask("c", &form()).unwrap();
        assert_eq!(answer("m2", "what do you mean?"), None);
        assert_eq!(answer("m3", "Ada\nmany"), None);
        let postback = Some(EventBody::Postback(Postback {
            data: r#"{"action":"order","name":"Ada","count":2}"#.into(),
            text: Some("1. Ada\n2. 2".into()),
            message_id: Some("wamid.form".into()),
        }));
        assert_eq!(answer("m4", "1. Ada\n2. 2"), postback);
        assert_eq!(
            answer("m4", "1. Ada\n2. 2"),
            postback,
            "the platform sends it again"
        );
        assert_eq!(answer("m5", "Bob\n3"), None, "it has its answer");
        set_clock(FORM_MS);
        assert_eq!(answer("m4", "1. Ada\n2. 2"), None);
    }

    #[test]
    fn a_choice_that_was_kept_is_recalled_and_a_forgotten_one_is_what_was_seen() {
        install(Table::new());
        let data = json!({"key": "k1", "title": "Yes", "message-id": "m"}).to_string();
        assert_eq!(recall(&data), Ok(EventBody::Message(Message::plain("Yes"))));
        keep_choice("k1", r#"d:{"a":1}"#).unwrap();
        assert_eq!(
            recall(&data),
            Ok(EventBody::Postback(Postback {
                data: r#"{"a":1}"#.into(),
                text: Some("Yes".into()),
                message_id: Some("m".into()),
            }))
        );
        keep_choice("k1", "t:long text").unwrap();
        assert_eq!(
            recall(&data),
            Ok(EventBody::Message(Message::plain("long text")))
        );
    }
}
