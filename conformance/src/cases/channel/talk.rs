//! A channel bound to a fresh simulated platform, for one case.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use greentic_interfaces::imports::greentic::channel::types::{
    Capabilities, Delivery, DeliveryError, Descriptor, Receipt,
};
use greentic_interfaces::model::{
    Card, Conversation, ConversationKind, Event, EventBody, Outbound, OutboundBody, Text,
    TextFormat,
};
use greentic_sandbox::client::{Client, Policy};
use greentic_sandbox::scope::CallScope;
use greentic_sandbox::worlds::ChannelWorld;

use crate::case::{Stop, Verdict, ensure};
use crate::platform::{
    self, Act, Action, Author, CannotDo, Done, Make, Place, Profile, Settings, Shown, Signing,
    Simulation, Webhook,
};
use crate::sandbox::{Front, Given, Loaded, MemoryServices, Stage, Told};

/// The person most cases are about.
pub const ADA: &str = "ada";

/// A channel's component and its platform.
pub struct Bench<'a> {
    /// Where it runs.
    pub stage: &'a Stage,
    /// The component.
    pub loaded: &'a Loaded,
    /// The platform it speaks to.
    pub platform: Make,
    /// Configuration beside what the platform asks for.
    pub config: Vec<(String, String)>,
}

impl Bench<'_> {
    /// The channel, bound to a fresh platform.
    ///
    /// # Errors
    /// When it cannot be bound or does not describe itself.
    pub fn talk(&self) -> Result<Talk<'_>, Stop> {
        self.talk_as(|_, _| {})
    }

    /// The channel, bound with what is given changed.
    ///
    /// # Errors
    /// As [`Bench::talk`].
    pub fn talk_as(&self, change: impl FnOnce(&mut Given, &Profile)) -> Result<Talk<'_>, Stop> {
        let simulation = Simulation::start(self.platform, &Settings::default())
            .context("the simulated platform does not start")?;
        let profile = simulation.profile();
        let mut given = Given {
            config: profile.config.clone(),
            http: profile.http.clone(),
            ..Given::default()
        };
        given.config.extend(self.config.iter().cloned());
        let secrets = profile.secrets.iter();
        given.secrets = secrets
            .map(|(name, value)| (name.clone(), Some(value.clone())))
            .collect();
        let reveal = simulation.platform().reveal();
        given.reveal = reveal.iter().map(|name| (*name).to_owned()).collect();
        change(&mut given, &profile);
        let services = MemoryServices::default();
        let client =
            self.stage
                .bind::<ChannelWorld>(self.loaded, &given, Policy::PerTenant, &services)?;
        let client = Arc::new(client);
        let descriptor = self
            .stage
            .wait(client.describe(CallScope::default()))
            .context("`describe`")?;
        let front = Front::start(self.stage, Arc::clone(&client), &descriptor)
            .context("a port to listen on")?;
        simulation.set_target(front.webhook());
        Ok(Talk {
            stage: self.stage,
            simulation,
            client,
            descriptor,
            front,
            next: AtomicU32::new(1),
        })
    }
}

/// A channel that is bound, with its platform.
pub struct Talk<'a> {
    stage: &'a Stage,
    /// The platform.
    pub simulation: Simulation,
    /// The channel.
    pub client: Arc<Client<ChannelWorld>>,
    /// What it says of itself.
    pub descriptor: Descriptor,
    /// Where its requests come in.
    pub front: Front,
    next: AtomicU32,
}

/// Something ada does alone with the bot.
#[must_use]
pub fn ada(action: Action) -> Act {
    Act {
        user: ADA.into(),
        place: Place::Direct,
        action,
    }
}

impl Talk<'_> {
    /// Whether a capability is declared.
    #[must_use]
    pub fn declares(&self, capability: Capabilities) -> bool {
        self.descriptor.capabilities.contains(capability)
    }

    /// Runs a future to its end.
    pub fn wait<F: Future>(&self, future: F) -> F::Output {
        self.stage.wait(future)
    }

    /// Sends a webhook once and gives what the channel made of it.
    ///
    /// # Errors
    /// When it did not arrive.
    pub fn post(&self, webhook: &Webhook, signing: Signing) -> Result<(u16, Told), Stop> {
        // What the platform sends by itself would be taken for the answer to this.
        let _ = self.simulation.settle(Duration::from_secs(5));
        drop(self.front.take());
        let response = self.simulation.post(webhook, signing);
        match (self.front.take().pop(), response.failure) {
            (Some(told), None) => Ok((response.status, told)),
            (None, None) => Err(Stop::Failed(format!(
                "the webhook {} {:?} was answered with {} without reaching the channel: is the surface `webhook` declared?",
                webhook.method, webhook.path, response.status
            ))),
            (_, Some(failure)) => Err(Stop::Failed(format!(
                "the webhook was not answered: {failure:?}"
            ))),
        }
    }

    /// Sends a webhook honestly and gives its events.
    ///
    /// # Errors
    /// When it was refused, or not acknowledged, or an event is not well-formed.
    pub fn tell(&self, webhook: &Webhook) -> Result<Vec<Event>, Stop> {
        let (status, told) = self.post(webhook, Signing::Honest)?;
        let outcome = match told {
            Told::Outcome(outcome) => outcome,
            other => {
                return Err(Stop::Failed(format!(
                    "an authentic webhook was not taken: {other:?}"
                )));
            }
        };
        ensure((200..300).contains(&status), || {
            format!("an authentic webhook was answered with {status}")
        })?;
        if let Some(reason) = outcome.malformed {
            return Err(Stop::Failed(format!(
                "an authentic webhook was called malformed: {reason}"
            )));
        }
        for event in &outcome.events {
            well_formed(event)?;
        }
        Ok(outcome.events)
    }

    /// Somebody does something, and the channel is told.
    ///
    /// # Errors
    /// Not declared when the platform has no such thing; a failure as for [`Talk::tell`].
    pub fn act(&self, act: &Act) -> Result<(Done, Vec<Event>), Stop> {
        let done = self.compose(act)?;
        let mut events = Vec::new();
        for webhook in &done.webhooks {
            events.extend(self.tell(webhook)?);
        }
        Ok((done, events))
    }

    /// Somebody does something, and the channel is not told yet.
    ///
    /// # Errors
    /// As [`Talk::act`].
    pub fn compose(&self, act: &Act) -> Result<Done, Stop> {
        self.simulation.compose(act).map_err(|cannot| match cannot {
            CannotDo::NoSuchThing => Stop::absent("the platform has no such thing"),
            CannotDo::NotNow(reason) => {
                Stop::Failed(format!("{:?} cannot be done: {reason}", act.action))
            }
        })
    }

    /// As [`Talk::act`] for acts that give exactly one event.
    ///
    /// # Errors
    /// As [`Talk::act`], or when there is not one event.
    pub fn one(&self, act: &Act) -> Result<(Done, Event), Stop> {
        let (done, events) = self.act(act)?;
        match <[Event; 1]>::try_from(events) {
            Ok([event]) => Ok((done, event)),
            Err(events) => Err(Stop::Failed(format!(
                "{:?} became {} events and not one: {events:?}",
                act.action,
                events.len()
            ))),
        }
    }

    /// Ada says hello; the conversation as the channel names it, and the message's identifier.
    ///
    /// # Errors
    /// When that is not understood.
    pub fn open(&self) -> Result<(Conversation, String), Stop> {
        let (_, event) = self.one(&ada(Action::Say("hello".into())))?;
        Ok((event.conversation, event.id))
    }

    /// A conversation as the platform names it.
    #[must_use]
    pub fn conversation(&self, place: &Place, user: &str) -> Conversation {
        let platform::Conversation { id, thread, direct } =
            self.simulation.platform().conversation(place, user);
        let kind = match (direct, place) {
            (true, _) => ConversationKind::Direct,
            (false, Place::Channel(_)) => ConversationKind::Channel,
            (false, _) => ConversationKind::Group,
        };
        Conversation { id, thread, kind }
    }

    /// Delivers under a fresh identifier.
    ///
    /// # Errors
    /// When there was no answer.
    pub fn attempt(&self, message: Outbound) -> Result<Result<Receipt, DeliveryError>, Stop> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        self.attempt_as(&format!("delivery-{number}"), 1, message)
    }

    /// Delivers under an identifier.
    ///
    /// # Errors
    /// When there was no answer.
    pub fn attempt_as(
        &self,
        id: &str,
        attempt: u32,
        message: Outbound,
    ) -> Result<Result<Receipt, DeliveryError>, Stop> {
        let delivery = Delivery {
            id: id.into(),
            attempt,
            message,
        };
        self.wait(self.client.deliver(CallScope::default(), delivery))
            .map_err(|fault| Stop::Failed(fault.to_string()))
    }

    /// Delivers something that must be taken.
    ///
    /// # Errors
    /// When it was not.
    pub fn deliver(&self, to: &Conversation, body: OutboundBody) -> Result<Receipt, Stop> {
        self.deliver_whole(outbound(to, body))
    }

    /// Delivers a whole message that must be taken.
    ///
    /// # Errors
    /// When it was not.
    pub fn deliver_whole(&self, message: Outbound) -> Result<Receipt, Stop> {
        let shown = format!("{:?}", message.body);
        let shown: String = shown.chars().take(200).collect();
        self.attempt(message)?.map_err(|error| {
            Stop::Failed(format!(
                "{shown} was not delivered: {error:?}; {}",
                self.last_call()
            ))
        })
    }

    /// The last call the platform got, for reports.
    fn last_call(&self) -> String {
        let Some(recorded) = self.simulation.calls().pop() else {
            return "the platform was not called".into();
        };
        let body =
            |bytes: &[u8]| -> String { String::from_utf8_lossy(bytes).chars().take(300).collect() };
        let answer = recorded.answer.map_or_else(
            || "nothing".into(),
            |answer| format!("{} {}", answer.status, body(&answer.body)),
        );
        let call = recorded.call;
        format!(
            "the platform's last answer to {} {} {} was {answer}",
            call.method,
            call.path,
            body(&call.body)
        )
    }

    /// What the bot said to ada, as she sees it.
    #[must_use]
    pub fn seen(&self) -> Vec<Shown> {
        self.seen_in(&Place::Direct, ADA)
    }

    /// What the bot said in a place, as a person there sees it.
    #[must_use]
    pub fn seen_in(&self, place: &Place, user: &str) -> Vec<Shown> {
        let mut messages = self.simulation.screen(place, user).messages;
        messages.retain(|shown| shown.author == Author::Bot && !shown.deleted);
        messages
    }

    /// All texts, titles and labels that ada sees from the bot.
    #[must_use]
    pub fn words(&self) -> String {
        self.seen().iter().map(words).collect::<Vec<_>>().join("\n")
    }

    /// Fails unless ada sees all of these.
    ///
    /// # Errors
    /// What is missing.
    pub fn shows(&self, texts: &[&str]) -> Verdict {
        let words = self.words();
        for text in texts {
            ensure(words.contains(text), || {
                format!("`{text}` is not seen; what is seen is {words:?}")
            })?;
        }
        Ok(())
    }

    /// The only message of the bot that ada sees.
    ///
    /// # Errors
    /// When there is another number.
    pub fn only_message(&self) -> Result<Shown, Stop> {
        let mut seen = self.seen();
        match (seen.pop(), seen.len()) {
            (Some(shown), 0) => Ok(shown),
            (last, before) => Err(Stop::Failed(format!(
                "one message was to be seen, and there are {}: {seen:?} {last:?}",
                before + 1
            ))),
        }
    }

    /// Fails when the platform found something that a bot must not do.
    ///
    /// # Errors
    /// What it found.
    pub fn clean(&self) -> Verdict {
        let violations = self.simulation.violations();
        ensure(violations.is_empty(), || {
            format!("the platform found what a bot must not do: {violations:?}")
        })
    }

    /// Waits for what the platform sends by itself, and gives the events of it.
    ///
    /// # Errors
    /// When it was refused.
    pub fn settled(&self) -> Result<Vec<Event>, Stop> {
        ensure(self.simulation.settle(Duration::from_secs(10)), || {
            "the platform's webhooks were not taken within 10 s".into()
        })?;
        let mut events = Vec::new();
        for told in self.front.take() {
            match told {
                Told::Outcome(outcome) => events.extend(outcome.events),
                other => {
                    return Err(Stop::Failed(format!(
                        "an authentic webhook was not taken: {other:?}"
                    )));
                }
            }
        }
        Ok(events)
    }
}

/// A receipt's downgrade of one of these features, as words for a report.
///
/// # Errors
/// A failure when the receipt has none, or one without words.
pub fn downgraded(receipt: &Receipt, features: &[&str]) -> Result<String, Stop> {
    let named = receipt
        .downgrades
        .iter()
        .find(|downgrade| features.contains(&downgrade.feature.as_str()));
    match named {
        Some(downgrade) if !downgrade.instead.is_empty() => Ok(downgrade.instead.clone()),
        _ => Err(Stop::Failed(format!(
            "the receipt does not say that {} was downgraded: {:?}",
            features.join(" or "),
            receipt.downgrades
        ))),
    }
}

/// What is not declared must be downgraded, and the receipt must say so: gives the report that it was.
#[must_use]
pub fn absent_with(receipt: &Receipt, features: &[&str]) -> Stop {
    match downgraded(receipt, features) {
        Ok(instead) => Stop::Absent(instead),
        Err(stop) => stop,
    }
}

/// A message to a conversation.
#[must_use]
pub fn outbound(to: &Conversation, body: OutboundBody) -> Outbound {
    Outbound {
        conversation: to.clone(),
        reply_to: None,
        only_for: None,
        body,
    }
}

/// A text.
#[must_use]
pub fn text(text: impl Into<String>, format: TextFormat) -> OutboundBody {
    OutboundBody::Text(Text {
        text: text.into(),
        format,
    })
}

/// A card.
#[must_use]
pub fn card(json: &serde_json::Value, fallback: &str) -> OutboundBody {
    OutboundBody::Card(Card {
        json: json.to_string(),
        fallback: fallback.into(),
    })
}

/// Everything that can be read of a message.
#[must_use]
pub fn words(shown: &Shown) -> String {
    let mut words = vec![shown.text.clone()];
    words.extend(shown.buttons.iter().map(|button| button.title.clone()));
    for field in &shown.fields {
        words.push(field.label.clone());
        if let platform::Input::Choice(choices) = &field.input {
            words.extend(choices.iter().map(|(_, title)| title.clone()));
        }
    }
    words.join("\n")
}

/// What holds for every event.
fn well_formed(event: &Event) -> Verdict {
    let named = [
        ("id", &event.id),
        ("dedupe-key", &event.dedupe_key),
        ("conversation", &event.conversation.id),
        ("sender", &event.sender.id),
    ];
    for (what, value) in named {
        ensure(!value.is_empty() && value.len() <= 512, || {
            format!(
                "an event's {what} has {} bytes; 1 to 512 are allowed",
                value.len()
            )
        })?;
    }
    let year_2001 = 1_000_000_000_000;
    ensure(event.time_ms > year_2001, || {
        format!(
            "an event's time is {} and not in milliseconds since 1970",
            event.time_ms
        )
    })?;
    match &event.body {
        EventBody::Postback(postback) => serde_json::from_str::<serde_json::Value>(&postback.data)
            .map(|_| ())
            .map_err(|error| Stop::Failed(format!("a postback's data is no JSON: {error}"))),
        _ => Ok(()),
    }
}
