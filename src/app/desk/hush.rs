//! What people order of alerts that are under way: that somebody sees to an incident, and silence.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{Desk, No};
use crate::app::recorder::Ask;
use crate::control::order::{Order, Word};
use crate::control::{Who, Words};
use crate::domain::{Act, Lang, Silence, Text};
use crate::store::Kept;

/// A silence is no shorter, and no longer: what shall never be told belongs into the config.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// So much of a reason is kept, characters.
const REASON: usize = 200;

impl Desk {
    /// Carries out an order that changes who is told what, and says what became of it.
    pub(super) async fn hush(&self, who: &Who, order: &Order, words: &Words) {
        let lang = order.lang();
        let mut act = self.act(who, order.action(), &order.subject());
        // To ask which silences hold changes nothing, and is no row.
        let changes = !matches!(order, Order::Silences { .. });
        let kept = if changes { self.keep(&act).await } else { Some(Kept::OnDisk) };
        let done = if kept.is_none() {
            Err(No::new(&super::NOT_WRITTEN, &[], lang, "not written down"))
        } else {
            self.carry(order, &act, lang).await
        };
        let (word, outcome) = match done {
            Ok((message, outcome)) => (Ok(message), outcome),
            Err(no) => (Err(no.told), format!("refused: {}", no.audit)),
        };
        act.outcome = Some(outcome);
        // What was ordered went to the same disk between the two.
        let after = if changes { self.keep(&act).await } else { kept };
        words.say(match word {
            Ok(message) if [kept, after].contains(&Some(Kept::InMemory)) || after.is_none() => {
                Word::Done { message: format!("{message}\n{}", NOT_YET.in_lang(lang)) }
            }
            Ok(message) => Word::Done { message },
            Err(message) => Word::Refused { check: None, message },
        });
    }

    /// What to say, and what to write down.
    async fn carry(&self, order: &Order, act: &Act, lang: Lang) -> Result<(String, String), No> {
        match order {
            Order::Acknowledge { incident, .. } => self.acknowledge(incident.clone(), lang).await,
            Order::Silence { component, seconds, reason, .. } => {
                let length = Duration::from_secs(*seconds);
                if length < SHORTEST || length > LONGEST {
                    return Err(No::new(&LENGTH, &[], lang, "out of range"));
                }
                let reason: String = reason.chars().filter(|c| !c.is_control()).take(REASON).collect();
                if reason.trim().is_empty() {
                    return Err(No::new(&WHY, &[], lang, "without a reason"));
                }
                let until = act.at.saturating_add(length).unwrap_or(Timestamp::MAX);
                let silence = Silence { id: Arc::clone(&act.key), component: *component, reason, from: act.at, until };
                let message = self.told(&silence, lang);
                self.put(silence, lang).await?;
                Ok((message, "silenced".to_owned()))
            }
            Order::EndSilence { id, .. } => {
                let holding = self.holding(lang).await?;
                let Some(silence) = holding.into_iter().find(|silence| *silence.id == *id.as_str()) else {
                    return Err(No::new(&NO_SILENCE, &[("id", id.clone().into())], lang, "no such silence"));
                };
                self.put(Silence { until: act.at, ..silence }, lang).await?;
                Ok((ENDED.in_lang(lang).to_owned(), "ended".to_owned()))
            }
            Order::Drill { scene, seconds, .. } => self.drill(scene, *seconds, lang).await,
            Order::EndDrill { .. } => self.end_drill(lang).await,
            _ => {
                let holding = self.holding(lang).await?;
                let lines: Vec<_> = holding.iter().map(|silence| self.told(silence, lang)).collect();
                let message = if lines.is_empty() { NONE.in_lang(lang).to_owned() } else { lines.join("\n") };
                Ok((message, "told".to_owned()))
            }
        }
    }

    async fn acknowledge(&self, incident: Option<String>, lang: Lang) -> Result<(String, String), No> {
        let named = incident.is_some();
        let (done, answer) = oneshot::channel();
        self.ask(Ask::Acknowledge { incident, done }, answer, lang).await?.map_or_else(
            |open| {
                let args = [("open", open.join(", ").into())];
                Err(match (open.is_empty(), named) {
                    (true, _) => No::new(&NOTHING_OPEN, &[], lang, "nothing is open"),
                    (false, true) => No::new(&NOT_OPEN, &args, lang, "no such open incident"),
                    (false, false) => No::new(&WHICH, &args, lang, "several are open"),
                })
            },
            |id| {
                let text = crate::domain::reason::fill(SEEN_TO.in_lang(lang), &[("id", id.clone().into())], lang);
                Ok((text, format!("acknowledged {id}")))
            },
        )
    }

    async fn put(&self, silence: Silence, lang: Lang) -> Result<(), No> {
        let (done, answer) = oneshot::channel();
        self.ask(Ask::Silence { silence, done }, answer, lang).await
    }

    async fn holding(&self, lang: Lang) -> Result<Vec<Silence>, No> {
        let (told, answer) = oneshot::channel();
        self.ask(Ask::Silences(told), answer, lang).await
    }

    /// The recorder answers as long as it lives, and the daemon ends when it does not.
    pub(super) async fn ask<T>(&self, ask: Ask, answer: oneshot::Receiver<T>, lang: Lang) -> Result<T, No> {
        _ = self.asks.send(ask).await;
        answer.await.map_err(|_| No::new(&super::ENDED, &[], lang, "ended in its middle"))
    }

    /// One line on a silence.
    fn told(&self, silence: &Silence, lang: Lang) -> String {
        let zone = self.configs.borrow().room.time_zone.0.clone();
        let what = silence.component.map_or_else(|| ALL.in_lang(lang).to_owned(), |one| one.title(lang).to_owned());
        let until = silence.until.to_zoned_datetime(zone).strftime("%Y-%m-%d %H:%M %Z").to_string();
        let args = [
            ("id", silence.id.to_string().into()),
            ("what", what.into()),
            ("until", until.into()),
            ("reason", silence.reason.clone().into()),
        ];
        crate::domain::reason::fill(SILENCE.in_lang(lang), &args, lang)
    }
}

static NOT_YET: Text = Text::new(
    "Berlaku sekarang, tetapi belum tertulis di disk (penuh atau bermasalah): hilang bila siaga berhenti sebelum disk pulih",
    "It holds now, but is not on the disk yet (full or failing): it is lost if siaga ends before the disk takes it",
);
static ALL: Text = Text::new("semua komponen", "all components");
static SILENCE: Text =
    Text::new("{id}: {what} dibisukan sampai {until} ({reason})", "{id}: {what} silenced until {until} ({reason})");
static NONE: Text = Text::new("Tidak ada yang dibisukan", "Nothing is silenced");
static ENDED: Text = Text::new("Pembisuan diakhiri", "The silence has ended");
static NO_SILENCE: Text = Text::new(
    "Tidak ada pembisuan \"{id}\" yang berlaku; lihat: siaga alert silences",
    "No silence \"{id}\" holds; see: siaga alert silences",
);
static LENGTH: Text = Text::new(
    "Pembisuan paling singkat 1 menit dan paling lama 31 hari",
    "A silence is a minute at least and 31 days at most",
);
static WHY: Text = Text::new("Sebutkan alasannya", "Say why");
static SEEN_TO: Text = Text::new("Dicatat: {id} sudah diterima", "Noted: somebody sees to {id}");
static NOTHING_OPEN: Text = Text::new("Tidak ada gangguan yang terbuka", "No incident is open");
static NOT_OPEN: Text = Text::new(
    "Tidak ada gangguan terbuka dengan nama itu; yang terbuka: {open}",
    "No such incident is open; open are {open}",
);
static WHICH: Text = Text::new("Yang mana? Yang terbuka: {open}", "Which? Open are {open}");
