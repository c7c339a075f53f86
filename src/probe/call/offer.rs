//! What a call-like test offers to the line: the rate to be proven, how often, and at what cost. The keys that all such tests have.

use std::time::Duration;

use serde::Deserializer;

use crate::domain::{Period, Rate, Size};
use crate::probe::range::within;

/// What is sent where no profile says what is needed: more than any shipped one does.
const RATE: Rate = Rate(4.4e6);
/// What a process can send evenly.
const FASTEST: Rate = Rate(50e6);
/// Over what a meeting needs, so that what is carried can be seen to be more.
const OVER: f64 = 1.1;

/// Reads a rate that can be offered.
pub(in crate::probe) fn rate_in_range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Rate>, D::Error> {
    within(deserializer, Rate(64e3)..=FASTEST).map(Some)
}

/// How far apart two tests are, unless said.
pub(in crate::probe) const fn min_gap() -> Period {
    Period(Duration::from_mins(15))
}

/// What a day's tests of the line may take together, unless said.
pub(in crate::probe) const fn daily_budget() -> Size {
    Size(200_000_000)
}

/// The rate that a config says, else what the most demanding profile needs (bit/s), and a tenth more.
pub(in crate::probe) fn fitted(said: Option<Rate>, need: f64) -> Option<Rate> {
    said.or(Some(Rate(need * OVER)))
}

/// The rate to be proven.
pub(in crate::probe) fn offered(rate: Option<Rate>) -> Rate {
    rate.unwrap_or(RATE)
}

/// Why that rate does not do where a profile needs `need` (bit/s): the key, and why.
pub(in crate::probe) fn misfit(rate: Option<Rate>, need: f64) -> Option<(&'static str, String)> {
    let (rate, least) = (offered(rate), Rate(need * OVER));
    if least > FASTEST {
        let need = Rate(need);
        return Some(("kind", format!("a profile needs {need}, and this test proves {FASTEST} at most")));
    }
    // What is not offered cannot be carried, and would be held against the line.
    let message = || format!("{rate} proves less than what a profile needs: leave it out, or write {least} or more");
    (rate < least).then(|| ("rate", message()))
}
