//! What the API's answers are made of, and how each is made from the snapshot.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::snapshot::{CheckView, ComponentView, Judged, ProfileView};
use crate::domain::{Component, Kind, Lang, Level, Now, Reason, Requirement, Snapshot, Verdict};

use super::Voice;

/// Why something is as it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReasonBody {
    /// The stable code: `component.what_is_wrong`.
    #[schema(example = "internet.loss_high")]
    pub code: &'static str,
    /// What it makes of its check. `ready` is a note.
    pub verdict: Verdict,
    /// What is wrong, in the language asked for.
    pub message: String,
    /// What a program or the kernel said of it, in English, for IT staff.
    pub detail: Option<String>,
    /// What somebody must go and do, in the language asked for.
    pub remedy: String,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// The check whose failure explains this one.
    pub blocked_by: Option<String>,
}

/// A change that is seen and not yet decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct PendingBody {
    /// What it would become.
    pub to: Verdict,
    /// Since when it is seen.
    #[schema(format = DateTime)]
    pub since: String,
    /// When it will be decided if nothing changes.
    #[schema(format = DateTime)]
    pub at: String,
}

/// One number.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeasurementBody {
    /// What was measured; the metric is `siaga_` and this, a bitrate in bytes there.
    #[schema(example = "icmp_rtt_median_seconds")]
    pub quantity: &'static str,
    /// Which part of it, where it has parts.
    pub part: Option<String>,
    /// In `unit`.
    pub value: f64,
    /// The unit: always a base unit.
    #[schema(example = "seconds")]
    pub unit: &'static str,
}

/// Packet loss over the window of the newest packets, with Wilson's 95 % interval.
#[derive(Debug, Serialize, ToSchema)]
pub struct LossBody {
    /// Packets counted.
    pub sent: u32,
    /// Of those, lost.
    pub lost: u32,
    /// Lost over sent.
    pub ratio: f64,
    /// The interval's lower end.
    pub low: f64,
    /// The interval's upper end.
    pub high: f64,
}

/// The newest observation, and how old it may be.
#[derive(Debug, Serialize, ToSchema)]
pub struct EvidenceBody {
    /// When it was complete, by the clock of now; none was, if null.
    #[schema(format = DateTime)]
    pub at: Option<String>,
    /// Its age, s.
    pub age_seconds: Option<f64>,
    /// The age allowed, s.
    pub allowed_age_seconds: f64,
    /// How long it took, s.
    pub took_seconds: Option<f64>,
    /// Whether it is too old.
    pub stale: bool,
    /// Why it has no reading, for IT staff.
    pub error: Option<String>,
}

/// A check under one profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct CheckBody {
    /// Its name, unique in the room.
    pub name: String,
    /// Which kind of probe it uses.
    pub kind: Kind,
    /// What it speaks for.
    pub component: Component,
    /// Where it stands in the tree of root causes.
    pub level: Level,
    /// The decided verdict.
    pub verdict: Verdict,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// Whether it counts.
    pub requirement: Requirement,
    /// The group of which some must be good, if it stands in one.
    pub group: Option<String>,
    /// The uplink of the config by which it measures, if it names one.
    pub uplink: Option<String>,
    /// A change that waits for its hold.
    pub pending: Option<PendingBody>,
    /// Since when it is held because the room is in use; its last state stands.
    #[schema(format = DateTime)]
    pub held: Option<String>,
    /// The check whose failure explains this one's.
    pub blocked_by: Option<String>,
    /// Why, worst first; notes last.
    pub reasons: Vec<ReasonBody>,
    /// What it stands on.
    pub evidence: EvidenceBody,
    /// The newest numbers, with the evidence's age.
    pub measurements: Vec<MeasurementBody>,
    /// Packet loss, where packets are counted.
    pub loss: Option<LossBody>,
}

/// A component under one profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComponentBody {
    /// Which.
    pub component: Component,
    /// Its name for people, in the language asked for.
    pub title: &'static str,
    /// What is said of it.
    pub verdict: Verdict,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// Whether it counts under this profile.
    pub requirement: Requirement,
    /// Whether the room does without it on purpose.
    pub absent: bool,
    /// Its own reasons, which no check carries.
    pub reasons: Vec<ReasonBody>,
    /// Its checks.
    pub checks: Vec<CheckBody>,
}

/// One reader's view of a snapshot: when, in which language, in whose words.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// The snapshot, as it can be believed.
    pub snapshot: &'a Snapshot,
    /// When it is read.
    pub now: Now,
    /// In which language.
    pub lang: Lang,
    /// How the room speaks.
    pub voice: &'a Voice,
}

impl Reader<'_> {
    /// A reason.
    pub fn reason(&self, reason: &Reason) -> ReasonBody {
        ReasonBody {
            code: reason.def.code,
            verdict: reason.verdict,
            message: reason.message(self.lang),
            detail: reason.detail().map(str::to_owned),
            remedy: self.voice.remedy(reason, self.lang),
            since: self.voice.stamp(reason.since),
            blocked_by: reason.blocked_by.as_ref().map(ToString::to_string),
        }
    }

    /// Several reasons.
    pub fn reasons(&self, reasons: &[Reason]) -> Vec<ReasonBody> {
        reasons.iter().map(|reason| self.reason(reason)).collect()
    }

    /// A component with its checks.
    pub fn component(&self, view: &ProfileView, component: &ComponentView) -> ComponentBody {
        let checks = component.checks.iter().map(|at| self.check(&self.snapshot.checks[*at], &view.checks[*at]));
        ComponentBody {
            component: component.component,
            title: component.component.title(self.lang),
            verdict: component.verdict,
            since: self.voice.stamp(component.since),
            requirement: component.requirement,
            absent: component.absent,
            reasons: self.reasons(&component.reasons),
            checks: checks.collect(),
        }
    }

    /// A check.
    pub fn check(&self, check: &CheckView, judged: &Judged) -> CheckBody {
        let spec = &check.spec;
        CheckBody {
            name: spec.name.to_string(),
            kind: spec.kind,
            component: spec.component,
            level: spec.level,
            verdict: judged.verdict,
            since: self.voice.stamp(judged.since),
            requirement: spec.requirement,
            group: spec.group.as_ref().map(|group| group.name.to_string()),
            uplink: spec.uplink.as_ref().map(|uplink| uplink.name.to_string()),
            pending: judged.pending.map(|pending| PendingBody {
                to: pending.to,
                since: self.voice.stamp(self.now.wall_at(pending.since)),
                at: self.voice.stamp(self.now.wall_at(pending.at)),
            }),
            held: check.held.map(|since| self.voice.stamp(since)),
            blocked_by: judged.blocked_by.as_ref().map(ToString::to_string),
            reasons: self.reasons(&judged.reasons),
            evidence: self.evidence(check),
            measurements: measurements(check),
            loss: check.loss.map(|loss| LossBody {
                sent: loss.sent,
                lost: loss.lost,
                ratio: loss.ratio,
                low: loss.low,
                high: loss.high,
            }),
        }
    }

    fn evidence(&self, check: &CheckView) -> EvidenceBody {
        let last = check.last.as_deref();
        EvidenceBody {
            at: last.map(|last| self.voice.stamp(self.now.calls(last.at))),
            age_seconds: check.age(self.now).map(seconds),
            allowed_age_seconds: seconds(check.spec.fresh_for),
            took_seconds: last.map(|last| seconds(last.took)),
            stale: check.stale,
            error: last.and_then(|last| last.error.as_ref()).map(ToString::to_string),
        }
    }
}

fn measurements(check: &CheckView) -> Vec<MeasurementBody> {
    let all = check.last.iter().flat_map(|last| &last.reading.measurements);
    all.map(|measurement| MeasurementBody {
        quantity: measurement.quantity.name,
        part: measurement.part.as_ref().map(ToString::to_string),
        value: measurement.value,
        unit: measurement.quantity.unit.as_str(),
    })
    .collect()
}

/// Seconds to the millisecond: more would only be noise.
fn seconds(length: Duration) -> f64 {
    (length.as_secs_f64() * 1e3).round() / 1e3
}
