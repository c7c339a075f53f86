//! Which rows hold where the wall clock was set back.
//!
//! Rows are written in the order in which things happened, and bear the wall clock's time. A clock that is set back passes the same
//! hours twice, and what was said the second time holds. It speaks only of the hours that it passes: a machine whose clock begins
//! in another year, until it has asked a server, takes nothing from the years between.

use jiff::Timestamp;

use crate::domain::{Run, Transition};

/// The spans in which anybody watched, without those within another: a clock that was set back has passed them again. `all` is
/// oldest first; those that lie within another come second.
pub fn runs(all: Vec<Run>) -> (Vec<Run>, Vec<Run>) {
    let mut until = Timestamp::MIN;
    all.into_iter().partition(|run| {
        let anew = run.until > until;
        until = until.max(run.until);
        anew
    })
}

/// The changes that hold, oldest first. `rows` have the numbers in whose order they were written, and are sorted by their time and
/// these; `runs` and `within` are those of [`runs`]. What bears a later time than a row that was written after it goes, if one process has
/// watched from the one time to the other: of a span that lies within another no word reaches beyond it.
pub fn changes(rows: Vec<(i64, Transition)>, runs: &[Run], within: &[Run]) -> Vec<Transition> {
    let mut processes: Vec<Process> = Vec::new();
    for run in runs {
        match processes.last_mut() {
            Some(process) if !run.fresh => process.until = run.until,
            _ => processes.push(Process { began: run.began, until: run.until, newest: Vec::new() }),
        }
    }
    let holds = |(number, change): (i64, Transition)| {
        // None lies within another, so they end in the order in which they begin.
        let first = processes.partition_point(|process| process.until < change.at);
        let mut superseded = false;
        let inner = within.iter().filter(|run| run.began <= change.at && change.at <= run.until);
        let inner = inner.map(|run| run.until).min();
        for process in processes[first..].iter_mut().take_while(|process| process.began <= change.at) {
            let reach = inner.unwrap_or(process.until);
            process.newest.retain(|(_, known)| *known >= change.at);
            superseded |= process.newest.iter().any(|(newest, _)| *newest > number);
            process.newest.retain(|(newest, known)| *newest > number || *known > reach);
            process.newest.push((number, reach));
        }
        (!superseded).then_some(change)
    };
    rows.into_iter().filter_map(holds).collect()
}

/// A process, from when until when it watched by the wall clock, gaps included.
struct Process {
    began: Timestamp,
    until: Timestamp,
    /// The newest rows so far, by their numbers, and until when each of them speaks.
    newest: Vec<(i64, Timestamp)>,
}

#[cfg(test)]
mod tests {
    use super::super::spans::spans;
    use super::super::spans::tests::{at, change, run, told};
    use super::*;
    use crate::domain::Verdict::{self, Degraded, NotReady, Ready, Unknown};

    const HOUR: i64 = 3600;

    /// What is told of rows, in the order in which they were written, and of runs, until then.
    fn seen(rows: &[(i64, Verdict)], watched: &[Run], until: i64) -> Vec<(i64, i64, Option<Verdict>)> {
        let mut rows: Vec<_> = (1..).zip(rows.iter().map(|(second, to)| change(*second, *to))).collect();
        rows.sort_by_key(|(number, change)| (change.at, *number));
        let (watched, within) = runs(watched.to_vec());
        told(&spans(&changes(rows, &watched, &within), &watched, (at(0), at(until))))
    }

    #[test]
    fn a_clock_that_began_hours_ahead_makes_no_outage_when_these_hours_come() {
        // It began seven hours ahead, saw no line, and was set back.
        let rows = [(7 * HOUR, NotReady), (80, Ready)];
        let watched = [run(0, 10 * HOUR, true), run(7 * HOUR, 7 * HOUR + 60, true)];
        let well = [(0, 80, Some(Unknown)), (80, 10 * HOUR, Some(Ready))];
        assert_eq!(seen(&rows, &watched, 10 * HOUR), well);
        // Also after the machine has slept, and after another process has begun.
        let slept = [run(0, HOUR, true), run(2 * HOUR, 10 * HOUR, false), run(7 * HOUR, 7 * HOUR + 60, true)];
        assert_eq!(seen(&rows, &slept, 10 * HOUR).last(), Some(&(2 * HOUR, 10 * HOUR, Some(Ready))));
        let rows = [rows[0], rows[1], (2 * HOUR, Ready)];
        let anew = [run(0, HOUR, true), run(2 * HOUR, 10 * HOUR, true), run(7 * HOUR, 7 * HOUR + 60, true)];
        assert_eq!(seen(&rows, &anew, 10 * HOUR).last(), Some(&(2 * HOUR, 10 * HOUR, Some(Ready))));
        // Before these hours have come nothing is known of them but what was said.
        let rows = [(7 * HOUR, NotReady), (80, Ready)];
        let early = [run(0, HOUR, true), run(7 * HOUR, 7 * HOUR + 60, true)];
        assert_eq!(seen(&rows, &early, HOUR), [(0, 80, Some(Unknown)), (80, HOUR, Some(Ready))]);
    }

    #[test]
    fn a_small_step_back_hides_no_outage() {
        let rows = [(50, Degraded), (100, Ready), (95, NotReady), (300, Ready)];
        let told = seen(&rows, &[run(0, 400, true)], 400);
        assert_eq!(told[1..], [(50, 95, Some(Degraded)), (95, 300, Some(NotReady)), (300, 400, Some(Ready))]);
        // At one moment the later word holds.
        let told = seen(&[(50, NotReady), (50, Ready)], &[run(0, 400, true)], 400);
        assert_eq!(told, [(0, 50, Some(Unknown)), (50, 400, Some(Ready))]);
    }

    #[test]
    fn a_clock_that_begins_in_another_year_takes_no_history_away() {
        let rows = [(10, Ready), (500, NotReady), (600, Ready), (-90_000, Unknown), (-89_990, Ready), (2000, Degraded)];
        let watched = [run(-90_001, -89_980, true), run(0, 1000, true), run(1900, 3000, true)];
        assert_eq!(
            seen(&rows, &watched, 3000),
            [
                (0, 10, Some(Unknown)),
                (10, 500, Some(Ready)),
                (500, 600, Some(NotReady)),
                (600, 1000, Some(Ready)),
                (1000, 1900, None),
                (1900, 2000, Some(Unknown)),
                (2000, 3000, Some(Degraded)),
            ]
        );
    }

    #[test]
    fn a_clock_that_was_behind_for_minutes_takes_no_outage_of_the_hours_after_them_away() {
        // An outage from five to twenty past. Begun anew by a clock that is hours behind, which is set right after five minutes.
        let (three, five) = (3 * HOUR, 5 * HOUR);
        let rows =
            [(10, Ready), (five, NotReady), (five + 1200, Ready), (three + 20, NotReady), (10 * HOUR + 500, Ready)];
        let watched = [run(0, 10 * HOUR, true), run(three, three + 300, true), run(10 * HOUR + 400, 12 * HOUR, true)];
        let told = seen(&rows, &watched, 12 * HOUR);
        assert!(told.contains(&(five + 1200, 10 * HOUR, Some(Ready))), "{told:?}");
        assert!(told.iter().any(|(from, to, _)| (*from, *to) == (three + 20, five + 1200)), "{told:?}");
    }

    #[test]
    fn what_was_written_last_holds_over_all_that_bear_a_later_time() {
        let one = [run(0, 1000, true)];
        let well = [(0, 10, Some(Unknown)), (10, 1000, Some(Ready))];
        assert_eq!(seen(&[(100, NotReady), (200, Degraded), (10, Ready)], &one, 1000), well);
        // Also beyond a span within, of which the last word was spoken, …
        let within = [run(0, 1000, true), run(50, 100, true)];
        let told = seen(&[(500, NotReady), (10, Ready), (60, Degraded)], &within, 1000);
        assert_eq!(told, [well[0], (10, 60, Some(Ready)), (60, 1000, Some(Degraded))]);
        // … and where it was spoken before such a span.
        let told = seen(&[(500, NotReady), (10, Ready)], &[run(0, 1000, true), run(300, 400, true)], 1000);
        assert_eq!(told, well);
    }

    #[test]
    fn spans_within_another_go_and_others_stay() {
        let [first, within, last] = [run(0, 100, true), run(20, 100, true), run(50, 150, false)];
        assert_eq!(runs(vec![first, within, last]), (vec![first, last], vec![within]));
        assert_eq!(runs(Vec::new()), (vec![], vec![]));
    }
}
