//! Reading the config anew, for whoever asks.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, MutexGuard, oneshot};

use super::Desk;
use super::hush::NOT_YET;
use crate::app::allowance::Allowance;
use crate::config::Origin;
use crate::control::Words;
use crate::control::order::Word;
use crate::domain::plain::plain;
use crate::domain::reason::fill;
use crate::domain::{Actor, Lang, Mono, Text, Via};
use crate::named_file;
use crate::store::Kept;
use crate::web::acts::{NotReloaded, Waiting};

/// How long whoever asks is kept waiting: more than twice what reading a config may take, for another may be under way.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often the config is read for whoever comes by loopback and says not who they are (behind a proxy that is anybody): so many times
/// at once, and then one each so long. Each reading is a row of the audit, of which the newest stay: at that pace they take two years to
/// push everybody else's out, and whoever is told to wait has `siaga reload`, which says who asks.
const UNNAMED: (u32, Duration) = (10, Duration::from_mins(10));

/// When to come again where one is under way already.
const MEANWHILE: Duration = Duration::from_secs(5);

/// How long it may take to see whether a file is the daemon's own.
const LOOK: Duration = Duration::from_secs(5);

/// So much of what is wrong is said, bytes: a word of the control socket is one line.
const LONGEST: usize = 32 * 1024;

/// The turns of those who say not who they are: one at a time, and not too often.
pub(super) struct Unnamed(Mutex<Allowance>);

impl Unnamed {
    /// Nobody has asked yet.
    pub(super) fn new(now: Mono) -> Self {
        Self(Mutex::new(Allowance::whole(UNNAMED.0, UNNAMED.1, now)))
    }

    /// A turn that lasts until it is dropped; or how long to wait for one.
    fn turn(&self, now: Mono) -> Result<MutexGuard<'_, Allowance>, Duration> {
        let mut allowance = self.0.try_lock().map_err(|_| MEANWHILE)?;
        if allowance.take(now) { Ok(allowance) } else { Err(allowance.next(now)) }
    }
}

/// The file that is read; nothing, if it is the config in the binary.
#[derive(Clone, Debug, Default)]
pub(super) struct Own(Option<PathBuf>);

impl Own {
    /// By its whole name: whoever asks stands in another folder.
    pub(super) fn of(origin: &Origin) -> Self {
        Self(match origin {
            Origin::File(file) => Some(std::path::absolute(file).unwrap_or_else(|_| file.clone())),
            Origin::BuiltIn => None,
        })
    }

    /// Whether whoever names `named`, by its whole name, means this one; it may be a link to that. Where a disk does not answer nobody
    /// knows, and it is not taken for the same.
    async fn is(&self, named: &str) -> bool {
        let is_named = |file: &Path| file.display().to_string() == named;
        let Some(own) = &self.0 else { return false };
        if is_named(own) {
            return true;
        }
        let look = named_file::in_turn(own, |own| own.canonicalize().map_err(|error| error.to_string()));
        matches!(tokio::time::timeout(LOOK, look).await, Ok(Ok(own)) if is_named(&own))
    }

    fn called(&self, lang: Lang) -> String {
        self.0.as_ref().map_or_else(|| BUILT_IN.in_lang(lang).to_owned(), |file| file.display().to_string())
    }

    /// The refusal of whoever names another.
    async fn refusal(&self, named: &str, lang: Lang) -> Option<String> {
        if self.is(named).await {
            return None;
        }
        let args = [("own", self.called(lang).into()), ("named", plain(named).into())];
        Some(fill(ANOTHERS.in_lang(lang), &args, lang))
    }
}

impl Desk {
    /// Has it read for somebody on this machine who says not who they are. Whoever has to come again leaves no row.
    pub(super) async fn reload_unnamed(&self) -> Result<Waiting, NotReloaded> {
        let _turn = self.unnamed.turn(self.clock.mono()).map_err(NotReloaded::Busy)?;
        let who = Actor { name: "?".into(), via: Via::Loopback };
        self.reload_written(&who).await.0
    }

    /// Has it read by order of somebody on this machine, and tells whether the new one holds, or what is wrong with it. Whoever names
    /// another file than the daemon's would take that for the one that holds then.
    pub(super) async fn reload(&self, who: &Actor, named: Option<&str>, lang: Lang, words: &Words) {
        let refused = |message: String| Word::Refused { check: None, message };
        if let Some(named) = named
            && let Some(message) = self.own.refusal(named, lang).await
        {
            let mut act = self.act(who, "reload", named);
            act.outcome = Some("refused: it is not the daemon's config".to_owned());
            self.write(&act).await;
            return words.say(refused(message));
        }
        let (outcome, on_disk) = self.reload_written(who).await;
        let own = self.own.called(lang);
        words.say(match outcome {
            Ok(waiting) => Word::Done {
                message: holds(&own, &waiting, lang),
                unkept: (!on_disk).then(|| NOT_YET.in_lang(lang).to_owned()),
            },
            Err(NotReloaded::Refused(why)) => {
                let head = fill(NOT_USED.in_lang(lang), &[("own", own.into())], lang);
                refused(format!("{head}\n{}", shortened(&why)))
            }
            Err(NotReloaded::Busy(_)) => refused(BUSY.in_lang(lang).to_owned()),
            Err(NotReloaded::Untold) => refused(UNTOLD.in_lang(lang).to_owned()),
        });
    }

    /// Has it read. It is written down who asked before anything happens, and then what became of it; whether the disk has both. What
    /// cannot be written down is done all the same: a signal does it too, and leaves no row.
    pub(super) async fn reload_written(&self, who: &Actor) -> (Result<Waiting, NotReloaded>, bool) {
        let mut act = self.act(who, "reload", "");
        let before = self.keep(&act).await;
        let outcome = self.ask_to_reload().await;
        act.outcome = Some(
            match outcome {
                Ok(_) => "the new config holds",
                Err(NotReloaded::Refused(_)) => "refused: the old config goes on",
                Err(NotReloaded::Busy(_)) => "refused: too many ask at once",
                Err(NotReloaded::Untold) => "nobody said how it ended",
            }
            .to_owned(),
        );
        let after = self.keep(&act).await;
        (outcome, [before, after].iter().all(|kept| *kept == Some(Kept::OnDisk)))
    }

    async fn ask_to_reload(&self) -> Result<Waiting, NotReloaded> {
        let reloads = self.reloads.as_ref().ok_or(NotReloaded::Untold)?;
        let (asker, outcome) = oneshot::channel();
        reloads.try_send(asker).map_err(|error| match error {
            TrySendError::Full(_) => NotReloaded::Busy(MEANWHILE),
            TrySendError::Closed(_) => NotReloaded::Untold,
        })?;
        match tokio::time::timeout(PATIENCE, outcome).await {
            Ok(Ok(Ok(waiting))) => Ok(waiting),
            Ok(Ok(Err(why))) => Err(NotReloaded::Refused(why)),
            Ok(Err(_)) | Err(_) => Err(NotReloaded::Untold),
        }
    }
}

/// That it holds, and what of it does only from the next start on.
fn holds(own: &str, waiting: &Waiting, lang: Lang) -> String {
    let told = fill(HOLDS.in_lang(lang), &[("own", own.into())], lang);
    if waiting.0.is_empty() {
        return told;
    }
    let later = fill(LATER.in_lang(lang), &[("what", waiting.to_string().into())], lang);
    format!("{told}; {later}")
}

/// The first lines of it, as many as there is room for, and how many there are more.
fn shortened(why: &str) -> String {
    let (mut said, mut left) = (String::new(), 0);
    for line in why.trim_end().lines() {
        if left == 0 && said.len() + line.len() < LONGEST {
            if !said.is_empty() {
                said.push('\n');
            }
            said.push_str(line);
        } else {
            left += 1;
        }
    }
    if left > 0 {
        _ = write!(said, "\n… (+{left}; siaga config check)");
    }
    said
}

static HOLDS: Text =
    Text::new("Berkas pengaturan dibaca ulang dan berlaku: {own}", "The config was read anew and holds: {own}");
static BUILT_IN: Text = Text::new("yang bawaan", "the built-in one");
static ANOTHERS: Text = Text::new(
    "Tidak ada yang dibaca: pengaturan siaga yang berjalan adalah {own}, dan tidak dapat diganti dengan {named} selagi ia berjalan; \"siaga reload\" \
     tanpa --config dan tanpa SIAGA_CONFIG membaca ulang miliknya sendiri",
    "Nothing was read: the config of the daemon is {own}, and it cannot be given {named} while it runs; \"siaga reload\" without --config and \
     SIAGA_CONFIG has it read its own anew",
);
static LATER: Text = Text::new(
    "yang baru dari {what} baru berlaku setelah siaga dijalankan ulang (systemctl restart siaga)",
    "what is new in {what} holds only from the next start of Siaga on (systemctl restart siaga)",
);
static NOT_USED: Text = Text::new(
    "Berkas pengaturan yang baru tidak dipakai ({own}); yang lama tetap berlaku:",
    "The new config is not used ({own}); the old one goes on:",
);
static BUSY: Text = Text::new(
    "Terlalu banyak yang meminta sekaligus; coba lagi sebentar lagi",
    "Too many ask at once; try again in a moment",
);
static UNTOLD: Text = Text::new(
    "Pembacaan ulang dimulai, tetapi hasilnya tidak disampaikan; lihat log Siaga",
    "The reload was begun and nobody said how it ended; see the log of Siaga",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_not_who_they_are_has_one_turn_at_a_time_and_not_too_many() {
        let begun = Mono::from_elapsed(Duration::from_hours(1));
        let unnamed = Unnamed::new(begun);
        let first = unnamed.turn(begun).unwrap();
        assert_eq!(unnamed.turn(begun).err(), Some(MEANWHILE), "one is under way");
        drop(first);
        let had = (0..100).filter(|_| unnamed.turn(begun).is_ok()).count();
        assert_eq!(had, 9);
        let later = begun.after(Duration::from_secs(1));
        assert_eq!(unnamed.turn(later).err(), Some(UNNAMED.1.saturating_sub(Duration::from_secs(1))));
        assert!(unnamed.turn(begun.after(UNNAMED.1)).is_ok());
        // However often they ask: a year's rows are no more than half of those that are kept.
        let year = Duration::from_hours(24 * 365).as_secs() / UNNAMED.1.as_secs();
        assert!(year < 60_000, "{year}");
    }

    #[test]
    fn what_holds_only_from_the_next_start_is_named() {
        let own = "/etc/siaga/siaga.toml";
        assert_eq!(holds(own, &Waiting::default(), Lang::En), format!("The config was read anew and holds: {own}"));
        let said = |lang| holds(own, &Waiting(vec!["[web] listen", "[store]"]), lang);
        assert!(
            said(Lang::En).contains("siaga.toml; what is new in [web] listen, [store] holds only from"),
            "{}",
            said(Lang::En)
        );
        assert!(said(Lang::Id).contains("[web] listen, [store] baru berlaku setelah"), "{}", said(Lang::Id));
    }

    #[tokio::test]
    async fn another_file_than_the_daemons_own_is_refused_by_both_names_and_a_link_to_it_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
        for name in ["room.toml", "new.toml"] {
            std::fs::write(at(name), "").unwrap();
        }
        std::os::unix::fs::symlink("room.toml", at("siaga.toml")).unwrap();
        let own = Own::of(&Origin::File(at("siaga.toml")));
        for same in ["siaga.toml", "room.toml"] {
            assert_eq!(own.refusal(at(same).to_str().unwrap(), Lang::En).await, None, "{same}");
        }
        for other in ["new.toml", "not there.toml"] {
            let other = at(other).display().to_string();
            for lang in [Lang::Id, Lang::En] {
                let said = own.refusal(&other, lang).await.unwrap();
                assert!(said.contains(&other) && said.contains(&own.called(lang)), "{said}");
            }
            let said = Own::of(&Origin::BuiltIn).refusal(&other, Lang::En).await.unwrap();
            assert!(said.contains("the daemon is the built-in one"), "{said}");
        }
        // Gone, it is still the daemon's own, and the reading says that it is gone.
        std::fs::remove_file(at("siaga.toml")).unwrap();
        assert_eq!(own.refusal(at("siaga.toml").to_str().unwrap(), Lang::En).await, None);
    }

    #[test]
    fn a_thousand_errors_are_a_word_that_can_be_heard() {
        let all: Vec<String> = (0..2000).map(|n| format!("siaga.toml:{n}:1: unknown key \"{n:040}\"")).collect();
        let said = shortened(&all.join("\n"));
        assert!(said.len() < LONGEST + 100 && said.starts_with("siaga.toml:0:1: "), "{} bytes", said.len());
        let told = said.lines().count() - 1;
        assert!(said.ends_with(&format!("(+{}; siaga config check)", 2000 - told)), "{told}");
        assert_eq!(shortened("one\n"), "one");
    }
}
