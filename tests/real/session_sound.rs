//! Sound tests in the desktop session: a real `PulseAudio` whose microphone hears its loudspeaker (or a `PipeWire`), the real agent
//! in its session, the real daemon outside, which has no card at all.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::child::{Child, PATIENCE};
use crate::support::daemon::{Daemon, room, siaga};
use crate::support::pulse::Pulse;

const PACE: &str = "interval = \"2s\"\nretry = \"1s\"\nbad_for = \"0s\"\n";

/// A daemon that watches a session of `user`, and tests sound as `checks` (kind and keys) have it.
fn config(user: u32, folder: &std::path::Path, checks: &[(&str, &str)]) -> String {
    let mut text = format!(
        "[room]\nname = \"sound\"\n\
         [components]\ncomputer = {{ absent = true }}\ninternet = {{ absent = true }}\nvideo = {{ absent = true }}\n\
         power = {{ absent = true }}\nradio = {{ absent = true }}\n\
         [[check]]\nname = \"seat\"\nkind = \"seat\"\nuser = {user}\nsocket = \"{}\"\ninterval = \"1s\"\ngood_for = \"0s\"\nbad_for = \"0s\"\n",
        folder.join("seat.sock").display()
    );
    for (kind, keys) in checks {
        _ = write!(text, "[[check]]\nname = \"{kind}\"\nkind = \"{kind}\"\n{PACE}{keys}");
    }
    text
}

/// The room's folder, which the session's user may enter, with that config.
fn folder(checks: &[(&str, &str)]) -> TempDir {
    let folder = room("");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    crate::support::daemon::write_config(folder.path(), &config(Pulse::user(), folder.path(), checks));
    folder
}

fn agent(pulse: &Pulse, folder: &TempDir) -> Child {
    let socket = folder.path().join("seat.sock");
    pulse.spawn(env!("CARGO_BIN_EXE_siaga"), &["seat", "--socket", socket.to_str().unwrap()])
}

/// The value of a metric.
fn metric(daemon: &Daemon, name: &str) -> f64 {
    let metrics = daemon.get("/metrics").body;
    let line = metrics.lines().find(|line| line.starts_with(&format!("siaga_{name}{{")));
    line.unwrap_or_else(|| panic!("no {name} in\n{metrics}")).rsplit_once(' ').unwrap().1.parse().unwrap()
}

/// What the server tells of streams, as it happens: `new` or `remove`, and the stream's number.
struct Recordings {
    pactl: std::process::Child,
    told: Receiver<(Instant, String, u32)>,
}

impl Recordings {
    #[allow(clippy::disallowed_methods, reason = "the test's own clock, beside that of the code under test")]
    fn of(pulse: &Pulse) -> Self {
        let mut command = pulse.command("pactl");
        let mut pactl = command.arg("subscribe").env("LC_ALL", "C").stdout(Stdio::piped()).spawn().unwrap();
        let (tell, told) = channel();
        let lines = BufReader::new(pactl.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            // `Event 'new' on source-output #7`
            for line in lines.map_while(Result::ok).filter(|line| line.contains(" on source-output #")) {
                let (what, number) = (line.split('\'').nth(1).unwrap(), line.rsplit('#').next().unwrap());
                if tell.send((Instant::now(), what.to_owned(), number.parse().unwrap())).is_err() {
                    return;
                }
            }
        });
        Self { pactl, told }
    }

    /// The next stream of which that is told.
    fn next(&self, what: &str) -> (Instant, u32) {
        loop {
            let (at, told, number) = self.told.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: {error}"));
            if told == what {
                return (at, number);
            }
        }
    }

    /// All that has been told by now.
    fn so_far(&self) -> Vec<(String, u32)> {
        self.told.try_iter().map(|(_, what, number)| (what, number)).collect()
    }
}

impl Drop for Recordings {
    fn drop(&mut self) {
        _ = self.pactl.kill();
        _ = self.pactl.wait();
    }
}

#[test]
fn what_is_chosen_in_the_session_is_heard_and_measured_there() {
    let pulse = Pulse::start_hearing();
    let folder = folder(&[("microphone", ""), ("loopback", "")]);
    let daemon = Daemon::start(folder.path());
    // Nobody is there: at the card, of which there is none, and that is all that is said.
    daemon.wait_for_check("microphone", "not_ready", "siaga.microphone_at_card");
    daemon.wait_for_check("loopback", "not_ready", "siaga.loopback_at_card");
    assert_eq!(daemon.check("microphone").1, ["audio.microphone_gone", "siaga.microphone_at_card"]);

    let _agent = agent(&pulse, &folder);
    daemon.wait_for_check("microphone", "ready", "");
    daemon.wait_for_check("loopback", "ready", "");
    for check in ["microphone", "loopback", "seat"] {
        assert_eq!(daemon.check(check), ("ready".to_owned(), Vec::new()), "{check}");
    }
    let level = metric(&daemon, "microphone_rms_decibels");
    assert!((-60.0..-40.0).contains(&level), "the hum of the room: {level}");
    let loudness = metric(&daemon, "loopback_level_decibels");
    assert!(loudness.abs() < 1.0, "the air takes nothing away: {loudness}");
    // The way is 30 ms, and what the server says of its own buffers may be some ms off.
    let delay = metric(&daemon, "loopback_delay_seconds");
    assert!((0.0..0.15).contains(&delay), "{delay}");
    let spread = metric(&daemon, "loopback_delay_spread_seconds");
    assert!(spread < 0.01, "{spread}");
    // Our own tests are nobody's use of the room.
    assert!(
        daemon.get("/metrics").body.contains("siaga_room_in_use{} 0") || !daemon.get("/readyz").body.contains("in use")
    );

    pulse.pactl("set-source-mute ear 1");
    daemon.wait_for_check("microphone", "not_ready", "audio.microphone_silent");
    daemon.wait_for_check("loopback", "not_ready", "audio.loopback_silent");
    pulse.pactl("set-source-mute ear 0");
    daemon.wait_for_check("microphone", "ready", "");
    daemon.wait_for_check("loopback", "ready", "");
    pulse.pactl("set-default-source speaker.monitor");
    daemon.wait_for_check("microphone", "not_ready", "audio.microphone_gone");
    pulse.pactl("set-default-source ear");
    daemon.wait_for_check("microphone", "ready", "");
}

/// A safety deadline: 100 ms after the server has told that a program records, and five times that on a busy machine.
#[test]
fn a_test_ends_at_once_when_a_program_records_and_none_begins_meanwhile() {
    let pulse = Pulse::start_hearing();
    let folder = folder(&[("loopback", "")]);
    let daemon = Daemon::start(folder.path());
    let _agent = agent(&pulse, &folder);
    daemon.wait_for_check("loopback", "ready", "");
    let recordings = Recordings::of(&pulse);
    for _ in 0..3 {
        let (_, ours) = recordings.next("new");
        let call = pulse.spawn("pacat", &["--record", "--device=ear", "--client-name=meeting", "/dev/null"]);
        let (came, theirs) = recordings.next("new");
        let (went, gone) = recordings.next("remove");
        assert_eq!(gone, ours, "the one that ended is not {theirs}");
        let took = went.duration_since(came);
        assert!(took < Duration::from_millis(500), "given back after {took:?}");
        assert!(!pulse.pactl("list sink-inputs").contains("siaga"), "nothing is played any more");
        daemon.wait_for_check("seat", "ready", "audio.seat_in_use");
        // What was known stands, and nothing is opened, for longer than a test's pace.
        assert_eq!(daemon.check("loopback"), ("ready".to_owned(), Vec::new()));
        match recordings.told.recv_timeout(Duration::from_secs(4)) {
            Err(RecvTimeoutError::Timeout) => {}
            told => panic!("{told:?}: nothing else comes or goes"),
        }
        drop(call);
        assert_eq!(recordings.next("remove").1, theirs);
    }
    recordings.next("new");
    daemon.wait_for_check("loopback", "ready", "");
}

#[test]
fn an_echo_canceller_makes_the_loopback_uncertain_and_never_a_fault() {
    let pulse = Pulse::start_hearing();
    let folder = folder(&[("loopback", "")]);
    let daemon = Daemon::start(folder.path());
    let _agent = agent(&pulse, &folder);
    daemon.wait_for_check("loopback", "ready", "");
    for method in ["webrtc", "speex"] {
        let module = pulse.pactl(&format!(
            "load-module module-echo-cancel source_master=ear sink_master=speaker source_name=clean sink_name=out aec_method={method}"
        ));
        pulse.pactl("set-default-source clean");
        pulse.pactl("set-default-sink out");
        daemon.wait_for_check("loopback", "unknown", "audio.loopback_cancelled");
        // Its own stream at the microphone is nobody's recording.
        assert_eq!(daemon.check("seat"), ("ready".to_owned(), Vec::new()), "{method}");
        pulse.pactl("set-default-source ear");
        pulse.pactl("set-default-sink speaker");
        daemon.wait_for_check("loopback", "ready", "");
        pulse.pactl(&format!("unload-module {}", module.trim()));
    }
    // One that nobody tells of: what comes through it is no fault of anybody's.
    for method in ["webrtc", "speex"] {
        pulse.pactl(&format!(
            "load-module module-echo-cancel source_master=ear sink_master=speaker source_name={method} sink_name=out_{method} aec_method={method}"
        ));
        pulse.pactl(&format!("set-default-source {method}"));
        pulse.pactl(&format!("set-default-sink out_{method}"));
        let unaware = room(&config(
            Pulse::user(),
            pulse.folder(),
            &[("loopback", "at = \"card\"\nplay = \"pulse\"\ncapture = \"pulse\"\n")],
        ));
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(unaware.path(), open).unwrap();
        let mut command = pulse.command(siaga().get_program().to_str().unwrap());
        command.env_remove("SIAGA_CONFIG");
        let inside = Daemon::start_by(command, unaware.path());
        let mut tests = 0;
        let mut last = String::new();
        inside.wait_for("/api/v1/checks/loopback", "three tests of it", |answer| {
            let said = answer.json();
            let at = said["evidence"]["at"].to_string();
            if said["measurements"].as_array().is_some_and(|all| !all.is_empty()) && at != last {
                (tests, last) = (tests + 1, at);
            }
            let verdict = said["verdict"].as_str().unwrap();
            assert!(matches!(verdict, "ready" | "unknown"), "{method}: {said:#}");
            tests >= 3
        });
    }
}

#[test]
fn a_test_whose_agent_is_killed_ends_with_it_and_is_not_known() {
    let pulse = Pulse::start_hearing();
    let folder = folder(&[("loopback", "at = \"seat\"\n")]);
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("loopback", "unknown", "siaga.loopback_no_seat");
    let recordings = Recordings::of(&pulse);
    let first = agent(&pulse, &folder);
    let (_, ours) = recordings.next("new");
    // As kill -9 does.
    drop(first);
    assert_eq!(recordings.next("remove").1, ours, "the child is not left behind");
    daemon.wait_for_check("loopback", "unknown", "siaga.loopback_untested");
    daemon.wait_for_check("loopback", "unknown", "siaga.loopback_no_seat");
    assert_eq!(recordings.so_far(), []);
    let _second = agent(&pulse, &folder);
    daemon.wait_for_check("loopback", "ready", "");
}

/// Not how well it plays: without a real-time thread it stumbles on a busy machine.
#[test]
fn pipewire_is_asked_and_tested_by_the_same_agent() {
    let pulse = Pulse::start_pipewire();
    let folder = folder(&[("microphone", "at = \"seat\"\n")]);
    let daemon = Daemon::start(folder.path());
    let _agent = agent(&pulse, &folder);
    // Nothing is played, so nothing is heard: the whole way is open, and our own stream is nobody's recording.
    daemon.wait_for_check("microphone", "not_ready", "audio.microphone_silent");
    assert_eq!(daemon.check("seat"), ("ready".to_owned(), Vec::new()));
    pulse.pactl("set-source-mute ear 1");
    daemon.wait_for_check("seat", "not_ready", "audio.default_source_muted");
    pulse.pactl("set-source-mute ear 0");
    let recordings = Recordings::of(&pulse);
    recordings.next("new");
    let call = pulse.spawn("pacat", &["--record", "--device=ear", "--client-name=meeting", "/dev/null"]);
    daemon.wait_for_check("seat", "ready", "audio.seat_in_use");
    drop(call);
    daemon.wait_for_check("seat", "ready", "");
    // And it is heard again.
    let last = daemon.get("/api/v1/checks/microphone").json()["evidence"]["at"].clone();
    daemon.wait_for("/api/v1/checks/microphone", "another test", |answer| answer.json()["evidence"]["at"] != last);
}
