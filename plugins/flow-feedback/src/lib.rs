//! A flow written by hand as a component: it asks for a rating, then for a comment, and says thanks.
//!
//! It shows two things a definition file does not need. Its snapshot is two or three bytes of its own making. And it calls
//! another component through the ecosystem's smallest interface, `greentic:component/component`, which the host joins to it at load:
//! the comment is handed to it, and what it answers is said back.

use greentic_sdk::component::{self, Outcome};
use greentic_sdk::flow::{
    Descriptor, Flow, FlowError, FlowInfo, NodeFailure, TurnInput, TurnOutput,
};
use greentic_sdk::model::{About, Event, Outbound};

/// The flow's name.
pub const NAME: &str = "feedback";

const QUESTION: &str = "How was it? From 1 (bad) to 5 (very good).";
const RATINGS: [(&str, &str); 5] = [
    ("★", "1"),
    ("★★", "2"),
    ("★★★", "3"),
    ("★★★★", "4"),
    ("★★★★★", "5"),
];

/// The version of the snapshot, its first byte.
const VERSION: u8 = 1;

/// Where the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Asked for a rating.
    Rating,
    /// Asked for a comment after this rating.
    Comment(u8),
}

impl Place {
    fn write(self) -> Vec<u8> {
        match self {
            Self::Rating => vec![VERSION, 0],
            Self::Comment(rating) => vec![VERSION, 1, rating],
        }
    }

    fn read(snapshot: &[u8]) -> Result<Self, FlowError> {
        match snapshot {
            [VERSION, 0] => Ok(Self::Rating),
            [VERSION, 1, rating @ 1..=5] => Ok(Self::Comment(*rating)),
            _ => Err(FlowError::BadSnapshot(
                "the snapshot is none of feedback's version 1".into(),
            )),
        }
    }
}

/// The component.
pub struct Feedback;

impl Flow for Feedback {
    fn describe() -> Descriptor {
        let text = "Asks for a rating and a comment; a flow written by hand";
        Descriptor {
            about: About::new("flow-feedback", env!("CARGO_PKG_VERSION"), text),
        }
    }

    fn load(_name: String, _definition: Vec<u8>) -> Result<FlowInfo, FlowError> {
        Ok(FlowInfo {
            flows: vec![NAME.into()],
        })
    }

    fn turn(input: TurnInput) -> Result<TurnOutput, FlowError> {
        let place = input.snapshot.as_deref().map(Place::read).transpose()?;
        let event = &input.event;
        let output = match place {
            None => ask(event, QUESTION),
            Some(place) => match (place, event.said().map(str::trim)) {
                // Joining, typing and the like answer no question.
                (place, None | Some("")) => TurnOutput::wait(Vec::new(), place.write()),
                (Place::Rating, Some(text)) => rate(event, text),
                (Place::Comment(rating), Some(text)) => thank(&input, rating, text)?,
            },
        };
        let node = match place {
            None => "ask",
            Some(Place::Rating) => "rate",
            Some(Place::Comment(_)) => "thank",
        };
        Ok(TurnOutput {
            path: vec![node.into()],
            ..output
        })
    }
}

greentic_sdk::export_flow!(Feedback);

fn ask(event: &Event, question: &str) -> TurnOutput {
    TurnOutput::wait(
        vec![Outbound::quick_replies(
            &event.conversation,
            question,
            &RATINGS,
        )],
        Place::Rating.write(),
    )
}

fn rate(event: &Event, text: &str) -> TurnOutput {
    match text.parse() {
        Ok(rating @ 1..=5) => {
            let question = if rating >= 4 {
                "Glad to hear that! What did you like?"
            } else {
                "What should we do better?"
            };
            TurnOutput::wait(
                vec![Outbound::text(&event.conversation, question)],
                Place::Comment(rating).write(),
            )
        }
        _ => ask(event, "Please choose a number from 1 to 5."),
    }
}

fn thank(input: &TurnInput, rating: u8, comment: &str) -> Result<TurnOutput, FlowError> {
    let event = &input.event;
    let outcome = component::execute(&component::Message {
        id: event.id.clone(),
        content: comment.into(),
        sender: event.sender.id.clone(),
        timestamp: input.now_ms,
    });
    let (shouted, words) = read(outcome)?;
    let plural = if words == 1 { "" } else { "s" };
    let text = format!("Thank you! You gave {rating} of 5 and {words} word{plural}: {shouted}");
    Ok(TurnOutput::end(vec![Outbound::text(
        &event.conversation,
        text,
    )]))
}

/// What the joined component said: `{"text": …, "words": …}`.
fn read(outcome: Outcome) -> Result<(String, u64), FlowError> {
    let failed = |message: String| {
        FlowError::NodeFailed(NodeFailure {
            node: "component".into(),
            message,
            retryable: false,
        })
    };
    if !outcome.success {
        return Err(failed(
            outcome
                .error
                .unwrap_or_else(|| "it failed and did not say why".into()),
        ));
    }
    let data: serde_json::Value = serde_json::from_str(outcome.data.as_deref().unwrap_or_default())
        .map_err(|error| failed(error.to_string()))?;
    let text = data.get("text").and_then(serde_json::Value::as_str);
    let words = data.get("words").and_then(serde_json::Value::as_u64);
    text.map(str::to_owned)
        .zip(words)
        .ok_or_else(|| failed("its data has no `text` and `words`".into()))
}

#[cfg(test)]
mod tests {
    use super::{Feedback, Place};
    use greentic_sdk::component::{Message, Outcome};
    use greentic_sdk::flow::{Flow, FlowError, TurnInput, TurnOutput};
    use greentic_sdk::model::{
        self, Conversation, Event, EventBody, OutboundBody, Participant, TenantCtx,
    };
    use greentic_sdk::native::{Host, install};

    struct Joined(&'static str);

    impl Host for Joined {
        fn execute(&self, input: &Message) -> Outcome {
            if self.0.is_empty() {
                Outcome::failure(format!("no {}", input.content))
            } else {
                Outcome::success(self.0)
            }
        }
    }

    fn turn(snapshot: Option<Vec<u8>>, body: EventBody) -> Result<TurnOutput, FlowError> {
        Feedback::turn(TurnInput {
            tenant: TenantCtx {
                tenant_id: "acme".into(),
                env_id: "dev".into(),
                team_id: None,
            },
            definition: "feedback".into(),
            flow: "feedback".into(),
            event: Event {
                id: "e".into(),
                dedupe_key: "e".into(),
                time_ms: 0,
                conversation: Conversation::direct("c"),
                sender: Participant::person("u"),
                reply_to: None,
                body,
            },
            snapshot,
            parameters: "{}".into(),
            now_ms: 0,
            locale: "en".into(),
            seed: 0,
        })
    }

    fn say(snapshot: Option<Vec<u8>>, text: &str) -> TurnOutput {
        turn(snapshot, EventBody::Message(model::Message::plain(text))).unwrap()
    }

    fn text(output: &TurnOutput) -> &str {
        match &output.outbound[0].body {
            OutboundBody::Text(text) => &text.text,
            OutboundBody::QuickReplies(replies) => &replies.text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rating_and_a_comment_are_taken_and_thanked_for() {
        install(Joined(r#"{"text":"NICE","words":1}"#));
        let asked = say(None, "hello");
        assert!(
            matches!(&asked.outbound[0].body, OutboundBody::QuickReplies(replies) if replies.options.len() == 5)
        );
        let again = say(asked.snapshot, "9");
        assert_eq!(again.snapshot, Some(Place::Rating.write()));
        let rated = say(again.snapshot, " 4 ");
        assert_eq!(rated.snapshot, Some(Place::Comment(4).write()));
        let thanked = say(rated.snapshot, "nice");
        assert_eq!(
            (thanked.snapshot.as_ref(), text(&thanked)),
            (None, "Thank you! You gave 4 of 5 and 1 word: NICE")
        );
    }

    #[test]
    fn what_answers_no_question_changes_nothing() {
        for place in [Place::Rating, Place::Comment(2)] {
            let output = turn(Some(place.write()), EventBody::Typing).unwrap();
            assert_eq!(
                (output.outbound.len(), output.snapshot),
                (0, Some(place.write()))
            );
        }
    }

    #[test]
    fn a_snapshot_of_another_version_is_refused() {
        for snapshot in [vec![], vec![2, 0], vec![1, 1], vec![1, 1, 9], vec![1, 0, 0]] {
            let outcome = turn(Some(snapshot), EventBody::Typing);
            assert!(matches!(outcome, Err(FlowError::BadSnapshot(_))));
        }
    }

    #[test]
    fn a_fault_of_the_joined_component_is_a_failed_node() {
        for answer in ["", "no json", "{}"] {
            install(Joined(answer));
            let body = EventBody::Message(model::Message::plain("nice"));
            let outcome = turn(Some(Place::Comment(3).write()), body);
            assert!(matches!(outcome, Err(FlowError::NodeFailed(_))), "{answer}");
        }
    }
}
