//! What the unit as shipped lets the daemon do with each kind of equipment: look, listen, play, hear of what comes and goes, take
//! orders, read the room's record. Each is shown by something that only a daemon that did it can tell.

use crate::cameras::same;
use crate::daemon::room;
use crate::equipment::Camera;
use crate::guest::Lab;
use crate::hearing::{CALL, EAR, Player, noise};

/// A look of two seconds, again and again. An emulated processor does not always keep up with the frames.
const LOOK: &str = "interval = \"2s\"\nsettle = \"0s\"\nduration = \"2s\"\ndelivered_degraded = 0.1\n";

/// Nor with the samples.
const LISTEN: &str = "delivered_below = 0.5\n";

/// The card with a mixer, whose use is the room's.
const CARD: &str = "card = \"Dummy\"\ninterval = \"500ms\"\nrequery = \"1s\"\n";

const SWEEP: &str = "play = \"plughw:CARD=Loop,DEV=0\"\ncapture = \"plughw:CARD=Loop,DEV=1\"\ninterval = \"3s\"\n\
                     retry = \"1s\"\n";

/// Longer than any test: what is told sooner was told by the kernel.
const HOURLY: &str = "interval = \"1h\"\nfresh_for = \"2h\"\n";

/// A pattern that moves, and a black picture that does not.
const GOOD: &str = "test_pattern=0,osd_text_mode=0,brightness=170,horizontal_movement=6";
const BLACK: &str = "test_pattern=5,osd_text_mode=2,brightness=128";

#[test]
fn pictures_are_looked_at_and_the_camera_stays_as_it_was() {
    let lab = Lab::start_system();
    let (test, usb) = (lab.camera(Camera::Vivid(0)), lab.camera(Camera::Usb("CAM0001")));
    usb.replug();
    lab.sh(&format!("v4l2-ctl -d {} --set-parm 5", usb.node()));
    let set = |what: &str| lab.sh(&format!("v4l2-ctl -d {} {what}", test.node()));
    set(&format!("--set-fmt-video=width=320,height=180,pixelformat=NV12 --set-parm 10 --set-ctrl {GOOD}"));
    let before = test.settings();
    let service = lab.service(&room(
        &["video"],
        &[
            ("frames", &format!("name = \"test\"\ndevice = \"vivid\"\n{LOOK}")),
            ("frames", &format!("name = \"usb\"\ndevice = \"1209:0001\"\n{LOOK}")),
        ],
    ));
    let daemon = &service.daemon;
    daemon.stands_at("test", "ready", "");
    daemon.stands_at("usb", "ready", "");
    set(&format!("--set-ctrl {BLACK}"));
    daemon.stands_at("test", "not_ready", "video.frame_black");
    usb.freeze(true);
    daemon.stands_at("usb", "not_ready", "video.camera_dead");
    usb.freeze(false);
    set(&format!("--set-ctrl {GOOD}"));
    daemon.ready();
    same(&before, &test.settings());
}

#[test]
fn a_camera_that_another_user_opens_during_a_look_is_given_back_at_once() {
    let lab = Lab::start_system();
    let node = lab.camera(Camera::Vivid(0)).node();
    // Looks that would take longer than the test waits for anything.
    let look =
        LOOK.replace("duration = \"2s\"", "duration = \"30s\"").replace("interval = \"2s\"", "interval = \"10s\"");
    let service = lab.service(&room(&["video"], &[("frames", &format!("device = \"vivid\"\n{look}"))]));
    let given_back = || -> Vec<u32> {
        let journal = service.journal();
        let told =
            journal.lines().filter_map(|line| line.split_once("given back after ")?.1.split(' ').next()?.parse().ok());
        told.collect()
    };
    for round in 1..=2 {
        lab.wait_for(&format!("cat /proc/[0-9]*/maps 2>/dev/null | grep -q {node}"));
        // Its first try finds the camera busy; one of the next ones has it.
        lab.wait_for(&format!(
            "setpriv --reuid=1000 --regid=video --clear-groups \
             v4l2-ctl -d {node} --stream-mmap --stream-count=1 --stream-to=/dev/null"
        ));
        assert_eq!(given_back().len(), round, "{}", service.journal());
    }
    // A safety deadline of 100 ms, by the daemon's own clock, on a processor that is five times slower.
    let took = given_back();
    assert!(took.iter().all(|took| *took < 500), "{took:?}");
}

#[test]
fn a_microphone_is_listened_to_and_given_back_to_who_records() {
    let lab = Lab::start_system();
    lab.card().mute(false);
    let player = Player::start(&lab, &noise(0.005), 48_000);
    let service = lab.service(&room(&["audio"], &[("audio", CARD), ("microphone", &format!("{EAR}{LISTEN}"))]));
    let daemon = &service.daemon;
    daemon.ready();
    player.hush();
    daemon.stands_at("microphone", "not_ready", "audio.microphone_silent");
    player.play(&noise(0.005));
    daemon.ready();
    let call = lab.spawn("call", CALL);
    daemon.check("audio", "ready", "audio.in_use");
    // It records as another user: its name is seen all the same.
    assert!(service.check("audio")["reasons"].to_string().contains("arecord"), "{}", service.check("audio"));
    daemon.wait_for("/api/v1/checks/microphone", "held", |_, body| !body.contains("\"held\":null"));
    lab.sh(&format!("kill {call}"));
    daemon.wait_for("/api/v1/checks/microphone", "not held", |_, body| body.contains("\"held\":null"));
}

#[test]
fn loudspeakers_are_played_to_and_heard() {
    let lab = Lab::start_system();
    let service = lab.service(&room(&["audio"], &[("loopback", SWEEP)]));
    service.daemon.stands_at("loopback", "ready", "");
    let heard = service.check("loopback")["measurements"].to_string();
    assert!(heard.contains("loopback_level_decibels"), "{heard}");
}

#[test]
fn what_comes_and_goes_is_heard_of_from_the_kernel() {
    let lab = Lab::start_system();
    let (test, usb, card, display) =
        (lab.camera(Camera::Vivid(0)), lab.camera(Camera::Usb("CAM0001")), lab.card(), lab.display());
    usb.replug();
    display.attach();
    let named = |name: &str, keys: &str| format!("name = \"{name}\"\n{keys}{HOURLY}");
    let service = lab.service(&room(
        &["computer", "audio", "video"],
        &[
            ("usb", HOURLY),
            ("camera", &named("test", "device = \"vivid\"\nrequery = \"1h\"\n")),
            ("camera", &named("webcam", "device = \"1209:0001\"\nrequery = \"1h\"\n")),
            ("audio", &named("audio", "card = \"Dummy\"\nmixer = false\nrequery = \"1h\"\n")),
            ("display", HOURLY),
        ],
    ));
    let daemon = &service.daemon;
    daemon.ready();
    test.unplug();
    daemon.stands_at("test", "not_ready", "video.camera_missing");
    card.unplug();
    daemon.stands_at("audio", "not_ready", "audio.card_missing");
    display.unplug();
    daemon.stands_at("display", "not_ready", "video.display_disconnected");
    test.replug();
    card.replug();
    display.replug();
    daemon.ready();
    lab.usb().dies();
    daemon.stands_at("usb", "not_ready", "computer.usb_bus_missing");
    daemon.check("webcam", "not_ready", "video.camera_missing");
}

/// Runs `siaga` as a user of the guest: exit code and all that was printed.
fn siaga(lab: &Lab, user: &str, words: &str) -> (i32, String) {
    let output = lab.run(&format!("setpriv --reuid={user} --regid={user} --init-groups siaga --lang en {words} 2>&1"));
    (output.code, output.text())
}

#[test]
fn orders_are_taken_from_whom_the_kernel_names() {
    let lab = Lab::start_system();
    lab.card().mute(false);
    lab.sh("groupadd media && useradd --user-group --groups media officer && useradd --user-group visitor");
    let _player = Player::start(&lab, &noise(0.005), 48_000);
    let config = room(
        &["audio"],
        &[
            ("audio", CARD),
            // By itself once an hour: whoever is told of a test has asked for one.
            ("microphone", &format!("pcm = \"plughw:CARD=Loop,DEV=1\"\n{LISTEN}{HOURLY}")),
        ],
    );
    let service = lab.service(&format!("{config}\n[control]\ngroup = \"media\"\n"));
    let daemon = &service.daemon;
    daemon.ready();
    for user in ["root", "officer"] {
        let (code, told) = siaga(&lab, user, "test microphone");
        // It is made; what it finds is the emulated card's matter, which loses a buffer now and then.
        assert!(code != 3 && told.contains("microphone"), "{user}: {code}: {told}");
    }
    let (code, told) = siaga(&lab, "visitor", "test microphone");
    assert!(code == 3 && told.contains("you may not do this"), "{code}: {told}");
    let call = lab.spawn("call", CALL);
    daemon.check("audio", "ready", "audio.in_use");
    let (code, told) = siaga(&lab, "officer", "test microphone");
    assert!(code == 3 && told.contains("The room is in use by arecord"), "{code}: {told}");
    lab.sh(&format!("kill {call}"));
    let (code, audit) = siaga(&lab, "root", "audit --state-dir /var/lib/siaga");
    assert_eq!(code, 0, "{audit}");
    let acts: Vec<&str> = audit.lines().filter_map(|line| line.split_once("  ")).map(|(_, act)| act).collect();
    assert_eq!(acts.len(), 4, "{acts:?}");
    for (act, user) in acts.iter().zip(["root", "officer"]) {
        let made = act.strip_prefix(&format!("{user} (local)  test microphone: "));
        assert!(made.is_some_and(|found| !found.starts_with("refused")), "{acts:?}");
    }
    let refused = [
        "visitor (local)  test microphone: refused: not allowed",
        "officer (local)  test microphone: refused: the room is in use",
    ];
    assert_eq!(acts[2..], refused);
}

#[test]
fn a_record_that_root_has_made_is_read() {
    let lab = Lab::start_system();
    let (recorded, other) = (lab.camera(Camera::Usb("CAM0001")), lab.camera(Camera::Usb("CAM0002")));
    recorded.replug();
    let service = lab.service(&room(&["video"], &[("camera", "interval = \"500ms\"\n")]));
    let daemon = &service.daemon;
    daemon.stands_at("camera", "ready", "");
    // As whoever lets nobody read what they write does it too.
    lab.sh("umask 077 && siaga enroll --state-dir /var/lib/siaga");
    recorded.unplug();
    daemon.check("camera", "degraded", "video.camera_enrolled_missing");
    other.replug();
    daemon.check("camera", "degraded", "video.camera_other");
    lab.sh("siaga enroll --state-dir /var/lib/siaga");
    daemon.stands_at("camera", "ready", "");
}
