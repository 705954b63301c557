//! Changing what was said: edits, deletions, reactions; and what only one person may see.

use greentic_interfaces::imports::greentic::channel::types::{Capabilities, Receipt};
use greentic_interfaces::model::{Conversation, Edit, OutboundBody, Reaction, TextFormat};

use super::talk::{ADA, Bench, Talk, absent_with, outbound, text};
use crate::case::{Stop, Verdict, ensure};
use crate::platform::{Act, Action, Author, Place};

crate::cases::cases! {
    "channel.deliver.edit", "A message of the bot is changed in place, or the new text is sent and the receipt says so.", edit;
    "channel.deliver.delete", "A message of the bot is gone, or the receipt says that it is not.", delete;
    "channel.deliver.reaction", "A reaction of the bot is seen on the message and can be taken away, or the receipt says what was done.", reaction;
    "channel.deliver.ephemeral", "What is for one person is seen by that person only; a channel that cannot do that does not show it to others, or says that it did.", ephemeral;
}

/// Delivers a text, and gives the identifier of its message.
fn said(talk: &Talk<'_>, conversation: &Conversation) -> Result<String, Stop> {
    let receipt = talk.deliver(conversation, text("first words", TextFormat::Plain))?;
    let first = receipt.message_ids.into_iter().next();
    first.ok_or_else(|| Stop::failed("a receipt has no identifier"))
}

fn edit(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let message_id = said(&talk, &conversation)?;
    let edit = Edit {
        message_id: message_id.clone(),
        text: "better words".into(),
    };
    let receipt = talk.deliver(&conversation, OutboundBody::Edit(edit))?;
    let seen = talk.seen();
    talk.clean()?;
    if talk.declares(Capabilities::EDIT) {
        let changed: Vec<_> = seen
            .iter()
            .map(|shown| (shown.id.as_str(), shown.text.as_str()))
            .collect();
        return ensure(changed == [(message_id.as_str(), "better words")], || {
            format!("`{message_id}` was changed to \"better words\", and seen is {changed:?}")
        });
    }
    talk.shows(&["better words"])?;
    Err(absent_with(&receipt, &["edit"]))
}

fn delete(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, _) = talk.open()?;
    let message = said(&talk, &conversation)?;
    let receipt = talk.deliver(&conversation, OutboundBody::Delete(message.clone()))?;
    let seen = talk.seen();
    talk.clean()?;
    if talk.declares(Capabilities::DELETE) {
        return ensure(seen.is_empty(), || {
            format!("`{message}` was deleted, and seen is {seen:?}")
        });
    }
    ensure(seen.iter().any(|shown| shown.id == message), || {
        "`delete` is not declared, and the message is gone".into()
    })?;
    Err(absent_with(&receipt, &["delete"]))
}

fn reaction(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (conversation, message) = talk.open()?;
    let reactions = || -> Vec<String> {
        let screen = talk.simulation.screen(&Place::Direct, ADA);
        let shown = screen
            .messages
            .into_iter()
            .find(|shown| shown.id == message);
        let reactions = shown.map(|shown| shown.reactions).unwrap_or_default();
        let ours = reactions
            .into_iter()
            .filter(|(_, author)| *author == Author::Bot);
        ours.map(|(emoji, _)| emoji).collect()
    };
    let react = |added| -> Result<Receipt, Stop> {
        let reaction = Reaction {
            message_id: message.clone(),
            emoji: "👍".into(),
            added,
        };
        talk.deliver(&conversation, OutboundBody::Reaction(reaction))
    };
    let receipt = react(true)?;
    talk.clean()?;
    if !talk.declares(Capabilities::REACTIONS_OUT) {
        ensure(reactions().is_empty(), || {
            "`reactions-out` is not declared, and there is one".into()
        })?;
        return Err(absent_with(&receipt, &["reactions-out"]));
    }
    ensure(reactions().len() == 1, || {
        format!("after 👍 there are {:?}", reactions())
    })?;
    react(false)?;
    ensure(reactions().is_empty(), || {
        format!("after it was taken away there are {:?}", reactions())
    })?;
    talk.clean()
}

fn ephemeral(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let place = Place::Group("everyone".into());
    let say = |user: &str| Act {
        user: user.into(),
        place: place.clone(),
        action: Action::Say("hello all".into()),
    };
    talk.one(&say("bob"))?;
    let (done, event) = talk.one(&say(ADA))?;
    if done.conversation.direct {
        return Err(Stop::absent("the platform has no groups"));
    }
    let mut message = outbound(
        &event.conversation,
        text("for your eyes", TextFormat::Plain),
    );
    message.only_for = Some(event.sender.id.clone());
    let sent = talk.attempt(message)?;
    let sees = |user: &str| {
        let seen = talk.seen_in(&place, user);
        seen.iter()
            .any(|shown| shown.text.contains("for your eyes"))
    };
    talk.clean()?;
    if talk.declares(Capabilities::EPHEMERAL) {
        ensure(sent.is_ok(), || format!("delivering came to {sent:?}"))?;
        return ensure(sees(ADA) && !sees("bob"), || {
            format!("ada sees it: {}; bob sees it: {}", sees(ADA), sees("bob"))
        });
    }
    match sent {
        Err(_) => {
            ensure(!sees("bob"), || "it was rejected, and bob sees it".into())?;
            Err(Stop::absent("it is rejected"))
        }
        Ok(receipt) => Err(absent_with(&receipt, &["ephemeral"])),
    }
}
