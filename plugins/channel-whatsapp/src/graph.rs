//! Calls to the Graph API.

mod error;

pub use error::{Failure, WINDOW_CLOSED};

use greentic_sdk::http::{Request, Response};
use greentic_sdk::multipart::Multipart;
use greentic_sdk::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::secrets::{self, Closed};
use crate::settings::Settings;

/// The Graph API as the number uses it.
pub struct Graph<'a> {
    settings: &'a Settings,
    token: Secret,
}

/// The answer to a message that was taken.
#[derive(Deserialize)]
struct Taken {
    messages: Vec<Identified>,
}

#[derive(Deserialize)]
struct Identified {
    id: String,
}

impl<'a> Graph<'a> {
    /// With the number's token.
    ///
    /// # Errors
    /// When the token cannot be used.
    pub fn open(settings: &'a Settings) -> Result<Self, Closed> {
        Ok(Self {
            settings,
            token: secrets::open(&settings.access_token)?,
        })
    }

    /// Sends a message and returns its identifier.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn message(&self, body: &Value) -> Result<String, Failure> {
        let answer = self.call(Request::post(self.of_number("messages")).json(body))?;
        answer
            .json::<Taken>()
            .ok()
            .and_then(|taken| taken.messages.into_iter().next())
            .map(|message| message.id)
            .ok_or_else(|| {
                Failure::Unknown("the platform answered 2xx without a message id".to_owned())
            })
    }

    /// Marks a message as read, with `typing` until the answer comes (25 seconds at most).
    ///
    /// # Errors
    /// [`Failure`].
    pub fn read(&self, message_id: &str, typing: bool) -> Result<(), Failure> {
        let mut body = serde_json::json!({
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": message_id,
        });
        if let Some(fields) = body.as_object_mut().filter(|_| typing) {
            fields.insert(
                "typing_indicator".to_owned(),
                serde_json::json!({ "type": "text" }),
            );
        }
        self.call(Request::post(self.of_number("messages")).json(&body))
            .map(drop)
    }

    /// Hands a file in and returns its identifier. Doing it twice wastes a file and sends nothing.
    ///
    /// # Errors
    /// [`Failure`]; never [`Failure::Unknown`].
    pub fn upload(&self, name: &str, content_type: &str, bytes: &[u8]) -> Result<String, Failure> {
        let parts = Multipart::new()
            .text("messaging_product", "whatsapp")
            .text("type", content_type)
            .file("file", name, content_type, bytes);
        let answer = self
            .call(Request::post(self.of_number("media")).multipart(parts))
            .map_err(Failure::harmless)?;
        answer
            .json::<Identified>()
            .map(|file| file.id)
            .map_err(|fault| Failure::again(format!("the answer to an upload: {fault}")))
    }

    /// Posts JSON to something else in the API and returns what it answers.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Response, Failure> {
        self.call(Request::post(self.settings.graph(path)).json(body))
    }

    fn of_number(&self, path: &str) -> String {
        let number = &self.settings.phone_number_id;
        self.settings.graph(&format!("{number}/{path}"))
    }

    fn call(&self, request: Request) -> Result<Response, Failure> {
        let answer = request
            .bearer(&self.token)
            .send()
            .map_err(Failure::of_fault)?;
        if answer.is_success() {
            Ok(answer)
        } else {
            Err(Failure::of_answer(&answer))
        }
    }
}
