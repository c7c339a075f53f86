//! The door for other systems' alerts: who may come in, and whither it leads.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot, watch};

use super::recorder::{Ask, Recorder};
use crate::config::Config;
use crate::domain::{ForeignAlert, TakenAlerts};
use crate::store::Batch;
use crate::web::{Inbound, NoEntry};

/// The door.
pub(super) struct Door {
    /// The config in force.
    pub(super) configs: watch::Receiver<Arc<Config>>,
    /// To the recorder.
    pub(super) asks: mpsc::Sender<Ask>,
    /// Why nobody could be let in last, so that it is said once, however many knock.
    pub(super) said: Mutex<Option<String>>,
}

impl Inbound for Door {
    fn admits<'a>(&'a self, token: Option<&'a str>) -> BoxFuture<'a, Result<(), NoEntry>> {
        Box::pin(async move {
            let inbound = self.configs.borrow().inbound.clone().ok_or(NoEntry::Closed)?;
            let admitted = inbound.admits(token.ok_or(NoEntry::Denied)?).await;
            let why = admitted.as_ref().err().map(ToString::to_string);
            let before = std::mem::replace(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner), why.clone());
            match why {
                Some(error) if before.as_ref() != Some(&error) => {
                    tracing::error!(error, "alerts of other systems cannot be let in");
                }
                None if before.is_some() => tracing::info!("alerts of other systems can be let in again"),
                _ => {}
            }
            match admitted {
                Ok(true) => Ok(()),
                Ok(false) => Err(NoEntry::Denied),
                Err(_) => Err(NoEntry::Unreadable),
            }
        })
    }

    fn take(&self, alerts: Vec<ForeignAlert>) -> BoxFuture<'_, Result<TakenAlerts, String>> {
        Box::pin(async move {
            let (done, taken) = oneshot::channel();
            // What does not fit now comes again: whoever sends tries again after such an answer.
            self.asks.try_send(Ask::Alerts { alerts, done }).map_err(|_| "too much is asked at once".to_owned())?;
            taken.await.map_err(|_| "this process ends".to_owned())
        })
    }
}

impl Recorder {
    /// Takes them, and stores what is new with what is to be said about it.
    pub(super) async fn take_alerts(&mut self, alerts: Vec<ForeignAlert>) -> TakenAlerts {
        let (taken, decided) = self.policy.take_alerts(alerts, self.clock.now().wall);
        for why in &decided.withheld {
            self.stats.withheld(*why);
        }
        tracing::info!(begun = taken.begun, ended = taken.ended, refused = taken.refused, "alerts of another system");
        self.store(Batch { notifications: decided.notifications, told: decided.kept, ..Batch::default() }).await;
        taken
    }
}
