//! The drills: what may be practised, one thing of each component, and how the judge makes an incident of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::domain::{
    CheckSpec, Component, Finding, Holds, Incident, Kind, Level, Now, Observation, Plan, Reading, Requirement, Text,
    Verdict,
};
use crate::engine::{Engine, Event, Restored, SETTLING};
use crate::notify::policy::Drill;
use crate::probe;

/// One of them.
#[derive(Debug)]
pub struct Scene {
    /// By which it is asked for.
    pub name: &'static str,
    /// What it is, for people.
    pub title: Text,
    component: Component,
    kind: Kind,
    code: &'static str,
    /// What its sentences name.
    named: Option<(&'static str, &'static str)>,
}

/// All.
pub const ALL: [Scene; 6] = [
    Scene {
        name: "camera-unplugged",
        title: Text::new("kamera tidak terhubung", "the camera is not connected"),
        component: Component::Video,
        kind: Kind::Camera,
        code: "video.camera_missing",
        named: Some(("device", "(latihan)")),
    },
    Scene {
        name: "microphone-muted",
        title: Text::new("mikrofon dimatikan", "the microphone is muted"),
        component: Component::Audio,
        kind: Kind::Audio,
        code: "audio.microphone_muted",
        named: Some(("card", "(latihan)")),
    },
    Scene {
        name: "cable-unplugged",
        title: Text::new("kabel jaringan terlepas", "the network cable is out"),
        component: Component::Internet,
        kind: Kind::Link,
        code: "internet.link_down",
        named: Some(("interface", "(latihan)")),
    },
    Scene {
        name: "mains-out",
        title: Text::new("listrik padam", "mains is out"),
        component: Component::Power,
        kind: Kind::Ups,
        code: "power.on_battery",
        named: None,
    },
    Scene {
        name: "usb-gone",
        title: Text::new("sambungan USB terputus", "the USB controller is gone"),
        component: Component::Computer,
        kind: Kind::Usb,
        code: "computer.usb_bus_missing",
        named: Some(("bus", "(latihan)")),
    },
    Scene {
        name: "radio-unplugged",
        title: Text::new("antarmuka HT tidak terhubung", "the radio's interface is not connected"),
        component: Component::Radio,
        kind: Kind::Radio,
        code: "radio.card_missing",
        named: Some(("card", "(latihan)")),
    },
];

/// Before the fault, so that the judge has settled.
const BEFORE: Duration = Duration::from_mins(1);

/// One by its name.
pub fn scene(name: &str) -> Option<&'static Scene> {
    ALL.iter().find(|scene| scene.name == name)
}

impl Scene {
    /// Which component it is about.
    pub const fn component(&self) -> Component {
        self.component
    }

    /// What a judge of its own makes of it at `now`: the incident that it opens. The room's judge hears nothing of it.
    pub fn incident(&self, plan: &Plan, now: Now) -> Option<Incident> {
        let before =
            Now { mono: now.mono.before(BEFORE), wall: now.wall.checked_sub(BEFORE).unwrap_or(Timestamp::MIN) };
        let mut engine = Engine::new(self.plan(plan), Restored::default(), before);
        engine.observe(self.observation(None, before), before);
        engine.tick(before.after(SETTLING));
        engine.drain_events();
        engine.observe(self.observation(Some(self.fault()?), now), now);
        engine.drain_events().into_iter().find_map(|event| match event {
            Event::IncidentOpened(incident) if incident.component == self.component => {
                Some(Incident { id: format!("{}{}", Incident::DRILL, incident.id), ..incident })
            }
            _ => None,
        })
    }

    /// The same one again, of which an earlier process kept this much.
    fn again(&self, id: &str, began: Timestamp) -> Option<Incident> {
        let Finding { reason: def, verdict, args } = self.fault()?;
        let reason = crate::domain::Reason { def, verdict, args, since: began, blocked_by: None };
        Some(Incident {
            id: id.to_owned(),
            component: self.component,
            worst: verdict,
            verdict,
            reasons: vec![reason],
            opened_at: began,
            closed_at: None,
            settling: false,
        })
    }

    fn fault(&self) -> Option<Finding> {
        let finding = Finding::new(probe::reason(self.code)?, Verdict::NotReady);
        Some(self.named.into_iter().fold(finding, |finding, (name, value)| finding.with(name, value)))
    }

    fn observation(&self, fault: Option<Finding>, at: Now) -> Observation {
        let mut reading = Reading::default();
        if let Some(fault) = fault {
            reading.find(fault);
        }
        Observation::read(self.name.into(), at, Duration::ZERO, reading)
    }

    /// The room's own plan, but for its equipment: one check, which counts whatever the kind of meeting.
    fn plan(&self, plan: &Plan) -> Plan {
        let check = CheckSpec {
            name: self.name.into(),
            kind: self.kind,
            component: self.component,
            level: Level::Device,
            requirement: Requirement::Required,
            group: None,
            uplink: None,
            active: false,
            interval: Duration::from_hours(1),
            fresh_for: Duration::from_hours(1),
            holds: Holds { bad_for: Duration::ZERO, good_for: Duration::ZERO },
            looks_at: 0,
            rules: Vec::new(),
            loss: None,
        };
        let profiles = plan.profiles.iter().map(|profile| {
            let mut profile = (**profile).clone();
            profile.components.insert(self.component, Requirement::Required);
            Arc::new(profile)
        });
        let absent: BTreeSet<_> = Component::ALL.into_iter().filter(|other| *other != self.component).collect();
        Plan { checks: vec![Arc::new(check)], profiles: profiles.collect(), absent, ..plan.clone() }
    }
}

/// The drill that an earlier process was in the middle of, of what it kept under [`Drill::KEY`].
pub fn restored(kept: Option<&String>) -> Option<Drill> {
    Drill::restored(kept?, |name, id, began| scene(name)?.again(id, began))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::config::{Config, Source};

    #[test]
    fn each_becomes_an_incident_of_its_own_component_by_the_judges_word() {
        let config = Config::parse(&Source::new("test", String::new())).unwrap();
        let now = Clock::start().now();
        for scene in &ALL {
            let incident = scene.incident(&config.plan, now).unwrap_or_else(|| panic!("{}", scene.name));
            assert!(incident.is_drill() && !incident.settling, "{incident:?}");
            assert_eq!((incident.component, incident.verdict), (scene.component, Verdict::NotReady));
            assert_eq!(incident.reasons[0].def.code, scene.code);
            for lang in [crate::domain::Lang::Id, crate::domain::Lang::En] {
                let said = format!("{} {}", incident.reasons[0].message(lang), incident.reasons[0].remedy(lang));
                assert!(!said.contains('{'), "{said}");
            }
            assert_eq!(scene.again(&incident.id, incident.opened_at), Some(incident));
        }
        let practised: BTreeSet<_> = ALL.iter().map(|scene| scene.component).collect();
        assert_eq!(practised.len(), Component::ALL.len());
    }
}
