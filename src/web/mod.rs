//! What readers see: the short answer, the scheduler's answer, the metrics, the page. All of it is rendered from the one
//! immutable [`Snapshot`], so that no two readers can be told different things, and no reader waits for a probe, a name
//! server or a disk to learn the verdict.
//!
//! ```text
//!  watch<Arc<Snapshot>> ─▶ believe ─▶ /readyz   /api/v1/…   /metrics   /
//!                          (is it still true?)
//! ```

pub mod acting;
pub mod acts;
mod astray;
pub mod believe;
pub mod body;
pub mod booked;
pub mod bookings;
mod coming;
mod cookies;
mod crowd;
pub mod daemon;
pub mod door;
pub mod evidence;
mod expiring;
mod frame;
#[cfg(debug_assertions)]
pub mod fuzz;
mod given;
pub mod history;
pub mod host;
mod ics;
mod in_clear;
pub mod inbound;
mod incident_page;
mod kiosk;
pub mod lang;
mod large;
pub mod lists;
mod live;
pub mod metrics;
pub mod openapi;
pub mod outlook;
pub mod own;
mod pace;
pub mod page;
mod pages;
pub mod past;
pub mod problem;
pub mod query;
pub mod readiness;
pub mod readyz;
mod reported;
mod routes;
mod serve;
pub mod sessions;
pub mod sheet;
mod sign_in;
mod site;
pub mod surveys;
mod telling;
pub mod tls;
mod under_way;
mod words;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::domain::doing::Doings;
use crate::domain::{Handling, Lang, OpenTo, Quantity, Reason, ReasonDef, Settings, Snapshot, Uplink};
use crate::engine::past::ledger::Agreed;

pub use acts::Acts;
pub use bookings::Bookings;
pub use crowd::Crowd;
pub use door::{Door, Holder, Mark, Unadmitted};
pub use evidence::{Evidence, PastIncident, Stored};
pub use history::History;
pub use host::Hosts;
pub use inbound::{Inbound, NoEntry};
pub use own::{Own, OwnHealth};
pub use serve::run;
pub use site::Staff;
pub use surveys::{Said, SurveyForm, Surveyed, Surveys, Unshown};

/// What the server is given. Cheap to clone: one for each address that is listened on.
#[derive(Clone)]
pub struct State {
    /// The room, always the newest.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// The clocks.
    pub clock: Clock,
    /// Where evidence is kept and history is read.
    pub evidence: Arc<dyn Evidence>,
    /// The same for looks at the room for booked sessions: whoever only reads takes nothing of their allowance.
    pub booked_evidence: Arc<dyn Evidence>,
    /// What pages look back at.
    pub history: Arc<dyn History>,
    /// Who has the surveys of places.
    pub surveys: Arc<dyn Surveys>,
    /// Where meetings are booked.
    pub bookings: Arc<dyn Bookings>,
    /// Who takes alerts of other systems.
    pub inbound: Arc<dyn Inbound>,
    /// How the room speaks to people.
    pub voice: watch::Receiver<Arc<Voice>>,
    /// What became of the newest config.
    pub reloaded: watch::Receiver<Reloaded>,
    /// How the daemon itself is.
    pub own: Arc<dyn OwnHealth>,
    /// Who knows those who show a token.
    pub door: Arc<dyn Door>,
    /// Who carries out what people order.
    pub acts: Arc<dyn Acts>,
    /// Who has come in at the page, and what they order there.
    pub staff: Arc<Staff>,
    /// Who is connected, by whichever of the daemon's addresses.
    pub crowd: Arc<Crowd>,
    /// The certificate that whoever connects is shown; without one HTTP goes in the clear.
    pub tls: watch::Receiver<Option<Arc<tls::Tls>>>,
    /// What is done about what is open.
    pub handling: watch::Receiver<Arc<Handling>>,
    /// What is being done now.
    pub doing: watch::Receiver<Arc<Doings>>,
    /// What does not change while the process runs.
    pub info: Arc<Info>,
}

impl State {
    /// The uplinks that checks name, each with the bytes that went by it on this day (UTC): what active tests took, as their checks
    /// told last, and pushes.
    fn uplinks(&self, snapshot: &Snapshot) -> Vec<(Arc<Uplink>, f64)> {
        let pushed = self.own.now().pushed_today;
        let all = snapshot.uplinks().into_iter().map(|(uplink, tests)| {
            #[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
            let used = tests + pushed.get(&uplink.name).copied().unwrap_or_default() as f64;
            (uplink, used)
        });
        all.collect()
    }
}

/// How the room speaks to people; from the config, so that a reload replaces it.
#[derive(Clone, Debug)]
pub struct Voice {
    /// The room's name for people.
    pub title: String,
    /// The language of whoever asks for none.
    pub lang: Lang,
    /// The zone in which times are told.
    pub zone: TimeZone,
    /// The names by which it may be asked.
    pub hosts: Hosts,
    /// Who may read without a token.
    pub open_to: OpenTo,
    /// What a month of the line is held against, where who asks for it says nothing else.
    pub agreed: Agreed,
    /// Remedies in the room's own words, by reason code: Bahasa Indonesia and English.
    pub remedies: BTreeMap<&'static str, (String, String)>,
    /// What of the config readers are shown.
    pub settings: Arc<Settings>,
}

impl Voice {
    /// What somebody must go and do, in the room's own words where it has some.
    pub fn remedy(&self, reason: &Reason, lang: Lang) -> String {
        match (self.remedies.get(reason.def.code), lang) {
            (Some((id, _)), Lang::Id) => reason.fill(id, lang),
            (Some((_, en)), Lang::En) => reason.fill(en, lang),
            (None, _) => reason.remedy(lang),
        }
    }

    /// A moment for rows and programs: RFC 3339 with the zone's offset, to the millisecond.
    pub fn stamp(&self, moment: Timestamp) -> String {
        let rounded = moment.round(jiff::Unit::Millisecond).unwrap_or(moment);
        rounded.display_with_offset(self.zone.to_offset(moment)).to_string()
    }
}

/// What became of the newest config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloaded {
    /// Whether the newest attempt to read one succeeded.
    pub ok: bool,
    /// Whether the one that holds is the newest: not so after a reload was refused.
    pub newest: bool,
    /// When one was last read successfully.
    pub at: Timestamp,
}

/// What does not change while the process runs.
#[derive(Clone, Debug)]
pub struct Info {
    /// The version of this build.
    pub version: &'static str,
    /// Every quantity that a probe can measure.
    pub quantities: Vec<&'static Quantity>,
    /// Every reason that can be given, but for the web's own.
    pub reasons: Vec<&'static ReasonDef>,
}

/// The reasons that the readers' side gives itself, for the catalogue.
pub const REASONS: &[&ReasonDef] = &[&believe::ENGINE_STALLED];
