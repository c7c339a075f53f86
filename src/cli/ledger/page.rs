//! The ledger as a page to print or to send.

use askama::Template;
use jiff::Timestamp;

use crate::config::Config;
use crate::domain::reason::{self, number};
use crate::domain::{Figure, Finest, Lang, Unit, Verdict, month as month_name, on_the_day};
use crate::engine::past::blame::Cause;
use crate::engine::past::ledger::{Agreed, Entry, Ledger, Line};
use crate::web::past::words::{self, pick};
use std::time::Duration;

#[derive(Template)]
#[template(path = "ledger.html")]
struct Page {
    lang: &'static str,
    title: String,
    room: String,
    span: String,
    /// What was how long.
    facts: Vec<(&'static str, String)>,
    incomplete: Option<&'static str>,
    lines_title: &'static str,
    heads: [&'static str; 6],
    lines: Vec<Row>,
    none: &'static str,
    rates_title: &'static str,
    rate_heads: [&'static str; 6],
    rates: Vec<[String; 6]>,
    slow_title: &'static str,
    slow: Vec<[String; 4]>,
    notes: Vec<String>,
}

struct Row {
    /// The word for programs, which is its class too.
    kind: &'static str,
    cells: [String; 6],
}

/// Renders it.
///
/// # Errors
/// What cannot be rendered; nothing should be.
pub(super) fn page(
    ledger: &Ledger,
    agreed: &Agreed,
    config: &Config,
    lang: Lang,
    now: Timestamp,
) -> Result<String, String> {
    let teller = Teller { ledger, config, lang };
    teller.page(agreed, now).render().map_err(|error| error.to_string())
}

struct Teller<'a> {
    ledger: &'a Ledger,
    config: &'a Config,
    lang: Lang,
}

impl Teller<'_> {
    fn page(&self, agreed: &Agreed, now: Timestamp) -> Page {
        let (lang, ledger) = (self.lang, self.ledger);
        let (month, year) = ledger.month.parts();
        let pick = |id, en| pick(lang, id, en);
        Page {
            lang: lang.as_str(),
            title: format!("{} {} {year}", pick("Catatan internet", "Internet ledger"), month_name(month, lang)),
            room: self.config.room.title().to_owned(),
            span: format!(
                "{} – {}. {} {}",
                self.clock(ledger.span.0),
                self.clock(ledger.span.1),
                pick("Dibuat", "Made on"),
                self.clock(now)
            ),
            facts: self.facts(),
            incomplete: ledger.cut.then(|| {
                pick(
                    "Tidak lengkap: catatan lebih banyak daripada yang dibaca.",
                    "Incomplete: there are more records than are read.",
                )
            }),
            lines_title: pick(
                "Putus, kurang dari batas, dan tidak terukur",
                "Outages, shortfalls, and what was not measured",
            ),
            heads: match lang {
                Lang::Id => ["Mulai", "Selesai", "Lama", "Jenis", "Penyebab", "Alasan dan hasil ukur"],
                Lang::En => ["Begin", "End", "Length", "What", "Cause", "Reasons and figures"],
            },
            lines: ledger.lines.iter().map(|line| self.row(line)).collect(),
            none: pick("Tidak ada.", "None."),
            rates_title: pick("Uji kecepatan", "Rate tests"),
            rate_heads: match lang {
                Lang::Id => ["Arah", "Batas", "Jumlah uji", "Terendah", "95 dari 100 mencapai", "Nilai tengah"],
                Lang::En => ["Direction", "Limit", "Tests", "Least", "95 of 100 reached", "Median"],
            },
            rates: self.rates(),
            slow_title: pick("Jam dengan uji di bawah batas", "Hours with a test below the limit"),
            slow: ledger
                .slow
                .iter()
                .map(|slow| {
                    let cause = slow.ours.map_or("", |cause| words::cause(cause, lang));
                    let what = words::slow(slow.figure, lang);
                    [self.clock(slow.begins), what.to_owned(), self.rate(Some(slow.least)), cause.to_owned()]
                })
                .collect(),
            notes: self.notes(agreed),
        }
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let (ledger, pick) = (self.ledger, |id, en| pick(self.lang, id, en));
        let share = |share: Option<f64>| {
            let none = || pick("tidak diketahui", "unknown").to_owned();
            share.map_or_else(none, |share| reason::share(share, self.lang))
        };
        let outage = |of: fn(Cause) -> bool| self.length(ledger.outage(of));
        vec![
            (pick("Terukur", "Measured"), self.length(ledger.times.known())),
            (
                pick("Tidak diukur (Siaga tidak melihat)", "Not measured (Siaga did not look)"),
                self.length(ledger.times.unmeasured),
            ),
            (
                pick("Tidak diketahui (Siaga melihat, tidak pasti)", "Unknown (Siaga looked, and could not tell)"),
                self.length(ledger.times.of(Verdict::Unknown)),
            ),
            (
                pick("Internet dapat dipakai, dari waktu terukur", "Internet usable, of the measured time"),
                share(ledger.availability()),
            ),
            (
                pick(
                    "Bagian penyedia dapat dipakai, dari waktu yang dapat dinilai",
                    "Provider's part usable, of the time that can be judged",
                ),
                share(ledger.provider_availability()),
            ),
            (pick("Putus di luar router kami", "Outages beyond our router"), outage(|cause| cause == Cause::Provider)),
            (pick("Putus karena bagian kami", "Outages of our own part"), outage(Cause::is_ours)),
            (
                pick("Putus, penyebab tidak dapat dipastikan", "Outages whose cause cannot be told"),
                outage(|cause| cause == Cause::Unclear),
            ),
            (
                pick("Putus ke platform rapat saja", "Outages of the meeting platform alone"),
                outage(|cause| cause == Cause::Platform),
            ),
        ]
    }

    fn row(&self, line: &Line) -> Row {
        let (lang, measured) = (self.lang, line.measured);
        let mut said: Vec<String> = line.codes.iter().map(|code| (*code).to_owned()).collect();
        if let Entry::Shortfall(_) = line.entry {
            let figure =
                |word, value: Option<f64>, unit| value.map(|value| format!("{word} {}", number(value, unit, lang)));
            said.extend(figure(pick(lang, "paket hilang", "loss"), measured.loss, Unit::Ratio));
            said.extend(figure(pick(lang, "pulang-pergi", "round trip"), measured.round_trip, Unit::Seconds));
        }
        let before = if line.from_before { pick(lang, " (sejak sebelumnya)", " (since before)") } else { "" };
        let after = if line.goes_on { pick(lang, " (berlanjut)", " (goes on)") } else { "" };
        Row {
            kind: line.entry.as_str(),
            cells: [
                format!("{}{before}", self.clock(line.from)),
                format!("{}{after}", self.clock(line.to)),
                self.length(line.length()),
                words::entry(line.entry, lang).to_owned(),
                line.entry.cause().map_or("", |cause| words::cause(cause, lang)).to_owned(),
                said.join(", "),
            ],
        }
    }

    fn rates(&self) -> Vec<[String; 6]> {
        let tested = self.ledger.rates.iter().filter(|rate| rate.tests > 0);
        let row = |rate: &crate::engine::past::ledger::RateLine| {
            let direction = if rate.figure == Figure::Down {
                pick(self.lang, "unduhan", "download")
            } else {
                pick(self.lang, "unggahan", "upload")
            };
            [
                direction.to_owned(),
                self.rate(rate.agreed),
                rate.tests.to_string(),
                self.rate(rate.least),
                self.rate(rate.quantiles.map(|quantiles| quantiles.p95)),
                self.rate(rate.quantiles.map(|quantiles| quantiles.p50)),
            ]
        };
        tested.map(row).collect()
    }

    fn notes(&self, agreed: &Agreed) -> Vec<String> {
        let pick = |id: &'static str, en: &'static str| pick(self.lang, id, en).to_owned();
        let mut notes = vec![
            pick(
                "Waktu yang tidak diukur dan yang tidak diketahui tidak dihitung sebagai baik maupun buruk.",
                "Time that was not measured or not known counts neither as good nor as bad.",
            ),
            pick(
                "\"Di luar router kami\" hanya ditulis bila router kami terlihat bekerja dan sebagian besar ujung jauh tidak menjawab. Gangguan bagian kami dihitung dari dua menit sebelum terlihat sampai sepuluh menit sesudah pulih; dalam sepuluh menit sesudah waktu yang tidak diukur, penyebabnya tidak dapat dipastikan.",
                "\"Beyond our router\" is written only where our router was seen to work and most far ends did not answer. A failure of our own counts from two minutes before it was seen until ten after it was over; in the ten minutes after time that was not measured it cannot be told whose it was.",
            ),
        ];
        if !self.ledger.slow.is_empty() {
            notes.push(pick(
                "Uji yang lambat belum tentu kesalahan penyedia: lalu lintas lain di jalur yang sama mengurangi hasilnya. Jam yang tertulis \"kami\" bukan bukti terhadap penyedia.",
                "A slow test need not be the provider's fault: other traffic on the same line takes its share. An hour that says \"ours\" is no evidence against them.",
            ));
        }
        if let Some(enough) = agreed.enough {
            notes.push(format!(
                "{} {}.",
                pick("Uji kecepatan berhenti pada", "A rate test stops at"),
                self.rate(Some(enough))
            ));
        }
        notes
    }

    fn rate(&self, rate: Option<f64>) -> String {
        rate.map_or_else(|| "–".to_owned(), |rate| number(rate, Unit::BitsPerSecond, self.lang))
    }

    /// Hours, minutes and seconds.
    fn length(&self, length: Duration) -> String {
        let whole = length.as_secs();
        let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
        match self.lang {
            Lang::Id => format!("{hours} jam {minutes} menit {seconds} detik"),
            Lang::En => format!("{hours} h {minutes} min {seconds} s"),
        }
    }

    /// A moment on the room's own clock.
    fn clock(&self, at: Timestamp) -> String {
        on_the_day(at, &self.config.room.time_zone.0, self.lang, Finest::Second)
    }
}
