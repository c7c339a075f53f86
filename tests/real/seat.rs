//! The desktop session's sound settings: a real `PulseAudio` in a session of its own, the real agent in it, the probe outside.

use std::path::Path;
use std::time::Duration;

use siaga::clock::Clock;
use siaga::domain::{ErrorKind, Kind, Observation, Verdict};
use siaga::probe::{Probe, ProbeConfig};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::support::child::Child;
use crate::support::probe::{context, findings, soon, value};
use crate::support::pulse::{self, Pulse};

/// A room: its probe, and the place where the agent reports.
struct Room {
    folder: TempDir,
    probe: Probe,
    _in_use: watch::Sender<bool>,
}

impl Room {
    fn of(user: u32, more: &str) -> Self {
        Self::enrolled(user, more, None)
    }

    fn enrolled(user: u32, more: &str, record: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // The session's user must reach the socket, as it reaches /run/siaga.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).unwrap();
        Self::at(folder, user, more, record)
    }

    fn at(folder: TempDir, user: u32, more: &str, record: Option<&Path>) -> Self {
        let config: toml::Table =
            format!("user = {user}\nsocket = \"{}\"\n{more}", folder.path().join("seat.sock").display())
                .parse()
                .unwrap();
        let in_use = watch::Sender::new(false);
        let mut context = context("seat", Duration::from_millis(500), &in_use);
        context.enrolled = record.map(Path::to_owned);
        let probe = ProbeConfig::deserialize_as(Kind::Seat, config).unwrap().build(context);
        Self { folder, probe, _in_use: in_use }
    }

    fn agent(&self, pulse: &Pulse) -> Child {
        let socket = self.folder.path().join("seat.sock");
        pulse.spawn(env!("CARGO_BIN_EXE_siaga"), &["seat", "--socket", socket.to_str().unwrap()])
    }

    /// Observes until the findings are these.
    async fn until(&mut self, wanted: &[(&str, Verdict)]) -> Observation {
        let mut last = Vec::new();
        let seen = async {
            loop {
                let seen = self.probe.next().await;
                last = findings(&seen);
                if last == wanted {
                    return seen;
                }
            }
        };
        match tokio::time::timeout(Duration::from_mins(1), seen).await {
            Ok(seen) => seen,
            Err(late) => panic!("{wanted:?} did not come ({late}); the last was {last:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_set_in_the_session_is_seen_and_taken_back() {
    let pulse = Pulse::start();
    let mut room = Room::of(Pulse::user(), "");
    room.until(&[("siaga.seat_absent", Verdict::Unknown)]).await;
    let agent = room.agent(&pulse);
    let good = room.until(&[]).await;
    assert_eq!(value(&good, "seat_connected", None), Some(1.0));
    assert_eq!(value(&good, "seat_volume_ratio", Some("capture")), Some(1.0));
    assert_eq!(value(&good, "seat_muted", Some("playback")), Some(0.0));
    assert_eq!(good.reading.in_use, Some(false));
    for (fault, mended, code, verdict) in [
        ("set-source-mute mic 1", "set-source-mute mic 0", "audio.default_source_muted", Verdict::NotReady),
        ("set-sink-mute speaker 1", "set-sink-mute speaker 0", "audio.default_sink_muted", Verdict::NotReady),
        ("set-source-volume mic 10%", "set-source-volume mic 100%", "audio.default_source_quiet", Verdict::Degraded),
        ("set-source-volume mic 0", "set-source-volume mic 100%", "audio.default_source_quiet", Verdict::NotReady),
        ("set-sink-volume speaker 0", "set-sink-volume speaker 100%", "audio.default_sink_quiet", Verdict::NotReady),
        ("set-default-source speaker.monitor", "set-default-source mic", "audio.no_default_source", Verdict::NotReady),
    ] {
        pulse.pactl(fault);
        room.until(&[(code, verdict)]).await;
        pulse.pactl(mended);
        room.until(&[]).await;
    }
    drop(agent);
    room.until(&[("siaga.seat_absent", Verdict::Unknown)]).await;
}

#[tokio::test]
async fn another_default_than_the_rooms_own_is_told_by_name() {
    let pulse = Pulse::start();
    let mut room = Room::of(Pulse::user(), "source = \"Conference\"\n");
    let _agent = room.agent(&pulse);
    let seen = room.until(&[("audio.default_source_other", Verdict::Degraded)]).await;
    let finding = &seen.reading.findings[0];
    let told = siaga::domain::reason::fill(finding.reason.message.en, &finding.args, siaga::domain::Lang::En);
    assert_eq!(told, "The chosen microphone is Mic, not Conference");
    pulse.pactl("load-module module-null-source source_name=other description=ConferencePhone");
    pulse.pactl("set-default-source other");
    room.until(&[]).await;
}

#[tokio::test]
async fn another_default_than_the_enrolled_one_is_told_by_name() {
    let pulse = Pulse::start();
    let state = Pulse::new_folder();
    let (config, record) = (state.path().join("siaga.toml"), state.path().join("enrolled.toml"));
    std::fs::write(&config, format!("[[check]]\nname = \"seat\"\nkind = \"seat\"\nuser = {}\n", Pulse::user()))
        .unwrap();
    let enroll = |more: &[&str]| {
        let mut siaga = pulse.command(env!("CARGO_BIN_EXE_siaga"));
        siaga.args(["--lang", "en", "--config"]).arg(&config).arg("enroll").args(more);
        let output = siaga.arg("--output").arg(&record).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, told) = enroll(&[]);
    assert!(code == Some(0) && told.contains("Default microphone Mic (mic) at @DEFAULT_SOURCE@"), "{told}");
    assert!(told.contains("Default loudspeaker Speaker (speaker) at @DEFAULT_SINK@"), "{told}");

    let mut room = Room::enrolled(Pulse::user(), "", Some(&record));
    let _agent = room.agent(&pulse);
    room.until(&[]).await;
    // A twin, which people see by the same name.
    pulse.pactl("load-module module-null-source source_name=mic.2 description=Mic");
    pulse.pactl("set-default-source mic.2");
    let seen = room.until(&[("audio.default_source_other", Verdict::Degraded)]).await;
    let finding = &seen.reading.findings[0];
    let said = siaga::domain::reason::fill(finding.reason.message.en, &finding.args, siaga::domain::Lang::En);
    assert_eq!(said, "The chosen microphone is Mic (mic.2), not Mic (mic)");
    let (code, told) = enroll(&["--compare"]);
    let other = "Default microphone Mic (mic.2) at @DEFAULT_SOURCE@: is another than the enrolled one, Mic (mic)";
    assert!(code == Some(2) && told.contains(other), "{told}");
    let (code, told) = enroll(&[]);
    assert_eq!(code, Some(0), "{told}");
    room.until(&[]).await;
    std::fs::write(&record, "at = \"then\"").unwrap();
    room.until(&[("siaga.seat_record_unreadable", Verdict::Ready)]).await;
}

#[tokio::test]
async fn who_records_from_the_microphone_holds_the_room_and_who_records_the_screens_sound_does_not() {
    let pulse = Pulse::start();
    let mut room = Room::of(Pulse::user(), "");
    let _agent = room.agent(&pulse);
    room.until(&[]).await;
    let screen = pulse.spawn("parec", &["--device=speaker.monitor", "/dev/null"]);
    let recording = pulse.spawn("pacat", &["--record", "--device=mic", "--client-name=meeting", "/dev/null"]);
    let seen = room.until(&[("audio.seat_in_use", Verdict::Ready)]).await;
    assert_eq!(seen.reading.in_use, Some(true));
    let holder = &seen.reading.findings[0].args[0];
    assert_eq!(format!("{:?}", holder.1), "Text(\"meeting\")", "and nobody else");
    drop(recording);
    let seen = room.until(&[]).await;
    assert_eq!(seen.reading.in_use, Some(false));
    drop(screen);
}

#[tokio::test]
async fn a_frozen_server_an_ended_one_and_a_frozen_agent_are_told_apart() {
    let mut pulse = Pulse::start();
    let mut room = Room::of(Pulse::user(), "");
    let agent = room.agent(&pulse);
    room.until(&[]).await;
    pulse.server().freeze();
    room.until(&[("audio.server_unanswering", Verdict::NotReady)]).await;
    pulse.server().thaw();
    room.until(&[]).await;
    pulse.end();
    room.until(&[("audio.server_missing", Verdict::NotReady)]).await;
    pulse.begin();
    room.until(&[]).await;
    agent.freeze();
    let silent = room.until(&[("siaga.seat_silent", Verdict::Unknown)]).await;
    assert_eq!(silent.error.unwrap().kind, ErrorKind::Timeout);
    agent.thaw();
    room.until(&[]).await;
}

#[tokio::test]
async fn what_an_agent_said_of_the_rooms_use_ends_some_time_after_it_was_killed_or_froze() {
    let pulse = Pulse::start();
    let mut room = Room::of(Pulse::user(), "");
    let _recording = pulse.spawn("pacat", &["--record", "--device=mic", "--client-name=meeting", "/dev/null"]);
    let agent = room.agent(&pulse);
    let seen = room.until(&[("audio.seat_in_use", Verdict::Ready)]).await;
    assert_eq!(seen.reading.in_use, Some(true));
    // As kill -9 does. One that is started again at once ends no meeting.
    drop(agent);
    let mut seen = room.until(&[("siaga.seat_absent", Verdict::Unknown)]).await;
    assert_eq!(seen.reading.in_use, None);
    while seen.reading.in_use.is_none() {
        seen = soon(room.probe.next()).await;
        assert_eq!(findings(&seen), [("siaga.seat_absent", Verdict::Unknown)]);
    }
    assert_eq!(seen.reading.in_use, Some(false));

    let agent = room.agent(&pulse);
    let seen = room.until(&[("audio.seat_in_use", Verdict::Ready)]).await;
    assert_eq!(seen.reading.in_use, Some(true));
    agent.freeze();
    let seen = room.until(&[("siaga.seat_silent", Verdict::Unknown)]).await;
    assert_eq!(seen.reading.in_use, Some(false));
}

#[tokio::test]
async fn an_agent_waits_for_its_daemon_and_finds_the_next_one() {
    let pulse = Pulse::start();
    let mut first = Room::of(Pulse::user(), "");
    let _agent = first.agent(&pulse);
    first.until(&[]).await;
    let Room { folder, probe, .. } = first;
    drop(probe);
    let mut second = Room::at(folder, Pulse::user(), "", None);
    let clock = Clock::start();
    let seen = soon(second.probe.next()).await;
    // The agent tries each second, and a new daemon gives it two and a half before it speaks of its absence.
    assert!(findings(&seen).is_empty() || clock.elapsed() >= Duration::from_millis(2500), "{seen:?}");
    second.until(&[]).await;
}

#[tokio::test]
async fn somebody_elses_agent_is_not_believed() {
    let pulse = Pulse::start();
    let mut room = Room::of(Pulse::user() + 1, "");
    let socket = room.folder.path().join("seat.sock");
    // The first look opens the socket, so that the stranger finds it.
    room.until(&[("siaga.seat_absent", Verdict::Unknown)]).await;
    pulse::wait_for(&socket);
    let _agent = room.agent(&pulse);
    for _ in 0..4 {
        let seen = soon(room.probe.next()).await;
        assert_eq!(findings(&seen), [("siaga.seat_absent", Verdict::Unknown)]);
    }
}
