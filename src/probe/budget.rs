//! The budget that all active tests of the line share: one at a time, so many bytes a day, and not too often. Each uplink that the
//! config names has books of its own, also for what leaves by its interface because the machine's default route does.
//!
//! It is the process's, not a probe's: a reload makes new probes, and must not make a new budget. Nor must a restart: each
//! observation carries its check's bytes of the day, and the newest stored one opens the books again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;

use super::Roots;
use super::link::default_interface;
use crate::domain::{CheckName, Mono, Now, Observation, Quantity, Reading, Size, Unit, Uplink};

/// The shared budget; every copy is the same one.
#[derive(Clone, Debug, Default)]
pub struct Budget(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Whose turn it is: two tests at once would measure each other.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// How many turns there were.
    turns: AtomicU64,
    books: Mutex<Books>,
    /// The uplinks that the config names, whether a check does or not.
    uplinks: Mutex<Vec<Arc<Uplink>>>,
}

/// Where an observation carries what its check's tests have taken.
#[derive(Clone, Copy, Debug)]
pub struct Accounts {
    /// Since the process began.
    pub total: &'static Quantity,
    /// On that day, by the way that the check says.
    pub today: &'static Quantity,
    /// On that day, by uplinks that it does not name.
    pub by_uplink: &'static Quantity,
}

/// The quantity of the last, for a kind.
pub(super) const fn by_uplink(name: &'static str) -> Quantity {
    let help = "Bytes that the tests of this check had taken on that day (UTC) by an uplink that it does not name, because the default route left by its interface.";
    Quantity::gauge(name, Unit::Bytes, help).by("uplink").of_budget()
}

/// What each check has spent, by whose budget: an uplink's, or that of what goes as the machine's routes lead.
type Books = BTreeMap<Page, Account>;
type Page = (Option<Arc<str>>, CheckName);

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Days since 1970 (UTC), as the clock had it when the page of that day was begun, which was then.
    day: i64,
    begun: Option<Mono>,
    /// Bytes on that day.
    today: u64,
    /// Bytes since the process began.
    total: u64,
    last_began: Option<Mono>,
}

/// What one check's tests may do.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// What the test that is asked for may take at most, bytes.
    pub worst: u64,
    /// How far apart two tests of this check are at least.
    pub min_gap: Duration,
    /// How many bytes all checks' tests by the same uplink may take on one day (UTC) together.
    pub daily_budget: Size,
}

impl Allowance {
    /// A budget that suffices for no test at all: the key, and why.
    pub fn misfit(&self) -> Option<(&'static str, String)> {
        let (worst, budget) = (Size(self.worst), self.daily_budget);
        (worst > budget)
            .then(|| ("daily_budget", format!("{budget} a day suffices for no test: one may take up to {worst}")))
    }
}

/// Whether a test may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// Now, and the books say so.
    Granted,
    /// The last one is too near.
    NotBefore(Mono),
    /// The day's budget might not suffice.
    Spent,
}

/// One check's page of the books.
#[derive(Clone, Debug)]
pub struct Ledger {
    budget: Budget,
    page: Page,
}

impl Budget {
    /// The page of `check` among those of an uplink, or of none.
    pub fn page(&self, check: CheckName, uplink: Option<Arc<str>>) -> Ledger {
        Ledger { budget: self.clone(), page: (uplink, check) }
    }

    /// Waits for this one's turn, which lasts until what is returned is dropped.
    pub async fn turn(&self) -> OwnedMutexGuard<()> {
        let turn = Arc::clone(&self.0.turn).lock_owned().await;
        self.0.turns.fetch_add(1, Ordering::Relaxed);
        turn
    }

    /// How many tests had their turn so far, and whether one has it now: what passes the line meanwhile is its own.
    pub fn tests(&self) -> (u64, bool) {
        (self.0.turns.load(Ordering::Relaxed), self.0.turn.try_lock().is_err())
    }

    /// The uplinks that the config names from now on.
    pub fn know(&self, uplinks: &[Arc<Uplink>]) {
        uplinks.clone_into(&mut self.0.uplinks.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The uplink by whose interface the machine's default route leaves now, which a router's or a modem's failure changes.
    pub fn by_default_route(&self, roots: &Roots) -> Option<Arc<Uplink>> {
        default_interface(roots).and_then(|interface| self.uplink_by(&interface))
    }

    /// The uplink whose interface that is.
    fn uplink_by(&self, interface: &str) -> Option<Arc<Uplink>> {
        let uplinks = self.0.uplinks.lock().unwrap_or_else(PoisonError::into_inner);
        uplinks.iter().find(|uplink| uplink.interface.as_deref() == Some(interface)).cloned()
    }

    /// Takes to heart what an earlier process observed, where `observation` carries the day's bytes in a quantity of
    /// `accounts`, as spent by the uplink that it says itself, else by that one. What this process knows better is left alone.
    pub fn recall(&self, observation: &Observation, uplink: Option<&Arc<str>>, accounts: &[&Quantity]) {
        for known in observation.reading.measurements.iter().filter(|known| accounts.contains(&known.quantity)) {
            let uplink = known.part.as_ref().or(uplink).cloned();
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "bytes, and a cast that saturates"
            )]
            let today = known.value as u64;
            // That test is at least as long ago as the observation of it.
            let last_began = Some(observation.at.mono);
            let (day, begun) = (day(observation.at.wall), last_began);
            let account = Account { day, begun, today, last_began, ..Account::default() };
            self.books().entry((uplink, observation.check.clone())).or_insert(account);
        }
    }

    /// Numbers only: whoever panicked while holding them left them whole.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// The same check's page among those of an uplink, or of none.
    #[must_use]
    pub fn among(&self, uplink: Option<Arc<str>>) -> Self {
        self.budget.page(self.page.1.clone(), uplink)
    }

    /// Asks for leave to begin a test now.
    pub fn ask(&self, now: Now, allowance: &Allowance) -> Leave {
        let mut books = self.budget.books();
        books.entry(self.page.clone()).or_default();
        // By whichever way the last one went.
        let last = books.iter().filter(|((_, check), _)| *check == self.page.1).filter_map(|(_, page)| page.last_began);
        let last_began = last.max();
        let mut spent = 0_u64;
        for (_, account) in books.iter_mut().filter(|((uplink, _), _)| *uplink == self.page.0) {
            account.turn_to(now);
            spent = spent.saturating_add(account.today);
        }
        let Some(account) = books.get_mut(&self.page) else { return Leave::Spent };
        if let Some(last) = last_began {
            let soonest = last.after(allowance.min_gap);
            if soonest > now.mono {
                return Leave::NotBefore(soonest);
            }
        }
        if spent.saturating_add(allowance.worst) > allowance.daily_budget.0 {
            return Leave::Spent;
        }
        account.last_began = Some(now.mono);
        Leave::Granted
    }

    /// Notes bytes as they pass, so that a test which is cut off has cost what it cost.
    pub fn spend(&self, bytes: u64) {
        let mut books = self.budget.books();
        let account = books.entry(self.page.clone()).or_default();
        account.today = account.today.saturating_add(bytes);
        account.total = account.total.saturating_add(bytes);
    }

    /// Takes back bytes that were noted and did not pass.
    pub fn give_back(&self, bytes: u64) {
        let mut books = self.budget.books();
        if let Some(account) = books.get_mut(&self.page) {
            account.today = account.today.saturating_sub(bytes);
            account.total = account.total.saturating_sub(bytes);
        }
    }

    /// This check's bytes on the day of the newest test.
    pub fn today_bytes(&self) -> u64 {
        self.budget.books().get(&self.page).map_or(0, |account| account.today)
    }

    /// The same on the day that is now: nothing, once another has begun.
    pub fn bytes_of_day(&self, now: Now) -> u64 {
        self.budget.books().get_mut(&self.page).map_or(0, |account| {
            account.turn_to(now);
            account.today
        })
    }

    /// This check's bytes since the process began, by whatever way.
    pub fn bytes(&self) -> u64 {
        let books = self.budget.books();
        let pages = books.iter().filter(|((_, check), _)| *check == self.page.1);
        pages.fold(0_u64, |sum, (_, account)| sum.saturating_add(account.total))
    }

    /// The same as a measurement.
    #[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
    pub fn total(&self) -> f64 {
        self.bytes() as f64
    }

    /// Has an observation that is made `now` carry what this check's tests have taken; this page is that of the way that it says.
    #[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
    pub fn tell(&self, accounts: &Accounts, now: Now, reading: &mut Reading) {
        reading.measure(accounts.total, self.total());
        reading.measure(accounts.today, self.bytes_of_day(now) as f64);
        let mut books = self.budget.books();
        let pages = books.iter_mut().filter(|((_, check), _)| *check == self.page.1);
        for ((uplink, _), account) in pages.filter(|((uplink, _), _)| *uplink != self.page.0) {
            account.turn_to(now);
            if let Some(uplink) = uplink.as_ref().filter(|_| account.today > 0) {
                reading.measure_part(accounts.by_uplink, uplink, account.today as f64);
            }
        }
    }
}

impl Account {
    /// A new day begins with nothing. A clock that is set brings none, back and forth or from 1970 to today: what was spent stays
    /// spent. One that was ahead for a day by the other clock had it wrong.
    fn turn_to(&mut self, now: Now) {
        let day = day(now.wall);
        let passed = self.begun.map(|begun| i64::try_from(now.mono.since(begun).as_secs() / DAY).unwrap_or(i64::MAX));
        let is_new = match passed {
            // Less than two days lie between the beginnings of two in a row.
            Some(passed) if day > self.day => day - self.day <= passed.saturating_add(1),
            Some(passed) if day < self.day => passed >= 1,
            Some(_) => return,
            None => false,
        };
        if is_new {
            self.today = 0;
        } else if day < self.day {
            return;
        }
        (self.day, self.begun) = (day, Some(now.mono));
    }
}

const DAY: u64 = 86_400;

/// Days since 1970 (UTC).
fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

#[cfg(test)]
mod tests;
