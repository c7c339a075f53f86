//! `siaga reasons`: the closed catalogue.

use crate::domain::{Lang, ReasonDef};

/// The whole catalogue, sorted by code: code, message, remedy.
pub fn listing(lang: Lang) -> String {
    use std::fmt::Write as _;

    let mut all: Vec<&'static ReasonDef> = crate::probe::all_reasons().collect();
    all.sort_by_key(|reason| reason.code);
    all.dedup_by_key(|reason| reason.code);
    let mut out = String::new();
    for reason in all {
        let lasting = if reason.lasting { " (lasting)" } else { "" };
        _ = writeln!(
            out,
            "{}{lasting}\n    {}\n    → {}",
            reason.code,
            reason.message.in_lang(lang),
            reason.remedy.in_lang(lang)
        );
    }
    out
}
