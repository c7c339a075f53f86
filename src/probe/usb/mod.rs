//! `usb`: are the USB controllers and hubs still there on which cameras and sound devices hang?
//!
//! One that vanishes takes all that hangs on it along, and that is one fault: this check stands above cameras, sound and radio in
//! the tree of root causes. Only sysfs is read; the kernel says when to ([`super::uevents`]).

pub(super) mod buses;
pub mod carried;
#[cfg(debug_assertions)]
pub mod fuzz;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use self::carried::Carried;
use super::uevents::Watch;
use super::{Context, Defaults};
use crate::domain::bus::is_behind;
use crate::domain::check::LossRule;
use crate::domain::{
    ErrorKind, ErrorTable, Finding, Level, Mono, Observation, ProbeError, Quantity, Reading, ReasonDef, Rule, Text,
    Verdict, quantity::Unit,
};

/// The kernel tells each change at once; a poll of 10 s is the safety net, and a few dozen reads in sysfs. Bad after 2 s, which
/// is sooner than what hangs on it (3 s), and good after 15 s, which is later (10 s): so that a fault which comes and goes
/// with its consequences is told once.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(10),
    fresh_for: Duration::from_secs(35),
    bad_for: Duration::from_secs(2),
    good_for: Duration::from_secs(15),
    active: false,
};

static PRESENT: Quantity = Quantity::gauge("usb_buses", Unit::Count, "USB controllers and hubs that are present.")
    .called("Pengendali dan hub USB", "USB controllers and hubs");
static MISSED: Quantity = Quantity::gauge(
    "usb_buses_missing",
    Unit::Count,
    "USB controllers and hubs that are missing, those behind a missing one not counted.",
)
.called("Pengendali dan hub USB yang hilang", "USB controllers and hubs missing");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&PRESENT, &MISSED];

static BUS_MISSING: ReasonDef = ReasonDef::new(
    "computer.usb_bus_missing",
    Text::new(
        "Pengendali USB {bus} hilang, beserta semua yang tersambung padanya",
        "USB controller {bus} is gone, and with it all that is connected to it",
    ),
    Text::new(
        "Nyalakan ulang komputer; bila tetap begini, pindahkan kamera dan mikrofon ke port USB lain dan hubungi petugas TI",
        "Restart the computer; if it stays so, move camera and microphone to other USB ports and tell IT staff",
    ),
)
.lasting();

static HUB_MISSING: ReasonDef = ReasonDef::new(
    "computer.usb_hub_missing",
    Text::new(
        "Hub USB {bus} tidak terhubung, beserta semua yang tersambung padanya",
        "USB hub {bus} is not connected, and with it all that is connected to it",
    ),
    Text::new(
        "Periksa kabel USB dan daya hub itu, lalu sambungkan lagi ke port yang sama",
        "Check the hub's USB cable and power, and connect it again to the same port",
    ),
)
.lasting();

static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.usb_unreadable",
    Text::new("Keadaan USB tidak dapat dibaca", "The state of USB cannot be read"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[&BUS_MISSING, &HUB_MISSING, &UNREADABLE];

/// Which failures speak of the equipment, and which of our eyes: a look at sysfs that fails is of our eyes.
pub static ERRORS: ErrorTable = ErrorTable { rows: &[], otherwise: &UNREADABLE };

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Controllers (`"0000:00:14.0"`) and hubs (`"usb-0000:00:14.0-2"`) that must be there. Beside them each that was seen to
    /// carry a camera or a sound device since the daemon began; one that was missed before it was started again is missed still, until
    /// the machine itself starts again.
    pub buses: Vec<String>,
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    #[allow(clippy::unused_self, reason = "every kind is asked")]
    pub const fn level(&self) -> Level {
        Level::UsbBus
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
}

/// A probe of this kind.
pub struct Probe {
    context: Context,
    watch: Watch,
    expected: Expected,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let expected = Expected { named: config.buses, carried: context.buses.clone() };
        Self { context, watch: Watch::new(&["usb"]), expected }
    }

    /// Waits until the next observation is due and makes it.
    pub async fn next(&mut self) -> Observation {
        self.watch.due(&self.context).await;
        let began = self.context.clock.mono();
        match buses::list(&self.context.roots.sys) {
            Ok(present) => self.context.read(began, self.expected.judge(&present, began)),
            Err(error) => {
                let error = ProbeError::new(ErrorKind::Internal, format!("bus/usb/devices: {error}"));
                self.context.failed(began, error, &ERRORS)
            }
        }
    }
}

/// What should be there.
struct Expected {
    named: Vec<String>,
    /// Each that is worth missing.
    carried: Carried,
}

impl Expected {
    fn judge(&self, present: &BTreeMap<String, buses::Carries>, now: Mono) -> Reading {
        let carried = self.carried.look(present, now);
        let gone = |bus: &&String| !present.contains_key(*bus);
        let mut missing: Vec<&String> = self.named.iter().chain(&carried).filter(gone).collect();
        missing.sort();
        missing.dedup();
        // What is behind a missing one is explained by that.
        let first = |bus: &&&String| !missing.iter().any(|other| is_behind(bus, other));
        let missing: Vec<_> = missing.iter().filter(first).collect();

        let mut reading = Reading::default();
        #[allow(clippy::cast_precision_loss, reason = "a handful")]
        {
            reading.measure(&PRESENT, present.len() as f64);
            reading.measure(&MISSED, missing.len() as f64);
        }
        reading.gone = missing.iter().map(|bus| (**bus).clone()).collect();
        for bus in missing {
            let reason = if buses::is_controller(bus) { &BUS_MISSING } else { &HUB_MISSING };
            reading.find(Finding::new(reason, Verdict::NotReady).with("bus", bus.as_str()));
        }
        reading
    }
}
