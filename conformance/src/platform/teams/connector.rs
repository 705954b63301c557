//! The Bot Connector's REST API (version 3), as far as a bot in Teams uses it: conversations, activities, members, reactions,
//! attachments. Limits and errors are those of the documentation of Teams' bots.

use serde_json::{Value, json};

use super::super::{Answer, Author, Call, Desk};
use super::card;
use super::identity::TENANT;
use super::state::{Kind, Message, State, bot_id, entra_id, person_id, put};
use super::text;

/// Most bytes of a payload as UTF-16, without pictures that are written into it.
const PAYLOAD: usize = 100 * 1024;
/// Most bytes of a picture that is shown inside a message.
const PICTURE: usize = 1_048_576;
/// Sends to a conversation: so many within so many milliseconds.
const RATES: [(usize, u64); 3] = [(7, 1000), (8, 2000), (60, 30_000)];

/// One call.
pub struct Api<'a> {
    /// Violations and time.
    pub desk: &'a Desk,
    /// What there is.
    pub state: &'a mut State,
    /// The call.
    pub call: &'a Call,
}

/// An error as the Connector writes it.
pub fn error(status: u16, code: &str, message: &str) -> Answer {
    Answer::json(
        status,
        &json!({"error": {"code": code, "message": message}}),
    )
}

type Outcome = Result<Answer, Answer>;

fn string<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Conversation and thread of an identifier.
fn parted(id: &str) -> (String, Option<String>) {
    match id.split_once(";messageid=") {
        Some((id, thread)) => (id.to_owned(), Some(thread.to_owned())),
        None => (id.to_owned(), None),
    }
}

impl Api<'_> {
    /// Answers a call whose path goes on like this after `/v3`.
    pub fn answer(mut self, path: &[&str]) -> Answer {
        let outcome = match (self.call.method.as_str(), path) {
            ("POST", ["conversations"]) => self.create(),
            ("POST", ["conversations", at, "activities"]) => self.send(at, None),
            ("POST", ["conversations", at, "activities", to]) => self.send(at, Some(to)),
            ("PUT", ["conversations", at, "activities", id]) => self.change(at, id),
            ("DELETE", ["conversations", at, "activities", id]) => self.delete(at, id),
            ("PUT", ["conversations", at, "activities", id, "reactions", kind]) => {
                self.react(at, id, kind, true)
            }
            ("DELETE", ["conversations", at, "activities", id, "reactions", kind]) => {
                self.react(at, id, kind, false)
            }
            ("GET", ["conversations", at, "members"]) => self.members(at),
            ("GET", ["conversations", at, "members", id]) => self.member(at, id),
            ("GET", ["attachments", id, "views", "original"]) => self.picture(id),
            _ => Err(self.breach(
                404,
                "unknown-method",
                format!("{} {}", self.call.method, self.call.path),
            )),
        };
        outcome.unwrap_or_else(|refusal| refusal)
    }

    fn breach(&self, status: u16, name: &str, detail: impl Into<String>) -> Answer {
        let detail = detail.into();
        self.desk.violation(name, detail.clone());
        error(status, "BadArgument", &detail)
    }

    fn body(&self) -> Result<Value, Answer> {
        let body = self.call.json().ok().filter(Value::is_object);
        body.ok_or_else(|| {
            self.desk
                .violation("not-json", "the body is not a JSON object");
            error(400, "BadSyntax", "Could not parse activity payload")
        })
    }

    /// The conversation of a path.
    fn conversation(&self, at: &str) -> Result<(String, Option<String>, Kind), Answer> {
        let (id, thread) = parted(at);
        let kind = self.state.conversations.get(&id);
        let kind =
            kind.ok_or_else(|| error(404, "ConversationNotFound", "Conversation not found."))?;
        Ok((id, thread, *kind))
    }

    fn is_targeted(&self) -> bool {
        let query = self.call.query();
        query
            .iter()
            .any(|(name, value)| name == "isTargetedActivity" && value == "true")
    }

    fn within_rates(&mut self, conversation: &str) -> Result<(), Answer> {
        if !self.desk.enforces_rates() {
            return Ok(());
        }
        let now = self.desk.now_ms();
        let sent = self.state.sent.entry(conversation.to_owned()).or_default();
        sent.retain(|at| now.saturating_sub(*at) < 30_000);
        let over = RATES.iter().find(|(most, window)| {
            sent.iter()
                .filter(|at| now.saturating_sub(**at) < *window)
                .count()
                >= *most
        });
        if let Some((most, window)) = over {
            self.desk
                .violation("rate", format!("more than {most} in {window} ms"));
            return Err(error(
                429,
                "TooManyRequests",
                "API calls quota exceeded! maximum admitted 7 per 1s.",
            ));
        }
        sent.push(now);
        Ok(())
    }

    /// Checks what a bot says.
    fn check(&self, activity: &Value, kind: Kind) -> Result<(), Answer> {
        let breach = |name: &str, detail: String| Err(self.breach(400, name, detail));
        let attachments = activity.get("attachments").and_then(Value::as_array);
        let attachments = attachments.map(Vec::as_slice).unwrap_or_default();
        let mut units = activity.to_string().encode_utf16().count();
        for attachment in attachments {
            let url = string(attachment, "/contentUrl");
            if url.starts_with("data:") {
                units = units.saturating_sub(url.len());
            }
            if let Some(detail) = fault(attachment, kind) {
                return breach("attachment", detail);
            }
        }
        if units * 2 > PAYLOAD {
            self.desk
                .violation("size", format!("{} bytes as UTF-16", units * 2));
            return Err(error(413, "MessageSizeTooBig", "Message size too large."));
        }
        match string(activity, "/type") {
            "typing" => return Ok(()),
            "message" => {}
            other => return breach("type", format!("the activity's type is `{other}`")),
        }
        if string(activity, "/from/id") != bot_id() {
            return breach("from", "the activity is not from the bot".into());
        }
        let said = string(activity, "/text");
        if said.trim().is_empty() && attachments.is_empty() {
            return breach(
                "empty",
                "the message has neither text nor attachment".into(),
            );
        }
        if !["", "plain", "markdown", "xml"].contains(&string(activity, "/textFormat")) {
            return breach("text-format", string(activity, "/textFormat").to_owned());
        }
        let suggested = activity
            .pointer("/suggestedActions/actions")
            .and_then(Value::as_array);
        if let Some(actions) = suggested {
            let odd = actions
                .iter()
                .find(|action| string(action, "/type") != "imBack");
            if kind != Kind::Personal || actions.len() > 3 || odd.is_some() {
                return breach(
                    "suggested-actions",
                    format!("{} of them, odd is {odd:?}", actions.len()),
                );
            }
        }
        Ok(())
    }

    /// Who alone sees an activity.
    fn only(&self, activity: &Value, kind: Kind) -> Result<Option<String>, Answer> {
        if !self.is_targeted() {
            return Ok(None);
        }
        let who = string(activity, "/recipient/id");
        let known = self.state.people.iter().any(|name| person_id(name) == who);
        if kind == Kind::Personal || !known {
            return Err(self.breach(
                400,
                "targeted",
                format!("for `{who}` in a {} chat", kind.name()),
            ));
        }
        Ok(Some(who.to_owned()))
    }

    /// Keeps a message of the bot and returns its identifier.
    fn keep(
        &mut self,
        at: (&str, Option<String>, Kind),
        activity: Value,
        reply_to: Option<&str>,
        only_for: Option<String>,
    ) -> String {
        let (conversation, thread, kind) = at;
        let id = self.state.next_id(self.desk.now_ms());
        // What begins nothing else begins a thread of its own.
        let thread = thread.or_else(|| (kind == Kind::Channel).then(|| id.clone()));
        self.state.typing.remove(conversation);
        self.state.messages.push(Message {
            id: id.clone(),
            conversation: conversation.to_owned(),
            thread,
            author: Author::Bot,
            activity,
            reply_to: reply_to.map(str::to_owned),
            only_for,
            files: Vec::new(),
            edited: false,
            deleted: false,
            reactions: Vec::new(),
        });
        id
    }

    fn send(&mut self, at: &str, to: Option<&str>) -> Outcome {
        let activity = self.body()?;
        let (conversation, thread, kind) = self.conversation(at)?;
        self.within_rates(&conversation)?;
        self.check(&activity, kind)?;
        if string(&activity, "/type") == "typing" {
            self.state.typing.insert(conversation);
            let id = self.state.next_id(self.desk.now_ms());
            return Ok(Answer::json(201, &json!({ "id": id })));
        }
        if let Some(to) = to
            && self.state.message(&conversation, to).is_none()
        {
            return Err(error(
                404,
                "ActivityNotFoundInConversation",
                "The activity to answer is not there.",
            ));
        }
        let only = self.only(&activity, kind)?;
        let divided =
            !string(&activity, "/text").is_empty() && activity.pointer("/attachments/0").is_some();
        let id = self.keep((&conversation, thread, kind), activity, to, only);
        // Text and a card in one are divided in two messages, and then neither is named.
        Ok(if divided {
            Answer::json(201, &json!({}))
        } else {
            Answer::json(201, &json!({ "id": id }))
        })
    }

    fn create(&mut self) -> Outcome {
        let body = self.body()?;
        if string(&body, "/bot/id") != bot_id() {
            return Err(self.breach(400, "create", "the bot is another"));
        }
        let tenant = string(&body, "/tenantId");
        let tenant = if tenant.is_empty() {
            string(&body, "/channelData/tenant/id")
        } else {
            tenant
        };
        if tenant != TENANT {
            return Err(self.breach(400, "create", format!("the tenant is `{tenant}`")));
        }
        let activity = body.get("activity").filter(|activity| activity.is_object());
        let channel = string(&body, "/channelData/channel/id");
        let (conversation, kind) = if channel.is_empty() {
            let members = body.get("members").and_then(Value::as_array);
            let [member] = members.map(Vec::as_slice).unwrap_or_default() else {
                return Err(self.breach(400, "create", "a personal chat has one member"));
            };
            // Whoever has the app can be written to; in the simulation everybody has.
            let id = string(member, "/id").to_owned();
            let Some(name) = self.state.person(&id).cloned() else {
                return Err(error(
                    403,
                    "ForbiddenOperationException",
                    "The bot is not installed in user's personal scope",
                ));
            };
            self.state.enter(&super::super::Place::Direct, &name)
        } else {
            let (id, _, kind) = self.conversation(channel)?;
            if kind != Kind::Channel
                || body.get("isGroup") != Some(&Value::Bool(true))
                || activity.is_none()
            {
                return Err(self.breach(
                    400,
                    "create",
                    "a thread needs a channel, isGroup and an activity",
                ));
            }
            (id, kind)
        };
        let mut answer =
            json!({"id": conversation, "serviceUrl": format!("{}/amer/", self.desk.origin())});
        if let Some(activity) = activity {
            self.within_rates(&conversation)?;
            self.check(activity, kind)?;
            let id = self.keep((&conversation, None, kind), activity.clone(), None, None);
            put(&mut answer, "activityId", id.clone());
            if kind == Kind::Channel {
                put(&mut answer, "id", format!("{conversation};messageid={id}"));
            }
        }
        Ok(Answer::json(201, &answer))
    }

    /// A message of the bot's own.
    fn own(&mut self, at: &str, id: &str) -> Result<(&mut Message, Kind), Answer> {
        let (conversation, _, kind) = self.conversation(at)?;
        let missing = || {
            error(
                404,
                "ActivityNotFoundInConversation",
                "The activity is not there.",
            )
        };
        let message = self.state.message(&conversation, id).ok_or_else(missing)?;
        if message.author != Author::Bot || message.deleted {
            return Err(error(
                403,
                "ForbiddenOperationException",
                "The bot cannot change this message.",
            ));
        }
        Ok((message, kind))
    }

    fn change(&mut self, at: &str, id: &str) -> Outcome {
        let activity = self.body()?;
        let (_, _, kind) = self.conversation(at)?;
        self.check(&activity, kind)?;
        let targeted = self.is_targeted();
        let (message, _) = self.own(at, id)?;
        if message.only_for.is_some() != targeted {
            return Err(error(
                400,
                "BadArgument",
                "isTargetedActivity does not fit the message",
            ));
        }
        message.activity = activity;
        message.edited = true;
        Ok(Answer::json(200, &json!({ "id": id })))
    }

    fn delete(&mut self, at: &str, id: &str) -> Outcome {
        let targeted = self.is_targeted();
        let (message, _) = self.own(at, id)?;
        if message.only_for.is_some() != targeted {
            return Err(error(
                400,
                "BadArgument",
                "isTargetedActivity does not fit the message",
            ));
        }
        message.deleted = true;
        Ok(Answer::empty(200))
    }

    fn react(&mut self, at: &str, id: &str, kind: &str, added: bool) -> Outcome {
        if !text::is_reaction(kind) {
            return Err(self.breach(400, "reaction", format!("`{kind}`")));
        }
        let (conversation, _, _) = self.conversation(at)?;
        let Some(message) = self.state.message(&conversation, id) else {
            return Err(error(
                404,
                "ActivityNotFoundInConversation",
                "The activity is not there.",
            ));
        };
        let ours = (kind.to_owned(), Author::Bot);
        message.reactions.retain(|other| *other != ours);
        if added {
            message.reactions.push(ours);
        }
        Ok(Answer::empty(200))
    }

    fn members(&self, at: &str) -> Outcome {
        self.conversation(at)?;
        let all: Vec<_> = self
            .state
            .people
            .iter()
            .map(|name| State::account(name))
            .collect();
        Ok(Answer::json(200, &json!(all)))
    }

    fn member(&self, at: &str, id: &str) -> Outcome {
        self.conversation(at)?;
        let known = self.state.person(id);
        let known =
            known.ok_or_else(|| error(404, "MemberNotFoundInConversation", "No such member."))?;
        let mut account = State::account(known);
        put(&mut account, "objectId", entra_id(known));
        put(
            &mut account,
            "userPrincipalName",
            format!("{known}@contoso.example"),
        );
        Ok(Answer::json(200, &account))
    }

    fn picture(&self, id: &str) -> Outcome {
        let file = self.state.drive.get(id);
        let file = file.ok_or_else(|| error(404, "ContentNotFound", "No such attachment."))?;
        Ok(Answer::of(200, &file.content_type, file.bytes.clone()))
    }
}

/// What is wrong with an attachment.
fn fault(attachment: &Value, kind: Kind) -> Option<String> {
    let content = attachment.get("content").unwrap_or(&Value::Null);
    match string(attachment, "/contentType") {
        card::ADAPTIVE => card::fault(content),
        card::CONSENT => {
            let sized = content
                .get("sizeInBytes")
                .and_then(Value::as_u64)
                .is_some_and(|size| size > 0);
            let named = !string(attachment, "/name").is_empty();
            (kind != Kind::Personal || !sized || !named)
                .then(|| format!("a file is offered in a {} chat: {content}", kind.name()))
        }
        card::FILE_INFO => ["/uniqueId", "/fileType"]
            .iter()
            .any(|field| string(content, field).is_empty())
            .then(|| "a file without uniqueId or fileType".into()),
        "image/png" | "image/jpeg" | "image/gif" => {
            let url = string(attachment, "/contentUrl");
            match url.split_once(";base64,") {
                Some((_, data)) => match text::base64(data) {
                    Some(bytes) if bytes.len() <= PICTURE => None,
                    Some(bytes) => Some(format!("a picture of {} bytes", bytes.len())),
                    None => Some("a picture that is not base64".into()),
                },
                None if url.starts_with("https://") => None,
                None => Some(format!("a picture at `{url}`")),
            }
        }
        other => Some(format!("an attachment of type `{other}`")),
    }
}
