//! `siaga platforms`: the shipped list of meeting platforms and their ports, with the days of each entry.

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::domain::Lang;
use crate::probe::ports::platforms::{Known, PortList, Purpose, platforms};

/// The whole list; what should have been read again by `today` says so.
pub fn listing(lang: Lang, today: Date) -> String {
    let mut out = String::new();
    for platform in platforms() {
        let profile = word(lang, "profil", "profile");
        _ = writeln!(out, "{} ({}), {profile} {}", platform.name, platform.title, platform.profile);
        for list in &platform.ports {
            entry(&mut out, list, lang, today);
        }
        if platform.ports.is_empty() {
            _ = writeln!(out, "    {}", word(lang, "tanpa port sendiri", "no ports of its own"));
        }
    }
    out
}

fn entry(out: &mut String, list: &PortList, lang: Lang, today: Date) {
    let purpose = match list.purpose {
        Purpose::Media => word(lang, "suara dan gambar", "media"),
        Purpose::Relay => word(lang, "relay (TURN)", "relay (TURN)"),
        Purpose::Signalling => word(lang, "panggilan", "signalling"),
        Purpose::Fallback => word(lang, "cadangan", "fallback"),
    };
    _ = write!(out, "    {}: {purpose}", list.words());
    if !list.networks.is_empty() {
        _ = write!(out, "; {} {}", word(lang, "di", "at"), list.networks.join(", "));
    }
    let known = match list.known {
        Known::Document => word(lang, "dibaca", "read"),
        Known::Memory => word(lang, "menurut ingatan, tidak dinilai,", "from memory, never judged,"),
    };
    let again = word(lang, "baca lagi sebelum", "to be read again by");
    _ = write!(out, "\n        {}; {known} {}; {again} {}", list.source, list.read, list.check_by);
    if list.is_overdue(today) {
        _ = write!(out, " ({})", word(lang, "SUDAH LEWAT", "OVERDUE"));
    }
    out.push('\n');
}

const fn word(lang: Lang, id: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_says_who_said_so_and_when_and_what_is_overdue() {
        let at = |day: &str| listing(Lang::En, day.parse().unwrap());
        let text = at("2026-11-26");
        let entry = "    UDP 8801, 3478, 3479: media\n        Zoom KB0065712, KB0061864; read 2026-11-23; to be read again by 2027-05-23\n";
        assert!(text.contains(entry) && text.contains("zoom (Zoom), profile zoom_group_720\n"), "{text}");
        assert!(text.contains("from memory, never judged, 2026-11-23") && !text.contains("OVERDUE"), "{text}");
        let (spring, summer) = (at("2027-03-01"), at("2027-06-01"));
        let overdue = |text: &str| text.matches("(OVERDUE)").count();
        let lists: usize = platforms().iter().map(|platform| platform.ports.len()).sum();
        assert!((1..lists).contains(&overdue(&spring)), "only what is from memory: {spring}");
        assert_eq!(overdue(&summer), lists);
        assert!(listing(Lang::Id, "2027-06-01".parse().unwrap()).contains("SUDAH LEWAT"));
    }
}
