//! One run of a probe: measurements and findings, or a failure that is data too.

use std::fmt;
use std::time::Duration;

use super::check::CheckName;
use super::quantity::{Measurement, Quantity};
use super::reason::{Arg, Args, ReasonDef};
use super::time::Now;
use super::verdict::Verdict;

/// What a probe says of its equipment outright, without any limit from a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which reason.
    pub reason: &'static ReasonDef,
    /// What it makes of the check. [`Verdict::Ready`] is a note that is shown and changes nothing.
    pub verdict: Verdict,
    /// What fills the reason's message.
    pub args: Args,
}

impl Finding {
    /// A finding without arguments.
    pub const fn new(reason: &'static ReasonDef, verdict: Verdict) -> Self {
        Self { reason, verdict, args: Vec::new() }
    }

    /// The same with one more argument.
    #[must_use]
    pub fn with(mut self, name: &'static str, arg: impl Into<Arg>) -> Self {
        self.args.push((name, arg.into()));
        self
    }
}

/// Packets sent and lost since the observation before: what the loss decision (Wilson) adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Packets whose fate is known now.
    pub sent: u32,
    /// Of those, the ones that never came back.
    pub lost: u32,
    /// The target is silent, confirmed: an outage, not loss. The window of the loss decision starts anew.
    pub outage: bool,
}

/// What a run of a probe found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Numbers. What could not be read is missing, never zero.
    pub measurements: Vec<Measurement>,
    /// What the equipment itself says.
    pub findings: Vec<Finding>,
    /// Packet counts, for kinds that measure loss.
    pub sample: Option<Sample>,
    /// Whether somebody uses the device (a microphone recording, a camera streaming); `None` where it cannot be seen.
    pub in_use: Option<bool>,
    /// Where the devices that it found are attached (see [`super::bus`]); not stored.
    pub places: Vec<String>,
    /// The USB controllers and hubs that are missing; not stored.
    pub gone: Vec<String>,
}

impl Reading {
    /// Adds a measurement; a value that [cannot be](crate::domain::Unit::is_possible) is no measurement and is left out.
    pub fn measure(&mut self, quantity: &'static Quantity, value: f64) {
        if quantity.unit.is_possible(value) {
            self.measurements.push(Measurement { quantity, part: None, value });
        }
    }

    /// Adds a measurement of one part (the value of the quantity's own label); what cannot be is left out.
    pub fn measure_part(&mut self, quantity: &'static Quantity, part: &str, value: f64) {
        if quantity.unit.is_possible(value) {
            self.measurements.push(Measurement { quantity, part: Some(part.into()), value });
        }
    }

    /// Adds a finding.
    pub fn find(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// The kinds of failure that probes tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// Nothing came within the deadline.
    Timeout,
    /// The far end actively refused.
    Refused,
    /// No way there: no route, an ICMP unreachable.
    Unreachable,
    /// The name did not resolve.
    Dns,
    /// This process may not do that.
    Permission,
    /// What came could not be understood.
    Protocol,
    /// The device or object is not there.
    Gone,
    /// The device is there and somebody else has it.
    Busy,
    /// The source has nothing fresh to say (NUT's `DATA-STALE`, a driver that is away, `WAIT`).
    Stale,
    /// Certificates or keys were not accepted.
    Tls,
    /// Our own fault: a panic, a child that died, a resource that ran out.
    Internal,
}

impl ErrorKind {
    /// All kinds; probes' tables are tested to be total over them.
    pub const ALL: [Self; 11] = [
        Self::Timeout,
        Self::Refused,
        Self::Unreachable,
        Self::Dns,
        Self::Permission,
        Self::Protocol,
        Self::Gone,
        Self::Busy,
        Self::Stale,
        Self::Tls,
        Self::Internal,
    ];

    /// The label value in `siaga_probe_errors_total`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Dns => "dns",
            Self::Permission => "permission",
            Self::Protocol => "protocol",
            Self::Gone => "gone",
            Self::Busy => "busy",
            Self::Stale => "stale",
            Self::Tls => "tls",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a run of a probe has no reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct ProbeError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// For IT staff, in English, without secrets: what was tried and what came back.
    pub detail: String,
}

impl ProbeError {
    /// An error of `kind`.
    pub fn new(kind: ErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// A probe's own table: which kinds of failure speak of the equipment, and which of our eyes.
///
/// Total: what is not listed is [`ErrorTable::otherwise`], which must be `Unknown`.
#[derive(Debug)]
pub struct ErrorTable {
    /// Failure, what it makes of the check, and the reason told. The failure's own words go along as
    /// the argument `detail`, which no sentence uses.
    pub rows: &'static [(ErrorKind, Verdict, &'static ReasonDef)],
    /// The reason for every other kind; the verdict is `Unknown`, since only our eyes failed.
    pub otherwise: &'static ReasonDef,
}

impl ErrorTable {
    /// What a failure of this kind makes of the check, and why.
    pub fn judge(&self, kind: ErrorKind) -> (Verdict, &'static ReasonDef) {
        self.rows
            .iter()
            .find(|(row, ..)| *row == kind)
            .map_or((Verdict::Unknown, self.otherwise), |(_, verdict, reason)| (*verdict, *reason))
    }
}

/// One run of a probe, done.
#[derive(Clone, Debug, PartialEq)]
pub struct Observation {
    /// Whose run.
    pub check: CheckName,
    /// When it was complete.
    pub at: Now,
    /// How long it took.
    pub took: Duration,
    /// Measurements and findings. After a failure: the finding that the probe's table gives, and nothing else but what the
    /// attempt itself has cost.
    pub reading: Reading,
    /// The failure, if it was one.
    pub error: Option<ProbeError>,
}

impl Observation {
    /// A run that read something.
    pub const fn read(check: CheckName, at: Now, took: Duration, reading: Reading) -> Self {
        Self { check, at, took, reading, error: None }
    }

    /// A run that failed, judged by the probe's own table.
    pub fn failed(check: CheckName, at: Now, took: Duration, error: ProbeError, table: &ErrorTable) -> Self {
        let (verdict, reason) = table.judge(error.kind);
        let finding = Finding::new(reason, verdict).with("detail", error.detail.clone());
        let reading = Reading { findings: vec![finding], ..Reading::default() };
        Self { check, at, took, reading, error: Some(error) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Unit;

    #[test]
    fn what_cannot_be_is_no_measurement() {
        static LOAD: Quantity = Quantity::gauge("test_load_ratio", Unit::Ratio, "A load.");
        static HEAT: Quantity = Quantity::gauge("test_heat_celsius", Unit::Celsius, "A temperature.");
        static ON: Quantity = Quantity::gauge("test_on", Unit::Flag, "A switch.");
        let mut reading = Reading::default();
        for value in [-0.01, f64::NAN, f64::INFINITY] {
            reading.measure(&LOAD, value);
        }
        reading.measure_part(&HEAT, "a", -300.0);
        reading.measure(&ON, 2.0);
        assert_eq!(reading.measurements, []);
        for (quantity, value) in [(&LOAD, 1.2), (&HEAT, -40.0), (&ON, 1.0)] {
            reading.measure(quantity, value);
        }
        assert_eq!(reading.measurements.len(), 3);
    }
}
