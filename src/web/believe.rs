//! Whether a snapshot is still true: the guard against an engine that is stuck.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::snapshot::{CheckView, Judged, ProfileView};
use crate::domain::{Mono, Now, Reason, ReasonDef, Snapshot, Text, Verdict};
use crate::engine::reasons::STALE;
use crate::engine::revise::revise;

/// How late the engine may be. It is a task beside this one on a loaded machine; two seconds late is stuck, not busy.
pub const GRACE: Duration = Duration::from_secs(2);

/// How long the engine may be silent beyond the slowest check's freshness when it has named no deadline.
pub const SILENCE: Duration = Duration::from_secs(5);

/// The judge has not spoken when it should have.
pub static ENGINE_STALLED: ReasonDef = ReasonDef::new(
    "siaga.engine_stalled",
    Text::new(
        "Siaga berhenti menilai, sehingga keadaan ruangan tidak diketahui",
        "Siaga has stopped judging, so the state of the room is not known",
    ),
    Text::new(
        "Minta petugas TI menyalakan ulang layanan siaga (systemctl restart siaga)",
        "Ask IT staff to restart the siaga service (systemctl restart siaga)",
    ),
);

/// When nobody may believe this snapshot any more.
///
/// By its own deadline the engine makes a newer one. Where it has none (nothing is held, pending or fresh), only
/// observations bring news, and every check sends one at least as often as its freshness demands; if all of them are
/// silent beyond that, whoever should carry them is stuck. A room without checks has nothing to wait for.
pub fn stalls_at(snapshot: &Snapshot) -> Mono {
    if snapshot.next_deadline != Mono::NEVER {
        return snapshot.next_deadline.after(GRACE);
    }
    let slowest = snapshot.checks.iter().map(|check| check.spec.fresh_for).max();
    slowest.map_or(Mono::NEVER, |slowest| snapshot.at.mono.after(slowest).after(SILENCE))
}

/// The room as it can be believed now: as the snapshot says while it is current, unknown where its evidence has run out
/// since, all unknown once the engine is stuck.
pub fn believe(snapshot: &Arc<Snapshot>, now: Now) -> Arc<Snapshot> {
    let stalls_at = stalls_at(snapshot);
    if now.mono > stalls_at {
        return Arc::new(stalled(snapshot, now, stalls_at));
    }
    if snapshot.checks.iter().any(|check| ran_out(check, now)) {
        Arc::new(aged(snapshot, now))
    } else {
        Arc::clone(snapshot)
    }
}

/// Until when [`believe`] says the same of this snapshot as now.
pub fn believed_until(snapshot: &Snapshot, now: Now) -> Mono {
    let limits = snapshot.checks.iter().filter(|check| !check.stale && check.held.is_none());
    let limits = limits.filter_map(|check| check.fresh_until).chain([stalls_at(snapshot)]);
    limits.filter(|limit| *limit >= now.mono).min().unwrap_or(Mono::NEVER)
}

/// Whether a check's evidence became too old after the snapshot was taken.
fn ran_out(check: &CheckView, now: Now) -> bool {
    !check.stale && check.held.is_none() && check.fresh_until.is_some_and(|limit| limit < now.mono)
}

fn aged(snapshot: &Snapshot, now: Now) -> Snapshot {
    let see = |at: usize, judged: &Judged| {
        let check = &snapshot.checks[at];
        Some(match check.fresh_until {
            Some(limit) if ran_out(check, now) => unknown(judged, &STALE, now, limit),
            _ => judged.clone(),
        })
    };
    let profiles = snapshot.profiles.iter().map(|view| Arc::new(revise(snapshot, view, see))).collect();
    Snapshot { profiles, checks: marked(snapshot, now), ..snapshot.clone() }
}

fn stalled(snapshot: &Snapshot, now: Now, since: Mono) -> Snapshot {
    let reason = told(&ENGINE_STALLED, now, since);
    let profiles = snapshot.profiles.iter().map(|view| {
        let mut reasons = vec![reason.clone()];
        reasons.extend(view.reasons.iter().cloned());
        let with_reason = ProfileView { reasons, ..(**view).clone() };
        let mut seen = revise(snapshot, &with_reason, |_, judged| Some(unknown(judged, &ENGINE_STALLED, now, since)));
        for component in Arc::make_mut(&mut seen.components).iter_mut().filter(|component| !component.absent) {
            component.verdict = Verdict::Unknown;
        }
        seen.root_cause = None;
        Arc::new(seen)
    });
    Snapshot { profiles: profiles.collect(), checks: marked(snapshot, now), ..snapshot.clone() }
}

fn marked(snapshot: &Snapshot, now: Now) -> Vec<Arc<CheckView>> {
    let mark = |check: &Arc<CheckView>| {
        if ran_out(check, now) { Arc::new(CheckView { stale: true, ..(**check).clone() }) } else { Arc::clone(check) }
    };
    snapshot.checks.iter().map(mark).collect()
}

fn unknown(judged: &Judged, why: &'static ReasonDef, now: Now, since: Mono) -> Judged {
    let reasons = vec![told(why, now, since)];
    Judged {
        verdict: Verdict::Unknown,
        since: now.wall_at(since),
        pending: None,
        reasons,
        blocked_by: judged.blocked_by.clone(),
    }
}

fn told(why: &'static ReasonDef, now: Now, since: Mono) -> Reason {
    Reason { def: why, verdict: Verdict::Unknown, args: Vec::new(), since: now.wall_at(since), blocked_by: None }
}
