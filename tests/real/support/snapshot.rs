//! Rooms made by hand, for tests of what readers are told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use siaga::domain::snapshot::{CheckView, ComponentView, Judged, LossView, Pending, ProfileView};
use siaga::domain::{
    Arg, CheckName, CheckSpec, Component, ErrorKind, Group, Holds, Incident, Kind, Level, Mono, Now, Observation, Pair,
    ProbeError, Profile, Quantity, Reading, Reason, ReasonDef, Requirement, Size, Snapshot, Text, Unit, Uplink,
    Verdict,
};
use siaga::engine::reasons::NOT_CONFIGURED;
use siaga::engine::rollup::{self, Decided};

/// When all hand-made snapshots were taken: 09.30.15 in Pontianak.
pub(crate) const AT: &str = "2026-11-24T02:30:15Z";

// They bear the names and labels of real ones, so that a room by hand and a room of the whole catalogue can be one.
pub(crate) static RTT: Quantity =
    Quantity::gauge("icmp_rtt_median_seconds", Unit::Seconds, "Median round trip of the newest echoes.");
pub(crate) static ECHOES: Quantity = Quantity::counter("icmp_echoes_total", Unit::Count, "Echoes whose fate is known.");
pub(crate) static CHARGE: Quantity = Quantity::gauge("ups_battery_charge_ratio", Unit::Ratio, "Charge of the battery.");
pub(crate) static SPEED: Quantity =
    Quantity::gauge("link_speed_bits_per_second", Unit::BitsPerSecond, "What the link was negotiated to.");
pub(crate) static DISK: Quantity =
    Quantity::gauge("computer_disk_free_bytes", Unit::Bytes, "Space free for everybody.").by("mount");

/// Every quantity used here.
pub(crate) const QUANTITIES: &[&Quantity] = &[&RTT, &ECHOES, &CHARGE, &SPEED, &DISK];

pub(crate) static ON_BATTERY: ReasonDef = ReasonDef::new(
    "power.on_battery",
    Text::new("UPS memakai baterai, sisa {value}", "The UPS is on battery, {value} left"),
    Text::new("Periksa listrik PLN dan nyalakan genset", "Check the mains and start the generator"),
);
pub(crate) static CAMERA_MISSING: ReasonDef = ReasonDef::new(
    "video.camera_missing",
    Text::new("Kamera {device} tidak terpasang", "Camera {device} is not connected"),
    Text::new("Pasang kabel USB kamera", "Plug in the camera's USB cable"),
)
.lasting();
pub(crate) static LOSS_HIGH: ReasonDef = ReasonDef::new(
    "internet.loss_high",
    Text::new("Paket hilang {value}", "{value} of packets are lost"),
    Text::new("Periksa kabel jaringan", "Check the network cable"),
);
pub(crate) static CAMERA_IN_USE: ReasonDef = ReasonDef::new(
    "video.in_use",
    Text::new("Kamera sedang dipakai", "The camera is in use"),
    Text::new("Tidak perlu berbuat apa-apa", "Nothing to do"),
);
pub(crate) static NO_PERMISSION: ReasonDef = ReasonDef::new(
    "siaga.no_permission",
    Text::new("Siaga tidak diizinkan mengukur", "Siaga may not measure"),
    Text::new("Minta petugas TI memberi izin", "Ask IT staff to permit it"),
);

/// Every reason used here.
pub(crate) const REASONS: &[&ReasonDef] = &[&ON_BATTERY, &CAMERA_MISSING, &LOSS_HIGH, &CAMERA_IN_USE, &NO_PERMISSION];

/// Where a clock's monotonic scale begins, to the second.
pub(crate) fn begin() -> Mono {
    let mono = siaga::clock::Clock::start().mono();
    Mono::from_elapsed(Duration::from_secs(mono.elapsed().as_secs()))
}

/// The moment of all snapshots, on a clock that has just begun.
pub(crate) fn at() -> Now {
    Now { mono: begin(), wall: AT.parse().unwrap() }
}

/// A moment before that.
pub(crate) fn ago(seconds: u64) -> Timestamp {
    at().wall - Duration::from_secs(seconds)
}

/// A check to be.
#[derive(Clone)]
pub(crate) struct Check {
    spec: CheckSpec,
    judged: Judged,
    reading: Reading,
    error: Option<ProbeError>,
    observed: bool,
    stale: bool,
    held: Option<Timestamp>,
    loss: Option<LossView>,
}

/// A check that is ready, observed three seconds ago, and may be an hour old.
pub(crate) fn check(name: &str, kind: Kind, level: Level) -> Check {
    Check {
        spec: CheckSpec {
            name: name.into(),
            kind,
            component: kind.component().unwrap(),
            level,
            requirement: Requirement::Required,
            group: None,
            uplink: None,
            active: false,
            interval: Duration::from_secs(5),
            fresh_for: Duration::from_hours(1),
            holds: Holds { bad_for: Duration::from_secs(3), good_for: Duration::from_mins(1) },
            looks_at: 0,
            rules: Vec::new(),
            loss: None,
        },
        judged: Judged {
            verdict: Verdict::Ready,
            since: ago(600),
            pending: None,
            reasons: Vec::new(),
            blocked_by: None,
        },
        reading: Reading::default(),
        error: None,
        observed: true,
        stale: false,
        held: None,
        loss: None,
    }
}

/// A metered backup with a budget of 100 MB.
pub(crate) fn backup() -> Arc<Uplink> {
    Arc::new(Uplink {
        name: "backup".into(),
        interface: Some("wwan0".into()),
        source: None,
        resolvers: Vec::new(),
        backup: Some(Verdict::Degraded),
        metered: true,
        daily_budget: Some(Size(100_000_000)),
    })
}

impl Check {
    pub(crate) fn by(mut self, uplink: &Arc<Uplink>) -> Self {
        self.spec.uplink = Some(Arc::clone(uplink));
        self
    }

    pub(crate) fn because(mut self, def: &'static ReasonDef, verdict: Verdict, args: &[(&'static str, Arg)]) -> Self {
        self.judged.verdict = self.judged.verdict.max(verdict);
        let blocked_by = self.judged.blocked_by.clone();
        self.judged.reasons.push(Reason { def, verdict, args: args.to_vec(), since: ago(300), blocked_by });
        self
    }

    pub(crate) fn blocked_by(mut self, cause: &str) -> Self {
        self.judged.blocked_by = Some(cause.into());
        for reason in &mut self.judged.reasons {
            reason.blocked_by = Some(cause.into());
        }
        self
    }

    pub(crate) fn advisory(mut self) -> Self {
        self.spec.requirement = Requirement::Advisory;
        self
    }

    pub(crate) fn group(mut self, name: &str, need: usize) -> Self {
        self.spec.group = Some(Group { name: name.into(), need });
        self
    }

    pub(crate) fn measured(mut self, quantity: &'static Quantity, value: f64) -> Self {
        self.reading.measure(quantity, value);
        self
    }

    pub(crate) fn measured_part(mut self, quantity: &'static Quantity, part: &str, value: f64) -> Self {
        self.reading.measure_part(quantity, part, value);
        self
    }

    pub(crate) fn lost(mut self, loss: LossView) -> Self {
        self.loss = Some(loss);
        self
    }

    pub(crate) fn failed(mut self, kind: ErrorKind, detail: &str) -> Self {
        self.error = Some(ProbeError::new(kind, detail));
        self
    }

    pub(crate) fn never_observed(mut self) -> Self {
        self.observed = false;
        self
    }

    pub(crate) fn stale(mut self) -> Self {
        self.stale = true;
        self
    }

    pub(crate) fn held(mut self) -> Self {
        self.held = Some(ago(120));
        self.spec.active = true;
        self
    }

    pub(crate) fn fresh_for(mut self, length: Duration) -> Self {
        self.spec.fresh_for = length;
        self
    }

    pub(crate) fn pending(mut self, to: Verdict) -> Self {
        let at = begin().after(Duration::from_secs(2));
        self.judged.pending = Some(Pending { to, since: begin(), at });
        self
    }

    fn view(&self) -> Arc<CheckView> {
        let observed = Now { mono: begin().before(Duration::from_secs(3)), wall: ago(3) };
        let last = Observation {
            check: self.spec.name.clone(),
            at: observed,
            took: Duration::from_millis(12),
            reading: self.reading.clone(),
            error: self.error.clone(),
        };
        Arc::new(CheckView {
            spec: Arc::new(self.spec.clone()),
            last: self.observed.then(|| Arc::new(last)),
            fresh_until: self.observed.then(|| observed.mono.after(self.spec.fresh_for)),
            stale: self.stale,
            held: self.held,
            runs: u64::from(self.observed) * 7,
            failures: self.error.iter().map(|error| (error.kind, 3)).collect(),
            loss: self.loss,
        })
    }
}

/// A kind of meeting that needs everything but the radio.
pub(crate) fn profile(name: &str) -> Profile {
    Profile {
        name: name.into(),
        title: (format!("Rapat {name}"), format!("Meeting {name}")),
        source: "hand-made for a test, 2026-11-24".to_owned(),
        down: Pair { degraded: 3e6, not_ready: 1e6 },
        up: Pair { degraded: 3e6, not_ready: 1e6 },
        rtt: Pair { degraded: 0.3, not_ready: 0.8 },
        jitter_degraded: 0.03,
        loss: Pair { degraded: 0.02, not_ready: 0.1 },
        platform: None,
        udp: Requirement::Required,
        runtime: Duration::from_mins(15),
        components: BTreeMap::from([(Component::Radio, Requirement::Advisory)]),
    }
}

/// The same without cameras: a meeting that one only listens to.
pub(crate) fn listening(name: &str) -> Profile {
    let mut profile = profile(name);
    profile.components.insert(Component::Video, Requirement::Advisory);
    profile
}

/// A room to be.
pub(crate) struct Room {
    pub checks: Vec<Check>,
    pub profiles: Vec<Profile>,
    pub absent: Vec<Component>,
    pub starting: bool,
    pub in_use: bool,
    pub next_deadline: Mono,
    pub seq: u64,
}

/// A room of these checks, under a whole and a listening profile, the first in force.
pub(crate) fn room(checks: impl Into<Vec<Check>>) -> Room {
    Room {
        checks: checks.into(),
        profiles: vec![profile("rapat"), listening("simak")],
        absent: vec![Component::Radio],
        starting: false,
        in_use: false,
        next_deadline: begin().after(Duration::from_mins(10)),
        seq: 42,
    }
}

impl Room {
    pub(crate) fn build(&self) -> Arc<Snapshot> {
        let checks: Vec<Arc<CheckView>> = self.checks.iter().map(Check::view).collect();
        let profiles: Vec<_> = self.profiles.iter().map(|profile| Arc::new(self.view(profile, &checks))).collect();
        let mut incidents = Vec::new();
        for component in profiles[0].components.iter().filter(|view| view.verdict != Verdict::Ready && !view.absent) {
            let reasons = component.checks.iter().flat_map(|at| self.checks[*at].judged.reasons.clone());
            incidents.push(Incident {
                id: format!("{}-20261124T022515Z", component.component),
                component: component.component,
                worst: component.verdict,
                verdict: component.verdict,
                reasons: reasons.collect(),
                opened_at: ago(300),
                closed_at: None,
                settling: false,
            });
        }
        Arc::new(Snapshot {
            room: "rapat_1".into(),
            seq: self.seq,
            at: at(),
            started: Now { mono: begin().before(Duration::from_mins(15)), wall: ago(900) },
            starting: self.starting,
            next_deadline: self.next_deadline,
            in_use: self.in_use,
            checks,
            profiles,
            current: 0,
            default: 0,
            incidents,
        })
    }

    fn view(&self, profile: &Profile, checks: &[Arc<CheckView>]) -> ProfileView {
        let judged: Vec<Judged> = self.checks.iter().map(|check| check.judged.clone()).collect();
        let components: Vec<ComponentView> =
            Component::ALL.into_iter().map(|component| self.component(profile, component, checks)).collect();
        let mut verdict =
            rollup::room(components.iter().map(|view| (view.component, view.requirement, view.absent, view.verdict)));
        let mut reasons = Vec::new();
        if self.starting {
            verdict = Verdict::Unknown;
            let def = &siaga::engine::reasons::STARTING;
            reasons.push(Reason { def, verdict, args: Vec::new(), since: ago(1), blocked_by: None });
        }
        let named = |at: usize| -> CheckName { checks[at].spec.name.clone() };
        let root_cause = (verdict != Verdict::Ready)
            .then(|| {
                let counted = components.iter().filter(|view| {
                    view.requirement == Requirement::Required && !view.absent && view.verdict == verdict
                });
                let mut places = counted.flat_map(|view| view.checks.iter().copied());
                places.find(|at| judged[*at].verdict == verdict).map(named)
            })
            .flatten();
        let limits = checks.iter().filter(|check| !check.stale && check.held.is_none());
        let valid_until = limits.filter_map(|check| check.fresh_until).min().unwrap_or(begin());
        ProfileView {
            profile: Arc::new(profile.clone()),
            verdict,
            reasons,
            components: components.into(),
            checks: judged.into(),
            root_cause,
            valid_until,
        }
    }

    fn component(&self, profile: &Profile, component: Component, checks: &[Arc<CheckView>]) -> ComponentView {
        let places: Vec<usize> = (0..checks.len()).filter(|at| checks[*at].spec.component == component).collect();
        let decided: Vec<Decided<'_>> = places
            .iter()
            .map(|at| Decided { spec: &checks[*at].spec, verdict: self.checks[*at].judged.verdict, observed: true })
            .collect();
        let absent = self.absent.contains(&component);
        let rolled = rollup::component(&decided);
        let requirement = profile.requirement(component);
        let mut reasons = Vec::new();
        if rolled.is_none() && !absent && requirement == Requirement::Required {
            let args = vec![("component", Arg::from(component.as_str()))];
            let verdict = Verdict::Unknown;
            reasons.push(Reason { def: &NOT_CONFIGURED, verdict, args, since: ago(900), blocked_by: None });
        }
        ComponentView {
            component,
            verdict: rolled.unwrap_or(if absent { Verdict::Ready } else { Verdict::Unknown }),
            requirement,
            absent,
            reasons,
            checks: places,
            since: ago(600),
        }
    }
}

/// A room in which everything works.
pub(crate) fn good() -> Vec<Check> {
    vec![
        check("pc", Kind::Computer, Level::Computer)
            .measured_part(&DISK, "/", 5e10)
            .measured_part(&DISK, "/var", 7.25e9),
        check("gateway", Kind::Icmp, Level::Gateway).measured(&RTT, 0.0012).measured(&ECHOES, 1200.0).lost(LossView {
            sent: 240,
            lost: 1,
            ratio: 0.004_166,
            low: 0.000_7,
            high: 0.023_1,
        }),
        check("speed", Kind::Bandwidth, Level::FarEnd).measured(&SPEED, 1e9),
        check("mic", Kind::Audio, Level::Device),
        check("camera", Kind::Camera, Level::Device).because(&CAMERA_IN_USE, Verdict::Ready, &[]),
        check("ups", Kind::Ups, Level::Power).measured(&CHARGE, 1.0),
    ]
}

/// A room with trouble of every kind.
pub(crate) fn troubled() -> Room {
    let mut checks = good();
    checks[1] = checks[1].clone().because(&LOSS_HIGH, Verdict::Degraded, &[("value", Arg::Number(0.031, Unit::Ratio))]);
    checks[2] = checks[2].clone().held();
    checks[3] = check("mic", Kind::Audio, Level::Device)
        .failed(ErrorKind::Permission, "open: permission denied")
        .because(&NO_PERMISSION, Verdict::Unknown, &[("detail", Arg::from("permission denied"))]);
    checks[4] = check("camera", Kind::Camera, Level::Device).because(
        &CAMERA_MISSING,
        Verdict::NotReady,
        &[("device", Arg::from("meja"))],
    );
    checks[5] = checks[5].clone().pending(Verdict::NotReady);
    let mut room = room(checks);
    room.in_use = true;
    room
}
