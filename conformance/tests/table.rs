//! `docs/channels/README.md` holds the table of features as the cases find it. `cargo xtask docs` writes it.

#![allow(clippy::unwrap_used, clippy::panic)] // Only tests are here; where it fails the test has failed.

mod built;

use std::path::Path;

use greentic_conformance::case::{Outcome, run};
use greentic_conformance::cases::channel;
use greentic_conformance::features::{ROWS, table};
use greentic_conformance::platform;

const BEGIN: &str = "<!-- the table of features, written by `cargo xtask docs` -->\n";
const END: &str = "<!-- end of the table -->\n";

#[test]
fn the_page_of_channels_has_the_table_that_the_cases_give() {
    let stage = built::stage();
    let mut columns: Vec<(&str, Vec<Outcome>)> = Vec::new();
    for name in platform::names().filter(|name| *name != "echo") {
        let loaded = built::component(&stage, &format!("channel-{name}"));
        let bench = channel::Bench {
            stage: &stage,
            loaded: &loaded,
            platform: platform::named(name).unwrap(),
            config: Vec::new(),
        };
        let ids = ROWS.iter().flat_map(|(_, ids)| ids.iter());
        let cases = channel::cases();
        let mut outcomes = Vec::new();
        for id in ids {
            outcomes.extend(run(&cases, &bench, Some(id), |_| {}));
        }
        columns.push((name, outcomes));
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/channels/README.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (head, rest) = text.split_once(BEGIN).unwrap();
    let (_, tail) = rest.split_once(END).unwrap();
    let fresh = format!("{head}{BEGIN}{}{END}{tail}", table(&columns));
    if std::env::var_os("GREENTIC_WRITE_DOCS").is_some() {
        std::fs::write(&page, &fresh).unwrap();
    }
    let text = std::fs::read_to_string(&page).unwrap();
    assert!(
        text == fresh,
        "docs/channels/README.md is not what the cases find; `cargo xtask docs` writes it:\n{}",
        table(&columns)
    );
}
