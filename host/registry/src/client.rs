//! The distribution specification, as far as packs and components need it: manifests and blobs, there and back.
//!
//! `oci-client` was tried for this. It reads manifests and errors of any length into memory, follows redirects wherever they lead,
//! and brings a second HTTP client with other certificate authorities than the rest of the host has (48 packages).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;

use crate::access::{Action, Known};
use crate::answer;
use crate::artifact::{Artifact, Descriptor};
use crate::call::Call;
use crate::credentials::{Credentials, DockerConfig};
use crate::digest::{Digest, Hasher};
use crate::error::{Part, Reason, RegistryError};
use crate::http::{Http, Meter, Upload};
use crate::limits::Limits;
use crate::progress::{self, Tell};
use crate::reference::Reference;

/// Waits before something that may pass is tried again.
const AGAIN: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(1)];
const DIGEST_HEADER: &str = "docker-content-digest";

/// A registry the operator says something about.
#[derive(Debug, Clone)]
pub struct Registry {
    /// Its host, with its port where it has one.
    pub host: String,
    /// Plain HTTP; only on this machine.
    pub insecure: bool,
    /// What it is shown; none: what the Docker configuration says.
    pub credentials: Option<Credentials>,
    /// PEM certificates of authorities beside the public ones.
    pub authorities: Option<Vec<u8>>,
}

/// Talks with registries.
pub struct Client {
    pub(crate) http: Http,
    pub(crate) own: HashMap<String, (Registry, Http)>,
    pub(crate) docker: DockerConfig,
    pub(crate) known: Known,
    limits: Arc<Limits>,
}

/// A manifest as it came.
pub(crate) struct Came {
    pub(crate) bytes: Vec<u8>,
    pub(crate) media_type: Option<String>,
    pub(crate) digest: Digest,
}

impl Client {
    /// A client with what is known of registries.
    ///
    /// # Errors
    /// A sentence that names the registry whose certificates cannot be used.
    pub fn new(
        limits: Limits,
        registries: Vec<Registry>,
        docker: DockerConfig,
    ) -> Result<Self, String> {
        let limits = Arc::new(limits);
        let mut own = HashMap::new();
        let common = Http::new(Arc::clone(&limits), None)?;
        for registry in registries {
            let http = match &registry.authorities {
                Some(pem) => Http::new(Arc::clone(&limits), Some(pem)).map_err(|reason| {
                    format!(
                        "the certificates for `{}` cannot be used: {reason}",
                        registry.host
                    )
                })?,
                None => common.clone(),
            };
            own.insert(registry.host.clone(), (registry, http));
        }
        Ok(Self {
            http: common,
            own,
            docker,
            known: Known::default(),
            limits,
        })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The digest a tag has now.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub async fn digest_of(&self, reference: &Reference) -> Result<Digest, RegistryError> {
        let fault = |reason| RegistryError::new(reference, Part::Manifest, reason);
        let call = Call::new(self, reference, Action::Pull).map_err(fault)?;
        let path = format!("manifests/{}", reference.in_path());
        let response = call
            .send(Method::HEAD, &call.path(&path), &Upload::none)
            .await;
        let response = response.map_err(fault)?;
        if !response.status().is_success() {
            return Err(fault(
                answer::refusal(call.http, response, || call.shown(None)).await,
            ));
        }
        match stated_digest(&response) {
            Some(digest) => Ok(digest),
            // Older registries do not say it.
            None => Ok(self.manifest(reference).await?.digest),
        }
    }

    /// A manifest; that its bytes are those asked for is checked.
    pub(crate) async fn manifest(&self, reference: &Reference) -> Result<Came, RegistryError> {
        let fault = |reason| RegistryError::new(reference, Part::Manifest, reason);
        again(|| async {
            let call = Call::new(self, reference, Action::Pull)?;
            let path = format!("manifests/{}", reference.in_path());
            let response = call.get(&call.path(&path)).await?;
            let media_type = response.headers().get(CONTENT_TYPE);
            let media_type = media_type
                .and_then(|value| value.to_str().ok())
                .map(|value| {
                    let end = value.find(';').unwrap_or(value.len());
                    value.get(..end).unwrap_or_default().trim().to_owned()
                });
            let stated = stated_digest(&response);
            let limit = self.limits.manifest;
            let bytes = call
                .http
                .whole(response.into_body(), limit, "limits.registry.manifest")
                .await?;
            let found = Digest::of(&bytes);
            if let Some(expected) = reference
                .digest()
                .or(stated)
                .filter(|wanted| *wanted != found)
            {
                return Err(Reason::DigestDiffers { expected, found });
            }
            Ok(Came {
                bytes,
                media_type,
                digest: found,
            })
        })
        .await
        .map_err(fault)
    }

    /// A blob; that its bytes and length are those asked for is checked.
    pub(crate) async fn blob(
        &self,
        reference: &Reference,
        blob: &Descriptor,
        meter: &Meter,
    ) -> Result<Bytes, RegistryError> {
        let fault = |reason| RegistryError::new(reference, Part::Layer(blob.digest), reason);
        let (limit, key) = (self.limits.layer, "limits.pack.bytes");
        if blob.size > limit {
            return Err(fault(Reason::TooLarge { limit, key }));
        }
        again(|| async {
            let call = Call::new(self, reference, Action::Pull)?;
            let response = call
                .get(&call.path(&format!("blobs/{}", blob.digest)))
                .await?;
            let mut hasher = Hasher::new();
            // What the manifest says is its word only: the buffer grows with what comes.
            let mut bytes = Vec::new();
            let mut take = |piece: &Bytes| {
                hasher.take(piece);
                bytes.extend_from_slice(piece);
                meter(u64::try_from(piece.len()).unwrap_or(u64::MAX));
            };
            let most = blob.size;
            let found = match call
                .http
                .pieces(response.into_body(), most, key, &mut take)
                .await
            {
                Err(Reason::TooLarge { .. }) => most.saturating_add(1),
                other => other?,
            };
            if found != blob.size {
                return Err(Reason::SizeDiffers {
                    stated: blob.size,
                    found,
                });
            }
            let found = hasher.done();
            if found != blob.digest {
                return Err(Reason::DigestDiffers {
                    expected: blob.digest,
                    found,
                });
            }
            Ok(Bytes::from(bytes))
        })
        .await
        .map_err(fault)
    }

    /// Puts an artifact into a registry: the blobs that are not there, and then its manifest. `tell` hears of what takes long.
    ///
    /// # Errors
    /// [`RegistryError`]
    pub async fn push(
        &self,
        reference: &Reference,
        artifact: &Artifact,
        tell: &Tell,
    ) -> Result<Digest, RegistryError> {
        let whole = |reason| RegistryError::new(reference, Part::Whole, reason);
        let call = Call::new(self, reference, Action::Push).map_err(whole)?;
        for (blob, bytes) in &artifact.blobs {
            let fault = |reason| RegistryError::new(reference, Part::Layer(blob.digest), reason);
            let meter = progress::meter(tell, format!("pushing {reference}"), blob.size);
            call.upload(blob, bytes, &meter).await.map_err(fault)?;
        }
        let fault = |reason| RegistryError::new(reference, Part::Manifest, reason);
        let name = match reference.tag() {
            Some(tag) => tag.to_owned(),
            None => artifact.digest().to_string(),
        };
        let bytes = Bytes::from(artifact.manifest.clone());
        let body = || Upload::of(bytes.clone(), None);
        let path = call.path(&format!("manifests/{name}"));
        let response = call.send(Method::PUT, &path, &body).await.map_err(fault)?;
        if response.status() != StatusCode::CREATED {
            return Err(fault(
                answer::refusal(call.http, response, || call.shown(None)).await,
            ));
        }
        if let Some(found) = stated_digest(&response).filter(|found| *found != artifact.digest()) {
            let expected = artifact.digest();
            return Err(fault(Reason::DigestDiffers { expected, found }));
        }
        Ok(artifact.digest())
    }
}

fn stated_digest(response: &Response<Incoming>) -> Option<Digest> {
    response
        .headers()
        .get(DIGEST_HEADER)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Tries again what may pass.
async fn again<T, F: Future<Output = Result<T, Reason>>>(
    attempt: impl Fn() -> F,
) -> Result<T, Reason> {
    for wait in AGAIN {
        match attempt().await {
            Err(reason) if reason.is_passing() => tokio::time::sleep(wait).await,
            other => return other,
        }
    }
    attempt().await
}
