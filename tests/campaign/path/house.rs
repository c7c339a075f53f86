//! The house in which the meeting is held: the room as it is, the daemon that watches it, and what everybody was told.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use siaga::config::Config;
use siaga::domain::session::{Details, Member, SCHEDULER as BY_API};
use siaga::domain::sheet::{SheetAct, SheetWish};
use siaga::domain::{
    Actor, Booking, Finding, Granted, Lang, Notice, Observation, Occasion, Phase, Reading, Session, Verdict, Via, Wish,
};
use siaga::engine::sheet::points;
use siaga::probe;
use siaga::web::bookings::Form;
use siaga::web::{Bookings as _, readiness};

use super::daemon::Daemon;
use crate::room;

/// Who is told of equipment, of meetings, and of what is to be done for one.
pub(super) const DESK: &str = "desk";
pub(super) const SCHEDULER: &str = "jadwal";
pub(super) const OPERATOR: &str = "operator";

/// How often the probes look.
const INTERVAL: Duration = Duration::from_mins(2);

/// The rechecks, the phases and the hand checks are those that are shipped.
const CONFIG: &str = r#"
[room]
name = "media_center"
title = "Media Center"
[components]
computer = { absent = true }
internet = { absent = true }
audio = { absent = true }
radio = { absent = true }
[[check]]
name = "ups"
kind = "ups"
interval = "2m"
fresh_for = "5m"
bad_for = "0s"
good_for = "0s"
[[check]]
name = "camera"
kind = "camera"
interval = "2m"
fresh_for = "5m"
bad_for = "0s"
good_for = "0s"
[agenda]
receivers = ["jadwal"]
[[route]]
receivers = ["desk"]
[[route]]
receivers = ["jadwal", "operator"]
components = ["radio"]
[[receiver]]
name = "desk"
kind = "webhook"
url = "http://192.0.2.1/"
[[receiver]]
name = "jadwal"
kind = "webhook"
url = "http://192.0.2.2/"
[[receiver]]
name = "operator"
kind = "webhook"
url = "http://192.0.2.3/"
language = "en"
"#;

/// When the meeting begins: ten o'clock in Pontianak.
fn start() -> Timestamp {
    "2026-12-02T03:00:00Z".parse().unwrap()
}

/// So many minutes after it begins.
fn at(minutes: i64) -> Timestamp {
    start().checked_add(SignedDuration::from_mins(minutes)).unwrap()
}

/// Lets it pass under a clock of its own that is paused.
pub(super) fn paused<T>(passes: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(passes)
}

/// Does what the store's thread has a part in while no time passes: a paused clock runs on as soon as all of the runtime's own tasks wait,
/// and of how long the disk really takes it knows nothing; but it stands while a blocking task is under way.
async fn while_time_stands<T>(work: impl Future<Output = T>) -> T {
    let (over, is_over) = std::sync::mpsc::sync_channel::<()>(1);
    let stands = tokio::task::spawn_blocking(move || _ = is_over.recv());
    let done = work.await;
    drop(over);
    stands.await.unwrap();
    done
}

/// The house.
pub(super) struct House {
    config: Config,
    folder: tempfile::TempDir,
    daemon: Option<Daemon>,
    faults: Vec<(&'static str, Verdict)>,
    told: Vec<(&'static str, Value)>,
}

impl House {
    /// A house in which a daemon begins so many minutes after the meeting does.
    pub(super) async fn begin(minutes: i64) -> Self {
        let config = room::config(CONFIG.to_owned()).unwrap_or_else(|problems| panic!("{problems}"));
        let folder = tempfile::tempdir().unwrap();
        let mut house = Self { config, folder, daemon: None, faults: Vec::new(), told: Vec::new() };
        house.on(at(minutes)).await;
        house
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().unwrap()
    }

    /// The probes look.
    async fn look(&self) {
        let (daemon, now) = (self.daemon(), self.daemon().clock.now());
        for spec in &self.config.plan.checks {
            let mut reading = Reading::default();
            for (code, verdict) in &self.faults {
                let reason = probe::reason(code).unwrap_or_else(|| panic!("no reason {code}"));
                let of_power = code.starts_with("power.");
                if of_power == (spec.name.as_str() == "ups") {
                    reading.find(Finding::new(reason, *verdict).with("device", "PTZ Pro"));
                }
            }
            daemon.observe(Observation::read(spec.name.clone(), now, Duration::ZERO, reading)).await;
        }
        self.settle().await;
    }

    /// Until nobody has anything to do: a paused clock goes on only then, and for what the store's thread has to do it is made to stand.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        while_time_stands(self.daemon().store.flush()).await.unwrap();
    }

    /// Lets the time pass until so many minutes after the meeting begins, and hears what is told.
    pub(super) async fn pass_until(&mut self, minutes: i64) {
        while let Some(wait) = until(self.daemon().clock.now().wall, at(minutes)) {
            tokio::time::sleep(wait.min(INTERVAL)).await;
            self.look().await;
        }
        self.hear().await;
    }

    /// Nobody watches until then.
    pub(super) async fn off_until(&mut self, minutes: i64) {
        self.daemon.take().unwrap().end().await;
        self.on(at(minutes)).await;
    }

    async fn on(&mut self, wall: Timestamp) {
        self.daemon = Some(Daemon::begin(&self.folder.path().join("state"), &self.config, wall).await);
        self.look().await;
    }

    /// Hears what is told.
    pub(super) async fn hear(&mut self) {
        self.settle().await;
        for receiver in [DESK, SCHEDULER, OPERATOR] {
            let told = self.daemon().told(receiver).await;
            self.told.extend(told.iter().map(|word| (receiver, serde_json::from_str(word).unwrap())));
        }
    }

    /// Hears what is told once it has stood for a while.
    pub(super) async fn hear_later(&mut self) {
        // A second at a time, so that what needs the store and others in turn comes to its end within the half minute.
        for _ in 0..30 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.settle().await;
        }
        self.hear().await;
    }

    /// Something is amiss from now on.
    pub(super) fn fault(&mut self, code: &'static str, verdict: Verdict) {
        self.faults.push((code, verdict));
    }

    /// All is well again.
    pub(super) fn mend(&mut self) {
        self.faults.clear();
    }

    /// The daemon is ended wherever it is, and another begins on what is on the disk.
    pub(super) async fn restart(&mut self) {
        let wall = self.daemon().clock.now().wall;
        self.daemon.take().unwrap().end().await;
        self.on(wall).await;
    }

    /// A meeting of an hour that begins so many minutes after the first does.
    pub(super) fn meeting(&self, id: &str, minutes: i64) -> Session {
        let member = |person: &str| Member { person: person.to_owned(), receiver: Some(OPERATOR.to_owned()) };
        let details = Details {
            office: Some("Dinas Kesehatan".to_owned()),
            sites: ["Sambas", "Sintang"].map(str::to_owned).to_vec(),
            crew: ["kamera", "ruang"].map(|task| (task.to_owned(), member("Sari"))).into(),
            ..Details::default()
        };
        Session {
            id: id.into(),
            revision: 0,
            booking: Booking::Booked,
            title: format!("Rapat {id}"),
            profile: Arc::clone(&self.config.plan.profiles[self.config.plan.default_profile].name),
            start: at(minutes),
            end: at(minutes + 60),
            source: BY_API.into(),
            details,
        }
    }

    /// What is answered when somebody asks whether that can be confirmed.
    pub(super) async fn confirm(&self, session: &Session) -> Notice {
        while_time_stands(readiness::look(&self.daemon().readers, session, Occasion::Confirmed)).await.notice
    }

    /// Somebody wishes it; of what comes of that nobody has heard yet.
    pub(super) async fn wish(&self, wish: Wish, confirmed: Option<Notice>) -> Granted {
        let who = Actor { name: "jadwal".into(), via: Via::Token };
        while_time_stands(self.daemon().book.wish(Some(who), wish, confirmed)).await.unwrap()
    }

    /// Somebody books such a meeting.
    pub(super) async fn book(&self, id: &str, minutes: i64, confirmed: Option<Notice>) -> Granted {
        let session = self.meeting(id, minutes);
        self.wish(Wish::Book(Box::new(session)), confirmed).await
    }

    async fn note(&self, act: SheetAct) {
        let who = Actor { name: "rani".into(), via: Via::Token };
        let wish = SheetWish { session: "a".into(), start: Some(start()), by: "Petugas Satu".to_owned(), act };
        let now = self.daemon().clock.now().wall;
        while_time_stands(self.daemon().book.note(who, wish, now)).await.unwrap().unwrap();
    }

    pub(super) async fn begin_trial(&self) {
        self.note(SheetAct::BeginTrial).await;
    }

    pub(super) async fn end_trial(&self, findings: &str) {
        self.note(SheetAct::EndTrial { findings: findings.to_owned() }).await;
    }

    /// Everything that is checked by hand is ticked.
    pub(super) async fn tick_all(&self) {
        let (session, now) = (self.meeting("a", 0), self.daemon().clock.now().wall);
        for point in points(&self.config.run_sheet, &session, &[], now) {
            self.note(SheetAct::Tick { item: point.name.to_string() }).await;
        }
    }

    /// What is kept under an id.
    pub(super) async fn evidence(&self, id: &str) -> Value {
        let stored = self.daemon().readers.evidence.get(id).await.unwrap();
        serde_json::to_value(stored.unwrap_or_else(|| panic!("nothing is kept under {id}"))).unwrap()
    }

    /// A meeting's report, for programs and as a page in Indonesian.
    pub(super) async fn report(&self, id: &str) -> (Value, String) {
        let read = async |form| self.daemon().book.report(id, form).await.unwrap().unwrap();
        (serde_json::from_str(&read(Form::Json).await).unwrap(), read(Form::Page(Lang::Id)).await)
    }

    /// What everybody was told.
    pub(super) fn told(&self) -> &[(&'static str, Value)] {
        &self.told
    }

    /// Which phase it is.
    pub(super) fn phase(&self) -> Phase {
        self.daemon().book.agenda().phase(self.daemon().clock.now().wall).phase
    }

    /// The end.
    pub(super) async fn end(mut self) {
        self.daemon.take().unwrap().end().await;
    }
}

fn until(now: Timestamp, then: Timestamp) -> Option<Duration> {
    Duration::try_from(then.duration_since(now)).ok().filter(|wait| !wait.is_zero())
}
