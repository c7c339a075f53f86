//! The report as one page to print, in one language, without scripts and without anything from elsewhere.

use std::fmt::Write as _;

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::answer::needed;
use super::report::{Both, Looked, Meeting, NotMeasured, Number, Report, Silence};
use super::words::{is_told, pick, value, way};
use crate::domain::reason::number;
use crate::domain::{Finest, Lang, Unit, Verdict, on_the_day};

/// How many lines each list has at most, so that all of it fits on one sheet; the JSON has all.
const LINES: usize = 6;

#[derive(Template)]
#[template(path = "survey.html")]
struct Page<'a> {
    lang: &'static str,
    title: String,
    span: String,
    id: &'a str,
    verdict: &'static str,
    verdict_title: &'static str,
    answer: &'a str,
    unfinished: Option<String>,
    meetings_title: &'static str,
    meeting_heads: [&'static str; 3],
    meetings: Vec<[String; 4]>,
    line_title: &'static str,
    line_heads: [String; 4],
    line: Vec<Row>,
    ways: String,
    silent_title: &'static str,
    silent: Vec<String>,
    todo_title: &'static str,
    todo: Vec<(String, String)>,
    missing_title: &'static str,
    missing: Vec<(String, String)>,
    notes: Vec<String>,
    around: Option<Around<'a>>,
}

/// Where a page leads to that is shown by the daemon; one that is a file leads nowhere.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The list of all surveys.
    pub list: &'a str,
    /// This one in the other language.
    pub other: &'a str,
    /// This one for programs.
    pub json: &'a str,
}

struct Row {
    verdict: &'static str,
    cells: [String; 4],
}

/// Renders it.
///
/// # Errors
/// What cannot be rendered; nothing should be.
pub fn page(report: &Report, lang: Lang, around: Option<Around<'_>>) -> Result<String, String> {
    Teller { report, lang }.page(around).render().map_err(|error| error.to_string())
}

struct Teller<'a> {
    report: &'a Report,
    lang: Lang,
}

impl<'a> Teller<'a> {
    const fn pick(&self, id: &'static str, en: &'static str) -> &'static str {
        pick(self.lang, id, en)
    }

    fn page(&self, around: Option<Around<'a>>) -> Page<'a> {
        let (report, lang) = (self.report, self.lang);
        let what = self.pick("Survei internet untuk rapat", "Site survey of the internet");
        let stopped = report.unfinished.as_ref().map(|why| {
            format!("{}: {}", self.pick("Survei ini tidak selesai", "This survey is not finished"), why.in_lang(lang))
        });
        Page {
            lang: lang.as_str(),
            title: report.venue.as_ref().map_or_else(|| what.to_owned(), |venue| format!("{what}: {venue}")),
            span: format!("{} – {}", self.clock(&report.began_at), self.clock(&report.ended_at)),
            id: &report.id,
            verdict: report.verdict.as_str(),
            verdict_title: held(report.verdict, lang),
            answer: report.answer.in_lang(lang),
            unfinished: stopped,
            meetings_title: self.pick("Rapat yang dinilai", "Meetings that were judged"),
            meeting_heads: match lang {
                Lang::Id => ["Rapat", "Hasil", "Batasnya"],
                Lang::En => ["Meeting", "Result", "The limit"],
            },
            meetings: report.profiles.iter().map(|meeting| self.meeting(meeting)).collect(),
            line_title: self.pick("Hasil ukur", "What was measured"),
            line_heads: self.line_heads(),
            line: report.checks.iter().map(|check| self.row(check)).collect(),
            ways: self.ways(),
            silent_title: self.pick("Putus selama survei", "Broken off during the survey"),
            silent: self.silent(),
            todo_title: self.pick("Yang harus dilakukan", "What to do"),
            todo: self.todo(),
            missing_title: self.pick("Tidak terukur", "Not measured"),
            missing: self.missing(),
            notes: self.notes(),
            around,
        }
    }

    /// The results are of one kind of meeting, which is named.
    fn line_heads(&self) -> [String; 4] {
        let heads = match self.lang {
            Lang::Id => ["Pemeriksaan", "Ke", "Hasil untuk", "Angka"],
            Lang::En => ["Check", "To", "Result for", "Figures"],
        };
        let mut heads = heads.map(str::to_owned);
        _ = write!(heads[2], " {}", self.report.profile);
        heads
    }

    /// A moment (RFC 3339) on the clock of the place.
    fn clock(&self, stamp: &str) -> String {
        let (at, zone) = (stamp.parse::<Timestamp>(), TimeZone::get(&self.report.time_zone));
        let (Ok(at), Ok(zone)) = (at, zone) else { return stamp.to_owned() };
        on_the_day(at, &zone, self.lang, Finest::Second)
    }

    fn meeting(&self, meeting: &Meeting) -> [String; 4] {
        let lang = self.lang;
        let limit = meeting.limit.as_ref().map_or("–", |limit| limit.words.in_lang(lang)).to_owned();
        let more: Vec<&str> = meeting.unmeasured.iter().map(|what| needed(what, lang)).collect();
        let more = if more.is_empty() {
            limit
        } else {
            format!("{limit}; {}: {}", self.pick("tidak diketahui", "not known"), more.join(", "))
        };
        let name = format!("{} ({})", meeting.title.in_lang(lang), meeting.name);
        [meeting.verdict.as_str().to_owned(), name, held(meeting.verdict, lang).to_owned(), more]
    }

    fn row(&self, check: &Looked) -> Row {
        let lang = self.lang;
        let mut figures = self.figures(&check.measurements);
        if let Some(loss) = check.loss {
            let lost = self.pick("hilang", "lost");
            figures.insert(0, format!("{lost} {} / {}", loss.lost, loss.sent));
        }
        let grade = check.measurements.iter().find(|number| number.quantity.ends_with("_grade") && number.value > 0.5);
        if let Some(grade) = grade.and_then(|grade| grade.part.as_ref()) {
            figures.push(format!(
                "{} {grade}",
                self.pick("nilai jeda tambahan (bufferbloat)", "grade of added delay (bufferbloat)")
            ));
        }
        for (ending, direction) in [("_down_confidence", "down"), ("_up_confidence", "up")] {
            let level = check.measurements.iter().find(|one| one.quantity.ends_with(ending) && one.value > 0.5);
            if let Some(level) = level.and_then(|level| level.part.as_deref()) {
                let word = self.pick("keyakinan RPM", "confidence of RPM");
                figures.push(format!("{word}, {}: {}", way(direction, lang), confidence(level, lang)));
            }
        }
        if let Some(error) = &check.error {
            figures.push(error.clone());
        }
        let advisory = if check.requirement == "advisory" { self.pick(" (tidak wajib)", " (shown only)") } else { "" };
        let verdict = check.verdict.title(lang);
        Row {
            verdict: check.verdict.as_str(),
            cells: [
                format!("{} [{}]", check.name, check.kind),
                check.target.clone().unwrap_or_default(),
                format!("{verdict}{advisory}"),
                figures.join("; "),
            ],
        }
    }

    /// What was measured, each quantity once, with its parts behind it.
    fn figures(&self, measured: &[Number]) -> Vec<String> {
        let lang = self.lang;
        let mut told: Vec<(&str, String)> = Vec::new();
        for number in measured.iter().filter(|number| is_told(&number.quantity)) {
            let words = number.words.in_lang(lang);
            let part = number.part.as_deref().map_or_else(String::new, |part| format!("{} ", way(part, lang)));
            match told.iter_mut().find(|(quantity, _)| *quantity == &*number.quantity) {
                Some((_, text)) => _ = write!(text, ", {part}{words}"),
                None => told.push((&number.quantity, format!("{}: {part}{words}", number.name.in_lang(lang)))),
            }
        }
        told.into_iter().map(|(_, text)| text).collect()
    }

    fn ways(&self) -> String {
        let ways = &self.report.ways;
        let unknown = self.pick("tidak terukur", "not measured");
        let direct = match ways.direct {
            Some(true) => self.pick("ya", "yes"),
            Some(false) => self.pick("UDP diblokir", "UDP blocked"),
            None => unknown,
        };
        let relay = match ways.relay.as_deref() {
            Some("udp") => self.pick("lewat UDP", "by UDP"),
            Some("tcp") => self.pick("hanya lewat TCP", "by TCP only"),
            Some("tls") => self.pick("hanya lewat TLS", "by TLS only"),
            Some(_) => self.pick("diblokir", "blocked"),
            None => unknown,
        };
        let heads = (self.pick("Jalur media: langsung", "Ways of media: straight"), self.pick("relay", "relay"));
        format!("{} {direct}; {} {relay}.", heads.0, heads.1)
    }

    /// What tests of our own kept waiting for a moment is no news.
    fn silent(&self) -> Vec<String> {
        let told = |outage: &&Silence| !outage.in_tests || outage.seconds >= 1.0;
        let told: Vec<&Silence> = self.report.outages.iter().filter(told).collect();
        let mut all: Vec<String> = told
            .iter()
            .take(LINES)
            .map(|outage| {
                let ours = if outage.in_tests { self.pick(", saat uji berjalan", ", while tests ran") } else { "" };
                let goes_on = if outage.over { "" } else { self.pick(", belum pulih", ", not over") };
                let length = value(outage.seconds, Unit::Seconds, self.lang);
                format!("{} {}: {length}{goes_on}{ours}", self.clock(&outage.from), outage.check)
            })
            .collect();
        all.extend(self.and_more(told.len()));
        all
    }

    fn todo(&self) -> Vec<(String, String)> {
        let meeting = self.report.profiles.iter().find(|meeting| meeting.name == self.report.profile);
        let reasons = meeting.into_iter().flat_map(|meeting| &meeting.reasons).take(LINES);
        let said = |text: &Both| text.in_lang(self.lang).to_owned();
        reasons.map(|why| (said(&why.message), said(&why.remedy))).collect()
    }

    fn missing(&self) -> Vec<(String, String)> {
        let lang = self.lang;
        let tell = |missing: &NotMeasured| {
            let what = missing.what.in_lang(lang);
            let what = missing.check.as_ref().map_or_else(|| what.to_owned(), |check| format!("{check}, {what}"));
            (what, missing.why.in_lang(lang).to_owned())
        };
        let mut all: Vec<_> = self.report.not_measured.iter().take(LINES).map(tell).collect();
        all.extend(self.and_more(self.report.not_measured.len()).map(|more| (more, String::new())));
        all
    }

    fn and_more(&self, all: usize) -> Option<String> {
        let more = all.checked_sub(LINES).filter(|more| *more > 0)?;
        Some(format!(
            "{} {more} {}",
            self.pick("dan", "and"),
            self.pick("lagi di berkas JSON", "more in the JSON file")
        ))
    }

    fn notes(&self) -> Vec<String> {
        let report = self.report;
        let up_to = report.tested_up_to.iter().map(|test| {
            let rate = value(test.bits_per_second, Unit::BitsPerSecond, self.lang);
            format!("{} {rate}", test.check)
        });
        let up_to: Vec<String> = up_to.collect();
        let mut notes = vec![format!(
            "{} {:.0} {}; {} {} {} {}.",
            self.pick("Diamati", "Watched for"),
            report.watched_seconds,
            self.pick("detik", "s"),
            self.pick("uji memakai", "tests took"),
            megabytes(report.bytes.used, self.lang),
            self.pick("dari paling banyak", "of at most"),
            megabytes(report.bytes.at_most, self.lang),
        )];
        if !up_to.is_empty() {
            notes.push(format!(
                "{}: {}. {}",
                self.pick("Uji tidak mencari lebih dari", "Tests look for no more than"),
                up_to.join(", "),
                self.pick("Yang tercapai bisa jadi lebih.", "What is reached may be more."),
            ));
        }
        notes.push(
            self.pick(
                "Berlaku untuk jam survei ini; saat rapat jalur bisa lebih ramai. Ujung jauhnya bukan server rapat sendiri.",
                "True for the hour of this survey; at the meeting's hour the line may be busier. The far ends are not the meeting's own servers.",
            )
            .to_owned(),
        );
        notes
    }
}

/// An amount of data for people.
pub fn megabytes(bytes: u64, lang: Lang) -> String {
    #[allow(clippy::cast_precision_loss, reason = "exact for nine thousand terabytes")]
    number(bytes as f64, Unit::Bytes, lang)
}

/// A level of confidence in a measurement.
fn confidence(level: &str, lang: Lang) -> &str {
    match level {
        "low" => pick(lang, "rendah", "low"),
        "medium" => pick(lang, "sedang", "medium"),
        "high" => pick(lang, "tinggi", "high"),
        other => other,
    }
}

/// The words of a verdict for people who were asked "can it be held".
pub fn held(verdict: Verdict, lang: Lang) -> &'static str {
    match verdict {
        Verdict::Ready => pick(lang, "dapat diadakan", "can be held"),
        Verdict::Degraded => pick(lang, "dapat, mutu turun", "can, with less quality"),
        Verdict::Unknown => pick(lang, "belum diketahui", "not known"),
        Verdict::NotReady => pick(lang, "tidak dapat", "cannot be held"),
    }
}
