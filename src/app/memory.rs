//! The readers' view of the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;

use super::allowance::Allowance;
use crate::clock::Clock;
use crate::domain::{Mono, Past, Wanted, in_full};
use crate::store::Store;
use crate::web::{Evidence, PastIncident, Stored};

/// How long an answer stands in for others to the same question that say the same.
const ALIKE_FOR: Duration = Duration::from_mins(1);
/// Questions remembered; a scheduler asks a handful again and again.
const REMEMBERED: usize = 64;

/// The store, as the readers' side wants it.
pub struct Memory {
    store: Store,
    clock: Clock,
    /// The newest stored answer to each question: what it said, under which id, since when.
    newest: Mutex<HashMap<String, (String, String, Mono)>>,
    allowance: Mutex<Allowance>,
}

/// How many different answers are kept: so many at once, and then one each [`REFILL`]. Whoever asks for another window each
/// second is answered, but may neither fill the disk nor push out what was found for a booking: that has an allowance of its own, and
/// is kept as long as its session (store/retention.rs).
const AT_ONCE: u32 = 120;
const REFILL: Duration = Duration::from_secs(10);

impl Memory {
    /// A view of `store`.
    pub fn new(store: Store, clock: Clock) -> Self {
        let allowance = Mutex::new(Allowance::whole(AT_ONCE, REFILL, clock.mono()));
        Self { store, clock, newest: Mutex::default(), allowance }
    }
}

impl Evidence for Memory {
    fn put(&self, question: Value, snapshot_seq: u64, answer: Value) -> BoxFuture<'_, Result<String, String>> {
        Box::pin(async move {
            let now = self.clock.now();
            let (asked, said) = (question.to_string(), substance(&answer));
            if let Some((old, id, since)) = lock(&self.newest).get(&asked)
                && *old == said
                && now.mono.since(*since) < ALIKE_FOR
            {
                // A scheduler that asks each second is answered from each second's snapshot; the disk need not grow by it.
                return Ok(id.clone());
            }
            if !lock(&self.allowance).take(now.mono) {
                let each = REFILL.as_secs();
                return Err(format!(
                    "more different answers were asked for than are kept: one each {each} s after the first {AT_ONCE}"
                ));
            }
            let stored = self.store.put_evidence(snapshot_seq, now.wall, &question, || answer).await;
            let id = stored.map_err(|error| in_full(&error))?;
            let mut newest = lock(&self.newest);
            if newest.len() >= REMEMBERED {
                newest.clear();
            }
            newest.insert(asked, (said, id.clone(), now.mono));
            Ok(id)
        })
    }

    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<Stored>, String>> {
        Box::pin(async move {
            let found = self.store.evidence(id).await.map_err(|error| in_full(&error))?;
            Ok(found.map(|found| Stored {
                id: id.to_owned(),
                snapshot_seq: seq_of(id),
                question: found.question,
                answer: found.answer,
            }))
        })
    }

    fn closed_incidents(&self, limit: usize) -> BoxFuture<'_, Result<Vec<PastIncident>, String>> {
        Box::pin(async move {
            let limit = u32::try_from(limit).unwrap_or(u32::MAX);
            let all = self.store.incidents(false, limit).await.map_err(|error| in_full(&error))?;
            let past = all.into_iter().filter_map(|incident| {
                Some(PastIncident {
                    closed_at: incident.closed_at?,
                    id: incident.id,
                    component: incident.component,
                    worst: incident.worst,
                    codes: incident.reasons.iter().map(|reason| reason.def.code.to_owned()).collect(),
                    opened_at: incident.opened_at,
                    reasons: incident.reasons,
                })
            });
            Ok(past.collect())
        })
    }

    fn past(&self, wanted: Wanted, within: Duration) -> BoxFuture<'_, Result<Past, String>> {
        Box::pin(async move {
            let until = self.clock.mono().after(within);
            self.store.past(wanted, until).await.map_err(|error| in_full(&error))
        })
    }
}

/// What an answer says, without what changes with every measurement: verdicts and reasons of the room, its components
/// and their checks.
fn substance(answer: &Value) -> String {
    fn add(out: &mut String, of: &Value) {
        for key in ["name", "component", "verdict", "basis", "root_cause", "held", "in_use"] {
            out.push_str(&of[key].to_string());
            out.push(' ');
        }
        out.push_str(&of["pending"]["to"].to_string());
        out.push_str(&of["evidence"]["stale"].to_string());
        for reason in of["reasons"].as_array().into_iter().flatten() {
            out.push_str(reason["code"].as_str().unwrap_or("-"));
            out.push(' ');
        }
        for part in ["components", "checks"].into_iter().filter_map(|part| of[part].as_array()).flatten() {
            add(out, part);
        }
    }
    let mut out = String::new();
    add(&mut out, answer);
    out
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever holds it only reads or replaces an entry: what a panic leaves is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The snapshot's number in an evidence id (`run-seq-question`, the number in hexadecimal).
fn seq_of(id: &str) -> u64 {
    id.split('-').nth(1).and_then(|seq| u64::from_str_radix(seq, 16).ok()).unwrap_or_default()
}
