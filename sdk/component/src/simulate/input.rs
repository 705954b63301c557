//! What a typed line means.

use greentic_conformance::platform::{Action, File};

/// What is to be done.
#[derive(Debug, PartialEq)]
pub enum Typed {
    /// Nothing.
    Nothing,
    /// The person does something.
    Acts(Action),
    /// The person presses what has this number.
    Press(usize),
    /// The person answers the newest message of the bot.
    Reply(String),
    /// The person changes, or deletes, their newest message.
    Edit(String),
    Delete,
    /// The person reacts to the newest message of the bot.
    React(String),
    /// The person sends a file of this machine, with a text.
    Send(String, String),
    /// The person goes to a group, or back to the bot alone.
    Group(String),
    Direct,
    /// Another person writes.
    User(String),
    Help,
    Quit,
}

/// What can be typed.
pub const HELP: &str = "\
  any text          say it                   :reply TEXT       answer the bot's last message
  7                 press the button [7]     :edit TEXT        change your last message
  /order two        run a command            :delete           delete it
  :file PATH TEXT   send a file              :react 👍         react to the bot's last message
  :group NAME       go to a group            :direct           back to the bot alone
  :user NAME        be somebody else         :quit             end (or Ctrl-D)
  ' 7               the text after the quote, whatever it looks like";

/// Reads a line. Numbers are buttons while `buttons` are there.
pub fn read(line: &str, buttons: usize) -> Typed {
    let line = line.trim();
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let rest = rest.trim().to_owned();
    if let Some(text) = line.strip_prefix('\'') {
        return Typed::Acts(Action::Say(text.trim_start().into()));
    }
    if let Ok(number) = line.parse::<usize>()
        && (1..=buttons).contains(&number)
    {
        return Typed::Press(number);
    }
    match word {
        "" => Typed::Nothing,
        ":reply" => Typed::Reply(rest),
        ":edit" => Typed::Edit(rest),
        ":delete" => Typed::Delete,
        ":react" => Typed::React(rest),
        ":file" => {
            let (path, text) = rest.split_once(' ').unwrap_or((rest.as_str(), ""));
            Typed::Send(path.into(), text.into())
        }
        ":group" => Typed::Group(rest),
        ":direct" => Typed::Direct,
        ":user" => Typed::User(rest),
        ":help" => Typed::Help,
        ":quit" => Typed::Quit,
        _ => match word.strip_prefix('/').filter(|name| !name.is_empty()) {
            Some(name) => Typed::Acts(Action::Command {
                name: name.into(),
                arguments: rest,
            }),
            None => Typed::Acts(Action::Say(line.into())),
        },
    }
}

/// A file of this machine.
pub fn file(path: &str) -> anyhow::Result<File> {
    use anyhow::Context as _;
    let path = std::path::Path::new(path);
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let content_type = match ending.as_ref() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "pdf" => "application/pdf",
        "txt" | "md" => "text/plain",
        "mp3" => "audio/mpeg",
        "mp4" => "video/mp4",
        _ => "application/octet-stream",
    };
    Ok(File {
        name: path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
        content_type: content_type.into(),
        bytes,
    })
}

#[cfg(test)]
mod tests {
    use super::{Typed, read};
    use greentic_conformance::platform::Action;

    #[test]
    fn a_line_is_a_text_a_number_a_command_or_something_to_do() {
        let say = |text: &str| Typed::Acts(Action::Say(text.into()));
        let cases = [
            ("hello there ", 0, say("hello there")),
            ("2", 3, Typed::Press(2)),
            ("4", 3, say("4")),
            ("0", 3, say("0")),
            ("' 2", 3, say("2")),
            ("", 3, Typed::Nothing),
            (
                "/order two pizzas",
                0,
                Typed::Acts(Action::Command {
                    name: "order".into(),
                    arguments: "two pizzas".into(),
                }),
            ),
            ("/", 0, say("/")),
            (":reply yes", 0, Typed::Reply("yes".into())),
            (
                ":file a.png look",
                0,
                Typed::Send("a.png".into(), "look".into()),
            ),
            (":quit", 0, Typed::Quit),
            (":-)", 0, say(":-)")),
        ];
        for (line, buttons, expected) in cases {
            assert_eq!(read(line, buttons), expected, "{line:?}");
        }
    }
}
