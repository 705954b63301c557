//! Opening and verifying packs. Each file is read once; what is verified is what is used.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use greentic_config::limits::PackLimits;
use greentic_config::{KeySource, Loaded, Origin};
use greentic_diagnostics::{Diagnostic, Diagnostics, Span, Spanned};
use greentic_pack::{IdPattern, Keyring, Limits, Pack, Policy, TrustedKey, VerifyingKey, keys};

use super::Foundation;

/// Packs and bare components by path.
pub(crate) struct Packs {
    by_path: HashMap<PathBuf, Source>,
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
}

/// Opens everything the bundle names.
pub(crate) fn open(foundation: &Foundation, loaded: &Loaded) -> Result<Packs, Diagnostics> {
    let bundle = &loaded.bundle;
    let mut faults = Diagnostics::default();
    let allow_unsigned = foundation.allow_unsigned
        || bundle
            .trust
            .allow_unsigned
            .as_ref()
            .is_some_and(|allowed| allowed.value);
    let ring = keyring(loaded, &mut faults);
    let policy = if allow_unsigned {
        Policy::allow_unsigned(ring)
    } else {
        Policy::strict(ring)
    };
    let policy = policy.with_limits(limits(&bundle.limits.pack));
    let mut packs = Packs {
        by_path: HashMap::new(),
    };
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
            Origin::File(path) if packs.by_path.contains_key(path) => {}
            Origin::File(path) => match open_one(loaded, from, path, &policy, allow_unsigned) {
                Ok(source) => {
                    packs.by_path.insert(path.clone(), source);
                }
                Err(fault) => faults.push(*fault),
            },
        }
    }
    if faults.has_errors() {
        Err(faults)
    } else {
        Ok(packs)
    }
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

fn keyring(loaded: &Loaded, faults: &mut Diagnostics) -> Keyring {
    let mut ring = Keyring::new();
    for (name, trusted) in &loaded.bundle.trust.keys {
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
        if let Err(error) = ring.add(TrustedKey::new(name.as_str(), key, patterns)) {
            faults.push(loaded.error(span, "key", error.to_string()));
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
