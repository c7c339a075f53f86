//! A network interface: carrier, speed, addresses, default gateway, Wi-Fi signal, and what passes it.
//!
//! The kernel tells when something changes (rtnetlink(7)); a slow re-read is the safety net, and reads the counters. The probe
//! opens no connection and sends no packet, so it goes on in a meeting.

mod calls;
mod catalogue;
mod netlink;
mod picture;
mod reasons;
#[cfg(test)]
mod tests;
mod traffic;

use std::time::Duration;

use super::news::Feed;
use super::range::{share, within};
use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{
    Arg, ErrorKind, Finding, Level, Limit, Mono, Observation, Period, ProbeError, Rate, Reading, Rule, Test, Unit,
    Verdict,
};
use calls::{Calls, Look, SLOT, Word};
pub use catalogue::QUANTITIES;
use catalogue::{ADDRESSES, CALL_TRAFFIC, GATEWAY, SPEED, UP, WIFI_SIGNAL};
use netlink::Addresses;
use picture::{Choice, Picture};
pub(super) use picture::{default_interface, is_way_straight_out};
pub use reasons::{ERRORS, REASONS};
use traffic::{Counts, Limits, Traffic};

/// A pulled cable is told by the kernel, once and for certain, so one second is enough: it only swallows a plug that is
/// re-seated. Back to good is slower, because a switch port and a lease need a few seconds to settle.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(30),
    fresh_for: Duration::from_secs(100),
    bad_for: Duration::from_secs(1),
    good_for: Duration::from_secs(5),
    active: false,
};

/// How far apart two reads by events are at least: a storm costs no more than that, and no change waits longer.
const SETTLE: Duration = Duration::from_millis(20);

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The interface's name, or "auto": the one by which the default route leaves; while there is no such route, the
    /// best of the physical ones. The metrics' label says which one that is.
    pub interface: String,
    /// Under this negotiated speed the check is degraded. 100 Mbit/s carries many calls, so a gigabit line that fell
    /// back to it is fine; 10 Mbit/s still carries one, but nobody sells such a port any more: it is a damaged cable.
    #[serde(deserialize_with = "speed")]
    pub slow_below: Rate,
    /// Under this Wi-Fi signal, in dBm, the check is degraded. Installers plan for -67 dBm where people talk; at -70
    /// rates begin to fall.
    #[serde(deserialize_with = "signal")]
    pub weak_below_dbm: i32,
    /// Over this share of packets that come damaged or cannot be sent, 0 to 1, the check is degraded once it has lasted.
    #[serde(deserialize_with = "share")]
    pub damaged_above: f64,
    /// Over this share of packets that are dropped, 0 to 1, and more than five a second, the check is degraded once it has lasted.
    #[serde(deserialize_with = "share")]
    pub dropped_above: f64,
    /// How long either must last.
    #[serde(deserialize_with = "lasting")]
    pub faulty_for: Period,
    /// What UDP is taken for that goes both ways without a pause, as in a call, and is not Siaga's own.
    pub call_traffic: CallTraffic,
}

/// What call-like traffic means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallTraffic {
    /// The room is in use. Where a tunnel is up (VPN), by which everything goes as UDP, it is noted only.
    InUse,
    /// It is noted, and holds nothing back.
    Note,
    /// It is not looked for.
    Off,
}

/// What is looked at twice a minute is not told of a shorter time than that.
fn lasting<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Period, D::Error> {
    within(deserializer, Period(Duration::from_secs(1))..=Period(Duration::from_hours(1)))
}

/// No port is faster than 1 Tbit/s.
fn speed<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Rate, D::Error> {
    within(deserializer, Rate(0.0)..=Rate(1e12))
}

/// Noise lies at about -95 dBm; a signal above 0 dBm is one milliwatt at the antenna, which nobody receives.
fn signal<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<i32, D::Error> {
    within(deserializer, -110..=0)
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interface: "auto".to_owned(),
            slow_below: Rate(100e6),
            weak_below_dbm: -70,
            damaged_above: 0.001,
            dropped_above: 0.02,
            faulty_for: Period(Duration::from_mins(2)),
            call_traffic: CallTraffic::InUse,
        }
    }
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::Link
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
        let degraded = |quantity, limit, reason| Rule {
            quantity,
            part: None,
            test: Test::Below,
            degraded: Limit::Fixed(limit),
            not_ready: Limit::None,
            reason,
        };
        vec![
            degraded(&SPEED, self.slow_below.0, &reasons::LINK_SLOW),
            degraded(&WIFI_SIGNAL, f64::from(self.weak_below_dbm), &reasons::WIFI_WEAK),
        ]
    }

    /// It counts no packets.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// A watcher of one interface.
pub struct Probe {
    config: Config,
    context: Context,
    ticker: Option<tokio::time::Interval>,
    /// The kernel's events; opened by the first observation, and again by the next re-read if that failed.
    events: Option<Feed>,
    addresses: Option<Addresses>,
    /// What was last told, so that an event about something else is not an observation.
    told: Option<Reading>,
    /// The interface last chosen by "auto": the one that a sentence about a pulled cable should name.
    chosen: Option<String>,
    read_at: Mono,
    /// What passes that interface, and whether it may be a call.
    traffic: Option<Traffic>,
    calls: Calls,
    next_slot: Mono,
    has_tunnel: bool,
}

/// What ended a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Woken {
    /// The next re-read is due.
    Ticker,
    /// The kernel said something.
    Event,
    /// A call began or ended.
    Call,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        Self {
            config,
            context,
            ticker: None,
            events: None,
            addresses: None,
            told: None,
            chosen: None,
            read_at: Mono::ZERO,
            traffic: None,
            calls: Calls::default(),
            next_slot: Mono::ZERO,
            has_tunnel: false,
        }
    }

    /// Waits until the kernel says that something has changed, a call begins or ends, or the next re-read is due, and reads.
    pub async fn next(&mut self) -> Observation {
        loop {
            let woken = self.wait().await;
            if self.events.is_none() {
                // Opened before the first read, so that no change falls between the two.
                self.events = netlink::events().ok();
            }
            let began = self.context.clock.mono();
            self.read_at = began;
            match self.read() {
                Ok(mut reading) => {
                    if woken == Woken::Event && self.told.as_ref() == Some(&reading) {
                        continue;
                    }
                    self.told = Some(reading.clone());
                    self.tell_traffic(&mut reading, woken == Woken::Ticker);
                    return self.context.read(began, reading);
                }
                Err(error) => {
                    self.told = None;
                    return self.context.failed(began, error, &ERRORS);
                }
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        loop {
            let ticker = self.ticker.get_or_insert_with(|| self.context.ticker());
            let clock = self.context.clock;
            tokio::select! {
                _ = ticker.tick() => return Woken::Ticker,
                outcome = heard(self.events.as_ref()) => {
                    clock.sleep_until(self.read_at.after(SETTLE)).await;
                    // Whatever is queued by now is told by the one read that follows. A full queue (ENOBUFS) lost events,
                    // never the state that the read will find; any other error closes the socket, and the next read opens
                    // it anew.
                    let drained = self.events.as_ref().map_or(Ok(()), Feed::drain);
                    if outcome.and(drained).is_err() {
                        self.events = None;
                    }
                    return Woken::Event;
                }
                () = clock.sleep_until(self.next_slot), if self.config.call_traffic != CallTraffic::Off => {
                    if self.look_for_calls() {
                        return Woken::Call;
                    }
                }
            }
        }
    }

    /// Whether the word on calls is another now.
    fn look_for_calls(&mut self) -> bool {
        let at = self.context.clock.mono();
        self.next_slot = at.after(SLOT);
        let counts = self.chosen.as_deref().and_then(|interface| Counts::read(&self.context.roots, interface));
        let counts = counts.filter(|counts| counts.datagrams().is_some());
        self.calls.look(counts.map(|counts| Look { at, counts, tests: self.context.budget.tests() }))
    }

    fn read(&mut self) -> Result<Reading, ProbeError> {
        if self.addresses.is_none() {
            self.addresses = Addresses::open().ok();
        }
        let counts = self.addresses.as_mut().and_then(|addresses| addresses.count().ok());
        if counts.is_none() {
            self.addresses = None;
        }
        let picture = Picture::read(&self.context.roots, counts.as_ref()).map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
                _ => ErrorKind::Internal,
            };
            ProbeError::new(kind, format!("the kernel's list of interfaces: {error}"))
        })?;
        self.has_tunnel = picture.has_tunnel();
        let mut reading = Reading::default();
        if self.events.is_none() {
            reading.find(Finding::new(&reasons::POLLING, Verdict::Ready));
        }
        match picture.choose(&self.config.interface, self.chosen.as_deref()) {
            Choice::Missing => {
                let finding = Finding::new(&reasons::INTERFACE_MISSING, Verdict::NotReady);
                reading.find(finding.with("interface", self.config.interface.as_str()));
            }
            Choice::NoneAtAll => reading.find(Finding::new(&reasons::NO_INTERFACE, Verdict::NotReady)),
            Choice::Interface(interface) => {
                self.chosen = Some(interface.name.clone());
                interface.tell(&mut reading);
            }
        }
        Ok(reading)
    }

    /// Adds what passes the interface. Between two re-reads the last figures stand: a rate of a few milliseconds is none.
    fn tell_traffic(&mut self, reading: &mut Reading, is_due: bool) {
        let limits = Limits {
            damaged: self.config.damaged_above,
            dropped: self.config.dropped_above,
            lasting: self.config.faulty_for.0,
        };
        let interface = self.chosen.as_deref();
        if is_due || self.traffic.as_ref().map(Traffic::interface) != interface {
            let counts = interface.and_then(|interface| Counts::read(&self.context.roots, interface));
            match (&mut self.traffic, counts) {
                (Some(traffic), Some(counts)) => traffic.look(counts, &limits, self.read_at),
                (traffic, counts) => *traffic = counts.map(|counts| Traffic::new(counts, self.read_at)),
            }
        }
        if let Some(traffic) = &self.traffic {
            traffic.tell(&limits, reading);
        }
        self.tell_calls(reading);
    }

    fn tell_calls(&self, reading: &mut Reading) {
        let (word, counts) = (self.calls.word(self.read_at), self.config.call_traffic == CallTraffic::InUse);
        let (is_call, rates) = match word {
            Word::Unknown => return,
            Word::Quiet => (false, None),
            Word::Call(rates) => (true, Some(rates)),
            Word::TooLong(rates) => (false, Some(rates)),
        };
        reading.measure(&CALL_TRAFFIC, f64::from(u8::from(rates.is_some())));
        // By a tunnel everything goes as UDP, and nobody can tell a call from a page.
        reading.in_use = (counts && !self.has_tunnel).then_some(is_call);
        if let Some([received, sent]) = rates {
            let in_use = reading.in_use == Some(true);
            let reason = if in_use { &reasons::CALL_TRAFFIC } else { &reasons::CALL_TRAFFIC_NOTED };
            let number = |rate: f64| Arg::Number(rate.round(), Unit::Count);
            let finding = Finding::new(reason, Verdict::Ready).with("received", number(received));
            reading.find(finding.with("sent", number(sent)));
        }
    }
}

/// What the kernel says next; nothing for ever, where it cannot be heard.
async fn heard(events: Option<&Feed>) -> std::io::Result<()> {
    match events {
        Some(events) => events.next().await.map(|_| ()),
        None => std::future::pending().await,
    }
}
