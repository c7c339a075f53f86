//! What a report says, for programs and for its page.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::domain::record::{Record, Series};
use crate::domain::session::Venue;
use crate::domain::{Booking, Component, Incident, Lang, Occasion, Subject, Verdict};
use crate::engine::past::spans::{Span, Times, spans};

/// A report. Its JSON has base units and RFC 3339 with the room's offset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// `siaga.report`
    pub schema: &'static str,
    /// Grows when a reader of this schema would misread it.
    pub version: u32,
    /// The room's name.
    pub room: String,
    /// In which zone its times are.
    pub time_zone: String,
    /// When it was made.
    pub made_at: String,
    /// Whether the span that it tells of is over: the wrap-up has ended.
    pub complete: bool,
    /// Whether more is stored than is read at once, so that this is not all.
    pub cut: bool,
    /// The meeting.
    pub session: Meeting,
    /// Its times against the procedure's.
    pub procedure: Procedure,
    /// What was found and told of it before it began.
    pub looks: Vec<Look>,
    /// How long the room was what, while the meeting lasted.
    pub held: Held,
    /// The same of each component that was judged.
    pub components: Vec<Part>,
    /// What went wrong in preparation, meeting and wrap-up, oldest first.
    pub incidents: Vec<Trouble>,
    /// What was measured while the meeting lasted.
    pub quality: Vec<Quality>,
    /// What was not measured while the meeting lasted, and why.
    pub not_measured: Vec<Missing>,
}

/// The meeting, as it was booked. How the applicant is reached is not in it: that is for telling yes or no.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Meeting {
    /// The scheduler's id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// The kind of meeting.
    pub profile: String,
    /// When it was to begin.
    pub start: String,
    /// When it was to end.
    pub end: String,
    /// Whether it took place.
    pub cancelled: bool,
    /// Who booked it: the scheduler, or a calendar's name.
    pub source: String,
    /// The office that asked.
    pub office: Option<String>,
    /// The number of the request letter.
    pub letter: Option<String>,
    /// On which platform.
    pub platform: Option<String>,
    /// Where, if not in this room.
    pub venue: Option<Venue>,
    /// Whose offices were expected.
    pub sites: Vec<String>,
    /// Who was assigned to which task.
    pub crew: BTreeMap<String, String>,
}

/// The times of the procedure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Procedure {
    /// How long the preparation may last, s.
    pub limit_seconds: u64,
    /// When the booking was confirmed; none if it is not known any more.
    pub confirmed_at: Option<String>,
    /// When the preparation opened: a look was made, or the crew was told.
    pub opened_at: Option<String>,
    /// Since when the room was ready without a break until the meeting began; none if it was not ready then.
    pub ready_at: Option<String>,
    /// From the opening until then, s.
    pub prepared_in_seconds: Option<u64>,
    /// What the room was when the meeting began; none where nobody watched.
    pub at_start: Option<Verdict>,
}

/// A look at the room for this meeting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Look {
    /// `confirmed`, `before 7200` (s), `preflight`.
    pub occasion: String,
    /// When.
    pub at: String,
    /// What was said.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<String>,
    /// Under which id that can be looked up.
    pub evidence_id: Option<String>,
}

/// How long something was what, s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Ready.
    pub ready: u64,
    /// Degraded.
    pub degraded: u64,
    /// Not ready.
    pub not_ready: u64,
    /// Watched, and nothing certain known.
    pub unknown: u64,
    /// Nobody watched.
    pub not_measured: u64,
}

/// A component in the meeting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Which.
    pub component: Component,
    /// How long it was what.
    pub held: Held,
    /// What it was from when until when; no verdict where nobody watched.
    pub spans: Vec<PartSpan>,
}

/// What a component was for a while.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartSpan {
    /// From when.
    pub from: String,
    /// Until when.
    pub to: String,
    /// What.
    pub verdict: Option<Verdict>,
}

/// An incident that touches preparation, meeting or wrap-up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trouble {
    /// Its id.
    pub id: String,
    /// Of which component.
    pub component: Component,
    /// The worst that it was.
    pub worst: Verdict,
    /// When it began.
    pub from: String,
    /// When it ended; none if it had not when this was made.
    pub to: Option<String>,
    /// How long it lasted, or has lasted, s.
    pub seconds: u64,
    /// How much of that lay in the meeting, s.
    pub seconds_in_meeting: u64,
    /// Codes of its reasons, worst first.
    pub reasons: Vec<&'static str>,
    /// In words: Indonesian, English.
    pub cause: [String; 2],
    /// Who said that they see to it, oldest first.
    pub acknowledged: Vec<Seen>,
}

/// Somebody who sees to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// When.
    pub at: String,
    /// Who.
    pub by: String,
    /// By which way they are known.
    pub via: String,
}

/// What was measured of one quantity in the meeting.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// By which check.
    pub check: String,
    /// What.
    pub quantity: &'static str,
    /// In which unit: the quantity's own name says it.
    pub part: Option<String>,
    /// In so many of the meeting's minutes.
    pub minutes: u64,
    /// Of so many.
    pub of_minutes: u64,
    /// The smallest value.
    pub min: f64,
    /// The mean, each minute weighing as much as it has values.
    pub mean: f64,
    /// The greatest value.
    pub max: f64,
}

/// Something that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Missing {
    /// Of which component; none: of all.
    pub component: Option<Component>,
    /// From when.
    pub from: String,
    /// Until when.
    pub to: String,
    /// `not_watched` (the daemon or the machine was off), `unknown` (it was watched, and nothing certain known).
    pub why: &'static str,
}

/// What the config says of the room of whose meeting a report is made.
#[derive(Clone, Copy, Debug)]
pub struct House<'a> {
    /// The room's name.
    pub room: &'a str,
    /// The room's own clock.
    pub zone: &'a TimeZone,
    /// How long a preparation may last.
    pub limit: Duration,
    /// What the room does without: nothing is told of it.
    pub absent: &'a BTreeSet<Component>,
}

/// Makes it, at `now`.
pub fn report(record: &Record, house: House<'_>, now: Timestamp) -> Report {
    let House { room, zone, limit, absent } = house;
    let maker = Maker { record, zone, absent, now };
    let meeting = maker.meeting();
    let room_spans = maker.spans(&Subject::Room, meeting);
    let components = maker.components(meeting);
    Report {
        schema: "siaga.report",
        version: 1,
        room: room.to_owned(),
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        made_at: maker.stamp(now),
        complete: now >= record.over,
        cut: record.cut,
        session: maker.booked(),
        procedure: maker.procedure(limit),
        looks: record
            .notices
            .iter()
            .map(|notice| Look {
                occasion: notice.occasion.word(),
                at: maker.stamp(notice.at),
                verdict: notice.verdict,
                reasons: notice.codes.clone(),
                evidence_id: notice.evidence.clone(),
            })
            .collect(),
        held: held(&room_spans),
        not_measured: maker.missing(&room_spans, &components),
        components: components
            .iter()
            .map(|(component, spans)| Part {
                component: *component,
                held: held(spans),
                spans: spans
                    .iter()
                    .map(|span| PartSpan {
                        from: maker.stamp(span.from),
                        to: maker.stamp(span.to),
                        verdict: span.state,
                    })
                    .collect(),
            })
            .collect(),
        incidents: record.incidents.iter().map(|incident| maker.trouble(incident, meeting)).collect(),
        quality: record.series.iter().filter_map(|series| quality(series, meeting)).collect(),
    }
}

struct Maker<'a> {
    record: &'a Record,
    zone: &'a TimeZone,
    absent: &'a BTreeSet<Component>,
    now: Timestamp,
}

impl Maker<'_> {
    /// RFC 3339 with the room's offset, in whole seconds.
    fn stamp(&self, at: Timestamp) -> String {
        let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
        whole.display_with_offset(self.zone.to_offset(at)).to_string()
    }

    /// The part of the meeting that is told of: as long as it lasts, until now.
    fn meeting(&self) -> (Timestamp, Timestamp) {
        let session = &self.record.session;
        (session.start, session.end.min(self.record.until).max(session.start))
    }

    fn spans(&self, subject: &Subject, span: (Timestamp, Timestamp)) -> Vec<Span> {
        let changes = self.record.changes.iter().find(|(known, _)| known == subject);
        let changes = changes.map_or(&[][..], |(_, changes)| changes);
        // What came before the span and what it was then: only the newest such change counts.
        spans(changes, &self.record.runs, span)
    }

    fn booked(&self) -> Meeting {
        let session = &self.record.session;
        let details = &session.details;
        Meeting {
            id: session.id.to_string(),
            title: session.title.clone(),
            profile: session.profile.to_string(),
            start: self.stamp(session.start),
            end: self.stamp(session.end),
            cancelled: session.booking == Booking::Cancelled,
            source: session.source.to_string(),
            office: details.office.clone(),
            letter: details.letter.clone(),
            platform: details.platform.clone(),
            venue: details.venue.clone(),
            sites: details.sites.clone(),
            crew: details.crew.iter().map(|(task, member)| (task.clone(), member.person.clone())).collect(),
        }
    }

    fn procedure(&self, limit: Duration) -> Procedure {
        let (record, start) = (self.record, self.record.session.start);
        let first = |occasion: Occasion| {
            record.notices.iter().find(|notice| notice.occasion == occasion).map(|notice| notice.at)
        };
        let opened = first(Occasion::Preflight);
        let before = self.spans(&Subject::Room, (record.since, start.min(record.until).max(record.since)));
        let began = start <= record.until;
        let last = before.last().filter(|_| began);
        let ready_at = last.filter(|span| span.state == Some(Verdict::Ready)).map(|span| span.from);
        let prepared = opened.zip(ready_at).map(|(opened, ready)| length(opened, ready));
        Procedure {
            limit_seconds: limit.as_secs(),
            confirmed_at: first(Occasion::Confirmed).map(|at| self.stamp(at)),
            opened_at: opened.map(|at| self.stamp(at)),
            ready_at: ready_at.map(|at| self.stamp(at)),
            prepared_in_seconds: prepared,
            at_start: last.and_then(|span| span.state),
        }
    }

    /// Those of which anything was ever said, and that the room has.
    fn components(&self, meeting: (Timestamp, Timestamp)) -> Vec<(Component, Vec<Span>)> {
        let said = self.record.changes.iter().filter(|(_, changes)| !changes.is_empty());
        let mut all: Vec<_> = said
            .filter_map(|(subject, _)| match subject {
                Subject::Component(component) if !self.absent.contains(component) => {
                    Some((*component, self.spans(subject, meeting)))
                }
                _ => None,
            })
            .collect();
        all.sort_by_key(|(component, _)| *component);
        all
    }

    fn trouble(&self, incident: &Incident, (start, end): (Timestamp, Timestamp)) -> Trouble {
        let until = incident.closed_at.unwrap_or(self.now);
        let words = |lang| {
            let all: Vec<String> = incident.reasons.iter().map(|reason| reason.message(lang)).collect();
            all.join("; ")
        };
        let seen = self.record.acknowledged.iter().filter(|seen| seen.incident == incident.id);
        Trouble {
            id: incident.id.clone(),
            component: incident.component,
            worst: incident.worst,
            from: self.stamp(incident.opened_at),
            to: incident.closed_at.map(|at| self.stamp(at)),
            seconds: length(incident.opened_at, until),
            seconds_in_meeting: length(incident.opened_at.max(start), until.min(end)),
            reasons: incident.reasons.iter().map(|reason| reason.def.code).collect(),
            cause: [words(Lang::Id), words(Lang::En)],
            acknowledged: seen
                .map(|seen| Seen { at: self.stamp(seen.at), by: seen.by.clone(), via: seen.via.clone() })
                .collect(),
        }
    }

    /// When nobody watched, and when nothing certain was known of a component.
    fn missing(&self, room: &[Span], components: &[(Component, Vec<Span>)]) -> Vec<Missing> {
        let told = |component, span: &Span, why| Missing {
            component,
            from: self.stamp(span.from),
            to: self.stamp(span.to),
            why,
        };
        let unwatched = room.iter().filter(|span| span.state.is_none()).map(|span| told(None, span, "not_watched"));
        let unknown = components.iter().flat_map(|(component, spans)| {
            let unknown = spans.iter().filter(|span| span.state == Some(Verdict::Unknown));
            unknown.map(|span| told(Some(*component), span, "unknown"))
        });
        unwatched.chain(unknown).collect()
    }
}

/// From then until then, s; 0 where the end is before the beginning.
fn length(from: Timestamp, to: Timestamp) -> u64 {
    Duration::try_from(to.duration_since(from)).unwrap_or_default().as_secs()
}

fn held(spans: &[Span]) -> Held {
    let mut times = Times::default();
    for span in spans {
        times.add(span.state, span.length());
    }
    let seconds = |verdict| times.of(verdict).as_secs();
    Held {
        ready: seconds(Verdict::Ready),
        degraded: seconds(Verdict::Degraded),
        not_ready: seconds(Verdict::NotReady),
        unknown: seconds(Verdict::Unknown),
        not_measured: times.unmeasured.as_secs(),
    }
}

/// The minutes that lie wholly in the meeting.
#[allow(clippy::cast_precision_loss, reason = "a few million values")]
fn quality(series: &Series, (start, end): (Timestamp, Timestamp)) -> Option<Quality> {
    let of_minutes = length(start, end) / 60;
    let within = series.points.iter().filter(|point| point.at >= start && length(point.at, end) >= 60);
    let (mut minutes, mut values, mut sum) = (0, 0, 0.0);
    let (mut min, mut max) = (f64::INFINITY, f64::NEG_INFINITY);
    for point in within {
        minutes += 1;
        values += point.count;
        sum += point.mean * point.count as f64;
        (min, max) = (min.min(point.min), max.max(point.max));
    }
    (values > 0).then(|| Quality {
        check: series.check.to_string(),
        quantity: series.quantity.name,
        part: series.part.as_ref().map(ToString::to_string),
        minutes,
        of_minutes,
        min,
        mean: sum / values as f64,
        max,
    })
}
