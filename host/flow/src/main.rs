//! `greentic-flow`: checks and draws `.ygtc` files.

use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand, ValueEnum};
use greentic_diagnostics::{Severity, Source};
use greentic_flow::compile::{FlowView, compile};
use greentic_flow::graph::{mermaid, svg};

/// Nothing to complain about.
const CLEAN: u8 = 0;
/// There are findings.
const FINDINGS: u8 = 1;
/// The arguments or files cannot be used.
const USAGE: u8 = 2;

/// Checks and draws .ygtc flows.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Reports everything that is wrong, each with its place. Flows given together see each other.
    ///
    /// Ends with 0 when there is no error (and, with --strict, no warning), 1 when there is, 2 when a file cannot be read.
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Findings as a JSON list.
        #[arg(long)]
        json: bool,
        /// Warnings count too.
        #[arg(long)]
        strict: bool,
    },
    /// Draws a flow.
    Graph {
        /// The file.
        file: PathBuf,
        /// The form of the drawing.
        #[arg(long, value_enum, default_value = "svg")]
        format: Format,
        /// Where to write it; standard output when absent.
        #[arg(short, long)]
        out: Option<PathBuf>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A picture.
    Svg,
    /// Text for Markdown pages.
    Mermaid,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().action {
        Action::Check {
            files,
            json,
            strict,
        } => check(&files, json, strict),
        Action::Graph { file, format, out } => graph(&file, format, out.as_deref()),
    };
    ExitCode::from(outcome.unwrap_or_else(|error| {
        eprintln!("greentic-flow: {error:#}");
        USAGE
    }))
}

fn read(path: &Path) -> anyhow::Result<Source> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Source::new(path.display().to_string(), text))
}

fn check(files: &[PathBuf], json: bool, strict: bool) -> anyhow::Result<u8> {
    let sources = files
        .iter()
        .map(|file| read(file))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let found = compile(&sources).diagnostics;
    let errors = found
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &found)?;
        writeln!(out)?;
    } else if found.is_empty() {
        let flows = if files.len() == 1 {
            "flow is"
        } else {
            "flows are"
        };
        writeln!(out, "{} {flows} sound", files.len())?;
    } else {
        write!(out, "{}", found.render(out.is_terminal()))?;
        writeln!(out, "{}", found.count_line())?;
    }
    Ok(if errors || (strict && !found.is_empty()) {
        FINDINGS
    } else {
        CLEAN
    })
}

fn graph(file: &Path, format: Format, out: Option<&Path>) -> anyhow::Result<u8> {
    let source = read(file)?;
    let compiled = compile(std::slice::from_ref(&source));
    let Some(view) = compiled.views.first() else {
        eprint!(
            "{}",
            compiled.diagnostics.render(std::io::stderr().is_terminal())
        );
        return Ok(FINDINGS);
    };
    let drawn = draw(view, format);
    match out {
        Some(path) => {
            fs::write(path, drawn).with_context(|| format!("cannot write {}", path.display()))?
        }
        None => std::io::stdout().write_all(drawn.as_bytes())?,
    }
    Ok(CLEAN)
}

fn draw(view: &FlowView, format: Format) -> String {
    match format {
        Format::Svg => svg(view),
        Format::Mermaid => mermaid(view),
    }
}
