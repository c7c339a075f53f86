//! A private `PulseAudio` with a microphone and a loudspeaker, or a `PipeWire` in its clothes, and programs in its session. Debian
//! packages: `pulseaudio`, `pulseaudio-utils`; `pipewire`, `pipewire-pulse`, `wireplumber`, `dbus-daemon`.
//!
//! It refuses to run as root: where the tests do, its session is nobody's.

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::child::{Child, wait_until};

/// `nobody` and `nogroup` of Debian.
const NOBODY: u32 = 65534;

/// A running server and its session's folder.
pub(crate) struct Pulse {
    folder: TempDir,
    server: Option<Child>,
    /// What a `PipeWire` consists of beside it.
    beside: Vec<Child>,
}

impl Pulse {
    /// A session with its server: a source "mic", a sink "speaker".
    pub(crate) fn start() -> Self {
        let mut pulse = Self::bare();
        pulse.begin();
        pulse
    }

    /// A session without a server.
    fn bare() -> Self {
        Self { folder: Self::new_folder(), server: None, beside: Vec::new() }
    }

    /// The same with `PipeWire`: a source "ear" that hears what the sink "speaker" plays.
    pub(crate) fn start_pipewire() -> Self {
        let mut pulse = Self::bare();
        let bus = format!("unix:path={}/bus", pulse.folder.path().display());
        let start = |program: &str, arguments: &[&str]| {
            let log = pulse.folder.path().join(format!("{program}.log"));
            Child::start("setpriv", "util-linux", &log, |command| {
                pulse.inside(command, program);
                command.args(arguments).env("DBUS_SESSION_BUS_ADDRESS", &bus);
            })
        };
        let dbus = start("dbus-daemon", &["--session", "--nofork", "--nopidfile", &format!("--address={bus}")]);
        wait_for(&pulse.folder.path().join("bus"));
        let mut pipewire = start("pipewire", &[]);
        pipewire.wait_until(|| pulse.folder.path().join("pipewire-0").exists());
        let wireplumber = start("wireplumber", &[]);
        let mut server = start("pipewire-pulse", &[]);
        for (module, sign) in [
            ("module-null-sink sink_name=speaker", "speaker.monitor"),
            (
                "module-remap-source master=speaker.monitor source_name=ear source_properties=device.description=Ear",
                "ear",
            ),
        ] {
            let listed = || {
                let output = pulse.command("pactl").args(["list", "short", "sources"]).output().unwrap();
                String::from_utf8_lossy(&output.stdout).contains(sign)
            };
            server.wait_until(|| {
                let arguments = ["load-module"].into_iter().chain(module.split(' '));
                pulse.command("pactl").args(arguments).output().unwrap().status.success()
            });
            server.wait_until(listed);
        }
        // WirePlumber keeps what the defaults are, and may begin after all that.
        let set = |what: &str, name: &str| pulse.command("pactl").args([what, name]).output().unwrap().status.success();
        server.wait_until(|| set("set-default-source", "ear"));
        pulse.pactl("set-default-sink speaker");
        pulse.beside = vec![dbus, pipewire, wireplumber];
        pulse.server = Some(server);
        pulse
    }

    /// Starts the server (again).
    pub(crate) fn begin(&mut self) {
        let log = self.folder.path().join("log");
        let server = Child::start("setpriv", "util-linux", &log, |command| {
            self.inside(command, "pulseaudio");
            command.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]);
            command.args(["-L", "module-null-sink sink_name=speaker sink_properties=device.description=Speaker"]);
            command.args(["-L", "module-null-source source_name=mic description=Mic"]);
            command.args(["-L", "module-native-protocol-unix"]);
        });
        self.server.insert(server).wait_until(|| {
            let mut command = Command::new("setpriv");
            self_inside(self.folder.path(), &mut command, "pactl");
            command.args(["set-default-source", "mic"]).output().is_ok_and(|output| output.status.success())
        });
    }

    /// A session whose microphone "ear" hears its loudspeaker "speaker" through the air of a room, in which a machine hums.
    pub(crate) fn start_hearing() -> Self {
        let pulse = Self::start();
        pulse.pactl("load-module module-null-sink sink_name=air rate=48000");
        pulse.pactl("load-module module-remap-source master=air.monitor source_name=ear source_properties=device.description=Ear");
        // As long a way each time: it would else trim its rate, and be no air.
        pulse.pactl("load-module module-loopback source=speaker.monitor sink=air latency_msec=100 adjust_time=0");
        // By the server itself, so that no program is there that could stumble.
        pulse.pactl("load-module module-sine sink=air frequency=1000");
        let inputs = pulse.pactl("list short sink-inputs");
        let hum = inputs.lines().find(|line| line.contains("module-sine.c")).expect("the hum");
        pulse.pactl(&format!("set-sink-input-volume {} -50dB", hum.split('\t').next().unwrap()));
        pulse.pactl("set-default-source ear");
        pulse.pactl("set-default-sink speaker");
        pulse
    }

    /// Ends the server.
    pub(crate) fn end(&mut self) {
        self.server = None;
        self.beside.clear();
    }

    /// The server, for freezing it.
    pub(crate) fn server(&self) -> &Child {
        self.server.as_ref().expect("the server runs")
    }

    /// Runs pactl in the session, and gives what it printed.
    pub(crate) fn pactl(&self, arguments: &str) -> String {
        let mut command = Command::new("setpriv");
        self.inside(&mut command, "pactl");
        let output = command.args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "pactl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command that runs a program in the session.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        self.inside(&mut command, program);
        command
    }

    /// Where the session is.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a program in the session.
    pub(crate) fn spawn(&self, program: &str, arguments: &[&str]) -> Child {
        let log = self.folder.path().join(format!("{}.log", program.rsplit('/').next().unwrap()));
        Child::start("setpriv", "util-linux", &log, |command| {
            self.inside(command, program);
            command.args(arguments);
        })
    }

    /// An empty folder of the session's user.
    pub(crate) fn new_folder() -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        if rustix::process::getuid().is_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        folder
    }

    /// Whose session it is.
    pub(crate) fn user() -> u32 {
        if rustix::process::getuid().is_root() { NOBODY } else { rustix::process::getuid().as_raw() }
    }

    fn inside(&self, command: &mut Command, program: &str) {
        self_inside(self.folder.path(), command, program);
    }
}

/// Makes a `setpriv` command run `program` in the session.
fn self_inside(folder: &Path, command: &mut Command, program: &str) {
    if rustix::process::getuid().is_root() {
        let nobody = NOBODY.to_string();
        command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups"]);
    }
    command.args(["--", program]).current_dir(folder);
    command.env("HOME", folder).env("XDG_RUNTIME_DIR", folder);
}

/// Waits for a file.
pub(crate) fn wait_for(path: &Path) {
    wait_until(|| path.exists());
}
