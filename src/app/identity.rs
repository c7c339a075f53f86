//! Whether a check is still the one whose evidence was stored: a name may have been given to another target since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::domain::{CheckName, Subject};
use crate::engine::Restored;

/// Beside the database: each check's name, a digest of what it was told to look at, and since when.
const FILE: &str = "checks.json";

/// What each check looks at, since when. A row of before that moment is of another target: it stays in the database until the
/// check's next look, which may be hours away, and is not believed meanwhile, however often siaga is started.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(BTreeMap<String, Looks>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Looks {
    at: u64,
    since: Timestamp,
}

impl Identity {
    /// As the process before this one left it; empty without a word of that, and then nothing is believed.
    pub fn read(folder: &Path) -> Self {
        std::fs::read(folder.join(FILE)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// The checks look where `config` says from `now` on. One that looks where it did before has done so since then. Holds and
    /// limits are judged anew from the same evidence; only what the probe itself is told counts.
    pub fn adopt(&mut self, config: &Config, now: Timestamp) {
        let before = std::mem::take(&mut self.0);
        let checks = config.plan.checks.iter().map(|spec| {
            let name = spec.name.as_str().to_owned();
            let same = before.get(&name).filter(|looks| looks.at == spec.looks_at).copied();
            (name, same.unwrap_or(Looks { at: spec.looks_at, since: now }))
        });
        self.0 = checks.collect();
    }

    /// Leaves out what is known of checks that looked at something else when it was found out.
    pub fn keep_its_own(&self, restored: &mut Restored) {
        let own = |name: &CheckName, at: Timestamp| self.0.get(name.as_str()).is_some_and(|looks| looks.since <= at);
        restored.observations.retain(|observation| own(&observation.check, observation.at.wall));
        restored.standings.retain(|standing| match &standing.subject {
            Subject::Check(name) => own(name, standing.since),
            Subject::Room | Subject::Component(_) => true,
        });
    }

    /// Remembers it for the next start. What cannot be written costs that its stored evidence, and nothing else. Blocks.
    pub fn write(&self, folder: &Path) {
        if let Some(text) = self.text() {
            keep(folder, &text);
        }
    }

    fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

fn keep(folder: &Path, text: &str) {
    let (new, file) = (folder.join("checks.json.new"), folder.join(FILE));
    if let Err(error) = std::fs::write(&new, text).and_then(|()| std::fs::rename(&new, &file)) {
        tracing::debug!(%error, "what the checks look at is not remembered");
    }
}

/// Who writes it while the daemon runs, in a thread that lasts as long as there is something to write: a state disk that does not answer
/// holds up nobody else.
pub struct Writer {
    folder: PathBuf,
    desk: Arc<Mutex<Desk>>,
}

/// What is to be written, and whether somebody is at it.
#[derive(Default)]
struct Desk {
    /// Of what waits the newest counts alone.
    newest: Option<String>,
    is_written: bool,
}

impl Writer {
    /// Writes into that folder.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, desk: Arc::default() }
    }

    /// Has it written, and waits for nothing.
    pub fn write(&self, identity: &Identity) {
        let mut desk = lock(&self.desk);
        desk.newest = identity.text();
        // Whoever is at it takes this along.
        if desk.is_written || desk.newest.is_none() {
            return;
        }
        let (folder, shared) = (self.folder.clone(), Arc::clone(&self.desk));
        let run = move || {
            while let Some(text) = next(&shared) {
                keep(&folder, &text);
            }
        };
        match std::thread::Builder::new().name("checks".to_owned()).spawn(run) {
            Ok(_) => desk.is_written = true,
            Err(error) => tracing::warn!(%error, "what the checks look at is not remembered this time"),
        }
    }
}

/// What is to be written next; who is told that there is nothing ends.
fn next(desk: &Mutex<Desk>) -> Option<String> {
    let mut desk = lock(desk);
    let text = desk.newest.take();
    desk.is_written = text.is_some();
    text
}

/// Whole at each moment.
fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Source;
    use crate::domain::{Component, Mono, Now, Observation, Reading, Standing, Verdict};

    fn config(target: &str) -> Config {
        let text = format!(
            "[[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"{target}\"\n[[check]]\nname = \"pc\"\nkind = \"computer\"\n"
        );
        Config::parse(&Source::new("test", text)).unwrap()
    }

    #[test]
    fn a_state_disk_that_hangs_keeps_nobody_who_has_it_written() {
        let folder = tempfile::tempdir().unwrap();
        // Whoever opens it waits for a reader, as on a disk that does not answer.
        let pipe = folder.path().join("checks.json.new");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let writer = Writer::new(folder.path().to_owned());
        let mut identity = Identity::default();
        for minute in 0..100 {
            identity.adopt(&config("192.0.2.1"), Timestamp::from_second(60 * minute).unwrap());
            writer.write(&identity);
        }
        identity.adopt(&config("192.0.2.9"), Timestamp::from_second(99 * 60).unwrap());
        writer.write(&identity);
        // It answers again: the first that was asked for, and the newest.
        std::fs::read(&pipe).unwrap();
        // The pipe itself is renamed first: nobody may open that.
        let is_file = || std::fs::metadata(folder.path().join(FILE)).is_ok_and(|found| found.is_file());
        let written = || if is_file() { Identity::read(folder.path()) } else { Identity::default() };
        let clock = crate::clock::Clock::start();
        while written().text() != identity.text() {
            assert!(clock.elapsed() < Duration::from_mins(1), "{:?}", written());
            std::thread::yield_now();
        }
    }

    #[test]
    fn evidence_of_another_target_under_the_same_name_is_not_believed_however_often_siaga_starts() {
        let folder = tempfile::tempdir().unwrap();
        let moment = |minute: i64| Timestamp::from_second(1_763_863_200 + 60 * minute).unwrap();
        let at = |minute| Now { mono: Mono::from_elapsed(Duration::from_secs(9)), wall: moment(minute) };
        let stood = |subject, since| Standing {
            subject,
            profile: "standard".into(),
            verdict: Verdict::Ready,
            since,
            reasons: Vec::new(),
        };
        // A start at a minute, over what was found out before: who is believed.
        let start = |target: &str, minute: i64, seen: i64| -> Vec<String> {
            let names = ["far", "pc", "gone"];
            let observed = |name: &str| Observation::read(name.into(), at(seen), Duration::ZERO, Reading::default());
            let mut standings: Vec<_> =
                names.map(|name| stood(Subject::Check(name.into()), moment(seen))).into_iter().collect();
            standings.push(stood(Subject::Component(Component::Internet), moment(seen)));
            let mut restored =
                Restored { observations: names.map(observed).to_vec(), standings, ..Restored::default() };
            let mut identity = Identity::read(folder.path());
            identity.adopt(&config(target), moment(minute));
            identity.keep_its_own(&mut restored);
            identity.write(folder.path());
            let left: Vec<String> = restored.observations.iter().map(|seen| seen.check.to_string()).collect();
            assert_eq!(restored.standings.len(), left.len() + 1, "a component is not one check's");
            left
        };
        assert!(start("192.0.2.1", 10, 5).is_empty(), "nothing is known of the process before");
        assert_eq!(start("192.0.2.1", 20, 15), ["far", "pc"]);
        for minute in [30, 31, 32] {
            assert_eq!(start("192.0.2.2", minute, 25), ["pc"], "the old target's row is there still");
        }
        assert_eq!(start("192.0.2.2", 40, 35), ["far", "pc"], "its own, since it looks there");
        assert_eq!(start("192.0.2.1", 50, 45), ["pc"], "and back");
    }
}
