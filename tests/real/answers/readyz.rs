//! `/readyz`: the code for machines, the lines for people.

use siaga::domain::{Kind, Level, Verdict};

use crate::support::snapshot::{CAMERA_MISSING, Check, LOSS_HIGH, ON_BATTERY, check, good, room, troubled};
use crate::support::web::serve;

fn with(verdict: Verdict) -> Vec<Check> {
    let mut checks = good();
    if verdict != Verdict::Ready {
        checks[5] = check("ups", Kind::Ups, Level::Power).because(&ON_BATTERY, verdict, &[("value", "9 menit".into())]);
    }
    checks
}

#[tokio::test]
async fn the_code_and_the_first_line_are_the_verdict() {
    let served = serve(room(good()).build()).await;
    for (verdict, status) in
        [(Verdict::Ready, 200), (Verdict::Degraded, 200), (Verdict::NotReady, 503), (Verdict::Unknown, 503)]
    {
        served.snapshot.send_replace(room(with(verdict)).build());
        // Both ways there: the pre-rendered one and the one through the router.
        for path in ["/readyz", "/readyz?verbose=0"] {
            let got = served.get(path).await;
            assert_eq!(got.status, status, "{path} {verdict}");
            assert_eq!(got.text.lines().next(), Some(verdict.as_str()), "{path}");
            assert_eq!(got.header("content-type"), "text/plain; charset=utf-8");
            assert_eq!(got.header("cache-control"), "no-store");
            assert_eq!(got.header("content-language"), "id");
        }
    }
    served.stop().await;
}

#[tokio::test]
async fn one_line_a_check() {
    let served = serve(troubled().build()).await;
    let got = served.get("/readyz").await;
    assert_eq!(
        got.text,
        "not_ready\n\
         [+]pc ready\n\
         [~]gateway degraded internet.loss_high: Paket hilang 3,1 %\n\
         [+]speed ready (held)\n\
         [?]mic unknown siaga.no_permission: Siaga tidak diizinkan mengukur [permission denied]\n\
         [-]camera not_ready video.camera_missing: Kamera meja tidak terpasang\n\
         [+]ups ready (pending not_ready)\n"
    );
    assert_eq!(served.get("/readyz?verbose=0").await.text, got.text, "the quick way and the long way agree");
    let english =
        served.ask(served.client.get(served.url("/readyz")).header("accept-language", "de, en;q=0.8, id;q=0.2"));
    let english = english.await;
    assert!(english.text.contains("[-]camera not_ready video.camera_missing: Camera meja is not connected\n"));
    assert_eq!(english.header("content-language"), "en");
    assert!(served.get("/readyz?lang=en").await.text.contains("3.1 % of packets are lost"));
    served.stop().await;
}

#[tokio::test]
async fn verbose_tells_remedies_times_and_ages() {
    let served = serve(troubled().build()).await;
    let text = served.get("/readyz?verbose&lang=en").await.text;
    for line in ["not_ready", "room: rapat_1", "profile: rapat", "at: 2026-11-24T09:30:15+07:00", "root_cause: camera"]
    {
        assert!(text.lines().any(|other| other == line), "{line:?} in {text}");
    }
    let under = "    video.camera_missing:\n        since: 2026-11-24T09:25:15+07:00\n        remedy: Plug in the camera's USB cable\n";
    assert!(text.contains(under), "each since and remedy stands under its reason: {text}");
    let age = text.lines().find(|line| line.starts_with("    age: ")).unwrap();
    assert!(age.ends_with(" s of 3600 s"), "{age}");
    served.stop().await;
}

#[tokio::test]
async fn what_is_excluded_does_not_count() {
    let mut checks = with(Verdict::NotReady);
    checks.push(check("far1", Kind::Icmp, Level::FarEnd).group("far", 1).because(&LOSS_HIGH, Verdict::NotReady, &[]));
    checks.push(check("far2", Kind::Icmp, Level::FarEnd).group("far", 1));
    let dark = check("lamp", Kind::Display, Level::Device).advisory();
    checks.push(dark.because(&CAMERA_MISSING, Verdict::NotReady, &[("device", "a\nb".into())]).blocked_by("ups"));
    let served = serve(room(checks).build()).await;
    let got = served.get("/readyz").await;
    assert_eq!(got.status, 503);
    // What a device calls itself begins no line of its own.
    let line = "[-]lamp not_ready (advisory) (blocked by ups) video.camera_missing: Kamera a b tidak terpasang\n";
    assert!(got.text.contains(line), "{}", got.text);
    let got = served.get("/readyz?exclude=ups").await;
    assert_eq!((got.status, got.text.lines().next()), (200, Some("ready")));
    assert!(!got.text.contains("]ups"), "{}", got.text);
    // Of the group one is enough; without that one the other stands alone.
    let got = served.get("/readyz?exclude=ups&exclude=far2").await;
    assert_eq!((got.status, got.text.lines().next()), (503, Some("not_ready")));
    let got = served.get("/readyz?exclude=tidak_ada").await;
    assert_eq!(got.status, 400);
    assert_eq!(got.header("content-type"), "application/problem+json");
    let problem = got.json();
    assert_eq!(problem["detail"], r#"exclude names "tidak_ada", and there is no such check"#);
    assert_eq!(problem["allowed"][1], "gateway");
    served.stop().await;
}

#[tokio::test]
async fn another_profile_needs_less() {
    let mut checks = good();
    checks[4] = check("camera", Kind::Camera, Level::Device).because(&CAMERA_MISSING, Verdict::NotReady, &[]);
    let served = serve(room(checks).build()).await;
    assert_eq!(served.get("/readyz").await.status, 503);
    assert_eq!(served.get("/readyz?profile=simak").await.status, 200);
    let got = served.get("/readyz?profile=pesta").await;
    assert_eq!(got.status, 404);
    assert_eq!(got.json()["allowed"], serde_json::json!(["rapat", "simak"]));
    served.stop().await;
}

#[tokio::test]
async fn a_new_snapshot_is_told_at_once() {
    let served = serve(room(good()).build()).await;
    for round in 0..50 {
        let verdict = if round % 2 == 0 { Verdict::NotReady } else { Verdict::Ready };
        served.snapshot.send_replace(room(with(verdict)).build());
        assert_eq!(served.get("/readyz").await.text.lines().next(), Some(verdict.as_str()));
    }
    served.stop().await;
}

#[tokio::test]
async fn a_component_without_checks_and_a_start_have_lines_too() {
    let mut checks = good();
    checks.remove(4);
    let mut starting = room(checks);
    let served = serve(starting.build()).await;
    let text = served.get("/readyz?lang=en").await.text;
    assert!(text.starts_with("unknown\n"), "{text}");
    assert!(text.contains("[?]video unknown siaga.not_configured: No check is configured"), "{text}");
    starting.starting = true;
    served.snapshot.send_replace(starting.build());
    let text = served.get("/readyz?lang=en").await.text;
    assert!(text.starts_with("unknown\n[?]room unknown siaga.starting: "), "{text}");
    served.stop().await;
}
