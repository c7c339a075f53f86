//! The daemon's own history of a guest: when each fault was told and taken back, and false alarms, which no fault explains.

use rusqlite::Connection;

use super::run::Run;
use super::stage::Stage;

/// A check that left ready for no fault.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "shown where the test fails")]
pub(super) struct Alarm {
    change: Change,
    /// The fault that was on, none between them.
    pub(super) during: Option<&'static str>,
}

/// A check's change of verdict, and when, in the guest's uptime, s.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "shown where the test fails")]
struct Change {
    check: String,
    old: String,
    new: String,
    codes: String,
    at: f64,
}

/// Reads the history, when the daemon has ended: gives each run its times. Returns what left ready between those moments and was
/// nobody's fault.
pub(super) fn read(stage: &Stage<'_>, (since, until): (f64, f64), runs: &mut [Run]) -> Vec<Alarm> {
    let changes = changes(stage);
    assert!(runs.iter().all(|run| run.told.is_none()) || !changes.is_empty(), "the daemon's history holds no fault");
    for run in runs.iter_mut() {
        time(run, &changes);
    }
    let left = changes.into_iter().filter(|change| change.old == "ready" && (since..until).contains(&change.at));
    let during = |at| runs.iter().find(|run| (run.window.0..=run.window.1).contains(&at));
    left.filter_map(|change| {
        let run = during(change.at);
        let explained = run.is_some_and(|run| run.row.concerns(&change.check));
        (!explained).then(|| Alarm { during: run.map(|run| run.row.fault), change })
    })
    .collect()
}

/// A verdict is told when it is decided: where confidence is needed, that is later than the moment since which it held.
fn time(run: &mut Run, changes: &[Change]) {
    // What leaves the room ready, or is not looked for, changes no verdict.
    if run.told.is_none() || run.row.cause.is_none() {
        return;
    }
    let (main, verdict, _) = run.row.told[0];
    let mut own = changes.iter().filter(|change| (run.window.0..=run.window.1).contains(&change.at));
    let back = own.clone().filter(|change| change.new == "ready" && change.at >= run.undone);
    let back = back.filter(|change| run.row.concerns(&change.check)).map(|change| change.at - run.undone);
    run.back = back.reduce(f64::max);
    let told = own.find(|change| change.check == main && change.new == verdict);
    run.told = told.map(|change| (change.at - run.ordered).max(0.0));
}

fn changes(stage: &Stage<'_>) -> Vec<Change> {
    stage.sh("cp /run/siaga/siaga.db /share/history.db");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.db");
    std::fs::write(&file, stage.lab.bytes("history.db")).unwrap();
    let history = Connection::open(file).unwrap();
    let mut asked = history
        .prepare("SELECT DISTINCT at, name, old, new, codes FROM transitions WHERE subject = 'check' ORDER BY at")
        .unwrap();
    let rows = asked.query_map([], |row| {
        let at = stage.uptime_at(row.get(0)?);
        Ok(Change { at, check: row.get(1)?, old: row.get(2)?, new: row.get(3)?, codes: row.get(4)? })
    });
    rows.unwrap().map(Result::unwrap).collect()
}
