//! Which flow an event goes to.

use std::sync::Arc;

use greentic_flow::RuleCondition;
use greentic_interfaces::model::{Event, EventBody};
use greentic_sandbox::client::Client;
use greentic_sandbox::worlds::FlowWorld;
use greentic_telemetry::Histogram;

/// A flow that is bound to a team and ready to take turns.
pub struct FlowRuntime {
    /// Its version: conversations go on with the one they began with.
    pub version: u64,
    /// `pack/flow`, or the plugin's name for a flow that is a component.
    pub name: String,
    /// The definition's name, as given to `load`; empty for a component.
    pub definition: String,
    /// The flow's id in the definition.
    pub flow: String,
    /// Calls to the component that runs it.
    pub client: Arc<Client<FlowWorld>>,
    pub(crate) seconds: Histogram,
}

/// A rule: all that is named must hold.
pub struct Rule {
    /// The kind of event.
    pub kind: Option<&'static str>,
    /// The command's name.
    pub command: Option<String>,
    /// A condition.
    pub condition: Option<RuleCondition>,
    /// The flow.
    pub flow: Arc<FlowRuntime>,
}

/// Rules in order and the flow when none holds.
pub struct Router {
    /// Tried first, in order.
    pub rules: Vec<Rule>,
    /// When no rule holds.
    pub default: Arc<FlowRuntime>,
}

impl Router {
    /// The flow of a command, which takes a person out of whatever flow they are in.
    #[must_use]
    pub fn commanded(&self, event: &Event) -> Option<Arc<FlowRuntime>> {
        let ruled = self.rules.iter().find(|rule| rule.holds(event))?;
        ruled.command.is_some().then(|| Arc::clone(&ruled.flow))
    }

    /// The flow for an event of somebody who is in none.
    #[must_use]
    pub fn choose(&self, event: &Event) -> Arc<FlowRuntime> {
        let ruled = self.rules.iter().find(|rule| rule.holds(event));
        Arc::clone(ruled.map_or(&self.default, |rule| &rule.flow))
    }
}

impl Rule {
    fn holds(&self, event: &Event) -> bool {
        self.kind.is_none_or(|kind| kind == kind_of(&event.body))
            && self.command.as_ref().is_none_or(
                |name| matches!(&event.body, EventBody::Command(command) if command.name == *name),
            )
            && self
                .condition
                .as_ref()
                .is_none_or(|condition| meets(condition, event))
    }
}

/// A condition that has no value for an event does not hold.
fn meets(condition: &RuleCondition, event: &Event) -> bool {
    let held = crate::event::event(event.clone())
        .and_then(|event| condition.holds(&event).map_err(|error| error.to_string()));
    held.unwrap_or_else(|reason| {
        tracing::warn!("the condition of a rule does not hold because {reason}");
        false
    })
}

/// The kind of an event, in the word of the contract.
#[must_use]
pub fn kind_of(body: &EventBody) -> &'static str {
    match body {
        EventBody::Message(_) => "message",
        EventBody::Postback(_) => "postback",
        EventBody::Command(_) => "command",
        EventBody::Edited(_) => "edited",
        EventBody::Deleted(_) => "deleted",
        EventBody::Reaction(_) => "reaction",
        EventBody::Joined(_) => "joined",
        EventBody::Left(_) => "left",
        EventBody::Typing => "typing",
        EventBody::DeliveryStatus(_) => "delivery-status",
        EventBody::Custom(_) => "custom",
    }
}

/// Whether an event is something a conversation answers to; the others reach a flow only by a rule that names their kind.
#[must_use]
pub fn speaks(body: &EventBody) -> bool {
    matches!(
        body,
        EventBody::Message(_)
            | EventBody::Postback(_)
            | EventBody::Command(_)
            | EventBody::Joined(_)
            | EventBody::Custom(_)
    )
}
