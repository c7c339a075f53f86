//! Surveys of places that are kept: by the real command, shown by the real daemon, whatever else lies in their folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::sessions::{MINUTE, Scheduler, ahead, meeting};
use super::support::daemon::{Daemon, room, siaga};

/// A survey of a server that is not there: all of it is real, and over in a second.
pub(super) fn keep(state: &Path, venue: &str) -> String {
    let out = tempfile::tempdir().unwrap();
    let before = kept(state);
    let told =
        survey(&["--keep", "--server", "127.0.0.1:9", "--duration", "1s", "--venue", venue, "--out"], |command| {
            command.arg(out.path()).arg("--state-dir").arg(state);
        });
    assert!(told.status.code().is_some_and(|code| code <= 3), "{told:?}");
    let new: Vec<String> = kept(state).into_iter().filter(|id| !before.contains(id)).collect();
    assert_eq!(new.len(), 1, "{told:?}");
    assert!(String::from_utf8_lossy(&told.stderr).contains(&format!("/surveys/{}", new[0])), "{told:?}");
    new[0].clone()
}

fn survey(args: &[&str], more: impl FnOnce(&mut Command)) -> Output {
    let mut command = siaga();
    command.env_remove("SIAGA_CONFIG").env("LC_ALL", "C").arg("survey").args(args).stdin(Stdio::null());
    more(&mut command);
    command.output().unwrap()
}

fn folder(state: &Path) -> PathBuf {
    state.join("surveys")
}

fn file(state: &Path, id: &str) -> PathBuf {
    folder(state).join(format!("survey-{id}.json"))
}

/// What lies in the folder, of whatever name.
fn lying(state: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder(state)) else { return Vec::new() };
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn kept(state: &Path) -> Vec<String> {
    let id = |name: String| Some(name.strip_prefix("survey-")?.strip_suffix(".json")?.to_owned());
    lying(state).into_iter().filter_map(id).collect()
}

/// An id of that place on that day.
fn id(place: &str, day: &str, end: u32) -> String {
    format!("{place}-{day}-120000-{end:08x}")
}

#[test]
fn a_survey_that_is_kept_is_listed_opened_taken_elsewhere_and_gone_when_removed() {
    let home = room("");
    let state = home.path().join("state");
    // Before there is a daemon there is no place for it, and nothing is measured.
    let told = survey(&["--keep", "--server", "127.0.0.1:9", "--state-dir"], |command| _ = command.arg(&state));
    assert!(told.status.code() == Some(3) && told.stdout.is_empty(), "{told:?}");
    assert!(String::from_utf8_lossy(&told.stderr).contains("no daemon keeps its state in"), "{told:?}");
    let daemon = Daemon::start(home.path());
    assert!(daemon.get("/surveys?lang=id").body.contains("Belum ada."));
    let id = keep(&state, "Aula <b>Kantor</b> Camat");
    assert_eq!(fs::metadata(file(&state, &id)).unwrap().permissions().mode() & 0o777, 0o600);
    let list = daemon.get("/surveys?lang=id");
    assert!(list.body.contains(&format!("href=\"/surveys/{id}?lang=id\"")), "{}", list.body);
    let report: Value = serde_json::from_slice(&fs::read(file(&state, &id)).unwrap()).unwrap();
    let answer = report["answer"]["id"].as_str().unwrap().replace('"', "&#34;");
    assert!(
        list.body.contains("Aula &#60;b&#62;Kantor&#60;/b&#62; Camat") && list.body.contains(&answer),
        "{}",
        list.body
    );
    let page = daemon.get(&format!("/surveys/{id}?lang=id"));
    assert!(page.status == 200 && page.body.contains("Survei internet untuk rapat: Aula &#60;b&#62;"), "{}", page.body);
    assert!(page.body.contains("href=\"/surveys?lang=id\"") && page.head.contains("frame-ancestors 'none'"));
    let english = daemon.get(&format!("/surveys/{id}?lang=en")).body;
    assert!(english.contains("<html lang=\"en\">") && english.contains("Site survey of the internet"), "{english}");
    // For programs: the list, and the report as it was written.
    let all = daemon.get("/api/v1/surveys").json();
    assert_eq!((all["older"].as_u64(), all["surveys"][0]["id"].as_str()), (Some(0), Some(&*id)), "{all}");
    assert_eq!((&all["surveys"][0]["verdict"], &all["surveys"][0]["error"]), (&report["verdict"], &json!(null)));
    assert_eq!(daemon.get(&format!("/api/v1/surveys/{id}")).json(), report);
    // What was made on a laptop is brought to another room's computer; brought again it is there.
    let other = room("");
    let there = other.path().join("state");
    let second = Daemon::start(other.path());
    for said in ["/surveys/", "is there already"] {
        let told = survey(&["--lang", "en", "--state-dir"], |command| {
            command.arg(&there).arg("--add").arg(file(&state, &id));
        });
        assert!(told.status.success() && String::from_utf8_lossy(&told.stdout).contains(said), "{told:?}");
    }
    assert_eq!(second.get(&format!("/surveys/{id}?lang=id")).body, page.body);
    for (remaining, code) in [(0, 0), (0, 3)] {
        let told = survey(&["--remove", &id, "--state-dir"], |command| _ = command.arg(&there));
        assert_eq!((kept(&there).len(), told.status.code()), (remaining, Some(code)), "{told:?}");
    }
    assert_eq!(second.get(&format!("/surveys/{id}?lang=id")).status, 404);
    assert!(second.get("/surveys?lang=id").body.contains("Belum ada."));
    second.stop();
    daemon.stop();
}

#[test]
fn a_meeting_leads_to_the_survey_of_its_place_or_says_that_it_is_not_kept() {
    let home = room("");
    let state = home.path().join("state");
    let daemon = Daemon::start(home.path());
    let kept = keep(&state, "Aula Kantor Camat");
    let scheduler = Scheduler::of(home.path());
    let elsewhere = "<b>aula</b>/../x";
    let book = |id: u32, survey: Option<&str>| {
        let mut wish = meeting(&format!("Rapat {id}"), ahead(MINUTE * (200 * id)), MINUTE * 30);
        wish["venue"] = json!({ "name": "Aula <i>Kantor</i> Camat", "survey": survey });
        let booked = scheduler.send(&daemon, "PUT", &format!("/api/v1/sessions/{id}"), &wish);
        assert_eq!(booked.status, 201, "{}", booked.body);
    };
    book(1, Some(&kept));
    book(2, Some(elsewhere));
    book(3, None);
    let link = |lang: &str| format!("<a href=\"/surveys/{kept}?lang={lang}\">{kept}</a>");
    let [id, en] = ["tidak disimpan di Siaga ini", "not kept by this siaga"];
    let agenda = daemon.get("/agenda?lang=id").body;
    assert!(agenda.contains(&format!("Survei lokasi: {}", link("id"))), "{agenda}");
    assert!(agenda.contains(&format!("Survei lokasi: &#60;b&#62;aula&#60;/b&#62;/../x ({id})")), "{agenda}");
    assert_eq!((agenda.matches("Survei lokasi: ").count(), agenda.contains("/surveys/&#60;")), (2, false), "{agenda}");
    let sheet = |number: u32, lang: &str| daemon.get(&format!("/sessions/{number}?lang={lang}")).body;
    let first = sheet(1, "en");
    assert!(first.contains(&format!("Site survey: {}", link("en"))), "{first}");
    assert!(first.contains("Place: Aula &#60;i&#62;Kantor&#60;/i&#62; Camat"), "{first}");
    assert!(sheet(2, "en").contains(&format!("({en})")) && !sheet(3, "en").contains("Site survey: "));
    // One that is removed meanwhile leads nowhere any more.
    let told = survey(&["--remove", &kept, "--state-dir"], |command| _ = command.arg(&state));
    assert!(told.status.success(), "{told:?}");
    let (agenda, first) = (daemon.get("/agenda?lang=id").body, sheet(1, "id"));
    assert!(!agenda.contains("href=\"/surveys/aula") && agenda.matches(id).count() == 2, "{agenda}");
    assert!(first.contains(&format!("Survei lokasi: {kept} ({id})")), "{first}");
    daemon.stop();
}

#[test]
fn whatever_lies_in_the_folder_harms_nothing_and_leads_nowhere() {
    let home = room("");
    let state = home.path().join("state");
    let daemon = Daemon::start(home.path());
    let good = keep(&state, "Balai");
    let report: Value = serde_json::from_slice(&fs::read(file(&state, &good)).unwrap()).unwrap();
    let changed = |id: &str, key: &str, value: Value| {
        let mut report = report.clone();
        report["id"] = json!(id);
        report[key] = value;
        fs::write(file(&state, id), report.to_string()).unwrap();
    };
    fs::write(home.path().join("secret"), "rahasia").unwrap();
    // Newer than the real one, so that they stand above it.
    let bad: Vec<String> = (0..8).map(|end| id("rusak", "20990101", end)).collect();
    fs::write(file(&state, &bad[0]), "{ half").unwrap();
    fs::write(file(&state, &bad[1]), b"\xff\xfe\0").unwrap();
    changed(&bad[2], "version", json!(2));
    changed(&bad[3], "id", json!(good));
    symlink(home.path().join("secret"), file(&state, &bad[4])).unwrap();
    fs::create_dir(file(&state, &bad[5])).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        file(&state, &bad[6]),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    fs::write(file(&state, &bad[7]), " ".repeat(2 << 20)).unwrap();
    for name in [
        "survey-.json",
        "survey-..json",
        "notes.txt",
        ".new-1234",
        "survey-aula.json",
        "survey-aula-20261126-133005-1f2e3d4c.html",
    ] {
        fs::write(folder(&state).join(name), "{}").unwrap();
    }
    let all = daemon.get("/api/v1/surveys").json();
    let ids: Vec<&str> = all["surveys"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), bad.len() + 1, "{all}");
    assert_eq!(ids.last(), Some(&&*good), "the newest first, by the day in its name");
    for one in all["surveys"].as_array().unwrap().iter().take(bad.len()) {
        let error = one["error"].as_str().unwrap_or_default();
        assert!(error.starts_with("survey-rusak-") && one["verdict"].is_null(), "{one}");
    }
    let list = daemon.get("/surveys?lang=id");
    assert_eq!(list.body.matches("rusak atau bukan hasil survei").count(), bad.len(), "{}", list.body);
    for id in &bad {
        let answer = daemon.get(&format!("/surveys/{id}"));
        assert!(answer.status == 500 && !answer.body.contains("rahasia"), "{id}: {}", answer.body);
    }
    for path in [
        "..",
        ".",
        "%2e%2e",
        "..%2f..%2fsecret",
        "..%2Fsiaga.toml",
        "survey-aula",
        "aula",
        "%00",
        "a%0d%0ab",
        "aula-20261126-133005-1f2e3d4c.json",
        "%2fetc%2fpasswd",
        "aula-20261126-133005-1f2e3d4c",
    ] {
        for way in ["/surveys/", "/api/v1/surveys/"] {
            let answer = daemon.get(&format!("{way}{path}"));
            assert!(matches!(answer.status, 400 | 404), "{way}{path}: {} {}", answer.status, answer.body);
        }
    }
    // Thousands: the newest are listed, and the others counted.
    for count in 0..3000 {
        fs::copy(file(&state, &good), file(&state, &id("ribuan", "20200202", count))).unwrap();
    }
    let all = daemon.get("/api/v1/surveys").json();
    assert_eq!(
        (all["surveys"].as_array().unwrap().len(), all["older"].as_u64()),
        (200, Some(2809)),
        "{}",
        all["older"]
    );
    // A new start removes those that are older than sessions are kept, and nothing else; by a clock by which was watched a day ago.
    daemon.stop();
    let database = rusqlite::Connection::open(state.join("siaga.db")).unwrap();
    let now = siaga::clock::Clock::start().now().wall;
    let ago = |hours: i64| (now - jiff::SignedDuration::from_hours(hours)).as_microsecond();
    database.execute("INSERT INTO runs VALUES (?1, ?2, 1)", [ago(26), ago(25)]).unwrap();
    drop(database);
    let daemon = Daemon::start(home.path());
    let few = |answer: &super::support::daemon::Answer| {
        let all = answer.json();
        all["older"] == 0 && all["surveys"].as_array().unwrap().len() <= bad.len() + 1
    };
    let all = daemon.wait_for("/api/v1/surveys", "the old ones are removed", few).json();
    assert_eq!((all["surveys"].as_array().unwrap().len(), all["older"].as_u64()), (bad.len() + 1, Some(0)), "{all}");
    assert!(folder(&state).join("notes.txt").exists() && home.path().join("secret").exists());
    daemon.stop();
}

#[test]
fn a_disk_that_takes_nothing_leaves_nothing_half_and_a_file_that_is_none_is_refused_before_anything_is_kept() {
    let home = room("");
    let state = home.path().join("state");
    let daemon = Daemon::start(home.path());
    let id = keep(&state, "Balai");
    let away = home.path().join("laptop.json");
    fs::rename(file(&state, &id), &away).unwrap();
    // As on a full disk: not a byte is taken.
    let told = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\" 2>&1 | cat", "sh", env!("CARGO_BIN_EXE_siaga"), "survey"])
        .arg("--state-dir")
        .args([&state, Path::new("--add"), &away])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&told.stdout);
    assert!(said.contains("surveys/survey-balai") && said.contains("os error"), "{said}");
    assert_eq!(lying(&state), [""; 0], "something half is left");
    let none = home.path().join("page.html");
    fs::write(&none, "<html>").unwrap();
    let told = survey(&["--state-dir"], |command| _ = command.arg(&state).arg("--add").args([&away, &none]));
    let said = String::from_utf8_lossy(&told.stderr);
    assert!(told.status.code() == Some(3) && said.contains("page.html: it is no survey"), "{said}");
    assert_eq!(kept(&state), [""; 0]);
    let told = survey(&["--state-dir"], |command| _ = command.arg(&state).arg("--add").arg(&away));
    assert!(told.status.success(), "{told:?}");
    assert_eq!(kept(&state), [id]);
    daemon.stop();
}
