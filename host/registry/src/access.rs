//! What a registry is shown: name and password, or a token from the service it names (distribution specification, "token
//! authentication").

use std::collections::HashMap;
use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderMap, Request, Uri};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::answer;
use crate::credentials::{Credentials, Found};
use crate::error::Reason;
use crate::http::{Http, Upload};
use crate::reference::is_loopback;

/// What a token service is told of who asks.
const CLIENT: &str = "greentic";
/// Bytes of its answer.
const ANSWER: u64 = 256 * 1024;

/// What is done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    Pull,
    Push,
}

impl Action {
    fn scope(self, repository: &str) -> String {
        let actions = match self {
            Self::Pull => "pull",
            Self::Push => "pull,push",
        };
        format!("repository:{repository}:{actions}")
    }
}

/// Headers that were accepted, by registry, repository and action.
#[derive(Default)]
pub(crate) struct Known(Mutex<HashMap<(String, String, Action), HeaderValue>>);

impl Known {
    pub(crate) fn get(
        &self,
        registry: &str,
        repository: &str,
        action: Action,
    ) -> Option<HeaderValue> {
        let key = (registry.to_owned(), repository.to_owned(), action);
        self.0.lock().ok()?.get(&key).cloned()
    }

    pub(crate) fn keep(
        &self,
        registry: &str,
        repository: &str,
        action: Action,
        header: HeaderValue,
    ) {
        if let Ok(mut known) = self.0.lock() {
            let key = (registry.to_owned(), repository.to_owned(), action);
            known.insert(key, header);
        }
    }
}

/// Somebody who asks for access.
pub(crate) struct Asking<'a> {
    pub(crate) http: &'a Http,
    pub(crate) repository: &'a str,
    pub(crate) action: Action,
    pub(crate) found: Option<&'a Found>,
    /// Whether the registry speaks plain HTTP; its token service may then, too.
    pub(crate) plain: bool,
}

impl Asking<'_> {
    /// Which credentials were shown, for a refusal.
    pub(crate) fn shown(&self) -> String {
        match self.found {
            Some(found) => format!("{} were shown", found.whence),
            None => "no credentials are known for it".to_owned(),
        }
    }

    fn unauthorized(&self, detail: impl Into<String>) -> Reason {
        Reason::Unauthorized {
            detail: detail.into(),
            shown: self.shown(),
        }
    }

    /// The header that answers a challenge.
    pub(crate) async fn answer(&self, headers: &HeaderMap) -> Result<HeaderValue, Reason> {
        if let Some(Credentials::Bearer(token)) = self.found.map(|found| &found.credentials) {
            return header("Bearer", token);
        }
        let mut basic = false;
        for value in headers.get_all(WWW_AUTHENTICATE) {
            let Ok(text) = value.to_str() else { continue };
            let Ok(challenges) = http_auth::parse_challenges(text) else {
                continue;
            };
            for challenge in challenges {
                if challenge.scheme.eq_ignore_ascii_case("bearer") {
                    let of = |name: &str| {
                        let param = challenge
                            .params
                            .iter()
                            .find(|(key, _)| key.eq_ignore_ascii_case(name));
                        param.map(|(_, value)| value.to_unescaped())
                    };
                    let realm = of("realm").ok_or_else(|| {
                        Reason::BadAnswer("its challenge names no token service".into())
                    })?;
                    return self.token(&realm, of("service"), of("scope")).await;
                }
                basic |= challenge.scheme.eq_ignore_ascii_case("basic");
            }
        }
        match self.found.map(|found| &found.credentials) {
            Some(Credentials::Password { username, password }) if basic => pair(username, password),
            Some(_) if basic => Err(self.unauthorized("it wants a name and a password")),
            None if basic => Err(self.unauthorized("it wants credentials")),
            _ => Err(self.unauthorized("it names no way to log in that is known here")),
        }
    }

    /// What a token service is asked; with a token to exchange it is a form.
    fn query(
        &self,
        service: Option<String>,
        scope: Option<String>,
        identity: Option<&str>,
    ) -> Zeroizing<String> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(service) = &service {
            query.append_pair("service", service);
        }
        let scope = scope.unwrap_or_else(|| self.action.scope(self.repository));
        query.append_pair("scope", &scope);
        query.append_pair("client_id", CLIENT);
        if let Some(identity) = identity {
            query.append_pair("grant_type", "refresh_token");
            query.append_pair("refresh_token", identity);
        }
        Zeroizing::new(query.finish())
    }

    /// A token from the service that a registry names.
    async fn token(
        &self,
        realm: &str,
        service: Option<String>,
        scope: Option<String>,
    ) -> Result<HeaderValue, Reason> {
        #[derive(Deserialize)]
        struct Token {
            token: Option<String>,
            access_token: Option<String>,
        }
        let wrong = |why: &str| Reason::BadAnswer(format!("its token service `{realm}` {why}"));
        let uri: Uri = realm.parse().map_err(|_| wrong("is not a URL"))?;
        let authority = uri
            .authority()
            .ok_or_else(|| wrong("is not a URL"))?
            .as_str();
        let plain = self.plain && uri.scheme_str() == Some("http") && is_loopback(authority);
        // Name and password go there: never in the clear, and to no other kind of address.
        if uri.scheme_str() != Some("https") && !plain {
            return Err(wrong("does not speak TLS"));
        }
        let request = Request::builder().header(ACCEPT, "application/json");
        let identity = match self.found.map(|found| &found.credentials) {
            Some(Credentials::Identity(token)) => Some(token),
            _ => None,
        };
        let request = if let Some(identity) = identity {
            let form = self.query(service, scope, Some(identity));
            request
                .method("POST")
                .uri(uri)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Upload::of(form.as_bytes().to_vec().into(), None))
        } else {
            let query = self.query(service, scope, None);
            let joint = if realm.contains('?') { '&' } else { '?' };
            let mut request = request.uri(format!("{realm}{joint}{}", query.as_str()));
            if let Some(Credentials::Password { username, password }) =
                self.found.map(|found| &found.credentials)
            {
                request = request.header(AUTHORIZATION, pair(username, password)?);
            }
            request.body(Upload::none())
        };
        let request = request.map_err(|error| wrong(&format!("cannot be asked: {error}")))?;
        let response = self.http.send(request).await?;
        if !response.status().is_success() {
            let status = response.status();
            let said = answer::detail(self.http, response).await;
            let detail = format!(
                "its token service `{realm}` answers {}: {said}",
                status.as_u16()
            );
            return Err(match status.as_u16() {
                400..=403 => self.unauthorized(detail),
                status => Reason::Status { status, detail },
            });
        }
        let bytes = self
            .http
            .whole(response.into_body(), ANSWER, "no key")
            .await?;
        let bytes = Zeroizing::new(bytes);
        let token: Token =
            serde_json::from_slice(&bytes).map_err(|_| wrong("answers with no token"))?;
        let token = token
            .token
            .or(token.access_token)
            .filter(|token| !token.is_empty());
        header(
            "Bearer",
            &Zeroizing::new(token.ok_or_else(|| wrong("answers with no token"))?),
        )
    }
}

fn pair(username: &str, password: &str) -> Result<HeaderValue, Reason> {
    let pair = Zeroizing::new(format!("{username}:{password}"));
    header("Basic", &Zeroizing::new(STANDARD.encode(pair.as_bytes())))
}

fn header(scheme: &str, value: &str) -> Result<HeaderValue, Reason> {
    let text = Zeroizing::new(format!("{scheme} {value}"));
    let mut header = HeaderValue::from_str(&text)
        .map_err(|_| Reason::Credentials("they hold characters that no header can have".into()))?;
    header.set_sensitive(true);
    Ok(header)
}
