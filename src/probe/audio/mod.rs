//! `audio`: is a microphone there, are loudspeakers there, is the microphone switched on, and does somebody use it?
//!
//! All but the switch comes from `/proc/asound`: no stream is opened, ever. That a program finds a default device proves
//! nothing (there is always one); a card in the kernel's list does.

pub(super) mod cards;
mod judge;
mod mixer;
mod named;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures_util::future::join_all;

use super::aside::{Aside, Late, READING};
use super::child::{Program, Slot};
use super::enrolled::{self, Record};
use super::range::pace;
use super::uevents::Watch;
use super::{Context, Defaults, Roots};
use crate::domain::check::LossRule;
use crate::domain::{
    Device, ErrorKind, ErrorTable, Finding, Level, Mono, Observation, Period, ProbeError, Quantity, Reading, ReasonDef,
    Rule, Text, Verdict, quantity::Unit,
};
use cards::{Card, Direction, Progress};
use mixer::Mixer;
pub use named::{Named, Seen, card_of};
pub(in crate::probe) use named::{is_pcms, wanted, without};

/// The kernel tells at once that a headset was pulled out. It does not tell who records, which decides whether tests may run: so
/// polls of 2 s, each a dozen reads in procfs. Bad after 3 s, which a bus that resets stays
/// under; back only once it has stayed for 10 s, because a bad plug comes and goes.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(2),
    fresh_for: Duration::from_secs(15),
    bad_for: Duration::from_secs(3),
    good_for: Duration::from_secs(10),
    active: false,
};

/// A mixer is read in 5 ms; a USB device that does not answer holds its driver for up to a second a control.
const DEADLINE: Duration = Duration::from_secs(3);

static CARDS: Quantity =
    Quantity::gauge("audio_cards", Unit::Count, "Sound cards that this check means and that are present.")
        .called("Kartu suara", "Sound cards");
static STREAMS: Quantity = Quantity::gauge("audio_streams", Unit::Count, "PCM devices of those cards, by direction.")
    .by("direction")
    .called("Saluran kartu suara", "Streams of the sound cards");
static IN_USE: Quantity =
    Quantity::gauge("audio_in_use", Unit::Flag, "Whether sound runs through any of them (1) or none (0).")
        .by("direction")
        .called("Suara sedang dipakai", "Sound in use");
static SWITCHED_ON: Quantity = Quantity::gauge(
    "audio_capture_switched_on",
    Unit::Flag,
    "Whether the card's mixer lets its microphone through (1) or not (0).",
)
.by("card")
.called("Mikrofon dinyalakan di mixer", "Microphone switched on in the mixer");
static LEFT_BEHIND: Quantity = Quantity::gauge(
    "audio_children_left_behind",
    Unit::Count,
    "Killed mixer readers that still hang in the kernel, each on one card.",
)
.called("Pembaca mixer yang macet", "Mixer readers that hang");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&CARDS, &STREAMS, &IN_USE, &SWITCHED_ON, &LEFT_BEHIND];

static NO_CARD: ReasonDef = ReasonDef::new(
    "audio.no_card",
    Text::new("Tidak ada perangkat suara yang terhubung ke komputer", "No sound device is connected to the computer"),
    Text::new(
        "Sambungkan mikrofon dan pengeras suara (atau headset), lalu tunggu beberapa detik",
        "Connect a microphone and loudspeakers (or a headset), then wait a few seconds",
    ),
)
.lasting();

static MISSING: ReasonDef = ReasonDef::new(
    "audio.card_missing",
    Text::new("Perangkat suara {card} tidak terhubung", "Sound device {card} is not connected"),
    Text::new(
        "Periksa kabel dan daya {card}, lalu sambungkan lagi; bila tetap begini, minta petugas TI melihat \"siaga devices\"",
        "Check the cable and the power of {card} and connect it again; \"siaga devices\" lists what is there",
    ),
)
.lasting();

static NO_CAPTURE: ReasonDef = ReasonDef::new(
    "audio.no_capture",
    Text::new("Tidak ada mikrofon: {card} hanya dapat memutar suara", "There is no microphone: {card} can only play"),
    Text::new("Sambungkan mikrofon atau headset", "Connect a microphone or a headset"),
)
.lasting();

static NO_PLAYBACK: ReasonDef = ReasonDef::new(
    "audio.no_playback",
    Text::new(
        "Tidak ada pengeras suara: {card} hanya dapat merekam",
        "There are no loudspeakers: {card} can only record",
    ),
    Text::new("Sambungkan pengeras suara atau headset", "Connect loudspeakers or a headset"),
)
.lasting();

static MUTED: ReasonDef = ReasonDef::new(
    "audio.microphone_muted",
    Text::new("Mikrofon {card} dimatikan (mute)", "The microphone of {card} is muted"),
    Text::new(
        "Tekan tombol mute pada mikrofon, atau nyalakan mikrofon di pengaturan suara komputer",
        "Press the microphone's mute button, or switch the microphone on in the computer's sound settings",
    ),
);

static VOLUME_LOWEST: ReasonDef = ReasonDef::new(
    "audio.microphone_volume_lowest",
    Text::new("Volume mikrofon {card} paling rendah", "The microphone volume of {card} is at its lowest"),
    Text::new(
        "Naikkan volume mikrofon di pengaturan suara komputer",
        "Turn the microphone volume up in the computer's sound settings",
    ),
);

static UNANSWERING: ReasonDef = ReasonDef::new(
    "audio.card_unanswering",
    Text::new(
        "Perangkat suara {card} terhubung tetapi tidak menjawab",
        "Sound device {card} is connected but does not answer",
    ),
    Text::new(
        "Cabut {card}, tunggu 10 detik, lalu sambungkan lagi; bila tetap begini, nyalakan ulang komputer",
        "Unplug {card}, wait 10 seconds and connect it again; if it stays so, restart the computer",
    ),
);

static IN_USE_BY: ReasonDef = ReasonDef::new(
    "audio.in_use",
    Text::new("Mikrofon {card} sedang dipakai oleh {holder}", "The microphone of {card} is in use by {holder}"),
    Text::new(
        "Tidak perlu tindakan; bila tidak ada rapat, tutup program itu",
        "Nothing to do; if there is no meeting, close that program",
    ),
);

static IN_USE_UNSEEN: ReasonDef = ReasonDef::new(
    "audio.in_use_unseen",
    Text::new(
        "Mikrofon {card} sedang dipakai, tidak terlihat oleh siapa",
        "The microphone of {card} is in use, by whom is not seen",
    ),
    Text::new(
        "Tidak perlu tindakan; bila tidak ada rapat, tutup program yang memakai mikrofon",
        "Nothing to do; if there is no meeting, close the program that uses the microphone",
    ),
);

static MIXER_UNSEEN: ReasonDef = ReasonDef::new(
    "siaga.mixer_unseen",
    Text::new(
        "Tidak dapat melihat apakah mikrofon {card} dimatikan",
        "It cannot be seen whether the microphone of {card} is muted",
    ),
    Text::new(
        "Minta petugas TI memasang paket alsa-utils dan memasukkan pengguna layanan siaga ke grup \"audio\", atau menulis mixer = false",
        "Ask IT staff to install the package alsa-utils and to put Siaga's service user into the group \"audio\", or to write mixer = false",
    ),
)
.lasting();

static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.audio_unreadable",
    Text::new("Keadaan perangkat suara tidak dapat dibaca", "The state of sound devices cannot be read"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &NO_CARD,
    &MISSING,
    &NO_CAPTURE,
    &NO_PLAYBACK,
    &MUTED,
    &VOLUME_LOWEST,
    &UNANSWERING,
    &IN_USE_BY,
    &IN_USE_UNSEEN,
    &MIXER_UNSEEN,
    &UNREADABLE,
    &enrolled::AUDIO.other,
    &enrolled::AUDIO.missing,
    &enrolled::AUDIO.part.unread,
];

/// Which failures speak of the equipment, and which of our eyes. What is missing is no failure of the look: it is a finding.
pub static ERRORS: ErrorTable =
    ErrorTable { rows: &[(ErrorKind::Permission, Verdict::Unknown, &UNREADABLE)], otherwise: &UNREADABLE };

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which sound card: `"auto"` (any that is equipment and not the radio's), its short name, a part of its name or of its place
    /// (`"usb-0000:00:14.0-2"`, which tells twins apart), or USB vendor and product as `"0b0e:0300"`.
    #[serde(default = "auto")]
    pub card: String,
    /// Whether there must be a microphone.
    #[serde(default = "yes")]
    pub capture: bool,
    /// Whether there must be loudspeakers.
    #[serde(default = "yes")]
    pub playback: bool,
    /// Whether to look at the microphone's switch in the card's mixer, by the program `amixer`.
    #[serde(default = "yes")]
    pub mixer: bool,
    /// How often the mixer is looked at, beside whenever something is plugged or unplugged.
    #[serde(default = "requery", deserialize_with = "pace")]
    pub requery: Period,
    /// The radio's cards, which `"auto"` does not mean.
    #[serde(skip)]
    #[schemars(skip)]
    pub radio: Vec<Named>,
}

fn auto() -> String {
    "auto".to_owned()
}

const fn yes() -> bool {
    true
}

/// A look is a process of 5 ms: 0.03 % of a processor, and a mute is seen in good time before a meeting.
const fn requery() -> Period {
    Period(Duration::from_secs(15))
}

impl Config {
    /// Where such a check stands in the tree of root causes.
    pub fn level(&self) -> Level {
        Level::Device
    }

    /// The limits to which its measurements are held.
    pub fn rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// The loss decision.
    pub fn loss(&self) -> Option<LossRule> {
        None
    }
}

/// What is known of one card's mixer.
#[derive(Default)]
struct Known {
    slot: Slot,
    /// The card that was asked; another one may have its number now.
    card: Option<(String, String)>,
    asked: Option<Mono>,
    answer: Option<Result<Mixer, ProbeError>>,
}

/// A probe of this kind.
pub struct Probe {
    config: Config,
    context: Context,
    program: Program,
    deadline: Duration,
    known: BTreeMap<u32, Known>,
    watch: Watch,
    record: Record,
    /// Where the cards are looked at, and how far that has come.
    cards: Aside<io::Result<(Vec<Card>, Vec<Device>)>>,
    progress: Progress,
    heads: Aside<io::Result<Vec<Card>>>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let (program, deadline) = (Program::other("amixer", &[]), DEADLINE);
        let record = Record::new(&enrolled::AUDIO.part, context.enrolled.clone());
        let (known, watch) = (BTreeMap::new(), Watch::new(&["sound"]));
        let (cards, progress, heads) = (Aside::default(), Progress::default(), Aside::default());
        Self { config, context, program, deadline, known, watch, record, cards, progress, heads }
    }

    /// Waits until the next observation is due and makes it.
    pub async fn next(&mut self) -> Observation {
        self.watch.due(&self.context).await;
        let began = self.context.clock.mono();
        match self.look().await {
            Ok(reading) => self.context.read(began, reading),
            Err(error) => self.context.failed(began, error, &ERRORS),
        }
    }

    async fn look(&mut self) -> Result<Reading, ProbeError> {
        let (roots, progress) = (self.context.roots.clone(), self.progress.clone());
        let is_recorded = self.record.is_kept();
        let (radio, card, seen) = (self.config.radio.clone(), self.config.card.clone(), self.context.cards.clone());
        // A card of somebody else's may hang.
        let meant = move |heads: Vec<Card>| wanted(without(heads, &radio), &card, &seen);
        let looked = self.cards.run(self.deadline, move || {
            let all = cards::list_telling(&roots.proc, &progress, meant)?;
            let devices = is_recorded.then(|| all.iter().map(|card| card.as_device(&roots.sys)).collect());
            Ok((all, devices.unwrap_or_default()))
        });
        let (all, devices) = match looked.await {
            Ok(looked) => looked.map_err(|error: io::Error| {
                let kind = match error.kind() {
                    io::ErrorKind::PermissionDenied => ErrorKind::Permission,
                    _ => ErrorKind::Internal,
                };
                ProbeError::new(kind, format!("asound/cards: {error}"))
            })?,
            Err(Late) => return self.unanswering(),
        };
        let mut cards = self.meant(all.clone());
        let (desktop, now) = (&self.context.desktop, self.context.clock.mono());
        let streams = cards.iter_mut().flat_map(|card| &mut card.streams);
        for stream in streams.filter(|stream| stream.direction == Direction::Capture) {
            // What a sound server holds open for nobody is nobody's recording, and the session's agent knows.
            stream.running.take_if(|owner| owner.serves.is_some_and(|user| desktop.is_idle(user, now)));
        }
        self.known
            .retain(|number, known| cards.iter().any(|card| card.number == *number) || known.slot.is_left_behind());
        if self.config.mixer && self.config.capture {
            self.ask(&cards, &all).await;
        }
        let mut reading = judge::reading(&self.config, &cards, &self.known);
        let left_behind = self.known.values_mut().map(|known| known.slot.is_left_behind()).filter(|left| *left).count();
        #[allow(clippy::cast_precision_loss, reason = "a handful")]
        reading.measure(&LEFT_BEHIND, left_behind as f64);
        let (card, sys) = (&self.config.card, &self.context.roots.sys);
        reading.places = cards.iter().filter_map(|card| cards::place_of(card.number, sys)).collect();
        self.record.tell(
            &enrolled::AUDIO,
            &mut reading,
            |enrolled| card == "auto" || enrolled.is_meant(card),
            || devices,
        );
        Ok(reading)
    }

    /// The look has not come back: by the card that it waits for, if the check means that one. Whether somebody records is not known.
    fn unanswering(&self) -> Result<Reading, ProbeError> {
        if let Some((card, all)) = self.progress.at()
            && self.meant(all).iter().any(|meant| meant.number == card.number)
        {
            let mut reading = Reading::default();
            reading.find(Finding::new(&UNANSWERING, Verdict::Degraded).with("card", card.name));
            return Ok(reading);
        }
        Err(ProbeError::new(ErrorKind::Timeout, "asound: no answer"))
    }

    /// Those that the check means.
    fn meant(&self, all: Vec<Card>) -> Vec<Card> {
        let seen = &self.context.cards;
        wanted(without(all, &self.config.radio), &self.config.card, seen)
    }

    /// Looks at the mixers that are due, all at once, each in a child of its own: one that hangs delays no other, nor the word that a
    /// card has come or gone.
    async fn ask(&mut self, cards: &[Card], all: &[Card]) {
        let (now, requery) = (self.context.clock.mono(), self.config.requery.0);
        for card in cards.iter().filter(|card| card.has(Direction::Capture)) {
            let known = self.known.entry(card.number).or_default();
            let identity = (card.id.clone(), card.place.clone());
            if known.card.as_ref() != Some(&identity) {
                (known.card, known.asked, known.answer) = (Some(identity), None, None);
            }
        }
        let (program, deadline, dev) = (&self.program, self.deadline, &self.context.roots.dev);
        let due =
            self.known.iter_mut().filter(|(_, known)| known.asked.is_none_or(|asked| now.since(asked) >= requery));
        let asked = due.map(|(number, known)| async move {
            let args = ["-c".into(), number.to_string().into(), "contents".into()];
            let said = known.slot.run(program, &args, deadline).await;
            let said = said.map_err(|error| no_permission(dev, *number).unwrap_or(error));
            (known.asked, known.answer) =
                (Some(now), Some(said.map(|said| mixer::read(&String::from_utf8_lossy(&said)))));
        });
        tokio::select! {
            _ = join_all(asked) => {}
            () = others(&mut self.watch, &self.context, &mut self.heads, all) => {}
        }
    }
}

/// Waits until other cards are there than these.
async fn others(watch: &mut Watch, context: &Context, heads: &mut Aside<io::Result<Vec<Card>>>, all: &[Card]) {
    let same =
        |(now, before): (&Card, &Card)| (now.number, &now.id, &now.place) == (before.number, &before.id, &before.place);
    loop {
        watch.hears(context).await;
        // Where it cannot be seen, the next look says so.
        let proc = context.roots.proc.clone();
        let now = heads.run(READING, move || cards::heads(&proc)).await;
        if matches!(now, Ok(Ok(now)) if now.len() != all.len() || !now.iter().zip(all).all(same)) {
            return;
        }
    }
}

/// Why amixer failed, where it is for want of a right: it says so only in words.
fn no_permission(dev: &std::path::Path, number: u32) -> Option<ProbeError> {
    let control = dev.join(format!("snd/controlC{number}"));
    let error = rustix::fs::access(&control, rustix::fs::Access::READ_OK).err()?;
    (error == rustix::io::Errno::ACCESS)
        .then(|| ProbeError::new(ErrorKind::Permission, format!("{}: {error}", control.display())))
}

/// The sound cards on this machine, for `siaga devices`.
///
/// # Errors
/// See [`cards::list`].
pub(crate) fn present(roots: &Roots) -> io::Result<Vec<Present>> {
    let cards = cards::list(&roots.proc)?;
    let shown = cards
        .iter()
        .map(|card| {
            let twin = cards.iter().any(|other| other.number != card.number && other.name == card.name);
            // Which of two equal ones is `Headset_1` is a matter of which was plugged in later: the socket tells them apart.
            let place = card.place.rsplit_once(" at ").map(|(_, place)| place.split(',').next().unwrap_or(place));
            Present {
                id: card.id.clone(),
                name: card.name.clone(),
                card: place.filter(|_| twin).unwrap_or(&card.id).to_owned(),
                capture: card.has(Direction::Capture),
                playback: card.has(Direction::Playback),
                software: card.is_software(),
                known: card.as_device(&roots.sys),
            }
        })
        .collect();
    Ok(shown)
}

/// A sound card as `siaga devices` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// Its short name.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// What to write as `card` in the config.
    pub(crate) card: String,
    /// Whether it records.
    pub(crate) capture: bool,
    /// Whether it plays.
    pub(crate) playback: bool,
    /// Whether a program only stands behind it.
    pub(crate) software: bool,
    /// By what it is known again.
    pub(crate) known: Device,
}
