//! What people order over HTTP, as the readers' side hands it on. Carried out by the shell, which writes down who ordered what.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use crate::domain::{Actor, Component, Lang, Silence};

use super::problem::Problem;

/// Who carries out what people order.
pub trait Acts: Send + Sync {
    /// Notes that somebody sees to an incident. The same said again is the same act.
    fn acknowledge(&self, who: Actor, incident: String, how: How, lang: Lang) -> BoxFuture<'_, Result<(), Declined>>;

    /// Tells nobody of a component (of all, without one) until then. One that holds already holds on, and is not new.
    fn silence(
        &self,
        who: Actor,
        component: Option<Component>,
        reason: String,
        until: Timestamp,
        lang: Lang,
    ) -> BoxFuture<'_, Result<(Silence, bool), Declined>>;

    /// Ends a silence before its time.
    fn end_silence(&self, who: Actor, id: String, lang: Lang) -> BoxFuture<'_, Result<(), Declined>>;

    /// Puts what somebody writes of a meeting beside its report; gives the report's number. The same written again is kept once.
    fn evaluate(
        &self,
        who: Actor,
        session: String,
        text: String,
        by: Option<String>,
        lang: Lang,
    ) -> BoxFuture<'_, Result<i64, Declined>>;

    /// Sends a test message to these receivers, to all if none is named, and waits for the first attempt of each.
    fn test_alert(&self, who: Actor, receivers: Vec<String>, lang: Lang) -> BoxFuture<'_, Vec<Attempt>>;

    /// Carries out what somebody orders at the page, to its end; gives what there is to say of it, a line each. A test takes up to
    /// minutes.
    fn carry_out(&self, who: Actor, order: Ordered, lang: Lang) -> BoxFuture<'_, Vec<Line>>;

    /// What an order can be about.
    fn choices(&self, lang: Lang) -> Choices;

    /// Somebody has ordered what their token is not good for: it goes into the audit, and nothing else happens.
    fn turn_away(&self, who: Actor, action: &'static str, subject: String) -> BoxFuture<'_, ()>;

    /// Has the config read anew for somebody: without a name for whoever is on this machine. Whoever asked is in the audit, and what
    /// became of it.
    fn reload(&self, who: Option<Actor>) -> BoxFuture<'_, Result<Waiting, NotReloaded>>;

    /// Who said that they see to these incidents, oldest first. For those who may know.
    fn acknowledged(
        &self,
        incidents: Vec<String>,
    ) -> BoxFuture<'_, Result<HashMap<String, Vec<Acknowledgement>>, String>>;

    /// Who wished these silences. For those who may know.
    fn authors(&self, silences: Vec<String>) -> BoxFuture<'_, Result<HashMap<String, String>, String>>;
}

/// Has an order carried out to its end, also where whoever gave it has gone: a connection that closes takes its handler along, and of
/// what was begun the audit must say how it ended, and the agenda know it.
pub(super) async fn to_its_end<A, T, F>(by: &Arc<A>, order: impl FnOnce(Arc<A>) -> F) -> T
where
    A: ?Sized,
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    match tokio::spawn(order(Arc::clone(by))).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The daemon ends, and this with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// What of a config that was read anew waits for the next start, as the file calls it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting(pub Vec<&'static str>);

impl std::fmt::Display for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// Why the newest config does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotReloaded {
    /// Too many ask at once, or whoever says not who they are asks too often; how long until it is of use to ask again.
    Busy(Duration),
    /// All that is wrong with it.
    Refused(String),
    /// Nobody said how it ended.
    Untold,
}

/// What is ordered at the page. Has no `Debug`: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub enum Ordered {
    /// To make this active check's test.
    Test(String),
    /// To tell nobody of a component (of all, without one) for so long.
    Silence {
        /// Which.
        component: Option<Component>,
        /// For how long, s.
        seconds: u64,
        /// Why.
        reason: String,
    },
    /// To end a silence.
    EndSilence(String),
    /// To practise a fault for so long, s.
    Drill(String, u64),
    /// To end the drill that is under way.
    EndDrill,
    /// To send a test message to this receiver.
    Message(String),
    /// To note who has heard the radio check.
    Heard(String),
}

/// What is said of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whether that was done, or found to be well.
    pub well: bool,
    /// In words.
    pub text: String,
    /// What a program said of it, in English, for IT staff.
    pub detail: Option<String>,
}

/// What an order can be about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    /// Faults that can be practised: name, and in words.
    pub scenes: Vec<(&'static str, &'static str)>,
    /// Receivers of messages.
    pub receivers: Vec<String>,
    /// Checks that can be tested.
    pub checks: Vec<String>,
    /// Whether the room has a radio, so that somebody can be heard on it.
    pub radio: bool,
}

/// How it became known that somebody sees to an incident. Has no `Debug`: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct How {
    /// Said by radio.
    pub radio: bool,
    /// Who said so, where another writes it down.
    pub by: Option<String>,
}

/// That somebody said that they see to an incident. Has no `Debug`: what is debugged ends in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// When.
    pub at: Timestamp,
    /// Who wrote it down.
    pub by: String,
    /// Who said so, where it was another.
    pub said_by: Option<String>,
    /// Whether it was said by radio.
    pub radio: bool,
    /// How it was received, and who said so, in the audit's words.
    pub how: String,
    /// Whether it became worse after that than it was then.
    pub is_outgrown: bool,
}

/// Since when somebody saw to an incident as it was in the end, of those who said so, oldest first.
pub(super) fn seen_to_since(said: &[Acknowledgement]) -> Option<Timestamp> {
    said.iter().find(|one| !one.is_outgrown).map(|one| one.at)
}

/// The first attempt to tell a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which; none where there is none at all.
    pub receiver: Option<String>,
    /// Why it has not arrived; nothing where it has.
    pub failed: Option<String>,
    /// Whether it is tried again.
    pub again: bool,
}

/// Why an order is not carried out, in the language asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Declined {
    /// What it is about is not there; this is.
    NotThere {
        /// In words.
        told: String,
        /// What is.
        there: Vec<String>,
    },
    /// It cannot be meant so.
    Wrong(String),
    /// It cannot be done now.
    Unable(String),
    /// It is done, but the disk has not taken it: it holds no longer than this process.
    NotKept(String),
}

impl Declined {
    /// In words.
    pub fn told(&self) -> &str {
        match self {
            Self::NotThere { told, .. } | Self::Wrong(told) | Self::Unable(told) | Self::NotKept(told) => told,
        }
    }
}

impl From<Declined> for Problem {
    fn from(declined: Declined) -> Self {
        match declined {
            Declined::NotThere { told, there } => Self::not_found(told).allowing(there),
            Declined::Wrong(told) => Self::value(told),
            Declined::Unable(told) => Self::unable(told),
            Declined::NotKept(told) => Self::not_kept(told),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    #[tokio::test]
    async fn an_order_is_carried_out_though_whoever_gave_it_has_gone() {
        let disk = Arc::new(Notify::new());
        let (done, mut seen) = tokio::sync::oneshot::channel();
        let handler = to_its_end(&disk, |disk| async move {
            disk.notified().await;
            done.send(()).unwrap();
        });
        // It is begun, and then its connection closes.
        tokio::select! {
            biased;
            () = handler => unreachable!("nobody has told it to go on"),
            () = tokio::task::yield_now() => {}
        }
        assert!(seen.try_recv().is_err());
        disk.notify_one();
        seen.await.unwrap();
    }
}
