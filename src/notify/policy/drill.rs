//! A drill under way: an incident that is none, told like one, and marked so wherever it is told.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::state::{Open, State};
use super::{Decided, Event, Incident, Policy};
use crate::domain::Verdict;
use crate::domain::handling::Practised;

/// A drill.
#[derive(Clone, Debug, PartialEq)]
pub struct Drill {
    /// What is practised.
    pub scene: Arc<str>,
    /// What it looks like to whoever is told. Its id begins with [`Incident::DRILL`].
    pub incident: Incident,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// What is kept of it.
#[derive(Serialize, Deserialize)]
struct Kept {
    scene: Arc<str>,
    id: String,
    began: Timestamp,
    until: Timestamp,
}

impl Drill {
    /// Under which it is kept over restarts; no incident has such an id.
    pub const KEY: &str = "drill";

    /// The one of which `kept` has word; `incident` makes its incident again, of scene, id and beginning.
    pub fn restored(kept: &str, incident: impl FnOnce(&str, &str, Timestamp) -> Option<Incident>) -> Option<Self> {
        let Kept { scene, id, began, until } = serde_json::from_str(kept).ok()?;
        Some(Self { incident: incident(&scene, &id, began)?, scene, until })
    }

    /// For readers.
    pub(super) fn practised(&self) -> Practised {
        Practised { scene: Arc::clone(&self.scene), incident: self.incident.clone(), until: self.until }
    }

    fn json(&self) -> Option<String> {
        let Self { scene, incident, until } = self.clone();
        serde_json::to_string(&Kept { scene, id: incident.id, began: incident.opened_at, until }).ok()
    }
}

impl Policy {
    /// Begins one. Whoever would be told of such an incident is: routes, silences and windows hold as they do.
    pub fn begin_drill(&mut self, drill: Drill, at: Timestamp) -> Decided {
        let (id, incident) = (drill.incident.id.clone(), drill.incident.clone());
        let mut decided = Decided { kept: vec![(Drill::KEY.to_owned(), drill.json())], ..Decided::default() };
        let state = State::default();
        decided.keep(&id, Some(state.json()));
        self.open.insert(id.clone(), Open { incident, state, since: at });
        self.drill = Some(drill);
        self.reconcile(&id, false, at, &mut decided);
        decided
    }

    /// The one that is under way.
    pub const fn drill(&self) -> Option<&Drill> {
        self.drill.as_ref()
    }

    /// Ends it: who heard of it hears that. `None` if there is none.
    pub fn end_drill(&mut self, at: Timestamp) -> Option<Decided> {
        let drill = self.drill.take()?;
        let mut decided = Decided { kept: vec![(Drill::KEY.to_owned(), None)], ..Decided::default() };
        let Some(open) = self.open.remove(&drill.incident.id) else { return Some(decided) };
        decided.kept.push((drill.incident.id.clone(), None));
        let mut over = Incident { verdict: Verdict::Ready, ..open.incident };
        over.close(at);
        for receiver in open.state.told.keys() {
            self.tell(receiver, Event::Closed, &over, at, &mut decided);
        }
        Some(decided)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{DOWN, at, house, incident, told};
    use super::*;
    use crate::domain::{Component, Silence};
    use std::collections::HashMap;

    use crate::notify::policy::{Change, Left};

    fn drill() -> Drill {
        let incident = Incident { id: "drill-internet-1".to_owned(), ..incident(Verdict::NotReady, &[&DOWN]) };
        Drill { scene: "cable-unplugged".into(), incident, until: at(300) }
    }

    #[test]
    fn it_goes_the_way_of_an_incident_and_says_everywhere_that_it_is_a_drill() {
        let config =
            "[[route]]\nreceivers = ['desk']\nremind_every = '1m'\nescalate_after = '2m'\nescalate_to = ['noc']";
        let mut policy = Policy::new(house(config), Left::default());
        let mut all = policy.begin_drill(drill(), at(0)).notifications;
        all.extend(policy.tick(false, at(60)).notifications);
        all.extend(policy.tick(false, at(120)).notifications);
        all.extend(policy.acknowledge("drill-internet-1", at(130)).unwrap().notifications);
        all.extend(policy.end_drill(at(300)).unwrap().notifications);
        assert_eq!(policy.end_drill(at(301)), None);
        assert_eq!(policy.next_look(), None);
        let decided = Decided { notifications: all, ..Decided::default() };
        let expected = [
            "desk opened",
            "desk reminder",
            "noc opened",
            "desk reminder",
            "desk acknowledged",
            "noc acknowledged",
            "desk closed",
            "noc closed",
        ];
        assert_eq!(told(&decided), expected);
        for one in &decided.notifications {
            assert!(one.payload.contains(r#""drill":true"#), "{}", one.payload);
            let word = if &*one.receiver == "desk" { r#""text":"LATIHAN – "# } else { r#""text":"DRILL – "# };
            assert!(one.payload.contains(word), "{}", one.payload);
        }
    }

    #[test]
    fn a_real_fault_beside_it_is_told_as_ever_and_unmarked() {
        let mut policy = Policy::new(house(""), Left::default());
        policy.begin_drill(drill(), at(0));
        let real = incident(Verdict::NotReady, &[&DOWN]);
        let opened = policy.decide(Change::Opened(&real), false, at(10));
        assert_eq!(told(&opened), ["desk opened", "noc opened"]);
        assert!(opened.notifications[0].payload.contains(r#""drill":false"#));
        policy.end_drill(at(11)).unwrap();
        let over = Incident { verdict: Verdict::Ready, ..real };
        assert_eq!(told(&policy.decide(Change::Closed(&over), false, at(20))), ["desk closed", "noc closed"]);
        // Drills make no component unstable.
        for time in 0..40 {
            policy.begin_drill(drill(), at(30 + time));
            policy.end_drill(at(30 + time));
        }
        let again = incident(Verdict::NotReady, &[&DOWN]);
        assert_eq!(told(&policy.decide(Change::Opened(&again), false, at(100))), ["desk opened", "noc opened"]);
    }

    #[test]
    fn it_is_withheld_as_a_real_one_would_be_and_a_restart_knows_who_heard() {
        let mut policy = Policy::new(house(""), Left::default());
        let silence = Silence {
            id: "s".into(),
            component: Some(Component::Internet),
            reason: "x".into(),
            from: at(0),
            until: at(50),
        };
        policy.silence(silence);
        let begun = policy.begin_drill(drill(), at(0));
        assert_eq!((told(&begun), begun.withheld.clone()), (vec![], [super::super::Withheld::Silenced].into()));
        let left = |begun: Decided| -> HashMap<_, _> {
            begun.kept.into_iter().map(|(key, state)| (key, state.unwrap())).collect()
        };
        let mut unheard = Policy::new(house(""), Left { kept: left(begun), drill: Some(drill()), ..Left::default() });
        assert_eq!(told(&unheard.tick(false, at(60))), ["desk opened", "noc opened"], "the silence has ended");
        policy.end_drill(at(60));

        let kept = left(policy.begin_drill(drill(), at(100)));
        let again = Drill::restored(&kept[Drill::KEY], |scene, id, began| {
            assert_eq!((scene, id, began), ("cable-unplugged", "drill-internet-1", at(0)));
            Some(drill().incident)
        });
        assert_eq!(again, Some(drill()));
        let mut after = Policy::new(house(""), Left { kept, drill: again, ..Left::default() });
        assert!(told(&after.tick(false, at(120))).is_empty(), "they have heard");
        assert_eq!(told(&after.end_drill(at(300)).unwrap()), ["desk closed", "noc closed"]);
    }
}
