//! `[roll_call]` in the config: on working mornings somebody is told that all is ready. That nothing is heard is the alarm.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::routes::Day;
use crate::domain::Period;

/// The call of a working morning: "all is ready", or what is not.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollCall {
    /// To these receivers, by name.
    #[schemars(with = "Vec<String>")]
    pub receivers: Vec<Arc<str>>,
    /// At this time, in the room's time zone, as `"07:45"`.
    #[serde(deserialize_with = "time")]
    #[schemars(with = "String")]
    pub at: Time,
    /// On these days; from Monday to Friday, if left out.
    #[serde(default = "working_days")]
    pub days: Vec<Day>,
    /// But not on these dates, each as `"2026-12-25"`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub holidays: Vec<Date>,
    /// A daemon that starts late, or cannot tell yet, calls up to so long after the time; after that it does not.
    #[serde(default = "quarter")]
    pub within: Period,
}

fn working_days() -> Vec<Day> {
    vec![Day::Monday, Day::Tuesday, Day::Wednesday, Day::Thursday, Day::Friday]
}

const fn quarter() -> Period {
    Period(Duration::from_mins(15))
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
    let text = String::deserialize(deserializer)?;
    Time::strptime("%H:%M", &text)
        .map_err(|_| D::Error::custom(format!("{text:?} is no time of day; write it as \"07:45\"")))
}

/// Whether a call is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Not now; today perhaps in so long.
    Not(Option<Duration>),
    /// Now, for this date.
    Now(Date),
    /// It would have been, and nobody called.
    Missed(Date),
}

impl RollCall {
    /// Whether a call is due at `at`, after those of the dates in `called`. Each date has one, whatever the clock does.
    pub(super) fn due(&self, called: &[Date], at: Timestamp, zone: &TimeZone) -> Due {
        let local = at.to_zoned_datetime(zone.clone());
        let (today, time) = (local.date(), local.time());
        let works = self.days.iter().any(|day| day.is(today.weekday())) && !self.holidays.contains(&today);
        if !works || called.contains(&today) {
            return Due::Not(None);
        }
        match Duration::try_from(time.duration_since(self.at)) {
            Err(_) => Due::Not(Some(self.at.duration_since(time).unsigned_abs())),
            Ok(late) if late < self.within.0 => Due::Now(today),
            Ok(_) => Due::Missed(today),
        }
    }

    /// What does not fit together: the key, and why.
    pub fn misfit(&self) -> Option<(&'static str, &'static str)> {
        let left = Time::MAX.duration_since(self.at).unsigned_abs();
        if self.receivers.is_empty() {
            Some(("receivers", "receivers names nobody"))
        } else if self.days.is_empty() {
            Some(("days", "days names none, so that nobody is ever called"))
        } else if self.within.0 < Duration::from_mins(1) || self.within.0 > Duration::from_hours(2) {
            Some(("within", "within is 1m to 2h: later nobody waits for it"))
        } else if self.within.0 > left {
            Some(("within", "at and within go over midnight: a day's call belongs to its day"))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> RollCall {
        toml::from_str(&format!("receivers = ['channel']\n{text}")).unwrap()
    }

    #[test]
    fn each_working_day_has_one_whatever_the_clock_does() {
        let call = read("at = '07:45'\nholidays = ['2026-11-27']");
        // 2026-11-26 is a Thursday; WIB is UTC+7.
        let zone = TimeZone::get("Asia/Pontianak").unwrap();
        let due = |called: &[Date], at: &str| call.due(called, format!("{at}+07:00").parse().unwrap(), &zone);
        let (thursday, monday) = ("2026-11-26".parse().unwrap(), "2026-11-30".parse().unwrap());
        assert_eq!(due(&[], "2026-11-26T07:44:30"), Due::Not(Some(Duration::from_secs(30))));
        assert_eq!(due(&[], "2026-11-26T07:45:00"), Due::Now(thursday));
        assert_eq!(due(&[], "2026-11-26T07:59:59"), Due::Now(thursday));
        assert_eq!(due(&[], "2026-11-26T08:00:00"), Due::Missed(thursday));
        assert_eq!(due(&[thursday], "2026-11-26T07:45:00"), Due::Not(None), "the clock was set back");
        for rest in ["2026-11-27T07:45:00", "2026-11-28T07:45:00", "2026-11-29T07:45:00"] {
            assert_eq!(due(&[thursday], rest), Due::Not(None), "{rest}");
        }
        assert_eq!(due(&[thursday], "2026-11-30T07:50:00"), Due::Now(monday));
        // A clock that was years ahead for a moment keeps nobody from being called today.
        assert_eq!(due(&["2030-01-01".parse().unwrap()], "2026-11-26T07:50:00"), Due::Now(thursday));
    }

    #[test]
    fn each_mistake_gets_its_own_words() {
        let misfit = |text: &str| read(text).misfit();
        assert_eq!(misfit("at = '07:45'"), None);
        assert!(misfit("at = '07:45'\ndays = []").unwrap().1.contains("ever called"));
        assert!(misfit("at = '07:45'\nwithin = '3h'").unwrap().1.contains("1m to 2h"));
        assert!(misfit("at = '23:50'\nwithin = '15m'").unwrap().1.contains("over midnight"));
        let wrong = |text: &str| toml::from_str::<RollCall>(&format!("receivers = []\n{text}")).unwrap_err();
        assert!(wrong("at = '7.45'").message().contains("no time of day"));
    }
}
