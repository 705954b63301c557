//! Who works on a partition: one host at a time, by a lease that is renewed, and fairly shared.
//!
//! A lease is the newest message on the partition's subject in the stream of leases, written only if nothing else was written since
//! it was read. Nobody compares clocks: a lease that was not written again for [`TTL`], as the one who watches it measures, is over.
//! The owner stops [`MARGIN`] before that, measured from when it last wrote.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;

use greentic_sdk_network::asked::Lost;

use crate::client::{Client, Request};
use crate::headers::{Headers, status, value};
use crate::jetstream::{ApiError, WRONG_LAST_SEQUENCE, read};

/// A lease nobody wrote again for so long is over.
pub const TTL: Duration = Duration::from_millis(4_000);
/// The owner goes by less than that.
pub const MARGIN: Duration = Duration::from_millis(1_000);
/// How often the owner writes it.
pub const RENEW: Duration = Duration::from_millis(1_000);
/// A host that was not heard of for so long has no share.
pub const MEMBER: Duration = Duration::from_millis(3_500);

/// A lease as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its number in the stream, 0 when there was never one.
    pub number: u64,
    /// Who holds it; nobody when empty.
    pub owner: String,
}

/// Begins to read a lease.
///
/// # Errors
/// [`Lost`] when the connection is over.
pub fn look(client: &Rc<Client>, prefix: &str, subject: &str) -> Result<Request, Lost> {
    client.request(
        &format!("$JS.API.DIRECT.GET.{prefix}-leases.{subject}"),
        b"",
        b"",
    )
}

/// What a look found.
///
/// # Errors
/// [`ApiError`]
pub async fn seen(request: Request) -> Result<Seen, ApiError> {
    let message = request.wait().await.map_err(ApiError::Lost)?;
    match status(&message.headers) {
        Some(404) => Ok(Seen {
            number: 0,
            owner: String::new(),
        }),
        Some(503) => Err(ApiError::Nobody),
        Some(other) => Err(ApiError::Strange(format!("status {other}"))),
        None => {
            let number = value(&message.headers, "Nats-Sequence")
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| ApiError::Strange("a lease without a number".into()))?;
            let owner = String::from_utf8_lossy(&message.payload).into_owned();
            Ok(Seen { number, owner })
        }
    }
}

/// Begins to write a lease, if nothing was written after `last`.
///
/// # Errors
/// [`Lost`] when the connection is over.
pub fn write(client: &Rc<Client>, subject: &str, owner: &str, last: u64) -> Result<Request, Lost> {
    let headers = Headers::default()
        .with("Nats-Expected-Last-Subject-Sequence", &last.to_string())
        .finish();
    client.request(subject, &headers, owner.as_bytes())
}

/// The number of the lease that was written, or `None` when somebody else wrote first.
///
/// # Errors
/// [`ApiError`]
pub async fn written(request: Request) -> Result<Option<u64>, ApiError> {
    match read(request.wait().await) {
        Ok(answer) => answer
            .get("seq")
            .and_then(Value::as_u64)
            .map(Some)
            .ok_or_else(|| ApiError::Strange(answer.to_string())),
        Err(error) if error.code() == Some(WRONG_LAST_SEQUENCE) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The hosts that work on a consumer, each with a share of its partitions.
#[derive(Debug, Default)]
pub struct Members {
    heard: HashMap<String, Instant>,
}

impl Members {
    /// One was heard of.
    pub fn hear(&mut self, member: &str, now: Instant) {
        self.heard.insert(member.to_owned(), now);
    }

    /// Whether a partition is in our share: of all hosts it is the one with the highest number for it, so that a host that comes or
    /// goes moves only its own share.
    pub fn is_ours(&mut self, us: &str, partition: u32, now: Instant) -> bool {
        self.heard
            .retain(|_, heard| now.duration_since(*heard) < MEMBER);
        self.owner(Some(us), partition)
            .is_none_or(|owner| owner == us)
    }

    /// In whose share a partition is, of all that were heard and `us`.
    #[must_use]
    pub fn owner(&self, us: Option<&str>, partition: u32) -> Option<String> {
        let members = self.heard.keys().map(String::as_str).chain(us);
        let owner = members.max_by_key(|member| (mix(member, partition), *member));
        owner.map(str::to_owned)
    }
}

/// FNV-1a, finished so that all of its bits depend on all of the input. Every host must find the same, so it is no hash of the
/// standard library.
fn mix(member: &str, partition: u32) -> u64 {
    let bytes = member.bytes().chain(partition.to_le_bytes());
    let hash = fnv(bytes);
    let hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ hash >> 33
}

/// FNV-1a.
pub fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{MARGIN, MEMBER, Members, TTL};

    #[test]
    fn every_partition_is_in_one_share_and_shares_are_alike() {
        let now = Instant::now();
        let names = ["a", "b", "c"];
        let mut shares = [0; 3];
        for partition in 0..256 {
            let mut owners = 0;
            for (place, us) in names.iter().enumerate() {
                let mut members = Members::default();
                names.iter().for_each(|name| members.hear(name, now));
                if members.is_ours(us, partition, now) {
                    owners += 1;
                    shares[place] += 1;
                }
            }
            assert_eq!(owners, 1, "partition {partition}");
        }
        assert!(
            shares.iter().all(|share| (50..120).contains(share)),
            "{shares:?}"
        );
    }

    #[test]
    fn a_host_that_is_silent_has_no_share_and_one_that_is_alone_has_all() {
        let now = Instant::now();
        let mut members = Members::default();
        assert!((0..16).all(|partition| members.is_ours("a", partition, now)));
        members.hear("b", now);
        assert!(!(0..64).all(|partition| members.is_ours("a", partition, now)));
        let later = now + MEMBER + Duration::from_millis(1);
        assert!((0..64).all(|partition| members.is_ours("a", partition, later)));
    }

    #[test]
    fn an_owner_stops_before_another_may_begin() {
        assert!(
            TTL.checked_sub(MARGIN)
                .is_some_and(|left| left > super::RENEW * 2)
        );
    }
}
