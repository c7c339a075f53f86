//! What is ordered to be written into a run sheet.

use super::Desk;
use crate::control::Words;
use crate::control::order::Word;
use crate::domain::sheet::SheetWish;
use crate::domain::{Actor, Lang, Text};

impl Desk {
    /// Writes it; who wished it goes into the audit with it.
    pub(super) async fn run_sheet(&self, who: Actor, wish: SheetWish, lang: Lang, words: &Words) {
        let Some(bookings) = &self.bookings else { return };
        let zone = self.configs.borrow().room.time_zone.0.clone();
        words.say(match bookings.note(who, wish, self.clock.now().wall).await {
            Ok(Ok(())) => Word::done(WRITTEN.in_lang(lang).to_owned()),
            Ok(Err(why)) => Word::Refused { check: None, message: why.told(lang, &zone) },
            Err(why) => Word::Refused { check: None, message: format!("{} ({why})", NOT_NOW.in_lang(lang)) },
        });
    }
}

static WRITTEN: Text = Text::new("Dicatat", "Written down");
static NOT_NOW: Text = Text::new("Tidak dapat dicatat sekarang; coba lagi", "It cannot be written down now; try again");
