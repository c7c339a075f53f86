//! One `VEVENT` as far as it is read.

use std::cell::Cell;
use std::sync::Arc;

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarComponent, ICalendarDuration, ICalendarEntry, ICalendarFrequency, ICalendarParameterName, ICalendarPeriod,
    ICalendarProperty, ICalendarRecurrenceRule, ICalendarStatus, ICalendarTransparency, ICalendarValue,
};
use jiff::civil::DateTime;
use jiff::{Span, Timestamp};

use super::zones::{Moment, Zones};
use crate::domain::feed::{LeftOut, Why};

/// So much of a title and of an id is kept, characters: each meeting of a series has both, and they are walked through again for each.
/// It is more than anybody shows; of an id RFC 5545 asks for 255 bytes (§3.8.4.7).
const LONGEST: usize = 2_000;

/// One `VEVENT`.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) uid: Arc<str>,
    pub(super) title: Arc<str>,
    pub(super) start: Moment,
    pub(super) length: Length,
    pub(super) rule: Option<Box<ICalendarRecurrenceRule>>,
    /// More beginnings, each with a length of its own where it has one.
    pub(super) more: Vec<(Moment, Option<Length>)>,
    pub(super) left_out: Vec<Moment>,
    /// Which occurrence of its series it stands for, and whether for those after it too.
    pub(super) stands_for: Option<(Moment, bool)>,
    pub(super) sequence: i64,
    /// Whether it takes place and takes the room: neither cancelled, tentative nor transparent.
    pub(super) holds: bool,
}

/// A `VEVENT` that cannot be understood.
#[derive(Clone, Debug)]
pub(super) struct Unread {
    /// What it is called, and why.
    pub(super) left: LeftOut,
    pub(super) uid: Arc<str>,
    /// As of an event.
    pub(super) holds: bool,
    /// Which occurrence it stands for, where it is an exception.
    pub(super) stands_for: Option<Place>,
}

/// An occurrence of a series, as an exception that cannot be understood names it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) at: Option<Moment>,
    /// What its clock shows, also in a zone that means nothing.
    pub(super) local: Option<DateTime>,
    /// Whether it stands for those after it too.
    pub(super) following: bool,
}

/// How long it lasts.
#[derive(Clone, Debug)]
pub(super) enum Length {
    /// Until this time, of each occurrence as many days and hours by the wall clock later.
    Until(Moment),
    /// So long.
    Lasts(Span),
    /// A whole day (RFC 5545 §3.6.1), if it is a day.
    Day,
    /// No time at all.
    Nothing,
}

impl Length {
    /// When an occurrence that begins at `start` ends, where that of the event itself began at `first`. An instant, and no time of a
    /// clock: of an hour that the clocks show twice a length may end in either.
    pub(super) fn end(&self, first: &Moment, start: &Moment) -> Option<Timestamp> {
        match self {
            Self::Until(end) => {
                let apart = first.local.until(end.local).ok()?;
                let by_the_clock = start.at(start.local.checked_add(apart).ok()?);
                if end.zone == first.zone && by_the_clock.instant() > start.instant() {
                    return by_the_clock.instant();
                }
                // Another zone for the end than for the beginning, or clocks that leave all of it out: as long as the first one
                // in truth.
                let lasts = end.instant()?.duration_since(first.instant()?);
                start.instant()?.checked_add(lasts).ok()
            }
            Self::Lasts(span) => {
                // Days by the wall clock, hours in truth (RFC 5545 §3.3.6): as spans are added to what has a zone.
                let zoned = start.zone.to_ambiguous_zoned_datetime(start.local).compatible().ok()?;
                Some(zoned.checked_add(*span).ok()?.timestamp())
            }
            Self::Day => start.at(start.local.checked_add(Span::new().days(1)).ok()?).instant(),
            Self::Nothing => start.instant(),
        }
    }
}

impl Event {
    /// Reads a component.
    ///
    /// # Errors
    /// What it is called and why it is none: no beginning, a time or a zone that means nothing, a rule that means nothing or that no
    /// meeting has.
    pub(super) fn of(component: &ICalendarComponent, zones: &Zones<'_>) -> Result<Self, Box<Unread>> {
        let wrong = Cell::new(None);
        // The first of what is wrong is told, when the title is known.
        let is_wrong = |why: Why| wrong.set(wrong.get().or(Some(why)));
        let moment = |entry: &ICalendarEntry, value: &PartialDateTime| {
            let moment = zones.moment(entry, value);
            if moment.is_none() {
                is_wrong(if zones.knows(entry) { Why::Time } else { Why::Zone });
            }
            moment
        };
        let (mut start, mut length, mut place, mut rule) = (None, None, None, None);
        let (mut uid, mut title, mut more, mut left_out) = ("", "", Vec::new(), Vec::new());
        let (mut sequence, mut holds) = (0, true);
        for entry in &component.entries {
            let first = entry.values.first();
            match (&entry.name, first) {
                (ICalendarProperty::Uid, Some(value)) => uid = value.as_text().unwrap_or_default(),
                (ICalendarProperty::Summary, Some(value)) => title = value.as_text().unwrap_or_default(),
                (ICalendarProperty::Dtstart, Some(ICalendarValue::PartialDateTime(value))) => {
                    start = moment(entry, value);
                }
                (ICalendarProperty::Dtend, Some(ICalendarValue::PartialDateTime(value))) => {
                    length = moment(entry, value).map(Length::Until);
                }
                (ICalendarProperty::Duration, Some(ICalendarValue::Duration(lasts))) => {
                    length = Some(Length::Lasts(span(lasts)));
                }
                (ICalendarProperty::RecurrenceId, Some(value)) => {
                    let value = value.as_partial_date_time();
                    let at = value.and_then(|value| moment(entry, value));
                    if at.is_none() {
                        // Else it would be taken for the series itself.
                        is_wrong(Why::Time);
                    }
                    let following = entry.has_parameter(&ICalendarParameterName::Range);
                    place = Some(Place { at, local: value.and_then(super::zones::local), following });
                }
                (ICalendarProperty::Rrule, Some(ICalendarValue::RecurrenceRule(said))) => rule = Some(said.clone()),
                // Without its rule it would be a single one.
                (ICalendarProperty::Rrule, Some(_)) => is_wrong(Why::Rule),
                (ICalendarProperty::Dtstart | ICalendarProperty::Dtend, Some(_)) => is_wrong(Why::Time),
                (ICalendarProperty::Sequence, Some(ICalendarValue::Integer(said))) => sequence = *said,
                (ICalendarProperty::Exdate, _) => {
                    let moment = zones.moments(entry);
                    left_out.extend(entry.values.iter().filter_map(|value| moment(value.as_partial_date_time()?)));
                }
                (ICalendarProperty::Rdate, _) => {
                    let moment = zones.moments(entry);
                    more.extend(entry.values.iter().filter_map(|value| match value {
                        ICalendarValue::PartialDateTime(value) => Some((moment(value)?, None)),
                        ICalendarValue::Period(ICalendarPeriod::Range { start, end }) => {
                            Some((moment(start)?, Some(Length::Until(moment(end)?))))
                        }
                        ICalendarValue::Period(ICalendarPeriod::Duration { start, duration }) => {
                            Some((moment(start)?, Some(Length::Lasts(span(duration)))))
                        }
                        _ => None,
                    }));
                }
                (ICalendarProperty::Status, Some(ICalendarValue::Status(said))) => {
                    holds &= !matches!(said, ICalendarStatus::Cancelled | ICalendarStatus::Tentative);
                }
                (ICalendarProperty::Transp, Some(ICalendarValue::Transparency(said))) => {
                    holds &= *said != ICalendarTransparency::Transparent;
                }
                _ => {}
            }
        }
        let stands_for = place.as_ref().and_then(|place| Some((place.at.clone()?, place.following)));
        // An exception without a beginning of its own begins when what it stands for would.
        let start = start.or_else(|| stands_for.as_ref().map(|(moment, _)| moment.clone()));
        let wrong = wrong.get().or_else(|| rule.as_ref().filter(|rule| is_too_often(rule)).map(|_| Why::TooOften));
        let title: String = title.chars().take(LONGEST).collect();
        let uid = uid.chars().take(LONGEST).collect::<String>().into();
        let start = match (wrong, start) {
            (None, Some(start)) => start,
            (wrong, _) => {
                let left = LeftOut { title, why: wrong.unwrap_or(Why::NoBeginning) };
                return Err(Box::new(Unread { left, uid, holds, stands_for: place }));
            }
        };
        let length = length.unwrap_or(if start.day { Length::Day } else { Length::Nothing });
        let title = title.into();
        Ok(Self { uid, title, start, length, rule, more, left_out, stands_for, sequence, holds })
    }
}

/// Whether a rule repeats within the hour as no meeting of a room does: by the minute, by the second, or at seconds of a minute.
fn is_too_often(rule: &ICalendarRecurrenceRule) -> bool {
    rule.freq > ICalendarFrequency::Hourly || rule.bysecond.len() > 1
}

fn span(lasts: &ICalendarDuration) -> Span {
    let days = i64::from(lasts.days) + 7 * i64::from(lasts.weeks);
    let span = Span::new().try_days(days).unwrap_or_default();
    let hours = span.try_hours(i64::from(lasts.hours)).unwrap_or_default();
    let minutes = hours.try_minutes(i64::from(lasts.minutes)).unwrap_or_default();
    let span = minutes.try_seconds(i64::from(lasts.seconds)).unwrap_or_default();
    if lasts.neg { -span } else { span }
}

/// The rule's end as the wall clock of `start` shows it: rules are walked through by the wall clock.
pub(super) fn local_end(rule: &ICalendarRecurrenceRule, start: &Moment) -> Option<DateTime> {
    let until = rule.until.as_ref()?;
    let local = super::zones::local(until)?;
    if until.hour.is_none() {
        // A day where a time is due: that whole day.
        return Some(local.date().at(23, 59, 59, 0));
    }
    if until.tz_hour.is_none() {
        return Some(local);
    }
    // RFC 5545 §3.3.10: with a zone it is in UTC.
    let instant = jiff::tz::TimeZone::UTC.to_ambiguous_timestamp(local).compatible().ok()?;
    Some(start.zone.to_datetime(instant))
}
