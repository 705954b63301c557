//! Calls of Slack's Web API, and what their answers mean.
//!
//! An answer is HTTP 200 with `ok` true or false, except for rate limits (429 with `Retry-After`) and faults of Slack's own servers.
//! No method takes an idempotency key, so what may have been done must not be repeated by itself: the failure says which it is.

use std::time::Duration;

use greentic_sdk::channel::{DeliveryError, Retry};
use greentic_sdk::http::{Fault, Request, Response};
use greentic_sdk::secret::{Secret, SecretError};
use serde_json::Value;

use crate::fields;

/// How long a call may take while a delivery waits for it.
const PATIENT: Duration = Duration::from_secs(20);

/// How long a call may take inside `ingress`, which Slack gives three seconds in all; none makes more than two of them.
const HURRIED: Duration = Duration::from_millis(1_200);

/// Why a call did not do what it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Slack said no; the same call will be refused again. The first field is Slack's error code, empty where there is none.
    Refused(String, String),
    /// Surely not done; try again, after so many milliseconds where Slack says.
    Later(String, Option<u64>),
    /// Perhaps done.
    Unknown(String),
}

impl Failure {
    /// Slack's error code, such as `channel_not_found`.
    pub fn code(&self) -> &str {
        match self {
            Self::Refused(code, _) => code,
            _ => "",
        }
    }

    /// For a call that may be made twice without harm: what is not known is tried again.
    pub fn repeatable(self) -> Self {
        match self {
            Self::Unknown(reason) => Self::Later(reason, None),
            other => other,
        }
    }

    /// The reason in words.
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused(_, reason) | Self::Later(reason, _) | Self::Unknown(reason) => reason,
        }
    }
}

impl From<Failure> for DeliveryError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(_, reason) => Self::Rejected(reason),
            Failure::Later(reason, after_ms) => Self::Retry(Retry { reason, after_ms }),
            Failure::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let reason = fault.to_string();
        match fault {
            Fault::Refused(_) => Self::Refused(String::new(), reason),
            Fault::NotSent(_) => Self::Later(reason, None),
            Fault::Unknown(_) => Self::Unknown(reason),
        }
    }
}

/// The Web API as the bot.
pub struct Api {
    url: String,
    token: Secret,
    timeout: Duration,
}

impl Api {
    /// With the bot's token, for deliveries.
    ///
    /// # Errors
    /// When the token is not granted or cannot be read now.
    pub fn open(url: &str, token: &str) -> Result<Self, Failure> {
        let secret = Secret::open(token).map_err(|error| match error {
            SecretError::Denied(text) => Failure::Refused(
                String::new(),
                format!("secret `{token}` is not granted: {text}"),
            ),
            SecretError::NotFound => Failure::Later(format!("there is no secret `{token}`"), None),
            SecretError::Unavailable(text) => {
                Failure::Later(format!("secret `{token}` cannot be read now: {text}"), None)
            }
        })?;
        if secret.equals(b"") {
            return Err(Failure::Later(
                format!("the secret `{token}` is empty"),
                None,
            ));
        }
        Ok(Self {
            url: url.to_owned(),
            token: secret,
            timeout: PATIENT,
        })
    }

    /// The same for use inside `ingress`.
    pub fn hurried(mut self) -> Self {
        self.timeout = HURRIED;
        self
    }

    /// Changes when the token does.
    pub fn token_version(&self) -> String {
        self.token.version()
    }

    /// A method that takes JSON.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn call(&self, method: &str, arguments: &Value) -> Result<Value, Failure> {
        let request = Request::post(format!("{}/{method}", self.url)).body(
            // Without the charset Slack adds a warning to every answer.
            "application/json; charset=utf-8",
            arguments.to_string().into_bytes(),
        );
        self.send(method, request)
    }

    /// A method that takes a form only, as those that read do.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn call_form(&self, method: &str, arguments: &[(&str, &str)]) -> Result<Value, Failure> {
        self.send(
            method,
            Request::post(format!("{}/{method}", self.url)).form(arguments),
        )
    }

    fn send(&self, method: &str, request: Request) -> Result<Value, Failure> {
        let answer = request.bearer(&self.token).timeout(self.timeout).send()?;
        judge(method, &answer)
    }

    /// A file's bytes, with the bot's token.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn download(&self, url: &str) -> Result<Response, Failure> {
        Ok(Request::get(url)
            .bearer(&self.token)
            .timeout(self.timeout)
            .send()?)
    }

    /// Raw bytes to an address Slack gave for them; it is secret by itself and takes no token.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn upload(&self, url: &str, content_type: &str, bytes: Vec<u8>) -> Result<(), Failure> {
        let answer = Request::post(url)
            .body(content_type, bytes)
            .timeout(self.timeout)
            .send()?;
        let status = answer.status;
        match status {
            200..=299 => Ok(()),
            429 => Err(limited("the upload", &answer)),
            500..=599 => Err(Failure::Later(
                format!("Slack answered {status} to the upload"),
                None,
            )),
            _ => Err(Failure::Refused(
                String::new(),
                format!("Slack answered {status} to the upload"),
            )),
        }
    }

    /// Posts to a `response_url`, which is secret by itself and takes no token. It answers `ok` as text or an error as JSON.
    ///
    /// # Errors
    /// [`Failure`], `used_url` and `expired_url` among its codes.
    pub fn respond(&self, url: &str, message: &Value) -> Result<(), Failure> {
        let answer = Request::post(url)
            .body(
                "application/json; charset=utf-8",
                message.to_string().into_bytes(),
            )
            .timeout(self.timeout)
            .send()?;
        if answer.is_success() && answer.body.trim_ascii() == b"ok" {
            return Ok(());
        }
        judge("response_url", &answer).map(drop)
    }
}

fn limited(method: &str, answer: &Response) -> Failure {
    Failure::Later(
        format!("Slack limits the rate of {method}"),
        // Slack always says how long; without it a minute is the period of its limits.
        Some(answer.retry_after_ms().unwrap_or(60_000)),
    )
}

/// What an answer means.
///
/// # Errors
/// [`Failure`].
pub fn judge(method: &str, answer: &Response) -> Result<Value, Failure> {
    let status = answer.status;
    if status == 429 {
        return Err(limited(method, answer));
    }
    let body = answer.json::<Value>();
    match body {
        Ok(body) if fields::flag(&body, "/ok") => Ok(body),
        Ok(body) if body.get("ok") == Some(&Value::Bool(false)) && status < 500 => {
            Err(refusal(method, &body, answer))
        }
        _ if (400..500).contains(&status) => Err(Failure::Refused(
            String::new(),
            format!("Slack answered {status} to {method}"),
        )),
        _ => Err(Failure::Unknown(format!(
            "Slack answered {status} to {method} with something that is no answer of its API"
        ))),
    }
}

/// Sorts `ok: false` by its code.
fn refusal(method: &str, body: &Value, answer: &Response) -> Failure {
    let code = fields::text(body, "/error").unwrap_or("unknown_error");
    let mut reason = format!("Slack refused {method}: {code}");
    if let Some(needed) = fields::text(body, "/needed") {
        reason.push_str(&format!(" (the app needs the scope {needed})"));
    }
    for detail in fields::list(body, "/response_metadata/messages")
        .iter()
        .filter_map(Value::as_str)
        .take(3)
    {
        reason.push_str("; ");
        reason.push_str(detail);
    }
    match code {
        "ratelimited" | "rate_limited" | "message_limit_exceeded" => limited(method, answer),
        // Not begun: the service is away, the request arrived broken, the workspace is being moved.
        "service_unavailable"
        | "request_timeout"
        | "org_login_required"
        | "team_added_to_org"
        | "access_limited"
        | "accesslimited" => Failure::Later(reason, answer.retry_after_ms()),
        // "It's possible some aspect of the operation succeeded before the error was raised."
        "internal_error" | "fatal_error" => Failure::Unknown(reason),
        _ => Failure::Refused(code.to_owned(), reason),
    }
}

#[cfg(test)]
mod tests {
    use greentic_sdk::native::{Table, install, requests};
    use serde_json::json;

    use super::*;

    fn refused(code: &str) -> Failure {
        judge(
            "chat.postMessage",
            &Response::of_json(200, &json!({"ok": false, "error": code})),
        )
        .unwrap_err()
    }

    #[test]
    fn errors_are_sorted_by_whether_a_second_attempt_may_help() {
        for code in [
            "channel_not_found",
            "not_in_channel",
            "is_archived",
            "msg_too_long",
            "msg_blocks_too_long",
            "invalid_blocks",
            "no_text",
            "invalid_auth",
            "token_revoked",
            "account_inactive",
            "missing_scope",
            "restricted_action",
            "something_new",
        ] {
            let failure = refused(code);
            assert_eq!(failure.code(), code);
            assert!(matches!(failure, Failure::Refused(..)), "{code}");
        }
        for code in [
            "service_unavailable",
            "request_timeout",
            "team_added_to_org",
            "ratelimited",
        ] {
            assert!(matches!(refused(code), Failure::Later(..)), "{code}");
        }
        for code in ["internal_error", "fatal_error"] {
            assert!(matches!(refused(code), Failure::Unknown(_)), "{code}");
        }
    }

    #[test]
    fn a_rate_limit_tells_slacks_own_wait() {
        let answer = Response::of_json(429, &json!({"ok": false, "error": "ratelimited"}));
        assert!(matches!(
            judge("m", &answer.clone().with_header("retry-after", "30")),
            Err(Failure::Later(_, Some(30_000)))
        ));
        assert!(matches!(
            judge("m", &answer),
            Err(Failure::Later(_, Some(60_000)))
        ));
    }

    #[test]
    fn answers_that_are_no_answer_leave_it_unknown_and_a_client_error_does_not() {
        for answer in [
            Response::of(200, "text/html", "<html>"),
            Response::of(200, "application/json", "{}"),
            Response::of(200, "application/json", "[]"),
            Response::of(500, "text/plain", ""),
            Response::of_json(503, &json!({"ok": false, "error": "service_unavailable"})),
            Response::of(302, "text/plain", ""),
        ] {
            assert!(
                matches!(judge("m", &answer), Err(Failure::Unknown(_))),
                "{answer:?}"
            );
        }
        assert!(matches!(
            judge("m", &Response::of(404, "text/html", "no")),
            Err(Failure::Refused(..))
        ));
    }

    #[test]
    fn a_missing_scope_and_the_details_of_bad_blocks_are_told() {
        let body = json!({"ok": false, "error": "missing_scope", "needed": "reactions:write"});
        let failure = judge("reactions.add", &Response::of_json(200, &body)).unwrap_err();
        assert!(failure.reason().contains("reactions:write"));
        let body = json!({"ok": false, "error": "invalid_blocks", "response_metadata": {"messages": ["[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text]"]}});
        let failure = judge("chat.postMessage", &Response::of_json(200, &body)).unwrap_err();
        assert!(failure.reason().contains("/blocks/0/text"));
    }

    #[test]
    fn the_token_travels_as_its_placeholder_and_not_to_addresses_that_are_secrets_themselves() {
        install(
            Table::new()
                .secret("slack/bot-token", b"xoxb-1")
                .http(|_| Ok(Response::of_json(200, &json!({"ok": true})))),
        );
        let api = Api::open("https://slack.com/api", "slack/bot-token").unwrap();
        api.call("auth.test", &json!({})).unwrap();
        api.call_form("users.info", &[("user", "U1")]).unwrap();
        api.respond("https://hooks.slack.com/x", &json!({"text": "a"}))
            .unwrap();
        api.upload("https://files.slack.com/upload/1", "image/png", vec![1])
            .unwrap();
        let sent = requests();
        let bearer = |at: usize| sent[at].header_value("authorization");
        assert_eq!(sent[0].url, "https://slack.com/api/auth.test");
        assert!(
            bearer(0).is_some_and(|text| text.starts_with("Bearer ") && !text.contains("xoxb"))
        );
        assert_eq!(bearer(0), bearer(1));
        assert_eq!((bearer(2), bearer(3)), (None, None));
    }

    #[test]
    fn a_token_that_is_missing_or_empty_is_no_reason_to_lose_the_message() {
        install(Table::new().secret("empty", b""));
        for name in ["empty", "absent"] {
            assert!(matches!(
                Api::open("https://slack.com/api", name),
                Err(Failure::Later(..))
            ));
        }
    }
}
