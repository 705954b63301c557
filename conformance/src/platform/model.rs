//! What a person on a messaging platform does and sees, the same for all platforms.

use std::collections::BTreeMap;

/// One thing a person does.
#[derive(Debug, Clone, PartialEq)]
pub struct Act {
    /// Who: a name of the case's choosing, such as `ada`. The platform gives each name an identifier of its own.
    pub user: String,
    /// Where.
    pub place: Place,
    /// What.
    pub action: Action,
}

/// Where a person and the bot meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Alone with the bot.
    Direct,
    /// In a group of this name. Where the platform's bots only hear what is addressed to them, the platform addresses it.
    Group(String),
    /// In a channel of this name, for platforms that tell channels from groups.
    Channel(String),
}

/// What a person does. A message is named by the identifier the platform gave it.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Writes a message.
    Say(String),
    /// Answers a message: in its thread where the platform has threads, otherwise with a quote.
    Reply {
        /// The message that is answered.
        to: String,
        /// What is written.
        text: String,
    },
    /// Presses a button of a message, counted from 0 in the order of [`Shown::buttons`]. A suggested answer is a button too.
    Press {
        /// The message that has the button.
        message: String,
        /// Which one.
        button: usize,
    },
    /// Fills the fields of a message's form, or of the open dialogue when `message` is the dialogue's identifier, and sends it with a button.
    Submit {
        /// The message or dialogue that has the form.
        message: String,
        /// Values by the fields' identifiers.
        values: BTreeMap<String, String>,
        /// Which button, as in [`Action::Press`].
        button: usize,
    },
    /// Sends a file.
    SendFile {
        /// What is sent.
        file: File,
        /// What is written beside it; may be empty.
        text: String,
    },
    /// Runs a command such as `/start now`.
    Command {
        /// Without the slash.
        name: String,
        /// The rest of the line.
        arguments: String,
    },
    /// Changes a message of their own.
    Edit {
        /// Which.
        message: String,
        /// The new text.
        text: String,
    },
    /// Deletes a message of their own.
    Delete {
        /// Which.
        message: String,
    },
    /// Sets a reaction or takes it away.
    React {
        /// On which message.
        message: String,
        /// A Unicode emoji.
        emoji: String,
        /// True when set.
        added: bool,
    },
    /// Reads what is there, for platforms that tell the bot.
    Read {
        /// Up to which message.
        message: String,
    },
    /// Comes into the place.
    Join,
    /// Leaves it.
    Leave,
}

/// Why something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CannotDo {
    /// The platform has no such thing.
    NoSuchThing,
    /// The platform has it and it is not possible here: no such message, no such button.
    NotNow(String),
}

/// What came of an act.
#[derive(Debug, Clone)]
pub struct Done {
    /// The identifier of the message that came to be or that the act was about.
    pub message: Option<String>,
    /// Where it happened, by the platform's identifiers.
    pub conversation: Conversation,
    /// The platform's identifier of the person.
    pub sender: String,
    /// What the platform tells the bot, in order; not sent yet.
    pub webhooks: Vec<super::Webhook>,
}

/// A conversation by the platform's identifiers, as a channel names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The platform's identifier.
    pub id: String,
    /// The thread or topic inside it.
    pub thread: Option<String>,
    /// One person and the bot, rather than several.
    pub direct: bool,
}

/// What a person sees in a place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Screen {
    /// The messages, oldest first; deleted ones stay with `deleted` set.
    pub messages: Vec<Shown>,
    /// The bot is shown to be typing.
    pub typing: bool,
    /// Commands offered, with their descriptions.
    pub commands: Vec<(String, String)>,
    /// A dialogue that is open before the person.
    pub dialogue: Option<Shown>,
    /// What the platform said in passing: a notice after a button was pressed, an error that a command timed out.
    pub notices: Vec<String>,
}

/// Whose message it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The bot.
    Bot,
    /// The person of this name.
    Person(String),
}

/// One message as a person sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown {
    /// The platform's identifier.
    pub id: String,
    /// Whose it is.
    pub author: Author,
    /// The text as shown, without marks of formatting; a card's texts line by line.
    pub text: String,
    /// The parts of the text that are shown in a style, in order.
    pub styles: Vec<(Style, String)>,
    /// What can be pressed, in order; suggested answers too.
    pub buttons: Vec<Button>,
    /// The fields of a form.
    pub fields: Vec<Field>,
    /// It is shown as a card by the platform's own means, rather than as text.
    pub card: bool,
    /// Files.
    pub files: Vec<File>,
    /// The message it answers.
    pub reply_to: Option<String>,
    /// The thread or topic it stands in.
    pub thread: Option<String>,
    /// Its text was changed.
    pub edited: bool,
    /// It was deleted.
    pub deleted: bool,
    /// Emoji, and who set it.
    pub reactions: Vec<(String, Author)>,
    /// The one person who sees it.
    pub only_for: Option<String>,
}

impl Shown {
    /// A plain message.
    #[must_use]
    pub fn new(id: impl Into<String>, author: Author, text: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            author,
            text: text.into(),
            styles: Vec::new(),
            buttons: Vec::new(),
            fields: Vec::new(),
            card: false,
            files: Vec::new(),
            reply_to: None,
            thread: None,
            edited: false,
            deleted: false,
            reactions: Vec::new(),
            only_for: None,
        }
    }
}

/// How a part of a text is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Style {
    /// Bold.
    Strong,
    /// Italic.
    Emphasis,
    /// Struck through.
    Struck,
    /// Fixed width, in a line or as a block.
    Code,
    /// A link to this address.
    Link(String),
    /// Quoted.
    Quote,
}

/// Something to press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What it says.
    pub title: String,
    /// What happens.
    pub does: Pressed,
}

/// What happens when a button is pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pressed {
    /// The bot is told.
    Tells,
    /// The person is shown as having said it.
    Says,
    /// An address is opened and the bot hears nothing.
    Opens(String),
}

/// A field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// By which the form's values are named.
    pub id: String,
    /// What the person reads beside it.
    pub label: String,
    /// What can be put in.
    pub input: Input,
    /// The form cannot be sent without it.
    pub required: bool,
}

/// What can be put into a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A date, `2026-11-25`.
    Date,
    /// A time of day, `14:30`.
    Time,
    /// Yes or no: `true`, `false`.
    Toggle,
    /// One of these values, each with what it says.
    Choice(Vec<(String, String)>),
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}
