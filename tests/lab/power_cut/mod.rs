//! The power goes while the daemon writes: what was told to anybody outside is in the database that is found afterwards, and that
//! database is whole.
//!
//! The daemon runs in the guest with its state on a disk of its own, whose every write QEMU writes down. From that, disks are made
//! as they are after a cut at random moments: what the guest had flushed, and of the rest here a write, there a torn one, or none.
#![allow(clippy::print_stdout, reason = "the count is read with --nocapture")]

mod disk;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use siaga::clock::Clock;
use siaga::store::{Catalogue, Claim, Retention, Store};

use crate::daemon::room;
use crate::guest::Lab;
use crate::waiting::until;
use disk::{Disk, Left, Writes, copy_out};

/// The components, with two ways each in which they are bad.
const COMPONENTS: [(&str, [(&str, &str); 2]); 4] = [
    ("power", [("power.on_battery", "degraded"), ("power.battery_old", "degraded")]),
    ("internet", [("internet.delay_high", "degraded"), ("internet.target_silent", "not_ready")]),
    ("audio", [("audio.microphone_quiet", "degraded"), ("audio.microphone_muted", "not_ready")]),
    ("video", [("video.frame_dark", "degraded"), ("video.frame_black", "not_ready")]),
];
/// How many cuts are made.
const CUTS: u32 = 40;
/// How many messages are waited for: fewer than there are until each component is told to be unstable, after which the storm is not told.
const MESSAGES: usize = 16;
/// How many orders are given.
const ORDERS: usize = 6;

/// Something that was known outside the machine, and how much the disk had been given by then.
struct Outside {
    fact: Fact,
    written: u64,
}

enum Fact {
    /// A receiver had the message with this key.
    Told(String),
    /// It was answered that this incident is acknowledged.
    Acknowledged(String),
}

#[test]
fn what_was_told_outside_is_in_the_database_after_the_power_went() {
    let seed = std::env::var("SIAGA_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random::<u32>);
    let folder = tempfile::tempdir().unwrap();
    let (disk, known) = {
        let lab = Lab::start();
        let disk = Disk::plug(&lab, folder.path(), "/run/siaga");
        let known = live(&lab, &disk);
        // The guest ends here as a machine does whose power goes.
        (disk, known)
    };
    let (writes, mut chance) = (disk.writes(), StdRng::seed_from_u64(seed.into()));
    let risky = writes.risky(known.first().unwrap().written);
    let (mut left, mut required) = (Left::default(), 0);
    for cut in 0..CUTS {
        // Once as the guest itself ended.
        let written = if cut == 0 { disk.written() } else { risky[chance.random_range(0..risky.len())] };
        let at = folder.path().join(format!("cut-{cut}"));
        let (found, count) = after_a_cut(&disk, &writes, &known, written, &at, &mut chance);
        left = Left { whole: left.whole + found.whole, torn: left.torn + found.torn, gone: left.gone + found.gone };
        required += count;
    }
    let (all, flushes) = writes.count();
    println!(
        "SIAGA_SEED={seed}: {CUTS} cuts in {all} writes ({flushes} flushes); not yet flushed: {} kept, {} torn, {} gone; \
         {required} facts known outside were looked for, none is lost",
        left.whole, left.torn, left.gone
    );
    assert!(left.torn > 0 && left.gone > 5 && required > 100, "too little happened to show anything");
}

/// Lets the daemon live under a storm, and gives what was known outside and when.
fn live(lab: &Lab, disk: &Disk) -> Vec<Outside> {
    let far = lab.far();
    // A client of HTTP does not begin without knowing whom it would trust.
    lab.push_file(Path::new("/etc/ssl/certs/ca-certificates.crt"), "authorities");
    lab.sh("mkdir -p /etc/ssl/certs && cp /share/authorities /etc/ssl/certs/ca-certificates.crt");
    let names = COMPONENTS.map(|(component, _)| component);
    let mut keys = Vec::new();
    for (component, bad) in COMPONENTS {
        lab.sh(&format!("mkdir -p /tmp/{component}"));
        for (number, (reason, verdict)) in [("", ""), bad[0], bad[1]].into_iter().enumerate() {
            let findings = if reason.is_empty() {
                String::new()
            } else {
                format!("findings = [{{ reason = \"{reason}\", verdict = \"{verdict}\" }}]\n")
            };
            let text = format!("title = \"x\"\n[[observe]]\ncheck = \"{component}\"\nat = \"0s\"\n{findings}");
            let from = lab.push(text.as_bytes(), &format!("{component}.{number}"));
            lab.sh(&format!("cp {from} /tmp/{component}/{number}"));
        }
        lab.sh(&format!("cp /tmp/{component}/0 /tmp/{component}/now"));
        keys.push(format!(
            "name = \"{component}\"\ncomponent = \"{component}\"\nfile = \"/tmp/{component}/now\"\nrepeat = true\n\
             interval = \"200ms\"\n"
        ));
    }
    let checks: Vec<_> = keys.iter().map(|keys| ("replay", keys.as_str())).collect();
    let mut config = room(&names, &checks);
    _ = write!(config, "[[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://198.51.100.2/\"\n");
    let _daemon = lab.daemon(&config);
    // Each after a while in another state, in no order that repeats soon, and for longer than it takes to acknowledge it.
    let storm = format!(
        "n=0; while :; do for one in {}; do n=$(( (n * 1103515245 + 12345) % 2147483648 )); \
         cp /tmp/$one/$(( n / 65536 % 3 )) /tmp/$one/new; mv /tmp/$one/new /tmp/$one/now; sleep 1; done; done",
        names.join(" ")
    );
    lab.spawn("storm", &format!("dash -c '{storm}'"));
    let size = || -> u64 { lab.sh("stat -c %s /run/siaga/siaga.db").parse().unwrap() };
    let at_first = size();
    let (mut known, mut heard, mut orders) = (Vec::new(), 0, 0);
    let told = || format!("{}\n{}", lab.log("siaga"), lab.log("far"));
    let enough = || {
        let requests = far.requests();
        let written = disk.written();
        for request in &requests[heard..] {
            // Stored without the room's name before it.
            let id = request.header("idempotency-key");
            let key = id.split_once('.').map_or(id, |(_, key)| key).to_owned();
            known.push(Outside { fact: Fact::Told(key), written });
        }
        // What has not been taken once is tried again, of the last that was told.
        let last = requests.last().filter(|_| requests.len() > heard || orders == 0);
        if let Some(last) = last.filter(|_| orders < ORDERS) {
            let word: Value = serde_json::from_str(&last.body).unwrap();
            let incident = word["incident"]["id"].as_str().unwrap_or_default();
            let order = format!(
                "/built/siaga alert ack {incident} --config /share/siaga.toml --socket /run/siaga/control.sock"
            );
            // It may be over by now: then nothing is promised.
            if lab.run(&order).code == 0 {
                known.push(Outside { fact: Fact::Acknowledged(incident.to_owned()), written: disk.written() });
                orders += 1;
            }
        }
        heard = requests.len();
        // The database itself is written only now and then, from its log: that is to happen too.
        (heard >= MESSAGES && orders > 0 && size() > at_first).then_some(())
    };
    until("enough was told", enough, told);
    known
}

/// Makes the disk of a cut, and looks at what is on it. Gives what was left out, and how many facts were looked for.
fn after_a_cut(
    disk: &Disk,
    writes: &Writes,
    known: &[Outside],
    written: u64,
    at: &Path,
    chance: &mut StdRng,
) -> (Left, usize) {
    let image = at.with_extension("img");
    let left = disk.cut(writes, written, &image, chance);
    copy_out(&image, at);
    std::fs::remove_file(&image).unwrap();
    let file = at.join("siaga.db");
    // First as the daemon opens it: a file that it took for damaged would be set aside.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let catalogue = Catalogue { reason: siaga::probe::reason, quantity: siaga::probe::quantity };
        let store = Store::open(Claim::take(at).unwrap(), Clock::start(), Retention::default(), catalogue);
        let restored = store.restore().await.unwrap();
        assert_eq!(restored.skipped, 0, "cut at {written}");
        store.close().await.unwrap();
    });
    let names: Vec<_> = std::fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("damaged")), "cut at {written}: {names:?}");
    let db = rusqlite::Connection::open(file).unwrap();
    let sound: String = db.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok", "cut at {written}");
    let texts = |query: &str| -> BTreeSet<String> {
        let mut query = db.prepare(query).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let keys = texts("SELECT key FROM outbox");
    // A message is stored with the change that it tells of.
    let incidents = texts("SELECT id FROM incidents");
    let seen_to = texts(
        "SELECT id FROM incidents LEFT JOIN told ON incident = id
         WHERE closed_at IS NOT NULL OR json_extract(state, '$.acknowledged_at') IS NOT NULL",
    );
    let before: Vec<_> = known.iter().filter(|outside| outside.written <= written).collect();
    for outside in &before {
        match &outside.fact {
            Fact::Told(key) => {
                assert!(keys.contains(key), "cut at {written}: {key} was told outside, and is not stored");
                let incident = key.split('.').next().unwrap();
                assert!(
                    incidents.contains(incident),
                    "cut at {written}: {incident} was told outside, and is not stored"
                );
            }
            Fact::Acknowledged(id) => {
                assert!(seen_to.contains(id), "cut at {written}: {id} was acknowledged, and is not");
            }
        }
    }
    drop(db);
    std::fs::remove_dir_all(at).unwrap();
    (left, before.len())
}
