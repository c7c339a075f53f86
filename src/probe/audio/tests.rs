//! The `audio` probe over sound cards that the tests write themselves.

use std::fmt::Write as _;

use super::*;
use crate::probe::fixture::{Machine, found, value};

/// A sound card as procfs shows one; `pcms` such as `["0c", "0p"]`.
struct Fixture {
    number: u32,
    id: &'static str,
    driver: &'static str,
    name: &'static str,
    place: &'static str,
    usb: Option<&'static str>,
    pcms: &'static [&'static str],
}

const ONBOARD: Fixture = Fixture {
    number: 0,
    id: "PCH",
    driver: "HDA-Intel",
    name: "HDA Intel PCH",
    place: "HDA Intel PCH at 0xf7f10000 irq 30",
    usb: None,
    pcms: &["0c", "0p"],
};

const HEADSET: Fixture = Fixture {
    number: 1,
    id: "Headset",
    driver: "USB-Audio",
    name: "Room Headset",
    place: "Maker Room Headset at usb-0000:00:14.0-2, full speed",
    usb: Some("0b0e:0300"),
    pcms: &["0c", "0p"],
};

const TWIN: Fixture =
    Fixture { number: 2, id: "Headset_1", place: "Maker Room Headset at usb-0000:00:14.0-3, full speed", ..HEADSET };

fn machine(cards: &[Fixture]) -> Machine {
    let machine = Machine::bare();
    let mut list = String::new();
    for card in cards {
        let Fixture { number, id, driver, name, place, .. } = card;
        _ = write!(list, "{number:2} [{id:15}]: {driver} - {name}\n                      {place}\n");
        let folder = format!("proc/asound/card{number}");
        machine.write(&format!("{folder}/id"), format!("{id}\n"));
        if let Some(usb) = card.usb {
            machine.write(&format!("{folder}/usbid"), format!("{usb}\n"));
        }
        for pcm in card.pcms {
            machine.write(&format!("{folder}/pcm{pcm}/sub0/status"), "closed\n");
            machine.write(&format!("{folder}/pcm{pcm}/info"), "card: 0\n");
        }
        machine.write(&format!("{folder}/oss_mixer"), "");
    }
    machine.write("proc/asound/cards", if list.is_empty() { "--- no soundcards ---\n".into() } else { list });
    machine
}

/// A stand-in for `amixer` that reads a card's controls from the machine's own folder and notes that it was asked.
fn probe(machine: &Machine, config: &str) -> Probe {
    let folder = machine.path("").display().to_string();
    let script = format!(
        "cd {folder} && echo $2 >> asked && [ ! -e hang-$2 ] || exec sleep infinity\n[ -e mixer-$2 ] && cat mixer-$2\n"
    );
    machine.write("amixer", script);
    let mut probe = Probe::new(toml::from_str(config).unwrap(), machine.context());
    (probe.program, probe.deadline) =
        (Program::other("/bin/sh", &[machine.path("amixer").to_str().unwrap()]), Duration::from_secs(20));
    probe
}

async fn see(machine: &Machine, config: &str) -> Observation {
    probe(machine, config).next().await
}

const PASSIVE: &str = "mixer = false";

#[tokio::test]
async fn a_driver_that_holds_a_stream_holds_nobody_else() {
    let machine = machine(&[ONBOARD, HEADSET]);
    let status = machine.path("proc/asound/card1/pcm0c/sub0/status");
    std::fs::remove_file(&status).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &status, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let mut headset = probe(&machine, &format!("card = \"Headset\"\n{PASSIVE}"));
    let mut onboard = probe(&machine, &format!("card = \"PCH\"\n{PASSIVE}"));
    // Long enough for the look to begin on a busy machine.
    headset.deadline = Duration::from_secs(2);
    for _ in 0..2 {
        let seen = headset.next().await;
        assert_eq!(found(&seen), [("audio.card_unanswering", Verdict::Degraded)]);
        assert_eq!(seen.reading.in_use, None, "nobody can tell");
        assert_eq!(found(&onboard.next().await), [], "another card's check does not wait for it");
    }
    // A pipe is at its end for whoever waits at it when its last writer has gone.
    let held = machine.path("held");
    std::fs::rename(&status, &held).unwrap();
    std::fs::write(&status, "closed\n").unwrap();
    drop(std::fs::File::options().write(true).open(held).unwrap());
    headset.deadline = Duration::from_secs(20);
    let well = async { while !found(&headset.next().await).is_empty() {} };
    tokio::time::timeout(Duration::from_mins(1), well).await.unwrap();
}

#[tokio::test]
async fn the_radios_card_is_none_of_the_rooms() {
    const RADIO: Fixture = Fixture { number: 2, id: "Device", name: "USB PnP Sound Device", ..HEADSET };
    let mut config: Config = toml::from_str(PASSIVE).unwrap();
    config.radio = Named::of_pcm("plughw:CARD=Device,DEV=0").into_iter().collect();
    let see = |cards: &[Fixture]| {
        let machine = machine(cards);
        // The channel is listened to all the time, which is no meeting.
        machine.write("proc/asound/card2/pcm0c/sub0/status", "state: RUNNING\nowner_pid   : 149\n");
        let mut probe = Probe::new(config.clone(), machine.context());
        async move { (machine, probe.next().await) }
    };
    let (_, alone) = see(&[RADIO]).await;
    assert_eq!(found(&alone), [("audio.no_card", Verdict::NotReady)]);
    let (_, beside) = see(&[HEADSET, RADIO]).await;
    assert_eq!((found(&beside), beside.reading.in_use), (vec![], Some(false)));
    assert_eq!(value(&beside.reading, "audio_cards", None), Some(1.0));
}

#[tokio::test]
async fn a_named_card_that_was_pulled_out_is_not_replaced_by_its_twin() {
    let before = machine(&[HEADSET, TWIN]);
    let named = format!("card = \"Headset\"\n{PASSIVE}");
    let mut probe = probe(&before, &named);
    assert_eq!(found(&probe.next().await), []);
    before.write("proc/asound/cards", std::fs::read(machine(&[TWIN]).path("proc/asound/cards")).unwrap());
    assert_eq!(found(&probe.next().await), [("audio.card_missing", Verdict::NotReady)]);
    // As a reload builds it.
    let again = Probe::new(toml::from_str(&named).unwrap(), probe.context.clone()).next().await;
    assert_eq!(found(&again), [("audio.card_missing", Verdict::NotReady)]);
}

#[tokio::test]
async fn an_enrolled_card_that_is_not_there_is_named() {
    let machine = machine(&[ONBOARD]);
    for (name, card) in [("Room Headset", "auto"), ("HDA Intel PCH", "auto"), ("Room Headset", "PCH")] {
        let device = format!("[[device]]\nkind = \"audio\"\nname = \"{name}\"\nplace = \"usb-0000:00:14.0-2\"\n");
        machine.write("enrolled.toml", format!("at = \"2026-11-25T02:00:00Z\"\n{device}"));
        let seen = found(&see(&machine, &format!("{PASSIVE}\ncard = \"{card}\"")).await);
        // The onboard card is known by its name wherever it is; the check on it does not speak of the headset.
        let expected: &[_] = match (name, card) {
            ("Room Headset", "auto") => &[("audio.card_enrolled_missing", Verdict::Degraded)],
            _ => &[],
        };
        assert_eq!(seen, expected, "{name} {card}");
    }
}

#[tokio::test]
async fn a_kernel_without_sound_and_a_machine_without_cards_have_no_card() {
    for machine in [Machine::bare(), machine(&[])] {
        let seen = see(&machine, "").await;
        assert_eq!(found(&seen), [("audio.no_card", Verdict::NotReady)]);
        assert_eq!(value(&seen.reading, "audio_cards", None), Some(0.0));
        let seen = see(&machine, "card = \"Headset\"").await;
        assert_eq!(found(&seen), [("audio.card_missing", Verdict::NotReady)]);
    }
}

#[tokio::test]
async fn a_usb_headset_is_enough() {
    let seen = see(&machine(&[HEADSET]), PASSIVE).await;
    assert_eq!(found(&seen), []);
    assert_eq!(value(&seen.reading, "audio_streams", Some("capture")), Some(1.0));
    assert_eq!(value(&seen.reading, "audio_in_use", Some("capture")), Some(0.0));
    assert_eq!(seen.reading.in_use, Some(false));
}

#[tokio::test]
async fn software_proves_nothing_unless_it_is_named() {
    let machine = machine(&[Fixture { driver: "Loopback", id: "Loop", name: "Loopback", ..ONBOARD }]);
    assert_eq!(found(&see(&machine, PASSIVE).await), [("audio.no_card", Verdict::NotReady)]);
    assert_eq!(found(&see(&machine, "card = \"Loop\"\nmixer = false").await), []);
}

#[tokio::test]
async fn a_card_is_named_by_id_name_place_and_usb_numbers() {
    let machine = machine(&[ONBOARD, HEADSET, TWIN]);
    for (wanted, cards) in [
        ("auto", 3.0),
        ("PCH", 1.0),
        ("Headset", 1.0),
        ("Headset_1", 1.0),
        ("room headset", 2.0),
        ("0b0e:0300", 2.0),
        ("usb-0000:00:14.0-3", 1.0),
    ] {
        let seen = see(&machine, &format!("card = \"{wanted}\"\nmixer = false")).await;
        assert_eq!(found(&seen), [], "{wanted}");
        assert_eq!(value(&seen.reading, "audio_cards", None), Some(cards), "{wanted}");
    }
    let seen = see(&machine, "card = \"Jabra\"\nmixer = false").await;
    assert_eq!(found(&seen), [("audio.card_missing", Verdict::NotReady)]);
}

#[tokio::test]
async fn twins_are_told_apart_by_their_socket() {
    let machine = machine(&[ONBOARD, HEADSET, TWIN]);
    let cards: Vec<_> = present(&machine.roots()).unwrap().into_iter().map(|card| card.card).collect();
    assert_eq!(cards, ["PCH", "usb-0000:00:14.0-2", "usb-0000:00:14.0-3"]);
}

#[tokio::test]
async fn a_missing_direction_counts_only_where_it_is_wanted() {
    let speakers = machine(&[Fixture { pcms: &["3p", "7p"], ..ONBOARD }]);
    assert_eq!(found(&see(&speakers, PASSIVE).await), [("audio.no_capture", Verdict::NotReady)]);
    assert_eq!(found(&see(&speakers, "capture = false").await), []);
    let microphone = machine(&[Fixture { pcms: &["0c"], ..HEADSET }]);
    assert_eq!(found(&see(&microphone, PASSIVE).await), [("audio.no_playback", Verdict::NotReady)]);
    assert_eq!(found(&see(&microphone, "playback = false\nmixer = false").await), []);
    // One records, the other plays: together they serve.
    let both = machine(&[Fixture { pcms: &["3p"], ..ONBOARD }, Fixture { pcms: &["0c"], ..HEADSET }]);
    assert_eq!(found(&see(&both, PASSIVE).await), []);
}

#[tokio::test]
async fn a_recording_microphone_is_in_use_and_healthy_and_its_holder_is_named() {
    let machine = machine(&[HEADSET]);
    let status = "proc/asound/card1/pcm0c/sub0/status";
    machine.write(status, "state: RUNNING\nowner_pid   : 151\ntrigger_time: 12.3\n");
    let seen = see(&machine, PASSIVE).await;
    assert_eq!(found(&seen), [("audio.in_use_unseen", Verdict::Ready)]);
    assert_eq!(seen.reading.in_use, Some(true));

    // The owner is a thread of the sound server.
    machine.write("proc/151/status", "Name:\talsa-source\nTgid:\t149\n");
    machine.write("proc/149/comm", "conference\n");
    let seen = see(&machine, PASSIVE).await;
    assert_eq!(found(&seen), [("audio.in_use", Verdict::Ready)]);
    assert!(seen.reading.findings[0].args.contains(&("holder", "conference".into())));

    for state in ["XRUN", "DRAINING", "PAUSED", "SUSPENDED"] {
        machine.write(status, format!("state: {state}\nowner_pid   : 151\n"));
        assert_eq!(see(&machine, PASSIVE).await.reading.in_use, Some(true), "{state} is no end of it");
    }
    machine.write(status, "state: PREPARED\nowner_pid   : 151\n");
    assert_eq!(see(&machine, PASSIVE).await.reading.in_use, Some(false));
    machine.write("proc/asound/card1/pcm0p/sub0/status", "state: RUNNING\nowner_pid   : 151\n");
    let seen = see(&machine, PASSIVE).await;
    assert_eq!(seen.reading.in_use, Some(false), "a loudspeaker that plays is no meeting");
    assert_eq!(value(&seen.reading, "audio_in_use", Some("playback")), Some(1.0));
}

#[tokio::test]
async fn what_a_sound_server_holds_open_for_nobody_is_no_use_of_the_room_where_its_sessions_agent_says_so() {
    use crate::probe::seat::report::Report;

    let machine = machine(&[HEADSET]);
    machine.write("proc/asound/card1/pcm0c/sub0/status", "state: RUNNING\nowner_pid   : 151\n");
    machine.write("proc/151/status", "Name:\talsa-source\nTgid:\t149\nPPid:\t1\nUid:\t1000\t1000\t1000\t1000\n");
    machine.write("proc/149/comm", "pulseaudio\n");
    let context = machine.context();
    let (desktop, now) = (context.desktop.clone(), context.clock.mono());
    let mut probe = Probe::new(toml::from_str(PASSIVE).unwrap(), context);
    let mut seen = async || probe.next().await.reading;
    assert_eq!(seen().await.in_use, Some(true), "nobody says for whom");
    let _asked = desktop.watch(&"seat".into(), 1000);
    assert_eq!(seen().await.in_use, Some(true), "its agent has said nothing yet");
    let says = |recorders: &[&str]| {
        let recorders = recorders.iter().map(|name| (*name).to_owned()).collect();
        let report = Report::Sound { source: None, sink: None, recorders, players: Vec::new() };
        desktop.heard(&"seat".into(), now, Some(&report));
    };
    says(&[]);
    assert_eq!(seen().await.in_use, Some(false));
    machine.write("proc/149/comm", "conference\n");
    assert_eq!(seen().await.in_use, Some(true), "a program of its own");
    machine.write("proc/149/comm", "pipewire\n");
    assert_eq!(seen().await.in_use, Some(false));
    says(&["zoom"]);
    assert_eq!(seen().await.in_use, Some(true));
    says(&[]);
    machine.write("proc/151/status", "Tgid:\t149\nPPid:\t1\nUid:\t1001\t1001\t1001\t1001\n");
    assert_eq!(seen().await.in_use, Some(true), "another user's server");
}

fn controls(switch: &str, volume: u32) -> String {
    format!(
        "numid=1,iface=MIXER,name='Mic Capture Switch'\n  ; type=BOOLEAN,access=rw------,values=1\n  : values={switch}\nnumid=2,iface=MIXER,name='Mic Capture Volume'\n  ; type=INTEGER,access=rw------,values=1,min=0,max=127,step=0\n  : values={volume}\n"
    )
}

#[tokio::test]
async fn a_muted_microphone_is_told_and_in_a_meeting_it_is_a_persons_choice() {
    let machine = machine(&[HEADSET]);
    machine.write("mixer-1", controls("on", 80));
    let seen = see(&machine, "").await;
    assert_eq!(found(&seen), []);
    assert_eq!(value(&seen.reading, "audio_capture_switched_on", Some("Headset")), Some(1.0));
    machine.write("mixer-1", controls("off", 80));
    let seen = see(&machine, "").await;
    assert_eq!(found(&seen), [("audio.microphone_muted", Verdict::NotReady)]);
    assert_eq!(value(&seen.reading, "audio_capture_switched_on", Some("Headset")), Some(0.0));
    machine.write("mixer-1", controls("on", 0));
    assert_eq!(found(&see(&machine, "").await), [("audio.microphone_volume_lowest", Verdict::Degraded)]);

    machine.write("mixer-1", controls("off", 80));
    machine.write("proc/asound/card1/pcm0c/sub0/status", "state: RUNNING\nowner_pid   : 151\n");
    let notes = [("audio.in_use_unseen", Verdict::Ready), ("audio.microphone_muted", Verdict::Degraded)];
    assert_eq!(found(&see(&machine, "").await), notes);
}

#[tokio::test]
async fn one_microphone_that_is_on_is_enough() {
    let machine = machine(&[ONBOARD, HEADSET]);
    machine.write("mixer-0", controls("off", 0));
    machine.write("mixer-1", controls("on", 80));
    assert_eq!(found(&see(&machine, "").await), []);
    machine.write("mixer-1", controls("off", 80));
    assert_eq!(found(&see(&machine, "").await), [("audio.microphone_muted", Verdict::NotReady)]);
}

#[tokio::test]
async fn the_mixer_is_looked_at_again_when_another_card_came_and_else_by_its_own_time() {
    let room = machine(&[HEADSET]);
    room.write("mixer-1", controls("on", 80));
    let mut probe = probe(&room, "requery = \"1h\"");
    for _ in 0..3 {
        assert_eq!(found(&probe.next().await), []);
    }
    let asked = || std::fs::read_to_string(room.path("asked")).unwrap().lines().count();
    assert_eq!(asked(), 1);
    let list = std::fs::read_to_string(room.path("proc/asound/cards")).unwrap();
    room.write("proc/asound/cards", list.replace("14.0-2", "14.0-4"));
    room.write("mixer-1", controls("off", 80));
    assert_eq!(found(&probe.next().await), [("audio.microphone_muted", Verdict::NotReady)]);
    assert_eq!(asked(), 2);
}

#[tokio::test]
async fn a_mixer_that_cannot_be_seen_is_told() {
    let room = machine(&[HEADSET]);
    // The stand-in ends with 1, as amixer does without permission.
    assert_eq!(found(&see(&room, "").await), [("siaga.mixer_unseen", Verdict::Unknown)]);
    let mut absent = probe(&room, "");
    absent.program = Program::other("/nonexistent/amixer", &[]);
    assert_eq!(found(&absent.next().await), [("siaga.mixer_unseen", Verdict::Unknown)]);
    room.write("hang-1", "");
    let mut hanging = probe(&room, "");
    hanging.deadline = Duration::from_secs(1);
    assert_eq!(found(&hanging.next().await), [("audio.card_unanswering", Verdict::Degraded)]);
}
