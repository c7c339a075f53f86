//! One row, done and undone in a guest that is ready, and what came of it.

use super::rows::{Phase, Row};
use super::stage::{Check, Stage};

/// How long a fault is left alone that nobody may look for, in the guest's seconds: two looks of the slowest and the longest hold,
/// so that one who looked all the same would have told.
const HELD_FOR: f64 = 20.0;

/// So much earlier than it was ordered a fault may seem to be told, s: the order's moment and the wall clock's place on the uptime are
/// kept in hundredths, and the wall clock is slewed meanwhile.
const EARLY: f64 = 0.05;

/// What came of a row.
pub(super) struct Run {
    pub(super) row: &'static Row,
    pub(super) phase: Phase,
    /// From the order to the reason, s; none where the check was held.
    pub(super) told: Option<f64>,
    /// From the order to undo it until all that was told is ready, s; known when the daemon's history is read.
    pub(super) back: Option<f64>,
    /// The order, in the guest's uptime, s.
    pub(super) ordered: f64,
    /// The order to undo it, in the guest's uptime, s.
    pub(super) undone: f64,
    /// From the order until all was ready again, in the guest's uptime, s.
    pub(super) window: (f64, f64),
}

/// Does a row and undoes it. Panics unless exactly what must be told is told, and all is ready afterwards.
pub(super) fn run(stage: &Stage<'_>, row: &'static Row, phase: Phase) -> Run {
    all_ready(stage, row.fault);
    (row.prepare)(stage);
    all_ready(stage, row.fault);
    let main = row.told[0];
    let held = phase == Phase::InUse && is_active(main.0);
    let ordered = stage.lab.ordered(|| (row.apply)(stage));
    let told = if held {
        stage.lab.wait_for(&format!("[ $(cut -d. -f1 /proc/uptime) -ge {:.0} ]", ordered + HELD_FOR));
        let checks = stage.checks();
        let of = checks.iter().find(|check| check.name == main.0).unwrap();
        assert!(of.held && checks.iter().all(Check::is_ready), "{}, while the room is in use: {checks:#?}", row.fault);
        None
    } else {
        let checks = stage.wait(row.fault, |checks| checks.iter().all(|check| is_as_told(row, phase, check)));
        let cause = stage.daemon.root_cause();
        assert_eq!(cause.as_str(), row.cause, "{}: the root cause", row.fault);
        let of = checks.iter().find(|check| check.name == main.0).unwrap();
        let since = of.reasons.iter().find(|(code, ..)| code == main.2[0]).unwrap().2;
        Some(since - ordered)
    };
    let undone = stage.lab.ordered(|| (row.clear)(stage));
    all_ready(stage, row.fault);
    stage.tidy();
    all_ready(stage, row.fault);
    Run { row, phase, told, back: None, undone, ordered, window: (ordered - EARLY - stage.unsure, stage.uptime()) }
}

/// Waits until every check is ready, but for notes.
pub(super) fn all_ready(stage: &Stage<'_>, fault: &str) -> Vec<Check> {
    stage.wait(&format!("all ready around {fault}"), |checks| checks.iter().all(Check::is_ready))
}

/// Whether a check stands as the row says, and, if the row says nothing of it, is ready.
pub(super) fn is_as_told(row: &Row, phase: Phase, check: &Check) -> bool {
    if row.explained.contains(&check.name.as_str()) {
        return !check.is_ready() && check.blocked;
    }
    let told = row.told.iter().find(|(name, ..)| *name == check.name);
    let told = told.filter(|(name, ..)| phase == Phase::Idle || !is_active(name));
    let Some((_, verdict, codes)) = told else { return check.is_ready() };
    let counting = check.counting();
    let exactly = codes.iter().all(|code| check.says(code)) && counting.iter().all(|code| codes.contains(code));
    check.verdict == *verdict && exactly
}

/// Whether a check waits while the room is in use.
pub(super) fn is_active(check: &str) -> bool {
    ["microphone", "picture", "bandwidth"].contains(&check)
}
