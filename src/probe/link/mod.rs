//! A network interface: carrier, speed, addresses, default gateway, Wi-Fi signal.
//!
//! The kernel tells when something changes (rtnetlink(7)); a slow re-read is the safety net. The probe opens no
//! connection and sends no packet.

mod netlink;
mod picture;
mod reasons;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::news::Feed;
use super::range::within;
use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{
    ErrorKind, Finding, Level, Limit, Mono, Observation, ProbeError, Quantity, Rate, Reading, Rule, Test, Unit, Verdict,
};
use netlink::Addresses;
use picture::{Choice, Picture};
pub use reasons::{ERRORS, REASONS};

/// A pulled cable is told by the kernel, once and for certain, so one second is enough: it only swallows a plug that is
/// re-seated. Back to good is slower, because a switch port and a lease need a few seconds to settle.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(30),
    fresh_for: Duration::from_secs(100),
    bad_for: Duration::from_secs(1),
    good_for: Duration::from_secs(5),
    active: false,
};

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&UP, &SPEED, &ADDRESSES, &GATEWAY, &WIFI_SIGNAL];

static UP: Quantity = Quantity::gauge("link_up", Unit::Flag, "Whether the interface has carrier and may carry traffic.")
    .by("interface");
static SPEED: Quantity = Quantity::gauge(
    "link_speed_bits_per_second",
    Unit::BitsPerSecond,
    "The speed that the interface negotiated with its peer, where its driver tells.",
)
.by("interface");
static ADDRESSES: Quantity = Quantity::gauge(
    "link_addresses",
    Unit::Count,
    "Usable addresses on the interface: none that are link-local, tentative or failed duplicate detection.",
)
.by("family");
static GATEWAY: Quantity =
    Quantity::gauge("link_gateway", Unit::Flag, "Whether a default route leaves by the interface.").by("family");
static WIFI_SIGNAL: Quantity =
    Quantity::gauge("link_wifi_signal_dbm", Unit::DecibelMilliwatts, "Signal level of the Wi-Fi network in use.")
        .by("interface");

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
        Self { interface: "auto".to_owned(), slow_below: Rate(100e6), weak_below_dbm: -70 }
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
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub const fn new(config: Config, context: Context) -> Self {
        Self {
            config,
            context,
            ticker: None,
            events: None,
            addresses: None,
            told: None,
            chosen: None,
            read_at: Mono::ZERO,
        }
    }

    /// Waits until the kernel says that something has changed, or until the next re-read is due, and reads.
    pub async fn next(&mut self) -> Observation {
        loop {
            let by_event = self.wait().await;
            if self.events.is_none() {
                // Opened before the first read, so that no change falls between the two.
                self.events = netlink::events().ok();
            }
            let began = self.context.clock.mono();
            self.read_at = began;
            match self.read() {
                Ok(reading) => {
                    if by_event && self.told.as_ref() == Some(&reading) {
                        continue;
                    }
                    self.told = Some(reading.clone());
                    return self.context.read(began, reading);
                }
                Err(error) => {
                    self.told = None;
                    return self.context.failed(began, error, &ERRORS);
                }
            }
        }
    }

    /// Returns whether an event, not the ticker, ended the wait.
    async fn wait(&mut self) -> bool {
        let ticker = self.ticker.get_or_insert_with(|| self.context.ticker());
        let Some(events) = &self.events else {
            ticker.tick().await;
            return false;
        };
        tokio::select! {
            _ = ticker.tick() => false,
            outcome = events.next() => {
                self.context.clock.sleep_until(self.read_at.after(SETTLE)).await;
                // Whatever is queued by now is told by the one read that follows. A full queue (ENOBUFS) lost events,
                // never the state that the read will find; any other error closes the socket, and the next read opens
                // it anew.
                if outcome.and_then(|_| events.drain()).is_err() {
                    self.events = None;
                }
                true
            }
        }
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
}
