//! The whole `/metrics` text read back by a strict parser of the text format 0.0.4.
// The lints know a test by its attribute; here the helpers of tests are meant too.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::{collections::HashMap, time::Duration};

use greentic_telemetry::HostMetrics;

#[derive(Debug, PartialEq, Clone)]
struct Line {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

fn name_at_start(text: &str) -> Result<(&str, &str), String> {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts_well {
        Ok((name, rest))
    } else {
        Err(format!("no name at `{text}`"))
    }
}

fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut chars = text
        .strip_prefix('"')
        .ok_or_else(|| format!("no quote at `{text}`"))?
        .char_indices();
    let mut value = String::new();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 2..])),
            '\n' => break,
            '\\' => match chars.next() {
                Some((_, 'n')) => value.push('\n'),
                Some((_, c @ ('\\' | '"'))) => value.push(c),
                other => return Err(format!("bad escape {other:?}")),
            },
            c => value.push(c),
        }
    }
    Err(format!("open quote at `{text}`"))
}

fn sample(text: &str) -> Result<Line, String> {
    let (name, mut rest) = name_at_start(text)?;
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        let mut inside = inside;
        loop {
            let (label, after) = name_at_start(inside)?;
            let (value, after) = quoted(after.strip_prefix('=').ok_or("no =")?)?;
            labels.push((label.to_owned(), value));
            if let Some(after) = after.strip_prefix("} ") {
                rest = after;
                break;
            }
            inside = after
                .strip_prefix(',')
                .ok_or_else(|| format!("neither , nor }} at `{after}`"))?;
        }
    } else {
        rest = rest
            .strip_prefix(' ')
            .ok_or_else(|| format!("no space in `{text}`"))?;
    }
    let value = rest.parse().map_err(|_| format!("`{rest}` is no number"))?;
    Ok(Line {
        name: name.to_owned(),
        labels,
        value,
    })
}

/// Metric name to its type and samples; every rule that is broken is an error.
fn parse(text: &str) -> Result<HashMap<String, (String, Vec<Line>)>, String> {
    let mut metrics: HashMap<String, (String, Vec<Line>)> = HashMap::new();
    let mut current = String::new();
    let mut helped = String::new();
    let body = text.strip_suffix('\n').ok_or("no line feed at the end")?;
    for line in body.split('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            helped = rest.split_once(' ').ok_or("empty help")?.0.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or("no type")?;
            if name != helped || !["counter", "gauge", "histogram"].contains(&kind) {
                return Err(format!("bad type line `{line}` after help of {helped}"));
            }
            if metrics
                .insert(name.to_owned(), (kind.to_owned(), Vec::new()))
                .is_some()
            {
                return Err(format!("{name} twice"));
            }
            current = name.to_owned();
        } else {
            let sample = sample(line)?;
            let (kind, lines) = metrics
                .get_mut(&current)
                .ok_or_else(|| format!("`{line}` before any type"))?;
            let suffix = sample
                .name
                .strip_prefix(&current)
                .ok_or_else(|| format!("`{line}` under {current}"))?;
            let allowed: &[&str] = if kind == "histogram" {
                &["_bucket", "_sum", "_count"]
            } else {
                &[""]
            };
            if !allowed.contains(&suffix) {
                return Err(format!("`{line}` does not fit type {kind}"));
            }
            if lines
                .iter()
                .any(|other| (&other.name, &other.labels) == (&sample.name, &sample.labels))
            {
                return Err(format!("series twice: `{line}`"));
            }
            lines.push(sample);
        }
    }
    Ok(metrics)
}

/// Buckets of one series must grow, end with +Inf, and agree with the count.
fn check_histogram(lines: &[Line]) {
    let mut below = 0.0;
    let mut limit = f64::NEG_INFINITY;
    for line in lines {
        if line.name.ends_with("_bucket") {
            let (label, le) = line.labels.last().unwrap();
            assert_eq!(label, "le");
            let le: f64 = if le == "+Inf" {
                f64::INFINITY
            } else {
                le.parse().unwrap()
            };
            assert!(le > limit && line.value >= below, "{line:?}");
            (limit, below) = (le, line.value);
        } else if line.name.ends_with("_count") {
            assert_eq!(limit, f64::INFINITY, "+Inf is missing before {line:?}");
            assert_eq!(line.value, below, "{line:?}");
            (limit, below) = (f64::NEG_INFINITY, 0.0);
        }
    }
}

#[test]
fn the_text_of_all_metrics_is_valid_and_says_what_was_recorded() {
    let metrics = HostMetrics::default();
    let awkward = "a\\b\"c\nd{e=\"f\"} 1, ü🦀";
    metrics.messages.with([awkward, "in"]).add(7);
    metrics
        .messages
        .with(["chat", "out"])
        .add(u64::from(u32::MAX) + 1);
    metrics.process_memory.set(-1);
    metrics.websocket_connections.with(["chat"]).set_len(4);
    for micros in [0, 1, 3, 999, 1_000_000, 90_000_000] {
        metrics
            .plugin_call_seconds
            .with(["p", "f"])
            .observe(Duration::from_micros(micros));
        metrics
            .plugin_call_seconds
            .with(["q", "f"])
            .observe(Duration::from_micros(micros));
    }
    let queue = metrics.queue_depth.with(["egress"]);
    metrics.registry().before_reading(move || queue.set(12));

    let parsed = parse(&metrics.registry().render()).unwrap();
    let get = |name: &str| {
        parsed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is missing"))
    };
    let (kind, lines) = get("greentic_messages_total");
    assert_eq!(kind, "counter");
    let of = |channel: &str| {
        lines
            .iter()
            .find(|line| line.labels[0] == ("channel".to_owned(), channel.to_owned()))
            .unwrap()
            .value
    };
    assert_eq!(of(awkward), 7.0);
    assert_eq!(of("chat"), 4_294_967_296.0);
    assert_eq!(
        get("greentic_process_resident_memory_bytes").1[0].value,
        -1.0
    );
    assert_eq!(get("greentic_queue_depth").1[0].value, 12.0);
    let (kind, lines) = get("greentic_plugin_call_seconds");
    assert_eq!(kind, "histogram");
    check_histogram(lines);
    let count = lines
        .iter()
        .find(|line| line.name.ends_with("_count"))
        .unwrap();
    assert_eq!(count.value, 6.0);
    let sum = lines
        .iter()
        .find(|line| line.name.ends_with("_sum"))
        .unwrap();
    assert!((sum.value - 91.001_003).abs() < 1e-9, "{sum:?}");
    for (name, (kind, lines)) in &parsed {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        if kind == "histogram" {
            check_histogram(lines);
        }
    }
}

#[test]
fn the_parser_refuses_what_the_format_forbids() {
    let good = "# HELP a A.\n# TYPE a counter\na{x=\"1\"} 2\n";
    assert!(parse(good).is_ok());
    for (from, to) in [
        ("\"1\"", "\"1\n\""),
        ("\"1\"", "\"\\q\""),
        ("} 2", "} two"),
        ("counter", "number"),
        ("x=", "1x="),
        ("a{x", "b{x"),
        ("2\n", "2"),
        ("2\n", "2\na{x=\"1\"} 3\n"),
    ] {
        assert!(
            parse(&good.replacen(from, to, 1)).is_err(),
            "{from} -> {to}"
        );
    }
}
