//! The room's metrics, from one snapshot.

use jiff::Timestamp;

use crate::domain::snapshot::{CheckView, ComponentView, Judged};
use crate::domain::{Component, Now, Requirement, Snapshot};

use super::super::State;
use super::family::{Family, Samples};
use super::{agenda, limits, own, serving};
use prometheus::proto::MetricFamily;

static BUILD_INFO: Family = Family::gauge("siaga_build_info", &["version"], "Which build this is; always 1.");
static ROOM_STATE: Family =
    Family::gauge("siaga_room_state", &["room", "profile", "state"], "The room's verdict: 1 for the one that holds.");
static PROFILE_IN_FORCE: Family = Family::gauge(
    "siaga_profile_in_force",
    &["room", "profile"],
    "Whether this is the profile by which the room is judged now.",
);
static ROOM_IN_USE: Family =
    Family::gauge("siaga_room_in_use", &["room"], "Whether the room is in use: by the agenda, or as it is seen.");
static COMPONENT_STATE: Family = Family::gauge(
    "siaga_component_state",
    &["component", "profile", "state"],
    "A component's verdict: 1 for the one that holds.",
);
static COMPONENT_REQUIRED: Family = Family::gauge(
    "siaga_component_required",
    &["component", "profile"],
    "Whether the component counts: required by the profile and not declared absent.",
);
static CHECK_STATE: Family = Family::gauge(
    "siaga_check_state",
    &["check", "kind", "component", "state"],
    "A check's verdict under the profile in force: 1 for the one that holds.",
);
static CHECK_UPLINK: Family = Family::gauge(
    "siaga_check_uplink",
    &["check", "uplink"],
    "By which uplink of the config the check measures; always 1.",
);
static UPLINK_INFO: Family = Family::gauge(
    "siaga_uplink_info",
    &["uplink", "interface", "backup", "metered"],
    "What the config says of an uplink that checks name; always 1.",
);
static UPLINK_BUDGET: Family = Family::gauge(
    "siaga_uplink_daily_budget_bytes",
    &["uplink"],
    "How many bytes all active tests by the uplink may take a day (UTC), where it has a budget of its own.",
);
static UPLINK_USED: Family = Family::gauge(
    "siaga_uplink_used_today_bytes",
    &["uplink"],
    "Bytes that active tests by the uplink have taken on this day (UTC), as their checks told last, and pushes of samples by it.",
);
static CHECK_PENDING: Family = Family::gauge(
    "siaga_check_pending",
    &["check"],
    "Whether a change of the check's verdict is seen and waits for its hold.",
);
static CHECK_HELD: Family = Family::gauge(
    "siaga_check_held",
    &["check"],
    "Whether the check is held because the room is in use; its last state stands.",
);
static CHECK_STALE: Family = Family::gauge(
    "siaga_check_stale",
    &["check"],
    "Whether the check's evidence is too old; its measurements are dropped.",
);
static CHECK_LAST: Family = Family::gauge(
    "siaga_check_last_observation_timestamp_seconds",
    &["check"],
    "When the check's newest observation was complete.",
);
static CHECK_TOOK: Family =
    Family::gauge("siaga_check_duration_seconds", &["check"], "How long the check's newest observation took.");
static CHECK_FRESH: Family =
    Family::gauge("siaga_check_fresh_seconds", &["check"], "How old the check's evidence may be.");
static CHECK_RUNS: Family =
    Family::counter("siaga_check_runs_total", &["check"], "Observations of the check since the process began.");
static CHECK_ERROR: Family = Family::gauge(
    "siaga_check_error",
    &["check", "kind"],
    "The kind of failure of the check's newest observation; absent if it read something.",
);
static PROBE_ERRORS: Family = Family::counter(
    "siaga_probe_errors_total",
    &["check", "kind"],
    "Observations of the check that failed, by kind of failure, since the process began.",
);
static LOSS: Family = Family::gauge(
    "siaga_check_loss_ratio",
    &["check"],
    "Share of packets lost of the newest that are kept; the loss decision may stand on fewer.",
);
static LOSS_LOW: Family =
    Family::gauge("siaga_check_loss_low_ratio", &["check"], "Lower end of Wilson's 95 % interval of the loss.");
static LOSS_HIGH: Family =
    Family::gauge("siaga_check_loss_high_ratio", &["check"], "Upper end of Wilson's 95 % interval of the loss.");
static REASON: Family = Family::gauge(
    "siaga_reason",
    &["component", "check", "code"],
    "A reason that holds under the profile in force; no check where it is a component's own, no component where the room's.",
);
static INCIDENTS_OPEN: Family =
    Family::gauge("siaga_incidents_open", &["component"], "Incidents that are not over, by root-cause component.");
static SNAPSHOT_AT: Family = Family::gauge(
    "siaga_snapshot_timestamp_seconds",
    &[],
    "When the judge last spoke. Everything else here is of that moment.",
);
static SNAPSHOTS: Family =
    Family::counter("siaga_snapshots_total", &[], "How often the judge has spoken since the process began.");
static RELOAD_OK: Family = Family::gauge(
    "siaga_config_last_reload_successful",
    &[],
    "Whether the newest attempt to read the config succeeded.",
);
static RELOAD_AT: Family = Family::gauge(
    "siaga_config_last_reload_success_timestamp_seconds",
    &[],
    "When the config was last read successfully.",
);

/// Every metric that is not a quantity of a probe: the room's, then the daemon's own.
pub const FAMILIES: &[&Family] = &[
    &BUILD_INFO,
    &ROOM_STATE,
    &PROFILE_IN_FORCE,
    &ROOM_IN_USE,
    &COMPONENT_STATE,
    &COMPONENT_REQUIRED,
    &CHECK_STATE,
    &CHECK_UPLINK,
    &UPLINK_INFO,
    &UPLINK_BUDGET,
    &UPLINK_USED,
    &CHECK_PENDING,
    &CHECK_HELD,
    &CHECK_STALE,
    &CHECK_LAST,
    &CHECK_TOOK,
    &CHECK_FRESH,
    &CHECK_RUNS,
    &CHECK_ERROR,
    &PROBE_ERRORS,
    &LOSS,
    &LOSS_LOW,
    &LOSS_HIGH,
    &REASON,
    &limits::LOSS,
    &INCIDENTS_OPEN,
    &agenda::PHASE,
    &agenda::START,
    &agenda::END,
    &agenda::BOOKED,
    &agenda::CALENDAR_READ,
    &agenda::CALENDAR_OK,
    &SNAPSHOT_AT,
    &SNAPSHOTS,
    &RELOAD_OK,
    &RELOAD_AT,
    &serving::CERTIFICATE,
    &serving::CONNECTIONS,
    &serving::CUT,
    &serving::REFUSED,
    &serving::LARGE,
    &serving::UNMET,
    &own::STORE_HEALTHY,
    &own::STORE_WAITING,
    &own::STORE_DROPPED,
    &own::SET_ASIDE,
    &own::REMOVED,
    &own::DELIVERED,
    &own::FAILED,
    &own::GIVEN_UP,
    &own::WITHHELD,
    &own::LAST_DELIVERED,
    &own::OUTBOX,
    &own::OUTBOX_OLDEST,
    &own::PUSHED,
    &own::PUSHED_BYTES,
    &own::PUSH_FAILED,
    &own::PUSH_DROPPED,
    &own::PUSH_PENDING,
    &own::PUSH_OLDEST,
    &own::PUSH_LAST,
    &own::PUSH_KEPT,
];

/// All series of a snapshot.
pub(super) fn families(snapshot: &Snapshot, state: &State) -> Vec<MetricFamily> {
    let mut out = Samples::default();
    daemon(&mut out, snapshot, state);
    room(&mut out, snapshot);
    agenda::add(&mut out, snapshot, &state.bookings.agenda());
    agenda::calendars(&mut out, &state.bookings.feeds());
    uplinks(&mut out, snapshot, state);
    let current = snapshot.current();
    for (check, judged) in snapshot.checks.iter().zip(current.checks.iter()) {
        self::check(&mut out, snapshot.at, check, judged);
        limits::add(&mut out, check, &current.profile);
    }
    for reason in &current.reasons {
        out.add_once(&REASON, &["", "", reason.def.code], 1.0);
    }
    for component in current.components.iter() {
        reasons(&mut out, snapshot, component, &current.checks);
    }
    out.finish()
}

fn daemon(out: &mut Samples, snapshot: &Snapshot, state: &State) {
    let reloaded = *state.reloaded.borrow();
    out.add(&BUILD_INFO, &[state.info.version], 1.0);
    out.add(&SNAPSHOT_AT, &[], unix(snapshot.at.wall));
    out.add(&SNAPSHOTS, &[], count(snapshot.seq));
    out.add(&RELOAD_OK, &[], flag(reloaded.ok));
    out.add(&RELOAD_AT, &[], unix(reloaded.at));
    serving::add(out, state);
    own::add(out, &state.own.now());
}

fn room(out: &mut Samples, snapshot: &Snapshot) {
    let room = &*snapshot.room;
    out.add(&ROOM_IN_USE, &[room], flag(snapshot.in_use));
    for (place, view) in snapshot.profiles.iter().enumerate() {
        let profile = &*view.profile.name;
        out.one_hot(&ROOM_STATE, &[room, profile], view.verdict);
        out.add(&PROFILE_IN_FORCE, &[room, profile], flag(place == snapshot.current));
        for component in view.components.iter() {
            let name = component.component.as_str();
            out.one_hot(&COMPONENT_STATE, &[name, profile], component.verdict);
            let counts = component.requirement == Requirement::Required && !component.absent;
            out.add(&COMPONENT_REQUIRED, &[name, profile], flag(counts));
        }
    }
    for component in Component::ALL {
        let open = snapshot
            .incidents
            .iter()
            .filter(|incident| incident.component == component && incident.closed_at.is_none());
        out.add(&INCIDENTS_OPEN, &[component.as_str()], f64::from(u32::try_from(open.count()).unwrap_or(u32::MAX)));
    }
}

fn uplinks(out: &mut Samples, snapshot: &Snapshot, state: &State) {
    for (uplink, used) in state.uplinks(snapshot) {
        let name = &*uplink.name;
        let word = |holds: bool| if holds { "true" } else { "false" };
        let interface = uplink.interface.as_deref().unwrap_or_default();
        out.add(&UPLINK_INFO, &[name, interface, word(uplink.backup.is_some()), word(uplink.metered)], 1.0);
        out.add(&UPLINK_USED, &[name], used);
        if let Some(budget) = uplink.daily_budget {
            out.add(&UPLINK_BUDGET, &[name], count(budget.0));
        }
    }
}

fn check(out: &mut Samples, at: Now, check: &CheckView, judged: &Judged) {
    let spec = &check.spec;
    let name = spec.name.as_str();
    out.one_hot(&CHECK_STATE, &[name, spec.kind.as_str(), spec.component.as_str()], judged.verdict);
    if let Some(uplink) = &spec.uplink {
        out.add(&CHECK_UPLINK, &[name, &*uplink.name], 1.0);
    }
    out.add(&CHECK_PENDING, &[name], flag(judged.pending.is_some()));
    out.add(&CHECK_HELD, &[name], flag(check.held.is_some()));
    out.add(&CHECK_STALE, &[name], flag(check.stale));
    out.add(&CHECK_FRESH, &[name], spec.fresh_for.as_secs_f64());
    out.add(&CHECK_RUNS, &[name], count(check.runs));
    let Some(last) = check.last.as_deref() else { return };
    out.add(&CHECK_LAST, &[name], unix(at.calls(last.at)));
    out.add(&CHECK_TOOK, &[name], last.took.as_secs_f64());
    if let Some(error) = &last.error {
        out.add(&CHECK_ERROR, &[name, error.kind.as_str()], 1.0);
    }
    for (kind, failures) in &check.failures {
        out.add(&PROBE_ERRORS, &[name, kind.as_str()], count(*failures));
    }
    // A number that is too old says nothing of now. Held evidence is old on purpose and stands, with its time.
    if check.stale && check.held.is_none() {
        return;
    }
    for measurement in &last.reading.measurements {
        let family = Family::of_quantity(measurement.quantity);
        let part = measurement.part.as_deref().unwrap_or_default();
        let values = [name, part];
        out.add_once(&family, &values[..family.labels.len()], measurement.value);
    }
    if let Some(loss) = check.loss {
        out.add(&LOSS, &[name], loss.ratio);
        out.add(&LOSS_LOW, &[name], loss.low);
        out.add(&LOSS_HIGH, &[name], loss.high);
    }
}

fn reasons(out: &mut Samples, snapshot: &Snapshot, component: &ComponentView, judged: &[Judged]) {
    let name = component.component.as_str();
    for reason in &component.reasons {
        out.add_once(&REASON, &[name, "", reason.def.code], 1.0);
    }
    for at in &component.checks {
        let check = snapshot.checks[*at].spec.name.as_str();
        for reason in &judged[*at].reasons {
            out.add_once(&REASON, &[name, check, reason.def.code], 1.0);
        }
    }
}

pub(super) const fn flag(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

/// Seconds since 1970, to the millisecond: what a double holds exactly enough.
#[allow(clippy::cast_precision_loss, reason = "milliseconds since 1970 stay below 2^53 for 280 000 years")]
pub(super) fn unix(moment: Timestamp) -> f64 {
    moment.as_millisecond() as f64 / 1e3
}

#[allow(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub(super) fn count(number: u64) -> f64 {
    number as f64
}
