//! What people order at the page: the same as over the control socket, by the same code, with the same rows in the audit.

use tokio::sync::mpsc;

use super::Desk;
use crate::app::drill;
use crate::control::Words;
use crate::control::order::{Order, Tested, Word};
use crate::domain::{Actor, Lang, Text, Verdict};
use crate::web::acts::{Choices, Line, Ordered};

/// Words of an order that wait.
const WORDS: usize = 256;

impl Desk {
    /// Carries it out; its words, in the language asked for.
    pub(super) async fn carry_out_at_page(&self, who: Actor, ordered: Ordered, lang: Lang) -> Vec<Line> {
        let (words, mut said) = mpsc::channel(WORDS);
        self.carry_out_for(who, order(ordered, lang), Words::to(words)).await;
        let mut lines = Vec::new();
        while let Ok(word) = said.try_recv() {
            told(word, lang, &mut lines);
        }
        lines
    }

    /// What there is to order.
    pub(super) fn choices_at_page(&self, lang: Lang) -> Choices {
        let mut checks: Vec<String> = self.requests.borrow().keys().map(ToString::to_string).collect();
        checks.sort();
        let config = self.configs.borrow();
        Choices {
            scenes: drill::ALL.iter().map(|scene| (scene.name, scene.title.in_lang(lang))).collect(),
            receivers: config.receivers.iter().map(|receiver| receiver.name.to_string()).collect(),
            checks,
        }
    }
}

fn order(ordered: Ordered, lang: Lang) -> Order {
    match ordered {
        Ordered::Test(check) => Order::Test { checks: vec![check], lang },
        Ordered::Silence { component, seconds, reason } => Order::Silence { component, seconds, reason, lang },
        Ordered::EndSilence(id) => Order::EndSilence { id, lang },
        Ordered::Drill(scene, seconds) => Order::Drill { scene, seconds, lang },
        Ordered::EndDrill => Order::EndDrill { lang },
        Ordered::Message(receiver) => Order::TestAlert { receivers: vec![receiver], lang },
        Ordered::Heard(heard_by) => Order::RadioCheck { heard_by, lang },
    }
}

fn told(word: Word, lang: Lang, lines: &mut Vec<Line>) {
    match word {
        Word::Begun { .. } => {}
        Word::Done { message, unkept } => {
            lines.push(Line { well: true, text: message });
            lines.extend(unkept.map(|text| Line { well: false, text }));
        }
        Word::Refused { check, message } => {
            let about = check.map(|check| format!("{check}: ")).unwrap_or_default();
            lines.push(Line { well: false, text: format!("{about}{message}") });
        }
        Word::Told { receiver, failed: None, .. } => {
            lines.push(Line { well: true, text: format!("{receiver}: {}", ARRIVED.in_lang(lang)) });
        }
        Word::Told { receiver, failed: Some(why), again } => {
            let again = if again { AGAIN.in_lang(lang) } else { "" };
            lines.push(Line { well: false, text: format!("{receiver}: {why}{again}") });
        }
        Word::Tested(Tested { name, verdict, reasons, measured, .. }) => {
            lines.push(Line { well: verdict == Verdict::Ready, text: format!("{name}: {}", verdict.title(lang)) });
            for why in reasons {
                lines.push(Line {
                    well: why.verdict == Verdict::Ready,
                    text: format!("{}. {}", why.message, why.remedy),
                });
            }
            lines.extend(measured.into_iter().map(|text| Line { well: true, text }));
        }
    }
}

static ARRIVED: Text = Text::new("pesan uji sampai", "the test message has arrived");
static AGAIN: Text = Text::new("; dicoba lagi", "; it is tried again");
