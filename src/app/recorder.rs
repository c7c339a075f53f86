//! The recorder: what happened goes into the store with what is to be said about it, before anybody is told.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot, watch};

use super::drill::{self, Scene};
use super::practice::{Begun, NoDrill};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::sheet::Written;
use crate::domain::{
    ForeignAlert, Handling, Incident, Lang, Mono, Now, Observation, Phase, Silence, Snapshot, TakenAlerts, in_full,
};
use crate::engine::{self, Event, SETTLING};
use crate::notify::policy::{Change, Decided, Drill, House, Left, Room, SessionNews, SheetNews, Withheld};
use crate::notify::{Poke, Policy, Stats, Unsaid};
use crate::probe;
use crate::store::{Batch, Booked, Catalogue, Kept, Retention, Store, StoreError};

/// How the store finds the words of its rows again.
pub fn catalogue() -> Catalogue {
    Catalogue { reason: probe::reason, quantity: probe::quantity }
}

/// How long rows are kept, as the config says.
pub fn retention(said: &crate::config::Store) -> Retention {
    Retention {
        transitions: said.retention_transitions,
        evidence: said.retention_evidence,
        minutes: said.retention_minutes,
        observations: said.retention_observations,
        outbox: said.retention_notifications,
        audit: said.retention_audit,
        sessions: said.retention_sessions,
    }
}

/// So often a disk that fails at the start is asked again, and after so long each time.
const FAULTS: u32 = 3;
const FAULT: Duration = Duration::from_secs(1);

/// What an earlier process left; nothing if the disk does not give it in time.
pub async fn restore(store: &Store, patience: Duration) -> (engine::Restored, Left, Option<Booked>) {
    let asked = async {
        let mut faults = 0;
        loop {
            match store.restore().await {
                // A lock that somebody holds, a disk that is only coming: who was told what, and what is silenced, is worth seconds.
                Err(error @ StoreError::Unavailable(_)) if faults < FAULTS => {
                    tracing::warn!(error = in_full(&error), "siaga waits for what an earlier process left");
                    faults += 1;
                    tokio::time::sleep(FAULT).await;
                }
                // A cold disk, just after a power cut, may need longer to look through the file than anybody else waits for it.
                Err(StoreError::Stuck) => {
                    tracing::warn!("the disk is slow; siaga waits for what an earlier process left");
                }
                answered => break answered,
            }
        }
    };
    match tokio::time::timeout(patience, asked).await {
        Ok(Ok(left)) => {
            let told = Left {
                open: left.open_incidents.clone(),
                closed: left.closed_incidents,
                drill: drill::restored(left.told.get(Drill::KEY)),
                kept: left.told,
                silences: left.silences,
            };
            let judged = engine::Restored {
                observations: left.observations.into_iter().map(|(observation, _)| observation).collect(),
                incidents: left.open_incidents,
                standings: left.standings,
                live: None,
            };
            (judged, told, Some((left.sessions, left.notices, left.sheets)))
        }
        Ok(Err(error)) => {
            tracing::error!(
                error = in_full(&error),
                "what an earlier process left cannot be read; siaga begins without it"
            );
            Default::default()
        }
        Err(_) => {
            tracing::error!("the disk is slow; siaga begins without what an earlier process left");
            Default::default()
        }
    }
}

/// Decides who is told what, and sees to it that it is stored first.
pub struct Recorder {
    /// Where it is stored.
    pub store: Store,
    /// Who is told what.
    pub policy: Policy,
    /// To the deliverer.
    pub poke: Poke,
    /// What was withheld.
    pub stats: Stats,
    /// The clocks.
    pub clock: Clock,
    /// A config that was read anew: who is told from now on.
    pub configs: watch::Receiver<Arc<Config>>,
    /// What the agenda says.
    pub phase: watch::Receiver<Phase>,
    /// The room, as the judge has it.
    pub snapshot: watch::Receiver<Arc<Snapshot>>,
    /// Whether it is in use: a drill ends when it comes to be.
    pub in_use: watch::Receiver<bool>,
    /// When the drill that is under way ends by itself.
    pub drill_ends: Mono,
    /// What is done about what is open, for readers.
    pub handling: watch::Sender<Arc<Handling>>,
}

/// No drill lasts longer, whatever the clock was when it began.
pub const LONGEST_DRILL: Duration = Duration::from_mins(30);

/// What the desk asks of it, for somebody.
pub enum Ask {
    /// A test message.
    Test {
        /// For this receiver.
        receiver: Arc<str>,
        /// Its key, once it is stored; none where the config names no such receiver.
        made: oneshot::Sender<Option<Arc<str>>>,
    },
    /// That somebody sees to an incident.
    Acknowledge {
        /// Which.
        incident: String,
        /// Its id, once it is stored; else the ids of those that are open.
        done: oneshot::Sender<Result<String, Vec<String>>>,
    },
    /// Which incidents are open, and which is practised: their ids, and when each became worse than what somebody had said that they
    /// see to.
    Open(oneshot::Sender<Vec<(String, Option<Timestamp>)>>),
    /// A silence, or (with an `until` that is not after its `from`) its end.
    Silence {
        /// Which.
        silence: Silence,
        /// When it is stored.
        done: oneshot::Sender<()>,
    },
    /// What was found of a booked meeting is written down, and told.
    Session {
        /// What, and to whom.
        news: Box<SessionNews>,
        /// When it is stored.
        done: oneshot::Sender<()>,
    },
    /// What of a run sheet has become late, or was made up for, is written down, and told.
    Sheet {
        /// What, and to whom.
        news: Box<SheetNews>,
        /// When it is stored.
        done: oneshot::Sender<()>,
    },
    /// A drill.
    Drill {
        /// Of what.
        scene: &'static Scene,
        /// For how long.
        length: Duration,
        /// When it is stored: who is told, or why there is none.
        done: oneshot::Sender<Result<Begun, NoDrill>>,
    },
    /// Alerts of another system.
    Alerts {
        /// As it sends them.
        alerts: Vec<ForeignAlert>,
        /// What became of them, once it is stored.
        done: oneshot::Sender<TakenAlerts>,
    },
    /// The end of the drill that is under way; whether there was one.
    EndDrill(oneshot::Sender<bool>),
    /// The silences that hold.
    Silences(oneshot::Sender<Vec<Silence>>),
}

impl Recorder {
    /// Records until the judge has ended.
    pub async fn run(
        mut self,
        mut happened: mpsc::Receiver<Vec<Event>>,
        mut asks: mpsc::Receiver<Ask>,
        mut unsaid: mpsc::Receiver<Unsaid>,
    ) -> Self {
        let mut look = Mono::NEVER;
        loop {
            self.show();
            let now = self.clock.now();
            let wanted = [self.policy.next_look(), self.policy.roll_call_in(now.wall), self.drill_ends_in()];
            let wanted = wanted.into_iter().flatten().min();
            look = next_look(look, wanted, now.mono);
            tokio::select! {
                biased;
                () = self.clock.sleep_until(look) => {
                    look = Mono::NEVER;
                    self.look().await;
                }
                events = happened.recv() => match events {
                    Some(events) => self.record(events).await,
                    None => return self,
                },
                Some(ask) = asks.recv() => self.answer(ask).await,
                Some(unsaid) = unsaid.recv() => self.tell_instead(&unsaid).await,
                Ok(()) = self.configs.changed() => {
                    // A roll call may be due by it.
                    self.serve();
                    self.look().await;
                }
                Ok(()) = self.phase.changed() => self.look().await,
                Ok(()) = self.in_use.changed() => self.look().await,
            }
        }
    }

    /// Whether the judge settles. By its own beginning, which is later than the process's: what is told must not differ from what it says.
    pub(super) fn is_settling(&self) -> bool {
        self.clock.mono() < self.snapshot.borrow().started.mono.after(SETTLING)
    }

    /// Tells what has become due by time alone.
    pub async fn look(&mut self) {
        self.follow();
        self.look_at_drill().await;
        let settling = self.is_settling();
        let decided = self.policy.tick(settling, self.clock.now().wall);
        if decided != Decided::default() {
            let Decided { notifications, kept: told, silences, .. } = decided;
            self.store(Batch { notifications, told, silences, ..Batch::default() }).await;
        }
        self.call_the_roll(settling).await;
    }

    async fn answer(&mut self, ask: Ask) {
        self.follow();
        match ask {
            Ask::Test { receiver, made } => {
                let test = self.policy.test(&receiver, self.clock.now().wall);
                let key = test.as_ref().map(|test| Arc::clone(&test.key));
                self.store(Batch { notifications: test.into_iter().collect(), ..Batch::default() }).await;
                _ = made.send(key);
            }
            Ask::Acknowledge { incident, done } => {
                let acknowledged = self.acknowledge(incident).await;
                self.show();
                _ = done.send(acknowledged);
            }
            Ask::Open(told) => {
                let open = self.open().into_iter().map(|id| (id.clone(), self.policy.outgrown_at(&id)));
                _ = told.send(open.collect());
            }
            Ask::Silence { silence, done } => {
                self.policy.silence(silence.clone());
                self.store(Batch { silences: vec![silence], ..Batch::default() }).await;
                self.show();
                _ = done.send(());
                self.look().await;
            }
            Ask::Session { news, done } => {
                let notifications = self.policy.about_session(&news, self.clock.now().wall);
                let notices = news.left.into_iter().chain([news.found]).collect();
                self.store(Batch { notifications, notices, ..Batch::default() }).await;
                _ = done.send(());
            }
            Ask::Sheet { news, done } => {
                let notifications = self.policy.about_sheet(&news);
                if notifications.is_empty() {
                    // Nobody is there to be told: nothing is written down as told, and it is asked again.
                    return;
                }
                let sheets = Written { told: news.told(), ..Written::default() };
                self.store(Batch { notifications, sheets, ..Batch::default() }).await;
                _ = done.send(());
            }
            // Who has the answer finds it shown.
            Ask::Drill { scene, length, done } => {
                let begun = self.begin_drill(scene, length).await;
                self.show();
                _ = done.send(begun);
            }
            Ask::Alerts { alerts, done } => _ = done.send(self.take_alerts(alerts).await),
            Ask::EndDrill(done) => {
                let ended = self.end_drill("somebody wants so").await;
                self.show();
                _ = done.send(ended);
            }
            Ask::Silences(told) => {
                _ = told.send(self.policy.silences(self.clock.now().wall).cloned().collect());
            }
        }
    }

    fn open(&self) -> Vec<String> {
        self.policy.open().iter().map(|(incident, _)| incident.id.clone()).collect()
    }

    async fn acknowledge(&mut self, id: String) -> Result<String, Vec<String>> {
        let decided = self.policy.acknowledge(&id, self.clock.now().wall).ok_or_else(|| self.open())?;
        tracing::info!(incident = %id, "somebody sees to it");
        self.store(Batch { notifications: decided.notifications, told: decided.kept, ..Batch::default() }).await;
        Ok(id)
    }

    /// Shows readers what is done, once it is stored.
    fn show(&self) {
        let now = self.policy.handling();
        self.handling.send_if_modified(|shown| {
            let other = **shown != now;
            if other {
                *shown = Arc::new(now);
            }
            other
        });
    }

    /// Whom the config names, and what the agenda says: as they are now.
    pub(super) fn follow(&mut self) {
        if self.configs.has_changed().unwrap_or(false) {
            self.serve();
        }
        // Not marked as seen: that a phase has changed is a reason to look, whoever follows it first.
        let phase = *self.phase.borrow();
        self.policy.enter(phase);
    }

    fn serve(&mut self) {
        let config = Arc::clone(&self.configs.borrow_and_update());
        self.policy.serve(house(&config));
    }

    /// Stores a batch, then says that there is something to deliver.
    pub(super) async fn store(&self, batch: Batch) {
        let told = !batch.notifications.is_empty();
        match self.store.record(batch).await {
            // That a disk does not take it is the store's to say, once.
            Ok(Kept::OnDisk | Kept::InMemory) => {}
            Err(error) => tracing::error!(error = in_full(&error), "what happened could not be stored"),
        }
        if told {
            self.poke.poke();
        }
    }

    /// Records one batch of events, in one transaction.
    pub async fn record(&mut self, events: Vec<Event>) {
        if events.is_empty() {
            return;
        }
        self.follow();
        let now = self.clock.now();
        let settling = self.is_settling();
        let (mut batch, mut begun) = (Batch::default(), false);
        for event in events {
            let (change, incident) = match &event {
                Event::Transition(transition) => {
                    batch.transitions.push(transition.clone());
                    continue;
                }
                Event::Stands(standing) => {
                    batch.standings.push(standing.clone());
                    continue;
                }
                Event::IncidentOpened(incident) => (Change::Opened(incident), incident),
                Event::IncidentChanged(incident) => (Change::Changed(incident), incident),
                Event::IncidentClosed(incident) => (Change::Closed(incident), incident),
            };
            tell_log(&change);
            let decided = self.policy.decide(change, settling, now.wall);
            let nobody = decided.notifications.is_empty();
            for why in &decided.withheld {
                self.stats.withheld(*why);
                // That one of several has heard it already is no news to whoever reads a log.
                if nobody || *why != Withheld::NoNews {
                    let what = if nobody { "nobody is told" } else { "not everybody is told" };
                    tracing::info!(incident = %incident.id, %why, "{what}");
                }
            }
            batch.notifications.extend(decided.notifications);
            batch.told.extend(decided.kept);
            batch.silences.extend(decided.silences);
            // An incident of before this process stays in the store as it was told: a process that ends while it
            // settles would else leave the next one to think that this was told too. The judge comes back to it.
            let is_of_before = matches!(event, Event::IncidentChanged(_)) && !incident.settling;
            if is_of_before && decided.withheld.contains(&Withheld::Settling) {
                continue;
            }
            // What was seen to as it was may be worse now.
            let is_it = |(open, seen_to): (&Incident, bool)| open.id == incident.id && !seen_to;
            begun |= matches!(change, Change::Opened(_)) || self.policy.open().into_iter().any(is_it);
            batch.incidents.push(incident.clone());
        }
        self.store(batch).await;
        if begun {
            self.end_drill("something is really wrong").await;
        }
    }
}

/// When a drill that an earlier process left ends.
pub fn drill_ends(drill: Option<&Drill>, now: Now) -> Mono {
    drill.map_or(Mono::NEVER, |drill| now.mono_at(drill.until).min(now.mono.after(LONGEST_DRILL)))
}

/// When to look again. It is put off only once it is due: events without pause must not do that for ever.
fn next_look(planned: Mono, wanted: Option<Duration>, now: Mono) -> Mono {
    wanted.map_or(Mono::NEVER, |wait| planned.min(now.after(wait)))
}

fn tell_log(change: &Change<'_>) {
    let codes = |incident: &Incident| {
        let codes: Vec<_> = incident.reasons.iter().map(|reason| reason.def.code).collect();
        codes.join(" ")
    };
    let (word, incident) = match change {
        Change::Opened(incident) => ("opened", incident),
        Change::Changed(incident) => ("changed", incident),
        // Its reasons are those of before: beside "ready" they would be taken for what holds now.
        Change::Closed(incident) => {
            let (id, component, worst) = (&incident.id, incident.component, incident.worst);
            tracing::info!(incident = %id, %component, %worst, reasons_were = codes(incident), "incident closed");
            return;
        }
    };
    let (id, component, verdict) = (&incident.id, incident.component, incident.verdict);
    tracing::info!(incident = %id, %component, %verdict, reasons = codes(incident), "incident {word}");
}

/// Keeps the history until the judge has ended.
pub async fn keep_history(mut observed: mpsc::Receiver<Arc<Observation>>, store: Store) {
    while let Some(observation) = observed.recv().await {
        store.observe(&observation);
    }
}

/// Who is told, and in which language.
pub fn audience(config: &Config) -> Vec<(Arc<str>, Lang)> {
    config
        .receivers
        .iter()
        .map(|receiver| (Arc::clone(&receiver.name), receiver.language.unwrap_or(config.room.language)))
        .collect()
}

/// What a config says of whom to tell what.
pub fn house(config: &Config) -> House {
    House {
        room: Room { name: Arc::clone(&config.plan.room), title: config.room.title().into() },
        zone: config.room.time_zone.0.clone(),
        receivers: audience(config),
        rooms: super::unsaid::rooms(config),
        stands_for: super::unsaid::stands_for(config),
        instead: super::unsaid::instead(config),
        routes: config.routes.clone(),
        maintenance: config.maintenance.clone(),
        roll_call: config.roll_call.clone(),
        inbound: config.inbound.clone(),
    }
}

#[cfg(test)]
pub(super) mod tests;
