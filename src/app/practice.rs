//! The recorder's part in drills: when one may begin, and what ends it.

use std::sync::Arc;
use std::time::Duration;

use super::drill::Scene;
use super::recorder::Recorder;
use crate::domain::Phase;
use crate::notify::Withheld;
use crate::notify::policy::{Decided, Drill};
use crate::store::Batch;

/// Why there is no drill now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoDrill {
    /// The room has no such equipment.
    Absent,
    /// It is not known yet whether the room is in use.
    Starting,
    /// A meeting is held, or near.
    Meeting,
    /// The room is in use.
    InUse,
    /// Something is really wrong, and nobody has said that they see to it.
    RealFault,
    /// Another one is under way.
    Another,
    /// The judge makes no incident of it: a fault of siaga's own.
    NoIncident,
}

impl NoDrill {
    /// As the audit has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "the room has no such equipment",
            Self::Starting => "still starting",
            Self::Meeting => "a meeting is held or near",
            Self::InUse => "the room is in use",
            Self::RealFault => "something is really wrong",
            Self::Another => "another drill is under way",
            Self::NoIncident => "no incident of it",
        }
    }
}

/// A drill that has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Who is told.
    pub told: Vec<Arc<str>>,
    /// Why somebody is not.
    pub withheld: Vec<Withheld>,
}

impl Recorder {
    /// Begins one, if nothing speaks against it.
    pub(super) async fn begin_drill(&mut self, scene: &Scene, length: Duration) -> Result<Begun, NoDrill> {
        let now = self.clock.now();
        let plan = self.configs.borrow().plan.clone();
        if plan.absent.contains(&scene.component()) {
            return Err(NoDrill::Absent);
        }
        self.may_drill()?;
        let incident = scene.incident(&plan, now).ok_or(NoDrill::NoIncident)?;
        let until = now.after(length);
        self.drill_ends = until.mono;
        let drill = Drill { scene: scene.name.into(), incident, until: until.wall };
        let decided = self.policy.begin_drill(drill, now.wall);
        tracing::info!(scene = scene.name, "a drill begins");
        for why in &decided.withheld {
            self.stats.withheld(*why);
        }
        let begun = Begun {
            told: decided.notifications.iter().map(|one| Arc::clone(&one.receiver)).collect(),
            withheld: decided.withheld.iter().copied().collect(),
        };
        self.keep_drill(decided).await;
        Ok(begun)
    }

    fn may_drill(&self) -> Result<(), NoDrill> {
        let snapshot = self.snapshot.borrow();
        let open = self.policy.open();
        let real = |(incident, seen_to): &(&crate::domain::Incident, bool)| !incident.is_drill() && !seen_to;
        if snapshot.starting || self.is_settling() {
            Err(NoDrill::Starting)
        } else if matches!(*self.phase.borrow(), Phase::Live | Phase::Preflight) {
            Err(NoDrill::Meeting)
        } else if snapshot.in_use {
            Err(NoDrill::InUse)
        } else if self.policy.drill().is_some() {
            Err(NoDrill::Another)
        } else if open.iter().any(real) {
            Err(NoDrill::RealFault)
        } else {
            Ok(())
        }
    }

    /// Ends it because somebody wants so, or for another reason. Whether there was one.
    pub(super) async fn end_drill(&mut self, why: &'static str) -> bool {
        let Some(decided) = self.policy.end_drill(self.clock.now().wall) else { return false };
        tracing::info!(why, "the drill ends");
        self.keep_drill(decided).await;
        true
    }

    /// Ends it if its time is over, or a meeting has come near, or the room is in use meanwhile.
    pub(super) async fn look_at_drill(&mut self) {
        let now = self.clock.now();
        let Some(until) = self.policy.drill().map(|drill| drill.until) else { return };
        let near = matches!(*self.phase.borrow(), Phase::Live | Phase::Preflight);
        if now.wall >= until || now.mono >= self.drill_ends {
            self.end_drill("its time is over").await;
        } else if near {
            self.end_drill("a meeting is held or near").await;
        } else if self.snapshot.borrow().in_use || *self.in_use.borrow() {
            self.end_drill("the room is in use").await;
        }
    }

    /// In how long it ends by itself.
    pub(super) fn drill_ends_in(&self) -> Option<Duration> {
        self.policy.drill().map(|_| self.drill_ends.since(self.clock.mono()))
    }

    async fn keep_drill(&self, decided: Decided) {
        self.store(Batch { notifications: decided.notifications, told: decided.kept, ..Batch::default() }).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::super::recorder::tests::{incident, recorder_by};
    use super::*;
    use crate::app::drill::scene;
    use crate::clock::Clock;
    use crate::domain::{Snapshot, Verdict};
    use crate::engine::Event;

    #[tokio::test(start_paused = true)]
    async fn a_drill_begins_only_where_it_disturbs_nobody_and_ends_when_it_would() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = recorder_by(Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH), folder.path(), &[]);
        let (room, seen) = watch::channel(Arc::clone(&recorder.snapshot.borrow()));
        let (agenda, phase) = watch::channel(Phase::Idle);
        (recorder.snapshot, recorder.phase) = (seen, phase);
        let used = |in_use| {
            room.send_modify(|now| *now = Arc::new(Snapshot { starting: false, in_use, ..(**now).clone() }));
        };
        let (what, long) = (scene("cable-unplugged").unwrap(), Duration::from_mins(5));
        assert_eq!(recorder.begin_drill(what, long).await, Err(NoDrill::Starting));
        tokio::time::advance(Duration::from_secs(20)).await;
        used(true);
        assert_eq!(recorder.begin_drill(what, long).await, Err(NoDrill::InUse));
        used(false);
        for phase in [Phase::Preflight, Phase::Live] {
            agenda.send_replace(phase);
            assert_eq!(recorder.begin_drill(what, long).await, Err(NoDrill::Meeting));
        }
        agenda.send_replace(Phase::Idle);
        let begun = recorder.begin_drill(what, long).await.unwrap();
        assert_eq!((begun.told, begun.withheld), (vec![Arc::from("desk")], vec![]));
        assert_eq!(recorder.begin_drill(what, long).await, Err(NoDrill::Another));
        tokio::time::advance(long.saturating_sub(Duration::from_secs(1))).await;
        recorder.look().await;
        assert!(recorder.policy.drill().is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        recorder.look().await;
        assert!(recorder.policy.drill().is_none(), "its time is over");
        assert!(recorder.store.incidents(false, 9).await.unwrap().is_empty(), "it is no incident");

        recorder.begin_drill(what, long).await.unwrap();
        used(true);
        recorder.look().await;
        assert!(recorder.policy.drill().is_none(), "the room came into use");
        used(false);

        for phase in [Phase::Preflight, Phase::Live] {
            recorder.begin_drill(what, long).await.unwrap();
            agenda.send_replace(phase);
            recorder.look().await;
            assert!(recorder.policy.drill().is_none(), "{phase:?}");
            agenda.send_replace(Phase::Idle);
        }
        recorder.record(vec![Event::IncidentOpened(incident(Verdict::Degraded))]).await;
        recorder.policy.acknowledge("power-1", recorder.clock.now().wall).unwrap();
        recorder.begin_drill(what, long).await.unwrap();
        recorder.record(vec![Event::IncidentChanged(incident(Verdict::Degraded))]).await;
        assert!(recorder.policy.drill().is_some(), "somebody sees to that");
        recorder.record(vec![Event::IncidentChanged(incident(Verdict::NotReady))]).await;
        assert!(recorder.policy.drill().is_none(), "it is worse than what somebody sees to");
        assert_eq!(recorder.begin_drill(what, long).await, Err(NoDrill::RealFault));
        recorder.record(vec![Event::IncidentClosed(incident(Verdict::Ready))]).await;

        recorder.begin_drill(what, long).await.unwrap();
        recorder.record(vec![Event::IncidentOpened(incident(Verdict::NotReady))]).await;
        assert!(recorder.policy.drill().is_none(), "something is really wrong");
        assert_eq!(recorder.begin_drill(what, long).await, Err(NoDrill::RealFault));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_room_has_not_is_not_practised() {
        let folder = tempfile::tempdir().unwrap();
        let mut recorder = recorder_by(Clock::on_tokio_time(jiff::Timestamp::UNIX_EPOCH), folder.path(), &[]);
        let mut config = (**recorder.configs.borrow()).clone();
        config.plan.absent.insert(crate::domain::Component::Video);
        recorder.configs = watch::channel(Arc::new(config)).1;
        let mut begin = async |name| recorder.begin_drill(scene(name).unwrap(), Duration::from_mins(5)).await.err();
        assert_eq!(begin("camera-unplugged").await, Some(NoDrill::Absent));
        assert_eq!(begin("cable-unplugged").await, Some(NoDrill::Starting), "that is another matter");
    }
}
