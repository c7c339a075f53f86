//! Sound tests in the desktop session: a real `PulseAudio` whose microphone hears its loudspeaker (or a `PipeWire`), the real agent
//! in its session, the real daemon outside, which has no card at all.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::child::{Child, wait_until};
use crate::support::daemon::{Daemon, room, said_of, siaga};
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
        let pace = if keys.contains("retry") { "" } else { PACE };
        _ = write!(text, "[[check]]\nname = \"{kind}\"\nkind = \"{kind}\"\n{pace}{keys}");
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

/// Whether a sound test of ours plays and records now.
fn is_testing(pulse: &Pulse) -> bool {
    pulse.pactl("list sink-inputs").contains("[siaga]") && pulse.pactl("list source-outputs").contains("[siaga]")
}

/// Waits for the beginning of a test, which goes on for some seconds then.
fn begins(pulse: &Pulse) {
    wait_until(|| !is_testing(pulse));
    wait_until(|| is_testing(pulse));
}

/// When something was told of a recording: `new` or `remove`, and its number.
type Told = (Instant, String, u32);

/// What the server tells of recordings, as it happens.
pub(crate) struct Recordings {
    pactl: std::process::Child,
    told: Arc<Mutex<Vec<Told>>>,
    /// When the first of each kind of event was told of: `new on source-output`.
    first: Arc<Mutex<HashMap<String, Instant>>>,
}

impl Recordings {
    #[allow(clippy::disallowed_methods, reason = "the test's own clock, beside that of the code under test")]
    pub(crate) fn of(pulse: &Pulse) -> Self {
        let mut command = pulse.command("pactl");
        let mut pactl = command.arg("subscribe").env("LC_ALL", "C").stdout(Stdio::piped()).spawn().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let subscribed = Arc::new(AtomicBool::new(false));
        let (lines, tell) = (BufReader::new(pactl.stdout.take().unwrap()).lines(), Arc::clone(&told));
        let begun = Arc::clone(&subscribed);
        let first = Arc::new(Mutex::new(HashMap::new()));
        let firsts = Arc::clone(&first);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                begun.store(true, Ordering::SeqCst);
                // `Event 'new' on source-output #7`
                let event = line.trim_start_matches("Event ").split(" #").next().unwrap().replace('\'', "");
                firsts.lock().unwrap().entry(event).or_insert_with(Instant::now);
                if !line.contains(" on source-output #") {
                    continue;
                }
                let (what, number) = (line.split('\'').nth(1).unwrap(), line.rsplit('#').next().unwrap());
                tell.lock().unwrap().push((Instant::now(), what.to_owned(), number.parse().unwrap()));
            }
        });
        // Whoever asks the server anything is a new client, of whom it tells once it tells anything.
        wait_until(|| {
            pulse.pactl("info");
            subscribed.load(Ordering::SeqCst)
        });
        Self { pactl, told, first }
    }

    /// When the first such event was told of: `new on source-output`.
    pub(crate) fn first(&self, event: &str) -> Instant {
        wait_until(|| self.first.lock().unwrap().contains_key(event));
        self.first.lock().unwrap()[event]
    }

    /// What has been told by now of beginnings and ends that others than this one had.
    fn beside(&self, number: u32) -> Vec<Told> {
        let told = self.told.lock().unwrap();
        told.iter().filter(|(_, what, of)| *of != number && what != "change").cloned().collect()
    }

    /// When that was told of it.
    fn at(&self, what: &str, number: u32) -> Instant {
        let mut at = None;
        wait_until(|| {
            let told = self.told.lock().unwrap();
            at = told.iter().find(|(_, said, of)| said == what && *of == number).map(|(at, ..)| *at);
            at.is_some()
        });
        at.unwrap()
    }
}

impl Drop for Recordings {
    fn drop(&mut self) {
        _ = self.pactl.kill();
        _ = self.pactl.wait();
    }
}

/// The number of the recording that a program of that name makes.
fn recording(pulse: &Pulse, name: &str) -> Option<u32> {
    let listed = pulse.pactl("list source-outputs");
    let of = listed.split("Source Output #").find(|of| of.contains(&format!("\"{name}\"")))?;
    of.lines().next()?.trim().parse().ok()
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
    // In one answer: on a busy machine each may lose a buffer now and then, and says so.
    let all = ["microphone", "loopback", "seat"];
    daemon.wait_for("/api/v1/readiness", "all three are ready", |answer| {
        all.iter().all(|check| said_of(&answer.json(), check) == ("ready".to_owned(), Vec::new()))
    });
    let level = metric(&daemon, "microphone_rms_decibels");
    assert!((-60.0..-40.0).contains(&level), "the hum of the room: {level}");
    let loudness = metric(&daemon, "loopback_level_decibels");
    assert!(loudness.abs() < 1.0, "the air takes nothing away: {loudness}");
    // The way is 100 ms, and longer where the server is late.
    let delay = metric(&daemon, "loopback_delay_seconds");
    assert!((0.05..0.5).contains(&delay), "{delay}");
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

/// A safety deadline: 100 ms after the server has told that a program records (the line that is printed says what it was). Between
/// stand three programs that start and four processes that want their turn, beside six tests on two cores; a test goes on for 7 s.
#[test]
fn a_test_ends_at_once_when_a_program_records_and_none_begins_meanwhile() {
    let pulse = Pulse::start_hearing();
    let folder = folder(&[("loopback", "")]);
    let daemon = Daemon::start(folder.path());
    let _agent = agent(&pulse, &folder);
    daemon.wait_for_check("loopback", "ready", "");
    for _ in 0..2 {
        begins(&pulse);
        let known = daemon.check("loopback");
        let recordings = Recordings::of(&pulse);
        let call = pulse.spawn("pacat", &["--record", "--device=ear", "--client-name=meeting", "/dev/null"]);
        let mut theirs = None;
        wait_until(|| {
            theirs = recording(&pulse, "meeting");
            theirs.is_some()
        });
        let theirs = theirs.unwrap();
        let came = recordings.at("new", theirs);
        wait_until(|| !recordings.beside(theirs).is_empty());
        let ended = recordings.beside(theirs);
        assert_eq!(
            ended.iter().map(|(_, what, _)| what.as_str()).collect::<Vec<_>>(),
            ["remove"],
            "ours, and nothing else"
        );
        let took = ended[0].0.duration_since(came);
        _ = writeln!(std::io::stderr(), "the microphone was given back {took:?} after a program came");
        assert!(took < Duration::from_secs(2), "given back after {took:?}");
        assert!(!pulse.pactl("list sink-inputs").contains("[siaga]"), "nothing is played any more");
        daemon.wait_for_check("seat", "ready", "audio.seat_in_use");
        // What was known stands, and nothing is opened while the agent reports twice, which is longer than a test's pace.
        for _ in 0..2 {
            let last = daemon.get("/api/v1/checks/seat").json()["evidence"]["at"].clone();
            daemon.wait_for("/api/v1/checks/seat", "a report", |answer| answer.json()["evidence"]["at"] != last);
        }
        assert_eq!(daemon.check("loopback"), known);
        assert_eq!(recordings.beside(theirs), ended);
        drop(call);
    }
    begins(&pulse);
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
    // One that nobody tells of: what it leaves may be faint or rough, and never is the room not ready for that.
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
            assert_ne!(verdict, "not_ready", "{method}: {said:#}");
            tests >= 3
        });
    }
}

#[test]
fn a_test_whose_agent_is_killed_ends_with_it_and_is_not_known() {
    let pulse = Pulse::start_hearing();
    // So that what it came to stands for a while.
    let folder = folder(&[("loopback", "at = \"seat\"\ninterval = \"5s\"\nretry = \"5s\"\nbad_for = \"0s\"\n")]);
    let daemon = Daemon::start(folder.path());
    daemon.wait_for_check("loopback", "unknown", "siaga.loopback_no_seat");
    let first = agent(&pulse, &folder);
    begins(&pulse);
    // As kill -9 does.
    drop(first);
    daemon.wait_for_check("loopback", "unknown", "siaga.loopback_untested");
    daemon.wait_for_check("loopback", "unknown", "siaga.loopback_no_seat");
    let left = [pulse.pactl("list sink-inputs"), pulse.pactl("list source-outputs")];
    assert!(!left.concat().contains("[siaga]"), "the child is not left behind");
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
    let call = pulse.spawn("pacat", &["--record", "--device=ear", "--client-name=meeting", "/dev/null"]);
    daemon.wait_for_check("seat", "ready", "audio.seat_in_use");
    drop(call);
    daemon.wait_for_check("seat", "ready", "");
    // And it is heard again.
    let last = daemon.get("/api/v1/checks/microphone").json()["evidence"]["at"].clone();
    daemon.wait_for("/api/v1/checks/microphone", "another test", |answer| answer.json()["evidence"]["at"] != last);
}
