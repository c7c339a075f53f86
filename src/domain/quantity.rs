//! What a number means: a named quantity with a unit, and one measurement of it.

use std::sync::Arc;

use super::reason::{Lang, Text};

/// The unit of a quantity. Always a base unit; people's units are made when a page or a sentence is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// s
    Seconds,
    /// 0 to 1
    Ratio,
    /// B
    Bytes,
    /// bit/s
    BitsPerSecond,
    /// V
    Volts,
    /// Hz
    Hertz,
    /// °C
    Celsius,
    /// dBm
    DecibelMilliwatts,
    /// dB, of amplitudes: of full scale, or of another as the help says
    Decibels,
    /// A number on a scale that the help names
    Score,
    /// A number of things.
    Count,
    /// 0 or 1
    Flag,
    /// s since 1970-01-01T00:00:00Z
    Timestamp,
}

/// In °C.
const ABSOLUTE_ZERO: f64 = -273.15;

impl Unit {
    /// What a metric of this unit must end in (Prometheus' naming rules), if anything.
    pub const fn suffix(self) -> Option<&'static str> {
        match self {
            Self::Seconds => Some("_seconds"),
            Self::Ratio => Some("_ratio"),
            Self::Bytes => Some("_bytes"),
            Self::BitsPerSecond => Some("_bits_per_second"),
            Self::Volts => Some("_volts"),
            Self::Hertz => Some("_hertz"),
            Self::Celsius => Some("_celsius"),
            Self::DecibelMilliwatts => Some("_dbm"),
            Self::Decibels => Some("_decibels"),
            Self::Timestamp => Some("_timestamp_seconds"),
            Self::Score | Self::Count | Self::Flag => None,
        }
    }

    /// Whether a value of this unit can be. What cannot is a device's or a driver's nonsense, and no measurement.
    pub fn is_possible(self, value: f64) -> bool {
        match self {
            Self::Flag => [0.0, 1.0].contains(&value),
            // Shares may be over one: a UPS is overloaded.
            Self::Ratio
            | Self::Bytes
            | Self::BitsPerSecond
            | Self::Volts
            | Self::Hertz
            | Self::Count
            | Self::Timestamp => value.is_finite() && value >= 0.0,
            Self::Celsius => value.is_finite() && value >= ABSOLUTE_ZERO,
            // Offsets and levels have either sign.
            Self::Seconds | Self::DecibelMilliwatts | Self::Decibels | Self::Score => value.is_finite(),
        }
    }

    /// The unit's word in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
            Self::Bytes => "bytes",
            Self::BitsPerSecond => "bits_per_second",
            Self::Volts => "volts",
            Self::Hertz => "hertz",
            Self::Celsius => "celsius",
            Self::DecibelMilliwatts => "dbm",
            Self::Decibels => "decibels",
            Self::Score => "score",
            Self::Count => "count",
            Self::Flag => "flag",
            Self::Timestamp => "timestamp_seconds",
        }
    }
}

/// What a quantity says of the line, for the history of the hours of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Figure {
    /// The share of packets lost, outages aside.
    Loss,
    /// The time to the far end and back, s.
    RoundTrip,
    /// Download, bit/s.
    Down,
    /// Upload, bit/s.
    Up,
}

impl Figure {
    /// All, each at the place of its number.
    pub const ALL: [Self; 4] = [Self::Loss, Self::RoundTrip, Self::Down, Self::Up];
}

/// One kind of number that a probe can measure, declared beside the probe.
#[derive(Debug)]
pub struct Quantity {
    /// `snake_case`, the probe's kind first, the unit last: `icmp_rtt_seconds`. The metric is `siaga_` and this.
    pub name: &'static str,
    /// The unit of its values.
    pub unit: Unit,
    /// The label that tells several values of one observation apart (`phase`, `flag`, `mount`), if there are several.
    pub part: Option<&'static str>,
    /// Whether it only grows, from zero at the process's start (a metric ending in `_total`).
    pub counter: bool,
    /// One English sentence for `# HELP`.
    pub help: &'static str,
    /// What people call it, if not by its name.
    pub title: Option<Text>,
    /// What it was reckoned from, where a message that gives it gives that too, as `{reported}`.
    pub reckoned_from: Option<&'static Self>,
    /// Whether it is what a check's tests had taken of the day's budget (UTC) when it was measured.
    pub of_budget: bool,
    /// What it says of the line; such quantities are kept by the hour too, for longer than by the minute.
    pub figure: Option<Figure>,
}

impl Quantity {
    /// A value that goes up and down.
    pub const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self {
            name,
            unit,
            part: None,
            counter: false,
            help,
            title: None,
            figure: None,
            reckoned_from: None,
            of_budget: false,
        }
    }

    /// A value that only grows from the process's start; its name ends in `_total`.
    pub const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Self {
        Self {
            name,
            unit,
            part: None,
            counter: true,
            help,
            title: None,
            figure: None,
            reckoned_from: None,
            of_budget: false,
        }
    }

    /// The same, called so by people, in Indonesian and English.
    #[must_use]
    pub const fn called(self, id: &'static str, en: &'static str) -> Self {
        Self { title: Some(Text::new(id, en)), ..self }
    }

    /// What people call it.
    pub fn title(&self, lang: Lang) -> &'static str {
        self.title.map_or(self.name, |title| title.in_lang(lang))
    }

    /// The same with several values an observation, told apart by the label `part`.
    #[must_use]
    pub const fn by(self, part: &'static str) -> Self {
        Self { part: Some(part), ..self }
    }

    /// The same, reckoned from what a device reports.
    #[must_use]
    pub const fn reckoned_from(self, reported: &'static Self) -> Self {
        Self { reckoned_from: Some(reported), ..self }
    }

    /// The same, as what a day's budget is spent on.
    #[must_use]
    pub const fn of_budget(self) -> Self {
        Self { of_budget: true, ..self }
    }

    /// The same, kept by the hour too as what it says of the line.
    #[must_use]
    pub const fn figure(self, figure: Figure) -> Self {
        Self { figure: Some(figure), ..self }
    }
}

/// Quantities are declared once, as statics: the name is the identity.
impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Quantity {}

/// One number of one quantity.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// What was measured.
    pub quantity: &'static Quantity,
    /// The value of the quantity's `part` label, where it has one.
    pub part: Option<Arc<str>>,
    /// In the quantity's unit; always finite.
    pub value: f64,
}

impl Measurement {
    /// What people call it, with its part.
    pub fn title(&self, lang: Lang) -> String {
        let title = self.quantity.title(lang);
        self.part.as_ref().map_or_else(|| title.to_owned(), |part| format!("{title} ({part})"))
    }
}
