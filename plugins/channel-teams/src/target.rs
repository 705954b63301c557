//! Where a message goes: the conversation by its whole identifier, the Connector that has it, and who alone may see it.

use greentic_sdk::channel::{DeliveryError, memory};
use greentic_sdk::delivery;
use greentic_sdk::model::{Conversation, ConversationKind, Error, Outbound};
use greentic_sdk::percent;
use serde_json::{Map, Value, json};

use crate::activity::THREAD;
use crate::connector::{self, Connector};
use crate::reference::{Reference, member, name};
use crate::settings::Settings;

/// The place of one delivery.
pub struct Target<'a> {
    settings: &'a Settings,
    reference: Reference,
    /// With `;messageid=` where there is a thread.
    pub conversation: String,
    /// A channel in which no thread is named: what is said begins one.
    pub begins_thread: bool,
    /// One person and the bot.
    pub direct: bool,
    /// The one person who sees it, by the Connector's identifier.
    pub only_for: Option<String>,
}

fn unreachable(error: Error) -> DeliveryError {
    delivery::retry(format!("the channel's memory: {error:?}"), None)
}

/// `29:…`, or an identity of Entra: a person, and no conversation yet.
fn is_person(id: &str) -> bool {
    let is_uuid = id.len() == 36
        && id.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    id.starts_with("29:") || is_uuid
}

impl<'a> Target<'a> {
    /// Finds the place of a message. A conversation with a person that was never begun is begun.
    ///
    /// # Errors
    /// When it cannot be found, or not now.
    pub fn of(settings: &'a Settings, message: &Outbound) -> Result<Self, DeliveryError> {
        let asked = &message.conversation;
        let mut reference = Reference::find(settings, asked).map_err(unreachable)?;
        let direct = asked.kind == ConversationKind::Direct;
        let mut conversation = asked.id.clone();
        // A person's identifier can be a conversation's too, where one was heard from.
        if direct && !reference.is_known() && is_person(&asked.id) {
            conversation = begin(settings, &reference, asked)?;
            let begun = Conversation::direct(conversation.clone());
            let known = Reference::find(settings, &begun).map_err(unreachable)?;
            if known.is_known() {
                reference = known;
            }
        }
        let is_channel = asked.kind == ConversationKind::Channel;
        // In a channel an answer to a message stands in the message's thread.
        let thread = asked
            .thread
            .as_deref()
            .or(message.reply_to.as_deref().filter(|_| is_channel));
        if let Some(thread) = thread.filter(|_| !conversation.contains(THREAD)) {
            conversation = format!("{conversation}{THREAD}{thread}");
        }
        let mut target = Self {
            settings,
            reference,
            begins_thread: is_channel && !conversation.contains(THREAD),
            conversation,
            direct,
            only_for: None,
        };
        if let Some(person) = message.only_for.as_deref().filter(|_| !direct) {
            target.only_for = Some(target.member(person)?);
        }
        Ok(target)
    }

    /// The Connector's identifier of a participant. Where it was never seen the Connector is asked: what is for one person must not be
    /// sent to all.
    fn member(&self, id: &str) -> Result<String, DeliveryError> {
        if let Some(known) = member(id).map_err(unreachable)? {
            return Ok(known);
        }
        let path = format!(
            "{}/members/{}",
            connector::conversation(&self.conversation),
            percent::encode(id)
        );
        let found = self.connector().call("GET", &path, None)?;
        match found.get("id").and_then(Value::as_str) {
            Some(id) => Ok(id.to_owned()),
            None => Err(DeliveryError::Rejected(
                "the conversation has no such member".into(),
            )),
        }
    }

    /// The Connector of this place.
    #[must_use]
    pub fn connector(&self) -> Connector<'_> {
        Connector::new(self.settings, &self.reference.service)
    }

    /// Where this host was reached when the conversation was last heard from.
    #[must_use]
    pub fn reached(&self) -> Option<&(String, String)> {
        self.reference.reached.as_ref()
    }

    /// The person of a conversation of one person and the bot.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        self.reference.person.as_deref()
    }

    /// The beginning of an activity of ours.
    #[must_use]
    pub fn activity(&self, kind: &str) -> Map<String, Value> {
        let mut activity = Map::new();
        activity.insert("type".into(), kind.into());
        activity.insert("from".into(), json!({"id": self.reference.bot}));
        activity.insert("conversation".into(), json!({"id": self.conversation}));
        if let Some(person) = self.only_for.as_deref().or(self.person()) {
            activity.insert("recipient".into(), json!({"id": person}));
        }
        activity
    }

    /// What marks a call as being for one person.
    #[must_use]
    pub fn targeting(&self) -> &'static str {
        if self.only_for.is_some() {
            "?isTargetedActivity=true"
        } else {
            ""
        }
    }

    /// Sends a message; as an answer to another where that is named. Returns the platform's identifier, where it gives one.
    ///
    /// # Errors
    /// Those of the call.
    pub fn send(
        &self,
        activity: Map<String, Value>,
        reply_to: Option<&str>,
    ) -> Result<Vec<String>, DeliveryError> {
        let mut activity = activity;
        let mut path = format!("{}/activities", connector::conversation(&self.conversation));
        if let Some(id) = reply_to {
            activity.insert("replyToId".into(), id.into());
            path = connector::activity(&self.conversation, id);
        }
        path.push_str(self.targeting());
        let sent = self
            .connector()
            .call("POST", &path, Some(&Value::Object(activity)))?;
        Ok(identifiers(&sent, "id"))
    }

    /// Begins a thread in a channel with a message. Returns the message's identifier, which is the thread's too.
    ///
    /// # Errors
    /// Those of the call.
    pub fn begin_thread(&self, activity: Map<String, Value>) -> Result<Vec<String>, DeliveryError> {
        let channel = self.conversation.as_str();
        let mut data = json!({"channel": {"id": channel}});
        if let (Some(tenant), Some(fields)) = (&self.reference.tenant, data.as_object_mut()) {
            fields.insert("tenant".into(), json!({"id": tenant}));
        }
        let body = json!({
            "isGroup": true,
            "bot": {"id": self.reference.bot},
            "tenantId": self.reference.tenant,
            "channelData": data,
            "activity": activity
        });
        let begun = self
            .connector()
            .call("POST", "/v3/conversations", Some(&body))?;
        Ok(identifiers(&begun, "activityId"))
    }

    /// Goes on in the thread that a first message began.
    pub fn enter_thread(&mut self, first: &str) {
        if self.begins_thread {
            self.conversation = format!("{}{THREAD}{first}", self.conversation);
            self.begins_thread = false;
        }
    }
}

fn identifiers(answer: &Value, field: &str) -> Vec<String> {
    answer
        .get(field)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .into_iter()
        .collect()
}

/// Begins a conversation with a person, or finds the one there is: Teams has one for each bot and person.
fn begin(
    settings: &Settings,
    reference: &Reference,
    person: &Conversation,
) -> Result<String, DeliveryError> {
    let name = name("direct", &person.id);
    let known = memory::get(&name).map_err(unreachable)?;
    if let Some(known) = known.and_then(|known| String::from_utf8(known).ok()) {
        return Ok(known);
    }
    let mut body = json!({
        "bot": {"id": reference.bot},
        "members": [{"id": person.id}],
        "isGroup": false
    });
    if let (Some(tenant), Some(fields)) = (&reference.tenant, body.as_object_mut()) {
        fields.insert("tenantId".into(), tenant.as_str().into());
        fields.insert("channelData".into(), json!({"tenant": {"id": tenant}}));
    }
    let begun = Connector::new(settings, &reference.service)
        .call("POST", "/v3/conversations", Some(&body))
        .map_err(|error| match error {
            // Begun twice it is still one, and nothing was said yet.
            DeliveryError::Unknown(reason) => delivery::retry(reason, None),
            error => error,
        })?;
    let Some(id) = begun.get("id").and_then(Value::as_str) else {
        return Err(delivery::retry(
            "the Connector began a conversation and did not name it",
            None,
        ));
    };
    memory::put(&name, id.as_bytes(), None).map_err(unreachable)?;
    Ok(id.to_owned())
}
