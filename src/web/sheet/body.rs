//! What a run sheet looks like in requests and answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::sheet::What;
use crate::domain::{Booking, Lang, Now, Requirement, Snapshot, Verdict};
use crate::engine::sheet::{Figures, Judged, Override, Point, Standing};
use crate::web::body::{ComponentBody, Reader, ReasonBody};
use crate::web::booked::HolderBody;
use crate::web::{Voice, telling};

use super::{Held, Sheet};

/// A tick, or that it is taken back.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
pub struct TickWish {
    /// Whether it is so: `false` takes a tick back.
    #[schema(required)]
    pub done: Option<bool>,
    /// Who has checked it. It stands on the sheet, in the report and in the audit alone.
    #[schema(required)]
    pub by: String,
}

/// The beginning or the end of a trial.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
pub struct TrialWish {
    /// `begin` or `end`.
    #[schema(required)]
    pub act: Option<TrialAct>,
    /// Who holds it.
    #[schema(required)]
    pub by: String,
    /// What was found, when it ends.
    pub findings: Option<String>,
}

/// What is done of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialAct {
    /// It begins.
    Begin,
    /// It ends.
    End,
}

/// Somebody's word against what machine and hand say, or its end.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default, expecting = "an object")]
pub struct OverrideWish {
    /// For what the session is taken; without it the override that holds ends.
    pub verdict: Option<Verdict>,
    /// Who answers for it.
    #[schema(required)]
    pub by: String,
    /// Why.
    #[schema(required)]
    pub reason: String,
    /// Until when, at most the session's end; RFC 3339 with offset. Needed with `verdict`.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub until: Option<Timestamp>,
}

/// A run sheet. Names, findings and the journal are told to those who may act or book, and are null or empty for others.
#[derive(Serialize, ToSchema)]
pub struct SheetBody {
    /// Of which session.
    pub session: HolderBody,
    /// Whether it takes place.
    pub state: Booking,
    /// When this was so.
    #[schema(format = DateTime)]
    pub at: String,
    /// What the session is taken for: `together`, unless somebody says otherwise. Null where it is over or cancelled.
    pub verdict: Option<Verdict>,
    /// What is measured and what was checked by hand, together: the worse of both.
    pub together: Option<Verdict>,
    /// What is measured; no override changes it.
    pub machine: Option<MachineBody>,
    /// What was checked by hand. From the start on no tick runs out any more; what was written down since then counts too.
    pub hand: HandBody,
    /// Somebody's word against that, while it holds.
    #[serde(rename = "override")]
    pub overridden: Option<OverrideBody>,
    /// All overrides, oldest first, each until it ended.
    pub overrides: Vec<OverrideBody>,
    /// The trials, oldest first.
    pub trials: Vec<TrialBody>,
    /// All that was written, oldest first.
    pub journal: Vec<EntryBody>,
}

/// What is measured for a session, as it stands now.
#[derive(Serialize, ToSchema)]
pub struct MachineBody {
    /// What is said of the room.
    pub verdict: Verdict,
    /// The same as a sentence.
    pub summary: String,
    /// Reasons of the room itself, which no check carries.
    pub reasons: Vec<ReasonBody>,
    /// The components, in the procedure's order.
    pub components: Vec<ComponentBody>,
}

/// What is checked by hand.
#[derive(Serialize, ToSchema)]
pub struct HandBody {
    /// What it makes of the session.
    pub verdict: Verdict,
    /// What there is to check, in the config's order.
    pub items: Vec<ItemBody>,
}

/// Something that is checked by hand.
#[derive(Serialize, ToSchema)]
pub struct ItemBody {
    /// Its name in the path that ticks it: the config's key, with the site behind a colon where it is of one.
    #[schema(example = "attendance:Camat Badau")]
    pub item: String,
    /// What is checked, in the language asked for.
    pub title: String,
    /// Of which site.
    pub site: Option<String>,
    /// Whether it counts.
    pub requirement: Requirement,
    /// The task of the crew to which it belongs.
    pub task: Option<String>,
    /// When it is due.
    #[schema(format = DateTime)]
    pub due_at: String,
    /// How it stands.
    pub state: Standing,
    /// Whether it is due, and is not done.
    pub late: bool,
    /// What it makes of the session.
    pub verdict: Verdict,
    /// When it was ticked, or the tick taken back.
    #[schema(format = DateTime)]
    pub at: Option<String>,
    /// Until when the tick holds.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// Who said so.
    pub by: Option<String>,
    /// Who wrote it down.
    pub written_by: Option<String>,
}

/// Somebody's word against what machine and hand say.
#[derive(Clone, Serialize, ToSchema)]
pub struct OverrideBody {
    /// For what the session is taken.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Since when.
    #[schema(format = DateTime)]
    pub since: String,
    /// Until when.
    #[schema(format = DateTime)]
    pub until: String,
    /// Who answers for it.
    pub by: Option<String>,
    /// Who wrote it down.
    pub written_by: Option<String>,
}

/// Without what people wrote: what is debugged ends in a log.
impl std::fmt::Debug for OverrideBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OverrideBody")
            .field("verdict", &self.verdict)
            .field("until", &self.until)
            .finish_non_exhaustive()
    }
}

/// A trial.
#[derive(Serialize, ToSchema)]
pub struct TrialBody {
    /// When it began.
    #[schema(format = DateTime)]
    pub from: String,
    /// When it ended; null while nobody has ended it.
    #[schema(format = DateTime)]
    pub to: Option<String>,
    /// Whether it is being held: one that nobody has ended for two hours was forgotten.
    pub under_way: bool,
    /// Who held it.
    pub by: Option<String>,
    /// Who ended it.
    pub ended_by: Option<String>,
    /// What was found.
    pub findings: Option<String>,
    /// What was measured in the minutes that lie wholly in it; null where that cannot be read. The newest minute is there some ten
    /// seconds after its end.
    pub measured: Option<Vec<FiguresBody>>,
    /// Whether minutes of it are missing in `measured`: one that nobody has ended is measured for two hours, and none for more than a
    /// day.
    pub incomplete: bool,
}

/// What was measured of one quantity of one check.
#[derive(Serialize, ToSchema)]
pub struct FiguresBody {
    /// By which check.
    pub check: String,
    /// What.
    pub quantity: &'static str,
    /// Which part of it, where it has parts.
    pub part: Option<String>,
    /// The unit: always a base unit.
    pub unit: &'static str,
    /// In so many minutes.
    pub minutes: u64,
    /// The smallest value.
    pub min: f64,
    /// The mean, each minute weighing as much as it has values.
    pub mean: f64,
    /// The greatest value.
    pub max: f64,
}

/// One row of the journal.
#[derive(Serialize, ToSchema)]
pub struct EntryBody {
    /// When it was written.
    #[schema(format = DateTime)]
    pub at: String,
    /// `tick`, `untick`, `trial_begins`, `trial_ends`, `override`, `override_ends`.
    pub what: &'static str,
    /// Of what, where it is a tick.
    pub item: Option<String>,
    /// Who did it, or answers for it.
    pub by: String,
    /// Who wrote it down.
    pub written_by: String,
}

/// What is said of a session beside what is measured.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StandingBody {
    /// What the session is taken for.
    pub verdict: Verdict,
    /// By what was checked by hand.
    pub hand: Verdict,
    /// By what is measured and what was checked by hand.
    pub together: Verdict,
    /// Somebody's word against that.
    #[serde(rename = "override")]
    pub overridden: Option<OverrideBody>,
}

impl StandingBody {
    /// Without names.
    pub fn of(judged: &Judged, voice: &Voice) -> Self {
        Self {
            verdict: judged.verdict(),
            hand: judged.hand,
            together: judged.together,
            overridden: judged.overridden.as_ref().map(|one| OverrideBody::of(one, false, voice)),
        }
    }
}

impl OverrideBody {
    pub(super) fn of(one: &Override, named: bool, voice: &Voice) -> Self {
        Self {
            verdict: one.verdict,
            reason: one.reason.clone(),
            since: voice.stamp(one.since),
            until: voice.stamp(one.until),
            by: named.then(|| one.by.to_string()),
            written_by: named.then(|| one.written_by.to_string()),
        }
    }
}

/// How a sheet is told.
pub(super) struct Telling<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) voice: &'a Voice,
    pub(super) now: Now,
    pub(super) lang: Lang,
    /// Whether names are.
    pub(super) named: bool,
}

impl Telling<'_> {
    pub(super) fn sheet(&self, sheet: &Sheet) -> SheetBody {
        let Self { snapshot, voice, now, lang, named } = *self;
        let reader = Reader { snapshot, now, lang, voice };
        let machine = sheet.machine.as_ref().map(|view| MachineBody {
            verdict: view.verdict,
            summary: telling::sentence(snapshot, view, lang),
            reasons: reader.reasons(&view.reasons),
            components: view.components.iter().map(|component| reader.component(view, component)).collect(),
        });
        let one = |one: &Override| OverrideBody::of(one, named, voice);
        let trial = |Held { trial, measured, cut }: &Held| TrialBody {
            from: voice.stamp(trial.from),
            to: trial.to.map(|to| voice.stamp(to)),
            under_way: trial.held_until(&sheet.session, now.wall).is_some(),
            by: named.then(|| trial.by.to_string()),
            ended_by: trial.ended_by.as_ref().filter(|_| named).map(ToString::to_string),
            findings: Some(trial.findings.clone()).filter(|_| named && trial.to.is_some()),
            measured: measured.as_ref().map(|all| all.iter().map(figures).collect()),
            incomplete: *cut,
        };
        let journal = sheet.written.entries.iter().filter(|_| named).map(|entry| EntryBody {
            at: voice.stamp(entry.at),
            what: entry.what.word(),
            item: match &entry.what {
                What::Tick { item, .. } | What::Untick { item } => Some(item.to_string()),
                _ => None,
            },
            by: entry.by.to_string(),
            written_by: entry.written_by.to_string(),
        });
        let judged = sheet.judged.as_ref();
        SheetBody {
            session: HolderBody::of(&sheet.session, voice),
            state: sheet.session.booking,
            at: voice.stamp(now.wall),
            verdict: judged.map(Judged::verdict),
            together: judged.map(|judged| judged.together),
            machine,
            hand: HandBody {
                verdict: crate::engine::sheet::hand(&sheet.points),
                items: sheet.points.iter().map(|point| self.item(point)).collect(),
            },
            overridden: judged.and_then(|judged| judged.overridden.as_ref()).map(one),
            overrides: sheet.overrides.iter().map(one).collect(),
            trials: sheet.trials.iter().map(trial).collect(),
            journal: journal.collect(),
        }
    }

    fn item(&self, point: &Point) -> ItemBody {
        let Self { voice, lang, named, .. } = *self;
        let newest = point.newest.as_ref();
        ItemBody {
            item: point.name.to_string(),
            title: point.item.title(lang).to_owned(),
            site: point.site.clone(),
            requirement: point.item.requirement,
            task: point.item.task.as_ref().map(ToString::to_string),
            due_at: voice.stamp(point.due_at),
            state: point.standing,
            late: point.late,
            verdict: point.verdict(),
            at: newest.map(|entry| voice.stamp(entry.at)),
            until: point.until().map(|until| voice.stamp(until)),
            by: newest.filter(|_| named).map(|entry| entry.by.to_string()),
            written_by: newest.filter(|_| named).map(|entry| entry.written_by.to_string()),
        }
    }
}

fn figures(one: &Figures) -> FiguresBody {
    FiguresBody {
        check: one.check.to_string(),
        quantity: one.quantity.name,
        part: one.part.as_ref().map(ToString::to_string),
        unit: one.quantity.unit.as_str(),
        minutes: one.minutes,
        min: one.min,
        mean: one.mean,
        max: one.max,
    }
}
