//! Durations, rates, sizes and frequencies as people write them: `"15s"`, `"2.6 Mbit/s"`, `"200 MB"`, `"162.475 MHz"`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why a text is not a duration, a rate, a size or a frequency.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// It does not begin with a number.
    #[error("{given:?} does not begin with a number; write {example:?}")]
    NoNumber {
        /// What was written.
        given: String,
        /// What would do.
        example: &'static str,
    },
    /// The unit is not one of ours.
    #[error("{given:?} has no unit that is known here; allowed are {allowed}, as in {example:?}")]
    Unit {
        /// What was written.
        given: String,
        /// The words allowed.
        allowed: &'static str,
        /// What would do.
        example: &'static str,
    },
    /// The number is negative, or beyond what can be held.
    #[error("{given:?} is out of range")]
    Range {
        /// What was written.
        given: String,
    },
}

fn split<'a>(text: &'a str, example: &'static str) -> Result<(f64, &'a str), UnitError> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let number = text[..end].parse().map_err(|_| UnitError::NoNumber { given: text.to_owned(), example })?;
    Ok((number, text[end..].trim_start()))
}

macro_rules! text_form {
    ($type:ident, $example:literal, $what:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl serde::de::Visitor<'_> for Visitor {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str(concat!($what, " as a string, such as \"", $example, "\""))
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $what, "examples": [$example] })
            }
        }
    };
}

/// A length of time: `"250ms"`, `"15s"`, `"5m"`, `"6h"`, `"30d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(pub Duration);
text_form!(Period, "15s", "a length of time");

const PERIODS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl FromStr for Period {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text, "15s")?;
        let (_, millis) = PERIODS.iter().find(|(word, _)| *word == unit).ok_or_else(|| UnitError::Unit {
            given: text.to_owned(),
            allowed: "ms, s, m, h, d",
            example: "15s",
        })?;
        #[allow(clippy::cast_precision_loss, reason = "unit sizes are small")]
        let seconds = number * (*millis as f64) / 1e3;
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| UnitError::Range { given: text.to_owned() })
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (word, size) = PERIODS
            .iter()
            .find(|(_, size)| millis >= u128::from(*size) && millis.is_multiple_of(u128::from(*size)))
            .unwrap_or(&("ms", 1));
        write!(f, "{}{word}", millis / u128::from(*size))
    }
}

/// A bitrate: `"80 kbit/s"`, `"2.6 Mbit/s"`. Powers of 1000, bits.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Rate(
    /// bit/s
    pub f64,
);
text_form!(Rate, "2.6 Mbit/s", "a bitrate");

const RATES: [(&str, f64); 4] = [("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3), ("bit/s", 1.0)];

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text, "2.6 Mbit/s")?;
        RATES.iter().find(|(word, _)| *word == unit).map(|(_, size)| Self(number * size)).ok_or_else(|| {
            UnitError::Unit { given: text.to_owned(), allowed: "bit/s, kbit/s, Mbit/s, Gbit/s", example: "2.6 Mbit/s" }
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, size) = RATES.iter().find(|(_, size)| self.0 >= *size).unwrap_or(&("bit/s", 1.0));
        write!(f, "{} {word}", self.0 / size)
    }
}

/// An amount of data: `"256 kB"`, `"200 MB"`. Powers of 1000, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(
    /// B
    pub u64,
);
text_form!(Size, "200 MB", "an amount of data");

const SIZES: [(&str, u64); 4] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000), ("B", 1)];

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text, "200 MB")?;
        let (_, size) = SIZES.iter().find(|(word, _)| *word == unit).ok_or_else(|| UnitError::Unit {
            given: text.to_owned(),
            allowed: "B, kB, MB, GB",
            example: "200 MB",
        })?;
        #[allow(clippy::cast_precision_loss, reason = "unit sizes are small")]
        let bytes = number * (*size as f64);
        if bytes > 1e18 {
            return Err(UnitError::Range { given: text.to_owned() });
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on both sides above")]
        Ok(Self(bytes as u64))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, size) =
            SIZES.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size)).unwrap_or(&("B", 1));
        write!(f, "{} {word}", self.0 / size)
    }
}

/// A frequency: `"162.475 MHz"`. Powers of 1000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Frequency(
    /// Hz
    pub u64,
);
text_form!(Frequency, "162.475 MHz", "a frequency");

const FREQUENCIES: [(&str, u64); 4] = [("GHz", 1_000_000_000), ("MHz", 1_000_000), ("kHz", 1_000), ("Hz", 1)];

impl FromStr for Frequency {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let (number, unit) = split(text, "162.475 MHz")?;
        let (_, size) = FREQUENCIES.iter().find(|(word, _)| *word == unit).ok_or_else(|| UnitError::Unit {
            given: text.to_owned(),
            allowed: "Hz, kHz, MHz, GHz",
            example: "162.475 MHz",
        })?;
        #[allow(clippy::cast_precision_loss, reason = "unit sizes are small")]
        let hertz = (number * (*size as f64)).round();
        if hertz > 1e12 {
            return Err(UnitError::Range { given: text.to_owned() });
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded on both sides above")]
        Ok(Self(hertz as u64))
    }
}

impl fmt::Display for Frequency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, size) = FREQUENCIES.iter().find(|(_, size)| self.0 >= *size).unwrap_or(&("Hz", 1));
        // To the hertz, without zeros at the end. A unit is at most 10⁹ Hz, so that nine digits are all.
        let fraction = self.0 % size * 1_000_000_000 / size;
        let digits = format!("{}.{fraction:09}", self.0 / size);
        write!(f, "{} {word}", digits.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_the_same() {
        for text in ["250ms", "15s", "5m", "6h", "30d", "90s"] {
            assert_eq!(text.parse::<Period>().unwrap().to_string(), text);
        }
        for text in ["2.6 Mbit/s", "80 kbit/s", "1 Gbit/s", "5 bit/s"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["256 kB", "200 MB", "7 B"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for text in ["162.475 MHz", "27 MHz", "1.2966 GHz", "7 Hz", "26.96 MHz"] {
            assert_eq!(text.parse::<Frequency>().unwrap().to_string(), text);
        }
        assert_eq!("162.4750 MHz".parse(), Ok(Frequency(162_475_000)));
        assert_eq!("1.5s".parse::<Period>().unwrap().0, Duration::from_millis(1500));
    }

    #[test]
    fn a_wrong_unit_is_told_with_the_right_ones() {
        let error = "15".parse::<Period>().unwrap_err().to_string();
        assert_eq!(error, r#""15" has no unit that is known here; allowed are ms, s, m, h, d, as in "15s""#);
        let error = "fast".parse::<Period>().unwrap_err().to_string();
        assert_eq!(error, r#""fast" does not begin with a number; write "15s""#);
        let error = "2.6 Mbps".parse::<Rate>().unwrap_err().to_string();
        assert_eq!(
            error,
            r#""2.6 Mbps" has no unit that is known here; allowed are bit/s, kbit/s, Mbit/s, Gbit/s, as in "2.6 Mbit/s""#
        );
        let error = "162.475".parse::<Frequency>().unwrap_err().to_string();
        assert_eq!(
            error,
            r#""162.475" has no unit that is known here; allowed are Hz, kHz, MHz, GHz, as in "162.475 MHz""#
        );
        assert!("9999 GHz".parse::<Frequency>().is_err());
        assert!("-3s".parse::<Period>().is_err());
        assert!("99999999999999999999999d".parse::<Period>().is_err());
        assert!("99999999999999999999 GB".parse::<Size>().is_err());
    }
}
