//! A simulated month: what people would have heard of it, with the rules and without, and what a storm leaves on the radio. The
//! daemon's own judge and policy in virtual time; its radio by what it chooses to say, and how long that takes.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod chance;
mod faults;
mod house;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use faults::{Drawn, month, storm};
use house::{Heard, House};

const BEGIN: &str = "<!-- a month: written by `make month` -->";
const END: &str = "<!-- end of the month -->";
/// Another one gives another month, and hardly other figures.
const SEED: u64 = 2026;

/// Who is told what: as `siaga config print` would have a room of an office that works by day.
const RULES: &str = "
[[receiver]]
name = \"channel\"
kind = \"radio\"
frequency = \"162.475 MHz\"
licence = \"01234567-000SU/2020262031\"
station = \"Media Center\"
play = \"radio\"
ptt = { method = \"vox\" }
[[receiver]]
name = \"desk\"
kind = \"webhook\"
url = \"http://192.0.2.1/\"
[[receiver]]
name = \"provider\"
kind = \"webhook\"
url = \"http://192.0.2.2/\"
[[route]]
receivers = [\"channel\"]
verdicts = [\"not_ready\"]
days = [\"monday\", \"tuesday\", \"wednesday\", \"thursday\", \"friday\"]
hours = \"07:00-17:00\"
remind_every = \"30m\"
[[route]]
receivers = [\"desk\"]
remind_every = \"4h\"
[[route]]
receivers = [\"provider\"]
components = [\"internet\"]
[[maintenance]]
name = \"line\"
components = [\"internet\"]
days = [\"sunday\"]
hours = \"01:00-03:00\"
";

#[test]
fn a_month_is_heard_as_readme_says() {
    let drawn = month(SEED);
    let heard = House::build(RULES, "").live(&drawn);
    let table = render(&drawn, &heard);
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(&readme).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("README has the month");
    let (there, after) = rest.split_once(END).expect("README says where the month ends");
    if std::env::var("SIAGA_MONTH").is_ok_and(|what| what == "write") {
        fs::write(&readme, format!("{before}{BEGIN}\n{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(there.trim(), table.trim(), "README's month is old: run `make month`");
    }
    for (name, count) in &heard.by_receiver {
        assert!(*count * 2 < heard.changes, "{name}: {count} of {} changes", heard.changes);
    }
    assert!(heard.unended.is_empty(), "told to be amiss and never to be over: {:?}", heard.unended);
}

fn render(drawn: &Drawn, heard: &Heard) -> String {
    let mut text = format!(
        "\nThirty days drawn from a seed: {} (seed {SEED}). Without rules everybody would be told of each of the {} changes of a \
         check that outlast its holds.\n\n| who | hears of | without rules | with them |\n|---|---|---|---|\n",
        drawn.told, heard.changes
    );
    let of = [
        ("channel", "what is not ready, in working hours; reminded each half an hour"),
        ("desk", "everything; reminded every four hours"),
        ("provider", "the line"),
    ];
    for (name, what) in of {
        _ = writeln!(text, "| {name} | {what} | {} | {} |", heard.changes, heard.by_receiver[name]);
    }
    text.push('\n');
    text
}

#[test]
fn a_storm_is_three_messages_on_the_radio_and_every_fact_on_the_page() {
    // Everything goes to and fro by itself, and one thing alone changes in how bad it is.
    for alone in [false, true] {
        let drawn = storm(1000, alone, SEED);
        let heard = House::build(RULES, "bad_for = \"0s\"\ngood_for = \"0s\"\n").live(&drawn);
        assert_eq!(heard.changes, 1000, "each change is stored");
        let radio = heard.by_receiver.get("channel").copied().unwrap_or_default();
        assert!((1..=3).contains(&radio), "{radio} messages on the radio");
        assert_eq!(heard.at_the_end, drawn.at_the_end(), "the page has each check as it is");
        assert!(heard.unended.is_empty(), "{:?}", heard.unended);
        assert!(heard.by_receiver["desk"] < 100, "{} messages at the desk", heard.by_receiver["desk"]);
    }
}
