//! No secret's value leaves its handle.

use std::time::Duration;

use greentic_interfaces::model::TextFormat;

use super::talk::{Bench, ada, outbound, text};
use crate::case::{Stop, Verdict, ensure};
use crate::platform::{Action, Fault, Refusal, Signing, Trouble};

crate::cases::cases! {
    "channel.secrecy.output", "No value of a secret stands in an event, an answer, a receipt, an error or the log, whatever goes wrong.", output;
}

fn output(bench: &Bench<'_>) -> Verdict {
    bench.stage.log().clear();
    let talk = bench.talk()?;
    let mut outputs = Vec::new();
    let done = talk.compose(&ada(Action::Say("hello".into())))?;
    let signings = talk.simulation.platform().forgeries();
    for webhook in &done.webhooks {
        for signing in std::iter::once(Signing::Honest).chain(signings.iter().copied()) {
            let response = talk.simulation.post(webhook, signing);
            outputs.push(format!(
                "{:?} {}",
                response.headers,
                String::from_utf8_lossy(&response.body)
            ));
            outputs.extend(talk.front.take().iter().map(|told| format!("{told:?}")));
        }
    }
    for handshake in talk.simulation.platform().handshakes() {
        let response = talk.simulation.post(&handshake.webhook, handshake.signing);
        outputs.push(String::from_utf8_lossy(&response.body).into_owned());
        outputs.extend(talk.front.take().iter().map(|told| format!("{told:?}")));
    }
    let (conversation, _) = talk.open()?;
    for trouble in [
        None,
        Some(Trouble::Refuse(Refusal::Unauthorised)),
        Some(Trouble::Refuse(Refusal::Permanent)),
        Some(Trouble::Refuse(Refusal::Outage)),
        Some(Trouble::Refuse(Refusal::RateLimited(Duration::from_secs(
            1,
        )))),
        Some(Trouble::DropAfter),
    ] {
        if let Some(trouble) = trouble {
            talk.simulation.fault(Fault::sends(1, trouble));
        }
        let outcome = talk.attempt(outbound(&conversation, text("hello", TextFormat::Plain)));
        outputs.push(match outcome {
            Ok(outcome) => format!("{outcome:?}"),
            Err(Stop::Failed(text) | Stop::Absent(text)) => text,
        });
    }
    outputs.push(bench.stage.log().text());
    for (name, value) in talk.simulation.profile().secrets {
        let value = String::from_utf8_lossy(&value).into_owned();
        let found = outputs.iter().find(|output| output.contains(&value));
        ensure(found.is_none(), || {
            let found = found.map(|output| output.replace(&value, "***"));
            format!("the value of `{name}` stands in {found:?}")
        })?;
    }
    Ok(())
}
