//! The `frames` probe over cameras whose child is a script, and the judge over numbers.

use super::*;
use crate::domain::ErrorKind;
use crate::probe::camera::holder::Holder;
use crate::probe::camera::judge::name;
use crate::probe::fixture::{Machine, found, value};
use look::Seen;
use siaga_signal::light::Light;

const GOOD: Light = Light { black: 0.1, drowned: 0.1, burnt: 0.0, mean: 110.0, deviation: 50.0, edges: 900.0 };

fn seen(light: Light) -> Seen {
    Seen {
        captures: true,
        grey: false,
        format: "YUYV".to_owned(),
        promised: Some(30.0),
        frames: 90,
        looked: 15,
        damaged: 0,
        delivered: 30.0,
        repeated: 0.0,
        light: Some(light),
        change: Some(0.01),
        failure: None,
    }
}

fn node(number: u32) -> Node {
    Node {
        name: format!("video{number}"),
        path: format!("/dev/video{number}").into(),
        card: String::new(),
        usb: None,
        by_id: None,
        by_path: None,
        index: 0,
        device: "/sys".into(),
        born: 1,
    }
}

fn told(sights: Vec<Sight>) -> Vec<(&'static str, Verdict)> {
    let sights: Vec<_> = (0..).map(node).zip(sights).collect();
    let reading = judge::reading(&Config::default(), &sights);
    reading.findings.iter().map(|finding| (finding.reason.code, finding.verdict)).collect()
}

fn one(seen: Seen) -> Vec<(&'static str, Verdict)> {
    told(vec![Sight::Looked(Ok(seen))])
}

#[test]
fn a_picture_is_held_to_each_limit() {
    use Verdict::{Degraded, NotReady, Ready};
    let good = || seen(GOOD);
    let cases = [
        ("good", good(), vec![]),
        (
            "black",
            seen(Light { black: 0.98, drowned: 0.9, deviation: 1.0, edges: 1.0, ..GOOD }),
            vec![("video.frame_black", NotReady)],
        ),
        ("nearly black", seen(Light { black: 0.97, drowned: 0.51, ..GOOD }), vec![("video.frame_dark", Degraded)]),
        ("at the limit", seen(Light { drowned: 0.5, burnt: 0.5, ..GOOD }), vec![]),
        ("a window", seen(Light { burnt: 0.51, ..GOOD }), vec![("video.frame_bright", Degraded)]),
        ("covered", seen(Light { deviation: 5.9, edges: 9.9, ..GOOD }), vec![("video.frame_uniform", Degraded)]),
        ("a wall with a picture", seen(Light { deviation: 5.9, edges: 10.0, ..GOOD }), vec![]),
        ("frozen", Seen { repeated: 1.01, change: Some(0.0), ..good() }, vec![("video.frame_frozen", NotReady)]),
        ("a frame sent twice", Seen { repeated: 1.0, ..good() }, vec![]),
        ("still", Seen { change: Some(0.001), ..good() }, vec![("video.frame_still", Ready)]),
        ("slow", Seen { delivered: 23.9, ..good() }, vec![("video.frames_few", Degraded)]),
        ("slow enough", Seen { delivered: 24.0, ..good() }, vec![]),
        ("no rate told", Seen { promised: None, delivered: 1.0, ..good() }, vec![]),
        ("dead", Seen { frames: 0, looked: 0, light: None, ..good() }, vec![("video.camera_dead", NotReady)]),
        ("broken off", Seen { failure: Some("EIO".to_owned()), ..good() }, vec![("video.stream_failed", NotReady)]),
        ("one damaged", Seen { damaged: 1, ..good() }, vec![]),
        ("two damaged", Seen { damaged: 2, ..good() }, vec![("video.frames_damaged", Degraded)]),
        (
            "grey where it is torn",
            Seen { damaged: 15, ..seen(Light { burnt: 0.51, ..GOOD }) },
            vec![("video.frames_damaged", Degraded)],
        ),
        ("nothing can be shown", Seen { damaged: 15, light: None, ..good() }, vec![("video.frames_damaged", NotReady)]),
        (
            "damaged by the driver's word",
            Seen { damaged: 15, frames: 0, light: None, ..good() },
            vec![("video.frames_damaged", NotReady)],
        ),
        ("H.264", Seen { looked: 0, light: None, change: None, ..good() }, vec![("video.format_unread", Ready)]),
    ];
    for (what, seen, expected) in cases {
        assert_eq!(one(seen), expected, "{what}");
    }
}

#[test]
fn what_the_child_met_is_judged_by_its_kind() {
    for (kind, expected) in [
        (ErrorKind::Timeout, ("video.camera_dead", Verdict::NotReady)),
        (ErrorKind::Busy, ("video.camera_in_use_unseen", Verdict::Ready)),
        (ErrorKind::Permission, ("siaga.camera_no_permission", Verdict::Unknown)),
        (ErrorKind::Internal, ("siaga.frames_unreadable", Verdict::Unknown)),
        (ErrorKind::Gone, ("video.no_camera", Verdict::NotReady)),
    ] {
        assert_eq!(told(vec![Sight::Looked(Err(ProbeError::new(kind, "told")))]), [expected], "{kind:?}");
    }
}

#[test]
fn a_spare_that_fails_takes_nothing_but_the_spare() {
    let dead = || Sight::Looked(Ok(Seen { frames: 0, looked: 0, light: None, ..seen(GOOD) }));
    let metadata = Sight::Looked(Ok(Seen::default()));
    assert_eq!(told(vec![dead(), metadata]), [("video.camera_dead", Verdict::NotReady)]);
    assert_eq!(told(vec![dead(), Sight::Looked(Ok(seen(GOOD)))]), [("video.camera_dead", Verdict::Degraded)]);
    assert_eq!(name(&node(0)), "video0");
}

/// A machine with one camera, and a probe whose child is `script`.
fn probe(machine: &Machine, script: &str) -> Probe {
    let folder = "sys/devices/usb1/1-1/1-1:1.0";
    machine.write("sys/devices/usb1/1-1/idVendor", "046d\n");
    machine.write("sys/devices/usb1/1-1/idProduct", "0825\n");
    machine.write(&format!("{folder}/power/runtime_status"), "suspended\n");
    machine.write(&format!("{folder}/video4linux/video0/name"), "Cam\n");
    machine.link(&format!("{folder}/video4linux/video0/device"), "../..");
    machine.link("sys/class/video4linux/video0", machine.path(&format!("{folder}/video4linux/video0")));
    machine.write("dev/video0", "");
    let mut probe = Probe::new(Config::default(), machine.context());
    let script = format!("cd {} && echo $1 >> asked && {script}", machine.path("").display());
    machine.write("child.sh", script);
    probe.program = Program::other("/bin/sh", &[machine.path("child.sh").to_str().unwrap()]);
    probe
}

fn says(seen: &Seen) -> String {
    format!("echo '{{\"found\":{}}}'", serde_json::to_string(seen).unwrap())
}

#[tokio::test]
async fn numbers_are_measured_by_camera() {
    let machine = Machine::bare();
    let seen = probe(&machine, &says(&Seen { delivered: 27.0, ..seen(GOOD) })).next().await;
    assert_eq!(found(&seen), []);
    assert_eq!(value(&seen.reading, "frames_delivered_ratio", Some("video0")), Some(0.9));
    assert_eq!(value(&seen.reading, "frames_underexposed_ratio", Some("video0")), Some(0.1));
    assert_eq!(value(&seen.reading, "frames_children_left_behind", None), Some(0.0));
    assert_eq!(seen.reading.places.len(), 1, "where it is attached, so that it speaks for no other bus");
    assert_eq!(seen.reading.in_use, None, "whether somebody uses it is another check's word");
}

#[test]
fn a_camera_that_sees_no_colours_is_known_by_all_its_formats() {
    let is_grey =
        |formats: &[&str]| look::is_grey(&formats.iter().map(|&format| format.to_owned()).collect::<Vec<_>>());
    for grey in [&["GREY"][..], &["Y16", "Y8I", "Z16"]] {
        assert!(is_grey(grey), "{grey:?}");
    }
    // YUV 4:1:1 and 4:2:2 among them.
    for coloured in [&[][..], &["MJPG"], &["GREY", "YUYV"], &["Y41P"], &["Y210"]] {
        assert!(!is_grey(coloured), "{coloured:?}");
    }
}

#[tokio::test]
async fn an_infrared_camera_is_looked_at_only_where_there_is_no_other() {
    let left_alone = says(&Seen { captures: true, grey: true, ..Seen::default() });
    let dark = says(&seen(Light { black: 1.0, ..GOOD }));
    // As the child does: by what it is told, the plan among it.
    let infrared = format!("case $3 in *'\"grey\":true'*) {dark};; *) {left_alone};; esac");
    let machine = Machine::bare();
    let mut alone = probe(&machine, &infrared);
    assert_eq!(found(&alone.next().await), [("video.frame_black", Verdict::NotReady)], "nothing else is there");
    let beside = format!("case $2 in */video0) {infrared};; *) {};; esac", says(&seen(GOOD)));
    let mut both = probe_beside(&machine, &beside);
    let seen = both.next().await;
    assert_eq!(found(&seen), []);
    assert_eq!(value(&seen.reading, "frames_luma_ratio", Some("video0")), None);
    assert!(value(&seen.reading, "frames_luma_ratio", Some("video2")).is_some());
    let named = Config { device: "/dev/video0".to_owned(), ..Config::default() };
    both.config = named;
    assert_eq!(found(&both.next().await), [("video.frame_black", Verdict::NotReady)], "who names it means it");
}

/// The same machine with a second camera.
fn probe_beside(machine: &Machine, script: &str) -> Probe {
    let folder = "sys/devices/usb1/1-2/1-2:1.0";
    machine.write(&format!("{folder}/power/runtime_status"), "suspended\n");
    machine.write(&format!("{folder}/video4linux/video2/name"), "Other\n");
    machine.link(&format!("{folder}/video4linux/video2/device"), "../..");
    machine.link("sys/class/video4linux/video2", machine.path(&format!("{folder}/video4linux/video2")));
    machine.write("dev/video2", "");
    machine.remove("sys/class/video4linux/video0");
    machine.remove("sys/devices/usb1/1-1/1-1:1.0/video4linux/video0/device");
    probe(machine, script)
}

#[tokio::test]
async fn a_camera_that_somebody_has_is_not_opened() {
    let machine = Machine::bare();
    let mut probe = probe(&machine, &says(&seen(GOOD)));
    machine.write("sys/devices/usb1/1-1/1-1:1.0/power/runtime_status", "active\n");
    assert_eq!(found(&probe.next().await), [("video.camera_in_use_unseen", Verdict::Ready)]);
    assert!(!machine.path("asked").exists());
    machine.write("sys/devices/usb1/1-1/1-1:1.0/power/runtime_status", "suspended\n");
    assert_eq!(found(&probe.next().await), []);
    assert!(machine.path("asked").exists());
}

#[tokio::test]
async fn our_own_look_is_nobodys_use() {
    let machine = Machine::bare();
    let _probe = probe(&machine, "exit 1");
    machine.write("sys/devices/usb1/1-1/1-1:1.0/power/runtime_status", "active\n");
    let node = super::super::camera::list(&machine.roots()).unwrap().remove(0);
    let ours = Ours::claim(&node, Purpose::Look);
    assert_eq!(holder::of(&node, &machine.roots()), Holder::Nobody);
    machine.link("proc/149/fd/7", machine.path("dev/video0"));
    machine.write("proc/149/comm", "conference\n");
    assert_eq!(holder::of(&node, &machine.roots()), Holder::Process("conference".to_owned()));
    machine.remove("proc/149");
    drop(ours);
    assert_eq!(holder::of(&node, &machine.roots()), Holder::Unseen);
}

#[tokio::test]
async fn a_look_ends_when_the_room_comes_into_use_and_begins_again_after() {
    let machine = Machine::bare();
    machine.write("hang", "");
    let mut probe = probe(&machine, &format!("[ ! -e hang ] || exec sleep infinity; {}", says(&seen(GOOD))));
    let (clock, in_use) = (crate::clock::Clock::start(), machine.in_use.clone());
    let asked = machine.path("asked");
    let used = async {
        // Not only there: a child that is killed between making the file and writing its line leaves it empty.
        while std::fs::read_to_string(&asked).map_or(true, |said| said.is_empty()) {
            tokio::task::yield_now().await;
        }
        in_use.send_replace(true);
        let told = clock.mono();
        // The turn is given up once the child is dead.
        let _turn = TURN.lock().await;
        let took = clock.mono().since(told);
        machine.remove("hang");
        in_use.send_replace(false);
        took
    };
    let (observed, took) = tokio::join!(probe.next(), used);
    // A safety deadline: 100 ms, and a busy machine's slowness.
    assert!(took < Duration::from_millis(500), "{took:?}");
    assert_eq!(found(&observed), [], "a look that was cut off is no observation");
    assert_eq!(std::fs::read_to_string(&asked).unwrap().lines().count(), 2);
}

/// What a child does once it has its camera: somebody opens it, again and again for a while.
const OPENED: &str = "echo; for i in 1 2 3 4 5 6 7 8 9 10; do : < dev/video0; sleep 0.05; done";
/// The same until it is stopped, however late whoever listens has its turn.
const OPENED_ON: &str = "echo; while :; do : < dev/video0; sleep 0.05; done";

#[tokio::test]
async fn another_who_opens_the_camera_gets_it() {
    let machine = Machine::bare();
    let link = "mkdir -p proc/149/fd; echo conference > proc/149/comm; ln -s $PWD/dev/video0 proc/149/fd/7; \
                echo active > sys/devices/usb1/1-1/1-1:1.0/power/runtime_status";
    let seen = probe(&machine, &format!("{link}; {OPENED_ON}")).next().await;
    assert_eq!(found(&seen), [("video.camera_in_use", Verdict::Ready)]);
}

#[tokio::test]
async fn one_who_is_gone_again_has_ended_the_look_and_said_nothing() {
    let machine = Machine::bare();
    let mut probe = probe(&machine, &format!("[ -e once ] || {{ touch once; {OPENED_ON}; }}; {}", says(&seen(GOOD))));
    assert_eq!(found(&probe.next().await), [], "of the second look");
    assert_eq!(std::fs::read_to_string(machine.path("asked")).unwrap().lines().count(), 2);
}

#[tokio::test]
async fn our_own_question_ends_no_look() {
    let machine = Machine::bare();
    let mut probe = probe(&machine, &format!("{OPENED}; {}", says(&seen(GOOD))));
    let node = super::super::camera::list(&machine.roots()).unwrap().remove(0);
    let _question = Ours::claim(&node, Purpose::Question);
    assert_eq!(found(&probe.next().await), []);
    assert_eq!(std::fs::read_to_string(machine.path("asked")).unwrap().lines().count(), 1);
}

#[tokio::test]
async fn a_look_that_could_not_give_way_is_not_begun() {
    let machine = Machine::bare();
    let mut probe = probe(&machine, &says(&seen(GOOD)));
    machine.remove("dev/video0");
    assert_eq!(found(&probe.next().await), [("video.no_camera", Verdict::NotReady)]);
    assert!(!machine.path("asked").exists());
}

#[test]
fn what_is_no_equipment_by_itself_is_looked_at_when_it_is_named() {
    let named = |device: &str| Config { device: device.to_owned(), ..Config::default() }.plan(false).named;
    assert!(!named("auto") && named("/dev/video0"));
    let loopback = |named| crate::probe::camera::judge::is_equipment(named, "v4l2 loopback");
    assert!(!loopback(false) && loopback(true));
    assert!(crate::probe::camera::judge::is_equipment(false, "uvcvideo"));
}

#[test]
fn the_config_has_defaults_and_bounds() {
    assert_eq!(toml::from_str::<Config>("").unwrap(), Config::default());
    for bad in ["black_not_ready = 1.1", "duration = \"1s\"", "settle = \"11s\"", "devise = \"auto\""] {
        toml::from_str::<Config>(bad).unwrap_err();
    }
}
