//! The `microphone` probe through a real sound server that freezes, and that loses its sink: ALSA's plugin for it then hangs
//! without an end, and the daemon must not.

use std::path::Path;
use std::process::Command;

use crate::support::child::Child;
use crate::support::daemon::{Daemon, room, siaga};

const ROOM: &str = r#"
[room]
name = "sound"
[components]
computer = { absent = true }
internet = { absent = true }
video = { absent = true }
power = { absent = true }
radio = { absent = true }

[[check]]
name = "microphone"
kind = "microphone"
pcm = "labcap"
interval = "1s"
retry = "1s"
bad_for = "0s"
"#;

/// Who speaks to this test's server and to no other.
fn at_home<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    command
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home)
        .env_remove("PULSE_SERVER")
        .env_remove("DBUS_SESSION_BUS_ADDRESS")
}

fn server(home: &Path) -> Child {
    let asoundrc = "pcm.labcap { type pulse device \"lab.monitor\" hint { show on description \"lab capture\" } }\n";
    std::fs::write(home.join(".asoundrc"), asoundrc).unwrap();
    let mut server = Child::start("pulseaudio", "pulseaudio", &home.join("pulse.log"), |command| {
        at_home(command, home).args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]);
        command.args(["--disable-shm=yes", "--log-level=error"]);
        command.args([
            "-L",
            "module-null-sink sink_name=lab rate=48000 channels=2",
            "-L",
            "module-native-protocol-unix",
        ]);
    });
    server.wait_until(|| pactl(home, &["list", "short", "sinks"]).is_some_and(|sinks| sinks.contains("lab")));
    server
}

/// What pactl prints; `None` if it fails.
fn pactl(home: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("pactl");
    let output = at_home(&mut command, home).args(args).output();
    let output = output.unwrap_or_else(|error| panic!("pactl ({error}): install Debian's package pulseaudio-utils"));
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The daemon's children, by what the kernel says of their parents.
fn children(daemon: u32) -> usize {
    let parent = format!("PPid:\t{daemon}");
    let processes = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.unwrap().path().join("status")).ok());
    processes.filter(|status| status.lines().any(|line| line == parent)).count()
}

#[test]
fn a_sound_server_that_freezes_or_loses_its_sink_is_told_and_survived() {
    let folder = room(ROOM);
    let home = folder.path();
    let server = server(home);
    let mut command = siaga();
    at_home(&mut command, home);
    let mut daemon = Daemon::start_by(command, home);
    // Nobody plays into the sink, so its monitor is silent: the whole way is open.
    daemon.wait_for_check("microphone", "not_ready", "audio.microphone_silent");

    server.freeze();
    daemon.wait_for_check("microphone", "not_ready", "audio.microphone_unanswering");
    assert!(children(daemon.pid()) <= 1, "a child was left behind");
    assert_eq!(daemon.get("/-/healthy").status, 200);
    server.thaw();
    daemon.wait_for_check("microphone", "not_ready", "audio.microphone_silent");

    pactl(home, &["unload-module", "module-null-sink"]).expect("the sink goes");
    daemon.wait_for("/api/v1/readiness", "the microphone is missed", |answer| {
        !answer.body.contains("\"audio.microphone_silent\"")
    });
    assert!(children(daemon.pid()) <= 1, "a child was left behind");
    pactl(home, &["load-module", "module-null-sink", "sink_name=lab", "rate=48000", "channels=2"]).expect("it is back");
    daemon.wait_for_check("microphone", "not_ready", "audio.microphone_silent");
    assert!(daemon.is_running());
}
