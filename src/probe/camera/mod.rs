//! `camera`: is a camera there, does it answer, and does somebody use it?
//!
//! Presence and use come from sysfs and procfs, at every interval and when the kernel says that a camera came or went
//! ([`super::uevents`]), and touch no camera. Whether it answers, and in which formats, is asked in a child that can be killed
//! ([`super::child`]), when the set of nodes changed or `requery` has passed, and never
//! while the room is in use: what is in use answers somebody already.

pub(super) mod holder;
pub(super) mod judge;
mod known;
pub(super) mod nodes;
pub(super) mod place;
pub(super) mod query;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use futures_util::future::join_all;

use super::aside::{Aside, READING};
use super::child::{self, Program, Slot};
use super::enrolled::{self, Record};
use super::range::pace;
use super::uevents::Watch;
use super::{Context, Defaults, Roots, until};
use crate::domain::check::LossRule;
use crate::domain::{
    Device, ErrorKind, ErrorTable, Level, Mono, Observation, Period, ProbeError, Quantity, Reading, ReasonDef, Rule,
    Text, Verdict, quantity::Unit,
};
use holder::{Holder, Ours, Purpose};
use known::Known;
use nodes::Node;
use query::Info;

/// The kernel tells at once that a camera was pulled out. It does not tell who opens one, which decides whether tests may run:
/// so polls of 2 s, each a handful of reads in sysfs. A bus that resets loses its devices for a second or two, so bad after 3 s;
/// back only once it has stayed for 10 s, because a bad plug comes and goes.
pub const DEFAULTS: Defaults = Defaults {
    interval: Duration::from_secs(2),
    fresh_for: Duration::from_secs(15),
    bad_for: Duration::from_secs(3),
    good_for: Duration::from_secs(10),
    active: false,
};

/// A healthy camera answers in 10 ms; one that is just waking up, or sits behind a busy hub, in up to a second.
const DEADLINE: Duration = Duration::from_secs(3);

/// When a camera that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(10);

/// How long after a camera's plugging in udev may take to give its node the group that may open it: until then a refusal says
/// nothing, and it is asked again at each look.
const NEW: Duration = Duration::from_secs(5);

static COUNT: Quantity =
    Quantity::gauge("camera_devices", Unit::Count, "Cameras that this check means, present and capturing.")
        .called("Kamera", "Cameras");
static FORMATS: Quantity = Quantity::gauge("camera_formats", Unit::Count, "Pixel formats that a camera offers.")
    .by("device")
    .called("Format gambar kamera", "Formats of the camera");
static IN_USE: Quantity =
    Quantity::gauge("camera_in_use", Unit::Flag, "Whether somebody has a camera open (1) or nobody has (0).")
        .by("device")
        .called("Kamera sedang dipakai", "Camera in use");
static LEFT_BEHIND: Quantity = Quantity::gauge(
    "camera_children_left_behind",
    Unit::Count,
    "Killed device children that still hang in the kernel, each on one camera.",
)
.called("Pembaca kamera yang macet", "Camera readers that hang");

/// What it measures.
pub const QUANTITIES: &[&Quantity] = &[&COUNT, &FORMATS, &IN_USE, &LEFT_BEHIND];

pub(super) static NO_CAMERA: ReasonDef = ReasonDef::new(
    "video.no_camera",
    Text::new("Tidak ada kamera yang terhubung ke komputer", "No camera is connected to the computer"),
    Text::new(
        "Sambungkan kamera ke port USB dan pastikan kabelnya masuk penuh",
        "Connect a camera to a USB port and see that its cable is fully in",
    ),
)
.lasting();

pub(super) static MISSING: ReasonDef = ReasonDef::new(
    "video.camera_missing",
    Text::new("Kamera {device} tidak terhubung", "Camera {device} is not connected"),
    Text::new(
        "Periksa kabel USB dan daya kamera {device}, lalu sambungkan lagi; bila tetap begini, minta petugas TI melihat \"siaga devices\"",
        "Check the USB cable and the power of camera {device} and connect it again; \"siaga devices\" lists what is there",
    ),
)
.lasting();

static UNANSWERING: ReasonDef = ReasonDef::new(
    "video.camera_unanswering",
    Text::new("Kamera {device} terhubung tetapi tidak menjawab", "Camera {device} is connected but does not answer"),
    Text::new(
        "Cabut kamera {device}, tunggu 10 detik, lalu sambungkan lagi; bila tetap begini, nyalakan ulang komputer",
        "Unplug camera {device}, wait 10 seconds and connect it again; if it stays so, restart the computer",
    ),
);

pub(super) static NO_PERMISSION: ReasonDef = ReasonDef::new(
    "siaga.camera_no_permission",
    Text::new(
        "Siaga tidak diizinkan membuka kamera, jadi keadaannya tidak diketahui",
        "Siaga may not open the camera, so its state is not known",
    ),
    Text::new(
        "Minta petugas TI memasukkan pengguna layanan siaga ke grup \"video\"",
        "Ask IT staff to put Siaga's service user into the group \"video\"",
    ),
)
.lasting();

static UNREADABLE: ReasonDef = ReasonDef::new(
    "siaga.camera_unreadable",
    Text::new("Keadaan kamera tidak dapat dibaca", "The camera's state cannot be read"),
    Text::new("Minta petugas TI melihat log Siaga", "Ask IT staff to read Siaga's log"),
);

pub(super) static IN_USE_BY: ReasonDef = ReasonDef::new(
    "video.camera_in_use",
    Text::new("Kamera {device} sedang dipakai oleh {holder}", "Camera {device} is in use by {holder}"),
    Text::new(
        "Tidak perlu tindakan; bila tidak ada rapat, tutup program itu",
        "Nothing to do; if there is no meeting, close that program",
    ),
);

pub(super) static IN_USE_UNSEEN: ReasonDef = ReasonDef::new(
    "video.camera_in_use_unseen",
    Text::new(
        "Kamera {device} sedang dipakai, tidak terlihat oleh siapa",
        "Camera {device} is in use, by whom is not seen",
    ),
    Text::new(
        "Tidak perlu tindakan; bila tidak ada rapat, tutup program yang memakai kamera",
        "Nothing to do; if there is no meeting, close the program that uses the camera",
    ),
);

static NOT_ASKED: ReasonDef = ReasonDef::new(
    "video.camera_not_asked",
    Text::new(
        "Kamera {device} terlihat tetapi belum diperiksa, karena ruangan sedang dipakai",
        "Camera {device} is seen but has not been asked yet, because the room is in use",
    ),
    Text::new(
        "Tidak perlu tindakan; Siaga memeriksanya setelah rapat",
        "Nothing to do; Siaga asks it after the meeting",
    ),
);

/// Why it says what it says.
pub const REASONS: &[&ReasonDef] = &[
    &NO_CAMERA,
    &MISSING,
    &UNANSWERING,
    &NO_PERMISSION,
    &UNREADABLE,
    &IN_USE_BY,
    &IN_USE_UNSEEN,
    &NOT_ASKED,
    &enrolled::CAMERA.other,
    &enrolled::CAMERA.missing,
    &enrolled::CAMERA.part.unread,
];

/// Which failures speak of the equipment, and which of our eyes.
pub static ERRORS: ErrorTable =
    ErrorTable { rows: &[(ErrorKind::Permission, Verdict::Unknown, &NO_PERMISSION)], otherwise: &UNREADABLE };

/// The kind-specific part of a check's config.
#[derive(Clone, Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Which camera: `"auto"` (any), a name from `/dev/v4l/by-id`, a node such as `"/dev/video0"`, a part of the device's name,
    /// or USB vendor and product as `"046d:0825"`.
    #[serde(default = "auto")]
    pub device: String,
    /// How often a camera is asked for its formats, beside whenever something is plugged or unplugged.
    #[serde(default = "requery", deserialize_with = "pace")]
    pub requery: Period,
}

fn auto() -> String {
    "auto".to_owned()
}

/// A camera that hangs without being unplugged is rare, and asking wakes it from its sleep: once a minute.
const fn requery() -> Period {
    Period(Duration::from_mins(1))
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

/// A probe of this kind.
pub struct Probe {
    config: Config,
    context: Context,
    program: Program,
    deadline: Duration,
    known: BTreeMap<String, Known>,
    /// Whether there was a look before.
    has_looked: bool,
    /// When the last look ended.
    looked: Mono,
    watch: Watch,
    record: Record,
    aside: Aside<Vec<Device>>,
}

impl Probe {
    /// A probe that has touched nothing yet.
    pub fn new(config: Config, context: Context) -> Self {
        let (program, deadline) = (Program::device_child(), DEADLINE);
        let record = Record::new(&enrolled::CAMERA.part, context.enrolled.clone());
        let watch = Watch::new(&["video4linux"]);
        let (known, looked) = (BTreeMap::new(), context.clock.mono());
        let aside = Aside::default();
        Self { record, config, context, program, deadline, known, has_looked: false, looked, watch, aside }
    }

    /// Waits until the next observation is due and makes it.
    pub async fn next(&mut self) -> Observation {
        // What did not answer is asked again, however seldom there is a look.
        let again = if self.known.values().any(Known::failed) { self.looked.after(RETRY) } else { Mono::NEVER };
        tokio::select! {
            () = self.watch.due(&self.context) => {}
            () = self.context.clock.sleep_until(again) => {}
        }
        let began = self.context.clock.mono();
        let seen = self.look().await;
        self.looked = self.context.clock.mono();
        match seen {
            Ok(reading) => self.context.read(began, reading),
            Err(error) => self.context.failed(began, error, &ERRORS),
        }
    }

    async fn look(&mut self) -> Result<Reading, ProbeError> {
        let all = list(&self.context.roots)?;
        let wanted = |node: &&Node| node.is(&self.config.device, &self.context.roots);
        let nodes: Vec<Node> = all.iter().filter(wanted).cloned().collect();
        let holders: Vec<Holder> = nodes.iter().map(|node| holder::of(node, &self.context.roots)).collect();
        let held = holders.iter().any(|holder| holder.in_use() == Some(true));
        // Our own "busy" of some time ago is what makes the room seem in use: nobody but another look can take it back.
        // Opening a camera that another has changes nothing for the other.
        let only_by_our_word = !held && self.known.values().any(Known::was_busy);
        let in_use = held || (*self.context.in_use.borrow() && !only_by_our_word);
        // A child that hangs on a camera that was pulled out is remembered until it is gone.
        self.known.retain(|name, known| nodes.iter().any(|node| node.name == *name) || known.place.is_left_behind());
        let now = self.context.clock.mono();
        let came = std::mem::replace(&mut self.has_looked, true);
        for node in &nodes {
            let known = self.known.entry(node.name.clone()).or_default();
            if known.born != node.born {
                (known.born, known.since, known.came) = (node.born, now, came);
                (known.asked, known.answer) = (None, None);
            }
        }
        if !in_use {
            self.ask(&nodes, &all).await;
        }
        let mut reading = judge::reading(&self.config.device, &nodes, &holders, &self.known);
        let left_behind =
            self.known.values_mut().map(|known| known.place.is_left_behind()).filter(|left| *left).count();
        #[allow(clippy::cast_precision_loss, reason = "a handful")]
        reading.measure(&LEFT_BEHIND, left_behind as f64);
        reading.places = nodes.iter().filter_map(Node::place).collect();
        let wanted = &self.config.device;
        // Who they are is asked where it is to be compared, and aside: their serial numbers wait for them.
        let devices = if self.record.is_kept() {
            let cameras = all.into_iter().filter(|node| node.index == 0).collect::<Vec<_>>();
            self.aside.run(READING, move || cameras.iter().map(Node::as_device).collect()).await
        } else {
            Ok(Vec::new())
        };
        // Nothing is said of one that could be any.
        if let Ok(devices) = devices {
            let means = |enrolled: &Device| wanted == "auto" || enrolled.is_meant(wanted);
            self.record.tell(&enrolled::CAMERA, &mut reading, means, || devices);
        }
        Ok(reading)
    }

    /// Asks every node that is due, all at once, each in a child of its own: one that hangs delays no other. A room that comes into
    /// use gets its cameras back at once, and what was not answered is asked after; so it is when a camera comes or goes meanwhile.
    async fn ask(&mut self, nodes: &[Node], all: &[Node]) {
        let (now, requery) = (self.context.clock.mono(), self.config.requery.0);
        let (program, deadline, room) = (&self.program, self.deadline, &self.context.in_use);
        // In use already by our own word alone: nothing comes that could stop it.
        let told = *room.borrow();
        let due = self.known.iter_mut().filter_map(|(name, known)| {
            let node = nodes.iter().find(|node| node.name == *name)?;
            // While `frames` has it, it answers there; and our opening it would look like another's.
            let elsewhere = Ours::has(node, Purpose::Look);
            (known.is_due(node, requery, now) && !elsewhere).then_some((node, known))
        });
        let asked = due.map(|(node, known)| async move {
            let mut room = room.clone();
            let stop = async {
                if told {
                    std::future::pending::<()>().await;
                }
                until(&mut room, true).await;
            };
            let args = ["camera".into(), node.path.clone().into_os_string()];
            if let Some(answer) =
                known.place.ask_unless((node, Purpose::Question), program, &args, deadline, stop).await.transpose()
            {
                (known.asked, known.answer) = (Some(now), Some(answer));
            }
        });
        tokio::select! {
            _ = join_all(asked) => {}
            () = others(&mut self.watch, &self.context, all) => {}
        }
    }
}

/// Waits until other cameras are there than these.
async fn others(watch: &mut Watch, context: &Context, all: &[Node]) {
    let same = |(now, before): (&Node, &Node)| now.name == before.name && now.born == before.born;
    loop {
        watch.hears(context).await;
        // Where it cannot be seen, the next look says so.
        if list(&context.roots).is_ok_and(|now| now.len() != all.len() || !now.iter().zip(all).all(same)) {
            return;
        }
    }
}

pub(super) fn list(roots: &Roots) -> Result<Vec<Node>, ProbeError> {
    nodes::list(roots).map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::PermissionDenied => ErrorKind::Permission,
            _ => ErrorKind::Internal,
        };
        ProbeError::new(kind, format!("class/video4linux: {error}"))
    })
}

/// A camera as `siaga devices` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Present {
    /// Its picture's node.
    pub(crate) path: String,
    /// What to write as `device` in the config.
    pub(crate) device: String,
    /// Its formats, if it was asked and answered.
    pub(crate) formats: Vec<String>,
    /// Whether somebody has it.
    pub(crate) in_use: bool,
    /// By what it is known again.
    pub(crate) known: Device,
}

/// The cameras on this machine, for `siaga devices`. What nobody uses is asked whether it captures at all; what does not answer is
/// taken for what sysfs shows.
///
/// # Errors
/// See [`nodes::list`].
pub(crate) async fn present(roots: &Roots, device_child: &Program) -> io::Result<Vec<Present>> {
    let mut cameras: Vec<(Node, Vec<String>, bool)> = Vec::new();
    for node in nodes::list(roots)? {
        // A further node of a camera that is listed already.
        if node.index != 0 && cameras.iter().any(|(other, ..)| other.device == node.device) {
            continue;
        }
        let in_use = holder::of(&node, roots).in_use() == Some(true);
        let args = ["camera".into(), node.path.clone().into_os_string()];
        let answer: Option<Info> =
            if in_use { None } else { child::ask(&mut Slot::default(), device_child, &args, DEADLINE).await.ok() };
        match answer {
            Some(info) if info.captures => cameras.push((node, info.formats, in_use)),
            None if node.index == 0 => cameras.push((node, Vec::new(), in_use)),
            _ => {}
        }
    }
    let model = |usb: &Option<String>| cameras.iter().map(|(node, ..)| node).filter(|node| node.usb == *usb).collect();
    let device = |node: &Node| {
        let alike: Vec<&Node> = model(&node.usb);
        match (&node.usb, &node.by_id) {
            (Some(usb), _) if alike.len() == 1 => usb.clone(),
            // Two of one model are told apart by serial number. Without one, or with the same, they have one link for both, which leads
            // to the other once the one is pulled out; then the port tells them apart.
            (_, Some(by_id)) if alike.iter().all(|node| node.by_id.is_some()) => by_id.clone(),
            _ => node.at_port().unwrap_or_else(|| format!("/dev/{}", node.name)),
        }
    };
    let shown = |(node, formats, in_use): &(Node, Vec<String>, bool)| Present {
        path: format!("/dev/{}", node.name),
        device: device(node),
        formats: formats.clone(),
        in_use: *in_use,
        known: node.as_device(),
    };
    Ok(cameras.iter().map(shown).collect())
}
