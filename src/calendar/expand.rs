//! From a feed's text to the meetings in a span of time: series with their exceptions.
//!
//! Rules (`RRULE`) are walked through by calcard, by the wall clock alone; what a local time is in its zone is said by the system's
//! zone database, as everywhere in the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarMethod, ICalendarProperty, ICalendarValue,
};
use calcard::{Entry as Parsed, Parser};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::bulk::{MOST_PARTS, parts};
use super::event::{self, Event, Length, local_end};
use super::zones::{Moment, Zones, floating};
use crate::domain::feed::{LeftOut, Why};
use crate::domain::session::LONGEST_MEETING;

/// So many occurrences of one series are walked through at most: each day for 50 years.
const WALKED: usize = 20_000;

/// So many meetings of one feed are taken at most, the nearest: more than seven on each day of the span.
pub const MOST: usize = 3_000;

/// So many of those that are left out are told one by one.
const TOLD: usize = 10;

/// So many entries without an id are told apart, of one hour and title.
const ALIKE: u32 = 3;

/// A meeting of a feed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When it begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// The series' own id.
    pub uid: Arc<str>,
    /// Which of the series it is: when it would begin if nobody had moved it; none for a single one.
    pub of_series: Option<Timestamp>,
    /// What it is called.
    pub title: Arc<str>,
}

/// What a feed says of a span of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The meetings that take place and take the room, in their order.
    pub entries: Vec<Entry>,
    /// How many are left out: they mean nothing here, or are more than are taken.
    pub left_out: usize,
    /// Which and why: the first of them, a series once.
    pub which: Vec<LeftOut>,
    /// Of which nothing is said, since it cannot be understood.
    pub unread: BTreeSet<Unread>,
    /// What of that is called where it has no id.
    pub nameless: BTreeSet<String>,
    /// From when on nothing is said, since there are more than are taken.
    pub beyond: Option<Timestamp>,
}

/// What of a feed cannot be understood: that it is not among its meetings says nothing of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// The series' own id.
    pub uid: Arc<str>,
    /// Which of the series, as of an [`Entry`]; all of it, if none.
    pub of_series: Option<Timestamp>,
    /// Whether those after it too.
    pub following: bool,
}

impl Reading {
    fn cannot_read(&mut self, uid: &Arc<str>, of_series: Option<Timestamp>) {
        self.unread.insert(Unread { uid: Arc::clone(uid), of_series, following: false });
    }

    fn cannot_read_from(&mut self, uid: &Arc<str>, first: Timestamp) {
        self.unread.insert(Unread { uid: Arc::clone(uid), of_series: Some(first), following: true });
    }

    fn leave_out(&mut self, title: &str, why: Why) {
        self.left_out += 1;
        let is_told = self.which.iter().any(|one| one.why == why && one.title == title);
        if self.which.len() < TOLD && !is_told {
            self.which.push(LeftOut { title: title.to_owned(), why });
        }
    }

    /// Takes a meeting, with some room to spare before what is too much is left out.
    fn take(&mut self, entry: Entry) {
        self.entries.push(entry);
        if self.entries.len() >= 2 * MOST {
            self.keep_the_nearest();
        }
    }

    fn keep_the_nearest(&mut self) {
        self.entries.sort();
        let beyond = self.entries.split_off(MOST.min(self.entries.len()));
        self.beyond = self.beyond.into_iter().chain(beyond.first().map(|entry| entry.start)).min();
        for entry in &beyond {
            self.leave_out(&entry.title, Why::TooMany);
        }
    }
}

/// Why nothing is concluded from a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is no calendar.
    #[error("it is no iCalendar")]
    NoCalendar,
    /// It would take more memory than there is.
    #[error("it has more than {MOST_PARTS} lines and values")]
    TooMuch,
    /// Nobody waits for it any more.
    #[error("it was given up")]
    GivenUp,
}

/// Reads the meetings of a feed that are held in `span`, some of it or all. `room` is the zone of times that name none. When
/// `over` becomes true, it ends after the series that it is at.
///
/// # Errors
/// If the text is no calendar or too much of one, or it was given up.
pub fn read(
    text: &str,
    room: &TimeZone,
    span: (Timestamp, Timestamp),
    over: &AtomicBool,
) -> Result<Reading, ReadError> {
    let go_on = || if over.load(Ordering::Relaxed) { Err(ReadError::GivenUp) } else { Ok(()) };
    // Cut off in its middle: a series without its exceptions would be worse than nothing.
    let last = text.trim_end().lines().last().unwrap_or_default().trim();
    if !last.eq_ignore_ascii_case("END:VCALENDAR") {
        return Err(ReadError::NoCalendar);
    }
    if parts(text) > MOST_PARTS {
        return Err(ReadError::TooMuch);
    }
    let mut parser = Parser::new(text);
    let mut feeds = Vec::new();
    loop {
        match parser.entry() {
            Parsed::ICalendar(feed) => feeds.push(feed),
            Parsed::Eof => break,
            Parsed::UnterminatedComponent(_) | Parsed::TooManyComponents => return Err(ReadError::NoCalendar),
            _ => {}
        }
    }
    if feeds.is_empty() {
        return Err(ReadError::NoCalendar);
    }
    let zones = Zones::of(&feeds, room.clone());
    let mut reading = Reading::default();
    let mut series: BTreeMap<Arc<str>, Vec<Event>> = BTreeMap::new();
    let mut unread: BTreeMap<Arc<str>, Vec<event::Unread>> = BTreeMap::new();
    let mut nameless: BTreeMap<String, u32> = BTreeMap::new();
    for feed in &feeds {
        let cancels = feed.components.first().is_some_and(is_cancelling);
        for component in feed.components.iter().filter(|one| one.component_type == ICalendarComponentType::VEvent) {
            go_on()?;
            let mut event = match Event::of(component, &zones) {
                Ok(event) => event,
                Err(mut one) => {
                    reading.leave_out(&one.left.title, one.left.why);
                    one.holds &= !cancels;
                    if one.uid.is_empty() {
                        reading.nameless.extend(one.holds.then_some(one.left.title));
                        continue;
                    }
                    unread.entry(Arc::clone(&one.uid)).or_default().push(*one);
                    continue;
                }
            };
            event.holds &= !cancels;
            // Without an id it is one of its own, whichever others come and go.
            let uid = if event.uid.is_empty() {
                let alike = alike(event.start.instant(), &event.title);
                let before = nameless.entry(alike.clone()).or_insert(0);
                *before += 1;
                of_alike(*before, &alike).into()
            } else {
                Arc::clone(&event.uid)
            };
            // Most stand alone, and room for four would be three for nothing.
            series.entry(uid).or_insert_with(|| Vec::with_capacity(1)).push(event);
        }
    }
    for (uid, all) in &unread {
        let whole =
            |one: &event::Unread| one.holds && one.stands_for.as_ref().is_none_or(|place| place.local.is_none());
        if all.iter().any(whole) {
            reading.cannot_read(uid, None);
        }
        // Exceptions too that have no series beside them.
        series.entry(Arc::clone(uid)).or_default();
    }
    for (uid, events) in series {
        go_on()?;
        let unread = Places::of(unread.get(&uid).map_or(&[], Vec::as_slice));
        expand(&uid, &events, &unread, span, &mut reading);
    }
    reading.keep_the_nearest();
    Ok(reading)
}

/// What those without an id have in common that are told apart by their number alone.
fn alike(start: Option<Timestamp>, title: &str) -> String {
    format!("{start:?} {title}")
}

fn of_alike(number: u32, alike: &str) -> String {
    format!("{number} {alike}")
}

/// What the first of those without an id are called that begin then and have that title.
pub fn of_nameless(start: Timestamp, title: &str) -> impl Iterator<Item = String> {
    let alike = alike(Some(start), title);
    (1..=ALIKE).map(move |number| of_alike(number, &alike))
}

fn is_cancelling(root: &ICalendarComponent) -> bool {
    let cancel = ICalendarValue::Method(ICalendarMethod::Cancel);
    root.entries.iter().any(|entry| entry.name == ICalendarProperty::Method && entry.values.first() == Some(&cancel))
}

/// The meetings of one series, or of one that stands alone.
fn expand(
    uid: &Arc<str>,
    events: &[Event],
    unread: &Places,
    (since, until): (Timestamp, Timestamp),
    reading: &mut Reading,
) {
    for instant in &unread.stand {
        reading.cannot_read(uid, Some(*instant));
    }
    if let Some((first, true)) = unread.following {
        reading.cannot_read_from(uid, first);
    }
    let add = |reading: &mut Reading,
               event: &Event,
               length: &Length,
               first: &Moment,
               start: &Moment,
               of_series: Option<Timestamp>| {
        let Some(begins) = start.instant().filter(|_| event.holds) else { return };
        let Some(end) = length.end(first, start).filter(|end| begins < *end) else {
            // Of what is long past, or far ahead, nobody asks why it is not booked.
            if (since..until).contains(&begins) {
                reading.leave_out(&event.title, Why::NoLength);
            }
            return;
        };
        if begins < until && end > since {
            // As whoever books one is refused: it would hold the room for everybody.
            if end.duration_since(begins) > LONGEST_MEETING {
                reading.leave_out(&event.title, Why::TooLong);
                return;
            }
            let (uid, title) = (Arc::clone(uid), Arc::clone(&event.title));
            reading.take(Entry { start: begins, end, uid, of_series, title });
        }
    };
    // Of one event the newest word; an exception is one for each occurrence.
    let newest = |event: &&Event| (event.sequence, event.start.instant());
    let master = events.iter().filter(|event| event.stands_for.is_none()).max_by_key(newest);
    let mut exceptions: BTreeMap<Timestamp, &Event> = BTreeMap::new();
    for event in events {
        let Some(instant) = event.stands_for.as_ref().and_then(|(moment, _)| moment.instant()) else { continue };
        let known = exceptions.entry(instant).or_insert(event);
        if known.sequence <= event.sequence {
            *known = event;
        }
    }
    let Some(master) = master else {
        // Of which no more is known than its wall clock, and no series says which it is.
        if unread.locals.values().any(|holds| *holds) {
            reading.cannot_read(uid, None);
        }
        // Invited to some of a series alone.
        for (instant, event) in exceptions {
            add(reading, event, &event.length, &event.start, &event.start, Some(instant));
        }
        return;
    };
    let repeats = master.rule.is_some() || !master.more.is_empty();
    let mut not_followed = false;
    let mut starts: Vec<(Moment, Option<&Length>)> = match &master.rule {
        None => vec![(master.start.clone(), None)],
        // The first one is one also where the rule does not give it, as every calendar shows it.
        Some(_) => match walk(master, until) {
            Some((all, _)) if all.is_empty() => vec![(master.start.clone(), None)],
            Some((all, whole)) => {
                not_followed = !whole;
                let all = std::iter::once(master.start.local).chain(all);
                all.map(|local| (master.start.at(local), None)).collect()
            }
            None => {
                not_followed = true;
                Vec::new()
            }
        },
    };
    starts.extend(master.more.iter().map(|(start, length)| (start.clone(), length.as_ref())));
    let left_out = LeftOutTimes::of(&master.left_out);
    let mut seen = BTreeSet::new();
    let mut following: Option<(&Event, Moment)> = None;
    starts.sort_by_key(|(start, _)| start.instant());
    for (start, length) in starts {
        let Some(instant) = start.instant() else { continue };
        if !seen.insert(instant) {
            continue;
        }
        let of_series = repeats.then_some(instant);
        if let Some(exception) = exceptions.remove(&instant) {
            if let Some((moment, true)) = &exception.stands_for {
                following = Some((exception, moment.clone()));
            }
            add(reading, exception, &exception.length, &exception.start, &exception.start, of_series);
        } else if left_out.has(&start, instant) {
        } else if unread.has(&start, instant) {
            // When it is held now nobody knows, and at its old hour it may not be.
            if unread.is_held_by_the_clock(&start) {
                reading.cannot_read(uid, of_series);
            }
        } else if let Some((event, moment)) = &following {
            // As far from its place as the first one of those that follow is from its own.
            let moved = moment.local.until(event.start.local).and_then(|apart| start.local.checked_add(apart));
            let start = moved.map(|local| event.start.at(local)).unwrap_or(start);
            add(reading, event, &event.length, &event.start, &start, of_series);
        } else {
            match length {
                Some(length) => add(reading, master, length, &start, &start, of_series),
                None => add(reading, master, &master.length, &master.start, &start, of_series),
            }
        }
    }
    // Exceptions of what the rule does not have any more.
    for (instant, event) in exceptions {
        add(reading, event, &event.length, &event.start, &event.start, Some(instant));
    }
    if not_followed && master.holds {
        reading.leave_out(&master.title, Why::Rule);
        reading.cannot_read(uid, None);
    }
}

/// Which of a series have exceptions that cannot be understood. Of one that is not held no more need be known.
#[derive(Default)]
struct Places {
    /// Those that are held, by when they would begin.
    stand: BTreeSet<Timestamp>,
    instants: BTreeSet<Timestamp>,
    /// By the wall clock, in a zone that means nothing; whether each is held.
    locals: BTreeMap<DateTime, bool>,
    /// From when on all have one, and whether they are held.
    following: Option<(Timestamp, bool)>,
}

impl Places {
    fn of(all: &[event::Unread]) -> Self {
        let mut places = Self::default();
        for one in all {
            let Some(place) = &one.stands_for else { continue };
            let instant = place.at.as_ref().and_then(Moment::instant);
            match (instant, place.local) {
                (Some(instant), _) if place.following => {
                    places.following = places.following.into_iter().chain([(instant, one.holds)]).min();
                }
                (Some(instant), _) => {
                    places.instants.insert(instant);
                    places.stand.extend(one.holds.then_some(instant));
                }
                (None, Some(local)) => *places.locals.entry(local).or_default() |= one.holds,
                (None, None) => {}
            }
        }
        places
    }

    /// Whether an occurrence has one.
    fn has(&self, start: &Moment, instant: Timestamp) -> bool {
        let follows = self.following.is_some_and(|(since, _)| since <= instant);
        follows || self.instants.contains(&instant) || self.locals.contains_key(&start.local)
    }

    /// Whether it has one that is held and of which no more is known than its wall clock.
    fn is_held_by_the_clock(&self, start: &Moment) -> bool {
        self.locals.get(&start.local).is_some_and(|holds| *holds)
    }
}

/// What `EXDATE` takes out of a series, to be asked once for each of its meetings: there may be as many of the one as of the other.
struct LeftOutTimes {
    days: BTreeSet<Date>,
    midnights: BTreeSet<Timestamp>,
    times: BTreeSet<Timestamp>,
}

impl LeftOutTimes {
    fn of(all: &[Moment]) -> Self {
        let instants = |day: bool| all.iter().filter(move |out| out.day == day).filter_map(Moment::instant).collect();
        let days = all.iter().filter(|out| out.day).map(|out| out.local.date()).collect();
        Self { days, midnights: instants(true), times: instants(false) }
    }

    fn has(&self, start: &Moment, instant: Timestamp) -> bool {
        // A day where a time is due leaves out what begins on it.
        let by_day =
            if start.day { self.midnights.contains(&instant) } else { self.days.contains(&start.local.date()) };
        by_day || self.times.contains(&instant)
    }
}

/// The beginnings that a rule gives, by the wall clock, up to about `until`, and whether these are all; none if it cannot be
/// followed.
fn walk(event: &Event, until: Timestamp) -> Option<(Vec<DateTime>, bool)> {
    let mut rule = event.rule.clone()?;
    // A day more, whatever the zones: what lies beyond is left aside later.
    let far = event.start.zone.to_datetime(until).saturating_add(jiff::Span::new().days(1));
    let end = match (&rule.until, rule.count) {
        (Some(_), _) => Some(local_end(&rule, &event.start)?.min(far)),
        (None, None) => Some(far),
        // The two do not stand together (RFC 5545 §3.3.10).
        (None, Some(_)) => None,
    };
    if end.is_some_and(|end| end < event.start.local) {
        // It begins beyond what is asked for, or has an end that lies before its beginning: calcard follows neither. All that there
        // may be of it up to here is its first one, which counts by itself (RFC 5545 §3.8.5.3).
        return Some((Vec::new(), true));
    }
    rule.until = end.map(floating);
    let mut component = ICalendarComponent::new(ICalendarComponentType::VEvent);
    component.add_property(ICalendarProperty::Dtstart, floating(event.start.local));
    component.add_property(ICalendarProperty::Rrule, rule);
    let series = ICalendar { components: vec![component] };
    let walked = series.expand_dates(Tz::Floating, WALKED);
    if !walked.errors.is_empty() {
        return None;
    }
    let local = |seconds: i64| Some(TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).ok()?));
    let all: Vec<DateTime> = walked.events.iter().map_while(|event| local(event.start.timestamp())).collect();
    let whole = all.len() < WALKED || all.last().is_some_and(|last| *last >= far);
    Some((all, whole))
}
