//! From components' bytes to plugins that can be instantiated: inspected, composed, compiled.

use std::collections::HashMap;
use std::sync::Arc;

use greentic_config::Loaded;
use greentic_diagnostics::{Diagnostics, Span, Spanned};
use greentic_sandbox::cache::{CacheOutcome, Job, Loaded as Code};
use greentic_sandbox::compose::{Candidate, Composition, Root, compose};
use greentic_sandbox::inspect::{InterfaceName, Shape, World};

use super::packs::{Packs, Source};
use super::{Foundation, aside};
use crate::fingerprint::Fingerprint;
use crate::generation::Generation;

/// A component that is ready to be linked.
pub(crate) struct Prepared {
    /// The plugin's name in the bundle, or `pack/component`.
    pub name: String,
    /// Where the bundle speaks of it.
    pub span: Span,
    pub composition: Composition,
    pub worlds: Vec<World>,
    pub code: Code,
    pub signer: String,
    /// Of the component that is run, with what is fused into it.
    pub digest: Fingerprint,
    /// The code is the running generation's.
    pub kept: bool,
}

/// Prepared components: plugins by their name, components of flow packs as `pack/component`.
pub(crate) struct Components {
    pub by_name: HashMap<String, Prepared>,
}

struct Raw {
    name: String,
    span: Span,
    /// The pack file it came in, so that components of one pack find each other.
    family: String,
    bytes: Arc<[u8]>,
    shape: Arc<Shape>,
    signer: String,
    has_own: bool,
    ambient: bool,
    force_link: bool,
    /// Only a tenant's own keys vouch for it.
    of_tenant: bool,
}

pub(crate) async fn prepare(
    foundation: &Foundation,
    loaded: &Arc<Loaded>,
    packs: &Packs,
    earlier: &[Arc<Generation>],
) -> Result<Components, Diagnostics> {
    let (bundle, packs) = (Arc::clone(loaded), packs.clone());
    let composed = aside(loaded, move || compose_all(&bundle, &packs)).await??;
    compile(foundation, loaded, composed, earlier).await
}

fn compose_all(loaded: &Loaded, packs: &Packs) -> Result<Vec<(Raw, Composition)>, Diagnostics> {
    let mut faults = Diagnostics::default();
    let raw = collect(loaded, packs, &mut faults);
    let offers = offers();
    let mut composed = Vec::new();
    for root in &raw {
        let candidates: Vec<Candidate> = raw
            .iter()
            .filter(|other| other.name != root.name)
            .filter(|other| {
                other.family == root.family
                    || !other.of_tenant
                        && loaded
                            .bundle
                            .plugins
                            .keys()
                            .any(|name| name.as_str() == other.name)
            })
            .map(|other| Candidate {
                name: other.name.clone(),
                bytes: Arc::clone(&other.bytes),
                shape: Arc::clone(&other.shape),
                pure: !other.has_own,
                force_link: other.force_link,
            })
            .collect();
        let candidates = without_doubles(candidates, &root.family, &raw);
        let asked = Root {
            name: root.name.clone(),
            bytes: Arc::clone(&root.bytes),
            shape: Arc::clone(&root.shape),
            ambient: root.ambient,
        };
        match compose(&asked, &candidates, &offers) {
            Ok(composition) => {
                composed.push(composition);
            }
            Err(error) => faults.push(loaded.error(root.span, "imports", error.to_string())),
        }
    }
    if faults.has_errors() {
        return Err(faults);
    }
    Ok(raw.into_iter().zip(composed).collect())
}

/// The code of a component an earlier generation runs already.
fn known(earlier: &[Arc<Generation>], digest: Fingerprint) -> Option<Code> {
    let mut all = earlier
        .iter()
        .flat_map(|generation| generation.parts.components.by_name.values());
    all.find(|prepared| prepared.digest == digest)
        .map(|prepared| Code {
            outcome: CacheOutcome::Hit,
            took: std::time::Duration::ZERO,
            ..prepared.code.clone()
        })
}

async fn compile(
    foundation: &Foundation,
    loaded: &Loaded,
    composed: Vec<(Raw, Composition)>,
    earlier: &[Arc<Generation>],
) -> Result<Components, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut by_name = HashMap::new();
    let mut fresh = Vec::new();
    for (raw, composition) in composed {
        let digest = Fingerprint::of(&composition.bytes);
        match known(earlier, digest) {
            Some(code) => {
                let prepared = prepared(raw, composition, code, digest, true);
                by_name.insert(prepared.name.clone(), prepared);
            }
            None => fresh.push((raw, composition, digest)),
        }
    }
    let jobs = fresh
        .iter()
        .map(|(raw, composition, _)| Job {
            name: raw.name.clone(),
            bytes: Arc::clone(&composition.bytes),
        })
        .collect();
    let tell = Arc::clone(&foundation.progress);
    let codes = Arc::clone(&foundation.cache)
        .compile_all(
            foundation.engine.engine().clone(),
            jobs,
            foundation.threads,
            move |progress| {
                if progress.outcome != Some(CacheOutcome::Hit) {
                    tell(&format!(
                        "compiled {} ({} of {}, {:.1?})",
                        progress.name, progress.done, progress.total, progress.took
                    ));
                }
            },
        )
        .await;
    for ((raw, composition, digest), code) in fresh.into_iter().zip(codes) {
        match code {
            Ok(code) => {
                let prepared = prepared(raw, composition, code, digest, false);
                by_name.insert(prepared.name.clone(), prepared);
            }
            Err(error) => {
                faults.push(loaded.error(raw.span, "compile", format!("`{}`: {error}", raw.name)))
            }
        }
    }
    if faults.has_errors() {
        Err(faults)
    } else {
        Ok(Components { by_name })
    }
}

fn prepared(
    raw: Raw,
    composition: Composition,
    code: Code,
    digest: Fingerprint,
    kept: bool,
) -> Prepared {
    Prepared {
        worlds: raw.shape.worlds(),
        name: raw.name,
        span: raw.span,
        composition,
        code,
        signer: raw.signer,
        digest,
        kept,
    }
}

/// Every component of the bundle: its plugins, and what its flow packs carry.
fn collect(loaded: &Loaded, packs: &Packs, faults: &mut Diagnostics) -> Vec<Raw> {
    let mut all = Vec::new();
    for (name, plugin) in &loaded.bundle.plugins {
        let Some(source) = packs.get(&plugin.from.value) else {
            continue;
        };
        let Some((bytes, signer)) = pick(
            loaded,
            source,
            &plugin.from,
            plugin.component.as_ref(),
            faults,
        ) else {
            continue;
        };
        let grants = &plugin.grants;
        let ambient = !(grants.env.is_empty() && grants.read.is_empty() && grants.write.is_empty());
        let nothing = ambient
            || !(grants.http.is_empty()
                && grants.tcp.is_empty()
                && grants.secrets.is_empty()
                && grants.reveal.is_empty());
        let has_config = plugin
            .config
            .value
            .as_object()
            .is_some_and(|config| !config.is_empty());
        let (name, span) = (name.to_string(), plugin.name.span);
        let Some(shape) = inspect(loaded, &name, span, &bytes, faults) else {
            continue;
        };
        all.push(Raw {
            name,
            span,
            family: format!("{:?}", plugin.from.value),
            bytes,
            shape,
            signer,
            has_own: nothing || has_config,
            ambient,
            force_link: plugin.link,
            of_tenant: packs.only_for(&plugin.from.value).is_some(),
        });
    }
    for (name, pack) in &loaded.bundle.packs {
        let Some(Source::Pack(opened)) = packs.get(&pack.from.value) else {
            continue;
        };
        for component in &opened.manifest().components {
            let Some(bytes) = opened.component_bytes(&component.name) else {
                continue;
            };
            let bytes: Arc<[u8]> = bytes.to_vec().into();
            let (name, span) = (format!("{name}/{}", component.name), pack.name.span);
            let Some(shape) = inspect(loaded, &name, span, &bytes, faults) else {
                continue;
            };
            all.push(Raw {
                name,
                span,
                family: format!("{:?}", pack.from.value),
                bytes,
                shape,
                signer: opened.trust().to_string(),
                has_own: false,
                ambient: false,
                force_link: false,
                of_tenant: packs.only_for(&pack.from.value).is_some(),
            });
        }
    }
    all
}

/// The outside of a component, or the fault that it has none.
fn inspect(
    loaded: &Loaded,
    name: &str,
    span: Span,
    bytes: &[u8],
    faults: &mut Diagnostics,
) -> Option<Arc<Shape>> {
    match Shape::of(bytes) {
        Ok(shape) => Some(Arc::new(shape)),
        Err(error) => {
            faults.push(loaded.error(span, "component", format!("`{name}`: {error}")));
            None
        }
    }
}

/// The component an entry means.
fn pick(
    loaded: &Loaded,
    source: &Source,
    from: &Spanned<greentic_config::Origin>,
    component: Option<&Spanned<String>>,
    faults: &mut Diagnostics,
) -> Option<(Arc<[u8]>, String)> {
    let pack = match source {
        Source::Bare(bytes) => return Some((Arc::clone(bytes), "nobody: a bare component".into())),
        Source::Pack(pack) => pack,
    };
    let names: Vec<&str> = pack
        .manifest()
        .components
        .iter()
        .map(|component| component.name.as_str())
        .collect();
    let name = match (component, names.as_slice()) {
        (Some(name), _) => name.value.as_str(),
        (None, [only]) => only,
        (None, []) => {
            faults.push(loaded.error(
                from.span,
                "component",
                format!("pack `{}` holds no component", pack.id()),
            ));
            return None;
        }
        (None, several) => {
            faults.push(
                loaded
                    .error(
                        from.span,
                        "component",
                        format!("pack `{}` holds several components", pack.id()),
                    )
                    .help(format!(
                        "say which with `component:`; there are {}",
                        several.join(", ")
                    )),
            );
            return None;
        }
    };
    match pack.component_bytes(name) {
        Some(bytes) => Some((bytes.to_vec().into(), pack.trust().to_string())),
        None => {
            let span = component.map_or(from.span, |component| component.span);
            let fault = loaded.error(
                span,
                "component",
                format!("pack `{}` holds no component `{name}`", pack.id()),
            );
            let help = match greentic_diagnostics::suggest(name, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            faults.push(fault.help(help));
            None
        }
    }
}

/// A component may stand in a bundle twice, as a plugin and in a flow pack; as a provider it counts once, and the one of the same
/// pack comes first.
fn without_doubles(candidates: Vec<Candidate>, family: &str, raw: &[Raw]) -> Vec<Candidate> {
    let of_family = |name: &str| {
        raw.iter()
            .any(|entry| entry.name == name && entry.family == family)
    };
    let (mut near, far): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|candidate| of_family(&candidate.name));
    near.extend(far);
    let mut distinct: Vec<Candidate> = Vec::new();
    for candidate in near {
        if !distinct
            .iter()
            .any(|earlier| earlier.bytes == candidate.bytes)
        {
            distinct.push(candidate);
        }
    }
    distinct
}

/// The interfaces the host itself offers: those of the contract, and WASI.
fn offers() -> Vec<InterfaceName> {
    let own = [
        ("channel", "log"),
        ("channel", "memory"),
        ("secrets", "secret-store"),
        ("flow", "nodes"),
        ("flow", "tools"),
        ("flow", "state"),
    ];
    let own = own
        .into_iter()
        .map(|(package, interface)| named("greentic", package, interface, "0.1.0"));
    let odd = [
        named("wasi", "config", "store", "0.2.0-rc.1"),
        named("wasi", "logging", "logging", "0.1.0-draft"),
    ];
    let wasi = WASI.iter().flat_map(|(version, package, interfaces)| {
        interfaces
            .iter()
            .map(move |interface| named("wasi", package, interface, version))
    });
    own.chain(odd).chain(wasi).collect()
}

/// What is linked of WASI: version, package, interfaces. A component built against an older patch version of the same line is served.
const WASI: &[(&str, &str, &[&str])] = &[
    (
        "0.2.12",
        "cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("0.2.12", "io", &["error", "poll", "streams"]),
    ("0.2.12", "clocks", &["monotonic-clock", "wall-clock"]),
    ("0.2.12", "random", &["random", "insecure", "insecure-seed"]),
    ("0.2.12", "filesystem", &["types", "preopens"]),
    (
        "0.2.12",
        "sockets",
        &[
            "network",
            "instance-network",
            "ip-name-lookup",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
    ("0.2.12", "http", &["types", "outgoing-handler"]),
    (
        "0.3.0",
        "cli",
        &[
            "types",
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    (
        "0.3.0",
        "clocks",
        &["types", "monotonic-clock", "system-clock"],
    ),
    ("0.3.0", "random", &["random", "insecure", "insecure-seed"]),
    ("0.3.0", "filesystem", &["types", "preopens"]),
    ("0.3.0", "sockets", &["types", "ip-name-lookup"]),
    ("0.3.0", "http", &["types", "client"]),
];

fn named(namespace: &str, package: &str, interface: &str, version: &str) -> InterfaceName {
    InterfaceName {
        namespace: namespace.into(),
        package: package.into(),
        interface: interface.into(),
        version: semver::Version::parse(version).ok(),
    }
}
