//! Reading a bundle from a file or a text.

use std::path::Path;

use greentic_diagnostics::{Diagnostic, Diagnostics, Report, Source, Span, yaml};

use crate::model::Bundle;
use crate::read;

/// A bundle that can be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The bundle.
    pub bundle: Bundle,
    /// Its text; every place in the bundle is a place in it.
    pub source: Source,
    /// What a person should look at.
    pub warnings: Diagnostics,
}

impl Loaded {
    /// An error at a place of the bundle, for stages after loading. Add `label`, `also` and `help` to it.
    #[must_use]
    pub fn error(&self, span: Span, code: &'static str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(&self.source, code, message).at(span)
    }

    /// A warning at a place of the bundle.
    #[must_use]
    pub fn warning(
        &self,
        span: Span,
        code: &'static str,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::warning(&self.source, code, message).at(span)
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
        let refuse = |reason: String, help: &str| {
            let source = Source::new(name.clone(), "");
            Diagnostics::from(Diagnostic::error(&source, "unreadable", reason).help(help))
        };
        let metadata = std::fs::metadata(path).map_err(|fault| {
            refuse(
                format!("the bundle cannot be read: {fault}"),
                "check the path after `--bundle`",
            )
        })?;
        let largest = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
        if !metadata.is_file() || metadata.len() > largest {
            return Err(refuse(
                format!("this is not a bundle: it must be a file of at most {largest} bytes"),
                "name the bundle's YAML file",
            ));
        }
        let bytes = std::fs::read(path).map_err(|fault| {
            refuse(
                format!("the bundle cannot be read: {fault}"),
                "check who may read the file",
            )
        })?;
        let text = String::from_utf8(bytes).map_err(|fault| {
            refuse(
                format!("the bundle is not UTF-8 text: {fault}"),
                "save it as UTF-8",
            )
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
        let failed = report.has_errors();
        let found = report.into_diagnostics();
        match bundle {
            Some(bundle) if !failed => Ok(Loaded {
                bundle,
                source: source.clone(),
                warnings: found,
            }),
            _ => Err(found),
        }
    }
}
