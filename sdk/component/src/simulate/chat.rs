//! The chat itself: lines in, what is seen out.

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, Write as _};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use greentic_conformance::platform::{
    Act, Action, Author, CannotDo, Input, Place, Pressed, Shown, Simulation,
};

use super::draw;
use super::input::{self, HELP, Typed};

/// How often the screen is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Longest wait for an answer when the input is a pipe.
const PATIENCE: Duration = Duration::from_secs(20);

/// A person on a platform, at this terminal.
pub struct Chat {
    pub simulation: Simulation,
    pub user: String,
    /// The next line is read when nothing new has been seen for `quiet`.
    pub waits: bool,
    pub quiet: Duration,
}

/// What was printed already.
#[derive(Default)]
struct Printed {
    messages: HashMap<String, Shown>,
    typing: bool,
    dialogue: Option<String>,
    notices: usize,
    violations: usize,
}

/// Something with a number: the message or dialogue, and which button of it.
type Numbered = (String, usize);

struct Session {
    simulation: Simulation,
    user: String,
    place: Place,
    printed: Printed,
    numbered: Vec<Numbered>,
    lines: Receiver<String>,
}

impl Chat {
    /// Until the input ends.
    pub fn run(self) -> anyhow::Result<()> {
        let (into, lines) = channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                if into.send(line).is_err() {
                    break;
                }
            }
        });
        let mut session = Session {
            simulation: self.simulation,
            user: self.user,
            place: Place::Direct,
            printed: Printed::default(),
            numbered: Vec::new(),
            lines,
        };
        if !self.waits {
            println!("Type a message; :help says what else.");
        }
        loop {
            let line = match session.lines.recv_timeout(LOOK) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => {
                    session.show();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if self.waits {
                println!("> {line}");
            }
            let typed = input::read(&line, session.numbered.len());
            if typed == Typed::Quit {
                break;
            }
            session.does(typed);
            if self.waits {
                session.wait(self.quiet);
            }
        }
        session.show();
        Ok(())
    }
}

impl Session {
    /// Waits until something was seen and nothing new has been for so long.
    fn wait(&mut self, quiet: Duration) {
        let began = Instant::now();
        let mut last = Instant::now();
        let mut any = false;
        while began.elapsed() < PATIENCE {
            if self.show() {
                any = true;
                last = Instant::now();
            }
            let busy = self.printed.typing || !self.simulation.settle(Duration::ZERO);
            let enough = if any { quiet } else { quiet * 3 };
            if !busy && last.elapsed() >= enough {
                return;
            }
            std::thread::sleep(LOOK);
        }
    }

    fn does(&mut self, typed: Typed) {
        match typed {
            Typed::Nothing | Typed::Quit => {}
            Typed::Help => println!("{HELP}"),
            Typed::Group(name) => self.go(Place::Group(name)),
            Typed::Direct => self.go(Place::Direct),
            Typed::User(name) => {
                self.user = name;
                self.go(self.place.clone());
            }
            Typed::Acts(action) => self.act(action),
            Typed::Press(number) => self.press(number),
            Typed::Send(path, text) => match input::file(&path) {
                Ok(file) => self.act(Action::SendFile { file, text }),
                Err(error) => println!("! {error:#}"),
            },
            Typed::Reply(text) => self.about(&Author::Bot, |to| Action::Reply { to, text }),
            Typed::React(emoji) => self.about(&Author::Bot, |message| Action::React {
                message,
                emoji,
                added: true,
            }),
            Typed::Edit(text) => {
                let own = Author::Person(self.user.clone());
                self.about(&own, |message| Action::Edit { message, text });
            }
            Typed::Delete => {
                let own = Author::Person(self.user.clone());
                self.about(&own, |message| Action::Delete { message });
            }
        }
    }

    fn go(&mut self, place: Place) {
        match &place {
            Place::Direct => println!("-- {} and the bot alone", self.user),
            Place::Group(name) | Place::Channel(name) => println!("-- {} in {name}", self.user),
        }
        self.place = place;
        self.printed = Printed {
            violations: self.printed.violations,
            ..Printed::default()
        };
    }

    fn act(&mut self, action: Action) {
        let act = Act {
            user: self.user.clone(),
            place: self.place.clone(),
            action,
        };
        match self.simulation.act(&act) {
            Ok(_) => {}
            Err(CannotDo::NoSuchThing) => println!("! this platform has no such thing"),
            Err(CannotDo::NotNow(reason)) => println!("! {reason}"),
        }
    }

    /// Something about the newest message of an author.
    fn about(&mut self, author: &Author, action: impl FnOnce(String) -> Action) {
        let messages = self.simulation.screen(&self.place, &self.user).messages;
        let newest = messages
            .iter()
            .rfind(|shown| shown.author == *author && !shown.deleted);
        match newest {
            Some(shown) => self.act(action(shown.id.clone())),
            None => println!("! there is no such message"),
        }
    }

    fn press(&mut self, number: usize) {
        let Some((message, button)) = self.numbered.get(number - 1).cloned() else {
            return;
        };
        let screen = self.simulation.screen(&self.place, &self.user);
        let all = screen.messages.into_iter().chain(screen.dialogue);
        let Some(shown) = all.into_iter().find(|shown| shown.id == message) else {
            println!("! it is gone");
            return;
        };
        if let Some(Pressed::Opens(url)) = shown.buttons.get(button).map(|button| &button.does) {
            println!("-- opens {url}");
            return;
        }
        if shown.fields.is_empty() {
            self.act(Action::Press { message, button });
            return;
        }
        match self.ask(&shown) {
            Some(values) => self.act(Action::Submit {
                message,
                values,
                button,
            }),
            None => println!("! not sent"),
        }
    }

    /// Asks for each field of a form. `None` when the input ends before.
    fn ask(&mut self, shown: &Shown) -> Option<BTreeMap<String, String>> {
        let mut values = BTreeMap::new();
        for field in &shown.fields {
            print!("  {}", field.label);
            if let Input::Choice(choices) = &field.input {
                for (number, (_, title)) in (1..).zip(choices) {
                    print!("\n    {number}. {title}");
                }
            }
            print!("\n  ? ");
            // Where the terminal is gone there is nobody to ask.
            std::io::stdout().flush().ok()?;
            let line = self.lines.recv().ok()?;
            println!("{line}");
            let line = line.trim();
            let value = match &field.input {
                Input::Choice(choices) => choice(choices, line),
                Input::Toggle => ["y", "yes", "true", "1"]
                    .contains(&line.to_lowercase().as_str())
                    .to_string(),
                _ => line.to_owned(),
            };
            values.insert(field.id.clone(), value);
        }
        Some(values)
    }

    /// Prints what is new. True when something was.
    fn show(&mut self) -> bool {
        let screen = self.simulation.screen(&self.place, &self.user);
        let mut any = false;
        // Numbers go to the newest message of the bot that has buttons, and to an open dialogue.
        let newest = screen
            .messages
            .iter()
            .rev()
            .take_while(|shown| shown.author == Author::Bot)
            .filter(|shown| !shown.deleted && !shown.buttons.is_empty());
        let mut reach: Vec<&Shown> = newest.collect();
        reach.reverse();
        reach.extend(screen.dialogue.as_ref());
        let mut numbered = Vec::new();
        let mut first = HashMap::new();
        for shown in reach {
            first.insert(shown.id.clone(), numbered.len() + 1);
            numbered.extend((0..shown.buttons.len()).map(|at| (shown.id.clone(), at)));
        }
        for shown in &screen.messages {
            let before = self
                .printed
                .messages
                .insert(shown.id.clone(), shown.clone());
            if let Some(line) = line(before.as_ref(), shown, &self.user, first.get(&shown.id)) {
                println!("{line}");
                any = true;
            }
        }
        let dialogue = screen.dialogue.as_ref().map(|shown| shown.id.clone());
        if let Some(shown) = screen
            .dialogue
            .as_ref()
            .filter(|_| dialogue != self.printed.dialogue)
        {
            println!(
                "-- a dialogue opens\n{}",
                draw::message(shown, first.get(&shown.id).copied().unwrap_or(0))
            );
            any = true;
        }
        self.printed.dialogue = dialogue;
        if screen.typing && !self.printed.typing {
            println!("bot is typing…");
            any = true;
        }
        self.printed.typing = screen.typing;
        for notice in screen.notices.iter().skip(self.printed.notices) {
            println!("-- {notice}");
            any = true;
        }
        self.printed.notices = screen.notices.len();
        let violations = self.simulation.violations();
        for violation in violations.iter().skip(self.printed.violations) {
            println!(
                "! the bot must not do this: {}: {}",
                violation.name, violation.detail
            );
        }
        self.printed.violations = violations.len();
        self.numbered = numbered;
        any
    }
}

/// The value of a choice by its number, its title or itself.
fn choice(choices: &[(String, String)], typed: &str) -> String {
    let by_number = typed
        .parse::<usize>()
        .ok()
        .and_then(|number| choices.get(number.checked_sub(1)?));
    let named = || {
        choices
            .iter()
            .find(|(value, title)| title.eq_ignore_ascii_case(typed) || value == typed)
    };
    by_number
        .or_else(named)
        .map_or_else(|| typed.to_owned(), |(value, _)| value.clone())
}

/// What is to be printed of a message that was seen like `before`.
fn line(
    before: Option<&Shown>,
    shown: &Shown,
    user: &str,
    first: Option<&usize>,
) -> Option<String> {
    let first = first.copied().unwrap_or(0);
    let own = shown.author == Author::Person(user.to_owned());
    match before {
        // One's own lines stand there already.
        None if own || shown.deleted => None,
        None => Some(draw::message(shown, first)),
        Some(before) if before == shown => None,
        Some(_) if shown.deleted => Some(format!("-- gone: {}", shown.text)),
        Some(before) if before.reactions != shown.reactions => {
            let emoji: Vec<_> = shown
                .reactions
                .iter()
                .map(|(emoji, _)| emoji.as_str())
                .collect();
            Some(format!("-- on \"{}\": {}", shown.text, emoji.join(" ")))
        }
        Some(_) if own => None,
        Some(_) => Some(draw::message(shown, first)),
    }
}

#[cfg(test)]
mod tests {
    use super::{choice, line};
    use greentic_conformance::platform::{Author, Shown};

    #[test]
    fn a_choice_is_made_by_number_title_or_value() {
        let choices = [
            ("low".to_owned(), "It can wait".to_owned()),
            ("high".into(), "Now".into()),
        ];
        for (typed, value) in [
            ("2", "high"),
            ("now", "high"),
            ("low", "low"),
            ("3", "3"),
            ("0", "0"),
        ] {
            assert_eq!(choice(&choices, typed), value, "{typed}");
        }
    }

    #[test]
    fn only_what_is_new_is_printed() {
        let bot = Shown::new("m1", Author::Bot, "hello");
        let own = Shown::new("m2", Author::Person("ada".into()), "hi");
        assert_eq!(line(None, &bot, "ada", None).as_deref(), Some("bot: hello"));
        assert_eq!(line(Some(&bot), &bot, "ada", None), None);
        assert_eq!(line(None, &own, "ada", None), None);
        assert_eq!(line(None, &own, "bob", None).as_deref(), Some("ada: hi"));
        let liked = Shown {
            reactions: vec![("👍".into(), Author::Bot)],
            ..own.clone()
        };
        assert_eq!(
            line(Some(&own), &liked, "ada", None).as_deref(),
            Some("-- on \"hi\": 👍")
        );
        let gone = Shown {
            deleted: true,
            ..bot.clone()
        };
        assert_eq!(
            line(Some(&bot), &gone, "ada", None).as_deref(),
            Some("-- gone: hello")
        );
    }
}
