//! The report's words, in both languages.

use jiff::Timestamp;

use super::document::{Look, Report};
use crate::domain::{Lang, Verdict};

pub(super) const fn pick(lang: Lang, id: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}

/// For what a look was made. One that came later than was due (a meeting that was booked late, a daemon that was off) says both.
pub(super) fn occasion(look: &Look, start: &str, lang: Lang) -> String {
    match &*look.occasion {
        "confirmed" => pick(lang, "saat dikonfirmasi", "at the confirmation").to_owned(),
        "preflight" => pick(lang, "saat persiapan dibuka", "when the preparation opened").to_owned(),
        other => {
            let seconds: Option<u64> = other.strip_prefix("before ").and_then(|text| text.parse().ok());
            let Some(due) = seconds else { return other.to_owned() };
            let stamp = |text: &str| text.parse::<Timestamp>().ok().map(Timestamp::as_second);
            let ahead = stamp(start).zip(stamp(&look.at)).and_then(|(start, at)| u64::try_from(start - at).ok());
            let before = |seconds| match lang {
                Lang::Id => format!("{} sebelum mulai", length(seconds, lang)),
                Lang::En => format!("{} before the start", length(seconds, lang)),
            };
            match ahead {
                Some(ahead) if ahead + 60 < due => {
                    let whole = if ahead > 60 { ahead / 60 * 60 } else { ahead };
                    let late = pick(lang, "terlambat, seharusnya", "late: was due at");
                    format!("{} ({late} {})", before(whole), length(due, lang))
                }
                _ => before(due),
            }
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
            Lang::Id => format!("ruangan siap {ready} dari {all}, {troubles}"),
            Lang::En => format!("the room was ready for {ready} of {all}, {troubles}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_that_came_late_says_how_long_before_the_start_it_was() {
        let said = |occasion: &str, at: &str, lang| {
            let look = Look {
                occasion: occasion.to_owned(),
                at: at.to_owned(),
                verdict: Verdict::Ready,
                reasons: Vec::new(),
                words: [Vec::new(), Vec::new()],
                evidence_id: None,
                evidence_sha256: None,
            };
            super::occasion(&look, "2026-12-01T09:00:00+07:00", lang)
        };
        assert_eq!(said("before 1800", "2026-12-01T08:30:04+07:00", Lang::Id), "30 menit sebelum mulai");
        let late = "10 menit sebelum mulai (terlambat, seharusnya 30 menit)";
        assert_eq!(said("before 1800", "2026-12-01T08:49:17+07:00", Lang::Id), late);
        let late = "40 s before the start (late: was due at 30 min)";
        assert_eq!(said("before 1800", "2026-12-01T08:59:20+07:00", Lang::En), late);
        // By a clock that was set meanwhile: what is known is for what it was made.
        assert_eq!(said("before 1800", "2026-12-01T09:01:00+07:00", Lang::En), "30 min before the start");
        assert_eq!(said("preflight", "2026-12-01T08:59:20+07:00", Lang::Id), "saat persiapan dibuka");
    }
}
