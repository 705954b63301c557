//! `verify`, and opening packs for the other commands.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use greentic_pack::{Keyring, Pack, PackError, Policy, TrustedKey, keys};

use super::print::{self, Mark};

/// Checks a pack under a strict policy with the keys given.
pub(super) fn verify(file: &Path, with: &[PathBuf], threshold: usize) -> anyhow::Result<ExitCode> {
    let pack = Pack::open_file(file, &Policy::strict(ring(with, threshold)?))?;
    let colour = print::colour(&std::io::stdout());
    let head = print::paint(colour, Mark::Good, "verified");
    print::line(&format!(
        "{head} {} {}: {}",
        pack.id(),
        pack.version(),
        pack.trust()
    ));
    print::line(&format!("content {}", pack.content_digest()));
    Ok(ExitCode::SUCCESS)
}

/// Opens a pack to look at it, with keys to judge it by if there are any.
pub(super) fn open_with(file: &Path, with: &[PathBuf]) -> anyhow::Result<Pack> {
    Ok(Pack::open_file(
        file,
        &Policy::allow_unsigned(ring(with, 1)?),
    )?)
}

/// Opens a pack that is whole, whoever signed it.
pub(super) fn open_untrusted(file: &Path) -> Result<Pack, PackError> {
    Pack::open_file(file, &Policy::allow_unsigned(Keyring::new()))
}

/// The keys of a command line may sign anything: who gives them here means this pack.
fn ring(with: &[PathBuf], threshold: usize) -> anyhow::Result<Keyring> {
    let mut ring = Keyring::new();
    for path in with {
        let key = keys::read_public(path).with_context(|| format!("key {}", path.display()))?;
        ring.add(TrustedKey::new(
            path.display().to_string(),
            key,
            vec!["**".parse()?],
        ))?;
    }
    ring.require("**".parse()?, threshold)?;
    Ok(ring)
}
