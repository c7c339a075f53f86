//! The matrix's rows: what goes wrong, how it is done and undone, and exactly what must be told of it.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "the methods are of one stage's lifetime, the functions of any"
)]

use super::stage::Stage;
use crate::cameras::stream;
use crate::equipment::Camera;
use crate::hearing::{noise, signal, sine};

/// What the room is at meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Nobody is there.
    Idle,
    /// A program records, as in a call.
    InUse,
}

const BOTH: &[Phase] = &[Phase::Idle, Phase::InUse];

/// What is told of a check: its name, verdict, and every reason that counts. A note counts where it is all that is told.
pub(super) type Told = (&'static str, &'static str, &'static [&'static str]);

/// What is done to the room.
type Act = fn(&Stage<'_>);

/// A fault, on one component.
pub(super) struct Row {
    /// In the table's words.
    pub(super) fault: &'static str,
    /// Whose fault it is.
    pub(super) component: &'static str,
    /// What must be told, the fault's own check first.
    pub(super) told: &'static [Told],
    /// Checks that fail along, and say which one explains them.
    pub(super) explained: &'static [&'static str],
    /// The root cause that must be told; none for what leaves the room ready.
    pub(super) cause: Option<&'static str>,
    /// Whether it is part of `make test`.
    pub(super) reduced: bool,
    /// When it can be had: some faults end the room's use, some are one, some need one.
    pub(super) phases: &'static [Phase],
    /// What must be so before, and is no part of the fault.
    pub(super) prepare: Act,
    pub(super) apply: Act,
    pub(super) clear: Act,
}

impl Row {
    const fn new(fault: &'static str, component: &'static str, told: &'static [Told]) -> Self {
        let cause = Some(told[0].0);
        let nothing: Act = |_| {};
        let (prepare, apply, clear) = (nothing, nothing, nothing);
        Self { fault, component, told, explained: &[], cause, reduced: false, phases: BOTH, prepare, apply, clear }
    }

    const fn by(self, apply: Act, clear: Act) -> Self {
        Self { apply, clear, ..self }
    }

    const fn after(self, prepare: Act) -> Self {
        Self { prepare, ..self }
    }

    const fn explaining(self, explained: &'static [&'static str]) -> Self {
        Self { explained, ..self }
    }

    const fn reduced(self) -> Self {
        Self { reduced: true, ..self }
    }

    const fn harmless(self) -> Self {
        Self { cause: None, ..self }
    }

    const fn only(self, phases: &'static [Phase]) -> Self {
        Self { phases, ..self }
    }

    /// Checks that may turn red by it.
    pub(super) fn concerns(&self, check: &str) -> bool {
        self.told.iter().any(|(name, ..)| *name == check) || self.explained.contains(&check)
    }
}

const RECORDED: Camera = Camera::Usb("CAM0001");
const REPLACEMENT: Camera = Camera::Usb("CAM0002");
const TEST: Camera = Camera::Vivid(0);

/// A pattern that moves, as the room's test camera has it when nothing is wrong.
pub(super) const GOOD_PICTURE: &str = "test_pattern=0,osd_text_mode=0,brightness=170,horizontal_movement=6";

fn picture(stage: &Stage<'_>, controls: &str) {
    let node = stage.lab.camera(TEST).node();
    stage.lab.sh(&format!("v4l2-ctl -d {node} --set-ctrl {controls}"));
}

/// Faults of cameras, sound cards, a line with a far end in a namespace, and a disk.
pub(super) static EQUIPMENT: &[Row] = &[
    Row::new(
        "camera pulled out",
        "video",
        &[("camera", "not_ready", &["video.camera_missing"]), ("picture", "not_ready", &["video.camera_missing"])],
    )
    .by(|stage| stage.lab.camera(TEST).unplug(), |stage| stage.restore_test_camera())
    .reduced(),
    Row::new("USB camera pulled out", "video", &[("usb_camera", "not_ready", &["video.camera_missing"])])
        .by(|stage| stage.lab.camera(RECORDED).unplug(), |stage| stage.lab.camera(RECORDED).replug())
        .reduced(),
    Row::new("USB camera replaced by a twin", "video", &[("usb_camera", "degraded", &["video.camera_other"])])
        .after(|stage| stage.enroll())
        .by(
            |stage| {
                stage.lab.camera(RECORDED).unplug();
                stage.lab.camera(REPLACEMENT).replug();
            },
            |stage| {
                stage.lab.camera(REPLACEMENT).unplug();
                stage.lab.camera(RECORDED).replug();
            },
        ),
    Row::new("USB camera held by another program", "video", &[("usb_camera", "ready", &["video.camera_in_use"])])
        .by(|stage| stage.keep(stream(stage.lab, &stage.lab.camera(RECORDED).node())), |stage| stage.end_kept())
        .harmless()
        .only(&[Phase::Idle]),
    Row::new("camera sends nothing", "video", &[("picture", "not_ready", &["video.camera_dead"])])
        .by(|stage| stage.lab.camera(TEST).freeze(true), |stage| stage.lab.camera(TEST).freeze(false)),
    Row::new("picture repeats for ever", "video", &[("picture", "not_ready", &["video.frame_frozen"])])
        .by(|stage| picture(stage, "osd_text_mode=2,horizontal_movement=3"), |stage| picture(stage, GOOD_PICTURE)),
    Row::new("picture black", "video", &[("picture", "not_ready", &["video.frame_black"])])
        .by(
            |stage| picture(stage, "test_pattern=5,osd_text_mode=2,brightness=128"),
            |stage| picture(stage, GOOD_PICTURE),
        )
        .reduced(),
    Row::new("USB controller gone", "computer", &[("usb", "not_ready", &["computer.usb_bus_missing"])])
        .explaining(&["usb_camera"])
        .by(
            |stage| stage.lab.usb().dies(),
            |stage| {
                stage.lab.usb().revives();
                stage.lab.camera(RECORDED).replug();
            },
        )
        .reduced(),
    Row::new("sound card pulled out", "audio", &[("audio", "not_ready", &["audio.card_missing"])])
        .by(
            |stage| stage.lab.card().unplug(),
            |stage| {
                stage.lab.card().replug();
                stage.lab.card().mute(false);
            },
        )
        .reduced()
        .only(&[Phase::Idle]),
    Row::new("microphone switched off", "audio", &[("audio", "not_ready", &["audio.microphone_muted"])])
        .by(|stage| stage.lab.card().mute(true), |stage| stage.lab.card().mute(false))
        .reduced()
        .only(&[Phase::Idle]),
    Row::new("microphone switched off by who records", "audio", &[("audio", "degraded", &["audio.microphone_muted"])])
        .by(|stage| stage.lab.card().mute(true), |stage| stage.lab.card().mute(false))
        .only(&[Phase::InUse]),
    Row::new("microphone silent", "audio", &[("microphone", "not_ready", &["audio.microphone_silent"])])
        .by(|stage| stage.player().hush(), |stage| stage.player().play(&noise(0.005)))
        .reduced(),
    Row::new("microphone far too quiet", "audio", &[("microphone", "degraded", &["audio.microphone_quiet"])])
        .by(|stage| stage.player().play(&noise(2.0 / 32_768.0)), |stage| stage.player().play(&noise(0.005))),
    Row::new("microphone overdriven", "audio", &[("microphone", "degraded", &["audio.microphone_clipped"])]).by(
        |stage| stage.player().play(&signal(|time| sine(440.0, 4.0)(time).clamp(-1.0, 1.0))),
        |stage| stage.player().play(&noise(0.005)),
    ),
    Row::new("cable without carrier", "internet", &[("link", "not_ready", &["internet.link_down"])])
        .explaining(&["gateway", "far", "other"])
        .by(|stage| stage.lab.wan().down(), |stage| stage.sh("ip -n wan link set wan0 up"))
        .reduced(),
    Row::new("default route gone", "internet", &[("link", "not_ready", &["internet.no_gateway"])])
        .explaining(&["gateway", "far", "other"])
        .by(
            |stage| stage.sh("ip route del default"),
            |stage| stage.sh("ip route add default via 198.51.100.2 dev line0"),
        ),
    Row::new("router silent", "internet", &[("gateway", "not_ready", &["internet.target_silent"])])
        .explaining(&["far", "other"])
        .by(|stage| drop(stage.lab.wan().loss(100)), |stage| stage.lab.wan().unimpaired()),
    Row::new("one far end gone", "internet", &[("far", "not_ready", &["internet.target_silent"])])
        .by(
            |stage| stage.sh("ip -n wan address del 198.51.100.10/32 dev lo"),
            |stage| stage.sh("ip -n wan address add 198.51.100.10/32 dev lo"),
        )
        .reduced(),
    Row::new("30 % of packets lost", "internet", &[("gateway", "not_ready", &["internet.loss_high"])])
        .explaining(&["far", "other"])
        .by(|stage| drop(stage.lab.wan().loss(30)), |stage| stage.lab.wan().unimpaired()),
    Row::new(
        "400 ms of delay",
        "internet",
        &[("far", "degraded", &["internet.delay_high"]), ("other", "degraded", &["internet.delay_high"])],
    )
    .by(|stage| stage.lab.wan().creep(0, 400), |stage| stage.lab.wan().creep(400, 0)),
    Row::new("disk read-only", "computer", &[("computer", "not_ready", &["computer.disk_read_only"])])
        .by(|stage| stage.sh("mount -o remount,ro /srv"), |stage| stage.sh("mount -o remount,rw /srv"))
        .reduced(),
    Row::new("disk full", "computer", &[("computer", "not_ready", &["computer.disk_low"])]).by(
        |stage| stage.sh("head -c 40000000 /dev/zero > /srv/full 2>/dev/null || true"),
        |stage| stage.sh("rm /srv/full"),
    ),
    Row::new("memory nearly used up", "computer", &[("computer", "degraded", &["computer.memory_low"])])
        .by(|stage| stage.sh(super::stage::HOARD), |stage| stage.sh("umount /hoard")),
    Row::new("disk not mounted", "computer", &[("computer", "degraded", &["computer.mount_missing"])])
        .by(|stage| stage.sh("umount /srv"), |stage| stage.sh(super::stage::MOUNT_SRV)),
];

/// A line that carries too little: only a transfer shows it.
pub(super) static RATE: &[Row] =
    &[Row::new("2 Mbit/s upwards", "internet", &[("bandwidth", "degraded", &["internet.up_low"])])
        .by(|stage| drop(stage.lab.wan().rate(2)), |stage| drop(stage.lab.wan().rate(super::stage::LINE)))];

/// Faults of a UPS and NUT, of a network card's cable, and of the clock's steering, in the guest with systemd.
pub(super) static SYSTEM: &[Row] = &[
    Row::new("mains gone", "power", &[("ups", "degraded", &["power.on_battery", "power.voltage_low"])])
        .by(|stage| stage.lab.ups().on_battery(14400), |stage| stage.lab.ups().on_mains())
        .reduced(),
    Row::new(
        "mains gone, a minute of battery",
        "power",
        &[("ups", "not_ready", &["power.runtime_short_on_battery", "power.on_battery", "power.voltage_low"])],
    )
    .by(|stage| stage.lab.ups().on_battery(60), |stage| stage.lab.ups().on_mains()),
    Row::new(
        "battery nearly empty",
        "power",
        &[("ups", "not_ready", &["power.battery_low", "power.runtime_short_on_battery", "power.on_battery"])],
    )
    .by(|stage| stage.lab.ups().battery_low(), |stage| stage.lab.ups().on_mains()),
    Row::new("UPS driver hangs", "power", &[("ups", "unknown", &["siaga.ups_stale"])])
        .by(|stage| stage.lab.ups().freeze_driver(true), |stage| stage.lab.ups().freeze_driver(false)),
    Row::new("UPS driver ended", "power", &[("ups", "unknown", &["siaga.ups_driver_away"])])
        .by(|stage| stage.lab.ups().stop_driver(), |stage| stage.lab.ups().start_driver()),
    Row::new("upsd ended", "power", &[("ups", "unknown", &["siaga.upsd_down"])])
        .by(
            |stage| {
                stage.lab.ups().stop_server();
                // NUT 2.8.0's dummy-ups aborts at its next word to a server that has ended: the row after this would meet it.
                stage.lab.ups().stop_driver();
                stage.lab.ups().start_driver();
            },
            |stage| stage.lab.ups().start_server(),
        )
        .reduced(),
    Row::new("network card's cable pulled out", "internet", &[("link", "not_ready", &["internet.link_down"])])
        .explaining(&["gateway", "far"])
        .by(|stage| stage.lab.cable(false), |stage| stage.lab.cable(true))
        .reduced(),
    Row::new("clock follows nobody", "computer", &[("computer", "degraded", &["computer.clock_unsynchronised"])])
        .by(|stage| stage.sh("rm /run/systemd/timesync/synchronized"), |stage| stage.sh(super::stage::STEERED)),
];
