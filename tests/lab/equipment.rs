//! The guest's equipment, and what can go wrong with it.

use crate::guest::Lab;
use crate::usb_device::camera::{NAME, Picture};
use crate::usb_device::{DEVICE, TEST};

/// A camera of the guest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Camera {
    /// The kernel's own test camera, by its number. Plugged in when the guest starts.
    Vivid(u32),
    /// A USB camera with this serial number, behind the kernel's driver for them. Not plugged in when the guest starts.
    Usb(&'static str),
}

/// A camera in a guest.
pub(crate) struct CameraOf<'lab>(&'lab Lab, Camera);

/// A sound card in a guest: a platform device, by its driver's name.
pub(crate) struct CardOf<'lab>(&'lab Lab);

/// A USB sound card with a microphone. Not plugged in when the guest starts.
pub(crate) struct UsbCardOf<'lab>(&'lab Lab);

/// A screen, at an adapter on USB. Neither is plugged in when the guest starts.
pub(crate) struct DisplayOf<'lab>(&'lab Lab);

/// The USB controller that USB devices are plugged into.
pub(crate) struct UsbOf<'lab>(&'lab Lab);

/// The UPS of the guest with systemd, "lab", and NUT's driver and server for it. It begins on mains, fully charged.
pub(crate) struct UpsOf<'lab>(&'lab Lab);

/// By how much a delay changes at once where it creeps, ms: less than the shortest silence that is noticed (100 ms).
const CREEP: i32 = 40;

/// The line with the far end in a namespace: this end is `line0` 198.51.100.1, the other 198.51.100.2.
pub(crate) struct WanOf<'lab> {
    lab: &'lab Lab,
    impairments: String,
}

impl Lab {
    /// A camera.
    pub(crate) fn camera(&self, camera: Camera) -> CameraOf<'_> {
        CameraOf(self, camera)
    }

    /// The sound card with a mixer ("Dummy").
    pub(crate) fn card(&self) -> CardOf<'_> {
        CardOf(self)
    }

    /// The USB sound card.
    pub(crate) fn usb_card(&self) -> UsbCardOf<'_> {
        UsbCardOf(self)
    }

    /// The screen.
    pub(crate) fn display(&self) -> DisplayOf<'_> {
        DisplayOf(self)
    }

    /// The USB controller.
    pub(crate) fn usb(&self) -> UsbOf<'_> {
        UsbOf(self)
    }

    /// The UPS. Only in a guest with systemd.
    pub(crate) fn ups(&self) -> UpsOf<'_> {
        UpsOf(self)
    }

    /// The line to the far end in a namespace.
    pub(crate) fn wan(&self) -> WanOf<'_> {
        WanOf { lab: self, impairments: String::new() }
    }
}

impl CameraOf<'_> {
    /// Pulls it out.
    pub(crate) fn unplug(&self) {
        match self.1 {
            Camera::Vivid(number) => self.driver("unbind", number),
            Camera::Usb(serial) => {
                pull(self.0, serial);
                self.0.wait_for(&format!("! grep -q '{NAME}' /sys/class/video4linux/*/name"));
            }
        }
    }

    /// Plugs it in (again), and waits until the kernel has made its node.
    pub(crate) fn replug(&self) {
        match self.1 {
            Camera::Vivid(number) => self.driver("bind", number),
            Camera::Usb(serial) => {
                plug(self.0, "camera", 0, serial);
                self.node();
            }
        }
    }

    /// It stays connected and says nothing any more; or goes on.
    pub(crate) fn freeze(&self, frozen: bool) {
        match self.1 {
            Camera::Vivid(_) => {
                let share = if frozen { 100 } else { 0 };
                self.set("percentage_of_dropped_buffers", share);
            }
            Camera::Usb(serial) => {
                let signal = if frozen { "STOP" } else { "CONT" };
                self.0.sh(&format!("kill -{signal} $(cat /run/{serial}.pid)"));
            }
        }
    }

    /// Its running stream fails for good.
    pub(crate) fn error(&self) {
        match self.1 {
            // By its other node: who opens the camera's own is given it at once, and no stream is left that could fail.
            Camera::Vivid(_) => _ = self.0.sh("v4l2-ctl -d /dev/swradio0 --set-ctrl inject_fatal_streaming_error=1"),
            Camera::Usb(serial) => _ = self.0.sh(&format!("touch /run/{serial}.fault")),
        }
    }

    /// Its node, such as `/dev/video0`, waited for.
    pub(crate) fn node(&self) -> String {
        let name = match self.1 {
            Camera::Vivid(_) => "vivid",
            Camera::Usb(_) => NAME,
        };
        // A UVC camera has a second node, for metadata.
        self.0.wait_for(&format!(
            "for folder in /sys/class/video4linux/video*; do
                 grep -q '{name}' $folder/name && [ $(cat $folder/index) = 0 ] && [ -e /dev/${{folder##*/}} ] &&
                     echo /dev/${{folder##*/}} && exit 0
             done; exit 1"
        ))
    }

    /// What becomes of a USB camera's pictures in the MJPG format from now on.
    pub(crate) fn sends(&self, picture: Picture) {
        let Camera::Usb(serial) = self.1 else { panic!("a test camera has its controls for that") };
        self.0
            .sh(&format!("echo {} > /run/{serial}.new && mv /run/{serial}.new /run/{serial}.pictures", picture.word()));
    }

    /// Format, rate, controls, all that it can be asked for.
    pub(crate) fn settings(&self) -> String {
        self.0.sh(&format!("v4l2-ctl -d {} --all", self.node()))
    }

    fn set(&self, control: &str, value: u32) {
        self.0.sh(&format!("v4l2-ctl -d {} --set-ctrl {control}={value}", self.node()));
    }

    fn driver(&self, order: &str, number: u32) {
        self.0.sh(&format!("echo vivid.{number} > /sys/bus/platform/drivers/vivid/{order}"));
    }
}

/// Starts a USB device of ours at a port of the controller.
fn plug(lab: &Lab, kind: &str, port: u32, serial: &str) {
    let program = Lab::path_of(&std::env::current_exe().unwrap());
    let command = format!("{DEVICE}=\"{kind} {port} {serial}\" exec {program} --exact {TEST} --nocapture");
    let process = lab.spawn(serial, &format!("dash -c '{command}'"));
    lab.sh(&format!("echo {process} > /run/{serial}.pid"));
}

/// Ends it.
fn pull(lab: &Lab, serial: &str) {
    lab.sh(&format!("kill -KILL $(cat /run/{serial}.pid)"));
}

impl CardOf<'_> {
    /// Pulls it out.
    pub(crate) fn unplug(&self) {
        self.0.sh("echo snd_dummy.0 > /sys/bus/platform/drivers/snd_dummy/unbind");
    }

    /// Plugs it in again. Its mixer is as the driver begins: capture switched off.
    pub(crate) fn replug(&self) {
        self.0.sh("echo snd_dummy.0 > /sys/bus/platform/drivers/snd_dummy/bind");
    }

    /// Switches its microphone off, or on.
    pub(crate) fn mute(&self, muted: bool) {
        let to = if muted { "nocap" } else { "cap" };
        self.0.sh(&format!("amixer -q -c Dummy sset Mic {to}"));
    }
}

impl UsbCardOf<'_> {
    const SERIAL: &'static str = "MIC0001";

    /// Plugs it in, and waits until the kernel has made it a card.
    pub(crate) fn replug(&self) {
        plug(self.0, "microphone", 1, Self::SERIAL);
        self.0.wait_for("grep -q 'Siaga Lab Microphone' /proc/asound/cards");
    }
}

impl DisplayOf<'_> {
    const SERIAL: &'static str = "SCR0001";
    const STATUS: &'static str = "/sys/class/drm/card*-*/status";

    /// Plugs the adapter in, with the screen, and waits until the kernel has made it a connector.
    pub(crate) fn attach(&self) {
        plug(self.0, "display", 2, Self::SERIAL);
        self.0.wait_for(&format!("grep -qx connected {}", Self::STATUS));
    }

    /// Pulls the screen's cable out. The driver looks every ten seconds; it is told to look now.
    pub(crate) fn unplug(&self) {
        self.0.sh(&format!("touch /run/{}.pulled", Self::SERIAL));
        self.say("detect");
    }

    /// Puts it in again. By way of "off": a connector that stays connected is no news to the kernel, whatever its screen says.
    pub(crate) fn replug(&self) {
        self.0.sh(&format!("rm /run/{}.pulled", Self::SERIAL));
        self.say("off detect");
    }

    /// A cable on whose data wires nothing comes: the screen is seen to be there, and says nothing of itself.
    pub(crate) fn mute(&self) {
        self.0.sh(&format!("touch /run/{}.pulled", Self::SERIAL));
        self.say("detect on");
    }

    /// Says words to the connector, one after the other.
    fn say(&self, words: &str) {
        self.0.sh(&format!("for word in {words}; do echo $word > $(echo {}); done", Self::STATUS));
    }
}

impl UsbOf<'_> {
    /// It dies, with all that hangs on it.
    pub(crate) fn dies(&self) {
        self.0.sh("echo vhci_hcd.0 > /sys/bus/platform/drivers/vhci_hcd/unbind");
    }

    /// It is there again; what hung on it must be plugged in anew.
    pub(crate) fn revives(&self) {
        self.0.sh("echo vhci_hcd.0 > /sys/bus/platform/drivers/vhci_hcd/bind");
    }
}

impl UpsOf<'_> {
    /// Mains fail; the battery says that it lasts so long, s.
    pub(crate) fn on_battery(&self, runtime: u32) {
        self.tell(&[("input.voltage", "0.0"), ("battery.runtime", &runtime.to_string()), ("ups.status", "OB DISCHRG")]);
    }

    /// The battery is nearly empty.
    pub(crate) fn battery_low(&self) {
        self.tell(&[("battery.charge", "8"), ("battery.runtime", "60"), ("ups.status", "OB DISCHRG LB")]);
    }

    /// Mains are back, and the battery is full.
    pub(crate) fn on_mains(&self) {
        let full = [("battery.charge", "100"), ("battery.runtime", "14400")];
        self.tell(&[&full[..], &[("input.voltage", "221.0"), ("ups.status", "OL")]].concat());
    }

    /// The driver hangs, as at a USB transfer that does not end; or goes on.
    pub(crate) fn freeze_driver(&self, frozen: bool) {
        let signal = if frozen { "STOP" } else { "CONT" };
        self.0.sh(&format!("systemctl kill --signal={signal} nut-driver@lab.service"));
    }

    /// The driver ends.
    pub(crate) fn stop_driver(&self) {
        self.0.sh("systemctl stop nut-driver@lab.service");
    }

    /// It starts again, and knows only mains and a full battery.
    pub(crate) fn start_driver(&self) {
        self.0.sh("systemctl start nut-driver@lab.service");
    }

    /// The server ends.
    pub(crate) fn stop_server(&self) {
        self.0.sh("systemctl stop nut-server.service");
    }

    /// It starts again.
    pub(crate) fn start_server(&self) {
        self.0.sh("systemctl start nut-server.service");
    }

    /// Tells the driver what its UPS says from now on, and waits until the server says so.
    fn tell(&self, variables: &[(&str, &str)]) {
        for (name, value) in variables {
            self.0.sh(&format!("upsrw -s '{name}={value}' -u lab -p lab lab@127.0.0.1 2>&1"));
        }
        for (name, value) in variables {
            self.0.wait_for(&format!("[ \"$(upsc lab@127.0.0.1 {name} 2>/dev/null)\" = '{value}' ]"));
        }
    }
}

impl WanOf<'_> {
    /// Delays what goes there, so long give or take `jitter`.
    pub(crate) fn delay(self, ms: u32, jitter: u32) -> Self {
        self.with(&format!("delay {ms}ms {jitter}ms"))
    }

    /// Loses that percentage of it, at random.
    pub(crate) fn loss(self, percent: u32) -> Self {
        self.with(&format!("loss {percent}%"))
    }

    /// Lets through no more than that, Mbit/s. Above 20 the emulated processor may be the limit.
    pub(crate) fn rate(self, mbit: u32) -> Self {
        self.with(&format!("rate {mbit}mbit"))
    }

    /// Lets through no more than that of what comes from there, Mbit/s.
    pub(crate) fn rate_back(&self, mbit: u32) {
        self.lab.sh(&format!("tc -n wan qdisc replace dev wan0 root netem rate {mbit}mbit"));
    }

    /// Impairs nothing, and leaves the queue where it is. The kernel drops whatever passes at the moment in which a queue is
    /// put there or taken away, and all that waits in it; a change of what it does to packets drops none.
    pub(crate) fn unimpaired(self) {
        self.with("delay 0ms");
    }

    /// Goes over from one delay to another, ms, as a queue that fills or empties. All at once it would be something else too:
    /// for so long nobody would answer.
    pub(crate) fn creep(&self, from: u32, to: u32) {
        let step = if from < to { CREEP } else { -CREEP };
        self.lab.sh(&format!(
            "for delay in $(seq {from} {step} {to}) {to}; do
                 tc qdisc replace dev line0 root netem delay ${{delay}}ms
                 sleep 0.4
             done"
        ));
    }

    /// Takes every impairment away, and the queue with all that is in it.
    pub(crate) fn clear(self) {
        self.lab.sh("tc qdisc del dev line0 root; ip -n wan link set wan0 up");
    }

    /// The far end switches its port off: no carrier here.
    pub(crate) fn down(self) {
        self.lab.sh("ip -n wan link set wan0 down");
    }

    fn with(mut self, impairment: &str) -> Self {
        self.impairments = format!("{} {impairment}", self.impairments);
        self.lab.sh(&format!("tc qdisc replace dev line0 root netem {}", self.impairments));
        self
    }
}
