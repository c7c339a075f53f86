//! `/api/v1/readiness`: the scheduler's question.

use siaga::domain::{Kind, Level, Verdict};

use crate::support::snapshot::{CAMERA_MISSING, LOSS_HIGH, ON_BATTERY, check, good, room, troubled};
use crate::support::web::{Memory, serve, serve_with};

#[tokio::test]
async fn the_answer_has_everything_it_stands_on() {
    let served = serve(troubled().build()).await;
    let got = served.get("/api/v1/readiness?lang=id").await;
    assert_eq!(got.status, 503);
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!(got.header("content-language"), "id");
    let json = got.json();
    for (key, value) in [
        ("room", "rapat_1"),
        ("profile", "rapat"),
        ("verdict", "not_ready"),
        ("summary", "Tidak siap: kamera meja tidak terpasang"),
        ("decision", "final"),
        ("basis", "live"),
        ("at", "2026-11-24T09:30:15+07:00"),
        ("root_cause", "camera"),
        ("evidence_id", "e1"),
        ("agenda", "not_asked"),
    ] {
        assert_eq!(json[key], value, "{key}");
    }
    assert!(json["recheck_at"].is_null() && json["evidence_error"].is_null());
    assert_eq!(json["in_use"], true);
    let valid = json["valid_until"].as_str().unwrap();
    assert!(valid.starts_with("2026-11-24T10:30:12"), "an hour after the observation: {valid}");
    let components = json["components"].as_array().unwrap();
    assert_eq!(components.len(), 6);
    let gateway = &components[1]["checks"][0];
    assert_eq!(gateway["name"], "gateway");
    assert_eq!(gateway["verdict"], "degraded");
    assert_eq!(gateway["requirement"], "required");
    assert_eq!(gateway["reasons"][0]["code"], "internet.loss_high");
    assert_eq!(gateway["reasons"][0]["message"], "Paket hilang 3,1 %");
    assert_eq!(gateway["reasons"][0]["remedy"], "Periksa kabel jaringan");
    assert_eq!(gateway["reasons"][0]["since"], "2026-11-24T09:25:15+07:00");
    assert_eq!(gateway["loss"]["sent"], 240);
    assert_eq!(gateway["measurements"][0]["quantity"], "icmp_rtt_median_seconds");
    assert_eq!(components[0]["checks"][0]["measurements"][1]["part"], "/var");
    assert_eq!(gateway["measurements"][0]["unit"], "seconds");
    assert_eq!(gateway["evidence"]["allowed_age_seconds"], 3600.0);
    assert!(gateway["evidence"]["age_seconds"].as_f64().unwrap() < 60.0);
    assert!(components[1]["checks"][1]["held"].is_string());
    assert_eq!(components[2]["checks"][0]["evidence"]["error"], "permission: open: permission denied");
    let ups = &components[4]["checks"][0];
    assert_eq!(ups["pending"]["to"], "not_ready");
    assert_eq!(components[5]["absent"], true);
    let english = served.get("/api/v1/readiness?lang=en").await.json();
    assert_eq!(english["summary"], "Not ready: camera meja is not connected");
    served.stop().await;
}

#[tokio::test]
async fn strict_refuses_what_is_degraded() {
    let mut checks = good();
    checks[5] = check("ups", Kind::Ups, Level::Power).because(&ON_BATTERY, Verdict::Degraded, &[]);
    let served = serve(room(checks).build()).await;
    for (query, status) in [("", 200), ("?strict=1", 503), ("?strict=true", 503), ("?strict=0", 200)] {
        assert_eq!(served.get(&format!("/api/v1/readiness{query}")).await.status, status, "{query}");
    }
    served.snapshot.send_replace(room(good()).build());
    assert_eq!(served.get("/api/v1/readiness?strict=1").await.status, 200);
    served.stop().await;
}

#[tokio::test]
async fn beyond_the_horizon_only_what_lasts_counts() {
    let mut checks = good();
    checks[1] = check("gateway", Kind::Icmp, Level::Gateway).because(&LOSS_HIGH, Verdict::NotReady, &[]);
    checks[4] = check("camera", Kind::Camera, Level::Device).because(&CAMERA_MISSING, Verdict::Degraded, &[]);
    let served = serve(room(checks).build()).await;
    // 09.30 now. An hour ahead: live.
    let json = served.get("/api/v1/readiness?start=2026-11-24T10:30:00%2B07:00").await.json();
    assert_eq!((&json["basis"], &json["verdict"]), (&"live".into(), &"not_ready".into()));
    assert!(json["outlook"].is_null(), "{json:#}");
    assert_eq!(json["recheck_at"], "2026-11-24T10:30:00+07:00");
    // Five hours ahead: the loss may be gone, the camera will still be missing.
    let got = served.get("/api/v1/readiness?start=2026-11-24T14:30:00%2B07:00&end=2026-11-24T08:00:00Z").await;
    assert_eq!(got.status, 200);
    let json = got.json();
    assert_eq!((&json["basis"], &json["decision"]), (&"outlook".into(), &"provisional".into()));
    assert_eq!(json["verdict"], "degraded");
    assert_eq!(json["outlook"]["nine_in_ten"], "unknown", "without history: {json:#}");
    assert_eq!(json["outlook"]["hours_of_week"], serde_json::json!([{ "weekday": 2, "hour": 14 }]));
    assert_eq!(json["root_cause"], "camera");
    assert_eq!(json["start"], "2026-11-24T14:30:00+07:00");
    assert_eq!(json["end"], "2026-11-24T15:00:00+07:00");
    assert_eq!(json["recheck_at"], "2026-11-24T12:30:00+07:00");
    assert_eq!(json["valid_until"], json["recheck_at"]);
    assert_eq!(json["components"][1]["verdict"], "ready");
    // Tomorrow: once more a day before. Further ahead: no outlook is good for more than a day.
    for (start, again) in [
        ("2026-11-25T13:30:00", "2026-11-24T13:30:00"),
        ("2026-11-30T14:30:00", "2026-11-25T09:30:15"),
        ("2027-11-30T14:30:00", "2026-11-25T09:30:15"),
    ] {
        let json = served.get(&format!("/api/v1/readiness?start={start}%2B07:00")).await.json();
        assert_eq!(json["recheck_at"], format!("{again}+07:00"), "{start}");
        assert_eq!(json["valid_until"], json["recheck_at"], "{start}");
    }
    served.stop().await;
}

#[tokio::test]
async fn where_nobody_looked_the_outlook_is_unknown() {
    for blind in
        [check("mic", Kind::Audio, Level::Device).never_observed(), check("mic", Kind::Audio, Level::Device).stale()]
    {
        let mut checks = good();
        checks[3] = blind.because(&siaga::engine::reasons::STALE, Verdict::Unknown, &[]);
        let served = serve(room(checks).build()).await;
        let json = served.get("/api/v1/readiness?start=2026-11-25T09:00:00Z").await.json();
        assert_eq!((&json["basis"], &json["verdict"]), (&"outlook".into(), &"unknown".into()));
        // Not in a day: somebody may look.
        let again = json["recheck_at"].as_str().unwrap();
        assert!(again.starts_with("2026-11-24T09:45:"), "{again}");
        assert_eq!(json["valid_until"], json["recheck_at"]);
        served.stop().await;
    }
    let mut starting = room(good());
    starting.starting = true;
    let served = serve(starting.build()).await;
    // In a moment somebody will have looked; a meeting that is near is asked about again before it begins, too.
    for (start, basis) in [("2026-11-25T09:00:00Z", "outlook"), ("2026-11-24T04:00:00Z", "live")] {
        let json = served.get(&format!("/api/v1/readiness?start={start}")).await.json();
        assert_eq!((&json["basis"], &json["verdict"]), (&basis.into(), &"unknown".into()));
        let again = json["recheck_at"].as_str().unwrap();
        assert!(again.starts_with("2026-11-24T09:31:"), "{start}: {again}");
    }
    served.stop().await;
}

#[tokio::test]
async fn evidence_is_kept_once_and_looked_up_later() {
    let served = serve(troubled().build()).await;
    for _ in 0..20 {
        assert_eq!(served.get("/api/v1/readiness").await.json()["evidence_id"], "e1");
    }
    assert_eq!(served.memory.rows(), 1, "asking again and again is one question");
    let other = served.get("/api/v1/readiness?profile=simak").await.json();
    assert_eq!(other["evidence_id"], "e2");
    let stored = served.get("/api/v1/evidence/e1").await.json();
    assert_eq!(stored["answer"]["verdict"], "not_ready");
    assert_eq!(stored["question"]["profile"], "rapat");
    assert_eq!(stored["snapshot_seq"], 42);
    let got = served.get("/api/v1/evidence/e9").await;
    assert_eq!((got.status, got.header("content-type")), (404, "application/problem+json"));
    served.stop().await;
}

#[tokio::test]
async fn without_evidence_the_answer_still_goes_out() {
    let served = serve_with(room(good()).build(), Memory::new(0)).await;
    let got = served.get("/api/v1/readiness").await;
    assert_eq!(got.status, 200);
    let json = got.json();
    assert!(json["evidence_id"].is_null());
    assert_eq!(json["evidence_error"], "no room for more evidence");
    assert_eq!(json["verdict"], "ready");
    // Nor does it need the history.
    let json = served.get("/api/v1/readiness?start=2026-11-25T09:00:00Z").await.json();
    assert_eq!((&json["verdict"], &json["outlook"]["nine_in_ten"]), (&"ready".into(), &"unknown".into()));
    assert_eq!((&json["outlook"]["error"], &json["outlook"]["incomplete"]), (&"no room".into(), &true.into()));
    served.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_told_so() {
    let served = serve(room(good()).build()).await;
    let table = [
        ("?profile=pesta", 404, "unknown-profile", r#"there is no profile "pesta"; there are rapat, simak"#),
        (
            "?start=2026-11-25T10:00:00Z&end=2026-11-25T09:00:00Z",
            400,
            "reversed-window",
            "the end 2026-11-25T09:00:00Z is not after the start 2026-11-25T10:00:00Z",
        ),
        ("?start=2026-11-25T10:00:00Z&end=2026-11-25T10:00:00Z", 400, "reversed-window", "is not after the start"),
        ("?end=2026-11-24T02:00:00Z", 400, "past-window", "the end 2026-11-24T02:00:00Z is past; now it is 2026"),
        ("?end=besok", 400, "value", r#"end is "besok"; expected is RFC 3339 with an offset, such as 2026-11-24T09"#),
        ("?start=2026-11-25T10:00:00", 400, "value", "expected is RFC 3339 with an offset"),
        ("?start=2026-11-25T10:00:00+07:00", 400, "value", "in a query a plus sign is written %2B"),
        ("?start=2026-11-25T10:00:00-25:00", 400, "value", "expected is RFC 3339 with an offset"),
        (
            "?start=2026-11-25T10:00:00%2B07:00[Asia/Jayapura]",
            400,
            "value",
            "the zone behind it has another offset then",
        ),
        ("?strict=ya", 400, "value", r#"strict is "ya"; allowed are: 1, true, 0, false"#),
        ("?lang=de", 400, "value", r#"lang is "de"; allowed are: id, en"#),
        (
            "?profil=rapat",
            400,
            "query",
            r#"unknown key "profil"; allowed are: profile, start, end, session, strict, lang"#,
        ),
        ("?strict=1&strict=0", 400, "query", r#""strict" is given more than once"#),
    ];
    for (query, status, kind, detail) in table {
        let got = served.get(&format!("/api/v1/readiness{query}")).await;
        assert_eq!(got.status, status, "{query}: {}", got.text);
        assert_eq!(got.header("content-type"), "application/problem+json", "{query}");
        let json = got.json();
        assert_eq!(json["type"], format!("urn:siaga:problem:{kind}"), "{query}");
        assert_eq!(json["status"], status, "{query}");
        assert!(json["title"].is_string(), "{query}");
        assert!(json["detail"].as_str().unwrap().contains(detail), "{query}: {}", json["detail"]);
    }
    assert_eq!(served.memory.rows(), 0, "what is refused is no evidence");
    served.stop().await;
}

#[tokio::test]
async fn the_command_line_dresses_a_daemons_answer_as_its_own_judgement() {
    use siaga::cli::listing::Listing;
    use siaga::domain::Lang;

    let room = troubled().build();
    let profile = room.current().profile.name.clone();
    let served = serve(room.clone()).await;
    for lang in [Lang::Id, Lang::En] {
        let own = Listing::of(&room, &profile, lang).unwrap().titled("Ruang Rapat <1>").text(lang, false);
        let json = served.get(&format!("/api/v1/readiness?lang={}", lang.as_str())).await.json();
        let answered: Listing = serde_json::from_value(json).unwrap();
        // The daemon's says of when it is.
        let answered = answered.text(lang, false).replacen(", 2026-11-24T09:30:15+07:00)", ")", 1);
        // Its remedies may be in the room's own words, as the config has it.
        let without_remedies = |text: &str| -> Vec<String> {
            text.lines().filter(|line| !line.contains('→')).map(str::to_owned).collect()
        };
        assert_eq!(without_remedies(&answered), without_remedies(&own));
        assert!(answered.starts_with("Ruang Rapat <1>: "), "the room's name for people: {answered}");
        assert!(!answered.contains("ask again"), "{answered}");
        assert!(own.contains("permission denied") && own.contains("  camera [camera]: "), "{own}");
    }
    // Of a meeting next month it says that it is an outlook, and when to ask again.
    let json = served.get("/api/v1/readiness?lang=en&start=2026-12-24T03:00:00Z&end=2026-12-24T04:00:00Z").await.json();
    let answered: Listing = serde_json::from_value(json).unwrap();
    let text = answered.text(Lang::En, false);
    assert!(
        text.contains("\nAn outlook: only what will stay so until somebody acts; ask again at 2026-11-25T"),
        "{text}"
    );
    served.stop().await;
}
