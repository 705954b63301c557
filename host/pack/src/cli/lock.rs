//! `lock`: the digests of packs, for a host to require.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use greentic_pack::{Lock, LockedPack};

use super::print;
use super::verify::open_untrusted;

/// Writes the lock file of these packs. It says what they are, not that anybody is trusted.
pub(super) fn lock(files: &[PathBuf], out: &Path) -> anyhow::Result<ExitCode> {
    let mut lock = Lock::default();
    for file in files {
        let name = file
            .strip_prefix("./")
            .unwrap_or(file)
            .display()
            .to_string();
        let bare = file
            .extension()
            .is_some_and(|extension| extension == "wasm");
        let locked = if bare {
            let bytes = std::fs::read(file).with_context(|| name.clone())?;
            LockedPack::bare(&bytes)
        } else {
            LockedPack::of(&open_untrusted(file)?)
        };
        lock.packs.insert(name, locked);
    }
    std::fs::write(out, lock.to_text()?).with_context(|| out.display().to_string())?;
    print::line(&format!(
        "wrote {} with {} packs",
        out.display(),
        files.len()
    ));
    Ok(ExitCode::SUCCESS)
}
