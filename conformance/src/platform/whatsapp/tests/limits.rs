//! What the platform does not take, and for how long and how much it takes.

use super::*;

#[test]
fn what_the_platform_does_not_take_is_refused_with_its_codes_and_noticed() {
    let simulation = simulation();
    told(&simulation, say("hi"));
    let mut no_product = to_ada("text", json!({"body": "x"}));
    no_product
        .as_object_mut()
        .unwrap()
        .remove("messaging_product");
    let mut nobody = to_ada("text", json!({"body": "x"}));
    nobody.as_object_mut().unwrap().remove("to");
    let mut by_id = to_ada("text", json!({"body": "x"}));
    by_id["to"] = json!("CH.13491208655302000001");
    let mut stray = to_ada("text", json!({"body": "x"}));
    stray["mark"] = json!(1);
    let mut long_data = to_ada("text", json!({"body": "x"}));
    long_data["biz_opaque_callback_data"] = json!("x".repeat(513));
    let row = |id: &str, title: &str| json!({"id": id, "title": title});
    let list = |rows: Vec<Value>| {
        interactive("list", json!({"button": "b", "sections": [{"rows": rows}]}))
    };
    for (body, code) in [
        (no_product, 131_008),
        (nobody, 131_008),
        (by_id, 131_009),
        (stray, 131_009),
        (long_data, 131_009),
        (to_ada("text", json!({"body": ""})), 131_009),
        (to_ada("text", json!({"body": "x".repeat(4097)})), 131_009),
        (to_ada("text", json!({})), 131_008),
        (to_ada("hologram", json!({"x": 1})), 131_009),
        (interactive("button", json!({"buttons": []})), 131_009),
        (
            interactive("button", json!({"buttons": vec![reply("a", "A"); 4]})),
            131_009,
        ),
        (
            interactive(
                "button",
                json!({"buttons": [reply("a", "A"), reply("b", "A")]}),
            ),
            131_009,
        ),
        (
            interactive(
                "button",
                json!({"buttons": [reply("a", "A"), reply("a", "B")]}),
            ),
            131_009,
        ),
        (
            interactive("button", json!({"buttons": [reply("a ", "A")]})),
            131_009,
        ),
        (
            interactive("button", json!({"buttons": [reply("a", &"x".repeat(21))]})),
            131_009,
        ),
        (
            interactive("button", json!({"buttons": [reply(&"x".repeat(257), "A")]})),
            131_009,
        ),
        (list(vec![]), 131_009),
        (
            list((0..11).map(|at| row(&at.to_string(), "t")).collect()),
            131_009,
        ),
        (list(vec![row("a", &"x".repeat(25))]), 131_009),
        (list(vec![row(&"x".repeat(201), "t")]), 131_009),
        (list(vec![row("a", "t"), row("a", "u")]), 131_009),
        (
            interactive("list", json!({"sections": [{"rows": [row("a", "t")]}]})),
            131_008,
        ),
        (
            interactive(
                "cta_url",
                json!({"name": "cta_url", "parameters": {"display_text": "x", "url": "ftp://a"}}),
            ),
            131_009,
        ),
        (
            to_ada("image", json!({"id": "1", "link": "https://a"})),
            131_009,
        ),
        (to_ada("image", json!({"id": "unknown"})), 131_009),
        (
            to_ada("audio", json!({"link": "https://a", "caption": "x"})),
            131_009,
        ),
        (
            to_ada("reaction", json!({"message_id": "unknown", "emoji": "👍"})),
            131_009,
        ),
        (
            to_ada(
                "template",
                json!({"name": "other", "language": {"code": "en_US"}}),
            ),
            132_001,
        ),
        (
            to_ada(
                "template",
                json!({"name": message::TEMPLATE, "language": {"code": "en_US"}}),
            ),
            132_000,
        ),
        (
            to_ada(
                "template",
                json!({"name": message::TEMPLATE, "language": {"code": "en_US"}, "components": [{"type": "body", "parameters": [{"type": "text", "text": "a\nb"}]}]}),
            ),
            131_009,
        ),
    ] {
        let before = simulation.violations().len();
        let (status, answer) = post(&simulation, &body);
        assert!(status >= 400, "{body}");
        assert_eq!(answer["error"]["code"], code, "{body} {answer}");
        assert_eq!(simulation.violations().len(), before + 1, "{body}");
    }
    let mut stranger = to_ada("text", json!({"body": "x"}));
    stranger["to"] = json!("10000000");
    assert_eq!(post(&simulation, &stranger).1["error"]["code"], 131_026);
    assert_eq!(
        screen(&simulation).messages.len(),
        1,
        "nothing of it is seen"
    );
}

#[test]
fn after_a_day_only_the_template_arrives() {
    let simulation = simulation();
    // The platform knows Ada, who has not written.
    simulation.platform().conversation(&Place::Direct, "ada");
    assert_eq!(
        post(&simulation, &to_ada("text", json!({"body": "x"}))).0,
        200
    );
    assert!(
        screen(&simulation).messages.is_empty(),
        "taken, and failed later"
    );
    told(&simulation, say("hi"));
    post(&simulation, &to_ada("text", json!({"body": "y"})));
    assert_eq!(screen(&simulation).messages.len(), 2);
    simulation.desk().advance(24 * 60 * 60 * 1000);
    post(&simulation, &to_ada("text", json!({"body": "z"})));
    assert_eq!(screen(&simulation).messages.len(), 2);
    let news = json!({"name": message::TEMPLATE, "language": {"code": "en_US"}, "components": [{"type": "body", "parameters": [{"type": "text", "text": "late"}]}]});
    assert_eq!(post(&simulation, &to_ada("template", news)).0, 200);
    assert!(screen(&simulation).messages[2].text.contains("late"));
}

#[test]
fn rates_are_held_where_a_test_wants_it() {
    let simulation = simulation();
    told(&simulation, say("hi"));
    simulation.desk().enforce_rates(true);
    let text = to_ada("text", json!({"body": "x"}));
    let taken = (0..60)
        .take_while(|_| post(&simulation, &text).0 == 200)
        .count();
    assert_eq!(taken, 45, "the burst to one person");
    assert_eq!(post(&simulation, &text).1["error"]["code"], 131_056);
    simulation.desk().advance(270_000);
    assert_eq!(post(&simulation, &text).0, 200);
}

#[test]
fn webhooks_are_sent_again_for_seven_days() {
    let simulation = simulation();
    let webhook = simulation.platform().unknown().remove(0);
    let retry = simulation.platform().retry(&webhook);
    let all: Duration = (2..100).map_while(|attempt| retry.before(attempt)).sum();
    assert!((6..=7).contains(&(all.as_secs() / 86_400)), "{all:?}");
}
