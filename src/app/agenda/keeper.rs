//! Follows the agenda: tells the judge the phase, looks at the room again before each meeting, and has told what is news.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Book, Lost, Untold, audience, lengths};
use crate::app::driver::Instruction;
use crate::app::recorder::Ask;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::sheet::Word;
use crate::domain::{Now, Occasion, Phase, Session, in_full};
use crate::engine::Order;
use crate::engine::agenda::{Agenda, rechecks};
use crate::engine::sheet::{self, Point};
use crate::notify::policy::{SessionNews, SheetNews};
use crate::radio::monitor::{ByAgenda, Meeting};
use crate::web::{self, Bookings as _};

/// The agenda is looked at so often at least: the wall clock may be set, and a suspension is not counted by timers.
const LOOK: Duration = Duration::from_secs(10);

/// How soon a disk that could not be read is tried again.
const AGAIN: Duration = Duration::from_secs(2);
/// How long a disk is waited for that does not give what is asked of it: the phase goes on without it.
pub(super) const READ: Duration = Duration::from_secs(5);

/// A wall clock that is set by more than this makes other sessions recent.
const STEP: SignedDuration = SignedDuration::from_secs(60);

/// How often what has ended is forgotten in memory …
const FORGET: Duration = Duration::from_hours(1);

/// … after so long.
const PAST: Duration = Duration::from_hours(48);

/// A meeting that begins within so long is the one for which a fault matters: as long ahead as an answer is of now.
const NEAR: SignedDuration = SignedDuration::from_hours(2);

/// What whoever speaks has to know of the agenda.
pub fn by_agenda_now(agenda: &Agenda, now: Timestamp) -> ByAgenda {
    let phase = agenda.phase(now).phase;
    let near = agenda.booked().find(|session| now < session.end);
    let near = near.filter(|session| session.start.duration_since(now) <= NEAR);
    ByAgenda { phase, meeting: near.map(|session| Meeting { title: session.title.clone(), start: session.start }) }
}

/// The task.
pub struct Keeper {
    /// What is booked.
    pub book: Arc<Book>,
    /// The room as readers see it, with a memory for evidence that no reader can exhaust.
    pub readers: web::State,
    /// To the judge.
    pub instruct: mpsc::Sender<Instruction>,
    /// To the recorder: the phase by which alerts are routed.
    pub phase: watch::Sender<Phase>,
    /// To whoever speaks: the phase, and the meeting for which a fault matters.
    pub around: watch::Sender<ByAgenda>,
    /// To the recorder.
    pub asks: mpsc::Sender<Ask>,
    /// The config, as it is read anew.
    pub configs: watch::Receiver<Arc<Config>>,
    /// The clocks.
    pub clock: Clock,
    /// What the judge was told last.
    pub told: Option<[Order; 2]>,
    /// Changes of meetings that are to be told.
    pub untold: Untold,
    /// Receivers of crews that the config has not.
    pub lost: Lost,
}

impl Keeper {
    /// Goes on until the judge has ended.
    pub async fn run(mut self) {
        let mut changes = self.book.agenda.subscribe();
        let mut snapshots = self.readers.snapshot.clone();
        let mut offset = offset(self.clock.now());
        let mut sure = self.book.agenda.borrow().known;
        let mut forget_at = self.clock.mono().after(FORGET);
        loop {
            let now = self.clock.now();
            if self.configs.has_changed().unwrap_or(false) {
                let config = Arc::clone(&self.configs.borrow_and_update());
                self.book
                    .change(|agenda| (agenda.margins, agenda.lengths) = (config.agenda.margins(), lengths(&config)));
                // The profiles have other places, and the default may be another.
                self.told = None;
            }
            let stepped = (self::offset(now) - offset).abs() > STEP;
            if !sure || stepped {
                sure = self.learn(now.wall).await;
                offset = self::offset(now);
            }
            // What is learnt or noted here is no news to this loop.
            changes.mark_unchanged();
            if now.mono >= forget_at {
                forget_at = now.mono.after(FORGET);
                self.book
                    .change(|agenda| agenda.forget_before(now.wall.saturating_sub(PAST).unwrap_or(Timestamp::MIN)));
                changes.mark_unchanged();
            }
            self.instruct(now.wall).await;
            let starting = snapshots.borrow_and_update().starting;
            if !starting {
                self.lost.look(&self.book.agenda(), &self.configs.borrow(), now.wall);
                // First: who is told of a meeting's hour must not believe that it has two.
                self.look_at_withdrawals().await;
                self.look_again().await;
                self.look_at_sheets().await;
            }
            let wait = if sure { self.wait(now.wall) } else { AGAIN };
            tokio::select! {
                () = self.clock.sleep_until(now.mono.after(wait)) => {}
                heard = changes.changed() => if heard.is_err() { return },
                heard = self.configs.changed() => {
                    if heard.is_err() {
                        return;
                    }
                    self.configs.mark_changed();
                }
                () = self.book.unsure.notified() => sure = false,
                heard = snapshots.wait_for(|snapshot| !snapshot.starting), if starting => if heard.is_err() { return },
            }
        }
    }

    /// Reads what is on the disk; whether it could be.
    async fn learn(&self, now: Timestamp) -> bool {
        // What was wished before, and not answered in time, is decided by then.
        if self.book.store.flush().await.is_err() {
            return false;
        }
        let Ok(read) = tokio::time::timeout(READ, self.book.store.agenda(now)).await else {
            tracing::debug!("the agenda is not read: the disk does not answer");
            return false;
        };
        match read {
            Ok((sessions, notices, sheets)) => {
                self.book.change(|agenda| {
                    agenda.learn(sessions, notices);
                    agenda.learn_sheets(sheets);
                    agenda.forget_before(now.saturating_sub(PAST).unwrap_or(Timestamp::MIN));
                });
                true
            }
            Err(error) => {
                tracing::debug!(error = in_full(&error), "the agenda cannot be read yet");
                false
            }
        }
    }

    /// Tells the recorder and the judge what the agenda says, if that is another thing than they were told.
    async fn instruct(&mut self, now: Timestamp) {
        let by_agenda = self.book.agenda().phase(now);
        let (phase, session) = (by_agenda.phase, by_agenda.session.as_ref().map(|session| &*session.id));
        // First, so that what is wrong by the new phase's profile is routed by that phase.
        let around = by_agenda_now(&self.book.agenda(), now);
        self.around.send_if_modified(|told| {
            let other = *told != around;
            *told = around;
            other
        });
        let entered = self.phase.send_if_modified(|told| std::mem::replace(told, phase) != phase);
        let orders = self.book.orders(&self.configs.borrow(), now);
        let news = self.told.as_ref() != Some(&orders);
        if entered || news {
            tracing::info!(phase = phase.as_str(), session, "by the agenda");
        }
        if !news {
            return;
        }
        for order in &orders {
            if self.instruct.send(Instruction::Order(order.clone())).await.is_err() {
                return;
            }
        }
        self.told = Some(orders);
    }

    /// How long until something is due by time alone.
    fn wait(&self, now: Timestamp) -> Duration {
        let offsets = self.configs.borrow().agenda.offsets();
        let agenda = self.book.agenda();
        let rechecks = agenda.booked().filter_map(|session| rechecks::next(&agenda, session, &offsets, now));
        let (items, entries) = (&self.configs.borrow().run_sheet, &agenda.sheets().entries);
        let near = agenda.booked().filter(|session| now < session.end);
        let sheets = near.filter_map(|session| match sheet::first_due(items, session) {
            due if now < due => Some(due),
            _ => sheet::next_change(items, session, entries, now),
        });
        let next = rechecks.chain(agenda.next_change(now)).chain(sheets).min();
        let until = next.and_then(|next| Duration::try_from(next.duration_since(now)).ok());
        until.unwrap_or(LOOK).min(self.untold.wait().unwrap_or(LOOK)).min(LOOK)
    }

    /// Looks at the room for each meeting for which that is due.
    async fn look_again(&self) {
        let offsets = self.configs.borrow().agenda.offsets();
        let agenda = self.book.agenda();
        let now = self.clock.now();
        for session in agenda.booked().filter(|session| !self.untold.holds_back(&session.id, now.mono)) {
            for occasion in rechecks::due(&agenda, session, &offsets, now.wall) {
                self.look(session, occasion).await;
            }
        }
    }

    /// Tells the crew of what has become late on a sheet, and of what was made up for: a task in one message.
    async fn look_at_sheets(&self) {
        let items = Arc::clone(&self.configs.borrow().run_sheet);
        let (agenda, now) = (self.book.agenda(), self.clock.now().wall);
        let due = |session: &&Arc<Session>| sheet::first_due(&items, session) <= now && now < session.end;
        for session in agenda.booked().filter(due) {
            let mut tasks: BTreeMap<(&str, Arc<str>), Vec<Point>> = BTreeMap::new();
            for (word, point) in sheet::news(&items, session, agenda.sheets(), now) {
                if let Some(task) = &point.item.task {
                    tasks.entry((word.as_str(), Arc::clone(task))).or_default().push(point);
                }
            }
            for ((word, task), points) in tasks {
                let Some(word) = Word::parse(word) else { continue };
                let named = session.details.crew.get(&*task).and_then(|member| member.receiver.as_deref());
                let to = audience::crew(&self.configs.borrow(), named);
                // Where there is nobody who could be told, nothing is written down as told.
                let Some((judged, summary)) =
                    web::sheet::standing(&self.readers, session).filter(|_| named.is_some() && !to.is_empty())
                else {
                    continue;
                };
                tracing::info!(session = %session.id, word = word.as_str(), items = points.len(), "the crew is told of a run sheet");
                let (session, verdict) = (Arc::clone(session), judged.verdict());
                let news = SheetNews { session, word, task, points, verdict, summary, to, at: now };
                let told = news.told();
                // Written down before anybody is told, and in one transaction with what is to be told.
                let (done, stored) = oneshot::channel();
                if self.asks.send(Ask::Sheet { news: Box::new(news), done }).await.is_ok() && stored.await.is_ok() {
                    self.book.change(|agenda| told.into_iter().for_each(|told| agenda.tell(told)));
                }
            }
        }
    }

    async fn look(&self, session: &Arc<Session>, occasion: Occasion) {
        let looked = web::readiness::look(&self.readers, session, occasion).await;
        let agenda = self.book.agenda();
        if agenda.get(&session.id).is_none_or(|now| now.revision != session.revision) {
            // Moved, changed or cancelled meanwhile: looked at anew, or not at all.
            return;
        }
        let told = rechecks::last_told(&agenda, session);
        let (verdict, codes) = (looked.notice.verdict, &looked.notice.codes);
        let news = occasion == Occasion::Preflight || rechecks::is_news(told, verdict, codes);
        tracing::info!(session = %session.id, occasion = occasion.word(), %verdict, news, "looked at the room for a meeting");
        let news = SessionNews {
            session: Arc::clone(session),
            found: looked.notice.clone(),
            summary: looked.summary,
            confirmed: agenda.confirmed(session).cloned(),
            left: Vec::new(),
            to: if news { self.audience(session, occasion) } else { Vec::new() },
        };
        // Written down before anybody is told, and in one transaction with what is to be told.
        let (done, stored) = oneshot::channel();
        if self.asks.send(Ask::Session { news: Box::new(news), done }).await.is_ok() && stored.await.is_ok() {
            self.book.change(|agenda| agenda.note(looked.notice));
        }
    }

    /// Who is told: when preflight opens, the receivers of the crew where it names some that are there; else those of the agenda.
    fn audience(&self, session: &Session, occasion: Occasion) -> Vec<Arc<str>> {
        let config = self.configs.borrow();
        match occasion {
            Occasion::Preflight => audience::crew(&config, session.crew_by_receiver().into_keys()),
            _ => audience::office(&config),
        }
    }
}

/// How far the wall clock is from the monotonic one; another number once it was set.
fn offset(now: Now) -> SignedDuration {
    let mono = SignedDuration::try_from(now.mono.elapsed()).unwrap_or(SignedDuration::MAX);
    now.wall.as_duration().saturating_sub(mono)
}
