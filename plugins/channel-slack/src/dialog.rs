//! Forms that are shown as a modal: what is remembered of one when its message is sent, opening it, and checking what was filled in.
//!
//! A modal can be opened only by a press, within three seconds (docs.slack.dev/surfaces/modals), so the form waits in the channel's
//! memory. Where its answers belong travels in the view's `private_metadata`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api::{Api, Failure};
use crate::inbound::state;
use crate::remembered::{self, FORM_MS};

/// The `callback_id` of our modals.
pub const CALLBACK: &str = "gt-form";

/// Most characters of a view's `private_metadata`.
const METADATA_CHARS: usize = 3_000;

/// Characters of a form that are kept together: with four bytes each, or escaped, they stay below the memory's 64 KiB.
const PART_CHARS: usize = 15_000;

/// A form.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// At most 24 characters.
    pub title: String,
    /// What the button that sends it says; at most 24 characters. Empty for what is only shown.
    pub submit: String,
    /// The view's blocks, at most 100.
    pub blocks: Vec<Value>,
    /// What the action carries beside the inputs.
    pub data: Value,
    /// What Slack does not check by itself.
    pub checks: Vec<Check>,
}

/// What an answer must be like.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// The input's block.
    pub block: String,
    /// The input's id.
    pub id: String,
    /// It must not be left empty.
    pub required: bool,
    /// A regular expression it must match.
    pub pattern: Option<String>,
    /// Smallest number, earliest date or time.
    pub min: Option<String>,
    /// Largest number, latest date or time.
    pub max: Option<String>,
    /// What to tell the person.
    pub message: Option<String>,
    /// The values of its choices, in order, where Slack cannot carry them all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// Begins the value of a choice that stands for another one.
const CHOICE: &str = "gt-choice-";

/// What stands for the value of a choice that Slack cannot carry.
pub fn choice_name(at: usize) -> String {
    format!("{CHOICE}{at}")
}

/// Where the answers of an open modal belong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The channel.
    #[serde(rename = "c")]
    pub channel: String,
    /// The thread in it.
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<String>,
    /// The message whose button opened it.
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The form.
    #[serde(rename = "f")]
    pub form: String,
    /// What was filled in beside the button before it was opened.
    #[serde(rename = "v", default, skip_serializing_if = "Map::is_empty")]
    pub before: Map<String, Value>,
}

impl Place {
    /// From a view's `private_metadata`; `None` when the view is not ours.
    pub fn read(metadata: &str) -> Option<Self> {
        serde_json::from_str(metadata).ok()
    }
}

impl Form {
    /// Remembers the form under a name that is unlike any other's.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub fn keep(&self, name: &str) -> Result<(), String> {
        let whole = serde_json::to_string(self).map_err(|error| error.to_string())?;
        let letters: Vec<char> = whole.chars().collect();
        let parts: Vec<String> = letters.chunks(PART_CHARS).map(String::from_iter).collect();
        let kept = parts.iter().enumerate().all(|(at, part)| {
            remembered::put(&["form", name, &at.to_string()], &json!(part), FORM_MS)
        });
        if kept && remembered::put(&["form", name], &json!(parts.len()), FORM_MS) {
            Ok(())
        } else {
            Err("the form cannot be kept in the channel's memory".to_owned())
        }
    }

    /// The form of that name, as long as it is remembered.
    pub fn find(name: &str) -> Option<Self> {
        let parts = remembered::get(&["form", name])?.as_u64()?;
        let mut whole = String::new();
        for at in 0..parts {
            let part = remembered::get(&["form", name, &at.to_string()])?;
            whole.push_str(part.as_str()?);
        }
        serde_json::from_str(&whole).ok()
    }

    /// Shows it to whoever pressed the button.
    ///
    /// # Errors
    /// When Slack does not open it.
    pub fn open(&self, api: &Api, trigger: &str, place: &Place) -> Result<(), Failure> {
        let mut metadata = json!(place).to_string();
        if metadata.chars().count() > METADATA_CHARS {
            // Only what was filled in beside the button can be that long.
            let place = Place {
                before: Map::new(),
                ..place.clone()
            };
            greentic_sdk::log::warn!(
                "forms",
                "what was filled in beside the button is too long to go with the form"
            );
            metadata = json!(place).to_string();
        }
        let plain = |text: &str| json!({"type": "plain_text", "text": text});
        let mut view = json!({
            "type": "modal",
            "callback_id": CALLBACK,
            "title": plain(&self.title),
            "close": plain(if self.submit.is_empty() { "Close" } else { "Cancel" }),
            "private_metadata": metadata,
            "notify_on_close": false,
            "blocks": self.blocks,
        });
        if let Some(fields) = view.as_object_mut().filter(|_| !self.submit.is_empty()) {
            fields.insert("submit".to_owned(), plain(&self.submit));
        }
        api.call("views.open", &json!({"trigger_id": trigger, "view": view}))
            .map(drop)
    }

    /// The answers with what their choices stand for.
    pub fn translate(&self, mut answers: Map<String, Value>) -> Map<String, Value> {
        for check in self.checks.iter().filter(|check| !check.values.is_empty()) {
            let Some(answer) = answers.get_mut(&check.id) else {
                continue;
            };
            let text = answer.as_str().unwrap_or_default();
            let meant = |name: &str| {
                let at = name.strip_prefix(CHOICE)?.parse::<usize>().ok()?;
                check.values.get(at).cloned()
            };
            let parts: Vec<String> = text
                .split(',')
                .map(|part| meant(part).unwrap_or_else(|| part.to_owned()))
                .collect();
            *answer = Value::from(parts.join(","));
        }
        answers
    }

    /// What is wrong with the answers, by block.
    pub fn faults(&self, answers: &Map<String, Value>) -> Map<String, Value> {
        let mut faults = Map::new();
        for check in &self.checks {
            let answer = answers.get(&check.id).and_then(Value::as_str);
            if let Some(fault) = check.fault(answer.unwrap_or_default()) {
                faults.insert(check.block.clone(), Value::from(fault));
            }
        }
        faults
    }
}

impl Check {
    fn fault(&self, answer: &str) -> Option<String> {
        let otherwise = |text: String| Some(self.message.clone().unwrap_or(text));
        if answer.is_empty() {
            return self
                .required
                .then(|| otherwise("Please fill this in.".to_owned()))
                .flatten();
        }
        // A pattern written for another kind of engine is not held against the person.
        if let Some(pattern) = self.pattern.as_deref()
            && let Ok(pattern) = regex_lite::Regex::new(pattern)
            && !pattern.is_match(answer)
        {
            return otherwise("This does not have the right form.".to_owned());
        }
        if let Some(min) = &self.min
            && is_less(answer, min)
        {
            return otherwise(format!("This must be at least {min}."));
        }
        if let Some(max) = &self.max
            && is_less(max, answer)
        {
            return otherwise(format!("This must be at most {max}."));
        }
        None
    }
}

/// Numbers as numbers; dates and times sort as texts.
fn is_less(one: &str, other: &str) -> bool {
    match (one.parse::<f64>(), other.parse::<f64>()) {
        (Ok(one), Ok(other)) => one < other,
        _ => one < other,
    }
}

/// An action's data together with what was filled in, as one object. The person's answers win over data of the same name.
pub fn merge(data: &Value, answers: Map<String, Value>) -> Value {
    let mut whole = match data {
        Value::Object(fields) => fields.clone(),
        Value::Null => Map::new(),
        // Data may be any value where there is nothing to add to it.
        other if answers.is_empty() => return other.clone(),
        other => Map::from_iter([("data".to_owned(), other.clone())]),
    };
    whole.extend(answers);
    Value::Object(whole)
}

/// The answers of a view.
pub fn answers(view: &Value) -> Map<String, Value> {
    view.pointer("/state/values")
        .map(state::answers)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use greentic_sdk::http::Response;
    use greentic_sdk::native::{Table, install, requests};

    use super::*;

    fn check(id: &str) -> Check {
        Check {
            block: format!("b-{id}"),
            id: id.into(),
            ..Check::default()
        }
    }

    #[test]
    fn answers_are_held_against_what_the_card_asks_for() {
        let form = Form {
            checks: vec![
                Check {
                    required: true,
                    ..check("title")
                },
                Check {
                    pattern: Some("^[^@ ]+@[^@ ]+$".into()),
                    message: Some("An address, please.".into()),
                    ..check("email")
                },
                Check {
                    min: Some("2".into()),
                    max: Some("10".into()),
                    ..check("count")
                },
                Check {
                    min: Some("2026-01-01".into()),
                    ..check("day")
                },
                Check {
                    pattern: Some("(".into()),
                    ..check("odd")
                },
            ],
            ..Form::default()
        };
        let faults = |answers: Value| Value::Object(form.faults(answers.as_object().unwrap()));
        assert_eq!(
            faults(
                json!({"title": "a", "email": "a@b", "count": "9", "day": "2026-11-25", "odd": "x"})
            ),
            json!({})
        );
        assert_eq!(
            faults(json!({"title": "a"})),
            json!({}),
            "what may be left empty is not checked"
        );
        assert_eq!(
            faults(json!({"email": "nobody", "count": "11", "day": "2025-12-31"})),
            json!({"b-title": "Please fill this in.", "b-email": "An address, please.", "b-count": "This must be at most 10.", "b-day": "This must be at least 2026-01-01."})
        );
        assert_eq!(
            faults(json!({"title": "a", "count": "1"})),
            json!({"b-count": "This must be at least 2."})
        );
    }

    #[test]
    fn data_and_answers_become_one_object() {
        let answers = || Map::from_iter([("a".to_owned(), json!("1"))]);
        for (data, meant) in [
            (json!({"a": "0", "b": 2}), json!({"a": "1", "b": 2})),
            (json!(null), json!({"a": "1"})),
            (json!("x"), json!({"data": "x", "a": "1"})),
        ] {
            assert_eq!(merge(&data, answers()), meant);
        }
        let form = Form {
            checks: vec![Check {
                values: vec!["long".into(), "other".into()],
                ..check("a")
            }],
            ..Form::default()
        };
        let given = Map::from_iter([("a".to_owned(), json!("gt-choice-1,x,gt-choice-9"))]);
        assert_eq!(form.translate(given)["a"], "other,x,gt-choice-9");
        assert_eq!(merge(&json!("x"), Map::new()), json!("x"));
        assert_eq!(merge(&json!(null), Map::new()), json!({}));
    }

    #[test]
    fn a_form_is_remembered_and_opened_with_the_place_it_belongs_to() {
        install(
            Table::new()
                .secret("slack/bot-token", b"xoxb-1")
                .http(|_| Ok(Response::of_json(200, &json!({"ok": true})))),
        );
        let form = Form {
            title: "Report".into(),
            submit: "Send".into(),
            ..Form::default()
        };
        form.keep("d1.0").unwrap();
        assert_eq!(Form::find("d1.0"), Some(form.clone()));
        assert_eq!(Form::find("d1.1"), None);
        let mut place = Place {
            channel: "C1".into(),
            thread: Some("1.2".into()),
            message: None,
            form: "d1.0".into(),
            before: Map::new(),
        };
        let api = Api::open("https://slack.com/api", "slack/bot-token").unwrap();
        form.open(&api, "t1", &place).unwrap();
        place
            .before
            .insert("long".into(), json!("x".repeat(METADATA_CHARS)));
        form.open(&api, "t1", &place).unwrap();
        for request in requests() {
            let sent: Value = serde_json::from_slice(&request.body).unwrap();
            assert_eq!(
                (&sent["trigger_id"], &sent["view"]["callback_id"]),
                (&json!("t1"), &json!(CALLBACK))
            );
            let metadata = sent["view"]["private_metadata"].as_str().unwrap();
            assert!(metadata.len() <= METADATA_CHARS);
            let read = Place::read(metadata).unwrap();
            assert_eq!(
                (
                    read.channel.as_str(),
                    read.thread.as_deref(),
                    read.before.len()
                ),
                ("C1", Some("1.2"), 0)
            );
        }
        assert_eq!(Place::read("This is for you!"), None);
        let large = Form {
            blocks: vec![json!("\"ä\u{1f44d}".repeat(PART_CHARS))],
            ..form
        };
        large.keep("d1.2").unwrap();
        assert_eq!(Form::find("d1.2"), Some(large));
    }
}
