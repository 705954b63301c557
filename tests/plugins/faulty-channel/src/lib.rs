//! The channel of the invented platform `echo` of the conformance tests: right in everything, or wrong in the one way that the
//! configuration key `fault` names. The cases must find each.

mod fault;
mod incoming;
mod outgoing;

use fault::Fault;
use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Limits, Receipt, Request, Response, Surfaces,
};
use greentic_sdk::model::About;
use greentic_sdk::secret::{Secret, SecretError};

/// Longest text of a message, in characters.
const MAX_TEXT: usize = 4096;

const CONFIG_SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["api-url"],
  "properties": {
    "api-url": {"type": "string", "description": "The platform's address."},
    "fault": {"type": "string", "description": "In which way to be wrong; nothing: to be right."}
  }
}"#;

/// The component.
pub struct Faulty;

impl Channel for Faulty {
    fn describe() -> Descriptor {
        Descriptor {
            about: About::new(
                "faulty-channel",
                env!("CARGO_PKG_VERSION"),
                "A channel of an invented platform, for tests of the conformance cases",
            )
            .config(CONFIG_SCHEMA)
            .secret("signing-key")
            .secret("token"),
            surfaces: Surfaces::WEBHOOK,
            headers: vec!["x-signature".into()],
            upload_paths: Vec::new(),
            dedupe_ms: 0,
            // A description is pure and cannot depend on the configuration, but a wrong one can.
            capabilities: if fault::is(Fault::ClaimsTyping) {
                Capabilities::PROACTIVE | Capabilities::TYPING
            } else {
                Capabilities::PROACTIVE
            },
            limits: Limits {
                max_text: 4096,
                max_buttons: 0,
                max_attachment: 0,
                per_conversation: Vec::new(),
                per_channel: Vec::new(),
            },
        }
    }

    fn ingress(request: Request) -> Result<IngressOutcome, IngressError> {
        let key = secret("signing-key").map_err(IngressError::Unavailable)?;
        incoming::verify(&request, &key)?;
        if request.method != "POST" {
            let answer = Response::empty(405).with_header("allow", "POST");
            return Ok(IngressOutcome::answer(answer));
        }
        Ok(incoming::read(&request.body))
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        outgoing::deliver(&delivery)
    }
}

greentic_sdk::export_channel!(Faulty);

/// Opens a secret. An empty one is none.
fn secret(name: &str) -> Result<Secret, String> {
    let secret = Secret::open(name).map_err(|error| match error {
        SecretError::Denied(text) | SecretError::Unavailable(text) => text,
        SecretError::NotFound => format!("the secret `{name}` is not there"),
    })?;
    if secret.equals(b"") && !fault::is(Fault::TakesEmptySecret) {
        return Err(format!("the secret `{name}` is empty"));
    }
    Ok(secret)
}
