//! The books: what was injected, what was promised, what the database holds and what receivers got, held against each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use siaga::clock::Clock;
use siaga::domain::Verdict;

use super::desk::{Arrival, Desk};
use super::room::{COMPONENTS, SILENCED, look};

/// Somebody was told that this holds.
#[derive(Clone, Debug)]
pub(super) enum Promise {
    /// That somebody sees to this incident, which was ordered then.
    Acknowledgement { id: String, ordered: Timestamp },
    /// That there is silence.
    Silence,
}

/// What was seen of one room while it lived.
#[derive(Default)]
pub(super) struct Books {
    kills: u64,
    injected: Vec<(&'static str, &'static str)>,
    acknowledged: Vec<(String, Timestamp)>,
    /// Silences by their ids, and since when.
    silences: Vec<(String, Timestamp)>,
    wrong: Vec<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) kills: u64,
    pub(super) injected: usize,
    lost_transitions: usize,
    pub(super) told: usize,
    lost_notifications: usize,
    same_key: usize,
    other_key: usize,
    pub(super) acknowledged: usize,
    silences: usize,
    reminders: usize,
    pub(super) wrong: Vec<String>,
}

impl Count {
    pub(super) fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.injected += other.injected;
        self.lost_transitions += other.lost_transitions;
        self.told += other.told;
        self.lost_notifications += other.lost_notifications;
        self.same_key += other.same_key;
        self.other_key += other.other_key;
        self.acknowledged += other.acknowledged;
        self.silences += other.silences;
        self.reminders += other.reminders;
        self.wrong.extend(other.wrong);
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "kills {}, injected changes {}, lost transitions {}; notifications {}, lost {}, again with the same key {}, again \
             with another key {}; acknowledgements kept {}, silences kept {}, reminders {}; wrong {}",
            self.kills,
            self.injected,
            self.lost_transitions,
            self.told,
            self.lost_notifications,
            self.same_key,
            self.other_key,
            self.acknowledged,
            self.silences,
            self.reminders,
            self.wrong.len()
        )
    }
}

/// A row of the outbox.
struct Row {
    key: String,
    receiver: String,
    event: String,
    incident: String,
    component: String,
    /// What makes it news: verdict and leading reason.
    news: String,
    verdict: Verdict,
    /// The worst that it was, or that goes to and fro.
    worst: Verdict,
    at: Timestamp,
    done: bool,
    given_up: bool,
}

impl Books {
    pub(super) fn injected(&mut self, component: &'static str, wanted: &'static str) {
        self.injected.push((component, wanted));
    }

    pub(super) fn promised(&mut self, promise: Promise, answer: &str) {
        match promise {
            Promise::Acknowledgement { id, ordered } => self.acknowledged.push((id, ordered)),
            Promise::Silence => {
                let id = answer.trim_end().rsplit("; id: ").next().unwrap_or_default().to_owned();
                // Of two that were asked for before either was answered the second is answered with the first: it is one, and ends once.
                if !self.silences.iter().any(|(known, _)| *known == id) {
                    self.silences.push((id, Clock::start().now().wall));
                }
            }
        }
    }

    pub(super) fn asked_for_silence(&self) -> bool {
        !self.silences.is_empty()
    }

    pub(super) fn silences(&self) -> Vec<String> {
        self.silences.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Looks at what a kill has left.
    pub(super) fn killed(&mut self, database: &Path) {
        self.kills += 1;
        if !database.exists() {
            return;
        }
        // As the next daemon opens it: what the log holds is part of it.
        let db = rusqlite::Connection::open(database).unwrap();
        let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        if sound != "ok" {
            self.wrong.push(format!("after kill {}: {sound}", self.kills));
        }
        for (id, _) in &self.acknowledged {
            // What became worse since is to be seen to anew.
            let seen_to = "SELECT count(*) FROM incidents LEFT JOIN told ON incident = id WHERE id = ?1
                           AND (closed_at IS NOT NULL OR json_extract(state, '$.acknowledged_at') IS NOT NULL
                           OR json_extract(state, '$.outgrown_at') IS NOT NULL)";
            if db.query_row(seen_to, [id], |row| row.get::<_, u32>(0)).unwrap() != 1 {
                self.wrong.push(format!("after kill {}: {id} was acknowledged, and is not", self.kills));
            }
        }
        for (id, _) in &self.silences {
            let holds = "SELECT count(*) FROM silences WHERE id = ?1";
            if db.query_row(holds, [id], |row| row.get::<_, u32>(0)).unwrap() != 1 {
                self.wrong.push(format!("after kill {}: the silence {id} is gone", self.kills));
            }
        }
    }

    /// The components of which somebody has heard that something is amiss, and not that it is over.
    pub(super) fn still_open(arrivals: &[Arrival]) -> BTreeSet<String> {
        let mut open = BTreeSet::new();
        for word in arrivals.iter().map(|arrival| &arrival.word) {
            let component = word["incident"]["component"].as_str().unwrap_or_default().to_owned();
            match word["event"].as_str() {
                Some("incident_closed") => _ = open.remove(&component),
                _ => _ = open.insert(component),
            }
        }
        open
    }

    /// How many messages are stored and not delivered.
    pub(super) fn waiting(database: &Path) -> u32 {
        let count = "SELECT count(*) FROM outbox WHERE done_at IS NULL";
        look(database).and_then(|db| db.query_row(count, [], |row| row.get(0)).ok()).unwrap_or(u32::MAX)
    }

    /// Adds it all up.
    pub(super) fn close(mut self, database: &Path, desks: &[Desk; 2]) -> Count {
        let db = look(database).unwrap();
        let mut count = Count { kills: self.kills, injected: self.injected.len(), ..Count::default() };
        count.lost_transitions = self.transitions(&db);
        let rows = rows(&db);
        count.told = rows.len();
        for (name, desk) in ["desk", "noc"].into_iter().zip(desks) {
            let (got, own) = (desk.arrivals(), rows.iter().filter(|row| row.receiver == name).collect::<Vec<_>>());
            count.lost_notifications += self.delivered(name, &got, &own);
            count.same_key += got.len() - got.iter().map(|one| &one.key).collect::<BTreeSet<_>>().len();
            count.other_key += self.twice(&own);
            count.lost_notifications += self.told_whole(&db, name, &own);
            count.reminders += own.iter().filter(|row| row.event == "incident_reminder").count();
            for component in Self::still_open(&got) {
                self.wrong.push(format!("{name} does not know that {component} is well again"));
                count.lost_notifications += 1;
            }
        }
        (count.acknowledged, count.silences) = (self.acknowledged.len(), self.silences.len());
        count.wrong = self.wrong;
        count
    }

    /// Each component's stored states are those that were injected, in order, and no others.
    fn transitions(&mut self, db: &rusqlite::Connection) -> usize {
        let mut lost = 0;
        for (component, _) in COMPONENTS {
            let mut query = db
                .prepare("SELECT new FROM transitions WHERE subject = 'check' AND name = ?1 AND new <> 'unknown' ORDER BY id")
                .unwrap();
            let rows = query.query_map([component], |row| row.get::<_, String>(0)).unwrap();
            let mut stored: Vec<String> = rows.map(Result::unwrap).collect();
            // A start finds again what was there.
            stored.dedup();
            let injected: Vec<_> =
                self.injected.iter().filter(|(name, _)| *name == component).map(|(_, state)| *state).collect();
            if stored != injected {
                lost += injected.len().saturating_sub(stored.len()).max(1);
                self.wrong.push(format!("{component}: injected {injected:?}, stored {stored:?}"));
            }
        }
        lost
    }

    /// What was stored has arrived, in order; what has arrived was stored. How many are lost.
    fn delivered(&mut self, name: &str, got: &[Arrival], own: &[&Row]) -> usize {
        let taken: BTreeSet<_> = got.iter().filter(|one| one.taken).map(|one| one.key.as_str()).collect();
        let lost: Vec<_> =
            own.iter().filter(|row| !taken.contains(row.key.as_str()) || !row.done || row.given_up).collect();
        for row in &lost {
            let (done, given_up) = (row.done, row.given_up);
            self.wrong.push(format!("{name}: {} has not arrived (done {done}, given up {given_up})", row.key));
        }
        let mut seen = BTreeSet::new();
        let firsts: Vec<_> = got.iter().map(|one| one.key.as_str()).filter(|key| seen.insert(*key)).collect();
        let stored: Vec<_> = own.iter().map(|row| row.key.as_str()).collect();
        if lost.is_empty() && firsts != stored {
            self.wrong.push(format!("{name} got what was not stored, or not in its order: {firsts:?}, {stored:?}"));
        }
        lost.len()
    }

    /// How many say under another key what the one before them of the same incident said.
    fn twice(&mut self, own: &[&Row]) -> usize {
        let (mut last, mut unstable, mut seen_to) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut again = 0;
        for row in own {
            let (kind, news) = (row.event.as_str(), format!("{} {}", row.event, row.news));
            let before: Option<(String, Timestamp)> = last.insert(row.incident.as_str(), (news.clone(), row.at));
            // Whoever has heard of a fault beyond it, or of that one's end, hears anew that the rest goes to and fro.
            if matches!(kind, "incident_opened" | "incident_changed" | "incident_closed") {
                unstable.remove(row.component.as_str());
            }
            let too_soon = before.as_ref().is_some_and(|(_, at)| row.at.duration_since(*at).as_secs() < 60);
            let twice = match kind {
                "incident_reminder" => too_soon,
                // A component is unstable once, until it rests, or what goes to and fro is worse.
                "incident_unstable" => {
                    // It may have begun to with what is worse than what somebody saw to.
                    if seen_to.get(row.incident.as_str()).is_some_and(|seen| row.worst > *seen) {
                        seen_to.remove(row.incident.as_str());
                    }
                    unstable.insert(row.component.as_str(), row.worst).is_some_and(|before| row.worst <= before)
                }
                "incident_acknowledged" => seen_to.insert(row.incident.as_str(), row.verdict).is_some(),
                // What became worse is to be seen to anew.
                "incident_changed" if seen_to.remove(row.incident.as_str()).is_some() => false,
                _ => before.is_some_and(|(before, _)| before == news),
            };
            if twice {
                again += 1;
                self.wrong.push(format!("said again under another key: {} ({news})", row.key));
            }
        }
        again
    }

    /// Each incident that was not withheld has its beginning, its end and its acknowledgement. How many words are missing.
    fn told_whole(&mut self, db: &rusqlite::Connection, name: &str, own: &[&Row]) -> usize {
        let mut unstable = BTreeMap::new();
        for row in own.iter().filter(|row| row.event == "incident_unstable") {
            unstable.entry(row.component.as_str()).or_insert(row.at);
        }
        let has = |id: &str, event: &str| own.iter().find(|row| row.incident == id && row.event == event);
        // One whose answer a kill cut off may hold too. What goes to and fro in silence is told when it rests, to who has heard of it.
        let silenced = db.query_row("SELECT count(*) FROM silences", [], |row| row.get::<_, u32>(0)).unwrap() > 0;
        let mut missing = Vec::new();
        let mut query =
            db.prepare("SELECT id, component, opened_at, closed_at FROM incidents WHERE NOT settling").unwrap();
        let incidents = query.query_map([], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, String>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, Option<i64>>(3)?,
            ))
        });
        for (id, component, opened, closed) in incidents.unwrap().map(Result::unwrap) {
            let rests = |at: i64| unstable.get(component.as_str()).is_some_and(|since| moment(at) >= *since);
            let silent = component == SILENCED && silenced;
            // That it is unstable says of the incident with which that began that it is there.
            let turned = has(&id, "incident_unstable").is_some();
            if !silent && !turned && !rests(opened) && has(&id, "incident_opened").is_none() {
                missing.push(format!("{name}: nobody told of {id}"));
            }
            match closed {
                None => missing.push(format!("{id} is open for ever")),
                Some(closed) if !silent && !turned && !rests(closed) && has(&id, "incident_closed").is_none() => {
                    missing.push(format!("{name}: nobody told that {id} is over"));
                }
                Some(_) => {}
            }
        }
        for (id, ordered) in &self.acknowledged {
            let heard = has(id, "incident_opened").is_some_and(|row| row.at < *ordered);
            if heard && has(id, "incident_acknowledged").is_none() {
                missing.push(format!("{name}: nobody told that somebody sees to {id}"));
            }
            // Unless it was told to be another since, as what became worse is.
            let changed = |from: Timestamp, until: Timestamp| {
                let mut of_it = own.iter().filter(|row| row.incident == *id && row.event == "incident_changed");
                of_it.any(|row| from <= row.at && row.at <= until)
            };
            let is_late = |row: &&&Row, ack: &Row| {
                row.at > ack.at && !changed(ack.at, row.at) && row.event == "incident_reminder"
            };
            let ack = has(id, "incident_acknowledged");
            let reminded = ack.and_then(|ack| own.iter().find(|row| row.incident == *id && is_late(row, ack)));
            if let Some(row) = reminded {
                missing.push(format!("{name}: {} came after somebody saw to it", row.key));
            }
        }
        for (id, since) in &self.silences {
            let until: i64 = db.query_row("SELECT until FROM silences WHERE id = ?1", [id], |row| row.get(0)).unwrap();
            let heard = own.iter().filter(|row| row.component == SILENCED && *since < row.at && row.at < moment(until));
            let heard = heard.filter(|row| !matches!(row.event.as_str(), "incident_closed" | "incident_acknowledged"));
            missing.extend(heard.map(|row| format!("{name}: {} although there was silence", row.key)));
        }
        let count = missing.len();
        self.wrong.extend(missing);
        count
    }
}

fn moment(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap()
}

/// The outbox, in its own order.
fn rows(db: &rusqlite::Connection) -> Vec<Row> {
    let mut query = db.prepare(
        "SELECT key, receiver, payload, created_at, done_at IS NOT NULL, given_up IS NOT NULL FROM outbox ORDER BY id",
    );
    let rows = query.as_mut().unwrap().query_map([], |row| {
        let word: Value = serde_json::from_str(&row.get::<_, String>(2)?).unwrap();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let verdict = |value: &Value| Verdict::parse(&text(value)).unwrap_or(Verdict::Ready);
        let incident = &word["incident"];
        Ok(Row {
            key: row.get(0)?,
            receiver: row.get(1)?,
            event: text(&word["event"]),
            incident: text(&incident["id"]),
            component: text(&incident["component"]),
            verdict: verdict(&incident["verdict"]),
            worst: verdict(&incident["worst"]),
            news: format!("{} {}", incident["verdict"], incident["reasons"][0]["code"]),
            at: moment(row.get(3)?),
            done: row.get(4)?,
            given_up: row.get(5)?,
        })
    });
    rows.unwrap().map(Result::unwrap).collect()
}
