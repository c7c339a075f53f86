//! How a report is made of what is stored.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{
    Drawn, Held, Look, Meeting, Missing, Part, PartSpan, Procedure, Quality, Report, SCHEMA, Seen, Trouble, VERSION,
    Why,
};
use super::sheet;
use crate::domain::past::UNWATCHED;
use crate::domain::record::{Kept, Point, Record, Series};
use crate::domain::sheet::Item;
use crate::domain::time::told_length;
use crate::domain::{Booking, Component, Incident, Lang, Notice, Occasion, Profile, ReasonDef, Subject, Verdict};
use crate::engine::past::spans::{Span, Times, push, spans};

/// Pictures of a report; a room with more far ends has the rest as figures.
const PICTURES: usize = 8;

/// What the config says of the room of whose meeting a report is made.
#[derive(Clone, Copy, Debug)]
pub struct House<'a> {
    /// The room's name.
    pub room: &'a str,
    /// The room's own clock.
    pub zone: &'a TimeZone,
    /// How long a preparation may last.
    pub limit: Duration,
    /// How long minutes are kept.
    pub minutes: Duration,
    /// What the room does without: nothing is told of it.
    pub absent: &'a BTreeSet<Component>,
    /// What is checked by hand.
    pub items: &'a [Item],
    /// The kinds of meeting.
    pub profiles: &'a [Arc<Profile>],
    /// The reason of a code.
    pub reason: fn(&str) -> Option<&'static ReasonDef>,
}

/// Makes it, at `now`.
pub fn report(record: &Record, house: House<'_>, now: Timestamp) -> Report {
    let House { room, zone, limit, minutes, absent, items, profiles, reason } = house;
    let maker = Maker { record, zone, absent, profiles, now };
    let meeting = maker.meeting();
    let room_spans = maker.spans(&Subject::Room, meeting);
    let components = maker.components(meeting);
    Report {
        schema: SCHEMA.to_owned(),
        version: VERSION,
        room: room.to_owned(),
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        made_at: maker.stamp(now),
        from: maker.stamp(record.since),
        to: maker.stamp(record.until),
        // Of the end of a meeting that nobody has written down yet nothing is claimed.
        complete: now >= record.over && record.until >= record.session.end,
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
                words: [Lang::Id, Lang::En].map(|lang| maker.words(notice, reason, lang)),
                evidence_id: notice.evidence.clone(),
                evidence_sha256: maker.evidence(notice).map(|kept| kept.digest.clone()),
            })
            .collect(),
        run_sheet: sheet::told(record, items, now, |at| maker.stamp(at)),
        held: held(&room_spans),
        not_measured: maker.missing(&room_spans, &components, minutes),
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
        quality: maker.quality(meeting),
    }
}

struct Maker<'a> {
    record: &'a Record,
    zone: &'a TimeZone,
    absent: &'a BTreeSet<Component>,
    profiles: &'a [Arc<Profile>],
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
        let whole = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
        // In whole seconds, as they are told: what is summed up is what stands there.
        let mut all = Vec::new();
        for Span { from, to, state } in spans(changes, &self.record.runs, span) {
            // What lasted for less than a second (a restart) is no span, and parts none.
            push(&mut all, whole(from), whole(to), state);
        }
        all
    }

    fn booked(&self) -> Meeting {
        let session = &self.record.session;
        let details = &session.details;
        Meeting {
            id: session.id.to_string(),
            title: session.title.clone(),
            profile: session.profile.to_string(),
            kind: self
                .profiles
                .iter()
                .find(|known| known.name == session.profile)
                .map(|profile| [Lang::Id, Lang::En].map(|lang| profile.title(lang).to_owned())),
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

    fn evidence(&self, notice: &Notice) -> Option<&Kept> {
        self.record.evidence.get(notice.evidence.as_ref()?)
    }

    /// Why it was so, as it was said then: all that was said of each code. Where that is not kept the figures are not known any more.
    fn words(&self, notice: &Notice, def: fn(&str) -> Option<&'static ReasonDef>, lang: Lang) -> Vec<String> {
        let said = self.evidence(notice).map_or(&[][..], |kept| &kept.said);
        let mut all: Vec<String> = Vec::new();
        for code in &notice.codes {
            let then = said.iter().filter(|said| said.code == *code).filter_map(|said| said.in_lang(lang));
            let mut then: Vec<String> = then.map(str::to_owned).collect();
            if then.is_empty() {
                then.push(without_figures(def(code), code, lang));
            }
            for words in then {
                // Two checks may say the same.
                if !all.contains(&words) {
                    all.push(words);
                }
            }
        }
        all
    }

    fn procedure(&self, limit: Duration) -> Procedure {
        let (record, start) = (self.record, self.record.session.start);
        let first = |occasion: Occasion| {
            record.notices.iter().find(|notice| notice.occasion == occasion).map(|notice| notice.at)
        };
        // The crew may have been called while another meeting was held.
        let opened = first(Occasion::Preflight).map(|told| told.max(record.since));
        let before = self.spans(&Subject::Room, (record.since, start.min(record.until).max(record.since)));
        let began = start <= record.until;
        let last = before.last().filter(|_| began);
        // Where another meeting has just ended nothing lies before it.
        let just_begun =
            || self.spans(&Subject::Room, (start, record.until.max(start))).first().and_then(|span| span.state);
        let at_start = if record.since < start { last.and_then(|span| span.state) } else { just_begun() };
        let ready_at = last.filter(|span| span.state == Some(Verdict::Ready)).and_then(|_| ready_since(&before));
        let prepared = opened.zip(ready_at).map(|(opened, ready)| length(opened, ready));
        Procedure {
            limit_seconds: limit.as_secs().min(length(record.since, start)),
            confirmed_at: first(Occasion::Confirmed).map(|at| self.stamp(at)),
            opened_at: opened.map(|at| self.stamp(at)),
            ready_at: ready_at.map(|at| self.stamp(at)),
            prepared_in_seconds: prepared,
            at_start,
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
            let mut all: Vec<String> = Vec::new();
            for said in incident.reasons.iter().map(|reason| reason.message(lang)) {
                // Two checks may say the same.
                if !all.contains(&said) {
                    all.push(said);
                }
            }
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
            seconds_in_meeting: self.watched(incident.opened_at.max(start), until.min(end)),
            reasons: incident.reasons.iter().map(|reason| reason.def.code.to_owned()).collect(),
            cause: [words(Lang::Id), words(Lang::En)],
            acknowledged: seen
                .map(|seen| Seen {
                    at: self.stamp(seen.at),
                    by: seen.by.clone(),
                    via: seen.via.clone(),
                    written_by: seen.written_by.clone(),
                })
                .collect(),
        }
    }

    /// How much of that somebody watched, s: what happened in the rest is not known. Hours that a clock which was set back has
    /// passed twice count once.
    fn watched(&self, from: Timestamp, to: Timestamp) -> u64 {
        let (mut at, mut watched) = (from, 0);
        for run in &self.record.runs {
            watched += length(run.began.max(at), run.until.min(to));
            at = at.max(run.until);
        }
        watched
    }

    /// When nobody watched, and when nothing certain was known of a component.
    fn missing(&self, room: &[Span], components: &[(Component, Vec<Span>)], minutes: Duration) -> Vec<Missing> {
        let told = |component, span: &Span, why| Missing {
            component,
            from: self.stamp(span.from),
            to: self.stamp(span.to),
            why,
        };
        let unwatched = room.iter().filter(|span| span.state.is_none()).map(|span| told(None, span, Why::NotWatched));
        let unknown = components.iter().flat_map(|(component, spans)| {
            let unknown = spans.iter().filter(|span| span.state == Some(Verdict::Unknown));
            unknown.map(|span| told(Some(*component), span, Why::Unknown))
        });
        let deleted = self.deleted(minutes).map(|(from, to)| Missing {
            component: None,
            from: self.stamp(from),
            to: self.stamp(to),
            why: Why::NoLongerKept,
        });
        unwatched.chain(unknown).chain(deleted).collect()
    }

    /// The part of the meeting whose minutes are older than they are kept, and gone.
    fn deleted(&self, minutes: Duration) -> Option<(Timestamp, Timestamp)> {
        let (start, end) = self.meeting();
        let oldest = self.record.series.iter().filter_map(|series| series.points.first()).map(|point| point.at).min();
        let horizon = self.now.checked_sub(minutes).unwrap_or(Timestamp::MIN);
        let until = oldest.unwrap_or(horizon).min(horizon).min(end);
        (length(start, until) >= 60).then_some((start, until))
    }

    /// What was measured in the meeting, the first of it with its picture.
    fn quality(&self, meeting: (Timestamp, Timestamp)) -> Vec<Quality> {
        let told =
            self.record.series.iter().filter_map(|series| quality(series, meeting).map(|figures| (series, figures)));
        let drawn = told.enumerate().map(|(place, (series, figures))| {
            let points = if place < PICTURES { &series.points[..] } else { &[] };
            Quality { points: points.iter().filter_map(|point| self.drawn(point)).collect(), ..figures }
        });
        drawn.collect()
    }

    fn drawn(&self, point: &Point) -> Option<Drawn> {
        let minute = |at: Timestamp| at.as_second().div_euclid(60);
        let after = u32::try_from(minute(point.at) - minute(self.record.since)).ok()?;
        Some(Drawn(after, six_digits(point.min), six_digits(point.p50), six_digits(point.max)))
    }
}

/// A reason whose figures are not known any more: its message where it has none, else its code. Nobody signs a sentence with holes.
fn without_figures(def: Option<&ReasonDef>, code: &str, lang: Lang) -> String {
    let message = def.map(|def| def.message.in_lang(lang)).filter(|message| !message.contains('{'));
    message.unwrap_or(code).to_owned()
}

/// Since when it is ready, at the last of the spans. A restart in between, its first round included, makes no room unready.
fn ready_since(spans: &[Span]) -> Option<Timestamp> {
    let mut since = None;
    let mut later = spans.iter().rev().peekable();
    while let Some(span) = later.next() {
        match span.state {
            Some(Verdict::Ready) => since = Some(span.from),
            Some(Verdict::Unknown) if later.peek().is_some_and(|before| before.state.is_none()) => {}
            None if span.length() <= UNWATCHED => {}
            _ => break,
        }
    }
    since
}

/// From then until then as both are told, s; 0 where the end is before the beginning.
fn length(from: Timestamp, to: Timestamp) -> u64 {
    told_length(from, to).as_secs()
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
        quantity: series.quantity.name.to_owned(),
        title: series.quantity.title.map(|title| title.both().map(str::to_owned)),
        unit: series.quantity.unit,
        part: series.part.as_ref().map(ToString::to_string),
        minutes,
        of_minutes,
        min,
        mean: sum / values as f64,
        max,
        points: Vec::new(),
    })
}

/// What a picture can show, and no more, so that a report of some hours stays small.
fn six_digits(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
