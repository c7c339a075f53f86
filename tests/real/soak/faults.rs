//! The faults of a soak, each made for real and taken back: what must be said meanwhile, and that it is not said any more.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use rustix::process::Signal;
use siaga::clock::Clock;

use super::FAR;
use crate::support::daemon::{Daemon, write_config};
use crate::support::namespace::ip;
use crate::support::nginx::Nginx;
use crate::support::upsd::Upsd;

/// Components whose equipment is a file.
pub(super) const BY_FILE: [&str; 2] = ["audio", "video"];
/// How each check is while nothing is wrong (a web server of this very machine is never more); the computer is as this machine is.
const WELL: [(&str, &str); 5] =
    [("ups", "ready"), ("web", "degraded"), ("far", "ready"), ("audio", "ready"), ("video", "ready")];
/// So many clients hang at once.
const CLIENTS: usize = 40;

/// All kinds; the last is drawn at the beginning alone.
const KINDS: [&str; 12] = [
    "upsd killed",
    "upsd frozen",
    "mains gone",
    "web frozen",
    "far end gone",
    "microphone muted",
    "camera missing",
    "disk full",
    "stopped and continued",
    "config broken",
    "clients that hang",
    "killed",
];

/// How often each fault was made, and how long it took to be seen and to be over, s.
#[derive(Default)]
pub(super) struct Tally(BTreeMap<&'static str, Vec<(f64, f64)>>);

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: usize = self.0.values().map(Vec::len).sum();
        writeln!(f, "{all} faults, each seen and over; the longest times to that, s:")?;
        for (kind, times) in &self.0 {
            let most = |of: fn(&(f64, f64)) -> f64| times.iter().map(of).fold(0.0, f64::max);
            writeln!(f, "{kind:<24} {:>5} {:>8.1} {:>8.1}", times.len(), most(|time| time.0), most(|time| time.1))?;
        }
        Ok(())
    }
}

/// Writes what a component's equipment is.
pub(super) fn say(folder: &Path, component: &str, bad: Option<(&str, &str)>) {
    let findings = bad.map_or_else(String::new, |(reason, verdict)| {
        format!("findings = [{{ reason = \"{reason}\", verdict = \"{verdict}\" }}]\n")
    });
    let text = format!("title = \"x\"\n[[observe]]\ncheck = \"{component}\"\nat = \"0s\"\n{findings}");
    let file = folder.join(format!("{component}.toml"));
    std::fs::write(file.with_extension("new"), text).unwrap();
    std::fs::rename(file.with_extension("new"), file).unwrap();
}

/// The daemon's folder and all that it watches.
pub(super) struct Place {
    pub(super) upsd: Upsd,
    pub(super) web: Nginx,
    pub(super) folder: tempfile::TempDir,
    pub(super) config: String,
}

impl Place {
    pub(super) fn configure(&self, more: &str) {
        write_config(self.folder.path(), &format!("{}{more}", self.config));
    }

    /// One fault, until it is over.
    pub(super) fn one(
        &mut self,
        daemon: Daemon,
        chance: &mut StdRng,
        may_kill: bool,
        stopped: &AtomicBool,
        tally: &mut Tally,
    ) -> Daemon {
        let kinds = if may_kill { KINDS.len() } else { KINDS.len() - 1 };
        let kind = KINDS[chance.random_range(0..kinds)];
        let lasts = Duration::from_millis(chance.random_range(0..3000));
        let began = Clock::start();
        let mut daemon = daemon;
        let seen = match kind {
            "upsd killed" => {
                self.upsd.kill();
                let seen = bad(&daemon, "ups", began);
                rest(lasts);
                self.upsd.restart();
                seen
            }
            "upsd frozen" => {
                self.upsd.freeze();
                let seen = bad(&daemon, "ups", began);
                rest(lasts);
                self.upsd.thaw();
                seen
            }
            "mains gone" => {
                self.upsd.set("ups.status", "OB DISCHRG");
                daemon.wait_for_check("ups", "degraded", "power.on_battery");
                let seen = began.elapsed();
                rest(lasts);
                self.upsd.set("ups.status", "OL");
                seen
            }
            "web frozen" => {
                self.web.freeze();
                let seen = bad(&daemon, "web", began);
                rest(lasts);
                self.web.thaw();
                seen
            }
            "far end gone" => {
                ip(&[&format!("addr del {FAR}/32 dev lo")]);
                let seen = bad(&daemon, "far", began);
                rest(lasts);
                ip(&[&format!("addr add {FAR}/32 dev lo")]);
                seen
            }
            "microphone muted" => self.by_file(&daemon, "audio", "audio.microphone_muted", lasts, began),
            "camera missing" => self.by_file(&daemon, "video", "video.camera_missing", lasts, began),
            "disk full" => self.fill_the_disk(&daemon, began),
            "stopped and continued" => {
                stopped.store(true, Ordering::Release);
                daemon.signal(Signal::STOP);
                rest(lasts * 3);
                daemon.signal(Signal::CONT);
                daemon.wait_for("/-/healthy", "it goes on", |answer| answer.status == 200);
                stopped.store(false, Ordering::Release);
                began.elapsed()
            }
            "config broken" => {
                self.configure("[nonsense]\n");
                daemon.signal(Signal::HUP);
                metric(&daemon, "siaga_config_last_reload_successful", "0");
                let seen = began.elapsed();
                self.configure(&format!("# {}\n", chance.random::<u32>()));
                daemon.signal(Signal::HUP);
                metric(&daemon, "siaga_config_last_reload_successful", "1");
                seen
            }
            "clients that hang" => {
                let clients: Vec<_> = (0..CLIENTS).map(|_| half_a_request(&daemon)).collect();
                let answer = daemon.get("/readyz");
                assert!(!answer.body.is_empty());
                let seen = began.elapsed();
                rest(lasts);
                drop(clients);
                seen
            }
            _ => {
                stopped.store(true, Ordering::Release);
                daemon.kill();
                daemon = Daemon::start(self.folder.path());
                stopped.store(false, Ordering::Release);
                began.elapsed()
            }
        };
        let ends = Clock::start();
        all_is_well(&daemon);
        tally.0.entry(kind).or_default().push((seen.as_secs_f64(), ends.elapsed().as_secs_f64()));
        daemon
    }

    fn by_file(&self, daemon: &Daemon, check: &str, code: &str, lasts: Duration, began: Clock) -> Duration {
        say(self.folder.path(), check, Some((code, "not_ready")));
        daemon.wait_for_check(check, "not_ready", code);
        let seen = began.elapsed();
        rest(lasts);
        say(self.folder.path(), check, None);
        seen
    }

    /// Fills the disk until the store says so, which is at its next row; each answer to a new question is one.
    fn fill_the_disk(&self, daemon: &Daemon, began: Clock) -> Duration {
        let state = self.folder.path().join("state");
        let filler = |number: u32| state.join(format!("filler-{number}"));
        let mut files = 0;
        let mut question = 0_u32;
        daemon.wait_for("/-/healthy", "the disk is full", |_| {
            // What the store has room for in its log, it still has: files of a page fill the last of it.
            while std::fs::write(filler(files), vec![0_u8; if files == 0 { 32 << 20 } else { 4096 }]).is_ok() {
                files += 1;
            }
            files += 1;
            question += 1;
            // A row of what people ask for is written whatever was asked before.
            _ = Command::new(env!("CARGO_BIN_EXE_siaga"))
                .args(["alert", "test", "desk", "--config"])
                .arg(self.folder.path().join("siaga.toml"))
                .arg("--socket")
                .arg(state.join("control.sock"))
                .output();
            daemon.get("/metrics").body.contains("\nsiaga_store_healthy 0")
        });
        let seen = began.elapsed();
        for number in 0..files {
            _ = std::fs::remove_file(filler(number));
        }
        seen
    }
}

/// Waits until everything is as it is while nothing is wrong.
pub(super) fn all_is_well(daemon: &Daemon) {
    for (check, verdict) in WELL {
        daemon.wait_for_check(check, verdict, "");
    }
    metric(daemon, "siaga_store_healthy", "1");
}

/// Waits until a check is not good, for a reason that it names.
fn bad(daemon: &Daemon, check: &str, began: Clock) -> Duration {
    daemon.wait_for("/api/v1/readiness", &format!("{check} is seen to be bad"), |answer| {
        let (verdict, codes) = crate::support::daemon::said_of(&answer.json(), check);
        ["not_ready", "unknown"].contains(&&*verdict) && !codes.is_empty()
    });
    began.elapsed()
}

fn metric(daemon: &Daemon, name: &str, value: &str) {
    let line = format!("\n{name} {value}\n");
    daemon.wait_for("/metrics", &line, |answer| answer.body.contains(&line));
}

/// A client that begins to ask, and does not go on.
fn half_a_request(daemon: &Daemon) -> TcpStream {
    let mut client = TcpStream::connect(daemon.address()).unwrap();
    client.write_all(b"GET /api/v1/readiness HTTP/1.1\r\nHost: ").unwrap();
    client
}

/// How long a fault lasts, which is no waiting for anything.
fn rest(lasts: Duration) {
    std::thread::sleep(lasts);
}
