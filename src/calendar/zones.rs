//! Times of a feed as instants: what zone a `TZID` means, and what a local time is in it.

use std::collections::HashMap;
use std::str::FromStr as _;

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{ICalendar, ICalendarEntry};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;

/// The zones of one feed.
pub(super) struct Zones<'f> {
    /// What the feed itself says of its names (`X-LIC-LOCATION`, Outlook's numbers).
    own: HashMap<&'f str, Tz>,
    room: TimeZone,
}

/// A time as a feed writes it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Moment {
    pub(super) local: DateTime,
    /// Whether it is a day and no hour.
    pub(super) day: bool,
    pub(super) zone: TimeZone,
}

impl Moment {
    /// The instant. A time that a zone's clocks leave out is read with the offset before the gap, and one that they show twice is
    /// the first (RFC 5545 §3.3.5).
    pub(super) fn instant(&self) -> Option<Timestamp> {
        self.zone.to_ambiguous_timestamp(self.local).compatible().ok()
    }

    /// The same wall clock's time at another moment.
    pub(super) fn at(&self, local: DateTime) -> Self {
        Self { local, ..self.clone() }
    }
}

impl<'f> Zones<'f> {
    pub(super) fn of(feeds: &'f [ICalendar], room: TimeZone) -> Self {
        let own =
            feeds.iter().flat_map(ICalendar::timezones).filter_map(calcard::icalendar::ICalendarComponent::timezone);
        Self { own: own.collect(), room }
    }

    /// The zone of a `TZID`; none for a name that means nothing here.
    fn zone(&self, name: &str) -> Option<TimeZone> {
        // The system's own database first: it is kept up to date.
        if let Ok(zone) = TimeZone::get(name) {
            return Some(zone);
        }
        match self.own.get(name).copied().or_else(|| Tz::from_str(name).ok())? {
            Tz::Floating => None,
            Tz::Fixed(offset) => {
                let offset = jiff::tz::Offset::from_seconds(offset.local_minus_utc()).ok()?;
                Some(TimeZone::fixed(offset))
            }
            zone @ Tz::Tz(_) => TimeZone::get(&zone.name()?).ok(),
        }
    }

    /// Whether the zone that an entry names, if it names one, means something.
    pub(super) fn knows(&self, entry: &ICalendarEntry) -> bool {
        entry.tz_id().is_none_or(|name| self.zone(name).is_some())
    }

    /// A value of an entry as a time; none where the zone or the date means nothing.
    pub(super) fn moment(&self, entry: &ICalendarEntry, value: &PartialDateTime) -> Option<Moment> {
        self.moments(entry)(value)
    }

    /// The same for all values of an entry, whose zone is looked up once.
    pub(super) fn moments(&self, entry: &ICalendarEntry) -> impl Fn(&PartialDateTime) -> Option<Moment> {
        // Of this room without a name; none for a name that means nothing.
        let named = entry.tz_id().map_or_else(|| Some(self.room.clone()), |name| self.zone(name));
        let room = self.room.clone();
        move |value| {
            let local = local(value)?;
            let day = value.hour.is_none();
            let zone = match value.tz_hour {
                Some(hour) => {
                    let seconds = i32::from(hour) * 3600 + i32::from(value.tz_minute.unwrap_or(0)) * 60;
                    let seconds = if value.tz_minus { -seconds } else { seconds };
                    TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).ok()?)
                }
                // A day, and a time without a zone, are wherever one is (RFC 5545 §3.3.5): in this room.
                None if day => room.clone(),
                None => named.clone()?,
            };
            Some(Moment { local, day, zone })
        }
    }
}

/// The date and time of a value, midnight for a day.
pub(super) fn local(value: &PartialDateTime) -> Option<DateTime> {
    let part = |part: Option<u8>| i8::try_from(part.unwrap_or(0)).ok();
    let date = Date::new(i16::try_from(value.year?).ok()?, part(value.month)?, part(value.day)?).ok()?;
    // A leap second is the second before it here.
    let time = Time::new(part(value.hour)?, part(value.minute)?, part(value.second)?.min(59), 0).ok()?;
    Some(date.to_datetime(time))
}

/// The same as a value without any zone.
pub(super) fn floating(local: DateTime) -> PartialDateTime {
    let part = |part: i8| u8::try_from(part).ok();
    PartialDateTime {
        year: u16::try_from(local.year()).ok(),
        month: part(local.month()),
        day: part(local.day()),
        hour: part(local.hour()),
        minute: part(local.minute()),
        second: part(local.second()),
        ..PartialDateTime::default()
    }
}
