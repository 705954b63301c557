//! Running other programs: the line is shown, the output is theirs, and a failure says which line failed.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context as _, bail};

/// Says what comes next.
pub fn step(what: &str) {
    eprintln!("\n\u{2500}\u{2500} {what}");
}

/// Cargo, the one that runs us.
pub fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Runs a command with our own streams.
///
/// # Errors
/// When it cannot be started or does not end with 0.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = line(command);
    eprintln!("   $ {line}");
    let status = command
        .status()
        .with_context(|| format!("`{line}` cannot be started"))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs a command and gives what it printed.
///
/// # Errors
/// When it cannot be started, does not end with 0, or printed something other than text.
pub fn capture(command: &mut Command) -> anyhow::Result<String> {
    let line = line(command);
    let output = command
        .output()
        .with_context(|| format!("`{line}` cannot be started"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        bail!("`{line}` failed ({}): {said}", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{line}` printed no text"))
}

/// A command as a person would type it in the folder it runs in.
fn line(command: &Command) -> String {
    let mut line = shown(command.get_program());
    for argument in command.get_args() {
        let _ = write!(line, " {}", shown(argument));
    }
    match command.get_current_dir() {
        Some(folder) => line.replace(&format!("{}/", folder.display()), ""),
        None => line,
    }
}

/// Programs by their name alone: where they lie is the machine's affair.
fn shown(part: &OsStr) -> String {
    let text = part.to_string_lossy();
    if text.ends_with("/cargo") {
        return "cargo".to_owned();
    }
    if text.contains(char::is_whitespace) {
        return format!("'{text}'");
    }
    text.into_owned()
}
