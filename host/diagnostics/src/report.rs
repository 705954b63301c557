//! Where faults of one source are gathered while it is read.
//!
//! Shared by reference with interior mutability, so that readers of nested tables can all report to it at once.

use std::cell::RefCell;

use crate::{Diagnostic, Diagnostics, Source, Span};

/// Gathers the faults of one source.
#[derive(Debug)]
pub struct Report {
    source: Source,
    found: RefCell<Diagnostics>,
}

impl Report {
    /// An empty report about `source`.
    #[must_use]
    pub fn new(source: &Source) -> Self {
        Self {
            source: source.clone(),
            found: RefCell::default(),
        }
    }

    /// The text it is about.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Reports an error at a place; add a label, a help or a second place to what comes back.
    pub fn error(&self, span: Span, code: &'static str, message: impl Into<String>) -> Note<'_> {
        self.push(Diagnostic::error(&self.source, code, message).at(span))
    }

    /// Reports a warning at a place.
    pub fn warning(&self, span: Span, code: &'static str, message: impl Into<String>) -> Note<'_> {
        self.push(Diagnostic::warning(&self.source, code, message).at(span))
    }

    /// Adds a finished diagnostic.
    pub fn push(&self, diagnostic: Diagnostic) -> Note<'_> {
        let mut found = self.found.borrow_mut();
        found.push(diagnostic);
        Note {
            report: self,
            index: found.len() - 1,
        }
    }

    /// How many were found until now; the difference of two says whether a part was clean.
    #[must_use]
    pub fn count(&self) -> usize {
        self.found.borrow().len()
    }

    /// Whether an error was found until now.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.found.borrow().has_errors()
    }

    /// All that was found, sorted.
    #[must_use]
    pub fn into_diagnostics(self) -> Diagnostics {
        let mut found = self.found.into_inner();
        found.sort();
        found
    }
}

/// A fault just reported, to be completed.
#[derive(Debug)]
pub struct Note<'r> {
    report: &'r Report,
    index: usize,
}

impl Note<'_> {
    /// Sets the remedy.
    pub fn help(self, help: impl Into<String>) -> Self {
        self.change(|one| one.help = Some(help.into()))
    }

    /// Sets the words beside the place.
    pub fn label(self, label: impl Into<String>) -> Self {
        self.change(|one| one.label = Some(label.into()))
    }

    /// Adds a second place.
    pub fn also(self, span: Span, label: impl Into<String>) -> Self {
        self.change(|one| {
            one.related.push(crate::Related {
                span,
                label: label.into(),
            })
        })
    }

    fn change(self, change: impl FnOnce(&mut Diagnostic)) -> Self {
        if let Some(one) = self.report.found.borrow_mut().get_mut(self.index) {
            change(one);
        }
        self
    }
}
