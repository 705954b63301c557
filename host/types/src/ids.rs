//! Identifiers an operator writes. They become subject tokens and key prefixes, so their alphabet is small: no dot, no slash,
//! no wildcard can ever stand in one, and none needs escaping later.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest identifier, in bytes.
pub const MAX_ID: usize = 64;

/// An identifier of the form `[a-z0-9][a-z0-9_-]*`, at most 64 bytes. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(Arc<str>);

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an identifier: {reason}")]
pub struct InvalidId {
    /// What was given, cut to 80 characters.
    pub text: String,
    /// The rule it breaks.
    pub reason: &'static str,
}

impl Id {
    /// Checks a text and keeps it.
    ///
    /// # Errors
    /// [`InvalidId`] with the rule that is broken.
    pub fn new(text: &str) -> Result<Self, InvalidId> {
        let reason = match text.as_bytes() {
            [] => "it is empty",
            bytes if bytes.len() > MAX_ID => "it is longer than 64 bytes",
            [first, ..] if !first.is_ascii_lowercase() && !first.is_ascii_digit() => {
                "it must begin with a lower-case letter or a digit"
            }
            bytes
                if !bytes.iter().all(|b| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-')
                }) =>
            {
                "only lower-case letters, digits, `_` and `-` may stand in it"
            }
            _ => return Ok(Self(Arc::from(text))),
        };
        Err(InvalidId {
            text: text.chars().take(80).collect(),
            reason,
        })
    }

    /// The identifier's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Id {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::new(&text)
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl std::str::FromStr for Id {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Self::new(text)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

impl std::borrow::Borrow<str> for Id {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Whose work something is. Made by the host from the bundle, never from what a component or a caller says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TenantCtx {
    /// The environment of the whole bundle.
    pub env_id: Id,
    /// The tenant.
    pub tenant_id: Id,
    /// The team, where one is meant.
    pub team_id: Option<Id>,
}

/// One channel of one team: the unit that has a URL, a flow and a conversation log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ChannelRef {
    /// The environment of the whole bundle.
    pub env: Id,
    /// The tenant.
    pub tenant: Id,
    /// The team.
    pub team: Id,
    /// The channel's name inside the team.
    pub channel: Id,
}

impl ChannelRef {
    /// The tenant context of work that comes through this channel.
    #[must_use]
    pub fn tenant_ctx(&self) -> TenantCtx {
        TenantCtx {
            env_id: self.env.clone(),
            tenant_id: self.tenant.clone(),
            team_id: Some(self.team.clone()),
        }
    }
}

impl fmt::Display for ChannelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.env, self.tenant, self.team, self.channel
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_that_could_change_a_subject_or_a_path_are_refused() {
        for good in ["a", "demo", "team-1", "7days", "a_b", &"x".repeat(64)] {
            assert!(Id::new(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "_a",
            "A",
            "a.b",
            "a/b",
            "a*",
            ">",
            "a b",
            "ä",
            "a\n",
            &"x".repeat(65),
        ] {
            assert!(Id::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_identifier_read_from_data_is_checked_like_any_other() {
        assert!(serde_json_like("\"demo\"").is_ok());
        assert!(serde_json_like("\"a.b\"").is_err());
    }

    fn serde_json_like(text: &str) -> Result<Id, InvalidId> {
        Id::try_from(text.trim_matches('"').to_owned())
    }
}
