//! Whether a request is Slack's: HMAC-SHA256 over `v0:{timestamp}:{raw body}` with the app's signing secret
//! (docs.slack.dev/authentication/verifying-requests-from-slack).

use greentic_sdk::channel::{IngressError, Request};
use greentic_sdk::secret::{Secret, SecretError};
use greentic_sdk::{signature, time};

/// How far the signed time may be from now, in both directions: Slack's own advice, five minutes.
const WINDOW_MS: u64 = 300_000;

/// Checks the raw bytes before anything is read from them.
///
/// # Errors
/// `unverified` when the request is not Slack's or the secret is missing or empty, `unavailable` when the secret cannot be read now.
pub fn verify(name: &str, request: &Request) -> Result<Secret, IngressError> {
    let refused = |reason: String| IngressError::Unverified(reason);
    let secret = Secret::open(name).map_err(|error| match error {
        SecretError::NotFound => refused(format!("there is no secret `{name}`")),
        SecretError::Denied(text) => refused(format!("secret `{name}` is not granted: {text}")),
        SecretError::Unavailable(text) => {
            IngressError::Unavailable(format!("secret `{name}` cannot be read now: {text}"))
        }
    })?;
    // Anybody can compute an HMAC with an empty key.
    if secret.equals(b"") {
        return Err(refused(format!("the secret `{name}` is empty")));
    }
    let stamp = request
        .header("x-slack-request-timestamp")
        .ok_or_else(|| refused("there is no timestamp".to_owned()))?;
    let seconds = stamp
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| stamp.parse::<u64>().ok())
        .flatten()
        .ok_or_else(|| refused("the timestamp is no number of seconds".to_owned()))?;
    if !signature::within(time::now_ms(), seconds.saturating_mul(1000), WINDOW_MS) {
        return Err(refused(signature::Unsigned::Stale.to_string()));
    }
    let mut signed = Vec::with_capacity(request.body.len().saturating_add(stamp.len() + 4));
    signed.extend_from_slice(b"v0:");
    signed.extend_from_slice(stamp.as_bytes());
    signed.push(b':');
    signed.extend_from_slice(&request.body);
    signature::verify_hex(&secret, &signed, request.header("x-slack-signature"), "v0=")
        .map_err(|fault| refused(fault.to_string()))?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install, set_clock};

    use super::*;
    use crate::testing;

    /// The example of Slack's documentation.
    const DOCUMENTED: (&str, u64, &str, &str) = (
        "8f742231b10e8888abcd99yyyzzz85a5",
        1_531_420_618,
        "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    );

    fn documented() -> Request {
        let (_, at, body, tag) = DOCUMENTED;
        testing::request(
            body.as_bytes(),
            "application/x-www-form-urlencoded",
            at,
            tag,
        )
    }

    fn installed(secret: &[u8], now_s: u64) {
        install(Table::new().secret("slack/signing-secret", secret));
        set_clock(now_s * 1000);
    }

    fn outcome(request: &Request) -> Result<(), String> {
        match verify("slack/signing-secret", request) {
            Ok(_) => Ok(()),
            Err(IngressError::Unverified(reason)) => Err(reason),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_example_of_slacks_documentation_is_taken_within_five_minutes_on_both_sides() {
        let (secret, at, ..) = DOCUMENTED;
        for (now, taken) in [
            (at, true),
            (at + 300, true),
            (at - 300, true),
            (at + 301, false),
            (at - 301, false),
            (at + 86_400, false),
            (0, false),
        ] {
            installed(secret.as_bytes(), now);
            assert_eq!(outcome(&documented()).is_ok(), taken, "{now}");
        }
    }

    #[test]
    fn anything_else_than_the_signature_of_these_bytes_is_refused() {
        let (secret, at, body, tag) = DOCUMENTED;
        installed(secret.as_bytes(), at);
        let form = "application/x-www-form-urlencoded";
        let altered = body.replace("roadrunner", "coyote");
        let upper = format!("V0={}", &tag[3..]);
        let zeros = format!("v0={}", "0".repeat(64));
        for (body, tag) in [
            (altered.as_str(), tag),
            (&body[..body.len() - 1], tag),
            ("", tag),
            (body, &tag[..tag.len() - 1]),
            (body, &tag[..tag.len() - 2]),
            (body, &tag[3..]),
            (body, "v0="),
            (body, ""),
            (body, upper.as_str()),
            (body, zeros.as_str()),
        ] {
            let request = testing::request(body.as_bytes(), form, at, tag);
            assert!(outcome(&request).is_err(), "{tag}");
        }
    }

    #[test]
    fn a_timestamp_other_than_the_signed_one_or_none_is_refused() {
        let (secret, at, ..) = DOCUMENTED;
        installed(secret.as_bytes(), at);
        for (stamp, reason) in [
            (None, "no timestamp"),
            (Some(""), "no number"),
            (Some("soon"), "no number"),
            (Some("-1531420618"), "no number"),
            (Some("+1531420618"), "no number"),
            (Some("1531420618.0"), "no number"),
            (Some("99999999999999999999"), "no number"),
            (Some("1531420617"), "not that of the body"),
            (Some("01531420618"), "not that of the body"),
        ] {
            let mut request = documented();
            request
                .headers
                .retain(|header| header.name != "x-slack-request-timestamp");
            if let Some(stamp) = stamp {
                request.headers.push(greentic_sdk::model::Header::new(
                    "x-slack-request-timestamp",
                    stamp,
                ));
            }
            let fault = outcome(&request).unwrap_err();
            assert!(fault.contains(reason), "{stamp:?}: {fault}");
        }
        let mut unsigned = documented();
        unsigned
            .headers
            .retain(|header| header.name != "x-slack-signature");
        assert!(outcome(&unsigned).is_err());
    }

    #[test]
    fn a_missing_another_or_an_empty_secret_lets_nobody_in() {
        let (secret, at, body, _) = DOCUMENTED;
        installed(&secret.as_bytes()[1..], at);
        assert!(outcome(&documented()).is_err());
        installed(b"", at);
        let forged = testing::signed(b"", body.as_bytes(), "application/json", at);
        assert!(outcome(&forged).unwrap_err().contains("empty"));
        install(Table::new());
        set_clock(at * 1000);
        assert!(outcome(&documented()).unwrap_err().contains("no secret"));
    }
}
