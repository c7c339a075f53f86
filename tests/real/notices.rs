//! The room as a receiver: a banner on its page, and a notice that a real sound server plays while nobody meets there. A clip that is a
//! tone stands for a phrase, so that what is said is known in what is recorded.
#![allow(clippy::print_stdout, reason = "the figure is read with --nocapture")]

use std::time::Duration;

use jiff::Timestamp;

use crate::receivers::config;
use crate::session_sound::Recordings;
use crate::sessions::{MINUTE, Scheduler, ahead, meeting};
use crate::support::child::wait_until;
use crate::support::daemon::{Daemon, room, siaga, write_config};
use crate::support::on_air::{Card, of_tone, tones};
use crate::support::pulse::Pulse;
use crate::support::upsd::Upsd;

/// The tones of "perhatian" and "rapat", in Hz.
const ATTENTION: f64 = 1000.0;
const MEETING: f64 = 1600.0;

/// The room as a receiver that speaks on a card.
fn receiver(play: &str, clips: &std::path::Path, rest: &str) -> String {
    format!(
        "[[receiver]]\nname = \"ruang\"\nkind = \"room\"\nplay = \"{play}\"\nclips = \"{}\"\n{rest}",
        clips.display()
    )
}

fn start(card: &Card, folder: &std::path::Path) -> Daemon {
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, folder);
    daemon.wait_for_check("ups", "ready", "");
    daemon
}

/// How often a notification was given up for that.
fn given_up(daemon: &Daemon, why: &str) -> bool {
    let series = format!("siaga_notifications_given_up_total{{reason=\"{why}\",receiver=\"ruang\"}} 1\n");
    let other = format!("siaga_notifications_given_up_total{{receiver=\"ruang\",reason=\"{why}\"}} 1\n");
    let metrics = daemon.get("/metrics").body;
    metrics.contains(&series) || metrics.contains(&other)
}

#[test]
fn a_fault_is_said_in_an_idle_room_and_stands_on_its_page_until_somebody_sees_to_it() {
    let clips = tones(&[("perhatian", ATTENTION), ("rapat", MEETING)]);
    let (card, mut upsd, folder) = (Card::start(), Upsd::start(), room(""));
    write_config(folder.path(), &config(&upsd, &receiver(Card::PCM, clips.path(), "")));
    let daemon = start(&card, folder.path());
    let recorder = card.record();
    assert!(!daemon.get("/").body.contains("role=\"alert\""));
    upsd.set("ups.status", "OB LB");
    wait_until(|| daemon.log().contains("said in the room"));
    wait_until(|| of_tone(&recorder.heard(), ATTENTION) >= 3);
    assert_eq!(of_tone(&recorder.heard(), MEETING), 0, "no meeting is near");
    assert!(!daemon.log().contains("Perhatian"), "no word of it is in the log");
    for (lang, says, to_do) in [("id", "UPS dan stabilizer", "Yang harus dilakukan"), ("en", "UPS", "What to do")] {
        let page = daemon.get(&format!("/?lang={lang}")).body;
        let banner = page.split("role=\"alert\"").nth(1).unwrap_or_else(|| panic!("{page}"));
        let banner = banner.split("</div>").next().unwrap();
        assert!(banner.contains(says) && banner.contains(to_do), "{banner}");
    }
    // It comes from what is stored, and is not said again.
    daemon.kill();
    let daemon = {
        let mut command = siaga();
        card.at_home(&mut command);
        Daemon::start_by(command, folder.path())
    };
    daemon.wait_for("/", "the banner stands again", |answer| answer.body.contains("role=\"alert\""));
    let mut command = siaga();
    command.args(["alert", "ack", "--lang", "en", "--config"]).arg(folder.path().join("siaga.toml"));
    let noted = command.arg("--state-dir").arg(folder.path().join("state")).output().unwrap();
    assert!(noted.status.success(), "{noted:?}");
    daemon.wait_for("/", "no banner is left", |answer| !answer.body.contains("role=\"alert\""));
    // The end is said; another fault stands there until it is over.
    upsd.set("ups.status", "OL");
    wait_until(|| daemon.log().contains("said in the room"));
    upsd.set("ups.status", "OB LB");
    daemon.wait_for("/", "another banner", |answer| answer.body.contains("role=\"alert\""));
    upsd.set("ups.status", "OL");
    daemon.wait_for("/", "it is over", |answer| !answer.body.contains("role=\"alert\""));
    daemon.stop();
}

#[test]
fn in_preflight_the_meeting_is_named_and_while_it_is_held_nothing_is_heard() {
    let clips = tones(&[("perhatian", ATTENTION), ("rapat", MEETING)]);
    let (card, mut upsd, folder) = (Card::start(), Upsd::start(), room(""));
    write_config(folder.path(), &config(&upsd, &receiver(Card::PCM, clips.path(), "[agenda]\npreflight = \"30m\"\n")));
    let daemon = start(&card, folder.path());
    let jadwal = Scheduler::of(folder.path());
    let book = |id: &str, start: Timestamp| {
        let booked = jadwal.send(
            &daemon,
            "PUT",
            &format!("/api/v1/sessions/{id}"),
            &meeting("Dinkes Provinsi", start, MINUTE * 60),
        );
        assert_eq!(booked.status, 201, "{}", booked.body);
    };
    book("a", ahead(MINUTE * 20));
    daemon.wait_for("/api/v1/agenda", "preflight", |answer| answer.json()["phase"] == "preflight");
    let recorder = card.record();
    upsd.set("ups.status", "OB LB");
    wait_until(|| daemon.log().contains("said in the room"));
    wait_until(|| of_tone(&recorder.heard(), MEETING) >= 3);
    drop(recorder);
    upsd.set("ups.status", "OL");
    wait_until(|| daemon.log().matches("said in the room").count() == 2);
    let cancelled = jadwal.send(&daemon, "DELETE", "/api/v1/sessions/a", &serde_json::json!({}));
    assert!(cancelled.status < 300, "{}", cancelled.body);
    book("b", ahead(Duration::from_secs(3)));
    daemon.wait_for("/api/v1/agenda", "the meeting is live", |answer| answer.json()["phase"] == "live");
    let recorder = card.record();
    upsd.set("ups.status", "OB LB");
    wait_until(|| given_up(&daemon, "meeting"));
    daemon.wait_for("/", "the banner stands all the same", |answer| answer.body.contains("role=\"alert\""));
    assert!(recorder.heard().iter().all(|sample| sample.abs() < 1e-4), "something is heard in a meeting");
    assert!(daemon.log().contains("not said, and not later either"), "{}", daemon.log());
    assert_eq!(daemon.log().matches("said in the room").count(), 2);
    daemon.stop();
}

#[test]
fn at_a_quiet_hour_nothing_is_said() {
    let clips = tones(&[]);
    let (card, mut upsd, folder) = (Card::start(), Upsd::start(), room(""));
    let quiet = "quiet_hours = \"00:00-24:00\"\n";
    write_config(folder.path(), &config(&upsd, &receiver(Card::PCM, clips.path(), quiet)));
    let daemon = start(&card, folder.path());
    let order = |words: &[&str]| {
        let mut command = siaga();
        command.args(words).args(["--lang", "en", "--config"]).arg(folder.path().join("siaga.toml"));
        command.arg("--socket").arg(folder.path().join("state/control.sock")).output().unwrap()
    };
    // Who tries it is told why it was not heard.
    let tried = order(&["alert", "test"]);
    let why = String::from_utf8_lossy(&tried.stderr).into_owned();
    assert!(tried.status.code() == Some(2) && why.contains("quiet_hours"), "{tried:?}");
    assert!(given_up(&daemon, "quiet_hours"));
    // What is only practised says so on the banner.
    // Not before the daemon has seen the room for a while.
    wait_until(|| order(&["drill", "mains-out"]).status.success());
    let practised =
        |page: &str| page.split("role=\"alert\"").nth(1).is_some_and(|banner| banner.contains("LATIHAN – "));
    daemon.wait_for("/?lang=id", "a drill on the banner", |answer| practised(&answer.body));
    assert!(order(&["drill", "end"]).status.success());
    daemon.wait_for("/", "no banner is left", |answer| !answer.body.contains("role=\"alert\""));
    upsd.set("ups.status", "OB LB");
    daemon.wait_for("/", "the banner stands", |answer| answer.body.contains("role=\"alert\""));
    assert!(!daemon.log().contains("said in the room"));
    daemon.stop();
}

/// A safety deadline: 100 ms from when the daemon knows. The session's eye takes 100 ms and a look before that; five times that on a
/// busy machine.
#[test]
fn a_notice_ends_at_once_when_a_program_records() {
    let clips = tones(&[("perhatian", ATTENTION)]);
    let (pulse, mut upsd) = (Pulse::start_hearing(), Upsd::start());
    let folder = room("");
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(folder.path(), open).unwrap();
    let socket = folder.path().join("seat.sock");
    let seat = format!(
        "[[check]]\nname = \"seat\"\nkind = \"seat\"\nuser = {}\nsocket = \"{}\"\ninterval = \"1s\"\ngood_for = \"0s\"\nbad_for = \"0s\"\n\
         [[route]]\nreceivers = [\"ruang\"]\ncomponents = [\"power\"]\n",
        Pulse::user(),
        socket.display()
    );
    let text = config(&upsd, &receiver("pulse", clips.path(), &seat)).replace("audio = { absent = true }\n", "");
    write_config(folder.path(), &text);
    let mut command = siaga();
    command.env("PULSE_SERVER", format!("unix:{}", pulse.folder().join("pulse/native").display()));
    command.env("PULSE_COOKIE", pulse.folder().join(".config/pulse/cookie")).env_remove("XDG_RUNTIME_DIR");
    let daemon = Daemon::start_by(command, folder.path());
    let _agent = pulse.spawn(env!("CARGO_BIN_EXE_siaga"), &["seat", "--socket", socket.to_str().unwrap()]);
    daemon.wait_for_check("ups", "ready", "");
    daemon.wait_for_check("seat", "ready", "");
    let speaks = || pulse.pactl("list sink-inputs").contains("[siaga]");
    upsd.set("ups.status", "OB LB");
    wait_until(speaks);
    let recordings = Recordings::of(&pulse);
    let _call = pulse.spawn("pacat", &["--record", "--device=ear", "--client-name=meeting", "/dev/null"]);
    let came = recordings.first("new on source-output");
    let ended = recordings.first("remove on sink-input");
    let took = ended.duration_since(came);
    println!("the notice ended {took:.2?} after the recording had begun");
    assert!(took < Duration::from_secs(2), "{took:?}");
    wait_until(|| given_up(&daemon, "room_in_use"));
    assert!(!speaks() && !daemon.log().contains("said in the room"), "{}", daemon.log());
    daemon.stop();
}
