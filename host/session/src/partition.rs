//! Names of partitions. The host builds them from tenant and channel before a store sees anything, so no component can reach
//! another tenant's; what comes from a platform is escaped, so no id can climb out of its place.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use greentic_types::{ChannelRef, Id};

/// The name of a partition of the store. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Partition(Arc<str>);

impl Partition {
    /// The session of a conversation on a channel; in groups each participant has one.
    #[must_use]
    pub fn session(
        channel: &ChannelRef,
        conversation: &str,
        thread: Option<&str>,
        participant: Option<&str>,
    ) -> Self {
        let mut name = start(channel, "session");
        push(&mut name, conversation);
        push(&mut name, thread.unwrap_or_default());
        push(&mut name, participant.unwrap_or_default());
        Self(name.into())
    }

    /// The log of a conversation on a channel.
    #[must_use]
    pub fn log(channel: &ChannelRef, conversation: &str) -> Self {
        let mut name = start(channel, "log");
        push(&mut name, conversation);
        Self(name.into())
    }

    /// Receipts of what was delivered to a conversation.
    #[must_use]
    pub fn receipts(channel: &ChannelRef, conversation: &str) -> Self {
        let mut name = start(channel, "receipts");
        push(&mut name, conversation);
        Self(name.into())
    }

    /// What a channel keeps between calls under one name. Each name has a partition of its own: nothing is changed together, and a
    /// store that spreads partitions over machines spreads them too.
    #[must_use]
    pub fn memory(channel: &ChannelRef, name: &str) -> Self {
        let mut partition = start(channel, "memory");
        push(&mut partition, name);
        Self(partition.into())
    }

    /// State of a team: of everybody, or of one user or conversation of one channel (`owner`).
    #[must_use]
    pub fn state(env: &Id, tenant: &Id, team: &Id, scope: &str, owner: &str) -> Self {
        let mut name = format!("{env}/{tenant}/{team}//state");
        push(&mut name, scope);
        push(&mut name, owner);
        Self(name.into())
    }

    /// Dead letters of a tenant.
    #[must_use]
    pub fn dead_letters(env: &Id, tenant: &Id) -> Self {
        Self(format!("{env}/{tenant}///dead-letters").into())
    }

    /// Alarms of all conversations of an environment, so that what is due is found by one look.
    #[must_use]
    pub fn alarms(env: &Id) -> Self {
        Self(format!("{env}////alarms").into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, shared.
    #[must_use]
    pub fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn start(channel: &ChannelRef, kind: &str) -> String {
    let ChannelRef {
        env,
        tenant,
        team,
        channel,
    } = channel;
    let mut name = String::with_capacity(128);
    for part in [
        env.as_str(),
        tenant.as_str(),
        team.as_str(),
        channel.as_str(),
    ] {
        name.push_str(part);
        name.push('/');
    }
    name.push_str(kind);
    name
}

/// Appends a part whose text is not ours: `/`, `%` and control characters are percent-encoded.
fn push(name: &mut String, part: &str) {
    name.push('/');
    if !part
        .bytes()
        .any(|byte| matches!(byte, b'/' | b'%') || byte.is_ascii_control())
    {
        name.push_str(part);
        return;
    }
    for character in part.chars() {
        if matches!(character, '/' | '%') || character.is_ascii_control() {
            // Writing to a string cannot fail.
            let _ = write!(name, "%{:02X}", u32::from(character));
        } else {
            name.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(tenant: &str) -> ChannelRef {
        let id = |text| Id::new(text).expect("an identifier");
        ChannelRef {
            env: id("dev"),
            tenant: id(tenant),
            team: id("t"),
            channel: id("web"),
        }
    }

    #[test]
    fn no_platform_id_can_name_another_partition() {
        let honest = Partition::session(&channel("a"), "c", Some("t"), Some("u"));
        assert_eq!(honest.as_str(), "dev/a/t/web/session/c/t/u");
        for (conversation, thread, user) in [
            ("c/t", None, Some("u")),
            ("c", Some("t/u"), None),
            ("c/t/u", None, None),
            ("../x", Some("t"), Some("u")),
            ("c%2Ft", None, Some("u")),
        ] {
            assert_ne!(
                Partition::session(&channel("a"), conversation, thread, user),
                honest
            );
        }
        assert_ne!(
            Partition::session(&channel("a"), "c/t", None, None),
            Partition::session(&channel("a"), "c%2Ft", None, None),
            "an escaped id and an id that looks escaped must differ"
        );
    }

    #[test]
    fn tenants_never_share_a_partition() {
        assert_ne!(
            Partition::log(&channel("a"), "c"),
            Partition::log(&channel("b"), "c")
        );
        let id = |text| Id::new(text).expect("an identifier");
        assert_ne!(
            Partition::state(&id("dev"), &id("a"), &id("t"), "team", ""),
            Partition::state(&id("dev"), &id("b"), &id("t"), "team", "")
        );
    }
}
