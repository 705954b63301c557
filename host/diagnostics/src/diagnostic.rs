//! One report: what is wrong, where, and what to do.

use std::fmt;

use serde::Serialize;
use serde::ser::SerializeStruct;

use crate::{Source, Span};

/// Whether the input is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The input is refused.
    Error,
    /// The input is accepted; a person should look at it.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// A second place that belongs to a report, such as the first of two equal keys.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Related {
    /// Where, in the same source.
    pub span: Span,
    /// What is there.
    pub label: String,
}

/// One fault. `Display` is the one-line form `file:line:col: error[code]: message`.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// A stable short name such as `unknown-key`, for tools.
    pub code: &'static str,
    /// What is wrong, in one line.
    pub message: String,
    /// The text it was found in.
    pub source: Source,
    /// The place; `None` when it is about the whole text.
    pub span: Option<Span>,
    /// A few words beside the underlined place.
    pub label: Option<String>,
    /// Other places that belong to it.
    pub related: Vec<Related>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error about the whole source.
    pub fn error(source: &Source, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            message: message.into(),
            source: source.clone(),
            span: None,
            label: None,
            related: Vec::new(),
            help: None,
        }
    }

    /// A warning about the whole source.
    pub fn warning(source: &Source, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(source, code, message)
        }
    }

    /// Sets the place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Sets the words beside the place.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// Adds a second place.
    #[must_use]
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push(Related {
            span,
            label: label.into(),
        });
        self
    }

    /// Sets the remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Draws it: the one-line head, the source line with the place underlined, the help. `colour` adds ANSI colours.
    /// Without the feature `render` it is the one-line form and the help.
    #[must_use]
    pub fn render(&self, colour: bool) -> String {
        #[cfg(feature = "render")]
        return crate::render::draw(self, colour);
        #[cfg(not(feature = "render"))]
        {
            let _ = colour;
            match &self.help {
                Some(help) => format!("{self}\n  help: {help}"),
                None => self.to_string(),
            }
        }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.span.map(|span| span.start);
        match at {
            Some(at) => write!(f, "{}:{}:{}: ", self.source.name(), at.line, at.column)?,
            None => write!(f, "{}: ", self.source.name())?,
        }
        write!(f, "{}[{}]: {}", self.severity, self.code, self.message)
    }
}

impl std::error::Error for Diagnostic {}

impl Serialize for Diagnostic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Diagnostic", 8)?;
        out.serialize_field("severity", &self.severity)?;
        out.serialize_field("code", self.code)?;
        out.serialize_field("message", &self.message)?;
        out.serialize_field("file", self.source.name())?;
        out.serialize_field("span", &self.span)?;
        out.serialize_field("label", &self.label)?;
        out.serialize_field("related", &self.related)?;
        out.serialize_field("help", &self.help)?;
        out.end()
    }
}
