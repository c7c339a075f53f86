//! What a silence, or a way that is away, leaves behind for the judge of loss.

use super::rooms::{at, far, plan, says};
use super::{Engine, Restored};
use crate::domain::{ErrorKind, ProbeError, Sample, Verdict};

#[test]
fn an_outage_that_is_told_as_an_error_leaves_what_was_decided_of_loss_as_silence_does() {
    let verdict_after = |error: Option<ErrorKind>, outage: bool| {
        let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
        let look = |second: f64, sent: u32| {
            let mut look = says("far", Verdict::Ready, at(second));
            look.reading.sample = Some(Sample { sent, lost: 0, outage: false });
            look
        };
        engine.observe(look(1.0, 600), at(1.0));
        let mut away = says("far", Verdict::NotReady, at(2.0));
        away.reading.sample = outage.then_some(Sample { sent: 0, lost: 0, outage });
        away.error = error.map(|kind| ProbeError::new(kind, "not there"));
        engine.observe(away, at(2.0));
        engine.observe(look(2.5, 1), at(2.5));
        engine.snapshot().current().checks[0].verdict
    };
    assert_eq!(verdict_after(None, true), Verdict::Ready);
    assert_eq!(verdict_after(Some(ErrorKind::Unreachable), true), Verdict::Ready);
    assert_eq!(verdict_after(Some(ErrorKind::Permission), false), Verdict::Unknown, "of a line that nobody saw");
}

/// A far end that is asked once a second and silent for so long of each ten, for so many seconds after a clean burst; what is said of it
/// then, and of how many packets.
fn silent_now_and_then(seconds: u32, of_ten: u32) -> (Verdict, Option<(u32, u32)>) {
    let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
    for second in 0..=seconds {
        let (now, outage) = (at(f64::from(second)), second % 10 >= 10 - of_ten);
        let mut look = says("far", if outage { Verdict::NotReady } else { Verdict::Ready }, now);
        let sent = if second == 0 { 250 } else { 1 };
        look.reading.sample = Some(Sample { sent, lost: u32::from(outage), outage });
        engine.observe(look, now);
    }
    let snapshot = engine.snapshot();
    let counted = snapshot.check("far").unwrap().loss.map(|loss| (loss.sent, loss.lost));
    (snapshot.current().checks[0].verdict, counted)
}

#[test]
fn outages_shorter_than_the_hold_are_loss_and_one_that_lasts_as_long_begins_anew() {
    assert_eq!(silent_now_and_then(200, 0), (Verdict::Ready, Some((450, 0))));
    // Two seconds of ten: never decided by the hold of three, and a fifth of what is sent is lost.
    assert_eq!(silent_now_and_then(20, 2), (Verdict::Ready, Some((270, 4))));
    let (verdict, counted) = silent_now_and_then(130, 2);
    assert_eq!((verdict, counted), (Verdict::Degraded, Some((380, 26))));
    assert_eq!(silent_now_and_then(400, 2).0, Verdict::NotReady);
    // Four of ten, from the third on it is decided: only what came since counts.
    assert_eq!(silent_now_and_then(20, 4), (Verdict::NotReady, Some((1, 0))));
}

#[test]
fn a_line_is_as_bad_as_its_loss_makes_it_since_it_loses_so_much_and_not_since_it_answers() {
    let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
    for second in 0..=620 {
        let now = at(f64::from(second));
        let mut look = says("far", Verdict::Ready, now);
        let lost = if second < 600 { 0 } else { 30 };
        look.reading.sample = Some(Sample { sent: 60, lost, outage: false });
        engine.observe(look, now);
    }
    let began = || {
        let judged = engine.checks[0].judged(0);
        (judged.verdict, engine.checks[0].node(0, judged).began.since(at(0.0).mono).as_secs())
    };
    let (verdict, began) = began();
    assert!(verdict == Verdict::NotReady && (600..620).contains(&began), "{verdict} since {began}");
}

#[test]
fn what_was_as_bad_before_it_lost_anything_is_as_old_as_it_is() {
    let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
    for second in 0..=620 {
        let now = at(f64::from(second));
        let mut look = says("far", Verdict::NotReady, now);
        look.reading.sample = Some(Sample { sent: 60, lost: if second < 600 { 0 } else { 30 }, outage: false });
        engine.observe(look, now);
    }
    let judged = engine.checks[0].judged(0);
    assert!(judged.reasons.iter().any(|reason| reason.def.code == "test.loss" && reason.verdict == Verdict::NotReady));
    let began = engine.checks[0].node(0, judged).began.since(at(0.0).mono).as_secs();
    assert!(began < 10, "since {began}");
}

/// A far end of which half is lost, asked each half second: it then answers as told, look by look; what is said of it after each, and
/// by which reasons.
fn lossy_then(answers: &[Answer]) -> Vec<(Verdict, Vec<&'static str>)> {
    let mut engine = Engine::new(plan(vec![far()]), Restored::default(), at(0.0));
    let before = [Answer::Lossy; 40];
    let all = before.iter().chain(answers).enumerate().map(|(place, answer)| {
        let now = at(f64::from(u32::try_from(place).unwrap()) / 2.0);
        let mut look = says("far", Verdict::Ready, now);
        match answer {
            Answer::Lossy => look.reading.sample = Some(Sample { sent: 20, lost: 10, outage: false }),
            Answer::Silent => {
                look = says("far", Verdict::NotReady, now);
                look.reading.sample = Some(Sample { sent: 1, lost: 1, outage: true });
            }
            Answer::Unseen => {
                look = says("far", Verdict::Unknown, now);
                look.error = Some(ProbeError::new(ErrorKind::Permission, "not allowed"));
            }
        }
        engine.observe(look, now);
        let snapshot = engine.snapshot();
        let said = &snapshot.current().checks[0];
        (said.verdict, said.reasons.iter().map(|reason| reason.def.code).collect())
    });
    all.skip(before.len()).collect()
}

#[derive(Clone, Copy)]
enum Answer {
    Lossy,
    Silent,
    Unseen,
}

#[test]
fn a_lossy_line_that_falls_silent_is_not_ready_all_along() {
    use Answer::{Lossy, Silent, Unseen};
    let lossy = (Verdict::NotReady, vec!["test.loss"]);
    // Silent for less than the hold of three seconds, again and again: nothing changes.
    let flaps = [[Silent; 5].as_slice(), &[Lossy], &[Silent; 2], &[Lossy; 3]].concat();
    assert_eq!(lossy_then(&flaps), vec![lossy.clone(); 11]);
    // For longer: lossy until it is decided that nothing answers.
    let dies = lossy_then(&[Silent; 10]);
    assert_eq!(dies[..6], vec![lossy.clone(); 6]);
    assert_eq!(dies[6..], vec![(Verdict::NotReady, vec!["test.broken"]); 4]);
    // Eyes that close: lossy until it is decided that nobody sees it.
    let unseen = lossy_then(&[Unseen; 10]);
    assert_eq!(unseen[..6], vec![lossy; 6]);
    assert_eq!(unseen[6..], vec![(Verdict::Unknown, vec!["test.broken"]); 4]);
}
