//! Files of tenants that a bundle includes.
//!
//! They say who is bound to what and nothing about what may be touched: plugins, grants and limits stand in the bundle itself. So
//! whoever may write a tenant's file can never widen what the host grants.

use std::path::{Path, PathBuf};

use greentic_diagnostics::{Diagnostic, Diagnostics, Report, Source, Span, Spanned, yaml};

use crate::model::Bundle;
use crate::read::{self, Aliases};

/// What was included.
#[derive(Default)]
pub(crate) struct Included {
    pub sources: Vec<Source>,
    pub watched: Vec<PathBuf>,
}

/// Reads every included file into the bundle; faults of a file have their place in it.
pub(crate) fn read(
    report: &Report,
    bundle: &mut Bundle,
    lookup: &dyn Fn(&str) -> Option<String>,
    found: &mut Diagnostics,
) -> Included {
    let mut included = Included::default();
    if bundle.include.is_empty() {
        return included;
    }
    let mut aliases = aliases(bundle);
    for pattern in bundle.include.clone() {
        for path in files(report, &pattern, &mut included.watched) {
            let name = path.display().to_string();
            let text = match text(&path, "included file") {
                Ok(text) => text,
                Err((reason, help)) => {
                    let source = Source::new(name, "");
                    found.push(Diagnostic::error(&source, "unreadable", reason).help(help));
                    continue;
                }
            };
            let number = u32::try_from(included.sources.len().saturating_add(1));
            let source = Source::numbered(number.unwrap_or(u32::MAX), name, text);
            let own = Report::new(&source);
            included.sources.push(source);
            let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
            let whence = |span: Span| {
                let file = usize::try_from(span.file).unwrap_or(usize::MAX);
                let source = file
                    .checked_sub(1)
                    .and_then(|file| included.sources.get(file));
                let source = source.unwrap_or(report.source());
                format!("{}:{}", source.name(), span.start.line)
            };
            read::included(&own, &folder, lookup, bundle, &mut aliases, &whence);
            found.append(own.into_diagnostics());
        }
    }
    included
}

/// The paths that channels of the bundle itself have.
fn aliases(bundle: &Bundle) -> Aliases {
    let teams = bundle
        .tenants
        .values()
        .flat_map(|tenant| tenant.teams.values());
    teams
        .flat_map(|team| team.channels.values())
        .filter_map(|channel| channel.path.clone())
        .map(|path| (path.value.clone(), path))
        .collect()
}

/// The files a pattern means, in the order of their names.
fn files(report: &Report, pattern: &Spanned<PathBuf>, watched: &mut Vec<PathBuf>) -> Vec<PathBuf> {
    let path = &pattern.value;
    let last = path.file_name().and_then(|name| name.to_str());
    let folder = path.parent().unwrap_or(Path::new("."));
    if folder.to_string_lossy().contains('*') {
        report
            .error(
                pattern.span,
                "bad-path",
                "only the last part of the path may have a `*` in it",
            )
            .help("write `tenants/*.yaml`");
        return Vec::new();
    }
    let Some((before, after)) = last.and_then(|last| last.split_once('*')) else {
        watched.push(path.clone());
        return vec![path.clone()];
    };
    if after.contains('*') {
        report
            .error(pattern.span, "bad-path", "a path may have one `*` in it")
            .help("write `tenants/*.yaml`");
        return Vec::new();
    }
    watched.push(folder.to_owned());
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(fault) => {
            report
                .error(
                    pattern.span,
                    "unreadable",
                    format!("the folder {} cannot be read: {fault}", folder.display()),
                )
                .help("check the path; it is relative to the bundle");
            return Vec::new();
        }
    };
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| {
            name.len() >= before.len() + after.len()
                && !name.starts_with('.')
                && name.starts_with(before)
                && name.ends_with(after)
        })
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(fits)
        .collect();
    files.sort();
    watched.extend(files.iter().cloned());
    files
}

/// The text of a file of the bundle, or why there is none and what to do.
pub(crate) fn text(path: &Path, what: &str) -> Result<String, (String, &'static str)> {
    let metadata = std::fs::metadata(path).map_err(|fault| {
        (
            format!("the {what} cannot be read: {fault}"),
            if what == "bundle" {
                "check the path after `--bundle`"
            } else {
                "check the path under `include`"
            },
        )
    })?;
    let largest = u64::try_from(yaml::MAX_BYTES).unwrap_or(u64::MAX);
    if !metadata.is_file() || metadata.len() > largest {
        return Err((
            format!("this is not a bundle: it must be a file of at most {largest} bytes"),
            "name the bundle's YAML file",
        ));
    }
    let bytes = std::fs::read(path).map_err(|fault| {
        (
            format!("the {what} cannot be read: {fault}"),
            "check who may read the file",
        )
    })?;
    String::from_utf8(bytes).map_err(|fault| {
        (
            format!("the {what} is not UTF-8 text: {fault}"),
            "save it as UTF-8",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(folder: &Path, include: &str) -> Result<crate::Loaded, Diagnostics> {
        let text = format!(
            "version: 1\nenv: test\nlisten: 127.0.0.1:0\nplugins:\n  m: {{ from: m.wasm }}\n  f: {{ from: f.wasm }}\n\
             use: {{ sessions: m, bus: m }}\ninclude: [{include}]\ntenants:\n  own: {{ teams: {{}} }}\n"
        );
        let path = folder.join("bundle.yaml");
        std::fs::write(&path, text).unwrap();
        Bundle::load(&path, |_| None)
    }

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("include-{}-{name}", std::process::id()));
        std::fs::create_dir_all(folder.join("tenants")).unwrap();
        folder
    }

    fn tenant(name: &str, path: &str) -> String {
        format!(
            "tenants:\n  {name}:\n    teams:\n      x:\n        channels:\n          c: {{ provider: m, flow: f, path: {path} }}\n"
        )
    }

    #[test]
    fn tenants_of_all_files_are_there_and_their_places_are_of_their_file() {
        let folder = folder("all");
        std::fs::write(folder.join("tenants/b.yaml"), tenant("b", "/b")).unwrap();
        std::fs::write(folder.join("tenants/a.yaml"), tenant("a", "/a")).unwrap();
        std::fs::write(folder.join("tenants/.hidden.yaml"), "nonsense: 1").unwrap();
        let loaded = bundle(&folder, "tenants/*.yaml").unwrap();
        let names: Vec<_> = loaded
            .bundle
            .tenants
            .keys()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["own", "a", "b"]);
        let b = loaded.bundle.tenants.values().last().unwrap();
        let fault = loaded.error(b.name.span, "x", "wrong").to_string();
        assert!(fault.contains("b.yaml:2:3"), "{fault}");
        assert_eq!(loaded.watched.len(), 3, "{:?}", loaded.watched);
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_wrong_in_an_included_file_is_found_there() {
        let folder = folder("wrong");
        let wrong = |text: &str, said: &[&str]| {
            std::fs::write(folder.join("tenants/a.yaml"), text).unwrap();
            let faults = bundle(&folder, "tenants/a.yaml").unwrap_err().to_string();
            for part in said {
                assert!(faults.contains(part), "`{part}` is not in {faults}");
            }
        };
        wrong(
            "tenants: { own: {} }",
            &["a.yaml:1:12", "bundle.yaml:10 already"],
        );
        wrong(
            &tenant("a", "/a").replace("provider: m", "provider: mm"),
            &["a.yaml:6:", "there is no plugin `mm`"],
        );
        wrong("plugins: {}\ntenants: {}", &["a.yaml:1:1", "plugins"]);
        wrong(
            &(tenant("a", "/a")
                + "  b: { teams: { y: { channels: { c: { provider: m, flow: f, path: /a } } } } }\n"),
            &["a.yaml:7:", "taken by another channel"],
        );
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_that_is_not_there_and_a_pattern_that_is_none_are_refused() {
        let folder = folder("missing");
        for (include, said) in [
            ("tenants/no.yaml", "no.yaml"),
            ("\"no/*.yaml\"", "cannot be read"),
            ("\"*/a.yaml\"", "last part"),
            ("\"*a*.yaml\"", "one `*`"),
        ] {
            let faults = bundle(&folder, include).unwrap_err().to_string();
            assert!(faults.contains(said), "{include}: {faults}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
