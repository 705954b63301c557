//! Fetching what the bundle names in registries, before anything of it is opened.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use greentic_config::{Loaded, Origin};
use greentic_diagnostics::{Diagnostic, Diagnostics, Span};
use greentic_registry::{
    Client, Digest, DockerConfig, Fetched, Fetcher, Limits, Reference, Registry,
};

use super::Foundation;
use super::lock::{self, Locking};
use super::logins::Logins;
use super::packs::{origins, shown};

/// What was fetched, by where it is from. Without anything in a registry there is no client either.
#[derive(Clone, Default)]
pub(crate) struct FetchedAll {
    all: Arc<HashMap<Origin, Fetched>>,
    /// Who asks registries for new versions; none where nothing is to be asked.
    client: Option<Arc<Client>>,
    /// What an operator should look at.
    pub(crate) warnings: Vec<String>,
}

/// A tag that is looked after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedTag {
    /// The tag.
    pub reference: Reference,
    /// The manifest it had.
    pub manifest: Digest,
    /// How often its registry is asked.
    pub every: Duration,
}

impl FetchedAll {
    pub(super) fn get(&self, origin: &Origin) -> Option<&Fetched> {
        self.all.get(origin)
    }

    pub(super) fn manifest(&self, origin: &Origin) -> Option<Digest> {
        self.get(origin).map(|fetched| fetched.manifest)
    }

    pub(crate) fn client(&self) -> Option<&Arc<Client>> {
        self.client.as_ref()
    }

    /// The tags of a bundle that are looked after, each once.
    pub(crate) fn watched(&self, loaded: &Loaded) -> Vec<WatchedTag> {
        if self.client.is_none() {
            return Vec::new();
        }
        let bundle = &loaded.bundle;
        let plugins = bundle.plugins.values().map(|one| (&one.from, &one.watch));
        let packs = bundle.packs.values().map(|one| (&one.from, &one.watch));
        let mut tags: Vec<WatchedTag> = Vec::new();
        for (from, watch) in plugins.chain(packs) {
            let (Some(watch), Some(fetched)) = (watch, self.get(&from.value)) else {
                continue;
            };
            let known = tags
                .iter_mut()
                .find(|tag| tag.reference == fetched.reference);
            match known {
                Some(known) => known.every = known.every.min(watch.value),
                None => tags.push(WatchedTag {
                    reference: fetched.reference.clone(),
                    manifest: fetched.manifest,
                    every: watch.value,
                }),
            }
        }
        tags
    }
}

/// Fetches everything, several at a time.
///
/// # Errors
/// Everything that cannot be had, each with its place.
pub(super) async fn fetch(
    foundation: &Foundation,
    loaded: &Loaded,
    logins: &Logins,
) -> Result<FetchedAll, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut wanted: Vec<(&Origin, Span, Reference)> = Vec::new();
    for from in origins(&loaded.bundle) {
        let Origin::Oci(text) = &from.value else {
            continue;
        };
        if wanted.iter().any(|(origin, ..)| *origin == &from.value) {
            continue;
        }
        match text.parse::<Reference>() {
            Ok(reference) => wanted.push((&from.value, from.span, reference)),
            Err(reason) => faults.push(loaded.error(
                from.span,
                "bad-reference",
                format!("`{}`: {reason}", shown(&from.value)),
            )),
        }
    }
    let locked = foundation.locking == Locking::Require;
    if locked && !wanted.is_empty() {
        pin(loaded, &mut wanted, &mut faults);
    }
    if faults.has_errors() {
        return Err(faults);
    }
    if wanted.is_empty() {
        return Ok(FetchedAll::default());
    }
    let client = Arc::new(client(foundation, loaded, logins)?);
    let fetcher = Fetcher::new(
        Arc::clone(&client),
        foundation.fetched.clone(),
        foundation.offline,
        Arc::clone(&foundation.progress),
    );
    let references: Vec<_> = wanted
        .iter()
        .map(|(.., reference)| reference.clone())
        .collect();
    let fetched = fetcher.fetch_all(&references).await;
    let mut all = HashMap::new();
    let mut warnings = Vec::new();
    for ((origin, span, _), outcome) in wanted.iter().zip(fetched) {
        match outcome {
            Ok(fetched) => {
                if let Some(error) = &fetched.unreachable {
                    let warning = format!(
                        "{error}; what the tag had when it was last seen is used: {}",
                        fetched.manifest
                    );
                    tracing::warn!("{warning}");
                    warnings.push(warning);
                }
                all.insert((*origin).clone(), fetched);
            }
            Err(error) => faults.push(
                loaded
                    .error(*span, "registry", error.to_string())
                    .help(error.remedy()),
            ),
        }
    }
    if faults.has_errors() {
        return Err(faults);
    }
    Ok(FetchedAll {
        all: Arc::new(all),
        client: Some(client).filter(|_| !foundation.offline && !locked),
        warnings,
    })
}

/// Asks for what is locked by its manifest, wherever its tag has gone since.
fn pin(loaded: &Loaded, wanted: &mut [(&Origin, Span, Reference)], faults: &mut Diagnostics) {
    match lock::read(loaded) {
        Ok(Some(lock)) => {
            for (origin, _, reference) in wanted {
                let locked = lock.packs.get(&shown(origin));
                let manifest = locked.and_then(|locked| locked.manifest.as_deref()?.parse().ok());
                if let (Some(manifest), None) = (manifest, reference.digest()) {
                    *reference = reference.at(manifest);
                }
            }
        }
        // That there is none is told once all is opened.
        Ok(None) => {}
        Err(fault) => faults.push(*fault),
    }
}

fn client(
    foundation: &Foundation,
    loaded: &Loaded,
    logins: &Logins,
) -> Result<Client, Diagnostics> {
    let mut faults = Diagnostics::default();
    let mut registries = Vec::new();
    for registry in &loaded.bundle.registries {
        let authorities = registry.authorities.as_ref().and_then(|path| {
            std::fs::read(&path.value)
                .map_err(|error| faults.push(unusable(loaded, path.span, &path.value, &error)))
                .ok()
        });
        registries.push(Registry {
            host: registry.host.value.clone(),
            insecure: registry.insecure,
            credentials: logins.of(registry),
            authorities,
        });
    }
    if faults.has_errors() {
        return Err(faults);
    }
    let (of_registry, pack) = (&loaded.bundle.limits.registry, &loaded.bundle.limits.pack);
    let limits = Limits {
        connect: of_registry.connect,
        answer: of_registry.answer,
        transfer: of_registry.transfer,
        manifest: of_registry.manifest,
        layer: pack.bytes,
        parallel: of_registry.parallel,
        cache: of_registry.cache,
    };
    let docker = DockerConfig::of_environment(&|name| (foundation.env)(name));
    Client::new(limits, registries, docker).map_err(|reason| {
        let first = loaded.bundle.registries.first();
        let span = first.map_or_else(Span::default, |registry| registry.host.span);
        Diagnostics::from(loaded.error(span, "registry", reason))
    })
}

fn unusable(
    loaded: &Loaded,
    span: Span,
    path: &std::path::Path,
    error: &std::io::Error,
) -> Diagnostic {
    loaded
        .error(
            span,
            "missing-file",
            format!("{} cannot be read: {error}", path.display()),
        )
        .help("check the path; it is relative to the bundle")
}
