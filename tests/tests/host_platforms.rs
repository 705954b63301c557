//! Each channel with a simulated platform goes through the real host, with the help desk's flow behind it.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use greentic_conformance::platform::{self, Settings, Simulation};
use greentic_tests::host::folder::Folder;
use greentic_tests::host::simulated::Person;
use greentic_tests::host::{built, check};

/// A person asks after a ticket. Names of people are what some platforms tell and some do not.
fn help_desk(name: &str) {
    let (mut ada, host, _folder) = Person::begin(name);
    ada.says("Hello");
    let first = ada.hears("");
    if first.text.contains("What is your name?") {
        ada.says("I am Ada");
        ada.hears("Nice to meet you");
    } else {
        assert!(first.text.contains("Nice to meet you"), "{first:?}");
    }
    let menu = ada.hears("What can I do for you?");
    ada.chooses(&menu, "Look up a ticket");
    let which = ada.hears("Which ticket?");
    ada.chooses(&which, "T-1003");
    ada.hears("was solved on 2026-02-27: New badge for the Basel office.");
    let menu = ada.hears("What can I do for you?");
    ada.chooses(&menu, "That is all");
    ada.hears("Good bye");

    // A webhook that comes again, also twice at once, has no second effect.
    let before = ada
        .simulation
        .screen(&platform::Place::Direct, "ada")
        .messages
        .len();
    for key in ada
        .simulation
        .deliveries()
        .iter()
        .map(|sent| sent.key.clone())
        .collect::<Vec<_>>()
    {
        ada.simulation.redeliver(&key);
    }
    assert!(ada.simulation.settle(std::time::Duration::from_secs(30)));
    let refused: Vec<_> = ada
        .simulation
        .deliveries()
        .into_iter()
        .filter(|sent| !sent.response.is_success())
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let after = ada
        .simulation
        .screen(&platform::Place::Direct, "ada")
        .messages;
    assert_eq!(after.len(), before, "{after:?}");

    let violations = ada.simulation.violations();
    assert!(violations.is_empty(), "{violations:?}");
    let log = host.stop().log.join("\n");
    for (secret, value) in ada.simulation.profile().secrets {
        let value = String::from_utf8_lossy(&value).into_owned();
        assert!(
            !log.contains(&value),
            "the value of `{secret}` is in the log"
        );
    }
}

/// What is listed here is tested below; a platform that is added needs its test.
#[test]
fn every_platform_goes_through_the_host() {
    let tested = ["echo", "slack", "teams", "telegram", "whatsapp"];
    let missing: Vec<_> = platform::names()
        .filter(|name| !tested.contains(name))
        .collect();
    assert!(missing.is_empty(), "no test here for {missing:?}");
}

#[test]
fn a_person_on_the_invented_platform_asks_after_a_ticket() {
    help_desk("echo");
}

#[test]
fn a_person_on_slack_asks_after_a_ticket() {
    help_desk("slack");
}

#[test]
fn a_person_on_teams_asks_after_a_ticket() {
    help_desk("teams");
}

#[test]
fn a_person_on_telegram_asks_after_a_ticket() {
    help_desk("telegram");
}

#[test]
fn a_person_on_whatsapp_asks_after_a_ticket() {
    help_desk("whatsapp");
}

/// The bundle of the README's "Try a channel without an account", with the simulations' secrets.
#[test]
fn the_bundle_of_the_simulations_passes_the_check_and_says_what_they_need() {
    let folder = Folder::demo();
    let path = built::repository().join("greentic.channels.yaml");
    let bundle = std::fs::read_to_string(path).unwrap();
    folder.write("bundle.yaml", &bundle);
    for (port, name) in (9101..).zip(["slack", "teams", "telegram", "whatsapp"]) {
        let make = platform::named(name).unwrap();
        let profile = Simulation::start(make, &Settings::default())
            .unwrap()
            .profile();
        for (name, value) in &profile.secrets {
            folder.write(&format!("secrets/{name}"), value);
            assert!(bundle.contains(name), "{name}");
        }
        let (own, fixed) = (&profile.http[0], format!("127.0.0.1:{port}"));
        for (key, value) in &profile.config {
            let value = value.replace(own.as_str(), &fixed);
            assert!(bundle.contains(&value), "{name}: {key}: {value}");
        }
    }
    let checked = check(&folder);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
}
