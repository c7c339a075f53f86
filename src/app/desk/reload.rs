//! Reading the config anew, for whoever asks.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, MutexGuard, oneshot};

use super::Desk;
use super::hush::NOT_YET;
use crate::app::allowance::Allowance;
use crate::control::Words;
use crate::control::order::Word;
use crate::domain::reason::fill;
use crate::domain::{Actor, Lang, Mono, Text, Via};
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

impl Desk {
    /// Has it read for somebody on this machine who says not who they are. Whoever has to come again leaves no row.
    pub(super) async fn reload_unnamed(&self) -> Result<Waiting, NotReloaded> {
        let _turn = self.unnamed.turn(self.clock.mono()).map_err(NotReloaded::Busy)?;
        let who = Actor { name: "?".into(), via: Via::Loopback };
        self.reload_written(&who).await.0
    }

    /// Has it read by order of somebody on this machine, and tells whether the new one holds, or what is wrong with it.
    pub(super) async fn reload(&self, who: &Actor, lang: Lang, words: &Words) {
        let (outcome, on_disk) = self.reload_written(who).await;
        let refused = |message: String| Word::Refused { check: None, message };
        words.say(match outcome {
            Ok(waiting) => Word::Done {
                message: holds(&waiting, lang),
                unkept: (!on_disk).then(|| NOT_YET.in_lang(lang).to_owned()),
            },
            Err(NotReloaded::Refused(why)) => refused(format!("{}\n{}", NOT_USED.in_lang(lang), shortened(&why))),
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
fn holds(waiting: &Waiting, lang: Lang) -> String {
    let told = HOLDS.in_lang(lang);
    if waiting.0.is_empty() {
        return told.to_owned();
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

static HOLDS: Text = Text::new("Berkas pengaturan dibaca ulang dan berlaku", "The config was read anew and holds");
static LATER: Text = Text::new(
    "yang baru dari {what} baru berlaku setelah siaga dijalankan ulang (systemctl restart siaga)",
    "what is new in {what} holds only from the next start of Siaga on (systemctl restart siaga)",
);
static NOT_USED: Text = Text::new(
    "Berkas pengaturan yang baru tidak dipakai; yang lama tetap berlaku:",
    "The new config is not used; the old one goes on:",
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
        assert_eq!(holds(&Waiting::default(), Lang::En), "The config was read anew and holds");
        let said = |lang| holds(&Waiting(vec!["[web] listen", "[store]"]), lang);
        assert!(
            said(Lang::En).contains("holds; what is new in [web] listen, [store] holds only from"),
            "{}",
            said(Lang::En)
        );
        assert!(said(Lang::Id).contains("[web] listen, [store] baru berlaku setelah"), "{}", said(Lang::Id));
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
