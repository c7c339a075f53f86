//! Incidents: one per root-cause component, from leaving ready to coming back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Event, rollup};
use crate::domain::snapshot::{CheckView, ComponentView, ProfileView};
use crate::domain::{CheckName, Component, Incident, Mono, Now, Reason, Requirement, Verdict};

/// How long it is waited for what is not known of a component of which an incident is open.
const WITHIN: Duration = Duration::from_mins(2);

/// The incidents that are open.
#[derive(Clone, Debug, Default)]
pub struct Incidents {
    open: Vec<Incident>,
    /// Since when each check that is unknown is seen to be, whatever else was said of its component or its group meanwhile.
    unknown: BTreeMap<CheckName, Mono>,
    /// Of each component that is unknown: by checks that may be so for so long at most, without a break, one after the other perhaps,
    /// since when.
    spells: BTreeMap<Component, BTreeMap<Duration, Mono>>,
    /// Since when a component is unknown of which an incident is open that says otherwise.
    turned: BTreeMap<Component, Mono>,
    /// Those of before this process that changed while it settles: told once more when that is over.
    unsettled: BTreeSet<String>,
    /// The checks that made each component what its incident was told as, but for those that are mended. None of what was open before
    /// this process.
    made_by: BTreeMap<Component, Vec<CheckName>>,
    /// When it was looked again after a suspension. What became too old before that did so while nobody looked.
    woke: Option<Mono>,
}

impl Incidents {
    /// Those that were open when the process before this one ended.
    pub fn restored(open: Vec<Incident>) -> Self {
        Self { open, ..Self::default() }
    }

    /// The open ones, oldest first.
    pub fn open(&self) -> &[Incident] {
        &self.open
    }

    /// It was suspended until `now`: what is not known has all its time to be looked at, as after a start.
    pub fn wake(&mut self, now: Mono) {
        self.woke = Some(now);
        self.unknown.clear();
        self.spells.clear();
        self.turned.clear();
    }

    /// Holds the incidents against what is said of the components now. Returns what changed, and when to look again
    /// because something unknown will then have been unknown for too long.
    ///
    /// Creation is suppressed where another component's failure explains this one; resolution never is.
    pub fn update(
        &mut self,
        view: &ProfileView,
        checks: &[Arc<CheckView>],
        settling: bool,
        now: Now,
    ) -> (Vec<Event>, Mono) {
        let mut events = Vec::new();
        let mut look_again = Mono::NEVER;
        let is_unknown = view.checks.iter().zip(checks).filter(|(judged, _)| judged.verdict == Verdict::Unknown);
        let since = |name: &CheckName| self.unknown.get(name).copied().unwrap_or(now.mono);
        self.unknown = is_unknown.map(|(_, check)| (check.spec.name.clone(), since(&check.spec.name))).collect();
        for component in view.components.iter() {
            let is_bad = component.verdict != Verdict::Ready;
            let by = |all| causes(view, checks, component.component, &component.reasons, all);
            let caused = is_bad.then(|| by(false)).flatten();
            // What is waited for is what makes unknown what is told, be it worse by what something else explains.
            let verdict = caused.as_ref().map_or(component.verdict, |caused| caused.verdict);
            let unknown = makes_unknown(view, checks, component, caused.as_ref());
            let spells = self.spells.entry(component.component).or_default();
            go_on(spells, unknown.iter().map(|at| checks[*at].spec.fresh_for), now.mono);
            let open = self.open.iter_mut().find(|incident| incident.component == component.component);
            let counts = component.requirement == Requirement::Required && !component.absent;
            let outside = counts && is_bad;
            // That it is good again takes longer to be decided than what is not known may last: who has waited waits for that too. What
            // is not seen again meanwhile has had its time.
            let backs = come_back(view, checks, component, caused.as_ref(), &unknown);
            let back = |at: &usize| backs.get(at).copied();
            let all_back = |patience: Duration| {
                let mut these = unknown.iter().filter(|at| checks[**at].spec.fresh_for <= patience);
                these.try_fold(Mono::ZERO, |last, at| Some(last.max(back(at)?))).unwrap_or(Mono::ZERO)
            };
            let each = unknown.iter().filter_map(|at| {
                let due = due(&checks[*at], &self.unknown, self.woke)?;
                Some(due.max(back(at).unwrap_or(Mono::ZERO)))
            });
            let in_turn = spells.iter().map(|(patience, since)| since.after(*patience).max(all_back(*patience)));
            let waits = each.chain(in_turn).min().filter(|due| *due > now.mono);
            match open {
                Some(incident) if !outside => {
                    self.turned.remove(&component.component);
                    self.made_by.remove(&component.component);
                    // What counts no more, under another profile or config, has not come back: it stays what it was.
                    if component.verdict == Verdict::Ready && !component.absent {
                        incident.verdict = Verdict::Ready;
                    }
                    incident.close(now.wall);
                    events.push(Event::IncidentClosed(incident.clone()));
                }
                Some(incident) => {
                    // What was found at the start and is still there after the settling is news after all.
                    let lasts = !settling && (self.unsettled.remove(&incident.id) || incident.settling);
                    incident.settling &= settling;
                    // What is not known is waited for as before an incident begins, but not for hours: until then it is what it was, and
                    // what it was may be mended by now.
                    let is_news = verdict == Verdict::Unknown && incident.verdict != Verdict::Unknown;
                    let waits = if is_news {
                        let turned = *self.turned.entry(component.component).or_insert(now.mono);
                        waits
                            .map(|due| due.min(turned.after(WITHIN).max(all_back(Duration::MAX))))
                            .filter(|due| *due > now.mono)
                    } else {
                        self.turned.remove(&component.component);
                        None
                    };
                    look_again = look_again.min(waits.unwrap_or(Mono::NEVER));
                    // What something else explains by now is told of there; this one stays what it was told as, until some of that is
                    // mended.
                    let mut mended = false;
                    let is = match (waits, caused) {
                        (Some(_), _) => None,
                        (None, Some(caused)) => {
                            self.made_by.insert(component.component, caused.made_by.clone());
                            Some(caused)
                        }
                        (None, None) => {
                            let made_by = self.made_by.get_mut(&component.component);
                            let left = made_by.and_then(|made_by| forget_mended(made_by, by(true)?));
                            mended = left.is_some();
                            // What something else brings down makes it no worse.
                            left.map(|left| Caused { verdict: left.verdict.min(incident.verdict), ..left })
                        }
                    };
                    let (verdict, reasons) = is.map_or_else(
                        || (incident.verdict, incident.reasons.clone()),
                        |caused| (caused.verdict, caused.reasons),
                    );
                    // The values inside a message change with each reading; that is no news.
                    let codes = |reasons: &[Reason]| reasons.iter().map(|reason| reason.def.code).collect::<Vec<_>>();
                    let news =
                        lasts || mended || verdict != incident.verdict || codes(&reasons) != codes(&incident.reasons);
                    incident.verdict = verdict;
                    incident.worst = incident.worst.max(verdict);
                    incident.reasons = reasons;
                    if news {
                        if settling && !incident.settling {
                            self.unsettled.insert(incident.id.clone());
                        }
                        events.push(Event::IncidentChanged(incident.clone()));
                    }
                }
                None if outside => {
                    let Some(caused) = caused else { continue };
                    if let Some(due) = waits {
                        look_again = look_again.min(due);
                        continue;
                    }
                    let incident = Incident {
                        id: format!("{}-{}", component.component, now.wall.as_millisecond()),
                        component: component.component,
                        worst: caused.verdict,
                        verdict: caused.verdict,
                        opened_at: began(component, &caused),
                        reasons: caused.reasons,
                        closed_at: None,
                        settling,
                    };
                    self.made_by.insert(component.component, caused.made_by);
                    events.push(Event::IncidentOpened(incident.clone()));
                    self.open.push(incident);
                }
                None => {}
            }
        }
        self.open.retain(|incident| incident.closed_at.is_none());
        (events, look_again)
    }
}

/// Carries on what is kept of a component by the patience with each check that makes it unknown now: what is true of checks of so much
/// patience is true where more is allowed.
fn go_on(spells: &mut BTreeMap<Duration, Mono>, unknown: impl Iterator<Item = Duration> + Clone, now: Mono) {
    let least = unknown.clone().min();
    spells.retain(|patience, _| least.is_some_and(|least| least <= *patience));
    for patience in unknown {
        let since = spells.range(..=patience).map(|(_, since)| *since).min().unwrap_or(now);
        spells.entry(patience).or_insert(since);
    }
}

/// Leaves of the checks that made an incident those that still make its component bad. If that is fewer, what it is as a whole.
fn forget_mended(made_by: &mut Vec<CheckName>, whole: Caused) -> Option<Caused> {
    let before = made_by.len();
    made_by.retain(|name| whole.made_by.contains(name));
    (made_by.len() < before).then_some(whole)
}

/// Since when it is this by its own faults: what something else explains may have made it as bad or worse before.
fn began(component: &ComponentView, caused: &Caused) -> Timestamp {
    let own = caused.reasons.first().filter(|_| caused.in_part);
    own.map_or(component.since, |reason| reason.since.max(component.since))
}

/// The places of the checks that make unknown what a component is by `caused`, else what it is; none where that is another verdict,
/// which has had its hold and is an incident at once.
fn makes_unknown(
    view: &ProfileView,
    checks: &[Arc<CheckView>],
    component: &ComponentView,
    caused: Option<&Caused>,
) -> Vec<usize> {
    if caused.map_or(component.verdict, |caused| caused.verdict) != Verdict::Unknown {
        return Vec::new();
    }
    let verdict = |at: usize| caused.map_or(view.checks[at].verdict, |caused| caused.checks[at]);
    let is_required = |at: &usize| checks[*at].spec.requirement == Requirement::Required;
    let required: Vec<usize> = component.checks.iter().copied().filter(is_required).collect();
    let groups = rollup::groups(required.iter().map(|at| (&*checks[*at].spec, verdict(*at))));
    // A member that others of its group stand in for makes nothing unknown.
    let stood_in_for = |check: &CheckView| {
        let group = check.spec.group.as_ref().and_then(|group| groups.get(&*group.name));
        group.is_some_and(|whole| *whole != Verdict::Unknown)
    };
    let unknown = required.iter().filter(|at| verdict(**at) == Verdict::Unknown && !stood_in_for(&checks[**at]));
    unknown.copied().collect()
}

/// When each of the checks that make a component unknown is decided to do so no more, if all goes on to be seen as it is now: it is known
/// then, or stood in for by what is. Not by a test, which only another test confirms.
fn come_back(
    view: &ProfileView,
    checks: &[Arc<CheckView>],
    component: &ComponentView,
    caused: Option<&Caused>,
    unknown: &[usize],
) -> BTreeMap<usize, Mono> {
    let better = |at: &usize| {
        let pending = view.checks[*at].pending?;
        (pending.to < Verdict::Unknown && pending.at < Mono::NEVER).then_some((*at, pending))
    };
    let seen: BTreeMap<_, _> = unknown.iter().filter_map(better).collect();
    let then = |at: usize| {
        let is = caused.map_or(view.checks[at].verdict, |caused| caused.checks[at]);
        seen.get(&at).map_or(is, |pending| pending.to)
    };
    let groups = rollup::groups(component.checks.iter().map(|at| (&*checks[*at].spec, then(*at))));
    let by_others = |at: usize| {
        let group = &checks[at].spec.group.as_ref()?.name;
        let is_in_it = |other: usize| checks[other].spec.group.as_ref().is_some_and(|own| own.name == *group);
        let all = seen.iter().filter(|(other, _)| is_in_it(**other)).map(|(_, pending)| pending.at);
        all.max().filter(|_| groups.get(&**group).is_some_and(|whole| *whole < Verdict::Unknown))
    };
    let back = |at: usize| Some((at, seen.get(&at).map(|pending| pending.at).or_else(|| by_others(at))?));
    unknown.iter().copied().filter_map(back).collect()
}

/// When it is an incident that a check makes its component unknown: once it has been so, since the moment that `since` has of it, for
/// the age that is allowed to it, which is over where evidence became too old. By the monotonic clock: a wall clock that is set back
/// may not put an incident off.
fn due(check: &CheckView, since: &BTreeMap<CheckName, Mono>, woke: Option<Mono>) -> Option<Mono> {
    // What this process has not looked at yet has as long as what was never seen, however old its evidence is; and so has what became
    // too old while nobody looked.
    let is_over = check.stale && check.runs > 0 && check.fresh_until > woke;
    let allowed = if is_over { Duration::ZERO } else { check.spec.fresh_for };
    Some(since.get(&check.spec.name)?.after(allowed))
}

/// The place of the check at the top of the chain of explanations that begins at `at`.
fn root(view: &ProfileView, checks: &[Arc<CheckView>], at: usize) -> usize {
    let above = |at: usize| {
        let name = view.checks[at].blocked_by.as_ref()?;
        checks.iter().position(|check| check.spec.name == *name)
    };
    // The tree's levels only go up, so the chain ends.
    std::iter::successors(Some(at), |at| above(*at)).last().unwrap_or(at)
}

/// What a component is by what nothing in another component explains.
struct Caused {
    /// The roll-up of `checks`, and of what is said of the component itself: never worse than the component is, and what its other faults
    /// make of it is told where they are explained.
    verdict: Verdict,
    /// Worst first; last what others of a group stand in for, which makes it no worse.
    reasons: Vec<Reason>,
    /// What each check is here: one of this component is ready where something in another explains it.
    checks: Vec<Verdict>,
    /// Whether something in another component explains one of this.
    in_part: bool,
    /// The checks that make it so.
    made_by: Vec<CheckName>,
}

/// What a component is by what nothing in another component explains, or by `all`. None where nothing but what others stand in for is
/// left: one that has been dead for long is no news when what stands in for it is brought down by something else.
fn causes(
    view: &ProfileView,
    checks: &[Arc<CheckView>],
    component: Component,
    own: &[Reason],
    all: bool,
) -> Option<Caused> {
    let is_own = |check: &CheckView| check.spec.component == component;
    let is_explained_elsewhere = |at: usize| !all && is_own(&checks[at]) && !is_own(&checks[root(view, checks, at)]);
    let explained: Vec<_> = (0..checks.len()).map(is_explained_elsewhere).collect();
    let here = view.checks.iter().zip(&explained);
    let verdicts: Vec<_> =
        here.map(|(judged, explained)| if *explained { Verdict::Ready } else { judged.verdict }).collect();
    let seen = || checks.iter().map(|check| &*check.spec).zip(verdicts.iter().copied());
    let groups = rollup::groups(seen());
    let mut told: Vec<_> = own.iter().map(|reason| (false, reason.clone())).collect();
    let mut made_by = Vec::new();
    for (judged, (spec, verdict)) in view.checks.iter().zip(seen()) {
        if spec.component == component && spec.requirement == Requirement::Required && verdict != Verdict::Ready {
            let stood_in_for = |reason: &Reason| rollup::is_stood_in_for(&groups, spec, reason.verdict);
            let reasons = judged.reasons.iter().filter(|reason| reason.verdict != Verdict::Ready);
            told.extend(reasons.map(|reason| (stood_in_for(reason), reason.clone())));
            if !rollup::is_stood_in_for(&groups, spec, verdict) {
                made_by.push(spec.name.clone());
            }
        }
    }
    // What explains the others comes first, then the worst.
    told.sort_by_key(|(stood_in_for, reason)| {
        (*stood_in_for, reason.blocked_by.is_some(), std::cmp::Reverse(reason.verdict))
    });
    let of_it: Vec<_> = seen().filter(|(spec, _)| spec.component == component).collect();
    let decided = |(spec, verdict)| rollup::Decided { spec, verdict, observed: true };
    let rolled = rollup::component(&of_it.into_iter().map(decided).collect::<Vec<_>>());
    let verdict = Verdict::worst(rolled.into_iter().chain(own.iter().map(|reason| reason.verdict)));
    // What others stand in for makes no roll-up worse.
    let verdict = verdict.filter(|verdict| *verdict != Verdict::Ready)?;
    let reasons = told.into_iter().map(|(_, reason)| reason).collect();
    Some(Caused { verdict, reasons, checks: verdicts, in_part: explained.contains(&true), made_by })
}

#[cfg(test)]
mod tests;
