//! The report as a page to print: one language, no scripts, nothing from elsewhere.

mod sheet;

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::document::{Evaluation, Held, Quality, Report, Seen, Why};
use super::words::{length, occasion, pick};
use crate::domain::reason::number;
use crate::domain::record::Point;
use crate::domain::{Finest, Lang, Verdict, on_the_day};
use crate::plot::Plot;

#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    lang: &'static str,
    title: String,
    room: String,
    made: String,
    warnings: Vec<String>,
    facts: Vec<(&'static str, String)>,
    times_title: &'static str,
    times: Vec<(&'static str, String)>,
    looks_title: &'static str,
    looks_heads: [&'static str; 4],
    looks: Vec<[String; 4]>,
    sheet_title: &'static str,
    sheet_heads: [&'static str; 4],
    sheet: Vec<[String; 4]>,
    trials: Vec<Vec<String>>,
    overrides: Vec<String>,
    held_title: &'static str,
    held_heads: [&'static str; 6],
    held: Vec<[String; 6]>,
    plots_title: &'static str,
    plots: Vec<(String, String)>,
    quality_heads: [&'static str; 5],
    quality: Vec<[String; 5]>,
    troubles_title: &'static str,
    troubles_heads: [&'static str; 6],
    troubles: Vec<[String; 6]>,
    missing_title: &'static str,
    missing_heads: [&'static str; 3],
    missing: Vec<[String; 3]>,
    none: &'static str,
    evaluation_title: &'static str,
    evaluations: Vec<[String; 2]>,
    signing: String,
    place: &'static str,
    signer: &'static str,
    signers: [&'static str; 3],
    notes: [&'static str; 2],
}

/// Whether what is printed is what was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Made of what is stored now.
    Fresh,
    /// As it is kept, under this number and hash.
    Kept {
        /// Its place in the chain.
        number: i64,
        /// Its hash.
        hash: String,
    },
    /// Made of what is stored now, because what is kept under this number cannot be read.
    Unreadable {
        /// Its place in the chain.
        number: i64,
        /// Whether it is what it was when it was made, by another version.
        intact: bool,
    },
    /// As it stands in the chain, where it is not what it was when it was made.
    Altered {
        /// Its place in the chain.
        number: i64,
    },
}

/// What a page is made of.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The report.
    pub report: &'a Report,
    /// What was written of the meeting afterwards, and when; oldest first.
    pub evaluations: &'a [(Timestamp, Evaluation)],
    /// Where it comes from.
    pub origin: &'a Origin,
    /// What the room is called.
    pub title: &'a str,
}

/// Renders it, by the clock of the report's own zone.
///
/// # Errors
/// What cannot be rendered; nothing should be.
pub fn page(content: Content<'_>, lang: Lang) -> Result<String, String> {
    let zone = TimeZone::get(&content.report.time_zone).unwrap_or(TimeZone::UTC);
    let Content { report, evaluations, origin, title } = content;
    Teller { report, evaluations, origin, room: title, zone: &zone, lang }
        .page()
        .render()
        .map_err(|error| error.to_string())
}

struct Teller<'a> {
    report: &'a Report,
    evaluations: &'a [(Timestamp, Evaluation)],
    origin: &'a Origin,
    room: &'a str,
    zone: &'a TimeZone,
    lang: Lang,
}

impl Teller<'_> {
    const fn pick(&self, id: &'static str, en: &'static str) -> &'static str {
        pick(self.lang, id, en)
    }

    #[allow(clippy::too_many_lines, reason = "a form, field by field")]
    fn page(&self) -> Page {
        let (report, pick) = (self.report, |id, en| self.pick(id, en));
        let session = &report.session;
        let mut warnings = Vec::new();
        if let Origin::Altered { .. } = self.origin {
            warnings.push(
                pick(
                    "Laporan ini TIDAK seperti saat dibuat: catatannya diubah sesudah itu.",
                    "This report is NOT as it was made: its record was changed since.",
                )
                .to_owned(),
            );
        }
        if let Origin::Unreadable { number, intact } = self.origin {
            let why = if *intact {
                pick("dibuat oleh versi lain", "was made by another version")
            } else {
                pick("diubah sesudah dibuat", "was changed since it was made")
            };
            warnings.push(match self.lang {
                Lang::Id => format!("Laporan nomor {number} yang disimpan {why} dan tidak terbaca; ini dibuat ulang."),
                Lang::En => format!("The kept report number {number} {why} and cannot be read; this is made anew."),
            });
        }
        if session.cancelled {
            warnings.push(pick("Rapat ini dibatalkan.", "This meeting was cancelled.").to_owned());
        }
        if !report.complete && !session.cancelled {
            warnings.push(
                pick(
                    "Sementara: rapat atau penutupannya belum selesai saat laporan ini dibuat.",
                    "Preliminary: the meeting or its wrap-up was not over when this was made.",
                )
                .to_owned(),
            );
        }
        if report.cut {
            warnings.push(
                pick(
                    "Tidak lengkap: catatan lebih banyak daripada yang dibaca.",
                    "Incomplete: there are more records than are read.",
                )
                .to_owned(),
            );
        }
        Page {
            lang: self.lang.as_str(),
            title: format!("{} {}", pick("Laporan rapat:", "Report of a meeting:"), session.title),
            room: self.room.to_owned(),
            made: self.made(),
            warnings,
            facts: self.facts(),
            times_title: pick("Waktu menurut prosedur", "Times of the procedure"),
            times: self.times(),
            looks_title: pick("Pemeriksaan sebelum rapat", "Looks before the meeting"),
            looks_heads: [
                pick("Waktu", "When"),
                pick("Untuk", "For"),
                pick("Hasil", "Result"),
                pick("Alasan", "Reasons"),
            ],
            looks: report
                .looks
                .iter()
                .map(|look| {
                    let [id, en] = &look.words;
                    let words = match self.lang {
                        Lang::Id => id,
                        Lang::En => en,
                    };
                    let reasons = if words.is_empty() { "–".to_owned() } else { words.join("; ") };
                    [
                        self.moment(&look.at),
                        occasion(look, &self.report.session.start, self.lang),
                        look.verdict.title(self.lang).to_owned(),
                        reasons,
                    ]
                })
                .collect(),
            sheet_title: pick("Lembar persiapan", "Run sheet"),
            sheet_heads: [
                pick("Diperiksa petugas", "Checked by hand"),
                pick("Saat rapat mulai", "When the meeting began"),
                pick("Waktu", "When"),
                pick("Oleh", "By"),
            ],
            sheet: self.sheet(),
            trials: self.trials(),
            overrides: self.overrides(),
            held_title: pick("Keadaan selama rapat", "The room during the meeting"),
            held_heads: [
                "",
                Verdict::Ready.title(self.lang),
                Verdict::Degraded.title(self.lang),
                Verdict::NotReady.title(self.lang),
                Verdict::Unknown.title(self.lang),
                pick("Tidak diukur", "Not measured"),
            ],
            held: self.held(),
            plots_title: pick("Mutu selama rapat", "Quality during the meeting"),
            plots: self.plots(),
            quality_heads: [
                pick("Yang diukur", "What"),
                pick("Terkecil", "Least"),
                pick("Rata-rata", "Mean"),
                pick("Terbesar", "Greatest"),
                pick("Menit terukur", "Minutes measured"),
            ],
            quality: self.quality(),
            troubles_title: pick("Gangguan", "Incidents"),
            troubles_heads: [
                pick("Mulai", "From"),
                pick("Selesai", "To"),
                pick("Lama", "Length"),
                pick("Bagian", "Component"),
                pick("Sebab", "Cause"),
                pick("Ditangani oleh", "Seen to by"),
            ],
            troubles: self.troubles(),
            missing_title: pick("Yang tidak diukur", "What was not measured"),
            missing_heads: [pick("Mulai", "From"), pick("Selesai", "To"), pick("Mengapa", "Why")],
            missing: self.missing(),
            none: pick("Tidak ada.", "None."),
            evaluation_title: pick("Evaluasi", "Evaluation"),
            evaluations: self.evaluations(),
            signing: format!(
                "{}: {}",
                pick("Pengesahan laporan rapat", "Approval of the report of the meeting"),
                session.title
            ),
            place: pick("Tempat, tanggal:", "Place, date:"),
            signer: pick("Nama:\nNIP:", "Name:\nNumber:"),
            signers: [
                pick("Pejabat yang menyetujui", "The official who approved"),
                pick("Kepala Bidang", "Head of division"),
                pick("Kepala Dinas", "Head of office"),
            ],
            notes: [
                pick(
                    "Laporan ini dibuat dari catatan alat pemantau ruangan. Yang tidak diukur tidak dinyatakan.",
                    "This report is made of what the room's monitor has stored. What was not measured is not claimed.",
                ),
                pick(
                    "Pada gambar: garis adalah nilai tengah tiap menit, bidang adalah dari terkecil sampai terbesar, arsiran \
                     adalah gangguan, garis tegak adalah mulai dan selesainya rapat.",
                    "In the pictures the line is each minute's median, the band reaches from the least to the greatest value, \
                     the shade is an incident, upright lines are the meeting's beginning and end.",
                ),
            ],
        }
    }

    /// When it was made, and whether that can be shown.
    fn made(&self) -> String {
        let made = format!("{} {}", self.pick("Dibuat", "Made on"), self.clock(&self.report.made_at));
        match self.origin {
            Origin::Fresh | Origin::Unreadable { .. } => made,
            Origin::Altered { number } => format!("{made}; {} {number}", self.pick("nomor", "number")),
            Origin::Kept { number, hash } => {
                format!("{made}; {} {number}, SHA-256 {hash}", self.pick("nomor", "number"))
            }
        }
    }

    /// What was written, and by whom.
    fn evaluations(&self) -> Vec<[String; 2]> {
        let written = self.evaluations.iter().map(|(at, one)| {
            [one.text.clone(), format!("{}, {}", one.by, on_the_day(*at, self.zone, self.lang, Finest::Second))]
        });
        written.collect()
    }

    /// A time of the report.
    fn clock(&self, stamp: &str) -> String {
        let Ok(at) = stamp.parse::<Timestamp>() else { return stamp.to_owned() };
        on_the_day(at, self.zone, self.lang, Finest::Second)
    }

    /// The same without the day, where that is the meeting's.
    fn moment(&self, stamp: &str) -> String {
        let Ok(at) = stamp.parse::<Timestamp>() else { return stamp.to_owned() };
        let day = |at: Timestamp| at.to_zoned_datetime(self.zone.clone()).date();
        let start = self.report.session.start.parse().unwrap_or(at);
        if day(at) != day(start) {
            return self.clock(stamp);
        }
        at.to_zoned_datetime(self.zone.clone()).strftime(self.pick("%H.%M.%S", "%H:%M:%S")).to_string()
    }

    fn kind(&self) -> String {
        let session = &self.report.session;
        let Some([id, en]) = &session.kind else { return session.profile.clone() };
        format!("{} ({})", if self.lang == Lang::Id { id } else { en }, session.profile)
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let (session, pick) = (&self.report.session, |id, en| self.pick(id, en));
        let mut facts = vec![
            (pick("Waktu", "Time"), format!("{} – {}", self.clock(&session.start), self.moment(&session.end))),
            (pick("Jenis rapat", "Kind of meeting"), self.kind()),
        ];
        let mut fact = |title, text: Option<String>| facts.extend(text.map(|text| (title, text)));
        fact(pick("Instansi pemohon", "Office that asked"), session.office.clone());
        fact(pick("Nomor surat", "Number of the letter"), session.letter.clone());
        fact(pick("Platform", "Platform"), session.platform.clone());
        let venue = session.venue.as_ref().map(|venue| match &venue.survey {
            Some(survey) => format!("{} ({}: {survey})", venue.name, pick("survei", "survey")),
            None => venue.name.clone(),
        });
        fact(pick("Tempat", "Place"), venue);
        fact(pick("Peserta", "Sites"), Some(session.sites.join(", ")).filter(|text| !text.is_empty()));
        let crew: Vec<_> = session.crew.iter().map(|(task, person)| format!("{task}: {person}")).collect();
        fact(pick("Petugas", "Crew"), Some(crew.join("; ")).filter(|text| !text.is_empty()));
        fact(pick("Nomor pemesanan", "Id of the booking"), Some(session.id.clone()));
        facts
    }

    fn times(&self) -> Vec<(&'static str, String)> {
        let (times, pick) = (&self.report.procedure, |id, en| self.pick(id, en));
        let at = |stamp: &Option<String>| {
            stamp.as_ref().map_or_else(|| pick("tidak tercatat", "not recorded").to_owned(), |at| self.clock(at))
        };
        let limit = length(times.limit_seconds, self.lang);
        let prepared = times.prepared_in_seconds.map_or_else(
            || format!("{}; {} {limit}", pick("tidak diketahui", "not known"), pick("batas", "the limit is")),
            |seconds| format!("{} {} {limit}", length(seconds, self.lang), pick("dari", "of")),
        );
        // That it was not ready is known, where somebody watched; where no preparation lay before it, since when it was ready is not.
        let ready = match (&times.ready_at, times.at_start) {
            (None, Some(verdict)) if verdict != Verdict::Ready => {
                pick("tidak siap saat rapat mulai", "was not ready when the meeting began").to_owned()
            }
            (stamp, _) => at(stamp),
        };
        let start =
            times.at_start.map_or_else(|| pick("tidak diukur", "not measured"), |verdict| verdict.title(self.lang));
        vec![
            (pick("Dikonfirmasi", "Confirmed"), at(&times.confirmed_at)),
            (pick("Persiapan dibuka", "Preparation opened"), at(&times.opened_at)),
            (pick("Ruangan siap sejak", "Room ready since"), ready),
            (pick("Disiapkan dalam", "Prepared in"), prepared),
            (pick("Keadaan saat rapat mulai", "The room when the meeting began"), start.to_owned()),
        ]
    }

    fn held(&self) -> Vec<[String; 6]> {
        let row = |title: &str, held: &Held| {
            let [ready, degraded, not_ready, unknown, unmeasured] =
                [held.ready, held.degraded, held.not_ready, held.unknown, held.not_measured].map(
                    |seconds| match seconds {
                        0 => "–".to_owned(),
                        seconds => length(seconds, self.lang),
                    },
                );
            [title.to_owned(), ready, degraded, not_ready, unknown, unmeasured]
        };
        let room = row(self.pick("Ruangan", "Room"), &self.report.held);
        let parts = self.report.components.iter().map(|part| row(part.component.title(self.lang), &part.held));
        [room].into_iter().chain(parts).collect()
    }

    fn series_title(&self, one: &Quality) -> String {
        let part = one.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
        let name = title_of(one.title.as_ref(), &one.quantity, self.lang);
        format!("{name} ({}{part})", one.check)
    }

    fn plots(&self) -> Vec<(String, String)> {
        let report = self.report;
        let moment = |stamp: &str| stamp.parse::<Timestamp>().unwrap_or_default();
        let span = (moment(&report.from), moment(&report.to));
        let troubles: Vec<_> = report
            .incidents
            .iter()
            .map(|incident| (moment(&incident.from), incident.to.as_ref().map_or(span.1, |to| moment(to))))
            .collect();
        let drawn = report.quality.iter().filter(|one| !one.points.is_empty()).map(|one| {
            let title = self.series_title(one);
            let first = span.0.as_second().div_euclid(60);
            let points: Vec<Point> = one
                .points
                .iter()
                .map(|drawn| Point {
                    at: Timestamp::from_second((first + i64::from(drawn.0)) * 60).unwrap_or(span.0),
                    count: 1,
                    min: drawn.1,
                    max: drawn.3,
                    mean: drawn.2,
                    p50: drawn.2,
                })
                .collect();
            let plot = Plot {
                points: &points,
                step: 60,
                span,
                marks: &[moment(&report.session.start), moment(&report.session.end)],
                troubles: &troubles,
                zone: self.zone,
                clock: self.pick("%H.%M", "%H:%M"),
                title: title.clone(),
                value: &|value| number(value, one.unit, self.lang),
            };
            (title, plot.svg())
        });
        drawn.collect()
    }

    fn quality(&self) -> Vec<[String; 5]> {
        let told = self.report.quality.iter().map(|one| {
            let value = |value| number(value, one.unit, self.lang);
            let minutes = format!("{} / {}", one.minutes, one.of_minutes);
            [self.series_title(one), value(one.min), value(one.mean), value(one.max), minutes]
        });
        told.collect()
    }

    fn troubles(&self) -> Vec<[String; 6]> {
        let told = self.report.incidents.iter().map(|trouble| {
            let [id, en] = &trouble.cause;
            let cause = pick_owned(self.lang, id, en);
            let seen: Vec<String> = trouble.acknowledged.iter().map(|seen| self.seen(seen)).collect();
            [
                self.moment(&trouble.from),
                trouble.to.as_ref().map_or_else(|| self.pick("belum", "not yet").to_owned(), |at| self.moment(at)),
                length(trouble.seconds, self.lang),
                format!("{}: {}", trouble.component.title(self.lang), trouble.worst.title(self.lang)),
                if cause.is_empty() { "–".to_owned() } else { cause.to_owned() },
                if seen.is_empty() { self.pick("tidak ada", "nobody").to_owned() } else { seen.join("; ") },
            ]
        });
        told.collect()
    }

    /// Who sees to it, and who wrote that down where it was another.
    fn seen(&self, seen: &Seen) -> String {
        let at = self.moment(&seen.at);
        if seen.written_by.is_empty() || seen.written_by == seen.by {
            format!("{}, {at}", seen.by)
        } else {
            format!("{} ({} {}), {at}", seen.by, self.pick("dicatat oleh", "written down by"), seen.written_by)
        }
    }

    fn missing(&self) -> Vec<[String; 3]> {
        let told = self.report.not_measured.iter().map(|gap| {
            let why = match gap.why {
                Why::NotWatched => self.pick("Siaga tidak berjalan", "Siaga did not run"),
                Why::Unknown => self.pick("tidak diketahui", "nothing certain was known"),
                Why::NoLongerKept => self.pick(
                    "ukurannya tidak disimpan lagi saat laporan dibuat",
                    "its figures were not kept any more when this was made",
                ),
            };
            let of = gap.component.map(|component| format!("{}: ", component.title(self.lang))).unwrap_or_default();
            [self.moment(&gap.from), self.moment(&gap.to), format!("{of}{why}")]
        });
        told.collect()
    }
}

/// What people call a quantity; an older report has its name alone.
fn title_of<'a>(title: Option<&'a [String; 2]>, quantity: &'a str, lang: Lang) -> &'a str {
    title.map_or(quantity, |[id, en]| pick_owned(lang, id, en))
}

fn pick_owned<'a>(lang: Lang, id: &'a str, en: &'a str) -> &'a str {
    match lang {
        Lang::Id => id,
        Lang::En => en,
    }
}
