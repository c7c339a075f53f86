//! When an active probe's next test is: by its own clock, because somebody asks for one now, or because the last decided nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};

use super::board::{Board, Mark};
use super::{Context, until};
use crate::clock::Clock;
use crate::domain::doing::Task;
use crate::domain::{CheckName, Mono};

/// How soon after a test that decided nothing another may begin: by then the judge has long spoken of the last one.
const AGAIN: Duration = Duration::from_secs(10);
/// How many such tests follow one of the clock's: with it they fill the window in which loss is counted, and a line whose loss
/// is just at the limit would stay undecided for ever.
const EXTRA: u32 = 3;

/// Where a test is asked for. Cheap to clone; the probe has the other end.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    come: Notify,
    waiting: Mutex<Waiting>,
    /// The judge cannot tell by the tests so far.
    undecided: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Waiting {
    request: Option<oneshot::Sender<Outcome>>,
    /// The probe has ended for good.
    closed: bool,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The test was made: the observation that came after this moment is its own.
    Made(Mono),
    /// It was not.
    Refused(Refusal),
}

/// Why a test that was asked for was not made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The room came into use, before it or in its middle.
    InUse,
    /// Another has the device: who, where it is known.
    Busy(String),
    /// The one before was too short a time ago.
    NotBefore(Mono),
    /// What it may use up is used up: how much that is.
    Spent(String),
    /// It was begun and given up, since this computer could not keep its pace.
    TooBusy,
}

impl Requests {
    /// Asks for a test. What it becomes is told once; the other end is closed without a word where the probe ended in its
    /// middle, or another request took this one's place.
    pub fn ask(&self) -> oneshot::Receiver<Outcome> {
        let (tell, told) = oneshot::channel();
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.request = Some(tell).filter(|_| !waiting.closed);
        self.0.come.notify_one();
        told
    }

    /// Tells whether the tests so far decide nothing: another is then made soon.
    pub fn is_undecided(&self, undecided: bool) {
        self.0.undecided.send_if_modified(|told| std::mem::replace(told, undecided) != undecided);
    }

    /// The probe at the other end has ended, and no other comes in its place: whoever waits, or asks later, is told at once.
    pub fn close(&self) {
        *self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Waiting { request: None, closed: true };
    }

    /// Waits for a request that somebody still wants answered.
    async fn next(&self) -> oneshot::Sender<Outcome> {
        loop {
            let waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner).request.take();
            if let Some(request) = waiting.filter(|request| !request.is_closed()) {
                return request;
            }
            self.0.come.notified().await;
        }
    }
}

/// A probe's own hours.
#[derive(Debug)]
pub(super) struct Schedule {
    clock: Clock,
    requests: Requests,
    in_use: watch::Receiver<bool>,
    due: Mono,
    /// When a test may be made if the last ones decided nothing; `None` while there is none, or were enough of them.
    again: Option<Mono>,
    /// How many such tests there were since the last one of the clock's or a request's.
    extra: u32,
    /// Whether the test under way is such a one.
    is_again: bool,
    /// The request that the test under way was asked for by.
    asked: Option<oneshot::Sender<Outcome>>,
    check: CheckName,
    board: Board,
    /// That the test under way stands on the board.
    mark: Option<Mark>,
}

impl Schedule {
    /// The first test is due when the context says.
    pub(super) fn new(context: &Context) -> Self {
        let (requests, in_use) = (context.requests.clone(), context.in_use.clone());
        let due = context.not_before;
        Self {
            clock: context.clock,
            requests,
            in_use,
            due,
            again: None,
            extra: 0,
            is_again: false,
            asked: None,
            check: context.check.clone(),
            board: context.board.clone(),
            mark: None,
        }
    }

    /// Waits until a test is due, by the clock or since the last decided nothing, and the room is free; or until somebody asks
    /// for one.
    pub(super) async fn wait(&mut self) {
        // What is left from a test that came to nothing is nobody's any more.
        self.asked = None;
        self.is_again = false;
        self.mark = None;
        let (clock, due, again) = (self.clock, self.due, self.again);
        let mut undecided = self.requests.0.undecided.subscribe();
        let by_itself = async {
            let again = async {
                match again {
                    Some(moment) => clock.sleep_until(moment).await,
                    None => std::future::pending().await,
                }
                until(&mut undecided, true).await;
            };
            let is_again = tokio::select! {
                biased;
                () = clock.sleep_until(due) => false,
                () = again => true,
            };
            until(&mut self.in_use, false).await;
            is_again
        };
        tokio::select! {
            biased;
            request = self.requests.next() => self.asked = Some(request),
            is_again = by_itself => self.is_again = is_again,
        }
    }

    /// Whether the test under way is made because the last ones decided nothing. What keeps it from being made is no observation.
    pub(super) const fn is_again(&self) -> bool {
        self.is_again
    }

    /// Whether somebody waits for the test under way. Then what keeps it from being made is told to them, and is no observation.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The test that was waited for begins now, and takes so long at most: people are shown so until it has ended.
    pub(super) fn begins(&mut self, at_most: Duration) {
        self.mark = Some(self.board.begin(Task::Test(self.check.clone()), self.clock.now(), at_most));
    }

    /// The test has come to this step of so many.
    pub(super) fn step(&self, step: u32, of: u32) {
        if let Some(mark) = &self.mark {
            mark.step(step, of);
        }
    }

    /// The room came into use before the test was over. One that was due is made as soon as the room is free; one that was
    /// asked for is not made up for, because whoever asked has gone by then.
    pub(super) fn cut_off(&mut self) {
        self.put_off(Refusal::InUse, self.clock.mono());
    }

    /// It cannot be made now: the next is at `due`, unless somebody had asked for it.
    pub(super) fn put_off(&mut self, why: Refusal, due: Mono) {
        self.mark = None;
        match self.refuse(why) {
            true => {}
            false if self.is_again => self.again = Some(due),
            false => self.due = due,
        }
    }

    /// It was made, having begun at `began`; the next is at `due`.
    pub(super) fn made(&mut self, began: Mono, due: Mono) {
        self.mark = None;
        if let Some(asked) = self.asked.take() {
            // Whoever asked may have gone.
            _ = asked.send(Outcome::Made(began));
        }
        self.due = due;
        self.extra = if self.is_again { self.extra + 1 } else { 0 };
        self.again = (self.extra < EXTRA).then(|| self.clock.mono().after(AGAIN));
    }

    /// Whether somebody was told.
    fn refuse(&mut self, why: Refusal) -> bool {
        self.asked.take().is_some_and(|asked| {
            _ = asked.send(Outcome::Refused(why));
            true
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::fixture::Machine;

    fn schedule(machine: &Machine) -> (Schedule, Requests, Mono) {
        let context = machine.context();
        let now = context.clock.mono();
        let mut schedule = Schedule::new(&context);
        schedule.due = now.after(Duration::from_hours(1));
        (schedule, context.requests, now)
    }

    #[tokio::test]
    async fn a_request_comes_before_its_hour_is_answered_and_moves_the_next_hour_only_when_made() {
        let machine = Machine::bare();
        let (mut schedule, requests, now) = schedule(&machine);
        let hour = schedule.due;
        for why in [Refusal::InUse, Refusal::Busy("zoom".into())] {
            let told = requests.ask();
            schedule.wait().await;
            match why {
                Refusal::InUse => schedule.cut_off(),
                _ => schedule.put_off(why.clone(), now),
            }
            assert_eq!(told.await, Ok(Outcome::Refused(why)));
            assert_eq!(schedule.due, hour);
        }
        let told = requests.ask();
        schedule.wait().await;
        let next = hour.after(Duration::from_hours(1));
        schedule.made(now, next);
        assert_eq!((told.await, schedule.due), (Ok(Outcome::Made(now)), next));
        // Not asked for: nobody is told, and the hour is its own.
        schedule.put_off(Refusal::InUse, now);
        assert_eq!(schedule.due, now);
        schedule.wait().await;
    }

    /// Whether a test begins by itself at once.
    async fn begins(schedule: &mut Schedule) -> bool {
        let begun = tokio::time::timeout(Duration::from_millis(50), schedule.wait()).await.is_ok();
        assert!(!begun || schedule.is_again());
        begun
    }

    #[tokio::test]
    async fn a_test_that_decided_nothing_is_followed_by_another_soon_but_not_for_ever() {
        let machine = Machine::bare();
        let (mut schedule, requests, now) = schedule(&machine);
        let hour = schedule.due;
        requests.is_undecided(true);
        assert!(!begins(&mut schedule).await, "nothing was tested yet");
        schedule.made(now, hour);
        let again = schedule.again.expect("another test");
        assert!((1..=60).contains(&again.since(now).as_secs()), "soon, and not before the judge has spoken");
        let soon = |schedule: &mut Schedule| schedule.again = schedule.again.map(|_| now);
        requests.is_undecided(false);
        soon(&mut schedule);
        assert!(!begins(&mut schedule).await, "decided");
        requests.is_undecided(true);
        for extra in 0..EXTRA {
            soon(&mut schedule);
            assert!(begins(&mut schedule).await, "{extra}");
            // What keeps it from being made moves its own moment, and not the hour.
            schedule.put_off(Refusal::NotBefore(now), now);
            assert_eq!((schedule.due, schedule.again), (hour, Some(now)));
            assert!(begins(&mut schedule).await, "{extra}");
            schedule.made(now, hour);
        }
        assert_eq!(schedule.again, None, "enough");
        assert!(!begins(&mut schedule).await, "more than the window counts");
        let told = requests.ask();
        schedule.wait().await;
        schedule.made(now, hour);
        assert!(told.await.is_ok() && schedule.again.is_some(), "after one that was asked for it begins anew");
    }

    #[tokio::test]
    async fn a_test_stands_on_the_board_until_it_was_made_was_not_or_its_probe_is_gone() {
        let machine = Machine::bare();
        let (mut schedule, requests, now) = schedule(&machine);
        let mut seen = schedule.board.seen();
        let mut stands = || seen.borrow_and_update().values().map(|doing| doing.step).collect::<Vec<_>>();
        let ends: [fn(&mut Schedule, Mono); 3] = [
            |one, now| one.made(now, now.after(AGAIN)),
            |one, _| one.cut_off(),
            |one, now| {
                one.put_off(Refusal::TooBusy, now);
            },
        ];
        for end in ends {
            let told = requests.ask();
            schedule.wait().await;
            assert_eq!(stands(), [], "it has to wait for its turn first");
            schedule.begins(AGAIN);
            schedule.step(1, 2);
            assert_eq!(stands(), [Some((1, 2))]);
            end(&mut schedule, now);
            assert_eq!(stands(), []);
            assert!(told.await.is_ok());
        }
        schedule.begins(AGAIN);
        assert_eq!(stands(), [None]);
        drop(schedule);
        assert_eq!(stands(), []);
    }

    #[tokio::test]
    async fn a_request_that_nobody_waits_for_is_none_and_a_probe_that_ends_says_nothing() {
        let machine = Machine::bare();
        let (mut schedule, requests, _) = schedule(&machine);
        drop(requests.ask());
        let waited = tokio::time::timeout(Duration::from_millis(50), schedule.wait()).await;
        assert!(waited.is_err(), "a test for nobody");
        let told = requests.ask();
        schedule.wait().await;
        drop(schedule);
        assert!(told.await.is_err());
    }
}
