//! Opening and verifying packs. Each file is read once; what is verified is what is used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use greentic_config::limits::PackLimits;
use greentic_config::{KeySource, Loaded, Origin, Tenant};
use greentic_diagnostics::{Diagnostic, Diagnostics, Span, Spanned};
use greentic_pack::{
    IdPattern, Keyring, LOCK_FILE, Limits, Lock, LockFault, LockedPack, Pack, Policy, TrustedKey,
    VerifyingKey, keys,
};
use greentic_types::Id;

use crate::fingerprint::Fingerprint;

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

/// Packs and bare components by path.
#[derive(Clone)]
pub(crate) struct Packs {
    by_path: Arc<HashMap<PathBuf, Source>>,
    /// Packs that keys of tenants signed and none of the host's: those tenants may use them, and nobody else.
    only_for: Arc<HashMap<PathBuf, Vec<Id>>>,
}

/// Where components come from.
#[derive(Clone)]
pub(crate) enum Source {
    Pack(Arc<Pack>),
    Bare(Arc<[u8]>),
}

impl Packs {
    pub(crate) fn get(&self, origin: &Origin) -> Option<&Source> {
        match origin {
            Origin::File(path) => self.by_path.get(path),
            Origin::Oci(_) => None,
        }
    }

    /// What the lock file of these packs says.
    pub(crate) fn lock(&self, base: &Path) -> Lock {
        let mut lock = Lock::default();
        for (path, source) in &*self.by_path {
            lock.packs.insert(lock_name(base, path), source.locked());
        }
        lock
    }

    /// The tenants that may use what comes from there; none when all may.
    pub(crate) fn only_for(&self, origin: &Origin) -> Option<&[Id]> {
        match origin {
            Origin::File(path) => self.only_for.get(path).map(Vec::as_slice),
            Origin::Oci(_) => None,
        }
    }

    /// The path and digest of each, in the order of their paths.
    pub(crate) fn digests(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = self
            .by_path
            .iter()
            .map(|(path, source)| (path.display().to_string(), source.digest()))
            .collect();
        all.sort();
        all
    }
}

impl Source {
    /// The digest of all its bytes.
    pub(crate) fn digest(&self) -> String {
        match self {
            Self::Pack(pack) => pack.digest().to_owned(),
            Self::Bare(bytes) => Fingerprint::of(bytes).hex(),
        }
    }

    fn locked(&self) -> LockedPack {
        match self {
            Self::Pack(pack) => LockedPack::of(pack),
            Self::Bare(bytes) => LockedPack::bare(bytes),
        }
    }
}

/// Opens everything the bundle names.
pub(crate) fn open(
    loaded: &Loaded,
    allow_unsigned: bool,
    locking: Locking,
    running: Option<&Lock>,
) -> Result<Packs, Diagnostics> {
    let bundle = &loaded.bundle;
    let mut faults = Diagnostics::default();
    let allow_unsigned = allow_unsigned
        || bundle
            .trust
            .allow_unsigned
            .as_ref()
            .is_some_and(|allowed| allowed.value);
    let ring = keyring(loaded, None, &mut faults);
    let policy = if allow_unsigned {
        Policy::allow_unsigned(ring)
    } else {
        Policy::strict(ring)
    };
    let policy = policy.with_limits(limits(&bundle.limits.pack));
    let mut tenants = Vec::new();
    for (id, tenant) in &bundle.tenants {
        if !tenant.trust.keys.is_empty() {
            let ring = keyring(loaded, Some(tenant), &mut faults);
            let policy = Policy::strict(ring).with_limits(limits(&bundle.limits.pack));
            tenants.push((id.clone(), policy));
        }
    }
    let mut by_path = HashMap::new();
    let mut only_for = HashMap::new();
    let origins = bundle
        .plugins
        .values()
        .map(|plugin| &plugin.from)
        .chain(bundle.packs.values().map(|pack| &pack.from));
    for from in origins {
        match &from.value {
            Origin::Oci(reference) => faults.push(
                loaded
                    .error(
                        from.span,
                        "oci",
                        format!(
                            "`oci://{reference}`: this host does not fetch from registries yet"
                        ),
                    )
                    .help("fetch the pack and name its file"),
            ),
            Origin::File(path) if by_path.contains_key(path) => {}
            Origin::File(path) => match open_one(loaded, from, path, &policy, allow_unsigned) {
                Ok(source) => {
                    by_path.insert(path.clone(), source);
                }
                Err(fault) => {
                    let (source, accepted) = for_tenants(path, &tenants);
                    match source {
                        Some(source) => {
                            by_path.insert(path.clone(), source);
                            only_for.insert(path.clone(), accepted);
                        }
                        None => faults.push(*fault),
                    }
                }
            },
        }
    }
    if !faults.has_errors() {
        check_lock(loaded, &by_path, locking, running, &mut faults);
    }
    if faults.has_errors() {
        Err(faults)
    } else {
        Ok(Packs {
            by_path: Arc::new(by_path),
            only_for: Arc::new(only_for),
        })
    }
}

/// Compares what was opened with the lock file beside the bundle, and with what runs.
fn check_lock(
    loaded: &Loaded,
    by_path: &HashMap<PathBuf, Source>,
    locking: Locking,
    running: Option<&Lock>,
    faults: &mut Diagnostics,
) {
    if locking == Locking::Write {
        return;
    }
    let base = &loaded.bundle.base_dir;
    let file = base.join(LOCK_FILE);
    let lock = match std::fs::read_to_string(&file) {
        Ok(text) => match Lock::parse(&text) {
            Ok(lock) => Some(lock),
            Err(error) => {
                let place = Span::default();
                faults.push(loaded.error(place, "lock", error.to_string()));
                return;
            }
        },
        Err(_) => None,
    };
    if lock.is_none() && locking == Locking::Require {
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
    let bundle = &loaded.bundle;
    let plugins = bundle.plugins.values().map(|plugin| &plugin.from);
    let origins = plugins.chain(bundle.packs.values().map(|pack| &pack.from));
    let mut seen = Vec::new();
    for from in origins {
        let Origin::File(path) = &from.value else {
            continue;
        };
        let Some(source) = by_path.get(path).filter(|_| !seen.contains(&path)) else {
            continue;
        };
        seen.push(path);
        let (name, pack) = (lock_name(base, path), source.locked());
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

/// What the lock file calls a file.
fn lock_name(base: &Path, path: &Path) -> String {
    path.strip_prefix(base)
        .unwrap_or(path)
        .display()
        .to_string()
}

/// A pack the host's keys do not vouch for, and the tenants whose own keys do.
fn for_tenants(path: &Path, tenants: &[(Id, Policy)]) -> (Option<Source>, Vec<Id>) {
    let mut source = None;
    let mut accepted = Vec::new();
    for (id, policy) in tenants {
        if let Ok(pack) = Pack::open_file(path, policy) {
            accepted.push(id.clone());
            source.get_or_insert(Source::Pack(Arc::new(pack)));
        }
    }
    (source, accepted)
}

fn open_one(
    loaded: &Loaded,
    from: &Spanned<Origin>,
    path: &Path,
    policy: &Policy,
    allow_unsigned: bool,
) -> Result<Source, Box<Diagnostic>> {
    let fault = |code, message: String, help: String| {
        Box::new(loaded.error(from.span, code, message).help(help))
    };
    if path
        .extension()
        .is_some_and(|extension| extension == "wasm")
    {
        if !allow_unsigned {
            return Err(fault(
                "unsigned",
                format!("{} is a bare component, which nobody has signed", path.display()),
                "put it into a signed pack (`greentic-pack build`), or accept unsigned ones with `trust: { allow-unsigned: true }`".into(),
            ));
        }
        let bytes = std::fs::read(path).map_err(|error| {
            fault(
                "missing-file",
                format!("{} cannot be read: {error}", path.display()),
                "check the path; it is relative to the bundle".into(),
            )
        })?;
        return Ok(Source::Bare(bytes.into()));
    }
    if !path.exists() {
        return Err(fault(
            "missing-file",
            format!("there is no file {}", path.display()),
            "check the path, which is relative to the bundle, or build the pack with `greentic-pack build`".into(),
        ));
    }
    match Pack::open_file(path, policy) {
        Ok(pack) => Ok(Source::Pack(Arc::new(pack))),
        Err(error) => Err(fault("pack", error.to_string(), error.remedy().to_string())),
    }
}

fn limits(limits: &PackLimits) -> Limits {
    Limits {
        pack_bytes: limits.bytes,
        file_bytes: limits.file,
        metadata_bytes: limits.metadata,
        files: limits.files,
        signatures: limits.signatures,
        cbor_depth: limits.depth,
    }
}

/// The bundle's keys, and those of one tenant.
fn keyring(loaded: &Loaded, tenant: Option<&Tenant>, faults: &mut Diagnostics) -> Keyring {
    let mut ring = Keyring::new();
    let host = &loaded.bundle.trust;
    let own = tenant.into_iter().flat_map(|tenant| &tenant.trust.keys);
    for (name, trusted) in host.keys.iter().chain(own) {
        let span = trusted.key.span;
        let key = match &trusted.key.value {
            KeySource::Ed25519(bytes) => {
                VerifyingKey::from_bytes(bytes).map_err(|error| error.to_string())
            }
            KeySource::File(path) => keys::read_public(path).map_err(|error| error.to_string()),
        };
        let key = match key {
            Ok(key) => key,
            Err(reason) => {
                faults.push(loaded.error(
                    span,
                    "key",
                    format!("the key `{name}` cannot be used: {reason}"),
                ));
                continue;
            }
        };
        let patterns = patterns(loaded, &trusted.may_sign, faults);
        let key = TrustedKey {
            not_before: trusted.not_before,
            not_after: trusted.not_after,
            revoked: trusted.revoked.as_ref().map(|reason| reason.value.clone()),
            ..TrustedKey::new(name.as_str(), key, patterns)
        };
        if let Err(error) = ring.add(key) {
            faults.push(loaded.error(span, "key", error.to_string()));
        }
    }
    for threshold in &host.require {
        let pattern = patterns(loaded, std::slice::from_ref(&threshold.packs), faults);
        for pattern in pattern {
            if let Err(error) = ring.require(pattern, threshold.signatures) {
                faults.push(loaded.error(threshold.packs.span, "threshold", error.to_string()));
            }
        }
    }
    ring
}

fn patterns(
    loaded: &Loaded,
    texts: &[Spanned<String>],
    faults: &mut Diagnostics,
) -> Vec<IdPattern> {
    let mut patterns = Vec::new();
    for text in texts {
        match text.value.parse::<IdPattern>() {
            Ok(pattern) => patterns.push(pattern),
            Err(error) => faults.push(at(loaded, text.span, error.to_string())),
        }
    }
    patterns
}

fn at(loaded: &Loaded, span: Span, message: String) -> Diagnostic {
    loaded.error(span, "may-sign", message)
}
