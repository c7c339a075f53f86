//! What is being done now, for people and for programs: tests, test messages, a drill, trials of booked meetings. Never by whose order.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::doing::{Doing, Task};
use crate::domain::handling::Practised;
use crate::domain::sheet::What;
use crate::domain::{Component, Kind, Lang, Session, Text};
use crate::engine::sheet::trials;

use super::incident_page::handled;
use super::problem::Problem;
use super::query::Query;
use super::site::Site;
use super::telling::on_the_clock;

/// A trial that is under way: of which meeting, since when, and until when at most.
type Trying = (Arc<Session>, Timestamp, Timestamp);

/// What is being done on a page, a line each.
pub(super) struct Line {
    /// What.
    pub(super) what: String,
    /// Since when, until when at most, and at which step.
    pub(super) told: String,
    /// How much of its time it has used; none where its end is nobody's measure.
    pub(super) spent: Option<Spent>,
    /// By which id somebody can say that they see to it; none where nobody has to, or does already.
    pub(super) unseen: Option<String>,
}

/// How much of its time something has used.
pub(super) struct Spent {
    /// When it began, ms since 1970: the page counts on from there.
    pub(super) since: i64,
    /// Until now, s; empty where ages are not told.
    pub(super) value: String,
    /// At most, s.
    pub(super) most: String,
}

/// All of it at this moment; without what counts on, unless `aged`.
pub(super) fn under_way(site: &Site, lang: Lang, aged: bool) -> Vec<Line> {
    let now = site.now().wall;
    let teller = Teller { site, lang, now, aged };
    let doings = Arc::clone(&site.state.doing.borrow());
    let drill = site.state.handling.borrow().drill.clone();
    let mut all: Vec<Line> = doings.values().map(|doing| teller.doing(doing)).collect();
    all.extend(drill.map(|drill| teller.drill(&drill)));
    all.extend(tried(site, now).iter().map(|trying| teller.trial(trying)));
    all
}

struct Teller<'a> {
    site: &'a Site,
    lang: Lang,
    now: Timestamp,
    aged: bool,
}

impl Teller<'_> {
    fn doing(&self, doing: &Doing) -> Line {
        let what = match &doing.what {
            Task::Test(check) => {
                let rendered = self.site.rendered();
                let kind = rendered.believed.check(check.as_str()).map(|view| view.spec.kind);
                format!("{} {check}", kind.map_or(&TEST, of_kind).in_lang(self.lang))
            }
            Task::Message(receiver) => format!("{} {receiver}", MESSAGE.in_lang(self.lang)),
        };
        let mut told = self.span(doing.since, doing.until);
        if let Some((step, of)) = doing.step {
            let [word, from] = [&STEP, &OF].map(|text| text.in_lang(self.lang));
            told = format!("{told}; {word} {step} {from} {of}");
        }
        Line { what, told, spent: Some(self.spent(doing.since, doing.until)), unseen: None }
    }

    fn drill(&self, drill: &Practised) -> Line {
        let what = format!("{} {}", DRILL.in_lang(self.lang), scene(self.site, drill, self.lang));
        let (since, id) = (drill.incident.opened_at, &drill.incident.id);
        let told = format!("{}; {}", self.span(since, drill.until), handled(self.site, &drill.incident, self.lang));
        let seen = self.site.state.handling.borrow().of(id).acknowledged_at.is_some();
        Line { what, told, spent: Some(self.spent(since, drill.until)), unseen: (!seen).then(|| id.clone()) }
    }

    fn trial(&self, (session, since, until): &Trying) -> Line {
        let what = format!("{} {}", TRIAL.in_lang(self.lang), session.title);
        Line { what, told: self.span(*since, *until), spent: None, unseen: None }
    }

    fn span(&self, since: Timestamp, until: Timestamp) -> String {
        let [from, to] = [&SINCE, &UNTIL].map(|text| text.in_lang(self.lang));
        let voice = self.site.voice();
        let [since, until] = [since, until].map(|at| on_the_clock(&voice, self.now, self.lang, at, true));
        format!("{from} {since}, {to} {until}")
    }

    fn spent(&self, since: Timestamp, until: Timestamp) -> Spent {
        let seconds = |span: jiff::SignedDuration| format!("{:.1}", span.as_secs_f64().max(0.0));
        Spent {
            since: since.as_millisecond(),
            value: if self.aged { seconds(self.now.min(until).duration_since(since)) } else { String::new() },
            most: seconds(until.duration_since(since)),
        }
    }
}

/// What is practised, in words.
pub(super) fn scene(site: &Site, drill: &Practised, lang: Lang) -> &'static str {
    let scenes = site.state.acts.choices(lang).scenes;
    let scene = scenes.into_iter().find(|(name, _)| *name == &*drill.scene).map(|(_, title)| title);
    scene.unwrap_or(drill.incident.component.title(lang))
}

/// The trials of meetings that are not over, by their run sheets.
fn tried(site: &Site, now: Timestamp) -> Vec<Trying> {
    let agenda = site.state.bookings.agenda();
    let entries = &agenda.sheets().entries;
    let begun = entries.iter().filter(|entry| matches!(entry.what, What::TrialBegins));
    let begun: HashSet<&str> = begun.map(|entry| &*entry.session).collect();
    if begun.is_empty() {
        return Vec::new();
    }
    let held = agenda.booked().filter(|session| now < session.end && begun.contains(&*session.id));
    let under_way = held.filter_map(|session| {
        let last = trials(session, entries).pop()?;
        Some((Arc::clone(session), last.from, last.held_until(session, now)?))
    });
    under_way.collect()
}

/// What the test of a kind is, before the check's name.
const fn of_kind(kind: Kind) -> &'static Text {
    match kind {
        Kind::Bandwidth => &RATE,
        Kind::Stamp => &PATH,
        Kind::Relay => &RELAY,
        Kind::Frames => &PICTURE,
        Kind::Microphone => &MICROPHONE,
        Kind::Loopback => &SOUND,
        _ => &TEST,
    }
}

static TEST: Text = Text::new("Uji", "Test of");
static RATE: Text = Text::new("Uji kecepatan internet:", "Test of the internet's rate:");
static PATH: Text = Text::new("Uji panggilan:", "Call test:");
static RELAY: Text = Text::new("Uji jalur lewat server relay:", "Test of the path through a relay server:");
static PICTURE: Text = Text::new("Uji gambar kamera:", "Test of the cameras' pictures:");
static MICROPHONE: Text = Text::new("Uji mikrofon:", "Test of the microphone:");
static SOUND: Text =
    Text::new("Uji suara dari pengeras suara ke mikrofon:", "Test of sound from loudspeaker to microphone:");
static MESSAGE: Text = Text::new("Pesan uji ke", "Test message to");
static DRILL: Text = Text::new("Latihan gangguan:", "Drill:");
static TRIAL: Text = Text::new("Uji coba rapat:", "Trial of the meeting:");
static SINCE: Text = Text::new("sejak", "since");
static UNTIL: Text = Text::new("paling lambat sampai", "until at the latest");
static STEP: Text = Text::new("langkah", "step");
static OF: Text = Text::new("dari", "of");

/// Which step of how many.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StepBody {
    /// The one that is made now, from 1.
    pub now: u32,
    /// How many there are.
    pub of: u32,
}

/// A test that runs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunningTest {
    /// The check's name.
    pub check: String,
    /// Its kind; null where the config has just lost it, as `component`.
    pub kind: Option<Kind>,
    /// Of which component.
    pub component: Option<Component>,
    /// When it began.
    #[schema(format = DateTime)]
    pub since: String,
    /// When it has ended at the latest.
    #[schema(format = DateTime)]
    pub until: String,
    /// At which step it is; null where it has none.
    pub step: Option<StepBody>,
}

/// A test message that is on its way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunningMessage {
    /// To whom.
    pub receiver: String,
    /// When it was ordered.
    #[schema(format = DateTime)]
    pub since: String,
    /// Until when it is waited for at the latest.
    #[schema(format = DateTime)]
    pub until: String,
}

/// A drill that is under way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunningDrill {
    /// What is practised.
    pub scene: String,
    /// By which id somebody says that they see to it (`POST /api/v1/incidents/{id}/ack`); it is no incident of the room's.
    pub incident: String,
    /// Of which component.
    pub component: Component,
    /// When it began.
    #[schema(format = DateTime)]
    pub since: String,
    /// When it ends by itself.
    #[schema(format = DateTime)]
    pub until: String,
}

/// A trial that is under way.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunningTrial {
    /// Of which session.
    pub session: String,
    /// When it began.
    #[schema(format = DateTime)]
    pub since: String,
    /// When it is taken for forgotten at the latest: two hours after it began, or when the meeting ends.
    #[schema(format = DateTime)]
    pub until: String,
}

/// What is being done now.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct RunningBody {
    /// Tests of active checks, whoever or whatever asked for them.
    pub tests: Vec<RunningTest>,
    /// Test messages.
    pub messages: Vec<RunningMessage>,
    /// What is practised; null while nothing is.
    pub drill: Option<RunningDrill>,
    /// Trials of booked sessions, by their run sheets.
    pub trials: Vec<RunningTrial>,
}

/// What is being done now, by whosever order: tests, test messages, a drill, trials.
///
/// # Errors
/// A query.
#[utoipa::path(get, path = "/api/v1/running", responses(
    (status = 200, description = "What is being done; empty lists and null where nothing is.", body = RunningBody),
))]
pub(super) async fn running(State(site): State<Arc<Site>>, uri: Uri) -> Result<Json<RunningBody>, Problem> {
    Query::read(&uri, &[])?;
    let (voice, rendered) = (site.voice(), site.rendered());
    let mut body = RunningBody::default();
    for doing in site.state.doing.borrow().values() {
        let (since, until) = (voice.stamp(doing.since), voice.stamp(doing.until));
        match &doing.what {
            Task::Test(check) => {
                let spec = rendered.believed.check(check.as_str()).map(|view| &view.spec);
                body.tests.push(RunningTest {
                    check: check.to_string(),
                    kind: spec.map(|spec| spec.kind),
                    component: spec.map(|spec| spec.component),
                    since,
                    until,
                    step: doing.step.map(|(now, of)| StepBody { now, of }),
                });
            }
            Task::Message(receiver) => {
                body.messages.push(RunningMessage { receiver: receiver.to_string(), since, until });
            }
        }
    }
    body.drill = site.state.handling.borrow().drill.as_ref().map(|drill| RunningDrill {
        scene: drill.scene.to_string(),
        incident: drill.incident.id.clone(),
        component: drill.incident.component,
        since: voice.stamp(drill.incident.opened_at),
        until: voice.stamp(drill.until),
    });
    let trials = tried(&site, site.now().wall).into_iter().map(|(session, since, until)| RunningTrial {
        session: session.id.to_string(),
        since: voice.stamp(since),
        until: voice.stamp(until),
    });
    body.trials = trials.collect();
    Ok(Json(body))
}
