//! How a snapshot is told to people: the room in one sentence, moments on its clock, a sign beside each word.

use std::time::Duration;

use jiff::Timestamp;

use crate::domain::snapshot::ProfileView;
use crate::domain::{Lang, Snapshot, Unit, Verdict};

use super::Voice;
use super::site::Site;
use super::words::words;

/// The room in one sentence: the verdict, and the reason that explains it.
pub(super) fn sentence(snapshot: &Snapshot, view: &ProfileView, lang: Lang) -> String {
    let title = view.verdict.title(lang);
    match view.main_reason(&snapshot.checks) {
        _ if view.verdict == Verdict::Ready => format!("{title}: {}", words(lang).all_well),
        Some(reason) => format!("{title}: {}", within(&reason.message(lang))),
        None => title.to_owned(),
    }
}

/// What keeps its capital wherever it stands.
const NAMES: [&str; 2] = ["Siaga", "Wi-Fi"];

/// A message within a sentence: its first letter small, unless it begins with an abbreviation or a name.
fn within(message: &str) -> String {
    let mut letters = message.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() && !NAMES.iter().any(|name| message.starts_with(name)) => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => message.to_owned(),
    }
}

/// A moment on the room's own clock, told now.
pub(super) fn clock(site: &Site, lang: Lang, moment: Timestamp) -> String {
    on_the_clock(&site.voice(), site.now().wall, lang, moment, false)
}

/// A moment on the room's own clock: "pukul 09.30 WIB", with the day where it is not today.
pub(super) fn on_the_clock(voice: &Voice, now: Timestamp, lang: Lang, moment: Timestamp, seconds: bool) -> String {
    let then = moment.to_zoned_datetime(voice.zone.clone());
    let today = now.to_zoned_datetime(voice.zone.clone()).date();
    let time = match (lang, seconds) {
        (Lang::Id, true) => "pukul %H.%M.%S %Z",
        (Lang::Id, false) => "pukul %H.%M %Z",
        (Lang::En, true) => "%H:%M:%S %Z",
        (Lang::En, false) => "%H:%M %Z",
    };
    let time = then.strftime(time);
    if then.date() == today {
        return time.to_string();
    }
    let month = words(lang).months[usize::from(then.month().unsigned_abs()).saturating_sub(1) % 12];
    format!("{} {month} {} {time}", then.day(), then.year())
}

/// A sign beside the word, so that nothing is told by colour alone.
pub(super) const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ready => "✓",
        Verdict::Degraded => "!",
        Verdict::Unknown => "?",
        Verdict::NotReady => "✕",
    }
}

/// A length of time in whole seconds or minutes, from two hours on in hours or days.
pub(super) fn length(length: Duration, lang: Lang) -> String {
    let whole = Duration::from_secs(length.as_secs()).as_secs_f64();
    match (length.as_secs(), lang) {
        (0, Lang::Id) => "kurang dari 1 detik".to_owned(),
        (0, Lang::En) => "less than 1 s".to_owned(),
        _ => crate::domain::reason::number(whole, Unit::Seconds, lang),
    }
}
