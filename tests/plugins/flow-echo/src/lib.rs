//! The smallest flow with state: it says back what it hears, with the number of the message. An aside, `(aside) …`, it hears and
//! counts and does not answer.
//!
//! Its snapshot is the counter and then as many bytes as `pad` in the binding's parameters asks for, so that a measurement can have
//! snapshots of a size: `{"pad": 280}`.

use greentic_sdk::flow::{Descriptor, Flow, FlowError, FlowInfo, TurnInput, TurnOutput};
use greentic_sdk::model::{About, Outbound};

/// The component.
pub struct Echo;

impl Flow for Echo {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "flow-echo",
                env!("CARGO_PKG_VERSION"),
                "Says back what it hears and counts",
            ),
        }
    }

    fn load(_name: String, _definition: Vec<u8>) -> Result<FlowInfo, FlowError> {
        Ok(FlowInfo {
            flows: vec!["echo".into()],
        })
    }

    fn turn(input: TurnInput) -> Result<TurnOutput, FlowError> {
        let count = match &input.snapshot {
            None => 0,
            Some(bytes) => match bytes.first_chunk() {
                Some(count) => u64::from_le_bytes(*count),
                None => {
                    return Err(FlowError::BadSnapshot(
                        "a snapshot begins with 8 bytes".into(),
                    ));
                }
            },
        } + 1;
        let mut snapshot = count.to_le_bytes().to_vec();
        snapshot.resize(snapshot.len() + pad(&input.parameters), 0);
        let said = input
            .event
            .said()
            .filter(|said| !said.starts_with("(aside)"));
        let Some(said) = said else {
            return Ok(TurnOutput::wait(Vec::new(), snapshot));
        };
        let mut text = count.to_string();
        text.push_str(": ");
        text.push_str(said);
        Ok(TurnOutput::wait(
            vec![Outbound::text(&input.event.conversation, text)],
            snapshot,
        ))
    }
}

greentic_sdk::export_flow!(Echo);

/// The number after `"pad":`, at most 200,000; 0 without one.
fn pad(parameters: &str) -> usize {
    let number = |rest: &str| {
        let rest = rest.trim_start_matches([':', ' ']);
        rest.split_once(|letter: char| !letter.is_ascii_digit())
            .map_or(rest, |(digits, _)| digits)
            .parse::<usize>()
            .ok()
    };
    parameters
        .split_once("\"pad\"")
        .and_then(|(_, rest)| number(rest))
        .unwrap_or(0)
        .min(200_000)
}

#[cfg(test)]
mod tests {
    use super::{Echo, pad};
    use greentic_sdk::flow::{Flow, FlowError, TurnInput};
    use greentic_sdk::model::{
        Conversation, Event, EventBody, Message, OutboundBody, Participant, TenantCtx,
    };

    fn input(snapshot: Option<Vec<u8>>, parameters: &str) -> TurnInput {
        TurnInput {
            tenant: TenantCtx {
                tenant_id: "acme".into(),
                env_id: "dev".into(),
                team_id: None,
            },
            definition: String::new(),
            flow: String::new(),
            event: Event {
                id: "e".into(),
                dedupe_key: "e".into(),
                time_ms: 0,
                conversation: Conversation::direct("c"),
                sender: Participant::person("u"),
                reply_to: None,
                body: EventBody::Message(Message::plain("hi")),
            },
            snapshot,
            parameters: parameters.into(),
            now_ms: 0,
            locale: "en".into(),
            seed: 0,
        }
    }

    #[test]
    fn it_counts_in_its_snapshot() {
        let first = Echo::turn(input(None, "{}")).unwrap();
        let second = Echo::turn(input(first.snapshot, r#"{"pad": 280}"#)).unwrap();
        assert!(
            matches!(&second.outbound[0].body, OutboundBody::Text(text) if text.text == "2: hi")
        );
        assert_eq!(second.snapshot.unwrap().len(), 288);
        assert!(matches!(
            Echo::turn(input(Some(vec![1]), "{}")),
            Err(FlowError::BadSnapshot(_))
        ));
    }

    #[test]
    fn the_pad_is_read_from_the_parameters() {
        for (parameters, expected) in [
            ("{}", 0),
            (r#"{"pad":12,"x":1}"#, 12),
            (r#"{"pad": 7}"#, 7),
            (r#"{"pad":"x"}"#, 0),
        ] {
            assert_eq!(pad(parameters), expected);
        }
    }
}
