//! Adaptive Cards up to version 1.5 as a typed tree, for channels that draw them with what their platform has.
//!
//! Reading is tolerant, as the format asks: unknown properties are passed over, an element of an unknown type is replaced by its
//! `fallback` or left out, and so is one that the platform is not asked to show (`isVisible: false`). Facts about the format are from
//! its schema, <https://adaptivecards.io/schemas/1.5.0/adaptive-card.json>.

mod draw;
mod read;
#[cfg(test)]
mod tests;

pub use draw::{actions, images, inputs, lines};
pub use read::parse;

use serde_json::Value;

/// A card.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Card {
    /// What it shows, from top to bottom.
    pub body: Vec<Element>,
    /// Its own buttons.
    pub actions: Vec<Action>,
    /// What to show where cards cannot be shown.
    pub fallback_text: Option<String>,
}

/// Something a card shows.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    /// A text.
    Text(TextBlock),
    /// A picture.
    Image(Image),
    /// Pictures beside each other.
    Images(Vec<Image>),
    /// Pairs of a title and a value.
    Facts(Vec<(String, String)>),
    /// Elements that belong together; what a press on them does.
    Container(Vec<Element>, Option<Action>),
    /// Columns from left to right.
    Columns(Vec<Vec<Element>>),
    /// A table; whether its first row names the columns.
    Table {
        /// Rows, of cells, of elements.
        rows: Vec<Vec<Vec<Element>>>,
        /// Whether the first row names the columns.
        header: bool,
    },
    /// Sound or film: title and address.
    Media(String, String),
    /// Something to fill in.
    Input(Input),
    /// Buttons between other elements.
    Actions(Vec<Action>),
}

/// A text of a card. It is in Adaptive Cards' own small Markdown: emphasis, strong, links, lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextBlock {
    /// The text.
    pub text: String,
    /// Shown as a heading: style `heading`, or larger than the running text.
    pub heading: bool,
    /// Shown bold.
    pub bold: bool,
    /// Shown with less weight than the rest.
    pub subtle: bool,
}

/// A picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Where it is; `https` or `data`.
    pub url: String,
    /// What it shows, in words; may be empty.
    pub alt: String,
    /// What a press on it does.
    pub select: Option<Box<Action>>,
}

/// Something to fill in.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// Under which name the value comes back.
    pub id: String,
    /// What to ask for: `label`, else `placeholder`, else the id.
    pub label: String,
    /// What stands in it at first.
    pub value: Option<String>,
    /// What stands in the empty field, beside the label.
    pub placeholder: Option<String>,
    /// Must be filled in.
    pub required: bool,
    /// A regular expression, in JavaScript's form, that a text must match.
    pub pattern: Option<String>,
    /// The first day or time, or the smallest number, as the card writes it.
    pub min: Option<String>,
    /// The last day or time, or the largest number, as the card writes it.
    pub max: Option<String>,
    /// What to tell the person about a value that is not taken.
    pub error: Option<String>,
    /// What can be filled in.
    pub kind: InputKind,
}

/// What can be filled in.
#[derive(Clone, Debug, PartialEq)]
pub enum InputKind {
    /// A text.
    Text {
        /// Of several lines.
        multiline: bool,
        /// At most so many characters.
        max: Option<u64>,
        /// What the text is.
        style: TextStyle,
    },
    /// A number.
    Number {
        /// The smallest.
        min: Option<f64>,
        /// The largest.
        max: Option<f64>,
    },
    /// A day, as `2026-11-25`.
    Date,
    /// A time of day, as `18:30`.
    Time,
    /// Yes or no.
    Toggle {
        /// What it says.
        title: String,
        /// What comes back for yes.
        on: String,
        /// What comes back for no.
        off: String,
    },
    /// One or several of these.
    Choices {
        /// Title and value of each.
        choices: Vec<(String, String)>,
        /// Several may be chosen; their values come back with commas between.
        multi: bool,
        /// All are shown at once, rather than in a menu.
        expanded: bool,
    },
}

/// What a text that is filled in is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextStyle {
    /// Any text.
    #[default]
    Plain,
    /// An e-mail address.
    Email,
    /// An address on the web.
    Url,
    /// A telephone number.
    Tel,
    /// Not to be seen by others.
    Password,
}

/// A button.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// What it says; may be empty for something that is pressed itself.
    pub title: String,
    /// What pressing it does.
    pub kind: ActionKind,
    /// How it is to look.
    pub style: ActionStyle,
    /// What was filled in goes with it (`associatedInputs` is not `none`).
    pub inputs: bool,
}

/// How a button is to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActionStyle {
    /// Like every other.
    #[default]
    Default,
    /// The one to press.
    Positive,
    /// One to think about first.
    Destructive,
}

/// What pressing a button does.
#[derive(Clone, Debug, PartialEq)]
pub enum ActionKind {
    /// Sends the data and what was filled in.
    Submit(Value),
    /// The same, with a verb; the answer may be another card.
    Execute {
        /// What to do, as the flow names it.
        verb: Option<String>,
        /// The data.
        data: Value,
    },
    /// Leads to an address.
    OpenUrl(String),
    /// Opens another card below.
    ShowCard(Box<Card>),
    /// Shows or hides elements; a channel without cards has nothing to do for it.
    Toggle,
}

/// Why a text is no card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not an Adaptive Card: {}", self.0)
    }
}

impl std::error::Error for Unreadable {}
