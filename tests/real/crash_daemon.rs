//! `kill -9` of the whole daemon while a UPS flaps: what it has stored is whole, nothing is told without being stored, and
//! whoever is told of a beginning hears of the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::support::child::wait_until;
use super::support::daemon::{Daemon, room};

/// How often the daemon is killed.
const KILLS: u32 = 20;

/// A webhook's far side that keeps what it is told: a real HTTP server, as small as can be.
pub(crate) struct Desk {
    pub(crate) address: SocketAddr,
    told: Arc<Mutex<Vec<Value>>>,
}

impl Desk {
    pub(crate) fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap())
    }

    pub(crate) fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let (address, told) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let kept = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A daemon that is killed in the middle of a request leaves half of one: that was no telling.
                let mut reader = BufReader::new(stream);
                let mut length = 0;
                let mut line = String::new();
                while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    line.clear();
                }
                let mut body = vec![0; length];
                if length > 0 && reader.read_exact(&mut body).is_ok() {
                    kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
                    _ = reader.get_mut().write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
                }
            }
        });
        Self { address, told }
    }

    pub(crate) fn told(&self) -> Vec<Value> {
        self.told.lock().unwrap().clone()
    }
}

/// Mains for a moment, none for a moment: recorded, so that it needs no hardware and no luck.
fn flapping() -> String {
    use std::fmt::Write as _;
    let mut scenario = String::from("title = \"Mains comes and goes\"\n");
    for half in 0..20 {
        let findings =
            if half % 2 == 0 { "" } else { "findings = [{ reason = \"power.on_battery\", verdict = \"degraded\" }]\n" };
        _ = write!(scenario, "[[observe]]\ncheck = \"ups\"\nat = \"{}ms\"\n{findings}", half * 50);
    }
    scenario
}

/// A room with a UPS that says what `flapping.toml` says, and somebody who is told.
fn power_alone(desk: SocketAddr) -> tempfile::TempDir {
    let folder = room(&format!(
        "[components]\ncomputer = {{ absent = true }}\ninternet = {{ absent = true }}\naudio = {{ absent = true }}\n\
         video = {{ absent = true }}\nradio = {{ absent = true }}\n\
         [[check]]\nname = \"ups\"\nkind = \"replay\"\ncomponent = \"power\"\nfile = \"FOLDER/flapping.toml\"\nrepeat = true\ninterval = \"50ms\"\n\
         [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{desk}/\"\n"
    ));
    let config = std::fs::read_to_string(folder.path().join("siaga.toml")).unwrap();
    let at = folder.path().display().to_string();
    std::fs::write(folder.path().join("siaga.toml"), config.replace("FOLDER", &at)).unwrap();
    folder
}

#[test]
fn a_start_with_an_open_incident_tells_what_it_finds_at_first_to_nobody() {
    let on_battery = |verdict: &str, at: &str, until: &str| {
        format!(
            "[[observe]]\ncheck = \"ups\"\nat = \"{at}\"\nevery = \"1s\"\nuntil = \"{until}\"\n\
             findings = [{{ reason = \"power.on_battery\", verdict = \"{verdict}\" }}]\n"
        )
    };
    let desk = Desk::start();
    let folder = power_alone(desk.address);
    let scenario = folder.path().join("flapping.toml");
    std::fs::write(&scenario, format!("title = \"No mains\"\n{}", on_battery("degraded", "0s", "600s"))).unwrap();
    let daemon = Daemon::start(folder.path());
    wait_until(|| desk.told().len() == 1);
    wait_until(|| outbox(&folder.path().join("state/siaga.db")).iter().all(|(_, delivered)| *delivered));
    daemon.kill();
    let first = [on_battery("not_ready", "0s", "5s"), on_battery("degraded", "6s", "600s")].concat();
    std::fs::write(&scenario, format!("title = \"Worse at first\"\n{first}")).unwrap();
    let daemon = Daemon::start(folder.path());
    // The judge comes back to it when the settling is over, and finds it as it was told.
    let withheld =
        |reason: &str, times: &str| format!("siaga_notifications_withheld_total{{reason={reason:?}}} {times}\n");
    let answer =
        daemon.wait_for("/metrics", "what is no news", |answer| answer.body.contains(&withheld("no_news", "1")));
    assert!(!answer.body.contains(&withheld("settling", "0")), "it was found worse at first");
    let told = desk.told();
    assert_eq!(told.iter().map(|word| &word["event"]).collect::<Vec<_>>(), ["incident_opened"], "{told:?}");
    daemon.stop();
}

#[test]
fn a_daemon_that_is_killed_again_and_again_loses_nothing_that_it_stored() {
    let desk = Desk::start();
    let folder = power_alone(desk.address);
    std::fs::write(folder.path().join("flapping.toml"), flapping()).unwrap();
    let database = folder.path().join("state/siaga.db");
    let mut known = BTreeSet::new();
    for kill in 0..KILLS {
        let daemon = Daemon::start(folder.path());
        // Long enough to write, and never twice the same moment of it.
        let enough = known.len() + 2 + (kill as usize % 5);
        wait_until(|| transitions(&database).is_some_and(|all| all.len() >= enough));
        if kill % 10 == 0 {
            // What a start finds is not announced: twice the daemon lives long enough to have something to tell.
            let before = outbox(&database).len();
            wait_until(|| outbox(&database).len() >= before + 2);
        }
        daemon.kill();
        let after = transitions(&database).expect("the database opens after a kill");
        assert!(known.is_subset(&after), "a stored transition is gone after kill {kill}");
        known = after;
        let db = rusqlite::Connection::open(&database).unwrap();
        let integrity: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(integrity, "ok", "after kill {kill}");
    }
    // One more life without a fault, so that what was left is delivered and the last incident closes.
    std::fs::write(
        folder.path().join("flapping.toml"),
        "title = \"Mains stays\"\n[[observe]]\ncheck = \"ups\"\nat = \"0s\"\nevery = \"1s\"\nuntil = \"600s\"\n",
    )
    .unwrap();
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("ups", "ready", "");
    wait_until(|| outbox(&database).iter().all(|(_, delivered)| *delivered));
    let told: BTreeMap<String, Value> = desk.told().into_iter().map(|word| (key_of(&word), word)).collect();
    for (key, _) in outbox(&database) {
        assert!(told.contains_key(&key), "{key} was stored, is said to be delivered, and never arrived");
    }
    assert!(told.len() >= 4, "only {} were told: the test showed nothing", told.len());
    let stored: BTreeSet<String> = outbox(&database).into_iter().map(|(key, _)| key).collect();
    for key in told.keys() {
        assert!(stored.contains(key), "{key} was told without having been stored");
    }
    assert_eq!(daemon.get("/api/v1/incidents?open=1").json(), serde_json::json!([]));
    daemon.stop();
}

/// What the database holds, read as anybody with `sqlite3` would; `None` while it cannot be opened yet.
fn transitions(database: &std::path::Path) -> Option<BTreeSet<String>> {
    let db = rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    let mut query =
        db.prepare("SELECT id || ':' || subject || ':' || old || ':' || new || ':' || at FROM transitions").ok()?;
    let rows = query.query_map([], |row| row.get::<_, String>(0)).ok()?;
    rows.collect::<Result<_, _>>().ok()
}

/// The outbox: keys, and whether each has been delivered.
/// The key under which a word that came is stored: its `id` is that behind the room's name.
fn key_of(word: &Value) -> String {
    word["id"].as_str().and_then(|id| id.split_once('.')).unwrap().1.to_owned()
}

fn outbox(database: &std::path::Path) -> Vec<(String, bool)> {
    let db = rusqlite::Connection::open_with_flags(database, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut query = db.prepare("SELECT key, done_at IS NOT NULL FROM outbox").unwrap();
    query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}
