//! When the platform does not take a message: what happened is told apart, because what the host does next depends on it.

use std::time::Duration;

use greentic_interfaces::imports::greentic::channel::types::{DeliveryError, Receipt};
use greentic_interfaces::model::TextFormat;

use super::deliver::{long, whole};
use super::talk::{Bench, Talk, outbound, text};
use crate::case::{Stop, Verdict, ensure};
use crate::platform::{Fault, Refusal, Trouble};

crate::cases::cases! {
    "channel.trouble.rate-limited", "A platform's refusal for too much is `retry` with the platform's time, and nothing is sent.", rate_limited;
    "channel.trouble.rejected", "A refusal that stays is `rejected`, and nothing is sent.", rejected;
    "channel.trouble.outage", "A platform that is out of order gives `unknown` or `retry`, never `rejected` and never a receipt.", outage;
    "channel.trouble.broken", "A connection that breaks after the request went out is `unknown`: the message may have been sent.", |b| broken(b, Trouble::DropAfter);
    "channel.trouble.broken-before", "A connection that breaks without an answer is `unknown`, though nothing was sent: the channel cannot know.", |b| broken(b, Trouble::DropBefore);
    "channel.trouble.unreachable", "A platform that no connection reaches gives `retry`: surely nothing was sent.", unreachable;
    "channel.trouble.nonsense", "An answer that is not the platform's, such as a proxy's page with 200, is no receipt.", nonsense;
    "channel.trouble.parts", "When a later part of a long text is refused, the next attempt sends only what is missing.", parts;
    "channel.trouble.recovers", "After any trouble the next message is delivered as if nothing had been.", recovers;
}

fn attempt(talk: &Talk<'_>, trouble: Trouble) -> Result<Result<Receipt, DeliveryError>, Stop> {
    let (conversation, _) = talk.open()?;
    talk.simulation.fault(Fault::sends(1, trouble));
    talk.attempt(outbound(
        &conversation,
        text("did it arrive?", TextFormat::Plain),
    ))
}

fn rate_limited(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let refusal = Refusal::RateLimited(Duration::from_secs(7));
    let error = match attempt(&talk, Trouble::Refuse(refusal))? {
        Err(DeliveryError::Retry(retry)) => retry,
        other => {
            return Err(Stop::Failed(format!(
                "a refusal for too much came to {other:?}"
            )));
        }
    };
    ensure(talk.seen().is_empty(), || {
        "it was refused, and is seen".into()
    })?;
    if talk.simulation.profile().tells_retry_time {
        return ensure(error.after_ms == Some(7000), || {
            format!(
                "the platform asked for 7 s, and the channel for {:?} ms",
                error.after_ms
            )
        });
    }
    Ok(())
}

fn rejected(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let outcome = attempt(&talk, Trouble::Refuse(Refusal::Permanent))?;
    ensure(matches!(outcome, Err(DeliveryError::Rejected(_))), || {
        format!("a refusal that stays came to {outcome:?}")
    })
}

fn outage(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let outcome = attempt(&talk, Trouble::Refuse(Refusal::Outage))?;
    let good = matches!(
        outcome,
        Err(DeliveryError::Unknown(_) | DeliveryError::Retry(_))
    );
    ensure(good, || {
        format!("a platform out of order came to {outcome:?}")
    })
}

/// Incident 8: what may have been sent was called not sent, and was sent twice.
fn broken(bench: &Bench<'_>, trouble: Trouble) -> Verdict {
    let talk = bench.talk()?;
    let outcome = attempt(&talk, trouble)?;
    ensure(matches!(outcome, Err(DeliveryError::Unknown(_))), || {
        format!("a broken connection came to {outcome:?}")
    })
}

fn unreachable(bench: &Bench<'_>) -> Verdict {
    // Port 9 is reserved for what discards everything; nothing listens there on a machine of our time.
    let closed = "127.0.0.1:9";
    let talk = bench.talk_as(|given, profile| {
        for host in &profile.http {
            for (_, value) in &mut given.config {
                *value = value.replace(host.as_str(), closed);
            }
        }
        given.http = vec![closed.into()];
    })?;
    // The conversation by the platform's name: what ada says could itself need the platform.
    let conversation = talk.conversation(&crate::platform::Place::Direct, super::talk::ADA);
    let outcome = talk.attempt(outbound(
        &conversation,
        text("anybody there?", TextFormat::Plain),
    ))?;
    ensure(matches!(outcome, Err(DeliveryError::Retry(_))), || {
        format!("a platform that is not reached came to {outcome:?}")
    })
}

fn nonsense(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let page = b"<html><body>Please sign in to the hotel's network</body></html>".to_vec();
    let answer = crate::platform::Answer::of(200, "text/html", page);
    let outcome = attempt(&talk, Trouble::Answer(answer))?;
    ensure(outcome.is_err(), || {
        format!("a proxy's page came to {outcome:?}")
    })
}

fn parts(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let sent = long(talk.descriptor.limits.max_text, 5);
    let message = || outbound(&conversation, text(sent.clone(), TextFormat::Plain));
    let refusal = Refusal::RateLimited(Duration::from_secs(1));
    talk.simulation
        .fault(Fault::sends(1, Trouble::Refuse(refusal)).after(1));
    match talk.attempt_as("in-parts", 1, message())? {
        Ok(receipt) if receipt.message_ids.len() < 2 => {
            return Err(Stop::absent("the longest text is one message"));
        }
        Err(DeliveryError::Retry(_)) => {}
        other => {
            return Err(Stop::Failed(format!(
                "the second part was refused for too much, which came to {other:?}"
            )));
        }
    }
    let receipt = talk
        .attempt_as("in-parts", 2, message())?
        .map_err(|error| Stop::Failed(format!("the second attempt came to {error:?}")))?;
    let seen = talk.seen();
    whole(&sent, &seen)?;
    ensure(receipt.message_ids.len() == seen.len(), || {
        format!(
            "{} messages are seen, and the receipt names {:?}",
            seen.len(),
            receipt.message_ids
        )
    })
}

fn recovers(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    for trouble in [
        Trouble::Refuse(Refusal::Outage),
        Trouble::DropBefore,
        Trouble::Refuse(Refusal::RateLimited(Duration::from_secs(1))),
        Trouble::Refuse(Refusal::Permanent),
    ] {
        talk.simulation.fault(Fault::sends(1, trouble.clone()));
        let failed = talk.attempt(outbound(&conversation, text("lost", TextFormat::Plain)))?;
        ensure(failed.is_err(), || format!("{trouble:?} came to a receipt"))?;
        let after = format!("after {trouble:?}");
        talk.deliver(&conversation, text("here I am", TextFormat::Plain))
            .map_err(|stop| Stop::Failed(format!("{after}: {stop:?}")))?;
    }
    let seen: Vec<_> = talk.seen().into_iter().map(|shown| shown.text).collect();
    ensure(seen == ["here I am"; 4], || format!("seen is {seen:?}"))?;
    talk.clean()
}
