//! Why: a closed list of codes, each with a message and a remedy in both languages.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::CheckName;
use super::quantity::Unit;
use super::verdict::Verdict;

/// A language that Siaga speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lang {
    /// Bahasa Indonesia, the default.
    #[default]
    Id,
    /// English.
    En,
}

impl Lang {
    /// The ISO 639-1 code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }

    /// The language of an ISO 639-1 code; `None` for one that Siaga does not speak.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "id" => Some(Self::Id),
            "en" => Some(Self::En),
            _ => None,
        }
    }
}

/// A sentence in both languages. `{name}` stands for the reason's argument of that name.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Bahasa Indonesia.
    pub id: &'static str,
    /// English.
    pub en: &'static str,
}

impl Text {
    /// Both languages at once.
    pub const fn new(id: &'static str, en: &'static str) -> Self {
        Self { id, en }
    }

    /// In Indonesian and in English.
    pub const fn both(self) -> [&'static str; 2] {
        [self.id, self.en]
    }

    /// The template in one language.
    pub const fn in_lang(self, lang: Lang) -> &'static str {
        match lang {
            Lang::Id => self.id,
            Lang::En => self.en,
        }
    }
}

/// A reason as it stands in the catalogue (`siaga reasons`).
#[derive(Debug)]
pub struct ReasonDef {
    /// The stable code: `component.what_is_wrong`.
    pub code: &'static str,
    /// What is wrong, for staff: a sentence without a full stop.
    pub message: Text,
    /// What somebody must go and do: a sentence without a full stop.
    pub remedy: Text,
    /// Whether it would still hold for a meeting days from now (a missing device, a worn battery).
    pub lasting: bool,
    /// What people call words that fill it and are programs' own, such as a measurement's part.
    pub words: &'static [(&'static str, Text)],
}

impl ReasonDef {
    /// A reason that is of the moment.
    pub const fn new(code: &'static str, message: Text, remedy: Text) -> Self {
        Self { code, message, remedy, lasting: false, words: &[] }
    }

    /// The same, expected to last until somebody acts.
    #[must_use]
    pub const fn lasting(self) -> Self {
        Self { lasting: true, ..self }
    }

    /// The same, in which such words are called so.
    #[must_use]
    pub const fn saying(self, words: &'static [(&'static str, Text)]) -> Self {
        Self { words, ..self }
    }
}

/// Reasons are declared once, as statics: the code is the identity.
impl PartialEq for ReasonDef {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for ReasonDef {}

/// A value that fills a `{name}` of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// Shown as it is: a device's name, a target.
    Text(String),
    /// Shown with its unit, in the reader's notation.
    Number(f64, Unit),
}

impl Arg {
    /// The words for a reader of `lang`: decimal comma in Indonesian, units that people use.
    pub fn render(&self, lang: Lang) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(value, unit) => number(*value, *unit, lang),
        }
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

const HOUR: f64 = 3600.0;
/// Of the calendar, on average.
const YEAR: f64 = 365.25 * 24.0 * HOUR;

/// The share of a time in which something was there, in per cent. Cut and not rounded: 99.996 % is not all.
pub fn share(share: f64, lang: Lang) -> String {
    // What is whole in hundredths of a per cent need not be that as a double.
    let hundredths = share.mul_add(1e4, 1e-6).floor();
    let text = format!("{:.2} %", hundredths / 100.0);
    if lang == Lang::Id { text.replace('.', ",") } else { text }
}

/// A number of a base unit in a person's notation.
pub fn number(value: f64, unit: Unit, lang: Lang) -> String {
    let word_of = |id, en| if lang == Lang::Id { id } else { en };
    let whole_or_not = |value: f64| (value, usize::from((value * 10.0).round() % 10.0 != 0.0));
    let (scaled, digits, word) = match unit {
        // Of nothing no unit is too large: a battery does not last "0.0 ms".
        Unit::Seconds if value == 0.0 => (0.0, 0, word_of("detik", "s")),
        Unit::Seconds if value.abs() < 1.0 => (value * 1e3, usize::from(value.abs() < 0.01), "ms"),
        Unit::Seconds if value.abs() < 120.0 => (value, usize::from(value.fract() != 0.0), word_of("detik", "s")),
        Unit::Seconds if value.abs() < 2.0 * HOUR => (value / 60.0, 0, word_of("menit", "min")),
        Unit::Seconds if value.abs() < 48.0 * HOUR => {
            let (hours, digits) = whole_or_not(value / HOUR);
            (hours, digits, word_of("jam", "h"))
        }
        Unit::Seconds if value.abs() < 2.0 * YEAR => (value / (24.0 * HOUR), 0, word_of("hari", "days")),
        Unit::Seconds => {
            let (years, digits) = whole_or_not(value / YEAR);
            (years, digits, word_of("tahun", "years"))
        }
        Unit::Ratio => (value * 100.0, usize::from(value.abs() < 0.1), "%"),
        Unit::Bytes if value.abs() >= 1e9 => (value / 1e9, 1, "GB"),
        Unit::Bytes => (value / 1e6, 1, "MB"),
        Unit::BitsPerSecond if value.abs() >= 1e9 => (value / 1e9, 1, "Gbit/s"),
        Unit::BitsPerSecond if value.abs() >= 1e6 => (value / 1e6, 1, "Mbit/s"),
        Unit::BitsPerSecond => (value / 1e3, 0, "kbit/s"),
        Unit::Volts => (value, 0, "V"),
        Unit::Hertz => (value, 1, "Hz"),
        Unit::Celsius => (value, 0, "°C"),
        Unit::DecibelMilliwatts => (value, 0, "dBm"),
        Unit::Decibels => (value, 0, "dB"),
        Unit::Score => (value, 1, ""),
        Unit::Count | Unit::Flag | Unit::Timestamp => (value, 0, ""),
    };
    let mut text = format!("{scaled:.digits$}");
    if lang == Lang::Id {
        text = text.replace('.', ",");
    }
    if !word.is_empty() {
        text.push(' ');
        text.push_str(word);
    }
    text
}

/// Arguments of one reason, in the order given.
pub type Args = Vec<(&'static str, Arg)>;

/// Fills a template's `{name}`s. A name without an argument stays as it is, so that nothing is hidden.
pub fn fill(template: &str, args: &[(&'static str, Arg)], lang: Lang) -> String {
    let mut out = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, from_open) = rest.split_at(open);
        out.push_str(before);
        let Some(close) = from_open.find('}') else {
            out.push_str(from_open);
            return out;
        };
        let name = &from_open[1..close];
        match args.iter().find(|(given, _)| *given == name) {
            Some((_, arg)) => out.push_str(&arg.render(lang)),
            None => _ = write!(out, "{{{name}}}"),
        }
        rest = &from_open[close + 1..];
    }
    out.push_str(rest);
    out
}

/// A reason that holds now, for one check.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// Which of the catalogue.
    pub def: &'static ReasonDef,
    /// What it makes of its check.
    pub verdict: Verdict,
    /// What fills the message and the remedy.
    pub args: Args,
    /// Since when, by the wall clock.
    pub since: Timestamp,
    /// The check whose failure explains this one, if any.
    pub blocked_by: Option<CheckName>,
}

/// The argument that no sentence for staff uses: what a program or the kernel said, in English, for IT staff. It is shown
/// apart.
pub const DETAIL: &str = "detail";

impl Reason {
    /// What a program or the kernel said, for IT staff.
    pub fn detail(&self) -> Option<&str> {
        self.args.iter().find_map(|(name, arg)| match arg {
            Arg::Text(text) if *name == DETAIL && !text.is_empty() => Some(text.as_str()),
            _ => None,
        })
    }

    /// The message for a reader of `lang`.
    pub fn message(&self, lang: Lang) -> String {
        self.fill(self.def.message.in_lang(lang), lang)
    }

    /// The remedy for a reader of `lang`.
    pub fn remedy(&self, lang: Lang) -> String {
        self.fill(self.def.remedy.in_lang(lang), lang)
    }

    /// A template, such as the room's own remedy, with what this one says.
    pub fn fill(&self, template: &str, lang: Lang) -> String {
        let said = |arg: &Arg| match arg {
            Arg::Text(text) => self.def.words.iter().find(|(word, _)| word == text).map(|(_, said)| said.in_lang(lang)),
            Arg::Number(..) => None,
        };
        let args: Args =
            self.args.iter().map(|(name, arg)| (*name, said(arg).map_or_else(|| arg.clone(), Arg::from))).collect();
        fill(template, &args, lang)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_told_in_what_people_count_it_in() {
        const DAY: f64 = 24.0 * HOUR;
        for (seconds, id, en) in [
            (0.0, "0 detik", "0 s"),
            (0.25, "250 ms", "250 ms"),
            (119.5, "119,5 detik", "119.5 s"),
            (120.0, "2 menit", "2 min"),
            (7199.0, "120 menit", "120 min"),
            (7200.0, "2 jam", "2 h"),
            (9000.0, "2,5 jam", "2.5 h"),
            (DAY, "24 jam", "24 h"),
            (2.0 * DAY, "2 hari", "2 days"),
            (700.0 * DAY, "700 hari", "700 days"),
            (3.0 * YEAR, "3 tahun", "3 years"),
            (5.25 * YEAR, "5,2 tahun", "5.2 years"),
        ] {
            let told = [Lang::Id, Lang::En].map(|lang| number(seconds, Unit::Seconds, lang));
            assert_eq!(told, [id, en], "{seconds}");
        }
        assert_eq!(number(2.5e9, Unit::BitsPerSecond, Lang::Id), "2,5 Gbit/s");
    }

    #[test]
    fn a_share_that_is_less_than_all_is_not_told_as_all() {
        for (value, id, en) in [
            (1.0, "100,00 %", "100.00 %"),
            (0.99996, "99,99 %", "99.99 %"),
            (0.999_999, "99,99 %", "99.99 %"),
            (0.5771, "57,71 %", "57.71 %"),
            (0.0, "0,00 %", "0.00 %"),
        ] {
            assert_eq!([Lang::Id, Lang::En].map(|lang| share(value, lang)), [id, en], "{value}");
        }
    }
}
