//! The page that people look at.

use std::sync::Arc;

use jiff::SignedDuration;
use siaga::domain::doing::{Doing, Task};
use siaga::domain::handling::Practised;
use siaga::domain::{
    Arg, Booking, Component, Details, Handled, Handling, Incident, Kind, Level, OpenTo, Reason, Session, Silence,
    Verdict,
};

use crate::support::golden;
use crate::support::snapshot::{
    AT, CAMERA_IN_USE, CAMERA_MISSING, LOSS_HIGH, NO_PERMISSION, ago, backup, check, good, room, troubled,
};
use crate::support::web::{serve, voice};

/// The page with what changes from run to run taken out: when it was made, and how many seconds ago each check was measured.
fn still(html: &str) -> String {
    let mut out = String::new();
    for line in html.lines() {
        match (line.rfind(" data-age="), line.find(" data-at=")) {
            (Some(at), _) => out.extend([&line[..at], ">AGE</span></td></tr>"]),
            (None, Some(at)) => out.extend([&line[..at], ">"]),
            (None, None) => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

#[tokio::test]
async fn the_page_in_both_languages() {
    let served = serve(troubled().build()).await;
    for (lang, file) in [("id", "page.id.html"), ("en", "page.en.html")] {
        let got = served.get(&format!("/?lang={lang}")).await;
        assert_eq!(got.status, 200);
        assert_eq!(got.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(got.header("content-language"), lang);
        golden::hold(file, &still(&got.text));
    }
    let id = served.get("/").await.text;
    for words in [
        "Tidak siap: kamera meja tidak terpasang",
        "Pasang kabel USB kamera",
        "sejak pukul 09.25 WIB",
        "<strong data-clock>pukul 09.30.15 WIB</strong>",
        "ditahan selama rapat",
        "memang tidak ada di ruangan ini",
        "<meta http-equiv=\"refresh\" content=\"5\">",
    ] {
        assert!(id.contains(words), "{words:?} in {id}");
    }
    served.stop().await;
}

#[tokio::test]
async fn what_is_being_done_is_told_with_its_time_and_step_and_whatever_it_is_called_is_text() {
    let served = serve(room(good()).build()).await;
    let since = AT.parse::<jiff::Timestamp>().unwrap();
    let doing =
        |what, seconds: i64, step| Doing { what, since, until: since + jiff::SignedDuration::from_secs(seconds), step };
    let all = [doing(Task::Test("line".into()), 35, Some((2, 2))), doing(Task::Message("<b>HT</b>".into()), 40, None)];
    served.doing.send_replace(Arc::new((0..).zip(all).collect()));
    for (path, words) in [
        (
            "/?lang=id",
            ["Sedang dikerjakan", "langkah 2 dari 2", "Pesan uji ke &#60;b&#62;HT&#60;/b&#62;", "pukul 09.30.50 WIB"],
        ),
        (
            "/kiosk?lang=en",
            ["Being done now", "step 2 of 2", "Test message to &#60;b&#62;HT&#60;/b&#62;", "09:30:50 WIB"],
        ),
    ] {
        let page = served.get(path).await.text;
        for word in words {
            assert!(page.contains(word), "{word:?} in {page}");
        }
        assert_eq!(
            (page.matches("<progress aria-label=").count(), page.matches("max=\"35.0\"").count()),
            (2, 1),
            "{page}"
        );
    }
    let told = served.get("/api/v1/running").await.json();
    assert_eq!(
        (&told["tests"][0]["step"]["now"], &told["messages"][0]["receiver"]),
        (&2.into(), &"<b>HT</b>".into()),
        "{told}"
    );
    assert_eq!(served.get("/api/v1/running?x=1").await.status, 400);
    served.doing.send_replace(Arc::default());
    let page = served.get("/?lang=id").await.text;
    assert!(!page.contains("Sedang dikerjakan") && !page.contains("<progress"), "{page}");
    served.stop().await;
}

/// A drill of the internet that has just begun.
fn drill() -> Practised {
    let at: jiff::Timestamp = AT.parse().unwrap();
    let incident = Incident {
        id: "drill-internet-1".to_owned(),
        component: Component::Internet,
        worst: Verdict::NotReady,
        verdict: Verdict::NotReady,
        reasons: Vec::new(),
        opened_at: at,
        closed_at: None,
        settling: false,
    };
    Practised { scene: "cable-unplugged".into(), incident, until: at + SignedDuration::from_mins(5) }
}

#[tokio::test]
async fn a_drill_has_a_page_to_acknowledge_it_while_it_runs_and_is_no_incident_of_the_room() {
    let served = serve(room(good()).build()).await;
    let practised = drill();
    let banner = vec![practised.incident.clone()];
    let mut handling = Handling { banner, drill: Some(practised), ..Handling::default() };
    served.handling.send_replace(Arc::new(handling.clone()));
    let button = "<a href=\"/incidents/drill-internet-1?lang=id\"><strong>Diterima lewat HT</strong></a>";
    let home = served.get("/?lang=id").await.text;
    assert!(home.contains("belum ada yang menerima") && home.contains(button), "{home}");
    assert!(!served.get("/kiosk?lang=id").await.text.contains("/incidents/drill"), "nobody writes at a wall");
    for (lang, words) in [
        ("id", ["LATIHAN – ", "Ini latihan: ", "Berakhir paling lambat pukul 09.35 WIB", "belum ada yang menerima"]),
        ("en", ["DRILL – ", "This is a drill: ", "It ends at 09:35 WIB", "nobody has said that they see to it"]),
    ] {
        let page = served.get(&format!("/incidents/drill-internet-1?lang={lang}")).await;
        assert_eq!(page.status, 200, "{}", page.text);
        for word in words {
            assert!(page.text.contains(word), "{word:?} in {}", page.text);
        }
    }
    assert_eq!(served.get("/api/v1/running").await.json()["drill"]["incident"], "drill-internet-1");
    assert_eq!(served.get("/api/v1/incidents?open=1").await.json().as_array().map(Vec::len), Some(0));
    assert!(!served.get("/incidents").await.text.contains("drill-internet"), "it is no incident of the room");
    assert_eq!(served.get("/readyz").await.status, 200);
    // Somebody sees to it.
    let seen = Handled { acknowledged_at: Some(AT.parse().unwrap()), escalated_at: None };
    handling.incidents.insert("drill-internet-1".to_owned(), seen);
    handling.banner.clear();
    served.handling.send_replace(Arc::new(handling));
    let home = served.get("/?lang=id").await.text;
    assert!(home.contains("sudah diterima pukul 09.30 WIB") && !home.contains("Diterima lewat HT"), "{home}");
    // It is over, as what never was is not there.
    served.handling.send_replace(Arc::default());
    for (id, words) in
        [("drill-internet-1", "Latihan ini tidak sedang berjalan"), ("foo", "Tidak ada gangguan dengan id itu")]
    {
        let page = served.get(&format!("/incidents/{id}?lang=id")).await;
        assert!(page.status == 404 && page.text.contains(words), "{}", page.text);
        assert!(!page.text.contains("Gangguan ini sudah selesai"), "{}", page.text);
    }
    served.stop().await;
}

#[tokio::test]
async fn whoever_reads_sees_of_what_nobody_is_told_and_until_when() {
    let served = serve(room(good()).build()).await;
    let from: jiff::Timestamp = AT.parse().unwrap();
    let silence = |id: &str, component, minutes| Silence {
        id: id.into(),
        component,
        reason: "perawatan oleh Siti".to_owned(),
        from,
        until: from + SignedDuration::from_mins(minutes),
    };
    let silences =
        vec![silence("a", None, 30), silence("b", Some(Component::Power), 60), silence("c", Some(Component::Radio), 0)];
    served.handling.send_replace(Arc::new(Handling { silences, ..Handling::default() }));
    let home = served.get("/?lang=id").await.text;
    for words in [
        "Pemberitahuan dibisukan sampai pukul 10.00 WIB: semua bagian.",
        "Pemberitahuan dibisukan sampai pukul 10.30 WIB: UPS dan stabilizer.",
    ] {
        assert!(home.contains(words), "{words:?} in {home}");
    }
    assert!(home.matches("dibisukan").count() == 2 && !home.contains("Siti"), "{home}");
    let english = served.get("/?lang=en").await.text;
    assert!(english.contains("Notifications are silenced until 10:00 WIB: everything."), "{english}");
    served.handling.send_replace(Arc::default());
    assert!(!served.get("/?lang=id").await.text.contains("dibisukan"));
    served.stop().await;
}

#[tokio::test]
async fn the_agenda_says_how_many_more_meetings_there_are_than_it_shows() {
    let served = serve(room(good()).build()).await;
    let book = |many: i64| {
        let session = |number: i64| {
            let start = AT.parse::<jiff::Timestamp>().unwrap() + SignedDuration::from_hours(number);
            Session {
                id: format!("m{number}").into(),
                revision: number,
                booking: Booking::Booked,
                title: format!("Rapat {number}"),
                profile: "simak".into(),
                start,
                end: start + SignedDuration::from_mins(10),
                source: "scheduler".into(),
                details: Details::default(),
            }
        };
        let mut agenda = (**served.agenda.lock().unwrap()).clone();
        agenda.learn((1..=many).map(session), []);
        *served.agenda.lock().unwrap() = Arc::new(agenda);
    };
    book(50);
    let page = served.get("/agenda?lang=id").await.text;
    assert!(page.contains("Rapat 50") && !page.contains("rapat lagi"), "{page}");
    book(53);
    let page = served.get("/agenda?lang=id").await.text;
    // Two days and two hours after half past nine.
    let words = "… dan 3 rapat lagi, setelah 26 Nov 2026 pukul 11.30 WIB; semuanya ada di /api/v1/sessions.";
    assert!(page.contains(words) && !page.contains("Rapat 51"), "{page}");
    assert!(served.get("/agenda?lang=en").await.text.contains("… and 3 more, after 26 Nov 2026 11:30 WIB; all are at"));
    served.stop().await;
}

#[tokio::test]
async fn whoever_may_not_read_is_told_that_they_come_in_to_read() {
    let served = serve(room(good()).build()).await;
    let login = served.get("/login?lang=id").await.text;
    assert!(login.contains("Untuk mencatat, masuk dengan token"), "{login}");
    let mut closed = voice();
    closed.open_to = OpenTo::Nobody;
    served.voice.send_replace(Arc::new(closed));
    for path in ["/login?lang=id", "/?lang=id"] {
        let page = served.get(path).await.text;
        assert!(page.contains("Untuk membaca dan mencatat, masuk dengan token"), "{path}: {page}");
    }
    assert!(served.get("/login?lang=en").await.text.contains("To read and to note something, sign in"));
    served.stop().await;
}

#[tokio::test]
async fn nothing_runs_but_the_script_of_the_pages_and_nothing_else_is_loaded() {
    let served = serve(room(good()).build()).await;
    let got = served.get("/").await;
    let policy = got.header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(got.text.matches("<script").count(), 1);
    let markup = got.text.replace("<script src=\"/live.js\" defer></script>", "");
    let script = served.get("/live.js").await;
    assert_eq!((script.status, script.header("content-type")), (200, "text/javascript; charset=utf-8"));
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert_eq!(got.header("referrer-policy"), "same-origin");
    for word in ["<script", "src=", "url(", "@import", " on", "javascript:"] {
        let markup = markup.split("</style>").last().unwrap();
        assert!(!markup.contains(word), "{word:?} in {markup}");
    }
    assert!(got.text.contains("Siap: semua yang diperlukan berfungsi"));
    served.stop().await;
}

#[tokio::test]
async fn everything_is_escaped() {
    let evil = "<script>alert('&')</script>";
    let mut checks = good();
    checks[4] = check(evil, Kind::Camera, Level::Device).because(
        &CAMERA_MISSING,
        Verdict::NotReady,
        &[("device", Arg::from(evil))],
    );
    let served = serve(room(checks).build()).await;
    let mut named = voice();
    named.title = evil.to_owned();
    named.remedies.insert("video.camera_missing", (format!("Pasang {evil}"), format!("Plug in {evil}")));
    served.voice.send_replace(Arc::new(named));
    let html = served.get("/").await.text;
    assert!(!html.contains("<script>") && html.matches("<script").count() == 1, "{html}");
    assert!(html.contains("Pasang &#60;script&#62;alert(&#39;&#38;&#39;)&#60;/script&#62;"), "{html}");
    let problem = served.get("/?lang=%3Cscript%3E").await;
    assert_eq!((problem.status, problem.header("content-type")), (400, "application/problem+json"));
    served.stop().await;
}

#[tokio::test]
async fn the_link_to_the_other_language_keeps_the_profile() {
    let served = serve(room(good()).build()).await;
    assert!(served.get("/").await.text.contains("href=\"/?lang=en\""));
    let html = served.get("/?profile=simak").await.text;
    assert!(html.contains("href=\"/?lang=en&amp;profile=simak\""), "{html}");
    assert!(html.contains("Rapat simak"));
    served.stop().await;
}

#[tokio::test]
async fn what_changes_under_a_profile_that_is_not_in_force_is_a_change_of_the_room_too() {
    let looks = |page: &str| page.split("data-looks=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let served = serve(room(good()).build()).await;
    let before = served.get("/?profile=simak").await.text;
    // Two causes of the same verdict, one after the other, of what that profile alone counts.
    let mut seen = vec![looks(&before)];
    for (place, def) in [(3, &NO_PERMISSION), (3, &CAMERA_IN_USE), (1, &LOSS_HIGH)] {
        let mut snapshot = (*room(good()).build()).clone();
        let listening = Arc::make_mut(&mut snapshot.profiles[1]);
        let mut checks = listening.checks.to_vec();
        let verdict = Verdict::Degraded;
        checks[place].verdict = verdict;
        checks[place].reasons = vec![Reason { def, verdict, args: Vec::new(), since: ago(300), blocked_by: None }];
        listening.checks = checks.into();
        served.snapshot.send_replace(Arc::new(snapshot));
        assert_eq!(served.get("/?profile=rapat").await.text.matches("Paket hilang").count(), 0);
        seen.push(looks(&served.get("/?profile=simak").await.text));
    }
    let others = seen.iter().collect::<std::collections::HashSet<_>>();
    assert_eq!(others.len(), seen.len(), "{seen:?}");
    served.stop().await;
}

#[tokio::test]
async fn what_shows_more_than_the_rooms_page_is_fetched_anew_at_its_own_pace_too() {
    let served = serve(troubled().build()).await;
    for (path, pace) in [
        ("/", "change"),
        ("/kiosk", "change"),
        ("/incidents", "change"),
        ("/agenda", "30"),
        ("/incidents/video-20261124T022515Z", "10"),
        ("/components/video", "10"),
    ] {
        let page = served.get(path).await.text;
        assert!(page.contains(&format!("data-renewed=\"{pace}\"")), "{path}: {page}");
    }
    served.stop().await;
}

#[tokio::test]
async fn each_uplink_is_shown_with_what_is_spent_of_its_budget() {
    let uplink = backup();
    let used = siaga::probe::quantity("stamp_used_today_bytes").unwrap();
    let one = || check("far", Kind::Icmp, Level::FarEnd);
    let tests = |name, bytes| check(name, Kind::Stamp, Level::FarEnd).by(&uplink).measured(used, bytes);
    let served = serve(room(vec![one(), tests("call_b", 3.5e6), tests("other_b", 1e6)]).build()).await;
    // What is pushed goes by the same line; of one that no check names nothing is shown.
    served.own.0.lock().unwrap().pushed_today = [("backup".into(), 1_500_000), ("other".into(), 7)].into();
    let page = served.get("/?lang=id").await.text;
    assert!(page.contains("Jalur cadangan backup: uji dan kiriman hari ini (UTC) memakai 6,0 MB dari 100"), "{page}");
    assert!(page.contains("call_b <span class=\"quiet\">(backup)</span>"), "{page}");
    assert!(
        served
            .get("/?lang=en")
            .await
            .text
            .contains("Backup backup: today&#39;s tests and pushes (UTC) have taken 6.0 MB of 100")
    );
    let check = served.get("/api/v1/checks/call_b").await.json();
    assert_eq!(check["uplink"], "backup");
    let metrics = served.get("/metrics").await.text;
    for line in [
        "siaga_check_uplink{check=\"call_b\",uplink=\"backup\"} 1",
        "siaga_uplink_info{uplink=\"backup\",interface=\"wwan0\",backup=\"true\",metered=\"true\"} 1",
        "siaga_uplink_daily_budget_bytes{uplink=\"backup\"} 100000000",
        "siaga_uplink_used_today_bytes{uplink=\"backup\"} 6000000",
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line}: {metrics}");
    }
    assert!(!metrics.contains("check=\"far\",uplink"));
    served.stop().await;
}
