//! The answer: can a meeting be held here, and what is the limit.

use std::fmt::Write as _;

use super::report::{Meeting, Report};
use super::words::pick;
use crate::domain::{Lang, Verdict};

/// The answer in a sentence, and in another one what was seen to break off.
pub(super) fn sentence(report: &Report, meeting: &Meeting, lang: Lang) -> String {
    let name = format!("`{}` ({})", meeting.name, meeting.title.in_lang(lang));
    let all = report.asked_profile.is_none();
    let limit = meeting.limit.as_ref().map(|limit| limit.words.in_lang(lang)).map(lowered);
    let limit = limit.map_or_else(String::new, |words| format!("; {}: {words}", pick(lang, "batasnya", "the limit")));
    let (because, remedy) = cause(meeting, lang);
    let because = format!(
        "{} {because}; {}: {remedy}",
        pick(lang, "karena", "because"),
        pick(lang, "yang harus dilakukan", "what to do")
    );
    let mut said = match (meeting.verdict, all, lang) {
        (Verdict::Ready, false, Lang::Id) => format!("Rapat {name} dapat diadakan di sini{limit}."),
        (Verdict::Ready, false, Lang::En) => format!("The meeting {name} can be held here{limit}."),
        (Verdict::Ready, true, Lang::Id) => format!("Yang terbesar yang dapat diadakan di sini: rapat {name}{limit}."),
        (Verdict::Ready, true, Lang::En) => format!("The largest meeting that can be held here: {name}{limit}."),
        (Verdict::Degraded, _, Lang::Id) => {
            format!("Rapat {name} dapat diadakan di sini dengan mutu yang turun, {because}{limit}.")
        }
        (Verdict::Degraded, _, Lang::En) => {
            format!("The meeting {name} can be held here with less quality, {because}{limit}.")
        }
        (Verdict::NotReady, false, Lang::Id) => format!("Rapat {name} tidak dapat diadakan di sini {because}{limit}."),
        (Verdict::NotReady, false, Lang::En) => format!("The meeting {name} cannot be held here {because}{limit}."),
        (Verdict::NotReady, true, Lang::Id) => {
            format!("Tidak ada rapat yang dapat diadakan di sini, bahkan {name} pun tidak, {because}{limit}.")
        }
        (Verdict::NotReady, true, Lang::En) => {
            format!("No meeting can be held here, not even {name}, {because}{limit}.")
        }
        (Verdict::Unknown, _, Lang::Id) => {
            format!("Belum dapat dikatakan apakah rapat {name} dapat diadakan di sini, {because}.")
        }
        (Verdict::Unknown, _, Lang::En) => {
            format!("Whether the meeting {name} can be held here cannot be said, {because}.")
        }
    };
    if all
        && meeting.verdict == Verdict::Ready
        && let Some(larger) = report.profiles.iter().find(|meeting| meeting.verdict == Verdict::Degraded)
    {
        said.pop();
        let less = pick(lang, "dengan mutu yang turun juga", "with less quality also");
        _ = write!(said, "; {less} `{}`.", larger.name);
    }
    if let Some(broken) = broken(report, lang) {
        said.push(' ');
        said.push_str(&broken);
    }
    said
}

/// What makes it so, and what somebody must do about it.
fn cause(meeting: &Meeting, lang: Lang) -> (String, String) {
    let cause = meeting.reasons.iter().find(|why| why.verdict == meeting.judged);
    if let Some(why) = cause.filter(|_| meeting.judged == meeting.verdict) {
        return (lowered(why.message.in_lang(lang)), lowered(why.remedy.in_lang(lang)));
    }
    let all: Vec<&str> = meeting.unmeasured.iter().map(|what| needed(what, lang)).collect();
    let not = pick(lang, "tidak diketahui", "not known");
    let far = pick(
        lang,
        "ukur ke \"siaga reflect\" di ujung jauh (--far-end)",
        "measure against a \"siaga reflect\" at a far end (--far-end)",
    );
    (format!("{not}: {}", all.join(", ")), far.to_owned())
}

/// What a meeting needs, in words.
pub(super) fn needed(what: &str, lang: Lang) -> &'static str {
    match what {
        "down" => pick(lang, "kecepatan arah masuk", "the rate of the way in"),
        "up" => pick(lang, "kecepatan arah keluar", "the rate of the way out"),
        "loss" => pick(lang, "paket hilang", "packets lost"),
        "delay" => pick(lang, "jeda", "delay"),
        _ => pick(lang, "apakah UDP lewat", "whether UDP passes"),
    }
}

/// That the line broke off while it was watched, by the check that saw most of it.
fn broken(report: &Report, lang: Lang) -> Option<String> {
    let of = |name: &str| {
        let outages = report.outages.iter().filter(|outage| outage.check == name && !outage.in_tests);
        outages.fold((0, 0.0), |(count, seconds), outage| (count + 1, seconds + outage.seconds))
    };
    let all = report.checks.iter().map(|check| (check.name.as_str(), of(&check.name)));
    let (name, (count, seconds)) = all.max_by(|(_, (_, a)), (_, (_, b))| a.total_cmp(b))?;
    (count > 0).then(|| match lang {
        Lang::Id => format!("Selama diamati, {name} {count} kali tidak menjawab, {seconds:.0} detik seluruhnya."),
        Lang::En => format!("While it was watched, {name} fell silent {count} times, {seconds:.0} s in all."),
    })
}

/// A sentence as the second part of another: without its capital, unless that belongs to the word.
fn lowered(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() && !sentence.starts_with("Siaga") => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => sentence.to_owned(),
    }
}
