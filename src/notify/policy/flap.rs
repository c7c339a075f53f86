//! Whether a component goes to and fro, by Nagios' weights (Nagios Core manual, "Detection and Handling of State
//! Flapping"): of what the last twenty minutes could hold, one change a minute, how many per cent there were, the newest
//! counting 1.2 and the oldest 0.8. From 30 % on it flaps, below 20 % it no longer does (Nagios' own built-in limits).

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Change;
use crate::domain::Verdict;

/// How far back it is looked.
const WINDOW: Duration = Duration::from_mins(20);
/// How many changes that window can hold.
const SLOTS: f64 = 20.0;
/// From this share on it flaps.
const HIGH: f64 = 0.30;
/// Below this share it no longer does.
const LOW: f64 = 0.20;
/// What one change counts now, and how much less at the window's end.
const NEWEST: f64 = 1.2;
const FADES: f64 = 0.4;

/// Whether a change counts: from ready to bad or unknown, or back, or from one of these to another. What is not needed any more has not
/// come back.
pub(super) fn counts(change: Change<'_>, before: Option<Verdict>) -> bool {
    match change {
        Change::Opened(_) => true,
        Change::Closed(incident) => !incident.is_not_needed(),
        Change::Changed(incident) => before.is_some_and(|before| before != incident.verdict),
    }
}

/// A component's changes, and what is made of them. What is worse than all that goes to and fro is no part of it: what fails for certain
/// where nothing was known again and again is told, until that alone goes to and fro.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Flap {
    changes: VecDeque<Turn>,
    /// The worst that goes to and fro; nothing does, if none.
    #[serde(default)]
    to_and_fro: Option<Verdict>,
    /// Who was told that it does, since it does. An older version did not keep it: they are told once more.
    #[serde(default)]
    pub(super) heard: BTreeSet<Arc<str>>,
}

/// One change.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Kept")]
struct Turn {
    at: Timestamp,
    /// The worse of what it was and what it became.
    worst: Verdict,
}

/// As it was kept: of an older version the moment alone, of whatever was bad.
#[derive(Deserialize)]
#[serde(untagged)]
enum Kept {
    Whole { at: Timestamp, worst: Verdict },
    Bare(Timestamp),
}

impl From<Kept> for Turn {
    fn from(kept: Kept) -> Self {
        match kept {
            Kept::Whole { at, worst } => Self { at, worst },
            Kept::Bare(at) => Self { at, worst: Verdict::NotReady },
        }
    }
}

impl Flap {
    /// It changed: from ready to bad, or back, or in how bad it is; `worst` is the worse of both.
    pub(super) fn change(&mut self, worst: Verdict, at: Timestamp) {
        // More than this cannot make it flap more.
        if self.changes.len() >= 64 {
            self.changes.pop_front();
        }
        self.changes.push_back(Turn { at, worst });
    }

    /// Follows a wall clock that was set back: changes that lie in its future are of now, or it would flap until the clock is there
    /// again.
    pub(super) fn follow_clock(&mut self, at: Timestamp) {
        self.changes.iter_mut().for_each(|change| change.at = change.at.min(at));
    }

    /// Whether it flaps now; `Some` when that is another thing than before.
    pub(super) fn look(&mut self, at: Timestamp) -> Option<bool> {
        self.changes.retain(|change| age(change.at, at) <= WINDOW);
        let flaps = |verdict: &Verdict| {
            let limit = if self.holds_back(*verdict) { LOW } else { HIGH };
            self.share(*verdict, at) >= limit
        };
        let worst = Verdict::ALL.into_iter().rev().find(flaps);
        let before = std::mem::replace(&mut self.to_and_fro, worst);
        // Who has heard that it cannot be seen again and again has not heard that it fails again and again.
        if before.is_none() || worst.is_none_or(|worst| before.is_some_and(|before| worst > before)) {
            self.heard.clear();
        }
        (before.is_some() != worst.is_some()).then_some(worst.is_some())
    }

    pub(super) const fn is_flapping(&self) -> bool {
        self.to_and_fro.is_some()
    }

    /// The worst that goes to and fro.
    pub(super) const fn worst(&self) -> Option<Verdict> {
        self.to_and_fro
    }

    /// Whether that it is this is a part of what goes to and fro.
    pub(super) fn holds_back(&self, verdict: Verdict) -> bool {
        self.to_and_fro.is_some_and(|worst| verdict <= worst)
    }

    /// How much of its time it changes to what is so bad or worse, or from it.
    fn share(&self, verdict: Verdict, at: Timestamp) -> f64 {
        let weight = |change: &Turn| NEWEST - FADES * age(change.at, at).as_secs_f64() / WINDOW.as_secs_f64();
        let counts = self.changes.iter().filter(|change| change.worst >= verdict);
        counts.map(weight).sum::<f64>() / SLOTS
    }
}

/// A clock that was set back makes no change older than now.
fn age(change: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(change)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn three_outages_in_a_row_flap_and_a_quiet_while_ends_it() {
        let mut flap = Flap::default();
        // Two outages of a minute each: 4 changes, 24 %.
        for minute in 0..4 {
            flap.change(Verdict::NotReady, at(minute * 60));
            assert_eq!(flap.look(at(minute * 60)), None, "minute {minute}");
        }
        flap.change(Verdict::NotReady, at(240));
        assert_eq!(flap.look(at(240)), None, "5 changes are less than 30 %");
        flap.change(Verdict::NotReady, at(300));
        assert_eq!(flap.look(at(300)), Some(true));
        assert_eq!(flap.look(at(301)), None, "told once");
        // The changes fade: 6 of them count less than 20 % only when two have left the window.
        let end = (301..3000).find(|second| flap.look(at(*second)) == Some(false)).unwrap();
        assert!((1260..=1320).contains(&end), "{end}");
        assert!(!flap.is_flapping());
    }

    #[test]
    fn what_is_worse_than_all_that_goes_to_and_fro_is_no_part_of_it_until_it_does_so_alone() {
        let mut flap = Flap::default();
        // An outage of the evening before, which nothing has looked at since.
        flap.change(Verdict::NotReady, at(-20_000));
        flap.change(Verdict::NotReady, at(-19_700));
        for turn in 0..12 {
            flap.change(Verdict::Unknown, at(turn * 60));
            flap.look(at(turn * 60));
        }
        assert!(flap.is_flapping() && flap.holds_back(Verdict::Unknown) && !flap.holds_back(Verdict::NotReady));
        flap.heard.insert("desk".into());
        // Two outages are two outages; with the third it is power that goes to and fro.
        for turn in 0..6 {
            flap.change(Verdict::NotReady, at(720 + turn * 20));
            assert_eq!(flap.look(at(720 + turn * 20)), None, "it did before");
            assert_eq!(flap.holds_back(Verdict::NotReady), turn == 5, "{turn}");
            assert_eq!(flap.heard.is_empty(), turn == 5, "{turn}");
        }
        // And comes to rest before the other does.
        for turn in 14..40 {
            flap.change(Verdict::Unknown, at(turn * 60));
            flap.look(at(turn * 60));
        }
        assert!(flap.holds_back(Verdict::Unknown) && !flap.holds_back(Verdict::NotReady));
    }

    #[test]
    fn what_an_older_version_kept_is_read() {
        let kept = r#"{"changes":["1970-01-01T00:00:00Z","1970-01-01T00:01:00Z"],"flapping":true,"heard":["desk"],"worst":"not_ready"}"#;
        let flap: Flap = serde_json::from_str(kept).unwrap();
        let expected = [0, 60].map(|second| Turn { at: at(second), worst: Verdict::NotReady });
        assert_eq!((flap.changes, flap.to_and_fro), (expected.into(), None));
    }

    #[test]
    fn a_clock_set_back_does_not_overturn_it() {
        let mut flap = Flap::default();
        for second in 0..100 {
            flap.change(Verdict::NotReady, at(10_000 - second));
        }
        assert_eq!(flap.look(at(0)), Some(true));
        assert_eq!(flap.look(at(20_000)), Some(false));
    }
}
