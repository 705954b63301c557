//! A flow that does harm in mid-conversation when it is asked to, and otherwise counts what it hears, as `flow-echo` does.
//!
//! | said | what it does |
//! |---|---|
//! | `trap` | stops by an instruction that cannot be executed |
//! | `loop` | never returns |
//! | `memory` | grows without end |
//! | `say:t` | says `t` and nothing before it, so that a hostile channel can be told what to do with it |
//! | `damage` | leaves a snapshot that it refuses the next time |
//! | `fragile` | traps as long as there is a file `broken` in the folder granted as `/switch` |

use std::hint::black_box;
use std::path::Path;

use greentic_sdk::flow::{Descriptor, Flow, FlowError, FlowInfo, TurnInput, TurnOutput};
use greentic_sdk::model::{About, Outbound};

/// The component.
pub struct Hostile;

impl Flow for Hostile {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "hostile-flow",
                env!("CARGO_PKG_VERSION"),
                "Does harm when asked to, for tests",
            ),
        }
    }

    fn load(_name: String, _definition: Vec<u8>) -> Result<FlowInfo, FlowError> {
        Ok(FlowInfo {
            flows: vec!["hostile".into()],
        })
    }

    fn turn(input: TurnInput) -> Result<TurnOutput, FlowError> {
        let heard = match input.snapshot.as_deref() {
            None => 0,
            Some([count]) => *count,
            Some(_) => return Err(FlowError::BadSnapshot("one byte was expected".into())),
        };
        let count = heard.saturating_add(1);
        let Some(said) = input.event.said() else {
            return Ok(TurnOutput::wait(Vec::new(), vec![heard]));
        };
        act(said, Path::new("/switch/broken"));
        let text = match said.strip_prefix("say:") {
            Some(text) => text.to_owned(),
            None => format!("{count}: {said}"),
        };
        let snapshot = if said == "damage" {
            vec![count, count]
        } else {
            vec![count]
        };
        Ok(TurnOutput::wait(
            vec![Outbound::text(&input.event.conversation, text)],
            snapshot,
        ))
    }
}

greentic_sdk::export_flow!(Hostile);

fn act(said: &str, broken: &Path) {
    match said {
        "trap" => trap(),
        "loop" => loop {
            black_box(said);
        },
        "memory" => {
            let mut kept = Vec::new();
            loop {
                kept.push(vec![1_u8; 1 << 20]);
                black_box(&kept);
            }
        }
        "fragile" if broken.exists() => trap(),
        _ => {}
    }
}

#[cfg(target_arch = "wasm32")]
fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

#[cfg(not(target_arch = "wasm32"))]
fn trap() -> ! {
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::Hostile;
    use greentic_sdk::flow::{Flow, FlowError, TurnInput, TurnOutput};
    use greentic_sdk::model::{
        Conversation, Event, EventBody, Message, OutboundBody, Participant, TenantCtx,
    };

    fn say(snapshot: Option<Vec<u8>>, text: &str) -> Result<TurnOutput, FlowError> {
        Hostile::turn(TurnInput {
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
                body: EventBody::Message(Message::plain(text)),
            },
            snapshot,
            parameters: "{}".into(),
            now_ms: 0,
            locale: "en".into(),
            seed: 0,
        })
    }

    #[test]
    fn asked_for_nothing_bad_it_counts_and_a_damaged_snapshot_is_refused() {
        let first = say(None, "hi").unwrap();
        let second = say(first.snapshot, "damage").unwrap();
        assert!(
            matches!(&second.outbound[0].body, OutboundBody::Text(text) if text.text == "2: damage")
        );
        assert!(matches!(
            say(second.snapshot, "hi"),
            Err(FlowError::BadSnapshot(_))
        ));
    }
}
