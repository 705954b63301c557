//! What a bot calls at a platform, and what the platform answers.

use serde_json::Value;

use super::webhook::find;

/// One request of the bot to the platform's API.
#[derive(Debug, Clone)]
pub struct Call {
    /// Upper-case.
    pub method: String,
    /// The path, percent-encoded as it came.
    pub path: String,
    /// Without the question mark; may be empty.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes.
    pub body: Vec<u8>,
}

impl Call {
    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The token of `Authorization: Bearer`.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// The parts of the path, percent-decoded.
    #[must_use]
    pub fn segments(&self) -> Vec<String> {
        let decode = |segment: &str| {
            // A plus sign is itself in a path, and a space only in a form.
            let pair = format!("x={}", segment.replace('+', "%2B").replace('&', "%26"));
            form_urlencoded::parse(pair.as_bytes())
                .next()
                .map_or_else(String::new, |(_, value)| value.into_owned())
        };
        self.path.split('/').skip(1).map(decode).collect()
    }

    /// The values of the query.
    #[must_use]
    pub fn query(&self) -> Vec<(String, String)> {
        pairs(self.query.as_bytes())
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn json(&self) -> Result<Value, String> {
        serde_json::from_slice(&self.body).map_err(|error| error.to_string())
    }

    /// The body as a form of `application/x-www-form-urlencoded`.
    #[must_use]
    pub fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }

    /// The parts of a `multipart/form-data` body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn multipart(&self) -> Result<Vec<Part>, String> {
        super::multipart::read(self.header("content-type").unwrap_or_default(), &self.body)
    }
}

fn pairs(bytes: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(bytes).into_owned().collect()
}

/// A part of a `multipart/form-data` body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The field.
    pub name: String,
    /// The file's name, for files.
    pub file_name: Option<String>,
    /// The media type, where it is told.
    pub content_type: Option<String>,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// The platform's answer to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Headers; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// JSON.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Self {
        Self::of(status, "application/json", body.to_string().into_bytes())
    }

    /// Any body.
    #[must_use]
    pub fn of(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), content_type.into())],
            body,
        }
    }

    /// No body.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// With a further header.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}
