//! The `microphone` probe over cards and children that the tests write themselves.

use super::*;
use crate::domain::Mono;
use crate::probe::child::Program;
use crate::probe::fixture::{Machine, found, value};
use crate::probe::schedule::{Outcome, Refusal};
use crate::probe::sound::is_good;

const GOOD: &str = r#"{"found":{"peak":-30.0,"rms":-45.0,"offset":0.0,"clipped":0.0,"clipped_run":0,"constant":0.0,
    "hum":3.0,"delivered":1.0,"overruns":0,"rate":48000}}"#;

fn machine() -> Machine {
    let machine = Machine::bare();
    machine
        .write("proc/asound/cards", " 0 [Headset        ]: USB-Audio - Room Headset\n                      at usb\n");
    machine.write("proc/asound/card0/pcm0c/sub0/status", "closed\n");
    machine
}

/// A probe whose child notes what it was asked for, and says what the machine's `answer` holds; without one it hangs.
fn probe(machine: &Machine) -> Probe {
    let folder = machine.path("");
    machine.write(
        "child.sh",
        format!("cd {} && echo $* >> asked && [ -e answer ] && exec cat answer; exec sleep infinity", folder.display()),
    );
    let config = Config { retry: Period(Duration::from_millis(1)), ..Config::default() };
    let mut probe = Probe::new(config, machine.context());
    probe.tester.program = Program::other("/bin/sh", &[machine.path("child.sh").to_str().unwrap()]);
    probe.tester.deadline = Duration::from_secs(20);
    probe
}

fn asked(machine: &Machine) -> usize {
    std::fs::read_to_string(machine.path("asked")).unwrap_or_default().lines().count()
}

#[tokio::test]
async fn a_good_microphone_is_measured_and_nothing_is_found() {
    let machine = machine();
    machine.write("answer", GOOD);
    let seen = probe(&machine).next().await;
    assert_eq!(found(&seen), []);
    assert_eq!(value(&seen.reading, "microphone_rms_decibels", None), Some(-45.0));
    assert_eq!(value(&seen.reading, "microphone_rate_hertz", None), Some(48_000.0));
    assert_eq!(std::fs::read_to_string(machine.path("asked")).unwrap(), "microphone plughw:CARD=Headset,DEV=0\n");
    assert!(is_good(&seen.reading, &Config::default().rules()));
}

#[tokio::test]
async fn it_says_where_its_card_is_attached_so_that_it_speaks_for_no_other_bus() {
    let machine = machine();
    std::fs::create_dir_all(machine.path("sys/devices/platform/snd_aloop.0")).unwrap();
    machine.link("sys/class/sound/card0/device", machine.path("sys/devices/platform/snd_aloop.0"));
    for answer in [GOOD, r#"{"failed":{"kind":"timeout","detail":""}}"#] {
        machine.write("answer", answer);
        assert_eq!(probe(&machine).next().await.reading.places, ["snd_aloop.0"], "{answer}");
    }
    machine.write("answer", GOOD);
    let mut other = probe(&machine);
    other.config.pcm = Some("pulse".to_owned());
    assert!(other.next().await.reading.places.is_empty(), "who stands behind a sound server's is not seen");
}

#[tokio::test]
async fn what_is_wrong_is_found_or_stands_beyond_a_rule() {
    for (good, wrong, code) in [
        ("\"constant\":0.0", "\"constant\":1.5", "audio.microphone_silent"),
        ("\"clipped\":0.0", "\"clipped\":0.01", "audio.microphone_clipped"),
        ("\"clipped_run\":0", "\"clipped_run\":3", "audio.microphone_clipped"),
        // Too little to be missed in what was delivered.
        ("\"overruns\":0", "\"overruns\":1", "audio.microphone_gaps"),
        ("\"rate\":48000", "\"rate\":44100", "audio.microphone_rate"),
        ("\"rms\":-45.0", "\"rms\":-80.0", ""),
        ("\"offset\":0.0", "\"offset\":0.02", ""),
        ("\"hum\":3.0", "\"hum\":25.0", ""),
        ("\"delivered\":1.0", "\"delivered\":0.9", ""),
    ] {
        let machine = machine();
        machine.write("answer", GOOD.replace(good, wrong));
        let seen = probe(&machine).next().await;
        let codes: Vec<_> = found(&seen).into_iter().map(|(code, _)| code).collect();
        assert_eq!(codes.join(" "), code, "{wrong}");
        assert!(!is_good(&seen.reading, &Config::default().rules()), "{wrong}");
    }
}

#[tokio::test]
async fn a_microphone_that_another_has_is_a_note_once_and_is_not_opened() {
    let machine = machine();
    machine.write("answer", GOOD);
    machine.write("proc/asound/card0/pcm0c/sub0/status", "state: RUNNING\nowner_pid   : 149\n");
    machine.write("proc/149/comm", "conference\n");
    let mut probe = probe(&machine);
    assert_eq!(found(&probe.next().await), [("audio.microphone_not_heard", Verdict::Ready)]);
    // What was told stands until it is free.
    tokio::select! {
        seen = probe.next() => panic!("{seen:?}"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    assert_eq!(asked(&machine), 0);
    machine.write("proc/asound/card0/pcm0c/sub0/status", "closed\n");
    assert_eq!(found(&probe.next().await), []);
}

#[tokio::test]
async fn a_microphone_that_another_has_is_no_news_while_what_was_known_stands_and_no_answer_to_who_asks() {
    let machine = machine();
    machine.write("answer", GOOD);
    machine.write("proc/asound/card0/pcm0c/sub0/status", "state: RUNNING\nowner_pid   : 149\n");
    machine.write("proc/149/comm", "conference\n");
    let refused = Ok(Outcome::Refused(Refusal::Busy("conference".to_owned())));
    // A restart: what the process before has heard stands for an hour.
    let mut probe = probe(&machine);
    probe.tester.context.stands_until = probe.tester.context.clock.mono().after(Duration::from_hours(1));
    let told = probe.tester.context.requests.ask();
    tokio::select! {
        seen = probe.next() => panic!("{seen:?}"),
        told = told => assert_eq!(told, refused),
    }
    tokio::select! {
        seen = probe.next() => panic!("{seen:?}"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    // Nothing is known, and somebody asks: they are told, and nothing else is.
    probe.tester.context.stands_until = Mono::ZERO;
    let told = probe.tester.context.requests.ask();
    tokio::select! {
        biased;
        told = told => assert_eq!(told, refused),
        seen = probe.next() => assert_eq!(found(&seen), [("audio.microphone_not_heard", Verdict::Ready)]),
    }
}

#[tokio::test]
async fn a_test_is_cut_off_when_the_room_comes_into_use_and_made_again_after() {
    let machine = machine();
    let mut probe = probe(&machine);
    let begun = async {
        while asked(&machine) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        seen = probe.next() => panic!("it hangs until it is killed: {seen:?}"),
        () = begun => {}
    }
    // The future was dropped; its child with it. A new test runs, is cut off, and waits.
    let using = async {
        while asked(&machine) < 2 {
            tokio::task::yield_now().await;
        }
        machine.in_use.send_replace(true);
        machine.write("answer", GOOD);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(asked(&machine), 2, "nothing is opened while the room is in use");
        machine.in_use.send_replace(false);
    };
    let (seen, ()) = tokio::join!(probe.next(), using);
    assert_eq!(found(&seen), []);
    assert_eq!(asked(&machine), 3);
}

#[tokio::test]
async fn what_the_child_met_is_judged_by_its_kind() {
    for (kind, expected) in [
        ("gone", ("audio.microphone_gone", Verdict::NotReady)),
        ("timeout", ("audio.microphone_unanswering", Verdict::NotReady)),
        ("busy", ("audio.microphone_not_heard", Verdict::Ready)),
        ("permission", ("siaga.microphone_no_permission", Verdict::Unknown)),
        ("protocol", ("siaga.microphone_untested", Verdict::Unknown)),
    ] {
        let machine = machine();
        machine.write("answer", format!(r#"{{"failed":{{"kind":"{kind}","detail":"told"}}}}"#));
        assert_eq!(found(&probe(&machine).next().await), [expected], "{kind}");
    }
    let bare = Machine::bare();
    assert_eq!(found(&probe(&bare).next().await), [("audio.microphone_gone", Verdict::NotReady)]);
}
