//! From references to bytes: the registry, the cache, several at a time, with progress.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};

use crate::artifact::{Kind, Manifest};
use crate::cache::Cache;
use crate::client::Client;
use crate::digest::Digest;
use crate::error::{Part, Reason, RegistryError};
use crate::progress::{self, Tell};
use crate::reference::Reference;

/// Something that was fetched: what it is was not looked at, only that it is what was asked for.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// What was asked for.
    pub reference: Reference,
    /// The manifest it has, or that its tag had.
    pub manifest: Digest,
    /// What it is.
    pub kind: Kind,
    /// Its digest: of the layer, and of these bytes.
    pub digest: Digest,
    /// The pack or component.
    pub bytes: Bytes,
    /// What its manifest says about it.
    pub annotations: BTreeMap<String, String>,
    /// Whether nothing of it had to be fetched.
    pub cached: bool,
    /// Why the registry could not be asked, when the tag's last known manifest was taken instead.
    pub unreachable: Option<Box<RegistryError>>,
}

/// Fetches packs and components.
#[derive(Clone)]
pub struct Fetcher {
    client: Arc<Client>,
    cache: Option<Cache>,
    offline: bool,
    tell: Tell,
}

impl Fetcher {
    /// `offline` uses nothing but the cache.
    #[must_use]
    pub fn new(client: Arc<Client>, cache: Option<Cache>, offline: bool, tell: Tell) -> Self {
        Self {
            client,
            cache,
            offline,
            tell,
        }
    }

    /// Fetches all of these, several at a time, and gives each its outcome, in their order.
    pub async fn fetch_all(&self, references: &[Reference]) -> Vec<Result<Fetched, RegistryError>> {
        let parallel = self.client.limits().parallel.max(1);
        let fetched = stream::iter(references).map(|reference| self.fetch(reference));
        let fetched: Vec<_> = fetched.buffered(parallel).collect().await;
        if let Some(cache) = &self.cache {
            let in_use = fetched.iter().flatten();
            let in_use = in_use
                .flat_map(|one| [one.manifest, one.digest])
                .collect::<Vec<_>>();
            cache.shrink(self.client.limits().cache, &in_use);
        }
        fetched
    }

    /// Fetches one.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub async fn fetch(&self, reference: &Reference) -> Result<Fetched, RegistryError> {
        let fault = |part, reason| RegistryError::new(reference, part, reason);
        let (manifest, cached, unreachable) = self.manifest(reference).await?;
        let read = Manifest::read(&manifest.0, manifest.1.as_deref());
        let read = read.map_err(|reason| fault(Part::Manifest, reason))?;
        let (kind, layer) = read
            .content()
            .map_err(|reason| fault(Part::Manifest, reason))?;
        let limits = self.client.limits();
        let there = self
            .cache
            .as_ref()
            .and_then(|cache| cache.blob(layer.digest, limits.layer));
        let (bytes, layer_cached) = match there {
            Some(bytes) => (bytes, true),
            None if self.offline => return Err(fault(Part::Layer(layer.digest), Reason::Offline)),
            None => {
                let meter =
                    progress::meter(&self.tell, format!("fetching {reference}"), layer.size);
                let bytes = self.client.blob(reference, layer, &meter).await?;
                self.keep(|cache| cache.keep(layer.digest, &bytes));
                (bytes, false)
            }
        };
        let digest = Digest::of(&manifest.0);
        // Last, so that a tag in the cache can be loaded from it.
        if reference.digest().is_none() && !self.offline && unreachable.is_none() {
            self.keep(|cache| cache.keep_tag(reference, digest));
        }
        Ok(Fetched {
            reference: reference.clone(),
            manifest: digest,
            kind,
            digest: layer.digest,
            bytes,
            annotations: read.annotations.clone(),
            cached: cached && layer_cached,
            unreachable: unreachable.map(Box::new),
        })
    }

    /// The manifest with its media type, whether it is from the cache, and why the registry was not asked where it should have been.
    async fn manifest(&self, reference: &Reference) -> Result<Resolved, RegistryError> {
        if let Some(digest) = reference.digest()
            && let Some(manifest) = self.cached_manifest(digest)
        {
            return Ok((manifest, true, None));
        }
        let known = || {
            let cache = self.cache.as_ref()?;
            self.cached_manifest(cache.tag(reference)?)
        };
        if self.offline {
            let fault = || RegistryError::new(reference, Part::Manifest, Reason::Offline);
            return Ok((known().ok_or_else(fault)?, true, None));
        }
        match self.client.manifest(reference).await {
            Ok(came) => {
                self.keep(|cache| cache.keep(came.digest, &came.bytes));
                Ok(((came.bytes.into(), came.media_type), false, None))
            }
            Err(error) if error.reason.is_passing() => match known() {
                Some(manifest) => Ok((manifest, true, Some(error))),
                None => Err(error),
            },
            Err(error) => Err(error),
        }
    }

    fn cached_manifest(&self, digest: Digest) -> Option<(Bytes, Option<String>)> {
        let limit = self.client.limits().manifest;
        Some((self.cache.as_ref()?.blob(digest, limit)?, None))
    }

    /// A cache that cannot be written costs another transfer and nothing else.
    fn keep(&self, keep: impl FnOnce(&Cache) -> std::io::Result<()>) {
        if let Some(cache) = &self.cache
            && let Err(error) = keep(cache)
        {
            (self.tell)(&format!(
                "what was fetched cannot be kept in the cache: {error}"
            ));
        }
    }
}

type Resolved = ((Bytes, Option<String>), bool, Option<RegistryError>);
