//! The platform's own rules: what it tells a bot, and what it lets a bot do.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::{SECRET, SECRET_HEADER, TOKEN, make};
use crate::platform::{
    Act, Action, Author, CannotDo, File, Place, Pressed, Settings, Signing, Simulation, Style,
};

fn simulation() -> Simulation {
    Simulation::start(make, &Settings::default()).unwrap()
}

fn act(place: Place, action: Action) -> Act {
    Act {
        user: "ada".into(),
        place,
        action,
    }
}

fn direct(action: Action) -> Act {
    act(Place::Direct, action)
}

/// The updates an act tells, as JSON.
fn told(simulation: &Simulation, act: &Act) -> Vec<Value> {
    let done = simulation.compose(act).unwrap();
    done.webhooks
        .iter()
        .map(|webhook| serde_json::from_slice(&webhook.body).unwrap())
        .collect()
}

fn http(simulation: &Simulation, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(simulation.desk().authority()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    write!(
        stream,
        "{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let status = String::from_utf8_lossy(&answer[9..12]).parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

fn call(simulation: &Simulation, method: &str, parameters: &Value) -> Value {
    let head = format!("POST /bot{TOKEN}/{method} HTTP/1.1\r\ncontent-type: application/json");
    let (status, body) = http(simulation, &head, parameters.to_string().as_bytes());
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["ok"], status == 200, "{answer}");
    answer
}

fn chat(simulation: &Simulation, place: &Place) -> i64 {
    let conversation = simulation.platform().conversation(place, "ada");
    conversation.id.parse().unwrap()
}

#[test]
fn a_persons_message_is_an_update_with_the_secret_in_a_header() {
    let simulation = simulation();
    let done = simulation
        .compose(&direct(Action::Say("hello".into())))
        .unwrap();
    let mut webhook = done.webhooks[0].clone();
    let body: Value = serde_json::from_slice(&webhook.body).unwrap();
    assert_eq!(body["message"]["text"], "hello");
    assert_eq!(body["message"]["chat"]["type"], "private");
    assert_eq!(body["message"]["from"]["id"], body["message"]["chat"]["id"]);
    assert_eq!(webhook.key, body["update_id"].to_string());
    simulation.platform().sign(&mut webhook, Signing::Honest, 0);
    assert_eq!(webhook.header(SECRET_HEADER), Some(SECRET));
    for forgery in simulation.platform().forgeries() {
        let mut forged = done.webhooks[0].clone();
        simulation.platform().sign(&mut forged, forgery, 0);
        assert_ne!(forged.header(SECRET_HEADER), Some(SECRET), "{forgery:?}");
    }
}

#[test]
fn updates_of_a_chat_wait_for_each_other_and_those_of_another_do_not() {
    let simulation = simulation();
    let queue = |place: Place| {
        let done = simulation
            .compose(&act(place, Action::Say("x".into())))
            .unwrap();
        done.webhooks[0].queue.clone().unwrap()
    };
    assert_eq!(queue(Place::Direct), queue(Place::Direct));
    assert_ne!(queue(Place::Direct), queue(Place::Group("g".into())));
}

#[test]
fn what_the_bot_sends_is_seen_with_its_styles_and_buttons() {
    let simulation = simulation();
    let ada = chat(&simulation, &Place::Direct);
    let answer = call(
        &simulation,
        "sendMessage",
        &json!({
            "chat_id": ada, "text": "pick one",
            "entities": [{"type": "bold", "offset": 0, "length": 4}],
            "reply_markup": {"inline_keyboard": [[{"text": "A", "callback_data": "a"}, {"text": "B", "url": "https://b.example"}]]},
        }),
    );
    let screen = simulation.screen(&Place::Direct, "ada");
    let shown = &screen.messages[0];
    assert_eq!(shown.id, answer["result"]["message_id"].to_string());
    assert_eq!(shown.styles, [(Style::Strong, "pick".into())]);
    assert_eq!(shown.buttons[0].does, Pressed::Tells);
    assert_eq!(
        shown.buttons[1].does,
        Pressed::Opens("https://b.example".into())
    );
    let press = direct(Action::Press {
        message: shown.id.clone(),
        button: 0,
    });
    let query = told(&simulation, &press)[0]["callback_query"].clone();
    assert_eq!(query["data"], "a");
    let answered = json!({"callback_query_id": query["id"], "text": "thanks"});
    assert_eq!(
        call(&simulation, "answerCallbackQuery", &answered)["ok"],
        true
    );
    assert_eq!(simulation.screen(&Place::Direct, "ada").notices, ["thanks"]);
    let again = call(&simulation, "answerCallbackQuery", &answered);
    assert!(
        again["description"]
            .as_str()
            .unwrap()
            .contains("query is too old")
    );
}

#[test]
fn what_is_written_after_a_question_answers_it() {
    let simulation = simulation();
    let ada = chat(&simulation, &Place::Direct);
    let asked = call(
        &simulation,
        "sendMessage",
        &json!({"chat_id": ada, "text": "Your name?", "reply_markup": {"force_reply": true}}),
    );
    let answer = told(&simulation, &direct(Action::Say("Ada".into())));
    let answered = &answer[0]["message"]["reply_to_message"];
    assert_eq!(answered["message_id"], asked["result"]["message_id"]);
    assert_eq!(answered["from"]["is_bot"], true);
    let more = told(&simulation, &direct(Action::Say("and more".into())));
    assert_eq!(more[0]["message"].get("reply_to_message"), None);
}

#[test]
fn each_breach_of_a_rule_is_refused_and_written_down() {
    let simulation = simulation();
    let ada = chat(&simulation, &Place::Direct);
    for (method, parameters, violation) in [
        (
            "sendMessage",
            json!({"chat_id": ada, "text": ""}),
            "text-empty",
        ),
        (
            "sendMessage",
            json!({"chat_id": ada, "text": "x".repeat(4097)}),
            "text-too-long",
        ),
        ("sendMessage", json!({"text": "x"}), "field-missing"),
        (
            "sendMessage",
            json!({"chat_id": ada, "text": "x", "message_thread_id": 5}),
            "topic",
        ),
        (
            "sendMessage",
            json!({"chat_id": ada, "text": "x", "entities": [{"type": "bold", "offset": 0, "length": 2}]}),
            "entities",
        ),
        (
            "sendMessage",
            json!({"chat_id": ada, "text": "x", "parse_mode": "Fancy"}),
            "parse-mode",
        ),
        (
            "sendChatAction",
            json!({"chat_id": ada, "action": "dance"}),
            "chat-action",
        ),
        (
            "setMyCommands",
            json!({"commands": [{"command": "Help", "description": "x"}]}),
            "commands",
        ),
        (
            "setWebhook",
            json!({"url": "http://bot.example/"}),
            "webhook-url",
        ),
        (
            "setWebhook",
            json!({"url": "https://bot.example/", "secret_token": "a b"}),
            "secret-token",
        ),
        ("sendTelegraph", json!({}), "unknown-method"),
    ] {
        let before = simulation.violations().len();
        assert_eq!(
            call(&simulation, method, &parameters)["ok"],
            false,
            "{method} {parameters}"
        );
        let violations = simulation.violations();
        assert_eq!(violations.len(), before + 1, "{method} {parameters}");
        assert_eq!(violations[before].name, violation);
    }
}

#[test]
fn what_a_bot_could_not_know_is_refused_without_a_reproach() {
    let simulation = simulation();
    let ada = chat(&simulation, &Place::Direct);
    simulation.compose(&direct(Action::Leave)).unwrap();
    let blocked = call(
        &simulation,
        "sendMessage",
        &json!({"chat_id": ada, "text": "x"}),
    );
    assert_eq!(blocked["error_code"], 403);
    simulation.compose(&direct(Action::Join)).unwrap();
    for (method, parameters) in [
        ("sendMessage", json!({"chat_id": 77, "text": "x"})),
        ("deleteMessage", json!({"chat_id": ada, "message_id": 5})),
        ("getFile", json!({"file_id": "x"})),
        (
            "sendMessage",
            json!({"chat_id": ada, "text": "x", "reply_parameters": {"message_id": 5}}),
        ),
    ] {
        assert_eq!(call(&simulation, method, &parameters)["error_code"], 400);
    }
    let answers = json!({"chat_id": ada, "text": "x", "reply_parameters": {"message_id": 5, "allow_sending_without_reply": true}});
    assert_eq!(call(&simulation, "sendMessage", &answers)["ok"], true);
    assert_eq!(simulation.violations(), []);
}

#[test]
fn a_wrong_token_is_unauthorised() {
    let simulation = simulation();
    let (status, _) = http(
        &simulation,
        "POST /bot7000000001:gtsec_0/getMe HTTP/1.1",
        b"",
    );
    assert_eq!(status, 401);
    assert_eq!(simulation.violations()[0].name, "token");
}

#[test]
fn an_edit_changes_what_is_seen_and_an_edit_to_the_same_is_refused() {
    let simulation = simulation();
    let ada = chat(&simulation, &Place::Direct);
    let sent = call(
        &simulation,
        "sendMessage",
        &json!({"chat_id": ada, "text": "one"}),
    );
    let id = sent["result"]["message_id"].clone();
    let edit = json!({"chat_id": ada, "message_id": id, "text": "two"});
    assert_eq!(call(&simulation, "editMessageText", &edit)["ok"], true);
    let shown = simulation.screen(&Place::Direct, "ada").messages.remove(0);
    assert!(shown.edited && shown.text == "two");
    let again = call(&simulation, "editMessageText", &edit);
    assert!(
        again["description"]
            .as_str()
            .unwrap()
            .contains("message is not modified")
    );
    let said = simulation
        .compose(&direct(Action::Say("mine".into())))
        .unwrap();
    let id: i64 = said.message.unwrap().parse().unwrap();
    let foreign = json!({"chat_id": ada, "message_id": id, "text": "yours"});
    assert_eq!(call(&simulation, "editMessageText", &foreign)["ok"], false);
}

#[test]
fn a_file_is_given_to_who_knows_its_path_and_pieces_of_it_too() {
    let simulation = simulation();
    let file = File {
        name: "a.bin".into(),
        content_type: "application/zip".into(),
        bytes: (0..100).collect(),
    };
    let send = direct(Action::SendFile {
        file,
        text: "look".into(),
    });
    let message = told(&simulation, &send)[0]["message"].clone();
    assert_eq!(message["caption"], "look");
    let found = call(
        &simulation,
        "getFile",
        &json!({"file_id": message["document"]["file_id"]}),
    );
    let path = found["result"]["file_path"].as_str().unwrap().to_owned();
    let (status, bytes) = http(
        &simulation,
        &format!("GET /file/bot{TOKEN}/{path} HTTP/1.1"),
        b"",
    );
    assert_eq!((status, bytes.len()), (200, 100));
    let head = format!("GET /file/bot{TOKEN}/{path} HTTP/1.1\r\nrange: bytes=10-19");
    let (status, bytes) = http(&simulation, &head, b"");
    assert_eq!((status, bytes), (206, (10..20).collect()));
}

#[test]
fn a_photo_is_uploaded_in_parts() {
    let simulation = simulation();
    let ada = chat(&simulation, &Place::Direct);
    let body = format!(
        "--b\r\ncontent-disposition: form-data; name=\"chat_id\"\r\n\r\n{ada}\r\n--b\r\ncontent-disposition: form-data; name=\"photo\"; filename=\"p.png\"\r\ncontent-type: image/png\r\n\r\npng\r\n--b--\r\n"
    );
    let head = format!(
        "POST /bot{TOKEN}/sendPhoto HTTP/1.1\r\ncontent-type: multipart/form-data; boundary=b"
    );
    let (status, _) = http(&simulation, &head, body.as_bytes());
    assert_eq!(status, 200);
    let shown = simulation.screen(&Place::Direct, "ada").messages.remove(0);
    assert_eq!(
        (
            shown.files[0].name.as_str(),
            shown.files[0].bytes.as_slice()
        ),
        ("p.png", &b"png"[..])
    );
}

#[test]
fn only_the_kinds_that_were_asked_for_are_told() {
    let simulation = simulation();
    let said = simulation
        .compose(&direct(Action::Say("x".into())))
        .unwrap()
        .message
        .unwrap();
    let react = direct(Action::React {
        message: said,
        emoji: "👍".into(),
        added: true,
    });
    let change = told(&simulation, &react)[0]["message_reaction"].clone();
    assert_eq!(
        change["new_reaction"],
        json!([{"type": "emoji", "emoji": "👍"}])
    );
    call(
        &simulation,
        "setWebhook",
        &json!({"url": "http://127.0.0.1:1/hook"}),
    );
    assert_eq!(told(&simulation, &react), Vec::<Value>::new());
    let all = json!({"url": "http://127.0.0.1:1/hook", "allowed_updates": ["message_reaction"], "secret_token": "new"});
    call(&simulation, "setWebhook", &all);
    assert_eq!(told(&simulation, &react).len(), 1);
    let mut webhook = simulation.compose(&react).unwrap().webhooks.remove(0);
    simulation.platform().sign(&mut webhook, Signing::Honest, 0);
    assert_eq!(webhook.header(SECRET_HEADER), Some("new"));
}

#[test]
fn people_come_and_go_and_topics_are_lines_of_their_own() {
    let simulation = simulation();
    let square = || Place::Group("square".into());
    let came = told(&simulation, &act(square(), Action::Join));
    assert_eq!(
        came[0]["message"]["new_chat_members"][0]["first_name"],
        "ada"
    );
    let left = told(&simulation, &act(square(), Action::Leave));
    assert_eq!(left[0]["message"]["left_chat_member"]["first_name"], "ada");
    let topic = Place::Group("square#orders".into());
    let said = told(&simulation, &act(topic.clone(), Action::Say("x".into())));
    assert_eq!(said[0]["message"]["is_topic_message"], true);
    let conversation = simulation.platform().conversation(&topic, "ada");
    assert_eq!(
        conversation.thread.unwrap(),
        said[0]["message"]["message_thread_id"].to_string()
    );
    assert!(matches!(
        simulation.compose(&direct(Action::Read {
            message: "1".into()
        })),
        Err(CannotDo::NoSuchThing)
    ));
}

#[test]
fn who_sends_too_much_is_told_when_to_go_on() {
    let simulation = simulation();
    let square = chat(&simulation, &Place::Group("square".into()));
    simulation.desk().enforce_rates(true);
    let send = || {
        call(
            &simulation,
            "sendMessage",
            &json!({"chat_id": square, "text": "x"}),
        )
    };
    let answers: Vec<_> = (0..4).map(|_| send()).collect();
    assert_eq!(answers[3]["error_code"], 429);
    assert_eq!(answers[3]["parameters"]["retry_after"], 1);
    for _ in 0..17 {
        simulation.desk().advance(1_000);
        assert_eq!(send()["ok"], true);
    }
    simulation.desk().advance(1_000);
    let minute = send();
    assert!(
        minute["parameters"]["retry_after"].as_u64().unwrap() > 30,
        "{minute}"
    );
}

#[test]
fn a_group_that_moved_is_found_under_both_ids() {
    let simulation = simulation();
    let old = chat(&simulation, &Place::Group("basic-square".into()));
    assert!(old > -1_000_000_000);
    let new = -1_004_000_000_000 + (old + 4_000_000);
    for id in [old, new] {
        assert_eq!(
            call(
                &simulation,
                "sendMessage",
                &json!({"chat_id": id, "text": "x"})
            )["ok"],
            true
        );
    }
    let gone = chat(&simulation, &Place::Group("basic-moved".into()));
    let answer = call(
        &simulation,
        "sendMessage",
        &json!({"chat_id": gone, "text": "x"}),
    );
    let to = &answer["parameters"]["migrate_to_chat_id"];
    assert_eq!(
        call(
            &simulation,
            "sendMessage",
            &json!({"chat_id": to, "text": "x"})
        )["ok"],
        true
    );
    let shown = simulation
        .screen(&Place::Group("basic-square".into()), "ada")
        .messages;
    assert!(shown.len() == 2 && shown.iter().all(|shown| shown.author == Author::Bot));
}
