//! Remote write in the house: follows the config, hands over what `/metrics` says, and has the line's books.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::{CheckName, Now, Size, Uplink};
use crate::probe::Roots;
use crate::probe::budget::{Allowance, Budget, Leave, Ledger};
use crate::remote_write::{self, End, Line, Parts, Stats, Unkept};
use crate::web;
use crate::web::metrics::Exposition;

/// The task.
pub struct Pushing {
    /// What `/metrics` is made of.
    pub readers: web::State,
    /// The config, as it is read anew.
    pub configs: watch::Receiver<Arc<Config>>,
    /// Whether the room is in use.
    pub in_use: watch::Receiver<bool>,
    /// The books of the uplinks.
    pub budget: Budget,
    /// Where state is kept.
    pub folder: PathBuf,
    /// Told when that was made anew.
    pub folder_made_anew: Arc<Notify>,
    /// What becomes of the pushes.
    pub stats: Stats,
    /// The clocks.
    pub clock: Clock,
}

impl Pushing {
    /// Goes on until `end` is true, or the shell has gone.
    pub async fn run(mut self, mut end: watch::Receiver<bool>) {
        let exposition = Exposition::new(self.readers);
        let parts = Parts {
            gather: Arc::new(move || exposition.families()),
            in_use: self.in_use,
            line: Arc::new(Books::new(self.budget, Roots::default(), self.clock)),
            folder: self.folder,
            folder_made_anew: self.folder_made_anew,
            stats: self.stats.clone(),
            clock: self.clock,
        };
        let (mut unkept, mut receiver) = (Unkept::default(), None);
        loop {
            let config = Arc::clone(&self.configs.borrow_and_update());
            let is_other =
                |new: &Arc<Config>| new.remote_write != config.remote_write || new.room.name != config.room.name;
            let ends = async {
                tokio::select! {
                    _ = end.wait_for(|ended| *ended) => End::Daemon,
                    changed = self.configs.wait_for(is_other) => if changed.is_ok() { End::Config } else { End::Daemon },
                }
            };
            let why = if let Some(push) = config.remote_write.clone() {
                let (room, before) = (&config.room.name.0, receiver.replace(push.url.clone()));
                if before.is_some_and(|before| before != push.url) {
                    unkept = unkept.for_another();
                }
                let (why, left) = remote_write::run(parts.clone(), push, room, std::mem::take(&mut unkept), ends).await;
                unkept = left;
                why
            } else {
                self.stats.off(&unkept);
                told_of(&std::mem::take(&mut unkept));
                ends.await
            };
            if why == End::Daemon {
                return told_of(&unkept);
            }
        }
    }
}

/// Says in the log that samples are gone with the process, or because nothing is pushed any more.
fn told_of(unkept: &Unkept) {
    let samples = unkept.samples();
    if samples > 0 {
        tracing::warn!(samples, "what the disk did not take is dropped: nothing is pushed any more");
    }
}

/// Pushes take at most this part of an uplink's `daily_budget`: one of so many.
pub(super) const SHARE: u64 = 4;

/// Where pushes by an uplink are booked. No check has a name with brackets.
fn page(budget: &Budget, uplink: &Arc<str>) -> Ledger {
    budget.page(CheckName::from("[remote_write]"), Some(Arc::clone(uplink)))
}

/// What pushes have taken of each uplink on this day, bytes.
pub fn pushed_today(budget: &Budget, uplinks: &[Arc<Uplink>], now: Now) -> BTreeMap<Arc<str>, u64> {
    let of = |uplink: &Arc<Uplink>| (Arc::clone(&uplink.name), page(budget, &uplink.name).bytes_of_day(now));
    uplinks.iter().map(of).collect()
}

/// The books of whichever uplink the machine's default route leaves by: what is pushed shares the day's budget with tests.
struct Books {
    budget: Budget,
    roots: Roots,
    clock: Clock,
    /// What leave was given to last.
    last: Mutex<Option<(Ledger, u64)>>,
}

impl Books {
    const fn new(budget: Budget, roots: Roots, clock: Clock) -> Self {
        Self { budget, roots, clock, last: Mutex::new(None) }
    }

    fn last(&self) -> MutexGuard<'_, Option<(Ledger, u64)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line for Books {
    fn leave(&self, bytes: u64) -> bool {
        *self.last() = None;
        let Some(uplink) = self.budget.by_default_route(&self.roots) else { return true };
        let page = page(&self.budget, &uplink.name);
        // Where there is no limit it is counted all the same. The first asks, so that the day is begun.
        let daily_budget = uplink.daily_budget.unwrap_or(Size(u64::MAX));
        let allowance = Allowance { worst: bytes, min_gap: std::time::Duration::ZERO, daily_budget };
        // A share of it alone: after an outage what waited would else take what the next meeting's tests need.
        let granted = page.ask(self.clock.now(), &allowance) == Leave::Granted
            && page.today_bytes().saturating_add(bytes) <= daily_budget.0 / SHARE;
        if granted {
            page.spend(bytes);
            *self.last() = Some((page, bytes));
        }
        granted
    }

    fn give_back(&self, bytes: u64) {
        if let Some((page, booked)) = self.last().take() {
            page.give_back(bytes.min(booked));
        }
    }

    fn is_limited(&self) -> bool {
        self.budget.by_default_route(&self.roots).is_some_and(|uplink| uplink.daily_budget.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_and_tests_share_the_day_of_the_uplink_that_the_default_route_leaves_by() {
        let machine = tempfile::tempdir().unwrap();
        let roots = Roots { proc: machine.path().to_owned(), ..Roots::default() };
        std::fs::create_dir(machine.path().join("net")).unwrap();
        let route = |interface: &str| {
            let head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n";
            let line = format!("{head}{interface}\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n");
            std::fs::write(machine.path().join("net/route"), line).unwrap();
        };
        let uplink = Uplink {
            name: "backup".into(),
            interface: Some("wwan9".into()),
            source: None,
            resolvers: Vec::new(),
            backup: None,
            metered: true,
            daily_budget: Some(Size(10_000)),
        };
        let budget = Budget::default();
        budget.know(&[Arc::new(uplink)]);
        let books = Books::new(budget.clone(), roots, Clock::start());
        route("eth9");
        assert!(books.leave(1_000_000), "the main line has no books");
        route("wwan9");
        assert!(books.leave(2_000));
        assert!(!books.leave(600), "a quarter of the day at most: the rest is the tests'");
        books.give_back(400);
        assert!(books.leave(400));
        books.give_back(400);
        books.give_back(400);
        assert!(!books.leave(600), "what has not gone is not booked, and was once");
        // A test of the line has taken nearly all.
        let test = budget.page("bandwidth".into(), Some("backup".into()));
        test.spend(7_900);
        assert!(!books.leave(200));
        assert!(books.leave(100), "what is left is left");
        route("eth9");
        assert!(books.leave(4_000));
        // What went by the uplink stands in its day, beside what its tests took; the next day has none of it.
        let uplinks = budget.by_default_route(&books.roots).into_iter().collect::<Vec<_>>();
        assert!(uplinks.is_empty());
        route("wwan9");
        let uplinks = budget.by_default_route(&books.roots).into_iter().collect::<Vec<_>>();
        let (name, now) = (Arc::from("backup"), books.clock.now());
        assert_eq!(pushed_today(&budget, &uplinks, now)[&name], 2_100);
        assert_eq!(pushed_today(&budget, &uplinks, now.after(std::time::Duration::from_hours(24)))[&name], 0);
    }
}
