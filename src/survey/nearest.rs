//! The limit of a line: the quantity that is nearest to what a meeting needs, or furthest past it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::counted::Counted;
use super::record::Record;
use super::report::{Both, Nearest};
use super::words::{pick, title, value};
use crate::domain::{Kind, Lang, Measurement, Profile, Test, Text, Unit, Verdict};
use crate::engine::judge::Limits;

/// A value beside one limit.
struct Beside {
    title: Both,
    value: f64,
    limit: f64,
    unit: Unit,
    test: Test,
}

impl Beside {
    /// How much of the limit is used up: over one, it is past.
    fn used(&self) -> f64 {
        match self.test {
            Test::Above => self.value / self.limit,
            Test::Below | Test::AtLeast => self.limit / self.value,
        }
    }

    fn is_past(&self) -> bool {
        match self.test {
            Test::Above => self.value > self.limit,
            Test::Below | Test::AtLeast => self.value < self.limit,
        }
    }

    fn by(&self) -> f64 {
        (self.value - self.limit).abs() / self.limit
    }

    fn words(&self, lang: Lang) -> String {
        let (title, seen) = (self.title.in_lang(lang), value(self.value, self.unit, lang));
        let limit = value(self.limit, self.unit, lang);
        let held = match self.test {
            Test::Above => pick(lang, "batasnya", "limit"),
            Test::Below | Test::AtLeast => pick(lang, "perlu", "needed"),
        };
        let side = match (self.is_past(), self.test) {
            (false, _) => pick(lang, "sisa", "spare"),
            (true, Test::Above) => pick(lang, "lewat", "over by"),
            (true, Test::Below | Test::AtLeast) => pick(lang, "kurang", "short by"),
        };
        format!("{title} {seen}, {held} {limit} ({side} {:.0} %)", self.by() * 100.0)
    }
}

/// What may be the limit, and as it is told.
type Candidate = (Beside, Nearest);

/// The one that decides: of the limits beyond which a meeting fails where it fails, else of those beyond which its quality falls.
pub(super) fn nearest(
    counted: &[Counted<'_>],
    record: &Record,
    profile: &Profile,
    verdict: Verdict,
) -> Option<Nearest> {
    let fails = verdict == Verdict::NotReady;
    let beyond = if fails { Verdict::NotReady } else { Verdict::Degraded };
    let of = |degraded: Option<f64>, not_ready: Option<f64>| {
        let limit = if fails { not_ready } else { degraded };
        limit.filter(|limit| *limit > 0.0)
    };
    let mut all: Vec<Candidate> = Vec::new();
    // Of a group the others stand in for the member that has the least to spare.
    let mut groups: BTreeMap<&str, (usize, Vec<Candidate>)> = BTreeMap::new();
    for (check, _) in counted {
        let mut of_check: Vec<Candidate> = Vec::new();
        // A cable's own speed and a signal's strength are held to what is usual, and not to what a meeting needs.
        if check.spec.kind == Kind::Link {
            continue;
        }
        let limits = Limits::of(&check.spec, profile);
        let last = record.of(&check.spec.name).and_then(|look| look.last.as_ref());
        let measurements: &[Measurement] = last.map_or(&[], |last| &last.reading.measurements);
        let mut add = |beside: Beside, quantity: &'static str, part: Option<String>| {
            let told = Nearest {
                check: check.spec.name.to_string(),
                quantity: quantity.into(),
                part,
                title: beside.title.clone(),
                value: beside.value,
                limit: beside.limit,
                unit: beside.unit.as_str().into(),
                beyond,
                past: beside.is_past(),
                by_ratio: beside.by(),
                words: Both::of(|lang| beside.words(lang)),
            };
            of_check.push((beside, told));
        };
        // How far a limit is from a value of which only a bound is known, nobody knows.
        for margin in limits.margins(measurements).filter(|margin| margin.rule.test != Test::AtLeast) {
            let unit = margin.measurement.quantity.unit;
            let Some(limit) = of(margin.degraded, margin.not_ready).filter(|_| unit != Unit::Flag) else { continue };
            let (quantity, part) = (margin.measurement.quantity, margin.measurement.part.as_deref());
            let beside = Beside {
                title: title(quantity, part),
                value: margin.measurement.value,
                limit,
                unit,
                test: margin.rule.test,
            };
            add(beside, quantity.name, part.map(str::to_owned));
        }
        if let (Some(loss), Some((degraded, not_ready))) = (check.loss, limits.loss)
            && let Some(limit) = of(degraded, not_ready)
        {
            let name = Text::new("Paket hilang", "Packets lost");
            let title = Both::of(|lang| format!("{} ({})", name.in_lang(lang), check.spec.name));
            let beside = Beside { title, value: loss.ratio, limit, unit: Unit::Ratio, test: Test::Above };
            add(beside, "loss_ratio", None);
        }
        let Some(nearest) = of_check.into_iter().max_by(by_used) else { continue };
        match &check.spec.group {
            Some(group) => groups.entry(&group.name).or_insert((group.need, Vec::new())).1.push(nearest),
            None => all.push(nearest),
        }
    }
    all.extend(groups.into_values().filter_map(|(need, mut members)| {
        members.sort_by(by_used);
        let last = members.len().checked_sub(1)?;
        Some(members.swap_remove(need.saturating_sub(1).min(last)))
    }));
    all.into_iter().max_by(by_used).map(|(_, told)| told)
}

fn by_used((a, _): &Candidate, (b, _): &Candidate) -> Ordering {
    a.used().total_cmp(&b.used())
}
