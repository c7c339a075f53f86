//! A metric's name, help, type and labels, declared once; and its samples, collected.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use prometheus::core::Desc;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use crate::domain::{Quantity, Unit, Verdict};

/// A metric.
#[derive(Clone, Debug)]
pub struct Family {
    /// Its name, with the prefix.
    pub name: Cow<'static, str>,
    /// One sentence for `# HELP`.
    pub help: &'static str,
    /// Whether it only grows.
    pub counter: bool,
    /// The names of its labels.
    pub labels: Cow<'static, [&'static str]>,
    /// How much of a sample's unit is one of the metric's.
    pub divisor: f64,
}

impl Family {
    /// A metric that goes up and down.
    pub const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), help, counter: false, labels: Cow::Borrowed(labels), divisor: 1.0 }
    }

    /// A metric that only grows.
    pub const fn counter(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), help, counter: true, labels: Cow::Borrowed(labels), divisor: 1.0 }
    }

    /// The metric of a quantity: by check, and by the quantity's own label where it has one.
    ///
    /// Prometheus' base unit of data is the byte (its naming rules, "Base units", and `promtool check metrics`), so a
    /// bitrate becomes bytes per second here; everywhere else it stays what people and profiles speak of.
    pub fn of_quantity(quantity: &Quantity) -> Self {
        let labels = ["check"].into_iter().chain(quantity.part).collect::<Vec<_>>();
        let (name, divisor) = match (quantity.unit, quantity.name.strip_suffix("bits_per_second")) {
            (Unit::BitsPerSecond, Some(stem)) => (format!("siaga_{stem}bytes_per_second"), 8.0),
            _ => (format!("siaga_{}", quantity.name), 1.0),
        };
        Self { name: name.into(), help: quantity.help, counter: quantity.counter, labels: labels.into(), divisor }
    }

    /// The same for the registry.
    ///
    /// # Errors
    /// A name or label that the text format does not allow.
    pub fn description(&self) -> prometheus::Result<Desc> {
        let labels = self.labels.iter().map(ToString::to_string).collect();
        Desc::new(self.name.to_string(), self.help.to_owned(), labels, HashMap::new())
    }
}

/// Samples by metric.
#[derive(Default)]
pub(super) struct Samples {
    families: BTreeMap<Cow<'static, str>, MetricFamily>,
}

impl Samples {
    /// Adds a sample that cannot be there already: `values` fills the metric's labels in their order.
    pub(super) fn add(&mut self, family: &Family, values: &[&str], value: f64) {
        let value = value / family.divisor;
        debug_assert_eq!(family.labels.len(), values.len(), "{}", family.name);
        let mut metric = Metric::from_label(
            family
                .labels
                .iter()
                .zip(values)
                .map(|(name, value)| {
                    let mut pair = LabelPair::default();
                    pair.set_name((*name).to_owned());
                    pair.set_value((*value).to_owned());
                    pair
                })
                .collect(),
        );
        if family.counter {
            let mut counter = Counter::default();
            counter.set_value(value);
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(value);
            metric.set_gauge(gauge);
        }
        if let Some(known) = self.families.get_mut(&family.name) {
            known.mut_metric().push(metric);
            return;
        }
        let mut made = MetricFamily::default();
        made.set_name(family.name.to_string());
        made.set_help(family.help.to_owned());
        made.set_field_type(if family.counter { MetricType::COUNTER } else { MetricType::GAUGE });
        made.set_metric(vec![metric]);
        self.families.insert(family.name.clone(), made);
    }

    /// Adds a sample unless one with the same labels is there: twice the same series would spoil the whole scrape.
    pub(super) fn add_once(&mut self, family: &Family, values: &[&str], value: f64) {
        let there = self.families.get(&family.name).is_some_and(|known| {
            known
                .get_metric()
                .iter()
                .any(|metric| metric.get_label().iter().map(LabelPair::value).eq(values.iter().copied()))
        });
        if !there {
            self.add(family, values, value);
        }
    }

    /// One series for each verdict: 1 for the one that holds, 0 for the others.
    pub(super) fn one_hot(&mut self, family: &Family, values: &[&str], holds: Verdict) {
        for state in Verdict::ALL {
            let mut all = values.to_vec();
            all.push(state.as_str());
            self.add(family, &all, f64::from(u8::from(state == holds)));
        }
    }

    /// All of them, by name.
    pub(super) fn finish(self) -> Vec<MetricFamily> {
        self.families.into_values().collect()
    }
}
