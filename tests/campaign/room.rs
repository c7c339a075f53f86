//! The room in which a campaign passes: every component, and every kind of probe that a room has by default or by config.

use std::fmt::Write as _;

use siaga::config::{Config, Source};
use siaga::domain::Kind;
use siaga::probe;

use super::chance::Chance;

/// Every check: its name, its kind, its own keys.
const CHECKS: &[(&str, &str, &str)] = &[
    ("computer", "computer", ""),
    ("bus", "usb", ""),
    ("ups", "ups", ""),
    ("link", "link", ""),
    ("gateway", "icmp", "target = \"gateway\"\n"),
    ("far-a", "icmp", "target = \"192.0.2.1\"\ngroup = \"far\"\n"),
    ("far-b", "icmp", "target = \"192.0.2.2\"\ngroup = \"far\"\n"),
    ("far-c", "icmp", "target = \"192.0.2.3\"\ngroup = \"far\"\n"),
    ("names", "dns", "query = \"meet.example.org\"\n"),
    ("platform", "http", "url = \"http://192.0.2.9/\"\nrole = \"platform\"\n"),
    ("bandwidth", "bandwidth", "down_url = \"http://192.0.2.10/\"\nup_url = \"http://192.0.2.10/\"\n"),
    ("camera", "camera", ""),
    ("display", "display", ""),
    ("frames", "frames", ""),
    ("sound", "audio", ""),
    ("microphone", "microphone", ""),
    ("radio", "replay", "component = \"radio\"\nfile = \"unused\"\n"),
];

/// The check of which it is seen that somebody uses it.
pub(super) const SEES_USE: &str = "camera";

/// Who is told everything.
pub(super) const DESK: &str = "desk";

/// A room's config by a seed; `held` has another hold for one check.
pub(super) fn text(seed: u64, held: Option<usize>) -> String {
    let chance = &mut Chance::new(seed);
    let mut text = String::from("[room]\nname = \"campaign\"\n");
    let need = 1 + chance.below(3);
    _ = write!(text, "[[group]]\nname = \"far\"\nneed = {need}\n");
    let without_radio = chance.below(3) == 0;
    if without_radio {
        text.push_str("[components]\nradio = { absent = true }\n");
    }
    for (at, (name, kind, keys)) in CHECKS.iter().enumerate() {
        if without_radio && *name == "radio" {
            continue;
        }
        let active = probe::defaults(kind_of(kind)).active;
        let interval = if active { chance.between(40, 120) } else { chance.between(2, 12) };
        let fresh = interval * 3 + chance.below(interval);
        let bad = if chance.below(4) == 0 { 0 } else { chance.between(1, 9) };
        let good = if chance.below(4) == 0 { 0 } else { chance.between(2, if active { 30 } else { 70 }) };
        let bad = if held == Some(at) { bad + 5 } else { bad };
        _ = write!(
            text,
            "[[check]]\nname = \"{name}\"\nkind = \"{kind}\"\n{keys}interval = \"{interval}s\"\nfresh_for = \"{fresh}s\"\n\
             bad_for = \"{bad}s\"\ngood_for = \"{good}s\"\n"
        );
        if *name == "display" && chance.below(2) == 0 {
            text.push_str("requirement = \"advisory\"\n");
        }
    }
    _ = write!(text, "[[receiver]]\nname = \"{DESK}\"\nkind = \"webhook\"\nurl = \"http://192.0.2.99/\"\n");
    text
}

fn kind_of(word: &str) -> Kind {
    Kind::ALL.into_iter().find(|kind| kind.as_str() == word).unwrap_or_else(|| panic!("no kind {word}"))
}

/// The config of a text, or all that is wrong with it.
pub(super) fn config(text: String) -> Result<Config, String> {
    Config::parse(&Source::new("a campaign", text)).map_err(|problems| problems.to_string())
}

/// Where a check stands in the list.
pub(super) fn place(name: &str) -> usize {
    CHECKS.iter().position(|(known, ..)| *known == name).unwrap()
}

/// The name of the check at a place.
pub(super) fn name(place: usize) -> &'static str {
    CHECKS[place].0
}
