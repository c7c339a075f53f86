//! A month's meetings in figures, made of their kept reports: was the verdict at the confirmation right, what failed, what was lost.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::document::Report;
use crate::domain::{Component, Verdict};

/// The schema's name.
const SCHEMA: &str = "siaga.month";
/// Grows when a reader of this schema would misread it.
const VERSION: u32 = 1;

/// A month. Its JSON has base units and RFC 3339 with the room's offset. No acting staff are in it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MonthOfMeetings {
    /// `siaga.month`
    pub schema: &'static str,
    /// Grows when a reader of this schema would misread it.
    pub version: u32,
    /// The room's name.
    pub room: String,
    /// Which, as 2026-11.
    pub month: String,
    /// When this was made.
    pub made_at: String,
    /// Whether the month is over.
    pub complete: bool,
    /// Meetings that ended and of which no report is kept.
    pub unreported: u64,
    /// Meetings that were cancelled.
    pub cancelled: u64,
    /// The meetings, oldest first.
    pub meetings: Vec<MeetingLine>,
    /// How many of them came out how.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// For how long rooms were not ready while meetings lasted, s.
    pub lost_seconds: u64,
    /// Faults that stop a meeting, and that were over when theirs began. What they would have cost is not known, and not claimed.
    pub mended_before: u64,
    /// What failed, by component.
    pub components: BTreeMap<Component, Failures>,
    /// The line, by its ledger; none if that cannot be read.
    pub provider: Option<Provider>,
}

/// One meeting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MeetingLine {
    /// The scheduler's id.
    pub id: String,
    /// What it was called.
    pub title: String,
    /// When it began.
    pub start: String,
    /// When it ended.
    pub end: String,
    /// The office that asked.
    pub office: Option<String>,
    /// What was said at its confirmation; of a calendar's meeting, which nobody confirms, at the first look before it.
    pub confirmed: Option<Verdict>,
    /// What was said last before it began.
    pub last_look: Option<Verdict>,
    /// What the room was when it began.
    pub at_start: Option<Verdict>,
    /// For how long the room was not ready in it, s.
    pub not_ready_seconds: u64,
    /// For how long nobody watched, or nothing certain was known, s.
    pub unmeasured_seconds: u64,
    /// Whether the verdict at the confirmation was right.
    pub outcome: Outcome,
}

/// Whether what was said at the confirmation came true.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The meeting could be held and was; or it was said not to be ready, and was not.
    Right,
    /// It was said not to be ready, and somebody made it so before it began.
    Mended,
    /// It was said to be ready, and was not for some of the meeting.
    Missed,
    /// It was said not to be ready, the last look said so too, and nothing was wrong in the meeting.
    FalseAlarm,
    /// Nothing certain was said at the confirmation, or more than half of the meeting was not measured.
    Unproven,
}

/// What failed of a component.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Failures {
    /// Incidents that touched preparation, meeting or wrap-up.
    pub incidents: u64,
    /// Of those, how many touched the meeting itself.
    pub in_meeting: u64,
    /// For how long, in meetings, s.
    pub seconds_in_meeting: u64,
}

/// A month of the line, as its ledger has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Provider {
    /// The share of the measured time in which it was not the provider's line that was out, 0 to 1; none where nothing was measured.
    pub availability: Option<f64>,
    /// The time in which that could be told, s: the rest of the month is not in it.
    pub known_seconds: u64,
    /// Outages and shortfalls that are the provider's.
    pub outage_seconds: u64,
    /// Hours in which a rate was below what was agreed, and nothing of ours was the cause.
    pub slow_hours: u64,
}

/// What stands beside the reports.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The room's name.
    pub room: String,
    /// Which month.
    pub month: String,
    /// When this is made.
    pub made_at: String,
    /// Whether the month is over.
    pub complete: bool,
    /// Meetings without a report.
    pub unreported: u64,
    /// Cancelled ones.
    pub cancelled: u64,
    /// The line.
    pub provider: Option<Provider>,
}

/// Adds a month's reports up.
pub fn month(reports: &[Report], beside: Beside) -> MonthOfMeetings {
    let mut meetings: Vec<_> = reports.iter().map(line).collect();
    meetings.sort_by(|one, other| (&one.start, &one.id).cmp(&(&other.start, &other.id)));
    let mut outcomes = BTreeMap::new();
    for meeting in &meetings {
        *outcomes.entry(meeting.outcome).or_insert(0) += 1;
    }
    let mut components: BTreeMap<Component, Failures> = BTreeMap::new();
    let mut mended_before = 0;
    // One that touches several meetings' reports is one.
    let (mut seen, mut touching, mut mended) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for report in reports {
        for trouble in &report.incidents {
            let of = components.entry(trouble.component).or_default();
            of.incidents += u64::from(seen.insert(&trouble.id));
            of.in_meeting += u64::from(trouble.seconds_in_meeting > 0 && touching.insert(&trouble.id));
            of.seconds_in_meeting += trouble.seconds_in_meeting;
            let over = trouble.to.as_deref().and_then(moment).zip(moment(&report.session.start));
            let before = trouble.worst == Verdict::NotReady && over.is_some_and(|(to, start)| to <= start);
            mended_before += u64::from(before && mended.insert(&trouble.id));
        }
    }
    let Beside { room, month, made_at, complete, unreported, cancelled, provider } = beside;
    MonthOfMeetings {
        schema: SCHEMA,
        version: VERSION,
        room,
        month,
        made_at,
        complete,
        unreported,
        cancelled,
        lost_seconds: meetings.iter().map(|meeting| meeting.not_ready_seconds).sum(),
        meetings,
        outcomes,
        mended_before,
        components,
        provider,
    }
}

fn moment(stamp: &str) -> Option<jiff::Timestamp> {
    stamp.parse().ok()
}

fn line(report: &Report) -> MeetingLine {
    let (session, held) = (&report.session, &report.held);
    let start = moment(&session.start);
    let before = || report.looks.iter().filter(|look| moment(&look.at) <= start);
    let last_look = before().max_by_key(|look| moment(&look.at)).map(|look| look.verdict);
    let confirmed = report.looks.iter().find(|look| look.occasion == "confirmed");
    let confirmed = confirmed.or_else(|| before().min_by_key(|look| moment(&look.at))).map(|look| look.verdict);
    let unmeasured = held.unknown + held.not_measured;
    MeetingLine {
        id: session.id.clone(),
        title: session.title.clone(),
        start: session.start.clone(),
        end: session.end.clone(),
        office: session.office.clone(),
        confirmed,
        last_look,
        at_start: report.procedure.at_start,
        not_ready_seconds: held.not_ready,
        unmeasured_seconds: unmeasured,
        outcome: outcome(confirmed, last_look, held.not_ready > 0, {
            let all = held.ready + held.degraded + held.not_ready + unmeasured;
            unmeasured * 2 > all || all == 0
        }),
    }
}

const fn outcome(confirmed: Option<Verdict>, last: Option<Verdict>, failed: bool, unseen: bool) -> Outcome {
    match (confirmed, last, failed) {
        // That it failed is certain, however much was not seen.
        (Some(Verdict::Ready | Verdict::Degraded), _, true) => Outcome::Missed,
        (Some(Verdict::NotReady), _, true) => Outcome::Right,
        (None | Some(Verdict::Unknown), ..) => Outcome::Unproven,
        _ if unseen => Outcome::Unproven,
        (Some(Verdict::Ready | Verdict::Degraded), _, false) => Outcome::Right,
        (Some(Verdict::NotReady), Some(Verdict::NotReady), false) => Outcome::FalseAlarm,
        (Some(Verdict::NotReady), _, false) => Outcome::Mended,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_at_the_confirmation_is_held_against_what_happened() {
        use Verdict::{Degraded, NotReady, Ready, Unknown};
        for (confirmed, last, failed, unseen, expected) in [
            (Some(Ready), Some(Ready), false, false, Outcome::Right),
            (Some(Degraded), Some(Degraded), false, false, Outcome::Right),
            (Some(Ready), Some(Ready), true, false, Outcome::Missed),
            (Some(Ready), Some(NotReady), true, true, Outcome::Missed),
            (Some(NotReady), Some(Ready), false, false, Outcome::Mended),
            (Some(NotReady), Some(NotReady), false, false, Outcome::FalseAlarm),
            (Some(NotReady), Some(NotReady), true, false, Outcome::Right),
            (Some(Ready), Some(Ready), false, true, Outcome::Unproven),
            (Some(Unknown), Some(Ready), false, false, Outcome::Unproven),
            (Some(Unknown), Some(Ready), true, false, Outcome::Unproven),
            (None, None, false, false, Outcome::Unproven),
        ] {
            assert_eq!(outcome(confirmed, last, failed, unseen), expected, "{confirmed:?} {last:?} {failed} {unseen}");
        }
    }
}
