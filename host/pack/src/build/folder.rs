//! Building from a folder: `pack.yaml`, `components/*.wasm`, `flows/*.ygtc` and `assets/` unless it says otherwise.
//!
//! Only names and contents count: order of directory entries, times, modes and owners leave no trace in the pack.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use greentic_diagnostics::{Diagnostic, Diagnostics, Report, Source, Span, Spanned};
use semver::Version;

use super::source::{ComponentLine, PackSource, read};
use super::{BuildError, Built, ComponentSource, PackBuilder};
use crate::limits::Limits;
use crate::manifest::{Requests, is_component_name};
use crate::pack::read_bounded;
use crate::path::check_path;

/// What a caller of [`build_dir`] may set.
#[derive(Debug, Clone, Default)]
pub struct BuildOptions {
    /// Files to take for components instead of those the folder names, by component: what a build system has just made.
    pub component_files: BTreeMap<String, PathBuf>,
}

/// Builds the pack of a folder, unsigned.
///
/// # Errors
/// [`BuildError::Faults`] with everything that is wrong in the folder, or [`BuildError::Refused`].
pub fn build_dir(dir: &Path, options: &BuildOptions) -> Result<Built, BuildError> {
    let path = dir.join("pack.yaml");
    let shown = path.display().to_string();
    let text = read_text(&path).map_err(|reason| {
        let source = Source::new(&shown, "");
        let fault = Diagnostic::error(&source, "unreadable", format!("cannot be read: {reason}"));
        BuildError::Faults(
            fault
                .help("`greentic-pack new DIR` makes a folder with one")
                .into(),
        )
    })?;
    let source = Source::new(shown, text);
    let report = Report::new(&source);
    let read = read(&report);
    let Some(pack) = read else {
        return Err(BuildError::Faults(report.into_diagnostics()));
    };
    let mut folder = Folder {
        dir,
        options,
        report: &report,
        builder: PackBuilder::new(pack.id.clone(), pack.version.clone(), pack.kind),
        flow_faults: Diagnostics::new(),
    };
    folder.fill(pack);
    let Folder {
        builder,
        flow_faults,
        ..
    } = folder;
    let mut all = report.into_diagnostics();
    all.append(flow_faults);
    // Flows are compiled even when the folder has faults, so that theirs are told in the same run.
    let flows = match builder.compile_flows() {
        Ok(flows) if !all.has_errors() => flows,
        Ok(_) => return Err(BuildError::Faults(all)),
        Err(faults) => {
            all.append(faults);
            return Err(BuildError::Faults(all));
        }
    };
    let mut built = builder.assemble(flows)?;
    all.append(std::mem::take(&mut built.warnings));
    Ok(Built {
        warnings: all,
        ..built
    })
}

struct Folder<'a> {
    dir: &'a Path,
    options: &'a BuildOptions,
    report: &'a Report,
    builder: PackBuilder,
    flow_faults: Diagnostics,
}

impl Folder<'_> {
    fn fill(&mut self, pack: PackSource) {
        if let Some(name) = pack.name {
            self.builder.name(name);
        }
        self.builder
            .description(pack.description.unwrap_or_default());
        self.builder.publisher(pack.publisher.unwrap_or_default());
        for (id, range) in pack.dependencies {
            self.builder.dependency(id, range);
        }
        for secret in pack.secrets {
            self.builder.secret(secret);
        }
        self.components(pack.components, &pack.version);
        self.flows(pack.flows);
        self.assets(pack.assets);
    }

    fn components(&mut self, named: Option<Vec<ComponentLine>>, version: &Version) {
        let found = self.files_in("components", "wasm");
        let lines = match named {
            Some(lines) => {
                for file in &found {
                    self.unnamed(file, &lines);
                }
                lines
            }
            None => found
                .iter()
                .filter_map(|file| self.default_line(file))
                .collect(),
        };
        for name in self.options.component_files.keys() {
            if !lines.iter().any(|line| line.name.value == *name) {
                self.fault(
                    "unknown-component",
                    format!("a file was given for `{name}`, which is no component of this pack"),
                );
            }
        }
        for line in lines {
            self.component(line, version);
        }
    }

    /// A component in the folder that `pack.yaml` does not name is more likely forgotten than meant to stay at home.
    fn unnamed(&self, file: &str, lines: &[ComponentLine]) {
        let own = |line: &ComponentLine| match &line.file {
            Some(named) => Path::new(&named.value) == Path::new(file),
            None => format!("components/{}.wasm", line.name.value) == file,
        };
        let stem = Path::new(file)
            .file_stem()
            .and_then(|stem| stem.to_str())
            .unwrap_or_default();
        if !lines.iter().any(own) && !self.options.component_files.contains_key(stem) {
            self.report
                .push(Diagnostic::error(
                    self.report.source(),
                    "unnamed-component",
                    format!("`{file}` is not named under `components`"),
                ))
                .help("name it, or take the file away");
        }
    }

    fn default_line(&self, file: &str) -> Option<ComponentLine> {
        let stem = Path::new(file).file_stem()?.to_str()?;
        if !is_component_name(stem) {
            self.fault(
                "bad-name",
                format!(
                    "`{file}` does not have the name of a component: small letters, digits and `-`"
                ),
            );
            return None;
        }
        let nowhere = self.report.source().span(0..0);
        Some(ComponentLine {
            name: Spanned::new(stem.to_owned(), nowhere),
            file: None,
            version: None,
            requests: Requests::default(),
            config_schema: None,
        })
    }

    fn component(&mut self, line: ComponentLine, version: &Version) {
        let name = line.name.value;
        let default = || self.dir.join(format!("components/{name}.wasm"));
        let (path, span) = match (self.options.component_files.get(&name), &line.file) {
            (Some(given), _) => (given.clone(), line.name.span),
            (None, Some(file)) => (self.dir.join(&file.value), file.span),
            (None, None) => (default(), line.name.span),
        };
        let schema = line.config_schema.and_then(|file| self.schema(&file));
        let bytes = match read_bounded(&path, &Limits::default()) {
            Ok(bytes) => Bytes::from(bytes),
            Err(refusal) => {
                self.report
                    .error(
                        span,
                        "missing-component",
                        format!("{}: {refusal}", path.display()),
                    )
                    .help("build the component first, or correct its path");
                return;
            }
        };
        let source = ComponentSource {
            version: line.version.unwrap_or_else(|| version.clone()),
            requests: line.requests,
            config_schema: schema,
            ..ComponentSource::new(name, version.clone(), bytes)
        };
        if let Err(error) = self.builder.component(source) {
            self.report
                .error(span, "bad-component", format!("{} {error}", path.display()));
        }
    }

    fn schema(&self, file: &Spanned<String>) -> Option<serde_json::Value> {
        let read = self
            .inside(file)
            .and_then(|path| read_text(&path))
            .and_then(|text| {
                serde_json::from_str::<serde_json::Value>(&text).map_err(|error| error.to_string())
            });
        match read {
            Ok(schema) if schema.is_object() => Some(schema),
            Ok(_) => {
                self.report
                    .error(file.span, "bad-schema", "a JSON Schema is an object");
                None
            }
            Err(reason) => {
                self.report.error(
                    file.span,
                    "bad-schema",
                    format!("`{}`: {reason}", file.value),
                );
                None
            }
        }
    }

    fn flows(&mut self, named: Option<Vec<Spanned<String>>>) {
        let files = match named {
            Some(files) => files
                .into_iter()
                .map(|file| (file.value, Some(file.span)))
                .collect(),
            None => self
                .files_in("flows", "ygtc")
                .into_iter()
                .map(|file| (file, None))
                .collect::<Vec<_>>(),
        };
        for (file, span) in files {
            let spanned = Spanned::new(
                file.clone(),
                span.unwrap_or_else(|| self.report.source().span(0..0)),
            );
            let text = match self.inside(&spanned).and_then(|path| read_text(&path)) {
                Ok(text) => text,
                Err(reason) => {
                    self.fault_at(span, "missing-flow", format!("`{file}`: {reason}"));
                    continue;
                }
            };
            let source = Source::new(self.dir.join(&file).display().to_string(), text);
            let base = file.rsplit('/').next().unwrap_or(&file).to_owned();
            if let Err(faults) = self.builder.flow(&base, source) {
                self.flow_faults.append(faults);
            }
        }
    }

    fn assets(&mut self, named: Option<Vec<Spanned<String>>>) {
        let roots = named.unwrap_or_else(|| {
            let there = self.dir.join("assets").is_dir();
            let default = Spanned::new("assets".to_owned(), self.report.source().span(0..0));
            Vec::from_iter(there.then_some(default))
        });
        for root in roots {
            let listed = self
                .inside(&root)
                .and_then(|path| walk(&path, root.value.trim_end_matches('/')));
            let files = match listed {
                Ok(files) => files,
                Err(reason) => {
                    self.report.error(root.span, "bad-asset", reason);
                    continue;
                }
            };
            for (path, file) in files {
                let path = path.strip_prefix("assets/").unwrap_or(&path).to_owned();
                if let Err(refusal) = check_path(format!("assets/{path}").as_bytes()) {
                    self.report
                        .error(root.span, "bad-asset", format!("`{path}` {refusal}"))
                        .help(refusal.remedy());
                    continue;
                }
                match read_bounded(&file, &Limits::default()) {
                    Ok(bytes) => {
                        self.builder.asset(&path, bytes);
                    }
                    Err(refusal) => {
                        self.report
                            .error(root.span, "bad-asset", format!("`{path}` {refusal}"));
                    }
                }
            }
        }
    }

    /// The files of a folder with an extension, in order; none when there is no such folder.
    fn files_in(&self, folder: &str, extension: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.join(folder))
            .into_iter()
            .flatten()
            .flatten();
        let mut files: Vec<String> = entries
            .filter(|entry| {
                entry
                    .path()
                    .extension()
                    .is_some_and(|found| found == extension)
            })
            .map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy()))
            .collect();
        files.sort();
        files
    }

    /// The path of a file that must lie in the pack's folder.
    fn inside(&self, file: &Spanned<String>) -> Result<PathBuf, String> {
        let path = Path::new(&file.value);
        if path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
        {
            Ok(self.dir.join(path))
        } else {
            Err(format!(
                "`{}` leads out of the pack's folder; copy the file into it",
                file.value
            ))
        }
    }

    fn fault(&self, code: &'static str, message: String) {
        self.fault_at(None, code, message);
    }

    fn fault_at(&self, span: Option<Span>, code: &'static str, message: String) {
        match span {
            Some(span) => self.report.error(span, code, message),
            None => self
                .report
                .push(Diagnostic::error(self.report.source(), code, message)),
        };
    }
}

/// The regular files at or under a path, each with its path in the pack. Links are refused, not followed: what they
/// point to may be another thing on another machine.
fn walk(path: &Path, shown: &str) -> Result<Vec<(String, PathBuf)>, String> {
    let kind = path
        .symlink_metadata()
        .map_err(|error| format!("`{shown}`: {error}"))?
        .file_type();
    if kind.is_file() {
        return Ok(vec![(shown.to_owned(), path.to_owned())]);
    }
    if !kind.is_dir() {
        return Err(format!(
            "`{shown}` is not a regular file; put the file itself there"
        ));
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| format!("`{shown}`: {error}"))? {
        let entry = entry.map_err(|error| format!("`{shown}`: {error}"))?;
        let name = entry.file_name();
        let name = name
            .to_str()
            .ok_or_else(|| format!("`{shown}` has a file whose name is not text"))?;
        files.extend(walk(&entry.path(), &format!("{shown}/{name}"))?);
    }
    Ok(files)
}

fn read_text(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}
