//! What a survey watches: the line's checks of the office's config, with those that flags ask for in their place.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, Source, judge_alone};
use crate::domain::{CheckName, CheckSpec, Component, Kind, Plan, Uplink};
use crate::named_file;
use crate::probe::ProbeConfig;
use crate::survey::Asked;
use crate::survey::asked::IN_USE;

/// A survey is one look: what was seen at its beginning is true at its end.
const FRESH: Duration = Duration::from_hours(24);

/// A check as the judge and the probe are told it.
type Check = (Arc<CheckSpec>, ProbeConfig);

/// What is watched.
pub(super) struct Planned {
    /// What the judge is told.
    pub(super) plan: Plan,
    /// The line's checks.
    pub(super) line: Vec<Check>,
    /// Those that look whether this computer is in a meeting.
    pub(super) in_use: Vec<Check>,
    /// The ways out that the config names.
    pub(super) uplinks: Vec<Arc<Uplink>>,
}

impl Planned {
    /// The tests, and what each may take at most, bytes.
    pub(super) fn tests(&self) -> impl Iterator<Item = (&CheckName, u64)> {
        self.line.iter().filter_map(|(spec, probe)| Some((&spec.name, probe.allowance()?.worst)))
    }

    /// Every check that is run.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Arc<CheckSpec>, &ProbeConfig)> {
        self.line.iter().chain(&self.in_use).map(|(spec, probe)| (spec, probe))
    }
}

/// Puts it together. `office` says that `config` is a room's own, and not the one that is built in.
///
/// # Errors
/// An unknown profile, nobody to ask, a file that cannot be read, a rate that cannot be proven.
pub(super) fn plan(config: &Config, office: bool, asked: &Asked, profile: Option<&str>) -> Result<Planned, String> {
    let mut plan = config.plan.clone();
    if let Some(name) = profile {
        let known: Vec<&str> = plan.profiles.iter().map(|profile| &*profile.name).collect();
        plan.default_profile = plan
            .profile(name)
            .ok_or_else(|| format!("there is no profile {name:?}; there are {}", known.join(", ")))?;
    }
    let mut line = if office { lines_own(config) } else { Vec::new() };
    if line.is_empty() && asked.is_nobody() {
        return Err(
            "nobody to measure against: name a far end (--far-end, --relay, --down with --up, --server), or a \
                    config with checks of the line (--config)"
                .to_owned(),
        );
    }
    readable(asked)?;
    let (mut added, in_use): (Vec<Check>, Vec<Check>) =
        by_flags(asked, line.is_empty())?.into_iter().partition(|(spec, _)| !IN_USE.contains(&spec.name.as_str()));
    let need = needed(&plan, profile);
    for (spec, probe) in &mut added {
        if let ProbeConfig::Stamp(crate::probe::stamp::Config { rate, .. })
        | ProbeConfig::Relay(crate::probe::relay::Config { rate, .. }) = probe
        {
            // The shipped profiles' need stands there by now.
            *rate = None;
            probe.fit(need);
            if let Some((_, why)) = probe.misfit(need) {
                return Err(format!("{}: {why}", spec.name));
            }
        }
    }
    // A flag says more than the config does.
    line.retain(|(spec, _)| added.iter().all(|(new, _)| new.kind != spec.kind || spec.kind == Kind::Icmp));
    for (spec, _) in &mut added {
        if line.iter().any(|(old, _)| old.name == spec.name) {
            Arc::make_mut(spec).name = CheckName::from(format!("survey_{}", spec.name));
        }
    }
    line.extend(added);
    judge_alone(&mut line.iter_mut().map(|(spec, probe)| (Arc::make_mut(spec), &*probe)).collect::<Vec<_>>());
    let uplinks = if office { config.uplinks.clone() } else { Vec::new() };
    let mut planned = Planned { plan, line, in_use, uplinks };
    for (spec, _) in planned.line.iter_mut().chain(&mut planned.in_use) {
        Arc::make_mut(spec).fresh_for = FRESH;
    }
    planned.plan.checks = planned.all().map(|(spec, _)| Arc::clone(spec)).collect();
    // Of the room's other equipment nothing is asked here.
    planned.plan.absent = Component::ALL.into_iter().filter(|component| *component != Component::Internet).collect();
    Ok(planned)
}

/// The config's checks of the line, but for those to this very computer.
fn lines_own(config: &Config) -> Vec<Check> {
    let all = config.plan.checks.iter().zip(&config.probes);
    let line = all.filter(|(spec, probe)| {
        spec.component == Component::Internet && spec.kind != Kind::Replay && !probe.is_against_self()
    });
    line.map(|(spec, probe)| (Arc::clone(spec), probe.clone())).collect()
}

fn by_flags(asked: &Asked, watch: bool) -> Result<Vec<Check>, String> {
    let config = Config::parse(&Source::new("flags", asked.checks(watch))).map_err(|errors| errors.render(false))?;
    Ok(config.plan.checks.into_iter().zip(config.probes).collect())
}

/// The largest rate that a meeting which is asked about needs, bit/s.
fn needed(plan: &Plan, profile: Option<&str>) -> f64 {
    let asked = plan.profiles.iter().filter(|one| profile.is_none_or(|name| *one.name == *name));
    asked.map(|profile| profile.down.degraded.max(profile.up.degraded)).fold(0.0, f64::max)
}

/// A file that cannot be read would only be found out after the watch.
fn readable(asked: &Asked) -> Result<(), String> {
    let files = [&asked.key_file, &asked.token_file, &asked.relay_password_file, &asked.ca_file].into_iter().flatten();
    for file in files.filter(|file| !file.starts_with("credential:")) {
        named_file::open(Path::new(file)).map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(&Source::new("test", text)).unwrap()
    }

    const OFFICE: &str = "[[check]]\nname = 'call'\nkind = 'stamp'\nreflector = 'office.example'\n\
        [[check]]\nname = 'a'\nkind = 'icmp'\ntarget = '192.0.2.1'\n\
        [[check]]\nname = 'own'\nkind = 'http'\n\
        [[check]]\nname = 'ups'\nkind = 'ups'\nserver = '127.0.0.1:3493'\n";

    fn names(planned: &Planned) -> Vec<(&str, Kind)> {
        planned.line.iter().map(|(spec, _)| (spec.name.as_str(), spec.kind)).collect()
    }

    #[test]
    fn flags_take_the_place_of_the_offices_checks_and_the_room_is_not_asked_about() {
        let office = config(OFFICE);
        let planned = plan(&office, true, &Asked::default(), None).unwrap();
        assert_eq!(names(&planned), [("call", Kind::Stamp), ("a", Kind::Icmp)]);
        assert!(!planned.plan.absent.contains(&Component::Internet) && planned.plan.absent.len() == 5);
        assert_eq!(planned.plan.checks.len(), 4, "and two that look whether somebody is in a meeting");
        let asked = Asked { far_end: Some("192.0.2.9".to_owned()), ..Asked::default() };
        let planned = plan(&office, true, &asked, Some("audio_only")).unwrap();
        assert_eq!(names(&planned), [("a", Kind::Icmp), ("call", Kind::Stamp)]);
        let ProbeConfig::Stamp(stamp) = &planned.line[1].1 else { panic!("no reflector") };
        assert!((stamp.rate.unwrap().0 - 88e3).abs() < 1.0, "no more than that meeting needs: {stamp:?}");
        let costs: Vec<u64> = planned.tests().map(|(_, worst)| worst).collect();
        assert!(costs.len() == 1 && costs[0] < 300_000, "{costs:?}");
    }

    #[test]
    fn without_a_config_the_place_itself_is_watched_and_somebody_must_be_named() {
        let built_in = config(crate::config::DEFAULT);
        let why = plan(&built_in, false, &Asked::default(), None).err().unwrap();
        assert!(why.contains("nobody to measure against"), "{why}");
        let asked = Asked { far_end: Some("far.example".to_owned()), ..Asked::default() };
        let planned = plan(&built_in, false, &asked, None).unwrap();
        let kinds: Vec<Kind> = names(&planned).into_iter().map(|(_, kind)| kind).collect();
        assert_eq!(kinds, [Kind::Link, Kind::Icmp, Kind::Icmp, Kind::Dns, Kind::Stamp]);
        let missing = Asked { key_file: Some("/nowhere/key".to_owned()), ..asked.clone() };
        assert!(plan(&built_in, false, &missing, None).err().unwrap().starts_with("/nowhere/key: "));
        assert!(plan(&built_in, false, &asked, Some("none")).err().unwrap().contains("there is no profile"));
    }
}
