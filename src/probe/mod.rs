//! Probes: code that measures one kind of thing. One file (or folder) a kind, each with its config, its quantities, its
//! reasons and its table of errors.
//!
//! To add one: its file, one line in `probes!` below and one in [`Kind`], one block in `config/siaga.toml`, its test.

mod aside;
pub mod board;
pub mod budget;
pub mod call;
pub mod child;
pub(crate) mod datagrams;
pub mod dial;
pub mod egress;
pub mod enrolled;
#[cfg(test)]
mod fixture;
mod gate;
mod host;
mod lookup;
mod news;
pub mod on_air;
pub(crate) mod range;
mod round_trips;
mod schedule;
mod settings;
pub(crate) mod sound;
#[cfg(test)]
mod tests;
mod uevents;
mod voice;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

pub use schedule::{Outcome, Refusal, Requests};
#[cfg(debug_assertions)]
pub use uevents::fuzz as uevents_fuzz;

use crate::clock::Clock;
use crate::domain::check::LossRule;
use crate::domain::reason::DETAIL;
use crate::domain::{
    CheckName, Finding, Kind, Level, Mono, Observation, ProbeError, Quantity, Reading, ReasonDef, Rule, Text, Verdict,
};

/// What a kind of probe does unless the config says otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// How often it observes.
    pub interval: Duration,
    /// How old its evidence may be.
    pub fresh_for: Duration,
    /// How long a change to the worse must last.
    pub bad_for: Duration,
    /// How long a change to the better must last.
    pub good_for: Duration,
    /// Whether it disturbs a meeting.
    pub active: bool,
}

/// What every probe is given.
#[derive(Clone, Debug)]
pub struct Context {
    /// For whom it observes.
    pub check: CheckName,
    /// The clocks.
    pub clock: Clock,
    /// How often it observes.
    pub interval: Duration,
    /// How long what is bad must last until it is decided: an outage that is shorter is loss.
    pub bad_for: Duration,
    /// Where the kernel's files are.
    pub roots: Roots,
    /// Whether the room is in use: an active probe waits while it is.
    pub in_use: watch::Receiver<bool>,
    /// Where somebody asks an active probe for a test now.
    pub requests: Requests,
    /// Before this moment an active probe makes no test that nobody asks for: an earlier process made the last one.
    pub not_before: Mono,
    /// Until this moment what was observed of this check before this probe stands: where no test can be made, nothing is told
    /// in its place.
    pub stands_until: Mono,
    /// The daemon's own far end, where it runs one.
    pub own_far_end: Option<Arc<OwnFarEnd>>,
    /// Where the room's record is (`siaga enroll`), if state is kept.
    pub enrolled: Option<PathBuf>,
    /// By which uplink its sockets leave.
    pub egress: egress::Egress,
    /// What the tests of the line may take, together.
    pub budget: budget::Budget,
    /// The desktop session, as its agent tells it.
    pub desktop: seat::desktop::Desktop,
    /// What was said on the radio's channel.
    pub on_air: on_air::OnAir,
    /// On which USB buses cameras and sound devices have been.
    pub buses: usb::carried::Carried,
    /// Which words of the config were a sound card's short name.
    pub cards: audio::Seen,
    /// Where a test stands while it runs.
    pub board: board::Board,
}

/// Where the kernel's files are; a test gives folders of its own.
#[derive(Clone, Debug)]
pub struct Roots {
    /// `/proc`
    pub proc: PathBuf,
    /// `/sys`
    pub sys: PathBuf,
    /// `/dev`
    pub dev: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { proc: "/proc".into(), sys: "/sys".into(), dev: "/dev".into() }
    }
}

/// The daemon's own embedded far end on loopback, which stands in where the config names none.
#[derive(Clone, Copy, Debug)]
pub struct OwnFarEnd {
    /// Answers STUN binding requests (UDP).
    pub stun: SocketAddr,
    /// Serves `GET /`, `GET /down?bytes=n`, `POST /up` (HTTP).
    pub http: SocketAddr,
}

impl Context {
    /// An observation that read something, complete now; `began` is when the run started.
    pub fn read(&self, began: Mono, reading: Reading) -> Observation {
        let now = self.clock.now();
        Observation::read(self.check.clone(), now, now.mono.since(began), reading)
    }

    /// An observation that failed, complete now.
    pub fn failed(&self, began: Mono, error: ProbeError, table: &crate::domain::ErrorTable) -> Observation {
        let now = self.clock.now();
        Observation::failed(self.check.clone(), now, now.mono.since(began), error, table)
    }

    /// A ticker at the check's interval whose first tick is at once. A late tick delays the next: no bursts to catch up.
    pub fn ticker(&self) -> Interval {
        let mut ticker = tokio::time::interval(self.interval.max(Duration::from_millis(1)));
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticker
    }
}

/// The far end stands on this very machine, so nothing was learnt about the line.
pub static FAR_END_IS_SELF: ReasonDef = ReasonDef::new(
    "internet.far_end_is_self",
    Text::new(
        "Ujung jauh pengukuran internet adalah komputer ini sendiri",
        "The far end of the internet measurement is this very computer",
    ),
    Text::new(
        "Minta petugas TI menjalankan \"siaga init\" dan mengisi tujuan pengukuran yang sebenarnya",
        "Run \"siaga init\" and name real far ends",
    ),
)
.lasting();

/// The finding for a target on this very machine, if `target` is one: measured for real, but never ready.
pub fn far_end_is_self(target: IpAddr) -> Option<Finding> {
    target.to_canonical().is_loopback().then(|| Finding::new(&FAR_END_IS_SELF, Verdict::Degraded))
}

/// Declares the kinds: the one list that config, catalogue, metrics and API are made from.
macro_rules! probes {
    ($($variant:ident => $module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// A probe of some kind, ready to observe.
        #[allow(clippy::large_enum_variant, reason = "a few dozen live in a daemon, each in its own task")]
        pub enum Probe {
            $(#[doc = concat!("A `", stringify!($module), "` probe.")] $variant($module::Probe)),*
        }

        impl Probe {
            /// Waits until the next observation is due and makes it. The first call observes at once. It never fails: a
            /// failure is an observation too.
            pub async fn next(&mut self) -> Observation {
                // In a box: a task else has room for the largest kind's wait, 18 kB a check.
                match self { $(Self::$variant(probe) => Box::pin(probe.next()).await),* }
            }
        }

        /// The kind-specific part of a check's config.
        #[derive(Clone, Debug, PartialEq)]
        pub enum ProbeConfig {
            $(#[doc = concat!("Of a `", stringify!($module), "` probe.")] $variant($module::Config)),*
        }

        impl ProbeConfig {
            /// Which kind it configures.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$variant(_) => Kind::$variant),* }
            }

            /// Where such a check stands in the tree of root causes unless the config says otherwise.
            pub fn level(&self) -> Level {
                match self { $(Self::$variant(config) => config.level()),* }
            }

            /// The limits to which its measurements are held.
            pub fn rules(&self) -> Vec<Rule> {
                match self { $(Self::$variant(config) => config.rules()),* }
            }

            /// The loss decision, for kinds that count packets.
            pub fn loss(&self) -> Option<LossRule> {
                match self { $(Self::$variant(config) => config.loss()),* }
            }

            /// The probe. Touches nothing yet: no socket, no name, no file.
            pub fn build(&self, context: Context) -> Probe {
                match self { $(Self::$variant(config) => Probe::$variant($module::Probe::new(config.clone(), context))),* }
            }

            /// Reads a kind's config from its table.
            ///
            /// # Errors
            /// What `deserializer` cannot read, with the place and the allowed names.
            pub fn deserialize_as<'de, D: serde::Deserializer<'de>>(kind: Kind, deserializer: D) -> Result<Self, D::Error> {
                match kind {
                    $(Kind::$variant => <$module::Config as serde::Deserialize>::deserialize(deserializer).map(Self::$variant)),*
                }
            }
        }

        /// What a kind of probe does unless the config says otherwise.
        pub const fn defaults(kind: Kind) -> Defaults {
            match kind { $(Kind::$variant => $module::DEFAULTS),* }
        }

        /// The quantities that a kind measures.
        pub const fn quantities(kind: Kind) -> &'static [&'static Quantity] {
            match kind { $(Kind::$variant => $module::QUANTITIES),* }
        }

        /// The reasons that a kind gives.
        pub const fn reasons(kind: Kind) -> &'static [&'static ReasonDef] {
            match kind { $(Kind::$variant => $module::REASONS),* }
        }

        /// A kind's table of errors.
        pub const fn errors(kind: Kind) -> &'static crate::domain::ErrorTable {
            match kind { $(Kind::$variant => &$module::ERRORS),* }
        }

        /// The JSON schema of a kind's config.
        pub fn schema(kind: Kind, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
            match kind { $(Kind::$variant => generator.subschema_for::<$module::Config>()),* }
        }
    };
}

probes! {
    Link => link,
    Icmp => icmp,
    Stun => stun,
    Http => http,
    Tls => tls,
    Dns => dns,
    Bandwidth => bandwidth,
    Stamp => stamp,
    Relay => relay,
    Ports => ports,
    Ups => ups,
    Audio => audio,
    Seat => seat,
    Microphone => microphone,
    Loopback => loopback,
    Camera => camera,
    Frames => frames,
    Display => display,
    Computer => computer,
    Usb => usb,
    Radio => radio,
    Replay => replay,
}

/// The quantity of a name, of any kind.
pub fn quantity(name: &str) -> Option<&'static Quantity> {
    Kind::ALL.into_iter().flat_map(quantities).copied().find(|quantity| quantity.name == name)
}

/// Where an observation carries what its check's tests have taken, of each kind that has a budget.
const ACCOUNTS: [(Kind, budget::Accounts); 3] =
    [(Kind::Bandwidth, bandwidth::ACCOUNTS), (Kind::Stamp, stamp::ACCOUNTS), (Kind::Relay, relay::ACCOUNTS)];

/// Takes to heart what an earlier process observed by an uplink, before any probe runs: what was spent stays spent.
pub fn recall(budget: &budget::Budget, uplink: Option<&Arc<str>>, observation: &Observation) {
    let accounts: Vec<&Quantity> = ACCOUNTS.iter().flat_map(|(_, of)| [of.today, of.by_uplink]).collect();
    budget.recall(observation, uplink, &accounts);
}

/// Has an observation that was made in the place of a probe's own carry what the check's tests have taken.
pub fn account(context: &Context, kind: Kind, observation: &mut Observation) {
    if let Some((_, accounts)) = ACCOUNTS.iter().find(|(of, _)| *of == kind) {
        let page = context.budget.page(observation.check.clone(), context.egress.name().cloned());
        page.tell(accounts, context.clock.now(), &mut observation.reading);
    }
}

/// Every reason that a probe or the judge can give: the closed catalogue.
pub fn all_reasons() -> impl Iterator<Item = &'static ReasonDef> {
    let shared = [&FAR_END_IS_SELF];
    let own = Kind::ALL.into_iter().flat_map(reasons).copied();
    crate::engine::reasons::ALL.iter().copied().chain(shared).chain(own)
}

/// The reason of a code.
pub fn reason(code: &str) -> Option<&'static ReasonDef> {
    all_reasons().find(|reason| reason.code == code)
}

/// An argument's name as the catalogue's messages and remedies write it (`{name}`).
pub fn argument(name: &str) -> Option<&'static str> {
    all_reasons().flat_map(arguments).chain([DETAIL]).find(|known| *known == name)
}

/// The argument names that a reason's four sentences use.
pub fn arguments(reason: &'static ReasonDef) -> impl Iterator<Item = &'static str> {
    [reason.message.id, reason.message.en, reason.remedy.id, reason.remedy.en]
        .into_iter()
        .flat_map(|text| text.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)))
}

/// Waits until the room's use is `wanted`; for ever if nobody will tell any more.
async fn until(in_use: &mut watch::Receiver<bool>, wanted: bool) {
    if in_use.wait_for(|in_use| *in_use == wanted).await.is_err() && *in_use.borrow() != wanted {
        std::future::pending::<()>().await;
    }
}
