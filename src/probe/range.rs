//! A config's value within bounds, or an error that names them.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::domain::Period;

/// Reads a value that must lie within `range`.
pub(crate) fn within<'de, D, T>(deserializer: D, range: RangeInclusive<T>) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + PartialOrd + Display,
{
    let value = T::deserialize(deserializer)?;
    if range.contains(&value) {
        return Ok(value);
    }
    let (low, high) = range.into_inner();
    Err(D::Error::custom(format!("{value} is out of range; allowed is {low} to {high}")))
}

/// A share of a whole. A limit beyond it could never be met, or always would be.
pub(super) fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 0.0..=1.0)
}

/// A distance between two levels, dB; 24 bits of sound span 144.
pub(super) fn decibels_above<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    within(deserializer, 0.0..=150.0)
}

/// How long a request to a far end may take.
pub(super) fn patience<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(100))..=Period(Duration::from_mins(10)))
}

/// How often something is done again: without any pause it would be done all the time.
pub(super) fn pace<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_millis(500))..=Period(Duration::from_hours(31 * 24)))
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::super::{audio, bandwidth, camera, computer, dns, http, link, loopback, microphone, seat, tls, ups};

    /// What is wrong with `text`, where it is put beside `rest`.
    fn refused<T: DeserializeOwned>(rest: &str, text: &str) -> String {
        let both = format!("{rest}{text}");
        toml::from_str::<T>(&both).map_or_else(|error| error.to_string(), |_| panic!("{both:?} is taken"))
    }

    #[test]
    fn a_limit_that_can_never_be_right_is_refused_with_what_is_allowed() {
        let microphone = |text| refused::<microphone::Config>("", text);
        let loopback = |text| refused::<loopback::Config>("", text);
        let computer = |text| refused::<computer::Config>("", text);
        let link = |text| refused::<link::Config>("", text);
        let seat = |text| refused::<seat::Config>("user = \"zoom\"\n", text);
        let tls = |text| refused::<tls::Config>("host = \"localhost\"\n", text);
        let http = |text| refused::<http::Config>("", text);
        let shares = "allowed is 0 to 1";
        for (said, allowed) in [
            (microphone("silence = \"3s\""), "3s is out of range; allowed is 10ms to 2s"),
            (microphone("silence = \"0s\""), "allowed is 10ms to 2s"),
            (microphone("quiet_below = 3.0"), "3 is out of range; allowed is -150 to 0"),
            (microphone("quiet_below = nan"), "allowed is -150 to 0"),
            (microphone("clipped_above = -0.1"), shares),
            (microphone("offset_above = inf"), shares),
            (microphone("hum_above = -20.0"), "allowed is 0 to 150"),
            (microphone("delivered_below = 98.0"), shares),
            (loopback("clarity_below = -1.0"), "allowed is 0 to 150"),
            (loopback("snr_below = nan"), "allowed is 0 to 150"),
            (loopback("distortion_above = 10.0"), shares),
            (loopback("delay_above = \"1s\""), "to 600ms"),
            (loopback("spread_above = \"1s\""), "to 600ms"),
            (computer("cpu_degraded = 90.0"), shares),
            (computer("cpu_pressure_degraded = -0.5"), shares),
            (computer("memory_pressure_degraded = nan"), shares),
            (computer("temperature_degraded = -40.0"), "allowed is 0 to 150"),
            (computer("temperature_not_ready = 1000.0"), "allowed is 0 to 150"),
            (link("slow_below = \"2000 Gbit/s\""), "allowed is "),
            (link("weak_below_dbm = 70"), "70 is out of range; allowed is -110 to 0"),
            (seat("source_volume_degraded = 40.0"), shares),
            (seat("sink_volume_degraded = -0.1"), shares),
            (tls("port = 0"), "allowed is 1 to 65535"),
            (tls("expires_within = \"4000d\""), "to 3650d"),
            (tls("timeout = \"0s\""), "allowed is 100ms to 10m"),
            (http("timeout = \"1h\""), "allowed is 100ms to 10m"),
            (refused::<dns::Config>("query = \"a.example\"\n", "timeout = \"0s\""), "allowed is 100ms to 10m"),
            (refused::<dns::Config>("", "query = \"\""), "neither a name"),
            (refused::<ups::Config>("", "timeout = \"0s\""), "allowed is 100ms to 10m"),
            (refused::<audio::Config>("", "requery = \"0s\""), "allowed is 500ms to 31d"),
            (refused::<camera::Config>("", "requery = \"0s\""), "allowed is 500ms to 31d"),
            (microphone("retry = \"0s\""), "allowed is 500ms to 31d"),
            (loopback("retry = \"0s\""), "allowed is 500ms to 31d"),
            (refused::<bandwidth::Config>("", "max_bytes = \"0 B\""), "allowed is 10 kB to 10 GB"),
            (refused::<bandwidth::Config>("", "duration = \"0s\""), "allowed is 500ms to 1m"),
            (refused::<bandwidth::Config>("", "enough = \"1 bit/s\""), "allowed is 64 kbit/s to "),
            (refused::<bandwidth::Config>("", "line_rate = \"1 bit/s\""), "allowed is 64 kbit/s to "),
        ] {
            assert!(said.contains(allowed), "{said}");
        }
    }
}
