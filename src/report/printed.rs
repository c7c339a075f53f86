//! What is printed of a meeting: its report as it was kept, or as it can be made now, with what was written of it since.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::document::{Evaluation, Report, VERSION};
use super::page::Origin;
use crate::domain::link::KeptMeeting;

/// What is printed.
#[derive(Clone, Debug)]
pub struct Printed {
    /// The report.
    pub report: Report,
    /// What was written of the meeting, and when; oldest first.
    pub evaluations: Vec<(Timestamp, Evaluation)>,
    /// Where the report comes from.
    pub origin: Origin,
}

impl Printed {
    /// What is kept. Nothing if that is in a form which this version cannot read.
    pub fn of(kept: &KeptMeeting) -> Option<Self> {
        let link = &kept.report;
        let report: Report = serde_json::from_str(&link.filed.body).ok()?;
        if report.version != VERSION {
            return None;
        }
        let mut intact = link.intact;
        let evaluations = kept.evaluations.iter().filter_map(|link| {
            intact &= link.intact;
            Some((link.filed.made_at, serde_json::from_str(&link.filed.body).ok()?))
        });
        let evaluations = evaluations.collect();
        let origin = if intact {
            Origin::Kept { number: link.seq, hash: link.hash.clone() }
        } else {
            Origin::Altered { number: link.seq }
        };
        Some(Self { report, evaluations, origin })
    }

    /// For programs: the report, what was written of it, and whether it is what was kept.
    pub fn json(&self) -> Value {
        let zone = jiff::tz::TimeZone::get(&self.report.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
        let mut all = serde_json::to_value(&self.report).unwrap_or_default();
        let written = self.evaluations.iter().map(|(at, one)| {
            let at = Timestamp::from_second(at.as_second()).unwrap_or(*at);
            json!({ "at": at.display_with_offset(zone.to_offset(at)).to_string(), "by": one.by, "via": one.via, "text": one.text })
        });
        all["evaluations"] = written.collect();
        all["kept"] = match &self.origin {
            Origin::Fresh => Value::Null,
            Origin::Kept { number, hash } => json!({ "number": number, "sha256": hash, "intact": true }),
            Origin::Altered { number } => json!({ "number": number, "intact": false }),
        };
        all
    }
}
