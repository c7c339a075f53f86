//! How many bytes the tests of a check have taken, and when the last one began.
//!
//! The books are the process's, not the probe's: a reload makes new probes, and must not make a new budget. Nor must a
//! restart: each observation carries the day's bytes, and the newest stored one opens the books again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Config;
use jiff::Timestamp;

use crate::domain::{CheckName, Mono, Now};

static BOOKS: Mutex<BTreeMap<CheckName, Account>> = Mutex::new(BTreeMap::new());

#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Days since 1970 (UTC).
    day: i64,
    /// Bytes on that day.
    today: u64,
    /// Bytes since the process began.
    total: u64,
    last_began: Option<Mono>,
}

/// Whether a test may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Now, and the books say so.
    Granted,
    /// The last one is too near.
    NotBefore(Mono),
    /// The day's budget might not suffice.
    Spent,
}

/// One check's page of the books.
pub(super) struct Ledger {
    check: CheckName,
}

impl Ledger {
    /// The page of `check`.
    pub(super) const fn of(check: CheckName) -> Self {
        Self { check }
    }

    /// Asks for leave to begin a test now.
    pub(super) fn ask(&self, now: Now, config: &Config) -> Leave {
        let mut books = books();
        let account = books.entry(self.check.clone()).or_default();
        account.turn_to(day(now.wall));
        if let Some(last) = account.last_began {
            let soonest = last.after(config.min_gap.0);
            if soonest > now.mono {
                return Leave::NotBefore(soonest);
            }
        }
        if account.today.saturating_add(config.worst()) > config.daily_budget.0 {
            return Leave::Spent;
        }
        account.last_began = Some(now.mono);
        Leave::Granted
    }

    /// Notes bytes as they pass, so that a test which is cut off has cost what it cost.
    pub(super) fn spend(&self, bytes: u64) {
        let mut books = books();
        let account = books.entry(self.check.clone()).or_default();
        account.today = account.today.saturating_add(bytes);
        account.total = account.total.saturating_add(bytes);
    }

    /// What an earlier process had spent on the day of `at`. What this one knows better is left alone.
    pub(super) fn recall(&self, at: Timestamp, bytes: u64) {
        books().entry(self.check.clone()).or_insert(Account { day: day(at), today: bytes, ..Account::default() });
    }

    /// Bytes on the day of the newest test.
    #[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
    pub(super) fn today(&self) -> f64 {
        books().get(&self.check).map_or(0, |account| account.today) as f64
    }

    /// Bytes since the process began.
    #[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
    pub(super) fn total(&self) -> f64 {
        books().get(&self.check).map_or(0, |account| account.total) as f64
    }
}

impl Account {
    /// A new day begins with nothing. A clock that was set back brings none: what was spent stays spent.
    fn turn_to(&mut self, day: i64) {
        if day > self.day {
            self.today = 0;
        }
        self.day = day;
    }
}

/// Days since 1970 (UTC).
fn day(at: Timestamp) -> i64 {
    at.as_second().div_euclid(86_400)
}

/// Numbers only: whoever panicked while holding them left them whole.
fn books() -> MutexGuard<'static, BTreeMap<CheckName, Account>> {
    BOOKS.lock().unwrap_or_else(PoisonError::into_inner)
}
