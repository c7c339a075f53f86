//! The past of an office's room, written by the store itself as the daemon would have: minutes, hours, changes, incidents, meetings
//! with their sheets.

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use siaga::clock::Clock;
use siaga::domain::Kind;
use siaga::domain::session::SCHEDULER;
use siaga::domain::sheet::{Entry, What, Written};
use siaga::domain::{
    Booking, Component, Details, Incident, Mono, Notice, Now, Observation, Occasion, Period, Reading, Sample, Session,
    Subject, Transition, Verdict,
};
use siaga::probe;
use siaga::store::{Batch, Catalogue, Claim, Retention, Store};

/// Meetings a day, in working hours, 08:00 to 18:30 in western Indonesia, one after the other.
const A_DAY: i64 = 6;
/// And no more of them than an office has in a year.
const MOST: i64 = 2000;
/// Minutes between the beginnings of two meetings of a day.
const APART: i64 = 105;
const LONG: SignedDuration = SignedDuration::from_mins(60);

/// What is looked at, by check and kind. The bench's own config has the same.
pub(super) const CHECKS: [(&str, Kind); 7] = [
    ("gateway", Kind::Icmp),
    ("far", Kind::Icmp),
    ("spare", Kind::Icmp),
    ("web", Kind::Http),
    ("ups", Kind::Ups),
    ("link", Kind::Link),
    ("computer", Kind::Computer),
];

/// The days that are filled, up to the hour that runs.
pub(super) struct Past {
    days: i64,
    begin: Timestamp,
    clock: Clock,
}

impl Past {
    pub(super) fn up_to_now(days: i64, clock: Clock) -> Result<Self, String> {
        let hour = clock.now().wall.as_second().div_euclid(3600) * 3600;
        let begin = Timestamp::from_second(hour - days * 86_400).map_err(|error| error.to_string())?;
        Ok(Self { days, begin, clock })
    }

    fn at(&self, since: SignedDuration) -> Timestamp {
        self.begin.saturating_add(since).unwrap_or(Timestamp::MAX)
    }

    /// How many meetings.
    pub(super) fn sessions(&self) -> i64 {
        (A_DAY * self.days).min(MOST)
    }

    /// The `n`th meeting.
    pub(super) fn session(&self, n: i64) -> Session {
        let since = SignedDuration::from_hours(24 * (n / A_DAY)) + SignedDuration::from_mins((n % A_DAY) * APART);
        let start = self.at(since);
        Session {
            id: id(n).into(),
            revision: n + 1,
            booking: Booking::Booked,
            title: format!("Rapat koordinasi {n}"),
            profile: "zoom_group_720".into(),
            start,
            end: start.saturating_add(LONG).unwrap_or(start),
            source: SCHEDULER.into(),
            details: Details {
                office: Some("Dinas Kesehatan".to_owned()),
                letter: Some(format!("005/{n}/DINKES")),
                sites: (1..=6).map(|site| format!("Kecamatan {site}")).collect(),
                ..Details::default()
            },
        }
    }

    /// Writes all of it into the folder; how many rows of minutes that are, by what was measured.
    pub(super) async fn write(&self, folder: &Path) -> Result<u64, String> {
        let wrong = |error: &dyn std::fmt::Display| error.to_string();
        let claim = Claim::take(folder).map_err(|error| wrong(&error))?;
        let ever = Period(Duration::from_hours(24 * 400));
        // Observations one by one are kept for a week, and those of a year are no longer there.
        let keep = Retention { minutes: ever, observations: Period(Duration::from_hours(1)), ..Retention::default() };
        let catalogue = Catalogue { reason: probe::reason, quantity: probe::quantity };
        let store = Store::open(claim, self.clock, keep, catalogue);
        let mut rows = 0;
        for hour in 0..self.days * 24 {
            for minute in 0..60 {
                rows += self.minute(&store, hour * 60 + minute);
            }
            store.flush().await.map_err(|error| wrong(&error))?;
            if hour % 24 == 0 {
                store.record(self.day(hour / 24)).await.map_err(|error| wrong(&error))?;
            }
        }
        for n in (0..self.sessions()).step_by(50) {
            store.record(self.meetings(n..(n + 50).min(self.sessions()))).await.map_err(|error| wrong(&error))?;
        }
        let health = store.health();
        let lost = health.borrow().dropped;
        store.close().await.map_err(|error| wrong(&error))?;
        if lost == 0 { Ok(rows) } else { Err(format!("{lost} rows were lost while they were written")) }
    }

    /// One minute of every check.
    fn minute(&self, store: &Store, minute: i64) -> u64 {
        let wall = self.at(SignedDuration::from_mins(minute) + SignedDuration::from_secs(30));
        let since = Duration::from_secs(u64::try_from(minute).unwrap_or_default() * 60);
        let now = Now { mono: Mono::ZERO.after(since), wall };
        let mut rows = 0;
        for (place, (check, kind)) in (0..).zip(CHECKS) {
            let mut reading = Reading::default();
            for (nth, quantity) in (0..).zip(probe::quantities(kind).iter().filter(|quantity| quantity.part.is_none()))
            {
                // No two minutes alike, as it is on a real line.
                let value = 0.01
                    + f64::from(u16::try_from((minute * 31 + place * 7 + nth * 13) % 997).unwrap_or_default()) / 1e4;
                reading.measure(quantity, value);
                rows += 1;
            }
            if kind == Kind::Icmp {
                reading.sample = Some(Sample { sent: 60, lost: u32::from(minute % 97 == 0), outage: false });
                rows += 1;
            }
            store.observe(&Observation::read(check.into(), now, Duration::from_millis(20), reading));
        }
        rows
    }

    /// Three incidents with their changes: the internet, the power, the computer.
    fn day(&self, day: i64) -> Batch {
        let mut batch = Batch::default();
        for (nth, component) in (0..).zip([Component::Internet, Component::Power, Component::Computer]) {
            let opened_at = self.at(SignedDuration::from_hours(24 * day + 3 * nth) + SignedDuration::from_mins(20));
            let closed_at = opened_at.saturating_add(SignedDuration::from_mins(7)).unwrap_or(opened_at);
            let code = match component {
                Component::Internet => "internet.loss_high",
                Component::Power => "power.on_battery",
                _ => "computer.cpu_high",
            };
            for (at, from, to) in
                [(opened_at, Verdict::Ready, Verdict::NotReady), (closed_at, Verdict::NotReady, Verdict::Ready)]
            {
                for subject in [Subject::Component(component), Subject::Room] {
                    batch.transitions.push(Transition {
                        subject,
                        profile: "zoom_group_720".into(),
                        from,
                        to,
                        at,
                        codes: if to == Verdict::Ready { vec![] } else { vec![code] },
                        settling: false,
                    });
                }
            }
            batch.incidents.push(Incident {
                id: format!("{}-{}", component.as_str(), opened_at.as_millisecond()),
                component,
                worst: Verdict::NotReady,
                verdict: Verdict::Ready,
                reasons: Vec::new(),
                opened_at,
                closed_at: Some(closed_at),
                settling: false,
            });
        }
        batch
    }

    /// Meetings with what was found of each before, and their sheets.
    fn meetings(&self, which: std::ops::Range<i64>) -> Batch {
        let mut batch = Batch::default();
        let before = [86_400, 7200, 1800, 300].map(|seconds| Occasion::Before(Duration::from_secs(seconds)));
        for n in which {
            let session = self.session(n);
            for occasion in [Occasion::Confirmed, Occasion::Preflight].into_iter().chain(before) {
                batch.notices.push(Notice {
                    session: session.id.clone(),
                    start: session.start,
                    occasion,
                    at: session.start.saturating_sub(SignedDuration::from_hours(2)).unwrap_or(session.start),
                    verdict: Verdict::Ready,
                    codes: Vec::new(),
                    evidence: None,
                });
            }
            batch.sheets = with(batch.sheets, sheet(&session));
            batch.sessions.push(session);
        }
        batch
    }
}

pub(super) fn id(n: i64) -> String {
    format!("rapat-{n}")
}

/// Eight ticks and a trial of twelve minutes.
fn sheet(session: &Session) -> Vec<Entry> {
    let entry = |nth: i64, minutes: i64, what: What| Entry {
        key: format!("{}/{nth}", session.id).into(),
        session: session.id.clone(),
        start: session.start,
        at: session.start.saturating_sub(SignedDuration::from_mins(minutes)).unwrap_or(session.start),
        what,
        by: "Petugas Satu".into(),
        written_by: "petugas".into(),
    };
    let items = ["room", "meeting", "spare", "stabilizer"].map(str::to_owned).into_iter();
    let sites = session.details.sites.iter().take(4).map(|site| format!("attendance:{site}"));
    let ticks = items.chain(sites).map(|item| What::Tick { item: item.into(), until: session.end });
    let trial =
        [(40, What::TrialBegins), (28, What::TrialEnds { findings: "Suara pelan, sudah dinaikkan.".to_owned() })];
    (0..)
        .zip(ticks.map(|what| (20, what)).chain(trial))
        .map(|(nth, (minutes, what))| entry(nth, minutes, what))
        .collect()
}

fn with(mut written: Written, entries: Vec<Entry>) -> Written {
    written.entries.extend(entries);
    written
}
