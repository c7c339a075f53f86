//! The ledger's words, in both languages.

use crate::domain::{Figure, Lang, Level};
use crate::engine::past::blame::Cause;
use crate::engine::past::ledger::Entry;

pub(crate) const fn pick(lang: Lang, id: &'static str, en: &'static str) -> &'static str {
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}

pub(crate) const fn entry(entry: Entry, lang: Lang) -> &'static str {
    match entry {
        Entry::Outage(_) => pick(lang, "putus", "outage"),
        Entry::Shortfall(_) => pick(lang, "kurang", "shortfall"),
        Entry::Unknown => pick(lang, "tidak diketahui", "unknown"),
        Entry::Unmeasured => pick(lang, "tidak diukur", "not measured"),
    }
}

pub(crate) const fn slow(figure: Figure, lang: Lang) -> &'static str {
    match figure {
        Figure::Up => pick(lang, "unggahan di bawah batas", "upload below the limit"),
        _ => pick(lang, "unduhan di bawah batas", "download below the limit"),
    }
}

pub(crate) const fn cause(cause: Cause, lang: Lang) -> &'static str {
    match cause {
        Cause::Ours(Level::Power) => pick(lang, "kami: listrik", "ours: power"),
        Cause::Ours(Level::Computer) => pick(lang, "kami: komputer", "ours: computer"),
        Cause::Ours(Level::Link) => pick(lang, "kami: kabel atau Wi-Fi", "ours: cable or Wi-Fi"),
        Cause::Ours(_) => pick(lang, "kami: router", "ours: router"),
        Cause::Provider => pick(lang, "di luar router kami", "beyond our router"),
        Cause::Platform => pick(lang, "platform rapat", "meeting platform"),
        Cause::Unclear => pick(lang, "tidak dapat dipastikan", "cannot be told"),
    }
}

pub(crate) const fn yes(yes: bool, lang: Lang) -> &'static str {
    if yes { pick(lang, "ya", "yes") } else { pick(lang, "tidak", "no") }
}
