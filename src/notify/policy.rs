//! Which changes of incidents are told, and to whom. Pure: the same changes give the same notifications.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::payload::{Addressed, Event, Letter};
use crate::domain::{Incident, Lang, Notification, Verdict};

/// A change of an incident.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// It began.
    Opened(&'a Incident),
    /// Its verdict or its reasons are others now.
    Changed(&'a Incident),
    /// It is over.
    Closed(&'a Incident),
}

/// Why a change is told to nobody. Log, metrics and API use the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Withheld {
    /// It was found while the daemon was starting: that is how the room was, or how it looks at first, not news.
    Settling,
    /// Neither the verdict nor the leading reason is another than what was told last.
    NoNews,
    /// The config names no receiver.
    NoReceiver,
}

impl Withheld {
    /// All, in the order of metrics.
    pub const ALL: [Self; 3] = [Self::Settling, Self::NoNews, Self::NoReceiver];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settling => "settling",
            Self::NoNews => "no_news",
            Self::NoReceiver => "no_receiver",
        }
    }
}

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What was told last of an incident: its verdict and its leading reason.
type Told = (Verdict, Option<&'static str>);

/// The room that is spoken for.
#[derive(Clone, Debug)]
pub struct Room {
    /// Its name, for programs.
    pub name: Arc<str>,
    /// Its name for people.
    pub title: Arc<str>,
}

/// Decides who is told what.
#[derive(Clone, Debug)]
pub struct Policy {
    room: Room,
    zone: TimeZone,
    receivers: Vec<(Arc<str>, Lang)>,
    told: HashMap<String, Told>,
    made: u64,
}

impl Policy {
    /// A policy for the receivers given by name and language. `open` are the incidents restored from before a restart:
    /// what they are now has been told, but for those that were still withheld.
    pub fn new(room: Room, zone: TimeZone, receivers: Vec<(Arc<str>, Lang)>, open: &[Incident]) -> Self {
        let told = open.iter().filter(|incident| !incident.settling);
        let told = told.map(|incident| (incident.id.clone(), news(incident))).collect();
        Self { room, zone, receivers, told, made: 0 }
    }

    /// Speaks for this room, in this zone, to these receivers from now on, after a config was read anew.
    pub fn serve(&mut self, room: Room, zone: TimeZone, receivers: Vec<(Arc<str>, Lang)>) {
        (self.room, self.zone, self.receivers) = (room, zone, receivers);
    }

    /// Decides on one change, seen at `at`; `settling` while the daemon is.
    ///
    /// Creation may be suppressed, resolution never: what is over is told also where nobody heard of its beginning, since
    /// somebody may have seen it on the page. Only what came and went within one start is noise from end to end.
    ///
    /// # Errors
    /// Why nobody is told.
    pub fn decide(&mut self, change: Change<'_>, settling: bool, at: Timestamp) -> Result<Vec<Notification>, Withheld> {
        let (event, incident) = match change {
            Change::Opened(incident) => (Event::Opened, incident),
            Change::Changed(incident) => (Event::Changed, incident),
            Change::Closed(incident) => (Event::Closed, incident),
        };
        let news = news(incident);
        let before = match event {
            Event::Closed => self.told.remove(&incident.id),
            _ => self.told.get(&incident.id).copied(),
        };
        match event {
            // The judge tells both again when the settling is over, if it is still so.
            Event::Opened if settling || incident.settling => return Err(Withheld::Settling),
            Event::Changed if settling => return Err(Withheld::Settling),
            Event::Closed if settling && incident.settling => return Err(Withheld::Settling),
            Event::Changed if before == Some(news) => return Err(Withheld::NoNews),
            _ => {}
        }
        // Whoever has not heard of its beginning hears of that first.
        let event = if event == Event::Changed && before.is_none() { Event::Opened } else { event };
        if event != Event::Closed {
            self.told.insert(incident.id.clone(), news);
        }
        if self.receivers.is_empty() {
            return Err(Withheld::NoReceiver);
        }
        let receivers = self.receivers.clone();
        Ok(receivers.iter().map(|receiver| self.notification(receiver, event, Some(incident), at)).collect())
    }

    /// A test message for one receiver; `None` if the config names no such one.
    pub fn test(&mut self, receiver: &str, at: Timestamp) -> Option<Notification> {
        let receiver = self.receivers.iter().find(|(name, _)| **name == *receiver)?.clone();
        Some(self.notification(&receiver, Event::Test, None, at))
    }

    fn notification(
        &mut self,
        (receiver, lang): &(Arc<str>, Lang),
        event: Event,
        incident: Option<&Incident>,
        at: Timestamp,
    ) -> Notification {
        self.made += 1;
        let about = incident.map_or("test", |incident| &incident.id);
        // The moment tells processes apart, the number what one process makes in one moment.
        let key = format!("{about}.{}.{:x}.{:x}.{receiver}", event.as_str(), at.as_microsecond(), self.made);
        let room = Addressed { name: &self.room.name, title: &self.room.title };
        let letter = Letter { id: &key, event, room, at, zone: &self.zone, lang: *lang, incident };
        Notification {
            payload: letter.json().into(),
            key: key.into(),
            receiver: Arc::clone(receiver),
            incident: incident.map(|incident| incident.id.clone()),
            created_at: at,
            attempts: 0,
            next_attempt_at: at,
        }
    }
}

fn news(incident: &Incident) -> Told {
    (incident.verdict, incident.reasons.first().map(|reason| reason.def.code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Component, Reason, ReasonDef, Text};

    static LOSS: ReasonDef = ReasonDef::new("internet.loss_high", Text::new("x", "x"), Text::new("x", "x"));
    static DOWN: ReasonDef = ReasonDef::new("internet.down", Text::new("x", "x"), Text::new("x", "x"));

    fn room() -> Room {
        Room { name: "room".into(), title: "Room".into() }
    }

    fn incident(verdict: Verdict, reasons: &[&'static ReasonDef]) -> Incident {
        let at = Timestamp::UNIX_EPOCH;
        let reason = |def: &&'static ReasonDef| Reason { def, verdict, args: vec![], since: at, blocked_by: None };
        Incident {
            id: "internet-1".to_owned(),
            component: Component::Internet,
            worst: verdict,
            verdict,
            reasons: reasons.iter().map(reason).collect(),
            opened_at: at,
            closed_at: None,
            settling: false,
        }
    }

    fn policy(open: &[Incident]) -> Policy {
        let receivers = vec![("desk".into(), Lang::Id), ("noc".into(), Lang::En)];
        Policy::new(room(), TimeZone::UTC, receivers, open)
    }

    fn decide(policy: &mut Policy, change: Change<'_>, settling: bool) -> Result<usize, Withheld> {
        policy.decide(change, settling, Timestamp::UNIX_EPOCH).map(|all| all.len())
    }

    #[test]
    fn an_incident_is_told_to_everybody_from_beginning_to_end_each_in_their_language() {
        let mut policy = policy(&[]);
        let bad = incident(Verdict::NotReady, &[&DOWN]);
        let told = policy.decide(Change::Opened(&bad), false, Timestamp::UNIX_EPOCH).unwrap();
        let to: Vec<_> = told.iter().map(|one| &*one.receiver).collect();
        assert_eq!(to, ["desk", "noc"]);
        assert!(told[0].payload.contains(r#""lang":"id""#) && told[1].payload.contains(r#""lang":"en""#));
        assert!(told.iter().all(|one| one.incident.as_deref() == Some("internet-1")));
        assert_eq!(decide(&mut policy, Change::Changed(&incident(Verdict::Degraded, &[&LOSS])), false), Ok(2));
        assert_eq!(decide(&mut policy, Change::Closed(&incident(Verdict::Ready, &[&LOSS])), false), Ok(2));
    }

    #[test]
    fn keys_are_unique_even_within_one_moment() {
        let mut policy = policy(&[]);
        let mut keys = std::collections::HashSet::new();
        for reason in [&DOWN, &LOSS, &DOWN, &LOSS] {
            let bad = incident(Verdict::NotReady, &[reason]);
            for one in policy.decide(Change::Changed(&bad), false, Timestamp::UNIX_EPOCH).unwrap() {
                assert!(keys.insert(one.key.clone()), "{} twice", one.key);
            }
        }
        assert_eq!(keys.len(), 8);
    }

    #[test]
    fn what_was_found_at_a_start_is_not_announced_and_its_end_is() {
        let mut policy = policy(&[]);
        let found = Incident { settling: true, ..incident(Verdict::NotReady, &[&DOWN]) };
        assert_eq!(decide(&mut policy, Change::Opened(&found), true), Err(Withheld::Settling));
        // It lasts beyond the settling: whoever hears of it for the first time hears of its beginning.
        let lasting = Incident { settling: false, id: "internet-2".to_owned(), ..found.clone() };
        let told = policy.decide(Change::Changed(&lasting), false, Timestamp::UNIX_EPOCH).unwrap();
        assert!(told[0].payload.contains("incident_opened"), "{}", told[0].payload);
        assert_eq!(decide(&mut policy, Change::Changed(&lasting), false), Err(Withheld::NoNews));
        assert_eq!(decide(&mut policy, Change::Closed(&found), false), Ok(2));
        // Came and went within one start.
        assert_eq!(decide(&mut policy, Change::Opened(&found), true), Err(Withheld::Settling));
        assert_eq!(decide(&mut policy, Change::Closed(&found), true), Err(Withheld::Settling));
        // Told before the restart: its end is told although the daemon is settling.
        assert_eq!(decide(&mut policy, Change::Closed(&incident(Verdict::Ready, &[])), true), Ok(2));
    }

    #[test]
    fn what_an_open_incident_looks_like_at_a_start_is_not_told_and_what_it_is_after_it_is() {
        let open = incident(Verdict::NotReady, &[&DOWN]);
        let mut policy = policy(std::slice::from_ref(&open));
        let first_look = incident(Verdict::Unknown, &[&LOSS]);
        assert_eq!(decide(&mut policy, Change::Changed(&first_look), true), Err(Withheld::Settling));
        assert_eq!(decide(&mut policy, Change::Changed(&open), true), Err(Withheld::Settling));
        assert_eq!(decide(&mut policy, Change::Changed(&open), false), Err(Withheld::NoNews), "as before the restart");
        assert_eq!(decide(&mut policy, Change::Changed(&first_look), false), Ok(2));
    }

    #[test]
    fn a_change_that_says_nothing_new_is_withheld_over_a_restart_too() {
        let both = incident(Verdict::NotReady, &[&DOWN, &LOSS]);
        let mut policy = policy(std::slice::from_ref(&both));
        assert_eq!(decide(&mut policy, Change::Changed(&both), false), Err(Withheld::NoNews));
        let fewer = incident(Verdict::NotReady, &[&DOWN]);
        assert_eq!(decide(&mut policy, Change::Changed(&fewer), false), Err(Withheld::NoNews));
        assert_eq!(decide(&mut policy, Change::Changed(&incident(Verdict::Degraded, &[&DOWN])), false), Ok(2));
        assert_eq!(decide(&mut policy, Change::Changed(&incident(Verdict::Degraded, &[&LOSS])), false), Ok(2));
    }

    #[test]
    fn without_receivers_that_is_the_reason() {
        let mut policy = Policy::new(room(), TimeZone::UTC, vec![], &[]);
        let bad = incident(Verdict::NotReady, &[&DOWN]);
        assert_eq!(decide(&mut policy, Change::Opened(&bad), false), Err(Withheld::NoReceiver));
        assert_eq!(policy.test("desk", Timestamp::UNIX_EPOCH), None);
    }
}
