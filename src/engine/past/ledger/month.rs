//! A month of the calendar, as it is written and on a zone's own clock.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A month of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month(Date);

impl Month {
    /// Reads `2026-11`; years from 2000 to 2999, so that no reckoning leaves the calendar.
    pub fn parse(text: &str) -> Option<Self> {
        let (year, month) = text.split_once('-').filter(|(year, month)| year.len() == 4 && month.len() == 2)?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(year) || !digits(month) {
            return None;
        }
        let (year, month): (i16, i8) = (year.parse().ok()?, month.parse().ok()?);
        if !(2000..3000).contains(&year) || !(1..=12).contains(&month) {
            return None;
        }
        Some(Self(date(year, month, 1)))
    }

    /// The month of a moment in a zone.
    pub fn of(at: Timestamp, zone: &TimeZone) -> Self {
        Self(zone.to_datetime(at).date().first_of_month())
    }

    /// The one before; itself at the calendar's beginning.
    #[must_use]
    pub fn before(self) -> Self {
        Self(self.0.checked_sub(1.month()).unwrap_or(self.0))
    }

    /// Its number and its year.
    pub fn parts(self) -> (i8, i16) {
        (self.0.month(), self.0.year())
    }

    /// From its first moment to that of the next, on the zone's own clock.
    pub fn span(self, zone: &TimeZone) -> (Timestamp, Timestamp) {
        let begins = |date: Date| zone.to_timestamp(date.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX);
        (begins(self.0), begins(self.0.checked_add(1.month()).unwrap_or(self.0)))
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.0.year(), self.0.month())
    }
}
