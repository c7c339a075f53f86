//! What all handlers share: the state, and what has been rendered from the newest snapshot already.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::watch;

use crate::domain::{Lang, Mono, Now, Reason, Snapshot, Verdict};

use super::cookies::Cookies;
use super::evidence::Evidence;
use super::live::{Beat, Pulse, Shelf};
use super::metrics::Metrics;
use super::{State, Voice, believe, readyz};

/// How old the process's own figures in `/metrics` may be; those of the room are of the newest snapshot always.
const METRICS_FOR: Duration = Duration::from_secs(1);

/// What all handlers share.
pub(super) struct Site {
    pub(super) state: State,
    pub(super) metrics: Metrics,
    /// What keeps open pages true.
    pub(super) pulse: Pulse,
    /// Pages that are the same for everybody.
    pub(super) pages: Shelf,
    shelf: Mutex<Option<Arc<Rendered>>>,
    /// Whether evidence could not be stored the last time, so that the log says it once and not with each answer.
    evidence_failing: AtomicBool,
}

/// What staff at the page share, by whichever of the daemon's addresses they come: who is in, and what was ordered last.
#[derive(Default)]
pub struct Staff {
    pub(super) cookies: Cookies,
    pub(super) ordered: Mutex<Option<super::pages::act::Last>>,
}

/// A snapshot as it can be believed, with what has been rendered from it.
///
/// The cheap readers come often (a load balancer every second, a scrape every few) and all read the same bytes until
/// something changes. Rendered when first asked for, so that a snapshot that nobody reads costs nothing.
pub(super) struct Rendered {
    raw: Arc<Snapshot>,
    pub(super) believed: Arc<Snapshot>,
    until: Mono,
    short: [OnceLock<(Verdict, Bytes)>; 2],
    metrics: Mutex<Option<(Mono, Bytes)>>,
}

impl Rendered {
    /// What is believed no more of the snapshot: `engine`, or the checks whose evidence ran out since. Two answers from
    /// one snapshot differ in this, so it belongs to the question under which evidence is kept.
    pub(super) fn doubts(&self) -> Vec<&str> {
        let stalled = |reason: &Reason| reason.def == &believe::ENGINE_STALLED;
        if self.believed.current().reasons.iter().any(stalled) {
            return vec!["engine"];
        }
        let pairs = self.raw.checks.iter().zip(self.believed.checks.iter());
        pairs.filter(|(raw, seen)| seen.stale && !raw.stale).map(|(raw, _)| raw.spec.name.as_str()).collect()
    }
}

impl Site {
    /// One, and by what its open pages are kept true.
    pub(super) fn new(state: State) -> (Self, watch::Sender<Beat>) {
        let metrics = Metrics::new(&state);
        let (pulse, beats) = Pulse::new();
        let site = Self {
            state,
            metrics,
            pulse,
            pages: Shelf::default(),
            shelf: Mutex::new(None),
            evidence_failing: AtomicBool::new(false),
        };
        (site, beats)
    }

    pub(super) fn now(&self) -> Now {
        self.state.clock.now()
    }

    /// How the room speaks to people now.
    pub(super) fn voice(&self) -> Arc<Voice> {
        Arc::clone(&self.state.voice.borrow())
    }

    /// What the room looks like to people, as a number to be compared.
    pub(super) fn looks(&self) -> u64 {
        self.pages.looks(self)
    }

    /// The newest snapshot as it can be believed now.
    pub(super) fn rendered(&self) -> Arc<Rendered> {
        let mono = self.state.clock.mono();
        let mut newest_made = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = self.state.snapshot.borrow();
        if let Some(rendered) = newest_made.as_ref().filter(|old| Arc::ptr_eq(&old.raw, &newest) && mono <= old.until) {
            return Arc::clone(rendered);
        }
        let raw = Arc::clone(&newest);
        drop(newest);
        let now = self.now();
        let rendered = Arc::new(Rendered {
            believed: believe::believe(&raw, now),
            until: believe::believed_until(&raw, now),
            raw,
            short: [const { OnceLock::new() }; 2],
            metrics: Mutex::new(None),
        });
        *newest_made = Some(Arc::clone(&rendered));
        rendered
    }

    /// The short answer of `/readyz` under the profile in force.
    pub(super) fn short(&self, lang: Lang) -> (Verdict, Bytes) {
        let rendered = self.rendered();
        let make = || {
            let view = rendered.believed.current();
            (view.verdict, Bytes::from(readyz::short(&rendered.believed, view, lang)))
        };
        rendered.short[lang as usize].get_or_init(make).clone()
    }

    /// The whole of `/metrics`.
    pub(super) fn exposition(&self) -> Bytes {
        let rendered = self.rendered();
        let mono = self.state.clock.mono();
        let mut made = rendered.metrics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = made.as_ref().filter(|(at, _)| mono.since(*at) < METRICS_FOR) {
            return bytes.clone();
        }
        let bytes = Bytes::from(self.metrics.render(Arc::clone(&rendered.believed)));
        *made = Some((mono, bytes.clone()));
        bytes
    }

    /// Stores an answer, within a deadline: an id, or why there is none.
    pub(super) async fn store(
        &self,
        question: BTreeMap<&'static str, serde_json::Value>,
        seq: u64,
        answer: serde_json::Value,
    ) -> Result<String, String> {
        let outcome = put_evidence(&*self.state.evidence, question, seq, answer).await;
        let failing = outcome.is_err();
        if self.evidence_failing.swap(failing, Ordering::Relaxed) != failing {
            match &outcome {
                Ok(_) => tracing::info!("evidence of answers is stored again"),
                Err(error) => tracing::warn!(error, "evidence of answers cannot be stored; answers go out without"),
            }
        }
        outcome
    }
}

/// Stores an answer, within a deadline: an id, or why there is none.
pub(super) async fn put_evidence(
    evidence: &dyn Evidence,
    question: BTreeMap<&'static str, serde_json::Value>,
    seq: u64,
    answer: serde_json::Value,
) -> Result<String, String> {
    const DEADLINE: Duration = Duration::from_secs(1);
    let question = question.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let stored = evidence.put(serde_json::Value::Object(question), seq, answer);
    match tokio::time::timeout(DEADLINE, stored).await {
        Ok(outcome) => outcome,
        Err(_) => Err(format!("the store did not answer within {} s", DEADLINE.as_secs())),
    }
}
