//! Verification: what did not come from the platform does not become an event.

use greentic_interfaces::imports::greentic::channel::types::IngressError;

use super::talk::{Bench, Talk, ada};
use crate::case::{Stop, Verdict, ensure};
use crate::platform::{Action, Signing, Webhook};
use crate::sandbox::Told;

crate::cases::cases! {
    "channel.ingress.verify.honest", "A webhook that the platform signed is taken and acknowledged with 2xx.", honest;
    "channel.ingress.verify.missing", "A webhook without a signature is refused as unverified.", |b| forged(b, "missing");
    "channel.ingress.verify.wrong", "A webhook with something that is no signature is refused as unverified.", |b| forged(b, "wrong");
    "channel.ingress.verify.truncated", "A webhook with the beginning of the right signature is refused as unverified.", |b| forged(b, "truncated");
    "channel.ingress.verify.other-key", "A webhook signed with another key is refused as unverified.", |b| forged(b, "other-key");
    "channel.ingress.verify.empty-key", "A webhook signed with an empty key is refused as unverified.", |b| forged(b, "empty-key");
    "channel.ingress.verify.altered-body", "A webhook whose body was changed after it was signed is refused as unverified.", |b| forged(b, "altered-body");
    "channel.ingress.verify.replayed", "A webhook that was signed longer ago than the platform's window is refused as unverified.", |b| forged(b, "replayed");
    "channel.ingress.verify.future-dated", "A webhook that is dated further ahead than the platform's window is refused as unverified.", |b| forged(b, "future-dated");
    "channel.ingress.verify.special", "Every way of signing wrongly that only this platform has is refused as unverified.", special;
    "channel.ingress.verify.before-reading", "A body that cannot be read is refused as unverified, and not called malformed, as long as it is not authentic.", before_reading;
    "channel.ingress.verify.no-secret", "Without the secret that verification rests on nothing is taken.", |b| without(b, None);
    "channel.ingress.verify.empty-secret", "With an empty secret nothing is taken, neither what is signed with it nor what is not signed.", |b| without(b, Some(Vec::new()));
    "channel.ingress.verify.handshake", "The platform's requests that make sure of the webhook are answered as it demands, and forged ones are refused.", handshake;
}

fn honest(bench: &Bench<'_>) -> Verdict {
    bench.talk()?.open().map(|_| ())
}

fn message(talk: &Talk<'_>) -> Result<Webhook, Stop> {
    let done = talk.compose(&ada(Action::Say("let me in".into())))?;
    let first = done.webhooks.into_iter().next();
    first.ok_or_else(|| Stop::failed("the platform does not tell the bot of a message"))
}

fn forged(bench: &Bench<'_>, name: &str) -> Verdict {
    let talk = bench.talk()?;
    let forgeries = talk.simulation.platform().forgeries();
    let wanted: Vec<_> = forgeries
        .into_iter()
        .filter(|signing| signing.name() == name)
        .collect();
    if wanted.is_empty() {
        return Err(Stop::absent("the platform's proof cannot tell this"));
    }
    let webhook = message(&talk)?;
    wanted
        .into_iter()
        .try_for_each(|signing| refused(&talk, &webhook, signing))
}

fn special(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let forgeries = talk.simulation.platform().forgeries();
    let special: Vec<_> = forgeries
        .into_iter()
        .filter(|signing| matches!(signing, Signing::Special(_)))
        .collect();
    if special.is_empty() {
        return Err(Stop::absent("the platform has none"));
    }
    let webhook = message(&talk)?;
    special
        .into_iter()
        .try_for_each(|signing| refused(&talk, &webhook, signing))
}

/// A forged webhook is `unverified`.
fn refused(talk: &Talk<'_>, webhook: &Webhook, signing: Signing) -> Verdict {
    match talk.post(webhook, signing)? {
        (401, Told::Refused(IngressError::Unverified(_))) => Ok(()),
        (_, told) => Err(Stop::Failed(format!(
            "a webhook signed so: {} ({signing:?}) was not refused as unverified: {told:?}",
            signing.name()
        ))),
    }
}

fn before_reading(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let mut webhook = message(&talk)?;
    webhook.body = b"{\"cut\":".to_vec();
    refused(&talk, &webhook, Signing::Missing)?;
    webhook.body.clear();
    refused(&talk, &webhook, Signing::Missing)
}

/// Incident 9: a secret that was missing let everybody in.
fn without(bench: &Bench<'_>, value: Option<Vec<u8>>) -> Verdict {
    let talk = bench.talk_as(|given, profile| {
        for (name, secret) in &mut given.secrets {
            if name == profile.verified_by {
                *secret = value;
                break;
            }
        }
    })?;
    if talk.simulation.profile().verified_by.is_empty() {
        return Err(Stop::absent(
            "verification does not rest on a secret of the channel",
        ));
    }
    let webhook = message(&talk)?;
    for signing in [
        Signing::Honest,
        Signing::Missing,
        Signing::Garbage,
        Signing::EmptyKey,
    ] {
        let (status, told) = talk.post(&webhook, signing)?;
        let refused = matches!(
            told,
            Told::Refused(IngressError::Unverified(_) | IngressError::Unavailable(_))
        );
        ensure(refused && matches!(status, 401 | 503), || {
            format!(
                "a webhook signed so: {} was taken: {told:?}",
                signing.name()
            )
        })?;
    }
    Ok(())
}

fn handshake(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let handshakes = talk.simulation.platform().handshakes();
    if handshakes.is_empty() {
        return Err(Stop::absent("the platform has none"));
    }
    for handshake in handshakes {
        let response = talk.simulation.post(&handshake.webhook, handshake.signing);
        let answer = String::from_utf8_lossy(&response.body).into_owned();
        let good = match &handshake.answer {
            Some(answer) => response.is_success() && response.body == *answer,
            None => matches!(response.status, 401 | 403),
        };
        ensure(good, || {
            format!(
                "{}: answered with {} and {answer:?}",
                handshake.name, response.status
            )
        })?;
        let events = talk
            .front
            .take()
            .into_iter()
            .any(|told| matches!(told, Told::Outcome(outcome) if !outcome.events.is_empty()));
        ensure(!events, || format!("{}: became an event", handshake.name))?;
    }
    Ok(())
}
