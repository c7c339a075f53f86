//! Domain types as rows and JSON, and back.
//!
//! Reasons and quantities are statics of the probes, which the store may not name: on the way back each code is looked up
//! in the [`Catalogue`] that the caller gives. A code that no catalogue has any more (an older version wrote it) is
//! counted, never fatal.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::reason::Args;
use crate::domain::{
    Arg, CheckName, Component, ErrorKind, Finding, Measurement, ProbeError, Quantity, Reading, Reason, ReasonDef,
    Sample, Subject, Unit, Verdict,
};

/// Where codes and names of rows are looked up.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue {
    /// The reason of a code.
    pub reason: fn(&str) -> Option<&'static ReasonDef>,
    /// The quantity of a name.
    pub quantity: fn(&str) -> Option<&'static Quantity>,
}

/// A moment as rows hold it: microseconds since 1970-01-01T00:00:00Z. What is finer is cut off.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// A moment of a row. One that no calendar has (a row changed by hand) becomes the nearest that there is.
pub(super) fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// The component of a word.
pub(super) fn component(word: &str) -> Option<Component> {
    Component::ALL.into_iter().find(|component| component.as_str() == word)
}

/// A subject as two columns: its sort and its name.
pub(super) fn subject_columns(subject: &Subject) -> (&'static str, Option<&str>) {
    match subject {
        Subject::Room => ("room", None),
        Subject::Component(component) => ("component", Some(component.as_str())),
        Subject::Check(name) => ("check", Some(name.as_str())),
    }
}

/// The subject of two columns.
pub(super) fn subject(sort: &str, name: Option<&str>) -> Option<Subject> {
    match (sort, name) {
        ("room", _) => Some(Subject::Room),
        ("component", Some(name)) => component(name).map(Subject::Component),
        ("check", Some(name)) => Some(Subject::Check(name.into())),
        _ => None,
    }
}

#[derive(Serialize, Deserialize)]
struct ArgRow {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
}

pub(super) const UNITS: [Unit; 13] = [
    Unit::Seconds,
    Unit::Ratio,
    Unit::Bytes,
    Unit::BitsPerSecond,
    Unit::Volts,
    Unit::Hertz,
    Unit::Celsius,
    Unit::DecibelMilliwatts,
    Unit::Count,
    Unit::Flag,
    Unit::Timestamp,
    Unit::Decibels,
    Unit::Score,
];

fn arg_rows(args: &Args) -> Vec<ArgRow> {
    args.iter()
        .map(|(name, arg)| {
            let name = (*name).to_owned();
            match arg {
                Arg::Text(text) => ArgRow { name, text: Some(text.clone()), number: None, unit: None },
                Arg::Number(value, unit) => {
                    ArgRow { name, text: None, number: Some(*value), unit: Some(unit.as_str().to_owned()) }
                }
            }
        })
        .collect()
}

/// The name of a `{name}` in one of the reason's own templates: the only names that can fill anything.
fn static_name(def: &'static ReasonDef, name: &str) -> Option<&'static str> {
    [def.message.id, def.message.en, def.remedy.id, def.remedy.en].into_iter().find_map(|template| {
        template.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(inner, _)| inner).find(|x| *x == name)
    })
}

fn args(def: &'static ReasonDef, rows: Vec<ArgRow>) -> Args {
    rows.into_iter()
        .filter_map(|row| {
            let name = static_name(def, &row.name)?;
            let unit = row.unit.and_then(|word| UNITS.into_iter().find(|unit| unit.as_str() == word));
            let arg = match (row.text, row.number, unit) {
                (Some(text), ..) => Arg::Text(text),
                (None, Some(number), Some(unit)) => Arg::Number(number, unit),
                _ => return None,
            };
            Some((name, arg))
        })
        .collect()
}

#[derive(Serialize, Deserialize)]
struct ReasonRow {
    code: String,
    verdict: Verdict,
    args: Vec<ArgRow>,
    since: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    blocked_by: Option<String>,
}

/// Reasons as JSON.
pub(super) fn reasons_json(reasons: &[Reason]) -> String {
    let rows: Vec<ReasonRow> = reasons
        .iter()
        .map(|reason| ReasonRow {
            code: reason.def.code.to_owned(),
            verdict: reason.verdict,
            args: arg_rows(&reason.args),
            since: micros(reason.since),
            blocked_by: reason.blocked_by.as_ref().map(ToString::to_string),
        })
        .collect();
    json(&rows)
}

/// Reasons of a row; those that cannot be read are left out and added to `skipped`.
pub(super) fn reasons(text: &str, catalogue: &Catalogue, skipped: &mut u64) -> Vec<Reason> {
    let rows: Vec<ReasonRow> = serde_json::from_str(text).unwrap_or_else(|_| {
        *skipped += 1;
        Vec::new()
    });
    let before = rows.len();
    let reasons: Vec<Reason> = rows
        .into_iter()
        .filter_map(|row| {
            let def = (catalogue.reason)(&row.code)?;
            Some(Reason {
                def,
                verdict: row.verdict,
                args: args(def, row.args),
                since: moment(row.since),
                blocked_by: row.blocked_by.map(CheckName::from),
            })
        })
        .collect();
    *skipped += (before - reasons.len()) as u64;
    reasons
}

/// Codes as a JSON array.
pub(super) fn codes_json(codes: &[&'static str]) -> String {
    json(&codes)
}

/// Codes of a row; unknown ones are left out and added to `skipped`.
pub(super) fn codes(text: &str, catalogue: &Catalogue, skipped: &mut u64) -> Vec<&'static str> {
    let words: Vec<String> = serde_json::from_str(text).unwrap_or_default();
    let codes: Vec<&'static str> =
        words.iter().filter_map(|code| (catalogue.reason)(code)).map(|def| def.code).collect();
    *skipped += (words.len() - codes.len()) as u64;
    codes
}

#[derive(Serialize, Deserialize)]
struct ReadingRow {
    took_us: u64,
    measurements: Vec<MeasurementRow>,
    findings: Vec<FindingRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sample: Option<(u32, u32, bool)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_use: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<(String, String)>,
}

#[derive(Serialize, Deserialize)]
struct MeasurementRow {
    quantity: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<String>,
    value: f64,
}

#[derive(Serialize, Deserialize)]
struct FindingRow {
    code: String,
    verdict: Verdict,
    args: Vec<ArgRow>,
}

/// What an observation says, without its check and its moment, which are columns of their own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    pub(super) took: std::time::Duration,
    pub(super) reading: Reading,
    pub(super) error: Option<ProbeError>,
}

/// An observation's content as JSON.
pub(super) fn said_json(observation: &crate::domain::Observation) -> String {
    let reading = &observation.reading;
    json(&ReadingRow {
        took_us: u64::try_from(observation.took.as_micros()).unwrap_or(u64::MAX),
        measurements: reading
            .measurements
            .iter()
            .map(|m| MeasurementRow {
                quantity: m.quantity.name.to_owned(),
                part: m.part.as_deref().map(str::to_owned),
                value: m.value,
            })
            .collect(),
        findings: reading
            .findings
            .iter()
            .map(|finding| FindingRow {
                code: finding.reason.code.to_owned(),
                verdict: finding.verdict,
                args: arg_rows(&finding.args),
            })
            .collect(),
        sample: reading.sample.map(|sample| (sample.sent, sample.lost, sample.outage)),
        in_use: reading.in_use,
        error: observation.error.as_ref().map(|error| (error.kind.as_str().to_owned(), error.detail.clone())),
    })
}

/// An observation's content, whole or not at all: one that has lost the finding or the number that spoke against its
/// equipment would look better than it was.
pub(super) fn said(text: &str, catalogue: &Catalogue) -> Option<Said> {
    let row: ReadingRow = serde_json::from_str(text).ok()?;
    let measurement = |m: MeasurementRow| {
        Some(Measurement { quantity: (catalogue.quantity)(&m.quantity)?, part: m.part.map(Into::into), value: m.value })
    };
    let finding = |finding: FindingRow| {
        let reason = (catalogue.reason)(&finding.code)?;
        Some(Finding { reason, verdict: finding.verdict, args: args(reason, finding.args) })
    };
    let error = match row.error {
        None => None,
        Some((kind, detail)) => {
            Some(ProbeError::new(ErrorKind::ALL.into_iter().find(|known| known.as_str() == kind)?, detail))
        }
    };
    Some(Said {
        took: std::time::Duration::from_micros(row.took_us),
        reading: Reading {
            measurements: row.measurements.into_iter().map(measurement).collect::<Option<_>>()?,
            findings: row.findings.into_iter().map(finding).collect::<Option<_>>()?,
            sample: row.sample.map(|(sent, lost, outage)| Sample { sent, lost, outage }),
            in_use: row.in_use,
            ..Reading::default()
        },
        error,
    })
}

/// JSON of our own plain structs: names are strings and numbers that are not finite become null, so it cannot fail.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
