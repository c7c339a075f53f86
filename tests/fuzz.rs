//! The targets of `make fuzz`, as they stand there, on their seeds, on what chance makes of these, and on what earlier runs have found. It finds less than an hour of
//! `make fuzz` does, but at each change; and it says when a target no longer fits what it is to hold.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

// What a target calls itself by. Its macro makes of it what libFuzzer would: a function of any bytes.
extern crate self as libfuzzer_sys;

/// As libFuzzer's: a text is any that is UTF-8.
#[macro_export]
macro_rules! fuzz_target {
    (|$bytes:ident: &[u8]| $body:expr) => {
        pub(crate) fn run($bytes: &[u8]) {
            $body;
        }
    };
    (|$text:ident: &str| $body:expr) => {
        pub(crate) fn run(bytes: &[u8]) {
            let Ok($text) = std::str::from_utf8(bytes) else { return };
            $body;
        }
    };
}

#[path = "../fuzz/targets"]
mod targets {
    #![allow(unused_attributes, reason = "elsewhere each of them is a program")]

    #[path = "body.rs"]
    pub(crate) mod body;
    #[path = "calendar.rs"]
    pub(crate) mod calendar;
    #[path = "certificate.rs"]
    pub(crate) mod certificate;
    #[path = "config.rs"]
    pub(crate) mod config;
    #[path = "dns.rs"]
    pub(crate) mod dns;
    #[path = "echo.rs"]
    pub(crate) mod echo;
    #[path = "edid.rs"]
    pub(crate) mod edid;
    #[path = "frame.rs"]
    pub(crate) mod frame;
    #[path = "head.rs"]
    pub(crate) mod head;
    #[path = "nut.rs"]
    pub(crate) mod nut;
    #[path = "order.rs"]
    pub(crate) mod order;
    #[path = "query.rs"]
    pub(crate) mod query;
    #[path = "reflect.rs"]
    pub(crate) mod reflect;
    #[path = "reply.rs"]
    pub(crate) mod reply;
    #[path = "rigctld.rs"]
    pub(crate) mod rigctld;
    #[path = "seat.rs"]
    pub(crate) mod seat;
    #[path = "sound.rs"]
    pub(crate) mod sound;
    #[path = "stream.rs"]
    pub(crate) mod stream;
    #[path = "stun.rs"]
    pub(crate) mod stun;
    #[path = "survey.rs"]
    pub(crate) mod survey;
    #[path = "uevent.rs"]
    pub(crate) mod uevent;
    #[path = "usb.rs"]
    pub(crate) mod usb;
}

/// A target of any bytes.
type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 22] = [
    ("body", targets::body::run),
    ("calendar", targets::calendar::run),
    ("certificate", targets::certificate::run),
    ("config", targets::config::run),
    ("dns", targets::dns::run),
    ("echo", targets::echo::run),
    ("edid", targets::edid::run),
    ("frame", targets::frame::run),
    ("head", targets::head::run),
    ("nut", targets::nut::run),
    ("order", targets::order::run),
    ("query", targets::query::run),
    ("reflect", targets::reflect::run),
    ("reply", targets::reply::run),
    ("rigctld", targets::rigctld::run),
    ("seat", targets::seat::run),
    ("sound", targets::sound::run),
    ("stream", targets::stream::run),
    ("stun", targets::stun::run),
    ("survey", targets::survey::run),
    ("uevent", targets::uevent::run),
    ("usb", targets::usb::run),
];

/// What chance makes of the seeds, for each target.
const DRAWN: usize = 2000;

#[test]
fn every_target_holds_what_it_promises_on_its_seeds_and_on_what_chance_makes_of_them() {
    let mut chance = StdRng::seed_from_u64(2026);
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        for seed in &seeds {
            target(seed);
        }
        for _ in 0..DRAWN {
            target(&drawn(&seeds, &mut chance));
        }
    }
}

#[test]
fn every_target_holds_what_it_promises_on_all_that_was_found_to_lead_elsewhere() {
    for (name, target) in TARGETS {
        for input in found(name) {
            target(&input);
        }
    }
}

#[test]
fn every_target_has_its_seeds_its_program_and_its_place_here() {
    let there: BTreeSet<String> = files("fuzz/targets").iter().map(|path| name_of(path)).collect();
    let here: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(here, there, "left: this test's; right: fuzz/targets");
    let manifest = fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for name in here {
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is no program of fuzz/Cargo.toml");
        assert!(!seeds(&name).is_empty(), "{name} has no seeds");
        assert!(!found(&name).is_empty(), "{name} has no corpus: SIAGA_CORPORA=write make fuzz");
    }
}

/// Good ones to begin with: `scripts/fuzz.sh` takes the same.
fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = match name {
        "config" => "config".to_owned(),
        "calendar" => "tests/real/sessions/feeds".to_owned(),
        name => format!("fuzz/seeds/{name}"),
    };
    let all = files(&folder);
    let fits = |path: &&PathBuf| name != "config" || path.extension().is_some_and(|ending| ending == "toml");
    all.iter().filter(fits).map(|path| fs::read(path).unwrap()).collect()
}

/// What earlier runs have found beyond the seeds, as far as it is in the tree: a line each, in base64.
fn found(name: &str) -> Vec<Vec<u8>> {
    let file = root().join("fuzz/corpora").join(name);
    let lines = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    lines
        .lines()
        .map(|line| BASE64_STANDARD.decode(line).unwrap_or_else(|error| panic!("{name}: {line}: {error}")))
        .collect()
}

/// A seed of which some bytes are others, some are gone and some stand twice; or a part of it; or nothing that anybody would send.
fn drawn(seeds: &[Vec<u8>], chance: &mut StdRng) -> Vec<u8> {
    let mut bytes = seeds[chance.random_range(0..seeds.len())].clone();
    // Of the longest a part, so that it is read in a millisecond.
    let longest = 4096;
    if bytes.len() > longest {
        let at = chance.random_range(0..bytes.len() - longest);
        bytes = bytes[at..at + longest].to_vec();
    }
    for _ in 0..chance.random_range(1..8) {
        let at = chance.random_range(0..=bytes.len());
        let end = at + chance.random_range(0..=(bytes.len() - at).min(16));
        match chance.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] = chance.random(),
            0 => bytes.push(chance.random()),
            1 => drop(bytes.drain(at..end)),
            2 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {
                let odd: &[&[u8]] =
                    &[b"\0", b"\xff\xff\xff\xff", b"1e999", b"\"", b"\r\n", "\u{202e}".as_bytes(), b"<fuzz>", b"-1"];
                bytes.splice(at..end, odd[chance.random_range(0..odd.len())].iter().copied());
            }
        }
    }
    bytes
}

/// The files of a folder of ours, in order.
fn files(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn name_of(path: &Path) -> String {
    path.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
