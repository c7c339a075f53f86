//! The operators' radio check: that they have heard each other, noted with who heard it.

use super::{Desk, No};
use crate::control::Words;
use crate::control::order::{Order, Word};
use crate::domain::{Actor, Lang, Text};

impl Desk {
    /// Notes it. Who heard it stands in the audit alone.
    pub(super) async fn radio_check(&self, who: &Actor, order: &Order, heard_by: &str, lang: Lang, words: &Words) {
        let mut act = self.act(who, order.action(), &order.subject());
        let done = if !super::is_name(heard_by) {
            Err(No::new(&WHO, &[], lang, "without a name"))
        } else if self.write(&act).await {
            let heard = self.on_air.hear(act.at).await;
            heard.map_err(|why| No::new(&NOT_KEPT, &[("why", why.into())], lang, "not kept"))
        } else {
            Err(No::new(&super::NOT_WRITTEN_DOWN, &[], lang, "not written down"))
        };
        act.outcome = Some(match done {
            Ok(()) => {
                words.say(Word::done(NOTED.in_lang(lang).to_owned()));
                "noted".to_owned()
            }
            Err(no) => {
                words.say(Word::Refused { check: None, message: no.told });
                format!("refused: {}", no.audit)
            }
        });
        self.write(&act).await;
    }
}

static WHO: Text =
    Text::new("Sebutkan siapa yang mendengar (paling banyak 64 huruf)", "Say who heard it (at most 64 characters)");
static NOTED: Text = Text::new("Dicatat: uji suara HT berhasil", "Noted: the radio check was heard");
static NOT_KEPT: Text = Text::new(
    "Berlaku sekarang, tetapi terlupakan bila siaga dimulai ulang: {why}",
    "It holds now, but is forgotten when siaga is started anew: {why}",
);
