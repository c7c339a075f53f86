//! What people order of alerts that are under way: that somebody sees to an incident, and silence.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

use super::{Desk, No};
use crate::app::recorder::Ask;
use crate::control::Words;
use crate::control::order::{Order, Word};
use crate::domain::passcode;
use crate::domain::plain::plain;
use crate::domain::reason::fill;
use crate::domain::{Act, Actor, Component, Finest, Lang, Silence, Text, on_the_day};
use crate::store::Kept;

/// A silence is no shorter, and no longer: what shall never be told belongs into the config.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_hours(31 * 24);

/// Two silences for the same reason that end within this are one.
const NEARLY: SignedDuration = SignedDuration::from_secs(60);

/// A reason is no longer than this, characters.
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
    /// What was said by radio was said by somebody, who is not named, or by no name.
    NoName,
    /// What was written of a meeting is nothing, or more than two pages, or no text.
    NoText,
    /// A passcode seems to stand in it.
    Passcode,
    /// There are as many of them as are kept.
    Full,
    /// No report of that meeting is kept (yet).
    NoReport(String),
    /// What is kept cannot be read or written now; why.
    Unread(String),
    /// No silence of that id holds.
    NoSilence(String),
    /// A drill is not begun, or not ended; why.
    Drill(No),
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
            Self::NoName => No::new(&WHO, &[], lang, "without a name"),
            Self::NoText => No::new(&TEXT, &[], lang, "no text"),
            Self::Passcode => No::new(&PASSCODE, &[], lang, "a passcode"),
            Self::Full => No::new(&FULL, &[], lang, "too many"),
            Self::NoReport(id) => No::new(&NO_REPORT, &[("id", id.clone().into())], lang, "no such report"),
            Self::Unread(why) => No::new(&UNREAD, &[("why", why.clone().into())], lang, "not kept"),
            Self::NoSilence(id) => No::new(&NO_SILENCE, &[("id", id.clone().into())], lang, "no such silence"),
            Self::Drill(no) => no.clone(),
            Self::NotWritten => No::new(&NOT_WRITTEN, &[], lang, "not written down"),
            Self::Ended => No::new(&GONE, &[], lang, "ended in its middle"),
        }
    }
}

/// What an order has led to.
pub(super) struct Done<T> {
    /// What that is.
    pub(super) what: T,
    /// Whether the disk has taken it: what it has not taken holds no longer than this process.
    pub(super) on_disk: bool,
}

impl<T> Done<T> {
    fn map<U>(self, other: impl FnOnce(T) -> U) -> Done<U> {
        Done { what: other(self.what), on_disk: self.on_disk }
    }
}

impl Desk {
    /// Carries out an order that changes who is told what, and says what became of it.
    pub(super) async fn hush(&self, who: &Actor, order: &Order, words: &Words) {
        let lang = order.lang();
        let mut act = self.act(who, order.action(), &order.subject());
        let done = match order {
            Order::Acknowledge { incident, radio, by, .. } => {
                let which = match incident {
                    Some(named) => Ok(named.clone()),
                    // Nothing is asked again: by then it may be another that is open.
                    None => self.open().await.and_then(only),
                };
                act = self.acknowledgement(who, which.as_deref().ok(), *radio, by.clone(), lang).await;
                let named = by.as_deref().map_or(!radio, super::is_name);
                let id = match which {
                    _ if !named => self.written(&mut act, async { Err(Unmet::NoName) }).await,
                    Ok(incident) => self.acknowledge_written(&mut act, incident).await,
                    Err(not) => self.written(&mut act, async { Err(not) }).await,
                };
                id.map(|id| id.map(|id| fill(SEEN_TO.in_lang(lang), &[("id", id.into())], lang)))
            }
            Order::Evaluate { session, text, by, .. } => {
                let number = self.evaluate_written(&mut act, session, text, by.as_deref()).await;
                let told = |number: i64| fill(EVALUATED.in_lang(lang), &[("number", number.to_string().into())], lang);
                number.map(|number| number.map(told))
            }
            Order::Silence { component, seconds, reason, .. } => {
                let until = act.at.saturating_add(Duration::from_secs(*seconds)).unwrap_or(Timestamp::MAX);
                let _turn = self.wish.lock().await;
                let silence = match self.holding_same(*component, reason, until).await {
                    Ok(Some(silence)) => Ok(Done { what: silence, on_disk: self.is_on_disk() }),
                    Ok(None) => self.silence_written(&mut act, *component, reason, until).await,
                    Err(not) => Err(not),
                };
                silence.map(|silence| silence.map(|silence| self.told(who, &silence, lang)))
            }
            Order::EndSilence { id, .. } => {
                let ended = self.end_silence_written(&mut act, id).await;
                ended.map(|ended| ended.map(|()| ENDED.in_lang(lang).to_owned()))
            }
            Order::Drill { scene, seconds, .. } => {
                let begun = async { self.drill(who, scene, *seconds, lang).await.map_err(Unmet::Drill) };
                self.written(&mut act, begun).await
            }
            Order::EndDrill { .. } => {
                let ended = async { self.end_drill(lang).await.map_err(Unmet::Drill) };
                self.written(&mut act, ended).await
            }
            // To ask which silences hold changes nothing, and is no row.
            _ => self.holding().await.map(|holding| {
                let lines: Vec<_> = holding.iter().map(|silence| self.told(who, silence, lang)).collect();
                let what = if lines.is_empty() { NONE.in_lang(lang).to_owned() } else { lines.join("\n") };
                Done { what, on_disk: true }
            }),
        };
        words.say(match done {
            Ok(Done { what: message, on_disk }) => {
                let unkept = (!on_disk).then(|| NOT_YET.in_lang(lang).to_owned());
                Word::Done { message, unkept }
            }
            Err(not) => Word::Refused { check: None, message: not.no(lang).told },
        });
    }

    /// Writes down what is ordered, has it done, and writes down what became of it.
    pub(super) async fn written<T>(
        &self,
        act: &mut Act,
        doing: impl Future<Output = Result<(T, String), Unmet>>,
    ) -> Result<Done<T>, Unmet> {
        let before = self.keep(act).await;
        let done = if before.is_some() { doing.await } else { Err(Unmet::NotWritten) };
        let (done, outcome) = match done {
            Ok((what, outcome)) => (Ok(what), outcome),
            Err(not) => {
                let outcome = format!("refused: {}", not.no(Lang::En).audit);
                (Err(not), outcome)
            }
        };
        act.outcome = Some(outcome);
        // What was ordered went to the same disk between the two.
        let after = self.keep(act).await;
        let on_disk = before == Some(Kept::OnDisk) && after == Some(Kept::OnDisk);
        done.map(|what| Done { what, on_disk })
    }

    /// What is open, and when each became worse than what somebody had said that they see to.
    async fn open(&self) -> Result<Vec<(String, Option<Timestamp>)>, Unmet> {
        let (told, answer) = oneshot::channel();
        self.ask(Ask::Open(told), answer).await
    }

    /// Said again by the same person of the same incident in the same way it is the same act, after a restart too; but of what became
    /// worse since it was said it is another.
    pub(super) async fn acknowledgement(
        &self,
        who: &Actor,
        incident: Option<&str>,
        radio: bool,
        by: Option<String>,
        lang: Lang,
    ) -> Act {
        let order = Order::Acknowledge { incident: incident.map(str::to_owned), radio, by, lang };
        let mut act = self.act(who, order.action(), &order.subject());
        if let Some(incident) = incident {
            let outgrown =
                self.open().await.unwrap_or_default().into_iter().find(|(id, _)| id == incident).and_then(|(_, at)| at);
            act.key = same_as([order.action(), &who.name, &order.subject()], outgrown);
        }
        act
    }

    /// The silence that holds and says the same, until the same moment or nearly: whoever presses a key twice wishes one.
    pub(super) async fn holding_same(
        &self,
        component: Option<Component>,
        reason: &str,
        until: Timestamp,
    ) -> Result<Option<Silence>, Unmet> {
        let reason = kept(reason);
        let near = |one: &Silence| one.until.duration_since(until).abs() < NEARLY;
        let same = |one: &Silence| one.component == component && one.reason == reason && near(one);
        Ok(self.holding().await?.into_iter().find(same))
    }

    /// Whether the disk has taken all that it was given.
    pub(super) fn is_on_disk(&self) -> bool {
        let health = self.store.health();
        let health = health.borrow();
        health.ok && health.waiting == 0
    }

    /// Notes that somebody sees to an incident, and that they said so. Gives its id.
    pub(super) async fn acknowledge_written(&self, act: &mut Act, incident: String) -> Result<Done<String>, Unmet> {
        let doing = async {
            let id = self.acknowledge(incident).await?;
            let outcome = format!("acknowledged {id}");
            Ok((id, outcome))
        };
        self.written(act, doing).await
    }

    /// Notes that somebody sees to an incident. Gives its id.
    async fn acknowledge(&self, incident: String) -> Result<String, Unmet> {
        let (done, answer) = oneshot::channel();
        let noted = self.ask(Ask::Acknowledge { incident, done }, answer).await?;
        noted.map_err(|open| if open.is_empty() { Unmet::NothingOpen } else { Unmet::NotOpen(open) })
    }

    /// Begins a silence under the act's key.
    pub(super) async fn silence_written(
        &self,
        act: &mut Act,
        component: Option<Component>,
        reason: &str,
        until: Timestamp,
    ) -> Result<Done<Silence>, Unmet> {
        let silence = Silence { id: Arc::clone(&act.key), component, reason: kept(reason), from: act.at, until };
        let doing = async {
            let length = Duration::try_from(until.duration_since(silence.from)).map_err(|_| Unmet::Length)?;
            if length < SHORTEST || length > LONGEST {
                return Err(Unmet::Length);
            }
            if silence.reason.is_empty() || silence.reason.chars().count() > REASON {
                return Err(Unmet::NoReason);
            }
            if passcode::is_said(&silence.reason) {
                return Err(Unmet::Passcode);
            }
            self.put(silence.clone()).await?;
            Ok((silence, "silenced".to_owned()))
        };
        self.written(act, doing).await
    }

    /// Ends a silence before its time.
    pub(super) async fn end_silence_written(&self, act: &mut Act, id: &str) -> Result<Done<()>, Unmet> {
        let doing = async {
            let silence = self.holding().await?.into_iter().find(|silence| *silence.id == *id);
            let silence = silence.ok_or_else(|| Unmet::NoSilence(id.to_owned()))?;
            // None from its beginning on: whatever the clocks say later, here or at the next start, it does not come back.
            let until = silence.from;
            self.put(Silence { until, ..silence }).await?;
            Ok(((), "ended".to_owned()))
        };
        self.written(act, doing).await
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
    pub(super) async fn ask<T>(&self, ask: Ask, answer: oneshot::Receiver<T>) -> Result<T, Unmet> {
        _ = self.asks.send(ask).await;
        answer.await.map_err(|_| Unmet::Ended)
    }

    /// One line on a silence, with the id by which a command ends it.
    fn told(&self, who: &Actor, silence: &Silence, lang: Lang) -> String {
        let zone = self.configs.borrow().room.time_zone.0.clone();
        let what = silence.component.map_or_else(|| ALL.in_lang(lang).to_owned(), |one| one.title(lang).to_owned());
        let id = if who.has_commands() { format!("; id: {}", silence.id) } else { String::new() };
        let args = [
            ("id", id.into()),
            ("what", what.into()),
            ("until", on_the_day(silence.until, &zone, lang, Finest::Minute).into()),
            ("reason", silence.reason.clone().into()),
        ];
        crate::domain::reason::fill(SILENCE.in_lang(lang), &args, lang)
    }
}

/// The key of what is said again of an incident; `outgrown` is when that became worse than what was said of it before.
fn same_as(parts: [&str; 3], outgrown: Option<Timestamp>) -> Arc<str> {
    let outgrown = outgrown.map(|at| at.to_string());
    super::same(&parts.into_iter().chain(outgrown.as_deref()).collect::<Vec<_>>())
}

/// The incident that is open, one that is practised too, where no other is: as the recorder has it, which notes that somebody sees to it.
fn only(open: Vec<(String, Option<Timestamp>)>) -> Result<String, Unmet> {
    let mut ids: Vec<_> = open.into_iter().map(|(id, _)| id).collect();
    match ids.len() {
        1 => Ok(ids.remove(0)),
        0 => Err(Unmet::NothingOpen),
        _ => Err(Unmet::Which(ids)),
    }
}

/// A reason as it is kept.
pub(super) fn kept(reason: &str) -> String {
    plain(reason).trim().to_owned()
}

pub(super) static NOT_YET: Text = Text::new(
    "Berlaku sekarang, tetapi belum tertulis di disk (penuh atau bermasalah): hilang bila Siaga berhenti sebelum disk pulih",
    "It holds now, but is not on the disk yet (full or failing): it is lost if siaga ends before the disk takes it",
);
static ALL: Text = Text::new("semua bagian", "all components");
static SILENCE: Text =
    Text::new("{what} dibisukan sampai {until} ({reason}){id}", "{what} silenced until {until} ({reason}){id}");
static NONE: Text = Text::new("Tidak ada yang dibisukan", "Nothing is silenced");
static ENDED: Text = Text::new("Pembisuan diakhiri", "The silence has ended");
static NO_SILENCE: Text = Text::new("Tidak ada pembisuan \"{id}\" yang berlaku", "No silence \"{id}\" holds");
static TEXT: Text = Text::new(
    "Evaluasi adalah teks biasa, paling banyak 6000 huruf",
    "An evaluation is plain text of at most 6000 characters",
);
static PASSCODE: Text = Text::new(
    "Sepertinya ada passcode di dalamnya; hapus, Siaga tidak menyimpan passcode",
    "A passcode seems to stand in it; siaga keeps none",
);
static FULL: Text = Text::new("Evaluasi rapat ini sudah 50", "This meeting has 50 evaluations already");
static NO_REPORT: Text = Text::new(
    "Belum ada laporan rapat {id}; laporan dibuat setelah masa penutupan selesai",
    "No report of the meeting {id} is kept yet; it is made when the wrap-up is over",
);
static UNREAD: Text = Text::new("Tidak dapat disimpan sekarang: {why}", "It cannot be kept now: {why}");
static EVALUATED: Text = Text::new("Disimpan bersama laporan nomor {number}", "Kept with report number {number}");
static LENGTH: Text = Text::new(
    "Pembisuan paling singkat 1 menit dan paling lama 31 hari",
    "A silence is a minute at least and 31 days at most",
);
static WHO: Text = Text::new(
    "Sebutkan siapa yang mengatakannya (--by, paling banyak 64 huruf)",
    "Say who said so (--by, at most 64 characters)",
);
static WHY: Text = Text::new("Sebutkan alasannya (paling banyak 200 huruf)", "Say why (at most 200 characters)");
static SEEN_TO: Text = Text::new("Dicatat: {id} sudah diterima", "Noted: somebody sees to {id}");
static NOTHING_OPEN: Text = Text::new("Tidak ada gangguan yang belum selesai", "No incident is open");
static NOT_OPEN: Text = Text::new(
    "Tidak ada gangguan dengan nama itu yang belum selesai; yang ada: {open}",
    "No such incident is open; open are {open}",
);
static WHICH: Text = Text::new("Yang mana? Yang belum selesai: {open}", "Which? Open are {open}");
static NOT_WRITTEN: Text = Text::new(
    "Tidak dapat dicatat siapa yang meminta, jadi tidak dilakukan; lihat log",
    "Who asks cannot be written down, so it is not done; the log may tell",
);
static GONE: Text = Text::new("Siaga sedang berhenti; coba lagi", "Siaga is ending; try again");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_again_of_what_became_worse_is_another_act() {
        let said = |outgrown| same_as(["acknowledge", "Operator Satu", "power-1"], outgrown);
        assert_eq!(said(None), said(None));
        let worse = [1, 2].map(|second| said(Timestamp::from_second(second).ok()));
        assert!(worse[0] != said(None) && worse[0] != worse[1]);
    }

    #[test]
    fn where_none_or_several_are_open_nobody_guesses_which_is_meant() {
        let open = |ids: &[&str]| only(ids.iter().map(|id| ((*id).to_owned(), None)).collect());
        assert!(matches!(open(&[]), Err(Unmet::NothingOpen)));
        assert!(matches!(open(&["power-1"]), Ok(id) if id == "power-1"));
        assert!(matches!(open(&["power-1", "audio-2"]), Err(Unmet::Which(all)) if all.len() == 2));
    }
}
