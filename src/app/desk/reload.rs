//! Reading the config anew, for whoever asks on this machine.

use tokio::sync::oneshot;

use super::Desk;
use crate::control::Words;
use crate::control::order::Word;
use crate::domain::{Actor, Lang, Text};
use crate::web::daemon::RELOAD_DEADLINE;

impl Desk {
    /// Has it read, and tells whether the new one holds, or everything that is wrong with it.
    pub(super) async fn reload(&self, who: &Actor, lang: Lang, words: &Words) {
        let (asker, outcome) = oneshot::channel();
        if self.reloads.as_ref().is_none_or(|reloads| reloads.try_send(asker).is_err()) {
            self.note_reload_by(who, false).await;
            return words.say(Word::Refused { check: None, message: BUSY.in_lang(lang).to_owned() });
        }
        let outcome = tokio::time::timeout(RELOAD_DEADLINE, outcome).await;
        self.note_reload_by(who, matches!(outcome, Ok(Ok(Ok(()))))).await;
        words.say(match outcome {
            Ok(Ok(Ok(()))) => Word::done(HOLDS.in_lang(lang).to_owned()),
            Ok(Ok(Err(why))) => {
                Word::Refused { check: None, message: format!("{}\n{}", NOT_USED.in_lang(lang), why.trim_end()) }
            }
            Ok(Err(_)) | Err(_) => Word::Refused { check: None, message: UNTOLD.in_lang(lang).to_owned() },
        });
    }

    /// Writes down who had it read, and whether the new one holds.
    pub(super) async fn note_reload_by(&self, who: &Actor, holds: bool) {
        let mut act = self.act(who, "reload", "");
        act.outcome = Some(if holds { "the new config holds" } else { "refused: the old config goes on" }.to_owned());
        self.write(&act).await;
    }
}

static HOLDS: Text = Text::new("Berkas pengaturan dibaca ulang dan berlaku", "The config was read anew and holds");
static NOT_USED: Text = Text::new(
    "Berkas pengaturan yang baru tidak dipakai; yang lama tetap berlaku:",
    "The new config is not used; the old one goes on:",
);
static BUSY: Text = Text::new(
    "Berkas pengaturan sedang dibaca ulang; coba lagi sebentar lagi",
    "The config is being read anew; try again in a moment",
);
static UNTOLD: Text = Text::new(
    "Pembacaan ulang dimulai, tetapi hasilnya tidak disampaikan; lihat log siaga",
    "The reload was begun and nobody said how it ended; see the log of Siaga",
);
