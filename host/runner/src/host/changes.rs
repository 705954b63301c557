//! What one generation changes about the one before, in lines for the log and the operator.

use std::collections::{BTreeMap, BTreeSet};

use crate::generation::Generation;

/// A line for each change; none when both are the same.
pub(crate) fn between(old: &Generation, new: &Generation) -> Vec<String> {
    let mut lines = Vec::new();
    plugins(old, new, &mut lines);
    backends(old, new, &mut lines);
    channels(old, new, &mut lines);
    flows(old, new, &mut lines);
    if old.limits != new.limits {
        lines.push("limits changed".to_owned());
    }
    if lines.is_empty() && old.digest() != new.digest() {
        lines.push("nothing that runs changed".to_owned());
    }
    lines
}

fn plugins(old: &Generation, new: &Generation, lines: &mut Vec<String>) {
    let (before, after) = (&old.parts, &new.parts);
    let names: BTreeSet<&String> = before.plugins.keys().chain(after.plugins.keys()).collect();
    for name in names {
        match (before.plugins.get(name), after.plugins.get(name)) {
            (None, Some(_)) => lines.push(format!("plugin `{name}` added")),
            (Some(_), None) => lines.push(format!("plugin `{name}` removed")),
            (Some(was), Some(is)) => {
                let mut what = Vec::new();
                if was.code != is.code {
                    what.push("code");
                }
                if was.row.granted != is.row.granted {
                    what.push("grants");
                }
                if was.print != is.print && what.is_empty() {
                    what.push("limits or policy");
                }
                if what.is_empty() && before.bound.get(name) != after.bound.get(name) {
                    what.push("configuration or secrets");
                }
                if !what.is_empty() {
                    lines.push(format!("plugin `{name}` changed: {}", what.join(", ")));
                }
            }
            (None, None) => {}
        }
    }
}

fn backends(old: &Generation, new: &Generation, lines: &mut Vec<String>) {
    let named = |generation: &Generation| -> BTreeSet<String> {
        let all = generation.backends.iter();
        all.map(|one| format!("sessions in `{}`, bus `{}`", one.store_name, one.bus_name))
            .collect()
    };
    let (was, is) = (named(old), named(new));
    if was != is {
        let list = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>().join("; ");
        lines.push(format!(
            "backends changed: from {} to {}",
            list(was),
            list(is)
        ));
    }
}

fn channels(old: &Generation, new: &Generation, lines: &mut Vec<String>) {
    let named = |generation: &Generation| -> BTreeMap<String, usize> {
        let channels = generation.channels().values();
        channels
            .map(|channel| {
                let address = std::sync::Arc::as_ptr(channel).addr();
                (channel.reference.to_string(), address)
            })
            .collect()
    };
    let (was, is) = (named(old), named(new));
    let mut count = [(0_usize, Vec::new()), (0, Vec::new()), (0, Vec::new())];
    let [added, removed, changed] = &mut count;
    let note = |(number, shown): &mut (usize, Vec<String>), name: &String| {
        *number += 1;
        if shown.len() < SHOWN {
            shown.push(format!("`{name}`"));
        }
    };
    for (name, address) in &is {
        match was.get(name) {
            None => note(added, name),
            Some(before) if before != address => note(changed, name),
            Some(_) => {}
        }
    }
    for name in was.keys().filter(|name| !is.contains_key(*name)) {
        note(removed, name);
    }
    for ((number, shown), word) in count.iter().zip(["added", "removed", "bound anew"]) {
        if *number > 0 {
            let more = number.saturating_sub(shown.len());
            let rest = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            lines.push(format!("channels {word}: {}{rest}", shown.join(", ")));
        }
    }
}

/// A line names at most so many; ten thousand channels help nobody.
const SHOWN: usize = 10;

fn flows(old: &Generation, new: &Generation, lines: &mut Vec<String>) {
    let named = |generation: &Generation| -> BTreeMap<String, u64> {
        let teams = generation.parts.teams.values();
        teams
            .flat_map(|known| known.team.flows.values())
            .map(|flow| (flow.name.clone(), flow.version))
            .collect()
    };
    let (was, is) = (named(old), named(new));
    for (name, version) in &is {
        match was.get(name) {
            None => lines.push(format!("flow `{name}` added")),
            Some(before) if before != version => lines.push(format!(
                "flow `{name}` has a new version; conversations in mid-flow go on with the one they began with"
            )),
            Some(_) => {}
        }
    }
    for name in was.keys().filter(|name| !is.contains_key(*name)) {
        lines.push(format!("flow `{name}` removed"));
    }
}
