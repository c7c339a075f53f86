//! Which changes of incidents are told, and to whom. Pure: the same changes at the same moments give the same notifications.
//!
//! ```text
//!  change, moment, order ──▶ what each receiver should have heard of each open incident
//!                            what it has heard ──▶ the difference is told, or withheld with its reason
//! ```
//!
//! Because it is the difference that is told, the end of a silence, of a maintenance window or of the night needs no event of
//! its own: [`Policy::tick`] looks again. Creation may be suppressed, resolution never: what is over is told also where nobody
//! heard of its beginning, since somebody may have seen it on the page.

mod drill;
mod flap;
mod foreign;
mod house;
mod hushed;
mod roll_call;
mod routed;
mod session;
mod sheet;
mod state;
mod unsaid;
mod unsteady;
mod withheld;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::payload::{Addressed, Event, Letter};
use super::routes::Moment;
use crate::domain::{Component, Handled, Handling, Incident, Lang, Notification, Phase, Silence};
pub use drill::Drill;
use flap::Flap;
pub use house::{Change, Decided, House, Left, Room};
pub use session::{SessionNews, about};
pub use sheet::SheetNews;
use state::{News, Open, State};
pub use unsaid::Unsaid;
use unsteady::flap_key;
pub use withheld::Withheld;

/// How soon it is looked again while something is open: hours, windows and silences begin and end with a minute's accuracy.
const LOOK: Duration = Duration::from_secs(20);

/// How long a change that makes it no worse lasts before it is told: what recovers, recovers in steps, and then it is over.
const LASTS: Duration = Duration::from_mins(2);

/// Decides who is told what.
#[derive(Clone, Debug)]
pub struct Policy {
    house: House,
    open: BTreeMap<String, Open>,
    silences: Vec<Silence>,
    /// Those of them that were asked for in this process, by id.
    wished: BTreeSet<Arc<str>>,
    /// Those that a jump of the wall clock has ended, and when by that clock.
    doubted: Vec<(Timestamp, Silence)>,
    /// When it was looked at last.
    looked_at: Option<Timestamp>,
    flaps: HashMap<Component, Flap>,
    /// Of a component that flaps: the incident that closed last, with those who had heard of it.
    closed: HashMap<Component, Open>,
    phase: Phase,
    /// The dates on which the roll was called.
    called: Vec<jiff::civil::Date>,
    drill: Option<Drill>,
    /// Of other systems, by id.
    alerts: BTreeMap<String, foreign::Known>,
    made: u64,
}

impl Policy {
    /// A policy that goes on where an earlier process left off.
    pub fn new(house: House, left: Left) -> Self {
        let drilled = left.drill.iter().map(|drill| drill.incident.clone());
        let open = left.open.into_iter().chain(drilled).map(|incident| {
            let kept = left.kept.get(&incident.id).and_then(|kept| State::restored(kept, &incident));
            let state = kept.unwrap_or_else(|| {
                let mut state = State::default();
                for (receiver, _) in house.receivers.iter().filter(|_| !incident.settling) {
                    state.tell(Arc::clone(receiver), News::of(&incident), incident.opened_at);
                }
                state
            });
            (incident.id.clone(), Open { since: incident.opened_at, incident, state })
        });
        let open = open.collect();
        let kept = |key: &str| left.kept.get(key);
        let flaps = Component::ALL
            .into_iter()
            .filter_map(|component| Some((component, serde_json::from_str(kept(&flap_key(component))?).ok()?)));
        let flaps = flaps.collect();
        let closed = left.closed.into_iter().filter_map(|incident| {
            let state = State::restored(kept(&incident.id)?, &incident)?;
            Some((incident.component, Open { since: incident.opened_at, incident, state }))
        });
        let closed = closed.collect();
        let called = roll_call::called(&left.kept);
        let alerts = foreign::known(&left.kept);
        Self {
            house,
            open,
            silences: left.silences,
            wished: BTreeSet::new(),
            doubted: Vec::new(),
            looked_at: None,
            flaps,
            closed,
            phase: Phase::default(),
            called,
            drill: left.drill,
            alerts,
            made: 0,
        }
    }

    /// Follows a config that was read anew.
    pub fn serve(&mut self, house: House) {
        self.house = house;
    }

    /// Follows the agenda. What a route of the new phase leads to somebody is told by the next [`Policy::tick`].
    pub const fn enter(&mut self, phase: Phase) {
        self.phase = phase;
    }

    const fn when(&self, at: Timestamp) -> Moment<'_> {
        Moment { at, zone: &self.house.zone, phase: self.phase }
    }

    /// Decides on one change, seen at `at`; `settling` while the daemon is.
    pub fn decide(&mut self, change: Change<'_>, settling: bool, at: Timestamp) -> Decided {
        let mut decided = Decided::default();
        self.follow_clock(at, &mut decided);
        let (Change::Opened(incident) | Change::Changed(incident) | Change::Closed(incident)) = change;
        let before = self.open.get(&incident.id).map(|open| open.incident.verdict);
        let to_and_fro = flap::counts(change, before);
        let flapped = self.flaps.get(&incident.component).cloned();
        // What was there at a start does not go to and fro.
        if to_and_fro && !settling && !incident.settling {
            let worst = before.map_or(incident.verdict, |before| before.max(incident.verdict));
            self.flaps.entry(incident.component).or_default().change(worst, at);
        }
        let open = self.open.entry(incident.id.clone()).or_insert_with(|| {
            let state = State::default();
            // Kept although nobody has heard of it: the next process would else take it for told.
            decided.keep(&incident.id, Some(state.json()));
            Open { incident: incident.clone(), state, since: at }
        });
        if News::of(&open.incident) != News::of(incident) {
            open.since = at;
        }
        open.incident = incident.clone();
        // While the daemon settles it is not known yet what the component does: it is looked at by the first moment after it.
        let flap = self.flaps.get_mut(&incident.component).filter(|_| !settling);
        let (rests, over) = (flap.and_then(|flap| flap.look(at)) == Some(false), matches!(change, Change::Closed(_)));
        if rests && !over {
            self.tell_rest(incident.component, at, &mut decided);
        }
        if self.flaps.get(&incident.component) != flapped.as_ref() {
            self.keep_flap(incident.component, &mut decided);
        }
        if over {
            // Of what was kept back and is worse than what goes to and fro the end is told.
            let held_back = |verdict| self.flaps.get(&incident.component).is_some_and(|flap| flap.holds_back(verdict));
            let was_kept_back = self.open.get(&incident.id).is_some_and(|open| open.state.kept_back);
            let is_beyond = was_kept_back && !held_back(incident.worst);
            if !is_beyond && self.keeps_quiet(incident, settling, at) == Some(Withheld::Flapping) {
                self.tell_unstable(&incident.id, at, &mut decided);
            }
            self.close(&incident.id, settling, at, &mut decided);
        } else {
            self.reconcile(&incident.id, settling, at, &mut decided);
        }
        decided
    }

    /// Looks again, because time has passed: silences and windows that have ended, hours that have begun, reminders,
    /// escalations, components that have come to rest.
    pub fn tick(&mut self, settling: bool, at: Timestamp) -> Decided {
        let mut decided = Decided::default();
        self.follow_clock(at, &mut decided);
        let turned = self.flaps.iter_mut().filter(|_| !settling);
        let turned = turned.filter_map(|(component, flap)| Some((*component, flap.look(at)?)));
        for (component, flaps) in turned.collect::<Vec<_>>() {
            if !flaps {
                self.tell_rest(component, at, &mut decided);
            }
            self.keep_flap(component, &mut decided);
        }
        // Where it is not known any more that it did go to and fro, its rest is owed all the same.
        let flaps = |component: &Component| self.flaps.get(component).is_some_and(Flap::is_flapping);
        let owed: Vec<_> = self.closed.keys().copied().filter(|component| !settling && !flaps(component)).collect();
        for component in owed {
            self.tell_rest(component, at, &mut decided);
        }
        let all: Vec<_> = self.open.keys().cloned().collect();
        for id in all {
            self.reconcile(&id, settling, at, &mut decided);
            self.remind(&id, settling, at, &mut decided);
            self.refresh(&id, settling, at, &mut decided);
        }
        self.refresh_closed(settling, at, &mut decided);
        self.tell_alerts(at, &mut decided);
        // Nothing has happened, so that there is nothing that anybody was not told of.
        decided.withheld.clear();
        decided
    }

    fn follow_clock(&mut self, at: Timestamp, decided: &mut Decided) {
        self.open.values_mut().chain(self.closed.values_mut()).for_each(|open| open.follow_clock(at));
        self.flaps.values_mut().for_each(|flap| flap.follow_clock(at));
        self.alerts.values_mut().for_each(|alert| alert.follow_clock(at));
        self.end_silences(at);
        self.begin_silences_now(at, decided);
    }

    /// In how long to [`Policy::tick`] again; `None` while nothing waits for time to pass.
    pub fn next_look(&self) -> Option<Duration> {
        let flaps = self.flaps.values().any(Flap::is_flapping);
        let waits = !self.open.is_empty()
            || !self.closed.is_empty()
            || flaps
            || !self.silences.is_empty()
            || !self.doubted.is_empty()
            || self.has_untold_alerts();
        waits.then_some(LOOK)
    }

    /// Somebody sees to an incident: who heard of it hears that too, and no reminder or escalation comes any more, until it becomes worse
    /// than it is now. `None` if no such incident is open.
    pub fn acknowledge(&mut self, id: &str, at: Timestamp) -> Option<Decided> {
        let open = self.open.get_mut(id)?;
        let mut decided = Decided::default();
        let before = open.state.clone();
        // Who sees to what goes to and fro sees to all of it.
        let flap = self.flaps.get(&open.incident.component).filter(|_| !open.incident.is_drill());
        let verdict =
            flap.and_then(Flap::worst).map_or(open.incident.verdict, |worst| worst.max(open.incident.verdict));
        if open.state.acknowledge(verdict, at) {
            let open = open.clone();
            let heard = open.state.told.keys();
            for receiver in heard.cloned().collect::<Vec<_>>() {
                self.tell(&receiver, Event::Acknowledged, &open.incident, at, &mut decided);
            }
        }
        let after = self.open.get(id).filter(|open| open.state != before);
        decided.kept.extend(after.map(|open| (id.to_owned(), Some(open.state.json()))));
        Some(decided)
    }

    /// The incidents that are open, oldest first, and whether somebody sees to them.
    pub fn open(&self) -> Vec<(&Incident, bool)> {
        let mut all: Vec<_> =
            self.open.values().map(|open| (&open.incident, open.state.acknowledged_at.is_some())).collect();
        all.sort_by_key(|(incident, _)| incident.opened_at);
        all
    }

    /// When an open incident was last found to be worse than what somebody had said that they see to.
    pub fn outgrown_at(&self, id: &str) -> Option<Timestamp> {
        self.open.get(id)?.state.outgrown_at
    }

    /// What is done about what is open, for readers.
    pub fn handling(&self) -> Handling {
        let handled =
            |state: &State| Handled { acknowledged_at: state.acknowledged_at, escalated_at: state.escalated_at };
        let in_the_room = |open: &&Open| {
            let told = self.house.rooms.iter().any(|room| open.state.told.contains_key(room));
            told && open.state.acknowledged_at.is_none()
        };
        let mut banner: Vec<_> = self.open.values().filter(in_the_room).map(|open| open.incident.clone()).collect();
        banner.sort_by_key(|incident| incident.opened_at);
        Handling {
            banner,
            incidents: self.open.iter().map(|(id, open)| (id.clone(), handled(&open.state))).collect(),
            silences: self.silences.clone(),
            drill: self.drill.as_ref().map(Drill::practised),
        }
    }

    /// A test message for one receiver; `None` if the config names no such one.
    pub fn test(&mut self, receiver: &str, at: Timestamp) -> Option<Notification> {
        let receiver = self.house.receivers.iter().find(|(name, _)| **name == *receiver)?.clone();
        Some(self.notification(&receiver, Event::Test, None, at))
    }

    /// Tells each receiver what it should have heard of an open incident and has not.
    fn reconcile(&mut self, id: &str, settling: bool, at: Timestamp, decided: &mut Decided) {
        let Some(open) = self.open.get(id) else { return };
        let (incident, news) = (open.incident.clone(), News::of(&open.incident));
        let (mut state, lasted) = (open.state.clone(), elapsed(open.since, at));
        let quiet = self.keeps_quiet(&incident, settling, at);
        // How it looks at a start is not how it is. Who sees to what goes to and fro sees to all of it; not who saw to something milder
        // before it did.
        let flap = self.flaps.get(&incident.component).filter(|_| !incident.is_drill());
        let seen = match quiet {
            Some(Withheld::Settling) => None,
            Some(Withheld::Flapping) => flap.and_then(Flap::worst),
            _ => Some(incident.verdict),
        };
        if let Some(verdict) = seen {
            state.follow_verdict(verdict, at);
        }
        // Also before anything goes to and fro: what begins to after it may be milder.
        let is_worse = !incident.is_drill() && flap.is_none_or(|flap| !flap.holds_back(incident.verdict));
        match quiet {
            Some(Withheld::Silenced | Withheld::Maintenance) => state.kept_back |= is_worse,
            Some(Withheld::Settling) => {}
            // Whoever may hear of it hears now what it is.
            _ => state.kept_back = false,
        }
        if self.house.receivers.is_empty() {
            let why = if quiet == Some(Withheld::Settling) { Withheld::Settling } else { Withheld::NoReceiver };
            decided.withheld.insert(why);
            return self.keep(id, state, decided);
        }
        if quiet == Some(Withheld::Flapping) {
            self.keep(id, state, decided);
            return self.tell_unstable(id, at, decided);
        }
        for (receiver, _) in self.house.receivers.clone() {
            let told = state.told.get(&receiver);
            if let Some(why) = quiet {
                decided.withheld.insert(why);
            } else if told.is_some_and(|told| told.news == news) {
                state.hears_nothing_new(&receiver, at);
                decided.withheld.insert(Withheld::NoNews);
            } else if told.is_some_and(|told| !news.is_worse_than(&told.news)) && lasted < LASTS {
                decided.withheld.insert(Withheld::Passing);
            } else if told.is_some() || self.is_for(&receiver, &incident, &state, at) {
                // Whoever has not heard of its beginning hears of that first.
                let event = if told.is_some() { Event::Changed } else { Event::Opened };
                self.tell(&receiver, event, &incident, at, decided);
                if event == Event::Opened && state.acknowledged_at.is_some() {
                    // Somebody saw it on the page before anybody was told.
                    self.tell(&receiver, Event::Acknowledged, &incident, at, decided);
                }
                if event == Event::Opened && !self.is_led(&receiver, &incident, at) {
                    state.escalated_at.get_or_insert(at);
                }
                state.tell(receiver, news.clone(), at);
            } else {
                decided.withheld.insert(Withheld::NoRoute);
            }
        }
        self.keep(id, state, decided);
    }

    /// Why nobody is told of an incident now. That its component goes to and fro comes last: for any other reason nobody is told
    /// that either.
    fn keeps_quiet(&self, incident: &Incident, settling: bool, at: Timestamp) -> Option<Withheld> {
        let component = incident.component;
        if settling || incident.settling {
            // The judge tells it again when the settling is over, if it is still so.
            Some(Withheld::Settling)
        } else if self.silences(at).any(|silence| silence.component.is_none_or(|silenced| silenced == component)) {
            Some(Withheld::Silenced)
        } else if self.house.maintenance.iter().any(|window| window.covers(component, at, &self.house.zone)) {
            Some(Withheld::Maintenance)
        } else {
            let flap = self.flaps.get(&component);
            flap.is_some_and(|flap| flap.holds_back(incident.verdict)).then_some(Withheld::Flapping)
        }
    }

    /// It is over: who has heard of it hears that, and who would have but for a silence or a window.
    fn close(&mut self, id: &str, settling: bool, at: Timestamp, decided: &mut Decided) {
        let Some(mut open) = self.open.remove(id) else { return };
        decided.keep(id, None);
        // That it goes to and fro is no word of this one.
        let told_of_it = open.state.told.iter().filter(|(_, told)| told.news != News::well());
        let told_of_it: BTreeSet<_> = told_of_it.map(|(receiver, _)| Arc::clone(receiver)).collect();
        if let Some(before) = self.closed.remove(&open.incident.component) {
            decided.keep(&before.incident.id, None);
            open.state.follow(&before.state);
            // What they have heard of this one is newer.
            for (receiver, told) in before.state.told {
                open.state.told.entry(receiver).or_insert(told);
            }
        }
        if self.house.receivers.is_empty() {
            decided.withheld.insert(Withheld::NoReceiver);
            return;
        }
        let incident = open.incident.clone();
        let flapping = self.flaps.get(&incident.component).is_some_and(Flap::is_flapping);
        let is_part = self.flaps.get(&incident.component).is_some_and(|flap| flap.holds_back(incident.worst));
        for (receiver, _) in self.house.receivers.clone() {
            let heard = open.state.told.contains_key(&receiver);
            let led = self.house.routes.is_empty()
                || self
                    .house
                    .routes
                    .iter()
                    .any(|route| route.receivers.contains(&receiver) && route.fitted(&incident, self.when(at)));
            let is_noise = settling && incident.settling;
            // Worse than all that goes to and fro, and over before they might hear of it: its end is told as any other's.
            let is_fault = led && open.state.kept_back && !is_part && !is_noise && !told_of_it.contains(&receiver);
            if is_noise && !heard {
                // It came and went within one start: noise from end to end.
                decided.withheld.insert(Withheld::Settling);
            } else if flapping && !is_fault && !self.heard_beyond(incident.component, &open.state, &receiver) {
                decided.withheld.insert(Withheld::Flapping);
            } else if heard || led {
                open.state.told.remove(&receiver);
                self.tell(&receiver, Event::Closed, &incident, at, decided);
                // They take it for mended: where it goes to and fro all the same, they hear that anew.
                if let Some(flap) = self.flaps.get_mut(&incident.component)
                    && flap.heard.remove(&receiver)
                {
                    self.keep_flap(incident.component, decided);
                }
            } else {
                decided.withheld.insert(Withheld::NoRoute);
            }
        }
        if flapping {
            decided.keep(id, Some(open.state.json()));
            self.closed.insert(open.incident.component, open);
        }
    }

    fn keep(&mut self, id: &str, state: State, decided: &mut Decided) {
        let Some(open) = self.open.get_mut(id) else { return };
        if open.state != state {
            decided.keep(id, Some(state.json()));
            open.state = state;
        }
    }

    fn tell(&mut self, receiver: &Arc<str>, event: Event, incident: &Incident, at: Timestamp, decided: &mut Decided) {
        // Somebody whom the config names no more is told nothing more.
        let Some(receiver) = self.house.receivers.iter().find(|(name, _)| name == receiver).cloned() else { return };
        decided.notifications.push(self.notification(&receiver, event, Some(incident), at));
    }

    fn notification(
        &mut self,
        (receiver, lang): &(Arc<str>, Lang),
        event: Event,
        incident: Option<&Incident>,
        at: Timestamp,
    ) -> Notification {
        self.made += 1;
        let about = match incident {
            Some(incident) => &incident.id,
            None if event == Event::RollCall => "room",
            None => "test",
        };
        // The moment tells processes apart, the number what one process makes in one moment.
        let key = format!("{about}.{}.{:x}.{:x}.{receiver}", event.as_str(), at.as_microsecond(), self.made);
        let House { room, zone, .. } = &self.house;
        let room = Addressed { name: &room.name, title: &room.title };
        let letter = Letter { id: &key, event, room, at, zone, lang: *lang, incident, alert: None };
        let payload = letter.json();
        Notification::new(key, receiver, incident.map(|incident| incident.id.clone()), payload, at)
    }
}

/// The time since then; none where the clock was set back.
fn elapsed(since: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(since)).unwrap_or_default()
}

#[cfg(test)]
mod outgrown;
#[cfg(test)]
mod set_back;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod unheard;
