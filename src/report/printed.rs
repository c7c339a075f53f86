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

/// A report that is kept, and cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Its place in the chain.
    pub number: i64,
    /// Whether it is what it was when it was made.
    pub intact: bool,
}

impl From<Unread> for Origin {
    fn from(Unread { number, intact }: Unread) -> Self {
        Self::Unreadable { number, intact }
    }
}

impl Printed {
    /// What is kept.
    ///
    /// # Errors
    /// If that is in a form which this version cannot read, or was changed so that nobody can.
    pub fn of(kept: &KeptMeeting) -> Result<Self, Unread> {
        let link = &kept.report;
        let read = serde_json::from_str(&link.filed.body).ok().filter(|report: &Report| report.version == VERSION);
        let report = read.ok_or(Unread { number: link.seq, intact: link.intact })?;
        let mut intact = link.intact;
        let evaluations = kept.evaluations.iter().filter_map(|link| {
            let written = serde_json::from_str(&link.filed.body).ok();
            intact &= link.intact && written.is_some();
            Some((link.filed.made_at, written?))
        });
        let evaluations = evaluations.collect();
        let origin = if intact {
            Origin::Kept { number: link.seq, hash: link.hash.clone() }
        } else {
            Origin::Altered { number: link.seq }
        };
        Ok(Self { report, evaluations, origin })
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
            Origin::Unreadable { number, intact } => json!({ "number": number, "intact": intact, "readable": false }),
            Origin::Altered { number } => json!({ "number": number, "intact": false }),
        };
        all
    }
}
