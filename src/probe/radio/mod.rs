//! `radio`: is what the two-way radio hangs on still there, has Siaga spoken by it lately, and have the operators heard each other?
//!
//! Nothing is opened and nothing is keyed: the sound card is in the kernel's list, the key's device in `/dev`, a server of the key
//! lets somebody in. That a voice is really heard only people can tell, who note it (`siaga radio check`).

mod catalogue;
pub(super) mod interface;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

pub use catalogue::{ERRORS, QUANTITIES, REASONS};
use interface::Found;
pub use interface::Interface;

use super::aside::{Aside, Late, READING};
use super::audio::{Named, Seen};
use super::enrolled::{self, Record};
use super::on_air::Echo;
use super::range::pace;
use super::uevents::Watch;
use super::{Context, Defaults, Roots};
use crate::domain::check::LossRule;
use crate::domain::{
    Arg, Device, ErrorKind, Finding, Level, Mono, Observation, Period, ProbeError, Reading, Rule, Verdict,
    quantity::Unit,
};
use catalogue::{
    AIRTIME, CARD_MISSING, ECHO, ECHO_MISSED, ECHO_UNCERTAIN, HEARD, HEARD_LONG_AGO, KEY_MISSING, NEVER_SAID, PRESENT,
    SAID, SERVER_SILENT, UNHEARD, UNSAID,
};

/// The kernel tells each change at once, and a note of a radio check is seen at once too; the look every 10 s is for the key's
/// server and the safety net, a dozen reads. Bad after 3 s and good after 10 s, as a sound card is.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(10),
    fresh_for: Duration::from_secs(35),
    bad_for: Duration::from_secs(3),
    good_for: Duration::from_secs(10),
    active: false,
};

const DAY: u64 = 86_400;

/// What was noted by a clock that was ahead counts as noted now once this clock has stood behind it for so long: one that is not set yet
/// after a start is no reason to forget a check.
const BEHIND: Duration = Duration::from_hours(1);

/// The kind-specific part of a check's config. What of the interface is not named is that of the first receiver of kind `radio`.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The radio's sound card: its short name, a part of its name or of its place, or USB vendor and product.
    #[serde(default)]
    pub card: Option<String>,
    /// The device that presses the key: `/dev/serial/by-id/…`, `/dev/hidraw…`, `/dev/gpiochip…`.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// The address of the `rigctld` that presses the key.
    #[serde(default)]
    pub rigctld: Option<SocketAddr>,
    /// How long a radio check of the operators is good for.
    #[serde(default = "week", deserialize_with = "pace")]
    pub heard_within: Period,
    /// What it is when they have not heard each other for so long.
    #[serde(default)]
    pub unheard: Unheard,
    /// After how long without a message of Siaga's own that is worth a note, where a receiver of kind `radio` speaks.
    #[serde(default = "week", deserialize_with = "pace")]
    pub said_within: Period,
    /// The radio's among the receivers.
    #[serde(skip)]
    #[schemars(skip)]
    pub speaks: Option<Interface>,
}

/// What a radio check that is missing or too old makes of the radio.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unheard {
    /// Nobody knows whether it is heard: worth a look.
    #[default]
    Degraded,
    /// It is noted, and nothing else.
    Advisory,
}

const fn week() -> Period {
    Period(Duration::from_hours(7 * 24))
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::Device
    }

    /// The limits to which its measurements are held.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// The loss decision.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn loss(&self) -> Option<LossRule> {
        None
    }

    /// What the radio hangs on.
    fn interface(&self) -> Interface {
        let card = self.card.clone().map(Named::Word);
        let named = Interface { card, key: self.key.clone(), server: self.rigctld, channel: None };
        named.or(&self.speaks.clone().unwrap_or_default())
    }
}

/// A probe of this kind.
pub struct Probe {
    config: Config,
    interface: Interface,
    context: Context,
    watch: Watch,
    noted: watch::Receiver<()>,
    record: Record,
    aside: Aside<std::io::Result<Found>>,
    /// Since when the operators' last check is found in the future.
    ahead: Option<Mono>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let interface = config.interface();
        let (noted, record) = (context.on_air.watch(), Record::new(&enrolled::RADIO.part, context.enrolled.clone()));
        let watch = Watch::new(&["sound", "tty", "hidraw", "gpio"]);
        Self { config, interface, context, watch, noted, record, aside: Aside::default(), ahead: None }
    }

    /// Waits until the next observation is due and makes it.
    pub async fn next(&mut self) -> Observation {
        tokio::select! {
            () = self.watch.due(&self.context) => {}
            // Its other end is in the context.
            _ = self.noted.changed() => {}
        }
        self.noted.mark_unchanged();
        let began = self.context.clock.mono();
        match self.look().await {
            Ok(reading) => self.context.read(began, reading),
            Err(error) => self.context.failed(began, error, &ERRORS),
        }
    }

    async fn look(&mut self) -> Result<Reading, ProbeError> {
        let (interface, roots, seen) = (self.interface.clone(), self.context.roots.clone(), self.context.cards.clone());
        let found = self.aside.run(READING, move || interface::look(&interface, &roots, &seen)).await;
        let found = found
            .map_err(|Late| ProbeError::new(ErrorKind::Timeout, "the interface's files: no answer"))?
            .map_err(|error| ProbeError::new(ErrorKind::Internal, format!("asound/cards: {error}")))?;
        let mut reading = Reading::default();
        let mut part = |name, is_there: Option<bool>| {
            if let Some(is_there) = is_there {
                reading.measure_part(&PRESENT, name, f64::from(u8::from(is_there)));
            }
        };
        part("card", found.card);
        part("key", found.key);
        if let (Some(false), Some(card)) = (found.card, &self.interface.card) {
            reading.find(Finding::new(&CARD_MISSING, Verdict::NotReady).with("card", card.as_str()));
        }
        if let (Some(false), Some(key)) = (found.key, &self.interface.key) {
            let device = key.display().to_string();
            reading.find(Finding::new(&KEY_MISSING, Verdict::NotReady).with("device", device));
        }
        if let Some(server) = self.interface.server {
            let answer = interface::answers(server).await;
            reading.measure_part(&PRESENT, "server", f64::from(u8::from(answer.is_ok())));
            if let Err(detail) = answer {
                let silent = Finding::new(&SERVER_SILENT, Verdict::NotReady).with("address", server.to_string());
                reading.find(silent.with("detail", detail));
            }
        }
        reading.places = found.devices.iter().filter_map(|device| device.place.clone()).collect();
        self.people(&mut reading);
        self.spoken(&mut reading);
        self.record.tell(&enrolled::RADIO, &mut reading, |_| true, || found.devices);
        Ok(reading)
    }

    /// What the operators have noted.
    fn people(&mut self, reading: &mut Reading) {
        self.follow_clock();
        let verdict = match self.config.unheard {
            Unheard::Degraded => Verdict::Degraded,
            Unheard::Advisory => Verdict::Ready,
        };
        let Some(at) = self.context.on_air.last_heard(self.context.clock.now().wall) else {
            return reading.find(Finding::new(&UNHEARD, verdict));
        };
        reading.measure(&HEARD, timestamp(at));
        let age = self.age(at);
        if age > self.config.heard_within.0 {
            let allowed = days(self.config.heard_within.0);
            reading.find(Finding::new(&HEARD_LONG_AGO, verdict).with("days", days(age)).with("allowed", allowed));
        }
    }

    /// A check that lies in the future was noted by a clock that was ahead, and would be good until this one is there.
    fn follow_clock(&mut self) {
        let (on_air, now) = (&self.context.on_air, self.context.clock.now());
        let is_ahead = on_air.last_heard(now.wall).is_some_and(|at| at > now.wall);
        let since = is_ahead.then(|| self.ahead.unwrap_or(now.mono));
        if since.is_some_and(|since| now.mono.since(since) >= BEHIND) {
            on_air.heard_by(now.wall);
        }
        self.ahead = since;
    }

    /// What Siaga has said itself. An old word is no fault: nothing had to be said.
    fn spoken(&self, reading: &mut Reading) {
        let Some(channel) = &self.interface.channel else { return };
        let spent = self.context.on_air.airtime(channel, self.context.clock.mono());
        let airtime: Duration = spent.iter().map(|(_, length)| *length).sum();
        reading.measure(&AIRTIME, airtime.as_secs_f64());
        let Some(at) = self.context.on_air.last_said(channel) else {
            return reading.find(Finding::new(&NEVER_SAID, Verdict::Ready));
        };
        reading.measure(&SAID, timestamp(at));
        let age = self.age(at);
        if age > self.config.said_within.0 {
            reading.find(Finding::new(&UNSAID, Verdict::Ready).with("days", days(age)));
        }
        // The second set may itself be what is off.
        match self.context.on_air.last_echo(channel) {
            Some(Echo::Heard) => reading.measure(&ECHO, 1.0),
            Some(Echo::Missed) => {
                reading.measure(&ECHO, 0.0);
                reading.find(Finding::new(&ECHO_MISSED, Verdict::Ready));
            }
            Some(Echo::Uncertain) => reading.find(Finding::new(&ECHO_UNCERTAIN, Verdict::Ready)),
            None => {}
        }
    }

    /// By the wall clock, which people go by too; one that was set back makes nothing old.
    fn age(&self, at: Timestamp) -> Duration {
        Duration::try_from(self.context.clock.now().wall.duration_since(at)).unwrap_or_default()
    }
}

#[allow(clippy::cast_precision_loss, reason = "days of a life")]
fn days(length: Duration) -> Arg {
    Arg::Number((length.as_secs() / DAY) as f64, Unit::Count)
}

#[allow(clippy::cast_precision_loss, reason = "seconds since 1970")]
fn timestamp(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// What the radio hangs on, for `siaga enroll`.
///
/// # Errors
/// What reading the kernel's list of cards came to.
pub(crate) fn present(config: &Config, roots: &Roots) -> std::io::Result<Vec<Device>> {
    interface::look(&config.interface(), roots, &Seen::default()).map(|found| found.devices)
}
