//! `lock`: the digests of packs, for a host to require.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};
use greentic_pack::{Keyring, Lock, LockedPack, Pack, Policy};
use greentic_registry::{Kind, Reference, SCHEME};

use super::print;
use super::registry::How;
use super::verify::open_untrusted;

/// Writes the lock file of these packs. It says what they are, not that anybody is trusted.
pub(super) fn lock(packs: &[String], out: &Path, how: &How) -> anyhow::Result<ExitCode> {
    let mut lock = Lock::default();
    for name in packs {
        let (name, locked) = if name.starts_with(SCHEME) {
            of_registry(name, how)?
        } else {
            of_file(name)?
        };
        lock.packs.insert(name, locked);
    }
    let text = lock.to_text()?;
    std::fs::write(out, &text).with_context(|| out.display().to_string())?;
    if how.is_json() {
        print::line(text.trim_end());
    } else {
        print::line(&format!(
            "wrote {} with {} packs",
            out.display(),
            lock.packs.len()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn of_file(name: &str) -> anyhow::Result<(String, LockedPack)> {
    let name = name.strip_prefix("./").unwrap_or(name);
    let file = Path::new(name);
    let bare = file
        .extension()
        .is_some_and(|extension| extension == "wasm");
    let locked = if bare {
        LockedPack::bare(&std::fs::read(file).with_context(|| name.to_owned())?)
    } else {
        LockedPack::of(&open_untrusted(file)?)
    };
    Ok((name.to_owned(), locked))
}

fn of_registry(name: &str, how: &How) -> anyhow::Result<(String, LockedPack)> {
    let reference: Reference = name
        .parse()
        .map_err(|reason| anyhow!("`{name}`: {reason}"))?;
    let fetched = how.fetch(&reference)?;
    let locked = match fetched.kind {
        Kind::Pack => {
            let policy = Policy::allow_unsigned(Keyring::new());
            LockedPack::of(&Pack::open_named(name, fetched.bytes.clone(), &policy)?)
        }
        Kind::Component => LockedPack::bare(&fetched.bytes),
    };
    let locked = locked.from_registry(fetched.manifest.to_string());
    Ok((name.to_owned(), locked))
}
