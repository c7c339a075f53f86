//! The desk: carries out what people order, one order at a time, and writes down who ordered what.

mod alerts;
mod drill;
mod evaluation;
mod hush;
mod in_use;
mod page;
mod preflight;
mod radio_check;
mod reload;
mod remote;
mod run_sheet;
mod strangers;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};

use super::recorder::Ask;
use super::reload::Asker;
use crate::clock::Clock;
use crate::config::{Config, Origin};
use crate::control::order::{Order, Tested, Why, Word};
use crate::control::{self, Who, Words};
use crate::domain::passcode;
use crate::domain::plain::{is_unseen, plain};
use crate::domain::reason::{fill, number};
use crate::domain::{Act, Actor, Arg, CheckName, CheckSpec, Finding, Lang, Reason, Snapshot, Text, Unit, hex, in_full};
use crate::engine::judge::{Limits, worst};
use crate::engine::wilson;
use crate::notify::Stats;
use crate::probe::board::Board;
use crate::probe::on_air::OnAir;
use crate::probe::{Outcome, Refusal, Requests};
use crate::store::{Batch, Kept, Store};
use crate::web::Bookings;
use strangers::Strangers;

/// How long a test may take until its answer is no longer waited for, its turn among others of its kind included: the longest
/// is half a minute.
const LONGEST: Duration = Duration::from_mins(3);

/// How long the judge may take to take in what a test has found.
const JUDGED: Duration = Duration::from_secs(10);

/// So much of what an order is about stands in its row of the audit, characters.
const SUBJECT: usize = 200;

/// A name is no longer than this, characters.
const NAME: usize = 64;

/// Where each active check is asked for a test.
pub type AllRequests = HashMap<CheckName, Requests>;

/// The desk.
pub struct Desk {
    clock: Clock,
    snapshot: watch::Receiver<Arc<Snapshot>>,
    requests: watch::Receiver<AllRequests>,
    configs: watch::Receiver<Arc<Config>>,
    store: Store,
    asks: mpsc::Sender<Ask>,
    stats: Stats,
    on_air: OnAir,
    board: Board,
    /// Where run sheets are written.
    bookings: Option<Arc<dyn Bookings>>,
    /// Who reads the config anew.
    reloads: Option<mpsc::Sender<Asker>>,
    /// Which config that is.
    own: reload::Own,
    turn: Mutex<()>,
    /// Silences are wished over HTTP one after the other, so that one that is wished twice at once is one.
    wish: Mutex<()>,
    /// Tells the orders of this process from those of every other.
    run: String,
    count: AtomicU64,
    /// Of whom it is written down that they may not.
    strangers: Strangers,
    /// Whose turn it is to have the config read without saying who they are.
    unnamed: reload::Unnamed,
}

/// Why there is no test: for whoever asked, and for the audit.
#[derive(Clone)]
struct No {
    told: String,
    audit: &'static str,
}

impl Desk {
    /// One that has done nothing yet.
    pub fn new(
        clock: Clock,
        snapshot: watch::Receiver<Arc<Snapshot>>,
        requests: watch::Receiver<AllRequests>,
        configs: watch::Receiver<Arc<Config>>,
        store: Store,
        asks: mpsc::Sender<Ask>,
        stats: Stats,
    ) -> Self {
        let run = format!("{:x}", clock.now().wall.as_microsecond());
        let (turn, wish, count, strangers) =
            (Mutex::default(), Mutex::default(), AtomicU64::new(0), Strangers::default());
        let (on_air, board, bookings, reloads) = (OnAir::default(), Board::default(), None, None);
        let unnamed = reload::Unnamed::new(clock.mono());
        Self {
            clock,
            snapshot,
            requests,
            configs,
            store,
            asks,
            stats,
            on_air,
            board,
            bookings,
            reloads,
            own: reload::Own::default(),
            turn,
            wish,
            run,
            count,
            strangers,
            unnamed,
        }
    }

    /// The same, with the books in which a radio check is noted.
    #[must_use]
    pub fn with_books(self, on_air: OnAir) -> Self {
        Self { on_air, ..self }
    }

    /// The same, with the board on which stands what is being done.
    #[must_use]
    pub fn with_board(self, board: Board) -> Self {
        Self { board, ..self }
    }

    /// The same, with whoever reads the config anew, and where that stands.
    #[must_use]
    pub fn with_reloads(self, reloads: mpsc::Sender<Asker>, origin: &Origin) -> Self {
        Self { reloads: Some(reloads), own: reload::Own::of(origin), ..self }
    }

    /// The same, with the agenda to which run sheets belong.
    #[must_use]
    pub fn with_bookings(self, bookings: Arc<dyn Bookings>) -> Self {
        Self { bookings: Some(bookings), ..self }
    }

    fn act(&self, who: &Actor, action: &'static str, subject: &str) -> Act {
        let subject = plain(&passcode::without(subject)).chars().take(SUBJECT).collect();
        let key = format!("{}-{:x}", self.run, self.count.fetch_add(1, Ordering::Relaxed)).into();
        Act { key, at: self.clock.now().wall, actor: who.clone(), action, subject, outcome: None }
    }

    /// Writes an act down; whether that is certain, or will be once the disk answers.
    async fn write(&self, act: &Act) -> bool {
        self.keep(act).await.is_some()
    }

    /// Writes an act down, and tells where it is; nowhere, if it could not be.
    async fn keep(&self, act: &Act) -> Option<Kept> {
        let kept = self.store.record(Batch { acts: vec![act.clone()], ..Batch::default() }).await;
        if let Err(error) = &kept {
            tracing::error!(error = in_full(error), "an order could not be written down");
        }
        kept.ok()
    }

    async fn test(&self, who: &Actor, check: &str, lang: Lang, words: &Words) {
        let mut act = self.act(who, "test", check);
        let found = match self.may_begin(check, lang) {
            Err(no) => Err(no),
            // Before anything happens: a test that nobody asked for is not made.
            Ok(_) if !self.write(&act).await => Err(No::new(&NOT_WRITTEN, &[], lang, "not written down")),
            Ok((spec, requests)) => {
                tracing::info!(check, "a test was asked for on this machine");
                words.say(Word::Begun { check: check.to_owned() });
                self.run_test(&spec, &requests, lang).await
            }
        };
        match found {
            Ok(tested) => {
                let mut said = vec![tested.verdict.as_str()];
                for why in &tested.reasons {
                    // One that is said of both ways is named once.
                    if !said.contains(&why.code.as_str()) {
                        said.push(&why.code);
                    }
                }
                act.outcome = Some(said.join(" "));
                words.say(Word::Tested(tested));
            }
            Err(no) => {
                act.outcome = Some(format!("refused: {}", no.audit));
                words.say(Word::Refused { check: Some(check.to_owned()), message: no.told });
            }
        }
        self.write(&act).await;
    }

    fn may_begin(&self, check: &str, lang: Lang) -> Result<(Arc<CheckSpec>, Requests), No> {
        let snapshot = self.snapshot.borrow();
        let name = || Arg::Text(check.to_owned());
        let view = snapshot.check(check);
        let Some(view) = view else {
            let known =
                self.requests.borrow().keys().map(ToString::to_string).collect::<std::collections::BTreeSet<_>>();
            let known = known.into_iter().collect::<Vec<_>>().join(", ");
            let text = if known.is_empty() { &NO_TEST } else { &NO_CHECK };
            let args = [("check", name()), ("known", known.into())];
            return Err(No::new(text, &args, lang, "no such check"));
        };
        let Some(requests) = self.requests.borrow().get(&view.spec.name).cloned() else {
            return Err(No::new(&PASSIVE, &[("check", name())], lang, "no active check"));
        };
        if snapshot.starting {
            return Err(No::new(&STARTING, &[], lang, "still starting"));
        }
        if snapshot.in_use {
            return Err(self.in_use(&snapshot, lang));
        }
        Ok((Arc::clone(&view.spec), requests))
    }

    async fn run_test(&self, spec: &CheckSpec, requests: &Requests, lang: Lang) -> Result<Tested, No> {
        let began = match tokio::time::timeout(LONGEST, requests.ask()).await {
            Ok(Ok(Outcome::Made(began))) => began,
            Ok(Ok(Outcome::Refused(refusal))) => return Err(self.refused(refusal, lang)),
            Ok(Err(_)) => return Err(No::new(&ENDED, &[], lang, "ended in its middle")),
            Err(_) => return Err(No::new(&LATE, &[], lang, "no answer in time")),
        };
        let name = spec.name.as_str();
        let newest = |snapshot: &Snapshot| snapshot.check(name).and_then(|view| view.last.clone());
        let mut snapshot = self.snapshot.clone();
        let judged = snapshot.wait_for(|now| newest(now).is_some_and(|last| last.at.mono >= began));
        match tokio::time::timeout(JUDGED, judged).await {
            Ok(Ok(now)) => self.tested(&now, spec, lang),
            _ => None,
        }
        .ok_or_else(|| No::new(&ENDED, &[], lang, "ended in its middle"))
    }

    /// What the newest observation says by itself: what is decided may have to be seen twice.
    fn tested(&self, now: &Snapshot, spec: &CheckSpec, lang: Lang) -> Option<Tested> {
        let place = now.checks.iter().position(|view| view.spec.name == spec.name)?;
        let (view, profile) = (&now.checks[place], now.current());
        let reading = &view.last.as_ref()?.reading;
        let limits = Limits::of(&view.spec, &profile.profile);
        let mut findings = reading.findings.clone();
        findings.extend(limits.findings(&reading.measurements));
        if let (Some(sample), Some(rule), Some(limits)) = (reading.sample, spec.loss, limits.loss) {
            findings.extend(wilson::of_one_look(sample, rule, limits));
        }
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let measured = reading.measurements.iter().filter(|measured| measured.quantity.unit != Unit::Count);
        let measured = measured.map(|measured| {
            format!("{}: {}", measured.title(lang), number(measured.value, measured.quantity.unit, lang))
        });
        Some(Tested {
            name: spec.name.to_string(),
            kind: spec.kind.to_string(),
            verdict: worst(&findings),
            decided: profile.checks.get(place)?.verdict,
            reasons: findings.iter().map(|finding| self.why(finding, now, lang)).collect(),
            measured: measured.collect(),
        })
    }

    fn why(&self, finding: &Finding, now: &Snapshot, lang: Lang) -> Why {
        let Finding { reason: def, verdict, args } = finding;
        let reason = Reason { def, verdict: *verdict, args: args.clone(), since: now.at.wall, blocked_by: None };
        let own = self.configs.borrow().remedies.get(def.code).map(|own| match lang {
            Lang::Id => own.id.clone(),
            Lang::En => own.en.clone(),
        });
        Why {
            verdict: *verdict,
            code: def.code.to_owned(),
            message: reason.message(lang),
            detail: reason.detail().map(str::to_owned),
            remedy: own.map_or_else(|| reason.remedy(lang), |own| reason.fill(&own, lang)),
        }
    }

    fn refused(&self, refusal: Refusal, lang: Lang) -> No {
        match refusal {
            Refusal::InUse => self.in_use(&self.snapshot.borrow(), lang),
            Refusal::Busy(who) if who.is_empty() || who == "?" => {
                No::new(&BUSY_UNSEEN, &[], lang, "the device is in use")
            }
            Refusal::Busy(who) => No::new(&BUSY, &[("holder", who.into())], lang, "the device is in use"),
            Refusal::NotBefore(moment) => {
                let wait = moment.since(self.clock.mono()).as_secs_f64().ceil();
                No::new(&TOO_SOON, &[("wait", Arg::Number(wait, Unit::Seconds))], lang, "too soon after the last one")
            }
            Refusal::TooBusy => No::new(&TOO_BUSY, &[], lang, "given up: the computer is too busy"),
            Refusal::Spent(budget) => No::new(&SPENT, &[("budget", budget.into())], lang, "the day's budget is spent"),
        }
    }
}

impl Desk {
    /// Carries out an order of somebody who may give it.
    async fn carry_out_for(&self, who: Actor, order: Order, words: Words) {
        let (checks, lang) = match &order {
            Order::Test { checks, lang } => (checks, lang),
            Order::TestAlert { receivers, lang } => return self.test_alert(&who, receivers, *lang, &words).await,
            Order::RadioCheck { heard_by, lang } => {
                return self.radio_check(&who, &order, heard_by, *lang, &words).await;
            }
            Order::Reload { config, lang } => return self.reload(&who, config.as_deref(), *lang, &words).await,
            Order::RunSheet { wish, lang } => return self.run_sheet(who, wish.clone(), *lang, &words).await,
            order => return self.hush(&who, order, &words).await,
        };
        let Ok(_turn) = self.turn.try_lock() else {
            let mut act = self.act(&who, order.action(), &order.subject());
            act.outcome = Some("refused: another test is under way".to_owned());
            self.write(&act).await;
            return words.say(Word::Refused { check: None, message: ANOTHER.in_lang(*lang).to_owned() });
        };
        for check in checks {
            self.test(&who, check, *lang, &words).await;
        }
    }
}

impl control::Desk for Desk {
    async fn carry_out(&self, who: Who, order: Order, words: Words) {
        self.carry_out_for(who.actor(), order, words).await;
    }

    async fn turn_away(&self, who: Who, order: Order) {
        self.note_stranger(&who.actor(), order.action(), &order.subject()).await;
    }
}

impl Desk {
    /// Somebody who may not has given an order: that is written down, though not each time.
    async fn note_stranger(&self, who: &Actor, action: &'static str, subject: &str) {
        if !self.strangers.are_noted(&who.name, self.clock.mono()) {
            return;
        }
        tracing::warn!("somebody who may not has given an order; the audit has who");
        let mut act = self.act(who, action, subject);
        act.outcome = Some("refused: not allowed".to_owned());
        self.write(&act).await;
    }
}

impl No {
    fn new(told: &Text, args: &[(&'static str, Arg)], lang: Lang, audit: &'static str) -> Self {
        Self { told: fill(told.in_lang(lang), args, lang), audit }
    }
}

/// The key of an act that is the same whenever all of this is.
fn same(parts: &[&str]) -> Arc<str> {
    let digest = ring::digest::digest(&ring::digest::SHA256, parts.join("\0").as_bytes());
    format!("same-{}", hex(&digest.as_ref()[..16])).into()
}

/// Whether that can be somebody's name.
fn is_name(said: &str) -> bool {
    !said.trim().is_empty() && said.chars().count() <= NAME && !said.contains(is_unseen)
}

static BUSY: Text = Text::new(
    "Perangkat sedang dipakai oleh {holder}, jadi tidak diuji",
    "The device is in use by {holder}, so it is not tested",
);
static BUSY_UNSEEN: Text = Text::new(
    "Perangkat sedang dipakai, tidak terlihat oleh siapa, jadi tidak diuji",
    "The device is in use, nobody sees by whom, so it is not tested",
);
static TOO_SOON: Text = Text::new(
    "Uji yang terakhir belum lama; paling cepat {wait} lagi (min_gap)",
    "The last test was not long ago; at the earliest in {wait} (min_gap)",
);
static SPENT: Text = Text::new(
    "Jatah hari ini ({budget}) tidak cukup untuk satu uji lagi (daily_budget)",
    "What is left of today's {budget} is not enough for another test (daily_budget)",
);
static TOO_BUSY: Text = Text::new(
    "Uji dihentikan karena komputer ini terlalu sibuk untuk mengirim tepat waktu; hasil yang terakhir tetap berlaku",
    "The test was given up because this computer is too busy to send in time; the last result stands",
);
static ANOTHER: Text =
    Text::new("Uji lain sedang berjalan; coba lagi nanti", "Another test is under way; try again later");
static STARTING: Text = Text::new(
    "Siaga baru mulai dan belum tahu apakah ruangan sedang dipakai; coba lagi sebentar lagi",
    "Siaga has just begun and does not know yet whether the room is in use; try again in a moment",
);
static NO_CHECK: Text = Text::new(
    "Tidak ada pemeriksaan bernama \"{check}\"; yang dapat diuji: {known}",
    "There is no check \"{check}\"; those that can be tested: {known}",
);
static NO_TEST: Text = Text::new(
    "Tidak ada pemeriksaan bernama \"{check}\", dan tidak ada yang dapat diuji",
    "There is no check \"{check}\", and none that can be tested",
);
static PASSIVE: Text = Text::new(
    "\"{check}\" diperiksa terus-menerus dan tidak dapat diuji tersendiri",
    "\"{check}\" is watched all the time and has no test",
);
static ENDED: Text = Text::new(
    "Uji berakhir tanpa hasil (konfigurasi dibaca ulang, atau gangguan pada siaga); lihat log",
    "The test ended without a result (a new config, or a fault of siaga's own); the log may tell",
);
static LATE: Text =
    Text::new("Uji tidak selesai dalam tiga menit", "The test did not come to its end within three minutes");
static NOT_WRITTEN: Text = Text::new(
    "Tidak dapat dicatat siapa yang meminta, jadi tidak diuji; lihat log",
    "Who asks cannot be written down, so it is not tested; the log may tell",
);
static NOT_WRITTEN_DOWN: Text = Text::new(
    "Tidak dapat dicatat siapa yang melapor, jadi tidak berlaku; lihat log",
    "Who says so cannot be written down, so it does not hold; the log may tell",
);
