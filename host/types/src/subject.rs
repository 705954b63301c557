//! Bus subjects. They are built once for each channel when a bundle is loaded and never on the path of a message.

use std::fmt;
use std::sync::Arc;

use crate::{ChannelRef, Id};

/// Which way messages on a subject travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From a platform towards a flow.
    Ingress,
    /// From a flow towards a platform.
    Egress,
}

impl Direction {
    /// The token that stands for it in a subject.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Egress => "egress",
        }
    }
}

/// `greentic.messaging.{ingress,egress}.{env}.{tenant}.{team}.{channel}`, or a filter over such.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Subject(Arc<str>);

impl Subject {
    /// The subject of one channel in one direction.
    #[must_use]
    pub fn of(direction: Direction, channel: &ChannelRef) -> Self {
        let ChannelRef {
            env,
            tenant,
            team,
            channel,
        } = channel;
        Self(
            format!(
                "greentic.messaging.{}.{env}.{tenant}.{team}.{channel}",
                direction.token()
            )
            .into(),
        )
    }

    /// The filter that matches every channel of an environment in one direction.
    #[must_use]
    pub fn all(direction: Direction, env: &Id) -> Self {
        Self(format!("greentic.messaging.{}.{env}.>", direction.token()).into())
    }

    /// Reads the channel back out of a subject made by [`Subject::of`]; `None` for anything else.
    #[must_use]
    pub fn parse(subject: &str) -> Option<(Direction, ChannelRef)> {
        let mut tokens = subject.split('.');
        if (tokens.next()?, tokens.next()?) != ("greentic", "messaging") {
            return None;
        }
        let direction = match tokens.next()? {
            "ingress" => Direction::Ingress,
            "egress" => Direction::Egress,
            _ => return None,
        };
        let mut id = || Id::new(tokens.next()?).ok();
        let channel = ChannelRef {
            env: id()?,
            tenant: id()?,
            team: id()?,
            channel: id()?,
        };
        tokens.next().is_none().then_some((direction, channel))
    }

    /// The subject's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel() -> ChannelRef {
        let id = |text| Id::new(text).expect("an identifier");
        ChannelRef {
            env: id("dev"),
            tenant: id("demo"),
            team: id("default"),
            channel: id("web"),
        }
    }

    #[test]
    fn a_subject_has_the_form_of_the_ecosystem_and_reads_back() {
        let subject = Subject::of(Direction::Ingress, &channel());
        assert_eq!(
            subject.as_str(),
            "greentic.messaging.ingress.dev.demo.default.web"
        );
        assert_eq!(
            Subject::parse(subject.as_str()),
            Some((Direction::Ingress, channel()))
        );
        assert_eq!(
            Subject::all(Direction::Egress, &channel().env).as_str(),
            "greentic.messaging.egress.dev.>"
        );
    }

    #[test]
    fn what_is_no_subject_of_a_channel_is_not_read_as_one() {
        for text in [
            "",
            "greentic.messaging.ingress.dev.demo.default",
            "greentic.messaging.ingress.dev.demo.default.web.x",
            "greentic.messaging.both.dev.demo.default.web",
            "greentic.messaging.ingress.dev.*.default.web",
        ] {
            assert_eq!(Subject::parse(text), None, "{text}");
        }
    }
}
