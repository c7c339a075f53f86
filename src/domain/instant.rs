//! A moment as people and programs write it: RFC 3339 with an offset; and why a text is none.

use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;

/// Why a text names no moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoInstant {
    /// It is not written so.
    #[error("expected is RFC 3339 with an offset, such as 2026-11-24T09:00:00+07:00 or 2026-11-24T02:00:00Z")]
    Unreadable,
    /// No calendar of ours reaches there.
    #[error("that is too far away; the last moment is {:.0}", Timestamp::MAX)]
    TooFar,
    /// There is no zone of the name that stands behind it.
    #[error("the zone behind it is not known")]
    UnknownZone,
    /// The zone that stands behind it has another offset then: whoever wrote both may have meant either.
    #[error("the zone behind it has another offset then")]
    OtherOffset,
}

/// The largest offset, s: its hours are 00 to 23 (RFC 3339 §5.6, `time-hour`).
const LARGEST_OFFSET: u32 = 86_400 - 1;

/// The moment that a text names. A zone behind it (RFC 9557) may not contradict the offset.
///
/// # Errors
/// Why it names none.
pub fn instant(text: &str) -> Result<Timestamp, NoInstant> {
    let pieces = Pieces::parse(text).map_err(|_| NoInstant::Unreadable)?;
    let offset = pieces.to_numeric_offset().filter(|_| pieces.time().is_some()).ok_or(NoInstant::Unreadable)?;
    if offset.seconds().unsigned_abs() > LARGEST_OFFSET {
        return Err(NoInstant::Unreadable);
    }
    let moment = text.parse::<Timestamp>().map_err(|_| NoInstant::TooFar)?;
    match pieces.to_time_zone() {
        Err(_) => Err(NoInstant::UnknownZone),
        Ok(Some(_)) if text.parse::<jiff::ZonedDateTime>().is_err() => Err(NoInstant::OtherOffset),
        Ok(_) => Ok(moment),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_may_not_contradict_the_offset() {
        for fine in [
            "2026-12-01T09:00:00+07:00",
            "2026-12-01T02:00:00Z",
            "2026-12-01T09:00:00+07:00[Asia/Pontianak]",
            "2026-12-01T02:00:00Z[Europe/Berlin]",
            "2026-12-01T09:00:00+07:00[u-ca=gregory]",
        ] {
            assert_eq!(instant(fine).ok(), "2026-12-01T02:00:00Z".parse().ok(), "{fine}");
        }
        for berlin in ["2026-12-01T09:00:00+07:00[Europe/Berlin]", "2026-11-30T20:30:00+07:00[Asia/Jayapura]"] {
            assert_eq!(instant(berlin), Err(NoInstant::OtherOffset), "{berlin}");
        }
        assert_eq!(instant("2026-12-01T09:00:00+07:00[Mars/Olympus]"), Err(NoInstant::UnknownZone));
    }

    #[test]
    fn what_is_wrong_is_what_is_said() {
        for wrong in ["2026-12-01T09:00:00", "2026-12-01", "9", "", "besok", "2026-12-01T09:00:00 07:00"] {
            assert_eq!(instant(wrong), Err(NoInstant::Unreadable), "{wrong}");
        }
        // Hours of an offset are those of a day.
        for wrong in ["2026-12-01T09:00:00-25:00", "2026-12-01T09:00:00+24:00"] {
            assert_eq!(instant(wrong), Err(NoInstant::Unreadable), "{wrong}");
        }
        assert!(instant("2026-12-01T09:00:00-23:59").is_ok());
        for far in ["9999-12-31T20:00:00Z", "9999-12-31T23:59:59+07:00[Asia/Pontianak]"] {
            assert_eq!(instant(far), Err(NoInstant::TooFar), "{far}");
        }
        assert!(NoInstant::TooFar.to_string().ends_with("too far away; the last moment is 9999-12-30T22:00:00Z"));
    }
}
