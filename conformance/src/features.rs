//! The table of features in `docs/channels/README.md`: what each channel does, as the cases found it.

use std::fmt::Write as _;

use crate::case::{Outcome, Stop};

/// A row: what it is called, and the cases that show it.
pub const ROWS: [(&str, &[&str]); 22] = [
    (
        "text",
        &["channel.deliver.text", "channel.ingress.message.text"],
    ),
    ("Markdown", &["channel.deliver.markdown"]),
    ("long texts are split", &["channel.deliver.too-long"]),
    (
        "threads, answers",
        &["channel.deliver.threads", "channel.events.thread"],
    ),
    (
        "groups",
        &["channel.deliver.group", "channel.ingress.message.group"],
    ),
    ("buttons", &["channel.deliver.buttons"]),
    ("quick replies", &["channel.deliver.quick-replies"]),
    ("cards", &["channel.deliver.card"]),
    ("forms", &["channel.deliver.form"]),
    ("files in", &["channel.events.attachment"]),
    (
        "files out",
        &["channel.deliver.file", "channel.deliver.image"],
    ),
    ("typing", &["channel.deliver.typing"]),
    ("edit", &["channel.deliver.edit"]),
    ("delete", &["channel.deliver.delete"]),
    ("edits by people", &["channel.events.edited"]),
    ("deletions by people", &["channel.events.deleted"]),
    ("reactions in", &["channel.events.reaction"]),
    ("reactions out", &["channel.deliver.reaction"]),
    ("ephemeral", &["channel.deliver.ephemeral"]),
    ("proactive", &["channel.deliver.proactive"]),
    ("commands", &["channel.events.command"]),
    ("delivery status", &["channel.events.delivery-status"]),
];

/// The table in Markdown: a column a channel, from the outcomes of at least the cases of [`ROWS`].
#[must_use]
pub fn table(channels: &[(&str, Vec<Outcome>)]) -> String {
    let mut text = String::from("| feature |");
    // Writing to a string does not fail.
    for (name, _) in channels {
        let _ = write!(text, " {name} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(channels.len()));
    text.push('\n');
    for (feature, ids) in ROWS {
        let _ = write!(text, "| {feature} |");
        for (_, outcomes) in channels {
            let _ = write!(text, " {} |", cell(outcomes, ids));
        }
        text.push('\n');
    }
    text
}

fn cell(outcomes: &[Outcome], ids: &[&str]) -> String {
    let mut without = Vec::new();
    for id in ids {
        let Some(outcome) = outcomes.iter().find(|outcome| outcome.id == *id) else {
            return "not tested".into();
        };
        match &outcome.verdict {
            Ok(()) => {}
            Err(Stop::Absent(instead)) => without.push(instead.replace('|', "\\|")),
            Err(Stop::Failed(_)) => return "**fails**".into(),
        }
    }
    without.dedup();
    if without.is_empty() {
        "yes".into()
    } else {
        format!("no: {}", without.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::{ROWS, table};
    use crate::case::{Outcome, Stop, Verdict};

    fn outcome(id: &'static str, verdict: Verdict) -> Outcome {
        Outcome {
            id,
            demand: "",
            verdict,
            took: std::time::Duration::ZERO,
        }
    }

    #[test]
    fn a_cell_says_yes_or_what_is_done_in_its_place() {
        let outcomes = vec![
            outcome("channel.deliver.markdown", Ok(())),
            outcome("channel.deliver.edit", Err(Stop::absent("sent anew"))),
            outcome("channel.deliver.delete", Err(Stop::failed("x"))),
        ];
        let table = table(&[("slack", outcomes)]);
        for line in [
            "| Markdown | yes |",
            "| edit | no: sent anew |",
            "| delete | **fails** |",
            "| text | not tested |",
        ] {
            assert!(table.contains(line), "{table}");
        }
        assert_eq!(table.lines().count(), ROWS.len() + 2);
    }

    #[test]
    fn every_row_names_cases_that_exist() {
        let cases = crate::cases::channel::cases();
        for (feature, ids) in ROWS {
            for id in ids {
                assert!(cases.iter().any(|case| case.id == *id), "{feature}: {id}");
            }
        }
    }
}
