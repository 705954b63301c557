//! Buttons and lists.

use super::*;

#[test]
fn three_short_choices_are_buttons_and_more_or_longer_ones_are_lists() {
    for (options, kind, lists, downgraded) in [
        (vec!["Yes", "No"], "button", 1, false),
        (vec!["One", "Two", "Three"], "button", 1, false),
        (vec!["One", "Two", "Three", "Four"], "list", 1, false),
        (vec!["A title of 21 letters"], "list", 1, false),
        (vec!["Same", "Same"], "list", 1, false),
        (vec!["", "x"], "list", 1, false),
        (vec!["x"; 10], "list", 1, false),
        (vec!["x"; 11], "list", 2, true),
        (
            vec!["This title is so long that even the description of its row cannot hold it all"],
            "list",
            1,
            true,
        ),
    ] {
        let settings = with(taking());
        ada_wrote();
        let pairs: Vec<(&str, &str)> = options.iter().map(|title| (*title, *title)).collect();
        let receipt = send(&settings, replies("**Which?**", &pairs)).unwrap();
        let sent = posted();
        assert_eq!(
            (sent.len(), receipt.message_ids.len()),
            (lists, lists),
            "{options:?}"
        );
        assert_eq!(!receipt.downgrades.is_empty(), downgraded, "{options:?}");
        assert_eq!(sent[0]["interactive"]["type"], kind, "{options:?}");
        assert_eq!(sent[0]["interactive"]["body"]["text"], "*Which?*");
        let mut ids = Vec::new();
        for message in &sent {
            let action = &message["interactive"]["action"];
            let entries = if kind == "button" {
                action["buttons"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|button| &button["reply"])
                    .collect::<Vec<_>>()
            } else {
                assert_eq!(action["button"], "Choose");
                action["sections"][0]["rows"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .collect()
            };
            assert!(entries.len() <= if kind == "button" { 3 } else { 10 });
            for entry in entries {
                let most = if kind == "button" { 20 } else { 24 };
                assert!((1..=most).contains(&entry["title"].as_str().unwrap().chars().count()));
                assert!(
                    entry.get("description").is_none_or(|text| text
                        .as_str()
                        .unwrap()
                        .chars()
                        .count()
                        <= 72)
                );
                ids.push(entry["id"].as_str().unwrap().to_owned());
            }
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), options.len(), "identifiers are distinct");
    }
}

#[test]
fn a_text_too_long_for_buttons_goes_before_them() {
    let settings = with(taking());
    ada_wrote();
    send(&settings, replies(&"word ".repeat(1000), &[("Yes", "y")])).unwrap();
    let sent = posted();
    assert_eq!(
        sent.iter()
            .map(|message| message["type"].as_str().unwrap())
            .collect::<Vec<_>>(),
        ["text", "interactive"]
    );
    assert!(
        sent[1]["interactive"]["body"]["text"]
            .as_str()
            .unwrap()
            .chars()
            .count()
            <= 1024
    );
    send(&settings, replies("", &[("Yes", "y")])).unwrap();
    assert_eq!(posted()[2]["interactive"]["body"]["text"], "Please choose:");
    send(&settings, replies("No choice", &[])).unwrap();
    assert_eq!(posted()[3]["text"]["body"], "No choice");
    assert!(matches!(
        send(&settings, replies("", &[])),
        Err(DeliveryError::Rejected(_))
    ));
}
