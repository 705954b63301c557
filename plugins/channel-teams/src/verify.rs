//! Who sends a request: the whole of the check, in one place.
//!
//! The token is in the `Authorization` header. It does not cover the body, but it names the service URL that the body must name
//! too, and its key says for which channels it may speak. Until all of that is checked nothing of a body is believed, and its
//! service URL is called never unless it is on a trusted host.

use greentic_sdk::channel::{IngressError, Request};
use serde_json::Value;

use crate::jwt::{Expected, Refused, Token};
use crate::keys;
use crate::settings::Settings;

/// How far the platform's clock and this one may be apart (Bot Framework, "Authentication: from the Connector to your bot").
const SKEW_MS: u64 = 5 * 60 * 1000;

/// A request whose token is the platform's and is for this bot.
#[derive(Debug)]
pub struct Caller {
    service_url: Option<String>,
    endorsements: Vec<String>,
}

fn unverified(reason: impl Into<String>) -> IngressError {
    IngressError::Unverified(reason.into())
}

/// Checks the token.
///
/// # Errors
/// `unverified` when it is not the platform's or not for this bot, `unavailable` when that cannot be told now.
pub fn token(settings: &Settings, request: &Request, now_ms: u64) -> Result<Caller, IngressError> {
    let refused = |refused: Refused| unverified(refused.to_string());
    let mut authorizations = request
        .headers
        .iter()
        .filter(|header| header.name == "authorization");
    let (Some(authorization), None) = (authorizations.next(), authorizations.next()) else {
        return Err(refused(Refused::Missing));
    };
    let token = Token::parse(&authorization.value).map_err(refused)?;
    let key = keys::find(settings, token.kid(), now_ms)
        .map_err(IngressError::Unavailable)?
        .ok_or_else(|| unverified("the token names a key that the platform does not have"))?;
    let expected = Expected {
        issuer: &settings.issuer,
        audience: &settings.app_id,
        now_ms,
        skew_ms: SKEW_MS,
    };
    let claims = token.verify(&key.n, &key.e, &expected).map_err(refused)?;
    Ok(Caller {
        service_url: claims.serviceurl,
        endorsements: key.endorsements,
    })
}

impl Caller {
    /// Checks that the token is for this activity: its service URL, which must be trusted too, and its channel.
    ///
    /// # Errors
    /// `unverified`.
    pub fn speaks_for(&self, settings: &Settings, activity: &Value) -> Result<(), IngressError> {
        let text = |name| activity.get(name).and_then(Value::as_str);
        let service_url = text("serviceUrl");
        if service_url.is_none() || self.service_url.as_deref() != service_url {
            return Err(unverified(
                "the token's serviceurl is not the activity's serviceUrl",
            ));
        }
        let service_url = service_url.unwrap_or_default();
        if !settings.service_hosts.trusts(service_url) || crate::trust::base(service_url).is_none()
        {
            return Err(unverified(format!(
                "the service URL `{service_url:.200}` is not on a host of `service-hosts`"
            )));
        }
        // A key without endorsements is for every channel (Bot Framework, as above).
        if !self.endorsements.is_empty() {
            let channel = text("channelId").unwrap_or_default();
            if !self.endorsements.iter().any(|endorsed| endorsed == channel) {
                return Err(unverified(format!(
                    "the token's key is not endorsed for channel `{channel:.100}`"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
