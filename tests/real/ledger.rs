//! The ledger: a month written by the real store, told by the command, as rows and as a page.

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use siaga::clock::Clock;
use siaga::domain::Component;
use siaga::domain::{Figure, Mono, Now, Observation, Quantity, Reading, Sample, Subject, Transition, Unit, Verdict};
use siaga::engine::past::ledger::Month;
use siaga::store::{Batch, Catalogue, Claim, Retention, Store};

use crate::support::daemon::{Daemon, room, siaga, write_config};
use crate::support::namespace::inside;

/// As the probes declare them.
static TRIP: Quantity = Quantity::gauge("icmp_rtt_seconds", Unit::Seconds, "x").figure(Figure::RoundTrip);
static DOWN: Quantity =
    Quantity::gauge("bandwidth_down_bits_per_second", Unit::BitsPerSecond, "x").figure(Figure::Down);
const CATALOGUE: Catalogue = Catalogue { reason: |_| None, quantity: |_| None };

const CONFIG: &str = "[room]\nname = \"rapat\"\ntitle = \"Ruang <Rapat>\"\n\
    [[check]]\nname = \"gateway\"\nkind = \"icmp\"\ntarget = \"gateway\"\n\
    [[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"192.0.2.1\"\n\
    [[check]]\nname = \"speed\"\nkind = \"bandwidth\"\ndown_url = \"https://example.org/down\"\nup_url = \"https://example.org/up\"\n";

fn zone() -> TimeZone {
    TimeZone::get("Asia/Pontianak").expect("the zone database is installed (Debian package tzdata)")
}

/// The month before this one: it is over, and not yet old.
fn last_month() -> Month {
    Month::of(Clock::start().now().wall, &zone()).before()
}

fn minute(minute: i64) -> Timestamp {
    last_month().span(&zone()).0.checked_add(SignedDuration::from_mins(minute)).unwrap()
}

/// Four hours of the month's first night: well, but for an outage of ten minutes behind a gateway that works (the second hour)
/// and one of twenty in which the gateway was gone (the third); then nobody looked.
async fn record(folder: &Path) {
    let store = Store::open(Claim::take(folder).unwrap(), Clock::start(), Retention::default(), CATALOGUE);
    for at in 0..=240 {
        let mut reading = Reading::default();
        reading.measure(&TRIP, 0.05);
        reading.sample = Some(Sample { sent: 60, lost: u32::from(at % 2 == 0), outage: false });
        let since = Duration::from_secs(60 * u64::try_from(at).unwrap() + 60);
        let now = Now { mono: Mono::ZERO.after(since), wall: minute(at) };
        store.observe(&Observation::read("far".into(), now, Duration::ZERO, reading));
        if at == 30 {
            let mut reading = Reading::default();
            reading.measure(&DOWN, 1.5e6);
            store.observe(&Observation::read("speed".into(), now, Duration::ZERO, reading));
        }
    }
    let internet = Subject::Component(Component::Internet);
    let check = |name: &str| Subject::Check(name.into());
    let said = [
        (internet.clone(), 0, Verdict::Ready),
        (check("gateway"), 0, Verdict::Ready),
        (check("far"), 0, Verdict::Ready),
        (check("far"), 90, Verdict::NotReady),
        (internet.clone(), 90, Verdict::NotReady),
        (check("far"), 100, Verdict::Ready),
        (internet.clone(), 100, Verdict::Ready),
        (check("gateway"), 150, Verdict::NotReady),
        (check("far"), 150, Verdict::NotReady),
        (internet.clone(), 150, Verdict::NotReady),
        (check("gateway"), 170, Verdict::Ready),
        (check("far"), 170, Verdict::Ready),
        (internet, 170, Verdict::Ready),
    ];
    let transitions = said.map(|(subject, at, to)| Transition {
        subject,
        profile: "x".into(),
        from: Verdict::Unknown,
        to,
        at: minute(at),
        codes: vec![],
        settling: false,
    });
    store.record(Batch { transitions: transitions.into(), ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
}

fn ledger(folder: &Path, more: &[&str]) -> (i32, String, String) {
    let output = siaga()
        .args(["ledger", "--month", &last_month().to_string(), "--state-dir"])
        .arg(folder.join("state"))
        .arg("--config")
        .arg(folder.join("siaga.toml"))
        .args(more)
        .output()
        .unwrap();
    let [out, told] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (output.status.code().unwrap(), out, told)
}

#[tokio::test]
async fn a_month_is_told_as_rows_with_gaps_and_causes_in_the_rooms_time() {
    let folder = room(CONFIG);
    let at = folder.path();
    record(&at.join("state")).await;
    let (code, text, told) = ledger(at, &["--csv"]);
    assert_eq!((code, told.as_str()), (0, ""), "{text}");
    assert!(text.ends_with("\r\n") && text.matches('\n').count() == text.matches("\r\n").count(), "{text:?}");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 13), "{rows:#?}");
    assert_eq!(rows[0][..5], ["mulai", "selesai", "durasi_detik", "jenis", "penyebab"]);
    let day = last_month().to_string();
    let (slow, provider, own, gap) = (&rows[1], &rows[2], &rows[3], &rows[4]);
    assert_eq!(slow[0], format!("{day}-01T00:00:00+07:00"));
    assert_eq!((slow[3], slow[11]), ("unduhan di bawah batas", "1500000"));
    assert_eq!(provider[0], format!("{day}-01T01:30:00+07:00"));
    assert_eq!(provider[1], format!("{day}-01T01:40:00+07:00"));
    assert_eq!((provider[2], provider[3], provider[4]), ("600", "putus", "di luar router kami"));
    assert_eq!((provider[6], provider[8], provider[9], provider[10]), ("tidak", "far", "0.0083", "0.0498"));
    assert_eq!((own[2], own[3], own[4]), ("1200", "putus", "kami: router"));
    assert_eq!((gap[0], gap[3], gap[6]), (format!("{day}-01T04:00:00+07:00").as_str(), "tidak diukur", "ya"));
    assert_eq!(rows.len(), 5);
    // What is sold decides what is slow; who asks for English gets it, CSV is what is written without a word.
    let (_, english, _) = ledger(at, &["--lang", "en", "--down", "1 Mbit/s"]);
    assert!(english.starts_with("begin,end,") && !english.contains("below the limit"), "{english}");
    assert!(english.contains(",600,outage,beyond our router,no,no,,far,"), "{english}");
}

#[tokio::test]
async fn a_month_is_a_page_to_print_without_scripts_and_with_its_names_escaped() {
    let folder = room(CONFIG);
    let at = folder.path();
    record(&at.join("state")).await;
    let (code, page, told) = ledger(at, &["--html"]);
    assert_eq!((code, told.as_str()), (0, ""));
    assert!(page.starts_with("<!doctype html>\n<html lang=\"id\">") && page.trim_end().ends_with("</html>"), "{page}");
    for never in ["<script", "http://", "https://", "<Rapat>", "{{", "onload"] {
        assert!(!page.contains(never), "{never}: {page}");
    }
    let fact = |name: &str| {
        let (_, rest) = page.split_once(&format!("{name}</th><td>")).unwrap_or_else(|| panic!("{name}: {page}"));
        rest.split('<').next().unwrap().to_owned()
    };
    assert_eq!(fact("Terukur"), "4 jam 0 menit 0 detik");
    assert_eq!(fact("Putus di luar router kami"), "0 jam 10 menit 0 detik");
    assert_eq!(fact("Putus karena bagian kami"), "0 jam 20 menit 0 detik");
    // 30 of 240 minutes; of the provider's 220 that can be judged, 10.
    assert_eq!(fact("Internet dapat dipakai, dari waktu terukur"), "87,50 %");
    assert_eq!(fact("Bagian penyedia dapat dipakai, dari waktu yang dapat dinilai"), "95,45 %");
    assert!(page.contains("pukul 01.30.00 WIB"), "{page}");
    assert!(page.contains("class=\"not_measured\"") && page.contains("@media print"), "{page}");
}

/// In a namespace of its own: the checks of the config ask nobody.
#[test]
fn a_month_and_a_week_are_told_over_http_as_by_the_commands() {
    if !inside("ledger::a_month_and_a_week_are_told_over_http_as_by_the_commands") {
        return;
    }
    let folder = room(CONFIG);
    let at = folder.path();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(record(&at.join("state")));
    let daemon = Daemon::start(at);
    let month = last_month();
    let path = format!("/api/v1/ledger?month={month}&down=50%20Mbit/s");
    let answer = daemon.get(&path);
    assert!(
        answer.status == 200 && answer.head.to_lowercase().contains("content-type: application/json"),
        "{answer:?}"
    );
    let told = answer.json();
    assert_eq!((&told["month"], &told["incomplete"]), (&month.to_string().into(), &false.into()), "{told:#}");
    assert_eq!((&told["seconds"]["ready"], &told["seconds"]["not_ready"]), (&12_600.into(), &1800.into()), "{told:#}");
    assert_eq!(told["available_share"], 0.875);
    let lines: Vec<_> = told["lines"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| (&line["what"], &line["cause"], &line["seconds"]))
        .collect();
    assert_eq!(lines[0], (&"outage".into(), &"provider".into(), &600.into()), "{told:#}");
    assert_eq!(lines[1], (&"outage".into(), &"ours_gateway".into(), &1200.into()));
    assert_eq!((lines.len(), lines[2].0), (3, &"not_measured".into()));
    assert_eq!(told["rates"][0]["agreed_bits_per_second"], 50e6);
    assert_eq!(
        (&told["slow_hours"][0]["direction"], &told["slow_hours"][0]["least_bits_per_second"]),
        (&"down".into(), &1.5e6.into())
    );

    // The rows are the command's, by what the reader would rather have and by the path's end.
    let (code, rows, _) = ledger(at, &["--down", "50 Mbit/s"]);
    assert_eq!(code, 0);
    let as_csv = daemon.request_with("GET", &path, "Accept: text/csv\r\n");
    assert_eq!((as_csv.status, &as_csv.body), (200, &rows));
    let head = as_csv.head.to_lowercase();
    assert!(
        head.contains("content-type: text/csv") && head.contains(&format!("filename=\"ledger-{month}.csv\"")),
        "{head}"
    );
    assert_eq!(daemon.get(&path.replace("/ledger", "/ledger.csv")).body, rows);
    let english = daemon.get(&format!("/api/v1/ledger.csv?month={month}&lang=en"));
    assert!(english.body.starts_with("begin,end,"), "{}", english.body);

    let week = daemon.get("/api/v1/outlook/week?weeks=9").json();
    let hours = week["hours"].as_array().unwrap();
    assert_eq!((hours.len(), &hours[30]["weekday"], &hours[30]["hour"]), (168, &2.into(), &6.into()));
    let outage: f64 = hours.iter().map(|hour| hour["not_ready_minutes"].as_f64().unwrap()).sum();
    assert!((outage - 30.0).abs() < 0.01, "{outage} minutes");
    let begins = zone().to_datetime(minute(0)).date().weekday().to_monday_zero_offset();
    let first = &hours[usize::from(begins.unsigned_abs()) * 24];
    assert!((first["round_trip_seconds"]["p50"].as_f64().unwrap() - 0.05).abs() < 0.0006, "{first:#}");
    let rows = daemon.get("/api/v1/outlook/week.csv").body;
    assert!(rows.starts_with("weekday,hour,") && rows.lines().count() == 169, "{rows}");

    for (path, detail) in [
        ("/api/v1/ledger?month=2026-13", "is no month"),
        ("/api/v1/ledger?month=2999-01", "has not begun"),
        ("/api/v1/ledger?down=fast", "down"),
        ("/api/v1/ledger?weeks=3", "unknown key"),
        ("/api/v1/outlook/week?weeks=54", "from 1 to 53"),
    ] {
        let refused = daemon.get(path);
        assert!(refused.status == 400 && refused.body.contains(detail), "{path}: {refused:?}");
    }
    daemon.stop();
}

#[test]
fn what_cannot_be_told_is_said_so() {
    let folder = room(CONFIG);
    let at = folder.path();
    let (code, out, told) = ledger(at, &[]);
    assert_eq!((code, out.as_str()), (3, ""), "{told}");
    assert!(told.contains("no database") || told.contains("siaga.db"), "{told}");
    let (code, _, told) = ledger(at, &["--csv", "--html"]);
    assert_eq!(code, 3, "{told}");
    for (month, why) in [("2026-13", "is no month"), ("1999-01", "from 2000 to 2999"), ("2999-01", "has not begun")] {
        let output =
            siaga().args(["ledger", "--month", month, "--config"]).arg(at.join("siaga.toml")).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(3) && told.contains(why), "{told}");
    }
    // A month of which nothing is known is one long gap, and never a good one.
    write_config(at, CONFIG);
    std::fs::create_dir_all(at.join("state")).unwrap();
    drop(Claim::take(&at.join("state")).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let claim = Claim::take(&at.join("state")).unwrap();
        let store = Store::open(claim, Clock::start(), Retention::default(), CATALOGUE);
        store.restore().await.unwrap();
        store.close().await.unwrap();
    });
    let (code, out, told) = ledger(at, &[]);
    assert!(code == 0 && told.contains("tidak terukur sama sekali"), "{told}");
    assert_eq!(out.lines().count(), 2, "{out}");
    assert!(out.contains(",tidak diukur,"), "{out}");
    let (_, page, _) = ledger(at, &["--html"]);
    assert!(page.contains("dari waktu terukur</th><td>tidak diketahui"), "{page}");
}
