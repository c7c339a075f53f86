//! Holds: a change is decided only after it has lasted.
//!
//! ```text
//!            raw worse, for bad_for            raw better, for good_for
//!  decided ─────────────────────────▶ worse ────────────────────────────▶ better
//!     │  raw goes back before that                │  raw goes back before that
//!     └──────────▶ nothing happened               └──────────▶ nothing happened
//! ```
//!
//! Four states make "lasted" a matter of order: what flaps between `unknown` and `not_ready` has been *at least
//! unknown* all along, so that is decided first. The moments since when the raw verdict has been at least (at most) each
//! state are all that is kept.

use std::cmp::Ordering;

use crate::domain::snapshot::Pending;
use crate::domain::{Holds, Mono, Verdict};

/// The decision about one check under one set of limits.
#[derive(Clone, Debug)]
pub struct Hold {
    holds: Holds,
    decided: Option<Decided>,
    raw: Verdict,
    at_least: [Option<Mono>; 4],
    at_most: [Option<Mono>; 4],
}

/// What was decided, and since when it held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The verdict.
    pub verdict: Verdict,
    /// When what was decided began: before the hold, not after it.
    pub since: Mono,
}

impl Hold {
    /// Nothing seen, nothing decided.
    pub fn new(holds: Holds) -> Self {
        Self { holds, decided: None, raw: Verdict::Unknown, at_least: [None; 4], at_most: [None; 4] }
    }

    /// Takes the newest raw verdict. The first one ever is decided at once: there is nothing to hold on to.
    pub fn feed(&mut self, raw: Verdict, now: Mono) {
        self.note(raw, now);
        if self.decided.is_none() {
            self.decided = Some(Decided { verdict: raw, since: now });
        }
        self.tick(now);
    }

    /// Takes what other limits make of the newest look. What had lasted is decided by them at once, for nothing has happened that
    /// could pass; what was pending goes on to wait.
    pub fn weigh_anew(&mut self, raw: Verdict, now: Mono) {
        if self.pending().is_some() {
            self.note(raw, now);
        } else if self.decided.is_none() || raw != self.raw {
            *self = Self::new(self.holds);
            self.feed(raw, now);
        }
    }

    /// Waits by other holds from now on.
    pub const fn wait_by(&mut self, holds: Holds) {
        self.holds = holds;
    }

    /// Decides `verdict` without any hold (evidence has become too old).
    pub fn force(&mut self, verdict: Verdict, now: Mono) {
        self.note(verdict, now);
        if self.decided.is_none_or(|decided| decided.verdict != verdict) {
            self.decided = Some(Decided { verdict, since: now });
        }
    }

    /// Decides what has lasted long enough by now.
    pub fn tick(&mut self, now: Mono) {
        let Some(decided) = self.decided else { return };
        let worse = Verdict::ALL.into_iter().rev().filter(|verdict| *verdict > decided.verdict);
        let better = Verdict::ALL.into_iter().filter(|verdict| *verdict < decided.verdict);
        let lasted = |since: &[Option<Mono>; 4], verdict: Verdict, hold| {
            since[verdict.rank()].filter(|since| since.after(hold) <= now).map(|since| Decided { verdict, since })
        };
        let next = worse
            .into_iter()
            .find_map(|verdict| lasted(&self.at_least, verdict, self.holds.bad_for))
            .or_else(|| better.into_iter().find_map(|verdict| lasted(&self.at_most, verdict, self.holds.good_for)));
        if next.is_some() {
            self.decided = next;
        }
    }

    /// What is decided; `None` before the first verdict.
    pub const fn decided(&self) -> Option<Decided> {
        self.decided
    }

    /// The newest raw verdict.
    pub const fn raw(&self) -> Verdict {
        self.raw
    }

    /// A change that is seen and not yet decided.
    pub fn pending(&self) -> Option<Pending> {
        let decided = self.decided?;
        let (since, hold) = match self.raw.cmp(&decided.verdict) {
            Ordering::Greater => (self.at_least[self.raw.rank()]?, self.holds.bad_for),
            Ordering::Less => (self.at_most[self.raw.rank()]?, self.holds.good_for),
            Ordering::Equal => return None,
        };
        Some(Pending { to: self.raw, since, at: since.after(hold) })
    }

    /// When [`Hold::tick`] would next decide something if nothing else is fed; [`Mono::NEVER`] if never.
    pub fn next_deadline(&self) -> Mono {
        let Some(decided) = self.decided else { return Mono::NEVER };
        let worse =
            self.at_least.iter().skip(decided.verdict.rank() + 1).flatten().map(|at| at.after(self.holds.bad_for));
        let better = self.at_most.iter().take(decided.verdict.rank()).flatten().map(|at| at.after(self.holds.good_for));
        worse.chain(better).min().unwrap_or(Mono::NEVER)
    }

    fn note(&mut self, raw: Verdict, now: Mono) {
        self.raw = raw;
        for verdict in Verdict::ALL {
            let rank = verdict.rank();
            keep(&mut self.at_least[rank], raw >= verdict, now);
            keep(&mut self.at_most[rank], raw <= verdict, now);
        }
    }
}

fn keep(since: &mut Option<Mono>, holds: bool, now: Mono) {
    if holds {
        since.get_or_insert(now);
    } else {
        *since = None;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use Verdict::{Degraded, NotReady, Ready, Unknown};

    fn at(seconds: u64) -> Mono {
        Mono::from_elapsed(Duration::from_secs(seconds))
    }

    fn hold() -> Hold {
        Hold::new(Holds { bad_for: Duration::from_secs(3), good_for: Duration::from_mins(1) })
    }

    fn verdict(hold: &Hold) -> Verdict {
        hold.decided().unwrap().verdict
    }

    #[test]
    fn the_first_verdict_is_decided_at_once() {
        for first in Verdict::ALL {
            let mut hold = hold();
            hold.feed(first, at(1));
            assert_eq!(hold.decided(), Some(Decided { verdict: first, since: at(1) }));
            assert_eq!(hold.pending(), None);
            assert_eq!(hold.next_deadline(), Mono::NEVER);
        }
    }

    #[test]
    fn what_was_decided_is_so_since_it_was_decided_however_long_ago_it_was_so_before() {
        // Bad for a minute, then less bad: since then, and not since the first of it.
        let mut falling = hold();
        falling.feed(NotReady, at(0));
        falling.feed(Degraded, at(10));
        // Good for long, then worse.
        let mut rising = hold();
        rising.feed(Ready, at(0));
        rising.feed(Degraded, at(10));
        for second in 70..200 {
            for hold in [&mut falling, &mut rising] {
                hold.tick(at(second));
                assert_eq!(hold.decided(), Some(Decided { verdict: Degraded, since: at(10) }), "{second}");
            }
        }
    }

    #[test]
    fn every_change_of_every_pair_waits_for_its_own_hold() {
        for from in Verdict::ALL {
            for to in Verdict::ALL.into_iter().filter(|to| *to != from) {
                let mut hold = hold();
                hold.feed(from, at(0));
                hold.feed(to, at(10));
                let wait = if to > from { 3 } else { 60 };
                assert_eq!(hold.pending(), Some(Pending { to, since: at(10), at: at(10 + wait) }), "{from} → {to}");
                assert_eq!(hold.next_deadline(), at(10 + wait));
                hold.tick(at(10 + wait - 1));
                assert_eq!(verdict(&hold), from, "{from} → {to}, one second early");
                hold.tick(at(10 + wait));
                assert_eq!(hold.decided(), Some(Decided { verdict: to, since: at(10) }), "{from} → {to}");
            }
        }
    }

    #[test]
    fn what_goes_back_in_time_leaves_no_trace() {
        let mut hold = hold();
        hold.feed(Ready, at(0));
        hold.feed(NotReady, at(10));
        hold.feed(Ready, at(12));
        hold.tick(at(1000));
        assert_eq!(verdict(&hold), Ready);
        assert_eq!(hold.next_deadline(), Mono::NEVER);
    }

    #[test]
    fn what_gets_worse_while_pending_is_decided_in_steps() {
        let mut hold = hold();
        hold.feed(Ready, at(0));
        hold.feed(Degraded, at(10));
        hold.feed(NotReady, at(12));
        hold.tick(at(13));
        assert_eq!(verdict(&hold), Degraded);
        hold.tick(at(15));
        assert_eq!(verdict(&hold), NotReady);
    }

    #[test]
    fn flapping_between_two_bad_states_is_at_least_the_milder() {
        let mut hold = hold();
        hold.feed(Ready, at(0));
        for second in 10..20 {
            hold.feed(if second % 2 == 0 { NotReady } else { Unknown }, at(second));
        }
        assert_eq!(verdict(&hold), Unknown);
    }

    #[test]
    fn force_does_not_wait_and_recovery_does() {
        let mut hold = hold();
        hold.feed(Ready, at(0));
        hold.force(Unknown, at(10));
        assert_eq!(verdict(&hold), Unknown);
        hold.feed(Ready, at(20));
        assert_eq!(verdict(&hold), Unknown);
        hold.tick(at(80));
        assert_eq!(verdict(&hold), Ready);
    }
}
