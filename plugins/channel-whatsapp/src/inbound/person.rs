//! Who wrote, and in which conversation.
//!
//! A business-scoped user id (`user_id`) names a person for good; a phone number (`wa_id`) can be changed and, since people have
//! usernames, can be missing from one message and be there in the next. So the first is the identity where there is one.

use greentic_sdk::model::{Conversation, ConversationKind, Participant};

use crate::limits::{ID_BYTES, NAME_BYTES};
use crate::notification::Contact;

/// The identifiers by which a message or status names a person.
#[derive(Clone, Copy, Default)]
pub struct Named<'a> {
    /// Phone number.
    pub wa_id: Option<&'a str>,
    /// Business-scoped user id.
    pub user_id: Option<&'a str>,
}

/// A person, as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub struct Person {
    /// As the model has them.
    pub participant: Participant,
    /// Phone number.
    pub wa_id: Option<String>,
}

/// Puts together what the message and the contacts of its change say.
///
/// # Errors
/// When nobody is named, or by an identifier the host does not take.
pub fn find(named: Named<'_>, contacts: &[Contact]) -> Result<Person, String> {
    let wa_id = present(named.wa_id);
    let user_id = present(named.user_id);
    let contact = contacts
        .iter()
        .find(|contact| {
            user_id.is_some() && present(contact.user_id.as_deref()) == user_id
                || wa_id.is_some() && present(contact.wa_id.as_deref()) == wa_id
        })
        // Somebody without a number is named in the contacts only, and in some countries a number is written otherwise there than
        // in the message (Brazil's and Mexico's further digits).
        .or_else(|| contacts.first().filter(|_| contacts.len() == 1));
    let wa_id = wa_id.or_else(|| contact.and_then(|contact| present(contact.wa_id.as_deref())));
    let user_id = user_id.or_else(|| {
        contact.and_then(|contact| {
            present(contact.user_id.as_deref())
                .or_else(|| present(contact.parent_user_id.as_deref()))
        })
    });
    let id = user_id
        .or(wa_id)
        .ok_or_else(|| "it names nobody".to_owned())?;
    let name = contact.and_then(|contact| {
        present(contact.profile.name.as_deref())
            .or_else(|| present(contact.profile.username.as_deref()))
    });
    Ok(Person {
        participant: Participant {
            id: identifier(id)?,
            name: name.map(|name| shortened(name, NAME_BYTES)),
            locale: None,
            is_bot: false,
        },
        wa_id: wa_id.map(identifier).transpose()?,
    })
}

/// The conversation with that person, or the group.
///
/// # Errors
/// When the group's identifier is one the host does not take.
pub fn conversation(person: &Person, group: Option<&str>) -> Result<Conversation, String> {
    match present(group) {
        None => Ok(Conversation::direct(person.participant.id.clone())),
        Some(group) => Ok(Conversation {
            id: identifier(group)?,
            thread: None,
            kind: ConversationKind::Group,
        }),
    }
}

fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// An identifier the host takes.
///
/// # Errors
/// When it is empty or too long.
pub fn identifier(id: &str) -> Result<String, String> {
    if (1..=ID_BYTES).contains(&id.len()) {
        Ok(id.to_owned())
    } else {
        Err(format!(
            "an identifier of {} bytes; 1 to {ID_BYTES} are possible",
            id.len()
        ))
    }
}

/// A text cut to so many bytes, at a character.
pub fn shortened(text: &str, bytes: usize) -> String {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::Profile;

    fn contact(wa_id: Option<&str>, user_id: Option<&str>, name: &str) -> Contact {
        Contact {
            wa_id: wa_id.map(str::to_owned),
            user_id: user_id.map(str::to_owned),
            parent_user_id: None,
            profile: Profile {
                name: Some(name.to_owned()),
                username: None,
            },
        }
    }

    fn named<'a>(wa_id: Option<&'a str>, user_id: Option<&'a str>) -> Named<'a> {
        Named { wa_id, user_id }
    }

    #[test]
    fn the_business_scoped_id_is_the_identity_and_the_number_where_there_is_none() {
        let both = contact(Some("4179"), Some("CH.1"), "Ada");
        let other = contact(Some("4178"), Some("CH.2"), "Bob");
        let hidden = contact(None, Some("CH.3"), "Eve");
        let plain = contact(Some("4177"), None, "Old");
        let contacts = [both, other, hidden, plain];
        for (who, id, wa_id, name) in [
            (named(Some("4179"), None), "CH.1", Some("4179"), Some("Ada")),
            (
                named(Some("4178"), Some("CH.2")),
                "CH.2",
                Some("4178"),
                Some("Bob"),
            ),
            (named(None, Some("CH.3")), "CH.3", None, Some("Eve")),
            (named(None, Some("CH.1")), "CH.1", Some("4179"), Some("Ada")),
            (named(Some("4177"), None), "4177", Some("4177"), Some("Old")),
            (named(Some("4100"), None), "4100", Some("4100"), None),
            (named(Some("4100"), Some("")), "4100", Some("4100"), None),
        ] {
            let person = find(who, &contacts).unwrap();
            assert_eq!(
                (
                    person.participant.id.as_str(),
                    person.wa_id.as_deref(),
                    person.participant.name.as_deref()
                ),
                (id, wa_id, name)
            );
        }
        assert!(
            find(Named::default(), &contacts).is_err(),
            "one of four is not nobody's"
        );
        let written = [contact(Some("525512345678"), Some("MX.1"), "Luz")];
        let person = find(named(Some("5215512345678"), None), &written).unwrap();
        assert_eq!(
            person.participant.id, "MX.1",
            "another way to write the number"
        );
        let alone = [contact(None, Some("CH.9"), "Only")];
        assert_eq!(
            find(Named::default(), &alone).unwrap().participant.id,
            "CH.9"
        );
    }

    #[test]
    fn a_username_stands_in_for_a_missing_name_and_long_names_are_cut_at_a_character() {
        let mut hidden = contact(None, Some("CH.1"), "");
        hidden.profile.username = Some("ada".into());
        let person = find(named(None, Some("CH.1")), &[hidden]).unwrap();
        assert_eq!(person.participant.name.as_deref(), Some("ada"));
        let long = contact(None, Some("CH.1"), &"ä".repeat(400));
        let person = find(named(None, Some("CH.1")), &[long]).unwrap();
        assert_eq!(person.participant.name.unwrap().len(), NAME_BYTES);
    }

    #[test]
    fn an_identifier_the_host_would_refuse_is_refused_here() {
        assert!(find(named(Some(&"1".repeat(ID_BYTES + 1)), None), &[]).is_err());
        let person = find(named(Some("1"), None), &[]).unwrap();
        assert_eq!(
            conversation(&person, Some("g")).unwrap().kind,
            ConversationKind::Group
        );
        assert_eq!(conversation(&person, Some("")).unwrap().id, "1");
        assert!(conversation(&person, Some(&"g".repeat(ID_BYTES + 1))).is_err());
    }
}
