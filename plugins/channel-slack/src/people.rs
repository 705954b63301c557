//! The name and language of who writes, as `users.info` tells them.

use greentic_sdk::model::Participant;
use serde_json::{Value, json};

use crate::api::Api;
use crate::fields;
use crate::remembered::{self, DAY_MS};

/// How long a refusal is remembered (a missing scope), so that not every message asks again.
const REFUSED_MS: u64 = 60 * 60 * 1000;

/// Fills in what is missing of a person. What cannot be found out now stays missing: a message does not wait for a name.
pub fn complete(api: &Api, person: &mut Participant) {
    if person.is_bot || !is_user(&person.id) {
        return;
    }
    let name = ["user", person.id.as_str()];
    let known = remembered::get(&name).unwrap_or_else(|| {
        let asked = api.call_form(
            "users.info",
            &[("user", &person.id), ("include_locale", "true")],
        );
        let (found, ttl) = match asked {
            Ok(answer) => (
                json!({"name": display_name(&answer), "locale": fields::text(&answer, "/user/locale"), "bot": fields::flag(&answer, "/user/is_bot")}),
                DAY_MS,
            ),
            Err(failure) if !failure.code().is_empty() => (json!({}), REFUSED_MS),
            Err(_) => return Value::Null,
        };
        remembered::put(&name, &found, ttl);
        found
    });
    let text = |pointer| fields::text(&known, pointer).map(str::to_owned);
    // Commands and presses name a person by the handle; what Slack shows of them is what was looked up.
    person.name = text("/name").or_else(|| person.name.take());
    person.locale = text("/locale");
    person.is_bot |= fields::flag(&known, "/bot");
}

/// What Slack itself shows: the display name where one is set, else the real name.
fn display_name(answer: &Value) -> Option<&str> {
    fields::first(
        answer,
        &[
            "/user/profile/display_name",
            "/user/profile/real_name",
            "/user/real_name",
            "/user/name",
        ],
    )
}

/// Whether an identifier is that of a user: `U…`, or `W…` in an Enterprise organisation.
pub fn is_user(id: &str) -> bool {
    id.starts_with(['U', 'W'])
        && id.len() > 1
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use greentic_sdk::http::{Fault, Response};
    use greentic_sdk::native::{Table, install, requests, set_clock};

    use super::*;

    fn asked(person: &mut Participant) {
        complete(
            &Api::open("https://slack.com/api", "slack/bot-token").unwrap(),
            person,
        );
    }

    fn answering(answer: Value) {
        install(
            Table::new()
                .secret("slack/bot-token", b"xoxb-1")
                .http(move |_| Ok(Response::of_json(200, &answer))),
        );
        set_clock(0);
    }

    #[test]
    fn a_persons_name_and_language_are_looked_up_once_a_day() {
        answering(
            json!({"ok": true, "user": {"id": "U1", "name": "ada", "real_name": "Ada L", "locale": "de-CH", "profile": {"display_name": ""}}}),
        );
        for _ in 0..2 {
            let mut person = Participant::person("U1");
            asked(&mut person);
            assert_eq!(
                (person.name.as_deref(), person.locale.as_deref()),
                (Some("Ada L"), Some("de-CH"))
            );
        }
        assert_eq!(requests().len(), 1);
        assert_eq!(requests()[0].body, b"user=U1&include_locale=true");
        set_clock(DAY_MS);
        asked(&mut Participant::person("U1"));
        assert_eq!(requests().len(), 2);
    }

    #[test]
    fn a_missing_scope_is_not_asked_about_with_every_message_and_an_outage_is_no_answer() {
        answering(json!({"ok": false, "error": "missing_scope", "needed": "users:read"}));
        for _ in 0..2 {
            let mut person = Participant::person("U1");
            asked(&mut person);
            assert_eq!(person, Participant::person("U1"));
        }
        assert_eq!(requests().len(), 1);
        install(
            Table::new()
                .secret("slack/bot-token", b"xoxb-1")
                .http(|_| Err(Fault::NotSent("down".into()))),
        );
        asked(&mut Participant::person("U1"));
        asked(&mut Participant::person("U1"));
        assert_eq!(requests().len(), 2);
    }

    #[test]
    fn bots_and_what_is_no_user_id_are_not_looked_up() {
        answering(json!({"ok": true}));
        for id in ["B1", "", "U", "U1/../x", "USLACKBOT&x"] {
            asked(&mut Participant::person(id));
        }
        let mut bot = Participant::person("U1");
        bot.is_bot = true;
        asked(&mut bot);
        assert!(requests().is_empty());
    }
}
