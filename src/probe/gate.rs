//! When a test of the line may be made: its hour has come or somebody asks, the room is free, no other test is under way, and the
//! books give leave.

use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, watch};

use super::Context;
use super::budget::{Allowance, Budget, Leave, Ledger};
use super::schedule::{Refusal, Schedule};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, ProbeError};

/// How soon a test without leave asks again: the day's end is found by asking, since the wall clock may jump.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// Where a probe's tests begin.
pub(super) struct Gate {
    clock: Clock,
    in_use: watch::Receiver<bool>,
    budget: Budget,
    schedule: Schedule,
    /// What its tests have cost.
    pub(super) ledger: Ledger,
    /// Whether anything was told yet. A run that the budget forbids is then no observation: what was told stands, and its
    /// age decides how long.
    told: bool,
}

/// What came of waiting for a test.
pub(super) enum Entry {
    /// It may be made, from this moment on, and nobody else's until the turn is dropped.
    Now(Mono, OwnedMutexGuard<()>),
    /// The day's budget might not suffice for it, and nothing was told yet.
    Spent(Mono, ProbeError),
}

impl Gate {
    /// A gate that nobody has passed.
    pub(super) fn new(context: &Context) -> Self {
        Self {
            clock: context.clock,
            in_use: context.in_use.clone(),
            budget: context.budget.clone(),
            schedule: Schedule::new(context),
            ledger: context.budget.page(context.check.clone()),
            told: false,
        }
    }

    /// Waits until a test is due, the room is free and the books give leave.
    pub(super) async fn enter(&mut self, allowance: &Allowance) -> Entry {
        loop {
            self.schedule.wait().await;
            let turn = self.budget.turn().await;
            if *self.in_use.borrow() {
                self.schedule.cut_off();
                continue;
            }
            let began = self.clock.now();
            match self.ledger.ask(began, allowance) {
                Leave::Granted => return Entry::Now(began.mono, turn),
                Leave::NotBefore(moment) => self.schedule.put_off(Refusal::NotBefore(moment), moment),
                Leave::Spent => {
                    let budget = allowance.daily_budget.to_string();
                    let error = ProbeError::new(ErrorKind::Busy, format!("of {budget} a day"));
                    self.schedule.put_off(Refusal::Spent(budget), began.mono.after(ASK_AGAIN));
                    if !std::mem::replace(&mut self.told, true) {
                        return Entry::Spent(began.mono, error);
                    }
                }
            }
        }
    }

    /// The room came into use before the test was over.
    pub(super) fn cut_off(&mut self) {
        self.schedule.cut_off();
    }

    /// The test that began at `began` was made, and is told; the next is due that long after it began.
    pub(super) fn made(&mut self, began: Mono, next: Duration) {
        self.told = true;
        self.schedule.made(began, began.after(next));
    }
}
