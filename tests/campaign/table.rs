//! What a campaign prints.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::Duration;

use super::books::{Books, Row};
use super::drawn::Pattern;

/// What came of all houses.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    sorts: BTreeMap<String, Row>,
    patterns: BTreeMap<Pattern, Row>,
    wrong: BTreeMap<usize, (usize, Vec<(u64, String)>)>,
    counts: BTreeMap<&'static str, usize>,
    false_words: usize,
    /// Virtual time that has passed.
    passed: Duration,
    /// What this process has resident, kB: once a third of the houses were over, and now.
    resident: Option<[u64; 2]>,
}

impl Table {
    /// That so much virtual time has passed in a house.
    pub(super) fn has_passed(&mut self, milliseconds: u64) {
        self.passed += Duration::from_millis(milliseconds);
    }

    /// Looks at what this process has resident, after each house from the first third of them on.
    pub(super) fn look_at_memory(&mut self, over: usize, houses: usize) {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let now: u64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        match &mut self.resident {
            Some(both) => both[1] = now,
            none if over * 3 >= houses => *none = Some([now; 2]),
            _ => {}
        }
    }

    /// How much more this process has resident than after a third of the houses, as a share of that.
    pub(super) fn growth(&self) -> f64 {
        let as_float = |kb| u32::try_from(kb).map_or(f64::INFINITY, f64::from);
        let [then, now] = self.resident.map_or([1.0; 2], |both| both.map(as_float));
        now / then - 1.0
    }

    pub(super) fn add(&mut self, house: usize, books: &Books) {
        let (sorts, patterns) = books.rows();
        for (sort, row) in sorts {
            self.sorts.entry(sort).or_default().add(row);
        }
        for (pattern, row) in patterns {
            self.patterns.entry(pattern).or_default().add(row);
        }
        if books.wrongs > 0 {
            self.wrong.insert(house, (books.wrongs, books.wrong.clone()));
        }
        self.false_words += books.false_words;
        for (what, count) in [
            ("restarts", books.restarts),
            ("steps of the wall clock", books.clock_steps),
            ("reloads", books.reloads),
            ("meetings", books.meetings),
            ("uses of the camera", books.uses),
            ("faults of the store", books.store_faults),
            ("moments", books.moments),
            ("verdicts compared", books.compared),
            ("transitions", books.transitions),
            ("incidents", books.incidents),
            ("words to the desk", books.words),
            ("faults held against the schedule alone", books.by_schedule),
        ] {
            *self.counts.entry(what).or_default() += count;
        }
    }

    /// The first house in which something was wrong.
    pub(super) fn first_wrong(&self) -> Option<usize> {
        self.wrong.keys().next().copied()
    }

    fn all(&self) -> Row {
        self.sorts.values().fold(Row::default(), |mut all, row| {
            all.add(*row);
            all
        })
    }

    pub(super) fn injected(&self) -> usize {
        self.all().injected
    }

    pub(super) fn detected(&self) -> usize {
        self.all().detected
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<22} {:>9} {:>9} {:>15} {:>7} {:>6} {:>11}",
            "fault", "injected", "detected", "rightly untold", "missed", "late", "ended late"
        )?;
        let patterns = self.patterns.iter().map(|(pattern, row)| (format!("as {pattern:?}").to_lowercase(), *row));
        let sorts = self.sorts.iter().map(|(sort, row)| (sort.clone(), *row));
        for (name, row) in sorts.chain(patterns).chain([("all".to_owned(), self.all())]) {
            writeln!(
                f,
                "{name:<22} {:>9} {:>9} {:>15} {:>7} {:>6} {:>11}",
                row.injected, row.detected, row.untold, row.missed, row.late, row.ended_late
            )?;
        }
        writeln!(f, "false: {} words that nothing explains", self.false_words)?;
        let counts: Vec<_> = self.counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        writeln!(f, "{}", counts.join(", "))?;
        write!(f, "{:.1} hours of virtual time", self.passed.as_secs_f64() / 3600.0)?;
        if let Some([then, now]) = self.resident {
            write!(f, "; resident after a third of the houses {then} kB, at the end {now} kB")?;
        }
        writeln!(f)?;
        for (house, (count, wrong)) in self.wrong.iter().take(10) {
            writeln!(f, "house {house}: {count} things are wrong")?;
            for (at, what) in wrong.iter().take(5) {
                writeln!(f, "  {at:>9} ms: {what}")?;
            }
        }
        if self.wrong.len() > 10 {
            writeln!(f, "and {} houses more", self.wrong.len() - 10)?;
        }
        Ok(())
    }
}
