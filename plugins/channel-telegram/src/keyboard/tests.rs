use greentic_sdk::channel::DeliveryError;
use greentic_sdk::native;
use greentic_sdk::secret::Secret;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::testing::{NOW, telegram};

fn signing() -> Secret {
    Secret::open("telegram/webhook-secret").unwrap()
}

fn written(buttons: &[Button]) -> Result<Value, DeliveryError> {
    markup(&Settings::default(), &signing(), "delivery-1", buttons)
}

fn button(title: &str, action: Action) -> Button {
    Button {
        title: title.into(),
        action,
    }
}

/// What a button's data is, and what it stands for when it is pressed.
fn round(action: Action) -> (String, Pressed) {
    let keyboard = written(&[button("Go", action)]).unwrap();
    let data = keyboard["inline_keyboard"][0][0]["callback_data"]
        .as_str()
        .unwrap()
        .to_owned();
    let pressed = pressed(&data).unwrap();
    (data, pressed)
}

#[test]
fn short_data_stands_in_the_button_and_long_data_is_kept() {
    telegram();
    let reply = round(Action::Reply("yes".into()));
    assert_eq!(reply, ("~ryes".into(), Pressed::Reply("yes".into())));
    let data = r#"{"order":"1"}"#;
    assert_eq!(
        round(Action::Data(data.into())),
        (format!("~d{data}"), Pressed::Data(data.into()))
    );
    let long = format!("{{\"order\":\"{}\"}}", "9".repeat(100));
    let (data, pressed) = round(Action::Data(long.clone()));
    assert!(data.starts_with("~k") && data.len() <= 64, "{data}");
    assert_eq!(pressed, Pressed::Data(long));
    let text = "ü".repeat(32);
    assert_eq!(round(Action::Reply(text.clone())).1, Pressed::Reply(text));
}

#[test]
fn kept_data_is_gone_after_its_time_and_its_key_is_the_same_on_every_attempt() {
    telegram();
    let long = || Action::Reply("x".repeat(100));
    let (first, _) = round(long());
    assert_eq!(round(long()).0, first);
    native::set_clock(NOW + Settings::default().button_ms);
    assert_eq!(pressed(&first), Ok(Pressed::Gone));
    assert_eq!(pressed(&format!("~k{}", "0".repeat(32))), Ok(Pressed::Gone));
}

#[test]
fn data_of_another_program_is_told_apart() {
    telegram();
    for data in [
        "",
        "a",
        "done",
        "~",
        "~d{",
        "~kxyz",
        "~f",
        "~f1.2",
        "~q1",
        "é",
        "~c00000000000000000000000000000000.1",
    ] {
        assert_eq!(pressed(data), Ok(Pressed::Foreign), "{data}");
    }
}

#[test]
fn steps_of_a_form_come_back_as_they_were() {
    telegram();
    let form = "0123456789abcdef0123456789abcdef".to_owned();
    for step in [
        Step::Submit {
            form: form.clone(),
            action: 7,
        },
        Step::Choose {
            form: form.clone(),
            question: 12,
            choice: Some(99),
        },
        Step::Choose {
            form,
            question: 0,
            choice: None,
        },
    ] {
        let (data, pressed) = round(Action::Form(step.clone()));
        assert!(data.len() <= 64);
        assert_eq!(pressed, Pressed::Form(step));
    }
}

#[test]
fn short_titles_share_a_row_and_long_ones_do_not() {
    telegram();
    let reply = |title: &str| button(title, Action::Reply("x".into()));
    let rows = |titles: &[&str]| -> Vec<usize> {
        let buttons: Vec<Button> = titles.iter().map(|title| reply(title)).collect();
        let keyboard = written(&buttons).unwrap();
        let rows = keyboard["inline_keyboard"].as_array().unwrap();
        rows.iter()
            .map(|row| row.as_array().unwrap().len())
            .collect()
    };
    assert_eq!(rows(&["Yes", "No"]), [2]);
    assert_eq!(rows(&["1", "2", "3", "4", "5"]), [4, 1]);
    assert_eq!(rows(&["A title that is rather long", "No"]), [1, 1]);
    assert_eq!(rows(&["No", "A title that is rather long"]), [1, 1]);
    let keyboard = written(&[reply("  ")]).unwrap();
    assert_eq!(keyboard["inline_keyboard"][0][0]["text"], "…");
}

#[test]
fn only_addresses_telegram_takes_are_buttons() {
    for (url, is) in [
        ("https://a.example/x?y#z", true),
        ("HTTP://a.example", true),
        ("https://user@a.example:8443/", true),
        ("tg://resolve?domain=x", true),
        ("https://localhost/", false),
        ("https://a.example/a b", false),
        ("mailto:a@b.example", false),
        ("javascript:alert(1)", false),
        ("https://", false),
        ("https://.example", false),
        ("tg://", false),
        ("", false),
    ] {
        assert_eq!(is_button_url(url), is, "{url}");
    }
}

proptest! {
    #[test]
    fn whatever_a_button_carries_comes_back(text: String) {
        telegram();
        let (data, pressed) = round(Action::Reply(text.clone()));
        prop_assert!((1..=64).contains(&data.len()));
        prop_assert_eq!(pressed, Pressed::Reply(text));
    }

    #[test]
    fn no_data_makes_reading_fail(data: String) {
        telegram();
        prop_assert!(pressed(&data).is_ok());
    }
}
