//! The channel with its platform, for one test.

use std::collections::BTreeMap;
use std::sync::Arc;

use channel_slack::Slack;
use greentic_conformance::platform::{
    Act, Action, Answer, Author, Call, Done, Place, Response, Settings, Shown, Signing, Simulation,
    Webhook,
};
use greentic_sdk::channel::{
    Channel, Delivery, DeliveryError, IngressError, IngressOutcome, Receipt, Request, Surface,
};
use greentic_sdk::http;
use greentic_sdk::model::{
    Card, Conversation, Event, EventBody, Header, Outbound, OutboundBody, Postback,
};
use greentic_sdk::native::{Table, install};
use serde_json::{Value, json};

pub const ORIGIN: &str = "https://bot.example.com";
pub const WEBHOOK: &str = "/v1/messaging/ingress/slack/demo/default/slack";
pub const API: &str = "/v1/messaging/slack/demo/default/slack";

/// The channel with its platform. Calls go from one to the other inside the test's thread.
pub struct Bench {
    /// The platform.
    pub simulation: Arc<Simulation>,
}

pub fn bench() -> Bench {
    let make = greentic_conformance::platform::named("slack").unwrap();
    let simulation = Arc::new(Simulation::start(make, &Settings::default()).unwrap());
    let profile = simulation.profile();
    let mut table = Table::new();
    for (key, value) in &profile.config {
        table = table.config(key, value);
    }
    for (name, value) in &profile.secrets {
        table = table.secret(name, value);
    }
    let platform = Arc::clone(&simulation);
    install(table.http(move |request| Ok(carried(&platform, request))));
    Bench { simulation }
}

/// Carries a call to the platform as the host does: the secret in its placeholder's place.
pub fn carried(simulation: &Simulation, request: &http::Request) -> http::Response {
    let secrets = simulation.profile().secrets;
    let placed = |text: &str| {
        secrets.iter().fold(text.to_owned(), |text, (name, value)| {
            let placeholder = format!("gtsec_{}", name.replace('/', "."));
            text.replace(&placeholder, &String::from_utf8_lossy(value))
        })
    };
    let rest = request
        .url
        .strip_prefix(simulation.desk().origin())
        .unwrap();
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let headers = request.headers.iter();
    let call = Call {
        method: request.method.clone(),
        path: path.into(),
        query: query.into(),
        headers: headers
            .map(|header| (header.name.clone(), placed(&header.value)))
            .collect(),
        body: request.body.clone(),
    };
    let Answer {
        status,
        headers,
        body,
    } = simulation.platform().answer(&call);
    http::Response {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| Header::new(name, value))
            .collect(),
        body,
    }
}

impl Bench {
    pub fn post(
        &self,
        webhook: &Webhook,
        signing: Signing,
    ) -> Result<IngressOutcome, IngressError> {
        let platform = self.simulation.platform();
        let mut signed = webhook.clone();
        platform.sign(&mut signed, signing, self.simulation.desk().now_ms());
        let declared = Slack::describe().headers;
        let headers = signed
            .headers
            .iter()
            .filter(|(name, _)| declared.contains(name));
        let outcome = Slack::ingress(Request {
            surface: Surface::Webhook,
            method: signed.method.clone(),
            origin: ORIGIN.into(),
            base: WEBHOOK.into(),
            path: String::new(),
            query: None,
            headers: headers
                .map(|(name, value)| Header::new(name, value))
                .collect(),
            body: signed.body,
        })?;
        let response = Response {
            status: outcome.response.status,
            headers: Vec::new(),
            body: outcome.response.body.clone(),
            failure: None,
        };
        platform.answered(webhook, &response);
        Ok(outcome)
    }

    pub fn told(&self, act: &Act) -> (Done, Vec<Event>) {
        let done = self.simulation.compose(act).unwrap();
        let events = done
            .webhooks
            .iter()
            .flat_map(|webhook| {
                let outcome = self.post(webhook, Signing::Honest).unwrap();
                assert_eq!(outcome.malformed, None, "{act:?}");
                outcome.events
            })
            .collect();
        (done, events)
    }

    pub fn one(&self, act: &Act) -> (Done, Event) {
        let (done, events) = self.told(act);
        let [event] = events.as_slice() else {
            panic!("{act:?}: {events:?}")
        };
        (done, event.clone())
    }

    pub fn open(&self) -> Event {
        self.one(&ada(Action::Say("hello".into()))).1
    }

    pub fn deliver(&self, message: Outbound) -> Receipt {
        self.attempt("d1", message).unwrap()
    }

    pub fn attempt(&self, id: &str, message: Outbound) -> Result<Receipt, DeliveryError> {
        Slack::deliver(Delivery {
            id: id.into(),
            attempt: 1,
            message,
        })
    }

    pub fn card(&self, to: &Conversation, card: &Value) -> Receipt {
        let body = OutboundBody::Card(Card {
            json: card.to_string(),
            fallback: "A card".into(),
        });
        self.deliver(Outbound::new(to, body))
    }

    pub fn seen(&self, place: &Place, user: &str) -> Vec<Shown> {
        let mut messages = self.simulation.screen(place, user).messages;
        messages.retain(|shown| shown.author == Author::Bot && !shown.deleted);
        messages
    }

    pub fn last(&self) -> Shown {
        self.seen(&Place::Direct, "ada").pop().unwrap()
    }

    #[track_caller]
    pub fn clean(&self) {
        assert_eq!(self.simulation.violations(), []);
    }
}

pub fn ada(action: Action) -> Act {
    Act {
        user: "ada".into(),
        place: Place::Direct,
        action,
    }
}

pub fn postback(event: &Event) -> (Value, Postback) {
    let EventBody::Postback(postback) = &event.body else {
        panic!("{event:?}")
    };
    (
        serde_json::from_str(&postback.data).unwrap(),
        postback.clone(),
    )
}

pub fn adaptive(body: Value, actions: Value) -> Value {
    json!({"type": "AdaptiveCard", "version": "1.5", "body": body, "actions": actions})
}

pub fn button(shown: &Shown, title: &str) -> usize {
    shown
        .buttons
        .iter()
        .position(|button| button.title == title)
        .unwrap()
}

pub fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(id, value)| ((*id).to_owned(), (*value).to_owned()))
        .collect()
}
