//! Two times: monotonic for logic, wall time for people and rows.

use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::reason::Lang;

/// How finely a time of day is told to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finest {
    /// 09.30
    Minute,
    /// 09.30.00
    Second,
}

/// A moment for people on the clock of a zone, with its day: "1 Desember 2026 pukul 09.30 WIB". The one form in which documents, messages
/// and the command line have it; the page, which phones show, has the month's first three letters.
pub fn on_the_day(moment: Timestamp, zone: &TimeZone, lang: Lang, finest: Finest) -> String {
    let then = moment.to_zoned_datetime(zone.clone());
    let time = match (lang, finest) {
        (Lang::Id, Finest::Minute) => "pukul %H.%M %Z",
        (Lang::Id, Finest::Second) => "pukul %H.%M.%S %Z",
        (Lang::En, Finest::Minute) => "at %H:%M %Z",
        (Lang::En, Finest::Second) => "at %H:%M:%S %Z",
    };
    format!("{} {} {} {}", then.day(), month(then.month(), lang), then.year(), then.strftime(time))
}

/// A moment for whoever is told of it at `told`: on that day by its time alone ("pukul 09.30 WIB"), on another with the day, so that word
/// of tomorrow's meeting is not taken for one of today's. In English with its preposition.
pub fn with_another_day(moment: Timestamp, told: Timestamp, zone: &TimeZone, lang: Lang) -> String {
    let then = moment.to_zoned_datetime(zone.clone());
    let is_today = then.date() == told.to_zoned_datetime(zone.clone()).date();
    match lang {
        Lang::Id if is_today => then.strftime("pukul %H.%M %Z").to_string(),
        Lang::En if is_today => then.strftime("at %H:%M %Z").to_string(),
        Lang::Id => on_the_day(moment, zone, lang, Finest::Minute),
        Lang::En => format!("on {}", on_the_day(moment, zone, lang, Finest::Minute)),
    }
}

/// A month's name, from 1.
pub fn month(number: i8, lang: Lang) -> &'static str {
    const ID: [&str; 12] = [
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    ];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let all = if lang == Lang::Id { ID } else { EN };
    all[usize::from(number.unsigned_abs()).saturating_sub(1) % 12]
}

/// A moment on this process's monotonic scale: the time since it began, suspended time included.
///
/// Never compared across processes; a wall clock that jumps does not move it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(Duration);

impl Mono {
    /// The beginning of the scale.
    pub const ZERO: Self = Self(Duration::ZERO);
    /// Later than every moment that comes.
    pub const NEVER: Self = Self(Duration::MAX);

    /// The moment `elapsed` after the beginning of the scale.
    pub const fn from_elapsed(elapsed: Duration) -> Self {
        Self(elapsed)
    }

    /// The time since the beginning of the scale.
    pub const fn elapsed(self) -> Duration {
        self.0
    }

    /// The time from `earlier` to `self`; zero when `earlier` is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `by` later; saturates at [`Mono::NEVER`].
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by))
    }

    /// The moment `by` earlier; saturates at [`Mono::ZERO`].
    #[must_use]
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(by))
    }
}

/// From then until then as both are told to people, in whole seconds; nothing where the end is before the beginning. The one rule by
/// which pages, reports and tables tell how long something lasted: whoever takes the one moment from the other finds the same.
pub fn told_length(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(to.as_second() - from.as_second()).unwrap_or_default())
}

/// A wall clock that is steered (`adjtimex(2)`: by half a second in a thousand at most) and the monotonic one drift no further apart than
/// this while anything is kept to be asked about; what differs by more was set.
const DRIFT: SignedDuration = SignedDuration::from_secs(10);

/// One reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For deadlines, ages, holds.
    pub mono: Mono,
    /// For people and rows.
    pub wall: Timestamp,
}

impl Now {
    /// The same two clocks `by` later, for engines driven by virtual time.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self { mono: self.mono.after(by), wall: self.wall.saturating_add(by).unwrap_or(Timestamp::MAX) }
    }

    /// The wall time at which the monotonic clock will read (or read) `moment`.
    pub fn wall_at(self, moment: Mono) -> Timestamp {
        let shifted = if moment >= self.mono {
            self.wall.checked_add(moment.since(self.mono))
        } else {
            self.wall.checked_sub(self.mono.since(moment))
        };
        shifted.unwrap_or(if moment >= self.mono { Timestamp::MAX } else { Timestamp::MIN })
    }

    /// Whether somebody has set the wall clock since a reading of both.
    pub fn was_set_since(self, then: Self) -> bool {
        self.wall_at(then.mono).duration_since(then.wall).abs() > DRIFT
    }

    /// What the wall clock of now calls a moment at which both clocks were read: the same as then, unless somebody has set it since.
    pub fn calls(self, then: Self) -> Timestamp {
        if self.was_set_since(then) { self.wall_at(then.mono) } else { then.wall }
    }

    /// The monotonic moment of wall time `moment`; a moment before this process began is [`Mono::ZERO`].
    pub fn mono_at(self, moment: Timestamp) -> Mono {
        let apart = moment.duration_since(self.wall);
        if apart.is_negative() { self.mono.before(apart.unsigned_abs()) } else { self.mono.after(apart.unsigned_abs()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_keeps_its_name_until_the_clock_is_set() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let then = Now { mono: Mono::from_elapsed(Duration::from_secs(100)), wall: at("2026-11-29T12:00:00Z") };
        let now = |wall| Now { mono: then.mono.after(Duration::from_mins(1)), wall: at(wall) };
        for (wall, called) in [
            ("2026-11-29T12:01:00Z", "2026-11-29T12:00:00Z"),
            // Steered meanwhile.
            ("2026-11-29T12:01:10Z", "2026-11-29T12:00:00Z"),
            ("2026-11-29T12:00:50Z", "2026-11-29T12:00:00Z"),
            // Set, forwards and back: a minute ago it was, by any clock.
            ("2026-11-29T12:01:11Z", "2026-11-29T12:00:11Z"),
            ("2026-11-29T12:00:49Z", "2026-11-29T11:59:49Z"),
            ("2029-11-29T12:01:00Z", "2029-11-29T12:00:00Z"),
        ] {
            assert_eq!(now(wall).calls(then), at(called), "{wall}");
            assert_eq!(now(wall).was_set_since(then), at(called) != then.wall, "{wall}");
        }
    }

    #[test]
    fn how_long_something_lasted_is_what_lies_between_its_moments_as_they_are_told() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let lasted = |from, to| told_length(at(from), at(to)).as_secs();
        assert_eq!(lasted("2026-11-29T16:23:26.017255Z", "2026-11-29T16:23:56.017238Z"), 30);
        assert_eq!(lasted("2026-11-29T16:23:26.9Z", "2026-11-29T16:23:27.1Z"), 1);
        assert_eq!(lasted("2026-11-29T16:23:26Z", "2026-11-29T16:23:20Z"), 0);
    }
}
