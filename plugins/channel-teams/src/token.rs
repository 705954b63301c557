//! The access token with which the channel calls the Connector.
//!
//! The client secret is placed by the host into the request for it; the token itself comes back in a body and so does pass through
//! this component. It is kept in the channel's memory until five minutes before its end. It never stands in a log line or an
//! error: its type has no way to be printed, and what a server says back is searched for it.

use std::time::Duration;

use greentic_sdk::channel::{DeliveryError, memory};
use greentic_sdk::delivery;
use greentic_sdk::http::{Request, Response};
use greentic_sdk::secret::{Secret, SecretError};
use serde::{Deserialize, Serialize};

use crate::settings::Settings;

/// How long before its end a token is replaced.
const EARLY_MS: u64 = 5 * 60 * 1000;
const TIMEOUT: Duration = Duration::from_secs(5);
const NAME: &str = "access-token";

/// What opens the Connector. It has no `Debug` and no `Display`.
pub struct AccessToken(String);

#[derive(Serialize, Deserialize)]
struct Kept {
    token: String,
    expires_ms: u64,
    /// As whom and with which version of the secret it was got.
    by: String,
}

impl AccessToken {
    /// The value of the `Authorization` header.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0)
    }

    /// A server's words with the token taken out of them.
    pub fn hide(&self, text: &str) -> String {
        text.replace(&self.0, "[token]")
    }
}

/// Opens the client secret.
///
/// # Errors
/// Why it cannot be opened, in the operator's words.
pub fn client_secret(settings: &Settings) -> Result<Secret, String> {
    let name = &settings.client_secret;
    Secret::open(name).map_err(|error| match error {
        SecretError::Denied(text) => format!("secret `{name}` is not granted: {text}"),
        SecretError::NotFound => format!("there is no secret `{name}`"),
        SecretError::Unavailable(text) => format!("secret `{name}` cannot be read now: {text}"),
    })
}

/// The token: the kept one, or a new one where that is over or `fresh` is asked for because the kept one was refused.
///
/// # Errors
/// `retry` in every case: nothing was sent, and what is wrong is not the message.
pub fn obtain(settings: &Settings, now_ms: u64, fresh: bool) -> Result<AccessToken, DeliveryError> {
    let failed = |reason: String| delivery::retry(reason, None);
    let secret = client_secret(settings).map_err(failed)?;
    let by = format!(
        "{}|{}|{}|{}",
        settings.app_id,
        settings.tenant_id,
        settings.login_url,
        secret.version()
    );
    if !fresh {
        let kept = memory::get(NAME)
            .map_err(|error| failed(format!("the channel's memory: {error:?}")))?
            .and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok())
            .filter(|kept| kept.by == by && now_ms.saturating_add(EARLY_MS) < kept.expires_ms);
        if let Some(kept) = kept {
            return Ok(AccessToken(kept.token));
        }
    }
    let response = Request::post(format!(
        "{}/{}/oauth2/v2.0/token",
        settings.login_url, settings.tenant_id
    ))
    .form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &settings.app_id),
        ("client_secret", &secret.placeholder()),
        ("scope", &settings.scope),
    ])
    .timeout(TIMEOUT)
    .send()
    .map_err(|fault| failed(format!("no access token: {fault}")))?;
    let (token, lives_s) = read(&response)?;
    let kept = Kept {
        token,
        expires_ms: now_ms.saturating_add(lives_s.saturating_mul(1000)),
        by,
    };
    let bytes = serde_json::to_vec(&kept).unwrap_or_default();
    let ttl_ms = lives_s.saturating_mul(1000).saturating_sub(EARLY_MS).max(1);
    // A token that cannot be kept is still good for this call.
    if let Err(error) = memory::put(NAME, &bytes, Some(ttl_ms)) {
        greentic_sdk::log::warn!("token", "the access token cannot be kept: {error:?}");
    }
    Ok(AccessToken(kept.token))
}

/// Token and life in seconds, from the answer of the token endpoint (RFC 6749, sections 5.1 and 5.2).
fn read(response: &Response) -> Result<(String, u64), DeliveryError> {
    #[derive(Deserialize)]
    struct Granted {
        access_token: String,
        token_type: String,
        expires_in: u64,
    }
    #[derive(Default, Deserialize)]
    struct Denied {
        #[serde(default)]
        error: String,
        #[serde(default)]
        error_codes: Vec<u64>,
    }
    if response.status == 200 {
        return match response.json::<Granted>() {
            Ok(granted)
                if granted.token_type.eq_ignore_ascii_case("bearer")
                    && !granted.access_token.is_empty()
                    && granted
                        .access_token
                        .bytes()
                        .all(|byte| byte.is_ascii_graphic()) =>
            {
                Ok((granted.access_token, granted.expires_in))
            }
            // The body holds a token perhaps: nothing of it is told.
            _ => Err(delivery::retry(
                "the token endpoint's answer is not a bearer token",
                None,
            )),
        };
    }
    let denied: Denied = response.json().unwrap_or_default();
    Err(delivery::retry(
        format!(
            "no access token: HTTP {} {:.60} {:?}",
            response.status, denied.error, denied.error_codes
        ),
        response.retry_after_ms(),
    ))
}
