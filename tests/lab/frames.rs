//! What comes out of cameras: good pictures, bad ones and none, with the kernel's real drivers.

use serde_json::Value;

use crate::cameras::{same, sequence, stream};
use crate::daemon::room;
use crate::equipment::{Camera, CameraOf};
use crate::guest::Lab;
use crate::usb_device::camera::Picture;
use crate::waiting;

/// A look of two seconds, again and again. An emulated processor does not always keep up with the frames.
const LOOK: &str = "interval = \"1s\"\nsettle = \"0s\"\nduration = \"2s\"\ndelivered_degraded = 0.1\n";

/// A picture that moves, in another format, at another rate and with other controls than the driver's own.
const ODD: &str = "--set-fmt-video=width=320,height=180,pixelformat=NV12 --set-parm 10 \
                   --set-ctrl brightness=170,hue=7,horizontal_flip=1,horizontal_movement=6";

#[test]
fn pictures_are_judged_by_what_is_in_them_and_the_camera_stays_as_it_was() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Vivid(0));
    set(&lab, &camera, ODD);
    let before = camera.settings();
    assert!(before.contains("320/180") && before.contains("10.000"), "{before}");
    let daemon = lab.daemon(&room(&["video"], &[("frames", LOOK)]));
    daemon.only("frames", "ready", &[]);
    daemon.looks("frames", 2);
    same(&before, &camera.settings());
    // Without the driver's counters in it (2) and without movement (3) a pattern is the same picture for ever.
    set(&lab, &camera, "--set-ctrl osd_text_mode=2,horizontal_movement=3");
    daemon.only("frames", "not_ready", &["video.frame_frozen"]);
    set(&lab, &camera, "--set-ctrl test_pattern=6");
    daemon.check("frames", "not_ready", "video.frame_uniform");
    set(&lab, &camera, "--set-ctrl test_pattern=5,brightness=128");
    daemon.only("frames", "not_ready", &["video.frame_black"]);
    set(&lab, &camera, "--set-ctrl test_pattern=0,osd_text_mode=0,brightness=170,horizontal_movement=6");
    daemon.only("frames", "ready", &[]);
    same(&before, &camera.settings());
}

#[test]
fn one_picture_is_as_bright_in_every_format() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Vivid(0));
    let node = camera.node();
    let light = |format: &str| {
        let set = format!(
            "v4l2-ctl -d {node} --set-fmt-video=width=320,height=180,pixelformat={format} --set-parm 10 >/dev/null"
        );
        let plan = r#"{"settle":{"secs":0,"nanos":0},"duration":{"secs":1,"nanos":0},"named":true,"grey":true}"#;
        let said = lab.sh(&format!("{set} && /built/siaga device-child frames {node} '{plan}'"));
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{format}: {error}: {said}"));
        assert_eq!(said["found"]["format"], format);
        assert!(said["found"]["frames"].as_u64().unwrap() > 0, "{said}");
        said["found"]["light"].clone()
    };
    let mean = |format: &str| light(format)["mean"].as_f64().unwrap_or_else(|| panic!("{format} was not looked into"));
    let expected = mean("YUYV");
    assert!(expected > 40.0, "{expected}");
    for format in ["UYVY", "NV12", "NV21", "YU12", "GREY", "RGB3", "BGR3", "BGR4"] {
        let mean = mean(format);
        assert!((mean - expected).abs() < 12.0, "{format}: {mean}, YUYV: {expected}");
    }
    assert_eq!(light("RGBP"), Value::Null, "no format that is looked into, and its frames are counted");
}

#[test]
fn pictures_that_are_packed_are_whole_or_damaged() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Usb("CAM0001"));
    camera.replug();
    lab.sh(&format!(
        "v4l2-ctl -d {} --set-fmt-video=width=160,height=120,pixelformat=MJPG --set-parm 10",
        camera.node()
    ));
    let before = camera.settings();
    assert!(before.contains("'MJPG'"), "{before}");
    let look = LOOK.replace("delivered_degraded = 0.1", "delivered_degraded = 0.2");
    let daemon = lab.daemon(&room(&["video"], &[("frames", &format!("device = \"1209:0001\"\n{look}"))]));
    daemon.only("frames", "ready", &[]);
    for (picture, verdict, code) in [
        (Picture::Broken, "not_ready", "video.frames_damaged"),
        (Picture::Torn, "degraded", "video.frames_damaged"),
        (Picture::Cut, "not_ready", "video.frames_damaged"),
        (Picture::Flaky, "degraded", "video.frames_damaged"),
        (Picture::Black, "not_ready", "video.frame_black"),
        (Picture::Frozen, "not_ready", "video.frame_frozen"),
        (Picture::Slow, "degraded", "video.frames_few"),
    ] {
        camera.sends(picture);
        daemon.only("frames", verdict, &[code]);
    }
    camera.sends(Picture::Tables);
    daemon.only("frames", "ready", &[]);
    same(&before, &camera.settings());
}

#[test]
fn a_camera_that_stays_connected_and_sends_nothing_is_dead_and_our_own_look_is_no_use_of_the_room() {
    let lab = Lab::start();
    let (test, usb) = (lab.camera(Camera::Vivid(0)), lab.camera(Camera::Usb("CAM0001")));
    usb.replug();
    lab.sh(&format!("v4l2-ctl -d {} --set-parm 5", usb.node()));
    // Of the driver's own picture the counters alone move, and whether that is a change is chance.
    set(&lab, &test, ODD);
    let named = |kind: &str, device: &str| format!("name = \"{kind}\"\ndevice = \"{device}\"\n");
    let daemon = lab.daemon(&room(
        &["video"],
        &[
            ("camera", &format!("{}interval = \"100ms\"\nrequery = \"1s\"\n", named("seen", "1209:0001"))),
            ("frames", &format!("{}{LOOK}", named("usb", "1209:0001"))),
            ("frames", &format!("{}{LOOK}dark_degraded = 1.0\n", named("test", "vivid"))),
        ],
    ));
    daemon.ready();
    let before = usb.settings();
    // The program that read them had the camera open.
    daemon.check_ready("seen");
    for stands in daemon.looks("usb", 3).into_iter().flatten() {
        assert!(!stands.2.iter().any(|code| code.contains("in_use")), "{stands:?}");
    }
    same(&before, &usb.settings());
    test.freeze(true);
    daemon.check("test", "not_ready", "video.camera_dead");
    test.freeze(false);
    daemon.check_ready("test");
    usb.freeze(true);
    daemon.check("usb", "not_ready", "video.camera_dead");
    usb.freeze(false);
    daemon.check_ready("usb");
}

#[test]
fn a_stream_that_breaks_off_is_the_cameras_failure() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Vivid(0));
    set(&lab, &camera, ODD);
    let daemon = lab.daemon(&room(&["video"], &[("frames", LOOK)]));
    daemon.only("frames", "ready", &[]);
    let failed = || {
        // It hits a stream that runs, and none else.
        camera.error();
        let hit = |(_, verdict, codes): &(String, String, Vec<String>)| {
            verdict == "not_ready" && codes.iter().any(|code| code == "video.stream_failed")
        };
        daemon.stands().iter().any(hit).then_some(())
    };
    waiting::until("a stream that failed", failed, || lab.log("siaga"));
    daemon.only("frames", "ready", &[]);
}

#[test]
fn a_camera_that_streams_for_another_is_left_alone_and_loses_no_picture() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Usb("CAM0001"));
    camera.replug();
    let node = camera.node();
    // Two a second: an emulated processor keeps up with the daemon and the stream.
    lab.sh(&format!("v4l2-ctl -d {node} --set-parm 2 --set-ctrl brightness=77"));
    let process = stream(&lab, &node);
    let before = sequence(&lab.log("stream")).len();
    let daemon = lab.daemon(&room(&["video"], &[("frames", &format!("device = \"1209:0001\"\n{LOOK}"))]));
    daemon.only("frames", "ready", &["video.camera_in_use"]);
    // Looks that find it taken are no observations: the stream's own pace tells how long they were made beside it.
    let numbers = waiting::until(
        "pictures beside the looks",
        || Some(sequence(&lab.log("stream"))).filter(|numbers| numbers.len() > before + 12),
        || lab.log("stream"),
    );
    let whole = |numbers: &[u32]| numbers.iter().copied().eq(0..u32::try_from(numbers.len()).unwrap());
    assert!(whole(&numbers), "pictures were lost: {numbers:?}");
    // A program that sleeps for longer than its buffers last does lose pictures: the numbers tell.
    lab.sh(&format!("kill -STOP {process}"));
    let stopped = lab.sh("cut -d. -f1 /proc/uptime");
    lab.wait_for(&format!("[ $(($(cut -d. -f1 /proc/uptime) - {stopped})) -ge 6 ]"));
    lab.sh(&format!("kill -CONT {process}"));
    let lost = || (!whole(&sequence(&lab.log("stream")))).then_some(());
    waiting::until("a gap in the numbers", lost, || lab.log("stream"));
    lab.sh(&format!("kill {process}"));
    daemon.only("frames", "ready", &[]);
    assert!(camera.settings().contains("value=77"));
}

#[test]
fn a_look_that_is_killed_half_way_leaves_the_camera_as_it_was() {
    let lab = Lab::start();
    let camera = lab.camera(Camera::Vivid(0));
    set(&lab, &camera, ODD);
    let before = camera.settings();
    let daemon = lab.daemon(&room(&["video"], &[("frames", &LOOK.replace("2s", "20s").replace("1s", "5s"))]));
    for _ in 0..3 {
        streaming(&lab, &camera, true);
        lab.sh(
            "for p in /proc/[0-9]*; do grep -qa device-child $p/cmdline && kill -KILL ${p##*/} && exit 0; done; exit 1",
        );
        daemon.check("frames", "unknown", "siaga.frames_unreadable");
        same(&before, &camera.settings());
    }
    // Another may have it at once.
    lab.sh(&format!("v4l2-ctl -d {} --stream-mmap --stream-count=3 --stream-to=/dev/null", camera.node()));
}

#[test]
fn a_room_that_comes_into_use_gets_its_camera_back_at_once() {
    let lab = Lab::start_alone();
    let camera = lab.camera(Camera::Vivid(0));
    set(&lab, &camera, ODD);
    let before = camera.settings();
    let daemon = lab.daemon(&room(
        &["video", "audio"],
        &[("frames", &LOOK.replace("2s", "20s")), ("audio", "card = \"Loop\"\nmixer = false\ninterval = \"200ms\"\n")],
    ));
    let given_back = || -> Vec<u32> {
        let log = lab.log("siaga");
        let told =
            log.lines().filter_map(|line| line.split_once("given back after ")?.1.split(' ').next()?.parse().ok());
        told.collect()
    };
    for round in 1..=5 {
        streaming(&lab, &camera, true);
        let process = lab.spawn("record", "arecord -q -D hw:Loop,1,0 -f S16_LE -r 48000 -c 2 /dev/null");
        waiting::until("given back", || (given_back().len() == round).then_some(()), || lab.log("siaga"));
        assert!(!camera.settings().contains("grabbed"), "the stream has ended by then");
        same(&before, &camera.settings());
        daemon.wait_for("/api/v1/checks/frames", "held", |_, body| !body.contains("\"held\":null"));
        lab.sh(&format!("kill {process}"));
    }
    // A safety deadline of 100 ms, by the daemon's own clock, on a processor that is five times slower.
    let took = given_back();
    assert!(took.iter().all(|took| *took < 500), "{took:?}");
}

fn set(lab: &Lab, camera: &CameraOf, what: &str) {
    lab.sh(&format!("v4l2-ctl -d {} {what}", camera.node()));
}

/// Waits until a look streams from a test camera, or none does. Seen by the child's mappings: whoever opens the camera to see ends
/// the look.
fn streaming(lab: &Lab, camera: &CameraOf, wanted: bool) {
    let not = if wanted { "" } else { "! " };
    lab.wait_for(&format!("{not}cat /proc/[0-9]*/maps 2>/dev/null | grep -q {}", camera.node()));
}
