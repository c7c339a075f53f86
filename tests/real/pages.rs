//! Every page for people, in a real browser: in both languages, on a phone and on a wall, dark and light, by keyboard, looked over by
//! axe-core, and with what others write into it. Debian package: `chromium`; `scripts/axe-core.sh` fetches axe-core.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use siaga::domain::{Arg, Kind, Level, Verdict};

use super::live::{Beside, browser, go};
use super::sessions::{MINUTE, Scheduler, ahead, meeting};
use super::support::browser::Browser;
use super::support::child::wait_until;
use super::support::daemon::{Daemon, room};
use super::support::snapshot::{CAMERA_MISSING, check, good, room as made_of};

/// What would be a script, or leave its place, where it is not only shown.
const EVIL: &str = "<script>window.hit=1</script>\"'><img src=//evil.example/x onerror=window.hit=1>{{7*7}}";

/// The pages of a room of that kind; `{id}` stands for an incident that is open, `{survey}` for a survey that is kept.
const PAGES: [&str; 16] = [
    "/",
    "/kiosk",
    "/components/computer",
    "/components/internet",
    "/components/audio",
    "/components/video",
    "/components/power",
    "/incidents",
    "/incidents/{id}",
    "/agenda",
    "/radio",
    "/data",
    "/surveys",
    "/surveys/{survey}",
    "/settings",
    "/login",
];

/// A daemon that watches this machine alone, after a start in which it has measured already, with meetings that others have booked.
fn inhabited() -> (tempfile::TempDir, Daemon) {
    let ics = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:a\r\nDTSTAMP:{0}\r\nDTSTART:{0}\r\nDTEND:{1}\r\nSUMMARY:Kalender {2}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        ahead(MINUTE * 600).strftime("%Y%m%dT%H%M00Z"),
        ahead(MINUTE * 660).strftime("%Y%m%dT%H%M00Z"),
        EVIL.replace(';', "\\;").replace(',', "\\,"),
    );
    let title = "title = \"Ruang <b>\\\"Media\\\"</b> Center\"";
    let config = siaga::config::DEFAULT.replace("title = \"Ruang Media Center\"", title);
    let folder = room(&format!(
        "{config}\n[[uplink]]\nname = \"cadangan\"\ninterface = \"lo\"\nbackup = \"degraded\"\nmetered = true\ndaily_budget = \"100 MB\"\n\
         [[check]]\nname = \"lewat_cadangan\"\nkind = \"icmp\"\ntarget = \"127.0.0.1\"\nuplink = \"cadangan\"\nrequirement = \"advisory\"\n\
         [[calendar]]\nname = \"kantor\"\nfile = \"kantor.ics\"\ninterval = \"1s\"\n\
         [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:9/geheim\"\n"
    ));
    fs::write(folder.path().join("kantor.ics"), ics).unwrap();
    let daemon = Daemon::start(folder.path());
    let measured = |answer: &super::support::daemon::Answer| {
        let checks = answer.json();
        checks.as_array().unwrap().iter().filter(|check| check["evidence"]["at"].is_string()).count() >= 8
    };
    daemon.wait_for("/api/v1/checks", "most checks have measured", measured);
    let scheduler = Scheduler::of(folder.path());
    let mut wish = meeting(&format!("Rapat {EVIL}"), ahead(MINUTE * 60), MINUTE * 60);
    wish["office"] = json!(format!("Dinas {EVIL}"));
    let booked = scheduler.send(&daemon, "PUT", "/api/v1/sessions/17", &wish);
    assert_eq!(booked.status, 201, "{}", booked.body);
    // Its end writes the minute that runs.
    daemon.stop();
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("/agenda", "both calendars are followed", |answer| answer.body.contains("Kalender "));
    daemon.wait_for("/api/v1/incidents?open=1", "something is wrong", |answer| answer.json()[0]["id"].is_string());
    (folder, daemon)
}

/// axe-core's text.
fn axe() -> String {
    let caches = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let caches = caches.unwrap_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"));
    let folder = caches.join("siaga");
    let script = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/axe-core.sh")).unwrap();
    let version = script.lines().find_map(|line| line.strip_prefix("version=")).unwrap();
    let file = folder.join(format!("axe-core-{version}.tgz"));
    assert!(file.exists(), "{} is not there: run scripts/axe-core.sh", file.display());
    let told = Command::new("tar").args(["-xzOf"]).arg(&file).arg("package/axe.min.js").output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap()
}

/// Goes to a page; one that says nothing of the room hears nothing of it.
fn visit(browser: &mut Browser, address: &str) {
    if address.contains("/login") || address.contains("/surveys/") {
        browser.look(&format!("location.href = {address:?}"));
        wait_until(|| browser.look(&format!("location.href == {address:?} && document.readyState")) == "complete");
    } else {
        go(browser, address);
    }
}

/// What axe-core finds wrong, each with where.
fn found(browser: &mut Browser) -> Vec<String> {
    let told = browser.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(told => \
         told.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 160)).join(' | ')))",
    );
    told.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_page_is_fit_for_phone_and_wall_dark_and_light_in_both_languages_and_asks_nobody_else() {
    let (folder, daemon) = inhabited();
    let (axe, mut browser) = (axe(), browser());
    let id = daemon.get("/api/v1/incidents?open=1").json()[0]["id"].as_str().unwrap().to_owned();
    let survey = super::surveys::keep(&folder.path().join("state"), &format!("Aula {EVIL}"));
    let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/pages");
    fs::create_dir_all(&pictures).unwrap();
    let mut wrong = Vec::new();
    for page in PAGES.map(|page| page.replace("{id}", &id).replace("{survey}", &survey)) {
        for lang in ["id", "en"] {
            let address = format!("http://{}{page}?lang={lang}", daemon.address());
            visit(&mut browser, &address);
            browser.look(&axe);
            for (wide, scheme) in [(360, "light"), (360, "dark"), (1920, "light"), (1920, "dark")] {
                if wide == 360 {
                    browser.as_phone();
                } else {
                    browser.as_wall();
                }
                browser.in_scheme(scheme);
                let place = format!("{page} {lang} {wide} {scheme}");
                wait_until(|| browser.look("innerWidth") == wide);
                if browser.look("document.documentElement.scrollWidth > document.documentElement.clientWidth") != false
                {
                    wrong.push(format!("{place}: it is wider than its window"));
                }
                wrong.extend(found(&mut browser).into_iter().map(|one| format!("{place}: {one}")));
                let word = page.replace(&id, "one").replace(&survey, "one").trim_start_matches('/').replace('/', "-");
                let word = if word.is_empty() { "room" } else { &word };
                let name = format!("{word}-{lang}-{wide}-{scheme}.png");
                let png = base64::engine::general_purpose::STANDARD.decode(browser.picture()).unwrap();
                fs::write(pictures.join(name), png).unwrap();
            }
            assert_eq!(browser.look("document.documentElement.lang"), lang);
            let elsewhere = "performance.getEntriesByType('resource').map(one => one.name).filter(name => new URL(name).host != location.host)";
            assert_eq!(browser.look(elsewhere), json!([]), "{page}");
            let hit = browser.look("[typeof window.hit, document.images.length, document.scripts.length <= 1]");
            assert_eq!(hit, json!(["undefined", 0, true]), "{page}: something of others' runs or is loaded");
        }
    }
    // The forms that staff order by are seen by who has come in.
    let token = super::tokens::made(folder.path(), "siti", "operate", &[]);
    for lang in ["id", "en"] {
        // The page before may be the same one in the other language.
        visit(&mut browser, &format!("http://{}/login?lang={lang}", daemon.address()));
        browser.look(&format!(
            "document.querySelector('[name=next]').value = '/act'; document.querySelector('#token').value = '{token}'; \
             document.querySelector('form button').click()"
        ));
        browser.wait_for("document.readyState == 'complete' && document.querySelector('#scene') != null");
        browser.look(&axe);
        for (wide, scheme) in [(360, "light"), (1920, "dark")] {
            if wide == 360 {
                browser.as_phone();
            } else {
                browser.as_wall();
            }
            browser.in_scheme(scheme);
            wait_until(|| browser.look("innerWidth") == wide);
            let place = format!("/act {lang} {wide} {scheme}");
            if browser.look("document.documentElement.scrollWidth > document.documentElement.clientWidth") != false {
                wrong.push(format!("{place}: it is wider than its window"));
            }
            wrong.extend(found(&mut browser).into_iter().map(|one| format!("{place}: {one}")));
            let png = base64::engine::general_purpose::STANDARD.decode(browser.picture()).unwrap();
            fs::write(pictures.join(format!("act-{lang}-{wide}-{scheme}.png")), png).unwrap();
        }
    }
    // It would have found something, on a page that does not renew itself.
    visit(&mut browser, &format!("http://{}/login?lang=id", daemon.address()));
    browser.look(&axe);
    browser.look("document.querySelector('main').innerHTML = '<img src=\"data:,\"><p style=\"color:#777;background:#888\">tulisan yang sulit dibaca</p>'");
    let planted = found(&mut browser).join("\n");
    assert!(planted.contains("image-alt") && planted.contains("color-contrast"), "{planted}");
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_others_write_is_shown_as_text() {
    let (_folder, daemon) = inhabited();
    let mut browser = browser();
    let text = serde_json::to_string(EVIL).unwrap();
    for page in ["/", "/kiosk", "/agenda"] {
        go(&mut browser, &format!("http://{}{page}?lang=id", daemon.address()));
        browser.wait_for(&format!("document.querySelector('main').innerText.includes({text})"));
        assert_eq!(browser.look("typeof window.hit + document.images.length"), "undefined0", "{page}");
    }
    for page in ["/settings?lang=id", "/settings?lang=en"] {
        let answer = daemon.get(page);
        assert!(answer.status == 200 && !answer.body.contains("geheim"), "a secret is shown: {}", answer.body);
        assert!(answer.body.contains("cadangan"), "{}", answer.body);
    }
    // A device's name, and a check's, arriving while somebody looks.
    let web = Beside::serve(made_of(good()).build());
    for page in ["/", "/kiosk", "/components/video", "/incidents"] {
        web.snapshot.send_replace(made_of(good()).build());
        go(&mut browser, &format!("http://{}{page}?lang=id", web.address));
        let mut checks = good();
        let args = [("device", Arg::from(EVIL))];
        checks[4] = check(EVIL, Kind::Camera, Level::Device).because(&CAMERA_MISSING, Verdict::NotReady, &args);
        web.snapshot.send_replace(made_of(checks).build());
        // Those that are fetched at their own pace come within ten seconds.
        browser.wait_for(&format!("document.querySelector('main').innerText.includes({text})"));
        assert_eq!(browser.look("typeof window.hit + document.images.length"), "undefined0", "{page}");
        assert_eq!(browser.look("window.kept"), 1, "{page}");
    }
    web.stop();
}

#[test]
#[allow(clippy::print_stdout, reason = "a figure for README, read with --nocapture")]
fn one_click_deeper_there_is_what_was_measured_what_was_wrong_and_who_said_so() {
    let (_folder, daemon) = inhabited();
    let page = |path: &str| {
        let answer = daemon.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.body
    };
    let internet = page("/components/internet?lang=id");
    // Of the newest echo, or of the echoes before it: the daemon may have ended before the newest was answered.
    let delays = ["Jeda ping (loopback)", "Jeda ping, nilai tengah (loopback)"];
    assert!(internet.contains("<svg ") && delays.iter().any(|told| internet.contains(told)), "{internet}");
    assert!(internet.contains("icmp") && internet.contains("Diukur tiap"), "{internet}");
    let own = page("/components/internet?lang=id&check=loopback");
    assert!(own.matches("<svg ").count() > 1 && !own.contains("(stun)</figcaption>"), "{own}");
    assert_eq!(daemon.get("/components/internet?check=nothing").status, 404);
    assert_eq!(daemon.get("/components/nothing").status, 404);
    let incidents = page("/incidents?lang=id");
    let id = daemon.get("/api/v1/incidents?open=1").json()[0]["id"].as_str().unwrap().to_owned();
    assert!(incidents.contains(&format!("href=\"/incidents/{id}?lang=id\"")), "{incidents}");
    let story = page(&format!("/incidents/{id}?lang=id"));
    assert!(story.contains("Urutan kejadian") && story.contains("gangguan mulai"), "{story}");
    let agenda = page("/agenda?lang=id");
    assert!(agenda.contains("Persiapan: Rapat ") && agenda.contains("kantor") && agenda.contains("Dinas "), "{agenda}");
    let data = page("/data?lang=id");
    assert!(data.contains("cadangan") && data.contains("dari 100,0 MB") && data.contains("<meter "), "{data}");
    let settings = page("/settings?lang=id");
    for told in ["siaga.toml", "baris ", "bawaan", "retention_minutes", "check loopback", "diisi, tidak ditampilkan"] {
        assert!(settings.contains(told), "{told} is not in {settings}");
    }
    assert!(page("/radio?lang=id").contains("Belum ada."));
    // With everything that comes with it.
    let script = page("/live.js").len();
    for path in ["/", "/kiosk", "/components/internet", "/agenda"] {
        let size = page(path).len() + script;
        println!("{path}: {size} bytes with its script");
        assert!(size <= 60_000, "{path}: {size} bytes");
    }
}

#[test]
fn a_closed_incident_keeps_its_story() {
    let mut room = super::acts::Failing::start();
    let id = room.incident("")["id"].as_str().unwrap().to_owned();
    room.upsd.set("ups.status", "OL");
    room.daemon.wait_for("/api/v1/incidents?open=1", "it is over", |answer| answer.json() == json!([]));
    let path = format!("/incidents/{id}?lang=id");
    let told =
        |answer: &super::support::daemon::Answer| answer.status == 200 && answer.body.contains("gangguan selesai");
    let story = room.daemon.wait_for(&path, "its end is remembered", told).body;
    assert!(story.contains("kabar untuk desk: disampaikan") || story.contains("kabar untuk desk: menunggu"), "{story}");
    assert!(!story.contains("name=\"by\"") && story.contains("Siap → Tidak siap"), "{story}");
    assert!(room.daemon.get("/incidents?lang=id").body.contains(&id));
    assert_eq!(room.daemon.get("/incidents/power-1").status, 404);
}

#[test]
fn all_pages_are_reached_by_keyboard_alone() {
    let folder = room("");
    let daemon = Daemon::start(folder.path());
    let mut browser = browser();
    browser.as_phone();
    go(&mut browser, &format!("http://{}/?lang=id", daemon.address()));
    let mut reached = Vec::<Value>::new();
    for _ in 0..12 {
        browser.press("Tab", 9);
        reached.push(browser.look("document.activeElement.getAttribute('href')"));
        let seen = browser.look(
            "(at => at.width > 0 && at.left >= 0 && at.right <= innerWidth)(document.activeElement.getBoundingClientRect())",
        );
        assert_eq!(seen, true, "{reached:?}");
    }
    for way in [
        "#main",
        "/?lang=en",
        "/?lang=id",
        "/agenda?lang=id",
        "/incidents?lang=id",
        "/settings?lang=id",
        "/kiosk?lang=id",
    ] {
        assert!(reached.contains(&json!(way)), "{way} is not among {reached:?}");
    }
    daemon.stop();
}

/// As the release that people run; by hand.
#[test]
#[ignore = "a measurement, for README: cargo test --test real -- --ignored --nocapture pages::figures"]
#[allow(clippy::print_stdout, reason = "figures")]
fn figures() {
    let (_folder, daemon) = inhabited();
    let mut browser = browser();
    let mut paints = Vec::new();
    for _ in 0..21 {
        go(&mut browser, &format!("http://{}/kiosk?lang=id", daemon.address()));
        go(&mut browser, &format!("http://{}/?lang=id", daemon.address()));
        let paint = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null";
        wait_until(|| browser.look(paint).is_number());
        paints.push(browser.look(paint).as_f64().unwrap());
    }
    paints.sort_by(f64::total_cmp);
    println!("first contentful paint: median {:.0} ms, greatest {:.0} ms of {}", paints[10], paints[20], paints.len());
    drop(browser);
    let cpu = || -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.pid())).unwrap();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let over = |what: &str| {
        let before = cpu();
        std::thread::sleep(Duration::from_secs(30));
        println!("{what}: {} ticks of CPU in 30 s", cpu() - before);
    };
    over("nobody looks");
    let streams: Vec<_> = (0..200).map(|_| super::live::listen(&daemon)).collect();
    for stream in &streams {
        let mut stream = stream.try_clone().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
    }
    over("200 listen");
    daemon.stop();
}
