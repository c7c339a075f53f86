//! The room under one profile: its components, its verdict, its root cause. Made anew only when something in it has changed.

use std::sync::Arc;

use super::cause::{self, Node};
use super::check::CheckState;
use super::rollup::{self, Decided};
use super::{Engine, reasons};
use crate::domain::snapshot::{ComponentView, Judged, ProfileView};
use crate::domain::{Arg, CheckSpec, Component, Mono, Now, Reason, Requirement, Subject, Verdict};

/// All that a roll-up depends on, beside the plan and the passing of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MadeOf {
    starting: bool,
    changes: u64,
    /// Empty where nothing explains anything.
    blocked_by: Vec<Option<usize>>,
}

impl Engine {
    /// The room under one profile. What was rolled up before stands as long as nothing that it is made of has changed.
    pub(super) fn roll_up(&mut self, place: usize, now: Now) -> Arc<ProfileView> {
        // Only what is not ready explains another; in most turns nothing is.
        let nodes: Vec<Node> = if self.checks.iter().any(|check| check.judged(place).verdict == Verdict::NotReady) {
            self.checks.iter().map(|check| check.node(place, check.judged(place))).collect()
        } else {
            Vec::new()
        };
        let made_of = MadeOf {
            starting: self.starting,
            // Each counter only grows, so no two states have the same sum.
            changes: self.checks.iter().map(|check| check.changes(place)).sum(),
            blocked_by: self.by_what_counts(place, &cause::blocked_by(&nodes)),
        };
        let valid_until = self.valid_until(place, now);
        let before = self.rolled_up.get(place).and_then(Option::as_ref).filter(|(of, _)| *of == made_of);
        let view = match before {
            Some((_, view)) if view.valid_until == valid_until => Arc::clone(view),
            Some((_, view)) => Arc::new(ProfileView { valid_until, ..(**view).clone() }),
            None => Arc::new(self.roll_up_anew(place, &made_of.blocked_by, valid_until, now)),
        };
        if self.rolled_up.len() <= place {
            self.rolled_up.resize_with(place + 1, || None);
        }
        self.rolled_up[place] = Some((made_of, Arc::clone(&view)));
        view
    }

    /// What explains each check, where that may. What counts is explained by what counts alone: what does not is no incident, and
    /// nobody would be told of either. Above it in the chain something may stand that does.
    fn by_what_counts(&self, place: usize, blocked_by: &[Option<usize>]) -> Vec<Option<usize>> {
        let counts = |at: &usize| self.counts(place, &self.checks[*at]);
        let explains = |(child, cause): (usize, &Option<usize>)| {
            let mut chain = std::iter::successors(*cause, |at| blocked_by[*at]);
            // Of most nothing does; the others are asked for.
            if cause.is_some() && counts(&child) { chain.find(counts) } else { *cause }
        };
        blocked_by.iter().enumerate().map(explains).collect()
    }

    /// The earliest moment at which evidence that counts under a profile becomes too old.
    fn valid_until(&self, place: usize, now: Now) -> Mono {
        // Asked of the profile once, and not of each check, of which there may be a thousand.
        let components: Vec<Component> =
            Component::ALL.into_iter().filter(|component| self.component_counts(place, *component)).collect();
        let counts =
            |spec: &CheckSpec| spec.requirement == Requirement::Required && components.contains(&spec.component);
        let counted = self.checks.iter().filter(|check| counts(check.spec()));
        counted.filter_map(CheckState::valid_until).min().unwrap_or(now.mono)
    }

    fn counts(&self, place: usize, check: &CheckState) -> bool {
        let spec = check.spec();
        spec.requirement == Requirement::Required && self.component_counts(place, spec.component)
    }

    fn component_counts(&self, place: usize, component: Component) -> bool {
        self.plan.profiles[place].requirement(component) == Requirement::Required
            && !self.plan.absent.contains(&component)
    }

    fn roll_up_anew(&mut self, place: usize, blocked_by: &[Option<usize>], valid_until: Mono, now: Now) -> ProfileView {
        let profile = Arc::clone(&self.plan.profiles[place]);
        let mut judged: Vec<Judged> = self.checks.iter().map(|check| check.judged(place).clone()).collect();
        for (judged, cause) in judged.iter_mut().zip(blocked_by) {
            judged.blocked_by = cause.map(|at| self.checks[at].spec().name.clone());
            for reason in &mut judged.reasons {
                reason.blocked_by.clone_from(&judged.blocked_by);
            }
        }
        let components: Vec<ComponentView> =
            Component::ALL.into_iter().map(|component| self.component(place, component, &judged, now)).collect();
        let mut verdict =
            rollup::room(components.iter().map(|view| (view.component, view.requirement, view.absent, view.verdict)));
        let mut reasons = Vec::new();
        if self.starting {
            verdict = Verdict::Unknown;
            let since = self.started.wall;
            reasons.push(Reason { def: &reasons::STARTING, verdict, args: Vec::new(), since, blocked_by: None });
        }
        // Only what makes the room what it is: not the dead member of a group that others stand in for.
        let specs = self.checks.iter().map(|check| &**check.spec());
        let groups = rollup::groups(specs.zip(judged.iter().map(|judged| judged.verdict)));
        let decides = |at: &usize| {
            let component = self.checks[*at].spec().component;
            judged[*at].verdict == verdict
                && !rollup::is_stood_in_for(&groups, self.checks[*at].spec(), verdict)
                && self.counts(place, &self.checks[*at])
                && components.iter().any(|view| view.component == component && view.verdict == verdict)
        };
        // A room on its backup is so because of what fails on the main line.
        let on_backup = |at: &usize| {
            let spec = self.checks[*at].spec();
            !judged[*at].verdict.is_usable()
                && spec.backup().is_none()
                && self.counts(place, &self.checks[*at])
                && components.iter().any(|view| {
                    let said = view.reasons.iter().any(|reason| reason.def == &reasons::ON_BACKUP);
                    said && view.component == spec.component && view.verdict == verdict
                })
        };
        let worst = (0..judged.len()).find(decides).or_else(|| (0..judged.len()).find(on_backup));
        let root_cause = worst
            .filter(|_| verdict != Verdict::Ready)
            .map(|at| self.checks[cause::root(blocked_by, at)].spec().name.clone());
        let components = components.into();
        ProfileView { profile, verdict, reasons, components, checks: judged.into(), root_cause, valid_until }
    }

    fn component(&mut self, place: usize, component: Component, judged: &[Judged], now: Now) -> ComponentView {
        let requirement = self.plan.profiles[place].requirement(component);
        let absent = self.plan.absent.contains(&component);
        let checks: Vec<usize> =
            (0..self.checks.len()).filter(|at| self.checks[*at].spec().component == component).collect();
        let decided = checks.iter().map(|at| Decided {
            spec: self.checks[*at].spec(),
            verdict: judged[*at].verdict,
            observed: self.checks[*at].has_evidence(),
        });
        let decided: Vec<Decided<'_>> = decided.collect();
        let (rolled, backups) = rollup::component_on(&decided);
        let backups: Vec<_> =
            backups.into_iter().filter_map(|one| Some((Arc::clone(&one.name), one.backup?))).collect();
        let verdict = rolled.unwrap_or(if absent { Verdict::Ready } else { Verdict::Unknown });
        let profile = &self.plan.profiles[place].name;
        let before = self.standings.before(&Subject::Component(component)).filter(|before| before.profile == *profile);
        let began = before.filter(|before| before.verdict == verdict).map_or(now.wall, |before| before.since);
        let entry = self.since.entry((place, component)).or_insert((verdict, began));
        if entry.0 != verdict {
            *entry = (verdict, began);
        }
        let since = entry.1;
        let mut reasons = Vec::new();
        if rolled.is_none() && !absent && requirement == Requirement::Required {
            reasons.push(Reason {
                def: &reasons::NOT_CONFIGURED,
                verdict: Verdict::Unknown,
                args: Vec::new(),
                since,
                blocked_by: None,
            });
        }
        if backups.is_empty() {
            self.on_backup.remove(&(place, component));
        } else {
            let since = *self.on_backup.entry((place, component)).or_insert(now.wall);
            for (name, verdict) in backups {
                let args = vec![("uplink", Arg::Text(name.to_string()))];
                reasons.push(Reason { def: &reasons::ON_BACKUP, verdict, args, since, blocked_by: None });
            }
        }
        ComponentView { component, verdict, requirement, absent, reasons, checks, since }
    }
}
