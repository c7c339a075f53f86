//! When a test of the line may be made: its hour has come or somebody asks, the room is free, no other test is under way, and the
//! books give leave.

use std::time::Duration;

use tokio::sync::{OwnedMutexGuard, watch};

use super::budget::{Accounts, Allowance, Budget, Leave, Ledger};
use super::egress::Egress;
use super::schedule::{Refusal, Schedule};
use super::{Context, Roots};
use crate::clock::Clock;
use crate::domain::{ErrorKind, Mono, Observation, ProbeError, Size};

/// How soon a test without leave asks again: the day's end is found by asking, since the wall clock may jump.
const ASK_AGAIN: Duration = Duration::from_mins(1);

/// Where a probe's tests begin.
pub(super) struct Gate {
    clock: Clock,
    in_use: watch::Receiver<bool>,
    budget: Budget,
    schedule: Schedule,
    roots: Roots,
    /// By which way its tests go, and what they have cost there.
    egress: Egress,
    own: Ledger,
    /// Whose books the test under way is in.
    pub(super) ledger: Ledger,
    /// Whether this probe has told anything yet. A run that the budget forbids is then no observation, nor while what was told
    /// before this probe stands: its age decides how long. So it is with a test that was given up.
    told: bool,
    stands_until: Mono,
    retries: Retries,
    /// What this check's tests had taken when the one under way began, and beyond how much more it is dear if it fails.
    before: u64,
    dear: u64,
}

/// Of a day's budget: what fails and takes no more than such a part can be tried each quarter of an hour, and a day of it is a tenth.
const DEAR: u64 = 1000;

/// How many dear tests have failed in a row that nobody asked for. A way that stays broken is tried ever later: else it would use up the
/// day's budget alone.
#[derive(Debug, Default)]
struct Retries(u32);

impl Retries {
    /// How long after the beginning of one that has failed the next is due: at first as soon as may be, and never later than by the clock.
    fn next(&mut self, anew: bool, interval: Duration, min_gap: Duration) -> Duration {
        if anew {
            self.0 = 0;
        }
        let next = min_gap.saturating_mul(1 << self.0.min(16));
        self.0 = self.0.saturating_add(1);
        next.min(interval)
    }
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
            roots: context.roots.clone(),
            own: context.budget.page(context.check.clone(), context.egress.name().cloned()),
            ledger: context.budget.page(context.check.clone(), context.egress.name().cloned()),
            egress: context.egress.clone(),
            told: false,
            stands_until: context.stands_until,
            retries: Retries::default(),
            before: 0,
            dear: 0,
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
            let egress = self.by_default_route();
            self.ledger = self.own.among(egress.name().cloned());
            let allowance = &Allowance { daily_budget: egress.budget(allowance.daily_budget), ..*allowance };
            match self.ledger.ask(began, allowance) {
                Leave::Granted => {
                    self.books_say(allowance.daily_budget);
                    return Entry::Now(began.mono, turn);
                }
                Leave::NotBefore(moment) => self.schedule.put_off(Refusal::NotBefore(moment), moment),
                Leave::Spent => {
                    let budget = allowance.daily_budget.to_string();
                    let error = ProbeError::new(ErrorKind::Busy, format!("of {budget} a day"));
                    if self.not_made(began.mono, Refusal::Spent(budget), ASK_AGAIN) {
                        return Entry::Spent(began.mono, error);
                    }
                }
            }
        }
    }

    /// What a test that begins now may take before it is dear, of such a budget.
    fn books_say(&mut self, daily_budget: Size) {
        (self.before, self.dear) = (self.own.bytes(), daily_budget.0 / DEAR);
    }

    /// By which uplink a test would leave now, for its books: the one that its check names, else that of the default route.
    fn by_default_route(&self) -> Egress {
        if self.egress.name().is_some() {
            return self.egress.clone();
        }
        Egress::by(self.budget.by_default_route(&self.roots))
    }

    /// The test that began at `began` was given up, since this computer was too busy for it: nothing was learnt. The next is due
    /// that long after it began. Whether that is an observation.
    pub(super) fn given_up(&mut self, began: Mono, next: Duration) -> bool {
        self.not_made(began, Refusal::TooBusy, next)
    }

    /// A test came to nothing, and nothing speaks against what the last one found: it is an observation only where there is
    /// nothing else, and nobody who asked is told.
    fn not_made(&mut self, began: Mono, why: Refusal, next: Duration) -> bool {
        let of_interest = !self.schedule.is_asked() && !self.schedule.is_again() && began >= self.stands_until;
        self.schedule.put_off(why, began.after(next));
        of_interest && !std::mem::replace(&mut self.told, true)
    }

    /// Whether somebody asked for the test under way.
    pub(super) fn is_asked(&self) -> bool {
        self.schedule.is_asked()
    }

    /// A test that failed has cost what it cost, and one that was not made takes nothing off what others cost before: what this
    /// check's tests have taken since the start, and on that day.
    pub(super) fn accounted(&self, mut observation: Observation, accounts: &Accounts) -> Observation {
        self.own.tell(accounts, self.clock.now(), &mut observation.reading);
        observation
    }

    /// The test for which there is leave takes so long at most.
    pub(super) fn begins(&mut self, at_most: Duration) {
        self.schedule.begins(at_most);
    }

    /// It has come to this step of so many.
    pub(super) fn step(&self, step: u32, of: u32) {
        self.schedule.step(step, of);
    }

    /// The room came into use before the test was over.
    pub(super) fn cut_off(&mut self) {
        self.schedule.cut_off();
    }

    /// The test that began at `began` was made, and is told; the next is due that long after it began.
    pub(super) fn made(&mut self, began: Mono, next: Duration) {
        self.retries = Retries::default();
        self.is_told(began, next);
    }

    /// The same of one that failed, where the clock's next is due after `interval`, and two are `min_gap` apart.
    pub(super) fn failed(&mut self, began: Mono, interval: Duration, min_gap: Duration) {
        // Somebody is at it, and what they mend shows soon; or nobody was there, which costs next to nothing to find out.
        let anew = self.is_asked() || self.own.bytes().saturating_sub(self.before) <= self.dear;
        let next = self.retries.next(anew, interval, min_gap);
        self.is_told(began, next);
    }

    fn is_told(&mut self, began: Mono, next: Duration) {
        self.told = true;
        self.schedule.made(began, began.after(next));
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Machine;
    use super::super::schedule::Outcome;
    use super::*;

    /// As much as one likes.
    const FREE: Allowance = Allowance { worst: 1, min_gap: Duration::ZERO, daily_budget: Size(10) };
    /// More than the day has.
    const TOO_MUCH: Allowance = Allowance { worst: 20, min_gap: Duration::ZERO, daily_budget: Size(10) };

    #[tokio::test]
    async fn a_budget_that_is_spent_is_told_once_and_takes_the_place_of_nothing_that_stands() {
        let machine = Machine::bare();
        let context = machine.context();
        let told = || context.requests.ask();
        let refused = Ok(Outcome::Refused(Refusal::Spent("10 B".to_owned())));
        let mut standing = context.clone();
        standing.stands_until = context.clock.mono().after(Duration::from_hours(1));
        let mut gate = Gate::new(&standing);
        let asked = told();
        tokio::select! {
            _ = gate.enter(&TOO_MUCH) => panic!("an observation in the place of one that stands"),
            asked = asked => assert_eq!(asked, refused),
        }
        // Nothing stands, but somebody asked: they are told.
        let mut gate = Gate::new(&context);
        let asked = told();
        let mut entered = std::pin::pin!(gate.enter(&TOO_MUCH));
        tokio::select! {
            biased;
            entry = &mut entered => assert!(matches!(entry, Entry::Spent(..)), "a test that may not be made"),
            asked = asked => assert_eq!(asked, refused),
        }
    }

    #[tokio::test]
    async fn a_test_that_is_given_up_takes_the_place_of_nothing_and_whoever_asked_is_told() {
        let machine = Machine::bare();
        let context = machine.context();
        let hour = Duration::from_hours(1);
        let mut gate = Gate::new(&context);
        let Entry::Now(began, turn) = gate.enter(&FREE).await else { panic!("there is leave") };
        assert!(gate.given_up(began, Duration::ZERO), "nothing is known yet, and why is told");
        drop(turn);
        let Entry::Now(began, turn) = gate.enter(&FREE).await else { panic!("there is leave") };
        gate.made(began, Duration::ZERO);
        drop(turn);
        let Entry::Now(began, turn) = gate.enter(&FREE).await else { panic!("there is leave") };
        assert!(!gate.given_up(began, hour), "what the last one found stands");
        drop(turn);
        let asked = context.requests.ask();
        let Entry::Now(began, turn) = gate.enter(&FREE).await else { panic!("there is leave") };
        assert!(!gate.given_up(began, hour));
        drop(turn);
        assert_eq!(asked.await, Ok(Outcome::Refused(Refusal::TooBusy)));
        // What an earlier process found stands too.
        let mut standing = context;
        standing.stands_until = standing.clock.mono().after(hour);
        let mut gate = Gate::new(&standing);
        let Entry::Now(began, _turn) = gate.enter(&FREE).await else { panic!("there is leave") };
        assert!(!gate.given_up(began, hour));
    }

    #[test]
    fn a_way_that_stays_broken_is_tried_ever_later_until_somebody_asks() {
        let (interval, min_gap) = (Duration::from_hours(6), Duration::from_mins(15));
        let mut retries = Retries::default();
        let mut next = |anew| retries.next(anew, interval, min_gap).as_secs() / 60;
        let by_itself: Vec<_> = (0..7).map(|_| next(false)).collect();
        assert_eq!(by_itself, [15, 30, 60, 120, 240, 360, 360]);
        assert_eq!([next(true), next(false)], [15, 30]);
        assert_eq!(Retries(u32::MAX).next(false, interval, min_gap), interval);
        assert_eq!(Retries::default().next(false, min_gap, interval), min_gap, "never later than by the clock");
    }

    #[test]
    fn only_what_costs_is_put_off_and_a_test_that_is_made_forgets_those_that_failed() {
        let machine = Machine::bare();
        let mut gate = Gate::new(&machine.context());
        let (interval, min_gap) = (Duration::from_hours(6), Duration::from_mins(15));
        for (bytes, in_a_row) in [(11, 1), (11, 2), (11, 3), (10, 1), (11, 2)] {
            gate.books_say(Size(10_000));
            gate.ledger.spend(bytes);
            gate.failed(Mono::ZERO, interval, min_gap);
            assert_eq!(gate.retries.0, in_a_row, "{bytes}");
        }
        gate.made(Mono::ZERO, interval);
        assert_eq!(gate.retries.0, 0);
    }
}
