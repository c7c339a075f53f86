//! The outlook beside an answer for a slot that is far away: what the same hours of past weeks were like. It never changes the
//! answer.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::past::{hour_begins, hour_of};
use crate::domain::{
    CheckName, Component, Figure, Lang, Level, Now, Pair, Past, Profile, Snapshot, Subject, Verdict, Wanted,
};
use crate::engine::past::outlook::{self, ENOUGH, FarEnd, Outlook, Shortfall, WEEKS};
use crate::engine::past::week::{HourOfWeek, Quantiles};
use crate::engine::slot::Question;

use super::past::in_turn;
use super::{State, Voice};

/// How long an answer waits for the history; without it the answer goes out, and says so.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a check to one's own far end says of itself; its figures are not the line's.
pub(super) const SELF: &str = "internet.far_end_is_self";

/// What the same hours of past weeks were like. It is no measurement of the time asked about, and does not count in `verdict`.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutlookBody {
    /// It in one sentence, in the language asked for.
    pub summary: String,
    /// What nine in ten of these hours were, or better, by the profile's limits; `unknown` where fewer than four weeks are
    /// known, or no more hours than were missed.
    pub nine_in_ten: Verdict,
    /// The hours of the week that the meeting touches.
    pub hours_of_week: Vec<HourBody>,
    /// In which zone.
    #[schema(example = "Asia/Pontianak")]
    pub time_zone: String,
    /// How many weeks back it looks.
    pub weeks_asked: u64,
    /// In how many of them at least one of these hours was measured.
    pub weeks_measured: usize,
    /// These hours, all weeks together, by what they were.
    pub hours: HoursBody,
    /// What was wrong in how many hours, the worst first.
    pub shortfalls: Vec<ShortfallBody>,
    /// Share of the measured time in which the internet was `not_ready` (under the profile that was in force then).
    pub outage_share: Option<f64>,
    /// Share of packets lost in a minute, outages aside.
    pub loss_ratio: Option<SpreadBody>,
    /// A minute's median round trip to a far end.
    pub round_trip_seconds: Option<SpreadBody>,
    /// A test's download.
    pub down_bits_per_second: Option<SpreadBody>,
    /// A test's upload.
    pub up_bits_per_second: Option<SpreadBody>,
    /// Whether there was more than is read at once, so that this is not all.
    pub incomplete: bool,
    /// Why the history could not be read; then nothing of this is known.
    pub error: Option<String>,
}

/// An hour of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct HourBody {
    /// 1 is Monday, 7 is Sunday (ISO 8601).
    pub weekday: usize,
    /// 0 to 23: the hour that begins then.
    pub hour: usize,
}

/// Hours by what they were.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct HoursBody {
    /// The profile would have been ready, by its limits.
    pub ready: usize,
    /// Degraded.
    pub degraded: usize,
    /// Not ready.
    pub not_ready: usize,
    /// Siaga watched and could not tell.
    pub unknown: usize,
    /// Siaga did not watch, since the first that was measured.
    pub not_measured: usize,
}

/// What was wrong in how many hours.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct ShortfallBody {
    /// `outage`, `loss`, `round_trip`, `down` or `up`.
    pub what: &'static str,
    /// What it made of the hour.
    pub verdict: Verdict,
    /// In how many.
    pub hours: usize,
}

/// How a figure was spread over the minutes, and what the profile asks. Of a rate the smaller is the worse.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct SpreadBody {
    /// Half of the minutes were not worse.
    pub p50: f64,
    /// 95 of 100 were not worse.
    pub p95: f64,
    /// 99 of 100 were not worse.
    pub p99: f64,
    /// Over how many minutes.
    pub minutes: u64,
    /// Worse than this is `degraded` for the profile.
    pub degraded: f64,
    /// Worse than this is `not_ready`.
    pub not_ready: f64,
}

/// The outlook for a question. `None` for one without a beginning, which is of now.
pub(super) async fn for_slot(
    state: &State,
    snapshot: &Snapshot,
    profile: &Profile,
    question: &Question,
    (voice, lang): (&Voice, Lang),
    now: Now,
) -> Option<OutlookBody> {
    let start = question.start()?;
    let slot = outlook::hours_of_slot(start, question.end(), &voice.zone);
    let comparable = outlook::comparable(&slot, now.wall, &voice.zone);
    let since = comparable.first().map_or(now.wall, |(hour, _)| hour_begins(*hour));
    let internet = Subject::Component(Component::Internet);
    let wanted = Wanted { since, until: now.wall, hours: comparable.clone(), subjects: vec![internet] };
    let names = far_ends(snapshot);
    let far = snapshot.checks.iter().filter(|check| names.contains(&check.spec.name));
    let (far, judged) = (far.map(|check| FarEnd::of(&check.spec, profile)).collect::<Vec<_>>(), profile.clone());
    let loss = outlook::loss_limits(&far).unwrap_or(profile.loss);
    let first = hour_of(start);
    let made = move |past: Past| {
        (outlook::outlook(&past, (first, &comparable[..]), &far, &judged, (since, now.wall)), past.cut)
    };
    let (found, incomplete, error) = match in_turn(state, wanted, PATIENCE, made).await {
        Ok((found, cut)) => (found, cut, None),
        Err(problem) => (Outlook::default(), true, Some(problem.detail)),
    };
    let zone = voice.zone.iana_name().unwrap_or("UTC").to_owned();
    let spread = |figure, limits| found.figure(figure).map(|quantiles| spread(quantiles, limits));
    Some(OutlookBody {
        summary: sentence(&found, error.is_some(), lang),
        nine_in_ten: found.nine_in_ten(),
        hours_of_week: slot.iter().map(|hour| of_week(*hour)).collect(),
        time_zone: zone,
        weeks_asked: WEEKS.unsigned_abs(),
        weeks_measured: found.weeks,
        hours: HoursBody {
            ready: found.ready,
            degraded: found.degraded,
            not_ready: found.not_ready,
            unknown: found.unknown,
            not_measured: found.unmeasured,
        },
        shortfalls: found
            .shortfalls
            .iter()
            .map(|(what, verdict, hours)| ShortfallBody { what: what.as_str(), verdict: *verdict, hours: *hours })
            .collect(),
        outage_share: found.outage_share(),
        loss_ratio: spread(Figure::Loss, loss),
        round_trip_seconds: spread(Figure::RoundTrip, profile.rtt),
        down_bits_per_second: spread(Figure::Down, profile.down),
        up_bits_per_second: spread(Figure::Up, profile.up),
        incomplete,
        error,
    })
}

/// The checks whose figures are the line's.
pub(super) fn far_ends(snapshot: &Snapshot) -> Vec<CheckName> {
    let is_self = |check: &crate::domain::CheckView| {
        let findings = check.last.iter().flat_map(|last| &last.reading.findings);
        findings.map(|finding| finding.reason.code).any(|code| code == SELF)
    };
    let far = snapshot.checks.iter().filter(|check| {
        let spec = &check.spec;
        spec.component == Component::Internet
            && matches!(spec.level, Level::FarEnd | Level::Platform)
            && spec.backup().is_none()
            && !is_self(check)
    });
    far.map(|check| check.spec.name.clone()).collect()
}

fn of_week(hour: HourOfWeek) -> HourBody {
    HourBody { weekday: hour.place() / 24 + 1, hour: hour.place() % 24 }
}

fn spread(of: &Quantiles, limits: Pair) -> SpreadBody {
    let Quantiles { p50, p95, p99, minutes } = *of;
    SpreadBody { p50, p95, p99, minutes, degraded: limits.degraded, not_ready: limits.not_ready }
}

fn sentence(found: &Outlook, unread: bool, lang: Lang) -> String {
    let (weeks, measured) = (found.weeks, found.measured());
    match (lang, unread, found.is_enough()) {
        (Lang::Id, true, _) => "Riwayat tidak dapat dibaca; tidak ada perkiraan.".to_owned(),
        (Lang::En, true, _) => "The history cannot be read; there is no outlook.".to_owned(),
        (Lang::Id, _, false) => format!(
            "Belum cukup riwayat untuk perkiraan: jam ini terukur dalam {weeks} minggu (perlu {ENOUGH}), {} jam terlewat.",
            found.unknown + found.unmeasured
        ),
        (Lang::En, _, false) => format!(
            "Too little history for an outlook: these hours were measured in {weeks} weeks (of {ENOUGH} needed), and missed in {} hours.",
            found.unknown + found.unmeasured
        ),
        (Lang::Id, _, true) => format!(
            "Menurut riwayat {weeks} minggu, internet pada jam ini cukup dalam {} dari {measured} jam{}. Ini perkiraan, bukan pengukuran.",
            found.ready,
            why(found, lang)
        ),
        (Lang::En, _, true) => format!(
            "By {weeks} weeks of history the internet was good enough in {} of {measured} of these hours{}. This is an outlook, no measurement.",
            found.ready,
            why(found, lang)
        ),
    }
}

/// What was wrong, within a sentence.
fn why(found: &Outlook, lang: Lang) -> String {
    let told = found.shortfalls.iter().map(|(what, _, hours)| {
        let word = match (lang, what) {
            (Lang::Id, Shortfall::Outage) => "putus",
            (Lang::Id, Shortfall::Loss) => "paket hilang",
            (Lang::Id, Shortfall::RoundTrip) => "jeda panjang",
            (Lang::Id, Shortfall::Down) => "unduhan kurang",
            (Lang::Id, Shortfall::Up) => "unggahan kurang",
            (Lang::En, Shortfall::Outage) => "outage",
            (Lang::En, Shortfall::Loss) => "loss",
            (Lang::En, Shortfall::RoundTrip) => "long delay",
            (Lang::En, Shortfall::Down) => "slow download",
            (Lang::En, Shortfall::Up) => "slow upload",
        };
        format!("{word} {hours}")
    });
    let told = told.collect::<Vec<_>>().join(", ");
    if told.is_empty() { told } else { format!(" ({told})") }
}
