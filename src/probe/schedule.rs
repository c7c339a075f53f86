//! When an active probe's next test is: by its own clock, or because somebody asks for one now.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, oneshot, watch};

use super::{Context, until};
use crate::clock::Clock;
use crate::domain::Mono;

/// Where a test is asked for. Cheap to clone; the probe has the other end.
#[derive(Clone, Debug, Default)]
pub struct Requests(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    come: Notify,
    waiting: Mutex<Waiting>,
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
    /// The request that the test under way was asked for by.
    asked: Option<oneshot::Sender<Outcome>>,
}

impl Schedule {
    /// The first test is due when the context says.
    pub(super) fn new(context: &Context) -> Self {
        let (requests, in_use) = (context.requests.clone(), context.in_use.clone());
        Self { clock: context.clock, requests, in_use, due: context.not_before, asked: None }
    }

    /// Waits until a test is due and the room is free, or until somebody asks for one.
    pub(super) async fn wait(&mut self) {
        // What is left from a test that came to nothing is nobody's any more.
        self.asked = None;
        let due = async {
            self.clock.sleep_until(self.due).await;
            until(&mut self.in_use, false).await;
        };
        tokio::select! {
            biased;
            request = self.requests.next() => self.asked = Some(request),
            () = due => {}
        }
    }

    /// Whether somebody waits for the test under way. Then what keeps it from being made is told to them, and is no observation.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The room came into use before the test was over. One that was due is made as soon as the room is free; one that was
    /// asked for is not made up for, because whoever asked has gone by then.
    pub(super) fn cut_off(&mut self) {
        if !self.refuse(Refusal::InUse) {
            self.due = self.clock.mono();
        }
    }

    /// It cannot be made now: the next is at `due`, unless somebody had asked for it.
    pub(super) fn put_off(&mut self, why: Refusal, due: Mono) {
        if !self.refuse(why) {
            self.due = due;
        }
    }

    /// It was made, having begun at `began`; the next is at `due`.
    pub(super) fn made(&mut self, began: Mono, due: Mono) {
        if let Some(asked) = self.asked.take() {
            // Whoever asked may have gone.
            _ = asked.send(Outcome::Made(began));
        }
        self.due = due;
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
    use std::time::Duration;

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
