//! Profiles: the shipped ones, with what the room's own file and its config say instead.

use std::sync::Arc;
use std::time::Duration;

use super::problem::{Problems, listed};
use super::reader::{Table, read};
use super::shape::{LONGEST_TITLE, ProfileEntry, word};
use crate::domain::{Pair, Period, Profile, Rate};
use crate::probe::ports::platforms::{platform, platforms};

/// The profiles as they are read, each text over the ones before it.
#[derive(Debug, Default)]
pub(super) struct Layers {
    entries: Vec<ProfileEntry>,
}

impl Layers {
    /// Lays the `[[profile]]` tables of one text over what is known so far.
    pub(super) fn lay(&mut self, tables: &[Table<'_>], problems: &mut Problems) {
        let mut here: Vec<(String, usize)> = Vec::new();
        for table in tables {
            let Some(entry) = read::<ProfileEntry>(*table, problems) else { continue };
            let Some(name) = entry.name.clone() else {
                if table.get("name").is_none() {
                    problems.say(table.head(), "name is missing");
                }
                continue;
            };
            if let Err(message) = word(&name) {
                problems.say(table.at("name"), message);
                continue;
            }
            if let Some((_, line)) = here.iter().find(|(other, _)| *other == name) {
                problems.say(table.at("name"), format!("two profiles are named {name:?}; the first is on line {line}"));
                continue;
            }
            here.push((name.clone(), problems.line(table.at("name").start)));
            let place = self.entries.iter().position(|known| known.name.as_ref() == Some(&name));
            let merged = match place {
                Some(place) => entry.over(&self.entries[place]),
                None => entry,
            };
            if !merged.is_sound(*table, problems) {
                continue;
            }
            match place {
                Some(place) => self.entries[place] = merged,
                None => self.entries.push(merged),
            }
        }
    }

    /// The profiles, in the order in which they were first named.
    pub(super) fn finish(self) -> Vec<Profile> {
        self.entries.into_iter().filter_map(ProfileEntry::into_profile).collect()
    }
}

impl ProfileEntry {
    /// This entry, with what it leaves out taken from `base`.
    fn over(self, base: &Self) -> Self {
        let Self { title, source, .. } = &self;
        Self {
            name: self.name.clone(),
            title: title.clone().or_else(|| base.title.clone()),
            source: source.clone().or_else(|| base.source.clone()),
            down_need: self.down_need.or(base.down_need),
            down_floor: self.down_floor.or(base.down_floor),
            up_need: self.up_need.or(base.up_need),
            up_floor: self.up_floor.or(base.up_floor),
            rtt_degraded: self.rtt_degraded.or(base.rtt_degraded),
            rtt_not_ready: self.rtt_not_ready.or(base.rtt_not_ready),
            jitter_degraded: self.jitter_degraded.or(base.jitter_degraded),
            loss_degraded: self.loss_degraded.or(base.loss_degraded),
            loss_not_ready: self.loss_not_ready.or(base.loss_not_ready),
            platform: self.platform.clone().or_else(|| base.platform.clone()),
            udp: self.udp.or(base.udp),
            runtime: self.runtime.or(base.runtime),
            components: self.components.or_else(|| base.components.clone()),
        }
    }

    /// Whether its figures are all there and make sense together; says what does not.
    fn is_sound(&self, table: Table<'_>, problems: &mut Problems) -> bool {
        let name = self.name.as_deref().unwrap_or_default();
        let figures = [
            ("title", self.title.is_some()),
            ("down_need", self.down_need.is_some()),
            ("down_floor", self.down_floor.is_some()),
            ("up_need", self.up_need.is_some()),
            ("up_floor", self.up_floor.is_some()),
            ("rtt_degraded", self.rtt_degraded.is_some()),
            ("rtt_not_ready", self.rtt_not_ready.is_some()),
            ("jitter_degraded", self.jitter_degraded.is_some()),
            ("loss_degraded", self.loss_degraded.is_some()),
            ("loss_not_ready", self.loss_not_ready.is_some()),
            ("runtime", self.runtime.is_some()),
        ];
        // A figure that is there but could not be read was told already.
        let lacking: Vec<_> =
            figures.iter().filter(|(key, read)| !read && table.get(key).is_none()).map(|(key, _)| *key).collect();
        if !lacking.is_empty() {
            problems.say(table.at("name"), format!("profile {name:?} lacks {}", listed(lacking.iter().copied())));
        }
        let mut sound = figures.iter().all(|(_, read)| *read);
        let mut wrong = |key: &str, message: String| {
            problems.say(table.at(key), message);
            sound = false;
        };
        let rates = [
            ("down_floor", self.down_floor, "down_need", self.down_need),
            ("up_floor", self.up_floor, "up_need", self.up_need),
        ];
        for (floor_key, floor, need_key, need) in rates {
            if let (Some(floor), Some(need)) = (floor, need)
                && floor > need
            {
                let key = if table.get(floor_key).is_some() { floor_key } else { need_key };
                wrong(key, format!("{floor_key} ({floor}) is above {need_key} ({need})"));
            }
        }
        for (key, rate) in [("down_need", self.down_need), ("up_need", self.up_need)] {
            if rate.is_some_and(|Rate(rate)| rate <= 0.0) {
                wrong(key, format!("{key} must be more than 0"));
            }
        }
        if let (Some(degraded), Some(not_ready)) = (self.rtt_degraded, self.rtt_not_ready)
            && degraded > not_ready
        {
            let key = if table.get("rtt_degraded").is_some() { "rtt_degraded" } else { "rtt_not_ready" };
            wrong(key, format!("rtt_degraded ({degraded}) is above rtt_not_ready ({not_ready})"));
        }
        for (key, share) in [("loss_degraded", self.loss_degraded), ("loss_not_ready", self.loss_not_ready)] {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                wrong(key, format!("{key} is a share of packets, from 0 to 1 (2 % is 0.02)"));
            }
        }
        if let (Some(degraded), Some(not_ready)) = (self.loss_degraded, self.loss_not_ready)
            && degraded > not_ready
        {
            let key = if table.get("loss_degraded").is_some() { "loss_degraded" } else { "loss_not_ready" };
            wrong(key, format!("loss_degraded ({degraded}) is above loss_not_ready ({not_ready})"));
        }
        let titles = self.title.iter().flat_map(|title| [&title.id, &title.en]);
        if titles.clone().any(|title| title.chars().count() > LONGEST_TITLE) {
            wrong("title", format!("a title has at most {LONGEST_TITLE} characters"));
        }
        if let Some(named) = self.platform.as_deref().filter(|named| platform(named).is_none()) {
            let known = listed(platforms().iter().map(|known| known.name.as_str()));
            wrong("platform", format!("unknown platform {named:?}; known are {known}"));
        }
        sound
    }

    /// The profile; `None` unless it is sound.
    fn into_profile(self) -> Option<Profile> {
        let rates = |need: Rate, floor: Rate| Pair { degraded: need.0, not_ready: floor.0 };
        let seconds = |period: Period| period.0.as_secs_f64();
        let title = self.title?;
        Some(Profile {
            name: Arc::from(self.name?),
            title: (title.id, title.en),
            source: self.source.unwrap_or_else(|| "the room's own config".to_owned()),
            down: rates(self.down_need?, self.down_floor?),
            up: rates(self.up_need?, self.up_floor?),
            rtt: Pair { degraded: seconds(self.rtt_degraded?), not_ready: seconds(self.rtt_not_ready?) },
            jitter_degraded: seconds(self.jitter_degraded?),
            loss: Pair { degraded: self.loss_degraded?, not_ready: self.loss_not_ready? },
            platform: self.platform.map(Arc::from),
            udp: self.udp.unwrap_or(crate::domain::Requirement::Advisory),
            runtime: self.runtime.map_or(Duration::ZERO, |Period(runtime)| runtime),
            components: self.components.unwrap_or_default(),
        })
    }
}
