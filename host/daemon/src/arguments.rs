//! The command line. Each flag is defined once, here, and gives help, errors and completion.

use std::path::PathBuf;

use clap::Parser;
use greentic_runner::Role;

/// How the wiring is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Drawing {
    /// A tree for a terminal.
    Text,
    /// A picture.
    Svg,
    /// Data for scripts.
    Json,
}

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

    /// Load the bundle, draw who is wired to whom, fused or linked, with grants, and end: as a tree, or `--explain=svg`.
    #[arg(long, value_name = "FORMAT", num_args = 0..=1, require_equals = true, default_missing_value = "text")]
    pub explain: Option<Drawing>,

    /// Print the JSON Schema of the bundle, for editors, and end.
    #[arg(long)]
    pub print_schema: bool,

    /// Print every timeout, limit and queue length with its default and key, as Markdown, and end.
    #[arg(long)]
    pub print_limits: bool,

    /// Accept packs and components without a signature. Reported at every start.
    #[arg(long)]
    pub allow_unsigned: bool,

    /// Load everything, write the digest of every pack into `greentic.lock` beside the bundle, and end.
    #[arg(long, conflicts_with = "locked")]
    pub lock: bool,

    /// Load only packs that are, byte for byte, those in `greentic.lock`.
    #[arg(long)]
    pub locked: bool,

    /// Use no network for packs and components in registries, only what was fetched before.
    #[arg(long)]
    pub offline: bool,

    /// Show what was loaded as JSON, for scripts.
    #[arg(long)]
    pub json: bool,

    /// Which part of the work this process does: `gateway` takes requests, `runner` runs flows, `egress` delivers, `all` does everything.
    /// Processes of one bundle, any number of each, share its bus and stores.
    #[arg(long, value_name = "ROLE", default_value = "all")]
    pub role: Role,

    /// Worker threads; as many as there are processors when not given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub workers: Option<u16>,

    /// Take over a changed bundle only when told to, by SIGHUP or by the admin API, and not by its edit or a new version under a tag.
    #[arg(long)]
    pub no_watch: bool,

    /// Compile every component anew and keep nothing.
    #[arg(long)]
    pub no_cache: bool,
}
