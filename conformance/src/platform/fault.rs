//! The fault script: what goes wrong at the platform, and at which of the bot's calls.

use std::time::Duration;

use super::Platform;
use super::call::{Answer, Call};

/// Trouble at the next calls that match.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Which calls.
    pub on: On,
    /// So many matching calls pass unharmed first.
    pub skip: u32,
    /// So many are harmed then.
    pub times: u32,
    /// How.
    pub trouble: Trouble,
}

impl Fault {
    /// Trouble at the next calls that send something a person would see.
    #[must_use]
    pub fn sends(times: u32, trouble: Trouble) -> Self {
        Self {
            on: On::Sends,
            skip: 0,
            times,
            trouble,
        }
    }

    /// The same after so many sends went well.
    #[must_use]
    pub fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }
}

/// Which calls a fault is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    /// Those that send something a person would see, by [`Platform::sends`].
    Sends,
    /// All.
    Any,
    /// Those of this method whose path has this in it.
    Path(String, String),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum Trouble {
    /// The platform refuses, in its own words.
    Refuse(Refusal),
    /// This is answered and nothing is done.
    Answer(Answer),
    /// The call is carried out after so long.
    Delay(Duration),
    /// The connection breaks before anything is done.
    DropBefore,
    /// The call is carried out, and the connection breaks before the answer.
    DropAfter,
}

/// A refusal that every platform has, each in its own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Too much; again after so long.
    RateLimited(Duration),
    /// This will never be sent: the person blocked the bot, the conversation is gone.
    Permanent,
    /// The platform is out of order: 5xx.
    Outage,
    /// The token is not taken.
    Unauthorised,
}

/// The faults that are still to come.
#[derive(Debug, Default)]
pub(super) struct Script(Vec<Fault>);

impl Script {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The trouble for this call, used up by it.
    pub(super) fn next(&mut self, platform: &dyn Platform, call: &Call) -> Option<Trouble> {
        let matches = |on: &On| match on {
            On::Sends => platform.sends(call),
            On::Any => true,
            On::Path(method, part) => call.method == *method && call.path.contains(part.as_str()),
        };
        let at = self.0.iter().position(|fault| matches(&fault.on))?;
        let fault = self.0.get_mut(at)?;
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let trouble = fault.trouble.clone();
        fault.times = fault.times.saturating_sub(1);
        if fault.times == 0 {
            self.0.remove(at);
        }
        Some(trouble)
    }
}
