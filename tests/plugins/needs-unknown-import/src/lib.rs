//! A channel that cannot be loaded: it imports an interface nobody offers (`greentic:oracle/answers@0.3.0`), one whose name is
//! nearly right (`greentic:channel-log/logs@0.1.0`), and a version that does not exist yet (`greentic:secrets/secret-store@9.0.0`).

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Limits, Receipt, Request, Response, Surfaces,
};
use greentic_sdk::model::About;

#[cfg(target_arch = "wasm32")]
#[allow(
    unsafe_code,
    missing_docs,
    clippy::all,
    clippy::pedantic,
    clippy::restriction
)]
mod unknown {
    greentic_sdk::wit_bindgen::generate!({
        inline: r#"
            package greentic:needs;
            world needs {
                import greentic:oracle/answers@0.3.0;
                import greentic:channel-log/logs@0.1.0;
                import greentic:secrets/secret-store@9.0.0;
            }
            package greentic:oracle@0.3.0 { interface answers { ask: func(question: string) -> string; } }
            package greentic:channel-log@0.1.0 { interface logs { last: func(conversation: string) -> string; } }
            package greentic:secrets@9.0.0 { interface secret-store { names: func() -> list<string>; } }
        "#,
        runtime_path: "greentic_sdk::wit_bindgen::rt",
        generate_all,
    });
}

/// What needs the imports, so that they stay.
#[cfg(target_arch = "wasm32")]
fn ask(question: &str) -> String {
    use unknown::greentic::channel_log::logs;
    use unknown::greentic::oracle::answers;
    use unknown::greentic::secrets::secret_store;
    let mut text = answers::ask(question);
    text.push_str(&logs::last(question));
    text.push_str(&secret_store::names().concat());
    text
}

/// Outside the sandbox nobody is asked.
#[cfg(not(target_arch = "wasm32"))]
fn ask(question: &str) -> String {
    question.into()
}

/// The component.
pub struct Needy;

impl Channel for Needy {
    fn describe() -> Descriptor {
        let text = "Needs interfaces no host offers, for tests";
        Descriptor {
            about: About::new("needs-unknown-import", env!("CARGO_PKG_VERSION"), text),
            surfaces: Surfaces::WEBHOOK,
            headers: Vec::new(),
            upload_paths: Vec::new(),
            capabilities: Capabilities::empty(),
            dedupe_ms: 0,
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
        Ok(IngressOutcome::answer(Response::body(
            200,
            "text/plain",
            ask(&request.path),
        )))
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::one(delivery.id))
    }
}

greentic_sdk::export_channel!(Needy);
