//! Tables for people: what was loaded, what it may touch, where the channels are.

use std::fmt::Write as _;

use greentic_runner::Generation;

/// A table whose columns are as wide as what stands in them.
struct Columns {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Columns {
    fn new(head: &[&'static str]) -> Self {
        Self {
            head: head.to_vec(),
            rows: Vec::new(),
        }
    }

    fn draw(&self, out: &mut String, bold: bool) {
        let width = |column: usize| {
            let head = self.head.get(column).map_or(0, |text| text.chars().count());
            let rows = self
                .rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|text| text.chars().count())
                .max();
            head.max(rows.unwrap_or_default())
        };
        let widths: Vec<usize> = (0..self.head.len()).map(width).collect();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for (cell, width) in cells.zip(&widths) {
                let _ = write!(line, "  {cell:<width$}");
            }
            line.trim_end().to_owned()
        };
        let head = line(&mut self.head.iter().copied());
        if bold {
            let _ = writeln!(out, "\x1b[1m{head}\x1b[0m");
        } else {
            let _ = writeln!(out, "{head}");
        }
        for row in &self.rows {
            let _ = writeln!(out, "{}", line(&mut row.iter().map(String::as_str)));
        }
        out.push('\n');
    }
}

/// Everything that was loaded. `origin` is where the host is reached, such as `http://127.0.0.1:8080`.
#[must_use]
pub fn draw(generation: &Generation, origin: &str, bold: bool) -> String {
    let mut out = String::from("\n");
    let mut plugins = Columns::new(&[
        "plugin",
        "world",
        "version",
        "signed by",
        "cells",
        "calls",
        "granted",
        "code",
    ]);
    for plugin in &generation.plugins {
        let mut granted = plugin.granted.join("; ");
        if granted.is_empty() {
            granted.push_str("nothing");
        }
        let mut name = plugin.name.clone();
        if !plugin.fused.is_empty() {
            let _ = write!(name, " + {}", plugin.fused.join(" + "));
        }
        plugins.rows.push(vec![
            name,
            plugin.world.clone(),
            if plugin.version.is_empty() {
                "-".into()
            } else {
                plugin.version.clone()
            },
            plugin.signer.clone(),
            plugin.policy.clone(),
            plugin.calls.clone(),
            granted,
            plugin.code.clone(),
        ]);
    }
    plugins.draw(&mut out, bold);

    let mut backends = Columns::new(&["backend", "plugin", "what it keeps", "more"]);
    for row in generation.backend_rows() {
        backends.rows.push(vec![
            row.role.into(),
            row.plugin,
            row.durability,
            row.detail,
        ]);
    }
    backends.draw(&mut out, bold);

    let rows = generation.channel_rows();
    let mut channels = Columns::new(&["channel", "provider", "flow", "address"]);
    // A table of ten thousand tenants helps nobody.
    const SHOWN: usize = 50;
    for row in rows.iter().take(SHOWN) {
        for (index, path) in row.paths.iter().enumerate() {
            let first = index == 0;
            let cell = |text: &str| {
                if first {
                    text.to_owned()
                } else {
                    String::new()
                }
            };
            channels.rows.push(vec![
                cell(&row.channel),
                cell(&row.provider),
                cell(&row.flow),
                format!("{origin}{path}"),
            ]);
        }
    }
    channels.draw(&mut out, bold);
    if rows.len() > SHOWN {
        let _ = writeln!(out, "  and {} more channels\n", rows.len() - SHOWN);
    }
    for warning in &generation.warnings {
        let _ = writeln!(out, "  note: {warning}");
    }
    out
}

/// The same as JSON.
#[must_use]
pub fn json(generation: &Generation, origin: &str) -> serde_json::Value {
    serde_json::json!({
        "generation": generation.number,
        "origin": origin,
        "plugins": generation.plugins,
        "backends": generation.backend_rows(),
        "channels": generation.channel_rows(),
        "warnings": generation.warnings,
    })
}
