//! `inspect` and `diff`: what a pack holds, and what changes from one to the next.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use greentic_pack::{ComponentEntry, Pack, Trust};
use serde_json::json;

use super::print::{self, Mark};
use super::verify::{open_untrusted, open_with};

/// Shows a pack.
pub(super) fn inspect(file: &Path, with: &[PathBuf], as_json: bool) -> anyhow::Result<ExitCode> {
    let pack = open_with(file, with)?;
    if as_json {
        print::line(&format!("{:#}", in_json(&pack)));
    } else {
        let colour = print::colour(&std::io::stdout());
        for line in in_lines(&pack, colour) {
            print::line(line.trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows the differences of two packs.
pub(super) fn diff(before: &Path, after: &Path, as_json: bool) -> anyhow::Result<ExitCode> {
    let changes = greentic_pack::diff(&open_untrusted(before)?, &open_untrusted(after)?);
    if as_json {
        let list: Vec<_> = changes
            .iter()
            .map(|one| json!({ "what": one.what, "name": one.name, "before": one.before, "after": one.after }))
            .collect();
        print::line(&format!("{:#}", serde_json::Value::Array(list)));
    } else {
        let colour = print::colour(&std::io::stdout());
        for change in &changes {
            let mark = match (&change.before, &change.after) {
                (None, _) => Mark::Good,
                (_, None) => Mark::Bad,
                _ => Mark::Warn,
            };
            print::line(&print::paint(colour, mark, &change.to_string()));
        }
        if changes.is_empty() {
            print::line("no difference");
        }
    }
    Ok(if changes.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

fn in_json(pack: &Pack) -> serde_json::Value {
    let files: Vec<_> = pack
        .paths()
        .map(|path| json!({ "path": path, "size": pack.file(path).map(|data| data.len()) }))
        .collect();
    let signers: Vec<_> = match pack.trust() {
        Trust::Signed { signers, .. } => signers
            .iter()
            .map(|one| json!({ "key": one.name, "fingerprint": one.fingerprint }))
            .collect(),
        Trust::Untrusted { .. } | Trust::Unsigned => Vec::new(),
    };
    json!({
        "manifest": pack.manifest(),
        "files": files,
        "digest": pack.digest(),
        "content-digest": pack.content_digest(),
        "trust": { "trusted": pack.trust().is_trusted(), "text": pack.trust().to_string(), "signers": signers },
    })
}

fn in_lines(pack: &Pack, colour: bool) -> Vec<String> {
    let manifest = pack.manifest();
    let head = |text: &str| print::paint(colour, Mark::Head, text);
    let mark = if pack.trust().is_trusted() {
        Mark::Good
    } else {
        Mark::Warn
    };
    let mut lines = vec![
        head(&format!("{} {}", manifest.id, manifest.version)),
        format!("  name       {}", shown(&manifest.name)),
        format!("  kind       {}", manifest.kind.name()),
        format!("  publisher  {}", shown(&manifest.publisher)),
        format!("  content    {}", pack.content_digest()),
        format!(
            "  trust      {}",
            print::paint(colour, mark, &pack.trust().to_string())
        ),
    ];
    if !manifest.components.is_empty() {
        lines.push(head("components"));
        for component in &manifest.components {
            lines.extend(component_lines(component));
        }
    }
    if !manifest.flows.is_empty() {
        lines.push(head("flows"));
        let rows = manifest
            .flows
            .iter()
            .map(|flow| [flow.id.clone(), flow.kind.clone(), shown(&flow.title)]);
        lines.extend(table(rows.collect()));
    }
    if !manifest.dependencies.is_empty() {
        lines.push(head("needs packs"));
        let rows = manifest
            .dependencies
            .iter()
            .map(|(id, range)| [id.to_string(), range.to_string(), String::new()]);
        lines.extend(table(rows.collect()));
    }
    if !manifest.secrets.is_empty() {
        lines.push(head("needs secrets"));
        let need = |required| if required { "required" } else { "optional" }.to_owned();
        let rows = manifest.secrets.iter().map(|one| {
            [
                one.name.clone(),
                need(one.required),
                shown(&one.description),
            ]
        });
        lines.extend(table(rows.collect()));
    }
    lines.push(head("files"));
    let size = |path: &str| pack.file(path).map_or(0, |data| data.len()).to_string();
    lines.extend(table(
        pack.paths()
            .map(|path| [path.to_owned(), size(path), String::new()])
            .collect(),
    ));
    lines
}

fn component_lines(component: &ComponentEntry) -> Vec<String> {
    let mut lines = vec![format!("  {} {}", component.name, component.version)];
    lines.extend(
        component
            .exports
            .iter()
            .map(|name| format!("    exports   {}", shown(name))),
    );
    lines.extend(
        component
            .imports
            .iter()
            .map(|name| format!("    imports   {}", shown(name))),
    );
    for (kind, values) in component.requests.lists() {
        if !values.is_empty() {
            lines.push(format!(
                "    requests  {kind}: {}",
                shown(&values.join(", "))
            ));
        }
    }
    lines
}

/// Three columns, as wide as their widest cell.
fn table(rows: Vec<[String; 3]>) -> Vec<String> {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let (first, second) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
    rows.iter()
        .map(|[one, two, three]| format!("  {one:first$}  {two:second$}  {three}"))
        .collect()
}

/// Text of a pack nobody has vouched for must not steer the terminal.
fn shown(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}
