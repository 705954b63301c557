//! What people do beside writing: it arrives as the event the contract has for it.

use greentic_interfaces::imports::greentic::channel::types::{Capabilities, Request, Surface};
use greentic_interfaces::model::{Attachment, DeliveryState, Event, EventBody, TextFormat};
use greentic_sandbox::scope::CallScope;

use super::talk::{ADA, Bench, Talk, ada, text};
use crate::case::{Stop, Verdict, ensure};
use crate::platform::{Act, Action, File, Place};

crate::cases::cases! {
    "channel.events.thread", "A message in a thread, or one that answers another, says so in `thread` or `reply-to`.", thread;
    "channel.events.command", "A command arrives with its name and its arguments.", command;
    "channel.events.attachment", "A file arrives with its name and type, and its bytes can be fetched from the address the event gives.", attachment;
    "channel.events.edited", "A person's change of a message arrives with the message's identifier and the new text.", edited;
    "channel.events.deleted", "A person's deletion of a message arrives with the message's identifier.", deleted;
    "channel.events.reaction", "A reaction that is set, and one that is taken away, arrive with the message they belong to.", reaction;
    "channel.events.joined", "Who comes and who leaves arrives with the participants.", joined;
    "channel.events.delivery-status", "What the platform says of a message's way arrives with the identifier that the receipt gave.", delivery_status;
}

fn odd<T>(event: &Event, expected: &str) -> Result<T, Stop> {
    Err(Stop::Failed(format!("{expected} became {:?}", event.body)))
}

fn thread(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (_, first) = talk.open()?;
    let reply = Action::Reply {
        to: first.clone(),
        text: "in answer".into(),
    };
    let (done, event) = talk.one(&ada(reply))?;
    ensure(
        event.conversation.thread == done.conversation.thread,
        || {
            format!(
                "the thread is {:?} and not {:?}",
                event.conversation.thread, done.conversation.thread
            )
        },
    )?;
    let told = event.conversation.thread.is_some() || event.reply_to.as_ref() == Some(&first);
    ensure(told, || {
        format!(
            "an answer to `{first}` has neither a thread nor that `reply-to`: {:?}",
            event.reply_to
        )
    })?;
    match &event.body {
        EventBody::Message(message) if message.text == "in answer" => Ok(()),
        _ => odd(&event, "an answer"),
    }
}

fn command(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let declared = talk.declares(Capabilities::COMMANDS);
    let act = ada(Action::Command {
        name: "order".into(),
        arguments: "two pizzas".into(),
    });
    let (_, event) = talk.one(&act)?;
    match &event.body {
        EventBody::Command(command) => {
            ensure(declared, || {
                "`commands` is not declared, and a command arrived as one".into()
            })?;
            ensure(
                (command.name.as_str(), command.arguments.as_str()) == ("order", "two pizzas"),
                || format!("`/order two pizzas` arrived as {command:?}"),
            )
        }
        EventBody::Message(_) if !declared => Err(Stop::absent("it arrives as a message")),
        _ => odd(&event, "a command"),
    }
}

fn attachment(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    talk.open()?;
    let file = File {
        name: "order.pdf".into(),
        content_type: "application/pdf".into(),
        bytes: b"%PDF-1.4 not a long one".to_vec(),
    };
    let act = ada(Action::SendFile {
        file: file.clone(),
        text: "the order".into(),
    });
    let (_, event) = talk.one(&act)?;
    let EventBody::Message(message) = &event.body else {
        return odd(&event, "a file");
    };
    let declared = talk.declares(Capabilities::ATTACHMENTS_IN);
    let attachment = match message.attachments.as_slice() {
        [] if !declared => return Err(Stop::absent("files are left out")),
        [attachment] => attachment,
        other => {
            return Err(Stop::Failed(format!(
                "one file became {} attachments",
                other.len()
            )));
        }
    };
    ensure(declared, || {
        "`attachments-in` is not declared, and a file arrived".into()
    })?;
    ensure(
        attachment.name == file.name && attachment.content_type == file.content_type,
        || {
            format!(
                "`order.pdf` of application/pdf arrived as `{}` of {}",
                attachment.name, attachment.content_type
            )
        },
    )?;
    let bytes = fetched(&talk, attachment)?;
    ensure(bytes == file.bytes, || {
        format!(
            "{} bytes were sent, and {} other bytes fetched",
            file.bytes.len(),
            bytes.len()
        )
    })?;
    ensure(message.text == "the order", || {
        format!("beside the file stands {:?}", message.text)
    })
}

/// The bytes of an attachment: those it has with it, or what the channel serves at its address.
fn fetched(talk: &Talk<'_>, attachment: &Attachment) -> Result<Vec<u8>, Stop> {
    let (url, content) = (&attachment.url, &attachment.content);
    let url = match (url, content) {
        (None, Some(content)) => return Ok(content.clone()),
        (Some(url), None) => url,
        _ => {
            return Err(Stop::failed(
                "an attachment has both bytes and an address, or neither",
            ));
        }
    };
    let api = format!("{}{}", talk.front.origin(), talk.front.api());
    let Some(rest) = url.strip_prefix(&api) else {
        return Err(Stop::Failed(format!(
            "the address {url} does not lead to this channel's surface `api` ({api}): who fetches it would need the platform's token"
        )));
    };
    let (path, query) = rest
        .split_once('?')
        .map_or((rest, None), |(path, query)| (path, Some(query.to_owned())));
    let request = Request {
        surface: Surface::Api,
        method: "GET".into(),
        origin: talk.front.origin().into(),
        base: talk.front.api().into(),
        path: path.into(),
        query,
        headers: Vec::new(),
        body: Vec::new(),
    };
    let answer = talk
        .wait(talk.client.ingress(CallScope::default(), request))
        .map_err(|fault| Stop::Failed(fault.to_string()))?
        .map_err(|error| Stop::Failed(format!("{url} was refused: {error:?}")))?;
    ensure(answer.response.status == 200, || {
        format!("{url} was answered with {}", answer.response.status)
    })?;
    Ok(answer.response.body)
}

fn edited(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (_, message) = talk.open()?;
    let act = ada(Action::Edit {
        message: message.clone(),
        text: "good evening".into(),
    });
    let (_, event) = talk.one(&act)?;
    match &event.body {
        EventBody::Edited(edit) => ensure(
            edit.message_id == message && edit.text == "good evening",
            || format!("the change of `{message}` to \"good evening\" arrived as {edit:?}"),
        ),
        _ => odd(&event, "a change"),
    }
}

fn deleted(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let (_, message) = talk.open()?;
    let act = ada(Action::Delete {
        message: message.clone(),
    });
    let (_, event) = talk.one(&act)?;
    match &event.body {
        EventBody::Deleted(id) => ensure(*id == message, || {
            format!("`{message}` was deleted, and `{id}` arrived")
        }),
        _ => odd(&event, "a deletion"),
    }
}

fn reaction(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let declared = talk.declares(Capabilities::REACTIONS_IN);
    let (conversation, _) = talk.open()?;
    let receipt = talk.deliver(&conversation, text("like it?", TextFormat::Plain))?;
    talk.settled()?;
    let message = receipt.message_ids.first().cloned().unwrap_or_default();
    for added in [true, false] {
        let act = ada(Action::React {
            message: message.clone(),
            emoji: "👍".into(),
            added,
        });
        let (_, events) = talk.act(&act)?;
        if !declared {
            ensure(events.is_empty(), || {
                "`reactions-in` is not declared, and one arrived".into()
            })?;
            continue;
        }
        let [event] = events.as_slice() else {
            return Err(Stop::Failed(format!(
                "a reaction became {} events",
                events.len()
            )));
        };
        let EventBody::Reaction(reaction) = &event.body else {
            return odd(event, "a reaction");
        };
        let named = reaction.emoji.starts_with('👍') || reaction.emoji.is_ascii();
        ensure(
            reaction.message_id == message && reaction.added == added && named,
            || format!("👍 on `{message}` (set: {added}) arrived as {reaction:?}"),
        )?;
    }
    if declared {
        Ok(())
    } else {
        Err(Stop::absent("they are left out"))
    }
}

fn joined(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    for action in [Action::Join, Action::Leave] {
        let act = Act {
            user: ADA.into(),
            place: Place::Group("everyone".into()),
            action: action.clone(),
        };
        let (done, event) = talk.one(&act)?;
        let who = match (&event.body, &action) {
            (EventBody::Joined(who), Action::Join) | (EventBody::Left(who), Action::Leave) => who,
            _ => return odd(&event, "a coming or leaving"),
        };
        ensure(who.iter().any(|person| person.id == done.sender), || {
            format!("`{}` is not among {who:?}", done.sender)
        })?;
    }
    Ok(())
}

fn delivery_status(bench: &Bench<'_>) -> Verdict {
    let talk = bench.talk()?;
    let declared = talk.declares(Capabilities::DELIVERY_STATUS);
    let (conversation, _) = talk.open()?;
    let receipt = talk.deliver(&conversation, text("on its way", TextFormat::Plain))?;
    let mut events = talk.settled()?;
    let message = receipt.message_ids.first().cloned().unwrap_or_default();
    match talk.act(&ada(Action::Read {
        message: message.clone(),
    })) {
        Err(Stop::Absent(_)) => {}
        other => events.extend(other?.1),
    }
    let states: Vec<_> = events
        .iter()
        .filter_map(|event| match &event.body {
            EventBody::DeliveryStatus(status) => Some(status),
            _ => None,
        })
        .collect();
    if !declared {
        ensure(states.is_empty(), || {
            "`delivery-status` is not declared, and one arrived".into()
        })?;
        return Err(Stop::absent("the platform's word is left out"));
    }
    for status in &states {
        ensure(receipt.message_ids.contains(&status.message_id), || {
            format!(
                "a status of `{}` arrived, and sent was `{message}`",
                status.message_id
            )
        })?;
    }
    let read = states
        .iter()
        .any(|status| matches!(status.state, DeliveryState::Read | DeliveryState::Delivered));
    ensure(read, || {
        format!("neither delivered nor read arrived: {states:?}")
    })
}
