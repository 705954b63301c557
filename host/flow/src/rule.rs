//! Conditions of rules: which flow an event goes to. They stand in a bundle and see the event and nothing else.

use std::collections::HashMap;

use greentic_diagnostics::{Diagnostics, Report, Source, Span};
use regex_lite::Regex;

use crate::compile::{FlowNames, Names, Place, World, compile_text};
use crate::eval::{EvalError, NULL, Scope, holds};
use crate::event::Event;
use crate::ir::Condition;

/// A condition over an event, compiled: `event.text.contains("refund") && event.conversation.kind == "direct"`.
///
/// `event` is what a flow sees as `entry`. The language is that of flows, with the same meaning.
#[derive(Debug)]
pub struct RuleCondition {
    condition: Condition,
    patterns: HashMap<String, Regex>,
}

impl RuleCondition {
    /// Compiles the text at a place of a source.
    ///
    /// # Errors
    /// Everything that is wrong with it, at its place.
    pub fn compile(text: &str, span: Span, source: &Source) -> Result<Self, Diagnostics> {
        let report = Report::new(source);
        let (world, flow) = (World::of(&[]), FlowNames::empty());
        let names = Names::new(&world, &flow, &report, 0);
        let compiled = compile_text(text, span, Place::Rule, &names).map(Self::ready);
        drop(names);
        let diagnostics = report.into_diagnostics();
        match compiled {
            Some(rule) if !diagnostics.has_errors() => Ok(rule),
            _ => Err(diagnostics),
        }
    }

    fn ready(condition: Condition) -> Self {
        // A pattern that does not compile was reported when the condition was.
        let patterns = condition
            .patterns()
            .into_iter()
            .filter_map(|pattern| Some((pattern.to_owned(), Regex::new(pattern).ok()?)))
            .collect();
        Self {
            condition,
            patterns,
        }
    }

    /// Whether it holds for an event.
    ///
    /// # Errors
    /// When the condition has no value for this event, such as a number compared with a text.
    pub fn holds(&self, event: &Event) -> Result<bool, EvalError> {
        let entry = event.entry();
        let scope = Scope {
            output: &NULL,
            entry: &entry,
            prev: &NULL,
            nodes: &[],
            vars: &NULL,
            state: &NULL,
            params: &NULL,
            slots: &NULL,
            response: &NULL,
            event: &NULL,
            now: &NULL,
            locale: &NULL,
            result: &NULL,
            errors: &NULL,
            seed: 0,
            patterns: Some(&self.patterns),
        };
        holds(&self.condition, &scope)
    }
}

#[cfg(test)]
mod tests {
    use greentic_diagnostics::Source;

    use super::RuleCondition;
    use crate::event::{Conversation, Event, EventBody, Participant};

    fn event(body: EventBody) -> Event {
        Event {
            id: "1".into(),
            dedupe_key: "1".into(),
            time_ms: 7,
            conversation: Conversation {
                id: "c".into(),
                thread: None,
                kind: "group".into(),
            },
            sender: Participant {
                id: "u".into(),
                name: Some("Ada".into()),
                ..Participant::default()
            },
            reply_to: None,
            body,
        }
    }

    fn message(text: &str) -> Event {
        event(EventBody::Message {
            text: text.into(),
            attachments: Vec::new(),
        })
    }

    fn compile(text: &str) -> Result<RuleCondition, String> {
        let source = Source::new("bundle.yaml", text);
        RuleCondition::compile(text, source.span(0..text.len()), &source)
            .map_err(|faults| faults.to_string())
    }

    #[test]
    fn a_condition_sees_the_event_as_a_flow_sees_its_entry() {
        for (text, holds) in [
            ("event.text.contains('refund')", true),
            ("event.text contains REFUND", true),
            ("event.kind == \"postback\"", false),
            (
                "event.conversation.kind == 'group' && event.user.name == 'Ada'",
                true,
            ),
            ("event.text.matches('^re')", true),
            ("event.text.matches('^fund')", false),
            ("entry.from == 'u' || in.from == 'v'", true),
            ("event.action == 'x'", false),
        ] {
            let rule = compile(text).unwrap();
            assert_eq!(rule.holds(&message("refund, please")), Ok(holds), "{text}");
        }
    }

    #[test]
    fn what_is_no_part_of_an_event_or_no_condition_is_refused_with_its_place() {
        for (text, said) in [
            ("event.txt == 'x'", "did you mean `text`"),
            ("text == 'x'", "did you mean `event.text`"),
            ("vars.x == 1", "is not known in a rule"),
            ("size(event.text)", "yields"),
            ("event.text ==", "cannot be read"),
            ("event.text.matches('(')", "pattern"),
            ("", "empty"),
        ] {
            let faults = compile(text).map(|_| ()).unwrap_err();
            assert!(faults.contains(said), "{text}: {faults}");
        }
    }
}
