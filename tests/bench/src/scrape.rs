//! Reading the host's own metrics, in the Prometheus text format.

/// The sum of a metric over all its label sets that hold `label` (such as `direction="out"`; empty for all).
pub fn sum(text: &str, metric: &str, label: &str) -> f64 {
    text.lines()
        .filter_map(|line| {
            let rest = line.strip_prefix(metric)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let is_whole_name = labels.is_empty() || labels.starts_with('{');
            (is_whole_name && labels.contains(label)).then(|| value.parse::<f64>().ok())?
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::sum;

    #[test]
    fn a_metric_is_added_up_over_its_labels_and_not_over_longer_names() {
        let text = "# HELP a_total x\na_total{d=\"in\"} 3\na_total{d=\"out\",c=\"x\"} 4\na_total{d=\"out\",c=\"y\"} 1\na_total_more 9\nb 7\n";
        assert_eq!(sum(text, "a_total", "d=\"out\""), 5.0);
        assert_eq!(sum(text, "a_total", ""), 8.0);
        assert_eq!(sum(text, "b", ""), 7.0);
        assert_eq!(sum(text, "c", ""), 0.0);
    }
}
