//! One request: checked, read, answered.

use greentic_sdk::channel::{IngressError, IngressOutcome, Request, Response, Surface};
use greentic_sdk::log;
use serde_json::Value;

use crate::activity::Activity;
use crate::inbound::{Fault, Read};
use crate::invoke::Answered;
use crate::reference::Reference;
use crate::settings::Settings;
use crate::{consent, files, inbound, invoke, verify};

/// Reads one request.
///
/// # Errors
/// `unverified` when it is not the platform's, `unavailable` when something needed for it cannot be reached.
pub fn ingress(
    settings: &Settings,
    request: &Request,
    now_ms: u64,
) -> Result<IngressOutcome, IngressError> {
    if request.surface == Surface::Api {
        return Ok(files::serve(settings, request, now_ms));
    }
    if request.method != "POST" {
        return Ok(IngressOutcome::answer(
            Response::empty(405).with_header("allow", "POST"),
        ));
    }
    let caller = verify::token(settings, request, now_ms)?;
    let value: Value = match serde_json::from_slice(&request.body) {
        Ok(value) => value,
        Err(fault) => return Ok(malformed(fault.to_string())),
    };
    caller.speaks_for(settings, &value)?;
    let activity = match Activity::read(value) {
        Ok(activity) => activity,
        Err(fault) => return Ok(malformed(fault)),
    };
    // What is said can be answered without it where the configured Connector finds the conversation: no reason to refuse.
    let learned = Reference::of(&activity, request, now_ms).map(|found| found.remember(&activity));
    if let Some(Err(error)) = learned {
        log::warn!("ingress", "a conversation cannot be remembered: {error:?}");
    }
    let answered = match (activity.kind.as_str(), activity.name.as_deref()) {
        ("invoke", Some(invoke::FILE_CONSENT)) => consent::answered(settings, &activity, now_ms),
        ("invoke", _) => invoke::answer(settings, &activity, now_ms),
        _ => inbound::read(settings, &activity, request, now_ms).map(|read| Answered {
            response: Response::empty(200),
            read,
        }),
    };
    match answered {
        Ok(Answered {
            response,
            read: Read { events, ignored },
        }) => Ok(IngressOutcome {
            response,
            events,
            ignored,
            malformed: None,
        }),
        Err(Fault::Malformed(reason)) => Ok(malformed(reason)),
        Err(Fault::Unavailable(reason)) => Err(IngressError::Unavailable(reason)),
    }
}

/// Acknowledged: sent again it would be no better.
fn malformed(reason: String) -> IngressOutcome {
    IngressOutcome::malformed(Response::empty(200), reason)
}

#[cfg(test)]
mod tests;
