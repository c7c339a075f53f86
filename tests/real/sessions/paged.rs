//! An agenda of more sessions than one answer holds: each is told once, and the calendar's scheduler sees the last ones too.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{BARE, MINUTE, Scheduler, ahead};
use crate::support::daemon::{Answer, Daemon, room};
use crate::support::radicale::{Radicale, USER};

const LIST: &str = "/api/v1/sessions";

/// Writes so many sessions to come into the store of a daemon that does not run, ten of each minute from then on: all called off but the last,
/// which is of the calendar that `caldav.py` follows.
fn fill(folder: &Path, many: u32, from: Timestamp) {
    let mut db = Connection::open(folder.join("state/siaga.db")).unwrap();
    let rows = db.transaction().unwrap();
    for number in 0..many {
        let start = from.checked_add(MINUTE * (number / 10)).unwrap();
        let id = if number + 1 == many { "kalender-terakhir".to_owned() } else { format!("rapat-{number:05}") };
        let booking = if number + 1 == many { "booked" } else { "cancelled" };
        let until = start.checked_add(MINUTE).unwrap().as_microsecond();
        let row = params![id, number + 1, booking, format!("Rapat {number}"), start.as_microsecond(), until];
        let sql = "INSERT INTO sessions (id, revision, booking, title, profile, start, until, source, details)
                   VALUES (?1, ?2, ?3, ?4, 'zoom_group_720', ?5, ?6, 'scheduler', '{}')";
        rows.execute(sql, row).unwrap();
    }
    rows.commit().unwrap();
}

/// The ids of an answer, and the address of the next one.
fn page(answer: &Answer) -> (Vec<String>, Option<String>) {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let all = answer.json();
    let ids = all.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
    let link =
        answer.head.lines().find_map(|line| line.to_ascii_lowercase().starts_with("link: ").then_some(&line[6..]));
    let next = link.map(|link| {
        let query = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
        format!("{LIST}{}", query.unwrap_or_else(|| panic!("{link}")))
    });
    (ids, next)
}

#[test]
fn each_of_many_sessions_is_told_once_and_the_last_is_given_back() {
    let folder = room(BARE);
    Daemon::start(folder.path()).stop();
    let from = ahead(MINUTE * 600);
    fill(folder.path(), 2_345, from);
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("/api/v1/agenda", "the agenda is known", |answer| answer.json()["known"] == true);
    let walk = |first: &str| {
        let (mut pages, mut ids, mut next) = (Vec::new(), Vec::new(), Some(first.to_owned()));
        while let Some(path) = next {
            let (found, then) = page(&daemon.get(&path));
            pages.push(found.len());
            ids.extend(found);
            next = then;
        }
        (pages, ids)
    };
    let (pages, ids) = walk(LIST);
    // Ten begin together, so that a page ends among them.
    assert_eq!(pages, [1_000, 1_000, 345]);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2_345, "each once");
    assert!(ids[2_000..].contains(&"kalender-terakhir".to_owned()));
    // A span is kept from page to page, and one that ends with a page has no next one.
    let until = |minutes: u32| format!("{LIST}?until={}", from.checked_add(MINUTE * minutes).unwrap());
    assert_eq!(walk(&until(150)).0, [1_000, 500]);
    assert_eq!(walk(&until(100)).0, [1_000]);
    for wrong in ["x", "", "MTIz", "%22"] {
        let answer = daemon.get(&format!("{LIST}?after={wrong}"));
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.body);
    }

    let (radicale, jadwal) = (Radicale::start(), Scheduler::of(folder.path()));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut follow = Command::new(root.join("config/examples/caldav.py"));
    follow.arg(radicale.url()).env("SIAGA_URL", format!("http://{}", daemon.address())).env("SIAGA_TOKEN", &jadwal.0);
    let told = follow.env("CALDAV_USER", USER.0).env("CALDAV_PASSWORD", USER.1).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&told.stdout), "Rapat 2344: given back\n", "{told:?}");
    assert!(told.status.success(), "{told:?}");
    assert_eq!(daemon.get(&format!("{LIST}/kalender-terakhir")).json()["state"], "cancelled");
    daemon.stop();
}

#[test]
fn what_was_found_for_a_meeting_of_last_month_is_told_though_no_agenda_has_it_any_more() {
    let folder = room(BARE);
    Daemon::start(folder.path()).stop();
    let start = ahead(MINUTE).checked_sub(MINUTE * 60 * 24 * 30).unwrap();
    let (start, hour) = (start.as_microsecond(), 3_600_000_000_i64);
    let db = Connection::open(folder.path().join("state/siaga.db")).unwrap();
    db.execute(
        "INSERT INTO sessions (id, revision, booking, title, profile, start, until, source, details)
         VALUES ('lama', 1, 'booked', 'Rapat lama', 'zoom_group_720', ?1, ?2, 'scheduler', '{}')",
        [start, start + hour],
    )
    .unwrap();
    for (occasion, before, verdict) in
        [("before 7200", 2, "not_ready"), ("confirmed", 30, "ready"), ("reported", -2, "ready")]
    {
        db.execute(
            "INSERT INTO session_notices VALUES ('lama', ?1, ?2, ?3, ?4, '[]', NULL)",
            params![start, occasion, start - before * hour, verdict],
        )
        .unwrap();
    }
    drop(db);
    let daemon = Daemon::start(folder.path());
    daemon.wait_for("/api/v1/agenda", "the agenda is known", |answer| answer.json()["known"] == true);
    let one = daemon.get("/api/v1/sessions/lama").json();
    let all = daemon.get("/api/v1/sessions?since=2020-01-01T00:00:00Z").json();
    assert_eq!(
        (&one["confirmed"]["verdict"], one["rechecks"].as_array().unwrap().len()),
        (&"ready".into(), 1),
        "{one:#}"
    );
    assert_eq!(one["rechecks"][0]["before_seconds"], 7200);
    assert_eq!(all[0], one);
    daemon.stop();
}
