//! The daemon speaks: a UPS that runs down, with no network at all, is said on the channel, and that it is over too. And the radio
//! is equipment too: what it hangs on is watched, and what was said and heard on it outlives the daemon.
#![allow(clippy::print_stdout, reason = "the figure is read with --nocapture")]
#![allow(clippy::disallowed_methods, reason = "a test's own watch, beside the clock under test")]

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Instant;

use super::storm::{COMPONENTS, become_, check};
use crate::crash_daemon::Desk;
use crate::receivers::{alert_test, config};
use crate::sessions::{MINUTE, Scheduler, ahead, meeting};
use crate::support::child::{wait_until, wait_within};
use crate::support::daemon::{Daemon, room, siaga, write_config};
use crate::support::on_air::{Card, of_tone, tones};
use crate::support::rigctld::Rigctld;
use crate::support::upsd::Upsd;

/// A receiver that speaks on the card, keyed by the rig.
pub(super) fn channel(rig: &Rigctld) -> String {
    channel_by(rig.address)
}

fn channel_by(rig: SocketAddr) -> String {
    channel_with(&format!("{{ method = \"rigctld\", address = \"{rig}\" }}"))
}

fn channel_with(ptt: &str) -> String {
    format!(
        "[[receiver]]\nname = \"channel\"\nkind = \"radio\"\nfrequency = \"162.475 MHz\"\nlicence = \"01234567-000SU/2020262031\"\n\
         station = \"Media Center\"\nplay = \"{}\"\nptt = {ptt}\nmin_gap = \"10s\"\n",
        Card::PCM
    )
}

/// How many transmissions a log tells of. A machine that stands still while the key is down has one cut off, which is not repeated.
fn transmissions(log: &str) -> usize {
    log.split("said on the radio said=").skip(1).map(|rest| rest[..1].parse::<usize>().unwrap()).sum()
}

#[test]
fn a_fault_is_said_and_its_end_and_each_keys_the_radio() {
    let (card, rig, mut upsd, folder) = (Card::start(), Rigctld::start(), Upsd::start(), room(""));
    write_config(folder.path(), &config(&upsd, &channel(&rig)));
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, folder.path());
    daemon.wait_for_check("ups", "ready", "");
    let mut radio = rig.onlooker();
    let said = |count: usize| daemon.log().matches("said on the radio").count() == count;
    upsd.set("ups.status", "OB LB");
    wait_until(|| daemon.log().contains("incident opened"));
    let opened = Instant::now();
    wait_until(|| radio.keyed());
    println!("the key went down {:.2} s after the incident was seen in the log", opened.elapsed().as_secs_f64());
    wait_until(|| said(1));
    assert!(!radio.keyed());
    upsd.set("ups.status", "OL");
    wait_until(|| radio.keyed());
    wait_until(|| said(2));
    assert!(!radio.keyed());
    daemon.wait_for("/metrics", "both are told", |answer| {
        answer.body.contains("siaga_notifications_delivered_total{receiver=\"channel\"} 2")
    });
    // People read on a page what was said, and what became of it.
    let page = daemon.get("/radio?lang=id").body;
    assert!(page.contains("UPS dan stabilizer") && page.matches("disampaikan pukul").count() == 2, "{page}");
    // The words as they were spoken: the fault, the same again, and its end, twice too.
    for words in ["Perhatian. Di sini Media Center", "Saya ulangi", "sudah pulih"] {
        assert!(page.to_lowercase().contains(&words.to_lowercase()), "{words} is not in {page}");
    }
    assert_eq!(page.matches("<q lang=\"id\">").count(), transmissions(&daemon.log()), "{page}");
    // Who is told what stands in the log, and no word of what was said.
    assert!(!daemon.log().contains("Perhatian"));
    daemon.stop();
}

#[test]
fn the_meeting_that_a_fault_threatens_is_named() {
    // "rapat" is a tone, by which it is known in what is sent.
    const TONE: f64 = 1600.0;
    let clips = tones(&[("rapat", TONE)]);
    let (card, rig, mut upsd, folder) = (Card::start(), Rigctld::start(), Upsd::start(), room(""));
    let clips_of_it = format!("{}clips = \"{}\"\n", channel(&rig), clips.path().display());
    write_config(folder.path(), &config(&upsd, &clips_of_it));
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, folder.path());
    daemon.wait_for_check("ups", "ready", "");
    let recorder = card.record();
    let said = |count: usize| daemon.log().matches("said on the radio").count() == count;
    // No meeting is near.
    upsd.set("ups.status", "OB LB");
    wait_until(|| said(1));
    upsd.set("ups.status", "OL");
    wait_until(|| said(2));
    assert_eq!(of_tone(&recorder.heard(), TONE), 0);
    let (jadwal, start) = (Scheduler::of(folder.path()), ahead(MINUTE * 40));
    let body = meeting("Dinkes Provinsi", start, MINUTE * 60);
    let booked = jadwal.send(&daemon, "PUT", "/api/v1/sessions/a", &body);
    assert_eq!(booked.status, 201, "{}", booked.body);
    upsd.set("ups.status", "OB LB");
    wait_until(|| said(3));
    // Twice, as all that matters is, but where the guard had to cut the repetition off on a machine that stood still.
    let log = daemon.log();
    let line = log.lines().rfind(|line| line.contains("said on the radio")).unwrap();
    let last = transmissions(line);
    assert!(last == 2 || last == 1 && line.contains("unrepeated="), "{line}");
    wait_until(|| of_tone(&recorder.heard(), TONE) >= 3 * last);
    assert!(!daemon.log().contains("Dinkes"), "{}", daemon.log());
    daemon.stop();
}

#[test]
fn what_a_busy_channel_leaves_no_room_for_is_told_in_writing_and_followed_to_its_end() {
    let (card, rig, mut upsd, desk, folder) = (Card::start(), Rigctld::start(), Upsd::start(), Desk::start(), room(""));
    let receivers = format!(
        "[[receiver]]\nname = \"channel\"\nkind = \"radio\"\nfrequency = \"162.475 MHz\"\nlicence = \"01234567-000SU/2020262031\"\n\
         station = \"Media Center\"\nplay = \"{}\"\nptt = {{ method = \"rigctld\", address = \"{}\" }}\n\
         busy = {{ method = \"audio\", capture = \"{}\" }}\nwait = \"5s\"\ninstead = [\"desk\"]\n\
         [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n[[route]]\nreceivers = [\"channel\"]\n",
        Card::PCM,
        rig.address,
        Card::EAR,
        desk.address
    );
    write_config(folder.path(), &config(&upsd, &receivers));
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, folder.path());
    daemon.wait_for_check("ups", "ready", "");
    let speaker = card.speaker();
    let mut radio = rig.onlooker();
    let told = || desk.told().iter().map(|one| one["event"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    upsd.set("ups.status", "OB LB");
    wait_until(|| {
        assert!(!radio.keyed(), "it speaks over somebody");
        told() == ["incident_opened"]
    });
    assert!(daemon.log().contains("the channel was busy for 5s"), "{}", daemon.log());
    // The radio goes on trying, and says it when it may; nobody is told a second time.
    drop(speaker);
    wait_until(|| daemon.log().contains("said on the radio"));
    upsd.set("ups.status", "OL");
    wait_until(|| told().len() == 2);
    assert_eq!(told(), ["incident_opened", "incident_closed"]);
    daemon.stop();
}

#[test]
fn what_is_new_while_the_radio_may_not_speak_is_told_in_writing_at_once() {
    let (card, rig, desk, folder) = (Card::start(), Rigctld::start(), Desk::start(), room(""));
    let at = folder.path();
    let radio = channel(&rig).replace("min_gap = \"10s\"", "min_gap = \"10m\"\ninstead = [\"desk\"]");
    let mut config = format!(
        "[components]\nradio = {{ absent = true }}\ninternet = {{ absent = true }}\ncomputer = {{ absent = true }}\n{radio}\
         [[receiver]]\nname = \"desk\"\nkind = \"webhook\"\nurl = \"http://{}/\"\n[[route]]\nreceivers = [\"channel\"]\n",
        desk.address
    );
    let faults = [COMPONENTS[0], COMPONENTS[2], COMPONENTS[3]];
    for fault in faults {
        become_(at, fault, "ready");
        config += &check(at, fault.0);
    }
    write_config(at, &config);
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, at);
    let told = || {
        let component = |one: &serde_json::Value| one["incident"]["component"].as_str().unwrap().to_owned();
        desk.told().iter().map(component).collect::<Vec<_>>()
    };
    for (component, ..) in faults {
        daemon.wait_for_check(component, "ready", "");
    }
    become_(at, faults[0], faults[0].2);
    wait_until(|| daemon.log().contains("said on the radio"));
    // The next message may follow in ten minutes, and the line to the radio waits for five of them.
    become_(at, faults[1], faults[1].2);
    wait_until(|| told() == ["audio"]);
    become_(at, faults[2], faults[2].2);
    wait_until(|| told() == ["audio", "video"]);
    assert_eq!(daemon.log().matches("said on the radio").count(), 1);
    daemon.stop();
}

#[test]
fn a_key_that_nobody_could_hold_at_the_start_is_released_once_somebody_can() {
    let (rig, upsd, folder) = (Rigctld::nobody(), Upsd::start(), room(""));
    write_config(folder.path(), &config(&upsd, &channel_by(rig)));
    let daemon = Daemon::start(folder.path());
    wait_until(|| daemon.log().contains("the radio's key cannot be held"));
    let rig = Rigctld::start_at(rig);
    let mut radio = rig.onlooker();
    radio.press();
    assert!(radio.keyed());
    // No message is to be said, and it is looked after each minute all the same.
    wait_within(3 * MINUTE, || !radio.keyed());
    daemon.stop();
}

/// How many guards a daemon has started that have not gone.
fn guards(daemon: u32) -> usize {
    let tasks = std::fs::read_dir(format!("/proc/{daemon}/task")).unwrap();
    let children = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok());
    let children = children.collect::<Vec<_>>().join(" ");
    let is_guard = |pid: &&str| {
        std::fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|command| command.contains("radio-guard"))
    };
    children.split_whitespace().filter(is_guard).count()
}

#[test]
fn a_guard_that_hangs_in_its_device_stays_the_only_one_until_it_has_gone() {
    let (card, upsd, folder) = (Card::start(), Upsd::start(), room(""));
    let at = folder.path();
    // To open it takes until somebody reads.
    let chip = at.join("hidraw");
    rustix::fs::mkfifoat(rustix::fs::CWD, &chip, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let ptt = format!("{{ method = \"cm108\", device = \"{}\", pin = 3 }}", chip.display());
    write_config(at, &config(&upsd, &channel_with(&ptt)));
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, at);
    wait_until(|| daemon.log().contains("the guard does not answer"));
    let test = alert_test(at, &["channel"]);
    let started = guards(daemon.pid());
    // Its device lets it go, and the next one stands.
    let chip = std::fs::File::open(&chip).unwrap();
    assert!(text(&test.stderr).contains("the radio's key: the last guard hangs"), "{test:?}");
    assert_eq!(started, 1);
    wait_until(|| daemon.log().contains("said on the radio"));
    assert_eq!(guards(daemon.pid()), 1);
    daemon.stop();
    drop(chip);
}

#[test]
fn a_test_message_waits_for_nothing_that_waits_no_more() {
    let (card, rig, mut upsd, folder) = (Card::start(), Rigctld::nobody(), Upsd::start(), room(""));
    let at = folder.path();
    write_config(at, &config(&upsd, &channel_by(rig)));
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, at);
    daemon.wait_for_check("ups", "ready", "");
    upsd.set("ups.status", "OB LB");
    wait_until(|| daemon.log().contains("not delivered; tried again"));
    // Its end overtakes it, and of what nobody heard begin nobody needs to hear the end.
    upsd.set("ups.status", "OL");
    daemon.wait_for("/metrics", "nothing waits", |answer| {
        let given_up = "siaga_notifications_given_up_total{receiver=\"channel\",reason=\"overtaken\"} 2\n";
        answer.body.contains(given_up)
    });
    let _rig = Rigctld::start_at(rig);
    let test = alert_test(at, &["channel"]);
    assert!(test.status.success() && text(&test.stdout).contains("channel: arrived"), "{test:?}\n{}", daemon.log());
    daemon.stop();
}

#[test]
fn a_test_message_behind_another_that_fails_again_says_so_at_once() {
    let (card, upsd, folder) = (Card::start(), Upsd::start(), room(""));
    write_config(folder.path(), &config(&upsd, &channel_by(Rigctld::nobody())));
    let mut command = siaga();
    card.at_home(&mut command);
    let daemon = Daemon::start_by(command, folder.path());
    let why = "the radio's key: the key cannot be opened";
    let first = text(&alert_test(folder.path(), &["channel"]).stderr);
    assert!(first.contains(&format!("channel: not arrived (local: {why}")), "{first}");
    let begun = Instant::now();
    let second = text(&alert_test(folder.path(), &["channel"]).stderr);
    assert!(second.contains("another message that has not arrived (local: ") && second.contains(why), "{second}");
    // No longer than that one's own end.
    assert!(begun.elapsed() < MINUTE, "{:?}", begun.elapsed());
    daemon.stop();
}

/// Gives the daemon an order by `siaga radio`.
fn radio(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = siaga();
    command.args(["radio", "--lang", "en", "--config"]).arg(folder.join("siaga.toml")).args(arguments);
    command.arg("--socket").arg(folder.join("state/control.sock"));
    command.stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_radio_check_and_the_last_message_outlive_a_daemon_that_is_killed() {
    let (card, rig, folder) = (Card::start(), Rigctld::start(), room(""));
    let absent = ["computer", "internet", "audio", "video", "power"];
    let absent: String = absent.map(|component| format!("{component} = {{ absent = true }}\n")).concat();
    let config = format!(
        "[components]\n{absent}[[check]]\nname = \"radio\"\nkind = \"radio\"\ninterval = \"500ms\"\nbad_for = \"0s\"\n\
         good_for = \"0s\"\n[[receiver]]\nname = \"channel\"\nkind = \"radio\"\nfrequency = \"162.475 MHz\"\n\
         licence = \"01234567-000SU/2020262031\"\nstation = \"Media Center\"\nplay = \"{}\"\n\
         ptt = {{ method = \"rigctld\", address = \"{}\" }}\nmonitor = \"{}\"\nmin_gap = \"5m\"\n",
        Card::PCM,
        rig.address,
        Card::SECOND
    );
    let at = folder.path();
    write_config(at, &config);
    let start = || {
        let mut command = siaga();
        card.at_home(&mut command);
        Daemon::start_by(command, at)
    };
    let daemon = start();
    daemon.wait_for_check("radio", "degraded", "radio.unheard");
    let nobody = radio(at, &["check", "--heard-by", " "]);
    assert!(nobody.status.code() == Some(2) && text(&nobody.stderr).contains("Say who heard it"), "{nobody:?}");
    assert_eq!(daemon.check("radio").0, "degraded");
    let noted = radio(at, &["check", "--heard-by", "Operator Satu"]);
    assert!(noted.status.success() && text(&noted.stdout).contains("Noted"), "{noted:?}");
    daemon.wait_for_check("radio", "ready", "radio.never_said");
    // By the daemon's mouth: it has the key in its hand.
    let twice = radio(at, &["test", "--twice"]);
    assert!(text(&twice.stderr).contains("the daemon runs and holds the key"), "{twice:?}");
    let test = radio(at, &["test"]);
    assert!(test.status.success(), "{test:?}");
    assert!(daemon.log().contains("said on the radio"));
    daemon.wait_for_check("radio", "ready", "");
    daemon.wait_for("/metrics", "the second receiver heard it", |answer| {
        answer.body.contains("siaga_radio_echo_heard{check=\"radio\"} 1\n")
    });
    assert!(!daemon.log().contains("Operator"), "a name stands in the audit alone");
    daemon.kill();

    let daemon = start();
    daemon.wait_for_check("radio", "ready", "");
    let test = radio(at, &["test"]);
    let why = text(&test.stderr);
    assert!(test.status.code() == Some(2) && why.contains("the last message was too short ago"), "{test:?}");
    let mut audit = siaga();
    let audit = audit.args(["audit", "--lang", "en", "--state-dir"]).arg(at.join("state")).output().unwrap();
    assert!(text(&audit.stdout).contains("heard by Operator Satu"), "{audit:?}");
    drop(rig);
    daemon.wait_for_check("radio", "not_ready", "radio.server_silent");
    daemon.stop();

    // Nobody holds the key now: the program itself would speak, and knows what was said too.
    let mut alone = siaga();
    card.at_home(&mut alone).args(["radio", "test", "--config"]).arg(at.join("siaga.toml"));
    alone.arg("--socket").arg(at.join("state/control.sock")).arg("--state-dir").arg(at.join("state"));
    let alone = alone.output().unwrap();
    assert!(text(&alone.stderr).contains("the last message was too short ago"), "{alone:?}");
}
