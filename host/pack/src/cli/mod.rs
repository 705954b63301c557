//! The commands and their arguments.

mod create;
mod inspect;
mod lock;
pub(crate) mod print;
mod registry;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use greentic_registry::Reference;

/// Makes, signs, checks and shows .gtpack files.
#[derive(Debug, Parser)]
#[command(name = "greentic-pack", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a folder with a pack.yaml, a flow and an asset to begin with.
    New {
        /// The folder, which must not exist or be empty.
        dir: PathBuf,
        /// The pack's id; `local/<name of the folder>` unless given.
        #[arg(long)]
        id: Option<String>,
    },
    /// Make a key pair: NAME (private, keep it) and NAME.pub (for bundles and others).
    Keygen {
        /// Where the private key goes.
        #[arg(long, value_name = "NAME")]
        out: PathBuf,
    },
    /// Build a pack from a folder.
    Build {
        /// The folder with pack.yaml.
        dir: PathBuf,
        /// The file to write.
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        /// A private key to sign with; may be given again. Without it the pack is unsigned.
        #[arg(long, value_name = "NAME")]
        key: Vec<PathBuf>,
        /// Take a component from another file: NAME=FILE; may be given again.
        #[arg(long, value_name = "NAME=FILE", value_parser = create::component_file)]
        component: Vec<(String, PathBuf)>,
    },
    /// Add a signature to a pack.
    Sign {
        /// The pack, which is written anew.
        file: PathBuf,
        /// The private key; may be given again.
        #[arg(long, value_name = "NAME", required = true)]
        key: Vec<PathBuf>,
    },
    /// Check that a pack is whole and signed by a key.
    Verify {
        /// The pack.
        file: PathBuf,
        /// A public key that may sign it; may be given again.
        #[arg(long, value_name = "NAME.pub", required = true)]
        key: Vec<PathBuf>,
        /// How many of the keys must have signed.
        #[arg(long, default_value_t = 1, value_name = "N")]
        threshold: usize,
    },
    /// Show what a pack holds, asks for and who signed it. Trusts nobody unless keys are given.
    Inspect {
        /// The pack.
        file: PathBuf,
        /// A public key to judge its signatures by; may be given again.
        #[arg(long, value_name = "NAME.pub")]
        key: Vec<PathBuf>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the lock file of packs: their digests, which `greentic-host --locked` requires.
    Lock {
        /// The packs and components, as a bundle beside the lock file names them: files, and references that begin with `oci://`.
        #[arg(required = true, value_name = "FILE")]
        packs: Vec<String>,
        /// The file to write.
        #[arg(short, long, value_name = "FILE", default_value = greentic_pack::LOCK_FILE)]
        out: PathBuf,
        #[command(flatten)]
        how: registry::How,
    },
    /// Put a pack, or a component, into a registry.
    Push {
        /// The pack, or a component that ends in `.wasm`.
        file: PathBuf,
        /// Where it goes: `oci://registry/repository:tag`.
        reference: Reference,
        #[command(flatten)]
        how: registry::How,
    },
    /// Get a pack, or a component, from a registry.
    Pull {
        /// Which: `oci://registry/repository:tag` or `oci://registry/repository@sha256:…`.
        reference: Reference,
        /// The file to write.
        #[arg(short, long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        how: registry::How,
    },
    /// Show what changes from one pack to another. Ends with 1 when they differ.
    Diff {
        /// The pack before.
        before: PathBuf,
        /// The pack after.
        after: PathBuf,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs one command.
pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::New { dir, id } => create::new(&dir, id.as_deref()),
        Command::Keygen { out } => create::keygen(&out),
        Command::Build {
            dir,
            out,
            key,
            component,
        } => create::build(&dir, &out, &key, component),
        Command::Sign { file, key } => create::sign(&file, &key),
        Command::Verify {
            file,
            key,
            threshold,
        } => verify::verify(&file, &key, threshold),
        Command::Inspect { file, key, json } => inspect::inspect(&file, &key, json),
        Command::Lock { packs, out, how } => lock::lock(&packs, &out, &how),
        Command::Push {
            file,
            reference,
            how,
        } => registry::push(&file, &reference, &how),
        Command::Pull {
            reference,
            out,
            how,
        } => registry::pull(&reference, &out, &how),
        Command::Diff {
            before,
            after,
            json,
        } => inspect::diff(&before, &after, json),
    }
}
