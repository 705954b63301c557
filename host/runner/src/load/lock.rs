//! What was opened, against the lock file beside the bundle and against what runs.

use std::collections::HashMap;
use std::path::Path;

use greentic_config::{Loaded, Origin};
use greentic_diagnostics::{Diagnostic, Diagnostics, Span};
use greentic_pack::{LOCK_FILE, Lock, LockFault};

use super::fetch::FetchedAll;
use super::packs::{Source, origins, shown};

/// What the lock file beside the bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locking {
    /// Where there is one, a pack with a lower version than the one in it is refused.
    Heed,
    /// Every pack must be, byte for byte, the one in it.
    Require,
    /// It is written anew, so it is not looked at.
    Write,
}

/// The lock file; none when there is none.
pub(super) fn read(loaded: &Loaded) -> Result<Option<Lock>, Box<Diagnostic>> {
    let file = loaded.bundle.base_dir.join(LOCK_FILE);
    let Ok(text) = std::fs::read_to_string(&file) else {
        return Ok(None);
    };
    Lock::parse(&text)
        .map(Some)
        .map_err(|error| Box::new(loaded.error(Span::default(), "lock", error.to_string())))
}

/// Compares what was opened with the lock file beside the bundle, and with what runs.
pub(super) fn check(
    loaded: &Loaded,
    by_origin: &HashMap<Origin, Source>,
    fetched: &FetchedAll,
    locking: Locking,
    running: Option<&Lock>,
    faults: &mut Diagnostics,
) {
    if locking == Locking::Write {
        return;
    }
    let base = &loaded.bundle.base_dir;
    let lock = match read(loaded) {
        Ok(lock) => lock,
        Err(fault) => return faults.push(*fault),
    };
    if lock.is_none() && locking == Locking::Require {
        let file = base.join(LOCK_FILE);
        faults.push(
            loaded
                .error(
                    Span::default(),
                    "lock",
                    format!("there is no lock file {}", file.display()),
                )
                .help("write it with `greentic-host --bundle FILE --lock`"),
        );
        return;
    }
    let mut seen = Vec::new();
    for from in origins(&loaded.bundle) {
        let origin = &from.value;
        let Some(source) = by_origin.get(origin).filter(|_| !seen.contains(&origin)) else {
            continue;
        };
        seen.push(origin);
        let (name, pack) = (name(base, origin), source.locked(fetched.manifest(origin)));
        let mut judge = |outcome: Result<(), LockFault>| {
            if let Err(fault) = outcome {
                faults.push(
                    loaded
                        .error(from.span, "lock", fault.to_string())
                        .help("if this is what you want, write the lock file anew with `greentic-host --bundle FILE --lock`"),
                );
            }
        };
        if let Some(lock) = &lock {
            if locking == Locking::Require {
                judge(lock.require(&name, &pack));
            } else {
                judge(lock.not_older(&name, &pack));
            }
        }
        let pinned = lock
            .as_ref()
            .is_some_and(|lock| lock.packs.values().any(|one| one.digest == pack.digest));
        if let Some(running) = running.filter(|_| !pinned) {
            judge(running.not_older(&name, &pack));
        }
    }
}

/// What the lock file calls something.
pub(super) fn name(base: &Path, origin: &Origin) -> String {
    match origin {
        Origin::File(path) => {
            let path = path.strip_prefix(base).unwrap_or(path);
            path.display().to_string()
        }
        Origin::Oci(_) => shown(origin),
    }
}
