//! What an error of the Graph API means for a delivery.
//!
//! The platform says to judge by `code`: titles and texts change. An answer with a code says that the platform looked at the request and
//! did not take it, so trying again sends nothing twice. A 5xx without one comes from something in front of the platform, and what is
//! behind it may have taken the message.

use greentic_sdk::channel::{DeliveryError, Retry};
use greentic_sdk::delivery;
use greentic_sdk::http::{Fault, Response};
use serde::Deserialize;

/// More than 24 hours have passed since the person wrote ("re-engagement message").
pub const WINDOW_CLOSED: i64 = 131_047;
/// This kind of message cannot go to a business-scoped user id.
const NUMBER_NEEDED: i64 = 131_062;
/// Messages to one person follow each other too closely: 1 in 6 seconds after the burst is used up.
const PAIR_RATE: i64 = 131_056;
/// Messages of the number follow each other too closely.
const NUMBER_RATE: i64 = 130_429;

/// Why a call did not succeed, by what to do about it.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// It never will.
    Rejected(String),
    /// Surely not done; try again.
    Retry(Retry),
    /// It may be done or not.
    Unknown(String),
    /// Only a template can be sent now.
    WindowClosed(String),
    /// Only to a phone number.
    NumberNeeded(String),
}

/// The body of an error.
#[derive(Deserialize)]
struct Body {
    error: GraphError,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GraphError {
    code: i64,
    error_subcode: Option<i64>,
    message: String,
    is_transient: bool,
    error_data: Option<ErrorData>,
    fbtrace_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorData {
    details: Option<String>,
}

impl Failure {
    /// Try again.
    pub fn again(reason: String) -> Self {
        Self::Retry(Retry {
            reason,
            after_ms: None,
        })
    }

    /// Of a call that may be made twice without harm.
    pub fn harmless(self) -> Self {
        match self {
            Self::Unknown(reason) => Self::again(reason),
            other => other,
        }
    }

    /// Of a call without an answer.
    pub fn of_fault(fault: Fault) -> Self {
        fault.delivery_error().into()
    }

    /// Of an answer that is not 2xx.
    pub fn of_answer(answer: &Response) -> Self {
        let Some(error) = answer.json::<Body>().ok().map(|body| body.error) else {
            let meant = delivery::of_status(answer.status, answer.retry_after_ms(), &answer.text());
            return meant.map_or_else(
                || Self::Unknown(format!("HTTP {}", answer.status)),
                Into::into,
            );
        };
        let reason = error.reason();
        let after = |default_ms: Option<u64>| answer.retry_after_ms().or(default_ms);
        let retry = |after_ms| {
            Self::Retry(Retry {
                reason: reason.clone(),
                after_ms,
            })
        };
        match error.code {
            WINDOW_CLOSED => Self::WindowClosed(reason),
            NUMBER_NEEDED => Self::NumberNeeded(reason),
            PAIR_RATE => retry(after(Some(6_000))),
            NUMBER_RATE => retry(after(Some(1_000))),
            4 | 80_007 => retry(after(Some(regained_ms(answer).unwrap_or(60_000)))),
            2 | 131_000 | 131_016 | 131_057 | 133_016 => retry(after(None)),
            _ if answer.status == 429 || error.is_transient => retry(after(None)),
            _ if answer.status >= 500 => Self::Unknown(reason),
            _ => Self::Rejected(reason),
        }
    }
}

impl From<DeliveryError> for Failure {
    fn from(error: DeliveryError) -> Self {
        match error {
            DeliveryError::Rejected(reason) => Self::Rejected(reason),
            DeliveryError::Retry(retry) => Self::Retry(retry),
            DeliveryError::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

impl From<Failure> for DeliveryError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Rejected(reason)
            | Failure::WindowClosed(reason)
            | Failure::NumberNeeded(reason) => Self::Rejected(reason),
            Failure::Retry(retry) => Self::Retry(retry),
            Failure::Unknown(reason) => Self::Unknown(reason),
        }
    }
}

impl GraphError {
    fn reason(&self) -> String {
        let mut reason = format!("WhatsApp error {}", self.code);
        if let Some(subcode) = self.error_subcode {
            reason.push_str(&format!("/{subcode}"));
        }
        reason.push_str(": ");
        reason.extend(self.message.chars().take(300));
        if let Some(details) = self
            .error_data
            .as_ref()
            .and_then(|data| data.details.as_ref())
        {
            reason.push_str(" (");
            reason.extend(details.chars().take(300));
            reason.push(')');
        }
        if let Some(advice) = advice(self.code) {
            reason.push_str(" — ");
            reason.push_str(advice);
        }
        if let Some(trace) = &self.fbtrace_id {
            reason.push_str(&format!(" [fbtrace_id {trace:.64}]"));
        }
        reason
    }
}

/// What an operator can do.
fn advice(code: i64) -> Option<&'static str> {
    Some(match code {
        0 | 190 => "the access token has ended or was withdrawn: put a new one into the secret",
        3 | 10 | 200..=299 => {
            "the token lacks whatsapp_business_messaging for this number: grant it to the system user"
        }
        33 | 133_010 => "register the number, and check `phone-number-id`",
        368 | 130_497 | 131_031 => "the account is restricted: see its quality in WhatsApp Manager",
        WINDOW_CLOSED => "configure `template` to reach people after 24 hours",
        131_026 => "this person cannot get it: no WhatsApp, an old app, or they block the business",
        131_030 => "a test number sends only to the numbers on its list",
        131_042 => "the account's payment method has to be put in order",
        131_048 | 131_049 => "people blocked or reported too many messages: send less",
        131_050 => "this person does not want marketing messages",
        131_053 => "the file is not of a kind, or size, that WhatsApp shows",
        NUMBER_NEEDED => "this person is known by user id only",
        132_000 => "`template.parameters` does not fit the template's number of parameters",
        132_001 => {
            "there is no such template in that language, or it is not approved: check `template`"
        }
        132_005 | 132_007 | 132_012 => {
            "`template.parameters` gives what the template does not take"
        }
        132_015 | 132_016 => "the template was paused or disabled for its quality",
        _ => return None,
    })
}

/// When calls are possible again, from the header in which the platform tells how much was used. It gives minutes.
fn regained_ms(answer: &Response) -> Option<u64> {
    let usage: serde_json::Value =
        serde_json::from_str(answer.header("x-business-use-case-usage")?).ok()?;
    usage
        .as_object()?
        .values()
        .filter_map(serde_json::Value::as_array)
        .flatten()
        .filter_map(|usage| usage.get("estimated_time_to_regain_access")?.as_u64())
        .max()
        .filter(|minutes| *minutes > 0)
        .map(|minutes| minutes.saturating_mul(60_000))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(status: u16, code: i64) -> Failure {
        let body = json!({"error": {"message": "m", "type": "OAuthException", "code": code, "error_data": {"messaging_product": "whatsapp", "details": "d"}, "fbtrace_id": "T"}});
        Failure::of_answer(&Response::of_json(status, &body))
    }

    fn kind(failure: &Failure) -> &'static str {
        match failure {
            Failure::Rejected(_) => "rejected",
            Failure::Retry(_) => "retry",
            Failure::Unknown(_) => "unknown",
            Failure::WindowClosed(_) => "window",
            Failure::NumberNeeded(_) => "number",
        }
    }

    #[test]
    fn each_code_of_the_platforms_table_has_its_meaning() {
        for code in [
            2, 4, 80_007, 130_429, 131_000, 131_016, 131_056, 131_057, 133_016,
        ] {
            assert_eq!(kind(&of(400, code)), "retry", "{code}");
            assert_eq!(kind(&of(500, code)), "retry", "{code}");
        }
        for code in [
            0, 190, 3, 10, 100, 200, 299, 368, 130_472, 130_497, 131_005, 131_008, 131_009,
            131_021, 131_026, 131_030, 131_031, 131_037, 131_042, 131_045, 131_048, 131_049,
            131_050, 131_051, 131_052, 131_053, 131_063, 131_064, 132_000, 132_001, 132_005,
            132_007, 132_008, 132_012, 132_015, 132_016, 132_068, 132_069, 135_000, 137_000,
            139_000, 139_004,
        ] {
            assert_eq!(kind(&of(400, code)), "rejected", "{code}");
        }
        assert_eq!(kind(&of(400, 131_047)), "window");
        assert_eq!(kind(&of(400, 131_062)), "number");
        assert_eq!(kind(&of(500, 1)), "unknown");
        assert_eq!(kind(&of(429, 9)), "retry");
    }

    #[test]
    fn a_5xx_that_is_not_the_apis_may_have_been_sent() {
        for (status, body, meant) in [
            (500, "<html>", "unknown"),
            (502, "", "unknown"),
            (503, "{}", "unknown"),
            (404, "not here", "rejected"),
            (429, "", "retry"),
            (302, "", "rejected"),
        ] {
            assert_eq!(
                kind(&Failure::of_answer(&Response::of(
                    status,
                    "text/html",
                    body
                ))),
                meant,
                "{status}"
            );
        }
        let transient = json!({"error": {"message": "m", "code": 1, "is_transient": true}});
        assert_eq!(
            kind(&Failure::of_answer(&Response::of_json(500, &transient))),
            "retry"
        );
    }

    #[test]
    fn the_wait_is_the_platforms_where_it_gives_one() {
        let after = |answer: Response| match Failure::of_answer(&answer) {
            Failure::Retry(retry) => retry.after_ms,
            other => panic!("{other:?}"),
        };
        let error =
            |code: i64| Response::of_json(429, &json!({"error": {"code": code, "message": "m"}}));
        assert_eq!(after(error(131_056)), Some(6_000));
        assert_eq!(after(error(130_429)), Some(1_000));
        assert_eq!(after(error(80_007)), Some(60_000));
        assert_eq!(
            after(error(131_056).with_header("retry-after", "30")),
            Some(30_000)
        );
        let usage = r#"{"1":[{"type":"whatsapp","estimated_time_to_regain_access":5}]}"#;
        assert_eq!(
            after(error(80_007).with_header("x-business-use-case-usage", usage)),
            Some(300_000)
        );
    }

    #[test]
    fn the_reason_has_code_text_details_advice_and_trace() {
        let Failure::Rejected(reason) = of(401, 190) else {
            panic!()
        };
        assert_eq!(
            reason,
            "WhatsApp error 190: m (d) — the access token has ended or was withdrawn: put a new one into the secret [fbtrace_id T]"
        );
    }
}
