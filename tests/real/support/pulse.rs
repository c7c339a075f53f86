//! A private `PulseAudio` with a microphone and a loudspeaker, and programs in its session. Debian packages: `pulseaudio`,
//! `pulseaudio-utils`.
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
}

impl Pulse {
    /// A session with its server: a source "mic", a sink "speaker".
    pub(crate) fn start() -> Self {
        let mut pulse = Self { folder: Self::folder(), server: None };
        pulse.begin();
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

    /// Ends the server.
    pub(crate) fn end(&mut self) {
        self.server = None;
    }

    /// The server, for freezing it.
    pub(crate) fn server(&self) -> &Child {
        self.server.as_ref().expect("the server runs")
    }

    /// Runs pactl in the session.
    pub(crate) fn pactl(&self, arguments: &str) {
        let output = self.command("pactl").args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "pactl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Starts a program in the session.
    pub(crate) fn spawn(&self, program: &str, arguments: &[&str]) -> Child {
        let log = self.folder.path().join(format!("{}.log", program.rsplit('/').next().unwrap()));
        Child::start("setpriv", "util-linux", &log, |command| {
            self.inside(command, program);
            command.args(arguments);
        })
    }

    /// A program in the session, to be started.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("setpriv");
        self.inside(&mut command, program);
        command
    }

    /// An empty folder of the session's user.
    pub(crate) fn folder() -> TempDir {
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
