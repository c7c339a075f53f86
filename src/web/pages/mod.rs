//! One click below the room's page: a component, what was wrong, the agenda, the radio's log, the budgets of data, surveys of places, the settings.

pub(super) mod act;
pub(super) mod agenda;
pub(super) mod component;
pub(super) mod data;
pub(super) mod incidents;
pub(super) mod radio;
pub(super) mod settings;
pub(super) mod surveys;

use std::future::Future;

use super::lists::HISTORY_DEADLINE;

/// What is remembered, if it can be read in time; a page is shown without it else, and says so.
pub(super) async fn in_time<T>(reading: impl Future<Output = Result<T, String>>) -> Option<T> {
    match tokio::time::timeout(HISTORY_DEADLINE, reading).await {
        Ok(Ok(read)) => Some(read),
        Ok(Err(error)) => {
            tracing::debug!(error, "history cannot be read for a page");
            None
        }
        Err(_) => None,
    }
}
