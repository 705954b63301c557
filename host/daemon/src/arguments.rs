//! The command line. Each flag is defined once, here, and gives help, errors and completion.

use std::path::PathBuf;

use clap::Parser;

/// The host on which conversations run when every integration is a sandboxed plugin.
#[derive(Debug, Parser)]
#[command(name = "greentic-host", version, about, max_term_width = 100)]
pub struct Arguments {
    /// The bundle: the file that says which plugins are loaded, what each may touch, and who is bound to what.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["print_schema", "print_limits"])]
    pub bundle: Option<PathBuf>,

    /// Do everything but listen: load, verify, compile, start, show the tables, and end.
    #[arg(long)]
    pub check: bool,

    /// Print the JSON Schema of the bundle, for editors, and end.
    #[arg(long)]
    pub print_schema: bool,

    /// Print every timeout, limit and queue length with its default and key, as Markdown, and end.
    #[arg(long)]
    pub print_limits: bool,

    /// Accept packs and components without a signature. Reported at every start.
    #[arg(long)]
    pub allow_unsigned: bool,

    /// Show what was loaded as JSON, for scripts.
    #[arg(long)]
    pub json: bool,

    /// Worker threads; as many as there are processors when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,

    /// Compile every component anew and keep nothing.
    #[arg(long)]
    pub no_cache: bool,
}
