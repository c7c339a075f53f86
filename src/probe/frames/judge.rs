//! From what was seen in frames to a reading. No input, no output.

use siaga_signal::light::Light;

use super::look::Seen;
use super::reasons::{
    BLACK, BRIGHT, DAMAGED, DARK, DEAD, FEW, FORMAT_UNREAD, FROZEN, STILL, STREAM_FAILED, UNIFORM, UNREADABLE,
};
use super::{BLACKNESS, BURNT, CONTRAST, Config, DAMAGE, DELIVERED, DROWNED, LUMA, REPEATED};
use crate::domain::{Arg, ErrorKind, Finding, ProbeError, Reading, Unit, Verdict};
use crate::probe::camera::holder::Holder;
use crate::probe::camera::judge::name;
use crate::probe::camera::nodes::Node;
use crate::probe::camera::{IN_USE_BY, IN_USE_UNSEEN, MISSING, NO_CAMERA, NO_PERMISSION};

/// A change from one grid to the next no larger than that is none (`FFmpeg`'s `freezedetect`, `noise` 0.001).
const NO_CHANGE: f64 = 0.001;

/// What a look at one camera came to.
pub(super) enum Sight {
    /// Somebody has it, and it was left alone.
    Held(Holder),
    /// It was looked at, or could not be.
    Looked(Result<Seen, ProbeError>),
}

impl Sight {
    /// Whether it is one that sees no colours, and was not looked at.
    pub(super) fn is_grey(&self) -> bool {
        matches!(self, Self::Looked(Ok(seen)) if seen.grey)
    }

    /// Whether that node is a camera's, well or not, and no further node of one.
    pub(super) fn is_cameras(&self, node: &Node) -> bool {
        match self {
            Self::Held(_) => node.index == 0,
            Self::Looked(Ok(seen)) => seen.captures,
            Self::Looked(Err(error)) => error.kind != ErrorKind::Gone,
        }
    }

    /// Whether somebody else has it.
    pub(super) fn is_taken(&self) -> bool {
        match self {
            Self::Held(_) => true,
            Self::Looked(seen) => seen.as_ref().is_err_and(|error| error.kind == ErrorKind::Busy),
        }
    }
}

pub(super) fn reading(config: &Config, sights: &[(Node, Sight)]) -> Reading {
    let mut reading = Reading::default();
    let mut told = Vec::new();
    let mut good = false;
    for (node, sight) in sights {
        let findings = match sight {
            // A camera's picture is its first node's; of a further one that was not asked it is not known what it is.
            Sight::Held(_) if node.index != 0 && sights.len() > 1 => continue,
            Sight::Held(holder) => vec![held(holder)],
            // A camera's further nodes send no frames; and one pulled out meanwhile is seen by its absence the next time.
            Sight::Looked(Ok(seen)) if !seen.captures => continue,
            Sight::Looked(Err(error)) if error.kind == ErrorKind::Gone => continue,
            Sight::Looked(Ok(seen)) => {
                measure(node, seen, &mut reading);
                picture(config, seen)
            }
            Sight::Looked(Err(error)) => vec![failure(error)],
        };
        good |= findings.iter().all(|finding| finding.verdict == Verdict::Ready);
        told.push((node, findings));
    }
    if told.is_empty() {
        reading.find(if config.device == "auto" {
            Finding::new(&NO_CAMERA, Verdict::NotReady)
        } else {
            Finding::new(&MISSING, Verdict::NotReady).with("device", config.device.as_str())
        });
    }
    for (node, findings) in told {
        for mut finding in findings {
            // Where another camera serves, one that does not takes nothing but the spare.
            if good && matches!(finding.verdict, Verdict::NotReady | Verdict::Unknown) {
                finding.verdict = Verdict::Degraded;
            }
            reading.find(finding.with("device", name(node)));
        }
    }
    reading
}

fn held(holder: &Holder) -> Finding {
    match holder {
        Holder::Process(process) => Finding::new(&IN_USE_BY, Verdict::Ready).with("holder", process.as_str()),
        Holder::Unseen | Holder::Nobody | Holder::Unknown => Finding::new(&IN_USE_UNSEEN, Verdict::Ready),
    }
}

fn failure(error: &ProbeError) -> Finding {
    let detail = || Arg::Text(error.detail.clone());
    match error.kind {
        // A stream that never begins, or a driver that does not come back.
        ErrorKind::Timeout => Finding::new(&DEAD, Verdict::NotReady),
        ErrorKind::Busy => Finding::new(&IN_USE_UNSEEN, Verdict::Ready),
        ErrorKind::Permission => Finding::new(&NO_PERMISSION, Verdict::Unknown).with("detail", detail()),
        _ => Finding::new(&UNREADABLE, Verdict::Unknown).with("detail", detail()),
    }
}

fn measure(node: &Node, seen: &Seen, reading: &mut Reading) {
    let mut measure = |quantity, value| reading.measure_part(quantity, &node.name, value);
    if let Some(promised) = seen.promised {
        measure(&DELIVERED, seen.delivered / promised);
    }
    if seen.frames > 0 {
        measure(&REPEATED, seen.repeated);
    }
    if let Some(damage) = seen.damage() {
        measure(&DAMAGE, damage);
    }
    if let Some(light) = &seen.light {
        measure(&LUMA, light.mean / 255.0);
        measure(&CONTRAST, light.deviation / 255.0);
        measure(&BLACKNESS, light.black);
        measure(&DROWNED, light.drowned);
        measure(&BURNT, light.burnt);
    }
}

/// What a stream of frames says. What explains the rest stands alone: a black picture is dark and of one shade too.
fn picture(config: &Config, seen: &Seen) -> Vec<Finding> {
    let share = |value| Arg::Number(value, Unit::Ratio);
    if let Some(detail) = &seen.failure {
        return vec![Finding::new(&STREAM_FAILED, Verdict::NotReady).with("detail", detail.as_str())];
    }
    let damaged = |damage, verdict| Finding::new(&DAMAGED, verdict).with("value", share(damage));
    // Nothing can be shown of any of them.
    if let (Some(damage), None) = (seen.damage(), &seen.light) {
        return vec![damaged(damage, Verdict::NotReady)];
    }
    if seen.frames == 0 {
        return vec![Finding::new(&DEAD, Verdict::NotReady)];
    }
    let mut told = Vec::new();
    let black = seen.light.as_ref().is_some_and(|light| light.black >= config.black_not_ready);
    if black {
        told.push(Finding::new(&BLACK, Verdict::NotReady));
    } else if seen.repeated > config.frozen_not_ready.0.as_secs_f64() {
        told.push(Finding::new(&FROZEN, Verdict::NotReady).with("value", Arg::Number(seen.repeated, Unit::Seconds)));
    }
    if let Some(damage) = seen.damage().filter(|damage| *damage > config.damaged_degraded) {
        // How bright it is where something is missing is nobody's word.
        told.push(damaged(damage, Verdict::Degraded));
    } else if let Some(light) = seen.light.as_ref().filter(|_| !black) {
        told.extend(exposure(config, light));
    }
    let ratio = seen.promised.map(|promised| seen.delivered / promised);
    if let Some(ratio) = ratio.filter(|ratio| *ratio < config.delivered_degraded) {
        told.push(Finding::new(&FEW, Verdict::Degraded).with("value", share(ratio)));
    }
    if told.is_empty() && seen.change.is_some_and(|change| change <= NO_CHANGE) {
        told.push(Finding::new(&STILL, Verdict::Ready));
    }
    if seen.light.is_none() {
        told.push(Finding::new(&FORMAT_UNREAD, Verdict::Ready).with("format", seen.format.as_str()));
    }
    told
}

fn exposure(config: &Config, light: &Light) -> Option<Finding> {
    let share = |value| Arg::Number(value, Unit::Ratio);
    if light.deviation < config.uniform_deviation && light.edges < config.uniform_edges {
        Some(Finding::new(&UNIFORM, Verdict::Degraded))
    } else if light.drowned > config.dark_degraded {
        Some(Finding::new(&DARK, Verdict::Degraded).with("value", share(light.drowned)))
    } else if light.burnt > config.bright_degraded {
        Some(Finding::new(&BRIGHT, Verdict::Degraded).with("value", share(light.burnt)))
    } else {
        None
    }
}
