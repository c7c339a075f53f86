//! What people order at the page: the same as over the control socket, by the same code, with the same rows in the audit.

use tokio::sync::mpsc;

use super::Desk;
use super::alerts::WAITS;
use crate::app::drill;
use crate::control::Words;
use crate::control::order::{Order, Tested, Word};
use crate::domain::{Actor, Component, Lang, Text, Verdict};
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
        let absent = &config.plan.absent;
        let scenes = drill::ALL.iter().filter(|scene| !absent.contains(&scene.component()));
        Choices {
            scenes: scenes.map(|scene| (scene.name, scene.title.in_lang(lang))).collect(),
            receivers: config.receivers.iter().map(|receiver| receiver.name.to_string()).collect(),
            checks,
            radio: !absent.contains(&Component::Radio),
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
        Word::Begun { .. } | Word::Telling { .. } => {}
        Word::Done { message, unkept } => {
            lines.push(line(true, message));
            lines.extend(unkept.map(|text| line(false, text)));
        }
        Word::Refused { check, message } => {
            let about = check.map(|check| format!("{check}: ")).unwrap_or_default();
            lines.push(line(false, format!("{about}{message}")));
        }
        Word::Told { receiver, failed: None, .. } => {
            lines.push(line(true, format!("{receiver}: {}", ARRIVED.in_lang(lang))));
        }
        Word::Told { receiver, failed: Some(why), again, behind } => {
            let again = if again { AGAIN.in_lang(lang) } else { "" };
            let (said, detail) = behind.map_or((&NOT_YET, Some(why)), |behind| (&WAITS, behind.cause));
            lines.push(Line { well: false, text: format!("{receiver}: {}{again}", said.in_lang(lang)), detail });
        }
        Word::Tested(Tested { name, verdict, reasons, measured, .. }) => {
            lines.push(line(verdict == Verdict::Ready, format!("{name}: {}", verdict.title(lang))));
            for why in reasons {
                let text = format!("{}. {}", why.message, why.remedy);
                lines.push(Line { well: why.verdict == Verdict::Ready, text, detail: why.detail });
            }
            lines.extend(measured.into_iter().map(|text| line(true, text)));
        }
    }
}

fn line(well: bool, text: String) -> Line {
    Line { well, text, detail: None }
}

static NOT_YET: Text = Text::new("pesan uji belum sampai", "the test message has not arrived");
static ARRIVED: Text = Text::new("pesan uji sampai", "the test message has arrived");
static AGAIN: Text = Text::new("; dicoba lagi", "; it is tried again");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::order::Behind;

    #[test]
    fn what_a_program_says_of_a_message_stands_apart() {
        let why = "denied: it answered 404 Not Found (x)";
        let told_of = |behind: Option<Behind>, lang| {
            let mut lines = Vec::new();
            let failed = Some(why.to_owned());
            told(Word::Told { receiver: "hook".to_owned(), failed, again: true, behind }, lang, &mut lines);
            let Line { well, text, detail } = lines.remove(0);
            (well, text, detail)
        };
        let both = |text: &str, detail: Option<&str>| (false, text.to_owned(), detail.map(str::to_owned));
        assert_eq!(told_of(None, Lang::Id), both("hook: pesan uji belum sampai; dicoba lagi", Some(why)));
        assert_eq!(
            told_of(None, Lang::En),
            both("hook: the test message has not arrived; it is tried again", Some(why))
        );
        let waits = format!("hook: {}; dicoba lagi", WAITS.in_lang(Lang::Id));
        for cause in [None, Some("refused")] {
            let behind = Behind { cause: cause.map(str::to_owned) };
            assert_eq!(told_of(Some(behind), Lang::Id), both(&waits, cause));
        }
    }
}
