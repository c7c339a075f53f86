//! A reader must not believe a stuck engine.

use std::sync::Arc;
use std::time::Duration;

use siaga::domain::{CheckName, Component, Kind, Level, Mono, Now, Snapshot, Verdict};
use siaga::web::believe::{believe, believed_until, stalls_at};

use crate::support::snapshot::{CAMERA_MISSING, at, begin, check, good, room};
use crate::support::web::serve;

fn later(millis: u64) -> Now {
    at().after(Duration::from_millis(millis))
}

fn first_code(snapshot: &Snapshot) -> &'static str {
    snapshot.current().reasons.first().map_or("", |reason| reason.def.code)
}

#[test]
fn a_current_snapshot_is_believed_as_it_is() {
    let snapshot = room(good()).build();
    assert!(Arc::ptr_eq(&believe(&snapshot, later(0)), &snapshot));
    assert!(Arc::ptr_eq(&believe(&snapshot, later(602_000)), &snapshot), "two seconds late is busy");
}

#[test]
fn past_its_deadline_all_is_unknown() {
    let mut checks = good();
    checks[4] = check("camera", Kind::Camera, Level::Device).because(&CAMERA_MISSING, Verdict::NotReady, &[]);
    let snapshot = room(checks).build();
    let seen = believe(&snapshot, later(602_001));
    for view in &seen.profiles {
        assert_eq!(view.verdict, Verdict::Unknown);
        assert_eq!(view.reasons[0].def.code, "siaga.engine_stalled");
        assert_eq!(view.root_cause, None);
        assert!(view.checks.iter().all(|judged| judged.verdict == Verdict::Unknown));
        assert!(view.components.iter().all(|part| part.absent || part.verdict == Verdict::Unknown));
    }
    assert!(seen.checks.iter().all(|check| !check.stale), "their evidence is still young");
}

#[test]
fn an_engine_without_a_deadline_may_not_be_silent_for_ever() {
    let mut quiet = room(good());
    quiet.next_deadline = Mono::NEVER;
    let snapshot = quiet.build();
    assert_eq!(stalls_at(&snapshot), begin().after(Duration::from_secs(3605)));
    assert_eq!(first_code(&believe(&snapshot, later(3_605_001))), "siaga.engine_stalled");
    let mut empty = room(Vec::new());
    empty.next_deadline = Mono::NEVER;
    let snapshot = empty.build();
    assert_eq!(stalls_at(&snapshot), Mono::NEVER, "a room without checks has nothing to wait for");
    assert_eq!(believe(&snapshot, later(86_400_000)).current().verdict, Verdict::Unknown);
}

#[test]
fn evidence_that_ran_out_since_is_unknown_and_the_rest_stands() {
    let brief = check("ups", Kind::Ups, Level::Power).fresh_for(Duration::from_secs(20));
    let mut checks = good();
    checks[5] = brief.clone();
    let snapshot = room(checks.clone()).build();
    assert_eq!(believed_until(&snapshot, later(0)), begin().after(Duration::from_secs(17)));
    assert_eq!(believe(&snapshot, later(17_000)).current().verdict, Verdict::Ready);
    let seen = believe(&snapshot, later(17_001));
    assert_eq!(seen.current().verdict, Verdict::Unknown);
    assert_eq!(seen.current().root_cause.as_ref().map(CheckName::as_str), Some("ups"));
    assert_eq!(seen.current().checks[5].reasons[0].def.code, "siaga.stale");
    assert!(seen.checks[5].stale && !seen.checks[4].stale);
    assert_eq!(believed_until(&snapshot, later(17_001)), begin().after(Duration::from_secs(602)));
    // What is certainly bad stays so.
    checks[4] = check("camera", Kind::Camera, Level::Device).because(&CAMERA_MISSING, Verdict::NotReady, &[]);
    let seen = believe(&room(checks.clone()).build(), later(17_001));
    assert_eq!(seen.current().verdict, Verdict::NotReady);
    let power = seen.current().components.iter().find(|part| part.component == Component::Power).unwrap();
    assert_eq!(power.verdict, Verdict::Unknown);
    // Held evidence does not run out, nor does what counts for nothing.
    checks[4] = good()[4].clone();
    checks[5] = brief.clone().held();
    assert_eq!(believe(&room(checks.clone()).build(), later(17_001)).current().verdict, Verdict::Ready);
    checks[5] = brief.advisory();
    checks.push(check("ups2", Kind::Ups, Level::Power));
    assert_eq!(believe(&room(checks).build(), later(17_001)).current().verdict, Verdict::Ready);
}

#[tokio::test]
async fn every_answer_says_it_and_a_new_snapshot_ends_it() {
    let served = serve(room(good()).build()).await;
    let before = served.get("/api/v1/readiness").await.json();
    assert_eq!(before["verdict"], "ready");
    let mut stuck = room(good());
    stuck.next_deadline = begin();
    served.snapshot.send_replace(stuck.build());
    // The two seconds of grace pass for real.
    let deadline = tokio::time::timeout(Duration::from_secs(20), async {
        while served.get("/readyz").await.status == 200 {
            tokio::task::yield_now().await;
        }
    });
    deadline.await.expect("the stall is seen");
    let text = served.get("/readyz?lang=en").await.text;
    assert!(text.starts_with("unknown\n[?]room unknown siaga.engine_stalled: Siaga has stopped judging"), "{text}");
    for path in ["/api/v1/readiness", "/api/v1/readiness?start=2026-11-30T02:00:00Z"] {
        let got = served.get(path).await;
        assert_eq!((got.status, &got.json()["verdict"]), (503, &"unknown".into()), "{path}");
        assert_eq!(got.json()["reasons"][0]["code"], "siaga.engine_stalled", "{path}");
    }
    // The same question of the same snapshot, and another answer: it has evidence of its own.
    let after = served.get("/api/v1/readiness").await.json();
    assert_ne!(before["evidence_id"], after["evidence_id"]);
    let stored = served.get(&format!("/api/v1/evidence/{}", after["evidence_id"].as_str().unwrap())).await.json();
    assert_eq!((&stored["answer"]["verdict"], &stored["question"]["doubts"][0]), (&"unknown".into(), &"engine".into()));
    assert!(served.get("/").await.text.contains("Tidak diketahui: Siaga berhenti menilai"));
    let metrics = served.get("/metrics").await.text;
    assert!(
        metrics.contains("siaga_room_state{room=\"rapat_1\",profile=\"rapat\",state=\"unknown\"} 1\n"),
        "{metrics}"
    );
    assert!(metrics.contains("code=\"siaga.engine_stalled\"} 1\n"));
    served.snapshot.send_replace(room(good()).build());
    assert_eq!(served.get("/readyz").await.status, 200);
    served.stop().await;
}
