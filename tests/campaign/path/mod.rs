//! The whole path of a meeting under the paused clock: from the booking to the report, with the procedure's own hours, and with a
//! restart after any one of its steps.
//!
//! ```text
//! −25 h   −24 h    −150 min    −125 min  −2 h      −90 min  −80 … −50 min  −30 min   0 … +60 min      +90 min
//! booked  recheck  crew called fault     recheck   mended   trial, ticks   recheck   held, power cut  report
//! ```

mod ahead;
mod daemon;
mod ended;
mod house;
mod lost;
mod withdrawn;

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use siaga::domain::{Granted, Verdict};

use house::{House, paused};

/// What happens, in its order; after each of them the daemon may be begun anew.
const STEPS: usize = 14;

/// Day and night.
#[derive(Clone, Copy, PartialEq)]
enum Night {
    /// The daemon watches.
    Watched,
    /// The room is off from the day before until the morning.
    Off,
}

/// One of the steps.
async fn step(house: &mut House, step: usize, night: Night) {
    match step {
        0 => {
            house.pass_until(-25 * 60).await;
            let answer = house.confirm(&house.meeting("a", 0)).await;
            assert_eq!((answer.verdict, answer.codes.len(), answer.evidence.is_some()), (Verdict::Ready, 0, true));
            let granted = house.book("a", 0, Some(answer)).await;
            assert!(matches!(granted, Granted::Kept { created: true, confirms: true, .. }), "{granted:?}");
        }
        1 => {
            let Granted::Taken(holders) = house.book("b", 30, None).await else { panic!("the slot is held") };
            assert_eq!(holders.iter().map(|holder| &*holder.title).collect::<Vec<_>>(), ["Rapat a"]);
        }
        2 => {
            house.pass_until(-24 * 60 + 1).await;
            if night == Night::Off {
                house.off_until(-152).await;
            }
        }
        3 => house.pass_until(-149).await,
        4 => {
            house.pass_until(-125).await;
            house.fault("video.camera_missing", Verdict::NotReady);
            house.pass_until(-124).await;
        }
        5 => house.pass_until(-119).await,
        6 => {
            house.pass_until(-90).await;
            house.mend();
            house.pass_until(-88).await;
        }
        7 => {
            house.pass_until(-80).await;
            house.begin_trial().await;
        }
        8 => {
            house.pass_until(-60).await;
            house.end_trial("Suara pelan.").await;
        }
        9 => {
            house.pass_until(-50).await;
            house.tick_all().await;
        }
        10 => house.pass_until(-29).await,
        11 => {
            house.pass_until(20).await;
            house.fault("power.on_battery", Verdict::Degraded);
            house.fault("power.battery_low", Verdict::NotReady);
            house.pass_until(22).await;
        }
        12 => {
            house.pass_until(25).await;
            house.mend();
            house.pass_until(61).await;
        }
        _ => house.pass_until(92).await,
    }
}

/// What came of it: the report in both forms, what everybody was told, and what is kept under the evidence that they were given.
struct Outcome {
    report: Value,
    page: String,
    told: Vec<(&'static str, Value)>,
    evidence: Vec<Value>,
}

/// The whole of it.
fn whole_path(night: Night, restart_after: Option<usize>) -> Outcome {
    paused(async {
        let mut house = House::begin(-25 * 60 - 4).await;
        for at in 0..STEPS {
            step(&mut house, at, night).await;
            if restart_after == Some(at) {
                house.restart().await;
            }
            house.hear().await;
        }
        house.pass_until(95).await;
        let (report, page) = house.report("a").await;
        let told = house.told().to_vec();
        let mut evidence = Vec::new();
        for id in told.iter().filter_map(|(_, word)| word["session"]["evidence_id"].as_str()) {
            evidence.push(house.evidence(id).await);
        }
        house.end().await;
        Outcome { report, page, told, evidence }
    })
}

/// Receiver, event, how long before the meeting, of what, and how that is.
fn in_short(told: &[(&'static str, Value)]) -> Vec<String> {
    let one = |(receiver, word): &(&'static str, Value)| {
        let about = if word["session"].is_null() { &word["incident"] } else { &word["session"] };
        let what = about["component"].as_str().map_or(String::new(), |component| format!(" {component}"));
        let before = about["before_seconds"].as_u64().map_or(String::new(), |before| format!(" {before}"));
        let event = word["event"].as_str().unwrap();
        format!("{receiver}: {event}{what}{before} {}", about["verdict"].as_str().unwrap())
    };
    told.iter().map(one).collect()
}

#[test]
fn from_the_booking_to_the_report_with_all_of_it_in_the_procedures_own_hours() {
    let Outcome { report, page, told, evidence } = whole_path(Night::Watched, None);
    assert_eq!(
        in_short(&told),
        [
            "operator: session_preflight ready",
            "desk: incident_opened video not_ready",
            "jadwal: session_changed 7200 not_ready",
            "desk: incident_closed video ready",
            "jadwal: session_changed 1800 ready",
            "desk: incident_opened power not_ready",
            "desk: incident_closed power ready",
            "jadwal: session_reported not_ready",
        ]
    );
    let [preflight, opened, changed, ..] = &told[..] else { unreachable!() };
    assert_eq!(preflight.1["session"]["tasks"], json!(["kamera", "ruang"]));
    assert_eq!(opened.1["incident"]["reasons"][0]["code"], "video.camera_missing");
    let part = &changed.1["session"];
    assert_eq!((&part["confirmed_verdict"], &part["reasons"]), (&json!("ready"), &json!(["video.camera_missing"])));
    assert!(changed.1["text"].as_str().unwrap().ends_with("Saat dikonfirmasi: Siap."), "{}", changed.1["text"]);
    let verdicts: Vec<_> = evidence.iter().map(|kept| kept["answer"]["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["ready", "not_ready", "ready"], "of each word its evidence");
    assert_eq!(evidence[1]["id"], part["evidence_id"]);
    assert!(evidence[1]["answer"].to_string().contains("video.camera_missing"));

    let looks = report["looks"].as_array().unwrap();
    let look = |look: &Value| format!("{} {}", look["occasion"].as_str().unwrap(), look["verdict"].as_str().unwrap());
    assert_eq!(
        looks.iter().map(look).collect::<Vec<_>>(),
        [
            "confirmed ready",
            "before 86400 ready",
            "preflight ready",
            "before 7200 not_ready",
            "before 1800 ready",
            "before 300 ready"
        ]
    );
    assert_eq!(looks[3]["evidence_id"], part["evidence_id"]);
    assert!(looks.iter().all(|look| look["evidence_sha256"].is_string()));
    let moments = ["confirmed_at", "opened_at", "ready_at", "at_start"].map(|key| report["procedure"][key].clone());
    assert_eq!(
        json!(moments),
        json!(["2026-12-01T09:00:00+07:00", "2026-12-02T07:30:00+07:00", "2026-12-02T08:32:00+07:00", "ready"])
    );
    let trial = &report["run_sheet"]["trials"][0];
    assert_eq!(
        json!([trial["from"], trial["to"], trial["findings"]]),
        json!(["2026-12-02T08:40:00+07:00", "2026-12-02T09:00:00+07:00", "Suara pelan."])
    );
    let checks = report["run_sheet"]["checks"].as_array().unwrap();
    assert!(checks.len() == 8 && checks.iter().all(|check| check["standing"] == "done"), "{checks:?}");
    let troubles = report["incidents"].as_array().unwrap().iter();
    assert_eq!(
        troubles.map(|one| json!([one["component"], one["seconds"], one["seconds_in_meeting"]])).collect::<Vec<_>>(),
        [json!(["video", 2160, 0]), json!(["power", 300, 300])]
    );
    assert_eq!(json!([report["held"]["ready"], report["held"]["not_ready"]]), json!([3300, 300]));
    assert_eq!(json!([report["complete"], report["kept"]["intact"]]), json!([true, true]));
    for words in [
        "Laporan rapat: Rapat a",
        "saat dikonfirmasi</td><td>Siap",
        "2 jam sebelum mulai</td><td>Tidak siap</td><td>Kamera PTZ Pro tidak terhubung",
        "Video: Tidak siap</td><td>Kamera PTZ Pro tidak terhubung",
        "Uji coba 08.40.00 – 09.00.00, Petugas Satu",
        "Suara pelan.",
        "Kehadiran peserta sudah dipastikan: Sintang</td><td>sudah",
        "UPS dan stabilizer: Tidak siap</td><td>Baterai UPS hampir habis",
        "Listrik padam",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

/// Without what is another one each time it is made: under which id evidence is kept, and the chain's hash over that.
fn comparable(report: &Value) -> Value {
    let mut report = report.clone();
    report["kept"]["sha256"] = Value::Null;
    for look in report["looks"].as_array_mut().unwrap() {
        for key in ["evidence_id", "evidence_sha256"] {
            assert!(look[key].is_string(), "{look}");
            look[key] = Value::Null;
        }
    }
    // By the millisecond at which it began, which is another one after a restart.
    report["incidents"].as_array_mut().unwrap().iter_mut().for_each(|incident| incident["id"] = Value::Null);
    report
}

#[test]
fn a_restart_after_any_step_changes_neither_the_report_nor_what_is_told() {
    let Outcome { report, told, .. } = whole_path(Night::Off, None);
    let (report, told) = (comparable(&report), in_short(&told));
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let after = next.fetch_add(1, Ordering::Relaxed);
                    if after >= STEPS {
                        return;
                    }
                    let again = whole_path(Night::Off, Some(after));
                    assert_eq!(in_short(&again.told), told, "a restart after step {after}");
                    assert_eq!(comparable(&again.report), report, "a restart after step {after}");
                }
            });
        }
    });
}
