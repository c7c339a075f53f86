//! From what a UPS says to what that means for the room. Pure.
//!
//! ```text
//!            words of ups.status
//!                   │
//!     WAIT ─────────┼──────────► no reading: upsd has only just started
//!     contradiction ┼──────────► unknown; nothing else is concluded from the words, but FSD, which is upsd's own word
//!                   ▼
//!        OFF, OVER, LB, FSD ───► not ready
//!        OB ───────────────────► degraded; not ready once the runtime rule fails (source "battery")
//!        OB while CAL or TEST ─► no outage: the runtime rule of mains holds (source "mains"), while something comes in
//!        BYPASS RB HB ALARM CAL OVERHEAT SD, charge < 80 % ─► degraded
//!        TRIM BOOST TEST, words unknown here ─► notes
//! ```

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::protocol::excerpt;
use super::variables::{Numbers, SelfTest, Variable, Variables};
use super::{quantities as q, reasons as r};
use crate::domain::{Finding, Reading, ReasonDef, Verdict};

macro_rules! flags {
    ($($(#[$doc:meta])* $variant:ident = $word:literal),* $(,)?) => {
        /// A word of `ups.status` (docs/new-drivers.txt, "Status data", and a few that drivers emit besides).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Flag {
            $($(#[$doc])* $variant),*
        }

        impl Flag {
            /// The closed list.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// NUT's word, and the label value.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            fn of(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

flags! {
    /// Mains is present.
    Ol = "OL",
    /// The load lives on the battery.
    Ob = "OB",
    /// The battery is low.
    Lb = "LB",
    /// The battery's voltage is too high.
    Hb = "HB",
    /// The battery wants replacing.
    Rb = "RB",
    /// The battery charges.
    Chrg = "CHRG",
    /// The battery discharges.
    Dischrg = "DISCHRG",
    /// The load hangs on mains without protection.
    Bypass = "BYPASS",
    /// A runtime calibration runs, on battery.
    Cal = "CAL",
    /// The load gets nothing.
    Off = "OFF",
    /// The load is too large.
    Over = "OVER",
    /// The stabilizer lowers the voltage.
    Trim = "TRIM",
    /// The stabilizer raises the voltage.
    Boost = "BOOST",
    /// Whoever minds this UPS is shutting everything down.
    Fsd = "FSD",
    /// `ups.alarm` says more.
    Alarm = "ALARM",
    /// A self-test runs.
    Test = "TEST",
    /// The UPS is too hot.
    Overheat = "OVERHEAT",
    /// The UPS will shut down.
    Sd = "SD",
    /// Efficiency mode: the load hangs on mains, the inverter stands by.
    Eco = "ECO",
}

/// The words of `ups.status`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Status {
    flags: u32,
    waits: bool,
    other: Vec<String>,
}

impl Status {
    /// Reads them; a word that is not known is kept for the note and means nothing (docs/new-drivers.txt).
    pub(super) fn parse(text: &str) -> Self {
        let mut status = Self::default();
        for word in text.split_ascii_whitespace() {
            match Flag::of(word) {
                Some(flag) => status.flags |= 1 << flag as u32,
                None if word == "WAIT" => status.waits = true,
                None if status.other.len() < 8 => status.other.push(excerpt(word)),
                None => {}
            }
        }
        status
    }

    /// Whether upsd has heard nothing from the driver yet (`WAIT`): neither mains nor battery.
    pub(super) const fn waits(&self) -> bool {
        self.waits
    }

    /// Whether it has the word.
    pub(super) const fn has(&self, flag: Flag) -> bool {
        self.flags & (1 << flag as u32) != 0
    }

    fn has_any(&self, flags: &[Flag]) -> bool {
        flags.iter().any(|flag| self.has(*flag))
    }
}

/// From what the load lives, as far as the words can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Mains,
    Battery,
    /// The words say enough without it: an output that is off, a bypass.
    Unsaid,
}

/// What the config asks of the battery.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Policy {
    /// The share of the reported runtime that is believed, ratio.
    pub(super) usable_share: f64,
    /// What must be left for an orderly end, s.
    pub(super) margin: f64,
}

/// What of its words is believed where they have been said for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Believed {
    /// That a self-test runs.
    pub(super) test: bool,
    /// That a calibration does.
    pub(super) calibration: bool,
}

/// A resting battery is this full, ratio; and below [`LOW_CHARGE`] a battery that is being charged calls for attention.
const FULL_CHARGE: f64 = 0.95;
const LOW_CHARGE: f64 = 0.8;

/// Less than this at the input is no mains, whatever the words say, V.
const NO_MAINS_VOLTS: f64 = 50.0;

/// Whether it says that a self-test runs. Some say so for ever (networkupstools/nut#2416).
pub(super) fn says_testing(variables: &Variables, status: &Status) -> bool {
    status.has(Flag::Test) || self_test(variables) == Some(SelfTest::Running)
}

fn self_test(variables: &Variables) -> Option<SelfTest> {
    variables.text(Variable::TestResult).map(SelfTest::of)
}

/// What the variables of one UPS mean; `believed`, whether it is where it says that a self-test or a calibration runs.
pub(super) fn judge(
    variables: &Variables,
    status: &Status,
    believed: Believed,
    policy: Policy,
    now: Timestamp,
) -> Reading {
    let mut reading = Reading::default();
    let today = TimeZone::UTC.to_datetime(now).date();
    let test = self_test(variables);
    let testing = believed.calibration && status.has(Flag::Cal) || believed.test && says_testing(variables, status);
    // Words that say "mains" and "the battery discharges" at once: only then is a zero at the input believed.
    let on_mains = status.has(Flag::Ol) && !status.has_any(&[Flag::Ob, Flag::Dischrg]);
    let numbers = Numbers::read(variables, on_mains, today);

    measure(&mut reading, status, test, &numbers);
    if let Some(values) = numbers.implausible.told() {
        reading.find(Finding::new(&r::VALUE_IMPLAUSIBLE, Verdict::Ready).with("values", values));
    }
    if !status.other.is_empty() {
        reading.find(Finding::new(&r::STATUS_OTHER, Verdict::Ready).with("words", status.other.join(" ")));
    }
    if matches!(test, Some(SelfTest::Failed | SelfTest::Warning)) {
        let words = excerpt(variables.text(Variable::TestResult).unwrap_or_default());
        reading.find(Finding::new(&r::SELF_TEST_FAILED, Verdict::Degraded).with("result", words));
    }

    if status.has(Flag::Fsd) {
        reading.find(Finding::new(&r::FORCED_SHUTDOWN, Verdict::NotReady));
    }
    match source(variables, status, testing, &numbers) {
        Ok(source) => conclude(&mut reading, variables, status, testing, source, &numbers, policy),
        Err(evidence) => {
            let finding = Finding::new(&r::STATUS_CONTRADICTORY, Verdict::Unknown);
            reading.find(finding.with("evidence", evidence));
        }
    }
    reading
}

fn measure(reading: &mut Reading, status: &Status, test: Option<SelfTest>, numbers: &Numbers) {
    for (quantity, value) in [
        (&q::BATTERY_CHARGE, numbers.charge),
        (&q::BATTERY_RUNTIME, numbers.runtime),
        (&q::LOAD, numbers.load),
        (&q::INPUT_VOLTS, numbers.input_volts),
        (&q::INPUT_HERTZ, numbers.input_hertz),
        (&q::OUTPUT_VOLTS, numbers.output_volts),
        (&q::BATTERY_VOLTS, numbers.battery_volts),
        (&q::TEMPERATURE, numbers.celsius),
        (&q::BATTERY_AGE, numbers.battery_age),
    ] {
        if let Some(value) = value {
            reading.measure(quantity, value);
        }
    }
    for flag in Flag::ALL {
        reading.measure_part(&q::STATUS, flag.as_str(), f64::from(u8::from(status.has(*flag))));
    }
    reading.measure_part(&q::STATUS, "other", f64::from(u8::from(!status.other.is_empty())));
    if let Some(test) = test {
        for result in SelfTest::ALL {
            reading.measure_part(&q::SELF_TEST, result.as_str(), f64::from(u8::from(result == test)));
        }
    }
}

/// From what the load lives; or what contradicts what.
fn source(variables: &Variables, status: &Status, testing: bool, numbers: &Numbers) -> Result<Source, String> {
    let words = excerpt(variables.text(Variable::Status).unwrap_or_default());
    let evidence = |variable: Variable| match variables.text(variable) {
        Some(value) => format!("{words}; {} {}", variable.name(), excerpt(value)),
        None => words.clone(),
    };
    let full = numbers.charge.is_some_and(|charge| charge >= FULL_CHARGE);
    let no_mains = numbers.input_volts.is_some_and(|volts| volts < NO_MAINS_VOLTS);
    let rests = matches!(variables.text(Variable::ChargerStatus), Some("resting" | "floating"));
    match (status.has(Flag::Ol), status.has(Flag::Ob)) {
        (true, true) => return Err(words),
        (false, false) if status.has_any(&[Flag::Off, Flag::Bypass, Flag::Lb, Flag::Over, Flag::Fsd]) => {
            return Ok(Source::Unsaid);
        }
        // "CAL DISCHRG" is what usbhid-ups makes of a calibration (`onlinedischarge_calibration`).
        (false, false) if !testing => return Err(if words.is_empty() { "–".to_owned() } else { words }),
        _ => {}
    }
    if status.has(Flag::Chrg) && status.has_any(&[Flag::Dischrg, Flag::Ob]) && !testing {
        return Err(words);
    }
    if status.has(Flag::Hb) && status.has(Flag::Lb) {
        return Err(words);
    }
    if status.has(Flag::Ob) {
        // A test runs with mains there; one whose result hangs at "in progress" while nothing comes in is an outage.
        return Ok(if testing && !no_mains { Source::Mains } else { Source::Battery });
    }
    // "OL CAL DISCHRG" is what usbhid-ups makes of an outage in which the UPS says that it calibrates, too.
    if status.has(Flag::Dischrg) && testing && no_mains {
        return Ok(Source::Battery);
    }
    // "OL DISCHRG": some models say so at rest, fully charged, with mains (networkupstools/nut#1970); others say so in
    // an outage, with nothing at the input (#811).
    if status.has(Flag::Dischrg) && !testing {
        if no_mains {
            return Err(evidence(Variable::InputVoltage));
        }
        if !full && !rests {
            return Err(evidence(Variable::Charge));
        }
    }
    // A low battery, said by a UPS with mains that calls the same battery full and gives no short runtime (#2347).
    if status.has(Flag::Lb) && !testing && full && numbers.runtime.is_none_or(|runtime| runtime >= 300.0) {
        return Err(evidence(Variable::Charge));
    }
    Ok(Source::Mains)
}

fn conclude(
    reading: &mut Reading,
    variables: &Variables,
    status: &Status,
    testing: bool,
    source: Source,
    numbers: &Numbers,
    policy: Policy,
) {
    let mut find = |on: bool, reason: &'static ReasonDef, verdict: Verdict| {
        if on {
            reading.find(Finding::new(reason, verdict));
        }
    };
    let has = |flag: Flag| status.has(flag);
    let charging_low = source == Source::Mains && numbers.charge.is_some_and(|charge| charge < LOW_CHARGE);

    find(has(Flag::Lb), &r::BATTERY_LOW, Verdict::NotReady);
    // A calibration looks like OFF for seconds on some models (networkupstools/nut#2104).
    find(has(Flag::Off) && !has(Flag::Cal), &r::OUTPUT_OFF, Verdict::NotReady);
    find(has(Flag::Over), &r::OVERLOADED, Verdict::NotReady);

    find(source == Source::Battery, &r::ON_BATTERY, Verdict::Degraded);
    find(has(Flag::Bypass), &r::BYPASSED, Verdict::Degraded);
    find(has(Flag::Rb), &r::BATTERY_REPLACE, Verdict::Degraded);
    find(has(Flag::Hb), &r::BATTERY_HIGH, Verdict::Degraded);
    find(has(Flag::Cal), &r::CALIBRATING, Verdict::Degraded);
    find(has(Flag::Overheat), &r::OVERHEATED, Verdict::Degraded);
    find(has(Flag::Sd), &r::SHUTTING_DOWN, Verdict::Degraded);

    find(testing && !has(Flag::Cal), &r::SELF_TEST_RUNNING, Verdict::Ready);
    find(has(Flag::Trim), &r::VOLTAGE_TRIMMED, Verdict::Ready);
    find(has(Flag::Boost), &r::VOLTAGE_BOOSTED, Verdict::Ready);

    if has(Flag::Alarm) {
        let words = excerpt(variables.text(Variable::Alarm).unwrap_or("ALARM"));
        reading.find(Finding::new(&r::ALARM, Verdict::Degraded).with("alarm", words));
    }
    // CHRG need not be said: a battery that is low and not charging is no better.
    if charging_low
        && !has(Flag::Cal)
        && let Some(charge) = numbers.charge
    {
        let arg = crate::domain::Arg::Number(charge, crate::domain::Unit::Ratio);
        reading.find(Finding::new(&r::CHARGE_LOW, Verdict::Degraded).with("charge", arg));
    }
    match (source, numbers.runtime) {
        (Source::Mains, Some(runtime)) => {
            reading.measure_part(&q::USABLE_RUNTIME, "mains", policy.usable_share * runtime);
        }
        (Source::Battery, Some(runtime)) => {
            let usable = (policy.usable_share * runtime - policy.margin).max(0.0);
            reading.measure_part(&q::USABLE_RUNTIME, "battery", usable);
        }
        // With mains it is one figure less; without, nobody knows how long the meeting has.
        (Source::Mains, None) => reading.find(Finding::new(&r::RUNTIME_UNKNOWN, Verdict::Ready)),
        (Source::Battery, None) => reading.find(Finding::new(&r::RUNTIME_UNKNOWN, Verdict::Unknown)),
        (Source::Unsaid, _) => {}
    }
}

#[cfg(test)]
mod tests;
