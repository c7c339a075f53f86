//! From what was seen and judged to the report. The verdicts are the judge's; this adds what a single look must not claim.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::answer;
use super::counted::{self, Counted};
use super::fields::{target, tested_up_to};
use super::nearest::nearest;
use super::record::Record;
use super::report::{
    Both, Bytes, Looked, Loss, Meeting, NotMeasured, Number, Report, SCHEMA, Silence, TestedUpTo, Ways, Why, Word,
};
use super::words::{pick, shows, title, value};
use crate::domain::{
    CheckSpec, CheckView, Component, Kind, Lang, Limit, Measurement, Profile, ProfileLimit, Reason, Requirement,
    Snapshot, Test, Text, Verdict,
};
use crate::engine::judge::Limits;
use crate::engine::reasons::{NO_EVIDENCE, ON_BACKUP};
use crate::probe::ProbeConfig;
use crate::probe::stamp::WAY_IN_OPEN;

/// How a survey came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All was done.
    Whole,
    /// Somebody stopped it.
    Interrupted,
    /// This computer came into use: a meeting is not disturbed.
    InUse,
    /// A test did not come to its end.
    OutOfTime,
}

impl Ended {
    fn words(self) -> Option<Text> {
        match self {
            Self::Whole => None,
            Self::Interrupted => {
                Some(Text::new("survei dihentikan sebelum selesai", "the survey was stopped before its end"))
            }
            Self::InUse => Some(Text::new(
                "kamera atau mikrofon komputer ini sedang dipakai, dan rapat tidak diganggu",
                "this computer's camera or microphone is in use, and a meeting is not disturbed",
            )),
            Self::OutOfTime => Some(Text::new("ujinya tidak selesai pada waktunya", "its test did not end in time")),
        }
    }
}

/// All that a report is made of.
pub struct Seen<'a> {
    /// The survey's own name.
    pub id: String,
    /// Where, in its people's words.
    pub venue: Option<String>,
    /// The time zone of all times.
    pub zone: TimeZone,
    /// The kind of meeting that was asked about; none for all.
    pub profile: Option<&'a str>,
    /// What the judge says.
    pub snapshot: &'a Snapshot,
    /// What was watched.
    pub record: &'a Record,
    /// The checks of the line, as they were told.
    pub checks: &'a [(Arc<CheckSpec>, ProbeConfig)],
    /// The room's own words for remedies, by code.
    pub remedies: &'a BTreeMap<&'static str, Both>,
    /// How it ended.
    pub ended: Ended,
    /// From when.
    pub began_at: Timestamp,
    /// Until when.
    pub ended_at: Timestamp,
    /// How long the quiet watch was.
    pub watched: Duration,
    /// What the tests took.
    pub bytes: Bytes,
}

/// Makes the report.
pub fn report(seen: &Seen<'_>) -> Report {
    let asked = |view: &&Arc<crate::domain::ProfileView>| seen.profile.is_none_or(|name| *view.profile.name == *name);
    let mut profiles: Vec<Meeting> =
        (0..).zip(&seen.snapshot.profiles).filter(|(_, view)| asked(view)).map(|(at, _)| seen.meeting(at)).collect();
    // The most demanding first: the answer is the first that fits.
    profiles.sort_by(|a, b| b.need.total_cmp(&a.need));
    let chosen = chosen(&profiles);
    let stamp = |at: Timestamp| stamp(at, &seen.zone);
    let (name, verdict) =
        chosen.map_or((String::new(), Verdict::Unknown), |at| (profiles[at].name.clone(), profiles[at].verdict));
    let mut report = Report {
        schema: SCHEMA.0.into(),
        version: SCHEMA.1,
        id: seen.id.clone(),
        siaga: env!("CARGO_PKG_VERSION").into(),
        venue: seen.venue.clone(),
        time_zone: seen.zone.iana_name().unwrap_or("UTC").to_owned(),
        began_at: stamp(seen.began_at),
        ended_at: stamp(seen.ended_at),
        watched_seconds: seen.watched.as_secs_f64(),
        finished: seen.ended == Ended::Whole,
        unfinished: seen.ended.words().map(|words| Both::of(|lang| words.in_lang(lang).to_owned())),
        asked_profile: seen.profile.map(str::to_owned),
        profile: name.clone(),
        verdict,
        answer: Both::of(|_| String::new()),
        ways: seen.ways(),
        bytes: seen.bytes,
        checks: seen.checks.iter().filter_map(|(spec, probe)| seen.looked(spec, probe, &name)).collect(),
        outages: seen.outages(),
        not_measured: seen.not_measured(&name),
        tested_up_to: seen.tested_up_to(),
        profiles,
    };
    if let Some(at) = chosen {
        report.answer = Both::of(|lang| answer::sentence(&report, &report.profiles[at], lang));
    }
    report
}

/// A moment on the clock of those who read it, in a form for programs.
fn stamp(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// The place of the most demanding meeting that is ready, else that can be held; else of the least that is not known, else of
/// the least of all.
fn chosen(meetings: &[Meeting]) -> Option<usize> {
    let first = |verdict| meetings.iter().position(|meeting| meeting.verdict == verdict);
    let last = |verdict| meetings.iter().rposition(|meeting| meeting.verdict == verdict);
    first(Verdict::Ready)
        .or_else(|| first(Verdict::Degraded))
        .or_else(|| last(Verdict::Unknown))
        .or_else(|| last(Verdict::NotReady))
}

impl Seen<'_> {
    /// What is said of the kind of meeting at that place.
    fn meeting(&self, place: usize) -> Meeting {
        let view = &self.snapshot.profiles[place];
        let profile = &*view.profile;
        let counted = counted::counted(&self.line().collect::<Vec<_>>(), view);
        let standing = counted::standing(&counted, self.snapshot, view);
        let unmeasured = self.unmeasured(profile, view.verdict, &counted);
        // A line of which nobody knows what it carries is no line on which a meeting can be held, nor one on which it cannot.
        // Without UDP a meeting is degraded and no worse: one that is so already is not changed by not knowing.
        let claims_too_much = match view.verdict {
            Verdict::Ready => !unmeasured.is_empty(),
            Verdict::Degraded => unmeasured.iter().any(|what| *what != "udp"),
            Verdict::Unknown | Verdict::NotReady => false,
        };
        let verdict = if claims_too_much { Verdict::Unknown } else { view.verdict };
        let root = view.root_cause.as_ref();
        // What no check carries: that it stands by its backup alone. Then the main line is told too, though the backup stands in for it.
        let internet = view.components.iter().find(|component| component.component == Component::Internet);
        let all = internet.into_iter().flat_map(|internet| &internet.reasons);
        let on_backup: Vec<&Reason> = all.filter(|reason| reason.def == &ON_BACKUP).collect();
        let failed = |(check, judged): &Counted<'_>| {
            let group = check.spec.group.as_ref().map(|group| &group.name);
            let is_backup = |(other, _): &Counted<'_>| {
                other.spec.backup().is_some() && other.spec.group.as_ref().map(|group| &group.name) == group
            };
            !on_backup.is_empty()
                && group.is_some()
                && check.spec.backup().is_none()
                && !judged.verdict.is_usable()
                && counted.iter().any(is_backup)
        };
        let stands = |check: &CheckView| standing.iter().any(|(one, _)| one.spec.name == check.spec.name);
        let told: Vec<Counted<'_>> = counted.iter().copied().filter(|one| stands(one.0) || failed(one)).collect();
        // By one that is told itself: a router that lets no echo through is only shown.
        let explained = |reason: &Reason| {
            reason.blocked_by.as_ref().is_some_and(|cause| told.iter().any(|(check, _)| check.spec.name == *cause))
        };
        let whole = on_backup.iter().map(|reason| (Component::Internet.as_str(), *reason));
        let each = told
            .iter()
            .flat_map(|(check, judged)| judged.reasons.iter().map(move |reason| (check.spec.name.as_str(), reason)));
        let mut reasons: Vec<Why> = whole
            .chain(each)
            .filter(|(_, reason)| reason.verdict != Verdict::Ready && !explained(reason))
            .map(|(name, reason)| self.why(name, reason))
            .collect();
        let is_first = |why: &Why| {
            why.check == Component::Internet.as_str() || root.is_some_and(|root| root.as_str() == why.check)
        };
        // The component's own come before those of checks: they stand first already, and this keeps the order of equals.
        reasons.sort_by_key(|why| (std::cmp::Reverse(why.verdict), !is_first(why)));
        Meeting {
            name: profile.name.to_string(),
            title: Both::of(|lang| profile.title(lang).to_owned()),
            verdict,
            judged: view.verdict,
            limit: nearest(&standing, self.record, profile, verdict),
            reasons,
            unmeasured: unmeasured.into_iter().map(Word::Borrowed).collect(),
            need: profile.down.degraded + profile.up.degraded,
        }
    }

    /// The line's checks with their places.
    fn line(&self) -> impl Iterator<Item = (usize, &CheckView)> {
        let is_line = |check: &CheckView| self.checks.iter().any(|(spec, _)| spec.name == check.spec.name);
        self.snapshot.checks.iter().map(|check| &**check).enumerate().filter(move |(_, check)| is_line(check))
    }

    /// What a meeting needs and no check that counts has measured.
    fn unmeasured(&self, profile: &Profile, verdict: Verdict, counted: &[Counted<'_>]) -> Vec<&'static str> {
        use ProfileLimit::{DownNeed, EitherNeed, RttDegraded, UdpRequired, UpNeed};
        // A meeting of which less than its best is said has to have what it cannot be held without, any other all that it needs.
        let needs_all = matches!(verdict, Verdict::Ready | Verdict::Unknown);
        let measured = |wanted: &[ProfileLimit]| {
            counted.iter().any(|(check, _)| {
                let limits = Limits::of(&check.spec, profile);
                let mut held = limits.margins(self.measurements(check));
                held.any(|margin| {
                    let is_wanted = matches!(margin.rule.degraded, Limit::Profile(limit) if wanted.contains(&limit));
                    let enough = if needs_all { margin.degraded } else { margin.not_ready };
                    // Of a bound that falls short of it nothing is known.
                    let falls_short = enough.is_some_and(|enough| margin.measurement.value < enough);
                    is_wanted && !(margin.rule.test == Test::AtLeast && falls_short)
                })
            })
        };
        let by_stamp = |quantity: &'static str| {
            let stamps = counted.iter().filter(|(check, _)| check.spec.kind == Kind::Stamp);
            stamps.flat_map(|(check, _)| self.measurements(check)).filter(move |seen| seen.quantity.name == quantity)
        };
        // Where another check was to measure the way in and could not, no rule holds this bound.
        let enough = if needs_all { profile.down.degraded } else { profile.down.not_ready };
        let at_least = by_stamp("stamp_down_at_least_bits_per_second").any(|down| down.value >= enough);
        let loss = counted.iter().any(|(check, judged)| {
            let decided = |loss: crate::domain::check::LossRule| {
                !judged.reasons.iter().any(|reason| reason.def == loss.undecided)
            };
            check.loss.is_some_and(|loss| loss.sent > 0) && check.spec.loss.is_some_and(decided)
        });
        let udp = measured(&[UdpRequired]) || by_stamp("stamp_rtt_seconds").next().is_some();
        let known = [
            ("down", measured(&[DownNeed, EitherNeed]) || at_least),
            ("up", measured(&[UpNeed, EitherNeed])),
            ("loss", loss),
            ("delay", measured(&[RttDegraded])),
            ("udp", udp || profile.udp == Requirement::Advisory),
        ];
        known.into_iter().filter_map(|(what, known)| (!known).then_some(what)).collect()
    }

    /// What a check has measured and was not pressed by a test.
    fn measurements(&self, check: &CheckView) -> &[Measurement] {
        let last = self.record.of(&check.spec.name).and_then(|look| look.last.as_ref());
        last.map_or(&[], |last| &last.reading.measurements)
    }

    fn why(&self, check: &str, reason: &Reason) -> Why {
        let ended = self.ended.words().filter(|_| reason.def == &NO_EVIDENCE);
        let message = ended.map_or_else(
            || Both::of(|lang| reason.message(lang)),
            |words| Both::of(|lang| format!("{check}: {}", words.in_lang(lang))),
        );
        let again = Text::new("Ulangi survei sampai selesai", "Do the survey again, to its end");
        // Here somebody can, and there may be no config to which a check could be added.
        let rates = Text::new("Ukur juga kecepatannya: --down … --up …", "Measure the rates too: --down … --up …");
        let remedy = match self.remedies.get(reason.def.code) {
            _ if ended.is_some() => Both::of(|lang| again.in_lang(lang).to_owned()),
            None if reason.def == &WAY_IN_OPEN && self.may_ask_for_rates(check) => {
                Both::of(|lang| rates.in_lang(lang).to_owned())
            }
            Some(own) => own.clone(),
            None => Both::of(|lang| reason.remedy(lang)),
        };
        Why {
            code: reason.def.code.into(),
            check: check.to_owned(),
            verdict: reason.verdict,
            message,
            remedy,
            detail: reason.detail().map(str::to_owned),
        }
    }

    /// Whether the rates can be asked for by flags, which go by the machine's own routes, and were not.
    fn may_ask_for_rates(&self, call: &str) -> bool {
        let by_uplink = |(spec, _): &(Arc<CheckSpec>, ProbeConfig)| spec.name.as_str() == call && spec.uplink.is_some();
        !self.checks.iter().any(|check| by_uplink(check) || check.1.measures_way_in())
    }

    fn looked(&self, spec: &CheckSpec, probe: &ProbeConfig, profile: &str) -> Option<Looked> {
        let place = self.snapshot.checks.iter().position(|check| check.spec.name == spec.name)?;
        let check = &self.snapshot.checks[place];
        let judged = self.snapshot.profile(profile).map(|view| &view.checks[place]);
        let last = self.record.of(&spec.name).and_then(|look| look.last.as_ref());
        Some(Looked {
            name: spec.name.to_string(),
            kind: spec.kind.as_str().into(),
            target: target(probe),
            requirement: spec.requirement.as_str().into(),
            verdict: judged.map_or(Verdict::Unknown, |judged| judged.verdict),
            loss: check.loss.map(|loss| Loss {
                sent: loss.sent,
                lost: loss.lost,
                ratio: loss.ratio,
                low: loss.low,
                high: loss.high,
            }),
            measurements: self.measurements(check).iter().map(number).collect(),
            error: last.and_then(|last| last.error.as_ref()).map(ToString::to_string),
        })
    }

    fn ways(&self) -> Ways {
        let mut ways = Ways::default();
        for (_, check) in self.line() {
            let measured = self.measurements(check);
            let has = |name: &str, part: Option<&str>| {
                measured
                    .iter()
                    .any(|seen| seen.quantity.name == name && seen.part.as_deref() == part && seen.value > 0.0)
            };
            match check.spec.kind {
                Kind::Stamp if has("stamp_rtt_seconds", None) => ways.direct = Some(true),
                Kind::Stun if has("stun_rtt_seconds", None) => ways.direct = Some(true),
                Kind::Stun if has("stun_udp_blocked", None) => ways.direct = ways.direct.or(Some(false)),
                Kind::Relay => {
                    let works = ["udp", "tcp", "tls"].into_iter().find(|way| has("relay_transport_works", Some(way)));
                    let tried = measured.iter().any(|seen| seen.quantity.name == "relay_transport_works");
                    ways.relay = works.or(tried.then_some("blocked")).map(Word::Borrowed).or(ways.relay);
                }
                _ => {}
            }
        }
        ways
    }

    fn outages(&self) -> Vec<Silence> {
        let of = |(spec, _): &(Arc<CheckSpec>, ProbeConfig)| {
            let outages = self.record.of(&spec.name).map(|look| look.outages.clone()).unwrap_or_default();
            let name = spec.name.to_string();
            outages.into_iter().map(move |outage| Silence {
                check: name.clone(),
                from: stamp(outage.from, &self.zone),
                seconds: outage.lasted.as_secs_f64(),
                over: outage.over,
                in_tests: outage.in_tests,
            })
        };
        self.checks.iter().flat_map(of).collect()
    }

    /// Which checks told nothing, and what nobody asked for.
    fn not_measured(&self, profile: &str) -> Vec<NotMeasured> {
        let Some(view) = self.snapshot.profile(profile) else { return Vec::new() };
        let mut all = Vec::new();
        for (at, check) in self.line() {
            let unknown = view.checks[at].reasons.iter().find(|reason| reason.verdict == Verdict::Unknown);
            if let Some(reason) = unknown {
                let why = self.why(check.spec.name.as_str(), reason);
                let what = shows(check.spec.kind);
                all.push(NotMeasured {
                    check: Some(check.spec.name.to_string()),
                    what: Both::of(|lang| what.in_lang(lang).to_owned()),
                    why: Both::of(|lang| match &why.detail {
                        Some(detail) => format!("{} ({detail})", why.message.in_lang(lang)),
                        None => why.message.in_lang(lang).to_owned(),
                    }),
                });
            }
        }
        let asked = |kind: Kind| self.checks.iter().any(|(spec, _)| spec.kind == kind);
        let flags = [
            (Kind::Stamp, "--far-end"),
            (Kind::Relay, "--relay"),
            (Kind::Bandwidth, "--down, --up"),
            (Kind::Http, "--server"),
            (Kind::Dns, "--server"),
        ];
        for (kind, flag) in flags.into_iter().filter(|(kind, _)| !asked(*kind)) {
            let why = |lang| format!("{} ({flag})", pick(lang, "tidak diminta", "not asked for"));
            let what = shows(kind);
            all.push(NotMeasured {
                check: None,
                what: Both::of(|lang| what.in_lang(lang).to_owned()),
                why: Both::of(why),
            });
        }
        all
    }

    fn tested_up_to(&self) -> Vec<TestedUpTo> {
        let limits = self.checks.iter().filter_map(|(spec, probe)| Some((spec, tested_up_to(probe)?)));
        limits.map(|(spec, bits_per_second)| TestedUpTo { check: spec.name.to_string(), bits_per_second }).collect()
    }
}

fn number(measurement: &Measurement) -> Number {
    let unit = measurement.quantity.unit;
    Number {
        quantity: measurement.quantity.name.into(),
        part: measurement.part.as_deref().map(str::to_owned),
        name: title(measurement.quantity, None),
        value: measurement.value,
        unit: unit.as_str().into(),
        words: Both::of(|lang: Lang| value(measurement.value, unit, lang)),
    }
}
