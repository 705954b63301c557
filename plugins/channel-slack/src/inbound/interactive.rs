//! Presses, forms and shortcuts: one form field `payload` with JSON (docs.slack.dev/interactivity/handling-user-interaction).
//!
//! Slack waits three seconds for the answer and sends nothing twice. A press that opens a form is dealt with here, because what
//! lets us open it lasts no longer.

use greentic_sdk::channel::{IngressOutcome, Response};
use greentic_sdk::log;
use greentic_sdk::model::{
    Command, Conversation, Custom, EventBody, Message, Participant, Postback,
};
use greentic_sdk::time;
use serde_json::{Map, Value, json};

use super::{Parts, Reader, Reading, object, outcome, state, text};
use crate::dialog::{self, Form, Place};
use crate::press::{self, Press};
use crate::{direct, fields, response_url};

/// Reads the payload.
pub fn read(reader: &Reader<'_>, payload: &str) -> IngressOutcome {
    let ack = || Response::empty(200);
    let payload = match object(payload.as_bytes()) {
        Ok(payload) => payload,
        Err(fault) => return outcome(ack(), vec![Reading::Malformed(fault)]),
    };
    let malformed = |fault: &str| outcome(ack(), vec![Reading::Malformed(fault.to_owned())]);
    let kind = match fields::text(&payload, "/type") {
        Some(kind @ ("block_actions" | "view_submission" | "shortcut" | "message_action")) => kind,
        // Asks for the options of a menu that is filled from outside; our menus hold theirs.
        Some("block_suggestion") => {
            let none = Response::json(200, r#"{"options":[]}"#);
            return outcome(none, vec![Reading::Ignored]);
        }
        // A form that was closed says nothing. The rest is what Slack retired: attachments with buttons, dialogs, steps from apps.
        Some(_) => return outcome(ack(), vec![Reading::Ignored]),
        None => return malformed("the payload has no type"),
    };
    let Some(user) = fields::text(&payload, "/user/id") else {
        return malformed("the interaction does not say whose it is");
    };
    let interaction = Interaction {
        reader,
        payload: &payload,
        user,
    };
    if let (Some(channel), Some(url)) = (
        fields::text(&payload, "/channel/id"),
        fields::text(&payload, "/response_url"),
    ) {
        response_url::remember(channel, user, url);
    }
    match kind {
        "block_actions" => {
            let actions = fields::list(&payload, "/actions");
            let readings = actions.iter().map(|one| interaction.action(one)).collect();
            outcome(ack(), readings)
        }
        "view_submission" => interaction.submission(),
        "shortcut" => outcome(ack(), vec![interaction.shortcut()]),
        _ => outcome(ack(), vec![interaction.message_action()]),
    }
}

struct Interaction<'a> {
    reader: &'a Reader<'a>,
    payload: &'a Value,
    user: &'a str,
}

impl Interaction<'_> {
    fn text(&self, pointer: &str) -> Option<&str> {
        fields::text(self.payload, pointer)
    }

    fn sender(&self) -> Participant {
        let name = fields::first(self.payload, &["/user/name", "/user/username"]);
        let mut sender = Participant {
            name: name.map(str::to_owned),
            ..Participant::person(self.user)
        };
        self.reader.complete(&mut sender);
        sender
    }

    /// The message the interaction is about.
    fn message_ts(&self) -> Option<&str> {
        fields::first(self.payload, &["/message/ts", "/container/message_ts"])
    }

    /// Where it happened: beside a message, or in a modal that was opened from one; a modal of nowhere belongs to the direct
    /// conversation with the person.
    fn conversation(&self) -> Conversation {
        if let Some(channel) =
            fields::first(self.payload, &["/channel/id", "/container/channel_id"])
        {
            let thread = fields::first(
                self.payload,
                &["/container/thread_ts", "/message/thread_ts"],
            )
            .filter(|thread| Some(*thread) != self.message_ts());
            let kind = match self.text("/channel/name") {
                Some("directmessage") => Some("im"),
                Some("privategroup") => Some("group"),
                _ => None,
            };
            return self.reader.conversation(channel, kind, thread, None);
        }
        match self.place() {
            Some(place) => {
                self.reader
                    .conversation(&place.channel, None, place.thread.as_deref(), None)
            }
            None => self.direct(),
        }
    }

    fn place(&self) -> Option<Place> {
        Place::read(self.text("/view/private_metadata")?)
    }

    fn direct(&self) -> Conversation {
        let opened = self
            .reader
            .api()
            .and_then(|api| direct::conversation(&api, self.user));
        // The person's id serves as well: a delivery opens the conversation then.
        let id = opened.unwrap_or_else(|_| self.user.to_owned());
        Conversation::direct(id)
    }

    /// One of the actions of `block_actions`.
    fn action(&self, action: &Value) -> Reading {
        let (Some(action_id), Some(action_ts)) = (
            fields::text(action, "/action_id"),
            fields::text(action, "/action_ts"),
        ) else {
            return Reading::Malformed("the action lacks its id or time".to_owned());
        };
        let value = fields::text(action, "/value").unwrap_or_default();
        let values = self
            .payload
            .pointer("/state/values")
            .or_else(|| self.payload.pointer("/view/state/values"))
            .unwrap_or(&Value::Null);
        let press = Press::of(action_id);
        let content = press.and_then(|_| press::unpack(value));
        let body = match (press, content) {
            (Some(Press::Link), _) => return Reading::Ignored,
            (Some(_), None) => {
                self.tell("This button does not work any more.");
                return Reading::Ignored;
            }
            (Some(Press::Open), Some(form)) => {
                self.open(&form, values);
                return Reading::Ignored;
            }
            (Some(Press::Reply), Some(said)) => EventBody::Message(Message::plain(said)),
            (Some(Press::Send), Some(data)) => {
                let missing = state::missing(fields::list(self.payload, "/message/blocks"), values);
                if !missing.is_empty() {
                    self.tell(&format!("Please fill in: {}", missing.join(", ")));
                    return Reading::Ignored;
                }
                self.postback(action, &data, state::answers(values))
            }
            (Some(Press::Plain), Some(data)) => self.postback(action, &data, Map::new()),
            (None, _) => match self.foreign(action, action_id) {
                Some(body) => body,
                None => return Reading::Ignored,
            },
        };
        let conversation = self.conversation();
        let message = self.message_ts().unwrap_or_default();
        Parts {
            id: action_ts.to_owned(),
            dedupe_key: format!(
                "action/{}/{message}/{}/{action_id}/{action_ts}",
                conversation.id, self.user
            ),
            time_ms: fields::millis(action_ts).unwrap_or_else(time::now_ms),
            conversation,
            sender: self.sender(),
            reply_to: self.message_ts().map(str::to_owned),
            body,
        }
        .event()
    }

    fn postback(&self, action: &Value, data: &str, answers: Map<String, Value>) -> EventBody {
        let data = serde_json::from_str(data).unwrap_or_default();
        let shown = fields::text(action, "/text/text");
        EventBody::Postback(Postback {
            data: dialog::merge(&data, answers).to_string(),
            text: shown.map(str::to_owned),
            message_id: self.message_ts().map(str::to_owned),
        })
    }

    /// An element we did not make, in a message somebody else composed. What is chosen inside an input is no press: it comes with the
    /// button that sends the form.
    fn foreign(&self, action: &Value, action_id: &str) -> Option<EventBody> {
        let block_id = fields::text(action, "/block_id").unwrap_or_default();
        let inside_an_input = fields::list(self.payload, "/message/blocks")
            .iter()
            .chain(fields::list(self.payload, "/view/blocks"))
            .any(|block| {
                fields::text(block, "/type") == Some("input")
                    && fields::text(block, "/block_id") == Some(block_id)
            });
        if inside_an_input {
            return None;
        }
        let shown = fields::first(action, &["/text/text", "/selected_option/text/text"]);
        Some(EventBody::Postback(Postback {
            data: json!({"action_id": action_id, "block_id": block_id, "value": state::answer(action)}).to_string(),
            text: shown.map(str::to_owned),
            message_id: self.message_ts().map(str::to_owned),
        }))
    }

    /// Opens the form a button names.
    fn open(&self, name: &str, values: &Value) {
        let Some(form) = Form::find(name) else {
            self.tell("This form is not available any more.");
            return;
        };
        let conversation = self.conversation();
        let place = Place {
            channel: conversation.id,
            thread: conversation.thread,
            message: self.message_ts().map(str::to_owned),
            form: name.to_owned(),
            before: state::answers(values),
        };
        let trigger = self.text("/trigger_id").unwrap_or_default();
        let opened = self
            .reader
            .api()
            .and_then(|api| form.open(&api, trigger, &place));
        if let Err(failure) = opened {
            log::warn!("forms", "a form was not opened: {}", failure.reason());
            self.tell("The form could not be opened. Please press the button again.");
        }
    }

    /// Tells the person something only they see. What cannot be told is logged: there is nobody else to hear it.
    fn tell(&self, text: &str) {
        let told = self.reader.api().and_then(|api| {
            if let Some(url) = self.text("/response_url") {
                let message =
                    json!({"response_type": "ephemeral", "replace_original": false, "text": text});
                return api.respond(url, &message);
            }
            let channel = self.conversation().id;
            let message = json!({"channel": channel, "user": self.user, "text": text});
            api.call("chat.postEphemeral", &message).map(drop)
        });
        if let Err(failure) = told {
            log::warn!(
                "ingress",
                "a person could not be told `{text}`: {}",
                failure.reason()
            );
        }
    }

    /// A form was sent: it is checked while the person waits, and closed when it is right.
    fn submission(&self) -> IngressOutcome {
        let Some(view) = self.payload.get("view") else {
            let fault = "the submission has no view".to_owned();
            return outcome(Response::empty(200), vec![Reading::Malformed(fault)]);
        };
        let (Some(view_id), Some(trigger)) = (
            fields::text(view, "/id"),
            fields::first(self.payload, &["/trigger_id", "/view/hash"]),
        ) else {
            let fault = "the submission lacks its view's id or its trigger".to_owned();
            return outcome(Response::empty(200), vec![Reading::Malformed(fault)]);
        };
        let answers = dialog::answers(view);
        let ours = (fields::text(view, "/callback_id") == Some(dialog::CALLBACK))
            .then(|| self.place())
            .flatten();
        let (body, reply_to) = match ours {
            Some(place) => {
                let form = Form::find(&place.form).unwrap_or_default();
                let faults = form.faults(&answers);
                if !faults.is_empty() {
                    let answer = json!({"response_action": "errors", "errors": faults});
                    return outcome(
                        Response::json(200, answer.to_string()),
                        vec![Reading::Ignored],
                    );
                }
                let mut whole = place.before;
                whole.extend(form.translate(answers));
                let submit = fields::text(view, "/submit/text").map(str::to_owned);
                let body = EventBody::Postback(Postback {
                    data: dialog::merge(&form.data, whole).to_string(),
                    text: submit,
                    message_id: place.message.clone(),
                });
                (body, place.message)
            }
            None => {
                let data = json!({
                    "callback_id": fields::text(view, "/callback_id"),
                    "private_metadata": fields::text(view, "/private_metadata"),
                    "values": answers,
                });
                let body = EventBody::Custom(Custom {
                    name: "view-submission".to_owned(),
                    data: data.to_string(),
                });
                (body, None)
            }
        };
        let reading = Parts {
            id: view_id.to_owned(),
            dedupe_key: format!("view/{view_id}/{trigger}"),
            time_ms: time::now_ms(),
            conversation: self.conversation(),
            sender: self.sender(),
            reply_to,
            body,
        }
        .event();
        outcome(
            Response::json(200, r#"{"response_action":"clear"}"#),
            vec![reading],
        )
    }

    /// A shortcut from anywhere in Slack: a command in the direct conversation with the person.
    fn shortcut(&self) -> Reading {
        self.command(String::new(), None, None)
    }

    /// A shortcut of a message: a command about that message.
    fn message_action(&self) -> Reading {
        let said = text::plain(self.text("/message/text").unwrap_or_default(), None);
        let conversation = self.conversation();
        self.command(said, self.message_ts(), Some(conversation))
    }

    fn command(
        &self,
        arguments: String,
        about: Option<&str>,
        conversation: Option<Conversation>,
    ) -> Reading {
        let (Some(name), Some(trigger)) = (self.text("/callback_id"), self.text("/trigger_id"))
        else {
            return Reading::Malformed("the shortcut lacks its name or trigger".to_owned());
        };
        Parts {
            id: trigger.to_owned(),
            dedupe_key: format!("trigger/{trigger}"),
            time_ms: self
                .text("/action_ts")
                .and_then(fields::millis)
                .unwrap_or_else(time::now_ms),
            conversation: conversation.unwrap_or_else(|| self.direct()),
            sender: self.sender(),
            reply_to: about.map(str::to_owned),
            body: EventBody::Command(Command {
                name: name.to_owned(),
                arguments,
            }),
        }
        .event()
    }
}
