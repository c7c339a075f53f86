//! Tests that nobody orders: for a meeting that is to come.

use super::Desk;
use crate::domain::{CheckName, Lang, Verdict};

impl Desk {
    /// Has a check tested, as an order would; what it found, or why there was no test. An order that people give goes first.
    pub(in crate::app) async fn test_for_meeting(&self, check: &CheckName) -> Result<Verdict, &'static str> {
        let Ok(_turn) = self.turn.try_lock() else { return Err("another test is under way") };
        let (spec, requests) = self.may_begin(check.as_str(), Lang::En).map_err(|no| no.audit)?;
        self.run_test(&spec, &requests, Lang::En).await.map(|tested| tested.verdict).map_err(|no| no.audit)
    }
}
