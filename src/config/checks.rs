//! Checks: what all have in common, what belongs to the kind, and the rules between them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize as _;

use super::beside::{Beside, Files};
use super::problem::{Problems, listed};
use super::radio_cards::{self, RadioCard};
use super::reader::{Table, fields, read, read_some, unknown_key};
use super::shape::{CheckCommon, GroupEntry, word};
use super::uplinks::Uplinks;
use crate::domain::{CheckName, CheckSpec, Component, Group, Holds, Kind, Period, Requirement, Uplink};
use crate::probe::{self, ProbeConfig};

/// Twenty times a second: the pace of a bench, and no burden to anybody's equipment or line.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(50);
/// What is looked at more seldom than once a month is not watched.
const LONGEST_INTERVAL: Duration = Duration::from_hours(31 * 24);
/// Three of these.
const LONGEST_FRESH: Duration = Duration::from_hours(93 * 24);
/// What lasts for a week is no hiccup.
const LONGEST_HOLD: Duration = Duration::from_hours(7 * 24);

/// A check as it is read, with the places that later rules point to.
struct Read<'t> {
    table: Table<'t>,
    spec: CheckSpec,
    probe: ProbeConfig,
    group: Option<String>,
    need: Option<(usize, Range<usize>)>,
    group_at: Range<usize>,
}

/// Reads all checks and groups; those that are sound, in the file's order. `largest_need` is the largest rate that a profile
/// needs, bit/s; `radio` the sound cards of the radio among the receivers.
pub(super) fn read_checks(
    (checks, groups): (&[Table<'_>], &[Table<'_>]),
    uplinks: &Uplinks,
    beside: &Beside<'_>,
    largest_need: f64,
    radio: Vec<RadioCard>,
    problems: &mut Problems,
) -> Vec<(Arc<CheckSpec>, ProbeConfig)> {
    let mut names: BTreeMap<String, usize> = BTreeMap::new();
    let mut all: Vec<Read<'_>> = Vec::new();
    // Groups of which a member could not be read: whether they have enough members cannot be said.
    let mut incomplete: BTreeSet<String> = BTreeSet::new();
    for table in checks {
        let common = read_common(*table, problems);
        if let Some(name) = &common.name {
            let at = table.at("name");
            if let Some(line) = names.get(name) {
                problems.say(at, format!("two checks are named {name:?}; the first is on line {line}"));
            } else if let Err(message) = word(name) {
                problems.say(at, message);
            } else {
                names.insert(name.clone(), problems.line(at.start));
            }
        }
        let mut probe = common.kind.and_then(|kind| read_own(kind, *table, beside, problems));
        if let Some(probe) = &mut probe {
            probe.fit(largest_need);
            if let Some((key, why)) = probe.misfit(largest_need) {
                problems.say(table.at(key), why);
            }
        }
        let uplink = common.uplink.as_deref().and_then(|name| uplinks.lead(name, probe.as_mut(), *table, problems));
        let group = common.group.clone();
        match assemble(common, probe, uplink, *table, problems) {
            Some(check) => all.push(check),
            None => incomplete.extend(group),
        }
    }
    join_groups(&mut all, groups, &incomplete, problems);
    let mut told: Vec<_> = all.iter_mut().map(|check| (&check.spec.name, &mut check.probe, check.table)).collect();
    radio_cards::keep_off(&mut told, radio, problems);
    for Read { spec, probe, .. } in &mut all {
        spec.looks_at = digest(probe, spec.uplink.as_deref());
    }
    judge_alone(&mut all.iter_mut().map(|check| (&mut check.spec, &check.probe)).collect::<Vec<_>>());
    all.into_iter().map(|check| (Arc::new(check.spec), check.probe)).collect()
}

/// Says for each call-like test whether its not knowing the way in makes it unknown: only where no check that counts measures
/// that way on its line.
pub(crate) fn judge_alone(checks: &mut [(&mut CheckSpec, &ProbeConfig)]) {
    let way = |spec: &CheckSpec| spec.uplink.as_ref().map(|uplink| uplink.name.clone());
    let tells = |(spec, probe): &&(&mut CheckSpec, &ProbeConfig)| {
        spec.requirement == Requirement::Required && probe.measures_way_in()
    };
    let told: Vec<_> = checks.iter().filter(tells).map(|(spec, _)| (way(spec), spec.group.clone())).collect();
    let groups: Vec<_> = checks.iter().filter_map(|(spec, _)| spec.group.clone()).collect();
    // One for which this one may stand in tells nothing where it has to.
    let may_stand_in = |group: &Group| groups.iter().filter(|other| *other == group).count() > group.need;
    let is_told = |spec: &CheckSpec| {
        let mut told = told.iter().filter(|(by, _)| *by == way(spec));
        told.any(|(_, group)| *group != spec.group || !group.as_ref().is_some_and(may_stand_in))
    };
    let rule = probe::stamp::Config::rule_alone();
    for (spec, _) in checks.iter_mut().filter(|(spec, _)| spec.kind == Kind::Stamp) {
        spec.rules.retain(|one| *one != rule);
        if !is_told(spec) {
            spec.rules.push(rule);
        }
    }
}

/// The keys that every check may have.
pub(super) fn common_keys() -> &'static [&'static str] {
    fields(|asking| CheckCommon::deserialize(asking).map(drop)).unwrap_or_default()
}

/// The keys of a kind's own, where its shape says them.
pub(super) fn own_keys(kind: Kind) -> Option<&'static [&'static str]> {
    fields(|asking| ProbeConfig::deserialize_as(kind, asking).map(drop))
}

fn read_common(table: Table<'_>, problems: &mut Problems) -> CheckCommon {
    let keys = common_keys();
    let common: CheckCommon =
        read_some(table, |key| keys.contains(&key), problems, |from| CheckCommon::deserialize(from))
            .unwrap_or_default();
    for key in ["name", "kind"] {
        if table.get(key).is_none() {
            problems.say(table.head(), format!("{key} is missing"));
        }
    }
    common
}

fn read_own(kind: Kind, table: Table<'_>, beside: &Beside<'_>, problems: &mut Problems) -> Option<ProbeConfig> {
    let common = common_keys();
    let own = own_keys(kind);
    let is_own = |key: &str| own.map_or_else(|| !common.contains(&key), |own| own.contains(&key));
    for (key, span) in table.keys() {
        if !is_own(key) && !common.contains(&key) {
            let allowed = common.iter().filter(|key| kind.component().is_none() || **key != "component");
            problems.say(span, unknown_key(key, allowed.chain(own.unwrap_or_default()).copied()));
        }
    }
    let mut probe = read_some(table, is_own, problems, |from| ProbeConfig::deserialize_as(kind, from))?;
    for (milder, worse) in probe.crossed() {
        let at = table.get(milder).map_or_else(|| table.at(worse), toml::Spanned::span);
        problems.say(at, format!("{milder} and {worse} are crossed: it would be not ready before it is degraded"));
    }
    let mut is_there = true;
    for (key, file) in probe.files() {
        if let Err(message) = beside.find(file) {
            problems.say(table.at(key), message);
            is_there = false;
        }
    }
    if is_there
        && beside.asks() == Files::Tried
        && let Some((key, message)) = probe.useless_secret()
    {
        problems.say(table.at(key), message);
    }
    Some(probe)
}

/// The check, if enough of it could be read; its rules are checked in any case.
fn assemble<'t>(
    common: CheckCommon,
    probe: Option<ProbeConfig>,
    uplink: Option<Arc<Uplink>>,
    table: Table<'t>,
    problems: &mut Problems,
) -> Option<Read<'t>> {
    let kind = common.kind?;
    let defaults = probe::defaults(kind);
    let interval = common.interval.map_or(defaults.interval, |Period(interval)| interval);
    let interval = if interval < SHORTEST_INTERVAL {
        let shortest = Period(SHORTEST_INTERVAL);
        problems.say(table.at("interval"), format!("interval must be at least {shortest}: nothing here is a flood"));
        defaults.interval
    } else {
        interval
    };
    let times = [
        ("interval", common.interval, LONGEST_INTERVAL),
        ("fresh_for", common.fresh_for, LONGEST_FRESH),
        ("bad_for", common.bad_for, LONGEST_HOLD),
        ("good_for", common.good_for, LONGEST_HOLD),
    ];
    for (key, said, longest) in times {
        if let Some(said) = said.filter(|said| said.0 > longest) {
            problems.say(table.at(key), format!("{said} is out of range; {key} is at most {}", Period(longest)));
        }
    }
    let fresh_for = common.fresh_for.map_or_else(|| fresh_for(interval, &defaults), |Period(fresh_for)| fresh_for);
    if fresh_for < interval {
        let message = format!(
            "fresh_for ({}) is shorter than interval ({}): the evidence would be stale before the next",
            Period(fresh_for),
            Period(interval)
        );
        problems.say(table.at("fresh_for"), message);
    }
    if common.need.is_some() && common.group.is_none() && table.get("group").is_none() {
        problems.say(table.at("need"), "need without a group; it says how many of a group must be good");
    }
    let component = component(kind, &common, table, problems)?;
    let (name, probe) = (common.name?, probe?);
    let spec = CheckSpec {
        name: CheckName::from(name),
        kind,
        component,
        level: common.level.unwrap_or_else(|| probe.level()),
        requirement: common.requirement,
        group: None,
        uplink,
        active: defaults.active,
        interval,
        fresh_for,
        holds: Holds {
            bad_for: common.bad_for.map_or(defaults.bad_for, |Period(hold)| hold),
            good_for: common.good_for.map_or(defaults.good_for, |Period(hold)| hold),
        },
        // Said once its probe has been told all that it is told.
        looks_at: 0,
        rules: probe.rules(),
        loss: probe.loss(),
    };
    let need = common.need.map(|need| (need, table.at("need")));
    Some(Read { table, spec, probe, group: common.group, need, group_at: table.at("group") })
}

/// How old evidence may be where only the interval was changed: as many intervals as the kind ships with, and never less
/// than it ships with.
fn fresh_for(interval: Duration, defaults: &probe::Defaults) -> Duration {
    let intervals = defaults.fresh_for.as_secs_f64() / defaults.interval.as_secs_f64().max(f64::MIN_POSITIVE);
    let scaled = Duration::try_from_secs_f64(interval.as_secs_f64() * intervals.max(1.0)).unwrap_or(Duration::MAX);
    scaled.max(defaults.fresh_for)
}

fn component(kind: Kind, common: &CheckCommon, table: Table<'_>, problems: &mut Problems) -> Option<Component> {
    match (kind.component(), common.component) {
        (Some(component), Some(_)) => {
            problems.say(table.at("component"), format!("a check of kind {kind} always speaks for {component}"));
            Some(component)
        }
        (Some(component), None) | (None, Some(component)) => Some(component),
        (None, None) => {
            // Where the kind's own shape has the key, that says so itself.
            let told = own_keys(kind).is_some_and(|own| own.contains(&"component"));
            if !told && table.get("component").is_none() {
                problems.say(
                    table.head(),
                    format!("component is missing; a check of kind {kind} must say what it speaks for"),
                );
            }
            None
        }
    }
}

/// A group as its `[[group]]` says.
struct Declared {
    need: Option<usize>,
    need_at: Range<usize>,
    name_at: Range<usize>,
}

fn join_groups(checks: &mut [Read<'_>], tables: &[Table<'_>], incomplete: &BTreeSet<String>, problems: &mut Problems) {
    let mut declared: BTreeMap<String, Declared> = BTreeMap::new();
    for table in tables {
        let Some(entry) = read::<GroupEntry>(*table, problems) else { continue };
        let at = table.at("name");
        match entry.name {
            None if table.get("name").is_none() => problems.say(table.head(), "name is missing"),
            None => {}
            Some(name) => {
                if let Some(first) = declared.get(&name) {
                    let line = problems.line(first.name_at.start);
                    problems.say(at, format!("two groups are named {name:?}; the first is on line {line}"));
                    continue;
                }
                declared.insert(name, Declared { need: entry.need, need_at: table.at("need"), name_at: at });
            }
        }
    }
    let mut members: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, check) in checks.iter().enumerate() {
        if let Some(group) = &check.group {
            members.entry(group.clone()).or_default().push(place);
        }
    }
    for (name, group) in &declared {
        if !members.contains_key(name) && !incomplete.contains(name) {
            problems
                .say(group.name_at.clone(), format!("group {name:?} has no member; no check says group = {name:?}"));
        }
    }
    members.retain(|name, _| !incomplete.contains(name));
    for (name, places) in members {
        let Some(need) = agreed_need(&name, &places, checks, declared.get(&name), problems) else { continue };
        let first = &checks[places[0]].spec;
        let (component, requirement) = (first.component, first.requirement);
        for place in &places {
            let check = &checks[*place];
            let other = &checks[places[0]].spec.name;
            if check.spec.component != component {
                let message = format!("group {name:?} stands for {component}, as its member {other} does");
                problems.say(check.group_at.clone(), message);
            } else if check.spec.requirement != requirement {
                let message = format!("group {name:?} is {}, as its member {other} is", requirement.as_str());
                problems.say(check.group_at.clone(), message);
            }
        }
        let group: Arc<str> = name.into();
        for place in places {
            checks[place].spec.group = Some(Group { name: Arc::clone(&group), need });
        }
    }
}

/// How many of the group must be good: as the `[[group]]` or any member says; all that say it must agree.
fn agreed_need(
    name: &str,
    places: &[usize],
    checks: &[Read<'_>],
    declared: Option<&Declared>,
    problems: &mut Problems,
) -> Option<usize> {
    let on_group = declared.and_then(|group| Some((group.need?, group.need_at.clone())));
    let on_members = places.iter().filter_map(|place| checks[*place].need.clone());
    let mut said = on_group.into_iter().chain(on_members);
    let Some((need, at)) = said.next() else {
        let known = listed(places.iter().map(|place| checks[*place].spec.name.as_str()));
        let message = format!("group {name:?} does not say how many of its members ({known}) it needs; write need");
        problems.say(checks[places[0]].group_at.clone(), message);
        return None;
    };
    for (other, other_at) in said {
        if other != need {
            let line = problems.line(at.start);
            problems.say(other_at, format!("group {name:?} needs {need}, as line {line} says, and not {other}"));
        }
    }
    if need == 0 {
        problems.say(at, format!("group {name:?} must need 1 of its members at least"));
        return None;
    }
    if need > places.len() {
        let count = places.len();
        problems.say(
            at,
            format!("group {name:?} needs {need} and has {count} {}", if count == 1 { "member" } else { "members" }),
        );
        return None;
    }
    Some(need)
}

/// Stable within one build of the daemon, which is as far as stored evidence may be believed without a look.
fn digest(probe: &ProbeConfig, uplink: Option<&Uplink>) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    format!("{probe:?}").hash(&mut hasher);
    // By another uplink it looks at something else.
    uplink.map(|uplink| (&uplink.interface, uplink.source)).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Source};
    use crate::domain::Test;

    #[test]
    fn a_call_alone_says_that_it_does_not_know_the_way_in_and_one_beside_another_measure_does_not() {
        let alone = |call: &str, rate: &str| {
            let text = format!(
                "[[uplink]]\nname = \"main\"\nsource = \"192.0.2.5\"\n\
                 [[check]]\nname = \"call\"\nkind = \"stamp\"\nreflector = \"far.example\"\n{call}\n\
                 [[check]]\nname = \"rate\"\nkind = \"bandwidth\"\nup_url = \"http://far.example/a\"\n{rate}\n\
                 [[group]]\nname = \"line\"\nneed = 1\n\
                 [[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"192.0.2.1\"\ngroup = \"line\"\n\
                 [[check]]\nname = \"farther\"\nkind = \"icmp\"\ntarget = \"192.0.2.2\"\ngroup = \"line\"\n",
            );
            let config = Config::parse(&Source::new("test", text)).unwrap_or_else(|errors| panic!("{errors}"));
            config.plan.checks[0].rules.iter().any(|rule| rule.test == Test::AtLeast)
        };
        let far = "down_url = \"http://far.example/a\"";
        assert!(!alone("", far));
        // Of this machine itself, of what does not count, of another line, of one for which the call itself stands in.
        for (call, rate) in [
            ("", "down_url = \"self\"".to_owned()),
            ("", format!("{far}\nrequirement = \"advisory\"")),
            ("uplink = \"main\"", far.to_owned()),
            ("group = \"line\"", format!("{far}\ngroup = \"line\"")),
        ] {
            assert!(alone(call, &rate), "{call} {rate}");
        }
        // Where none can be wanting none stands in.
        let pair = |own: &str| format!("{own}\ngroup = \"pair\"\nneed = 2");
        assert!(!alone(&pair(""), &pair(far)));
        assert!(!alone("uplink = \"main\"", &format!("{far}\nuplink = \"main\"")));
        assert!(!alone("", &format!("{far}\ngroup = \"line\"")));
    }
}
