//! `GET /sessions/{id}`: the run sheet for people, on a phone too. What is written there goes by [`super::forms`].

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::domain::reason::number;
use crate::domain::sheet::{LONGEST_FINDINGS, LONGEST_NAME, LONGEST_REASON, Unwritten};
use crate::domain::{Booking, Lang, Requirement, Scope, Session, Verdict};
use crate::engine::sheet::{Figures, Override, Point, Standing};
use crate::web::door::Caller;
use crate::web::frame::{Frame, Renewed};
use crate::web::problem::{CHALLENGE, Problem};
use crate::web::readiness::in_lang;
use crate::web::sign_in::spoken;
use crate::web::site::Site;
use crate::web::surveys::{self, OfPlace};
use crate::web::words::words;
use crate::web::{cookies, telling};

use super::words::Said;
use super::{Held, Sheet, reads_names};

#[derive(Template)]
#[template(path = "sheet.html")]
struct Page {
    frame: Frame,
    said: Said,
    title: String,
    state: &'static str,
    /// The verdict in a word; nothing where none is said.
    word: Option<&'static str>,
    /// When it was so. What is ticked elsewhere meanwhile is not on it, so that this clock does not go on.
    at: Option<String>,
    /// What was wrong with what was sent.
    message: Option<String>,
    /// When, for whom, and whether it takes place.
    lines: Vec<String>,
    /// Whether it is over, so that its report is there.
    reported: bool,
    /// The survey of its place.
    survey: Option<OfPlace>,
    overridden: Option<Decision>,
    /// What machine and hand say together.
    together: Option<&'static str>,
    machine: Option<Machine>,
    hand: ByHand,
    items: Vec<Row>,
    trials: Vec<Tried>,
    earlier: Vec<Decision>,
    form: Option<Form>,
    sign_out: Option<String>,
    sign_in: Option<String>,
}

impl Page {
    /// Whether more can be written than the end of a trial.
    fn is_open(&self) -> bool {
        self.form.as_ref().is_some_and(|form| !form.over)
    }
}

struct Machine {
    state: &'static str,
    sentence: String,
    parts: Vec<Part>,
}

struct Part {
    title: &'static str,
    state: &'static str,
    word: &'static str,
    /// What to do about it.
    remedies: Vec<String>,
}

/// What the hand checks make of it.
struct ByHand {
    state: &'static str,
    mark: &'static str,
    word: &'static str,
}

impl ByHand {
    fn of(verdict: Verdict, lang: Lang) -> Self {
        Self { state: verdict.as_str(), mark: telling::mark(verdict), word: verdict.title(lang) }
    }
}

struct Row {
    name: String,
    title: String,
    state: &'static str,
    /// How it stands, when and by whom.
    told: String,
    done: bool,
}

struct Tried {
    told: String,
    findings: Vec<String>,
    measured: Vec<String>,
}

struct Decision {
    state: &'static str,
    word: &'static str,
    told: String,
    reason: String,
}

/// What somebody who may act can do, and what they wrote before.
struct Form {
    key: String,
    /// The sheet's own hour, so that what is sent is not written into the sheet of another.
    start: String,
    by: String,
    written: Written,
    /// What can be done of a trial.
    trial: Option<&'static str>,
    /// Whether nothing else can be done any more.
    over: bool,
    until_start: bool,
    ends_override: bool,
    longest: (usize, usize, usize),
    verdicts: [(&'static str, &'static str); 3],
}

/// What stood in the form.
#[derive(Default)]
pub(super) struct Written {
    pub(super) by: String,
    pub(super) findings: String,
    pub(super) reason: String,
}

/// The run sheet of one session, for people; for those who have come in by a token for acting, the forms to write into it.
///
/// # Errors
/// A query that is not understood.
#[utoipa::path(get, path = "/sessions/{id}", params(
    ("id" = String, Path, description = "The scheduler's own id."),
    ("lang" = Option<String>, Query, description = "`id` or `en`; else as `Accept-Language` prefers."),
), responses(
    (status = 200, description = "The page.", body = String, content_type = "text/html"),
    (status = 404, description = "There is no session of this id.", body = String, content_type = "text/html"),
    (status = 503, description = "The sheet cannot be read now.", body = String, content_type = "text/html"),
))]
pub(in crate::web) async fn page(
    State(site): State<Arc<Site>>,
    Extension(caller): Extension<Caller>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, Problem> {
    let Path(id) = id?;
    let lang = spoken(&site, request.uri(), request.headers())?;
    Shown { site: &site, caller: &caller, id: &id, lang }.answer(StatusCode::OK, None, Written::default()).await
}

/// Where a session's page is.
pub(in crate::web) fn path(id: &str) -> String {
    use std::fmt::Write as _;
    let mut path = "/sessions/".to_owned();
    for byte in id.bytes() {
        match byte {
            // What RFC 3986 §2.3 leaves as it is.
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => path.push(char::from(byte)),
            other => _ = write!(path, "%{other:02X}"),
        }
    }
    path
}

/// What a page is made of.
pub(super) struct Shown<'a> {
    pub(super) site: &'a Site,
    pub(super) caller: &'a Caller,
    pub(super) id: &'a str,
    pub(super) lang: Lang,
}

impl Shown<'_> {
    /// The page once more, with why something was not written.
    pub(super) async fn refused(&self, why: &Unwritten, written: Written) -> Result<Response, Problem> {
        let status = StatusCode::from_u16(Problem::unwritten(why).status).unwrap_or(StatusCode::CONFLICT);
        self.answer(status, Some(why.told(self.lang, &self.site.voice().zone)), written).await
    }

    pub(super) async fn answer(
        &self,
        status: StatusCode,
        message: Option<String>,
        written: Written,
    ) -> Result<Response, Problem> {
        let Self { site, caller, id, lang } = *self;
        let said = Said(lang);
        // With what was refused stands what somebody has written, which nobody else has.
        let renewed = if message.is_some() { Renewed::Never } else { Renewed::Every(10) };
        let mut shown = Page {
            frame: Frame::new(site, &path(id), lang, renewed),
            said,
            title: said.unknown_id().to_owned(),
            state: Verdict::Unknown.as_str(),
            word: None,
            at: None,
            message,
            lines: Vec::new(),
            reported: false,
            survey: None,
            overridden: None,
            together: None,
            machine: None,
            hand: ByHand::of(Verdict::Unknown, lang),
            items: Vec::new(),
            trials: Vec::new(),
            earlier: Vec::new(),
            form: None,
            sign_out: caller.cookie().map(cookies::form_key),
            sign_in: None,
        };
        let now = site.now();
        let status = match Sheet::read(site, id, now).await {
            Ok(sheet) => {
                shown.at = Some(telling::on_the_clock(&site.voice(), now.wall, lang, now.wall, true));
                self.fill(&mut shown, &sheet, written);
                let there = surveys::named(site, std::iter::once(&sheet.session)).await;
                shown.survey = OfPlace::of(&sheet.session, there.as_ref(), lang);
                status
            }
            Err(problem) if problem.status == 404 => StatusCode::NOT_FOUND,
            Err(_) => {
                said.cannot_read().clone_into(&mut shown.title);
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
        let html = shown.render().map_err(|error| Problem::internal(error.to_string()))?;
        let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))];
        let mut response = (status, in_lang(lang), kind, html).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        Ok(response)
    }

    fn fill(&self, shown: &mut Page, sheet: &Sheet, written: Written) {
        let Self { site, caller, lang, .. } = *self;
        let (said, session, now) = (Said(lang), &sheet.session, site.now().wall);
        shown.title.clone_from(&session.title);
        let span =
            format!("{} {} {} {}", said.from(), self.clock(session.start), said.until(), self.clock(session.end));
        shown.lines.push(span);
        if let Some(office) = &session.details.office {
            shown.lines.push(format!("{}: {office}", said.office()));
        }
        if let Some(venue) = &session.details.venue {
            shown.lines.push(format!("{}: {}", said.venue(), venue.name));
        }
        if session.booking == Booking::Cancelled {
            shown.lines.push(said.cancelled().to_owned());
        } else if now >= session.end {
            shown.lines.push(said.over().to_owned());
            shown.reported = true;
        }
        if let Some(judged) = &sheet.judged {
            shown.state = judged.verdict().as_str();
            shown.word = Some(judged.verdict().title(lang));
            shown.overridden = judged.overridden.as_ref().map(|one| self.decision(one));
            shown.together = Some(judged.together.title(lang));
        }
        shown.machine = sheet.machine.as_ref().map(|view| {
            let rendered = site.rendered();
            let (snapshot, voice) = (&rendered.believed, site.voice());
            let needed = view.components.iter().filter(|component| !component.absent);
            let parts = needed.map(|component| {
                let checks = component.checks.iter().flat_map(|at| &view.checks[*at].reasons);
                let reasons = component.reasons.iter().chain(checks);
                let mut remedies: Vec<String> = reasons
                    .filter(|reason| reason.verdict != Verdict::Ready && reason.blocked_by.is_none())
                    .map(|reason| format!("{}. {}", reason.message(lang), voice.remedy(reason, lang)))
                    .collect();
                remedies.dedup();
                Part {
                    title: component.component.title(lang),
                    state: component.verdict.as_str(),
                    word: component.verdict.title(lang),
                    remedies,
                }
            });
            let sentence = telling::sentence(snapshot, view, lang);
            Machine { state: view.verdict.as_str(), sentence, parts: parts.collect() }
        });
        shown.hand = ByHand::of(crate::engine::sheet::hand(&sheet.points), lang);
        shown.items = sheet.points.iter().map(|point| self.row(point, session.start)).collect();
        shown.trials = sheet.trials.iter().map(|held| self.tried(held, session, now)).collect();
        let holds = sheet.judged.as_ref().is_some_and(|judged| judged.overridden.is_some());
        let ended = sheet.overrides.len() - usize::from(holds);
        shown.earlier = sheet.overrides[..ended].iter().map(|one| self.decision(one)).collect();
        let under_way = sheet.trials.last().is_some_and(|held| held.trial.to.is_none());
        // Of one that is over nothing is written, but for the end of a trial that was forgotten.
        let forgotten = under_way && session.booking == Booking::Booked && now >= session.end;
        match (caller.cookie(), caller.name()) {
            (Some(_), Some(_)) if caller.may(Scope::Operate) && sheet.judged.is_none() && !forgotten => {}
            (Some(cookie), Some(name)) if caller.may(Scope::Operate) => {
                let by = if written.by.is_empty() { name.to_owned() } else { written.by.clone() };
                let trial =
                    if under_way { Some("end_trial") } else { Some("begin_trial").filter(|_| now < session.start) };
                shown.form = Some(Form {
                    key: cookies::form_key(cookie),
                    start: session.start.to_string(),
                    by,
                    written,
                    trial,
                    over: now >= session.end,
                    until_start: now < session.start,
                    ends_override: holds,
                    longest: (LONGEST_NAME, LONGEST_FINDINGS, LONGEST_REASON),
                    verdicts: [Verdict::Ready, Verdict::Degraded, Verdict::NotReady]
                        .map(|verdict| (verdict.as_str(), verdict.title(lang))),
                });
            }
            (None, _) => shown.sign_in = Some(path(&session.id)),
            _ if shown.message.is_none() => shown.message = Some(words(lang).not_for_acting.to_owned()),
            _ => {}
        }
    }

    fn row(&self, point: &Point, start: Timestamp) -> Row {
        let said = Said(self.lang);
        let mut told = match point.standing {
            Standing::Done => vec![said.done().to_owned()],
            Standing::Open => vec![said.open().to_owned()],
            Standing::Expired => vec![said.expired().to_owned()],
        };
        if point.late {
            told.push(format!("{} ({} {})", said.late(), said.due(), self.clock(point.due_at)));
        } else if point.standing != Standing::Done {
            told.push(format!("{} {}", said.due(), self.clock(point.due_at)));
        }
        if let Some(newest) = &point.newest {
            let when = self.clock(newest.at);
            let when = if point.until().is_none() { format!("{} {when}", said.taken_back()) } else { when };
            told.push(format!("{when}{}", self.who(&newest.by, &newest.written_by)));
            if newest.at > start {
                told.push(said.after_start().to_owned());
            }
        }
        if let (Standing::Done, Some(until)) = (point.standing, point.until()) {
            told.push(format!("{} {}", said.holds_until(), self.clock(until)));
        }
        if point.item.requirement == Requirement::Advisory {
            told.push(said.only_noted().to_owned());
        }
        let title = point.item.title(self.lang);
        // Green is what is done, and not what is only noted.
        let is_open = point.standing != Standing::Done && point.verdict() == Verdict::Ready;
        let state = if is_open { Verdict::Unknown } else { point.verdict() };
        Row {
            name: point.name.to_string(),
            title: point.site.as_ref().map_or_else(|| title.to_owned(), |site| format!("{title}: {site}")),
            state: state.as_str(),
            told: told.join("; "),
            done: point.standing == Standing::Done,
        }
    }

    fn tried(&self, Held { trial, measured, cut }: &Held, session: &Session, now: Timestamp) -> Tried {
        let said = Said(self.lang);
        let end = match trial.to {
            Some(to) => format!("{} {}", said.until(), self.clock(to)),
            None if trial.held_until(session, now).is_some() => said.under_way().to_owned(),
            None => said.not_ended().to_owned(),
        };
        let who = self.who(&trial.by, trial.ended_by.as_ref().unwrap_or(&trial.by));
        let named = reads_names(self.caller);
        let figure = |one: &Figures| {
            let part = one.part.as_deref().map(|part| format!(" {part}")).unwrap_or_default();
            let [min, mean, max] =
                [one.min, one.mean, one.max].map(|value| number(value, one.quantity.unit, self.lang));
            format!(
                "{} {}{part}: {mean} ({min} – {max}), {} {}",
                one.check,
                one.quantity.title(self.lang),
                one.minutes,
                said.minutes()
            )
        };
        let cut = Some(said.cut().to_owned()).filter(|_| *cut && measured.is_some());
        Tried {
            told: format!("{} {end}{who}", self.clock(trial.from)),
            findings: trial.findings.lines().filter(|_| named).map(str::to_owned).collect(),
            measured: match measured.as_deref() {
                None => vec![said.unread_measured().to_owned()],
                Some([]) => vec![said.no_measured().to_owned()],
                Some(all) => cut.into_iter().chain(all.iter().map(figure)).collect(),
            },
        }
    }

    fn decision(&self, one: &Override) -> Decision {
        let said = Said(self.lang);
        let (from, until) = (self.clock(one.since), self.clock(one.until));
        Decision {
            state: one.verdict.as_str(),
            word: one.verdict.title(self.lang),
            told: format!("{from} {} {until}{}", said.until(), self.who(&one.by, &one.written_by)),
            reason: one.reason.clone(),
        }
    }

    /// Who did something, for those who may know.
    fn who(&self, by: &str, written_by: &str) -> String {
        let said = Said(self.lang);
        match (reads_names(self.caller), by == written_by) {
            (false, _) => String::new(),
            (true, true) => format!(" {} {by}", said.by()),
            (true, false) => format!(" {} {by} ({} {written_by})", said.by(), said.written_by()),
        }
    }

    fn clock(&self, moment: Timestamp) -> String {
        telling::clock(self.site, self.lang, moment)
    }
}
