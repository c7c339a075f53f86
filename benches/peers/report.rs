//! The run written down: a table for people, the same as JSON, with the machine and the versions it was taken on.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::figures::{Goal, Row, Unit};
use crate::lab::{Lab, build_folder};
use crate::stats::{Measured, Sample};

/// Whose versions are told.
const PACKAGES: &[&str] = &[
    "collectd-core",
    "curl",
    "fping",
    "iperf3",
    "iputils-ping",
    "monit",
    "nginx",
    "nut-client",
    "nut-server",
    "prometheus",
    "prometheus-alertmanager",
    "prometheus-blackbox-exporter",
    "prometheus-node-exporter",
    "prometheus-smokeping-prober",
];

/// What has been measured so far.
pub(crate) struct Report {
    date: String,
    quick: bool,
    machine: String,
    load_at_start: String,
    versions: Vec<String>,
    rows: Vec<(&'static str, Row)>,
    profiles: BTreeMap<String, Vec<String>>,
}

impl Report {
    pub(crate) fn begin(lab: &Lab) -> Self {
        Self {
            date: format!("{:.0}", lab.clock.now().wall).replace(':', "-"),
            quick: lab.quick,
            machine: machine(),
            load_at_start: load(),
            versions: PACKAGES.iter().map(|package| version(package)).collect(),
            rows: Vec::new(),
            profiles: BTreeMap::new(),
        }
    }

    pub(crate) fn add(&mut self, figure: &'static str, rows: Vec<Row>) {
        self.rows.extend(rows.into_iter().map(|row| (figure, row)));
    }

    /// Takes where the time of figures goes; told of those that are missed.
    pub(crate) fn explain(&mut self, profiles: &BTreeMap<String, Vec<String>>) {
        let is_missed = |what: &String| self.rows.iter().any(|(_, row)| row.what == *what && met(row) == Some(false));
        let missed = profiles.iter().filter(|(what, _)| is_missed(what));
        self.profiles = missed.map(|(what, lines)| (what.clone(), lines.clone())).collect();
    }

    /// Writes both files; where they are.
    pub(crate) fn write(&self) -> Result<(PathBuf, PathBuf), String> {
        let folder = build_folder().join("bench");
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let put = |ending: &str, text: String| {
            let file = folder.join(format!("{}.{ending}", self.date));
            fs::write(&file, text).map(|()| file.clone()).map_err(|error| format!("{}: {error}", file.display()))
        };
        Ok((put("md", self.markdown())?, put("json", format!("{:#}\n", self.json()))?))
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("# Siaga beside Debian's own packages, {}\n\n", self.date);
        if self.quick {
            text.push_str("**A quick run, to try the harness: too few samples to judge by.**\n\n");
        }
        let _ = writeln!(text, "{}. Load at the start: {}.\n", self.machine, self.load_at_start);
        text.push_str("| figure | siaga | peer | its value | ratio | goal | met |\n|---|---|---|---|---|---|---|\n");
        for (_, row) in &self.rows {
            let (name, value) = match &row.peer {
                Some((name, value)) => (name.as_str(), show(value, row.unit)),
                None => ("–", "–".to_owned()),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {name} | {value} | {} | {} | {} |",
                row.what,
                show(&row.ours, row.unit),
                ratio(row).map_or("–".to_owned(), |ratio| format!("{ratio:.3}")),
                goal(row),
                match met(row) {
                    Some(true) => "yes",
                    Some(false) => "**no**",
                    None => "–",
                }
            );
        }
        text.push_str("\nMedian (least to most, of how many). How each was measured:\n\n");
        let mut told = Vec::new();
        for (_, row) in self.rows.iter().filter(|(_, row)| !row.how.is_empty()) {
            if !told.contains(&&row.what) {
                let _ = writeln!(text, "- {}: {}.", row.what, row.how);
                told.push(&row.what);
            }
        }
        for (what, lines) in &self.profiles {
            let _ = writeln!(text, "\nMissed: {what}. Where it goes:\n");
            for line in lines {
                let _ = writeln!(text, "- {line}");
            }
        }
        let _ = writeln!(text, "\nVersions: {}.", self.versions.join(", "));
        text
    }

    fn json(&self) -> Value {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .map(|(figure, row)| {
                json!({
                    "figure": figure,
                    "what": row.what,
                    "unit": row.unit,
                    "siaga": value(&row.ours),
                    "peer": row.peer.as_ref().map(|(name, measured)| json!({"name": name, "value": value(measured)})),
                    "ratio": ratio(row),
                    "goal": row.goal,
                    "met": met(row),
                    "how": row.how,
                })
            })
            .collect();
        json!({
            "date": self.date,
            "quick": self.quick,
            "machine": self.machine,
            "load_at_start": self.load_at_start,
            "versions": self.versions,
            "rows": rows,
            "profiles": self.profiles,
        })
    }
}

fn value(measured: &Measured) -> Value {
    match measured {
        Ok(sample) => json!(sample),
        Err(why) => json!({"not_measured": why}),
    }
}

fn both(row: &Row) -> Option<(f64, f64)> {
    let (_, peer) = row.peer.as_ref()?;
    Some((row.ours.as_ref().ok()?.median, peer.as_ref().ok()?.median))
}

/// Ours over the peer's.
fn ratio(row: &Row) -> Option<f64> {
    both(row).filter(|(_, peer)| *peer > 0.0).map(|(ours, peer)| ours / peer)
}

/// Whether the goal is met; `None` where there is none or nothing was measured.
fn met(row: &Row) -> Option<bool> {
    match row.goal {
        Goal::Ratio(most) => ratio(row).map(|ratio| ratio <= most),
        Goal::Ours(most) => row.ours.as_ref().ok().map(|ours| ours.median <= most),
        Goal::Apart(most) => both(row).map(|(ours, peer)| (ours - peer).abs() <= most),
        Goal::None => None,
    }
}

fn goal(row: &Row) -> String {
    match row.goal {
        Goal::Ratio(most) => format!("ratio ≤ {most}"),
        Goal::Ours(most) => format!("≤ {}", number(most, row.unit)),
        Goal::Apart(most) => format!("apart ≤ {}", number(most, row.unit)),
        Goal::None => "–".to_owned(),
    }
}

fn show(measured: &Measured, unit: Unit) -> String {
    match measured {
        Ok(Sample { median, count: 1, .. }) => number(*median, unit),
        Ok(Sample { median, least, most, count }) => {
            format!("{} ({} to {}, {count})", number(*median, unit), number(*least, unit), number(*most, unit))
        }
        // A bar would end the table's cell.
        Err(why) => format!("not measured: {}", why.replace('|', "/").replace('\n', " ")),
    }
}

fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Seconds if value >= 1.0 => format!("{value:.2} s"),
        Unit::Seconds if value >= 1e-3 => format!("{:.1} ms", value * 1e3),
        Unit::Seconds => format!("{:.1} µs", value * 1e6),
        Unit::Bytes => format!("{:.1} MB", value / 1e6),
        Unit::Share => format!("{:.3} % of a core", value * 100.0),
        Unit::Error => format!("{:.2} %", value * 100.0),
        Unit::Nanoseconds => format!("{:.2} ns", value * 1e9),
        Unit::Count => format!("{value:.0}"),
    }
}

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map_or("processor unknown", |rest| rest.trim_start_matches([' ', '\t', ':']));
    let count = cpu.lines().filter(|line| line.starts_with("processor")).count();
    format!("{count} × {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}

fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn version(package: &str) -> String {
    let out = Command::new("dpkg-query").args(["-W", "-f", "${Package} ${Version}", package]).output();
    match out {
        Ok(out) if out.status.success() => String::from_utf8_lossy(&out.stdout).into_owned(),
        _ => format!("{package} not from a package"),
    }
}
