//! What people order of alerts that are under way: that somebody sees to an incident, and silence.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::{Desk, No};
use crate::app::recorder::Ask;
use crate::control::Words;
use crate::control::order::{Order, Word};
use crate::domain::{Act, Actor, Component, Lang, Silence, Text};

/// A silence is no shorter, and no longer: what shall never be told belongs into the config.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// So much of a reason is kept, characters.
const REASON: usize = 200;

/// Why an order is not carried out.
pub(super) enum Unmet {
    /// No incident is open.
    NothingOpen,
    /// No such incident is; these are.
    NotOpen(Vec<String>),
    /// It does not say which of these.
    Which(Vec<String>),
    /// The silence is too short or too long.
    Length,
    /// The silence has no reason.
    NoReason,
    /// No silence of that id holds.
    NoSilence(String),
    /// It cannot be written down who orders it.
    NotWritten,
    /// The daemon ends.
    Ended,
}

impl Unmet {
    /// In words, and as the audit has it.
    pub(super) fn no(&self, lang: Lang) -> No {
        match self {
            Self::NothingOpen => No::new(&NOTHING_OPEN, &[], lang, "nothing is open"),
            Self::NotOpen(open) => {
                No::new(&NOT_OPEN, &[("open", open.join(", ").into())], lang, "no such open incident")
            }
            Self::Which(open) => No::new(&WHICH, &[("open", open.join(", ").into())], lang, "several are open"),
            Self::Length => No::new(&LENGTH, &[], lang, "out of range"),
            Self::NoReason => No::new(&WHY, &[], lang, "without a reason"),
            Self::NoSilence(id) => No::new(&NO_SILENCE, &[("id", id.clone().into())], lang, "no such silence"),
            Self::NotWritten => No::new(&NOT_WRITTEN, &[], lang, "not written down"),
            Self::Ended => No::new(&GONE, &[], lang, "ended in its middle"),
        }
    }
}

impl Desk {
    /// Carries out an order that changes who is told what, and says what became of it.
    pub(super) async fn hush(&self, who: &Actor, order: &Order, words: &Words) {
        let lang = order.lang();
        let mut act = self.act(who, order.action(), &order.subject());
        let done = match order {
            Order::Acknowledge { incident, .. } => {
                let done = async {
                    self.begin(&act).await?;
                    let id = self.acknowledge(incident.clone()).await?;
                    let outcome = format!("acknowledged {id}");
                    Ok((id, outcome))
                };
                let done = done.await;
                let id = self.end(&mut act, done).await;
                id.map(|id| crate::domain::reason::fill(SEEN_TO.in_lang(lang), &[("id", id.into())], lang))
            }
            Order::Silence { component, seconds, reason, .. } => {
                let until = act.at.saturating_add(Duration::from_secs(*seconds)).unwrap_or(Timestamp::MAX);
                let silence = self.silence_written(&mut act, *component, reason, until).await;
                silence.map(|silence| self.told(&silence, lang))
            }
            Order::EndSilence { id, .. } => {
                self.end_silence_written(&mut act, id).await.map(|()| ENDED.in_lang(lang).to_owned())
            }
            // To ask which silences hold changes nothing, and is no row.
            _ => self.holding().await.map(|holding| {
                let lines: Vec<_> = holding.iter().map(|silence| self.told(silence, lang)).collect();
                if lines.is_empty() { NONE.in_lang(lang).to_owned() } else { lines.join("\n") }
            }),
        };
        words.say(match done {
            Ok(message) => Word::Done { message },
            Err(not) => Word::Refused { check: None, message: not.no(lang).told },
        });
    }

    /// Writes down what is ordered, before anything happens.
    pub(super) async fn begin(&self, act: &Act) -> Result<(), Unmet> {
        if self.write(act).await { Ok(()) } else { Err(Unmet::NotWritten) }
    }

    /// Writes down what became of it.
    pub(super) async fn end<T>(&self, act: &mut Act, done: Result<(T, String), Unmet>) -> Result<T, Unmet> {
        let (done, outcome) = match done {
            Ok((done, outcome)) => (Ok(done), outcome),
            Err(not) => {
                let outcome = format!("refused: {}", not.no(Lang::En).audit);
                (Err(not), outcome)
            }
        };
        act.outcome = Some(outcome);
        self.write(act).await;
        done
    }

    /// Notes that somebody sees to an incident: the only one that is open, if none is named. Gives its id.
    pub(super) async fn acknowledge(&self, incident: Option<String>) -> Result<String, Unmet> {
        let named = incident.is_some();
        let (done, answer) = oneshot::channel();
        self.ask(Ask::Acknowledge { incident, done }, answer).await?.map_err(|open| match (open.is_empty(), named) {
            (true, _) => Unmet::NothingOpen,
            (false, true) => Unmet::NotOpen(open),
            (false, false) => Unmet::Which(open),
        })
    }

    /// Begins a silence under the act's key.
    pub(super) async fn silence_written(
        &self,
        act: &mut Act,
        component: Option<Component>,
        reason: &str,
        until: Timestamp,
    ) -> Result<Silence, Unmet> {
        let done = async {
            self.begin(act).await?;
            let length = Duration::try_from(until.duration_since(act.at)).map_err(|_| Unmet::Length)?;
            if length < SHORTEST || length > LONGEST {
                return Err(Unmet::Length);
            }
            let reason = kept(reason);
            if reason.trim().is_empty() {
                return Err(Unmet::NoReason);
            }
            let silence = Silence { id: Arc::clone(&act.key), component, reason, from: act.at, until };
            self.put(silence.clone()).await?;
            Ok((silence, "silenced".to_owned()))
        };
        let done = done.await;
        self.end(act, done).await
    }

    /// Ends a silence before its time.
    pub(super) async fn end_silence_written(&self, act: &mut Act, id: &str) -> Result<(), Unmet> {
        let done = async {
            self.begin(act).await?;
            let silence = self.holding().await?.into_iter().find(|silence| *silence.id == *id);
            let silence = silence.ok_or_else(|| Unmet::NoSilence(id.to_owned()))?;
            self.put(Silence { until: act.at, ..silence }).await?;
            Ok(((), "ended".to_owned()))
        };
        let done = done.await;
        self.end(act, done).await
    }

    async fn put(&self, silence: Silence) -> Result<(), Unmet> {
        let (done, answer) = oneshot::channel();
        self.ask(Ask::Silence { silence, done }, answer).await
    }

    /// The silences that hold.
    pub(super) async fn holding(&self) -> Result<Vec<Silence>, Unmet> {
        let (told, answer) = oneshot::channel();
        self.ask(Ask::Silences(told), answer).await
    }

    /// The recorder answers as long as it lives, and the daemon ends when it does not.
    async fn ask<T>(&self, ask: Ask, answer: oneshot::Receiver<T>) -> Result<T, Unmet> {
        _ = self.asks.send(ask).await;
        answer.await.map_err(|_| Unmet::Ended)
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

/// A reason as it is kept.
pub(super) fn kept(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(REASON).collect()
}

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
static NOT_WRITTEN: Text = Text::new(
    "Tidak dapat dicatat siapa yang meminta, jadi tidak dilakukan; lihat log",
    "Who asks cannot be written down, so it is not done; the log may tell",
);
static GONE: Text = Text::new("Siaga sedang berhenti; coba lagi", "Siaga is ending; try again");
