//! Lines on the terminal: coloured when it is one, plain when it is a file or `NO_COLOR` is set.

use std::io::{IsTerminal, Write as _};

/// A meaning with a colour.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mark {
    /// As it should be.
    Good,
    /// To be noticed.
    Warn,
    /// Wrong.
    Bad,
    /// A heading.
    Head,
}

/// Whether a stream shows colours.
pub(crate) fn colour(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// The text in the colour of its mark when `on`.
pub(crate) fn paint(on: bool, mark: Mark, text: &str) -> String {
    if !on {
        return text.to_owned();
    }
    let code = match mark {
        Mark::Good => "32",
        Mark::Warn => "33",
        Mark::Bad => "31",
        Mark::Head => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// A line for people who wait for the outcome. A reader that went away is no fault of the command.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A warning, which does not mix with output that is piped on.
pub(crate) fn warning(text: &str) {
    let stream = std::io::stderr();
    let head = paint(colour(&stream), Mark::Warn, "warning");
    let _ = writeln!(stream.lock(), "{head}: {text}");
}

/// Why a command failed.
pub(crate) fn error(text: &str) {
    let stream = std::io::stderr();
    let head = paint(colour(&stream), Mark::Bad, "error");
    let _ = writeln!(stream.lock(), "{head}: {text}");
}
