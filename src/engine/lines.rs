//! A main line and a backup, through the whole judge.

use std::sync::Arc;
use std::time::Duration;

use super::revise::revise;
use super::rooms::{at, plan, says, spec};
use super::{Engine, Restored};
use crate::domain::snapshot::{ComponentView, ProfileView};
use crate::domain::{CheckSpec, Component, Group, Holds, Kind, Level, Uplink, Verdict};
use Verdict::{Degraded, NotReady, Ready, Unknown};

fn uplink(name: &str, backup: Option<Verdict>) -> Arc<Uplink> {
    Arc::new(Uplink {
        name: name.into(),
        interface: Some("eth0".into()),
        source: None,
        resolvers: Vec::new(),
        backup,
        metered: false,
        daily_budget: None,
    })
}

fn check(name: &str, by: &Arc<Uplink>, group: Option<&str>, level: Level) -> CheckSpec {
    CheckSpec {
        group: group.map(|name| Group { name: name.into(), need: 1 }),
        uplink: Some(Arc::clone(by)),
        holds: Holds { bad_for: Duration::ZERO, good_for: Duration::ZERO },
        ..spec(name, Kind::Icmp, level)
    }
}

/// Both lines as the config would have them: a router each, which counts for the group, and a far end by each.
fn room(backup: Verdict) -> Engine {
    let (main, other) = (uplink("main", None), uplink("backup", Some(backup)));
    let checks = vec![
        check("router", &main, Some("routers"), Level::Gateway),
        check("far", &main, Some("far_ends"), Level::FarEnd),
        check("router_b", &other, Some("routers"), Level::Gateway),
        check("far_b", &other, Some("far_ends"), Level::FarEnd),
    ];
    Engine::new(plan(checks), Restored::default(), at(0.0))
}

fn see(engine: &mut Engine, second: f64, [router, far, router_b, far_b]: [Verdict; 4]) -> ComponentView {
    let now = at(second);
    for (name, verdict) in [("router", router), ("far", far), ("router_b", router_b), ("far_b", far_b)] {
        engine.observe(says(name, verdict, now), now);
    }
    internet(engine)
}

fn internet(engine: &Engine) -> ComponentView {
    let snapshot = engine.snapshot();
    snapshot.current().components.iter().find(|view| view.component == Component::Internet).unwrap().clone()
}

fn told(view: &ComponentView) -> (Verdict, Vec<(&'static str, Verdict, String)>) {
    let reasons = view.reasons.iter();
    let reasons = reasons.map(|reason| (reason.def.code, reason.verdict, reason.message(crate::domain::Lang::En)));
    (view.verdict, reasons.collect())
}

#[test]
fn a_room_whose_main_line_is_cut_is_ready_on_its_backup_and_as_good_as_the_config_says() {
    for said in [Degraded, Ready] {
        let mut engine = room(said);
        let all_good = [Ready; 4];
        assert_eq!(told(&see(&mut engine, 1.0, all_good)), (Ready, vec![]));
        let cut = see(&mut engine, 2.0, [NotReady, NotReady, Ready, Ready]);
        let message = "The internet is ready on the backup backup: the main line alone does not suffice".to_owned();
        assert_eq!(told(&cut), (said, vec![("internet.on_backup", said, message)]));
        let since = cut.reasons[0].since;
        let longer = see(&mut engine, 5.0, [NotReady, NotReady, Ready, Ready]);
        assert_eq!(longer.reasons[0].since, since, "it holds since it began");
        let mut other = engine.plan.clone();
        Arc::make_mut(&mut other.profiles[1]).runtime = Duration::from_mins(20);
        engine.adopt(other, at(5.5));
        assert_eq!(internet(&engine).reasons[0].since, since, "through a reload too");
        // What the main line's router explains it still explains, whatever the backup does.
        let snapshot = engine.snapshot();
        let cause = snapshot.current().checks[1].blocked_by.as_ref().map(ToString::to_string);
        assert_eq!(cause.as_deref(), Some("router"));
        assert_eq!(told(&see(&mut engine, 6.0, all_good)), (Ready, vec![]));
    }
}

#[test]
fn the_root_of_a_room_on_its_backup_is_what_failed_on_the_main_line() {
    let mut engine = room(Degraded);
    // Nothing else counts in this room.
    let mut only = engine.plan.clone();
    only.absent = Component::ALL.into_iter().filter(|component| *component != Component::Internet).collect();
    engine.adopt(only, at(0.5));
    see(&mut engine, 1.0, [NotReady, NotReady, Ready, Ready]);
    let snapshot = engine.snapshot();
    let view = snapshot.current();
    assert_eq!(
        (view.verdict, view.root_cause.as_ref().map(ToString::to_string)),
        (Degraded, Some("router".to_owned()))
    );
    let incident = &snapshot.incidents[0];
    let codes: Vec<_> = incident.reasons.iter().map(|reason| reason.def.code).collect();
    assert!(incident.verdict == Degraded && codes.contains(&"internet.on_backup"), "{codes:?}");
    // So it is where something else was worse, and passes.
    let view = ProfileView { verdict: NotReady, root_cause: Some("router_b".into()), ..view.clone() };
    let again = revise(&snapshot, &view, |_, judged| Some(judged.clone()));
    assert_eq!((again.verdict, again.root_cause), (Degraded, Some("router".into())));
}

#[test]
fn what_the_main_line_does_alone_is_no_matter_of_the_backup() {
    let mut engine = room(Degraded);
    let (none, codes) = (Vec::<&str>::new(), |view: &ComponentView| {
        view.reasons.iter().map(|reason| reason.def.code).collect::<Vec<_>>()
    });
    // The backup is dead, and nobody needs it.
    let view = see(&mut engine, 1.0, [Ready, Ready, NotReady, NotReady]);
    assert_eq!((view.verdict, codes(&view)), (Ready, none.clone()));
    // Both are.
    let view = see(&mut engine, 2.0, [NotReady; 4]);
    assert_eq!((view.verdict, codes(&view)), (NotReady, none.clone()));
    // The router answers and nothing beyond it: by the backup alone a far end is reached.
    let view = see(&mut engine, 3.0, [Ready, NotReady, Ready, Ready]);
    assert_eq!((view.verdict, codes(&view)), (Degraded, vec!["internet.on_backup"]));
    // What is unknown of the main line does not suffice either.
    let view = see(&mut engine, 4.0, [Ready, Unknown, Ready, Ready]);
    assert_eq!((view.verdict, codes(&view)), (Degraded, vec!["internet.on_backup"]));
    // But of what was never looked at nothing is claimed.
    let mut fresh = room(Degraded);
    for name in ["router_b", "far_b"] {
        fresh.observe(says(name, Ready, at(1.0)), at(1.0));
    }
    assert_eq!((internet(&fresh).verdict, codes(&internet(&fresh))), (Ready, none));
}
