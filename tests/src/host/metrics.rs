//! The Prometheus text, read strictly: a line that is none of the format is a failure.

/// One sample of every series.
pub struct Metrics(Vec<Sample>);

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Metrics {
    /// Reads the text format, version 0.0.4.
    ///
    /// # Panics
    /// At the first line that is wrong, and when a sample comes before its `# TYPE`.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut typed: Vec<&str> = Vec::new();
        let mut samples = Vec::new();
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                let mut words = comment.split(' ');
                let (kind, name) = (words.next().unwrap(), words.next().unwrap());
                assert!(["HELP", "TYPE"].contains(&kind), "{line}");
                if kind == "TYPE" {
                    typed.push(name);
                }
                continue;
            }
            let sample = sample(line).unwrap_or_else(|| panic!("no sample: {line}"));
            let family = ["", "_bucket", "_sum", "_count"]
                .iter()
                .filter_map(|ending| sample.name.strip_suffix(ending))
                .any(|name| typed.last() == Some(&name));
            assert!(family, "a sample without its # TYPE before it: {line}");
            samples.push(sample);
        }
        Self(samples)
    }

    /// The sum of all series of a name that have these labels; 0 without any.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &Sample, (key, value): &(&str, &str)| {
            sample
                .labels
                .iter()
                .any(|(own, is)| own == key && is == value)
        };
        self.0
            .iter()
            .filter(|sample| sample.name == name && labels.iter().all(|label| has(sample, label)))
            .map(|sample| sample.value)
            .sum()
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = series.split_once('{') else {
        return Some(Sample {
            name: series.to_owned(),
            labels: Vec::new(),
            value,
        });
    };
    let labels = labels.strip_suffix('}')?;
    let pairs: Option<Vec<_>> = labels
        .split("\",")
        .map(|pair| {
            let (key, value) = pair.split_once("=\"")?;
            Some((key.to_owned(), value.trim_end_matches('"').to_owned()))
        })
        .collect();
    Some(Sample {
        name: name.to_owned(),
        labels: pairs?,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn samples_are_summed_by_their_labels() {
        let text = "# HELP a_total What.\n# TYPE a_total counter\na_total{x=\"1\",y=\"b\"} 2\na_total{x=\"1\",y=\"c\"} 3\n\
            # TYPE b_seconds histogram\nb_seconds_bucket{le=\"+Inf\"} 4\nb_seconds_sum 1.5\nb_seconds_count 4\n";
        let metrics = Metrics::read(text);
        assert_eq!(metrics.len(), 5);
        for (labels, sum) in [
            (&[("x", "1")][..], 5.0),
            (&[("y", "c")], 3.0),
            (&[("y", "d")], 0.0),
        ] {
            assert!(
                (metrics.sum("a_total", labels) - sum).abs() < 1e-9,
                "{labels:?}"
            );
        }
        assert!((metrics.sum("b_seconds_sum", &[]) - 1.5).abs() < 1e-9);
    }

    #[test]
    #[should_panic(expected = "no sample")]
    fn a_line_that_is_none_is_refused() {
        let _ = Metrics::read("# TYPE a counter\na{x=1} 2\n");
    }
}
