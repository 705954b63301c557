//! The ways of being wrong.

use greentic_sdk::config;

/// Each is a mistake that real channels make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The signature is checked over the beginning of the body only.
    AcceptsAltered,
    /// The signature is compared with the beginning of the right one.
    AcceptsTruncated,
    /// An empty secret is a secret.
    TakesEmptySecret,
    /// Of a list of messages the first is read.
    FirstOfBatch,
    /// The dedupe key is made from the text.
    KeyFromText,
    /// What cannot be read is refused with 400, and sent again by the platform.
    RefusesMalformed,
    /// What is of an unknown kind is called malformed.
    UnknownIsMalformed,
    /// The platform's time to wait is dropped.
    SwallowsRetryAfter,
    /// A broken connection is tried again, and the message may be there twice.
    BrokenIsRetry,
    /// A later attempt begins again with the first part.
    RepeatsParts,
    /// Long texts are cut.
    CutsLongText,
    /// What the platform lacks is left out without a word.
    SilentDowngrade,
    /// Typing is declared, and nothing is shown.
    ClaimsTyping,
    /// The platform's answer is not looked at.
    BelievesAnything,
}

impl Fault {
    fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

/// Whether this channel is wrong in this way.
pub fn is(fault: Fault) -> bool {
    config::get("fault").is_ok_and(|name| name == Some(fault.name()))
}
