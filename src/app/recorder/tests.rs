//! What is stored, and when; and what the log says of it.

use std::io::Write;
use std::path::Path;
use std::sync::Mutex;

use super::*;
use crate::config::Source;
use crate::domain::{Component, Verdict};
use crate::store::{Claim, Retention};

fn recorder(folder: &Path, open: &[Incident]) -> Recorder {
    recorder_by(Clock::start(), folder, open)
}

pub(in crate::app) fn recorder_by(clock: Clock, folder: &Path, open: &[Incident]) -> Recorder {
    let text = "[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/\"\n";
    let config = Config::parse(&Source::new("test", text.to_owned())).unwrap();
    let plan = config.plan.clone();
    let view = crate::engine::Engine::new(plan, crate::engine::Restored::default(), clock.now()).snapshot();
    Recorder {
        store: Store::open(Claim::take(folder).unwrap(), clock, Retention::default(), catalogue()),
        policy: Policy::new(house(&config), Left { open: open.to_vec(), ..Left::default() }),
        poke: Poke::default(),
        stats: Stats::default(),
        clock,
        configs: watch::channel(Arc::new(config)).1,
        phase: watch::channel(Phase::Idle).1,
        snapshot: watch::channel(view).1,
        in_use: watch::channel(false).1,
        drill_ends: Mono::NEVER,
        handling: watch::channel(Arc::default()).0,
    }
}

pub(in crate::app) fn incident(verdict: Verdict) -> Incident {
    Incident {
        id: "power-1".to_owned(),
        component: Component::Power,
        worst: verdict,
        verdict,
        reasons: Vec::new(),
        opened_at: jiff::Timestamp::UNIX_EPOCH,
        closed_at: None,
        settling: false,
    }
}

/// As if it had.
fn has_run_for_a_while(recorder: &mut Recorder) {
    let mut view = (**recorder.snapshot.borrow()).clone();
    view.started.mono = view.started.mono.before(SETTLING);
    recorder.snapshot = watch::channel(Arc::new(view)).1;
}

#[test]
fn events_without_pause_do_not_put_off_what_is_due_by_time() {
    let wait = Some(Duration::from_secs(20));
    let at = |seconds| Mono::ZERO.after(Duration::from_secs(seconds));
    let planned = next_look(Mono::NEVER, wait, at(0));
    let later = (1..20).fold(planned, |planned, second| next_look(planned, wait, at(second)));
    assert_eq!(later, at(20));
    assert_eq!(next_look(later, None, at(21)), Mono::NEVER);
}

#[tokio::test]
async fn what_is_withheld_of_an_open_incident_at_a_start_is_not_stored_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = incident(Verdict::Degraded);
    let mut recorder = recorder(folder.path(), std::slice::from_ref(&told));
    let batch = Batch { incidents: vec![told.clone()], ..Batch::default() };
    recorder.store.record(batch).await.unwrap();
    recorder.record(vec![Event::IncidentChanged(incident(Verdict::NotReady))]).await;
    // A process that ends here leaves the next one what was told, so that it tells the rest.
    assert_eq!(recorder.store.incidents(true, 9).await.unwrap(), [told]);
    let closed = Incident { closed_at: Some(jiff::Timestamp::UNIX_EPOCH), ..incident(Verdict::Ready) };
    recorder.record(vec![Event::IncidentClosed(closed)]).await;
    assert_eq!(recorder.store.incidents(true, 9).await.unwrap(), []);
}

#[tokio::test]
async fn what_nobody_was_told_is_stored_as_such_so_that_the_next_process_tells_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = recorder(folder.path(), &[]);
    has_run_for_a_while(&mut recorder);
    let now = recorder.clock.now();
    let until = now.after(Duration::from_hours(1)).wall;
    recorder.policy.silence(Silence {
        id: "s".into(),
        component: None,
        reason: "perawatan".to_owned(),
        from: now.wall,
        until,
    });
    recorder.record(vec![Event::IncidentOpened(incident(Verdict::NotReady))]).await;

    let (_, left, _) = restore(&recorder.store, Duration::from_mins(1)).await;
    assert_eq!((left.open.len(), left.kept.contains_key("power-1")), (1, true));
    let mut after = Policy::new(house(&recorder.configs.borrow()), left);
    let told = after.tick(false, until).notifications;
    assert_eq!(told.iter().map(|one| &*one.receiver).collect::<Vec<_>>(), ["desk"]);
}

#[tokio::test]
async fn what_a_radio_could_not_say_before_a_silence_is_told_after_it_by_the_next_process_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = recorder(folder.path(), &[]);
    has_run_for_a_while(&mut recorder);
    recorder.record(vec![Event::IncidentOpened(incident(Verdict::NotReady))]).await;
    let now = recorder.clock.now();
    let (until, reason) = (now.after(Duration::from_hours(1)).wall, "perawatan".to_owned());
    recorder.policy.silence(Silence { id: "s".into(), component: None, reason, from: now.wall, until });
    recorder.tell_instead(&Unsaid { receiver: "desk".into(), incident: "power-1".to_owned() }).await;

    let (_, left, _) = restore(&recorder.store, Duration::from_mins(1)).await;
    let mut after = Policy::new(house(&recorder.configs.borrow()), left);
    let told = after.tick(false, until).notifications;
    assert_eq!(told.iter().map(|one| &*one.receiver).collect::<Vec<_>>(), ["desk"]);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_not_logged_with_each_event() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("in-the-way"), "a file").unwrap();
    let mut recorder = recorder(&folder.path().join("in-the-way/state"), &[]);
    let log = Log::default();
    let lines = log.clone();
    let _told = tracing::subscriber::set_default(
        tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_writer(move || lines.clone()).finish(),
    );
    for _ in 0..3 {
        recorder.record(vec![Event::IncidentOpened(incident(Verdict::NotReady))]).await;
    }
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(said.matches("incident opened").count(), 3, "{said}");
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}
