//! Surveys of places, as the pages want them: read from their folder, and removed when they are old.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinError;

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{Lang, in_full};
use crate::store::Store;
use crate::survey::kept::{self, KeptError};
use crate::survey::{Report, page};
use crate::web::{Said, SurveyForm, Surveyed, Surveys, Unshown};

/// How often is looked whether one is older than it may be.
const SWEEP: Duration = Duration::from_hours(6);

/// What was read of the files, by their names, and when each was written.
type Read = HashMap<String, (Option<SystemTime>, Result<Said, Unshown>)>;

/// The surveys of a state folder.
pub struct Kept {
    folder: PathBuf,
    /// One look at a time: a disk that hangs holds one thread, whoever else asks. The turn goes with the look and not with whoever
    /// wants it, who waits for so long and is gone.
    looking: Arc<tokio::sync::Mutex<()>>,
    read: Arc<Mutex<Read>>,
}

impl Kept {
    /// Those of the state folder. Makes their folder, so that it is the daemon's own when root keeps a survey in it.
    pub fn of(state: &Path) -> Self {
        if let Err(error) = kept::make_folder(state) {
            tracing::warn!(error = in_full(&error), "surveys cannot be kept");
        }
        Self { folder: state.join(kept::FOLDER), looking: Arc::default(), read: Arc::default() }
    }

    /// Removes what is older than sessions may be, since a session names the survey of its place. Goes on until it is dropped.
    pub async fn prune(self: Arc<Self>, store: Store, configs: watch::Receiver<Arc<Config>>, clock: Clock) {
        loop {
            let (now, keep) = (clock.now(), configs.borrow().store.retention_sessions.0);
            self.sweep(&store, keep, now.wall).await;
            clock.sleep_until(now.mono.after(SWEEP)).await;
        }
    }

    /// Removes what is older than `keep`, if the store believes the clock that says `now`: nobody brings back what one took that was
    /// years ahead for a while.
    async fn sweep(&self, store: &Store, keep: Duration, now: Timestamp) {
        let Ok(first) = now.checked_sub(keep) else { return };
        match store.is_believed(now).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(error = in_full(&error), "old surveys stay: whether the clock is right cannot be read");
                return;
            }
        }
        let first = first.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        match self.look(move |folder| kept::prune(folder, first, now)).await {
            Ok(Ok(0)) | Err(_) => {}
            Ok(Ok(removed)) => tracing::info!(removed, "surveys older than sessions are kept are removed"),
            Ok(Err(error)) => tracing::warn!(error = in_full(&error), "old surveys cannot be removed"),
        }
    }

    /// Looks on a thread for what blocks, in turn.
    async fn look<T: Send + 'static>(&self, look: impl FnOnce(&Path) -> T + Send + 'static) -> Result<T, JoinError> {
        let turn = Arc::clone(&self.looking).lock_owned().await;
        let folder = self.folder.clone();
        let looked = tokio::task::spawn_blocking(move || {
            let found = look(&folder);
            drop(turn);
            found
        });
        looked.await
    }
}

impl Surveys for Kept {
    fn newest(&self, most: usize) -> BoxFuture<'_, Result<(Vec<Surveyed>, usize), String>> {
        Box::pin(async move {
            let read = Arc::clone(&self.read);
            let listed = self.look(move |folder| listed(folder, &read, most)).await;
            listed.map_err(|error| error.to_string())?.map_err(|error| in_full(&error))
        })
    }

    fn there(&self, ids: Vec<String>) -> BoxFuture<'_, Result<HashSet<String>, String>> {
        Box::pin(async move {
            let names =
                self.look(kept::names).await.map_err(|error| error.to_string())?.map_err(|error| in_full(&error))?;
            let wanted: HashSet<String> = ids.into_iter().collect();
            Ok(names.into_iter().filter(|name| wanted.contains(name)).collect())
        })
    }

    fn open<'a>(&'a self, id: &'a str, form: SurveyForm) -> BoxFuture<'a, Result<Option<String>, Unshown>> {
        Box::pin(async move {
            // A name of another shape is not looked for.
            if !kept::is_id(id) {
                return Ok(None);
            }
            let id = id.to_owned();
            let made = self.look(move |folder| match kept::read(folder, &id) {
                Ok(report) => made(&report, &form).map(Some),
                Err(KeptError::None) => Ok(None),
                Err(error) => Err(unshown(&error, folder)),
            });
            made.await.unwrap_or_else(|error| Err(Unshown::Unread(error.to_string())))
        })
    }
}

/// For whoever reads the page: where the folder is on this machine is not theirs to know.
fn unshown(error: &KeptError, folder: &Path) -> Unshown {
    let told = in_full(error).replace(&format!("{}/", folder.display()), "");
    match error {
        KeptError::Io(..) => Unshown::Unread(told),
        _ => Unshown::Damaged(told),
    }
}

fn made(report: &Report, form: &SurveyForm) -> Result<String, Unshown> {
    let text = match form {
        SurveyForm::Json => serde_json::to_string_pretty(report).map_err(|error| error.to_string()),
        SurveyForm::Page { lang, list, other, json } => {
            page::page(report, *lang, Some(page::Around { list, other, json }))
        }
    };
    text.map_err(Unshown::Damaged)
}

/// The newest, each read once as long as its file stays as it is.
fn listed(folder: &Path, read: &Mutex<Read>, most: usize) -> Result<(Vec<Surveyed>, usize), KeptError> {
    let names = kept::names(folder)?;
    let older = names.len().saturating_sub(most);
    let mut before = std::mem::take(&mut *read.lock().unwrap_or_else(PoisonError::into_inner));
    let mut now = Read::new();
    let mut all = Vec::new();
    for id in names.into_iter().take(most) {
        let written = kept::place(folder, &id)
            .ok()
            .and_then(|file| std::fs::symlink_metadata(file).ok())
            .and_then(|found| found.modified().ok());
        let known = before.remove(&id).filter(|(at, said)| said.is_ok() && *at == written && written.is_some());
        let said = match known {
            Some((_, said)) => said,
            None => match kept::read(folder, &id) {
                Ok(report) => Ok(short(report)),
                // Gone since the folder was read.
                Err(KeptError::None) => continue,
                Err(error) => Err(unshown(&error, folder)),
            },
        };
        now.insert(id.clone(), (written, said.clone()));
        all.push(Surveyed { id, said });
    }
    *read.lock().unwrap_or_else(PoisonError::into_inner) = now;
    Ok((all, older))
}

fn short(report: Report) -> Said {
    let told = [Lang::Id, Lang::En]
        .map(|lang| (page::held(report.verdict, lang).to_owned(), report.answer.in_lang(lang).to_owned()));
    Said {
        venue: report.venue,
        began_at: report.began_at,
        finished: report.finished,
        profile: report.profile,
        verdict: report.verdict,
        told,
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::app::recorder::catalogue;
    use crate::domain::past::UNWATCHED;
    use crate::domain::{Now, Observation, Reading};
    use crate::store::{Claim, Retention};

    #[tokio::test]
    async fn a_survey_is_old_only_by_a_clock_by_which_was_watched_a_day_ago() {
        let state = tempfile::tempdir().unwrap();
        let right: Timestamp = "2026-11-23T02:00:00Z".parse().unwrap();
        let clock = Clock::on_tokio_time(right);
        let store = Store::open(Claim::take(state.path()).unwrap(), clock, Retention::default(), catalogue());
        store.restore().await.unwrap();
        let surveys = Kept::of(state.path());
        let (old, new) = ("aula-20240101-020000-00000000", "aula-20261122-020000-00000000");
        for id in [old, new] {
            std::fs::write(kept::place(&surveys.folder, id).unwrap(), "").unwrap();
        }
        let sweep = async |now: Timestamp| {
            surveys.sweep(&store, Retention::default().sessions.0, now).await;
            kept::names(&surveys.folder).unwrap()
        };
        assert_eq!(sweep(right).await, [new, old], "nobody has watched by it yet");
        // A day and an hour until then.
        let day = Duration::from_hours(25);
        let begun = Now { mono: clock.mono(), wall: right - day };
        for look in 0..=day.as_secs() / UNWATCHED.as_secs() {
            let at = begun.after(Duration::from_secs(look * UNWATCHED.as_secs()));
            store.observe(&Observation::read("usb".into(), at, Duration::ZERO, Reading::default()));
        }
        store.flush().await.unwrap();
        assert_eq!(sweep(right + Duration::from_hours(24 * 1500)).await, [new, old], "years ahead");
        assert_eq!(sweep(right).await, [new]);
    }

    #[test]
    fn a_look_that_hangs_keeps_the_turn_when_whoever_wanted_it_has_gone() {
        let state = tempfile::tempdir().unwrap();
        let kept = Kept::of(state.path());
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(2).build().unwrap();
        // As a disk that does not answer: whoever lists them does not come to an end before this is let go.
        let read = Arc::clone(&kept.read);
        let hangs = read.lock().unwrap();
        let free = runtime.block_on(async {
            for _ in 0..3 {
                assert!(kept.newest(9).now_or_never().is_none());
            }
            assert!(kept.there(Vec::new()).now_or_never().is_none());
            let id = "aula-20261126-133005-1f2e3d4c";
            assert!(kept.open(id, SurveyForm::Json).now_or_never().is_none());
            let other = tokio::task::spawn_blocking(|| ());
            tokio::time::timeout(Duration::from_secs(10), other).await.is_ok()
        });
        drop(hangs);
        assert!(free, "no thread is left for anything else");
        let listed = runtime.block_on(kept.newest(9)).unwrap();
        assert!(listed.0.is_empty(), "{} surveys", listed.0.len());
    }
}
