//! Controllers and hubs on which cameras and sound devices have been seen: those are worth missing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{BUS_MISSING, Config, HUB_MISSING, buses};
use crate::clock::Clock;
use crate::domain::{Arg, Mono, Observation};

/// A bus that dies loses its devices first and goes then: one that has been seen without them for no longer than this went with them.
const TOGETHER: Duration = Duration::from_secs(10);

/// What all probes of this kind have seen, so that one which is built anew (a reload, a panic) knows it too. Clones are one.
#[derive(Clone, Debug, Default)]
pub struct Carried(Arc<Mutex<BTreeMap<String, Option<Mono>>>>);

impl Carried {
    /// Takes to heart what an earlier process missed beside what the check's config names: it is not back because somebody else looks.
    /// Not of another boot, after which a hub that was taken away for good is missed no longer.
    pub fn recall(&self, observation: &Observation, config: &Config, clock: Clock) {
        let age = clock.mono().since(observation.at.mono);
        if clock.since_boot().is_none_or(|up| age >= up) {
            return;
        }
        let missed = |reason| reason == &BUS_MISSING || reason == &HUB_MISSING;
        let findings = observation.reading.findings.iter().filter(|finding| missed(finding.reason));
        let buses = findings.flat_map(|finding| &finding.args).filter_map(|(name, said)| match said {
            Arg::Text(bus) if *name == "bus" && !config.buses.contains(bus) => Some((bus.clone(), None)),
            _ => None,
        });
        self.known().extend(buses);
    }

    /// Those that are worth missing, now that these are present.
    pub(super) fn look(&self, present: &BTreeMap<String, buses::Carries>, now: Mono) -> Vec<String> {
        let mut known = self.known();
        known.extend(present.iter().filter(|(_, carries)| **carries).map(|(bus, _)| (bus.clone(), None)));
        // One that has stayed without them is not missed when it goes too. How long ago they were last seen says nothing:
        // between two looks, which may be an hour, they were there. Once missed, it is missed until it is back.
        known.retain(|bus, alone| match present.get(bus) {
            Some(false) => now.since(*alone.get_or_insert(now)) < TOGETHER,
            Some(true) => true,
            None => alone.take().is_none_or(|since| now.since(since) < TOGETHER),
        });
        known.keys().cloned().collect()
    }

    /// Names and moments only: whoever panicked while holding them left them whole.
    fn known(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Option<Mono>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
