//! Drills, as people order them.

use std::time::Duration;

use tokio::sync::oneshot;

use super::{Desk, No};
use crate::app::drill;
use crate::app::practice::NoDrill;
use crate::app::recorder::{self, Ask};
use crate::domain::reason::fill;
use crate::domain::{Actor, Arg, Lang, Text, Unit};

/// One that is shorter is over before anybody has answered; one that is longer is forgotten.
const SHORTEST: Duration = Duration::from_mins(1);
const LONGEST: Duration = recorder::LONGEST_DRILL;

impl Desk {
    /// Begins one: what to say, and what to write down.
    pub(super) async fn drill(
        &self,
        who: &Actor,
        scene: &str,
        seconds: u64,
        lang: Lang,
    ) -> Result<(String, String), No> {
        let length = Duration::from_secs(seconds);
        let Some(scene) = drill::scene(scene) else {
            let known = drill::ALL.iter().map(|scene| scene.name).collect::<Vec<_>>().join(", ");
            return Err(No::new(&NO_SCENE, &[("known", known.into())], lang, "no such drill"));
        };
        if length < SHORTEST || length > LONGEST {
            return Err(No::new(&LENGTH, &[], lang, "out of range"));
        }
        let (done, answer) = oneshot::channel();
        let begun = self.ask(Ask::Drill { scene, length, done }, answer).await.map_err(|not| not.no(lang))?;
        let begun = begun.map_err(|no| No::new(refusal(no), &[], lang, no.as_str()))?;
        let told = begun.told.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let why = begun.withheld.iter().map(|why| why.title().in_lang(lang)).collect::<Vec<_>>().join(", ");
        let text = if begun.told.is_empty() { &NOBODY } else { &BEGUN };
        let args = [
            ("scene", scene.title.in_lang(lang).into()),
            ("told", told.clone().into()),
            ("why", why.into()),
            ("length", Arg::Number(length.as_secs_f64(), Unit::Seconds)),
        ];
        let sooner = if who.has_commands() { SOONER.in_lang(lang) } else { "" };
        Ok((fill(text.in_lang(lang), &args, lang) + sooner, format!("begun; told: {told}")))
    }

    /// Ends the one that is under way.
    pub(super) async fn end_drill(&self, lang: Lang) -> Result<(String, String), No> {
        let (done, answer) = oneshot::channel();
        if self.ask(Ask::EndDrill(done), answer).await.map_err(|not| not.no(lang))? {
            Ok((ENDED.in_lang(lang).to_owned(), "ended".to_owned()))
        } else {
            Err(No::new(&NONE, &[], lang, "no drill is under way"))
        }
    }
}

const fn refusal(no: NoDrill) -> &'static Text {
    match no {
        NoDrill::Absent => &ABSENT,
        NoDrill::Starting => &super::STARTING,
        NoDrill::Meeting => &MEETING,
        NoDrill::InUse => &IN_USE,
        NoDrill::RealFault => &REAL,
        NoDrill::Another => &ANOTHER,
        NoDrill::NoIncident => &NO_INCIDENT,
    }
}

static NO_SCENE: Text = Text::new(
    "Tidak ada latihan seperti itu; yang ada: {known}",
    "There is no such drill; those that there are: {known}",
);
static LENGTH: Text = Text::new("Latihan berlangsung 1 sampai 30 menit", "A drill lasts 1 to 30 minutes");
static BEGUN: Text = Text::new(
    "Latihan dimulai: {scene}, selama {length}; diberitahukan kepada: {told}",
    "The drill has begun: {scene}, for {length}; told are: {told}",
);
static SOONER: Text = Text::new(". Akhiri lebih awal: siaga drill end", ". To end it sooner: siaga drill end");
static NOBODY: Text = Text::new(
    "Latihan dimulai: {scene}, selama {length}, tetapi tidak ada yang diberi tahu ({why})",
    "The drill has begun: {scene}, for {length}, but nobody is told ({why})",
);
static ENDED: Text = Text::new("Latihan diakhiri", "The drill has ended");
static NONE: Text = Text::new("Tidak ada latihan yang berjalan", "No drill is under way");
static ABSENT: Text = Text::new(
    "Alat itu memang tidak ada di ruangan ini: tidak ada latihan",
    "That equipment is deliberately not in this room: no drill of it",
);
static MEETING: Text = Text::new(
    "Rapat sedang berlangsung atau segera dimulai: tidak ada latihan",
    "A meeting is held or near: no drill now",
);
static IN_USE: Text = Text::new("Ruangan sedang dipakai: tidak ada latihan", "The room is in use: no drill now");
static REAL: Text = Text::new(
    "Ada gangguan sungguhan yang belum ditangani: tidak ada latihan",
    "Something is really wrong and nobody sees to it yet: no drill now",
);
static ANOTHER: Text =
    Text::new("Latihan lain sedang berjalan; akhiri dulu", "Another drill is under way; end it first");
static NO_INCIDENT: Text =
    Text::new("Latihan ini tidak dapat dibuat; lihat log", "This drill cannot be made; the log may tell");
