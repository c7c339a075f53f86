//! From what was seen and answered to a reading. No input, no output.

use std::collections::{BTreeMap, BTreeSet};

use super::holder::Holder;
use super::nodes::Node;
use super::query::Info;
use super::{
    COUNT, FORMATS, IN_USE, IN_USE_BY, IN_USE_UNSEEN, Known, MISSING, NO_CAMERA, NO_PERMISSION, NOT_ASKED, UNANSWERING,
    UNREADABLE,
};
use crate::domain::{ErrorKind, Finding, ProbeError, Reading, Verdict};

/// A loop-back driver makes a picture of whatever a program feeds it: named it counts, by `"auto"` it is no camera.
const LOOPBACK: &str = "v4l2 loopback";

/// Whether a device of this driver is equipment of the room.
pub(in crate::probe) fn is_equipment(named: bool, driver: &str) -> bool {
    named || driver != LOOPBACK
}

pub(super) fn reading(wanted: &str, nodes: &[Node], holders: &[Holder], known: &BTreeMap<String, Known>) -> Reading {
    let mut reading = Reading::default();
    let mut cameras = BTreeSet::new();
    let mut used = Vec::new();
    let mut failed: Vec<(&Node, &Holder, &ProbeError)> = Vec::new();
    for (node, holder) in nodes.iter().zip(holders) {
        let known = known.get(&node.name);
        let answer = known.and_then(|known| known.answer.as_ref());
        match answer {
            // Until it may be opened it is not there yet.
            Some(Err(_)) if known.is_some_and(Known::is_early) => continue,
            Some(Ok(info)) if info.captures && is_equipment(wanted != "auto", &info.driver) => {
                #[allow(clippy::cast_precision_loss, reason = "at most 64")]
                reading.measure_part(&FORMATS, &node.name, info.formats.len() as f64);
            }
            // Another program has it, and the driver lets in one at a time.
            Some(Err(error)) if error.kind == ErrorKind::Busy => {}
            // The room is in use. The picture's node is the first; its driver spoke with it to make the node at all.
            None if node.index == 0 => {
                reading.find(Finding::new(&NOT_ASKED, Verdict::Ready).with("device", name(node)));
            }
            // Pulled out between the look and the question: the next look sees it.
            Some(Err(error)) if error.kind == ErrorKind::Gone => continue,
            Some(Err(error)) => {
                failed.push((node, holder, error));
                continue;
            }
            Some(Ok(_)) | None => continue,
        }
        cameras.insert(whole(node, answer));
        // Only "busy" is left of the errors.
        used.push(use_of(node, holder, matches!(answer, Some(Err(_))), &mut reading));
    }
    #[allow(clippy::cast_precision_loss, reason = "a handful")]
    reading.measure(&COUNT, cameras.len() as f64);
    // Whoever has a camera that did not answer us is in a call nonetheless; that nobody has it is as true of it.
    used.extend(failed.iter().map(|(node, holder, _)| use_of(node, holder, false, &mut reading)));
    reading.in_use = together(&used);
    judge(wanted, cameras.is_empty(), &failed, &mut reading);
    reading
}

/// Whether this camera is in use, noted in `reading`; `busy`: the driver said so.
fn use_of(node: &Node, holder: &Holder, busy: bool, reading: &mut Reading) -> Option<bool> {
    let told = match holder {
        Holder::Process(process) => Some(Finding::new(&IN_USE_BY, Verdict::Ready).with("holder", process.as_str())),
        Holder::Unseen => Some(Finding::new(&IN_USE_UNSEEN, Verdict::Ready)),
        Holder::Nobody | Holder::Unknown => busy.then(|| Finding::new(&IN_USE_UNSEEN, Verdict::Ready)),
    };
    let in_use = if told.is_some() { Some(true) } else { holder.in_use() };
    // Two nodes of one camera are one camera.
    if let Some(note) = told.map(|note| note.with("device", name(node)))
        && !reading.findings.contains(&note)
    {
        reading.find(note);
    }
    if let Some(in_use) = in_use {
        reading.measure_part(&IN_USE, &node.name, f64::from(u8::from(in_use)));
    }
    in_use
}

/// One in use is in use; only when none is, and all could be seen, nobody uses any.
fn together(used: &[Option<bool>]) -> Option<bool> {
    if used.contains(&Some(true)) { Some(true) } else { (!used.contains(&None)).then_some(false) }
}

fn judge(wanted: &str, none: bool, failed: &[(&Node, &Holder, &ProbeError)], reading: &mut Reading) {
    // Where another camera serves, one that does not answer takes nothing but the spare.
    let bad = if none { Verdict::NotReady } else { Verdict::Degraded };
    for (node, _, error) in failed {
        let finding = match error.kind {
            ErrorKind::Timeout => Finding::new(&UNANSWERING, bad).with("device", name(node)),
            _ if !none => continue,
            ErrorKind::Permission => {
                Finding::new(&NO_PERMISSION, Verdict::Unknown).with("detail", error.detail.as_str())
            }
            _ => Finding::new(&UNREADABLE, Verdict::Unknown).with("detail", error.detail.as_str()),
        };
        // Two nodes of one camera, and two cameras behind one missing right, are one thing to do.
        let told =
            |other: &Finding| *other == finding || other.reason == finding.reason && error.kind != ErrorKind::Timeout;
        if !reading.findings.iter().any(told) {
            reading.find(finding);
        }
    }
    if none && failed.is_empty() {
        reading.find(if wanted == "auto" {
            Finding::new(&NO_CAMERA, Verdict::NotReady)
        } else {
            Finding::new(&MISSING, Verdict::NotReady).with("device", wanted)
        });
    }
}

/// What all nodes of one camera have in common: where it is attached, in the driver's words, else its folder in sysfs.
fn whole(node: &Node, answer: Option<&Result<Info, ProbeError>>) -> String {
    match answer {
        Some(Ok(info)) => info.bus.clone(),
        _ => node.device.display().to_string(),
    }
}

/// What people call it.
pub(in crate::probe) fn name(node: &Node) -> &str {
    if node.card.is_empty() { &node.name } else { &node.card }
}
