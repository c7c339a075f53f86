//! The room once more, with some of it seen otherwise: evidence that ran out since, checks that the reader leaves aside,
//! only what lasts. The roll-up is the engine's own.

use std::iter;

use crate::domain::snapshot::{ComponentView, Judged, ProfileView};
use crate::domain::{CheckName, Reason, Requirement, Snapshot, Verdict};

use super::reasons::ON_BACKUP;
use super::rollup::{self, Decided};

/// `view` once more, with each check as `see` sees it; `None` leaves a check aside as if it were not there.
///
/// While the judge itself cannot speak (a reason of the room's own that is unknown, such as `siaga.starting`) the room
/// stays unknown.
pub fn revise(snapshot: &Snapshot, view: &ProfileView, see: impl Fn(usize, &Judged) -> Option<Judged>) -> ProfileView {
    let seen: Vec<Option<Judged>> = view.checks.iter().enumerate().map(|(at, judged)| see(at, judged)).collect();
    let components: Vec<ComponentView> =
        view.components.iter().map(|component| roll_up(snapshot, component, &seen)).collect();
    let rolled =
        rollup::room(components.iter().map(|view| (view.component, view.requirement, view.absent, view.verdict)));
    let speechless = view.reasons.iter().any(|reason| reason.verdict == Verdict::Unknown);
    let verdict = if speechless { Verdict::Unknown } else { rolled };
    let said = |at: usize| seen[at].as_ref().map(|judged| judged.verdict);
    // The component for which a check counts.
    let of = |at: usize| {
        let counts = |view: &&ComponentView| view.requirement == Requirement::Required && !view.absent;
        let required = snapshot.checks[at].spec.requirement == Requirement::Required;
        components.iter().filter(counts).find(|view| required && view.checks.contains(&at))
    };
    let specs = snapshot.checks.iter().map(|check| &*check.spec);
    let groups = rollup::groups(specs.zip(&seen).filter_map(|(spec, seen)| Some((spec, seen.as_ref()?.verdict))));
    let stood_in_for = |at: usize| {
        said(at).is_some_and(|verdict| rollup::is_stood_in_for(&groups, &snapshot.checks[at].spec, verdict))
    };
    // As the judge has it: what makes the room what it is, not the dead member of a group that others stand in for; …
    let decides = |at: &usize| {
        said(*at) == Some(verdict) && !stood_in_for(*at) && of(*at).is_some_and(|view| view.verdict == verdict)
    };
    // … else, of a room on its backup, what fails on the main line.
    let on_backup = |at: &usize| {
        let fails =
            said(*at).is_some_and(|verdict| !verdict.is_usable()) && snapshot.checks[*at].spec.backup().is_none();
        let stands = |view: &ComponentView| view.reasons.iter().any(|reason| reason.def == &ON_BACKUP);
        fails && of(*at).is_some_and(|view| view.verdict == verdict && stands(view))
    };
    let name = |at: usize| snapshot.checks[at].spec.name.clone();
    let places = 0..seen.len();
    // What explained the room before still does, if it is still bad, and its component no better: others stand in for it then.
    let bad = |at: usize| {
        let counts = |verdict: Verdict| !stood_in_for(at) && of(at).is_some_and(|view| verdict <= view.verdict);
        said(at).is_some_and(|verdict| verdict != Verdict::Ready && counts(verdict)) || on_backup(&at)
    };
    let place = |cause: &CheckName| places.clone().find(|at| snapshot.checks[*at].spec.name == *cause);
    let still = |cause: &CheckName| place(cause).is_some_and(bad);
    // What explains it, as long as that is as bad as it has to be for that.
    let above = |at: &usize| {
        let cause = place(seen[*at].as_ref()?.blocked_by.as_ref()?)?;
        (said(cause) == Some(Verdict::NotReady) && bad(cause)).then_some(cause)
    };
    // The tree's levels only go up, so the chain ends.
    let root = |at: usize| iter::successors(Some(at), above).last().unwrap_or(at);
    let root_cause = if verdict == Verdict::Ready {
        None
    } else if let Some(cause) = view.root_cause.clone().filter(still) {
        Some(cause)
    } else {
        places.clone().find(decides).or_else(|| places.clone().find(on_backup)).map(root).map(name)
    };
    let checks =
        seen.into_iter().zip(view.checks.iter()).map(|(seen, old)| seen.unwrap_or_else(|| old.clone())).collect();
    ProfileView {
        profile: view.profile.clone(),
        verdict,
        reasons: view.reasons.clone(),
        components: components.into(),
        checks,
        root_cause,
        valid_until: view.valid_until,
    }
}

fn roll_up(snapshot: &Snapshot, old: &ComponentView, seen: &[Option<Judged>]) -> ComponentView {
    let decided: Vec<Decided<'_>> = old
        .checks
        .iter()
        .filter_map(|at| {
            let check = &snapshot.checks[*at];
            Some(Decided { spec: &check.spec, verdict: seen[*at].as_ref()?.verdict, observed: check.last.is_some() })
        })
        .collect();
    let checks: Vec<usize> = old.checks.iter().copied().filter(|at| seen[*at].is_some()).collect();
    let (rolled, backups) = rollup::component_on(&decided);
    let holds = |reason: &&Reason| reason.def != &ON_BACKUP || !backups.is_empty();
    // A component of which everything that counts was left aside is excused; one that never had anything is as before.
    let left_aside = rolled.is_none() && checks.len() < old.checks.len();
    let absent = old.absent || left_aside;
    let verdict = rolled.unwrap_or(if absent { Verdict::Ready } else { old.verdict });
    let changes = old.checks.iter().filter_map(|at| seen[*at].as_ref());
    let since = if verdict == old.verdict {
        old.since
    } else {
        changes.filter(|judged| judged.verdict == verdict).map(|judged| judged.since).min().unwrap_or(old.since)
    };
    ComponentView {
        component: old.component,
        verdict,
        requirement: old.requirement,
        absent,
        reasons: old.reasons.iter().filter(holds).cloned().collect(),
        checks,
        since,
    }
}
