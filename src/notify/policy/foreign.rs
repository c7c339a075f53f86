//! Alerts of other systems: told once when they begin and once when they end, however often they are sent.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Decided, Event, Notification, Policy, Withheld, elapsed};
use crate::domain::{ForeignAlert, TakenAlerts};
use crate::notify::payload::{Addressed, Letter};

/// Before the id under which one is kept; no incident's id begins so.
const KEY: &str = "alert-";

/// One that has ended is remembered so long: whoever sends it again by mistake is not heard twice.
const REMEMBERED: Duration = Duration::from_hours(24);

/// What fires so soon after its end may be a late word of before: of a cluster each Alertmanager waits 15 s for the one before. It is told
/// after this if no end came again: whoever sends it with a short `group_interval` is silent now for hours. What fires later goes on, and
/// its sender had lost sight of it; the shipped `group_interval` has the next word after a minute.
const LATE: Duration = Duration::from_secs(45);

/// One of whose end nobody tells is taken to be over there when it was not sent again for so long (its sender is gone, or has
/// regrouped its alerts), so that it keeps no other from being told: it counts as open no more …
const UNHEARD: Duration = Duration::from_hours(7 * 24);

/// … and is forgotten after so long. Until then its end is told if it comes.
const FORGOTTEN: Duration = Duration::from_hours(31 * 24);

/// That it was sent again is noted no more often than this.
const NOTED: Duration = Duration::from_hours(1);

/// So many that have ended are remembered; then the oldest are forgotten.
const MOST_ENDED: usize = 200;

/// One that is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Known {
    alert: ForeignAlert,
    /// When it was heard of last.
    at: Timestamp,
    /// Who was told because a radio did not say it.
    #[serde(default)]
    instead: BTreeSet<Arc<str>>,
    /// Whether its beginning was told. An older version did not tell what began in a silence, and did not keep that.
    #[serde(default = "was_told")]
    told: bool,
    /// When it began anew after an end, or was heard of so late that there may have been one: its words have other keys then.
    #[serde(default)]
    anew: Option<Timestamp>,
    /// When it had ended before, if it has fired again since.
    #[serde(default)]
    ended: Option<Timestamp>,
}

const fn was_told() -> bool {
    true
}

impl Known {
    const fn is_over(&self) -> bool {
        self.alert.ended_at.is_some()
    }

    /// Whether somebody is still to hear of its beginning.
    const fn waits(&self) -> bool {
        !self.told && !self.is_over()
    }

    /// Whether that it fires may be a late word of before its end.
    fn may_be_late(&self, at: Timestamp) -> bool {
        self.ended.is_some_and(|ended| elapsed(ended, at) <= LATE)
    }

    /// A wall clock that was set back puts off nothing that waits for time to pass.
    pub(super) fn follow_clock(&mut self, at: Timestamp) {
        [&mut self.at].into_iter().chain(&mut self.ended).for_each(|moment| *moment = (*moment).min(at));
    }

    /// Whether it goes on, as far as is heard.
    fn is_heard_of(&self, at: Timestamp) -> bool {
        !self.is_over() && elapsed(self.at, at) <= UNHEARD
    }
}

impl Policy {
    /// Takes what another system sends.
    pub fn take_alerts(&mut self, alerts: Vec<ForeignAlert>, at: Timestamp) -> (TakenAlerts, Decided) {
        let (mut taken, mut decided) = (TakenAlerts::default(), Decided::default());
        let Some(inbound) = self.house.inbound.clone() else { return (taken, decided) };
        self.forget_alerts(at, &mut decided);
        // One that was forgotten for want of room may fire again.
        let is_full = self.alerts.values().filter(|known| known.is_over()).count() >= MOST_ENDED;
        for alert in alerts {
            let id = alert.id.clone();
            let before = self.alerts.get(&id).cloned();
            let again = |known: &&Known| alert.ended_at.is_none() && known.is_over();
            let ended = before.as_ref().filter(again).map(|known| known.at);
            let open = self.alerts.values().filter(|known| known.is_heard_of(at)).count();
            match before.filter(|_| ended.is_none()) {
                // Over before anybody heard of it.
                None if alert.ended_at.is_some() => taken.known += 1,
                None if !inbound.severities.contains(&alert.severity) => {
                    decided.withheld.insert(Withheld::NoRoute);
                    taken.known += 1;
                }
                None if open >= inbound.most => taken.refused += 1,
                None => {
                    let anew = ended.is_some() || is_full || elapsed(alert.since, at) > REMEMBERED;
                    let anew = anew.then_some(at);
                    let known = Known { alert, at, instead: BTreeSet::new(), told: false, anew, ended };
                    let may_be_late = known.may_be_late(at);
                    self.keep_alert(known, &mut decided);
                    if may_be_late {
                        taken.known += 1;
                        continue;
                    }
                    self.tell_begun(&id, at, &mut decided);
                    // It is silenced with everything else, and told when that has ended.
                    if self.is_all_silenced(at) {
                        decided.withheld.insert(Withheld::Silenced);
                    }
                    taken.begun += 1;
                }
                // Sent again.
                Some(known) if known.is_over() => taken.known += 1,
                Some(_) if alert.ended_at.is_none() => {
                    self.heard_again(&id, at, &mut decided);
                    self.tell_begun(&id, at, &mut decided);
                    taken.known += 1;
                }
                Some(known) => {
                    let known = Known { alert, at, ..known };
                    if known.told {
                        self.tell_alert(&known, Event::AlertEnded, at, &mut decided);
                        taken.ended += 1;
                    } else {
                        // Nobody has heard of its beginning, and unlike an incident it stands on no page.
                        if !known.may_be_late(at) {
                            decided.withheld.insert(Withheld::Silenced);
                        }
                        taken.known += 1;
                    }
                    self.keep_alert(known, &mut decided);
                }
            }
        }
        (taken, decided)
    }

    /// Tells what began in a silence that has ended, and what has fired again for so long that it is no late word.
    pub(super) fn tell_alerts(&mut self, at: Timestamp, decided: &mut Decided) {
        let waiting = self.alerts.iter().filter(|(_, known)| known.waits()).map(|(id, _)| id.clone());
        for id in waiting.collect::<Vec<_>>() {
            self.tell_begun(&id, at, decided);
        }
    }

    /// Whether one waits to be told.
    pub(super) fn has_untold_alerts(&self) -> bool {
        self.house.inbound.is_some() && self.alerts.values().any(Known::waits)
    }

    /// Tells that one began, if that is still to be told and nothing speaks against it.
    fn tell_begun(&mut self, id: &str, at: Timestamp, decided: &mut Decided) {
        let silenced = self.house.inbound.is_none() || self.is_all_silenced(at);
        let waits = |known: &&Known| known.waits() && known.is_heard_of(at) && !known.may_be_late(at) && !silenced;
        let Some(known) = self.alerts.get(id).filter(waits).cloned() else { return };
        let known = Known { told: true, ..known };
        self.tell_alert(&known, Event::AlertBegan, at, decided);
        self.keep_alert(known, decided);
    }

    /// Tells it to those whom the config names, and to those who heard of it because a radio did not say it.
    fn tell_alert(&self, known: &Known, event: Event, at: Timestamp, decided: &mut Decided) {
        let receivers = self.house.inbound.iter().flat_map(|inbound| &inbound.receivers).chain(&known.instead);
        decided.notifications.extend(receivers.filter_map(|name| self.alert_for(name, event, known, at)));
    }

    fn keep_alert(&mut self, known: Known, decided: &mut Decided) {
        decided.keep(&key(&known.alert.id), serde_json::to_string(&known).ok());
        self.alerts.insert(known.alert.id.clone(), known);
    }

    /// Whether a silence holds for everything.
    fn is_all_silenced(&self, at: Timestamp) -> bool {
        self.silences(at).any(|silence| silence.component.is_none())
    }

    /// Tells its beginning to `others`, who have not heard of it, unless it has ended, or is still to be told.
    pub(super) fn tell_alert_instead(&mut self, id: &str, others: &[Arc<str>], at: Timestamp, decided: &mut Decided) {
        let silenced = self.is_all_silenced(at);
        let Some(known) = self.alerts.get(id).filter(|known| known.told && !known.is_over() && !silenced) else {
            return;
        };
        let heard = self.house.inbound.as_ref().map(|inbound| &inbound.receivers);
        let has_heard =
            |other: &Arc<str>| known.instead.contains(other) || heard.is_some_and(|all| all.contains(other));
        let news: Vec<Arc<str>> = others.iter().filter(|other| !has_heard(other)).cloned().collect();
        if news.is_empty() {
            return;
        }
        let all = news.iter().filter_map(|name| self.alert_for(name, Event::AlertBegan, known, at));
        decided.notifications.extend(all);
        let known = Known { instead: known.instead.iter().cloned().chain(news).collect(), ..known.clone() };
        self.keep_alert(known, decided);
    }

    fn alert_for(&self, name: &str, event: Event, known: &Known, at: Timestamp) -> Option<Notification> {
        let (receiver, lang) = self.house.receivers.iter().find(|(known, _)| **known == *name)?;
        let about = key(&known.alert.id);
        // The same for ever, so that a restart between two messages tells it once; another after an end, or nobody would hear it.
        let anew = known.anew.map(|anew| format!(".{:x}", anew.as_microsecond())).unwrap_or_default();
        let id = format!("{about}.{}{anew}.{receiver}", event.as_str());
        let room = Addressed { name: &self.house.room.name, title: &self.house.room.title };
        let zone = &self.house.zone;
        let letter = Letter { id: &id, event, room, at, zone, lang: *lang, incident: None, alert: Some(&known.alert) };
        let payload = letter.json();
        Some(Notification::new(id, receiver, Some(about), payload, at))
    }

    /// One that is open is sent again: whoever sends it still has it.
    fn heard_again(&mut self, id: &str, at: Timestamp, decided: &mut Decided) {
        if let Some(known) = self.alerts.get_mut(id).filter(|known| elapsed(known.at, at) >= NOTED) {
            known.at = at;
            decided.keep(&key(id), serde_json::to_string(known).ok());
        }
    }

    fn forget_alerts(&mut self, at: Timestamp, decided: &mut Decided) {
        self.alerts.values_mut().for_each(|known| known.follow_clock(at));
        let mut ended: Vec<_> = self.alerts.values().filter(|known| known.is_over()).collect();
        ended.sort_by_key(|known| known.at);
        let surplus = ended.len().saturating_sub(MOST_ENDED);
        let old = |known: &Known| elapsed(known.at, at) > REMEMBERED;
        let gone = ended.into_iter().enumerate().filter(|(place, known)| *place < surplus || old(known));
        let open = self.alerts.values().filter(|known| !known.is_over());
        let unheard = open.filter(|known| elapsed(known.at, at) > FORGOTTEN);
        let gone: Vec<_> = gone.map(|(_, known)| known).chain(unheard).map(|known| known.alert.id.clone()).collect();
        for id in gone {
            self.alerts.remove(&id);
            decided.keep(&key(&id), None);
        }
    }
}

fn key(id: &str) -> String {
    format!("{KEY}{id}")
}

/// The id of the alert that is kept under `key`; none if that is an incident's.
pub(super) fn id_of(key: &str) -> Option<&str> {
    key.strip_prefix(KEY)
}

/// Those that an earlier process knew.
pub(super) fn known(kept: &HashMap<String, String>) -> BTreeMap<String, Known> {
    let all = kept.iter().filter(|(key, _)| key.starts_with(KEY));
    let all = all.filter_map(|(_, state)| serde_json::from_str::<Known>(state).ok());
    all.map(|known| (known.alert.id.clone(), known)).collect()
}

#[cfg(test)]
mod tests;
