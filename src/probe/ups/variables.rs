//! NUT's variables (docs/nut-names.txt) as numbers, dates and words. Pure.
//!
//! Real units send nonsense: a charge of 255, words for a runtime, −1. Such a value is a missing measurement with a
//! note, never 0.

use jiff::civil::Date;

use super::protocol::excerpt;

macro_rules! variables {
    ($($variant:ident = $name:literal),* $(,)?) => {
        /// A variable that the probe reads; all others are passed over.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Variable {
            $(#[doc = concat!("`", $name, "`")] $variant),*
        }

        impl Variable {
            /// Every one.
            pub(super) const ALL: &[Self] = &[$(Self::$variant),*];

            /// NUT's name.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The variable of a name, if it is one that is read.
            pub(super) fn of(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

variables! {
    Status = "ups.status",
    Alarm = "ups.alarm",
    Load = "ups.load",
    UpsTemperature = "ups.temperature",
    TestResult = "ups.test.result",
    Charge = "battery.charge",
    Runtime = "battery.runtime",
    BatteryVoltage = "battery.voltage",
    BatteryTemperature = "battery.temperature",
    BatteryDate = "battery.date",
    BatteryMfrDate = "battery.mfr.date",
    ChargerStatus = "battery.charger.status",
    InputVoltage = "input.voltage",
    InputFrequency = "input.frequency",
    OutputVoltage = "output.voltage",
}

/// What one UPS said in one list.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables([Option<String>; Variable::ALL.len()]);

impl Variables {
    /// Keeps a variable if it is one that is read.
    pub(super) fn put(&mut self, name: &str, value: &str) {
        if let Some(variable) = Variable::of(name) {
            self.0[variable as usize] = Some(value.to_owned());
        }
    }

    /// Its text; `None` where the UPS does not say, or says nothing.
    pub(super) fn text(&self, variable: Variable) -> Option<&str> {
        self.0[variable as usize].as_deref().map(str::trim).filter(|text| !text.is_empty())
    }
}

/// Numbers that could not be true, as `name=value`, for the note.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Implausible(Vec<String>);

impl Implausible {
    /// Sets a variable's value aside.
    pub(super) fn put(&mut self, variable: Variable, variables: &Variables) {
        self.0.push(format!("{}={}", variable.name(), excerpt(variables.text(variable).unwrap_or_default())));
    }

    /// All of them, for people; `None` of none.
    pub(super) fn told(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(", "))
    }
}

/// All that is measured of a UPS, in base units; what could not be read or believed is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    /// Charge, ratio.
    pub(super) charge: Option<f64>,
    /// Runtime that the UPS itself estimates, s.
    pub(super) runtime: Option<f64>,
    /// Load, ratio of the rated power; above 1 when overloaded.
    pub(super) load: Option<f64>,
    /// Input, V.
    pub(super) input_volts: Option<f64>,
    /// Input, Hz.
    pub(super) input_hertz: Option<f64>,
    /// Output, V.
    pub(super) output_volts: Option<f64>,
    /// Battery, V.
    pub(super) battery_volts: Option<f64>,
    /// Of the UPS, else of its battery, °C.
    pub(super) celsius: Option<f64>,
    /// The battery's age, s.
    pub(super) battery_age: Option<f64>,
    /// What was set aside.
    pub(super) implausible: Implausible,
}

/// No battery block lives so long. What some models report who never were told a date (2001/09/25, 2001/01/01,
/// networkupstools/nut#1970) is older.
const OLDEST_BATTERY_DAYS: i32 = 20 * 365;

impl Numbers {
    /// Reads them. `on_mains`: whether the UPS says that it has mains, with which a zero at its input is no measurement
    /// but a field that the driver could not fill. `today`: for the battery's age.
    pub(super) fn read(variables: &Variables, on_mains: bool, today: Date) -> Self {
        use Variable as V;
        let mut implausible = Implausible::default();
        let mut number = |variable: Variable, least: f64, most: f64| {
            let value = decimal(variables.text(variable)?).filter(|value| (least..=most).contains(value));
            if value.is_none() {
                implausible.put(variable, variables);
            }
            value
        };
        // The least voltage and frequency that mains can have; 500 V is above every phase-to-phase voltage.
        let (volts, hertz) = if on_mains { (1.0, 1.0) } else { (0.0, 0.0) };
        let charge = number(V::Charge, 0.0, 100.0).map(|percent| percent / 100.0);
        // 65535 is a 16-bit "unknown"; a week is more than any room's battery lasts.
        let runtime = number(V::Runtime, 0.0, 7.0 * 86_400.0);
        let mut numbers = Self {
            charge,
            runtime,
            load: number(V::Load, 0.0, 250.0).map(|percent| percent / 100.0),
            input_volts: number(V::InputVoltage, volts, 500.0),
            input_hertz: number(V::InputFrequency, hertz, 100.0),
            output_volts: number(V::OutputVoltage, 0.0, 500.0),
            battery_volts: number(V::BatteryVoltage, 0.0, 1000.0),
            celsius: number(V::UpsTemperature, -40.0, 120.0).or_else(|| number(V::BatteryTemperature, -40.0, 120.0)),
            battery_age: None,
            implausible,
        };
        // A charged battery that carries the load for no time at all, while mains is there: the driver has no estimate.
        let no_estimate = numbers.runtime == Some(0.0) && on_mains && numbers.charge.is_some_and(|charge| charge > 0.2);
        if no_estimate || numbers.runtime == Some(f64::from(u16::MAX)) {
            numbers.runtime = None;
            numbers.implausible.put(V::Runtime, variables);
        }
        numbers.battery_age = numbers.age(variables, today);
        numbers
    }

    /// From when it was put in, else from when it was made.
    fn age(&mut self, variables: &Variables, today: Date) -> Option<f64> {
        let variable = [Variable::BatteryDate, Variable::BatteryMfrDate]
            .into_iter()
            .find(|variable| variables.text(*variable).is_some())?;
        let days = date(variables.text(variable)?)
            .and_then(|made| today.since(made).ok())
            .map(|span| span.get_days())
            .filter(|days| (0..=OLDEST_BATTERY_DAYS).contains(days));
        if days.is_none() {
            self.implausible.put(variable, variables);
        }
        days.map(|days| f64::from(days) * 86_400.0)
    }
}

/// A number as NUT writes them (docs/net-protocol.txt, "TYPE"): a point, no exponent, no hexadecimal.
fn decimal(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain =
        digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    plain.then(|| text.parse().ok()).flatten()
}

/// A date in the forms that drivers use: `2024/05/01`, `2024-05-01`, `20240501`, `2024/05`, and, as in NUT's own
/// examples, `05/01/24` and `05/01/2024` with the month first unless that cannot be.
fn date(text: &str) -> Option<Date> {
    if text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Date::new(text[..4].parse().ok()?, text[4..6].parse().ok()?, text[6..].parse().ok()?).ok();
    }
    let mut parts = text.split(['/', '-', '.']);
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let small = |part: &str| part.parse::<i8>().ok();
    if first.len() == 4 {
        return Date::new(first.parse().ok()?, small(second)?, third.map_or(Some(1), small)?).ok();
    }
    let third = third?;
    let year = third.parse::<i16>().ok()?;
    let year = match third.len() {
        4 => year,
        2 if year < 80 => 2000 + year,
        2 => 1900 + year,
        _ => return None,
    };
    let (first, second) = (small(first)?, small(second)?);
    let (month, day) = if first > 12 { (second, first) } else { (first, second) };
    Date::new(year, month, day).ok()
}

/// What the UPS says of its last self-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SelfTest {
    /// It passed.
    Passed,
    /// It did not.
    Failed,
    /// It passed with a warning.
    Warning,
    /// It was broken off.
    Aborted,
    /// It runs now.
    Running,
    /// None was made.
    None,
    /// Words that are not known here.
    Other,
}

impl SelfTest {
    /// All, in the order in which lists show them.
    pub(super) const ALL: [Self; 7] =
        [Self::Passed, Self::Failed, Self::Warning, Self::Aborted, Self::Running, Self::None, Self::Other];

    /// The label value.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Warning => "warning",
            Self::Aborted => "aborted",
            Self::Running => "running",
            Self::None => "none",
            Self::Other => "other",
        }
    }

    /// From `ups.test.result`: free text in each driver's own words ("Done and passed", "Done and error", "In progress",
    /// "No test initiated", "Test scheduled", "OK", "NO").
    pub(super) fn of(text: &str) -> Self {
        let text = text.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
        if has(&["progress", "running"]) {
            Self::Running
        } else if has(&["warning"]) {
            Self::Warning
        } else if has(&["fail", "error", "bad", "not pass"]) {
            Self::Failed
        } else if has(&["abort", "cancel", "interrupt"]) {
            Self::Aborted
        } else if has(&["pass"]) || ["ok", "good", "done"].contains(&text.as_str()) {
            Self::Passed
        } else if has(&["no test", "not initiated", "scheduled", "none", "never"]) || text == "no" {
            Self::None
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date as day;

    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        let mut variables = Variables::default();
        for (name, value) in pairs {
            variables.put(name, value);
        }
        variables
    }

    fn read(pairs: &[(&str, &str)], on_mains: bool) -> Numbers {
        Numbers::read(&variables(pairs), on_mains, day(2025, 11, 23))
    }

    #[test]
    fn numbers_in_base_units() {
        let numbers = read(
            &[
                ("battery.charge", "97.5"),
                ("battery.runtime", "1800"),
                ("ups.load", "23"),
                ("input.voltage", "221.5"),
                ("battery.temperature", "31"),
                ("ups.realpower", "not read"),
            ],
            true,
        );
        assert_eq!((numbers.charge, numbers.runtime, numbers.load), (Some(0.975), Some(1800.0), Some(0.23)));
        assert_eq!((numbers.input_volts, numbers.celsius), (Some(221.5), Some(31.0)));
        assert_eq!((numbers.output_volts, numbers.battery_age, numbers.implausible.told()), (None, None, None));
    }

    #[test]
    fn what_is_only_just_plausible_counts() {
        let read = |pairs: &[(&str, &str)]| {
            let numbers = read(pairs, true);
            assert_eq!(numbers.implausible.told(), None, "{pairs:?}");
            numbers
        };
        // A week, and ten years of a battery that may have twenty.
        assert_eq!(read(&[("battery.runtime", "604800")]).runtime, Some(604_800.0));
        assert_eq!(read(&[("battery.date", "2015/11/23")]).battery_age, Some(3653.0 * 86_400.0));
        assert_eq!(read(&[("ups.temperature", "-10")]).celsius, Some(-10.0));
        assert_eq!(read(&[("battery.temperature", "-10")]).celsius, Some(-10.0));
        // At a fifth of its charge it may have no time left.
        assert_eq!(read(&[("battery.charge", "20"), ("battery.runtime", "0")]).runtime, Some(0.0));
    }

    #[test]
    fn where_a_date_leaves_a_choice() {
        assert_eq!(date("01/02/79"), Some(day(2079, 1, 2)));
        assert_eq!(date("01/02/80"), Some(day(1980, 1, 2)));
        assert_eq!(date("12/05/2020"), Some(day(2020, 12, 5)), "the month first");
        assert_eq!(date("13/05/2020"), Some(day(2020, 5, 13)), "unless that cannot be");
    }

    #[test]
    fn nonsense_is_missing_and_noted_never_zero() {
        let table = [
            ("battery.charge", "255"),
            ("battery.charge", "-1"),
            ("battery.charge", "NaN"),
            ("battery.charge", "inf"),
            ("battery.charge", "1e1"),
            ("battery.charge", "97,5"),
            ("battery.runtime", "unknown"),
            ("battery.runtime", "-60"),
            ("battery.runtime", "65535"),
            ("battery.runtime", "4294967295"),
            ("ups.load", "0x17"),
            ("input.voltage", "0"),
            ("input.voltage", "65535"),
            ("input.frequency", "0.0"),
            ("battery.date", "2001/09/25"),
            ("battery.mfr.date", "2099/01/01"),
            ("battery.date", "yesterday"),
        ];
        for (name, value) in table {
            let numbers = read(&[(name, value)], true);
            assert_eq!(numbers.implausible.told().as_deref(), Some(format!("{name}={value}").as_str()));
            assert_eq!(numbers, Numbers { implausible: numbers.implausible.clone(), ..Numbers::default() });
        }
        assert_eq!(read(&[("battery.charge", "  ")], true), Numbers::default(), "an empty value says nothing");
    }

    #[test]
    fn zeros_that_can_be_true() {
        let numbers = read(&[("input.voltage", "0"), ("battery.runtime", "0"), ("battery.charge", "90")], false);
        assert_eq!((numbers.input_volts, numbers.runtime), (Some(0.0), Some(0.0)), "on battery both are measured");
        let numbers = read(&[("battery.runtime", "0"), ("battery.charge", "90")], true);
        assert_eq!(numbers.runtime, None, "with mains and a charged battery nobody estimated it");
        let numbers = read(&[("battery.runtime", "0"), ("battery.charge", "3")], true);
        assert_eq!(numbers.runtime, Some(0.0), "an empty battery lasts no time");
        assert_eq!(read(&[("ups.load", "0")], true).load, Some(0.0));
    }

    #[test]
    fn dates_in_every_usual_form() {
        for text in ["2024/05/01", "2024-05-01", "20240501", "2024/05", "05/01/24", "05/01/2024", "5/1/24"] {
            assert_eq!(date(text), Some(day(2024, 5, 1)), "{text}");
        }
        assert_eq!(date("25/05/24"), Some(day(2024, 5, 25)));
        assert_eq!(date("11/14/98"), Some(day(1998, 11, 14)));
        for text in ["", "2024", "2024/13/01", "2024/02/30", "1/2/3", "1/2/2024/5", "a/b/c", "٢٠٢٤/٠٥/٠١", "31/31/24"]
        {
            assert_eq!(date(text), None, "{text}");
        }
        assert_eq!(read(&[("battery.date", "2025/11/22")], true).battery_age, Some(86_400.0));
        let both = [("battery.mfr.date", "2020/01/01"), ("battery.date", "2025/11/23")];
        assert_eq!(read(&both, true).battery_age, Some(0.0), "when it was put in comes before when it was made");
    }

    #[test]
    fn self_test_words() {
        let table = [
            ("Done and passed", SelfTest::Passed),
            ("OK", SelfTest::Passed),
            ("Done and warning", SelfTest::Warning),
            ("Done and error", SelfTest::Failed),
            ("Battery failed", SelfTest::Failed),
            ("Aborted", SelfTest::Aborted),
            ("In progress", SelfTest::Running),
            ("No test initiated", SelfTest::None),
            ("Test scheduled", SelfTest::None),
            ("NO", SelfTest::None),
            ("???", SelfTest::Other),
        ];
        for (text, expected) in table {
            assert_eq!(SelfTest::of(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,24}", digits in "[-0-9/.]{0,12}") {
            for value in [&text, &digits] {
                for variable in Variable::ALL {
                    let numbers = read(&[(variable.name(), value)], true);
                    proptest::prop_assert!(numbers.charge.is_none_or(|charge| (0.0..=1.0).contains(&charge)));
                }
                SelfTest::of(value);
            }
        }
    }
}
