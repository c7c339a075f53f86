//! What somebody who is told everything must have heard.

use std::collections::BTreeMap;

use siaga::domain::{Component, Incident, Notification, Verdict};
use siaga::engine::Event;

/// What makes it no worse is told when it has lasted so long, and has been looked at then, ms.
const LASTS: u64 = 120_000 + 20_000;
/// The time over which changes are counted for going to and fro, and how late its end may be found.
const WINDOW: u64 = 20 * 60_000;
const FOUND: u64 = 41_000;
/// So many changes in that time may be going to and fro, and so few are none any more (Nagios' limits, each change at most 1.2 of 20).
const FLAPS: usize = 5;
const RESTS: usize = 3;

/// What is amiss, as its newest word has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct News {
    verdict: Verdict,
    code: String,
}

/// An open incident.
#[derive(Clone, Debug)]
struct Open {
    news: News,
    since: u64,
    /// Since when somebody may be told of it.
    settled: bool,
}

/// The books of what is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    open: BTreeMap<Component, Open>,
    heard: BTreeMap<Component, News>,
    changes: BTreeMap<Component, Vec<u64>>,
    flaps: BTreeMap<Component, bool>,
}

fn news(incident: &Incident) -> News {
    let code = incident.leading().map(|reason| reason.def.code.to_owned()).unwrap_or_default();
    News { verdict: incident.verdict, code }
}

impl Told {
    pub(super) fn begins(&mut self, now: u64, open: &[Incident]) {
        let open = open.iter().map(|incident| {
            let open = Open { news: news(incident), since: now, settled: !incident.settling };
            (incident.component, open)
        });
        self.open = open.collect();
    }

    /// The wall clock was set back: changes of before may count as made now, and what waits to have lasted waits anew.
    pub(super) fn set_back(&mut self, now: u64) {
        self.changes.values_mut().flatten().for_each(|at| *at = now);
        self.open.values_mut().for_each(|open| open.since = now);
    }

    pub(super) fn happened(&mut self, now: u64, events: &[Event], words: &[Notification]) {
        for event in events {
            let (Event::IncidentOpened(incident) | Event::IncidentChanged(incident) | Event::IncidentClosed(incident)) =
                event
            else {
                continue;
            };
            self.changes.entry(incident.component).or_default().push(now);
            if matches!(event, Event::IncidentClosed(_)) {
                self.open.remove(&incident.component);
                continue;
            }
            let news = news(incident);
            let before = self.open.get(&incident.component).filter(|before| before.news == news);
            let since = before.map_or(now, |before| before.since);
            self.open.insert(incident.component, Open { news, since, settled: !incident.settling });
        }
        for word in words {
            let document: serde_json::Value = serde_json::from_str(&word.payload).unwrap();
            let incident = &document["incident"];
            let said = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let Some(component) = Component::ALL.into_iter().find(|one| one.as_str() == incident["component"]) else {
                continue;
            };
            if document["event"] == "incident_closed" {
                self.heard.remove(&component);
            } else {
                let verdict = Verdict::parse(&said(&incident["verdict"])).unwrap();
                let reasons = incident["reasons"].as_array().map(Vec::as_slice).unwrap_or_default();
                let as_bad = reasons.iter().find(|reason| reason["verdict"] == incident["verdict"]);
                let leading = as_bad.or(reasons.first()).map(|reason| said(&reason["code"]));
                self.heard.insert(component, News { verdict, code: leading.unwrap_or_default() });
            }
        }
    }

    /// Whether a component may be going to and fro, so that nothing is told of it.
    fn flaps(&mut self, component: Component, now: u64) -> bool {
        let changes = self.changes.entry(component).or_default();
        changes.retain(|at| at + WINDOW + FOUND >= now);
        let within = changes.iter().filter(|at| **at + WINDOW >= now).count();
        let flaps = self.flaps.entry(component).or_default();
        *flaps = if *flaps { changes.len() > RESTS } else { within >= FLAPS };
        *flaps
    }

    /// What somebody should have heard and has not; `settled` is when the process's first moments are over.
    pub(super) fn hold(&mut self, now: u64, settled: u64) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        for component in Component::ALL {
            if self.flaps(component, now) {
                continue;
            }
            let (open, heard) = (self.open.get(&component), self.heard.get(&component));
            let what = match (open, heard) {
                (None, None) => continue,
                (None, Some(heard)) => format!("{component}: heard was {heard:?}, and not that it is over"),
                // What was found at a start is told once that is over.
                (Some(open), _) if now < settled + 1 || !open.settled => continue,
                (Some(open), None) => format!("{component}: nobody has heard of {:?}", open.news),
                (Some(open), Some(heard)) => {
                    let worse = open.news.verdict > heard.verdict;
                    if open.news == *heard || (!worse && now <= open.since.max(settled) + LASTS) {
                        continue;
                    }
                    format!("{component}: heard was {heard:?}, and since {} it is {:?}", open.since, open.news)
                }
            };
            wrong.push((format!("told {component}"), what));
        }
        wrong
    }
}
