//! The figures, each a function of its own that says what it measured or why it could not.

mod alerts;
mod history;
mod requests;
mod round_trip;
mod scale;
mod silence;
mod start;
mod steady;
mod throughput;
mod ups;

use serde::Serialize;

use crate::lab::Lab;
use crate::stats::Measured;

/// A figure: some rows of the table.
pub(crate) struct Figure {
    /// By which it is chosen on the command line.
    pub(crate) name: &'static str,
    pub(crate) measure: fn(&Lab) -> Vec<Row>,
}

/// All of them, in the report's order.
pub(crate) const ALL: &[Figure] = &[
    Figure { name: "first_round", measure: start::first_round },
    Figure { name: "steady", measure: steady::memory_and_idle_cpu },
    Figure { name: "readyz", measure: requests::readyz },
    Figure { name: "metrics", measure: requests::metrics },
    Figure { name: "rtt_idle", measure: round_trip::idle },
    Figure { name: "rtt_busy", measure: round_trip::busy },
    Figure { name: "silence", measure: silence::silence_to_state },
    Figure { name: "false_alarms", measure: silence::false_alarms },
    Figure { name: "throughput", measure: throughput::throughput },
    Figure { name: "on_battery", measure: ups::on_battery_to_state },
    Figure { name: "told_silence", measure: alerts::silence_to_webhook },
    Figure { name: "told_battery", measure: alerts::battery_to_webhook },
    Figure { name: "targets", measure: scale::targets },
    Figure { name: "events", measure: scale::events },
    Figure { name: "footprint", measure: scale::footprint },
    Figure { name: "history", measure: history::history },
];

/// One row: Siaga's value, a peer's value, and what was wished for.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) ours: Measured,
    pub(crate) peer: Option<(String, Measured)>,
    pub(crate) goal: Goal,
    /// How it was measured, in a sentence.
    pub(crate) how: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    Seconds,
    Bytes,
    /// CPU seconds per second.
    Share,
    /// By what share a value is wrong.
    Error,
    /// Seconds, so few that they are told as nanoseconds.
    Nanoseconds,
    Count,
}

/// What was wished for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// Ours over the peer's at most this.
    Ratio(f64),
    /// Ours at most this.
    Ours(f64),
    /// The distance between ours and the peer's at most this.
    Apart(f64),
    /// Nothing: shown for comparison.
    None,
}

/// Rows that all lack a value for one reason: what they stand on could not be set up.
pub(crate) fn without(rows: impl IntoIterator<Item = (&'static str, Unit, Goal)>, why: &str) -> Vec<Row> {
    rows.into_iter()
        .map(|(what, unit, goal)| Row {
            what: what.to_owned(),
            unit,
            ours: Err(why.to_owned()),
            peer: None,
            goal,
            how: String::new(),
        })
        .collect()
}
