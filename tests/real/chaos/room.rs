//! One room: five components that change at random, people who acknowledge and silence, and a daemon that is killed again and
//! again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rusqlite::{Connection, OpenFlags};
use siaga::clock::Clock;

use super::KILLS_A_ROOM;
use super::books::{Books, Count, Promise};
use super::desk::Desk;
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room, siaga, write_config};
use crate::support::wall_clock::siaga_by;

/// The components, and two ways in which each can be bad; none of them explains another.
pub(super) const COMPONENTS: [(&str, [(&str, &str); 2]); 5] = [
    ("power", [("power.on_battery", "degraded"), ("power.battery_old", "degraded")]),
    ("internet", [("internet.delay_high", "degraded"), ("internet.target_silent", "not_ready")]),
    ("audio", [("audio.microphone_quiet", "degraded"), ("audio.microphone_muted", "not_ready")]),
    ("video", [("video.frame_dark", "degraded"), ("video.frame_black", "not_ready")]),
    // Once bad it stays so: somebody is reminded of it.
    ("computer", [("computer.disk_low", "degraded"), ("computer.cpu_high", "degraded")]),
];
const REMINDED: &str = "computer";
/// Which somebody asks silence for.
pub(super) const SILENCED: &str = "video";

/// A component as it is made to be: `ready`, or what it is said to be.
#[derive(Clone, Debug)]
struct Stand {
    wanted: &'static str,
    /// Not to be changed before.
    until: Instant,
}

struct Room {
    folder: tempfile::TempDir,
    desks: [Desk; 2],
    stands: Vec<Stand>,
    chance: StdRng,
    books: Books,
    orders: Vec<(Child, Promise)>,
}

/// A whole life, and what was wrong in it.
pub(super) fn live_and_die(seed: u64) -> Count {
    let mut room = Room::new(seed);
    for kill in 0..KILLS_A_ROOM {
        match kill {
            // One is killed while it opens, one while it settles, the others well into their work.
            0 if room.chance.random() => room.die_at_once(),
            1 => room.live_and_die(1.0..14.0),
            _ => room.live_and_die(15.5..21.0),
        }
        room.after_a_kill();
    }
    room.end()
}

impl Room {
    fn new(seed: u64) -> Self {
        let (folder, desks) = (room(""), [Desk::start(false), Desk::start(true)]);
        let mut config = String::from("[components]\nradio = { absent = true }\n");
        for (component, _) in COMPONENTS {
            let file = file(folder.path(), component);
            _ = write!(
                config,
                "[[check]]\nname = \"{component}\"\nkind = \"replay\"\ncomponent = \"{component}\"\nfile = \"{}\"\n\
                 repeat = true\ninterval = \"50ms\"\n",
                file.display()
            );
        }
        for (name, desk) in ["desk", "noc"].into_iter().zip(&desks) {
            let url = format!("http://{}/", desk.address);
            _ = write!(config, "[[receiver]]\nname = \"{name}\"\nkind = \"webhook\"\nurl = \"{url}\"\n");
        }
        config.push_str("[[route]]\nreceivers = [\"desk\", \"noc\"]\nremind_every = \"1m\"\n");
        write_config(folder.path(), &config);
        let stands = COMPONENTS.map(|_| Stand { wanted: "ready", until: now() });
        let mut room = Self {
            books: Books::default(),
            stands: stands.into(),
            chance: StdRng::seed_from_u64(seed),
            orders: Vec::new(),
            folder,
            desks,
        };
        for at in 0..COMPONENTS.len() {
            room.become_(at, "ready");
        }
        room
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a component so, from outside.
    fn become_(&mut self, at: usize, wanted: &'static str) {
        let (component, bad) = COMPONENTS[at];
        let reason = bad.iter().find(|(_, verdict)| *verdict == wanted).map(|(reason, _)| reason);
        let findings = reason.map_or_else(String::new, |reason| {
            format!("findings = [{{ reason = \"{reason}\", verdict = \"{wanted}\" }}]\n")
        });
        let text = format!("title = \"x\"\n[[observe]]\ncheck = \"{component}\"\nat = \"0s\"\n{findings}");
        let file = file(self.path(), component);
        std::fs::write(file.with_extension("new"), text).unwrap();
        std::fs::rename(file.with_extension("new"), file).unwrap();
        self.books.injected(component, wanted);
        // Long enough to be seen now and then by nobody but the database.
        let pause = Duration::from_millis(self.chance.random_range(50..700));
        self.stands[at] = Stand { wanted, until: now() + pause };
    }

    /// Changes what has been seen as it is, for as long as the daemon is to live.
    fn storm(&mut self, until: Instant) {
        let database = self.path().join("state/siaga.db");
        while now() < until {
            std::thread::park_timeout(Duration::from_millis(10));
            let Some(stored) = stored(&database) else { continue };
            for (at, (component, bad)) in COMPONENTS.into_iter().enumerate() {
                let stand = self.stands[at].clone();
                let seen = stored.iter().any(|(name, verdict)| name == component && verdict == stand.wanted);
                if !seen || now() < stand.until || (component == REMINDED && stand.wanted != "ready") {
                    continue;
                }
                let others = ["ready", bad[0].1, bad[1].1].into_iter().filter(|other| *other != stand.wanted);
                let others: Vec<_> = others.collect();
                let other = others[self.chance.random_range(0..others.len())];
                self.become_(at, other);
            }
            if self.orders.len() < 2 && self.chance.random_ratio(1, 60) {
                self.order(&database);
            }
            self.answered();
        }
    }

    /// Somebody says that they see to an incident, or asks for silence.
    fn order(&mut self, database: &Path) {
        let silence = !self.books.asked_for_silence() && self.chance.random();
        let (arguments, promise) = if silence {
            let arguments = ["silence", "--component", SILENCED, "--for", "2h", "--reason", "diganti"];
            (arguments.map(str::to_owned).to_vec(), Promise::Silence)
        } else {
            let Some(id) = open_incident(database) else { return };
            (vec!["ack".to_owned(), id.clone()], Promise::Acknowledgement { id, ordered: Clock::start().now().wall })
        };
        self.orders.push((self.alert(&arguments).stdout(Stdio::piped()).spawn().unwrap(), promise));
    }

    fn alert(&self, arguments: &[String]) -> Command {
        let mut command = siaga();
        command.args(["alert", "--lang", "en", "--config"]).arg(self.path().join("siaga.toml"));
        command.arg("--socket").arg(self.path().join("state/control.sock")).args(arguments);
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// Takes down what was answered with success.
    fn answered(&mut self) {
        for (mut order, promise) in std::mem::take(&mut self.orders) {
            if order.try_wait().unwrap().is_none() {
                self.orders.push((order, promise));
                continue;
            }
            let output = order.wait_with_output().unwrap();
            if output.status.success() {
                self.books.promised(promise, &String::from_utf8_lossy(&output.stdout));
            }
        }
    }

    fn live_and_die(&mut self, seconds: std::ops::Range<f64>) {
        let began = now();
        let daemon = Daemon::start(self.path());
        let life = Duration::from_secs_f64(self.chance.random_range(seconds));
        self.storm(began + life);
        daemon.kill();
    }

    fn die_at_once(&mut self) {
        let mut command = siaga();
        command.args(["run", "--config"]).arg(self.path().join("siaga.toml"));
        command.arg("--state-dir").arg(self.path().join("state"));
        let mut daemon = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Anywhere within its start.
        std::thread::sleep(Duration::from_millis(self.chance.random_range(0..400)));
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    fn after_a_kill(&mut self) {
        // Those who gave an order hear that the daemon has gone, or have their answer.
        wait_until(|| {
            self.answered();
            self.orders.is_empty()
        });
        self.books.killed(&self.path().join("state/siaga.db"));
    }

    /// One more life, half an hour later, in which everything comes to rest.
    fn end(mut self) -> Count {
        let offset = self.path().join("offset");
        std::fs::write(&offset, "+30m").unwrap();
        self.desks.iter().for_each(Desk::be_good);
        let database = self.path().join("state/siaga.db");
        let daemon = Daemon::start_by(siaga_by(&offset), self.path());
        let reminded = COMPONENTS.iter().position(|(component, _)| *component == REMINDED).unwrap();
        for at in (0..COMPONENTS.len()).filter(|at| *at != reminded) {
            // As it is, it may not have been seen yet.
            let wanted = self.stands[at].wanted;
            wait_until(|| {
                stored(&database).is_some_and(|all| all.contains(&(COMPONENTS[at].0.to_owned(), wanted.to_owned())))
            });
            if wanted != "ready" {
                self.become_(at, "ready");
            }
        }
        if self.stands[reminded].wanted == "ready" {
            self.become_(reminded, "degraded");
        } else {
            let is = |desk: &Desk| {
                desk.arrivals().iter().any(|arrival| {
                    arrival.word["event"] == "incident_reminder" && arrival.word["incident"]["component"] == REMINDED
                })
            };
            wait_until(|| self.desks.iter().all(is));
        }
        wait_until(|| stored(&database).is_some_and(|all| all.contains(&(REMINDED.to_owned(), "degraded".to_owned()))));
        self.become_(reminded, "ready");
        for id in self.books.silences() {
            let output = self.alert(&["unsilence".to_owned(), id]).output().unwrap();
            assert!(output.status.success(), "{output:?}");
        }
        // What was told to be amiss is told to be over, and what was stored is delivered.
        let over = || self.desks.iter().all(|desk| Books::still_open(&desk.arrivals()).is_empty());
        let deadline = now() + Duration::from_secs(90);
        while !(over() && Books::waiting(&database) == 0) && now() < deadline {
            std::thread::park_timeout(Duration::from_millis(50));
        }
        let log = daemon.stop();
        let count = self.books.close(&database, &self.desks);
        if !count.wrong.is_empty() {
            println!("the log of the last life:\n{log}");
        }
        count
    }
}

#[allow(clippy::disallowed_methods, reason = "a test's own watch, beside the clock under test")]
fn now() -> Instant {
    Instant::now()
}

fn file(folder: &Path, component: &str) -> PathBuf {
    folder.join(format!("{component}.toml"))
}

/// Opens the database as anybody with `sqlite3` would; `None` while it cannot be opened yet.
pub(super) fn look(database: &Path) -> Option<Connection> {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()
}

/// The newest stored verdict of each check.
fn stored(database: &Path) -> Option<Vec<(String, String)>> {
    let db = look(database)?;
    let mut query = db
        .prepare("SELECT name, new FROM transitions WHERE id IN (SELECT max(id) FROM transitions WHERE subject = 'check' GROUP BY name)")
        .ok()?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).ok()?;
    rows.collect::<Result<_, _>>().ok()
}

/// An open incident that somebody may see to; nobody sees to what is to be reminded of.
fn open_incident(database: &Path) -> Option<String> {
    let query = "SELECT id FROM incidents WHERE closed_at IS NULL AND component <> ?1 ORDER BY random() LIMIT 1";
    look(database)?.query_row(query, [REMINDED], |row| row.get(0)).ok()
}
