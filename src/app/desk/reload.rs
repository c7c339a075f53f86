//! Reading the config anew, for whoever asks.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::Desk;
use super::hush::NOT_YET;
use crate::control::Words;
use crate::control::order::Word;
use crate::domain::{Actor, Lang, Text};
use crate::store::Kept;
use crate::web::acts::NotReloaded;

/// How long whoever asks is kept waiting: more than twice what reading a config may take, for another may be under way.
const PATIENCE: Duration = Duration::from_secs(15);

/// So much of what is wrong is said, bytes: a word of the control socket is one line.
const LONGEST: usize = 32 * 1024;

impl Desk {
    /// Has it read by order of somebody on this machine, and tells whether the new one holds, or what is wrong with it.
    pub(super) async fn reload(&self, who: &Actor, lang: Lang, words: &Words) {
        let (outcome, on_disk) = self.reload_written(who).await;
        let refused = |message: String| Word::Refused { check: None, message };
        words.say(match outcome {
            Ok(()) => Word::Done {
                message: HOLDS.in_lang(lang).to_owned(),
                unkept: (!on_disk).then(|| NOT_YET.in_lang(lang).to_owned()),
            },
            Err(NotReloaded::Refused(why)) => refused(format!("{}\n{}", NOT_USED.in_lang(lang), shortened(&why))),
            Err(NotReloaded::Busy) => refused(BUSY.in_lang(lang).to_owned()),
            Err(NotReloaded::Untold) => refused(UNTOLD.in_lang(lang).to_owned()),
        });
    }

    /// Has it read. It is written down who asked before anything happens, and then what became of it; whether the disk has both. What
    /// cannot be written down is done all the same: a signal does it too, and leaves no row.
    pub(super) async fn reload_written(&self, who: &Actor) -> (Result<(), NotReloaded>, bool) {
        let mut act = self.act(who, "reload", "");
        let before = self.keep(&act).await;
        let outcome = self.ask_to_reload().await;
        act.outcome = Some(
            match outcome {
                Ok(()) => "the new config holds",
                Err(NotReloaded::Refused(_)) => "refused: the old config goes on",
                Err(NotReloaded::Busy) => "refused: too many ask at once",
                Err(NotReloaded::Untold) => "nobody said how it ended",
            }
            .to_owned(),
        );
        let after = self.keep(&act).await;
        (outcome, [before, after].iter().all(|kept| *kept == Some(Kept::OnDisk)))
    }

    async fn ask_to_reload(&self) -> Result<(), NotReloaded> {
        let reloads = self.reloads.as_ref().ok_or(NotReloaded::Untold)?;
        let (asker, outcome) = oneshot::channel();
        reloads.try_send(asker).map_err(|error| match error {
            TrySendError::Full(_) => NotReloaded::Busy,
            TrySendError::Closed(_) => NotReloaded::Untold,
        })?;
        match tokio::time::timeout(PATIENCE, outcome).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(why))) => Err(NotReloaded::Refused(why)),
            Ok(Err(_)) | Err(_) => Err(NotReloaded::Untold),
        }
    }
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
static NOT_USED: Text = Text::new(
    "Berkas pengaturan yang baru tidak dipakai; yang lama tetap berlaku:",
    "The new config is not used; the old one goes on:",
);
static BUSY: Text = Text::new(
    "Terlalu banyak yang meminta sekaligus; coba lagi sebentar lagi",
    "Too many ask at once; try again in a moment",
);
static UNTOLD: Text = Text::new(
    "Pembacaan ulang dimulai, tetapi hasilnya tidak disampaikan; lihat log siaga",
    "The reload was begun and nobody said how it ended; see the log of Siaga",
);

#[cfg(test)]
mod tests {
    use super::*;

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
