//! Half an hour of the real daemon under faults that a seed draws, one after the other without a pause: each is seen and its end too,
//! the answer is never older than it says, and nothing grows.
//!
//! In a network and a mount namespace of its own: an address that can be taken away, a disk that can be filled. `make soak`;
//! `SIAGA_MINUTES` for how long, `SIAGA_SEED` for the same again.
#![allow(clippy::print_stdout, reason = "the figures are read with --nocapture")]

mod faults;
mod watch;

use std::fmt::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use siaga::clock::Clock;

use crate::support::daemon::{Daemon, room};
use crate::support::namespace::{inside, ip};
use crate::support::nginx::Nginx;
use crate::support::upsd::Upsd;

use faults::{Place, Tally};
use watch::Watch;

/// The share of the time in which the daemon may be killed: afterwards one process lives to the end, of which it is seen whether it
/// grows.
const KILLS: f64 = 0.25;
/// Where the line's far end is, until it is taken away.
const FAR: &str = "192.0.2.1";

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .map_or(otherwise, |said| said.parse().unwrap_or_else(|_| panic!("{name}: {said:?} is no number")))
}

/// The daemon's folder, its disk, and all that it watches.
fn place() -> Place {
    ip(&[&format!("addr add {FAR}/32 dev lo")]);
    let (upsd, web) = (Upsd::start(), Nginx::start(&[(None, "location / { return 204; }")]));
    let folder = room("");
    let state = folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(&state).status().unwrap();
    assert!(mounted.success());
    let mut config = format!(
        "[components]\nradio = {{ absent = true }}\n\
         [[check]]\nname = \"ups\"\nkind = \"ups\"\nserver = \"{}\"\ninterval = \"500ms\"\ntimeout = \"1s\"\nfresh_for = \"5s\"\n\
         bad_for = \"500ms\"\ngood_for = \"1s\"\n\
         [[check]]\nname = \"web\"\nkind = \"http\"\nurl = \"http://127.0.0.1:{}/\"\ninterval = \"1s\"\ntimeout = \"1s\"\n\
         bad_for = \"1s\"\ngood_for = \"1s\"\n\
         [[check]]\nname = \"far\"\nkind = \"icmp\"\ntarget = \"{FAR}\"\ninterval = \"200ms\"\nbad_for = \"1s\"\ngood_for = \"1s\"\n\
         [[check]]\nname = \"computer\"\nkind = \"computer\"\n",
        upsd.address(),
        web.port(0)
    );
    for name in faults::BY_FILE {
        let file = folder.path().join(format!("{name}.toml"));
        _ = write!(
            config,
            "[[check]]\nname = \"{name}\"\nkind = \"replay\"\ncomponent = \"{name}\"\nfile = \"{}\"\nrepeat = true\n\
             interval = \"250ms\"\nbad_for = \"500ms\"\ngood_for = \"500ms\"\n",
            file.display()
        );
        faults::say(folder.path(), name, None);
    }
    // A receiver that takes all, frozen with the web.
    _ = write!(
        config,
        "[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/\"\n",
        web.port(0)
    );
    Place { upsd, web, folder, config }
}

/// Tells the one who watches that it is over.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

fn soak(test: &str, minutes: u64) {
    if !inside(test) {
        return;
    }
    let minutes = number("SIAGA_MINUTES", minutes);
    let seed = number("SIAGA_SEED", u64::from(rand::random::<u32>()));
    let mut place = place();
    place.configure("");
    let clock = Clock::start();
    let until = Duration::from_secs(minutes * 60);
    let mut daemon = Daemon::start(place.folder.path());
    let chance = &mut StdRng::seed_from_u64(seed);
    let (pid, stopped, over) =
        (Arc::new(AtomicU32::new(daemon.pid())), Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
    let address = Mutex::new(daemon.address());
    let mut tally = Tally::default();
    faults::all_is_well(&daemon);
    let (watched, daemon) = std::thread::scope(|scope| {
        // Also where a fault is not seen, and this ends by a panic.
        let _over = Ends(&over);
        let watch = Watch { clock, pid: &pid, address: &address, stopped: &stopped, over: &over };
        let watching = scope.spawn(move || watch.watch());
        while clock.elapsed() < until {
            let may_kill = clock.elapsed().as_secs_f64() < until.as_secs_f64() * KILLS;
            daemon = place.one(daemon, chance, may_kill, &stopped, &mut tally);
            pid.store(daemon.pid(), Ordering::Release);
            *address.lock().unwrap() = daemon.address();
        }
        faults::all_is_well(&daemon);
        over.store(true, Ordering::Release);
        (watching.join().unwrap(), daemon)
    });
    let growth = watched.growth();
    let figures = format!("{minutes} minutes, SIAGA_SEED={seed}\n{tally}{watched}{growth}");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/soak");
    std::fs::create_dir_all(&folder).unwrap();
    let at = clock.now().wall.strftime("%Y%m%dT%H%M%SZ").to_string();
    std::fs::write(folder.join(format!("{at}.txt")), &figures).unwrap();
    println!("{figures}");
    let log = daemon.stop();
    assert!(!log.contains("panicked"), "{log}");
    assert!(watched.wrong.is_empty(), "{:#?}", watched.wrong);
    growth.is_flat();
    watched.is_enough();
}

#[test]
#[ignore = "half an hour: make soak"]
fn half_an_hour_of_faults_leaves_it_as_it_was() {
    soak("soak::half_an_hour_of_faults_leaves_it_as_it_was", 30);
}
