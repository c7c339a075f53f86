//! The operators' radio check: that they have heard each other, noted with who heard it.

use super::hush::NOT_YET;
use super::{Desk, No};
use crate::control::Words;
use crate::control::order::{Order, Word};
use crate::domain::reason::fill;
use crate::domain::{Actor, Component, Lang, Text};
use crate::store::Kept;

impl Desk {
    /// Notes it. Who heard it stands in the audit alone.
    pub(super) async fn radio_check(&self, who: &Actor, order: &Order, heard_by: &str, lang: Lang, words: &Words) {
        let mut act = self.act(who, order.action(), &order.subject());
        let before = self.keep(&act).await;
        let done = if !super::is_name(heard_by) {
            Err(No::new(&WHO, &[], lang, "without a name"))
        } else if self.configs.borrow().plan.absent.contains(&Component::Radio) {
            Err(No::new(&ABSENT, &[], lang, "the room has no radio"))
        } else if before.is_none() {
            Err(No::new(&super::NOT_WRITTEN_DOWN, &[], lang, "not written down"))
        } else {
            // It holds whatever its file says, until this process ends.
            Ok(self.on_air.hear(act.at).await.err())
        };
        act.outcome = Some(match &done {
            Ok(None) => "noted".to_owned(),
            Ok(Some(why)) => format!("noted, and not kept: {why}"),
            Err(no) => format!("refused: {}", no.audit),
        });
        let on_disk = self.keep(&act).await == Some(Kept::OnDisk) && before == Some(Kept::OnDisk);
        words.say(match done {
            Ok(forgotten) => {
                let why = forgotten.map(|why| fill(NOT_KEPT.in_lang(lang), &[("why", why.into())], lang));
                let unkept = why.or_else(|| (!on_disk).then(|| NOT_YET.in_lang(lang).to_owned()));
                Word::Done { message: NOTED.in_lang(lang).to_owned(), unkept }
            }
            Err(no) => Word::Refused { check: None, message: no.told },
        });
    }
}

static WHO: Text =
    Text::new("Sebutkan siapa yang mendengar (paling banyak 64 huruf)", "Say who heard it (at most 64 characters)");
static ABSENT: Text = Text::new("Ruangan ini memang tidak memakai HT", "This room deliberately has no radio");
static NOTED: Text = Text::new("Dicatat: uji suara HT berhasil", "Noted: the radio check was heard");
static NOT_KEPT: Text = Text::new(
    "Berlaku sekarang, tetapi terlupakan bila Siaga dimulai ulang: {why}",
    "It holds now, but is forgotten when siaga is started anew: {why}",
);
