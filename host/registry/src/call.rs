//! Requests to one registry for one repository: access where it is wanted, and redirects where the specification has them.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use http::{Method, Request, Response, StatusCode, Uri};
use hyper::body::Incoming;

use crate::access::{Action, Asking};
use crate::answer;
use crate::artifact::{DOCKER_MANIFEST, Descriptor, INDEX, MANIFEST};
use crate::client::{Client, Registry};
use crate::credentials::{Found, is_hub};
use crate::error::Reason;
use crate::http::{Http, Meter, Upload};
use crate::reference::{Reference, is_loopback};

/// Redirects of one request.
const REDIRECTS: usize = 5;
/// What manifests are asked for as.
const ACCEPTED: [&str; 3] = [MANIFEST, DOCKER_MANIFEST, INDEX];

/// Calls to one registry for one repository.
pub(crate) struct Call<'a> {
    client: &'a Client,
    reference: &'a Reference,
    action: Action,
    pub(crate) http: &'a Http,
    registry: Option<&'a Registry>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(
        client: &'a Client,
        reference: &'a Reference,
        action: Action,
    ) -> Result<Self, Reason> {
        let own = client.own.get(reference.registry());
        let registry = own.map(|(registry, _)| registry);
        if registry.is_some_and(|registry| registry.insecure) && !is_loopback(reference.registry())
        {
            return Err(Reason::PlainElsewhere);
        }
        Ok(Self {
            client,
            reference,
            action,
            http: own.map_or(&client.http, |(_, http)| http),
            registry,
        })
    }

    fn plain(&self) -> bool {
        self.registry.is_some_and(|registry| registry.insecure)
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        let scheme = if self.plain() { "http" } else { "https" };
        let (registry, repository) = (self.reference.registry(), self.reference.repository());
        if is_hub(registry) {
            // Docker's own registry has another name than it is called by, and a folder for names without one.
            let library = if repository.contains('/') {
                ""
            } else {
                "library/"
            };
            return format!("https://registry-1.docker.io/v2/{library}{repository}/{rest}");
        }
        format!("{scheme}://{registry}/v2/{repository}/{rest}")
    }

    async fn credentials(&self) -> Result<Option<Found>, Reason> {
        if let Some(credentials) = self
            .registry
            .and_then(|registry| registry.credentials.clone())
        {
            let whence = "those named for it".to_owned();
            return Ok(Some(Found {
                credentials,
                whence,
            }));
        }
        let found = self.client.docker.of(self.reference.registry()).await;
        found.map_err(Reason::Credentials)
    }

    fn asking<'b>(&'b self, found: Option<&'b Found>) -> Asking<'b> {
        Asking {
            http: self.http,
            repository: self.reference.repository(),
            action: self.action,
            found,
            plain: self.plain(),
        }
    }

    pub(crate) fn shown(&self, found: Option<&Found>) -> String {
        self.asking(found).shown()
    }

    /// Sends a request to the registry, with access where it wants some.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        body: &(dyn Fn() -> Upload + Sync),
    ) -> Result<Response<Incoming>, Reason> {
        let (registry, repository) = (self.reference.registry(), self.reference.repository());
        let known = &self.client.known;
        let header = known.get(registry, repository, self.action);
        let response = self.once(&method, url, body(), header).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !self.is_own(url) {
            return Ok(response);
        }
        let found = self.credentials().await?;
        let header = self
            .asking(found.as_ref())
            .answer(response.headers())
            .await?;
        let response = self
            .once(&method, url, body(), Some(header.clone()))
            .await?;
        if response.status() == StatusCode::UNAUTHORIZED
            || response.status() == StatusCode::FORBIDDEN
        {
            let shown = || self.shown(found.as_ref());
            return Err(answer::refusal(self.http, response, shown).await);
        }
        known.keep(registry, repository, self.action, header);
        Ok(response)
    }

    async fn once(
        &self,
        method: &Method,
        url: &str,
        body: Upload,
        access: Option<http::HeaderValue>,
    ) -> Result<Response<Incoming>, Reason> {
        use http_body::Body as _;
        let mut request = Request::builder().method(method).uri(url);
        if let Some(access) = access.filter(|_| self.is_own(url)) {
            request = request.header(AUTHORIZATION, access);
        }
        if *method == Method::PUT || *method == Method::POST {
            let manifest = url.contains("/manifests/");
            let kind = if manifest {
                MANIFEST
            } else {
                "application/octet-stream"
            };
            let length = body.size_hint().exact().unwrap_or(0);
            request = request
                .header(CONTENT_TYPE, kind)
                .header(CONTENT_LENGTH, length);
        } else if url.contains("/manifests/") {
            for accepted in ACCEPTED {
                request = request.header(ACCEPT, accepted);
            }
        }
        let request = request.body(body);
        let request = request.map_err(|error| Reason::BadAnswer(error.to_string()))?;
        self.http.send(request).await
    }

    /// Whether an address is the registry's own: others are shown no credentials.
    fn is_own(&self, url: &str) -> bool {
        let of = |url: &str| {
            let uri: Uri = url.parse().ok()?;
            Some((
                uri.scheme_str()?.to_owned(),
                uri.authority()?.as_str().to_owned(),
            ))
        };
        of(url).is_some_and(|place| of(&self.path("")) == Some(place))
    }

    /// Fetches something. Blobs may lie elsewhere, which the registry says by a redirect; nothing else may.
    pub(crate) async fn get(&self, url: &str) -> Result<Response<Incoming>, Reason> {
        let mut url = url.to_owned();
        let may_lie_elsewhere = url.contains("/blobs/");
        for _ in 0..=REDIRECTS {
            let response = self.send(Method::GET, &url, &Upload::none).await?;
            match response.status() {
                StatusCode::OK => return Ok(response),
                status if status.is_redirection() && may_lie_elsewhere => {
                    url = self.location(&url, &response)?;
                }
                _ => return Err(answer::refusal(self.http, response, || self.shown(None)).await),
            }
        }
        Err(Reason::Redirected(format!("more than {REDIRECTS} times")))
    }

    /// Where an answer says to go on: by TLS, or where the registry itself needs none, on this machine.
    fn location(&self, from: &str, response: &Response<Incoming>) -> Result<String, Reason> {
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|value| value.to_str().ok());
        let location =
            location.ok_or_else(|| Reason::BadAnswer("it says to go on and not where".into()))?;
        let target = if location.starts_with('/') {
            let base: Uri = from
                .parse()
                .map_err(|_| Reason::BadAnswer("a bad address".into()))?;
            let (scheme, authority) = (base.scheme_str(), base.authority());
            let authority = authority.map_or("", |authority| authority.as_str());
            format!("{}://{authority}{location}", scheme.unwrap_or("https"))
        } else {
            location.to_owned()
        };
        let shown: String = target
            .split('?')
            .next()
            .unwrap_or_default()
            .chars()
            .take(200)
            .collect();
        let uri: Uri = target
            .parse()
            .map_err(|_| Reason::Redirected(format!("to `{shown}`, which is no address")))?;
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        match uri.scheme_str() {
            Some("https") => Ok(target),
            Some("http") if self.plain() && is_loopback(authority) => Ok(target),
            _ => Err(Reason::Redirected(format!(
                "to `{shown}`, which does not speak TLS"
            ))),
        }
    }

    pub(crate) async fn upload(
        &self,
        blob: &Descriptor,
        bytes: &Bytes,
        meter: &Meter,
    ) -> Result<(), Reason> {
        let there = self.path(&format!("blobs/{}", blob.digest));
        let response = self.send(Method::HEAD, &there, &Upload::none).await?;
        if response.status() == StatusCode::OK {
            return Ok(());
        }
        let begin = self.path("blobs/uploads/");
        let response = self.send(Method::POST, &begin, &Upload::none).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(answer::refusal(self.http, response, || self.shown(None)).await);
        }
        let place = self.location(&begin, &response)?;
        let joint = if place.contains('?') { '&' } else { '?' };
        let place = format!("{place}{joint}digest={}", blob.digest);
        let body = || Upload::of(bytes.clone(), Some(Arc::clone(meter)));
        let response = self.send(Method::PUT, &place, &body).await?;
        if response.status() != StatusCode::CREATED {
            return Err(answer::refusal(self.http, response, || self.shown(None)).await);
        }
        Ok(())
    }
}
