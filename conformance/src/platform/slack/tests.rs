//! The simulated workspace holds a bot to what Slack holds it to.

mod interaction;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{KEY, TOKEN, make};
use crate::platform::{
    Act, Action, Answer, Author, Call, CannotDo, File, Place, Settings, Signing, Simulation, Style,
    Webhook,
};

fn workspace() -> Simulation {
    Simulation::start(make, &Settings::default()).unwrap()
}

fn act(place: Place, action: Action) -> Act {
    Act {
        user: "ada".into(),
        place,
        action,
    }
}

fn say(simulation: &Simulation, text: &str) -> (String, String) {
    let done = simulation
        .compose(&act(Place::Direct, Action::Say(text.into())))
        .unwrap();
    (done.conversation.id, done.message.unwrap())
}

fn request(path: &str, content_type: &str, token: Option<&str>, body: Vec<u8>) -> Call {
    let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
    headers.extend(token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
    Call {
        method: "POST".into(),
        path: path.into(),
        query: String::new(),
        headers,
        body,
    }
}

fn call(simulation: &Simulation, method: &str, arguments: &Value) -> Value {
    let body = arguments.to_string().into_bytes();
    let call = request(
        &format!("/api/{method}"),
        "application/json; charset=utf-8",
        Some(TOKEN),
        body,
    );
    answered(&simulation.platform().answer(&call))
}

fn form(simulation: &Simulation, method: &str, arguments: &str) -> Value {
    let call = request(
        &format!("/api/{method}"),
        "application/x-www-form-urlencoded",
        Some(TOKEN),
        arguments.as_bytes().to_vec(),
    );
    answered(&simulation.platform().answer(&call))
}

fn answered(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

fn payload(webhook: &Webhook) -> Value {
    let pairs: BTreeMap<String, String> =
        form_urlencoded::parse(&webhook.body).into_owned().collect();
    serde_json::from_str(&pairs["payload"]).unwrap()
}

fn names(simulation: &Simulation) -> Vec<String> {
    simulation
        .violations()
        .into_iter()
        .map(|violation| violation.name)
        .collect()
}

#[test]
fn a_call_without_the_token_or_of_an_unknown_method_is_refused_in_slacks_words() {
    let simulation = workspace();
    let code = |call: &Call| answered(&simulation.platform().answer(call))["error"].clone();
    let json = "application/json; charset=utf-8";
    assert_eq!(
        code(&request("/api/auth.test", json, None, b"{}".to_vec())),
        "not_authed"
    );
    assert_eq!(
        code(&request(
            "/api/auth.test",
            json,
            Some("xoxb-0"),
            b"{}".to_vec()
        )),
        "invalid_auth"
    );
    assert_eq!(
        code(&request("/api/auth.test", json, Some(TOKEN), b"{".to_vec())),
        "invalid_json"
    );
    assert_eq!(
        call(&simulation, "chat.sing", &json!({}))["error"],
        "unknown_method"
    );
    assert_eq!(
        call(&simulation, "users.info", &json!({"user": "UADA"}))["error"],
        "invalid_arguments"
    );
    assert_eq!(
        call(&simulation, "auth.test", &json!({}))["bot_id"],
        "B0BOT"
    );
    assert_eq!(names(&simulation), ["unknown-method", "form-expected"]);
}

#[test]
fn messages_are_checked_and_shown() {
    let simulation = workspace();
    let (channel, ts) = say(&simulation, "hi");
    let post = |more: Value| {
        let mut arguments = json!({"channel": channel});
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        call(&simulation, "chat.postMessage", &arguments)
    };
    assert_eq!(
        call(
            &simulation,
            "chat.postMessage",
            &json!({"channel": "C404", "text": "x"})
        )["error"],
        "channel_not_found"
    );
    assert_eq!(post(json!({"text": ""}))["error"], "no_text");
    assert_eq!(
        post(json!({"text": "x".repeat(40_001)}))["error"],
        "msg_too_long"
    );
    assert_eq!(
        post(json!({"text": "x", "blocks": [{"type": "section"}]}))["error"],
        "invalid_blocks"
    );
    let section =
        json!({"type": "section", "text": {"type": "plain_text", "text": "x".repeat(2_900)}});
    let many = vec![section; 5];
    assert_eq!(
        post(json!({"text": "x", "blocks": many}))["error"],
        "msg_blocks_too_long"
    );
    let answer = post(json!({"text": "*a* &lt;b&gt;", "thread_ts": ts}));
    assert_eq!(answer["ok"], true);
    post(json!({"text": "*a*", "mrkdwn": false}));
    post(json!({"text": "deeper", "thread_ts": answer["ts"]}));
    let screen = simulation.screen(&Place::Direct, "ada");
    let texts: Vec<_> = screen
        .messages
        .iter()
        .map(|shown| shown.text.as_str())
        .collect();
    assert_eq!(texts, ["hi", "a <b>", "*a*", "deeper"]);
    assert_eq!(screen.messages[1].styles, [(Style::Strong, "a".to_owned())]);
    assert_eq!(screen.messages[1].thread.as_deref(), Some(ts.as_str()));
    assert_eq!(
        names(&simulation),
        [
            "no-text",
            "text-too-long",
            "invalid-blocks",
            "blocks-too-long",
            "thread-of-an-answer"
        ]
    );
}

#[test]
fn only_the_bots_own_messages_are_changed_and_deleted() {
    let simulation = workspace();
    let (channel, hers) = say(&simulation, "mine");
    let blocks = json!([{"type": "divider"}]);
    let own = call(
        &simulation,
        "chat.postMessage",
        &json!({"channel": channel, "text": "one", "blocks": blocks}),
    )["ts"]
        .clone();
    let code = |method: &str, ts: &Value| {
        call(
            &simulation,
            method,
            &json!({"channel": channel, "ts": ts, "text": "two"}),
        )["error"]
            .clone()
    };
    assert_eq!(code("chat.update", &json!(hers)), "cant_update_message");
    assert_eq!(code("chat.delete", &json!(hers)), "cant_delete_message");
    assert_eq!(code("chat.update", &json!("1.1")), "message_not_found");
    assert_eq!(code("chat.update", &own), Value::Null);
    let last = || {
        simulation
            .screen(&Place::Direct, "ada")
            .messages
            .pop()
            .unwrap()
    };
    assert!(last().card, "blocks that are not mentioned stay");
    call(
        &simulation,
        "chat.update",
        &json!({"channel": channel, "ts": own, "text": "three", "blocks": []}),
    );
    assert!(!last().card && last().edited && last().text == "three");
    assert_eq!(code("chat.delete", &own), Value::Null);
    assert!(last().deleted);
    assert_eq!(code("chat.delete", &own), "message_not_found");
}

#[test]
fn reactions_have_names_and_are_set_once() {
    let simulation = workspace();
    let (channel, ts) = say(&simulation, "look");
    let react = |method: &str, name: &str| {
        call(
            &simulation,
            method,
            &json!({"channel": channel, "timestamp": ts, "name": name}),
        )["error"]
            .clone()
    };
    assert_eq!(react("reactions.add", "eyes"), Value::Null);
    assert_eq!(react("reactions.add", "eyes"), "already_reacted");
    assert_eq!(react("reactions.add", "no_such_thing"), "invalid_name");
    let shown = simulation
        .screen(&Place::Direct, "ada")
        .messages
        .pop()
        .unwrap();
    assert_eq!(shown.reactions, [("👀".to_owned(), Author::Bot)]);
    assert_eq!(react("reactions.remove", "eyes"), Value::Null);
    assert_eq!(react("reactions.remove", "eyes"), "no_reaction");
}

#[test]
fn a_file_goes_up_in_three_steps_and_is_read_with_the_token() {
    let simulation = workspace();
    let (channel, _) = say(&simulation, "send it");
    let place = form(
        &simulation,
        "files.getUploadURLExternal",
        "filename=a.txt&length=3",
    );
    let (url, id) = (
        place["upload_url"].as_str().unwrap(),
        place["file_id"].as_str().unwrap(),
    );
    let complete = || {
        call(
            &simulation,
            "files.completeUploadExternal",
            &json!({"files": [{"id": id}], "channel_id": channel}),
        )
    };
    assert_eq!(
        complete()["error"],
        "file_not_found",
        "the bytes have not come"
    );
    let path = url.strip_prefix(simulation.desk().origin()).unwrap();
    let up = |bytes: &[u8]| {
        simulation
            .platform()
            .answer(&request(path, "text/plain", None, bytes.to_vec()))
            .status
    };
    assert_eq!((up(b"four"), up(b"abc")), (400, 200));
    assert_eq!(complete()["ok"], true);
    let shown = simulation
        .screen(&Place::Direct, "ada")
        .messages
        .pop()
        .unwrap();
    assert_eq!(shown.files[0].bytes, b"abc");
    let url = form(&simulation, "files.info", &format!("file={id}"))["file"]["url_private"].clone();
    let path = url
        .as_str()
        .unwrap()
        .strip_prefix(simulation.desk().origin())
        .unwrap()
        .to_owned();
    let get = |token| {
        let mut call = request(&path, "", token, Vec::new());
        call.method = "GET".into();
        simulation.platform().answer(&call)
    };
    assert_eq!(get(Some(TOKEN)).body, b"abc");
    let page = get(None);
    assert_eq!(
        (page.status, page.headers[0].1.as_str()),
        (200, "text/html; charset=utf-8")
    );
    assert_eq!(
        form(
            &simulation,
            "files.getUploadURLExternal",
            "filename=a.txt&length=0"
        )["error"],
        "invalid_arguments"
    );
}

#[test]
fn a_file_and_a_mention_are_told_as_slack_tells_them() {
    let simulation = workspace();
    let file = File {
        name: "a.png".into(),
        content_type: "image/png".into(),
        bytes: vec![1, 2],
    };
    let done = simulation
        .compose(&act(
            Place::Channel("general".into()),
            Action::SendFile {
                file,
                text: "a & b".into(),
            },
        ))
        .unwrap();
    let told: Value = serde_json::from_slice(&done.webhooks[0].body).unwrap();
    let event = &told["event"];
    assert_eq!(
        (&event["subtype"], &event["files"][0]["size"]),
        (&json!("file_share"), &json!(2))
    );
    assert_eq!(event["text"], "<@U0BOT> a &amp; b");
    assert_eq!(told["event_id"], done.webhooks[0].key);
}

#[test]
fn the_signature_is_that_of_slacks_documentation_and_each_forgery_differs() {
    let simulation = workspace();
    let platform = simulation.platform();
    let mut honest = Webhook::json("k", &json!({"a": 1}));
    platform.sign(&mut honest, Signing::Honest, 1_531_420_618_000);
    let expected = {
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let mac = Hmac::<sha2::Sha256>::new_from_slice(KEY).unwrap();
        hex::encode(
            mac.chain_update(br#"v0:1531420618:{"a":1}"#)
                .finalize()
                .into_bytes(),
        )
    };
    assert_eq!(
        honest.header("x-slack-signature"),
        Some(format!("v0={expected}").as_str())
    );
    for signing in platform.forgeries() {
        let mut forged = Webhook::json("k", &json!({"a": 1}));
        platform.sign(&mut forged, signing, 1_531_420_618_000);
        assert_eq!(forged == honest, signing == Signing::Altered, "{signing:?}");
    }
}

#[test]
fn the_bot_is_shown_at_work_only_in_a_thread_of_the_assistant() {
    let simulation = workspace();
    let (channel, ts) = say(&simulation, "x");
    let status = |thread: &Value| {
        call(
            &simulation,
            "assistant.threads.setStatus",
            &json!({"channel_id": channel, "thread_ts": thread, "status": "is typing…"}),
        )
    };
    assert_eq!(status(&json!(ts))["error"], "invalid_thread_ts");
    let done = simulation
        .compose(&act(Place::Direct, Action::Join))
        .unwrap();
    assert_eq!(status(&json!(done.conversation.thread))["ok"], true);
    assert!(simulation.screen(&Place::Direct, "ada").typing);
    let leave = simulation.compose(&act(Place::Direct, Action::Leave));
    assert_eq!(leave.unwrap_err(), CannotDo::NoSuchThing);
}
