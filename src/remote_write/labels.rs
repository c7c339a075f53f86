//! What `/metrics` says as samples: the name among the labels, the labels in order, none of them empty.

use prometheus::proto::{MetricFamily, MetricType};

/// A series: the name (`__name__`) and its labels, sorted by name as the protocol wants ("Labels", Remote-Write 1.0).
pub(super) type Labels = Vec<(String, String)>;

/// The value that tells that a series has ended ("Stale Markers", Remote-Write 1.0), as the bits of a double.
pub(super) const STALE: u64 = 0x7ff0_0000_0000_0002;

/// One number of one series.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) labels: Labels,
    pub(super) value: f64,
}

/// The samples of these families, each with the labels of `external` that it has not itself. In the order of their labels.
pub(super) fn samples(families: &[MetricFamily], external: &[(String, String)]) -> Vec<Sample> {
    let mut all = Vec::new();
    for family in families {
        for metric in family.get_metric() {
            let value = match family.get_field_type() {
                MetricType::COUNTER => metric.get_counter().get_value(),
                MetricType::GAUGE => metric.get_gauge().get_value(),
                // Nothing here makes any other; the test against the real Prometheus compares all that there is.
                _ => continue,
            };
            let mut labels: Labels = Vec::with_capacity(metric.get_label().len() + external.len() + 1);
            labels.push(("__name__".to_owned(), family.name().to_owned()));
            labels.extend(metric.get_label().iter().map(|pair| (pair.name().to_owned(), pair.value().to_owned())));
            for (name, value) in external {
                if !labels.iter().any(|(known, _)| known == name) {
                    labels.push((name.clone(), value.clone()));
                }
            }
            labels.retain(|(_, value)| !value.is_empty());
            labels.sort_unstable();
            all.push(Sample { labels, value });
        }
    }
    all.sort_by(|one, other| one.labels.cmp(&other.labels));
    all.dedup_by(|one, other| one.labels == other.labels);
    all
}

/// Those of `before` that are not among `now`; both are sorted.
pub(super) fn ended(before: &[Labels], now: &[Sample]) -> Vec<Labels> {
    let there = |labels: &&Labels| now.binary_search_by(|sample| sample.labels.cmp(labels)).is_err();
    before.iter().filter(there).cloned().collect()
}
