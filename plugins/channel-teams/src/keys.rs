//! The keys that incoming tokens are signed with.
//!
//! The OpenID metadata says where the key set is; both are kept in the channel's memory for 24 hours. They are fetched afresh some
//! hours before that end, so that a short outage of the login service goes unnoticed. A key that is not in the set may be a new
//! one: then the set is fetched once more, but at most once an hour, or everybody could make the channel fetch by inventing names.

use greentic_sdk::channel::memory;
use greentic_sdk::http::Request;
use serde::{Deserialize, Serialize};
use std::time::Duration;

use crate::settings::Settings;

/// How long a key set is used.
const LIFETIME_MS: u64 = 24 * HOUR_MS;
/// From what age on a new one is looked for while the old one is still used.
const STALE_MS: u64 = 20 * HOUR_MS;
/// Distance between two fetches for a key that is not in the set.
const UNKNOWN_MS: u64 = HOUR_MS;
/// Distance between two tries to replace a set that is still good.
const RENEW_MS: u64 = 5 * 60 * 1000;
/// Distance between two tries after one failed while there is no set.
const FAILED_MS: u64 = 2000;
const HOUR_MS: u64 = 60 * 60 * 1000;

/// How long one of the two requests may take: the platform waits 15 seconds for all.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Largest metadata or key set, in bytes.
const MAX_BYTES: usize = 256 * 1024;
/// Most keys that are kept.
const MAX_KEYS: usize = 64;

const SET: &str = "keys";
const UNKNOWN: &str = "keys/unknown";
const RENEW: &str = "keys/renew";
const FAILED: &str = "keys/failed";

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its name.
    pub kid: String,
    /// Modulus, base64url.
    pub n: String,
    /// Exponent, base64url.
    pub e: String,
    /// The channels that may sign with it; none where the key does not say.
    #[serde(default)]
    pub endorsements: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeySet {
    fetched_ms: u64,
    /// Where the set was read from: another configuration wants another set.
    from: String,
    keys: Vec<Key>,
}

impl KeySet {
    fn key(&self, kid: &str) -> Option<Key> {
        self.keys.iter().find(|key| key.kid == kid).cloned()
    }
}

/// The key of a name; `None` when the platform has none of that name.
///
/// # Errors
/// When it cannot be told now: the key set or the channel's memory cannot be read.
pub fn find(settings: &Settings, kid: &str, now_ms: u64) -> Result<Option<Key>, String> {
    let Some(set) = kept(settings, now_ms)? else {
        if memory::get(FAILED).map_err(unreadable)?.is_some() {
            return Err("the signing keys could not be fetched just now".into());
        }
        let set = renew(settings, now_ms).inspect_err(|_| mark(FAILED, FAILED_MS))?;
        return Ok(set.key(kid));
    };
    if let Some(key) = set.key(kid) {
        if now_ms.saturating_sub(set.fetched_ms) >= STALE_MS && first(RENEW, RENEW_MS)? {
            match renew(settings, now_ms) {
                Ok(set) => return Ok(set.key(kid)),
                Err(reason) => {
                    greentic_sdk::log::warn!("keys", "the old signing keys are used on: {reason}");
                }
            }
        }
        return Ok(Some(key));
    }
    if !first(UNKNOWN, UNKNOWN_MS)? {
        return Ok(None);
    }
    match renew(settings, now_ms) {
        Ok(set) => Ok(set.key(kid)),
        Err(reason) => {
            // The hour is for sets that were read; a failed try may be repeated soon.
            mark(UNKNOWN, FAILED_MS);
            Err(reason)
        }
    }
}

fn kept(settings: &Settings, now_ms: u64) -> Result<Option<KeySet>, String> {
    let kept = memory::get(SET).map_err(unreadable)?;
    Ok(kept
        .and_then(|bytes| serde_json::from_slice::<KeySet>(&bytes).ok())
        .filter(|set| {
            set.from == settings.metadata_url && now_ms.saturating_sub(set.fetched_ms) < LIFETIME_MS
        }))
}

/// Fetches the key set and keeps it.
///
/// # Errors
/// Why there is none, in the operator's words.
pub fn fetch(settings: &Settings, now_ms: u64) -> Result<usize, String> {
    renew(settings, now_ms).map(|set| set.keys.len())
}

fn renew(settings: &Settings, now_ms: u64) -> Result<KeySet, String> {
    #[derive(Deserialize)]
    struct Metadata {
        jwks_uri: String,
    }
    #[derive(Deserialize)]
    struct Keys {
        keys: Vec<serde_json::Value>,
    }
    #[derive(Deserialize)]
    struct Read {
        kty: String,
        kid: String,
        n: String,
        e: String,
        endorsements: Option<Vec<String>>,
    }
    let metadata: Metadata = get(&settings.metadata_url, "the OpenID metadata")?;
    if settings.metadata_url.starts_with("https://") && !metadata.jwks_uri.starts_with("https://") {
        return Err("the OpenID metadata names a key set without TLS".into());
    }
    let read: Keys = get(&metadata.jwks_uri, "the signing keys")?;
    let keys: Vec<_> = read
        .keys
        .into_iter()
        .filter_map(|key| serde_json::from_value::<Read>(key).ok())
        .filter(|key| key.kty == "RSA")
        .take(MAX_KEYS)
        .map(|key| Key {
            kid: key.kid,
            n: key.n,
            e: key.e,
            endorsements: key.endorsements.unwrap_or_default(),
        })
        .collect();
    if keys.is_empty() {
        return Err("the key set has no RSA key".into());
    }
    let set = KeySet {
        fetched_ms: now_ms,
        from: settings.metadata_url.clone(),
        keys,
    };
    let bytes = serde_json::to_vec(&set).map_err(|fault| fault.to_string())?;
    // A set that cannot be kept is still good for this request.
    if let Err(error) = memory::put(SET, &bytes, Some(LIFETIME_MS)) {
        greentic_sdk::log::warn!("keys", "the signing keys cannot be kept: {error:?}");
    }
    Ok(set)
}

fn get<T: for<'de> Deserialize<'de>>(url: &str, what: &str) -> Result<T, String> {
    let response = Request::get(url)
        .timeout(TIMEOUT)
        .max_response(MAX_BYTES)
        .send()
        .map_err(|fault| format!("{what} cannot be fetched: {fault}"))?;
    if response.status != 200 {
        return Err(format!("{what}: HTTP {}", response.status));
    }
    response
        .json()
        .map_err(|fault| format!("{what} cannot be read: {fault}"))
}

/// Whether this is the first time within `ttl_ms`, among all instances.
fn first(name: &str, ttl_ms: u64) -> Result<bool, String> {
    memory::add(name, b"1", Some(ttl_ms)).map_err(unreadable)
}

fn mark(name: &str, ttl_ms: u64) {
    if let Err(error) = memory::put(name, b"1", Some(ttl_ms)) {
        greentic_sdk::log::warn!("keys", "the channel's memory: {error:?}");
    }
}

fn unreadable(error: greentic_sdk::model::Error) -> String {
    format!("the channel's memory: {error:?}")
}

#[cfg(test)]
mod tests;
