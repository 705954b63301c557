//! Reading a bundle from a file or a text.

use std::path::{Path, PathBuf};

use greentic_diagnostics::{Diagnostic, Diagnostics, Report, Source, Span};

use crate::include;
use crate::model::Bundle;
use crate::read;

/// A bundle that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The bundle.
    pub bundle: Bundle,
    /// Its text.
    pub source: Source,
    /// The texts of the files it includes; a place in the bundle is a place in one of all these.
    pub included: Vec<Source>,
    /// The files it includes, and the folders in which more of them may appear.
    pub watched: Vec<PathBuf>,
    /// What a person should look at.
    pub warnings: Diagnostics,
}

impl Loaded {
    /// The text a place is in.
    fn source_of(&self, span: Span) -> &Source {
        let included = usize::try_from(span.file)
            .ok()
            .and_then(|file| self.included.get(file.checked_sub(1)?));
        included.unwrap_or(&self.source)
    }

    /// An error at a place of the bundle, for stages after loading. Add `label`, `also` and `help` to it.
    #[must_use]
    pub fn error(&self, span: Span, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(self.source_of(span), code, message).at(span)
    }

    /// A warning at a place of the bundle.
    #[must_use]
    pub fn warning(
        &self,
        span: Span,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::warning(self.source_of(span), code, message).at(span)
    }
}

impl Bundle {
    /// Reads the file; `lookup` gives the value of an environment variable.
    ///
    /// # Errors
    /// All faults of the file, or that it cannot be read.
    pub fn load(
        path: &Path,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Loaded, Diagnostics> {
        let name = path.display().to_string();
        let text = include::text(path, "bundle").map_err(|(reason, help)| {
            let source = Source::new(name.clone(), "");
            Diagnostics::from(Diagnostic::error(&source, "unreadable", reason).help(help))
        })?;
        let base_dir = path
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Self::parse(&Source::new(name, text), base_dir, lookup)
    }

    /// Reads a text; relative paths in it are resolved against `base_dir`.
    ///
    /// # Errors
    /// All faults of the text, warnings among them.
    pub fn parse(
        source: &Source,
        base_dir: &Path,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Loaded, Diagnostics> {
        let report = Report::new(source);
        let bundle = read::bundle(&report, base_dir, &lookup);
        let Some(mut bundle) = bundle.filter(|_| !report.has_errors()) else {
            return Err(report.into_diagnostics());
        };
        let mut found = Diagnostics::new();
        let included = include::read(&report, &mut bundle, &lookup, &mut found);
        let mut all = report.into_diagnostics();
        all.append(found);
        if all.has_errors() {
            return Err(all);
        }
        Ok(Loaded {
            bundle,
            source: source.clone(),
            included: included.sources,
            watched: included.watched,
            warnings: all,
        })
    }
}
