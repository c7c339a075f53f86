//! A guest with a daemon that watches all that the guest has, and what the rows do to it.

use std::cell::RefCell;

use serde_json::Value;

use crate::daemon::{Daemon, room};
use crate::equipment::Camera;
use crate::guest::Lab;
use crate::hearing::{CALL, EAR, Player, noise};
use crate::waiting::until;

use super::rows::GOOD_PICTURE;

/// A small disk of its own, so that it can be filled and lost.
pub(super) const MOUNT_SRV: &str = "mkdir -p /srv && mount -t tmpfs -o size=30m srv /srv";

/// Takes memory, which has nowhere to be swapped to, until 30 MB are left: less than what is *degraded*, and enough to live on.
pub(super) const HOARD: &str = "mkdir -p /hoard && mount -t tmpfs -o size=100% hoard /hoard && \
    left=$(sed -n 's/^MemAvailable: *\\([0-9]*\\) kB$/\\1/p' /proc/meminfo) && \
    [ $left -gt 30000 ] && head -c $(((left - 30000) * 1024)) /dev/zero > /hoard/full";

/// As timesyncd does when its server has answered.
pub(super) const STEERED: &str = "mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized";

/// A machine that is small, emulated and in nobody's meeting: only its memory, disks and clock are judged.
const COMPUTER: &str = "cpu_degraded = 1.0\ncpu_pressure_degraded = 1.0\nmemory_pressure_degraded = 1.0\n\
    memory_degraded = \"40 MB\"\nmemory_not_ready = \"10 MB\"\ndisk_degraded = \"10 MB\"\ndisk_not_ready = \"1 MB\"\n\
    mounts = [\"/srv\"]\ninterval = \"500ms\"\n";
const AUDIO: &str = "card = \"Dummy\"\ninterval = \"500ms\"\nrequery = \"1s\"\n";
/// Asked when they are plugged in, and not again: for a child with three seconds an emulated processor is too slow at times.
const CAMERA: &str = "name = \"camera\"\ndevice = \"vivid\"\ninterval = \"500ms\"\nrequery = \"1h\"\n";
const USB_CAMERA: &str = "name = \"usb_camera\"\ndevice = \"1209:0001\"\ninterval = \"500ms\"\nrequery = \"1h\"\n";
const PICTURE: &str = "name = \"picture\"\ndevice = \"vivid\"\ninterval = \"4s\"\nsettle = \"0s\"\nduration = \"2s\"\n\
    delivered_degraded = 0.1\n";
/// An emulated processor does not always keep up with the samples.
const SLOW: &str = "delivered_below = 0.5\n";
/// Nor does it always come for a buffer in time: one that was lost is looked at once more.
const TWICE: &str = "bad_for = \"8s\"\ngood_for = \"0s\"\n";
/// One that another keeps waiting makes ten times the jitter of a line.
const PATIENT: &str = "[[profile]]\nname = \"zoom_group_720\"\njitter_degraded = \"400ms\"\n";
/// What the line to the far end carries, either way, where a row does not say less: as an office's does. Without a limit a
/// download is as fast as the memory, and the probe rightly does not believe it. Mbit/s.
pub(super) const LINE: u32 = 50;
const GATEWAY: &str = "name = \"gateway\"\ntarget = \"gateway\"\ninterval = \"100ms\"\n";
/// Whom QEMU itself plays: a quarter of a second in which the machine beneath has no processor for it is silence, and no fault of a row.
const QEMUS: &str = "bad_for = \"3s\"\ngood_for = \"0s\"\n";

/// The guest and its daemon.
pub(super) struct Stage<'lab> {
    pub(super) lab: &'lab Lab,
    pub(super) daemon: Daemon<'lab>,
    player: Option<Player<'lab>>,
    /// Programs that a row has started.
    kept: RefCell<Vec<u32>>,
    /// The recording that is the room's use.
    call: RefCell<Option<u32>>,
    /// The guest's wall clock less its uptime, s: it is set once, before the daemon starts.
    wall: f64,
    /// By how much that may be too much, s: both clocks are read one after the other.
    pub(super) unsure: f64,
}

/// A check as the API tells it.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) name: String,
    pub(super) verdict: String,
    /// Reasons with their verdict and since when, in the guest's uptime, s.
    pub(super) reasons: Vec<(String, String, f64)>,
    pub(super) held: bool,
    pub(super) blocked: bool,
}

impl<'lab> Stage<'lab> {
    /// Cameras, sound cards, a line, a disk; all checks on.
    pub(super) fn equipment(lab: &'lab Lab) -> Self {
        // The room's line leads to a router, and behind that are two far ends.
        lab.sh(&format!(
            "ip route del default via 192.0.2.1 dev eth1
             ip route del default via 198.51.100.2 dev line0
             ip address del 198.51.100.1/24 dev line0
             ip address add 198.51.100.1/30 dev line0
             ip route add default via 198.51.100.2 dev line0
             ip -n wan address add 198.51.100.10/32 dev lo
             ip -n wan address add 198.51.100.20/32 dev lo
             {MOUNT_SRV}
             {STEERED}"
        ));
        // From the beginning on: putting a queue there drops packets, and no fault may do more than what it is.
        lab.wan().unimpaired();
        lab.card().mute(false);
        let usb = lab.camera(Camera::Usb("CAM0001"));
        usb.replug();
        // Two pictures a second: an emulated processor keeps up.
        lab.sh(&format!("v4l2-ctl -d {} --set-parm 2", usb.node()));
        set_test_camera(lab);
        let player = Player::start(lab, &noise(0.005), 48_000);
        let far = |name: &str, last: u32| {
            format!("name = \"{name}\"\ntarget = \"198.51.100.{last}\"\ninterval = \"100ms\"\n")
        };
        let config = room(
            &["computer", "internet", "audio", "video"],
            &[
                ("computer", COMPUTER),
                ("usb", "interval = \"1s\"\n"),
                ("link", ""),
                ("icmp", GATEWAY),
                ("icmp", &far("far", 10)),
                ("icmp", &far("other", 20)),
                ("audio", AUDIO),
                ("microphone", &format!("{EAR}{SLOW}{TWICE}")),
                ("camera", CAMERA),
                ("camera", USB_CAMERA),
                ("frames", &format!("{PICTURE}{TWICE}")),
            ],
        );
        Self::watching(lab, &config, Some(player))
    }

    /// A line of which only a transfer shows what it carries.
    pub(super) fn rate(lab: &'lab Lab) -> Self {
        // A web server at the far end: a file to fetch, and a place that reads all it is sent.
        lab.sh(
            "mkdir -p /run/www/cgi-bin
             dd if=/dev/zero of=/run/www/down bs=1M count=20 2>/dev/null
             printf '#!/bin/sh\ncat > /dev/null\nprintf \"Content-Type: text/plain\\\\r\\\\n\\\\r\\\\nread\"\n' > /run/www/cgi-bin/up
             chmod +x /run/www/cgi-bin/up",
        );
        lab.wan().rate(LINE).rate_back(LINE);
        lab.card().mute(false);
        lab.spawn("httpd", "ip netns exec wan busybox httpd -f -p 198.51.100.2:80 -h /run/www");
        let keys = "down_url = \"http://198.51.100.2/down\"\nup_url = \"http://198.51.100.2/cgi-bin/up\"\n\
                    max_bytes = \"4 MB\"\nmin_gap = \"1s\"\ninterval = \"2s\"\nfresh_for = \"1m\"\ndaily_budget = \"10 GB\"\n";
        let line = "interface = \"line0\"\n";
        let config = room(&["internet", "audio"], &[("bandwidth", keys), ("link", line), ("audio", AUDIO)]);
        Self::watching(lab, &config, None)
    }

    /// A UPS, a network card with its cable, a clock that is steered.
    pub(super) fn system(lab: &'lab Lab) -> Self {
        lab.sh(&format!("{MOUNT_SRV}\n{STEERED}"));
        // It goes when nobody asks for half a minute, and an emulated one takes longer to come than the daemon waits.
        lab.spawn("timedated", "sh -c 'while timedatectl show >/dev/null; do sleep 10; done'");
        lab.card().mute(false);
        let far = format!("name = \"far\"\ntarget = \"192.0.2.53\"\ninterval = \"100ms\"\n{QEMUS}");
        let config = room(
            &["computer", "internet", "audio", "video", "power"],
            &[
                ("computer", COMPUTER),
                ("link", ""),
                ("icmp", &format!("{GATEWAY}{QEMUS}")),
                ("icmp", &far),
                ("audio", AUDIO),
                ("camera", CAMERA),
                ("ups", "interval = \"500ms\"\n"),
            ],
        );
        Self::watching(lab, &config, None)
    }

    fn watching(lab: &'lab Lab, config: &str, player: Option<Player<'lab>>) -> Self {
        // Whole seconds will not do, and which program tells more of them depends on the guest.
        let told = lab.sh("read -r up rest </proc/uptime
             if busybox true 2>/dev/null; then wall=$(echo | busybox ts %.s); else wall=$(date +%s.%N); fi
             read -r after rest </proc/uptime
             echo $up $wall $after");
        let numbers: Vec<f64> = told.split_whitespace().map(|number| number.parse().unwrap()).collect();
        let (wall, unsure) = (numbers[1] - numbers[0], numbers[2] - numbers[0]);
        let daemon = lab.daemon(&format!("{config}{PATIENT}"));
        let stage = Self { lab, daemon, player, kept: RefCell::default(), call: RefCell::default(), wall, unsure };
        stage.daemon.ready();
        stage
    }

    /// Ends the daemon, and waits until its database is closed.
    pub(super) fn end(&self) {
        self.lab
            .sh("for p in /proc/[0-9]*; do grep -qa '^/built/siaga.run' $p/cmdline && kill -TERM ${p##*/}; done; true");
        self.lab.wait_for("! cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -q '/built/siaga run'");
    }

    /// Who plays into the room's microphone.
    pub(super) fn player(&self) -> &Player<'lab> {
        self.player.as_ref().expect("this stage has a player")
    }

    /// Records the room as it is.
    pub(super) fn enroll(&self) {
        self.lab.sh("/built/siaga enroll --config /share/siaga.toml --state-dir /run/siaga >/dev/null");
    }

    /// Runs a script that must succeed.
    pub(super) fn sh(&self, script: &str) {
        self.lab.sh(script);
    }

    /// Remembers a program that a row has started.
    pub(super) fn keep(&self, process: u32) {
        self.kept.borrow_mut().push(process);
    }

    /// Ends the programs that the row has started.
    pub(super) fn end_kept(&self) {
        for process in self.kept.borrow_mut().drain(..) {
            self.lab.sh(&format!("kill {process}"));
        }
    }

    /// Takes away what a row has prepared.
    pub(super) fn tidy(&self) {
        self.end_kept();
        self.lab.sh("rm -f /run/siaga/enrolled.toml");
    }

    /// Plugs the test camera in again, and gives it a picture that is good.
    pub(super) fn restore_test_camera(&self) {
        self.lab.camera(Camera::Vivid(0)).replug();
        set_test_camera(self.lab);
    }

    /// Begins or ends the room's use: a recording, as a call makes it.
    pub(super) fn use_room(&self, used: bool) {
        let call = self.call.borrow_mut().take();
        *self.call.borrow_mut() = match call {
            Some(process) if !used => {
                self.lab.sh(&format!("kill {process}"));
                None
            }
            None if used => {
                // What a test has found last stands as long as the use lasts.
                self.wait("ready before the room's use", |checks| checks.iter().all(Check::is_ready));
                Some(self.lab.spawn("call", CALL))
            }
            same => same,
        };
        self.wait("the room's use", |checks| {
            let active = |check: &&Check| ["microphone", "picture", "bandwidth"].contains(&check.name.as_str());
            checks.iter().any(|check| check.says("audio.in_use")) == used
                && checks.iter().filter(active).all(|check| check.held == used)
        });
    }

    /// Waits until the checks are so, and gives them.
    pub(super) fn wait(&self, what: &str, mut good: impl FnMut(&[Check]) -> bool) -> Vec<Check> {
        let asked = || Some(self.checks()).filter(|checks| good(checks));
        let told = || format!("{:#?}\n{}", self.checks(), self.lab.log("siaga"));
        until(what, asked, told)
    }

    /// All checks.
    pub(super) fn checks(&self) -> Vec<Check> {
        let answer: Value = serde_json::from_str(&self.daemon.get("/api/v1/checks").1).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let moment = |value: &Value| self.uptime_of(value.as_str().unwrap());
        let reason = |said: &Value| (text(&said["code"]), text(&said["verdict"]), moment(&said["since"]));
        let check = |said: &Value| Check {
            name: text(&said["name"]),
            verdict: text(&said["verdict"]),
            reasons: said["reasons"].as_array().unwrap().iter().map(reason).collect(),
            held: !said["held"].is_null(),
            blocked: !said["blocked_by"].is_null(),
        };
        answer.as_array().unwrap().iter().map(check).collect()
    }

    /// A moment of the guest's wall clock in its uptime, s.
    fn uptime_of(&self, stamp: &str) -> f64 {
        let moment: jiff::Timestamp = stamp.parse().unwrap();
        self.uptime_at(moment.as_microsecond())
    }

    /// The same, from microseconds since 1970.
    #[allow(clippy::cast_precision_loss, reason = "microseconds of this century")]
    pub(super) fn uptime_at(&self, micros: i64) -> f64 {
        micros as f64 / 1e6 - self.wall
    }

    /// The guest's uptime now, s.
    pub(super) fn uptime(&self) -> f64 {
        self.lab.sh("cut -d ' ' -f 1 /proc/uptime").parse().unwrap()
    }
}

impl Check {
    /// Whether it has this reason or note.
    pub(super) fn says(&self, code: &str) -> bool {
        self.reasons.iter().any(|(said, ..)| said == code)
    }

    /// Whether it is ready, whatever notes it has.
    pub(super) fn is_ready(&self) -> bool {
        self.verdict == "ready"
    }

    /// The reasons that are no notes.
    pub(super) fn counting(&self) -> Vec<&str> {
        self.reasons.iter().filter(|(_, verdict, _)| verdict != "ready").map(|(code, ..)| code.as_str()).collect()
    }
}

fn set_test_camera(lab: &Lab) {
    let node = lab.camera(Camera::Vivid(0)).node();
    lab.sh(&format!(
        "v4l2-ctl -d {node} --set-fmt-video=width=320,height=180,pixelformat=NV12 --set-parm 10 --set-ctrl {GOOD_PICTURE}"
    ));
}
