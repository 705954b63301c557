//! Calls of the Bot API's methods.
//!
//! The token stands in the path of every call. What is written there is its placeholder: the host puts the value in its place
//! when the request leaves, so neither this component nor anything it writes ever holds it. No error here names an address.

use std::time::Duration;

use greentic_sdk::channel::{DeliveryError, Retry};
use greentic_sdk::http::{Fault, Request, Response};
use greentic_sdk::multipart::Multipart;
use greentic_sdk::secret::{Secret, SecretError};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::settings::Settings;

/// How long a call may take while Telegram waits for the webhook's answer: the host gives up a request after ten seconds.
pub const WHILE_ASKED: Duration = Duration::from_secs(4);

/// How long a call of a delivery may take. The host ends a call of this component after thirty seconds.
const DELIVERY: Duration = Duration::from_secs(25);

/// The Bot API, for one bot.
pub struct Api<'a> {
    settings: &'a Settings,
    token: Secret,
    timeout: Duration,
}

/// Why a call came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// Telegram answered that it did not do it.
    Refused {
        /// `error_code`, an HTTP status.
        code: u16,
        /// `description`, for people; the only thing that tells some errors apart.
        description: String,
        /// `parameters.retry_after`, in milliseconds.
        retry_after_ms: Option<u64>,
        /// `parameters.migrate_to_chat_id`: the group has this id now.
        moved_to: Option<i64>,
    },
    /// It was not sent, and never will be: not granted.
    NotGranted(String),
    /// It was not sent.
    NotSent(String),
    /// Telegram may have done it.
    Unknown(String),
}

/// The answer to every method.
#[derive(Deserialize)]
struct Envelope {
    ok: bool,
    #[serde(default)]
    result: Value,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Default, Deserialize)]
struct Parameters {
    retry_after: Option<f64>,
    migrate_to_chat_id: Option<i64>,
}

/// A file that goes along with a call.
pub struct Upload<'a> {
    /// The parameter it stands for.
    pub field: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its media type.
    pub content_type: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl<'a> Api<'a> {
    /// Opens the token's secret.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn open(settings: &'a Settings) -> Result<Self, ApiError> {
        let token = Secret::open(&settings.bot_token).map_err(|error| {
            let name = &settings.bot_token;
            match error {
                SecretError::Denied(text) => {
                    ApiError::NotGranted(format!("secret `{name}` is not granted: {text}"))
                }
                SecretError::NotFound => ApiError::NotSent(format!("there is no secret `{name}`")),
                SecretError::Unavailable(text) => {
                    ApiError::NotSent(format!("secret `{name}` cannot be read now: {text}"))
                }
            }
        })?;
        Ok(Self {
            settings,
            token,
            timeout: DELIVERY,
        })
    }

    /// For calls that somebody waits for.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Changes when the token does.
    #[must_use]
    pub fn token_version(&self) -> String {
        self.token.version()
    }

    /// Calls a method and returns its result.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn call(&self, method: &str, parameters: Map<String, Value>) -> Result<Value, ApiError> {
        let request = self.request(method).json(&Value::Object(parameters));
        answer(request.timeout(self.timeout).send())
    }

    /// Calls a method with a file.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn upload(
        &self,
        method: &str,
        parameters: &Map<String, Value>,
        upload: &Upload<'_>,
    ) -> Result<Value, ApiError> {
        let mut parts = Multipart::new();
        for (name, value) in parameters {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            parts = parts.text(name, &text);
        }
        let parts = parts.file(upload.field, upload.name, upload.content_type, upload.bytes);
        let request = self.request(method).multipart(parts);
        answer(request.timeout(self.timeout).send())
    }

    fn request(&self, method: &str) -> Request {
        Request::post(format!(
            "{}/bot{}/{method}",
            self.settings.api_url,
            self.token.placeholder()
        ))
    }

    /// A request for a file's bytes. `path` is what `getFile` told.
    #[must_use]
    pub fn file(&self, path: &str) -> Request {
        let segments: Vec<String> = path.split('/').map(greentic_sdk::percent::encode).collect();
        Request::get(format!(
            "{}/file/bot{}/{}",
            self.settings.api_url,
            self.token.placeholder(),
            segments.join("/")
        ))
        .timeout(self.timeout)
    }
}

/// Reads an answer. The body says more than the status, and is there for every error of Telegram's own.
fn answer(outcome: Result<Response, Fault>) -> Result<Value, ApiError> {
    let response = outcome.map_err(|fault| match fault {
        Fault::Refused(text) => ApiError::NotGranted(text),
        Fault::NotSent(text) => ApiError::NotSent(text),
        Fault::Unknown(text) => ApiError::Unknown(text),
    })?;
    let Ok(envelope) = response.json::<Envelope>() else {
        let status = response.status;
        // What stands before Telegram answers with pages: too large, too many, out of order.
        return Err(match status {
            500.. => ApiError::Unknown(format!("HTTP {status}")),
            200..300 => ApiError::Unknown(format!("HTTP {status} with a body that is no answer")),
            _ => ApiError::Refused {
                code: status,
                description: format!("HTTP {status}"),
                retry_after_ms: response.retry_after_ms(),
                moved_to: None,
            },
        });
    };
    if envelope.ok {
        return Ok(envelope.result);
    }
    let code = envelope.error_code.unwrap_or(response.status);
    let description = envelope
        .description
        .unwrap_or_else(|| format!("error {code}"));
    if code >= 500 {
        return Err(ApiError::Unknown(description));
    }
    let parameters = envelope.parameters.unwrap_or_default();
    Err(ApiError::Refused {
        code,
        description,
        retry_after_ms: parameters
            .retry_after
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .and_then(|wait| u64::try_from(wait.as_millis()).ok())
            .or_else(|| response.retry_after_ms()),
        moved_to: parameters.migrate_to_chat_id,
    })
}

impl ApiError {
    /// Whether Telegram refused with a description that holds this, whatever the case of its letters.
    #[must_use]
    pub fn says(&self, part: &str) -> bool {
        matches!(self, Self::Refused { code: 400, description, .. }
            if description.to_lowercase().contains(&part.to_lowercase()))
    }

    /// For calls that may be made twice without harm, what may have been done is simply done again.
    #[must_use]
    pub fn repeatable(self) -> Self {
        match self {
            Self::Unknown(reason) => Self::NotSent(reason),
            other => other,
        }
    }
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused {
                code, description, ..
            } => write!(f, "{code}: {description}"),
            Self::NotGranted(text) => write!(f, "not allowed: {text}"),
            Self::NotSent(text) => write!(f, "not sent: {text}"),
            Self::Unknown(text) => write!(f, "no answer: {text}"),
        }
    }
}

impl From<ApiError> for DeliveryError {
    /// | answer | meaning |
    /// |---|---|
    /// | 429 | `retry`, after what Telegram asks for |
    /// | 408, 409, 425 | `retry` |
    /// | 400, 403 and the rest | `rejected`: blocked, not found, refused content |
    /// | 5xx, no answer | `unknown` |
    fn from(error: ApiError) -> Self {
        let later = |reason, after_ms| Self::Retry(Retry { reason, after_ms });
        match error {
            ApiError::Refused {
                code: code @ (408 | 409 | 425 | 429),
                description,
                retry_after_ms,
                ..
            } => later(format!("{code}: {description}"), retry_after_ms),
            ApiError::Refused {
                code: code @ (401 | 404),
                description,
                ..
            } => Self::Rejected(format!(
                "{code}: {description}. Telegram does not know this token: check the bot's token"
            )),
            ApiError::Refused {
                code, description, ..
            } => Self::Rejected(format!("{code}: {description}")),
            ApiError::NotGranted(text) => Self::Rejected(text),
            ApiError::NotSent(text) => later(text, None),
            ApiError::Unknown(text) => Self::Unknown(text),
        }
    }
}

#[cfg(test)]
mod tests;
