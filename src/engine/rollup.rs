//! From checks to components to the room: a pure function of what is decided, once per profile.

use std::collections::BTreeMap;

use crate::domain::{CheckSpec, Component, Requirement, Uplink, Verdict};

/// A check with its decided verdict.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// What was configured.
    pub spec: &'a CheckSpec,
    /// What is decided.
    pub verdict: Verdict,
    /// Whether anything was ever observed of it.
    pub observed: bool,
}

/// The verdict of a component from its checks. `None`: nothing that counts is configured.
///
/// Advisory checks are left out. A group stands in for its members as the `need`-th best of them: with `need = 1` one
/// good member is enough.
pub fn component(checks: &[Decided<'_>]) -> Option<Verdict> {
    let required = checks.iter().filter(|check| check.spec.requirement == Requirement::Required);
    let alone = required.filter(|check| check.spec.group.is_none()).map(|check| check.verdict);
    let groups = groups(checks.iter().map(|check| (check.spec, check.verdict)));
    Verdict::worst(alone.chain(groups.into_values()))
}

/// The verdict of each group, by its name, of the checks that count.
pub fn groups<'a>(checks: impl IntoIterator<Item = (&'a CheckSpec, Verdict)>) -> BTreeMap<&'a str, Verdict> {
    let mut members: BTreeMap<&str, (usize, Vec<Verdict>)> = BTreeMap::new();
    for (spec, verdict) in checks {
        if let Some(group) = spec.group.as_ref().filter(|_| spec.requirement == Requirement::Required) {
            members.entry(&group.name).or_insert((group.need, Vec::new())).1.push(verdict);
        }
    }
    members.into_iter().filter_map(|(name, (need, all))| Some((name, group(need, all)?))).collect()
}

/// Whether others of its group stand in for a check that is as bad as `verdict`: the whole is better.
pub fn is_stood_in_for(groups: &BTreeMap<&str, Verdict>, spec: &CheckSpec, verdict: Verdict) -> bool {
    let whole = spec.group.as_ref().and_then(|group| groups.get(&*group.name));
    whole.is_some_and(|whole| *whole < verdict)
}

/// The verdict of a group: the `need`-th best of its members; `None` of no members.
pub fn group(need: usize, mut members: Vec<Verdict>) -> Option<Verdict> {
    members.sort();
    let last = members.len().checked_sub(1)?;
    members.get(need.saturating_sub(1).min(last)).copied()
}

/// The same, and by which backup uplinks it stands: what the config says of a room on its backup comes on top.
pub fn component_on<'a>(checks: &[Decided<'a>]) -> (Option<Verdict>, Vec<&'a Uplink>) {
    let backups = by_backup(checks);
    let said = Verdict::worst(backups.iter().filter_map(|uplink| uplink.backup)).unwrap_or(Verdict::Ready);
    (component(checks).map(|verdict| verdict.max(said)), backups)
}

/// The backup uplinks without which a component would be worse than it is: those by which the good members of a group measure that
/// would be worse without them. A group of whose other members one has not been looked at yet says nothing.
fn by_backup<'a>(checks: &[Decided<'a>]) -> Vec<&'a Uplink> {
    let mut groups: BTreeMap<&str, Vec<&Decided<'a>>> = BTreeMap::new();
    for check in checks.iter().filter(|check| check.spec.requirement == Requirement::Required) {
        if let Some(group) = &check.spec.group {
            groups.entry(&group.name).or_default().push(check);
        }
    }
    let mut all: Vec<&Uplink> = Vec::new();
    for members in groups.into_values() {
        let need = members[0].spec.group.as_ref().map_or(1, |group| group.need);
        let of = |members: &[&Decided<'_>]| group(need, members.iter().map(|check| check.verdict).collect());
        let main: Vec<&Decided<'a>> = members.iter().copied().filter(|check| check.spec.backup().is_none()).collect();
        let (Some(whole), Some(alone)) = (of(&members), of(&main)) else { continue };
        if !whole.is_usable() || alone <= whole || main.iter().any(|check| !check.observed) {
            continue;
        }
        let good = members.iter().filter(|check| check.verdict <= whole).filter_map(|check| check.spec.backup());
        for uplink in good {
            if all.iter().all(|other| other.name != uplink.name) {
                all.push(uplink);
            }
        }
    }
    all
}

/// The verdict of the room from its components: what counts, and what is said of it. A room in which nothing counts is
/// unknown.
pub fn room(components: impl IntoIterator<Item = (Component, Requirement, bool, Verdict)>) -> Verdict {
    let counted = components
        .into_iter()
        .filter(|(_, requirement, absent, _)| *requirement == Requirement::Required && !absent)
        .map(|(.., verdict)| verdict);
    Verdict::worst(counted).unwrap_or(Verdict::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The law in its own words, to hold the order of the enum against.
    fn law(all: &[Verdict]) -> Verdict {
        let any = |verdict| all.contains(&verdict);
        if any(Verdict::NotReady) {
            Verdict::NotReady
        } else if any(Verdict::Unknown) {
            Verdict::Unknown
        } else if any(Verdict::Degraded) {
            Verdict::Degraded
        } else {
            Verdict::Ready
        }
    }

    #[test]
    fn every_combination_of_the_six_components_and_their_requirements() {
        // 4 verdicts × (required, advisory, absent) for each of six: 12^6 ≈ 3 million rooms.
        let choices: Vec<(Requirement, bool, Verdict)> = Verdict::ALL
            .into_iter()
            .flat_map(|verdict| {
                [
                    (Requirement::Required, false, verdict),
                    (Requirement::Advisory, false, verdict),
                    (Requirement::Required, true, verdict),
                ]
            })
            .collect();
        let mut room_of = [0_usize; 6];
        loop {
            let components = room_of.iter().zip(Component::ALL).map(|(choice, component)| {
                let (requirement, absent, verdict) = choices[*choice];
                (component, requirement, absent, verdict)
            });
            let mut counted = [Verdict::Ready; 6];
            let mut count = 0;
            for choice in room_of {
                let (requirement, absent, verdict) = choices[choice];
                if requirement == Requirement::Required && !absent {
                    counted[count] = verdict;
                    count += 1;
                }
            }
            let expected = if count == 0 { Verdict::Unknown } else { law(&counted[..count]) };
            assert_eq!(room(components), expected, "{room_of:?}");
            let Some(place) = room_of.iter().position(|choice| *choice + 1 < choices.len()) else { break };
            room_of[place] += 1;
            room_of[..place].fill(0);
        }
    }

    #[test]
    fn a_group_is_as_good_as_its_needth_best() {
        use Verdict::{Degraded, NotReady, Ready, Unknown};
        assert_eq!(group(1, vec![NotReady, Ready, Unknown]), Some(Ready));
        assert_eq!(group(2, vec![NotReady, Ready, Unknown]), Some(Unknown));
        assert_eq!(group(3, vec![NotReady, Ready, Degraded]), Some(NotReady));
        assert_eq!(group(9, vec![NotReady, Ready]), Some(NotReady));
        assert_eq!(group(0, vec![Ready]), Some(Ready));
        assert_eq!(group(1, vec![]), None);
    }
}
