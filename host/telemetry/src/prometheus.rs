//! The Prometheus text exposition format 0.0.4.

use std::fmt::Write as _;

use crate::registry::{Kind, Sample, Series, Snapshot};

/// `Content-Type` of what [`crate::Registry::render`] gives.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(crate) fn render(metrics: &[Snapshot]) -> String {
    let mut out = String::with_capacity(16 * 1024);
    for metric in metrics {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        // Writing to a String cannot fail.
        let _ = write!(out, "# HELP {} ", metric.name);
        escape(&mut out, metric.help, false);
        let _ = writeln!(out, "\n# TYPE {} {kind}", metric.name);
        for series in &metric.series {
            write_series(&mut out, metric.name, series);
        }
    }
    out
}

fn write_series(out: &mut String, name: &str, series: &Series) {
    match &series.sample {
        Sample::Counter(value) => {
            line(out, name, "", series, None);
            let _ = writeln!(out, "{value}");
        }
        Sample::Gauge(value) => {
            line(out, name, "", series, None);
            let _ = writeln!(out, "{value}");
        }
        Sample::Histogram {
            bounds,
            counts,
            sum,
        } => {
            let mut below = 0_u64;
            let limits = bounds
                .iter()
                .map(|bound| seconds(*bound))
                .chain(["+Inf".to_owned()]);
            for (limit, count) in limits.zip(counts) {
                below = below.wrapping_add(*count);
                line(out, name, "_bucket", series, Some(&limit));
                let _ = writeln!(out, "{below}");
            }
            line(out, name, "_sum", series, None);
            let _ = writeln!(out, "{}", seconds(*sum));
            line(out, name, "_count", series, None);
            let _ = writeln!(out, "{below}");
        }
    }
}

/// Writes `name_suffix{labels} ` with the bucket's limit as last label.
fn line(out: &mut String, name: &str, suffix: &str, series: &Series, limit: Option<&str>) {
    out.push_str(name);
    out.push_str(suffix);
    let limit = limit.map(|limit| ("le", limit));
    let labels = series
        .labels
        .iter()
        .map(|(label, value)| (*label, value.as_str()))
        .chain(limit);
    let mut open = '{';
    for (label, value) in labels {
        out.push(open);
        out.push_str(label);
        out.push_str("=\"");
        escape(out, value, true);
        out.push('"');
        open = ',';
    }
    if open == ',' {
        out.push('}');
    }
    out.push(' ');
}

/// Label values escape backslash, quote and line feed; help texts do not escape the quote.
fn escape(out: &mut String, text: &str, quotes: bool) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

/// Nanoseconds as exact decimal seconds: 1_500_000 is `0.0015`.
fn seconds(nanos: u64) -> String {
    let text = format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::registry::Registry;

    #[test]
    fn the_text_is_exactly_what_the_format_asks_for() {
        let registry = Registry::new();
        registry
            .counters(
                "greentic_a_total",
                "A \"quoted\" \\ help\nof two lines.",
                ["x", "y"],
            )
            .with(["q\"b\\n\n", "ü"])
            .add(3);
        registry.gauge("greentic_b_bytes", "B.").set(-5);
        registry
            .histogram("greentic_c_seconds", "C.", &[1_500_000, 2_000_000_000])
            .observe(Duration::from_millis(1_500));
        let text = registry.render();
        let expected = r#"# HELP greentic_a_total A "quoted" \\ help\nof two lines.
# TYPE greentic_a_total counter
greentic_a_total{x="q\"b\\n\n",y="ü"} 3
# HELP greentic_b_bytes B.
# TYPE greentic_b_bytes gauge
greentic_b_bytes -5
# HELP greentic_c_seconds C.
# TYPE greentic_c_seconds histogram
greentic_c_seconds_bucket{le="0.0015"} 0
greentic_c_seconds_bucket{le="2"} 1
greentic_c_seconds_bucket{le="+Inf"} 1
greentic_c_seconds_sum 1.5
greentic_c_seconds_count 1
"#;
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn seconds_are_exact() {
        for (nanos, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (10_000_000_000, "10"),
            (100_000, "0.0001"),
        ] {
            assert_eq!(seconds(nanos), text);
        }
    }
}
