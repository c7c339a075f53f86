//! The report's words, in both languages.

use super::document::Report;
use crate::domain::{Lang, Verdict};

pub(super) const fn pick(lang: Lang, id: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}

/// For what a look was made.
pub(super) fn occasion(word: &str, lang: Lang) -> String {
    match word {
        "confirmed" => pick(lang, "saat dikonfirmasi", "at the confirmation").to_owned(),
        "preflight" => pick(lang, "saat persiapan dibuka", "when the preparation opened").to_owned(),
        other => {
            let seconds: Option<u64> = other.strip_prefix("before ").and_then(|text| text.parse().ok());
            seconds.map_or_else(
                || other.to_owned(),
                |seconds| match lang {
                    Lang::Id => format!("{} sebelum mulai", length(seconds, lang)),
                    Lang::En => format!("{} before the start", length(seconds, lang)),
                },
            )
        }
    }
}

/// A length of time: "1 jam 5 menit", "40 detik".
pub(super) fn length(seconds: u64, lang: Lang) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let words = [
        (hours, pick(lang, "jam", "h")),
        (minutes, pick(lang, "menit", "min")),
        // Of hours nobody wants the seconds.
        (if hours > 0 { 0 } else { rest }, pick(lang, "detik", "s")),
    ];
    let said: Vec<String> =
        words.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if said.is_empty() { format!("0 {}", pick(lang, "detik", "s")) } else { said.join(" ") }
}

/// The worst that the room was in the meeting, for as long as anybody watched; unknown where nobody did.
pub fn worst(report: &Report) -> Verdict {
    let held = &report.held;
    let all = [
        (Verdict::NotReady, held.not_ready),
        (Verdict::Unknown, held.unknown + held.not_measured),
        (Verdict::Degraded, held.degraded),
        (Verdict::Ready, held.ready),
    ];
    all.into_iter().find(|(_, seconds)| *seconds > 0).map_or(Verdict::Unknown, |(verdict, _)| verdict)
}

/// A report in half a sentence: Indonesian, English.
pub fn summary(report: &Report) -> [String; 2] {
    [Lang::Id, Lang::En].map(|lang| {
        let held = &report.held;
        let all = held.ready + held.degraded + held.not_ready + held.unknown + held.not_measured;
        let (ready, all) = (length(held.ready, lang), length(all, lang));
        let troubles = report.incidents.iter().filter(|trouble| trouble.seconds_in_meeting > 0);
        let troubles: Vec<String> = troubles
            .map(|trouble| format!("{} {}", trouble.component.title(lang), length(trouble.seconds_in_meeting, lang)))
            .collect();
        let troubles = if troubles.is_empty() {
            pick(lang, "tanpa gangguan", "no incident").to_owned()
        } else {
            format!("{} {}", pick(lang, "gangguan:", "incidents:"), troubles.join(", "))
        };
        match lang {
            Lang::Id => format!("ruang siap {ready} dari {all}, {troubles}"),
            Lang::En => format!("the room was ready for {ready} of {all}, {troubles}"),
        }
    })
}
