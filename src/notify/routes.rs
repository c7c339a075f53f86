//! `[[route]]` and `[[maintenance]]` in the config: what leads to whom, and when nothing does.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::domain::{Component, Incident, Period, Phase, Verdict};

/// What leads to whom. Every route that fits counts; without any, every receiver hears everything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// To these receivers, by name.
    #[schemars(with = "Vec<String>")]
    pub receivers: Vec<Arc<str>>,
    /// Of these components; of all, if left out.
    #[serde(default)]
    pub components: Option<Vec<Component>>,
    /// Of these verdicts; of all that are not ready, if left out. What was told is followed to its end, whatever it becomes.
    #[serde(default)]
    pub verdicts: Option<Vec<Verdict>>,
    /// In these phases of the agenda; in all, if left out. What begins outside them and lasts is told when they begin.
    #[serde(default)]
    pub phases: Option<Vec<Phase>>,
    /// On these days, in the room's time zone; on all, if left out. A night's hours belong to the day on which they begin.
    #[serde(default)]
    pub days: Option<Vec<Day>>,
    /// At these hours, in the room's time zone, as `"07:00-17:00"`; at all, if left out. What begins outside them and lasts is
    /// told when they begin.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub hours: Option<Hours>,
    /// Says it again after so long, until somebody sees to it; never, if left out.
    #[serde(default)]
    pub remind_every: Option<Period>,
    /// Tells `escalate_to` too when nobody has said for so long that they see to it.
    #[serde(default)]
    pub escalate_after: Option<Period>,
    /// Who is told then, by name.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub escalate_to: Vec<Arc<str>>,
}

/// A time in which what is planned to fail may fail unheard. Measured and judged it is all the same.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    /// What is done then, for people.
    pub name: String,
    /// On these components; on all, if left out.
    #[serde(default)]
    pub components: Option<Vec<Component>>,
    /// From this moment on, in the room's time zone, as `"2026-12-01T08:00"`; with `until`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub from: Option<DateTime>,
    /// Until this moment.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub until: Option<DateTime>,
    /// Or every week, on these days; on all, if left out; with `hours`.
    #[serde(default)]
    pub days: Option<Vec<Day>>,
    /// At these hours, as `"01:00-03:00"`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub hours: Option<Hours>,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "their names say it")]
pub enum Day {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Day {
    pub(super) const fn is(self, day: Weekday) -> bool {
        matches!(
            (self, day),
            (Self::Monday, Weekday::Monday)
                | (Self::Tuesday, Weekday::Tuesday)
                | (Self::Wednesday, Weekday::Wednesday)
                | (Self::Thursday, Weekday::Thursday)
                | (Self::Friday, Weekday::Friday)
                | (Self::Saturday, Weekday::Saturday)
                | (Self::Sunday, Weekday::Sunday)
        )
    }
}

/// Hours of a day: from the first moment on, up to the last without it. Where the last is not later, they go over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    from: Time,
    until: Time,
}

impl Hours {
    /// Whether they hold at a time of any day.
    pub fn holds(self, time: Time) -> bool {
        let Self { from, until } = self;
        if from < until { from <= time && time < until } else { from <= time || time < until }
    }
}

impl<'de> Deserialize<'de> for Hours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = |text: &str| Time::strptime("%H:%M", text).ok();
        let read = text.split_once('-').and_then(|(from, until)| {
            // Midnight at a day's end is midnight at the next one's beginning.
            Some(Self { from: time(from)?, until: if until == "24:00" { Time::midnight() } else { time(until)? } })
        });
        read.ok_or_else(|| D::Error::custom(format!("{text:?} are no hours; write them as \"07:00-17:00\"")))
    }
}

/// Whether `at` falls on these days and hours of `zone`.
fn falls(days: Option<&[Day]>, hours: Option<Hours>, at: Timestamp, zone: &TimeZone) -> bool {
    let local = at.to_zoned_datetime(zone.clone());
    let (time, today) = (local.time(), local.weekday());
    let on = |day: Weekday| days.is_none_or(|days| days.iter().any(|one| one.is(day)));
    match hours {
        None => on(today),
        Some(Hours { from, until }) if from < until => on(today) && from <= time && time < until,
        Some(Hours { from, until }) => on(today) && time >= from || on(today.previous()) && time < until,
    }
}

fn of(components: Option<&[Component]>, component: Component) -> bool {
    components.is_none_or(|components| components.contains(&component))
}

/// Whether a list that may be left out is there and names none.
fn is_empty<T>(list: Option<&[T]>) -> bool {
    list.is_some_and(<[T]>::is_empty)
}

/// When it is asked what leads to whom.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    pub(super) at: Timestamp,
    pub(super) zone: &'a TimeZone,
    /// What the agenda says then.
    pub(super) phase: Phase,
}

impl Route {
    /// Whether it leads such an incident to somebody, at such a moment.
    pub(super) fn fits(&self, incident: &Incident, when: Moment<'_>) -> bool {
        of(self.components.as_deref(), incident.component)
            && self.verdicts.as_ref().is_none_or(|verdicts| verdicts.contains(&incident.verdict))
            && self.phases.as_ref().is_none_or(|phases| phases.contains(&when.phase))
            && falls(self.days.as_deref(), self.hours, when.at, when.zone)
    }

    /// The same for an incident that is over: by what it was at its worst.
    pub(super) fn fitted(&self, incident: &Incident, when: Moment<'_>) -> bool {
        self.fits(&Incident { verdict: incident.worst, ..incident.clone() }, when)
    }

    /// What does not fit together: the key, and why.
    pub fn misfit(&self) -> Option<(&'static str, &'static str)> {
        if self.receivers.is_empty() {
            return Some(("receivers", "receivers names nobody"));
        }
        if is_empty(self.components.as_deref()) {
            return Some(("components", "components names none, so that this route never leads anywhere"));
        }
        if is_empty(self.verdicts.as_deref()) {
            return Some(("verdicts", "verdicts names none, so that this route never leads anywhere"));
        }
        if self.verdicts.as_ref().is_some_and(|all| all.iter().all(|one| *one == Verdict::Ready)) {
            return Some(("verdicts", "verdicts names ready alone, so that this route never leads anywhere"));
        }
        if is_empty(self.phases.as_deref()) {
            return Some(("phases", "phases names none, so that this route never leads anywhere"));
        }
        if is_empty(self.days.as_deref()) {
            return Some(("days", "days names none, so that this route never leads anywhere"));
        }
        if self.remind_every.is_some_and(|every| every.0 < std::time::Duration::from_mins(1)) {
            return Some(("remind_every", "remind_every is at least 1m: a reminder is no alarm"));
        }
        match (self.escalate_after, self.escalate_to.is_empty()) {
            (Some(_), true) => Some(("escalate_after", "escalate_after without escalate_to")),
            (None, false) => Some(("escalate_to", "escalate_to without escalate_after")),
            _ => None,
        }
    }

    /// Whom it names.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.receivers.iter().chain(&self.escalate_to)
    }
}

impl Maintenance {
    /// Whether it covers a component at a moment.
    pub(super) fn covers(&self, component: Component, at: Timestamp, zone: &TimeZone) -> bool {
        let moment = |when: DateTime| when.to_zoned_datetime(zone.clone()).map(|when| when.timestamp());
        let in_time = match (self.from, self.until) {
            (Some(from), Some(until)) => {
                moment(from).is_ok_and(|from| from <= at) && moment(until).is_ok_and(|until| at < until)
            }
            _ => self.hours.is_some() && falls(self.days.as_deref(), self.hours, at, zone),
        };
        in_time && of(self.components.as_deref(), component)
    }

    /// The first time of it that lies in `start..end`, as far as it does.
    pub fn within(&self, start: Timestamp, end: Timestamp, zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        let moment = |when: DateTime| when.to_zoned_datetime(zone.clone()).map(|when| when.timestamp()).ok();
        let cut = |from: Timestamp, until: Timestamp| {
            let (from, until) = (from.max(start), until.min(end));
            (from < until).then_some((from, until))
        };
        if let (Some(from), Some(until)) = (self.from, self.until) {
            return cut(moment(from)?, moment(until)?);
        }
        let Hours { from, until } = self.hours?;
        let local = |at: Timestamp| at.to_zoned_datetime(zone.clone()).date();
        // From the day before: a night's hours may reach into the first one.
        let mut day = local(start).yesterday().ok()?;
        // No meeting is longer than a month.
        for _ in 0..40 {
            if day > local(end) {
                break;
            }
            let last = if from < until { day } else { day.tomorrow().ok()? };
            let on = self.days.as_ref().is_none_or(|days| days.iter().any(|one| one.is(day.weekday())));
            let times = moment(day.to_datetime(from)).zip(moment(last.to_datetime(until)));
            if let Some(found) = times.filter(|_| on).and_then(|(from, until)| cut(from, until)) {
                return Some(found);
            }
            day = day.tomorrow().ok()?;
        }
        None
    }

    /// What does not fit together: the key, and why.
    pub fn misfit(&self) -> Option<(&'static str, &'static str)> {
        if is_empty(self.components.as_deref()) {
            return Some(("components", "components names none, so that this window never holds"));
        }
        if is_empty(self.days.as_deref()) {
            return Some(("days", "days names none, so that this window never holds"));
        }
        match (self.from, self.until, &self.days, self.hours) {
            (Some(from), Some(until), None, None) if from < until => None,
            (Some(_), Some(_), None, None) => Some(("until", "until is not later than from")),
            (None, None, _, Some(_)) => None,
            (Some(_), None, ..) => Some(("from", "from without until: a window needs its end")),
            (None, Some(_), ..) => Some(("until", "until without from")),
            (Some(_), Some(_), ..) => Some(("from", "either from and until, or days and hours")),
            (None, None, _, None) => Some(("name", "when? either from and until, or hours")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let window: Maintenance =
            toml::from_str("name = 'backup'\ndays = ['sunday']\nhours = '22:00-02:00'\ncomponents = ['internet']")
                .unwrap();
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        // 2026-11-29 is a Sunday; WIB is UTC+7.
        for (moment, covered) in [
            ("2026-11-29T21:59:59+07:00", false),
            ("2026-11-29T22:00:00+07:00", true),
            ("2026-11-30T01:59:59+07:00", true),
            ("2026-11-30T02:00:00+07:00", false),
            ("2026-11-30T22:30:00+07:00", false),
            ("2026-11-29T01:00:00+07:00", false),
        ] {
            assert_eq!(window.covers(Component::Internet, at(moment), &zone), covered, "{moment}");
        }
        assert!(!window.covers(Component::Power, at("2026-11-29T22:00:00+07:00"), &zone));
    }

    #[test]
    fn a_window_of_a_date_is_in_the_rooms_zone_whatever_its_clocks_do() {
        let window: Maintenance =
            toml::from_str("name = 'move'\nfrom = '2026-10-25T01:30:00'\nuntil = '2026-10-25T03:00:00'").unwrap();
        // Berlin sets its clocks back at 03:00 that night: the window is an hour longer than it looks.
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let covered = |moment: &str| window.covers(Component::Power, at(moment), &zone);
        assert!(covered("2026-10-24T23:30:00Z") && covered("2026-10-25T01:59:00Z"));
        assert!(!covered("2026-10-24T23:29:59Z") && !covered("2026-10-25T02:00:00Z"));
    }

    #[test]
    fn work_in_a_slot_is_found_where_it_begins_before_or_in_it() {
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        let nightly: Maintenance = toml::from_str("name = 'x'\ndays = ['sunday']\nhours = '22:00-02:00'").unwrap();
        let within = |from: &str, until: &str| {
            let (from, until) = (format!("2026-11-{from}:00+07:00"), format!("2026-11-{until}:00+07:00"));
            let found = nightly.within(at(&from), at(&until), &zone);
            found.map(|(from, until)| {
                let hour = |at: Timestamp| at.to_zoned_datetime(zone.clone()).strftime("%dT%H:%M").to_string();
                format!("{} {}", hour(from), hour(until))
            })
        };
        // 2026-11-29 is a Sunday.
        assert_eq!(within("29T21:00", "29T22:00"), None);
        assert_eq!(within("29T21:00", "29T23:00").as_deref(), Some("29T22:00 29T23:00"));
        assert_eq!(within("30T01:00", "30T08:00").as_deref(), Some("30T01:00 30T02:00"));
        assert_eq!(within("30T02:00", "30T23:00"), None);
        assert_eq!(within("25T08:00", "30T23:00").as_deref(), Some("29T22:00 30T02:00"));
    }

    #[test]
    fn each_mistake_gets_its_own_words() {
        let window = |text: &str| toml::from_str::<Maintenance>(&format!("name = 'x'\n{text}")).unwrap().misfit();
        assert!(window("").unwrap().1.contains("when?"));
        assert!(window("from = '2026-10-25T01:30'").unwrap().1.contains("needs its end"));
        assert!(window("from = '2026-10-25T01:30'\nuntil = '2026-10-25T01:00'").unwrap().1.contains("not later"));
        assert_eq!(window("hours = '01:00-02:00'"), None);
        let hours = |text: &str| toml::from_str::<Maintenance>(&format!("name = 'x'\nhours = '{text}'")).is_ok();
        assert!(hours("17:00-24:00") && !hours("25:00-26:00") && !hours("7-17"));
        let route = |text: &str| toml::from_str::<Route>(text).unwrap().misfit();
        assert!(route("receivers = []").unwrap().1.contains("names nobody"));
        for key in ["components", "verdicts", "phases", "days"] {
            let (named, why) = route(&format!("receivers = ['a']\n{key} = []")).unwrap();
            assert!(named == key && why.contains("never leads"), "{why}");
        }
        assert!(route("receivers = ['a']\nverdicts = ['ready']").unwrap().1.contains("ready alone"));
        assert_eq!(route("receivers = ['a']\nverdicts = ['ready', 'not_ready']"), None);
        for key in ["components", "days"] {
            let (named, why) = window(&format!("hours = '01:00-02:00'\n{key} = []")).unwrap();
            assert!(named == key && why.contains("never holds"), "{why}");
        }
        assert!(route("receivers = ['a']\nescalate_after = '5m'").unwrap().1.contains("without escalate_to"));
        assert!(route("receivers = ['a']\nremind_every = '1s'").unwrap().1.contains("at least 1m"));
    }
}
