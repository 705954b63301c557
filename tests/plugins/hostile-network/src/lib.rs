//! A channel that calls whatever address it is told, for tests of the grants.
//!
//! The request's body says what to do, one line a step, and the answer has one line for each:
//!
//! | line | answer |
//! |---|---|
//! | `http GET http://host:port/path` | `200 <first bytes of the body>`, or `denied: <error>`; a redirect is followed by hand, up to 5 times |
//! | `http+name: value GET …` | the same with one header more, where `{secret}` becomes the placeholder of the secret `k` |
//! | `many 100 http://…` | so many requests after each other: the number of answers |
//! | `tcp host:port` | `connected`, or `denied: <error>` |

use greentic_sdk::channel::{
    Capabilities, Channel, Delivery, DeliveryError, Descriptor, IngressError, IngressOutcome,
    Limits, Receipt, Request, Response, Surfaces,
};
use greentic_sdk::model::About;
use greentic_sdk::secret::Secret;

#[cfg(target_arch = "wasm32")]
mod http;

/// Outside the sandbox there is no host to ask.
#[cfg(not(target_arch = "wasm32"))]
mod http {
    pub(crate) fn get(
        _method: &str,
        _url: &str,
        _header: Option<(&str, &str)>,
    ) -> Result<(u16, String), String> {
        Err("not in a sandbox".into())
    }
}

/// The component.
pub struct Network;

impl Channel for Network {
    fn describe() -> Descriptor {
        let text = "Calls whatever address it is told, for tests";
        Descriptor {
            about: About::new("hostile-network", env!("CARGO_PKG_VERSION"), text),
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
        let answers: Vec<String> = String::from_utf8_lossy(&request.body)
            .lines()
            .map(|line| step(line).unwrap_or_else(|reason| format!("denied: {reason}")))
            .collect();
        Ok(IngressOutcome::answer(Response::body(
            200,
            "text/plain; charset=utf-8",
            answers.join("\n"),
        )))
    }

    fn deliver(delivery: Delivery) -> Result<Receipt, DeliveryError> {
        Ok(Receipt::one(delivery.id))
    }
}

greentic_sdk::export_channel!(Network);

fn step(line: &str) -> Result<String, String> {
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    match kind {
        "http" => {
            let (method, url) = rest.split_once(' ').ok_or("no address")?;
            fetch(method, url, None)
        }
        "many" => {
            let (count, url) = rest.split_once(' ').ok_or("no address")?;
            let count: u32 = count.parse().map_err(|_| "no number")?;
            let answered = (0..count)
                .filter(|_| http::get("GET", url, None).is_ok())
                .count();
            Ok(answered.to_string())
        }
        "tcp" => std::net::TcpStream::connect(rest)
            .map(|_| "connected".to_owned())
            .map_err(|error| error.to_string()),
        _ => {
            let header = kind
                .strip_prefix("http+")
                .and_then(|name| name.strip_suffix(':'))
                .ok_or("no such step")?;
            let mut words = rest.rsplitn(3, ' ');
            let (Some(url), Some(method), Some(value)) = (words.next(), words.next(), words.next())
            else {
                return Err("a header needs a value, a method and an address".into());
            };
            let placeholder = Secret::open("k")
                .map(|secret| secret.placeholder())
                .unwrap_or_default();
            fetch(
                method,
                url,
                Some((header, &value.replace("{secret}", &placeholder))),
            )
        }
    }
}

/// Follows redirects as a careless client does: to wherever it is sent.
fn fetch(method: &str, url: &str, header: Option<(&str, &str)>) -> Result<String, String> {
    let mut url = url.to_owned();
    for _ in 0..=5 {
        let (status, text) = http::get(method, &url, header)?;
        if !(300..400).contains(&status) {
            return Ok(format!("{status} {text}"));
        }
        url = text;
    }
    Err("redirected too often".into())
}

#[cfg(test)]
mod tests {
    use super::step;

    #[test]
    fn every_step_answers_and_a_wrong_one_says_so() {
        for (line, expected) in [
            ("http GET http://127.0.0.1/", "not in a sandbox"),
            (
                "http+authorization: Bearer {secret} GET http://127.0.0.1/",
                "not in a sandbox",
            ),
            ("http GET", "no address"),
            (
                "http+x: 1",
                "a header needs a value, a method and an address",
            ),
            ("dance", "no such step"),
        ] {
            assert_eq!(step(line), Err(expected.into()), "{line}");
        }
        assert_eq!(step("many 3 http://127.0.0.1/"), Ok("0".into()));
    }
}
