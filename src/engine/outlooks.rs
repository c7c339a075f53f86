//! What can be said of a slot, and of a room that is seen otherwise: for tests alone.

use super::revise::revise;
use super::rooms::*;
use super::slot::{Basis, Question, answer};
use super::*;
use crate::domain::snapshot::Judged;
use crate::domain::{Component, Finding, Group, Kind, Level, Verdict};

const HOUR: u64 = 3600;

/// A room in which the named are as said and all others good, for five seconds.
fn seen(said: &[(&str, Verdict)]) -> Engine {
    let mut engine = Engine::new(room(), Restored::default(), at(0.0));
    for second in [0.0, 5.0] {
        for name in NAMES {
            let verdict = said.iter().find(|(other, _)| *other == name).map_or(Verdict::Ready, |(_, verdict)| *verdict);
            engine.observe(says(name, verdict, at(second)), at(second));
        }
        engine.observe(rate(1e7, at(second)), at(second));
    }
    engine
}

#[test]
fn a_meeting_within_two_hours_is_answered_by_the_room_and_one_beyond_by_what_lasts() {
    let engine = seen(&[]);
    let (snapshot, now) = (engine.snapshot(), at(5.0));
    for (ahead, basis, again_after) in [
        (0, Basis::Live, None),
        (60, Basis::Live, Some(60)),
        (2 * HOUR, Basis::Live, Some(2 * HOUR)),
        // Two hours before it, and further away a day before, or after a day.
        (2 * HOUR + 1, Basis::Outlook, Some(1)),
        (24 * HOUR, Basis::Outlook, Some(22 * HOUR)),
        (24 * HOUR + 1, Basis::Outlook, Some(1)),
        (72 * HOUR, Basis::Outlook, Some(24 * HOUR)),
    ] {
        let after = |seconds| now.wall.saturating_add(secs(seconds)).unwrap();
        let end = after(ahead + HOUR);
        let question = Question::new(&snapshot, Some("large"), Some(after(ahead)), Some(end), now).unwrap();
        assert_eq!((question.profile(), question.start(), question.end()), (1, Some(after(ahead)), Some(end)));
        let answer = answer(&snapshot, &question, now);
        assert_eq!((answer.basis, answer.recheck_at), (basis, again_after.map(after)), "{ahead} s ahead");
    }
    assert_eq!(Question::new(&snapshot, None, None, None, now).unwrap().profile(), 0);
}

#[test]
fn who_names_no_profile_asks_of_the_meeting_under_way_and_of_one_far_ahead_by_the_default() {
    let mut engine = seen(&[]);
    engine.command(&Order::Profile(1), at(5.0));
    let (snapshot, now) = (engine.snapshot(), at(5.0));
    let after = |seconds| Some(now.wall.saturating_add(secs(seconds)).unwrap());
    for (start, profile) in [(None, 1), (after(60), 1), (after(2 * HOUR), 1), (after(2 * HOUR + 1), 0)] {
        assert_eq!(Question::new(&snapshot, None, start, None, now).unwrap().profile(), profile, "{start:?}");
        // A session by its own, and by the default one where there is none of that name any more.
        let of = |name| Question::of_session(&snapshot, name, start, None, now).unwrap().profile();
        assert_eq!((of("large"), of("small"), of("retired")), (1, 0, 0));
    }
    assert!(Question::new(&snapshot, Some("retired"), None, None, now).is_err());
}

#[test]
fn what_is_not_known_is_not_known_in_three_days_whatever_passes_beside_it() {
    use Verdict::{Degraded, NotReady, Ready, Unknown};

    // Each found for so many hours; a fault that has lasted for a day counts, and is worse.
    for (broken, unseen, hours, then) in [
        (Some(NotReady), false, 1, Ready),
        (None, true, 1, Unknown),
        (Some(NotReady), true, 1, Unknown),
        (Some(Degraded), true, 1, Unknown),
        (Some(NotReady), true, 24, NotReady),
        (Some(Degraded), false, 24, Ready),
    ] {
        let mut plan = room();
        plan.checks.iter_mut().for_each(|spec| Arc::make_mut(spec).fresh_for = secs(30 * HOUR));
        let mut engine = Engine::new(plan, Restored::default(), at(0.0));
        all_good(&mut engine, at(0.0));
        let look = |engine: &mut Engine, now: Now| {
            let mut seen = says("ups", Ready, now);
            seen.reading.findings.extend(broken.map(|verdict| Finding::new(&BROKEN, verdict)));
            seen.reading.findings.extend(unseen.then(|| Finding::new(&LOSS_UNDECIDED, Unknown)));
            engine.observe(seen, now);
        };
        look(&mut engine, at(1.0));
        look(&mut engine, at(4.0));
        let now = at(4.0).after(secs(hours * HOUR));
        look(&mut engine, now);
        let (snapshot, start) = (engine.snapshot(), now.after(secs(72 * HOUR)).wall);
        let question = Question::new(&snapshot, None, Some(start), None, now).unwrap();
        assert_eq!(answer(&snapshot, &question, now).view.verdict, then, "{broken:?} {unseen} {hours} h");
    }
}

#[test]
fn a_fault_is_as_old_as_it_is_whatever_was_found_in_its_place_meanwhile() {
    use Verdict::{NotReady, Ready};

    let mut plan = room();
    plan.checks.iter_mut().for_each(|spec| Arc::make_mut(spec).fresh_for = secs(40 * HOUR));
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    for hour in 0..=25 {
        let now = at(10.0).after(secs(hour * HOUR));
        for second in [0, 4] {
            let now = now.after(secs(second));
            let mut seen = says("gateway", Ready, now);
            seen.reading.find(Finding::new(if hour % 2 == 0 { &BROKEN } else { &LOSS }, NotReady));
            engine.observe(seen, now);
        }
        let (snapshot, now) = (engine.snapshot(), now.after(secs(4)));
        let question = Question::new(&snapshot, None, Some(now.after(secs(72 * HOUR)).wall), None, now).unwrap();
        let view = answer(&snapshot, &question, now).view;
        let then = if hour < 24 { Ready } else { NotReady };
        assert_eq!((view.verdict, view.checks[1].reasons.len()), (then, usize::from(hour >= 24)), "{hour}");
        assert_eq!(view.checks[1].since, if hour < 24 { snapshot.current().checks[1].since } else { at(10.0).wall });
    }
}

#[test]
fn what_was_degraded_for_a_day_and_is_worse_for_a_moment_stands_in_nobodys_way() {
    use Verdict::{Degraded, NotReady, Ready};

    let mut plan = room();
    plan.checks.iter_mut().for_each(|spec| Arc::make_mut(spec).fresh_for = secs(80 * HOUR));
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    all_good(&mut engine, at(0.0));
    let look = |engine: &mut Engine, verdict: Verdict, hour: u64| {
        let mut now = at(0.0);
        for second in [10, 14] {
            now = at(0.0).after(secs(hour * HOUR + second));
            engine.observe(says("ups", verdict, now), now);
        }
        let snapshot = engine.snapshot();
        let question = Question::new(&snapshot, None, Some(now.after(secs(72 * HOUR)).wall), None, now).unwrap();
        answer(&snapshot, &question, now).view.verdict
    };
    // By one reason all the while: it is as old as that, and was milder.
    for (verdict, hour, then) in [
        (Degraded, 0, Ready),
        (Degraded, 30, Ready),
        (NotReady, 31, Ready),
        (NotReady, 54, Ready),
        (NotReady, 55, NotReady),
    ] {
        assert_eq!(look(&mut engine, verdict, hour), then, "{verdict} at {hour} h");
    }
    let reason = engine.snapshot().current().checks[2].reasons[0].clone();
    assert_eq!((reason.verdict, reason.since), (NotReady, at(14.0).wall));
}

#[test]
fn a_clock_that_is_set_forward_makes_no_fault_a_day_old() {
    use Verdict::{NotReady, Ready};

    let set = |now: Now, hours: u64| Now { wall: now.after(secs(hours * HOUR)).wall, ..now };
    // As the process began to judge it: at once, or two hours after the one before it had found the fault.
    for (before, hours_before) in [(false, 0), (true, 2)] {
        let began = at(0.0).after(secs(hours_before * HOUR));
        let mut plan = room();
        plan.checks.iter_mut().for_each(|spec| Arc::make_mut(spec).fresh_for = secs(40 * HOUR));
        let stood = Standing {
            subject: Subject::Check("ups".into()),
            profile: "small".into(),
            verdict: NotReady,
            since: at(0.0).wall,
            reasons: Vec::new(),
        };
        let restored = Restored {
            standings: before.then_some(stood).into_iter().collect(),
            observations: before.then(|| says("ups", NotReady, at(1.0))).into_iter().collect(),
            ..Restored::default()
        };
        let mut engine = Engine::new(plan, restored, began);
        let mut then = |now: Now| {
            let verdict = |name: &str| if name == "ups" { NotReady } else { Ready };
            engine
                .observe_all(NAMES.map(|name| says(name, verdict(name), now)).into_iter().chain([rate(1e7, now)]), now);
            let snapshot = engine.snapshot();
            let question = Question::new(&snapshot, None, Some(now.after(secs(72 * HOUR)).wall), None, now).unwrap();
            answer(&snapshot, &question, now).view.verdict
        };
        assert_eq!(then(began.after(secs(1))), Ready);
        let left = 24 - hours_before;
        for (hours, set_by, verdict) in
            [(0, 30, Ready), (left - 1, 30, Ready), (left - 1, 0, Ready), (left, 30, NotReady)]
        {
            let now = set(began.after(secs(hours * HOUR + 10)), set_by);
            assert_eq!(then(now), verdict, "{before}: after {hours} h, set by {set_by} h");
        }
    }
}

#[test]
fn what_is_unknown_is_asked_again_soon_and_never_later_than_it_would_be() {
    for (second, verdict) in [(5.0, Verdict::Unknown), (5.0, Verdict::Ready)] {
        let engine = seen(&[("camera", verdict)]);
        let (snapshot, now) = (engine.snapshot(), at(second));
        let after = |seconds| now.wall.saturating_add(secs(seconds)).unwrap();
        let known = verdict == Verdict::Ready;
        for (ahead, soon, wait) in [
            (72 * HOUR, true, if known { 24 * HOUR } else { 60 }),
            (72 * HOUR, false, if known { 24 * HOUR } else { 900 }),
            (2 * HOUR + 30, true, 30),
            (HOUR, true, if known { HOUR } else { 60 }),
            (10, true, 10),
        ] {
            let question = Question::new(&snapshot, None, Some(after(ahead)), None, now).unwrap();
            let before = answer(&snapshot, &question, now);
            let good_until = before.valid_until;
            let answer = before.until_known(soon, now);
            assert_eq!(answer.recheck_at, Some(after(wait)), "{verdict:?}, {ahead} s ahead, {soon}");
            let valid = if answer.basis == Basis::Outlook { after(wait) } else { good_until };
            assert_eq!(answer.valid_until, valid);
        }
        let question = Question::new(&snapshot, None, None, None, now).unwrap();
        assert_eq!(answer(&snapshot, &question, now).until_known(true, now).recheck_at, None);
    }
}

fn name(view: &crate::domain::snapshot::ProfileView) -> Option<String> {
    view.root_cause.as_ref().map(ToString::to_string)
}

#[test]
fn a_room_that_is_seen_as_it_is_stays_as_it_is() {
    for said in
        [&[][..], &[("ups", Verdict::NotReady)], &[("gateway", Verdict::NotReady), ("camera", Verdict::Degraded)]]
    {
        let snapshot = seen(said).snapshot();
        let view = snapshot.current();
        let again = revise(&snapshot, view, |_, judged| Some(judged.clone()));
        assert_eq!(format!("{again:?}"), format!("{view:?}"), "{said:?}");
    }
}

#[test]
fn what_is_left_aside_is_excused_and_what_is_seen_otherwise_counts_since_then() {
    let snapshot = seen(&[("camera", Verdict::NotReady)]).snapshot();
    let view = snapshot.current();
    assert_eq!((view.verdict, name(view)), (Verdict::NotReady, Some("camera".to_owned())));
    let without = revise(&snapshot, view, |at, judged| (at != 3).then(|| judged.clone()));
    let video = |view: &crate::domain::snapshot::ProfileView| {
        let of = |component: &&crate::domain::snapshot::ComponentView| component.component == Component::Video;
        let video = view.components.iter().find(of).unwrap().clone();
        (video.verdict, video.absent, video.since)
    };
    assert_eq!((without.verdict, name(&without)), (Verdict::Ready, None));
    assert_eq!((video(&without).0, video(&without).1), (Verdict::Ready, true));
    let changed = at(4.0).wall;
    let other = |judged: &Judged, verdict| Some(Judged { verdict, since: changed, ..judged.clone() });
    let milder = revise(
        &snapshot,
        view,
        |at, judged| {
            if at == 3 { other(judged, Verdict::Degraded) } else { Some(judged.clone()) }
        },
    );
    assert_eq!(
        (milder.verdict, name(&milder), video(&milder)),
        (Verdict::Degraded, Some("camera".to_owned()), (Verdict::Degraded, false, changed))
    );
}

#[test]
fn where_the_old_cause_is_mended_the_worst_that_counts_is_the_new_one() {
    use Verdict::{Degraded, NotReady, Ready, Unknown};

    let snapshot = seen(&[("ups", Verdict::NotReady)]).snapshot();
    let view = snapshot.current();
    let verdicts = |all: [Verdict; 5]| {
        let revised = revise(&snapshot, view, |at, judged| Some(Judged { verdict: all[at], ..judged.clone() }));
        (revised.verdict, name(&revised))
    };
    let is = |verdict, cause: &str| (verdict, Some(cause.to_owned()));
    assert_eq!(verdicts([Ready, Ready, NotReady, NotReady, Ready]), is(NotReady, "ups"), "as before");
    assert_eq!(verdicts([Degraded, Ready, Ready, NotReady, Ready]), is(NotReady, "camera"), "the worst");
    assert_eq!(verdicts([Ready, Unknown, Ready, Unknown, Ready]), is(Unknown, "gateway"), "of two alike the first");
    assert_eq!(verdicts([Ready; 5]), (Ready, None));
    // Before the first round is over the room cannot speak.
    let starting = Engine::new(room(), Restored::default(), at(0.0)).snapshot();
    let good = |_: usize, judged: &Judged| Some(Judged { verdict: Ready, ..judged.clone() });
    assert_eq!(revise(&starting, starting.current(), good).verdict, Unknown);
}

#[test]
fn the_cause_is_not_a_dead_member_that_others_stand_in_for() {
    use Verdict::{Degraded, NotReady, Ready};

    let mut far_ends = room();
    for name in ["far-b", "far-a"] {
        let group = Some(Group { name: "far ends".into(), need: 1 });
        far_ends.checks.insert(0, Arc::new(CheckSpec { group, ..spec(name, Kind::Icmp, Level::FarEnd) }));
    }
    let live = |bad: &[&str]| {
        let mut engine = Engine::new(far_ends.clone(), Restored::default(), at(0.0));
        for name in NAMES.into_iter().chain(["far-a", "far-b"]) {
            engine.observe(says(name, if bad.contains(&name) { NotReady } else { Ready }, at(0.0)), at(0.0));
        }
        engine.observe(rate(if bad.contains(&"bandwidth") { 1e5 } else { 1e7 }, at(0.0)), at(0.0));
        engine.snapshot()
    };
    let revised = |snapshot: &Snapshot, said: &[(&str, Verdict)]| {
        let see = |at: usize, judged: &Judged| {
            let this = snapshot.checks[at].spec.name.as_str();
            let other = said.iter().find(|(name, _)| *name == this).map(|(_, verdict)| *verdict);
            Some(Judged { verdict: other.unwrap_or(judged.verdict), ..judged.clone() })
        };
        let view = revise(snapshot, snapshot.current(), see);
        (view.verdict, name(&view))
    };
    // Nor where something else of the line is as bad.
    let slow = live(&["far-a", "bandwidth"]);
    assert_eq!(name(slow.current()), Some("bandwidth".to_owned()));
    assert_eq!(revised(&slow, &[]), (NotReady, Some("bandwidth".to_owned())));
    assert_eq!(revised(&slow, &[("bandwidth", Ready), ("link", NotReady)]), (NotReady, Some("link".to_owned())));
    // The camera's fault passes; of two far ends one stays dead, and the battery is worn.
    let camera = live(&["camera", "far-a"]);
    assert_eq!(name(camera.current()), Some("camera".to_owned()));
    let then = [("camera", Ready), ("ups", Degraded)];
    assert_eq!(revised(&camera, &then), (Degraded, Some("ups".to_owned())));
    // Both are dead, which is the cause; one of them comes back.
    let both = live(&["far-a", "far-b", "ups"]);
    let view = both.current();
    let by_line = Arc::new(ProfileView { root_cause: Some("far-a".into()), ..view.clone() });
    let both = Snapshot { profiles: vec![by_line], current: 0, ..(*both).clone() };
    assert_eq!(revised(&both, &[]), (NotReady, Some("far-a".to_owned())));
    assert_eq!(revised(&both, &[("far-b", Ready)]), (NotReady, Some("ups".to_owned())));
    // And what they have in common is half good, for another reason.
    let then = [("far-b", Ready), ("ups", Ready), ("link", Degraded)];
    assert_eq!(revised(&both, &then), (Degraded, Some("link".to_owned())));
}

#[test]
fn where_the_old_cause_passes_the_new_one_is_what_explains_the_worst() {
    use Verdict::{NotReady, Ready};

    let mut plan = room();
    plan.checks.swap(0, 2);
    plan.checks.insert(1, Arc::new(spec("far-a", Kind::Icmp, Level::FarEnd)));
    plan.checks.iter_mut().for_each(|spec| Arc::make_mut(spec).fresh_for = secs(40 * HOUR));
    let names = plan.checks.iter().map(|spec| spec.name.to_string());
    assert_eq!(names.collect::<Vec<_>>(), ["ups", "far-a", "gateway", "link", "camera", "bandwidth"]);
    let mut engine = Engine::new(plan, Restored::default(), at(0.0));
    engine.observe(rate(1e7, at(0.0)), at(0.0));
    // The router has been silent for 30 hours, and the mains have been away for one.
    let mut now = at(0.0);
    for (second, ups) in [(0, Ready), (29 * HOUR, NotReady), (29 * HOUR + 4, NotReady), (30 * HOUR, NotReady)] {
        now = at(0.0).after(secs(second));
        let said = [("ups", ups), ("far-a", NotReady), ("gateway", NotReady), ("link", Ready), ("camera", Ready)];
        engine.observe_all(said.map(|(name, verdict)| says(name, verdict, now)), now);
    }
    let snapshot = engine.snapshot();
    let view = snapshot.current();
    assert_eq!((name(view), &view.checks[1].blocked_by), (Some("ups".to_owned()), &Some("gateway".into())));
    let question = Question::new(&snapshot, None, Some(now.after(secs(72 * HOUR)).wall), None, now).unwrap();
    let view = answer(&snapshot, &question, now).view;
    assert_eq!((view.verdict, name(&view)), (NotReady, Some("gateway".to_owned())));
    // Where that passes too, what it explained is by itself.
    let good = |at: usize, judged: &Judged| if at == 2 { Ready } else { judged.verdict };
    let view = revise(&snapshot, &view, |at, judged| Some(Judged { verdict: good(at, judged), ..judged.clone() }));
    assert_eq!((view.verdict, name(&view)), (NotReady, Some("far-a".to_owned())));
}
