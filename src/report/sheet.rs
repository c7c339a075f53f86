//! The run sheet as a report has it: what was checked by hand and by whom, trials with what was measured in them, overrides.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::record::{Record, Series};
use crate::domain::sheet::{Item, What};
use crate::domain::{Lang, Requirement, Unit, Verdict};
use crate::engine::sheet::{self, Standing};

/// A run sheet. Its `Debug` does not print it: it has people's names in it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// What the checks by hand together made of the session when it began, or make of it now; none where there are none.
    pub hand: Option<Verdict>,
    /// The checks, in the config's order.
    pub checks: Vec<HandCheck>,
    /// The trials, oldest first.
    pub trials: Vec<Trial>,
    /// When the session was taken for something else than machine and hand said, oldest first.
    pub overrides: Vec<Override>,
}

/// A check by hand, as it stood when the meeting began.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct HandCheck {
    /// Its name: the item's key, with the site behind a colon where it is of one.
    pub name: String,
    /// What is checked: Indonesian, English.
    pub title: [String; 2],
    /// Of which site.
    pub site: Option<String>,
    /// Whether it counts, or is only noted.
    pub required: bool,
    /// How it stood.
    pub standing: Standing,
    /// Whether it did not stand when the meeting began, and was made after that.
    #[serde(default)]
    pub after_start: bool,
    /// When that was written down by which it stood so: that it was made, or taken back.
    pub at: Option<String>,
    /// Who did so, or answers for it.
    pub by: Option<String>,
    /// Who wrote it down.
    pub written_by: Option<String>,
    /// What was written down of it last after the meeting had begun; none in a report of before that was told.
    #[serde(default)]
    pub later: Option<Later>,
}

/// What was written down of a check after the meeting had begun.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Later {
    /// Whether it was made, or else taken back.
    pub done: bool,
    /// When.
    pub at: String,
    /// Who did so, or answers for it.
    pub by: String,
    /// Who wrote it down.
    pub written_by: String,
}

/// A trial.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// When it began.
    pub from: String,
    /// When it ended; none if nobody ended it.
    pub to: Option<String>,
    /// Who held it.
    pub by: String,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// What was found.
    pub findings: String,
    /// What was measured in the minutes that lie wholly in it.
    pub measured: Vec<Measured>,
    /// Whether that is of its first day alone: one that was forgotten, and ended late.
    #[serde(default)]
    pub incomplete: bool,
}

/// What was measured in a trial, of one quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// By which check.
    pub check: String,
    /// What.
    pub quantity: String,
    /// What people call it, in Indonesian and English.
    #[serde(default)]
    pub title: Option<[String; 2]>,
    /// In which unit its values are.
    pub unit: Unit,
    /// Of which part.
    pub part: Option<String>,
    /// In so many minutes.
    pub minutes: u64,
    /// The smallest value.
    pub min: f64,
    /// The mean, each minute weighing as much as it has values.
    pub mean: f64,
    /// The greatest value.
    pub max: f64,
}

/// Somebody's word against what machine and hand said.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Override {
    /// What the session was taken for.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Since when.
    pub from: String,
    /// Until when.
    pub to: String,
    /// Who answers for it.
    pub by: String,
    /// Who wrote it down.
    pub written_by: String,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("hand", &self.hand).field("checks", &self.checks.len()).finish_non_exhaustive()
    }
}

/// The sheet of a record, as it stood when the meeting began, or stands at `now` before that.
pub(super) fn told(record: &Record, items: &[Item], now: Timestamp, stamp: impl Fn(Timestamp) -> String) -> Sheet {
    let (session, entries) = (&record.session, &record.sheet);
    // What was ticked later says nothing of how it stood when the meeting began: it is told beside that.
    let (at_start, later): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|entry| entry.at <= session.start);
    let points = sheet::points(items, session, &at_start, now);
    let after = sheet::points(items, session, &later, now);
    let checks = points.iter().zip(&after).map(|(point, after)| HandCheck {
        after_start: point.standing != Standing::Done && after.standing == Standing::Done,
        name: point.name.to_string(),
        title: [Lang::Id, Lang::En].map(|lang| point.item.title(lang).to_owned()),
        site: point.site.clone(),
        required: point.item.requirement == Requirement::Required,
        standing: point.standing,
        at: point.newest.as_ref().map(|entry| stamp(entry.at)),
        by: point.newest.as_ref().map(|entry| entry.by.to_string()),
        written_by: point.newest.as_ref().map(|entry| entry.written_by.to_string()),
        later: after.newest.as_ref().map(|entry| Later {
            done: matches!(entry.what, What::Tick { .. }),
            at: stamp(entry.at),
            by: entry.by.to_string(),
            written_by: entry.written_by.to_string(),
        }),
    });
    let checks: Vec<_> = checks.collect();
    let trials = sheet::trials(session, entries).into_iter().zip(&record.tried).map(|(trial, minutes)| {
        let (span, is_less) = trial.measured(session, now);
        Trial {
            from: stamp(trial.from),
            to: trial.to.map(&stamp),
            by: trial.by.to_string(),
            ended_by: trial.ended_by.map(|by| by.to_string()),
            findings: trial.findings,
            measured: if trial.to.is_some() { measured(minutes, span) } else { Vec::new() },
            incomplete: is_less && trial.to.is_some(),
        }
    });
    let overrides = sheet::overrides(session, entries).into_iter().map(|one| Override {
        verdict: one.verdict,
        reason: one.reason,
        from: stamp(one.since),
        to: stamp(one.until),
        by: one.by.to_string(),
        written_by: one.written_by.to_string(),
    });
    Sheet {
        hand: (!checks.is_empty()).then(|| sheet::hand(&points)),
        trials: trials.collect(),
        overrides: overrides.collect(),
        checks,
    }
}

fn measured(minutes: &[Series], span: (Timestamp, Timestamp)) -> Vec<Measured> {
    let figures = sheet::measured(minutes, span).into_iter().map(|one| Measured {
        check: one.check.to_string(),
        quantity: one.quantity.name.to_owned(),
        title: one.quantity.title.map(|title| title.both().map(str::to_owned)),
        unit: one.quantity.unit,
        part: one.part.map(|part| part.to_string()),
        minutes: one.minutes,
        min: one.min,
        mean: one.mean,
        max: one.max,
    });
    figures.collect()
}
