//! Opening and verifying packs. Each file is read once; what is verified is what is used.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use greentic_config::limits::PackLimits;
use greentic_config::{Bundle, KeySource, Loaded, Origin, Tenant};
use greentic_diagnostics::{Diagnostic, Diagnostics, Span, Spanned};
use greentic_pack::{
    IdPattern, Keyring, Limits, Lock, LockedPack, Pack, PackError, Policy, TrustedKey,
    VerifyingKey, keys,
};
use greentic_registry::{Digest, Kind, SCHEME};
use greentic_types::Id;

use super::fetch::FetchedAll;
use super::lock::{self, Locking};
use crate::fingerprint::Fingerprint;

/// Packs and bare components by where they are from.
#[derive(Clone)]
pub(crate) struct Packs {
    by_origin: Arc<HashMap<Origin, Source>>,
    /// Packs that keys of tenants signed and none of the host's: those tenants may use them, and nobody else.
    only_for: Arc<HashMap<Origin, Vec<Id>>>,
    pub(crate) fetched: FetchedAll,
}

/// Where components come from.
#[derive(Clone)]
pub(crate) enum Source {
    Pack(Arc<Pack>),
    Bare(Arc<[u8]>),
}

impl Packs {
    pub(crate) fn get(&self, origin: &Origin) -> Option<&Source> {
        self.by_origin.get(origin)
    }

    /// What the lock file of these packs says.
    pub(crate) fn lock(&self, base: &Path) -> Lock {
        let mut lock = Lock::default();
        for (origin, source) in &*self.by_origin {
            let pack = source.locked(self.fetched.manifest(origin));
            lock.packs.insert(lock::name(base, origin), pack);
        }
        lock
    }

    /// The tenants that may use what comes from there; none when all may.
    pub(crate) fn only_for(&self, origin: &Origin) -> Option<&[Id]> {
        self.only_for.get(origin).map(Vec::as_slice)
    }

    /// Where each is from and its digest, in order.
    pub(crate) fn digests(&self) -> Vec<(String, String)> {
        let mut all: Vec<_> = self
            .by_origin
            .iter()
            .map(|(origin, source)| (shown(origin), source.digest()))
            .collect();
        all.sort();
        all
    }
}

/// An origin as a person writes it.
pub(super) fn shown(origin: &Origin) -> String {
    match origin {
        Origin::File(path) => path.display().to_string(),
        Origin::Oci(reference) => format!("{SCHEME}{reference}"),
    }
}

/// Where plugins and packs of a bundle are from, with the place that says so; each as often as it is named.
pub(super) fn origins(bundle: &Bundle) -> impl Iterator<Item = &Spanned<Origin>> {
    let plugins = bundle.plugins.values().map(|plugin| &plugin.from);
    plugins.chain(bundle.packs.values().map(|pack| &pack.from))
}

impl Source {
    /// The digest of all its bytes.
    pub(crate) fn digest(&self) -> String {
        match self {
            Self::Pack(pack) => pack.digest().to_owned(),
            Self::Bare(bytes) => Fingerprint::of(bytes).hex(),
        }
    }

    pub(super) fn locked(&self, manifest: Option<Digest>) -> LockedPack {
        let locked = match self {
            Self::Pack(pack) => LockedPack::of(pack),
            Self::Bare(bytes) => LockedPack::bare(bytes),
        };
        match manifest {
            Some(manifest) => locked.from_registry(manifest.to_string()),
            None => locked,
        }
    }
}

/// Opens everything the bundle names. What is in registries was fetched before.
pub(crate) fn open(
    loaded: &Loaded,
    fetched: FetchedAll,
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
    let mut by_origin = HashMap::new();
    let mut only_for = HashMap::new();
    for from in origins(bundle) {
        if by_origin.contains_key(&from.value) {
            continue;
        }
        match open_one(loaded, from, &fetched, &policy, allow_unsigned) {
            Ok(source) => {
                by_origin.insert(from.value.clone(), source);
            }
            Err(fault) => match for_tenants(&from.value, &fetched, &tenants) {
                (Some(source), accepted) => {
                    by_origin.insert(from.value.clone(), source);
                    only_for.insert(from.value.clone(), accepted);
                }
                (None, _) => faults.push(*fault),
            },
        }
    }
    if !faults.has_errors() {
        lock::check(loaded, &by_origin, &fetched, locking, running, &mut faults);
    }
    if faults.has_errors() {
        Err(faults)
    } else {
        Ok(Packs {
            by_origin: Arc::new(by_origin),
            only_for: Arc::new(only_for),
            fetched,
        })
    }
}

/// A pack the host's keys do not vouch for, and the tenants whose own keys do.
fn for_tenants(
    origin: &Origin,
    fetched: &FetchedAll,
    tenants: &[(Id, Policy)],
) -> (Option<Source>, Vec<Id>) {
    let mut source = None;
    let mut accepted = Vec::new();
    for (id, policy) in tenants {
        if let Some(Ok(pack)) = open_pack(origin, fetched, policy) {
            accepted.push(id.clone());
            source.get_or_insert(Source::Pack(Arc::new(pack)));
        }
    }
    (source, accepted)
}

/// The pack that lies there; none when what lies there is no pack.
fn open_pack(
    origin: &Origin,
    fetched: &FetchedAll,
    policy: &Policy,
) -> Option<Result<Pack, PackError>> {
    match origin {
        Origin::File(path) => Some(Pack::open_file(path, policy)),
        Origin::Oci(_) => match fetched.get(origin)? {
            one if one.kind == Kind::Pack => {
                let bytes = one.bytes.clone();
                Some(Pack::open_named(&shown(origin), bytes, policy))
            }
            _ => None,
        },
    }
}

/// The bytes of a component in no pack; none when it is one in a pack.
fn bare(origin: &Origin, fetched: &FetchedAll) -> Option<std::io::Result<Arc<[u8]>>> {
    match origin {
        Origin::File(path) => {
            let is_bare = path
                .extension()
                .is_some_and(|extension| extension == "wasm");
            is_bare.then(|| std::fs::read(path).map(Into::into))
        }
        Origin::Oci(_) => {
            let one = fetched.get(origin)?;
            (one.kind == Kind::Component).then(|| Ok(one.bytes.to_vec().into()))
        }
    }
}

fn open_one(
    loaded: &Loaded,
    from: &Spanned<Origin>,
    fetched: &FetchedAll,
    policy: &Policy,
    allow_unsigned: bool,
) -> Result<Source, Box<Diagnostic>> {
    let origin = &from.value;
    let fault = |code, message: String, help: String| {
        Box::new(loaded.error(from.span, code, message).help(help))
    };
    if let Some(bytes) = bare(origin, fetched) {
        if !allow_unsigned {
            return Err(fault(
                "unsigned",
                format!("{} is a bare component, which nobody has signed", shown(origin)),
                "put it into a signed pack (`greentic-pack build`), or accept unsigned ones with `trust: { allow-unsigned: true }`".into(),
            ));
        }
        let bytes = bytes.map_err(|error| {
            fault(
                "missing-file",
                format!("{} cannot be read: {error}", shown(origin)),
                "check the path; it is relative to the bundle".into(),
            )
        })?;
        return Ok(Source::Bare(bytes));
    }
    if let Origin::File(path) = origin
        && !path.exists()
    {
        return Err(fault(
            "missing-file",
            format!("there is no file {}", path.display()),
            "check the path, which is relative to the bundle, or build the pack with `greentic-pack build`".into(),
        ));
    }
    match open_pack(origin, fetched, policy) {
        Some(Ok(pack)) => Ok(Source::Pack(Arc::new(pack))),
        Some(Err(error)) => Err(fault("pack", error.to_string(), error.remedy().to_string())),
        None => Err(fault(
            "registry",
            format!("{} was not fetched", shown(origin)),
            "load the bundle again".into(),
        )),
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
