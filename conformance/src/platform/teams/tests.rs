//! The platform by itself: what it signs, what it takes and what it refuses.

mod signing;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::acts::stamp;
use super::identity::{APP, SECRET, TENANT};
use super::state::{bot_id, person_id};
use super::{card, make, text};
use crate::platform::{Act, Action, Author, Place, Settings, Shown, Simulation, Style};

const TOKEN_PATH: &str = "/7e4a47aa-0001-4000-8000-000000000007/oauth2/v2.0/token";

fn simulation() -> Simulation {
    Simulation::start(make, &Settings::default()).unwrap()
}

/// One call as a bot makes it: status and JSON, `null` for a body that is none.
fn call(simulation: &Simulation, line: &str, headers: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(simulation.desk().authority()).unwrap();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer[9..12].parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

fn form(secret: &str) -> String {
    format!(
        "grant_type=client_credentials&client_id={APP}&client_secret={}&scope=https%3A%2F%2Fapi.botframework.com%2F.default",
        secret.replace('~', "%7E")
    )
}

/// A simulation with a token for its Connector.
struct Bot {
    simulation: Simulation,
    headers: String,
}

impl Bot {
    fn new() -> Self {
        let simulation = simulation();
        let (status, granted) = call(
            &simulation,
            &format!("POST {TOKEN_PATH}"),
            "",
            &form(SECRET),
        );
        assert_eq!((status, &granted["expires_in"]), (200, &json!(3600)));
        let token = granted["access_token"].as_str().unwrap();
        Self {
            headers: format!("authorization: Bearer {token}\r\n"),
            simulation,
        }
    }

    fn call(&self, line: &str, body: &Value) -> (u16, Value) {
        call(&self.simulation, line, &self.headers, &body.to_string())
    }

    fn say(&self, place: &Place, changes: Value) -> (u16, Value) {
        let id = self.simulation.platform().conversation(place, "ada").id;
        let mut activity = json!({"type": "message", "from": {"id": bot_id()}, "text": "hello"});
        for (name, value) in changes.as_object().unwrap() {
            activity[name] = value.clone();
        }
        self.call(
            &format!("POST /amer/v3/conversations/{id}/activities"),
            &activity,
        )
    }

    fn seen(&self, place: &Place, user: &str) -> Vec<Shown> {
        self.simulation.screen(place, user).messages
    }

    fn violations(&self) -> Vec<String> {
        let violations = self.simulation.violations();
        violations
            .into_iter()
            .map(|violation| violation.name)
            .collect()
    }
}

fn act(action: Action) -> Act {
    Act {
        user: "ada".into(),
        place: Place::Direct,
        action,
    }
}

#[test]
fn an_access_token_is_for_who_has_the_secret_and_lives_for_an_hour() {
    let bot = Bot::new();
    let (status, denied) = call(
        &bot.simulation,
        &format!("POST {TOKEN_PATH}"),
        "",
        &form("wrong"),
    );
    assert_eq!((status, &denied["error"]), (401, &json!("invalid_client")));
    let (status, _) = call(
        &bot.simulation,
        "POST /other/oauth2/v2.0/token",
        "",
        &form(SECRET),
    );
    assert_eq!(status, 400);
    assert_eq!(bot.violations(), ["token-request", "token-request"]);
    assert_eq!(bot.say(&Place::Direct, json!({})).0, 201);
    bot.simulation.desk().advance(3_600_001);
    assert_eq!(bot.say(&Place::Direct, json!({})).0, 401);
    assert!(TOKEN_PATH.contains(TENANT));
}

#[test]
fn a_message_is_seen_changed_deleted_and_reacted_to() {
    let bot = Bot::new();
    let (_, sent) = bot.say(
        &Place::Direct,
        json!({"text": "**b** _i_\nx", "textFormat": "markdown"}),
    );
    let id = sent["id"].as_str().unwrap().to_owned();
    let [shown] = &bot.seen(&Place::Direct, "ada")[..] else {
        panic!()
    };
    assert_eq!(
        (shown.id.as_str(), shown.text.as_str()),
        (id.as_str(), "b i x")
    );
    assert_eq!(
        shown.styles,
        [(Style::Strong, "b".into()), (Style::Emphasis, "i".into())]
    );
    let path = format!("/amer/v3/conversations/a%3A1ada/activities/{id}");
    let changed = json!({"type": "message", "from": {"id": bot_id()}, "text": "new"});
    assert_eq!(bot.call(&format!("PUT {path}"), &changed).0, 200);
    assert_eq!(
        bot.call(&format!("PUT {path}/reactions/like"), &json!({}))
            .0,
        200
    );
    let [shown] = &bot.seen(&Place::Direct, "ada")[..] else {
        panic!()
    };
    assert!(shown.edited && shown.text == "new");
    assert_eq!(shown.reactions, [("👍".to_owned(), Author::Bot)]);
    assert_eq!(
        bot.call(&format!("PUT {path}/reactions/crab"), &json!({}))
            .0,
        400
    );
    assert_eq!(bot.call(&format!("DELETE {path}"), &json!({})).0, 200);
    assert!(bot.seen(&Place::Direct, "ada")[0].deleted);
    assert_eq!(bot.call(&format!("PUT {path}"), &changed).0, 403);
    assert_eq!(bot.violations(), ["reaction"]);
}

#[test]
fn what_teams_does_not_take_is_refused_and_written_down() {
    let group = Place::Group("g".into());
    let suggest = |kind: &str, count| json!({"suggestedActions": {"actions": vec![json!({"type": kind, "title": "t", "value": "v"}); count]}});
    let attach = |kind: &str, content: Value| json!({"text": "", "attachments": [{"contentType": kind, "name": "n", "content": content}]});
    let consent = json!({"sizeInBytes": 3, "acceptContext": {}, "declineContext": {}});
    for (place, changes, status, violation) in [
        (&group, json!({}), 201, ""),
        (&group, json!({"type": "typing"}), 201, ""),
        (&Place::Direct, suggest("imBack", 3), 201, ""),
        (
            &Place::Direct,
            attach(card::CONSENT, consent.clone()),
            201,
            "",
        ),
        (&group, json!({"text": " "}), 400, "empty"),
        (&group, json!({"type": "shout"}), 400, "type"),
        (&group, json!({"from": {"id": "28:other"}}), 400, "from"),
        (&group, json!({"textFormat": "html"}), 400, "text-format"),
        (&group, suggest("imBack", 1), 400, "suggested-actions"),
        (
            &Place::Direct,
            suggest("imBack", 4),
            400,
            "suggested-actions",
        ),
        (
            &Place::Direct,
            suggest("postBack", 1),
            400,
            "suggested-actions",
        ),
        (&group, attach(card::CONSENT, consent), 400, "attachment"),
        (
            &group,
            attach("application/pdf", json!({})),
            400,
            "attachment",
        ),
        (
            &group,
            attach(card::ADAPTIVE, json!({"type": "AdaptiveCard"})),
            400,
            "attachment",
        ),
        (&group, json!({"text": "x".repeat(51_300)}), 413, "size"),
        (&group, json!({"text": "\"".repeat(26_000)}), 413, "size"),
    ] {
        let bot = Bot::new();
        assert_eq!(bot.say(place, changes.clone()).0, status, "{changes:.100}");
        let expected: Vec<_> = (!violation.is_empty())
            .then(|| violation.to_owned())
            .into_iter()
            .collect();
        assert_eq!(bot.violations(), expected, "{changes:.100}");
        assert_eq!(
            bot.seen(place, "ada").len(),
            usize::from(status == 201 && changes["type"] != "typing")
        );
    }
}

#[test]
fn a_message_for_one_person_is_seen_by_that_person_only() {
    let bot = Bot::new();
    let place = Place::Group("g".into());
    bot.simulation.platform().conversation(&place, "bob");
    let id = bot.simulation.platform().conversation(&place, "ada").id;
    let line = format!("POST /amer/v3/conversations/{id}/activities?isTargetedActivity=true");
    let mut activity = json!({"type": "message", "from": {"id": bot_id()}, "text": "psst", "recipient": {"id": person_id("ada")}});
    assert_eq!(bot.call(&line, &activity).0, 201);
    assert_eq!(bot.seen(&place, "ada")[0].only_for.as_deref(), Some("ada"));
    assert_eq!(bot.seen(&place, "bob"), []);
    activity["recipient"] = json!({"id": "29:nobody"});
    assert_eq!(bot.call(&line, &activity).0, 400);
    assert_eq!(bot.violations(), ["targeted"]);
}

#[test]
fn a_conversation_is_begun_with_a_person_and_a_thread_in_a_channel() {
    let bot = Bot::new();
    let channel = Place::Channel("general".into());
    let id = bot.simulation.platform().conversation(&channel, "ada").id;
    let activity = json!({"type": "message", "from": {"id": bot_id()}, "text": "news"});
    let body = json!({"bot": {"id": bot_id()}, "isGroup": true, "tenantId": TENANT, "channelData": {"channel": {"id": id}}, "activity": activity});
    let (status, begun) = bot.call("POST /amer/v3/conversations", &body);
    assert_eq!(status, 201);
    let shown = &bot.seen(&channel, "ada")[0];
    assert_eq!(
        (Some(shown.id.as_str()), shown.thread.as_deref()),
        (begun["activityId"].as_str(), Some(shown.id.as_str()))
    );
    let body =
        json!({"bot": {"id": bot_id()}, "tenantId": TENANT, "members": [{"id": person_id("ada")}]});
    let (status, begun) = bot.call("POST /amer/v3/conversations", &body);
    assert_eq!((status, &begun["id"]), (201, &json!("a:1ada")));
    let body =
        json!({"bot": {"id": bot_id()}, "tenantId": TENANT, "members": [{"id": "29:nobody"}]});
    assert_eq!(bot.call("POST /amer/v3/conversations", &body).0, 403);
    assert_eq!(bot.violations(), Vec::<String>::new());
}

#[test]
fn a_file_that_is_accepted_is_uploaded_in_one_range_and_seen() {
    let bot = Bot::new();
    let offer = json!({"contentType": card::CONSENT, "name": "a.txt", "content": {"sizeInBytes": 3, "acceptContext": {"file": "f"}, "declineContext": {}}});
    let (_, sent) = bot.say(&Place::Direct, json!({"text": "", "attachments": [offer]}));
    let press = Action::Press {
        message: sent["id"].as_str().unwrap().into(),
        button: 0,
    };
    let done = bot.simulation.compose(&act(press)).unwrap();
    let invoke: Value = serde_json::from_slice(&done.webhooks[0].body).unwrap();
    assert_eq!(invoke["name"], "fileConsent/invoke");
    assert_eq!(invoke["value"]["context"], json!({"file": "f"}));
    let info = &invoke["value"]["uploadInfo"];
    let path = info["uploadUrl"]
        .as_str()
        .unwrap()
        .replace(bot.simulation.desk().origin(), "");
    let put = |range: &str| {
        call(
            &bot.simulation,
            &format!("PUT {path}"),
            &format!("content-range: {range}\r\n"),
            "abc",
        )
        .0
    };
    assert_eq!(put("bytes 0-2/3"), 201);
    assert_eq!(put("bytes 0-2/3"), 404, "a session ends with its upload");
    let shown = json!({"contentType": card::FILE_INFO, "name": "a.txt", "content": {"uniqueId": info["uniqueId"], "fileType": "txt"}});
    bot.say(&Place::Direct, json!({"text": "", "attachments": [shown]}));
    assert_eq!(bot.seen(&Place::Direct, "ada")[1].files[0].bytes, b"abc");
    assert_eq!(bot.violations(), Vec::<String>::new());
}

#[test]
fn rates_are_held_where_a_test_wants_it() {
    let bot = Bot::new();
    bot.simulation.desk().enforce_rates(true);
    let statuses: Vec<_> = (0..8)
        .map(|_| bot.say(&Place::Direct, json!({})).0)
        .collect();
    assert_eq!(statuses, [201, 201, 201, 201, 201, 201, 201, 429]);
    assert_eq!(bot.violations(), ["rate"]);
}

#[test]
fn a_card_is_drawn_with_its_texts_fields_and_buttons() {
    let content = json!({
        "type": "AdaptiveCard", "version": "1.5",
        "body": [
            {"type": "TextBlock", "text": "Order **7**"},
            {"type": "FactSet", "facts": [{"title": "State", "value": "packed"}]},
            {"type": "ColumnSet", "columns": [{"type": "Column", "items": [{"type": "TextBlock", "text": "left"}]}]},
            {"type": "Input.ChoiceSet", "id": "c", "label": "Which?", "choices": [{"title": "A", "value": "a"}]},
            {"type": "Hologram"},
            {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": "Page", "url": "https://x.example"}]}
        ],
        "actions": [
            {"type": "Action.Submit", "title": "Send", "data": {"a": 1}},
            {"type": "Action.ShowCard", "title": "More", "card": {"type": "AdaptiveCard", "body": [{"type": "Input.Text", "id": "t"}], "actions": [{"type": "Action.Submit", "title": "Inner"}]}}
        ]
    });
    assert_eq!(card::fault(&content), None);
    let mut shown = Shown::new("m", Author::Bot, "");
    card::show(&content, &mut shown);
    assert_eq!(shown.text, "Order 7\nState: packed\nleft");
    let titles: Vec<_> = shown
        .buttons
        .iter()
        .map(|button| button.title.as_str())
        .collect();
    assert_eq!(titles, ["Page", "Send", "Inner"]);
    let fields: Vec<_> = shown.fields.iter().map(|field| field.id.as_str()).collect();
    assert_eq!(fields, ["c", "t"]);
    for (wrong, says) in [
        (json!({"type": "HeroCard"}), "no AdaptiveCard"),
        (json!({"type": "AdaptiveCard"}), "no version"),
        (json!({"type": "AdaptiveCard", "version": "1.6"}), "version"),
        (
            json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "TextBlock"}]}),
            "TextBlock without `text`",
        ),
        (
            json!({"type": "AdaptiveCard", "version": "1.5", "body": [{"type": "Container", "items": [{"type": "Input.Text"}]}]}),
            "Input.Text without `id`",
        ),
    ] {
        let fault = card::fault(&wrong).unwrap();
        assert!(fault.contains(says), "{fault}");
    }
}

#[test]
fn in_a_group_the_bot_is_mentioned_and_in_a_channel_a_thread_begins() {
    let simulation = simulation();
    for (place, threaded) in [
        (Place::Group("g".into()), false),
        (Place::Channel("c".into()), true),
    ] {
        let said = Act {
            user: "ada".into(),
            place,
            action: Action::Say("hello all".into()),
        };
        let done = simulation.compose(&said).unwrap();
        let activity: Value = serde_json::from_slice(&done.webhooks[0].body).unwrap();
        assert_eq!(activity["text"], "<at>Simulated Desk</at> hello all");
        assert_eq!(activity["entities"][1]["mentioned"]["id"], bot_id());
        assert_eq!(done.conversation.thread.is_some(), threaded);
        assert_eq!(
            activity["conversation"]["id"]
                .as_str()
                .unwrap()
                .contains(";messageid="),
            threaded
        );
    }
}

#[test]
fn names_of_reactions_and_times_are_the_platforms() {
    assert_eq!(text::emoji("like"), "👍");
    assert_eq!(text::reaction("😮"), Some("surprised"));
    assert!(
        text::is_reaction("1f440_eyes") && !text::is_reaction("../x") && !text::is_reaction("")
    );
    assert_eq!(stamp(1_767_406_652_309), "2026-01-03T02:17:32.3090000Z");
    assert_eq!(stamp(951_782_400_000), "2000-02-29T00:00:00.0000000Z");
}
