//! A month's meetings as a page to print, and as rows.

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::month::{MonthOfMeetings, Outcome};
use super::words::{length, pick};
use crate::domain::reason::share;
use crate::domain::{Finest, Lang, Verdict, on_the_day};

#[derive(Template)]
#[template(path = "month.html")]
struct Page {
    lang: &'static str,
    title: String,
    room: String,
    made: String,
    warnings: Vec<String>,
    figures_title: &'static str,
    figures: Vec<(&'static str, String)>,
    components_title: &'static str,
    components_heads: [&'static str; 4],
    components: Vec<[String; 4]>,
    meetings_title: &'static str,
    meetings_heads: [&'static str; 6],
    meetings: Vec<[String; 6]>,
    none: &'static str,
    note: &'static str,
}

const fn told(outcome: Outcome, lang: Lang) -> &'static str {
    match outcome {
        Outcome::Right => pick(lang, "benar", "right"),
        Outcome::Mended => pick(lang, "diperbaiki sebelum rapat", "mended before the meeting"),
        Outcome::Missed => pick(lang, "terlewat: dapat dipakai, lalu gagal", "missed: usable, then failed"),
        Outcome::FalseAlarm => pick(lang, "peringatan keliru", "false alarm"),
        Outcome::Unproven => pick(lang, "tidak terbukti", "unproven"),
    }
}

/// Renders it.
///
/// # Errors
/// What cannot be rendered; nothing should be.
#[allow(clippy::too_many_lines, reason = "a form, field by field")]
pub fn page(month: &MonthOfMeetings, title: &str, zone: &TimeZone, lang: Lang) -> Result<String, String> {
    let pick = |id, en| pick(lang, id, en);
    let clock = |stamp: &str| {
        let Ok(at) = stamp.parse::<Timestamp>() else { return stamp.to_owned() };
        on_the_day(at, zone, lang, Finest::Minute)
    };
    let verdict = |verdict: Option<Verdict>| verdict.map_or_else(|| "–".to_owned(), |one| one.title(lang).to_owned());
    let count = |outcome| month.outcomes.get(&outcome).copied().unwrap_or_default().to_string();
    let mut warnings = Vec::new();
    if !month.complete {
        warnings.push(pick("Sementara: bulan ini belum berakhir.", "Preliminary: the month is not over.").to_owned());
    }
    if month.unreported > 0 {
        let said = pick("rapat yang selesai belum ada laporannya", "meetings that ended have no report");
        warnings.push(format!("{} {said}.", month.unreported));
    }
    let mut figures = vec![
        (pick("Rapat", "Meetings"), month.meetings.len().to_string()),
        (pick("Dibatalkan", "Cancelled"), month.cancelled.to_string()),
        (pick("Konfirmasi yang tepat", "Confirmations that were right"), count(Outcome::Right)),
        (pick("Diperbaiki sebelum rapat", "Mended before the meeting"), count(Outcome::Mended)),
        (pick("Terlewat", "Missed"), count(Outcome::Missed)),
        (pick("Peringatan keliru", "False alarms"), count(Outcome::FalseAlarm)),
        (pick("Tidak terbukti", "Unproven"), count(Outcome::Unproven)),
        (pick("Waktu rapat yang hilang", "Time of meetings lost"), length(month.lost_seconds, lang)),
        (
            pick("Gangguan yang selesai sebelum rapat", "Faults that were over before the meeting"),
            month.mended_before.to_string(),
        ),
    ];
    if let Some(provider) = month.provider {
        let unmeasured = || pick("tidak diukur", "not measured").to_owned();
        let share = provider.availability.map_or_else(unmeasured, |there| share(there, lang));
        figures.push((pick("Ketersediaan jalur penyedia", "The provider's line was there"), share));
        figures.push((
            pick("Dari waktu yang dapat dinilai", "Of the time that can be told"),
            length(provider.known_seconds, lang),
        ));
        figures.push((pick("Gangguan penyedia", "Outages of the provider's"), length(provider.outage_seconds, lang)));
        figures.push((pick("Jam lambat penyedia", "Slow hours of the provider's"), provider.slow_hours.to_string()));
    }
    let page = Page {
        lang: lang.as_str(),
        title: format!("{} {}", pick("Ringkasan bulan", "Summary of the month"), month.month),
        room: title.to_owned(),
        made: format!("{} {}", pick("Dibuat", "Made on"), clock(&month.made_at)),
        warnings,
        figures_title: pick("Angka", "Figures"),
        figures,
        components_title: pick("Gangguan menurut bagian", "Incidents by component"),
        components_heads: [
            pick("Bagian", "Component"),
            pick("Gangguan", "Incidents"),
            pick("Terjadi saat rapat", "Touched a meeting"),
            pick("Lamanya dalam rapat", "For how long in meetings"),
        ],
        components: month
            .components
            .iter()
            .map(|(component, failures)| {
                [
                    component.title(lang).to_owned(),
                    failures.incidents.to_string(),
                    failures.in_meeting.to_string(),
                    length(failures.seconds_in_meeting, lang),
                ]
            })
            .collect(),
        meetings_title: pick("Rapat", "Meetings"),
        meetings_heads: [
            pick("Mulai", "From"),
            pick("Rapat", "Meeting"),
            pick("Instansi pemohon", "Office"),
            pick("Saat dikonfirmasi", "When confirmed"),
            pick("Tidak siap selama", "Not ready for"),
            pick("Hasil konfirmasi", "The verdict was"),
        ],
        meetings: month
            .meetings
            .iter()
            .map(|meeting| {
                let lost = meeting.not_ready_seconds;
                [
                    clock(&meeting.start),
                    meeting.title.clone(),
                    meeting.office.clone().unwrap_or_else(|| "–".to_owned()),
                    verdict(meeting.confirmed),
                    if lost == 0 { "–".to_owned() } else { length(lost, lang) },
                    told(meeting.outcome, lang).to_owned(),
                ]
            })
            .collect(),
        none: pick("Tidak ada.", "None."),
        note: pick(
            "Dibuat dari laporan rapat yang disimpan. Untuk rapat dari kalender, pemeriksaan pertama menggantikan konfirmasi. Berapa yang akan hilang tanpa perbaikan tidak diketahui dan tidak dinyatakan.",
            "Made of the reports that are kept. Of a meeting from a calendar the first look stands for the confirmation. What would have been lost without repair is not known, and not claimed.",
        ),
    };
    page.render().map_err(|error| error.to_string())
}

const HEAD: [&str; 11] = [
    "id",
    "start",
    "end",
    "title",
    "office",
    "confirmed",
    "last_look",
    "at_start",
    "not_ready_seconds",
    "unmeasured_seconds",
    "outcome",
];

/// As comma-separated values (RFC 4180): a line a meeting.
pub fn csv(month: &MonthOfMeetings) -> String {
    let mut out = super::csv::record(&HEAD.map(str::to_owned));
    for meeting in &month.meetings {
        let verdict = |verdict: Option<Verdict>| verdict.map_or_else(String::new, |one| one.as_str().to_owned());
        let outcome = serde_json::to_value(meeting.outcome).ok();
        out.push_str(&super::csv::record(&[
            meeting.id.clone(),
            meeting.start.clone(),
            meeting.end.clone(),
            meeting.title.clone(),
            meeting.office.clone().unwrap_or_default(),
            verdict(meeting.confirmed),
            verdict(meeting.last_look),
            verdict(meeting.at_start),
            meeting.not_ready_seconds.to_string(),
            meeting.unmeasured_seconds.to_string(),
            outcome.and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default(),
        ]));
    }
    out
}
