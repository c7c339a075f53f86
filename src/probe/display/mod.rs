//! `display`: is a screen or projector connected, and does it say what it is?
//!
//! A projector in standby and a splitter may still count as connected: this speaks of the cable, not of the lamp.

mod connectors;
mod edid;
#[cfg(debug_assertions)]
pub mod fuzz;
#[cfg(test)]
mod tests;

use std::io;
use std::time::Duration;

use super::aside::{Aside, Late, READING};
use super::enrolled::{self, Record};
use super::uevents::Watch;
use super::{Context, Defaults};
use crate::domain::check::LossRule;
use crate::domain::{
    Device, ErrorKind, ErrorTable, Finding, Level, Observation, ProbeError, Quantity, Reading, ReasonDef, Rule, Text,
    Verdict, quantity::Unit,
};
use connectors::Connector;

/// The kernel tells at once what a driver notices (`drm_kms_helper_hotplug_event`): the polls of 10 s are for the cable that
/// its driver does not notice, and each is a few reads of what the driver knows already. A screen that changes its mode or
/// wakes up drops its line for a second or two, so bad after 3 s; back once it has stayed for 10 s, because a loose cable
/// comes and goes.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(10),
    fresh_for: Duration::from_secs(35),
    bad_for: Duration::from_secs(3),
    good_for: Duration::from_secs(10),
    active: false,
};

static CONNECTED: Quantity =
    Quantity::gauge("display_connected", Unit::Flag, "Whether a display is connected (1) or not (0).")
        .by("connector")
        .called("Layar terhubung", "Display connected");
static NAMED: Quantity = Quantity::gauge(
    "display_edid_valid",
    Unit::Flag,
    "Whether the connected display's own description (EDID) came over whole (1) or not (0).",
)
.by("connector")
.called("Data layar terbaca", "Display's description read");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&CONNECTED, &NAMED];

static NO_DISPLAY: ReasonDef = ReasonDef::new(
    "video.no_display",
    Text::new("Komputer ini tidak punya sambungan layar", "This computer has no connector for a display"),
    Text::new(
        "Minta petugas TI memasang kartu grafis atau driver-nya; bila ruangan ini memang tanpa layar, minta petugas TI menghapus pemeriksaan ini",
        "Install a graphics card or its driver; if this room has no display on purpose, remove this check",
    ),
)
.lasting();

static CONNECTOR_MISSING: ReasonDef = ReasonDef::new(
    "video.connector_missing",
    Text::new(
        "Sambungan layar {connector} tidak ada di komputer ini",
        "This computer has no display connector {connector}",
    ),
    Text::new(
        "Minta petugas TI memeriksa nama sambungan di berkas konfigurasi (\"siaga devices\" menampilkan yang ada)",
        "Check the connector's name in the config; \"siaga devices\" lists those that exist",
    ),
)
.lasting();

static DISCONNECTED: ReasonDef = ReasonDef::new(
    "video.display_disconnected",
    Text::new("Tidak ada layar atau proyektor di {connector}", "No screen or projector is connected at {connector}"),
    Text::new(
        "Nyalakan layar atau proyektor dan pastikan kabelnya terpasang di kedua ujung",
        "Switch the screen or projector on and see that its cable is fully in at both ends",
    ),
);

static NO_EDID: ReasonDef = ReasonDef::new(
    "video.display_no_edid",
    Text::new(
        "Layar di {connector} terhubung tetapi tidak dikenali: kabelnya bermasalah",
        "The screen at {connector} is connected but not recognised: a cable fault",
    ),
    Text::new(
        "Cabut dan pasang lagi kabel layar; bila tetap begini, ganti kabel atau perpanjangannya",
        "Take the screen's cable out and put it in again; if it stays so, replace the cable or its extender",
    ),
)
.lasting();

static UNSEEN: ReasonDef = ReasonDef::new(
    "siaga.display_unseen",
    Text::new(
        "Sambungan {connector} tidak dapat memberi tahu apakah ada layar",
        "Connector {connector} cannot tell whether a screen is there",
    ),
    Text::new(
        "Lihat sendiri layarnya, atau pakai sambungan HDMI atau DisplayPort",
        "Look at the screen yourself, or use an HDMI or DisplayPort connector",
    ),
)
.lasting();

static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.display_unreadable",
    Text::new("Keadaan layar tidak dapat dibaca", "The displays' state cannot be read"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &NO_DISPLAY,
    &CONNECTOR_MISSING,
    &DISCONNECTED,
    &NO_EDID,
    &UNSEEN,
    &UNREADABLE,
    &enrolled::DISPLAY.other,
    &enrolled::DISPLAY.missing,
    &enrolled::DISPLAY.part.unread,
];

/// Which failures speak of the equipment, and which of our eyes: a look at sysfs that fails is of our eyes.
pub static ERRORS: ErrorTable = ErrorTable { rows: &[], otherwise: &UNREADABLE };

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which connector: `"auto"` (a display at any, one that is built in included), or a name such as `"HDMI-A-1"`. A room
    /// with a projector names its connector.
    #[serde(default = "auto")]
    pub connector: String,
}

fn auto() -> String {
    "auto".to_owned()
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        Level::Onboard
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// The loss decision.
    pub fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// A probe of this kind.
pub struct Probe {
    config: Config,
    context: Context,
    watch: Watch,
    record: Record,
    aside: Aside<io::Result<Vec<Connector>>>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let record = Record::new(&enrolled::DISPLAY.part, context.enrolled.clone());
        Self { record, config, context, watch: Watch::new(&["drm"]), aside: Aside::default() }
    }

    /// Waits until the next observation is due and makes it.
    pub async fn next(&mut self) -> Observation {
        self.watch.due(&self.context).await;
        let began = self.context.clock.mono();
        let sys = self.context.roots.sys.clone();
        // What a display says of itself is kept under a lock that a driver may hold (`edid_show` takes `mode_config.mutex`).
        let listed = self.aside.run(READING, move || connectors::list(&sys)).await;
        let listed =
            listed.map_err(|Late| ProbeError::new(ErrorKind::Timeout, "class/drm: no answer")).and_then(|listed| {
                listed.map_err(|error| ProbeError::new(ErrorKind::Internal, format!("class/drm: {error}")))
            });
        match listed {
            Ok(connectors) => {
                let wanted = &self.config.connector;
                let mut reading = reading(wanted, &connectors);
                self.record.tell(
                    &enrolled::DISPLAY,
                    &mut reading,
                    |enrolled| wanted == "auto" || enrolled.is_meant(wanted),
                    || connectors.iter().filter_map(Connector::as_device).collect(),
                );
                self.context.read(began, reading)
            }
            Err(error) => self.context.failed(began, error, &ERRORS),
        }
    }
}

fn reading(wanted: &str, all: &[Connector]) -> Reading {
    let mut reading = Reading::default();
    let connectors: Vec<_> = all.iter().filter(|connector| connector.is(wanted)).collect();
    for connector in &connectors {
        if let Some(connected) = connector.connected {
            reading.measure_part(&CONNECTED, &connector.name, f64::from(u8::from(connected)));
        }
        if connector.connected != Some(true) || !connector.has_cable() {
            continue;
        }
        reading.measure_part(&NAMED, &connector.name, f64::from(u8::from(connector.edid.is_ok())));
        if let Err(fault) = &connector.edid {
            let finding = Finding::new(&NO_EDID, Verdict::Degraded);
            reading.find(finding.with("connector", connector.name.as_str()).with("detail", format!("EDID: {fault}")));
        }
    }
    let names = || connectors.iter().map(|connector| connector.name.as_str()).collect::<Vec<_>>().join(", ");
    if connectors.is_empty() {
        reading.find(match wanted {
            "auto" => Finding::new(&NO_DISPLAY, Verdict::NotReady),
            _ => Finding::new(&CONNECTOR_MISSING, Verdict::NotReady).with("connector", wanted),
        });
    } else if !connectors.iter().any(|connector| connector.connected == Some(true)) {
        let blind: Vec<_> = connectors.iter().filter(|connector| connector.connected.is_none()).collect();
        reading.find(match blind.first() {
            Some(connector) => Finding::new(&UNSEEN, Verdict::Unknown).with("connector", connector.name.as_str()),
            None => Finding::new(&DISCONNECTED, Verdict::NotReady).with("connector", names()),
        });
    }
    reading
}

/// A connector as `siaga devices` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// What to write as `connector` in the config.
    pub(crate) connector: String,
    /// The display's name, if it tells one.
    pub(crate) display: Option<String>,
    /// Whether a display is connected; `None` where the connector cannot tell.
    pub(crate) connected: Option<bool>,
    /// By what the connected display is known again.
    pub(crate) known: Option<Device>,
}

/// The connectors on this machine, for `siaga devices`.
///
/// # Errors
/// See [`connectors::list`].
pub(crate) fn present(sys: &std::path::Path) -> io::Result<Vec<Present>> {
    let connectors = connectors::list(sys)?.into_iter();
    let shown = connectors
        .map(|connector| Present {
            display: connector.display(),
            connected: connector.connected,
            known: connector.as_device(),
            connector: connector.name,
        })
        .collect();
    Ok(shown)
}
